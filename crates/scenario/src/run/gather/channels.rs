//! The recorded channels: frames by class, pictures, and clips of audio around findings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use media::g711::{self, Law};
use media::ledger::{Leg, Stream};
use verify::{ChannelTrace, FrameClass, TracedFrame};

use super::picture::{coarseness, picture};
use super::since;
use crate::evidence::{Channel, Class, Clip, FrameRun, MatrixCell, Patch};
use crate::outcome::Finding;

/// Samples of a millisecond.
const MS: usize = 8;
const RATE: u32 = 8000;
/// Audio before and behind a finding, in ms.
const AROUND_MS: u64 = 1000;
/// The most of a finding itself that a clip has.
const LONGEST_MS: u64 = 1500;
/// Bytes of all clips of a scenario, before Base64: a run in which everything fails must stay small enough to be mailed.
const CLIPS: usize = 160 << 10;

/// The channels of all files, and what was left out of them.
pub(super) fn channels(
    traces: &[ChannelTrace],
    streams: &[Stream],
    findings: &[Finding],
    began_us: u64,
) -> (Vec<Channel>, Vec<String>) {
    let mut budget = Budget { left: CLIPS, skipped: 0 };
    let same = |number: usize| traces[..number].iter().position(|earlier| is_same(earlier, &traces[number]));
    let same: Vec<Option<usize>> = (0..traces.len()).map(same).collect();
    let drawn = traces.iter().zip(&same).filter(|(_, same)| same.is_none()).map(|(trace, _)| trace);
    let coarse = coarseness(drawn.flat_map(|trace| std::iter::repeat_n(trace.stored.len(), pictures(trace))));
    let mut channels: Vec<Channel> = Vec::new();
    for (trace, same_as) in traces.iter().zip(same) {
        let mut channel = Channel { same_as, ..channel(trace, streams, findings, began_us) };
        if channel.same_as.is_none() {
            draw(&mut channel, trace, coarse);
            channel.clips = channel.findings.iter().filter_map(|at| budget.clip(*at, &findings[*at], trace)).collect();
        }
        channels.push(channel);
    }
    let left_out = match budget.skipped {
        0 => Vec::new(),
        skipped => vec![format!("{skipped} clips of audio, behind the first {} kB", CLIPS >> 10)],
    };
    (channels, left_out)
}

fn channel(trace: &ChannelTrace, streams: &[Stream], findings: &[Finding], began_us: u64) -> Channel {
    let leg = trace.leg.map(Leg::name).unwrap_or_default();
    let concerns = |finding: &Finding| {
        finding.recording.as_ref() == Some(&trace.recording)
            && finding.leg.as_ref().is_none_or(|of| of == leg)
            && finding.file.as_ref().is_none_or(|of| *of == trace.file)
    };
    Channel {
        recording: trace.recording.clone(),
        leg: leg.to_owned(),
        file: trace.file.clone(),
        channel: trace.channel,
        file_began_us: began(trace, streams, began_us),
        duration_ms: trace.stored.len() as f64 / MS as f64,
        mode: trace.mode.clone(),
        unseen: trace.unseen.clone(),
        offset_samples: trace.offset,
        strip: strip(&trace.frames, streams),
        patches: trace.patches.iter().map(patch).collect(),
        matrix: trace.matrix.iter().map(cell).collect(),
        findings: (0..findings.len()).filter(|at| concerns(&findings[*at])).collect(),
        same_as: None,
        said: None,
        recorded: None,
        difference: None,
        clips: Vec::new(),
    }
}

/// Two files of one leg with the same samples, such as `near.wav` and the left of `stereo.wav`.
fn is_same(one: &ChannelTrace, other: &ChannelTrace) -> bool {
    (&one.recording, one.leg) == (&other.recording, other.leg) && one.stored == other.stored && one.said == other.said
}

/// When the first sample of the file was said.
fn began(trace: &ChannelTrace, streams: &[Stream], began_us: u64) -> Option<i64> {
    let (offset, first) = (trace.offset?, trace.frames.first()?);
    let row = streams.get(first.stream)?.rows.get(first.row)?;
    Some(since(row.sent_us, began_us) - (first.at + offset) * 125)
}

fn strip(frames: &[TracedFrame], streams: &[Stream]) -> Vec<FrameRun> {
    let mut runs: Vec<FrameRun> = Vec::new();
    // Where the next frame is if nothing jumps: place and sequence number.
    let mut next = None;
    for frame in frames {
        let class = class(frame.class);
        let sequence =
            streams.get(frame.stream).and_then(|stream| stream.rows.get(frame.row)).map_or(0, |row| row.sequence);
        match runs.last_mut() {
            Some(run) if run.class == class && next == Some((frame.at, sequence, frame.len)) => run.frames += 1,
            _ => runs.push(FrameRun {
                class,
                frames: 1,
                at_ms: u32::try_from(frame.at / MS as i64).unwrap_or_default(),
                frame_ms: u16::try_from(frame.len / MS).unwrap_or(u16::MAX),
                sequence,
            }),
        }
        next = Some((frame.at + frame.len as i64, sequence.wrapping_add(1), frame.len));
    }
    runs
}

const fn class(class: FrameClass) -> Class {
    match class {
        FrameClass::Exact => Class::Exact,
        FrameClass::Silent => Class::Silent,
        FrameClass::Repeated => Class::Repeated,
        FrameClass::Misplaced => Class::Misplaced,
        FrameClass::Lost => Class::Lost,
        FrameClass::Concealed => Class::Concealed,
        FrameClass::Damaged => Class::Damaged,
        FrameClass::Altered => Class::Altered,
        FrameClass::Likely => Class::Likely,
        FrameClass::Unseen => Class::Unseen,
        FrameClass::Overwritten => Class::Covered,
        FrameClass::Removed => Class::Removed,
        FrameClass::Clipped => Class::Clipped,
        FrameClass::Late => Class::Late,
        FrameClass::Excused => Class::Excused,
        FrameClass::Gap => Class::LostByNetwork,
        FrameClass::Undelivered => Class::Undelivered,
    }
}

