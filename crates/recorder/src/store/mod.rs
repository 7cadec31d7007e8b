//! What reaches the disk, and in which order.
//!
//! ```text
//! <folder>/2019-08-27/20190827-152743-120-19301625-1a2b/
//!     journal.mmj      appended while the call lasts, synced every second and at its end
//!     near.wav         16 bit PCM, 8 kHz, one channel
//!     far.wav
//!     stereo.wav       left near, right far
//!     recording.json   last: where it stands, the recording is finished
//! ```
//!
//! The journal comes first; the rest is made from it, each file written beside its name, synced and renamed. A folder
//! with a journal and no `recording.json` is an unfinished recording, which [`recover`] finishes at the next start.

pub(crate) mod files;
mod maker;
mod open;
pub(crate) mod recover;
pub(crate) mod track;
pub(crate) mod writer;

use std::path::PathBuf;

use crate::metadata::Recording;
use crate::session::RecordingId;

/// What the store is told, in order.
#[derive(Debug)]
pub(crate) enum Command {
    /// A recording begins.
    Begin { recording: RecordingId, started_us: i64, metadata: Box<Recording> },
    /// Journal records of its packets.
    Append { recording: RecordingId, bytes: Vec<u8> },
    /// Its metadata have changed.
    Snapshot { recording: RecordingId, metadata: Box<Recording> },
    /// It is over.
    Finish { recording: RecordingId, metadata: Box<Recording> },
}

/// What the store tells.
#[derive(Debug)]
pub(crate) enum Event {
    /// A recording's files stand.
    Finished { folder: PathBuf, metadata: Box<Recording> },
    /// A recording's files could not be made; its journal stays for the next start.
    NotFinished { why: String },
    /// The disk takes writes, perhaps again.
    Writable,
    /// Something could not be stored; the text names it.
    Alarm(String),
}
