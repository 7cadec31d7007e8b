//! One channel: whose audio it is, and what is wrong with it.

use media::ledger::Leg;

use super::container::Track;
use super::{Case, Detail, figures, softly};
use crate::chain::chain;
use crate::classify::{Analysis, Channel, Status, Why};
use crate::describe::Teller;
use crate::finding::{Finding, Rule};
use crate::fit::{decibels, is_silent};
use crate::joint::{joints, offsets};
use crate::scan::scan;
use crate::soft::Soft;
use crate::source::Duty;
use crate::traced::{self, ChannelTrace};
use crate::verdict::ChannelFigures;
use crate::words::{Place, count, span};

/// Frames for which a window stands that was found by likeness: they are taken every quarter of a second.
const FRAMES_OF_WINDOW: usize = 12;

/// Whose audio a channel is judged as.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) source: usize,
    pub(crate) recording: usize,
    pub(crate) leg: Option<Leg>,
}

/// What the judgement of the whole recording needs of a channel.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) file: String,
    pub(crate) channel: u16,
    pub(crate) claimed: Option<Leg>,
    pub(crate) home: Home,
    /// Frames found in place that are neither silent nor like those around them.
    pub(crate) compared: u64,
    /// Whether it holds both legs.
    pub(crate) mixed: bool,
    /// Whether the channel says whose it is.
    pub(crate) heard: bool,
    /// Where the leg's time line starts in the file.
    pub(crate) offset: Option<i64>,
    /// The same by each recording behind the first one in the file.
    pub(crate) parts: Vec<Option<i64>>,
    /// Length in samples.
    pub(crate) length: usize,
    /// Where the first and the last frame of the line belong in the file.
    pub(crate) extent: Option<(i64, i64)>,
    /// The frames that the recorder may have missed at either end, and what became of them.
    pub(crate) edges: Vec<(usize, Status)>,
}

/// Decides whose audio a channel holds: the claimed leg's unless there is at least twice as much of another one.
pub(crate) fn home(case: &Case<'_>, track: &Track<'_>, expected: usize) -> Home {
    let world = track.heard.world;
    let found = track.heard.found();
    let claimed = track.claimed.and_then(|leg| world.source_of(expected, leg));
    let best = (0..found.len()).filter(|&source| found[source] > 0 && world.sources[source].owner.is_some());
    // Of equal candidates the expected recording's own legs come first.
    let own = |source: usize| world.sources[source].owner.is_some_and(|(recording, _)| recording == expected);
    let best = best.max_by_key(|&source| (found[source], own(source), std::cmp::Reverse(source)));
    let source = match (claimed, best) {
        (Some(claimed), Some(best)) if found[claimed] * 2 < found[best] => best,
        (Some(claimed), _) => claimed,
        (None, Some(best)) => best,
        (None, None) => world.legs[expected][0],
    };
    let named = claimed.is_some() || best.is_some();
    let (recording, leg) = world.sources[source].owner.unwrap_or((expected, Leg::Near));
    debug_assert!(recording < case.truth.recordings.len());
    Home { source, recording, leg: named.then_some(leg) }
}

/// Where the leg's time line starts in the file.
pub(crate) fn offset(track: &Track<'_>, home: &Home) -> Option<i64> {
    let line = chain(track.heard.world, home.source, &track.heard.placements);
    line.runs.iter().max_by_key(|run| run.strong).map(|run| run.offset)
}

