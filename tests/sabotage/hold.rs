//! Hold and resume.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row(
        "customer-holds",
        &[("hold: customer\n  - wait: 3s\n  - resume: customer", "wait: 3s")],
        Found("missing-recording"),
    ),
    Row("customer-holds", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
    Row("hold-resume", &[("hold: agent\n  - wait: 3s\n  - resume: agent", "wait: 3s")], Found("missing-recording")),
    Row("hold-resume", &[(STEPS, "recorder: { fault: drop-start }\nsteps:")], Found("start-clipped")),
];
