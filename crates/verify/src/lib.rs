//! Is the audio right? Pure functions over samples and the ledger.

mod align;
mod chain;
mod classify;
mod describe;
mod finding;
mod fit;
mod hear;
mod index;
mod judge;
mod limits;
mod recorded;
mod scan;
mod source;
mod truth;
mod verdict;
mod words;

pub use finding::{Finding, Packets, Rule, Severity, Span};
pub use judge::judge;
pub use limits::Limits;
pub use recorded::{Content, Recorded, RecordedFile};
pub use truth::{Expected, Truth};
pub use verdict::{ChannelFigures, Level, MatrixCell, RecordingFigures, Verdict};
