//! What the tasks around the engine tell it.

use std::net::SocketAddr;

use sip::{FlowId, Message};
use wire::Link;

use crate::engine::{ConnectionId, PostId};
use crate::event::ConnectFailure;
use crate::malformed::Malformed;

/// Something that happened on a socket.
#[derive(Debug)]
pub(super) enum Notice {
    /// A peer connected, and its certificate is trusted if it had to have one.
    Accepted { link: Link },
    /// A peer's TLS handshake failed.
    Refused { peer: SocketAddr, failure: ConnectFailure },
    /// A connection that was asked for.
    Connected { connection: ConnectionId, link: Link },
    /// A connection that was asked for to carry nothing but this message.
    Apart { link: Link, bytes: Vec<u8> },
    /// A connection that did not come about.
    ConnectFailed { connection: ConnectionId, failure: ConnectFailure },
    /// What came of a request over HTTP.
    Posted { post: PostId, answer: Result<u16, String> },
    /// A whole message on a connection.
    Message { flow: FlowId, message: Message },
    /// The end of a connection.
    Closed { flow: FlowId, why: Option<ConnectFailure> },
    /// A whole message over UDP, on the socket of this index.
    Datagram { socket: usize, from: SocketAddr, message: Message },
    /// Bytes on a connection that are no whole message.
    Malformed { flow: FlowId, peer: SocketAddr, what: Malformed },
    /// A datagram that is no whole message, on the socket of this index.
    MalformedDatagram { socket: usize, from: SocketAddr, what: Malformed },
}
