//! The verdict.

use crate::{Level, Limits, Recorded, Truth, Verdict};

/// Judges what was recorded against what was said.
pub fn judge(_truth: &Truth<'_>, _recorded: &[Recorded<'_>], limits: &Limits) -> Verdict {
    Verdict {
        level: Level::Undecided,
        findings: Vec::new(),
        recordings: Vec::new(),
        channels: Vec::new(),
        compared_frames: 0,
        changed_limits: limits.changed(),
    }
}
