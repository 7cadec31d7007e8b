//! What the scenario expects beside sound recordings: calls set up as they should be, refusals, nothing left open.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use cucm::config::RecordingMediaSource;
use cucm::{CucmEvent, RecordingFailed, Sender};
use media::ledger::{Fate, Nature, Stream, StreamKind};
use recorder::metadata::{Recording, Side};

use crate::file::paper::recordings_of;
use crate::file::{Action, Deed, Injected, Party, Scenario, Site, SiteKind};
use crate::kept::{Session, SessionLeg, Stored, count};
use crate::outcome::Finding;
use crate::run::addresses::{Addresses, device_name};
use crate::run::play::{Played, sender};
use crate::run::subject::Left;

use super::lines;

/// As many as the steps give, unless the scenario says otherwise.
pub(in crate::run) fn expected_recordings(scenario: &Scenario) -> usize {
    scenario.expect.recordings.unwrap_or_else(|| recordings_of(scenario))
}

/// Compares the number of recordings; `joined` are in the file of another one.
pub(super) fn check_count(
    scenario: &Scenario,
    stored: &[Stored],
    joined: usize,
    findings: &[Finding],
) -> Option<Finding> {
    let finding = count(expected_recordings(scenario).saturating_sub(joined), stored, findings)?;
    Some(match scenario.expect.recordings {
        Some(_) => finding.at_line(lines::of_expectation(scenario, "recordings")),
        None => finding,
    })
}

/// Whoever is behind the trunk must send nothing but whole SIP messages; each way in which it does not is found once. A
/// malformed message of a phone is the harness's own fault, and what strangers send tests nobody.
pub(super) fn check_messages(played: &Played, findings: &mut Vec<Finding>, undecided: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for (_, event) in &played.events {
        let CucmEvent::Malformed { from, peer, what } = event else { continue };
        let said = format!("{} sent {what}", sender(from, *peer));
        match from {
            Sender::Trunk(_) if seen.insert(&what.why) => {
                findings.push(Finding::new("malformed-message", "nothing but whole SIP messages", said));
            }
            Sender::Phone(_) => undecided.push(said),
            Sender::Trunk(_) | Sender::Stranger => {}
        }
    }
}

/// What a recorder's offer or answer says of a stream must be something that the phone can do: CUCM passes it on.
pub(super) fn check_forks(played: &Played, findings: &mut Vec<Finding>) {
    for (phone, (leg, why)) in
        played.phones.iter().flat_map(|phone| phone.refused_forks.iter().map(move |fork| (phone, fork)))
    {
        let got = format!("{why} ({}, {} leg: it sends nothing)", phone.device, leg.name());
        findings.push(Finding::new("unusable-media", "a description that the phone's bridge can use", got));
    }
}

/// Who cannot encrypt forks in clear, whatever the call and the trunk are: a non-secure phone, and a gateway, which is asked
/// to fork only what is in clear ("Feature Configuration Guide for Cisco Unified Communications Manager", Recording).
fn forks_in_clear(scenario: &Scenario, played: &Played, session: &Session, leg: &SessionLeg) -> bool {
    let near = scenario.phones.iter().enumerate().find(|(index, _)| device_name(*index) == session.near.device);
    let is_non_secure = near.is_some_and(|(_, phone)| !phone.encrypted);
    let told = leg.told.as_ref().map(|told| told.phone_media.ip());
    let is_gateway = |(index, site): (usize, &Site)| {
        site.kind == SiteKind::Gateway && told == Some(played.addresses.site(index, site.encrypted).ip())
    };
    let by_gateway = near.is_some_and(|(_, phone)| phone.source == RecordingMediaSource::Gateway)
        && scenario.outside.iter().enumerate().any(is_gateway);
    is_non_secure || by_gateway
}