fn patch(patch: &verify::TracedPatch) -> Patch {
    let ms = |sample: usize| (sample / MS) as u64;
    Patch { what: patch.what.to_owned(), from_ms: ms(patch.start), until_ms: ms(patch.end), frames: patch.frames }
}

fn cell(cell: &verify::MatrixCell) -> MatrixCell {
    MatrixCell {
        recording: cell.recording.clone(),
        leg: cell.leg.map(Leg::name).unwrap_or_default().to_owned(),
        frames: cell.frames,
        found_ms: cell.found_ms,
    }
}

/// How many pictures there are of a channel: one where it holds what it should, else what was said, is stored, and differs.
fn pictures(trace: &ChannelTrace) -> usize {
    if trace.stored == trace.said { 1 } else { 3 }
}

fn draw(channel: &mut Channel, trace: &ChannelTrace, coarse: usize) {
    channel.said = Some(picture(&trace.said, coarse));
    if trace.stored != trace.said {
        let less = |(stored, said): (&i16, &i16)| stored.saturating_sub(*said);
        let difference: Vec<i16> = trace.stored.iter().zip(&trace.said).map(less).collect();
        channel.recorded = Some(picture(&trace.stored, coarse));
        channel.difference = Some(picture(&difference, coarse));
    }
}

/// What may still be spent on clips.
struct Budget {
    left: usize,
    skipped: usize,
}

impl Budget {
    /// The audio around a finding, if it says where it is.
    fn clip(&mut self, number: usize, finding: &Finding, trace: &ChannelTrace) -> Option<Clip> {
        let (from_ms, until_ms) = finding.audio_ms?;
        let until_ms = until_ms.min(from_ms + LONGEST_MS) + AROUND_MS;
        let from_ms = from_ms.saturating_sub(AROUND_MS);
        let sample =
            |ms: u64| usize::try_from(ms).map_or(usize::MAX, |ms| ms.saturating_mul(MS)).min(trace.stored.len());
        let part = sample(from_ms)..sample(until_ms);
        if part.is_empty() {
            return None;
        }
        let Some(left) = self.left.checked_sub(2 * part.len()) else {
            self.skipped += 1;
            return None;
        };
        self.left = left;
        let coded = |samples: &[i16]| BASE64.encode(g711::encode_all(Law::Mu, &samples[part.clone()]));
        let (said, recorded) = (coded(&trace.said), coded(&trace.stored));
        Some(Clip { finding: number, from_ms, rate: RATE, said, recorded })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trace(count: usize) -> ChannelTrace {
        ChannelTrace {
            recording: "2000 with 1000".to_owned(),
            file: "near.wav".to_owned(),
            channel: 0,
            leg: Some(Leg::Near),
            offset: Some(0),
            mode: "exact".to_owned(),
            unseen: Vec::new(),
            matrix: Vec::new(),
            frames: Vec::new(),
            patches: Vec::new(),
            stored: vec![100; count],
            said: vec![100; count],
        }
    }

    fn finding(from_ms: u64, until_ms: u64) -> Finding {
        let mut finding = Finding::new("lost-frames", "", "");
        finding.recording = Some("2000 with 1000".to_owned());
        finding.audio_ms = Some((from_ms, until_ms));
        finding
    }

    #[test]
    fn a_clip_is_cut_a_second_around_its_finding_and_no_further_than_the_file() {
        let (trace, mut budget) = (trace(10 * 8000), Budget { left: CLIPS, skipped: 0 });
        let mut cut = |from_ms, until_ms| {
            let clip = budget.clip(3, &finding(from_ms, until_ms), &trace).unwrap();
            (clip.from_ms, BASE64.decode(clip.recorded).unwrap().len() / MS)
        };
        assert_eq!(cut(5000, 5020), (4000, 2020));
        assert_eq!(cut(200, 240), (0, 1240));
        assert_eq!(cut(9900, 10_000), (8900, 1100));
        assert_eq!(cut(0, 10_000), (0, 2500), "of a long finding its beginning");
    }

    #[test]
    fn clips_of_a_scenario_are_bounded_and_what_is_left_out_is_told() {
        let findings: Vec<Finding> = (0..40).map(|n| finding(n * 1000 + 1000, n * 1000 + 1020)).collect();
        let (channels, left_out) = channels(&[trace(60 * 8000)], &[], &findings, 0);
        let bytes: usize = channels[0].clips.iter().map(|clip| clip.said.len() + clip.recorded.len()).sum();
        assert!(bytes <= CLIPS * 4 / 3 + 40 * 8, "{bytes}");
        let skipped = 40 - channels[0].clips.len();
        assert_eq!(left_out, [format!("{skipped} clips of audio, behind the first 160 kB")]);
    }

    #[test]
    fn a_channel_like_another_one_and_one_without_a_difference_are_drawn_once() {
        let stereo = ChannelTrace { file: "stereo.wav".to_owned(), ..trace(8000) };
        let other = ChannelTrace { stored: vec![99; 8000], ..stereo.clone() };
        let (channels, _) = channels(&[trace(8000), stereo, other], &[], &[], 0);
        assert_eq!((channels[0].same_as, channels[1].same_as, channels[2].same_as), (None, Some(0), None));
        assert!(channels[0].said.is_some() && channels[0].recorded.is_none() && channels[0].difference.is_none());
        assert!(channels[1].said.is_none());
        assert!(channels[2].recorded.is_some() && channels[2].difference.is_some());
    }
}
