//! Transfers.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("transfer/agent-consult", &[(STEPS, "recorder: { fault: forget-calls }\nsteps:")], Found("wrong-call")),
    Row(
        "transfer/agent-blind-recorded",
        &[(STEPS, "recorder: { fault: call-by-device }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("transfer/agent-blind", &[(STEPS, TRUNCATED)], Found("end-clipped")),
    Row(
        "transfer/agent-blind-recorded",
        &[(STEPS, "recorder: { fault: swap-channels }\nsteps:")],
        Found("swapped-legs"),
    ),
    Row("transfer/agent-consult", &[(STEPS, "recorder: { fault: double-near }\nsteps:")], Found("wrong-leg")),
    Row("transfer/agent-consult-update", &[(STEPS, DEAF)], Found("wrong-participants")),
    Row("transfer/agent-early-attended", &[(STEPS, CLIPPED)], Found("start-clipped")),
    Row("transfer/agent-takes-back", &[(STEPS, TRUNCATED)], Found("end-clipped")),
    Row("transfer/target-declines", &[(STEPS, CLIPPED)], Found("start-clipped")),
    Row(
        "transfer/transferrer-hangs-up",
        &[(STEPS, "recorder: { fault: hang-up-in-call }\nsteps:")],
        Found("recorder-hung-up"),
    ),
    Row("transfer/release-10-5", &[(STEPS, DEAF)], Found("wrong-participants")),
    Row("transfer/released-at-once", &[(STEPS, TRUNCATED)], Found("end-clipped")),
    Row("transfer/customer-blind", &[(STEPS, CLIPPED)], Found("start-clipped")),
    Row("transfer/customer-blind", &[("recordings: 2", "recordings: 1")], Found("unexpected-recording")),
    Row("transfer/customer-blind-update", &[(STEPS, DEAF)], Found("wrong-participants")),
    Row(
        "transfer/customer-consult",
        &[(STEPS, "recorder: { fault: store-nothing }\nsteps:")],
        Found("missing-recording"),
    ),
    Row("transfer/customer-consult-keep", &[(STEPS, TRUNCATED)], Found("end-clipped")),
    Row("transfer/customer-consult-update", &[(STEPS, DEAF)], Found("wrong-participants")),
    Row("transfer/customer-early-attended", &[(STEPS, CLIPPED)], Found("start-clipped")),
    Row("transfer/customer-early-attended-update", &[(STEPS, DEAF)], Found("wrong-participants")),
    Row(
        "transfer/customer-consult-update",
        &[(STEPS, "recorder: { fault: forget-participants }\nsteps:")],
        Found("wrong-participants"),
    ),
];

const DEAF: &str = "recorder: { fault: ignore-update }\nsteps:";
const TRUNCATED: &str = "recorder: { fault: truncate-end }\nsteps:";
const CLIPPED: &str = "recorder: { fault: drop-start }\nsteps:";
