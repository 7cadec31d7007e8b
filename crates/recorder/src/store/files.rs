//! From a finished journal to sound files and `recording.json`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use media::g711::{self, Law};
use media::wav;

use crate::fault::Fault;
use crate::journal::{self, Journal, Packet};
use crate::metadata::{self, Recording, Side, Status, Stereo};
use crate::store::writer::Place;
use crate::timeline::{self, RATE, Timeline};
use crate::times;

/// Why a recording's files could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    /// The journal is none.
    #[error("{}: {source}", path.display())]
    Journal { path: PathBuf, source: journal::JournalError },
    /// The metadata do not fit into JSON.
    #[error(transparent)]
    Metadata(#[from] metadata::MetadataError),
}

/// Frames written at a time.
const BLOCK: u64 = 4096;

/// Where a recording's files go.
struct Folder<'a> {
    path: &'a Path,
    durable: bool,
}

/// One side's sound.
struct Sound {
    side: Side,
    timeline: Timeline,
    samples: Vec<i16>,
}

/// Makes all files of the recording in this folder from its journal and these metadata.
pub(crate) fn make(folder: &Path, mut recording: Recording, place: &Place) -> Result<Recording, FileError> {
    let fault = place.fault;
    let path = folder.join(journal::FILE_NAME);
    let bytes = fs::read(&path).map_err(|source| FileError::Io { path: path.clone(), source })?;
    let journal = journal::read(&bytes).map_err(|source| FileError::Journal { path: path.clone(), source })?;
    if journal.torn {
        recording.flag("journal-torn");
    }
    let sounds = Side::BOTH.map(|side| sound(side, &journal, &bytes, fault));
    describe(&mut recording, &journal, &sounds);
    if journal.packets.is_empty() {
        remove(&path)?;
    } else {
        write_sound(folder, &mut recording, sounds, place)?;
    }
    write_metadata(folder, &recording, place.durable)?;
    Ok(recording)
}

/// Writes `recording.json`, last of all.
fn write_metadata(folder: &Path, recording: &Recording, durable: bool) -> Result<(), FileError> {
    let text = recording.to_json()?;
    write_whole(&folder.join(metadata::FILE_NAME), durable, |mut file| {
        file.write_all(text.as_bytes())?;
        Ok(file)
    })
}

fn remove(path: &Path) -> Result<(), FileError> {
    fs::remove_file(path).map_err(|source| FileError::Io { path: path.to_owned(), source })
}

fn sound(side: Side, journal: &Journal, bytes: &[u8], fault: Fault) -> Sound {
    let packets: Vec<&Packet<Range<usize>>> = journal.packets.iter().filter(|packet| packet.side == side).collect();
    let mut timeline = timeline::lay_out(&packets, |packet| packet.payload.len() as u32);
    if !fault.keeps_gaps() {
        close_gaps(&mut timeline, &packets);
    }
    let mut samples = vec![0; usize::try_from(timeline.samples).unwrap_or(0)];
    for (at, packet) in &timeline.placed {
        let packet = packets[*packet];
        if let Some(law) = Law::of_payload_type(packet.payload_type) {
            let begin = *at as usize;
            let codes = &bytes[packet.payload.clone()];
            g711::decode_into(law, codes, &mut samples[begin..begin + codes.len()]);
        }
    }
    // A codec without a decoder here leaves its payloads in the journal and no sound.
    if !packets.iter().any(|packet| Law::of_payload_type(packet.payload_type).is_some()) {
        samples.clear();
    }
    Sound { side, timeline, samples }
}

/// fault: what follows a gap moves up.
fn close_gaps(timeline: &mut Timeline, packets: &[&Packet<Range<usize>>]) {
    let mut end = 0;
    for (at, packet) in &mut timeline.placed {
        *at = end;
        end += packets[*packet].payload.len() as u64;
    }
    timeline.samples = end;
}

/// Fills in what only the time line knows.
fn describe(recording: &mut Recording, journal: &Journal, sounds: &[Sound; 2]) {
    for sound in sounds {
        sound.timeline.flags.iter().for_each(|flag| recording.flag(flag));
        let mut times =
            journal.packets.iter().filter(|packet| packet.side == sound.side).map(|packet| packet.arrival_us);
        let (first, count) = (times.next(), times.clone().count() as u64 + 1);
        let (Some(first), Some(leg)) = (first, recording.legs.iter_mut().find(|leg| leg.side == sound.side)) else {
            continue;
        };
        let last = times.max().unwrap_or(first).max(first);
        leg.packets.lost = sound.timeline.lost;
        leg.samples = sound.timeline.samples;
        // After a crash the counts of the receiver are gone; the journal still knows these.
        if leg.packets.stored == 0 {
            leg.packets.stored = count;
            leg.first_packet = Some(times::rfc3339(journal.started_us.saturating_add_unsigned(first)));
            leg.last_packet = Some(times::rfc3339(journal.started_us.saturating_add_unsigned(last)));
        }
    }
    let heard = |side: Side| journal.packets.iter().any(|packet| packet.side == side);
    recording.status = match (recording.status, heard(Side::Near), heard(Side::Far)) {
        (_, false, false) => Status::Failed,
        (Status::Recovered, ..) => Status::Recovered,
        (_, true, true) => Status::Complete,
        _ => Status::OneLeg,
    };
    match recording.status {
        Status::Complete => recording.reason = None,
        Status::OneLeg => {
            let missing = if heard(Side::Near) { "far" } else { "near" };
            recording.reason = Some(format!("no audio of the {missing} leg{}", why(recording)));
        }
        Status::Failed => {
            let why = why(recording);
            recording.reason.get_or_insert_with(|| format!("no audio{why}"));
        }
        Status::Recovered => {}
    }
}

