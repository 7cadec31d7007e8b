//! What the scenario expects of trunks and single messages: where recordings are, what was found out of service, what recorders
//! answered.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use cucm::{Alarm, CucmEvent};

use crate::file::{Does, Scenario};
use crate::kept::Stored;
use crate::outcome::Finding;
use crate::run::play::Played;
use crate::run::stage;

/// Which recorder has a recording: 0 is the one under test, others are one more than their index.
fn place(scenario: &Scenario, root: &Path, stored: &Stored) -> usize {
    let below = stored.folder.strip_prefix(root).ok().and_then(|below| below.components().next());
    let Some(Component::Normal(name)) = below else { return 0 };
    let named = scenario.destinations.iter().position(|destination| name == destination.name.as_str());
    named.map_or(0, |index| index + 1)
}

fn name(scenario: &Scenario, place: usize) -> &str {
    place.checked_sub(1).and_then(|index| scenario.destinations.get(index)).map_or("recorder", |d| &d.name)
}

/// Tells which recorder has which recording, and finds those that are elsewhere than expected.
pub(super) fn check_places(
    scenario: &Scenario,
    root: &Path,
    whole: &[Stored],
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let mut counts: BTreeMap<usize, usize> = BTreeMap::new();
    let mut told = Vec::new();
    for stored in whole {
        let place = place(scenario, root, stored);
        *counts.entry(place).or_default() += 1;
        if !scenario.destinations.is_empty() {
            told.push(format!("{} has the recording {}", name(scenario, place), stored.recorded.label));
        }
    }
    for (place, wanted) in &scenario.expect.recordings_at {
        let got = counts.get(place).copied().unwrap_or_default();
        if got != *wanted {
            let (expected, got) =
                (format!("{wanted} recordings at {}", name(scenario, *place)), format!("{got} there"));
            findings.push(
                Finding::new("wrong-recorder", expected, got)
                    .at_line(super::lines::of_expectation(scenario, "recordings at")),
            );
        }
    }
    told
}

/// A dialog belongs to one recording of one recorder: one in two was taken for two calls.
pub(super) fn check_dialogs<'a>(stored: impl Iterator<Item = &'a Stored>, findings: &mut Vec<Finding>) {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for (written, recording) in stored.filter_map(|stored| Some((stored.metadata.as_ref()?, &stored.recorded.label))) {
        for leg in &written.legs {
            let key = format!("{} {}", leg.call_id, leg.remote_tag);
            let Some(before) = seen.insert(key, written.id.clone()).filter(|before| *before != written.id) else {
                continue;
            };
            let found = format!("Call-ID {} is in {before} and in {}", leg.call_id, written.id);
            let mut finding = Finding::new("dialog-twice", "each dialog in one recording", found);
            finding.recording = Some(recording.clone());
            findings.push(finding);
        }
    }
}

/// What was to happen to single messages must have happened.
pub(super) fn check_disturbed(scenario: &Scenario, played: &Played, undecided: &mut Vec<String>) {
    for (entry, deeds) in scenario.signalling.iter().zip(&played.cucm.disturbed) {
        if *deeds == 0 {
            undecided.push(format!("line {}: there was no such message", entry.line));
        }
    }
}

/// To a request that it does not know a recorder says so; what it must not do is fail or be silent (RFC 3261 §8.2).
pub(super) fn check_answers(played: &Played, findings: &mut Vec<Finding>) {
    const PROPER: [u16; 6] = [200, 202, 405, 415, 489, 501];
    for (_, event) in &played.events {
        let CucmEvent::RecorderAnswered { method, status, leg, .. } = event else { continue };
        let got = match status {
            Some(status) if PROPER.contains(status) => continue,
            Some(status) => format!("{status} to {method} in the {} dialog", leg.name()),
            None => format!("no answer to {method} in the {} dialog", leg.name()),
        };
        findings.push(Finding::new("improper-answer", "200, 202, 405, 415, 489 or 501", got));
    }
}

/// A recorder's requests come by the connection that CUCM has opened.
pub(super) fn check_connections(played: &Played, findings: &mut Vec<Finding>) {
    for (_, event) in &played.events {
        if let CucmEvent::RecorderConnected { leg, method, .. } = event {
            let got = format!("{method} in the {} dialog by a connection that the recorder opened", leg.name());
            findings.push(Finding::new("another-connection", "requests by the connection that stands", got));
        }
    }
}