/// Judges a channel as its home.
pub(crate) fn judge(
    case: &Case<'_>,
    track: &Track<'_>,
    home: &Home,
    sibling: Option<i64>,
    place: &Place,
) -> (Judged, ChannelFigures, Vec<Finding>, Option<ChannelTrace>) {
    let heard = &track.heard;
    let world = heard.world;
    let other = home.leg.and_then(|leg| world.source_of(home.recording, leg.other()));
    let channel = Channel {
        world,
        home: home.source,
        file: track.samples(),
        undone: heard.undone.is_some(),
        limits: case.limits,
        // From one leg of a mix the other one was taken out already.
        other: other.filter(|_| !heard.part).map(|source| (source, sibling)),
    };
    let rescanned = (home.source != track.scanned_for).then(|| scan(world, track.samples(), home.source));
    let placements = rescanned.as_deref().unwrap_or(&heard.placements);
    let found = (channel.source().line().is_empty() || heard.strong() > 0) && heard.soft.is_none();
    let analysis = channel.analyse(placements);
    let joints = joints(case.truth, channel.source());
    let mut findings = whole(case, track, &channel, place);
    if let Some(soft) = &heard.soft {
        findings.extend(softly::findings(case, world, home.source, soft, track.samples().len() as i64, place));
    }
    // In a channel without a single frame of the leg, every frame is missing for the one reason given above.
    let audible = channel.source().is_audible();
    if found || !audible {
        let mut told =
            Teller { truth: case.truth, channel: &channel, analysis: &analysis, place, joints: &joints }.findings();
        told.retain(|finding| audible || finding.packets.is_none() || finding.rule != Rule::LostFrames.code());
        findings.extend(told);
    }
    let parts = offsets(&joints, &analysis.line);
    let judged = Judged { parts, ..judged(track, home, &channel, &analysis, place) };
    let classes = traced::classes(track, &channel, &analysis, is_allowed(case, track));
    let figures = figures::channel(case, track, &channel, &analysis, (placements, &classes), place);
    let traced = case.detail == Detail::Frames;
    let trace = traced.then(|| traced::trace(track, &channel, &analysis, place, (&figures, &classes)));
    (judged, figures, findings, trace)
}

/// Whether a leg that is not there sample for sample may be so: its recorder stores lossily, and it keeps its pace.
fn is_allowed(case: &Case<'_>, track: &Track<'_>) -> bool {
    let steady = |soft: &Soft| soft.segments.iter().all(|segment| segment.ppm.abs() <= case.limits.drift_ppm);
    case.limits.lossy && track.heard.soft.as_ref().is_some_and(steady)
}

/// What is wrong with the channel as a whole.
fn whole(case: &Case<'_>, track: &Track<'_>, channel: &Channel<'_>, place: &Place) -> Vec<Finding> {
    let leg = place.leg.map_or("leg", Leg::name);
    let all = span(0, track.stored().len() as i64);
    let level = decibels(track.heard.gain).abs();
    let mut findings: Vec<Finding> = (track.heard.faults.iter())
        .filter(|(rule, _)| *rule != Rule::LevelChanged || level > case.limits.gain_db)
        .filter(|(rule, _)| *rule != Rule::AlteredAudio || !is_allowed(case, track))
        .map(|(rule, found)| {
            place
                .finding(
                    *rule,
                    format!("the {leg} leg sample for sample"),
                    format!("channel of the {leg} leg: {found}"),
                )
                .at(all)
        })
        .collect();
    if is_silent(track.samples()) && channel.source().is_loud() && !track.stored().is_empty() {
        let due = channel.source().line().iter().filter(|frame| frame.duty == Duty::Due).count();
        let found = format!("the whole {leg} leg is silent, and {} arrived for it", count(due as u64, "packet"));
        findings.push(place.finding(Rule::SilentChannel, format!("the {leg} leg"), found).at(all));
    }
    findings
}

fn judged(track: &Track<'_>, home: &Home, channel: &Channel<'_>, analysis: &Analysis, place: &Place) -> Judged {
    let line = channel.source().line();
    let telling = |number: usize| !line[number].weak && !line[number].alike;
    let exact = |number: &usize| analysis.status[*number] == Status::Exact && telling(*number);
    let place_of = |frame: usize| channel.place(&analysis.line, frame);
    let removed = |number: usize| matches!(analysis.status[number], Status::Missing(Why::Removed(_)));
    let last = (0..line.len()).rev().find(|&number| !removed(number));
    let extent = (line.first().and_then(|_| place_of(0)))
        .zip(last.and_then(|last| place_of(last).map(|place| place + line[last].len as i64)));
    let edges = (0..line.len())
        .filter(|&number| line[number].duty == Duty::Excused && !line[number].weak)
        .map(|number| (number, analysis.status[number]))
        .collect();
    Judged {
        file: place.file.clone().unwrap_or_default(),
        channel: place.channel.unwrap_or_default(),
        claimed: track.claimed,
        home: home.clone(),
        compared: match &track.heard.soft {
            Some(soft) => (soft.found * FRAMES_OF_WINDOW) as u64,
            None => (0..line.len()).filter(exact).count() as u64,
        },
        mixed: track.heard.is_faulty(Rule::MixedLegs),
        heard: track.heard.strong() > 0,
        offset: analysis.line.runs.first().map(|run| run.offset),
        parts: Vec::new(),
        length: track.stored().len(),
        extent,
        edges,
    }
}
