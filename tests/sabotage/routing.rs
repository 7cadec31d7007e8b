//! Forwarding, parking, pickup, redirection, shared lines.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("routing/park-both-recorded", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("routing/park-by-far", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row("routing/park-reversion", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-segment")),
    Row("routing/forward-all", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row(
        "routing/forward-all-twice",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("routing/forward-busy", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("routing/forward-no-answer", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row(
        "routing/forward-no-answer-in-time",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "routing/far-transfers-to-forwarding",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "routing/far-transfers-to-forwarding-update",
        &[(STEPS, "recorder: { fault: ignore-update }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "routing/far-consults-forwarding",
        &[(STEPS, "recorder: { fault: drop-start }\nsteps:")],
        Found("start-clipped"),
    ),
    Row(
        "routing/near-transfers-to-forwarding",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("routing/park", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("routing/park-directed", &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")], Found("wrong-call")),
    Row("routing/park-directed-by-far", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row(
        "routing/park-directed-reversion",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("routing/park-elsewhere", &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")], Found("wrong-call")),
    Row("routing/park-unrecorded", &[(STEPS, "recorder: { fault: ignore-bye }\nsteps:")], Found("wrong-end")),
    Row("routing/park-by-far", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("routing/park-both-recorded", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row("routing/park-and-hang-up", &[(STEPS, "recorder: { fault: ignore-bye }\nsteps:")], Found("wrong-end")),
    Row("routing/park-reversion", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row("routing/pick-up", &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")], Found("missing-recording")),
    Row(
        "routing/pick-up-of-a-transfer",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "routing/far-transfer-picked-up",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("routing/redirect-ringing", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("routing/redirect-near", &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")], Found("wrong-call")),
    Row("routing/redirect-far", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
    Row(
        "routing/redirect-far-update",
        &[(STEPS, "recorder: { fault: ignore-update }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row("routing/shared-line", &[(STEPS, "recorder: { fault: never-answer }\nsteps:")], Found("recording-failed")),
    Row(
        "routing/shared-line-answered-unrecorded",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row(
        "routing/shared-line-both-recorded",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row(
        "routing/shared-line-near-resumes-elsewhere",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "routing/shared-line-resumed-unrecorded",
        &[(STEPS, "recorder: { fault: ignore-bye }\nsteps:")],
        Found("wrong-end"),
    ),
    Row(
        "routing/shared-line-far-resumes-elsewhere",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row(
        "routing/shared-line-far-resumes-kept",
        &[(STEPS, "recorder: { fault: drop-start }\nsteps:")],
        Found("start-clipped"),
    ),
    Row(
        "routing/shared-line-back-and-forth",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("routing/shared-line-declined", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("routing/shared-line-forwards", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "routing/park-from-shared-line",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "routing/park-elsewhere-both-recorded",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("routing/park-from-outside", &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")], Found("wrong-call")),
    Row(
        "routing/forward-from-outside",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row(
        "routing/shared-line-from-outside",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "routing/selective-recording-is-parked",
        &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")],
        Found("end-clipped"),
    ),
    Row("routing/park-by-far-kept", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row(
        "routing/park-by-far-updated",
        &[(STEPS, "recorder: { fault: ignore-update }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row(
        "routing/send-to-mobile-and-back",
        &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("routing/near-sends-to-mobile", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("routing/extension-mobility", &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")], Found("swapped-legs")),
    Row(
        "routing/park-by-far-updated",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
    Row("routing/park", &[(STEPS, "recorder: { fault: stamp-at-end }\nsteps:")], Found("wrong-segment")),
];
