//! The figures of a channel.

use std::collections::BTreeMap;

use super::Case;
use super::container::Track;
use crate::classify::{Analysis, Channel, Status, Why};
use crate::fit::decibels;
use crate::scan::Placement;
use crate::soft::{Instead, Segment, Soft};
use crate::source::Duty;
use crate::traced::FrameClass;
use crate::verdict::{ChannelFigures, Drift, MatrixCell};
use crate::words::{Place, milliseconds, round, span};

pub(crate) fn channel(
    case: &Case<'_>,
    track: &Track<'_>,
    channel: &Channel<'_>,
    analysis: &Analysis,
    (placements, classes): (&[Placement], &[FrameClass]),
    place: &Place,
) -> ChannelFigures {
    let stored = track.stored();
    let soft = track.heard.soft.as_ref();
    let gaps = match soft {
        Some(_) => gaps(channel, |number| {
            !matches!(classes[number], FrameClass::Altered | FrameClass::Likely | FrameClass::Unseen)
        }),
        None => gaps(
            channel,
            |number| matches!(analysis.status[number], Status::Missing(why) if !matches!(why, Why::Damaged { .. } | Why::Altered(_) | Why::Raised(_))),
        ),
    };
    let [start, end] = match soft {
        Some(soft) => ends(channel, soft, stored.len()),
        None => [Why::StartClipped, Why::EndClipped].map(|why| clipped(channel, analysis, why)),
    };
    ChannelFigures {
        recording: place.recording.clone(),
        file: place.file.clone().unwrap_or_default(),
        channel: place.channel.unwrap_or_default(),
        leg: place.leg,
        duration_ms: milliseconds(stored.len() as i64),
        mode: track.heard.mode.clone(),
        unseen: track.heard.unseen.clone(),
        frames: by_fate(case, channel, classes),
        offset_samples: match soft {
            Some(soft) => channel.source().line().first().map(|first| soft.place(first.at) - first.at),
            None => analysis.line.runs.first().map(|run| run.offset),
        },
        segments: soft.map_or(analysis.line.runs.len(), |soft| soft.segments.len()) as u64,
        start_clipped_ms: start,
        end_clipped_ms: end,
        longest_gap_ms: milliseconds(gaps.iter().map(|gap| gap.1).max().unwrap_or(0)),
        gaps: histogram(&gaps),
        lattice_percent: round(track.heard.lattice * 100.0, 3),
        gain_db: round(decibels(track.heard.gain), 3),
        clipped_samples: stored.iter().filter(|sample| sample.unsigned_abs() >= 32_256).count() as u64,
        dc: round(stored.iter().map(|&sample| f64::from(sample)).sum::<f64>() / stored.len().max(1) as f64, 3),
        drift: soft.map_or_else(Vec::new, drift),
        matrix: match soft {
            Some(soft) => cells(case, channel, found_about(channel, soft, classes)),
            None => cells(case, channel, found(channel, placements)),
        },
    }
}

fn drift(soft: &Soft) -> Vec<Drift> {
    let drift = |segment: &Segment| {
        let at = span(segment.from + segment.offsets[0].round() as i64, segment.to + segment.offsets[1].round() as i64);
        let (ppm, rest_ms) = (round(segment.ppm, 1), round(segment.rest / 8.0, 3));
        Drift { start_s: at.start_s, end_s: at.end_s, ppm, rest_ms }
    };
    soft.segments.iter().map(drift).collect()
}

/// How much is missing at an end, in ms.
fn clipped(channel: &Channel<'_>, analysis: &Analysis, why: Why) -> f64 {
    let line = channel.source().line().iter().zip(&analysis.status);
    let missing = line.filter(|(frame, status)| frame.duty == Duty::Due && **status == Status::Missing(why));
    missing.map(|(frame, _)| milliseconds(frame.len as i64)).sum()
}

