//! What was said, and what should have been recorded of it.

use media::ledger::{Leg, Stream};

/// The truth of a run.
#[derive(Clone, Debug)]
pub struct Truth<'a> {
    /// Every stream of the run: also those that no recording should hold, so that a leak of them has a name.
    pub streams: &'a [Stream],
    /// The recordings that there should be.
    pub recordings: Vec<Expected>,
}

/// One recording that there should be.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// What the recording is called in findings: a refci, a scenario's name for it.
    pub label: String,
    /// The bridge streams of the recorded phone's own voice, as indexes into [`Truth::streams`], in order of time.
    /// More than one where the stream was replaced within the recording (a new SSRC).
    pub near: Vec<usize>,
    /// The bridge streams of the voice the recorded phone heard.
    pub far: Vec<usize>,
    /// From when on the recorder had to record: when its SDP answer was sent. Frames that arrived earlier, and those of
    /// the first [`Limits::start_clip_ms`](crate::Limits::start_clip_ms) after it, may be missing. `None` excuses
    /// nothing. Microseconds since the start of the run, as in the ledger.
    pub from_us: Option<u64>,
    /// Until when it had to record: when it was told to stop (BYE). Frames that arrived later, and those of the last
    /// [`Limits::end_clip_ms`](crate::Limits::end_clip_ms) before it, may be missing. `None` excuses nothing.
    pub until_us: Option<u64>,
}

impl Expected {
    /// A recording of one stream a leg that excuses nothing.
    pub fn new(label: impl Into<String>, near: usize, far: usize) -> Self {
        Self { label: label.into(), near: vec![near], far: vec![far], from_us: None, until_us: None }
    }

    /// The streams of a leg.
    pub fn streams(&self, leg: Leg) -> &[usize] {
        match leg {
            Leg::Near => &self.near,
            Leg::Far => &self.far,
        }
    }
}
