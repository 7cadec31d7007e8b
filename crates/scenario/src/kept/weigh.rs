//! The one path from recordings and ledger to findings: a run takes it, and `mixedmode verify` long after.

use std::cell::RefCell;
use std::collections::BTreeMap;

use media::ledger::Stream;
use recorder::metadata::Recording;
use verify::{ChannelTrace, Limits, Recorded};

use super::apart::{halved, split};
use super::metadata;
use super::session::{Session, truth};
use super::stored::Stored;
use crate::outcome::{Channel, Finding, Lateness, Verdict};
use crate::run::Network;

/// What the recordings are worth.
#[derive(Debug, Default)]
pub(crate) struct Weighed {
    /// What is wrong with them.
    pub(crate) findings: Vec<Finding>,
    /// The figures of each channel.
    pub(crate) channels: Vec<Channel>,
    /// Frames compared sample by sample.
    pub(crate) compared: u64,
    /// What may be the harness's own fault.
    pub(crate) undecided: Vec<String>,
    /// Each channel frame by frame, where that was asked for.
    pub(crate) traces: Vec<ChannelTrace>,
}

/// What recordings of a run on this network may differ by. On real sockets a packet may be on its way, or wait to be read,
/// when the BYE is; in simulated time what arrived before it was there.
pub(crate) fn limits(network: &str) -> Limits {
    let strict = network == Network::Simulated.name();
    let end_clip_ms = if strict { 0 } else { Limits::default().end_clip_ms };
    Limits { end_clip_ms, ..Limits::default() }
}

/// Judges `stored`, all recordings with audio of a run on `network` in which `streams` were said, this late, and
/// `sessions` set up. `given_up` are the recordings that came to nothing. Frame by frame only where that is asked for.
pub(crate) fn weigh(
    streams: &[Stream],
    sessions: &[Session],
    (stored, given_up): (&[Stored], &[Stored]),
    (network, is_traced): (&str, bool),
    lateness: &Lateness,
) -> Weighed {
    if sessions.is_empty() && stored.is_empty() {
        return Weighed::default();
    }
    let (sessions, owners) = halved(sessions, stored);
    let sessions = sessions.as_slice();
    let owned = stored.iter().zip(&owners);
    let recorded: Vec<Recorded<'_>> =
        owned.clone().map(|(stored, owner)| Recorded { expected: *owner, ..stored.recorded.clone() }).collect();
    let truth = truth(streams, sessions);
    let traces = RefCell::new(Vec::new());
    let judge = |limits: &Limits| {
        if !is_traced {
            return verify::judge(&truth, &recorded, limits);
        }
        let (verdict, traced) = verify::judge_traced(&truth, &recorded, limits);
        *traces.borrow_mut() = traced;
        verdict
    };
    let (verdict, excused) =
        fair(Limits { mono_mix: stored.iter().any(|stored| stored.is_mixed), ..limits(network) }, lateness, judge);
    let mut weighed = Weighed { traces: traces.into_inner(), ..of_verdict(&verdict) };
    weighed.undecided.extend(excused);
    let mut of_calls = metadata::compare_calls(stored, given_up, sessions);
    for (stored, owner) in owned {
        let told = owner.and_then(|at| sessions.get(at));
        let label = told.map_or_else(|| stored.recorded.label.clone(), Session::label);
        let mut found = stored.findings.clone();
        if let Some(written) = &stored.metadata {
            match told {
                Some(told) => {
                    metadata::compare(told, written, &mut found);
                    metadata::against_run(told, streams, &stored.folder, written, &mut found);
                }
                None if sessions.is_empty() => {}
                None => found.push(stranger(&written.legs)),
            }
            metadata::fits_together(&stored.folder, written, &mut found);
            found.extend(of_files(stored, written, &verdict, &label));
        }
        // What is said of a recording whose names leave it open which it is, is held against the one that it is by its audio.
        let by_audio = || {
            let is_of = |file: &str| stored.recorded.files.iter().any(|own| own.name == file);
            let heard = verdict.channels.iter().find(|channel| is_of(&channel.file))?;
            sessions.iter().find(|session| session.label() == heard.recording)
        };
        if let Some(told) = told.or_else(by_audio) {
            stored.said.iter().for_each(|said| said.compare(told, &mut found));
        }
        found.extend(of_calls.remove(&stored.folder).unwrap_or_default());
        found.iter_mut().for_each(|finding| finding.recording = Some(label.clone()));
        weighed.findings.extend(found);
    }
    weighed
}

