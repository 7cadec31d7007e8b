//! The findings of a channel: what its analysis means, in order of time.

use std::collections::{BTreeMap, BTreeSet};

use media::ledger::{Leg, Row};

use crate::classify::{Analysis, Channel, Patch, Status, Stuff, Why};
use crate::finding::{Finding, Packets, Rule, Span};
use crate::fit::decibels;
use crate::joint::{self, Joint};
use crate::source::{Duty, MS};
use crate::words::{Place, count, from_to, milliseconds, packets, seconds, span, stray};
use crate::{Limits, Truth};

/// Samples of a usual frame.
const FRAME: i64 = 20 * MS;
/// How many frames next to a jump tell how soon its sender's packets leave, and how much later than others one may.
const BESIDE: usize = 50;
const LATEST: u64 = 60 * MS as u64;

/// How many findings of one rule a channel lists one by one.
const LISTED: usize = 8;

/// Tells what is wrong with a channel.
pub(crate) struct Teller<'a> {
    pub(crate) truth: &'a Truth<'a>,
    pub(crate) channel: &'a Channel<'a>,
    pub(crate) analysis: &'a Analysis,
    pub(crate) place: &'a Place,
    /// Where recordings are joined in the file.
    pub(crate) joints: &'a [Joint],
}

/// Frames that are missing one after the other for the same reason.
struct Loss {
    rule: Rule,
    frames: Vec<usize>,
}

