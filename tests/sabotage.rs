//! Every scenario file can fail: each is run with the very thing it is about broken, and must then say what is wrong.
//!
//! A row changes a file's text in one or more places, each of which must be there exactly once, and names what must come of it.

use libtest_mimic::{Failed, Trial};
use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::Network;

/// What must come of a scenario that was broken.
enum Outcome {
    /// The recorder is found wrong, by this rule among others.
    Found(&'static str),
    /// Nothing can be decided, since this did not happen.
    Undecided(&'static str),
}

use Outcome::{Found, Undecided};

/// A scenario file, what is replaced by what, and what must come of it.
struct Row(&'static str, &'static [(&'static str, &'static str)], Outcome);

const ROWS: &[Row] = &[
    Row("both-recorded", &[(CUSTOMER_RECORDED, "name: Customer, security: encrypted }")], Found("missing-recording")),
    Row("both-recorded", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row(
        "customer-holds",
        &[("hold: customer\n  - wait: 3s\n  - resume: customer", "wait: 3s")],
        Found("missing-recording"),
    ),
    Row("customer-holds", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold-resume", &[("hold: agent\n  - wait: 3s\n  - resume: agent", "wait: 3s")], Found("missing-recording")),
    Row("hold-resume", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("early-offer", &[(STEPS, "recorder: { codecs: G729 }\nsteps:")], Found("recording-failed")),
    Row("early-offer", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("far-answered-first", &[("first: true }", "first: false }")], Undecided("answer the far leg first")),
    Row("late-answer", &[("after: 3s }", "after: 3s, fault: drop-start }")], Found("start-clipped")),
    Row("late-answer", &[("after: 3s }", "after: 1m }")], Found("recording-failed")),
    Row("loss-and-reordering", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("loss-and-reordering", &[("loss: 2%", "loss: 0.0001%")], Undecided("lose packets and lost none")),
    Row("non-secure-cluster", &[("mode: non-secure", "mode: mixed")], Found("unexpected-srtp")),
    Row(
        "non-secure-customer",
        &[("security: non-secure", "security: encrypted")],
        Undecided("talk to each other in RTP"),
    ),
    Row("non-secure-customer", &[(STEPS, "recorder: { SRTP: off }\nsteps:")], Found("audio-in-clear")),
    Row("plain-call", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("plain-call", &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")], Found("missing-recording")),
    Row("release-11-5", &[("release: \"11.5\"", "release: \"14\"")], Found("wrong-metadata")),
    Row("rtp-before-ack", &[("after: 400ms", "after: 0ms")], Undecided("before the ACK")),
    Row("rtp-before-ack", &[(STEPS, "recorder: { fault: early-noise }\nsteps:")], Found("noise-audio")),
    Row("sequence-wrap", &[("sequence: 65500", "sequence: 1")], Undecided("was to wrap")),
    Row("sequence-wrap", &[(STEPS, "recorder: { fault: { lose-every: 100 } }\nsteps:")], Found("lost-frames")),
    Row("sixty-seconds", &[(STEPS, "recorder: { fault: { lose-every: 1500 } }\nsteps:")], Found("lost-frames")),
    Row("suite-aead-aes-128-gcm", &[("recorder: { suites: AEAD_AES_128_GCM }", OTHER_SUITE)], Found("wrong-suite")),
    Row("suite-aead-aes-256-gcm", &[("recorder: { suites: AEAD_AES_256_GCM }", OTHER_SUITE)], Found("wrong-suite")),
    Row("suite-aes-cm-128-sha1-32", &[("recorder: { suites: AES_CM_128_HMAC_SHA1_32 }", "")], Found("wrong-suite")),
    Row("suite-aes-cm-128-sha1-80", &[("recorder: { suites: AES_CM_128_HMAC_SHA1_80 }", "")], Found("wrong-suite")),
    Row("trunk-without-srtp", &[("allowed: false", "allowed: true")], Found("unexpected-srtp")),
    Row("trunk-without-srtp", &[(STEPS, "recorder: { SRTP: required }\nsteps:")], Found("recording-failed")),
    Row("udp-trunk", &[(STEPS, "recorder: { fault: never-answer }\nsteps:")], Found("recording-failed")),
    Row("session-refresh", &[("31m", "10m")], Undecided("refresh the session")),
    Row("tls-1.2", &[("recorder: { tls: \"1.2\" }", "recorder: { tls: \"1.3\" }")], Found("refused")),
    Row("tls-1.3", &[("recorder: { tls: \"1.3\" }", "recorder: { tls: \"1.2\" }")], Found("refused")),
    Row("ec-callmanager", &[("EC-P256", "EC-P256, certificate known to recorder: false")], Found("refused")),
    Row("options-ping", &[(STEPS, "recorder: { fault: ignore-options }\nsteps:")], Found("out-of-service")),
    Row("options-ping", &[(STEPS, "recorder: { fault: refuse-options }\nsteps:")], Found("out-of-service")),
    Row(
        "refused/no-common-tls-version",
        &[("trunk: { tls: \"1.2\" }", "trunk: { tls: \"1.3\" }")],
        Found("not-refused"),
    ),
    Row("refused/cucm-unknown", &[("to recorder: false", "to recorder: true")], Found("not-refused")),
    Row("refused/flipped-tag", &[(STEPS, IGNORANT)], Found("noise-audio")),
    Row("refused/flipped-tag", &[("every: 25", "every: 100000")], Undecided("nothing was injected")),
    Row("refused/forged", &[(STEPS, IGNORANT)], Found("noise-audio")),
    Row("refused/no-client-certificate", &[("certificate: false", "certificate: true")], Found("not-refused")),
    Row("refused/no-common-codec", &[("codecs: G729", "codecs: [G729, PCMU]")], Found("wrong-cause")),
    Row("refused/plain-rtp", &[(STEPS, IGNORANT)], Found("plain-audio")),
    Row("refused/recorder-expired", &[("expired: true", "expired: false")], Found("not-refused")),
    Row("refused/recorder-not-in-callmanager-trust", &[("trust: false", "trust: true")], Found("not-refused")),
    Row("refused/recorder-wrong-name", &[(WRONG_NAME, "")], Found("not-refused")),
    Row("refused/replayed", &[(STEPS, "recorder: { fault: accept-replays }\nsteps:")], Found("replayed-audio")),
    Row("refused/replayed", &[("every: 10", "every: 100000")], Undecided("nothing was injected")),
];

const STEPS: &str = "steps:";
const CUSTOMER_RECORDED: &str = "name: Customer, security: encrypted, recording: automatic }";
const OTHER_SUITE: &str = "recorder: { suites: AES_CM_128_HMAC_SHA1_80 }";
const IGNORANT: &str = "recorder: { fault: ignore-authentication }\nsteps:";
const WRONG_NAME: &str = "recorder: { certificate: { name: recorder.example } }";

/// A test for every row, and one that no scenario file is without.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let rows = ROWS.iter().map(|row| Trial::test(name(row), || fails_as_told(row)));
    rows.chain([Trial::test("every scenario file has a row that breaks it", every_file_has_a_row)])
}

fn name(Row(file, edits, _): &Row) -> String {
    let edits: Vec<String> = edits.iter().map(|(old, new)| format!("`{}` for `{}`", new.trim(), old.trim())).collect();
    format!("{} broken by {}", path(file), edits.join(" and ")).replace('\n', " ")
}

fn path(file: &str) -> String {
    format!("scenarios/{file}.yaml")
}

fn fails_as_told(Row(file, edits, expected): &Row) -> Result<(), Failed> {
    let mut text = std::fs::read_to_string(tests::root().join(path(file)))?;
    for (old, new) in *edits {
        let times = text.matches(old).count();
        if times != 1 {
            return Err(format!("`{old}` stands {times} times in {}, expected once", path(file)).into());
        }
        text = text.replace(old, new);
    }
    let outcome = tests::run_text(&path(file), &text, &tests::options(Network::Simulated, 1))?;
    if is(&outcome, expected) { Ok(()) } else { Err(complaint(&outcome, expected).into()) }
}

fn is(outcome: &ScenarioOutcome, expected: &Outcome) -> bool {
    match expected {
        Found(rule) => outcome.verdict == Verdict::Finding && outcome.findings.iter().any(|f| f.rule == *rule),
        Undecided(why) => {
            outcome.verdict == Verdict::Inconclusive
                && outcome.reason.as_ref().is_some_and(|reason| reason.contains(why))
        }
    }
}

fn complaint(outcome: &ScenarioOutcome, expected: &Outcome) -> String {
    let expected = match expected {
        Found(rule) => format!("a finding by the rule {rule}"),
        Undecided(why) => format!("inconclusive, since it {why}"),
    };
    format!("expected {expected}, got\n{}", report::terminal::scenario(outcome))
}

fn every_file_has_a_row() -> Result<(), Failed> {
    let without = tests::scenario_files().into_iter().filter(|file| ROWS.iter().all(|row| path(row.0) != *file));
    let without: Vec<String> = without.collect();
    if without.is_empty() {
        Ok(())
    } else {
        Err(format!("add rows to tests/sabotage.rs for {}", without.join(", ")).into())
    }
}
