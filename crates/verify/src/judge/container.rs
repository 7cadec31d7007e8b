//! One file: its container, and its channels as they have to be read.

use media::g711::{self, Law};
use media::ledger::Leg;
use media::wav::{Defect, Encoding, Wav, WavError, read};

use super::Case;
use super::channel::Judged;
use crate::finding::{Finding, Rule};
use crate::fit::is_silent;
use crate::hear::{Heard, Worlds, hear, hear_exactly};
use crate::source::MS;
use crate::words::{Place, from_to, milliseconds, round, span};
use crate::{Content, RecordedFile};

/// The rate at which everything was said.
const RATE: u32 = 8000;

/// A way to hear a channel.
type Ear = for<'a> fn(&Worlds<'a>, &[i16], usize, Option<usize>) -> Heard<'a>;

/// A file that could be read.
pub(crate) struct Open<'a> {
    pub(crate) name: String,
    pub(crate) channels: Vec<Track<'a>>,
}

/// A channel of a file.
pub(crate) struct Track<'a> {
    pub(crate) claimed: Option<Leg>,
    /// The source that was preferred when the frames were looked for.
    pub(crate) scanned_for: usize,
    samples: Vec<i16>,
    pub(crate) heard: Heard<'a>,
}

impl Track<'_> {
    /// The samples as the file has them.
    pub(crate) fn stored(&self) -> &[i16] {
        &self.samples
    }

    /// The samples with whatever had to be undone undone.
    pub(crate) fn samples(&self) -> &[i16] {
        self.heard.undone.as_deref().unwrap_or(&self.samples)
    }
}

/// Reads a file and finds out how its channels have to be read; `None` if there is nothing to judge in it.
pub(crate) fn open<'a>(
    case: &Case<'a>,
    file: &RecordedFile<'_>,
    named: Option<usize>,
    place: &Place,
    findings: &mut Vec<Finding>,
) -> Option<Open<'a>> {
    let bytes = match &file.content {
        Content::Wav(bytes) => bytes,
        Content::Unreadable(reason) => {
            findings.push(place.finding(Rule::UnreadableFile, "a file that can be read", reason));
            return None;
        }
    };
    let wav = match read(bytes) {
        Ok(wav) => wav,
        Err(error) => {
            let rule = if error == WavError::Empty { Rule::EmptyFile } else { Rule::UnreadableFile };
            findings.push(place.finding(rule, "a WAV file", error.to_string()));
            return None;
        }
    };
    defects(&wav, place, findings);
    if wav.frames() == 0 {
        findings.push(place.finding(Rule::EmptyFile, "audio", "the file has a header and no audio"));
        return None;
    }
    if !file.claims.is_empty() && file.claims.len() != usize::from(wav.channels) {
        let found = format!("{} in the header", channels(usize::from(wav.channels)));
        findings.push(place.finding(Rule::WrongChannelCount, channels(file.claims.len()), found));
    }
    let opener = Opener { case, file, named, place };
    Some(Open { name: file.name.clone(), channels: opener.channels(bytes, wav, findings) })
}

fn channels(count: usize) -> String {
    format!("{count} channel{}", if count == 1 { "" } else { "s" })
}

/// Names what is wrong with the container, one finding a kind.
fn defects(wav: &Wav, place: &Place, findings: &mut Vec<Finding>) {
    let mut tell = |rule: Rule, expected: &str, kind: fn(&Defect) -> bool| {
        let words: Vec<String> = wav.defects.iter().filter(|defect| kind(defect)).map(Defect::to_string).collect();
        if !words.is_empty() {
            findings.push(place.finding(rule, expected, words.join("; ")));
        }
    };
    let unset = |defect: &Defect| matches!(defect, Defect::Unfinalised { .. });
    let cut = |defect: &Defect| matches!(defect, Defect::Truncated { chunk, .. } if chunk != "RIFF");
    tell(Rule::UnfinishedHeader, "a header with the sizes of a finished file", unset);
    tell(Rule::TruncatedFile, "as many bytes as the header declares", cut);
    tell(Rule::WrongHeader, "a header that fits the file", |defect| {
        let own = matches!(defect, Defect::Unfinalised { .. } | Defect::NeedlessRf64);
        !own && !matches!(defect, Defect::Truncated { chunk, .. } if chunk != "RIFF")
    });
}

struct Opener<'o, 'a> {
    case: &'o Case<'a>,
    file: &'o RecordedFile<'o>,
    named: Option<usize>,
    place: &'o Place,
}