fn why(recording: &Recording) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for leg in recording.legs.iter().filter(|leg| leg.packets.stored == 0) {
        let Some(reason) = &leg.end_reason else { continue };
        let text = format!("{}: {reason}", leg.side.name());
        if !reasons.contains(&text) {
            reasons.push(text);
        }
    }
    if reasons.is_empty() { String::new() } else { format!(" ({})", reasons.join("; ")) }
}

fn write_sound(folder: &Path, recording: &mut Recording, sounds: [Sound; 2], place: &Place) -> Result<(), FileError> {
    let [near, far] = sounds;
    let offset = offsets(&near, &far);
    let mut legs = [near.samples, far.samples];
    if legs.iter().all(Vec::is_empty) {
        recording.flag("codec-without-decoder");
        return Ok(());
    }
    place.fault.spoil(&mut legs);
    let folder = Folder { path: folder, durable: place.durable };
    recording.files.clear();
    for (side, samples) in Side::BOTH.into_iter().zip(&legs) {
        if !samples.is_empty() {
            write_wav(&folder, recording, side.name(), &[(samples, 0)])?;
        }
    }
    let [near, far] = &legs;
    let length = write_wav(&folder, recording, "stereo", &[(near, offset.near_offset), (far, offset.far_offset)])?;
    recording.stereo = Some(offset);
    recording.duration_ms = length * 1000 / RATE;
    Ok(())
}

/// How much later than the other each leg begins, in samples.
fn offsets(near: &Sound, far: &Sound) -> Stereo {
    if near.samples.is_empty() || far.samples.is_empty() {
        return Stereo { near_offset: 0, far_offset: 0 };
    }
    let later = (far.timeline.base_us - near.timeline.base_us) as f64 * RATE as f64 / 1e6;
    let samples = later.abs().round() as u64;
    if later < 0.0 {
        Stereo { near_offset: samples, far_offset: 0 }
    } else {
        Stereo { near_offset: 0, far_offset: samples }
    }
}

/// Writes `<content>.wav`: 16 bit PCM, each channel after its offset of silence, all as long as the longest. Returns
/// the length in frames.
fn write_wav(
    folder: &Folder<'_>,
    recording: &mut Recording,
    content: &str,
    channels: &[(&Vec<i16>, u64)],
) -> Result<u64, FileError> {
    let frames = channels.iter().map(|(samples, offset)| samples.len() as u64 + offset).max().unwrap_or(0);
    let name = format!("{content}.wav");
    let path = folder.path.join(&name);
    write_whole(&path, folder.durable, |file| {
        let mut wav = wav::Writer::new(file, RATE as u32, channels.len() as u16, wav::Encoding::Pcm16)
            .map_err(io::Error::other)?;
        let mut block = Vec::with_capacity(BLOCK as usize * channels.len());
        for begin in (0..frames).step_by(BLOCK as usize) {
            block.clear();
            for frame in begin..frames.min(begin + BLOCK) {
                block.extend(channels.iter().map(|(samples, offset)| {
                    frame.checked_sub(*offset).and_then(|at| samples.get(at as usize)).copied().unwrap_or(0)
                }));
            }
            wav.write(&block).map_err(io::Error::other)?;
        }
        wav.finish().map_err(io::Error::other)
    })?;
    let bytes = fs::metadata(&path).map_err(|source| FileError::Io { path, source })?.len();
    recording.files.push(metadata::File {
        name,
        content: content.to_owned(),
        samples: frames,
        rate: RATE as u32,
        bytes,
    });
    Ok(frames)
}

/// Writes a file beside its name, syncs it, renames it, syncs the folder: it is there whole or not at all.
fn write_whole(
    path: &Path,
    durable: bool,
    body: impl FnOnce(BufWriter<File>) -> io::Result<BufWriter<File>>,
) -> Result<(), FileError> {
    let beside = path.with_extension("tmp");
    let written = (|| {
        let file = body(BufWriter::with_capacity(1 << 16, File::create(&beside)?))?;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        if durable {
            file.sync_all()?;
        }
        fs::rename(&beside, path)?;
        if durable { sync_folder(path) } else { Ok(()) }
    })();
    written.map_err(|source| FileError::Io { path: path.to_owned(), source })
}

/// Makes a rename or a new file in this file's folder last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if cfg!(unix) => File::open(folder)?.sync_all(),
        _ => Ok(()),
    }
}
