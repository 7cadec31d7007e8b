//! The verdict: findings, and the figures behind them.

use std::collections::BTreeMap;

use media::ledger::Leg;
use serde::Serialize;

use crate::finding::{Finding, Severity};

/// The verdict in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything was compared and nothing is wrong.
    Pass,
    /// Nothing wrong was seen, but nothing was compared either: never a pass.
    Undecided,
    /// See [`Severity::Degraded`].
    Degraded,
    /// See [`Severity::Incomplete`].
    Incomplete,
    /// See [`Severity::Wrong`].
    Wrong,
    /// See [`Severity::Lost`].
    Lost,
    /// See [`Severity::Insecure`].
    Insecure,
}

impl From<Severity> for Level {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Degraded => Self::Degraded,
            Severity::Incomplete => Self::Incomplete,
            Severity::Wrong => Self::Wrong,
            Severity::Lost => Self::Lost,
            Severity::Insecure => Self::Insecure,
        }
    }
}

/// What came out of [`judge`](crate::judge).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The verdict in one word.
    pub level: Level,
    /// Everything that is wrong, recording by recording, the cause before its effects.
    pub findings: Vec<Finding>,
    /// Figures of each recording.
    pub recordings: Vec<RecordingFigures>,
    /// Figures of each channel of each file.
    pub channels: Vec<ChannelFigures>,
    /// Frames that were found in a file, sample for sample, and are neither silent nor like those around them: what the
    /// verdict rests on. Of a channel that holds its leg otherwise, the frames for which what was found by likeness stands.
    pub compared_frames: u64,
    /// The limits that differ from the defaults, in words.
    pub changed_limits: Vec<String>,
}

impl Verdict {
    /// Whether everything was compared and nothing is wrong.
    pub fn passed(&self) -> bool {
        self.level == Level::Pass
    }

    /// Whether some finding has this rule code.
    pub fn has(&self, rule: &str) -> bool {
        self.findings.iter().any(|finding| finding.rule == rule)
    }
}

/// Figures of a recording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecordingFigures {
    /// The label of the expected recording, else the recorder's.
    pub label: String,
    /// By file of more than one channel: how much later the far leg is in the file than it was said, against the near
    /// leg, in ms.
    pub alignment_ms: BTreeMap<String, f64>,
}

/// Figures of a channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChannelFigures {
    /// The recording's label.
    pub recording: String,
    /// The file.
    pub file: String,
    /// The channel, from 0.
    pub channel: u16,
    /// The leg it was judged as: the claimed one, unless its audio is another's.
    pub leg: Option<Leg>,
    /// Length in ms.
    pub duration_ms: f64,
    /// How it had to be read to find the audio: `exact`, or what had to be undone first.
    pub mode: String,
    /// What could not be seen in this mode, in words; empty where nothing can hide.
    pub unseen: Vec<String>,
    /// Frames by class, and within it by the network's fate. Classes: `exact`, `silent` (exact, but silence),
    /// `misplaced`, `lost`, `concealed`, `damaged`, `altered`, `overwritten`, `removed`, `clipped`, `late`, `excused`,
    /// `gap`; of a leg that was followed by its likeness `altered` or `likely`, and `unseen` where that tells nothing.
    pub frames: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// Where the first packet of the leg lies, in samples from the start of the file; negative if before it.
    pub offset_samples: Option<i64>,
    /// Pieces of the time line without a jump.
    pub segments: u64,
    /// Missing at the start, in ms.
    pub start_clipped_ms: f64,
    /// Missing at the end, in ms.
    pub end_clipped_ms: f64,
    /// The longest stretch without audio that there should be, in ms.
    pub longest_gap_ms: f64,
    /// How many such stretches, by length in frames: 1, 2, 3-5, 6-10, 11-50, more.
    pub gaps: BTreeMap<&'static str, u64>,
    /// Samples that lie on the lattice of the codec's law, in percent: 100 means the bit path is intact.
    pub lattice_percent: f64,
    /// The level against what was said, in dB.
    pub gain_db: f64,
    /// Samples at the greatest value.
    pub clipped_samples: u64,
    /// The mean of all samples.
    pub dc: f64,
    /// How fast each stretch without a jump runs, where the leg is not there sample for sample.
    pub drift: Vec<Drift>,
    /// How much of each leg of each recording was found in the channel, in ms; voices on main calls have no leg.
    pub matrix: Vec<MatrixCell>,
}

/// How fast a stretch of a channel runs against what was said.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Drift {
    /// Where it begins in the file, in seconds.
    pub start_s: f64,
    /// Where it ends.
    pub end_s: f64,
    /// By how much it is longer than it was said, in millionths.
    pub ppm: f64,
    /// How far a part of it lies from where that puts it, at most, in ms.
    pub rest_ms: f64,
}

/// How much of a leg is in a channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MatrixCell {
    /// The label of the expected recording the leg belongs to, or the phone for a stream of no recording.
    pub recording: String,
    /// The leg.
    pub leg: Option<Leg>,
    /// In ms.
    pub found_ms: f64,
    /// In frames, each as often as it is there.
    pub frames: u64,
}