impl Teller<'_> {
    /// All findings, in order of time.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.patches();
        let jumps: Vec<Option<Finding>> =
            (0..self.analysis.line.runs.len().saturating_sub(1)).map(|run| self.jump(run)).collect();
        findings.extend(self.losses(&jumps));
        findings.extend(self.kept_pauses());
        findings.extend(jumps.into_iter().flatten());
        findings.extend(self.undelivered());
        findings.sort_by(|a, b| start(a).total_cmp(&start(b)));
        shorten(findings)
    }

    fn limits(&self) -> &Limits {
        self.channel.limits
    }

    fn leg(&self) -> &'static str {
        self.place.leg.map_or("leg", Leg::name)
    }

    fn row(&self, source: usize, frame: usize) -> &Row {
        let frame = &self.channel.world.sources[source].frames[frame];
        &self.truth.streams[frame.stream as usize].rows[frame.row as usize]
    }

    /// The sequence numbers of frames of the leg.
    fn sequences(&self, frames: &[usize]) -> Option<Packets> {
        let sequence = |frame: &usize| self.row(self.channel.home, *frame).sequence;
        let (first, last) = (frames.first().map(sequence)?, frames.last().map(sequence)?);
        Some(Packets { first, last, count: frames.len() as u64 })
    }

    /// Where frames of the leg should be in the file.
    fn span_of(&self, frames: &[usize]) -> Span {
        let line = self.channel.source().line();
        let place = |frame: &usize| self.channel.place(&self.analysis.line, *frame).unwrap_or(line[*frame].at);
        let start = frames.first().map_or(0, place);
        let end = frames.last().map_or(0, |last| place(last) + line[*last].len as i64);
        span(start, end)
    }

    // ---- frames that are not in their place ----

    fn losses(&self, jumps: &[Option<Finding>]) -> Vec<Finding> {
        let losses = self.merge_alterations(self.group_losses(jumps));
        let lost: usize = losses.iter().map(|loss| loss.frames.len()).sum();
        let few = lost as u64 <= self.limits().lost_frames;
        let excused = |loss: &&Loss| match loss.rule {
            Rule::LostFrames | Rule::DamagedFrames => few,
            Rule::LevelChanged => decibels(self.mean_gain(loss)).abs() <= self.limits().gain_db,
            _ => false,
        };
        losses.iter().filter(|loss| !excused(loss)).map(|loss| self.loss(loss)).collect()
    }

    fn group_losses(&self, jumps: &[Option<Finding>]) -> Vec<Loss> {
        // What went where the line jumps is told with the jump, if that is told.
        let told = |run: usize| jumps.get(run).is_some_and(Option::is_some);
        let mut losses: Vec<Loss> = Vec::new();
        let mut joins = false;
        for (number, frame) in self.channel.source().line().iter().enumerate() {
            match (frame.duty, self.analysis.status[number]) {
                (Duty::Due, Status::Exact) => joins &= frame.weak,
                (duty, Status::Missing(why)) if !why.is_excused(duty) => {
                    let rule = match why {
                        Why::Removed(run) if !told(run) => Some(Rule::LostFrames),
                        why => rule(why),
                    };
                    let Some(rule) = rule else {
                        joins = false;
                        continue;
                    };
                    match losses.last_mut() {
                        Some(loss) if joins && loss.rule == rule => loss.frames.push(number),
                        _ => losses.push(Loss { rule, frames: vec![number] }),
                    }
                    joins = true;
                }
                _ => {}
            }
        }
        losses
    }

    /// Makes one loss of many stretches that are altered in one way here and in another there: one cause has many faces
    /// where levels change and quiet frames survive by chance.
    fn merge_alterations(&self, losses: Vec<Loss>) -> Vec<Loss> {
        let altered = |loss: &Loss| matches!(loss.rule, Rule::AlteredAudio | Rule::LevelChanged | Rule::DamagedFrames);
        let kinds: BTreeSet<Rule> = losses.iter().filter(|loss| altered(loss)).map(|loss| loss.rule).collect();
        if kinds.len() < 2 || losses.iter().filter(|loss| altered(loss)).count() <= LISTED {
            return losses;
        }
        let (merged, mut others): (Vec<Loss>, Vec<Loss>) = losses.into_iter().partition(altered);
        let frames = merged.into_iter().flat_map(|loss| loss.frames).collect();
        let mut all = Loss { rule: Rule::AlteredAudio, frames };
        if decibels(self.mean_gain(&all)).abs() > 0.5 {
            all.rule = Rule::LevelChanged;
        }
        others.push(all);
        others
    }

    fn loss(&self, loss: &Loss) -> Finding {
        let span = self.span_of(&loss.frames);
        let sequences = self.sequences(&loss.frames);
        let (leg, which, when) = (self.leg(), packets(sequences), from_to(span));
        let ms = milliseconds(match loss.rule {
            Rule::StartClipped | Rule::EndClipped => loss.frames.iter().map(|frame| self.outside(*frame)).sum(),
            _ => self.length(&loss.frames),
        });
        let missing =
            |why| loss.frames.iter().filter(|&&frame| self.analysis.status[frame] == Status::Missing(why)).count();
        let (expected, found) = match loss.rule {
            Rule::StartClipped => (
                format!("the {leg} leg from its first packet on"),
                format!("the first {ms} ms of the {leg} leg are missing: {which} arrived before the file's start"),
            ),
            Rule::EndClipped => (
                format!("the {leg} leg to its last packet"),
                format!("the last {ms} ms of the {leg} leg are missing: {which} arrived, and the file ends before"),
            ),
            Rule::DamagedFrames => (
                format!("the {leg} leg sample for sample"),
                format!("{which} of the {leg} leg {when}: {}", self.changes(loss)),
            ),
            Rule::MixedLegs => (
                format!("the {leg} leg alone"),
                format!("{leg} leg {when} is mixed with the other leg{}", self.mixture(loss)),
            ),
            Rule::LevelChanged | Rule::InvertedAudio | Rule::AlteredAudio | Rule::DcOffset => (
                format!("the {leg} leg sample for sample"),
                format!("{leg} leg {when} is {}: {which}", self.alteration(loss)),
            ),
            _ if missing(Why::Concealed) * 2 > loss.frames.len() => (
                "every packet that arrived in time".to_owned(),
                format!(
                    "{leg} leg is concealed (repeated or made up) {when}; {which} arrived there, none is in the file"
                ),
            ),
            _ => (
                "every packet that arrived in time".to_owned(),
                format!("{leg} leg is silent {when}; {which} arrived there, none is in the file"),
            ),
        };
        self.place.finding(loss.rule, expected, found).at(span).packets(sequences)
    }

    fn length(&self, frames: &[usize]) -> i64 {
        let line = self.channel.source().line();
        frames.iter().map(|&frame| line[frame].len as i64).sum()
    }

    /// How much of a frame lies before the start or behind the end of the file, in samples.
    fn outside(&self, frame: usize) -> i64 {
        let (own, length) = (&self.channel.source().line()[frame], self.channel.file.len() as i64);
        let start = self.channel.place(&self.analysis.line, frame).unwrap_or(own.at);
        (-start).clamp(0, own.len as i64).max((start + own.len as i64 - length).clamp(0, own.len as i64))
    }

    fn whys(&self, loss: &Loss) -> impl Iterator<Item = Why> {
        loss.frames.iter().filter_map(|&frame| match self.analysis.status[frame] {
            Status::Missing(why) => Some(why),
            Status::Exact => None,
        })
    }

    fn changes(&self, loss: &Loss) -> String {
        let changed =
            self.whys(loss).map(|why| if let Why::Damaged { changed } = why { changed } else { 0 }).sum::<usize>();
        format!("{} of {} changed", count(changed as u64, "sample"), self.length(&loss.frames))
    }

    fn mixture(&self, loss: &Loss) -> String {
        let fits = self.whys(loss).filter_map(|why| if let Why::Mixed(fit) = why { Some(fit) } else { None });
        let (mut own, mut other, mut number) = (0.0, 0.0, 0.0);
        for fit in fits {
            (own, other, number) = (own + fit.own, other + fit.other, number + 1.0);
        }
        format!(" ({:+.1} dB and {:+.1} dB)", decibels(own / number), decibels(other / number))
    }

    fn mean_gain(&self, loss: &Loss) -> f64 {
        let gain = |why| if let Why::Altered(fit) = why { fit.own } else { 1.0 };
        self.whys(loss).map(gain).sum::<f64>() / loss.frames.len().max(1) as f64
    }

    fn alteration(&self, loss: &Loss) -> String {
        let mean = self.mean_gain(loss);
        match loss.rule {
            Rule::InvertedAudio => "turned upside down".to_owned(),
            Rule::DcOffset => {
                let by = self.whys(loss).find_map(|why| if let Why::Raised(by) = why { Some(by) } else { None });
                format!("raised by {}", by.unwrap_or_default())
            }
            Rule::LevelChanged => format!("changed in level by {:+.1} dB on average", decibels(mean)),
            _ => "there, but not sample for sample".to_owned(),
        }
    }

    // ---- jumps of the time line ----

    /// The pauses between recordings in one file that should have been closed up.
    fn kept_pauses(&self) -> Vec<Finding> {
        let sent = |frame: usize| self.row(self.channel.home, frame).sent_us;
        let of = (&self.analysis.line, self.channel.source());
        joint::kept_pauses(self.joints, of, self.limits(), (self.leg(), self.place), sent)
    }

    fn jump(&self, run: usize) -> Option<Finding> {
        let runs = &self.analysis.line.runs;
        let (before, after) = (&runs[run], &runs[run + 1]);
        if joint::is_closed_between(self.joints, before.last, after.first) {
            return None;
        }
        let jump = after.offset - before.offset;
        let line = self.channel.source().line();
        if self.is_explained(before.last, after.first, jump) || jump.abs() <= i64::from(self.limits().position_samples)
        {
            return None;
        }
        let (start, end) = self.channel.torn(before, after);
        let removed: Vec<usize> = (before.last + 1..after.first)
            .filter(|&frame| line[frame].duty == Duty::Due)
            .filter(|&frame| matches!(self.analysis.status[frame], Status::Missing(Why::Removed(_))))
            .collect();
        // What was cut in may have torn a frame at either end.
        let patched = self.patched(start, end);
        if jump > 0 && patched > 0 && patched + 2 * FRAME >= jump {
            return None;
        }
        let ms = milliseconds(jump.abs());
        let (leg, at) = (self.leg(), seconds(start));
        let sequences = self.sequences(&removed);
        let gone = match removed.len() {
            0 | 1 => String::new(),
            _ => format!("; {} there are not in the file", packets(sequences)),
        };
        let (rule, found) = if jump.abs() < 10 * MS {
            let way = if jump < 0 { "early" } else { "late" };
            let (rule, n) = (Rule::SampleSlip, count(jump.unsigned_abs(), "sample"));
            (rule, format!("{leg} leg slips by {n} at {at:.2} s: what follows is {ms} ms too {way}{gone}"))
        } else if jump > 0 {
            let what = self.between(start, end);
            (
                Rule::InsertedAudio,
                format!("{what} inserted in the {leg} leg at {at:.2} s: what follows is {ms} ms late{gone}"),
            )
        } else if removed.is_empty() {
            let text = format!("a pause of the {leg} leg without packets is closed up by {ms} ms at {at:.2} s");
            (Rule::ClosedGap, text)
        } else {
            let which = packets(sequences);
            let text = format!(
                "{which} cut out of the {leg} leg at {at:.2} s and the rest closed up: what follows is {ms} ms early"
            );
            (Rule::Splice, text)
        };
        let finding = self.place.finding(rule, "every packet in its place on the RTP time line", found);
        Some(finding.at(span(start, end.max(start))).packets(sequences))
    }

    /// Whether a jump only follows the wall clock where the RTP time line left it, or joins two streams.
    fn is_explained(&self, last: usize, next: usize, jump: i64) -> bool {
        let line = self.channel.source().line();
        let is_joint = line[last].stream != line[next].stream;
        let (before, after) = (self.row(self.channel.home, last), self.row(self.channel.home, next));
        let counted = i64::from(after.timestamp.wrapping_sub(before.timestamp) as i32);
        // Where RTP time stood still, only arrivals say how long: so well and no better is the pause known.
        let uncounted = line[next].at - line[last].at - counted;
        let tolerance = (self.limits().alignment_ms * MS as f64) as i64;
        let drift = self.transit(&mut (next..line.len()), next) - self.transit(&mut (0..=last).rev(), last);
        let is_off = is_joint || drift.abs() > tolerance || drift + uncounted > tolerance;
        is_off && (jump - drift).abs() <= tolerance
    }

    /// How long after their last sample was said the frames next to this one leave, but for a constant. A packet that holds more leaves
    /// later. Those count that go on with its RTP time line, in its stream or in the next, and leave at once: of packets shorter than what
    /// is said at once the last one does, and one that is cut off early does not.
    fn transit(&self, frames: &mut dyn Iterator<Item = usize>, beside: usize) -> i64 {
        let line = self.channel.source().line();
        let of = |frame: usize| {
            let sent_us = self.row(self.channel.home, frame).sent_us as i64;
            sent_us * MS / 1000 - line[frame].end()
        };
        let goes_on = |other: &usize| {
            let ssrc = |frame: usize| self.truth.streams[line[frame].stream as usize].ssrc;
            let (row, own) = (self.row(self.channel.home, *other), self.row(self.channel.home, beside));
            let counted = i64::from(row.timestamp.wrapping_sub(own.timestamp) as i32);
            let is_counted = ssrc(*other) == ssrc(beside) && counted == line[*other].at - line[beside].at;
            is_counted || line[*other].stream == line[beside].stream
        };
        let near = frames.take(BESIDE).take_while(goes_on);
        let near = near.map(of).filter(|transit| transit.abs_diff(of(beside)) <= LATEST);
        near.min().unwrap_or_else(|| of(beside))
    }

    /// How much of a stretch is covered by patches.
    fn patched(&self, start: i64, end: i64) -> i64 {
        let patches = self.analysis.patches.iter().filter(|patch| patch.frames > 0);
        patches.map(|patch| ((patch.end as i64).min(end) - (patch.start as i64).max(start)).max(0)).sum()
    }

    fn between(&self, start: i64, end: i64) -> &'static str {
        let range = start.max(0) as usize..(end.max(start).max(0) as usize).min(self.channel.file.len());
        let silent = self.channel.file.get(range).is_none_or(crate::fit::is_silent);
        if silent { "silence" } else { "audio" }
    }

    // ---- what does not belong there ----

    fn patches(&self) -> Vec<Finding> {
        let mut covered: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (frame, status) in self.analysis.status.iter().enumerate() {
            if let Status::Missing(Why::Covered(patch)) = status
                && self.channel.source().line()[frame].duty == Duty::Due
            {
                covered.entry(*patch).or_default().push(frame);
            }
        }
        let patches = self.analysis.patches.iter().enumerate().filter(|(_, patch)| patch.frames > 0);
        let foreign: i64 = patches.clone().map(|(_, patch)| (patch.end - patch.start) as i64).sum();
        let excused = foreign <= i64::from(self.limits().foreign_ms) * MS;
        patches
            .filter(|(_, patch)| !excused || matches!(patch.stuff, Stuff::Stray(_)))
            .map(|(number, patch)| self.patch(patch, covered.get(&number).map_or(&[], Vec::as_slice)))
            .collect()
    }

    fn patch(&self, patch: &Patch, covered: &[usize]) -> Finding {
        let (leg, place) = (self.leg(), span(patch.start as i64, patch.end as i64));
        let when = from_to(place);
        let ms = milliseconds((patch.end - patch.start) as i64);
        let sequences = patch.placed.map(|(first, last)| Packets {
            first: self.row(first.source, first.frame).sequence,
            last: self.row(last.source, last.frame).sequence,
            count: patch.frames,
        });
        let which = packets(sequences);
        let instead = match self.sequences(covered) {
            Some(own) => format!(", in the place of {} that arrived", packets(Some(own))),
            None => String::new(),
        };
        let (rule, found) = match patch.stuff {
            Stuff::Stray(nature) => {
                let (rule, what) = stray(nature);
                (rule, format!("audio of {what} in the {leg} leg {when}: {which}{instead}"))
            }
            Stuff::Repeat => (Rule::RepeatedFrames, format!("{which} of the {leg} leg a second time {when}{instead}")),
            Stuff::Misplaced(shift) => {
                let way = if shift < 0 { "early" } else { "late" };
                let shift = milliseconds(shift.abs());
                (Rule::MisplacedFrames, format!("{which} of the {leg} leg {shift} ms too {way} {when}{instead}"))
            }
            Stuff::OtherLeg => {
                let other = self.place.leg.map_or("other", |leg| leg.other().name());
                (
                    Rule::OtherLegAudio,
                    format!("{ms} ms of the {other} leg in the {leg} leg {when}: its {which}{instead}"),
                )
            }
            Stuff::OtherCall => {
                let whose = patch.placed.map_or(String::new(), |(first, _)| self.whose(first.source));
                (Rule::OtherCallAudio, format!("{ms} ms of {whose} in the {leg} leg {when}: {which}{instead}"))
            }
            Stuff::Noise => {
                (Rule::NoiseAudio, format!("{leg} leg is noise {when}, as undecrypted SRTP sounds{instead}"))
            }
            Stuff::Unknown => (Rule::UnknownAudio, format!("sound in the {leg} leg {when} that nobody sent{instead}")),
        };
        let own = self.sequences(covered);
        let expected = format!("nothing but the {leg} leg, each packet once and in its place");
        self.place.finding(rule, expected, found).at(place).packets(sequences.or(own))
    }

    /// Whose audio a source of another call is.
    fn whose(&self, source: usize) -> String {
        let source = &self.channel.world.sources[source];
        match source.owner {
            Some((recording, leg)) => {
                let label = self.truth.recordings.get(recording).map_or("", |expected| expected.label.as_str());
                format!("the {} leg of recording {label}", leg.name())
            }
            None => format!("a stream of phone {} that is part of no recording", source.phone),
        }
    }

    fn undelivered(&self) -> Vec<Finding> {
        let line = self.channel.source().line();
        let there: Vec<usize> = (0..line.len())
            .filter(|&frame| line[frame].duty == Duty::Undelivered && !line[frame].weak)
            .filter(|&frame| self.analysis.status[frame] == Status::Exact)
            .collect();
        if there.is_empty() {
            return Vec::new();
        }
        let (sequences, span) = (self.sequences(&there), self.span_of(&there[..1]));
        let found = format!(
            "{} of the {} leg never reached the recorder, and the file has them",
            packets(sequences),
            self.leg()
        );
        let finding = self.place.finding(Rule::UndeliveredAudio, "only what reached the recorder", found);
        vec![finding.at(span).packets(sequences)]
    }
}

