//! What is recorded, by whom, from which source and node.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("recording/selective-over-hold", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row(
        "recording/selective-by-user",
        &[("start recording: { on: agent, by: user }", "wait: 0s"), ("  - stop recording: agent\n", "")],
        Found("missing-recording"),
    ),
    Row("recording/selective-by-user", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row(
        "recording/selective-by-application",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("recording/selective-silent", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row(
        "recording/selective-three-parts",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("recording/selective-over-hold", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "recording/selective-far-hold-kept",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "recording/selective-and-automatic",
        &[(STEPS, "recorder: { fault: double-near }\nsteps:")],
        Found("wrong-leg"),
    ),
    Row("recording/selective-consult", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "recording/gateway-preferred",
        &[(STEPS, "recorder: { fault: trust-told-port }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("recording/gateway-refuses", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row(
        "recording/gateway-refuses",
        &[("phones:", "cluster: { dialect: { next source: never } }\nphones:")],
        Found("recording-failed"),
    ),
    Row("recording/gateway-unanswered", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "recording/gateway-not-registered",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row(
        "recording/gateway-registration-unanswered",
        &[(STEPS, "recorder: { fault: double-near }\nsteps:")],
        Found("wrong-leg"),
    ),
    Row(
        "recording/gateway-for-a-phone-without-bridge",
        &[(STEPS, "recorder: { fault: trust-told-port }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("recording/gateway-no-source-left", &[(", built-in bridge: off", "")], Found("not-given-up")),
    Row("recording/gateway-no-next-source", &[("next source: never", "next source: new pair")], Found("not-given-up")),
    Row("recording/gateway-hold", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "recording/gateway-transfer",
        &[(STEPS, "recorder: { fault: ignore-update }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "recording/gateway-of-a-secure-call",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row(
        "recording/gateway-and-conference",
        &[(STEPS, "recorder: { fault: ignore-focus }\nsteps:")],
        Found("wrong-metadata"),
    ),
    Row("recording/gateway-then-phone", &[(STEPS, "recorder: { SRTP: off }\nsteps:")], Found("audio-in-clear")),
    Row("recording/two-nodes", &[(STEPS, "cluster: { unknown nodes: [2] }\nsteps:")], Found("missing-recording")),
    Row(
        "recording/nodes-both-recorded",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("recording/node-unknown", &[(", node: 2", "")], Found("not-refused")),
    Row(
        "recording/gateway-phone-to-phone",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("recording/gateway-phone-to-phone", &[("media: SRTP", "media: RTP")], Found("unexpected-srtp")),
    Row(
        "recording/gateway-inter-cluster",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "recording/gateway-selective",
        &[(STEPS, "recorder: { fault: trust-told-port }\nsteps:")],
        Found("missing-recording"),
    ),
];