/// Judges, and takes out of the findings that legs are misaligned where the harness itself was late enough at its worst: a
/// recorder knows only when packets came, and one on the same machine may have been held up as long again. Tells what was
/// taken out.
pub(crate) fn fair(
    limits: Limits,
    lateness: &Lateness,
    mut judge: impl FnMut(&Limits) -> verify::Verdict,
) -> (verify::Verdict, Option<String>) {
    let mut verdict = judge(&limits);
    let late_ms = f64::from(lateness.max_us) / 1000.0;
    let alignment_ms = limits.alignment_ms + 2.0 * late_ms;
    if !verdict.has(MISALIGNED) || late_ms == 0.0 {
        return (verdict, None);
    }
    if judge(&Limits { alignment_ms, ..limits }).has(MISALIGNED) {
        return (verdict, None);
    }
    let found: Vec<String> =
        verdict.findings.extract_if(.., |finding| finding.rule == MISALIGNED).map(|finding| finding.found).collect();
    (verdict, Some(format!("{}, and the harness itself was up to {late_ms:.1} ms late", found.join(", "))))
}

const MISALIGNED: &str = "misaligned-legs";

/// Compares what is written about the files in which nothing is wrong with them: where something is, a length that
/// does not fit what is written is no news.
fn of_files(stored: &Stored, written: &Recording, verdict: &verify::Verdict, label: &str) -> Vec<Finding> {
    let blamed = |file: &str| {
        let mut here = verdict.findings.iter().filter(|finding| finding.recording == label);
        here.any(|finding| finding.file.as_deref().is_none_or(|blamed| blamed == file))
    };
    let channels = verdict.channels.iter().filter(|channel| channel.recording == label && !blamed(&channel.file));
    let rate = |file: &str| f64::from(stored.rate_of(file).unwrap_or(8000));
    let samples =
        |channel: &verify::ChannelFigures| (channel.duration_ms * rate(&channel.file) / 1000.0).round() as u64;
    let sound: BTreeMap<&str, u64> = channels.map(|channel| (channel.file.as_str(), samples(channel))).collect();
    let mut found: Vec<Finding> = metadata::compare_offsets(written, verdict, label, &sound).into_iter().collect();
    for (file, length) in sound {
        if !found.iter().any(|finding| finding.file.as_deref() == Some(file)) {
            match metadata::compare_length(written, file, length) {
                Some(finding) => found.push(finding),
                None => found.extend(metadata::compare_container(
                    written,
                    file,
                    stored.bytes_of(file),
                    stored.rate_of(file),
                )),
            }
        }
    }
    found
}

/// A recording whose dialogs CUCM never had: what its audio is, the verifier says.
fn stranger(legs: &[recorder::metadata::Leg]) -> Finding {
    let named: Vec<&str> = legs.iter().map(|leg| leg.call_id.as_str()).collect();
    let found = if named.is_empty() { "no Call-ID".to_owned() } else { format!("Call-ID {}", named.join(" and ")) };
    Finding::new("wrong-metadata", "the Call-IDs of a recording session of CUCM's", found)
}

/// How many recordings there are, where that is wrong and no finding says so yet. One of which two recorders got a leg each is two
/// folders; who tells how many there are to be may count either.
pub(crate) fn count(expected: usize, stored: &[Stored], findings: &[Finding]) -> Option<Finding> {
    let (got, split) = (stored.len(), split(stored));
    if got - split == expected {
        return None;
    }
    let rule = if got < expected { "missing-recording" } else { "unexpected-recording" };
    let told = findings.iter().any(|finding| finding.rule == rule);
    (got != expected && !told)
        .then(|| Finding::new(rule, format!("{expected} recordings"), format!("{got} recordings")))
}

/// A harness whose 95th percentile of lateness is above this does not blame a recorder.
const LATE_P95_US: u32 = 10_000;

/// The verdict on `findings`; `undecided` are the reasons why it may be none, to which a late harness is added.
pub(crate) fn verdict(findings: &[Finding], undecided: &mut Vec<String>, lateness: &Lateness) -> Verdict {
    let late = lateness.p95_us > LATE_P95_US;
    if late && !findings.is_empty() {
        let p95 = f64::from(lateness.p95_us) / 1000.0;
        let limit = f64::from(LATE_P95_US) / 1000.0;
        let why = format!(
            "the harness itself sent 5 % of its packets more than {p95:.1} ms late; the limit is {limit:.1} ms"
        );
        undecided.push(why);
    }
    match (findings.is_empty(), undecided.is_empty()) {
        (_, false) if late || findings.is_empty() => Verdict::Inconclusive,
        (false, _) => Verdict::Finding,
        (true, _) => Verdict::Pass,
    }
}

