//! The harness is tested by recorders known to be bad: each must be found, by the right name.

use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::Network;

/// The rules that find a scenario against the bundled recorder with a fault planted in it.
fn findings(scenario: &str, fault: &str) -> Vec<String> {
    let outcome = outcome(scenario, fault);
    assert_eq!(outcome.verdict, Verdict::Finding, "{fault}: {outcome:#?}");
    outcome.findings.into_iter().map(|f| f.rule).collect()
}

fn outcome(scenario: &str, fault: &str) -> ScenarioOutcome {
    let text = std::fs::read_to_string(tests::root().join(scenario)).unwrap();
    let text = text.replace("\nsteps:", &format!("\nrecorder: {{ fault: {fault} }}\nsteps:"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.yaml");
    std::fs::write(&file, text).unwrap();
    tests::run_one(file.to_str().unwrap(), &tests::options(Network::Simulated, 1)).unwrap()
}

#[track_caller]
fn check(fault: &str, rule: &str) {
    check_in("scenarios/plain-call.yaml", fault, rule);
}

#[track_caller]
fn check_in(scenario: &str, fault: &str, rule: &str) {
    let rules = findings(scenario, fault);
    assert!(rules.iter().any(|found| found == rule), "{fault}: expected {rule}, got {rules:?}");
}

#[test]
fn channels_that_are_swapped_are_called_swapped() {
    check("swap-channels", "swapped-legs");
}

#[test]
fn a_beginning_that_is_missing_is_called_clipped() {
    check("drop-start", "start-clipped");
}

#[test]
fn one_voice_in_both_channels_is_called_the_wrong_leg() {
    check("double-near", "wrong-leg");
}

#[test]
fn an_end_that_is_missing_is_called_clipped() {
    check("truncate-end", "end-clipped");
}

#[test]
fn audio_that_was_made_quieter_is_called_so() {
    check("quieter", "level-changed");
}

#[test]
fn a_recorder_that_hangs_up_in_the_call_is_told_so() {
    check("hang-up-in-call", "recorder-hung-up");
}

#[test]
fn a_scenario_in_which_nothing_can_be_recorded_proves_nothing() {
    let changed = |from: &str, to: &str| {
        let text = std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("nothing.yaml");
        std::fs::write(&file, text.replace(from, to)).unwrap();
        let outcome = tests::run_one(file.to_str().unwrap(), &tests::options(Network::Simulated, 1)).unwrap();
        assert_eq!(outcome.verdict, Verdict::Inconclusive, "{outcome:#?}");
        outcome.reason.unwrap_or_default()
    };
    let reason = changed(", recording: automatic", "");
    assert!(reason.contains("nothing to record"), "{reason}");
    let reason = changed("\nsteps:", "\nnetwork: { loss: 100% }\nsteps:");
    assert!(reason.contains("let no packet"), "{reason}");
    let busy = "\ndestinations: { dead: { does: answers 486 } }\nroute list: { trunks: [[dead, recorder]] }\nsteps:";
    let reason = changed("\nsteps:", busy);
    assert!(reason.contains("before it came to the recorder under test: the recorder answered 486"), "{reason}");
}

#[test]
fn a_recording_that_is_given_up_for_another_reason_than_expected_is_found() {
    let text = std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("expected.yaml");
    let judged = |more: &str, expect: &str| {
        let text = text.replace("\nsteps:", &format!("\n{more}\nsteps:"));
        std::fs::write(&file, format!("{}\nexpect: {{ recordings: 0, {expect} }}\n", text.trim_end())).unwrap();
        let outcome = tests::run_one(file.to_str().unwrap(), &tests::options(Network::Simulated, 1)).unwrap();
        (outcome.verdict, outcome.findings.into_iter().map(|f| f.rule).collect::<Vec<_>>())
    };
    let silent = "recorder: { fault: never-answer }";
    assert_eq!(judged(silent, "given up: timeout"), (Verdict::Pass, Vec::new()));
    // Nor does a refusal that is expected, or a cause, excuse that it does not answer.
    for expected in ["given up: status", "BYE cause: 47", "refused: { by: cucm, rule: expired }", REFUSES] {
        let (verdict, rules) = judged(silent, expected);
        assert_eq!(verdict, Verdict::Finding, "{expected}");
        assert!(rules.contains(&"recording-failed".to_owned()), "{expected}: {rules:?}");
    }
}

const REFUSES: &str = "refused: { by: recorder, rule: trusted-certificates }";

#[test]
fn a_step_that_needs_the_recording_that_failed_leaves_the_recorder_blamed() {
    for (fault, rule) in [("never-answer", "recording-failed"), ("close-at-once", "recording-failed")] {
        let outcome = outcome("scenarios/media/new-key.yaml", fault);
        assert_eq!(outcome.verdict, Verdict::Finding, "{fault}: {outcome:#?}");
        assert!(outcome.findings.iter().any(|finding| finding.rule == rule), "{fault}: {outcome:#?}");
        assert!(outcome.reason.is_some_and(|reason| reason.contains("no further step could be taken")), "{fault}");
    }
}

#[test]
fn a_recorder_that_does_not_answer_has_no_recording() {
    check("never-answer", "recording-failed");
    check("close-at-once", "recording-failed");
    check("answer-garbage", "recording-failed");
    check("answer-half", "recording-failed");
    // Why it was given up is told, and no number of recordings beside it.
    assert_eq!(outcome("scenarios/plain-call.yaml", "answer-garbage").reason, None);
}

/// A finding says who sent what, and names the bytes.
#[track_caller]
fn check_malformed(fault: &str, parts: &[&str]) {
    let outcome = outcome("scenarios/plain-call.yaml", fault);
    let mut malformed = outcome.findings.iter().filter(|finding| finding.rule == "malformed-message");
    assert!(malformed.any(|finding| parts.iter().all(|part| finding.found.contains(part))), "{fault}: {outcome:#?}");
}

#[test]
fn a_recorder_that_answers_with_garbage_or_half_a_message_is_told_what_it_sent() {
    let garbage = ["Recorder Trunk (", "framing was lost", "got the start line", r"\x00\x01\xffSIP/9.9 dreihundert"];
    check_malformed("answer-garbage", &garbage);
    // The 100 of the other leg stands where the rest of the Via should be.
    check_malformed("answer-half", &["Recorder Trunk (", "the Via header \"SIP/2.0/TLS 192.0SIP/2.0 100 Trying\""]);
}

#[test]
fn a_recorder_that_answers_and_stores_nothing_is_found() {
    check("store-nothing", "missing-recording");
}

#[test]
fn forged_audio_on_disk_is_found() {
    check_in("scenarios/refused/forged.yaml", "ignore-authentication", "forged-audio");
    check_in("scenarios/refused/flipped-tag.yaml", "ignore-authentication", "unauthenticated-audio");
}

#[test]
fn noise_from_before_the_keys_is_found() {
    check_in("scenarios/rtp-before-ack.yaml", "early-noise", "noise-audio");
}

#[test]
fn gaps_that_were_closed_up_are_found() {
    check_in("scenarios/loss-and-reordering.yaml", "close-gaps", "closed-gap");
}

/// A call does not end with its connection (RFC 3261 §12): CUCM opens another for its BYE, and nothing is lost.
#[test]
fn a_connection_that_the_recorder_closes_in_mid_call_costs_nothing() {
    assert_eq!(outcome("scenarios/plain-call.yaml", "close-in-call").verdict, Verdict::Pass);
}
