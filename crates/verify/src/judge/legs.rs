//! The legs of a recording against each other: exchanged, doubled, missing, out of step.

use media::ledger::Leg;

use super::channel::Judged;
use super::container::Open;
use super::{Case, Outcome, Scope};
use crate::classify::{Status, Why};
use crate::finding::{Finding, Packets, Rule};
use crate::fit::is_silent;
use crate::source::Source;
use crate::verdict::RecordingFigures;
use crate::words::{Place, milliseconds, packets, round, span};

/// A recording under whose name another one's audio was found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stranger {
    /// The recording it should be.
    pub(crate) holder: usize,
    /// The recording whose audio it is.
    pub(crate) owner: usize,
    finding: Finding,
}

/// The recording most of whose audio is in the files.
pub(crate) fn most_found(files: &[Open<'_>]) -> Option<usize> {
    let mut found = std::collections::BTreeMap::new();
    for track in files.iter().flat_map(|file| &file.channels) {
        for (source, samples) in track.heard.found().into_iter().enumerate().filter(|(_, samples)| *samples > 0) {
            if let Some((recording, _)) = track.heard.world.sources[source].owner {
                *found.entry(recording).or_insert(0) += samples;
            }
        }
    }
    found
        .into_iter()
        .max_by_key(|&(recording, samples)| (samples, std::cmp::Reverse(recording)))
        .map(|(recording, _)| recording)
}

/// Names legs that are in the wrong channel, in two channels or in none, and channels of another recording.
pub(crate) fn name_legs(
    case: &Case<'_>,
    expected: usize,
    judged: &[Judged],
    unreadable: bool,
    place: &Place,
    findings: &mut Vec<Finding>,
    strangers: &mut Vec<Stranger>,
) {
    let heard = || judged.iter().filter(|channel| channel.heard);
    let own = |channel: &&Judged| channel.home.recording == expected;
    let wrong: Vec<&Judged> = heard()
        .filter(own)
        .filter(|channel| channel.claimed.is_some() && channel.claimed != channel.home.leg)
        .collect();
    swapped(judged, &wrong, place, findings);
    for channel in heard().filter(|channel| channel.home.recording != expected) {
        let owner = channel.home.recording;
        let place = place_of(channel, place);
        let label = |recording: usize| case.truth.recordings[recording].label.as_str();
        let leg = channel.home.leg.map_or("a", Leg::name);
        let found = format!("{leg} leg of recording {}", label(owner));
        let finding = place.finding(Rule::ExchangedRecordings, format!("recording {}", label(expected)), found);
        strangers.push(Stranger { holder: expected, owner, finding });
    }
    for leg in Leg::ALL {
        let audible = case
            .worlds
            .right
            .source_of(expected, leg)
            .is_some_and(|source| case.worlds.right.sources[source].is_audible());
        let claimed = judged
            .iter()
            .any(|channel| channel.claimed == Some(leg) && (!channel.heard || channel.home.recording != expected));
        let there = judged.iter().any(|channel| channel.home.leg == Some(leg) && own(&channel));
        let mixed = judged.iter().any(|channel| channel.mixed);
        let wanted = case.scope == Scope::Everything || judged.iter().any(|channel| channel.channel > 0);
        if wanted && audible && !claimed && !there && !unreadable && !mixed {
            let place = Place { leg: Some(leg), ..place.clone() };
            let found = format!("the {} leg is in no channel of any file", leg.name());
            findings.push(place.finding(Rule::MissingLeg, format!("the {} leg", leg.name()), found));
        }
    }
}

fn place_of(channel: &Judged, place: &Place) -> Place {
    Place { file: Some(channel.file.clone()), channel: Some(channel.channel), leg: channel.claimed, ..place.clone() }
}

/// Names channels that hold the other leg: as a swap if both do, as one leg twice if only one does.
fn swapped(judged: &[Judged], wrong: &[&Judged], place: &Place, findings: &mut Vec<Finding>) {
    let holds = |leg: Leg| wrong.iter().any(|channel| channel.claimed == Some(leg));
    if holds(Leg::Near) && holds(Leg::Far) {
        let mut files: Vec<&str> = wrong.iter().map(|channel| channel.file.as_str()).collect();
        files.dedup();
        let found = format!("near and far are exchanged in {}", files.join(" and "));
        let only = files.first().filter(|_| files.len() == 1);
        let place = Place { file: only.map(|&file| file.to_owned()), ..place.clone() };
        findings.push(place.finding(Rule::SwappedLegs, "each leg in its own channel", found));
        return;
    }
    for channel in wrong {
        let (claimed, leg) = (channel.claimed.map_or("", Leg::name), channel.home.leg.map_or("", Leg::name));
        let twin = judged.iter().any(|other| {
            other.file == channel.file
                && other.channel != channel.channel
                && other.home.leg == channel.home.leg
                && other.heard
        });
        let (rule, found) = if twin {
            (Rule::IdenticalChannels, format!("both channels of {} hold the {leg} leg", channel.file))
        } else {
            (Rule::WrongLeg, format!("the channel of the {claimed} leg holds the {leg} leg"))
        };
        findings.push(place_of(channel, place).finding(rule, format!("the {claimed} leg"), found));
    }
}

/// Names frames that the recorder may have missed at either end and did not: one file has them, another one lacks them.
pub(crate) fn name_edges(case: &Case<'_>, judged: &[Judged], place: &Place, findings: &mut Vec<Finding>) {
    let there = |source: usize, frame: usize| {
        let mut channels = judged.iter().filter(|channel| channel.home.source == source && channel.heard);
        channels.find(|channel| channel.edges.contains(&(frame, Status::Exact)))
    };
    for channel in judged.iter().filter(|channel| channel.heard) {
        let absent = |status| matches!(status, Status::Missing(Why::StartClipped | Why::EndClipped | Why::Silent));
        let missing = channel.edges.iter().filter(|(_, status)| absent(*status)).map(|(frame, _)| *frame);
        let missing: Vec<(usize, &Judged)> =
            missing.filter_map(|frame| Some((frame, there(channel.home.source, frame)?))).collect();
        let (Some(first), Some((last, witness))) = (missing.first(), missing.last()) else { continue };
        findings.push(edge(case, channel, (first.0, *last, missing.len()), &witness.file, place));
    }
}

fn edge(
    case: &Case<'_>,
    channel: &Judged,
    (first, last, count): (usize, usize, usize),
    witness: &str,
    place: &Place,
) -> Finding {
    let source = &case.worlds.right.sources[channel.home.source];
    let frames = [first, last].map(|frame| &source.line()[frame]);
    let [first, last] = frames.map(|frame| case.truth.streams[frame.stream as usize].rows[frame.row as usize].sequence);
    let [start, end] = [frames[0].at, frames[1].end()].map(|at| at + channel.offset.unwrap_or(0));
    let rule = match () {
        () if start < 0 => Rule::StartClipped,
        () if end > channel.length as i64 => Rule::EndClipped,
        () => Rule::LostFrames,
    };
    let sequences = Some(Packets { first, last, count: count as u64 });
    let leg = channel.home.leg.map_or("", Leg::name);
    let found = format!("{witness} has {} of the {leg} leg, and {} has not", packets(sequences), channel.file);
    let expected = format!("the same packets of the {leg} leg in every file");
    let place = Place { leg: channel.home.leg, ..place_of(channel, place) };
    place.finding(rule, expected, found).at(span(start, end)).packets(sequences)
}

/// Adds the findings about audio of other recordings, saying where two were exchanged with each other.
pub(crate) fn name_exchanges(outcome: &mut Outcome) {
    let strangers = std::mem::take(&mut outcome.strangers);
    for stranger in &strangers {
        let back = |other: &Stranger| other.holder == stranger.owner && other.owner == stranger.holder;
        let mut finding = stranger.finding.clone();
        if strangers.iter().any(back) {
            finding.found.push_str("; the two are exchanged");
        }
        outcome.findings.push(finding);
    }
}

/// Measures how the legs of a file lie in time against each other.
pub(crate) fn alignment(
    case: &Case<'_>,
    file: &Open<'_>,
    judged: &[Judged],
    place: &Place,
    figures: &mut RecordingFigures,
    findings: &mut Vec<Finding>,
) {
    let of =
        |leg| judged.iter().zip(&file.channels).find(|(channel, _)| channel.home.leg == Some(leg) && channel.heard);
    let (Some((near, track)), Some((far, other))) = (of(Leg::Near), of(Leg::Far)) else { return };
    let (Some(near_at), Some(far_at)) = (near.offset, far.offset) else { return };
    if near.home.recording != far.home.recording || is_silent(track.stored()) || is_silent(other.stored()) {
        return;
    }
    let sources = &case.worlds.right.sources;
    let (near_parts, far_parts) = (&near.parts, &far.parts);
    let (near, far) = (&sources[near.home.source], &sources[far.home.source]);
    let late =
        |clock: fn(&Source) -> f64| milliseconds_of((far_at as f64 + clock(far)) - (near_at as f64 + clock(near)));
    // By the time of sending; a recorder knows only the time of arrival, so any may excuse it.
    let clocks: [fn(&Source) -> f64; 4] =
        [|leg| leg.said, |leg| leg.arrived[0], |leg| leg.arrived[1], |leg| leg.arrived[2]];
    let said = round(late(clocks[0]), 3);
    figures.alignment_ms.insert(file.name.clone(), said);
    // By how much the legs went apart behind a joint of recordings.
    let shifts =
        near_parts.iter().zip(far_parts).map(|(near, far)| Some((far.as_ref()? - far_at) - (near.as_ref()? - near_at)));
    for (part, shift) in std::iter::once(Some(0)).chain(shifts).enumerate() {
        let Some(shift) = shift.map(milliseconds_of_samples) else { continue };
        let best = clocks.into_iter().map(|clock| (late(clock) + shift).abs()).fold(f64::INFINITY, f64::min);
        if best > case.limits.alignment_ms {
            let said = round(late(clocks[0]) + shift, 3);
            let way = if said > 0.0 { "late" } else { "early" };
            let which = if part == 0 { String::new() } else { format!(" in part {} of the file", part + 1) };
            let found = format!("the far leg is {:.1} ms too {way} against the near leg{which}", said.abs());
            let expected = format!("both legs within {} ms of when they were said", case.limits.alignment_ms);
            findings.push(place.finding(Rule::MisalignedLegs, expected, found));
        }
    }
}

fn milliseconds_of_samples(samples: i64) -> f64 {
    milliseconds_of(samples as f64)
}

fn milliseconds_of(samples: f64) -> f64 {
    samples * milliseconds(1)
}
