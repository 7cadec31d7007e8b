//! The phone's way to its CUCM: TLS to a server of its trust list, or TCP or UDP where the configuration says so.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sip::{Frame, Framer, Limits, Message, Transport};
use trust::cert::Identity;
use trust::ctl::SignedCtl;
use trust::rule::PeerRule;
use wire::tls::{Ciphers, TlsClient, TlsOptions, Versions};
use wire::{Datagram, Link, LinkReader, LinkWriter, Net};

/// How to reach a cluster.
#[derive(Debug)]
pub(crate) struct Connector {
    pub(crate) net: Net,
    pub(crate) from: IpAddr,
    pub(crate) transport: Transport,
    /// In the order of the configuration's callManagerGroup.
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) tls: Option<TlsClient>,
}

/// A connection to one CUCM.
#[derive(Debug)]
pub(crate) enum Connection {
    Stream { reader: LinkReader, writer: LinkWriter, framer: Framer, ends: Ends },
    Datagram { socket: Datagram, ends: Ends },
}

/// Both addresses of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) local: SocketAddr,
    pub(crate) peer: SocketAddr,
}

/// What a read gave.
#[derive(Debug)]
pub(crate) enum Arrival {
    Messages(Vec<Message>),
    /// The connection is gone, and why.
    Closed(String),
}

/// The client's part in TLS: our certificate, and only servers that the list names as call managers. The firmware of our models is
/// older than TLS 1.3 in CUCM (15SU2); the suites are those that CUCM takes.
pub(crate) fn tls_client(identity: Identity, list: SignedCtl) -> Result<TlsClient, wire::tls::TlsError> {
    TlsClient::new(TlsOptions {
        versions: Versions::Tls12,
        ciphers: Ciphers::AesGcm,
        ..TlsOptions::new(Some(identity), PeerRule::phone(Arc::new(list)))
    })
}

impl Connector {
    /// Connects to the first server that lets us; otherwise says for each why not.
    pub(crate) async fn connect(&self) -> Result<Connection, Vec<String>> {
        self.connect_to_one_of(&self.servers).await
    }

    /// The same with those that come before this one alone.
    pub(crate) async fn connect_before(&self, server: SocketAddr) -> Result<Connection, Vec<String>> {
        self.connect_to_one_of(self.before(server)).await
    }

    /// The servers that come before this one.
    pub(crate) fn before(&self, server: SocketAddr) -> &[SocketAddr] {
        let place = self.servers.iter().position(|known| *known == server);
        &self.servers[..place.unwrap_or_default()]
    }

    async fn connect_to_one_of(&self, servers: &[SocketAddr]) -> Result<Connection, Vec<String>> {
        let mut refusals = Vec::new();
        for &server in servers {
            match self.connect_to(server).await {
                Ok(connection) => return Ok(connection),
                Err(why) => refusals.push(format!("{server}: {why}")),
            }
        }
        Err(refusals)
    }

    async fn connect_to(&self, server: SocketAddr) -> Result<Connection, String> {
        if self.transport == Transport::Udp {
            let socket = self.net.datagram(SocketAddr::new(self.from, 0)).await.map_err(|error| error.to_string())?;
            let ends = Ends { local: socket.local_addr(), peer: server };
            return Ok(Connection::Datagram { socket, ends });
        }
        let connecting = tokio::time::timeout(CONNECT_TIMEOUT, self.net.connect(self.from, server));
        let stream = match connecting.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no connection within {CONNECT_TIMEOUT:?}")),
        };
        let link = match &self.tls {
            Some(client) => Link::from(wire::tls::connect(client, stream).await.map_err(|error| error.to_string())?),
            None => Link::from(stream),
        };
        let ends = Ends { local: link.local_addr(), peer: link.peer_addr() };
        let (reader, writer) = link.split();
        Ok(Connection::Stream { reader, writer, framer: Framer::lenient(Limits::default()), ends })
    }
}

impl Connection {
    pub(crate) fn ends(&self) -> Ends {
        match self {
            Self::Stream { ends, .. } | Self::Datagram { ends, .. } => *ends,
        }
    }

    /// Waits for messages. Cancel safe.
    pub(crate) async fn read(&mut self, buf: &mut [u8]) -> Arrival {
        match self {
            Self::Stream { reader, framer, .. } => match reader.read(buf).await {
                Ok(0) => Arrival::Closed("cucm closed the connection".to_owned()),
                Ok(len) => {
                    framer.push(&buf[..len]);
                    frames(framer)
                }
                Err(error) => Arrival::Closed(error.to_string()),
            },
            Self::Datagram { socket, ends } => match socket.recv_from(buf).await {
                // A datagram that is no SIP is dropped (RFC 3261 §18.3).
                Ok((len, from)) if from == ends.peer => {
                    Arrival::Messages(Message::parse(&buf[..len]).into_iter().collect())
                }
                Ok(_) => Arrival::Messages(Vec::new()),
                Err(error) => Arrival::Closed(error.to_string()),
            },
        }
    }

    /// Writes one message.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stream { writer, .. } => writer.write_all(bytes).await,
            Self::Datagram { socket, ends } => socket.send_to(bytes, ends.peer).await.map(drop),
        }
    }

    /// Says goodbye.
    pub(crate) async fn close(self) {
        if let Self::Stream { mut writer, .. } = self {
            // The peer may be gone already.
            let _ = writer.shutdown().await;
        }
    }
}

/// All messages that are complete and proper; one that breaks a rule is left alone, and the connection is kept.
fn frames(framer: &mut Framer) -> Arrival {
    let mut messages = Vec::new();
    loop {
        match framer.next() {
            Ok(Some(Frame::Message(message))) => messages.push(message),
            Ok(Some(_)) => {}
            Ok(None) => return Arrival::Messages(messages),
            Err(error) => return Arrival::Closed(format!("cucm sent what is no SIP: {error}")),
        }
    }
}

/// How long a TCP connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
