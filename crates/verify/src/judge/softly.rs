//! What is wrong with a leg that is in its channel, but not sample for sample: as far as that can be told.

use super::Case;
use crate::finding::{Finding, Packets, Rule};
use crate::soft::{Hole, Instead, Soft};
use crate::source::{Duty, MS, Source, World};
use crate::words::{Place, from_to, milliseconds, packets, round, span};
use crate::{Limits, Truth};

/// A jump of less than this, 15 ms, may be the voice that is like itself one pitch on.
const UNSURE: f64 = 15.0 * MS as f64;

/// How exactly the beginning and the end of audio are known, in samples: 60 ms.
const EDGE: i64 = 60 * MS;

/// The findings of a leg that was followed, in order of time.
pub(crate) fn findings(
    case: &Case<'_>,
    world: &World,
    home: usize,
    soft: &Soft,
    length: i64,
    place: &Place,
) -> Vec<Finding> {
    let teller = Teller { truth: case.truth, limits: case.limits, world, home, soft, length, place };
    let mut findings = teller.jumps();
    findings.extend(teller.silences());
    findings.extend(soft.holes.iter().filter_map(|hole| teller.hole(hole)));
    findings.extend(teller.ends());
    findings.sort_by(|a, b| start(a).total_cmp(&start(b)));
    findings
}

fn start(finding: &Finding) -> f64 {
    finding.at.map_or(0.0, |span| span.start_s)
}

struct Teller<'a> {
    truth: &'a Truth<'a>,
    limits: &'a Limits,
    world: &'a World,
    home: usize,
    soft: &'a Soft,
    length: i64,
    place: &'a Place,
}

impl Teller<'_> {
    fn voice(&self) -> &Source {
        &self.world.sources[self.home]
    }

    fn leg(&self) -> &'static str {
        self.place.leg.map_or("leg", media::ledger::Leg::name)
    }

    fn jumps(&self) -> Vec<Finding> {
        let jump = |pair: &[crate::soft::Segment]| {
            let by = pair[1].offsets[0] - pair[0].offsets[1];
            if by.abs() < UNSURE {
                return None;
            }
            let at = span(
                pair[0].to + pair[0].offsets[1].round() as i64 - 4000,
                (pair[1].from + pair[1].offsets[0].round() as i64).max(0) + 4000,
            );
            let ms = round(by.abs() / MS as f64, 1);
            let (leg, when) = (self.leg(), from_to(at));
            let (rule, found) = if by > 0.0 {
                (
                    Rule::InsertedAudio,
                    format!("about {ms} ms are put into the {leg} leg somewhere {when}: what follows is late"),
                )
            } else {
                (
                    Rule::Splice,
                    format!("about {ms} ms are cut out of the {leg} leg somewhere {when}, and the rest closed up"),
                )
            };
            Some(self.place.finding(rule, "the voice at its pace throughout", found).at(at))
        };
        self.soft.segments.windows(2).filter_map(jump).collect()
    }

    /// Packets that had to be recorded, and where they are silent.
    fn silences(&self) -> Vec<Finding> {
        let line = self.voice().line();
        let mut findings = Vec::new();
        for &(first, last) in &self.soft.silent {
            let due: Vec<usize> = (first..=last).filter(|&number| line[number].duty == Duty::Due).collect();
            if due.len() < 2 {
                continue;
            }
            let at = span(self.soft.place(line[first].at), self.soft.place(line[last].end()));
            let sequences = self.sequences(&due);
            let found = format!("{} leg is silent {}; {} arrived there", self.leg(), from_to(at), packets(sequences));
            let finding = self.place.finding(Rule::LostFrames, "every packet that arrived in time", found);
            findings.push(finding.at(at).packets(sequences));
        }
        let lost: u64 = findings.iter().filter_map(|finding| finding.packets).map(|packets| packets.count).sum();
        if lost <= self.limits.lost_frames { Vec::new() } else { findings }
    }

    fn sequences(&self, frames: &[usize]) -> Option<Packets> {
        let row = |number: &usize| {
            let frame = &self.voice().line()[*number];
            self.truth.streams[frame.stream as usize].rows[frame.row as usize].sequence
        };
        Some(Packets { first: row(frames.first()?), last: row(frames.last()?), count: frames.len() as u64 })
    }

    fn hole(&self, hole: &Hole) -> Option<Finding> {
        let at = span(hole.place, hole.place + hole.to - hole.from);
        let (leg, when) = (self.leg(), from_to(at));
        let ms = milliseconds(hole.to - hole.from);
        let due =
            |frame: &crate::source::Frame| frame.duty == Duty::Due && frame.at < hole.to && frame.end() > hole.from;
        let (rule, found) = match hole.instead {
            // Told packet by packet.
            Instead::Silence | Instead::Nothing => return None,
            Instead::Voice(number) => {
                let source = &self.world.sources[number];
                let own = self.voice().owner.map(|(recording, _)| recording);
                let (recording, other) = source.owner?;
                let label = self.truth.recordings.get(recording).map_or("", |expected| expected.label.as_str());
                if Some(recording) == own {
                    (Rule::OtherLegAudio, format!("the {} leg is in the {leg} leg, about {when}", other.name()))
                } else {
                    let whose = format!("the {} leg of recording {label}", other.name());
                    (Rule::OtherCallAudio, format!("{whose} is in the {leg} leg, about {when}"))
                }
            }
            Instead::Unknown if !self.voice().line().iter().any(due) || self.is_quiet(hole) => return None,
            Instead::Unknown => {
                (Rule::UnknownAudio, format!("about {ms} ms of the {leg} leg are not there {when}: another sound is"))
            }
        };
        let foreign = (hole.to - hole.from) <= i64::from(self.limits.foreign_ms) * MS;
        (!foreign).then(|| self.place.finding(rule, format!("the {leg} leg"), found).at(at))
    }

    /// Whether it is silence that makes a hole what it is: that is told packet by packet.
    fn is_quiet(&self, hole: &Hole) -> bool {
        let line = self.voice().line();
        let meets = |(first, last): &(usize, usize)| line[*first].at < hole.to && line[*last].end() > hole.from;
        self.soft.silent.iter().any(meets)
    }

    /// What is missing at either end.
    fn ends(&self) -> Vec<Finding> {
        let line = self.voice().line();
        let due = || line.iter().filter(|frame| frame.duty == Duty::Due && !frame.weak);
        let (leg, mut findings) = (self.leg(), Vec::new());
        let before = due().next().map_or(0, |first| -self.soft.place(first.at));
        if before > EDGE {
            let found = format!("about the first {} ms of the {leg} leg are missing", milliseconds(before));
            findings
                .push(self.place.finding(Rule::StartClipped, "the leg from its first packet on", found).at(span(0, 0)));
        }
        let behind = due().next_back().map_or(0, |last| self.soft.place(last.end()) - self.length);
        if behind > EDGE {
            let found = format!("about the last {} ms of the {leg} leg are missing", milliseconds(behind));
            let end = span(self.length, self.length);
            findings.push(self.place.finding(Rule::EndClipped, "the leg to its last packet", found).at(end));
        }
        findings
    }
}
