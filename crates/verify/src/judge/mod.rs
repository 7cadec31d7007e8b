//! The verdict: every file of every recording against every leg of the run.

mod channel;
mod container;
mod figures;
mod legs;
mod owner;
mod reading;
mod softly;

use std::cell::OnceCell;
use std::collections::BTreeMap;

use media::g711::Law;
use media::ledger::Leg;

use crate::finding::{Finding, Rule, Span};
use crate::fit::is_silent;
use crate::hear::Worlds;
use crate::source::World;
use crate::traced::ChannelTrace;
use crate::verdict::{ChannelFigures, Level, RecordingFigures, Verdict};
use crate::words::{Place, span};
use crate::{Limits, Recorded, RecordedFile, Truth};

use channel::Judged;
pub(crate) use container::Track;

/// Judges what was recorded against what was said.
///
/// Without a recording to expect and without one recorded there is nothing to compare, and the verdict is
/// [`Level::Undecided`]: whether that is what should have happened is not a question about audio.
pub fn judge(truth: &Truth<'_>, recorded: &[Recorded<'_>], limits: &Limits) -> Verdict {
    everything(truth, recorded, limits, Detail::Figures).0
}

/// As [`judge`], and tells of each channel what became of every frame, in the order of [`Verdict::channels`].
pub fn judge_traced(truth: &Truth<'_>, recorded: &[Recorded<'_>], limits: &Limits) -> (Verdict, Vec<ChannelTrace>) {
    everything(truth, recorded, limits, Detail::Frames)
}

fn everything(
    truth: &Truth<'_>,
    recorded: &[Recorded<'_>],
    limits: &Limits,
    detail: Detail,
) -> (Verdict, Vec<ChannelTrace>) {
    within(truth, limits, (Scope::Everything, detail), |case| {
        let mut outcome = Outcome::default();
        let mut holders: Vec<Option<usize>> = vec![None; truth.recordings.len()];
        let owners = case.owners(recorded);
        for (number, (recording, owner)) in recorded.iter().zip(owners).enumerate() {
            case.recording(recording, number, owner, &mut holders, &mut outcome);
        }
        for (expected, _) in truth.recordings.iter().zip(&holders).filter(|(_, holder)| holder.is_none()) {
            let place = Place { recording: expected.label.clone(), ..Place::default() };
            let found = "the recorder has no recording of it";
            let wanted = format!("a recording of {}", expected.label);
            outcome.findings.push(place.finding(Rule::MissingRecording, wanted, found));
        }
        outcome
    })
}

/// Judges files of which nobody says what recording they are of, and which need not be all of it.
///
/// The recording a file is of is the one most of whose audio is in it, and the only one there is where none is. A
/// recording or leg of which no file is given is not missed, but a file of several channels must hold both legs.
pub fn judge_files(truth: &Truth<'_>, files: &[RecordedFile<'_>], limits: &Limits) -> Verdict {
    some(truth, files, limits, Detail::Figures).0
}