pub(super) fn check_media(scenario: &Scenario, played: &Played, sessions: &[Session], findings: &mut Vec<Finding>) {
    let expect = &scenario.expect;
    for session in sessions {
        for leg in session.legs().map(|leg| session.leg(leg)) {
            let clear = leg.suite.is_none();
            let may_be_clear = expect.clear.unwrap_or_else(|| forks_in_clear(scenario, played, session, leg));
            if clear && !may_be_clear {
                let mut finding = Finding::new("audio-in-clear", "SRTP to the recorder", "RTP was agreed");
                finding.recording = Some(session.label());
                findings.push(finding);
            }
            if !clear && expect.clear == Some(true) {
                let finding = Finding::new("unexpected-srtp", "RTP to the recorder", "SRTP was agreed");
                findings.push(finding.at_line(lines::of_expectation(scenario, "media")));
            }
            if let (Some(wanted), Some(got)) = (expect.suite, leg.suite)
                && wanted != got
            {
                let finding = Finding::new("wrong-suite", wanted.name(), got.name());
                findings.push(finding.at_line(lines::of_expectation(scenario, "suite")));
            }
        }
    }
}

pub(super) fn check_refusals(scenario: &Scenario, played: &Played, findings: &mut Vec<Finding>) {
    // Whoever else connects, a stranger or the recorder of another trunk, tests nobody.
    let recorder = played.addresses.recorder();
    let by_cucm = played.events.iter().filter_map(|(_, event)| match event {
        CucmEvent::TrunkTls { trunk: Some(_), peer, failure } if failure.refused_by_us && peer.ip() == recorder => {
            Some((failure.rule.clone(), failure.why.clone()))
        }
        _ => None,
    });
    let by_cucm: Vec<_> = by_cucm.collect();
    let has_dead_node = played.events.iter().any(|(_, event)| matches!(event, CucmEvent::NodeFailed { .. }));
    let mut by_recorder = played.recorder.refusals(&played.events, scenario.expect.refused.as_ref());
    // That it finds no way to a node that is dead is no refusal, nor that it closes a connection by which CUCM had nothing to say.
    by_recorder.retain(|(rule, _)| !(has_dead_node && rule == "unreachable" || rule == "first-message-timeout"));
    let Some(expected) = &scenario.expect.refused else {
        for (who, list) in [("CUCM", &by_cucm), ("the recorder", &by_recorder)] {
            if let Some((rule, why)) = list.first() {
                findings.push(Finding::new("refused", "a TLS connection", format!("{who} refused it: {why} ({rule})")));
            }
        }
        return;
    };
    let (who, list) = match expected.by {
        Party::Cucm => ("CUCM", &by_cucm),
        Party::Recorder => ("the recorder", &by_recorder),
    };
    if !list.iter().any(|(rule, _)| *rule == expected.rule) {
        let rules: Vec<&str> = list.iter().map(|(rule, _)| rule.as_str()).collect();
        let got = if rules.is_empty() { "no refusal".to_owned() } else { format!("refusals by {}", rules.join(", ")) };
        let finding = Finding::new("not-refused", format!("{who} refuses by the rule {}", expected.rule), got);
        findings.push(finding.at_line(lines::of_expectation(scenario, "refused")));
    }
}

pub(super) fn check_failures(
    scenario: &Scenario,
    played: &Played,
    given_up: &[&Recording],
    findings: &mut Vec<Finding>,
    undecided: &mut Vec<String>,
) {
    let failed: Vec<_> = played
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            CucmEvent::RecordingFailed(failed) => Some(failed),
            _ => None,
        })
        .collect();
    let given_up_by = scenario.expect.given_up.as_deref();
    if let Some(rule) = given_up_by.filter(|rule| !failed.iter().any(|failed| failed.rule == *rule)) {
        let rules: Vec<&str> = failed.iter().map(|failed| failed.rule.as_str()).collect();
        let got =
            if rules.is_empty() { "it gave none up".to_owned() } else { format!("it did by {}", rules.join(", ")) };
        let finding = Finding::new("not-given-up", format!("CUCM gives a recording up by the rule {rule}"), got);
        findings.push(finding.at_line(lines::of_expectation(scenario, "given up")));
    }
    findings.extend(failure(scenario, &played.addresses, &played.events));
    for failed in failures(scenario, &played.events).filter(|it| failed_elsewhere(scenario, &played.addresses, it)) {
        undecided.push(format!("CUCM gave a recording up before it came to the recorder under test: {}", failed.why));
    }
    if let Some(cause) = scenario.expect.bye_cause {
        let named = format!("cause={cause}");
        let reasons: Vec<&str> =
            given_up.iter().flat_map(|written| &written.legs).filter_map(|leg| leg.end_reason.as_deref()).collect();
        if reasons.is_empty() || !reasons.iter().all(|reason| reason.contains(&named)) {
            let got = if reasons.is_empty() { "no recording was given up".to_owned() } else { reasons.join(", ") };
            let finding = Finding::new("wrong-cause", format!("BYE with Reason: Q.850;{named} on both legs"), got);
            findings.push(finding.at_line(lines::of_expectation(scenario, "BYE cause")));
        }
    }
}