impl<'a> Opener<'_, 'a> {
    fn channels(&self, bytes: &[u8], wav: Wav, findings: &mut Vec<Finding>) -> Vec<Track<'a>> {
        let (rate, count, encoding, data) = (wav.rate, wav.channels, wav.encoding, wav.data.clone());
        let plain: Vec<Track<'a>> = self.tracks(wav.samples);
        let silent = plain.iter().all(|track| is_silent(track.stored()));
        // A law in the header that is not the law of the bytes looks like a file decoded by the wrong law.
        let law = matches!(encoding, Encoding::MuLaw | Encoding::ALaw);
        let doubtful = law && plain.iter().any(|track| track.heard.is_faulty(Rule::WrongLaw));
        if !silent && (doubtful || plain.iter().all(|track| track.heard.strong() == 0)) {
            let stored = Stored { raw: bytes.get(data).unwrap_or_default(), encoding, count: usize::from(count) };
            if let Some(tracks) = self.reinterpret(&stored, findings) {
                return tracks;
            }
            let there = plain.iter().any(|track| track.heard.is_faulty(Rule::AlteredAudio));
            if let Some(tracks) = if there { None } else { self.resample(&plain, rate, findings) } {
                return tracks;
            }
        }
        if rate != RATE {
            let speed = round(f64::from(rate) / f64::from(RATE), 3);
            let found = format!("{rate} Hz in the header of audio of {RATE} Hz: it plays at {speed} times its speed");
            findings.push(self.place.finding(Rule::WrongRate, format!("{RATE} Hz"), found));
        }
        plain
    }

    fn tracks(&self, samples: Vec<Vec<i16>>) -> Vec<Track<'a>> {
        samples.into_iter().enumerate().map(|(number, samples)| self.track(number, samples, hear)).collect()
    }

    /// Tracks in which only exact audio is looked for.
    fn exactly(&self, samples: Vec<Vec<i16>>) -> Vec<Track<'a>> {
        samples.into_iter().enumerate().map(|(number, samples)| self.track(number, samples, hear_exactly)).collect()
    }

    fn track(&self, number: usize, samples: Vec<i16>, hear: Ear) -> Track<'a> {
        let world = self.case.worlds.right;
        let claimed = self.file.claims.get(number).copied().flatten();
        let recording = self.named.unwrap_or(0);
        let leg = claimed.unwrap_or(Leg::Near);
        let home = world.source_of(recording, leg).unwrap_or(0);
        let other = world.source_of(recording, leg.other());
        let heard = hear(self.case.worlds, &samples, home, other);
        Track { claimed, scanned_for: home, samples, heard }
    }

    /// Reads the bytes in every other way the header might have said, and takes the one in which most is found.
    fn reinterpret(&self, stored: &Stored<'_>, findings: &mut Vec<Finding>) -> Option<Vec<Track<'a>>> {
        let readings = [Reading::Is(Encoding::Pcm16), Reading::Is(Encoding::MuLaw), Reading::Is(Encoding::ALaw)];
        let readings = readings.into_iter().chain([Reading::Swapped, Reading::Shifted]);
        let candidates = readings.flat_map(|reading| [(reading, 1), (reading, 2)]);
        let (reading, count, tracks) = candidates
            .filter(|&(reading, count)| reading != Reading::Is(stored.encoding) || count != stored.count)
            .map(|(reading, count)| (reading, count, self.exactly(stored.read(reading, count))))
            // Two equal channels in the bytes of one are samples stored twice.
            .filter(|(_, count, tracks)| *count <= stored.count || tracks[0].stored() != tracks[1].stored())
            .max_by_key(|(_, _, tracks)| strength(tracks))
            .filter(|(_, _, tracks)| strength(tracks) > 0)?;
        let (rule, told) = if reading == Reading::Is(stored.encoding) {
            (Rule::WrongChannelCount, channels(count))
        } else {
            (Rule::WrongEncoding, format!("{} with {}", reading.name(), channels(count)))
        };
        let said = format!("{} with {}", stored.encoding, channels(stored.count));
        let found = format!("the header says {said}, the audio is {told}");
        findings.push(self.place.finding(rule, "a header that says how the samples are stored", found));
        Some(tracks)
    }

    /// Brings the audio to 8 kHz if it is found then: by the header's rate, or at twice or half the rate it says.
    fn resample(&self, plain: &[Track<'a>], rate: u32, findings: &mut Vec<Finding>) -> Option<Vec<Track<'a>>> {
        let factors: &[f64] = if rate == RATE { &[2.0, 0.5] } else { &[f64::from(rate) / f64::from(RATE)] };
        for &factor in factors {
            let tracks = self.tracks(plain.iter().map(|track| at_rate(track.stored(), factor)).collect());
            let known = |track: &Track<'_>| track.heard.strong() > 0 || track.heard.is_faulty(Rule::AlteredAudio);
            if tracks.iter().any(known) {
                let real = (f64::from(RATE) * factor).round();
                let found = if rate == RATE {
                    format!("the header says {rate} Hz, the audio runs at {real} Hz")
                } else {
                    format!("the audio was resampled to {rate} Hz")
                };
                findings.push(self.place.finding(Rule::WrongRate, format!("audio of {RATE} Hz as it was sent"), found));
                return Some(tracks);
            }
        }
        None
    }
}

/// Telling frames that were found in a file.
fn strength(tracks: &[Track<'_>]) -> usize {
    tracks.iter().map(|track| track.heard.strong()).sum()
}

/// The audio of a file as bytes, and what its header says of them.
struct Stored<'b> {
    raw: &'b [u8],
    encoding: Encoding,
    count: usize,
}

/// Another way to read bytes as samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Is(Encoding),
    /// 16 bit PCM, high byte first.
    Swapped,
    /// 16 bit PCM, one byte further.
    Shifted,
}

impl Reading {
    fn name(self) -> String {
        match self {
            Self::Is(encoding) => encoding.to_string(),
            Self::Swapped => "16 bit PCM with its bytes swapped".to_owned(),
            Self::Shifted => "16 bit PCM shifted by one byte".to_owned(),
        }
    }
}

impl Stored<'_> {
    fn read(&self, reading: Reading, count: usize) -> Vec<Vec<i16>> {
        let words = |raw: &[u8], join: fn([u8; 2]) -> i16| -> Vec<i16> {
            raw.as_chunks().0.iter().map(|&pair| join(pair)).collect()
        };
        let samples = match reading {
            Reading::Is(Encoding::MuLaw) => g711::decode_all(Law::Mu, self.raw),
            Reading::Is(Encoding::ALaw) => g711::decode_all(Law::A, self.raw),
            Reading::Is(_) => words(self.raw, i16::from_le_bytes),
            Reading::Swapped => words(self.raw, i16::from_be_bytes),
            Reading::Shifted => words(self.raw.get(1..).unwrap_or_default(), i16::from_le_bytes),
        };
        if count == 1 {
            return vec![samples];
        }
        (0..count).map(|channel| samples.iter().skip(channel).step_by(count).copied().collect()).collect()
    }
}