/// The rule a frame breaks by itself; none if a patch or a jump tells of it.
fn rule(why: Why) -> Option<Rule> {
    Some(match why {
        Why::Misplaced | Why::Removed(_) | Why::Covered(_) => return None,
        Why::StartClipped => Rule::StartClipped,
        Why::EndClipped => Rule::EndClipped,
        Why::Silent | Why::Concealed => Rule::LostFrames,
        Why::Damaged { .. } => Rule::DamagedFrames,
        Why::Mixed(_) => Rule::MixedLegs,
        Why::Raised(_) => Rule::DcOffset,
        Why::Altered(fit) if fit.own < 0.0 => Rule::InvertedAudio,
        Why::Altered(fit) if decibels(fit.own).abs() > 0.03 && fit.rest < 0.01 => Rule::LevelChanged,
        Why::Altered(_) => Rule::AlteredAudio,
    })
}

fn start(finding: &Finding) -> f64 {
    finding.at.map_or(0.0, |span| span.start_s)
}

/// Keeps the first findings of each rule and sums the others up in one.
fn shorten(findings: Vec<Finding>) -> Vec<Finding> {
    let mut seen: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut more: BTreeMap<&'static str, (u64, Finding)> = BTreeMap::new();
    let mut kept = Vec::new();
    for finding in findings {
        let number = seen.entry(finding.rule).or_default();
        *number += 1;
        if *number <= LISTED {
            kept.push(finding);
            continue;
        }
        let (places, sum) = more.entry(finding.rule).or_insert_with(|| (0, finding.clone()));
        *places += 1;
        if let (Some(span), Some(last)) = (&mut sum.at, finding.at) {
            span.end_s = span.end_s.max(last.end_s);
        }
        if *places > 1
            && let (Some(packets), Some(last)) = (&mut sum.packets, finding.packets)
        {
            packets.last = last.last;
            packets.count += last.count;
        }
    }
    for (_, (places, mut finding)) in more {
        let (when, which) = (finding.at.map_or(String::new(), from_to), packets(finding.packets));
        finding.found = format!("the same in {} more {when}: {which}", count(places, "place"));
        kept.push(finding);
    }
    kept
}