/// The rules by which a recording is given up on its way to the recorder, or without one: any other says that the two ends have no media
/// in common, behind which CUCM sends BYE with a cause.
const OF_THE_WAY: [&str; 7] = ["status", "timeout", "connect", "closed", "alert", "given-up", "out-of-service"];

/// Recordings that CUCM gave up, where the scenario does not say that it is to give up one.
fn failures<'a>(scenario: &'a Scenario, events: &'a [(u64, CucmEvent)]) -> impl Iterator<Item = &'a RecordingFailed> {
    let expect = &scenario.expect;
    let wanted = move |failed: &RecordingFailed| match (&expect.given_up, &expect.refused) {
        (Some(rule), _) => failed.rule == *rule,
        (None, Some(refused)) if refused.by == Party::Cucm => failed.rule == refused.rule,
        // Whom the recorder refuses sees an alert, or the connection closed.
        (None, Some(_)) => ["alert", "closed"].contains(&&*failed.rule),
        (None, None) => expect.bye_cause.is_some() && !OF_THE_WAY.contains(&&*failed.rule),
    };
    events.iter().filter_map(move |(_, event)| match event {
        CucmEvent::RecordingFailed(failed) if !wanted(failed) => Some(failed),
        _ => None,
    })
}

/// Whether CUCM gave it up at destinations beside the recorder under test, which was never called.
fn failed_elsewhere(scenario: &Scenario, addresses: &Addresses, failed: &RecordingFailed) -> bool {
    let beside: Vec<IpAddr> = (0..scenario.destinations.len()).map(|index| addresses.destination(index)).collect();
    !failed.tried.is_empty() && failed.tried.iter().all(|tried| beside.contains(&tried.ip()))
}

/// The first recording that CUCM gave up at the recorder under test.
fn failure(scenario: &Scenario, addresses: &Addresses, events: &[(u64, CucmEvent)]) -> Option<Finding> {
    let failed = failures(scenario, events).find(|failed| !failed_elsewhere(scenario, addresses, failed))?;
    let got = format!("CUCM gave it up: {} ({})", failed.why, failed.rule);
    Some(Finding::new("recording-failed", "a recording session", got))
}

/// What the recorder alone has done so far that no recording survives: steps that need one cannot be taken after it.
pub(in crate::run) fn recorder_faults(
    scenario: &Scenario,
    addresses: &Addresses,
    events: &[(u64, CucmEvent)],
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = failure(scenario, addresses, events).into_iter().collect();
    check_hang_ups(scenario, events, &mut findings);
    findings
}

/// A recorder that ends a recording while the call goes on loses what is said from then on.
pub(super) fn check_hang_ups(scenario: &Scenario, events: &[(u64, CucmEvent)], findings: &mut Vec<Finding>) {
    if scenario.expect.ended_by_recorder
        || scenario.steps.iter().any(|step| matches!(step.action, Action::RecorderDoes { deed: Deed::HangUp, .. }))
    {
        return;
    }
    for (at_us, event) in events {
        if let CucmEvent::RecordingEnded { recording, by_recorder: true, why, .. } = event {
            let call = events.iter().find_map(|(_, event)| match event {
                CucmEvent::RecordingStarted(started) if started.recording == *recording => Some(started),
                _ => None,
            });
            let of = call.map_or_else(String::new, |s| format!(" of {} with {}", s.near.number, s.far.number));
            let at = *at_us as f64 / 1e6;
            let got = format!("{why}, {at:.1} s into the run: recording{of}");
            findings.push(Finding::new("recorder-hung-up", "a recording that lasts as long as its call", got));
        }
    }
}

