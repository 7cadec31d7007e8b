//! What reports draw of a scenario: true, whole, and without a key.

use scenario::evidence::{ColumnKind, Evidence, MessageKind, Transport};
use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::{Network, Options};

fn evident() -> Options {
    Options { evidence: true, ..tests::options(Network::Simulated, 1) }
}

fn of(outcome: &ScenarioOutcome) -> &Evidence {
    outcome.evidence.as_ref().unwrap()
}

#[test]
fn a_run_that_was_not_asked_for_evidence_has_none() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &tests::options(Network::Simulated, 1)).unwrap();
    assert_eq!(outcome.evidence, None);
}

#[test]
fn evidence_changes_nothing_of_an_outcome() {
    let plain = tests::run_one("scenarios/hold-resume.yaml", &tests::options(Network::Simulated, 1)).unwrap();
    let evident = tests::run_one("scenarios/hold-resume.yaml", &evident()).unwrap();
    assert_eq!(evident.without_evidence(), plain);
}

#[test]
fn the_ladder_has_every_party_and_every_message_in_order() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    assert_eq!(outcome.verdict, Verdict::Pass);
    let evidence = of(&outcome);
    let names: Vec<&str> = evidence.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["agent", "customer", "CUCM", "recorder"]);
    assert!(evidence.messages.is_sorted_by_key(|message| message.at_us));
    let between = |from: ColumnKind, to: ColumnKind, label: &str| {
        let kind = |column: usize| evidence.columns[column].kind;
        let is = |m: &&scenario::evidence::Message| kind(m.from) == from && kind(m.to) == to && m.label == label;
        evidence.messages.iter().filter(is).count()
    };
    assert_eq!(between(ColumnKind::Cucm, ColumnKind::Recorder, "INVITE"), 2);
    assert_eq!(between(ColumnKind::Recorder, ColumnKind::Cucm, "200 OK"), 4, "to two INVITEs and two BYEs");
    assert_eq!(between(ColumnKind::Cucm, ColumnKind::Recorder, "BYE"), 2);
    assert_eq!(between(ColumnKind::Phone, ColumnKind::Cucm, "REGISTER"), 4, "two phones come and go");
    assert!(evidence.messages.iter().all(|m| m.kind != MessageKind::Malformed));
    let sip = evidence.messages.iter().filter(|m| m.kind != MessageKind::Connection);
    assert!(sip.clone().all(|m| m.encrypted && m.transport == Transport::Tls));
    assert!(sip.filter(|m| m.sdp).all(|m| m.text.contains("m=audio")));
}

#[test]
fn every_message_and_step_names_its_line() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    let source: Vec<&str> = evidence.source.lines().collect();
    for step in &evidence.steps {
        assert_eq!(source[step.line - 1].trim(), format!("- {}", step.text));
        assert!(step.ended_us.unwrap() >= step.began_us);
    }
    let invite = evidence.messages.iter().find(|m| m.label == "INVITE").unwrap();
    assert!(source[invite.line.unwrap() - 1].contains("call:"), "{:?}", invite.line);
    let bye = evidence.messages.iter().find(|m| m.label == "BYE").unwrap();
    assert!(source[bye.line.unwrap() - 1].contains("hang up:"), "{:?}", bye.line);
}

#[test]
fn the_messages_of_a_recording_name_it() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    assert_eq!(evidence.recordings.len(), 1);
    let [near, far] = &evidence.recordings[0].call_ids;
    for id in [near, far] {
        let of_leg: Vec<_> = evidence.messages.iter().filter(|m| m.call_id == *id).collect();
        assert!(of_leg.len() >= 5 && of_leg.iter().all(|m| m.recording == Some(0)), "{id}");
    }
}

/// Twenty characters or more that could be Base64 behind `inline:`, in any case of letters.
fn key_in(text: &str) -> Option<&str> {
    let lower = text.to_ascii_lowercase();
    let at = lower.match_indices("inline:").map(|(at, word)| at + word.len());
    at.map(|at| &text[at..]).find(|rest| !rest.trim_start().starts_with('…'))
}

#[test]
fn no_key_is_in_any_evidence() {
    for file in ["scenarios/plain-call.yaml", "scenarios/hold-resume.yaml"] {
        let outcome = tests::run_one(file, &evident()).unwrap();
        let offers = of(&outcome).messages.iter().filter(|m| m.text.contains("a=crypto:")).count();
        assert!(offers > 4, "{file} agrees on keys");
        let text = serde_json::to_string(of(&outcome)).unwrap();
        assert_eq!(key_in(&text).map(|rest| &rest[..40.min(rest.len())]), None, "{file}");
        assert!(!text.contains("PRIVATE KEY"), "{file}");
    }
}

#[test]
fn evidence_tells_how_to_run_it_again() {
    let outcome = tests::run_one("scenarios/plain-call.yaml", &evident()).unwrap();
    let evidence = of(&outcome);
    assert_eq!(evidence.replay, "mixedmode run scenarios/plain-call.yaml --network simulated --seed 1");
    assert_eq!(evidence.source, std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap());
}
