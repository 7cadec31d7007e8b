//! Phones, trunks and recorders of every security.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("security/non-secure-agent", &[("security: non-secure", "security: encrypted")], Found("unexpected-srtp")),
    Row("security/non-secure-agent", &[(STEPS, "recorder: { SRTP: required }\nsteps:")], Found("recording-failed")),
    Row("security/both-non-secure", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("security/both-non-secure", &[(STEPS, "recorder: { SRTP: required }\nsteps:")], Found("recording-failed")),
    Row("security/each-by-its-own-phone", &[("SRTP: required", "SRTP: allowed")], Found("audio-in-clear")),
    Row("security/non-secure-agent-refused", &[("SRTP: required", "SRTP: allowed")], Found("audio-in-clear")),
    Row("security/secured-phone-takes-over", &[(STEPS, "recorder: { SRTP: off }\nsteps:")], Found("audio-in-clear")),
    Row("security/recorder-answers-in-clear", &[("SRTP: off", "SRTP: allowed")], Found("unexpected-srtp")),
    Row("security/srtp-to-rtp-by-transfer", &[(STEPS, "recorder: { SRTP: off }\nsteps:")], Found("audio-in-clear")),
    Row(
        "security/srtp-to-rtp-by-transfer",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("security/encrypted-phone-refused", &[("trunk: fail", "trunk: fallback")], Found("not-given-up")),
    Row(
        "security/encrypted-phones-on-a-tcp-trunk",
        &[("transport: TCP, SRTP allowed: false", "transport: TLS")],
        Found("unexpected-srtp"),
    ),
];
