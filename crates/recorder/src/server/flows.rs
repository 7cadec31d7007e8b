//! Connections and datagrams: who may come, and what is told of them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sip::{FlowId, Message, ParseError, Transport, arrival};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use wire::tls::{TlsClient, TlsError, TlsServer};
use wire::{Datagram, Link, Listener, Net, Stream};

use super::census::{Census, Seat};
use super::conversation::{Conversation, Opened};
use crate::config::Config;
use crate::fault::Fault;

/// How long a connection of our own may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// Messages queued for one peer; one that takes none is cut off.
const QUEUE: usize = 256;
/// The longest datagram.
const DATAGRAM: usize = 65_535;

/// What the connections tell.
#[derive(Debug)]
pub(crate) enum Inbound {
    /// A connection stands; what is queued here goes to the peer.
    Opened { flow: FlowId, transport: Transport, peer: SocketAddr, queue: Sender<Vec<u8>> },
    /// A message came.
    Message { flow: FlowId, message: Box<Message> },
    /// A message came by UDP; answers to it go to this address.
    Datagram { answers_to: SocketAddr, message: Box<Message> },
    /// A message came that breaks a rule which cannot be overlooked; a request is answered 400.
    Flawed { flow: FlowId, message: Box<Message>, why: String },
    /// The same by UDP.
    FlawedDatagram { answers_to: SocketAddr, message: Box<Message>, why: String },
    /// Bytes came that are no message.
    Malformed { peer: SocketAddr, why: String },
    /// The connection is gone.
    Closed { flow: FlowId },
    /// A connection was not taken.
    Refused { peer: SocketAddr, rule: &'static str, why: String },
}

/// What every connection of a recorder shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) net: Net,
    pub(crate) config: Arc<Config>,
    pub(crate) tls: Option<Arc<TlsServer>>,
    pub(crate) client: Option<Arc<TlsClient>>,
    pub(crate) inbound: Sender<Inbound>,
    numbers: Arc<AtomicU64>,
}

impl Shared {
    pub(crate) fn new(
        net: Net,
        config: Arc<Config>,
        (tls, client): (Option<TlsServer>, Option<TlsClient>),
        inbound: Sender<Inbound>,
    ) -> Self {
        Self { net, config, tls: tls.map(Arc::new), client: client.map(Arc::new), inbound, numbers: Arc::default() }
    }

    /// A number no other flow has.
    pub(crate) fn number(&self) -> FlowId {
        FlowId(self.numbers.fetch_add(1, Ordering::Relaxed))
    }
}

/// Takes connections until the recorder is gone.
pub(crate) async fn accept(shared: Shared, listener: Listener, transport: Transport) {
    let mut census = Census::new(shared.config.max_connections, shared.config.max_connections_per_peer);
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => match admit(&shared, &mut census, peer) {
                Ok(seat) => {
                    let shared = shared.clone();
                    tokio::spawn(async move { welcome(shared, stream, peer, transport, seat).await });
                }
                Err((rule, why)) => tell(&shared, Inbound::Refused { peer, rule, why }).await,
            },
            // Too many files, or a peer that left again: others may still come.
            Err(error) => {
                tracing::warn!("cannot accept on {}: {error}", listener.local_addr());
                shared.net.clock().sleep(Duration::from_millis(50)).await;
            }
        }
        if shared.inbound.is_closed() {
            return;
        }
    }
}

/// Whether a connection from this address may stay, before a byte of it is read.
fn admit(shared: &Shared, census: &mut Census, peer: SocketAddr) -> Result<Seat, (&'static str, String)> {
    if !shared.config.knows(peer.ip()) {
        return Err(("unknown-node", format!("connection from {peer}, which is none of the SIP servers")));
    }
    census.admit(peer.ip()).map_err(|full| ("too-many-connections", format!("{peer}: {full}")))
}

async fn welcome(shared: Shared, stream: Stream, peer: SocketAddr, transport: Transport, _seat: Seat) {
    // fault: closed as soon as it stands.
    if shared.config.fault == Fault::CloseAtOnce {
        return;
    }
    let link = match (&shared.tls, transport) {
        (Some(tls), Transport::Tls) => match wire::tls::accept(tls, stream).await {
            Ok(stream) => Link::from(stream),
            Err(error) => {
                let inbound = Inbound::Refused { peer, rule: rule_of(&error), why: format!("{peer}: {error}") };
                tell(&shared, inbound).await;
                return;
            }
        },
        _ => Link::from(stream),
    };
    let (queue, queued) = channel(QUEUE);
    let flow = shared.number();
    tell(&shared, Inbound::Opened { flow, transport, peer, queue }).await;
    Conversation::new(&shared, link, flow, peer, Opened::Peer).run(queued).await;
    tell(&shared, Inbound::Closed { flow }).await;
}

