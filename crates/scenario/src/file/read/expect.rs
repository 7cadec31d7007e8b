//! What a run must come to.

use trust::rule::Refusal;

use super::{keep, suite};
use crate::file::ast::{Expect, Party, Refused};
use crate::file::diagnostic::Diagnostic;
use crate::file::fields::{Fields, flag, list, number, one_of, text, unknown};
use crate::file::shape::{Ask, note};
use crate::file::tree::{Key, Node, Value};
use crate::file::trunks::{Destination, UNDER_TEST};

const PARTIES: [(&str, Party); 2] = [("cucm", Party::Cucm), ("recorder", Party::Recorder)];

/// CUCM's alarms by their names in its catalogue.
const ALARMS: [(&str, &str); 9] = [
    ("RecordingCallSetupFail", "RecordingCallSetupFail"),
    ("RecordingGatewayRegistrationRejected", "RecordingGatewayRegistrationRejected"),
    ("RecordingGatewayRegistrationTimeout", "RecordingGatewayRegistrationTimeout"),
    ("RecordingGatewaySessionFailed", "RecordingGatewaySessionFailed"),
    ("RecordingResourcesNotAvailable", "RecordingResourcesNotAvailable"),
    ("RecordingSessionTerminatedUnexpectedly", "RecordingSessionTerminatedUnexpectedly"),
    ("SIPTrunkOOS", "SIPTrunkOOS"),
    ("SIPTrunkPartiallyISV", "SIPTrunkPartiallyISV"),
    ("SIPTrunkISV", "SIPTrunkISV"),
];

/// The rule of two parties that have no version of TLS in common: no certificate was judged yet.
const TLS_VERSION: &str = "tls-version";

/// Rules by which CUCM gives a recording up.
const GIVEN_UP: [(&str, &str); 10] = [
    ("security-capability-mismatch", "security-capability-mismatch"),
    ("status", "status"),
    ("timeout", "timeout"),
    ("connect", "connect"),
    ("closed", "closed"),
    ("alert", "alert"),
    ("given-up", "given-up"),
    ("out-of-service", "out-of-service"),
    ("gateway", "gateway"),
    ("bridge", "bridge"),
];

pub(super) fn read_expect(node: Option<&Node>, destinations: &[Destination], wrong: &mut Vec<Diagnostic>) -> Expect {
    let Some(node) = node else { return Expect::default() };
    let mut f = Fields::of(node, "what is expected", wrong);
    let media = [("SRTP", false), ("RTP", true)];
    let expect = Expect {
        line: node.place.line,
        recordings: f.maybe("recordings", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
        clear: f.maybe("media", wrong, |n| one_of(n, &media)),
        clear_call: f.maybe("main call", wrong, |n| one_of(n, &media)),
        user_agent: f.maybe("user agent", wrong, text),
        suite: f.maybe("suite", wrong, suite),
        refused: f.optional("refused").map(|n| read_refused(n, wrong)),
        bye_cause: f.maybe("BYE cause", wrong, |n| number(n, 1, 127).map(|v| v as u16)),
        sequence_wraps: f.or("sequence wraps", false, wrong, flag),
        session_refreshed: f.or("session refreshed", false, wrong, flag),
        media_before_ack: f.or("media before ACK", false, wrong, flag),
        alarms: f.or("alarms", Vec::new(), wrong, |n| list(n, |alarm| one_of(alarm, &ALARMS).map(str::to_owned))),
        far_answered_first: f.or("far answered first", false, wrong, flag),
        ended_by_recorder: f.or("ended by recorder", false, wrong, flag),
        given_up: f.maybe("given up", wrong, |n| one_of(n, &GIVEN_UP)).map(str::to_owned),
        recordings_at: f.optional("recordings at").map(|n| read_places(n, destinations, wrong)).unwrap_or_default(),
        out_of_service: f.or("destinations out", Vec::new(), wrong, |n| list(n, |d| place(d, destinations))),
        back_in_service: f.or("destinations back", Vec::new(), wrong, |n| list(n, |d| place(d, destinations))),
        refreshed_by_recorder: f.or("refreshed by recorder", false, wrong, flag),
        legs_apart: f.or("legs apart", false, wrong, flag),
        one_leg: f.maybe("one-leg recordings", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
        duplicates: f.maybe("duplicates", wrong, |n| number(n, 0, 1000).map(|v| v as usize)),
    };
    f.finish(wrong);
    expect
}

/// The recorder under test or a destination, by its name.
fn place(node: &Node, destinations: &[Destination]) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    place_of(&Key { name, place: node.place }, destinations)
}

fn place_of(key: &Key, destinations: &[Destination]) -> Result<usize, Diagnostic> {
    let names: Vec<&str> = [UNDER_TEST].into_iter().chain(destinations.iter().map(|d| d.name.as_str())).collect();
    let found = names.iter().position(|known| *known == key.name);
    found.ok_or_else(|| unknown(&format!("no destination is called `{}`", key.name), key, &names))
}

/// How many recordings each of some recorders must have.
fn read_places(node: &Node, destinations: &[Destination], wrong: &mut Vec<Diagnostic>) -> Vec<(usize, usize)> {
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        wrong.push(
            Diagnostic::new(node.place, "expected recorders by name").help("such as `{ recorder: 0, backup: 1 }`"),
        );
        return Vec::new();
    };
    let mut places = Vec::new();
    for (key, count) in entries {
        let place = keep(place_of(key, destinations), wrong);
        let count = keep(number(count, 0, 1000), wrong);
        places.extend(place.zip(count.map(|count| count as usize)));
    }
    places
}

fn read_refused(node: &Node, wrong: &mut Vec<Diagnostic>) -> Refused {
    let mut f = Fields::of(node, "a refusal", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(one_of(n, &PARTIES), wrong)).unwrap_or(Party::Cucm);
    let rules: Vec<(&str, &str)> = Refusal::RULES.iter().chain(&[TLS_VERSION]).map(|rule| (*rule, *rule)).collect();
    let rule = f.required("rule", wrong).and_then(|n| keep(one_of(n, &rules), wrong)).unwrap_or_default().to_owned();
    f.finish(wrong);
    Refused { by, rule }
}