/// What cannot be told apart from a recorder's fault: nothing was to be recorded, or nothing could arrive.
pub(super) fn check_possible(
    scenario: &Scenario,
    played: &Played,
    sessions: &[Session],
    findings: &mut Vec<Finding>,
    undecided: &mut Vec<String>,
) {
    let expect = &scenario.expect;
    let asked = expect.recordings == Some(0)
        || expect.refused.is_some()
        || expect.bye_cause.is_some()
        || expect.given_up.is_some();
    if expected_recordings(scenario) == 0 && !asked {
        undecided.push("no call of a recorded phone was answered: there was nothing to record".to_owned());
    }
    if !played.astray.is_empty() {
        undecided.extend(played.astray.iter().cloned());
        findings.retain(|finding| finding.rule != "missing-recording");
    }
    for session in sessions {
        let fed = |stream: &&Stream| {
            [&session.near_leg, &session.far_leg].iter().any(|leg| leg.bridge_call_id == stream.dialog)
        };
        let mut rows = played.ledger.streams.iter().filter(fed).flat_map(|stream| &stream.rows).peekable();
        let ended_us = session.ended_us.unwrap_or(u64::MAX);
        let was_sent = rows.peek().is_some();
        if was_sent && !rows.any(|row| row.arrived_us().is_some_and(|at| at < ended_us)) {
            undecided.push(format!("the network let no packet of recording {} arrive before its end", session.label()));
            findings.retain(|finding| finding.rule != "missing-recording");
        }
    }
}

/// RFC 3711 §9.1: a key stream must never be used twice. Our phones make the keys, so this is the harness's own fault.
pub(super) fn check_keys(streams: &[Stream], undecided: &mut Vec<String>) {
    let mut seen: BTreeMap<[u8; 32], &str> = BTreeMap::new();
    for stream in streams {
        if let Some(key) = stream.key_fingerprint
            && seen.insert(key, &stream.dialog).is_some_and(|dialog| dialog != stream.dialog)
        {
            undecided.push(format!("phone {} used one SRTP master key in two dialogs", stream.phone));
        }
    }
}

pub(super) fn check_leaks(played: &Played, findings: &mut Vec<Finding>, undecided: &mut Vec<String>) {
    let own = match &played.recorder {
        Left::Bundled(summary) => Some(("", &**summary)),
        Left::External(_) => None,
    };
    let beside = played.destinations.iter().flat_map(|left| left.summaries.iter().map(|s| (left.name.as_str(), s)));
    for (name, r) in own.into_iter().chain(beside) {
        let at = if name.is_empty() { String::new() } else { format!(" at {name}") };
        if r.dialogs_open + r.legs_open + r.ports_open + r.recordings_open > 0 {
            let got =
                format!("{} dialogs, {} legs, {} ports still open{at}", r.dialogs_open, r.legs_open, r.ports_open);
            findings.push(Finding::new("leak", "nothing left open after the last BYE", got));
        }
        findings.extend(r.alarms.iter().map(|alarm| Finding::new("recorder-alarm", "no alarm", alarm.clone())));
    }
    if !played.cucm.leaked_dialogs.is_empty() {
        undecided.push(format!("CUCM still has dialogs: {}", played.cucm.leaked_dialogs.join(", ")));
    }
    for phone in &played.phones {
        if phone.open_call || phone.open_bridges > 0 {
            undecided.push(format!("phone {} still has a call or a bridge", phone.device));
        }
    }
}

/// Longer than any packet.
const PAUSE_US: u64 = 200_000;

/// Whether packets of a stream arrived at a port that another dialog's stream had already begun to go to.
fn outlives(stale: &Stream, streams: &[Stream]) -> bool {
    let others = streams.iter().filter(|s| s.destination == stale.destination && s.dialog != stale.dialog);
    let began = others.filter(|other| other.started_us > stale.started_us).map(|other| other.started_us).min();
    began.is_some_and(|began| stale.rows.iter().any(|row| row.arrived_us().is_some_and(|at| at > began)))
}

