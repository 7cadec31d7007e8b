//! Is the audio right? Pure functions over samples and the ledger.
//!
//! [`judge`] takes what was said ([`Truth`]: every packet of every stream, with what the network did to it) and what
//! was stored ([`Recorded`]: WAV files as bytes), and returns a [`Verdict`]: findings in words a recorder's developer
//! can act on, and the figures behind them. With G.711 the payload is the truth, so nothing is scored or estimated:
//!
//! 1. **container**: what the header says against what the file holds; rate, channels, encoding;
//! 2. **reading**: as it is, else with something undone (level, sign, law, byte order, rate), which then is a finding; of
//!    a mono mix each leg, by taking the other one out (a finding unless [`Limits::mono_mix`] says that this is how the
//!    recorder stores). [`ChannelFigures::mode`] says which it was, [`ChannelFigures::unseen`] what that hides;
//! 3. **search**: a rolling hash finds each frame of every stream of the run at any place of the file, confirmed
//!    sample by sample; so a leak of another call has a name;
//! 4. **line**: the found frames are chained to the time line of the leg, whatever is beside it is a patch;
//! 5. **classes**: each frame of the ledger is in its place, elsewhere, damaged, altered, concealed, silent, cut off,
//!    overwritten; each stretch of the file is the leg, silence, or somebody else's;
//! 6. **verdict**, two-sided, against each packet's fate: all that arrived in time is in the file, once and in place,
//!    and nothing else is. What the network lost must keep its time: as silence, or concealed for a moment.
//!
//! [`judge_files`] does the same for files of which nobody says which recording they are.
//!
//! Frames that say nothing about where they belong, such as digital silence or a tone, count only by the frames around them;
//! silence outside the leg's packets is padding. Nothing compared is never a pass: see [`Level::Undecided`].
//!
//! Audio that no longer is the G.711 that was sent (transcoded, resampled, filtered) is named as such, and followed by likeness: half
//! seconds of it are judged, not frames. What can be excused is in [`Limits`]; the rules are listed in [`Rule`].
//! Absent on purpose: perceptual scores, files, clocks.

mod align;
mod chain;
mod change;
mod classify;
mod describe;
pub mod emodel;
mod finding;
mod fit;
mod hear;
mod index;
mod joint;
mod judge;
mod likely;
mod limits;
mod mix;
mod recorded;
mod renamed;
mod scan;
mod soft;
mod source;
mod tempo;
mod traced;
mod truth;
mod verdict;
mod words;

pub use finding::{Finding, Packets, Rule, Severity, Span};
pub use judge::{judge, judge_files, judge_files_traced, judge_traced};
pub use limits::Limits;
pub use recorded::{Content, Recorded, RecordedFile};
pub use traced::{ChannelTrace, FrameClass, TracedFrame, TracedPatch};
pub use truth::{Expected, Pause, PauseTime, Truth};
pub use verdict::{ChannelFigures, Drift, Level, MatrixCell, RecordingFigures, Verdict};
