//! Lossless SIP messages, stream framing, typed views, transactions and dialogs (RFC 3261), without sockets or clock.
//!
//! A [`Message`] owns the bytes that came, or that a [`Builder`] wrote, and never changes them: a harness has to show
//! what a peer really sent, and to send what no proper stack would write. Typed views ([`Message::via`],
//! [`Message::from_`], [`Message::call_info`] and so on) read headers on demand.
//!
//! A [`Framer`] cuts messages out of a TCP or TLS stream. An [`Endpoint`] runs the transactions of one party over all
//! its flows (INVITE and non-INVITE, client and server, with RFC 6026), and a [`Dialog`] is one side of a call.
//! Time is passed in; what to send and when to call again is handed out.
//!
//! On purpose there is no URI resolution, no proxy, no authentication, and no writer that builds a message from typed
//! headers: what is written is text.

pub mod arrival;
mod builder;
mod cisco;
mod dialog;
mod endpoint;
mod event;
mod framer;
mod header;
mod message;
mod name_addr;
mod params;
mod parse;
mod text;
mod transaction;
mod uri;
mod values;
mod via;
mod views;

pub use builder::Builder;
pub use cisco::{CallInfo, CiscoGuid, SessionId};
pub use dialog::{Dialog, DialogError};
pub use endpoint::Endpoint;
pub use event::{ClientKey, EndpointError, Event, FlowId, Output, ServerKey, Timers, Transport};
pub use framer::{Frame, FrameError, Framer, Limits};
pub use header::HeaderError;
pub use message::{HeaderField, Message};
pub use name_addr::NameAddr;
pub use params::Params;
pub use parse::ParseError;
pub use uri::Uri;
pub use values::{CSeq, Join, Reason, Refresher, SessionExpires};
pub use via::Via;