/// What the scenario wanted to provoke must have happened, or nothing was tested.
pub(super) fn check_provoked(scenario: &Scenario, played: &Played, undecided: &mut Vec<String>) {
    let bridges = || played.ledger.streams.iter().filter(|s| matches!(s.kind, StreamKind::Bridge(_)));
    let rows = || bridges().flat_map(|s| s.rows.iter());
    for step in &scenario.steps {
        let Action::Inject(inject) = &step.action else { continue };
        let nature = match inject.what {
            Injected::PlainRtp => Nature::Plain,
            Injected::FlippedTag { .. } => Nature::BadTag,
            Injected::Replay { .. } => Nature::Replayed,
            Injected::Forged { .. } => Nature::Forged,
            Injected::Loss => {
                if !rows().any(|row| row.fate == Fate::Dropped) {
                    undecided.push(format!("line {}: nothing was lost", step.line));
                }
                continue;
            }
            Injected::Stale => {
                if !bridges().any(|stream| outlives(stream, &played.ledger.streams)) {
                    undecided.push(format!(
                        "line {}: no port that got a packet of a call that was over was given to another",
                        step.line
                    ));
                }
                continue;
            }
            Injected::Silence { .. } => {
                let pauses =
                    |stream: &&Stream| stream.rows.windows(2).any(|pair| pair[1].sent_us - pair[0].sent_us > PAUSE_US);
                if !bridges().any(|stream| pauses(&stream)) {
                    undecided.push(format!("line {}: nobody was silent", step.line));
                }
                continue;
            }
        };
        if !rows().any(|row| row.nature == nature) {
            undecided.push(format!("line {}: nothing was injected", step.line));
        }
    }
    for step in &scenario.steps {
        let Action::Dtmf { by, .. } = &step.action else { continue };
        let device = device_name(*by);
        let mut said = played.ledger.streams.iter().filter(|s| s.kind == StreamKind::Voice && s.phone == device);
        if !said.any(|stream| stream.rows.iter().any(|row| row.codec().is_none())) {
            undecided.push(format!("line {}: keys were to be pressed and none was sent", step.line));
        }
    }
    if scenario.network.loss > 0.0 && !rows().any(|row| row.fate == Fate::Dropped) {
        undecided.push("the network was to lose packets and lost none".to_owned());
    }
    if scenario.expect.sequence_wraps && !bridges().all(|s| s.rows.last().is_some_and(|row| row.index > 0xffff)) {
        undecided.push("the sequence number was to wrap and did not".to_owned());
    }
    if scenario.expect.session_refreshed && played.cucm.refreshes == 0 {
        undecided.push("CUCM was to refresh the session and did not".to_owned());
    }
    if let Some(clear) = scenario.expect.clear_call {
        let main = || played.ledger.streams.iter().filter(|s| s.kind == StreamKind::Voice);
        if main().next().is_none() || main().any(|s| s.suite.is_none() != clear) {
            undecided.push(format!("the phones were to talk to each other in {}", if clear { "RTP" } else { "SRTP" }));
        }
    }
}

/// The recorder must have noted the `User-Agent` that the scenario names.
pub(super) fn check_user_agent(scenario: &Scenario, stored: &[Stored], findings: &mut Vec<Finding>) {
    let Some(wanted) = &scenario.expect.user_agent else { return };
    for leg in stored.iter().filter_map(|stored| stored.metadata.as_ref()).flat_map(|written| &written.legs) {
        if leg.user_agent.as_ref() != Some(wanted) {
            let got = format!("User-Agent {}", leg.user_agent.as_deref().unwrap_or("absent"));
            let finding = Finding::new("wrong-metadata", format!("User-Agent {wanted}"), got);
            findings.push(finding.at_line(lines::of_expectation(scenario, "user agent")));
        }
    }
}

/// What only the recorder can know: in which order it answered, what came before the ACK.
pub(super) fn check_order(scenario: &Scenario, stored: &[Stored], undecided: &mut Vec<String>) {
    for written in stored.iter().filter_map(|stored| stored.metadata.as_ref()) {
        let answered = |side| written.leg(side).and_then(|leg| leg.answered.clone());
        let far_first = answered(Side::Far).is_some() && answered(Side::Far) <= answered(Side::Near);
        if scenario.expect.far_answered_first && !far_first {
            undecided.push("the recorder was to answer the far leg first and did not".to_owned());
        }
        if scenario.expect.media_before_ack && written.legs.iter().any(|leg| leg.packets.before_ack == 0) {
            undecided.push("media was to come before the ACK and did not".to_owned());
        }
    }
}
