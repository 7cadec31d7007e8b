//! A Cisco IP phone: boots, registers, talks, and forks both voices through its built-in bridge.
//!
//! [`boot`] reads like the manual: trust list and configuration over TFTP, TLS to a CUCM that the list names, REGISTER. The [`Phone`] it
//! gives is what a user has in hand: dial, answer, hold, consult and transfer, mute, press keys, hang up, and wait for a state. It has
//! two calls at most, one of them active. What CUCM asks of the phone, it does by itself, above all the built-in bridge: when an
//! INVITE with `Join` and `record-invoker` comes, both voices of the call that it names go to the recorder in two more streams with
//! keys of their own (Cisco 200788).
//!
//! Signalling is one machine without sockets (`machine`), driven by one task. All media of all phones of a run is paced by one
//! [`MediaClock`]; each phone writes what it sent, and what the network did to it, into a [`media::ledger::Ledger`]. What the bridge is
//! told to do wrong ([`Fault`]) stands there by its nature.
//!
//! Absent on purpose: any knowledge of the CUCM or the recorder on the other side of the wire.

mod boot;
mod change;
mod codec;
mod config;
mod connection;
mod description;
mod driver;
mod fallback;
mod fault;
mod fetch;
mod identifiers;
mod machine;
mod media_clock;
mod media_side;
mod negotiate;
pub mod outside;
mod packet_time;
mod phone;
mod status;
mod talk;
mod text;

pub use boot::{BootError, boot};
pub use change::{BridgeChange, RollOver};
pub use codec::Codec;
pub use config::{BridgeTiming, Config, FirstPacket, Model, OLD_SUITES, RecordingTone};
pub use fault::Fault;
pub use media_clock::MediaClock;
pub use packet_time::PacketTime;
pub use phone::{CommandError, Phone, Summary, WaitError};
pub use status::{CallState, PhoneEvent, PhoneState, RemoteUse, Security, Status};
pub use talk::HeardCounts;
