//! What the network does to media.

use super::Outcome::{Found, Undecided};
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("network/heavy-loss", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("network/heavy-loss", &[("sequence: 65480", "sequence: 1")], Undecided("was to wrap")),
    Row("network/duplicates", &[(STEPS, "recorder: { fault: accept-replays }\nsteps:")], Found("repeated-frames")),
    Row("network/reordering", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("network/wrap-and-reordering", &[("sequence: 65450", "sequence: 1")], Undecided("was to wrap")),
    Row(
        "network/wrap-and-reordering",
        &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")],
        Found("lost-frames"),
    ),
    Row("network/far-away", &[(STEPS, "recorder: { fault: truncate-end }\nsteps:")], Found("end-clipped")),
];
