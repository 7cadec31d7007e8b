//! What must be refused: certificates, injected media, codecs that nobody shares.

use super::Outcome::{Found, Undecided};
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row(
        "refused/no-common-tls-version",
        &[("trunk: { tls: \"1.2\" }", "trunk: { tls: \"1.3\" }")],
        Found("not-refused"),
    ),
    Row("refused/cucm-unknown", &[("to recorder: false", "to recorder: true")], Found("not-refused")),
    Row("refused/flipped-tag", &[(STEPS, IGNORANT)], Found("unauthenticated-audio")),
    Row("refused/flipped-tag", &[("every: 25", "every: 100000")], Undecided("nothing was injected")),
    Row("refused/forged", &[(STEPS, IGNORANT)], Found("forged-audio")),
    Row("refused/no-client-certificate", &[("certificate: false", "certificate: true")], Found("not-refused")),
    Row("refused/no-common-codec", &[("codecs: G729", "codecs: [G729, PCMU]")], Found("wrong-cause")),
    Row("refused/plain-rtp", &[(STEPS, IGNORANT)], Found("plain-audio")),
    Row("refused/recorder-expired", &[("expired: true", "expired: false")], Found("not-refused")),
    Row("refused/recorder-not-in-callmanager-trust", &[("trust: false", "trust: true")], Found("not-refused")),
    Row("refused/recorder-wrong-name", &[(WRONG_NAME, "")], Found("not-refused")),
    Row("refused/replayed", &[(STEPS, "recorder: { fault: accept-replays }\nsteps:")], Found("replayed-audio")),
    Row("refused/replayed", &[("every: 10", "every: 100000")], Undecided("nothing was injected")),
];

const IGNORANT: &str = "recorder: { fault: ignore-authentication }\nsteps:";
const WRONG_NAME: &str = "recorder: { certificate: { name: recorder.example } }";