/// `samples` at a `factor`th of their rate, by linear interpolation.
fn at_rate(samples: &[i16], factor: f64) -> Vec<i16> {
    let count = (samples.len() as f64 / factor) as usize;
    (0..count)
        .map(|n| {
            let at = n as f64 * factor;
            let (low, part) = (at as usize, at.fract());
            let here = f64::from(samples[low.min(samples.len() - 1)]);
            let next = f64::from(samples[(low + 1).min(samples.len() - 1)]);
            (here + (next - here) * part).round() as i16
        })
        .collect()
}

/// Whether the file is longer than what was said.
pub(crate) fn duration(
    case: &Case<'_>,
    file: &Open<'_>,
    judged: &[Judged],
    place: &Place,
    findings: &mut Vec<Finding>,
) {
    let Some(first) = judged.iter().filter_map(|channel| channel.extent).map(|(start, _)| start).min() else { return };
    let last = judged.iter().filter_map(|channel| channel.extent).map(|(_, end)| end).max().unwrap_or(first);
    let length = judged.iter().map(|channel| channel.length).max().unwrap_or(0) as i64;
    let (lead, tail) = allowance(case, judged);
    for (what, start, end, allowed) in [("before the first", 0, first, lead), ("behind the last", last, length, tail)] {
        let silent = file.channels.iter().all(|track| {
            let range = start.max(0) as usize..end.max(start).max(0) as usize;
            track.stored().get(range).is_none_or(is_silent)
        });
        if end - start > allowed && silent {
            let (surplus, span) = (milliseconds(end - start), span(start, end));
            let found = format!("{} is {surplus} ms longer {what} packet: {}", file.name, from_to(span));
            let expected = format!("at most {} ms {what} packet", milliseconds(allowed));
            findings.push(place.finding(Rule::WrongDuration, expected, found).at(span));
        }
    }
}

/// How much silence may stand before the first and behind the last packet, in samples.
fn allowance(case: &Case<'_>, judged: &[Judged]) -> (i64, i64) {
    let padding = i64::from(case.limits.padding_ms) * MS;
    let Some(expected) = judged.first().and_then(|channel| case.truth.recordings.get(channel.home.recording)) else {
        return (padding, padding);
    };
    let rows =
        Leg::ALL.into_iter().flat_map(|leg| expected.streams(leg)).filter_map(|&stream| case.truth.streams.get(stream));
    let times: Vec<u64> =
        rows.flat_map(|stream| [stream.rows.first(), stream.rows.last()]).flatten().map(|row| row.sent_us).collect();
    let samples = |us: u64| us as i64 * MS / 1000;
    let waited = |from: u64| times.iter().min().map_or(0, |&first| samples(first.saturating_sub(from)));
    let stayed = |until: u64| times.iter().max().map_or(0, |&last| samples(until.saturating_sub(last)));
    (padding + expected.from_us.map_or(0, waited), padding + expected.until_us.map_or(0, stayed))
}
