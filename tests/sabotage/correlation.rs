//! Who talked to whom, in which call.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("correlation/both-recorded", &[(STEPS, "recorder: { fault: chain-by-refci }\nsteps:")], Found("wrong-call")),
    Row(
        "correlation/both-recorded-and-held",
        &[(STEPS, "recorder: { fault: chain-by-refci }\nsteps:")],
        Found("wrong-segment"),
    ),
    Row(
        "correlation/customer-calls-again",
        &[(STEPS, "recorder: { fault: merge-by-party }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "correlation/devices-in-lower-case",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("missing-leg"),
    ),
    Row(
        "correlation/devices-in-mixed-case",
        &[(STEPS, "recorder: { fault: mind-case }\nsteps:")],
        Found("unexpected-recording"),
    ),
    Row(
        "correlation/from-of-583-bytes",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("unexpected-recording"),
    ),
    Row(
        "correlation/name-in-utf-8",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("unexpected-recording"),
    ),
    Row(
        "correlation/name-with-delimiters",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("missing-leg"),
    ),
    Row("correlation/no-far-address", &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")], Found("missing-leg")),
    Row("correlation/no-side", &[(STEPS, "recorder: { fault: unknown-is-far }\nsteps:")], Found("missing-leg")),
    Row(
        "correlation/other-parameters",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("missing-leg"),
    ),
    Row(
        "correlation/parameters-reversed",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("missing-leg"),
    ),
    Row(
        "correlation/refci-after-restart",
        &[(STEPS, "recorder: { fault: merge-reused }\nsteps:")],
        Found("wrong-call"),
    ),
    Row(
        "correlation/refci-of-another-cluster",
        &[(STEPS, "recorder: { fault: merge-reused }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("correlation/refci-of-others", &[(STEPS, "recorder: { fault: merge-reused }\nsteps:")], Found("wrong-call")),
    Row(
        "correlation/segments-of-new-refcis",
        &[(STEPS, "recorder: { fault: chain-by-refci }\nsteps:")],
        Found("wrong-segment"),
    ),
    Row(
        "correlation/segments-of-one-refci",
        &[(STEPS, "recorder: { fault: overwrite-segment }\nsteps:")],
        Found("missing-recording"),
    ),
    Row(
        "correlation/short-parameters",
        &[(STEPS, "recorder: { fault: drop-parameters }\nsteps:")],
        Found("missing-leg"),
    ),
    Row(
        "correlation/transfer-to-a-recorded-phone",
        &[(STEPS, "recorder: { fault: chain-by-refci }\nsteps:")],
        Found("wrong-call"),
    ),
    Row("correlation/clock-ahead", &[(STEPS, "recorder: { fault: trust-date }\nsteps:")], Found("wrong-metadata")),
    Row("correlation/clock-behind", &[(STEPS, "recorder: { fault: trust-date }\nsteps:")], Found("wrong-metadata")),
];
