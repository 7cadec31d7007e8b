//! Is the audio right? Pure functions over samples and the ledger.

mod finding;
mod judge;
mod limits;
mod recorded;
mod truth;
mod verdict;

pub use finding::{Finding, Packets, Rule, Severity, Span};
pub use judge::judge;
pub use limits::Limits;
pub use recorded::{Content, Recorded, RecordedFile};
pub use truth::{Expected, Truth};
pub use verdict::{ChannelFigures, Level, MatrixCell, RecordingFigures, Verdict};