/// The same of both ends of a leg that was followed.
fn ends(channel: &Channel<'_>, soft: &Soft, length: usize) -> [f64; 2] {
    let due = || channel.source().line().iter().filter(|frame| frame.duty == Duty::Due && !frame.weak);
    let before = due().next().map_or(0, |first| -soft.place(first.at));
    let behind = due().next_back().map_or(0, |last| soft.place(last.end()) - length as i64);
    [before, behind].map(|samples| milliseconds(samples.max(0)))
}

fn by_fate(
    case: &Case<'_>,
    channel: &Channel<'_>,
    all: &[FrameClass],
) -> BTreeMap<&'static str, BTreeMap<&'static str, u64>> {
    let mut classes: BTreeMap<&'static str, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for (frame, class) in channel.source().line().iter().zip(all) {
        let fate = case.truth.streams[frame.stream as usize].rows[frame.row as usize].fate.name();
        *classes.entry(class.name()).or_default().entry(fate).or_default() += 1;
    }
    classes
}

/// Stretches of frames that had to be there and are not, as frames and samples.
fn gaps(channel: &Channel<'_>, is_gone: impl Fn(usize) -> bool) -> Vec<(u64, i64)> {
    let mut gaps = Vec::new();
    let mut joins = false;
    for (number, frame) in channel.source().line().iter().enumerate() {
        let gone = frame.duty == Duty::Due && is_gone(number);
        match gaps.last_mut() {
            Some((frames, samples)) if gone && joins => {
                *frames += 1;
                *samples += frame.len as i64;
            }
            _ if gone => gaps.push((1, frame.len as i64)),
            _ => {}
        }
        joins = gone;
    }
    gaps
}

fn histogram(gaps: &[(u64, i64)]) -> BTreeMap<&'static str, u64> {
    let mut histogram = BTreeMap::new();
    for (frames, _) in gaps {
        let class = match frames {
            1 => "1",
            2 => "2",
            3..=5 => "3-5",
            6..=10 => "6-10",
            11..=50 => "11-50",
            _ => "more",
        };
        *histogram.entry(class).or_default() += 1;
    }
    histogram
}

/// Samples and frames of each source in a channel.
type Found = BTreeMap<usize, (i64, u64)>;

fn found(channel: &Channel<'_>, placements: &[Placement]) -> Found {
    let mut found = Found::new();
    for placement in placements {
        let frame = placement.frame(channel.world);
        if !frame.weak {
            let (samples, frames) = found.entry(placement.source).or_default();
            *samples += frame.len as i64;
            *frames += 1;
        }
    }
    found
}

/// The same of a channel whose leg was followed: of the leg as much as was found alike, of another where that is instead of it.
fn found_about(channel: &Channel<'_>, soft: &Soft, classes: &[FrameClass]) -> Found {
    let mut found = Found::new();
    for (frame, class) in channel.source().line().iter().zip(classes) {
        let middle = frame.at + frame.len as i64 / 2;
        let source = match class {
            FrameClass::Altered | FrameClass::Likely => Some(channel.home),
            FrameClass::Overwritten => soft.holes.iter().find_map(|hole| match hole.instead {
                Instead::Voice(other) if (hole.from..hole.to).contains(&middle) => Some(other),
                _ => None,
            }),
            _ => None,
        };
        if let Some(source) = source {
            let (samples, frames) = found.entry(source).or_default();
            *samples += frame.len as i64;
            *frames += 1;
        }
    }
    found
}

fn cells(case: &Case<'_>, channel: &Channel<'_>, found: Found) -> Vec<MatrixCell> {
    let cell = |(number, (samples, frames)): (usize, (i64, u64))| {
        let source = &channel.world.sources[number];
        let recording = match source.owner {
            Some((recording, _)) => case.truth.recordings[recording].label.clone(),
            None => source.phone.clone(),
        };
        MatrixCell { recording, leg: source.owner.map(|(_, leg)| leg), found_ms: milliseconds(samples), frames }
    };
    found.into_iter().map(cell).collect()
}
