//! The reference recorder: sessions, legs, journal, files, metadata and certificates.
//!
//! CUCM opens two SIP dialogs for a recorded call, one for each voice, and has the recorded phone send both voices as
//! RTP or SRTP. [`start`] gives a recorder that answers such dialogs, pairs them, writes each packet that proves
//! itself into a journal, and makes a WAV file a leg, a stereo file and a [`Recording`](metadata::Recording) of it
//! when the call is over.
//!
//! ```text
//! connections ─► endpoint ─► sessions ─────────────┐ which port, which keys, which recording
//!                (sip)       (a machine)           ▼
//! media ports ─────────────────────────────► one loop ─► journal ─► time line ─► WAV, recording.json
//! ```
//!
//! Signalling is a machine without sockets; one loop drains all media sockets in batches; files are written by
//! threads of their own, journal first. Over the simulated network the same code runs in one task under virtual time.
//!
//! [`Fault`] makes it a recorder that is wrong in a known way, to test the harness that tests recorders.
//! On purpose there is no transcoding, no encryption at rest and no player.

pub mod certs;
pub mod config;
mod fault;
pub mod journal;
mod legs;
pub mod metadata;
mod recorder;
mod seed;
mod server;
mod session;
mod store;
mod timeline;
mod times;

pub use config::Config;
pub use fault::Fault;
pub use recorder::{Finished, Recorder, Refusal, StartError, Status, Summary, start};
pub use seed::Seed;
pub use session::{Counters, Deed};
