//! Plain calls: suites, transports, releases, what the network does.

use super::Outcome::{Found, Undecided};
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("both-recorded", &[(CUSTOMER_RECORDED, "name: Customer, security: encrypted }")], Found("missing-recording")),
    Row("both-recorded", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
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
    Row("release-10-5", &[("release: \"10.5\"", "release: \"11.5\"")], Found("wrong-suite")),
    Row("release-12-5", &[("release: \"12.5\"", "release: \"14\"")], Found("wrong-metadata")),
    Row("release-15", &[("release: \"15\"", "release: \"14\"")], Found("refused")),
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
    Row("one-second", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("call-after-call", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("two-calls-at-once", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("unanswered-call", &[("  - wait: 2s", "  - answer: agent\n  - talk: 2s")], Found("unexpected-recording")),
    Row("longer-than-an-hour", &[("61m", "10m")], Undecided("refresh the session")),
    Row("a-law", &[("codecs: PCMA }", "codecs: PCMA }\nrecorder: { codecs: PCMU }")], Found("recording-failed")),
    Row("outgoing-call", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
];

const CUSTOMER_RECORDED: &str = "name: Customer, security: encrypted, recording: automatic }";
const OTHER_SUITE: &str = "recorder: { suites: AES_CM_128_HMAC_SHA1_80 }";
