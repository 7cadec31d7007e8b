//! One file: its container, and its channels as they have to be read.

use std::rc::Rc;

use media::ledger::Leg;
use media::wav::{Defect, Wav, WavError, read};

use super::Case;
use super::channel::Judged;
use super::reading::Opener;
use crate::finding::{Finding, Rule};
use crate::fit::is_silent;
use crate::hear::Heard;
use crate::source::MS;
use crate::words::{Place, from_to, milliseconds, span};
use crate::{Content, RecordedFile};

/// The rate at which everything was said.
pub(crate) const RATE: u32 = 8000;

/// A file that could be read.
pub(crate) struct Open<'a> {
    pub(crate) name: String,
    pub(crate) channels: Vec<Track<'a>>,
}

/// A channel of a file, or one leg of a channel that holds both.
pub(crate) struct Track<'a> {
    /// The channel's number, from 0.
    pub(crate) channel: u16,
    pub(crate) claimed: Option<Leg>,
    /// The source that was preferred when the frames were looked for.
    pub(crate) scanned_for: usize,
    pub(crate) samples: Rc<[i16]>,
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
        Content::Missing => {
            findings.push(place.finding(Rule::MissingFile, format!("the file {}", file.name), "there is no such file"));
            return None;
        }
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
    let count = usize::from(wav.channels);
    let opener = Opener { case, file, named, place };
    let before = findings.len();
    let opened = Open { name: file.name.clone(), channels: opener.channels(bytes, wav, findings) };
    let told = findings[before..].iter().any(|finding| finding.rule == Rule::WrongChannelCount.code());
    if !told && !file.claims.is_empty() && file.claims.len() != count {
        let found = format!("{} in the header", channels(count));
        findings.insert(before, place.finding(Rule::WrongChannelCount, channels(file.claims.len()), found));
    }
    Some(opened)
}

/// `1 channel`, `2 channels`.
pub(crate) fn channels(count: usize) -> String {
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
        !own && !matches!(defect, Defect::Truncated { .. })
    });
    if !wav.defects.iter().any(cut) {
        tell(Rule::WrongHeader, "a RIFF size that fits the file", |defect| matches!(defect, Defect::Truncated { .. }));
    }
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