/// OPTIONS ping must find out of service what is to be found so, and nothing else that lives.
pub(super) fn check_ping(
    scenario: &Scenario,
    played: &Played,
    findings: &mut Vec<Finding>,
    undecided: &mut Vec<String>,
) {
    if scenario.trunk.options_ping.is_none() {
        return;
    }
    let expect = &scenario.expect;
    let at = |place: usize| stage::address_of(scenario, played.addresses, place);
    let reported = |place: usize, up: bool| {
        played.events.iter().any(|(_, event)| match event {
            CucmEvent::DestinationStatus { destination, in_service, .. } => {
                *in_service == up && destination.ip() == at(place)
            }
            _ => false,
        })
    };
    let lives = |place: usize| match place.checked_sub(1).and_then(|index| scenario.destinations.get(index)) {
        Some(destination) => destination.does != Does::NothingListens && destination.does != Does::RefusesTls,
        None => true,
    };
    for place in (0..=scenario.destinations.len()).filter(|place| lives(*place)) {
        if reported(place, false) && !expect.out_of_service.contains(&place) {
            let got = format!("no answer from {}, or 408 or 503: CUCM marked it out of service", at(place));
            findings.push(Finding::new("out-of-service", "every OPTIONS ping is answered", got));
        }
    }
    for (places, up, word) in
        [(&expect.out_of_service, false, "go out of"), (&expect.back_in_service, true, "come back into")]
    {
        for place in places.iter().filter(|place| !reported(**place, up)) {
            undecided.push(format!("{} was to {word} service and did not", name(scenario, *place)));
        }
    }
    if played.cucm.pings == 0 {
        undecided.push("CUCM was to send OPTIONS and sent none".to_owned());
    }
}

/// Recordings of one leg alone, and those marked as doubles: a recorder must say so itself.
pub(super) fn check_marks(scenario: &Scenario, whole: &[Stored], findings: &mut Vec<Finding>) {
    let written = || whole.iter().filter_map(|stored| stored.metadata.as_ref());
    let one_leg = written()
        .filter(|written| written.alarms.iter().any(|alarm| alarm.trouble == recorder::metadata::Trouble::OneLeg))
        .count();
    let duplicates = written().filter(|written| written.duplicate_of.is_some()).count();
    let expect = &scenario.expect;
    for (wanted, got, what) in
        [(expect.one_leg, one_leg, "with the alarm one-leg"), (expect.duplicates, duplicates, "marked as a duplicate")]
    {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != got) {
            let finding = Finding::new("wrong-mark", format!("{wanted} recordings {what}"), format!("{got} are"));
            findings.push(finding.at_line(expect.line));
        }
    }
}

/// The alarms that CUCM was to raise.
pub(super) fn check_alarms(scenario: &Scenario, played: &Played, undecided: &mut Vec<String>) {
    let raised = |name: &str| {
        played.events.iter().any(|(_, event)| matches!(event, CucmEvent::Alarm(alarm) if alarm.name() == name))
    };
    let missing = scenario.expect.alarms.iter().filter(|name| !raised(name));
    undecided.extend(missing.map(|name| format!("CUCM was to raise the alarm {name} and did not")));
}

/// A recording that CUCM lost while its call went on: the recorder forgot the dialog, or did not answer a refresh.
pub(super) fn check_terminated(scenario: &Scenario, played: &Played, findings: &mut Vec<Finding>) {
    for (_, event) in &played.events {
        let CucmEvent::Alarm(Alarm::RecordingSessionTerminatedUnexpectedly { recording, near, reason }) = event else {
            continue;
        };
        let hung_up = |(_, event): &(u64, CucmEvent)| match event {
            CucmEvent::RecordingEnded { recording: ended, by_recorder: true, .. } => ended == recording,
            _ => false,
        };
        // That it hung up is found, or expected, elsewhere.
        if !played.events.iter().any(hung_up) && scenario.expect.given_up.is_none() {
            let got = format!("that of {} ended: {reason}", near.number);
            findings.push(Finding::new("recording-terminated", "a recording that lasts as long as its call", got));
        }
    }
}

/// What the scenario wanted to provoke on trunks must have happened.
pub(super) fn check_provoked(scenario: &Scenario, played: &Played, whole: &[Stored], undecided: &mut Vec<String>) {
    if scenario.expect.refreshed_by_recorder && played.cucm.refreshed_by_recorder == 0 {
        undecided.push("the recorder was to refresh the session and did not".to_owned());
    }
    let by_recorder =
        |(_, event): &(u64, CucmEvent)| matches!(event, CucmEvent::RecordingEnded { by_recorder: true, .. });
    if scenario.expect.ended_by_recorder && !played.events.iter().any(by_recorder) {
        undecided.push("the recorder was to end a recording and did not".to_owned());
    }
    let halves = whole.iter().filter_map(|stored| stored.metadata.as_ref()).filter(|written| written.legs.len() == 1);
    if scenario.expect.legs_apart && halves.count() < 2 {
        undecided.push("the legs of a recording were to go apart and did not".to_owned());
    }
}
