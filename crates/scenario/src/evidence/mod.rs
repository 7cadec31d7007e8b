//! What a report draws of one scenario, as data: who said what to whom, what was said and what was recorded, and where
//! they differ.
//!
//! It is collected only where somebody asked for it, after the scenario has been played, and decides nothing: verdict and
//! findings are the same with and without it. All times are microseconds since the scenario began, also those of media;
//! what came before (nothing does) would be negative. No key is in it.

mod audio;
mod ladder;
mod timeline;

use serde::{Deserialize, Serialize};

pub use audio::{Channel, Class, Clip, FrameRun, MatrixCell, Patch, Picture, Spectrogram};
pub use ladder::{Column, ColumnKind, Message, MessageKind, Transport};
pub use timeline::{Event, EventKind, Quality, Recording, Row, RowKind, Span};

/// The evidence of one scenario.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Evidence {
    /// The scenario file as it was read. Line 1 is the first.
    pub source: String,
    /// The command line that runs this scenario again in the same way.
    pub replay: String,
    /// The seed of the run.
    pub seed: u64,
    /// The wall time at which the scenario began, in microseconds since 1970; `None` in virtual time.
    pub began_unix_us: Option<i64>,
    /// When the scenario was over.
    pub ended_us: i64,
    /// The columns of the ladder, from left to right.
    pub columns: Vec<Column>,
    /// The steps as they were taken, in order.
    pub steps: Vec<StepTaken>,
    /// Everything that was said in SIP, in order of time.
    pub messages: Vec<Message>,
    /// The recordings that CUCM set up, in order.
    pub recordings: Vec<Recording>,
    /// The rows of the time line: the phones' voices, then the legs of each recording.
    pub rows: Vec<Row>,
    /// The channels that the recorder stored, in the order in which they were judged.
    pub channels: Vec<Channel>,
    /// What a listener to each leg could have expected of the network at best.
    pub quality: Vec<Quality>,
    /// What was left out so that the evidence stays small, in words; empty for nothing.
    pub left_out: Vec<String>,
}

/// A step of the scenario, as it was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// Its line in the scenario file.
    pub line: usize,
    /// What the file says there, without list dash.
    pub text: String,
    /// When it began.
    pub began_us: i64,
    /// When all had followed that it brought about; `None` where the scenario ended in it.
    pub ended_us: Option<i64>,
}
