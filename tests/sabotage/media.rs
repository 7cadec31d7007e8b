//! Keys, sources, sequences and codecs that change.

use super::Outcome::Found;
use super::{Row, STEPS};

pub(super) const ROWS: &[Row] = &[
    Row("media/dtmf-agent", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/dtmf-customer", &[(STEPS, "recorder: { fault: close-gaps }\nsteps:")], Found("closed-gap")),
    Row("media/mute-agent", &[(STEPS, "recorder: { fault: { lose-every: 50 } }\nsteps:")], Found("lost-frames")),
    Row("media/mute-customer", &[(STEPS, "recorder: { fault: quieter }\nsteps:")], Found("level-changed")),
];
