//! What an endpoint takes and gives: flows, keys, timers, events.

use std::time::Duration;

use crate::message::Message;

/// One way to a peer: a TCP or TLS connection, or a UDP peer address. The driver gives out the numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u64);

/// The transport below a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// Datagrams, which may be lost.
    Udp,
    /// A connection in clear.
    Tcp,
    /// A connection under TLS.
    Tls,
}

impl Transport {
    /// Whether the transport itself repeats what was lost.
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// The name that stands in Via: `UDP`, `TCP`, `TLS`.
    pub fn via_name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// A client transaction of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientKey(pub(crate) u64);

/// A server transaction of one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerKey(pub(crate) u64);

/// The base values of all timers (RFC 3261 §17, table 4), and two habits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timers {
    /// Estimate of the round trip; requests and answers are repeated after T1, 2*T1, 4*T1...
    pub t1: Duration,
    /// The longest pause between repeats of a non-INVITE request or an INVITE's answer.
    pub t2: Duration,
    /// How long a message stays in the network.
    pub t4: Duration,
    /// CUCM repeats its requests over TCP and TLS too. With this set, requests are repeated on every transport, and
    /// transactions linger on every transport as they do on UDP, so that a peer's repeats are recognised.
    pub cucm_style: bool,
    /// When an INVITE that nobody answered gets `100 Trying` by itself (RFC 3261 §17.2.1); `None` for never.
    pub trying_after: Option<Duration>,
}

impl Default for Timers {
    /// 500 ms, 4 s, 5 s; RFC conduct on reliable transports; `100 Trying` after 200 ms.
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
            cucm_style: false,
            trying_after: Some(Duration::from_millis(200)),
        }
    }
}

/// What an endpoint tells the layer above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A new request. Answer it with `Endpoint::respond`.
    Request {
        /// The transaction it opened.
        key: ServerKey,
        /// Where it came from.
        flow: FlowId,
        /// The request.
        message: Message,
    },
    /// The ACK to a 2xx, once; its repeats are absorbed.
    Ack {
        /// The INVITE whose 2xx it acknowledges.
        key: ServerKey,
        /// Where it came from.
        flow: FlowId,
        /// The ACK.
        message: Message,
    },
    /// A CANCEL for an INVITE that has no final answer yet. The CANCEL is answered already; the INVITE wants its 487.
    Cancelled {
        /// The INVITE.
        key: ServerKey,
        /// The CANCEL.
        message: Message,
    },
    /// A response to a request sent: provisional ones, then one final; a forked INVITE may yield several 2xx.
    Response {
        /// The request.
        key: ClientKey,
        /// The response.
        message: Message,
    },
    /// No final answer came in time (timers B and F, or 64*T1 after a CANCEL).
    Timeout {
        /// The request.
        key: ClientKey,
    },
    /// No ACK came for a final answer to an INVITE (64*T1; for a refusal also: its flow closed before).
    AckMissing {
        /// The INVITE.
        key: ServerKey,
    },
    /// The flow of a request closed before its final answer.
    FlowFailed {
        /// The request.
        key: ClientKey,
    },
    /// A message that belongs to no transaction and opens none: a response nobody asked for, an ACK for nothing, a
    /// request without usable Via, CSeq, Call-ID, From or To, which has had its 400 where one could be built.
    Stray {
        /// Where it came from.
        flow: FlowId,
        /// The message.
        message: Message,
    },
}

/// What the driver does next for an endpoint.
#[derive(Clone, PartialEq, Eq)]
pub enum Output {
    /// Send these bytes, one whole message.
    Transmit {
        /// Where to.
        flow: FlowId,
        /// A message as it stands.
        bytes: Vec<u8>,
    },
    /// Tell the layer above.
    Event(Event),
}

impl std::fmt::Debug for Output {
    /// Sizes instead of bytes: a body may hold keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transmit { flow, bytes } => {
                write!(f, "Transmit({flow:?}, {} bytes)", bytes.len())
            }
            Self::Event(event) => event.fmt(f),
        }
    }
}

/// Why an endpoint does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The transaction is over.
    #[error("the transaction is over, expected one that is still open")]
    Gone,
    /// The request has had its final answer.
    #[error("got a second final response, expected at most one")]
    AlreadyAnswered,
    /// Not a response.
    #[error("got a message that is not a response, expected one")]
    NotAResponse,
    /// Only an INVITE can be cancelled.
    #[error("got a request that is not an INVITE, expected an INVITE to cancel")]
    NotAnInvite,
}