/// As [`judge_files`], and tells of each channel what became of every frame.
pub fn judge_files_traced(
    truth: &Truth<'_>,
    files: &[RecordedFile<'_>],
    limits: &Limits,
) -> (Verdict, Vec<ChannelTrace>) {
    some(truth, files, limits, Detail::Frames)
}

fn some(
    truth: &Truth<'_>,
    files: &[RecordedFile<'_>],
    limits: &Limits,
    detail: Detail,
) -> (Verdict, Vec<ChannelTrace>) {
    within(truth, limits, (Scope::Given, detail), |case| {
        let mut groups: BTreeMap<usize, Recorded<'_>> = BTreeMap::new();
        let mut strangers = Vec::new();
        for file in files {
            let (label, files) = (file.name.clone(), vec![file.clone()]);
            match case.recording_of(file) {
                Some(expected) => {
                    let group = Recorded { label, expected: Some(expected), files: Vec::new() };
                    groups.entry(expected).or_insert(group).files.extend(files);
                }
                None => strangers.push(Recorded { label, expected: None, files }),
            }
        }
        let mut outcome = Outcome::default();
        let mut holders: Vec<Option<usize>> = vec![None; truth.recordings.len()];
        for (number, recording) in groups.values().chain(&strangers).enumerate() {
            case.recording(recording, number, None, &mut holders, &mut outcome);
        }
        outcome
    })
}

fn within(
    truth: &Truth<'_>,
    limits: &Limits,
    (scope, detail): (Scope, Detail),
    judge: impl FnOnce(&Case<'_>) -> Outcome,
) -> (Verdict, Vec<ChannelTrace>) {
    let right = World::new(truth, limits, |law| law);
    let other_law = OnceCell::new();
    let make_other = || {
        other_law.get_or_init(|| {
            World::new(truth, limits, |law| match law {
                Law::Mu => Law::A,
                Law::A => Law::Mu,
            })
        })
    };
    let worlds = Worlds { right: &right, other_law: &make_other };
    let mut outcome = judge(&Case { truth, limits, scope, detail, worlds: &worlds, shared: OnceCell::new() });
    legs::name_exchanges(&mut outcome);
    let traces = std::mem::take(&mut outcome.traces);
    (outcome.verdict(limits), traces)
}

/// What the files are said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that the recorder stored: what is not there is missing.
    Everything,
    /// Some files of somebody's choice.
    Given,
}

/// How much is told of each channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Its figures.
    Figures,
    /// Each of its frames, too.
    Frames,
}

/// Whether two findings tell of one sound that is neither leg's, in the one channel that holds both.
fn is_twin(finding: &Finding, other: &Finding) -> bool {
    const NOBODYS: [Rule; 8] = [
        Rule::OtherCallAudio,
        Rule::NoiseAudio,
        Rule::UnknownAudio,
        Rule::ForgedAudio,
        Rule::ReplayedAudio,
        Rule::PlainAudio,
        Rule::UnauthenticatedAudio,
        Rule::WrongKeyAudio,
    ];
    let meets = |(a, b): (Span, Span)| a.start_s < b.end_s && b.start_s < a.end_s;
    NOBODYS.iter().any(|rule| rule.code() == finding.rule)
        && finding.rule == other.rule
        && finding.leg != other.leg
        && finding.channel == other.channel
        && finding.at.zip(other.at).is_some_and(meets)
}

/// What shows whose audio a channel is although none of its frames is in it sample for sample.
const LIKENESS: [Rule; 3] = [Rule::AlteredAudio, Rule::MixedLegs, Rule::WrongLeg];

/// What everything is judged against.
pub(crate) struct Case<'a> {
    pub(crate) truth: &'a Truth<'a>,
    pub(crate) limits: &'a Limits,
    pub(crate) scope: Scope,
    pub(crate) detail: Detail,
    pub(crate) worlds: &'a Worlds<'a>,
    /// Whether some voice is in two recordings, once that was looked at.
    pub(crate) shared: OnceCell<bool>,
}

/// What comes out.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) findings: Vec<Finding>,
    recordings: Vec<RecordingFigures>,
    channels: Vec<ChannelFigures>,
    traces: Vec<ChannelTrace>,
    compared: u64,
    /// Which recording's audio was found under the name of which other one.
    pub(crate) strangers: Vec<legs::Stranger>,
}

impl Outcome {
    fn verdict(self, limits: &Limits) -> Verdict {
        let worst = self.findings.iter().map(|finding| finding.severity).max();
        let level = match worst {
            Some(worst) => Level::from(worst),
            None if self.compared == 0 => Level::Undecided,
            None => Level::Pass,
        };
        Verdict {
            level,
            findings: self.findings,
            recordings: self.recordings,
            channels: self.channels,
            compared_frames: self.compared,
            changed_limits: limits.changed(),
        }
    }
}

