//! What goes into the engine and what comes out of it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use media::g711::Law;
use media::sdes::Crypto;
use sip::{FlowId, Message, Transport};
use trust::cert::Certificate;

use crate::event::{ConnectFailure, CucmEvent};
use crate::malformed::Malformed;

/// A connection that the engine asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A request to a gateway over HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PostId(pub u64);

/// Music that one held phone hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MusicId(pub u64);

/// A stream that the node sends itself, music on hold or what a member of a conference hears: G.711, 20 ms a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentStream {
    /// Call-ID of the dialog with the phone that hears it.
    pub dialog: String,
    /// Where the phone receives it.
    pub to: SocketAddr,
    /// The codec.
    pub law: Law,
    /// The codec's number at the phone.
    pub payload_type: u8,
    /// Suite and key; RTP without.
    pub crypto: Option<Crypto>,
    /// Source of the stream.
    pub ssrc: u32,
    /// Number of the first packet.
    pub sequence: u16,
    /// Timestamp of the first packet.
    pub timestamp: u32,
}

/// A conference of the software conference bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConferenceId(pub u64);

/// What the conference bridge does with one member's port, which [`crate::engine::Engine::add_port`] named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MixOrder {
    /// The member hears all others of the conference, and they hear it; what the port did before is over.
    Connect {
        /// Which conference.
        conference: ConferenceId,
        /// The port.
        port: u16,
        /// The member's media.
        terms: Box<PortTerms>,
    },
    /// The member, who holds, neither hears nor is heard.
    Disconnect {
        /// The port.
        port: u16,
    },
    /// The member has left, or never came; the port is free.
    Close {
        /// The port.
        port: u16,
    },
}

/// The media between the bridge and one member, with one codec both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortTerms {
    /// What the member hears. It sends from where it receives.
    pub stream: SentStream,
    /// Suite and key of what the member says; RTP without.
    pub receive: Option<Crypto>,
}

/// Something that happened outside.
#[derive(Debug)]
pub enum Input {
    /// A message without flaws arrived.
    Message {
        /// Where it came from.
        flow: FlowId,
        /// The message.
        message: Message,
    },
    /// Bytes arrived that are no message, or one that breaks rules.
    Malformed {
        /// Where they came from; `None` for a datagram of a peer that has sent no message yet.
        flow: Option<FlowId>,
        /// The peer's address.
        peer: SocketAddr,
        /// What they are.
        what: Malformed,
    },
    /// A peer connected, or, over UDP, sent its first datagram.
    Opened {
        /// The new flow.
        flow: FlowId,
        /// How it travels.
        transport: Transport,
        /// The port of ours.
        local: SocketAddr,
        /// The peer's address.
        peer: SocketAddr,
        /// The peer's certificate, over TLS.
        certificate: Option<Certificate>,
    },
    /// A flow is gone, whoever opened it.
    Closed {
        /// The flow.
        flow: FlowId,
        /// Why, if it did not just end: an alert in TLS 1.3 arrives like this.
        why: Option<ConnectFailure>,
    },
    /// A connection that was asked for is there.
    Connected {
        /// Which one.
        connection: ConnectionId,
        /// Its flow.
        flow: FlowId,
    },
    /// A gateway answered a request over HTTP with this status, or did not answer.
    Posted {
        /// Which one.
        post: PostId,
        /// Its status, or what went wrong.
        answer: Result<u16, String>,
    },
    /// A connection that was asked for did not come about.
    ConnectFailed {
        /// Which one.
        connection: ConnectionId,
        /// Why.
        failure: ConnectFailure,
    },
}

/// Something to do outside.
#[derive(PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "events are rare and go out one at a time")]
pub enum Output {
    /// Send these bytes, one whole message.
    Transmit {
        /// Where to.
        flow: FlowId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Connect to a trunk's destination, and say how it went.
    Connect {
        /// Number of the attempt.
        connection: ConnectionId,
        /// Address of the node that connects.
        from: IpAddr,
        /// Name of the trunk, whose security profile says how.
        trunk: String,
        /// The transport.
        transport: Transport,
        /// The destination.
        to: SocketAddr,
    },
    /// Send a request over HTTP, over a connection of its own, and say what came of it.
    Post {
        /// Number of the request.
        post: PostId,
        /// Where to.
        to: SocketAddr,
        /// The whole request.
        request: Vec<u8>,
    },
    /// Close a flow that is not to be had.
    Close {
        /// Which one.
        flow: FlowId,
    },
    /// Let a held phone hear music.
    StartMusic {
        /// Name of the stream.
        music: MusicId,
        /// What it is.
        stream: Box<SentStream>,
    },
    /// End a stream of music.
    StopMusic {
        /// Which one.
        music: MusicId,
    },
    /// Let the conference bridge do something.
    Mix(MixOrder),
    /// Tell the owner.
    Event(CucmEvent),
}

impl fmt::Debug for Output {
    /// Sizes instead of bytes: a body may hold keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transmit { flow, bytes } => write!(f, "Transmit({flow:?}, {} bytes)", bytes.len()),
            Self::Connect { connection, trunk, to, .. } => write!(f, "Connect({connection:?}, {trunk}, {to})"),
            Self::Post { post, to, .. } => write!(f, "Post({post:?}, {to})"),
            Self::Close { flow } => write!(f, "Close({flow:?})"),
            Self::StartMusic { music, stream } => write!(f, "StartMusic({music:?}, {})", stream.to),
            Self::StopMusic { music } => write!(f, "StopMusic({music:?})"),
            Self::Mix(MixOrder::Connect { conference, port, terms }) => {
                write!(f, "Mix(Connect({conference:?}, {port}, {}))", terms.stream.to)
            }
            Self::Mix(order) => write!(f, "Mix({order:?})"),
            Self::Event(event) => event.fmt(f),
        }
    }
}
