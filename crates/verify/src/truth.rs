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
    /// Where it is made of several recordings one behind the other in the same file, as those of a call that was on hold: what is
    /// between them, in order of time.
    pub pauses: Vec<Pause>,
}

/// What is between two recordings that are in one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// When the one before was told to stop. As with [`Expected::until_us`], frames that arrived later may be missing, and those of the
    /// last [`Limits::end_clip_ms`](crate::Limits::end_clip_ms) before it. Microseconds since the start of the run.
    pub from_us: u64,
    /// When the one behind began.
    pub until_us: u64,
    /// What the file has of it.
    pub time: PauseTime,
}

/// What a file has of the time between two recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PauseTime {
    /// All of it: each recording is where it was said.
    #[default]
    Kept,
    /// None of it: the next recording begins where the one before ends.
    Closed,
}

impl Expected {
    /// A recording of one stream a leg that excuses nothing.
    pub fn new(label: impl Into<String>, near: usize, far: usize) -> Self {
        Self {
            label: label.into(),
            near: vec![near],
            far: vec![far],
            from_us: None,
            until_us: None,
            pauses: Vec::new(),
        }
    }

    /// The pause that ends the recording in which something that began at this time is, if it is not the last one.
    pub(crate) fn pause_behind(&self, began_us: u64) -> Option<&Pause> {
        self.pauses.iter().find(|pause| began_us < pause.from_us)
    }

    /// The streams of a leg.
    pub fn streams(&self, leg: Leg) -> &[usize] {
        match leg {
            Leg::Near => &self.near,
            Leg::Far => &self.far,
        }
    }
}
