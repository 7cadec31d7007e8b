//! From a finished journal to sound files and `recording.json`.
//!
//! The journal is read three times: once for each leg, to lay its packets out, and once more to decode them, block by
//! block. What is in memory is a place for each packet, some 10 MB for an hour of a leg, never the sound.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use media::wav;

use crate::fault::Fault;
use crate::journal::{self, Packet, Record};
use crate::metadata::{self, Recording, Side, Status, Stereo};
use crate::store::track::{self, Track};
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
const BLOCK: usize = 4096;

/// Where a recording's files go.
struct Folder<'a> {
    path: &'a Path,
    durable: bool,
}

/// What the journal says of one side.
struct Leg {
    side: Side,
    timeline: Timeline,
    track: Track,
    packets: u64,
    /// Arrival of the first packet in the journal, and of the last, microseconds since the recording's start.
    times: Option<(u64, u64)>,
}

/// Makes all files of the recording in this folder from its journal and these metadata.
pub(crate) fn make(folder: &Path, mut recording: Recording, place: &Place) -> Result<Recording, FileError> {
    let path = folder.join(journal::FILE_NAME);
    // The sides one after the other, so that only one's packets are in memory.
    let (near, started_us, damage) = read_leg(&path, Side::Near, place.fault)?;
    let (far, ..) = read_leg(&path, Side::Far, place.fault)?;
    let mut legs = [near, far];
    // Both channels of a file come at one rate.
    if legs.iter().any(|leg| u64::from(leg.track.rate()) > RATE) {
        legs.iter_mut().for_each(|leg| leg.track.widen());
    }
    let is_damaged = damage.contains(&"journal-damaged");
    damage.into_iter().for_each(|flag| recording.flag(flag));
    describe(&mut recording, started_us, &legs);
    if legs.iter().all(|leg| leg.packets == 0) {
        // Of a damaged journal somebody may still read more than we can.
        if !is_damaged {
            remove(&path)?;
        }
    } else {
        write_sound(folder, &mut recording, legs, place)?;
    }
    write_metadata(folder, &recording, place.durable)?;
    Ok(recording)
}

/// What an alarm says of a journal that is damaged between good records.
pub(crate) fn damage(path: &Path, damaged: &[std::ops::Range<u64>]) -> Option<String> {
    let first = damaged.first()?;
    let bytes: u64 = damaged.iter().map(|range| range.end - range.start).sum();
    let places = damaged.len();
    Some(format!(
        "{}: {bytes} bytes in {places} places are damaged, the first at byte {}: the packets there are lost, what stands before and after is kept",
        path.display(),
        first.start
    ))
}