/// Opens a connection of our own for what is queued, then serves it like any other.
pub(crate) async fn reach(
    shared: Shared,
    flow: FlowId,
    to: SocketAddr,
    transport: Transport,
    queued: Receiver<Vec<u8>>,
) {
    let connected = tokio::time::timeout(CONNECT, connect(&shared, to, transport)).await;
    match connected.unwrap_or_else(|_| Err(format!("no connection within {CONNECT:?}"))) {
        Ok(link) => Conversation::new(&shared, link, flow, to, Opened::Us).run(queued).await,
        Err(why) => {
            tracing::warn!("cannot reach {to}: {why}");
            tell(&shared, Inbound::Refused { peer: to, rule: "unreachable", why: format!("{to}: {why}") }).await;
        }
    }
    tell(&shared, Inbound::Closed { flow }).await;
}

async fn connect(shared: &Shared, to: SocketAddr, transport: Transport) -> Result<Link, String> {
    let stream = shared.net.connect(shared.config.address, to).await.map_err(|error| error.to_string())?;
    match (&shared.client, transport) {
        (Some(client), Transport::Tls) => {
            wire::tls::connect(client, stream).await.map(Link::from).map_err(|error| error.to_string())
        }
        (None, Transport::Tls) => Err("there is no certificate to present".to_owned()),
        _ => Ok(Link::from(stream)),
    }
}

/// Reads datagrams until the recorder is gone.
pub(crate) async fn receive(shared: Shared, socket: Arc<Datagram>) {
    let mut buffer = vec![0; DATAGRAM];
    while !shared.inbound.is_closed() {
        let Ok((len, from)) = socket.recv_from(&mut buffer).await else {
            // On Linux the answer to a datagram of ours that nobody wanted; a pause in case it is worse.
            shared.net.clock().sleep(Duration::from_millis(1)).await;
            continue;
        };
        if !shared.config.knows(from.ip()) {
            let why = format!("datagram from {from}, which is none of the SIP servers");
            tell(&shared, Inbound::Refused { peer: from, rule: "unknown-node", why }).await;
            continue;
        }
        // fault: the buffer is small.
        let len = if shared.config.fault == Fault::SmallBuffer { len.min(1280) } else { len };
        if let Some(inbound) = take(&shared, &buffer[..len], from) {
            tell(&shared, inbound).await;
        }
    }
}

/// What a datagram is; `None` for a keep-alive.
fn take(shared: &Shared, bytes: &[u8], from: SocketAddr) -> Option<Inbound> {
    if bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0)) {
        return None;
    }
    let (message, flaws) = Message::parse_tolerant(bytes);
    let message = Box::new(arrival::noted(message, from));
    let answers_to = Some(arrival::answer_address(&message, from)).filter(|_| message.is_request());
    // An address of the sender's choice must be one that we may talk to.
    let answers_to = answers_to.filter(|to| shared.config.knows(to.ip())).unwrap_or(from);
    Some(match grave(&flaws) {
        None => Inbound::Datagram { answers_to, message },
        Some(why) if message.is_request() => Inbound::FlawedDatagram { answers_to, message, why },
        Some(why) => Inbound::Malformed { peer: from, why },
    })
}

/// The first flaw that cannot be overlooked, in words. A line that is no header field is none that is needed
/// (RFC 3261 §8.2.2).
pub(super) fn grave(flaws: &[ParseError]) -> Option<String> {
    flaws.iter().find(|flaw| !matches!(flaw, ParseError::HeaderLine { .. })).map(ToString::to_string)
}

pub(super) async fn tell(shared: &Shared, inbound: Inbound) {
    // Nobody listens once the recorder is gone.
    let _ = shared.inbound.send(inbound).await;
}

fn rule_of(error: &TlsError) -> &'static str {
    match error {
        TlsError::Refused(refusal) => refusal.rule(),
        TlsError::Alert(_) => "peer-alert",
        TlsError::TimedOut(_) => "tls-timeout",
        TlsError::Version(_) => "tls-version",
        _ => "tls",
    }
}