impl Case<'_> {
    /// Which recording a file is of, by its audio: by frames that are in it, else by what it is like.
    fn recording_of(&self, file: &RecordedFile<'_>) -> Option<usize> {
        let only = (self.truth.recordings.len() == 1).then_some(0).or_else(|| self.owner_of(file));
        // What is wrong with the file is told when it is judged.
        let open = |named| container::open(self, file, named, &Place::default(), &mut Vec::new());
        let opened = only.map_or_else(|| open(None), |_| None);
        let exact = opened.as_ref().and_then(|file| legs::most_found(std::slice::from_ref(file)));
        let audible = opened.is_some_and(|file| file.channels.iter().any(|track| !is_silent(track.stored())));
        let alike = |number: &usize| {
            let known =
                |track: &Track<'_>| track.heard.part || LIKENESS.iter().any(|rule| track.heard.is_faulty(*rule));
            audible && open(Some(*number)).is_some_and(|file| file.channels.iter().any(known))
        };
        only.or(exact).or_else(|| (0..self.truth.recordings.len()).find(alike))
    }

    /// Judges a recording, which may be known to be the audio of `owner`.
    fn recording(
        &self,
        recorded: &Recorded<'_>,
        number: usize,
        owner: Option<usize>,
        holders: &mut [Option<usize>],
        outcome: &mut Outcome,
    ) {
        let mut place = Place { recording: recorded.label.clone(), ..Place::default() };
        let named = recorded.expected.filter(|&expected| expected < self.truth.recordings.len());
        if let Some(expected) = named {
            place.recording.clone_from(&self.truth.recordings[expected].label);
        }
        if self.truth.recordings.is_empty() {
            let found = format!("a recording {}", recorded.label);
            outcome.findings.push(place.finding(Rule::UnexpectedRecording, "no recording", found));
            return;
        }
        let mut files = Vec::new();
        for file in &recorded.files {
            let place = Place { file: Some(file.name.clone()), ..place.clone() };
            files.extend(container::open(self, file, owner.or(named), &place, &mut outcome.findings));
        }
        let Some(expected) = named.or(owner).or_else(|| legs::most_found(&files)) else {
            if files.is_empty() && !recorded.files.is_empty() {
                // Why there is nothing to judge has been told.
                return;
            }
            if files.iter().flat_map(|file| &file.channels).all(|track| is_silent(track.stored())) {
                let file = files.first().map(|file| file.name.clone());
                let leg = files.first().and_then(|file| file.channels.first()).and_then(|track| track.claimed);
                let place = Place { file, leg, ..place };
                let found = format!("{} is silent: whose it is cannot be told", recorded.label);
                let length = files.iter().flat_map(|file| &file.channels).map(|track| track.stored().len()).max();
                let all = span(0, length.unwrap_or(0) as i64);
                outcome.findings.push(place.finding(Rule::SilentChannel, "audio of a recorded call", found).at(all));
                return;
            }
            let found = format!("a recording {} of nothing that was said in a recorded call", recorded.label);
            outcome.findings.push(place.finding(
                Rule::UnexpectedRecording,
                "only recordings that were asked for",
                found,
            ));
            return;
        };
        let label = self.truth.recordings[expected].label.clone();
        place.recording.clone_from(&label);
        if holders[expected].is_some() {
            let found = format!("{} is a second recording of {label}", recorded.label);
            outcome.findings.push(place.finding(Rule::UnexpectedRecording, "one recording of each call", found));
        }
        holders[expected].get_or_insert(number);

        let mut figures = RecordingFigures { label, alignment_ms: Default::default() };
        let mut judged: Vec<Judged> = Vec::new();
        let before = outcome.findings.len();
        for file in &files {
            let place = Place { file: Some(file.name.clone()), ..place.clone() };
            let channels = self.file(file, owner.unwrap_or(expected), &place, outcome);
            container::duration(self, file, &channels, &place, &mut outcome.findings);
            legs::alignment(self, file, &channels, &place, &mut figures, &mut outcome.findings);
            judged.extend(channels);
        }
        let mut causes = Vec::new();
        let unreadable = files.len() < recorded.files.len();
        legs::name_legs(self, expected, &judged, unreadable, &place, &mut causes, &mut outcome.strangers);
        outcome.findings.splice(before..before, causes);
        legs::name_edges(self, &judged, &place, &mut outcome.findings);
        outcome.recordings.push(figures);
    }

    /// Judges the channels of a file that should hold the audio of the recording `of`.
    fn file(&self, file: &container::Open<'_>, of: usize, place: &Place, outcome: &mut Outcome) -> Vec<Judged> {
        let homes: Vec<channel::Home> = file.channels.iter().map(|channel| channel::home(self, channel, of)).collect();
        let offsets: Vec<Option<i64>> =
            file.channels.iter().zip(&homes).map(|(channel, home)| channel::offset(channel, home)).collect();
        let (mut judged, before) = (Vec::new(), outcome.findings.len());
        for (number, channel) in file.channels.iter().enumerate() {
            // The other leg's place in this file, if it has a channel of its own.
            let other_leg = homes[number].leg.map(Leg::other);
            let sibling =
                homes.iter().position(|home| home.leg == other_leg && home.recording == homes[number].recording);
            let sibling = sibling.filter(|&sibling| sibling != number).and_then(|sibling| offsets[sibling]);
            let place = Place { channel: Some(channel.channel), leg: homes[number].leg, ..place.clone() };
            let (own, figures, findings, trace) = channel::judge(self, channel, &homes[number], sibling, &place);
            outcome.compared += own.compared;
            let told = outcome.findings.len();
            let is_new =
                |finding: &Finding| !outcome.findings[before..told].iter().any(|other| is_twin(finding, other));
            let findings: Vec<Finding> = findings.into_iter().filter(is_new).collect();
            outcome.findings.extend(findings);
            outcome.channels.push(figures);
            outcome.traces.extend(trace);
            judged.push(own);
        }
        judged
    }
}