/// Reads one side's packets without their payloads, and lays them out. Also returns when the recording began, and the
/// flags of what is wrong with the journal.
fn read_leg(path: &Path, side: Side, fault: Fault) -> Result<(Leg, i64, Vec<&'static str>), FileError> {
    let failed = |source| FileError::Journal { path: path.to_owned(), source };
    let file = File::open(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?;
    let mut reader = journal::Reader::new(file).map_err(failed)?;
    let mut packets = Vec::new();
    while let Some(record) = reader.next().map_err(failed)? {
        if let Record::Packet(packet, at) = record
            && packet.side == side
        {
            packets.push(packet.with_payload(track::Place { at, len: packet.payload.len() as u32 }));
        }
    }
    // fault: the clock is not asked.
    if let Some(first) = packets.first().map(|packet: &Packet<track::Place>| (packet.arrival_us, packet.timestamp)) {
        for packet in &mut packets {
            packet.arrival_us = fault.arrival(first, packet.arrival_us, packet.timestamp);
        }
    }
    let mut timeline = timeline::lay_out(&packets, |packet| packet.payload.len);
    if !fault.keeps_gaps() {
        close_gaps(&mut timeline, &packets);
    }
    // fault: a packet is as long as packets are wont to be.
    packets.iter_mut().for_each(|packet| packet.payload.len = fault.heard(packet.payload.len));
    let track = Track::new(&timeline, &packets);
    // The rest of the time line says nothing of single packets.
    timeline.placed = Vec::new();
    let first = packets.first().map(|packet| packet.arrival_us);
    let last = packets.iter().map(|packet| packet.arrival_us).max();
    let leg = Leg { side, timeline, track, packets: packets.len() as u64, times: first.zip(last) };
    let torn = reader.torn().then_some("journal-torn");
    let damaged = (!reader.damaged().is_empty()).then_some("journal-damaged");
    Ok((leg, reader.started_us(), torn.into_iter().chain(damaged).collect()))
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

/// fault: what follows a gap moves up.
fn close_gaps(timeline: &mut Timeline, packets: &[Packet<track::Place>]) {
    let mut end = 0;
    for (at, packet) in &mut timeline.placed {
        *at = end;
        end += u64::from(packets[*packet].payload.len);
    }
    timeline.samples = end;
}

/// Fills in what only the journal knows.
fn describe(recording: &mut Recording, started_us: i64, legs: &[Leg; 2]) {
    for found in legs {
        found.timeline.flags.iter().for_each(|flag| recording.flag(flag));
        let leg = recording.legs.iter_mut().find(|leg| leg.side == found.side);
        let (Some((first, last)), Some(leg)) = (found.times, leg) else { continue };
        // Keys and comfort noise came too, though the journal has only sound.
        leg.packets.lost = found.timeline.lost.saturating_sub(leg.packets.other_payload);
        leg.samples = found.timeline.samples * u64::from(found.track.rate()) / RATE;
        // After a crash the counts of the receiver are gone; the journal still knows these.
        if leg.packets.stored == 0 {
            leg.packets.stored = found.packets;
            leg.first_packet = Some(times::rfc3339(started_us.saturating_add_unsigned(first)));
            leg.last_packet = Some(times::rfc3339(started_us.saturating_add_unsigned(last)));
        }
    }
    let heard = |side: Side| legs[side.channel()].packets > 0;
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

fn write_sound(folder: &Path, recording: &mut Recording, legs: [Leg; 2], place: &Place) -> Result<(), FileError> {
    let [near, far] = legs;
    let offset = offsets(&near, &far);
    let mut tracks = [near.track, far.track];
    if tracks.iter().all(Track::is_empty) {
        recording.flag("codec-without-decoder");
        return Ok(());
    }
    let sources = Side::BOTH.map(|side| recording.leg(side).map(|leg| leg.ssrcs.clone()).unwrap_or_default());
    place.fault.spoil(&mut tracks, [&sources[0], &sources[1]]);
    let folder = Folder { path: folder, durable: place.durable };
    recording.files.clear();
    for (side, track) in Side::BOTH.into_iter().zip(&tracks) {
        if !track.is_empty() {
            write_wav(&folder, recording, side.name(), &[(track, 0)])?;
        }
    }
    let [near, far] = &tracks;
    let wide = rate(&[(near, 0), (far, 0)]) / RATE;
    let offset = Stereo { near_offset: offset.near_offset * wide, far_offset: offset.far_offset * wide };
    let length = write_wav(&folder, recording, "stereo", &[(near, offset.near_offset), (far, offset.far_offset)])?;
    recording.stereo = Some(offset);
    recording.duration_ms = length * 1000 / (RATE * wide);
    Ok(())
}

/// Samples a second of these tracks, which all come at one rate.
fn rate(channels: &[(&Track, u64)]) -> u64 {
    channels.iter().map(|(track, _)| u64::from(track.rate())).max().unwrap_or(RATE)
}

/// How much later than the other each leg begins, in ticks of the time line.
fn offsets(near: &Leg, far: &Leg) -> Stereo {
    if near.track.is_empty() || far.track.is_empty() {
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
    channels: &[(&Track, u64)],
) -> Result<u64, FileError> {
    let rate = rate(channels);
    let frames = channels.iter().map(|(track, offset)| track.len() + offset).max().unwrap_or(0);
    let name = format!("{content}.wav");
    let path = folder.path.join(&name);
    let journal = folder.path.join(journal::FILE_NAME);
    write_whole(&path, folder.durable, |file| {
        let mut wav = wav::Writer::new(file, rate as u32, channels.len() as u16, wav::Encoding::Pcm16)
            .map_err(io::Error::other)?;
        let mut sounds = Vec::with_capacity(channels.len());
        for (track, offset) in channels {
            sounds.push((track.open(&journal)?, *offset));
        }
        let mut block = vec![0; BLOCK * channels.len()];
        let mut one = vec![0; BLOCK];
        for begin in (0..frames).step_by(BLOCK) {
            let len = BLOCK.min((frames - begin) as usize);
            for (channel, (sound, offset)) in sounds.iter_mut().enumerate() {
                let before = offset.saturating_sub(begin).min(len as u64) as usize;
                one[..before].fill(0);
                sound.fill((begin + before as u64).saturating_sub(*offset), &mut one[before..len])?;
                let places = block.iter_mut().skip(channel).step_by(channels.len());
                places.zip(&one[..len]).for_each(|(place, sample)| *place = *sample);
            }
            wav.write(&block[..len * channels.len()]).map_err(io::Error::other)?;
        }
        wav.finish().map_err(io::Error::other)
    })?;
    let bytes = fs::metadata(&path).map_err(|source| FileError::Io { path, source })?.len();
    recording.files.push(metadata::File {
        name,
        content: content.to_owned(),
        samples: frames,
        rate: rate as u32,
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