/// A verdict of the verifier's in the words of an outcome.
pub(crate) fn of_verdict(verdict: &verify::Verdict) -> Weighed {
    Weighed {
        findings: verdict.findings.iter().map(of_verify).collect(),
        channels: verdict.channels.iter().map(channel).collect(),
        compared: verdict.compared_frames,
        undecided: Vec::new(),
        traces: Vec::new(),
    }
}

fn of_verify(finding: &verify::Finding) -> Finding {
    let ms = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
    Finding {
        rule: finding.rule.to_owned(),
        expected: finding.expected.clone(),
        found: finding.found.clone(),
        line: None,
        recording: Some(finding.recording.clone()),
        leg: finding.leg.map(|leg| leg.name().to_owned()),
        audio_ms: finding.at.map(|span| (ms(span.start_s), ms(span.end_s))),
        packets: finding.packets.map(|p| (p.first.into(), p.last.into())),
        file: finding.file.clone(),
    }
}

fn channel(figures: &verify::ChannelFigures) -> Channel {
    let sum = |keep: &dyn Fn(&str, &str) -> bool| {
        let cells =
            figures.frames.iter().flat_map(|(class, fates)| fates.iter().map(move |(fate, n)| (class, fate, n)));
        cells.filter(|(class, fate, _)| keep(class, fate)).map(|(_, _, n)| n).sum()
    };
    Channel {
        recording: figures.recording.clone(),
        leg: figures.leg.map(|leg| leg.name().to_owned()).unwrap_or_default(),
        file: figures.file.clone(),
        delivered: sum(&|_, fate| fate != "dropped" && fate != "not_sent"),
        exact: sum(&|class, _| class == "exact"),
        lost_by_network: sum(&|_, fate| fate == "dropped"),
        figures: serde_json::to_value(figures).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Legs that are `off_ms` apart, as the verifier would judge them under these limits.
    fn apart(off_ms: f64) -> impl Fn(&Limits) -> verify::Verdict {
        move |limits| {
            let mut verdict = verify::judge(&verify::Truth { streams: &[], recordings: Vec::new() }, &[], limits);
            if off_ms > limits.alignment_ms {
                let finding = verify::Finding {
                    rule: MISALIGNED,
                    found: format!("{off_ms} ms apart"),
                    severity: verify::Severity::Wrong,
                    expected: String::new(),
                    recording: String::new(),
                    file: None,
                    channel: None,
                    leg: None,
                    at: None,
                    packets: None,
                };
                verdict.findings.push(finding);
            }
            verdict
        }
    }

    #[test]
    fn a_late_harness_shows_how_late_it_was_and_may_be() {
        let findings = [Finding::new("lost-frames", "all", "none")];
        let weighed = |p95_us| {
            let mut undecided = Vec::new();
            (verdict(&findings, &mut undecided, &Lateness { p95_us, ..Lateness::default() }), undecided)
        };
        assert_eq!(weighed(10_000), (Verdict::Finding, Vec::new()));
        let why = "the harness itself sent 5 % of its packets more than 12.3 ms late; the limit is 10.0 ms";
        assert_eq!(weighed(12_300), (Verdict::Inconclusive, vec![why.to_owned()]));
    }

    fn late(max_us: u32) -> Lateness {
        Lateness { max_us, ..Lateness::default() }
    }

    #[test]
    fn legs_no_further_apart_than_the_harness_was_late_are_not_held_against_the_recorder() {
        let (verdict, excused) = fair(Limits::default(), &late(17_000), apart(13.6));
        assert!(!verdict.has(MISALIGNED));
        assert_eq!(excused.unwrap(), "13.6 ms apart, and the harness itself was up to 17.0 ms late");
    }

    #[test]
    fn legs_further_apart_than_that_are() {
        for (off_ms, max_us) in [(50.0, 17_000), (13.6, 0), (13.6, 1_000)] {
            let (verdict, excused) = fair(Limits::default(), &late(max_us), apart(off_ms));
            assert!(verdict.has(MISALIGNED) && excused.is_none(), "{off_ms} ms, {max_us} us late");
        }
    }
}
