//! A Cisco Unified Communications Manager cluster in mixed mode: registration, call control, recording and the SIP trunk.
//!
//! [`start`] takes a [`Config`] in CUCM's own words and a seed, opens the node's ports and gives a [`Cucm`]. From then on
//! phones and recorders meet it only on the wire; what it did comes out as [`CucmEvent`]s.
//!
//! ```text
//! phone ─TLS 5061─► driver ─Input─► engine ─Output─► driver ─TLS─► recorder
//!   ▲                                 │
//!   └──────── TFTP: CTL, SEP….cnf.xml │ config, ident, answer, text: plain functions
//! ```
//!
//! - [`config`]: what an administrator sets up; every assumption about CUCM is a field of [`config::Dialect`].
//! - [`engine`]: registrations, calls, recordings and trunks as a machine without sockets or clock.
//! - [`signalling`]: what a test does to single messages on their way to a recorder.
//! - the driver: sockets, TLS, TFTP and requests to gateways around that machine.

pub mod config;
pub mod engine;
pub mod signalling;

mod driver;
mod event;
mod ident;
mod malformed;
mod negotiate;
mod text;

pub use config::Config;
pub use driver::{Addresses, ApplicationError, Cucm, StartError, start};
pub use engine::{DropRefused, RecordingRefused, RedirectRefused};
pub use event::{
    Alarm, CallConnected, CallParty, Conferenced, ConnectFailure, CucmEvent, ForwardReason, InvocationType, Invoker,
    OutOfService, Party, Protection, RecordingFailed, RecordingId, RecordingLeg, RecordingStarted, SecurityLevel,
    Sender, Summary, Transferred,
};
pub use malformed::{Malformed, MalformedKind};
