//! One connection: its TLS, and the task that writes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sip::Transport;
use tokio::sync::mpsc;
use trust::cert::Identity;
use trust::rule::{PeerRule, parse_x509_names};
use wire::tls::{TlsClient, TlsError, TlsOptions, TlsServer};
use wire::{Link, LinkWriter, Moment, Net, Stream};

use super::StartError;
use crate::config::{ClientCertificate, Config, DeviceSecurityMode, SipTrunk};
use crate::event::ConnectFailure;

/// The nodes' parts in TLS: as the server of phones and recorders, as the client of each trunk.
#[derive(Debug)]
pub(super) struct Parties {
    servers: BTreeMap<IpAddr, TlsServer>,
    clients: BTreeMap<(IpAddr, String), TlsClient>,
}

impl Parties {
    pub(super) fn new(config: &Config) -> Result<Self, StartError> {
        let bad = |error: TlsError| StartError::Identity(error.to_string());
        // Whoever is in CallManager-trust or CAPF-trust gets in; which phone or trunk it is the engine finds by its names.
        let mut known = config.call_manager_trust.clone();
        for certificate in config.capf_trust.list() {
            known.add(certificate.clone());
        }
        let (mut servers, mut clients) = (BTreeMap::new(), BTreeMap::new());
        let subscribers = config.subscribers.iter().map(|node| (node.address, &node.identity));
        for (address, identity) in std::iter::once((config.address, &config.identity)).chain(subscribers) {
            let mut server = TlsOptions::new(Some(identity.clone()), PeerRule::listed(known.clone()));
            server.versions = config.dialect.tls_versions;
            server.ciphers = config.dialect.tls_ciphers;
            servers.insert(address, TlsServer::new(server).map_err(bad)?);
            for trunk in &config.trunks {
                if let Some(options) = client_options(config, identity, trunk) {
                    clients.insert((address, trunk.name.clone()), TlsClient::new(options).map_err(bad)?);
                }
            }
        }
        Ok(Self { servers, clients })
    }

    /// As the server at this address.
    pub(super) fn server(&self, at: IpAddr) -> Option<&TlsServer> {
        self.servers.get(&at)
    }

    /// As the client of a trunk, from this address.
    pub(super) fn client(&self, from: IpAddr, trunk: &str) -> Option<TlsClient> {
        self.clients.get(&(from, trunk.to_owned())).cloned()
    }
}

/// How a trunk's destinations are judged: CallManager-trust, and the names of the trunk's security profile.
fn client_options(config: &Config, own: &Identity, trunk: &SipTrunk) -> Option<TlsOptions> {
    let profile = config.security_profile_of(trunk)?;
    if profile.mode != DeviceSecurityMode::Encrypted {
        return None;
    }
    let rule = PeerRule::listed(config.call_manager_trust.clone());
    let names = parse_x509_names(&profile.x509_subject_name);
    let rule = if names.is_empty() { rule } else { rule.with_names(names) };
    let identity = match &config.client_certificate {
        ClientCertificate::CallManager => Some(own.clone()),
        ClientCertificate::Nothing => None,
        ClientCertificate::Other(identity) => Some((**identity).clone()),
    };
    let mut options = TlsOptions::new(identity, rule);
    options.versions = config.dialect.trunk_tls_versions.unwrap_or(config.dialect.tls_versions);
    options.ciphers = config.dialect.tls_ciphers;
    Some(options)
}

/// The server's side of a TLS connection.
pub(super) async fn accepted(server: &TlsServer, stream: Stream) -> Result<Link, TlsError> {
    wire::tls::accept(server, stream).await.map(Link::from)
}

/// Connects to a recorder.
pub(super) async fn connect(
    net: Net,
    from: IpAddr,
    to: SocketAddr,
    transport: Transport,
    client: Option<TlsClient>,
) -> Result<Link, ConnectFailure> {
    let failed = |rule: &str, why: String| ConnectFailure { rule: rule.to_owned(), why, refused_by_us: false };
    let opening = tokio::time::timeout(CONNECT_TIMEOUT, net.connect(from, to));
    let stream = match opening.await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(failed("connect", format!("cannot connect to {to}: {error}"))),
        Err(_) => {
            return Err(failed("connect", format!("{to} did not accept a connection within {CONNECT_TIMEOUT:?}")));
        }
    };
    match (transport, client) {
        (Transport::Tls, Some(client)) => {
            wire::tls::connect(&client, stream).await.map(Link::from).map_err(|error| refused(&error))
        }
        (Transport::Tls, None) => Err(failed("connect", "the trunk has no TLS".to_owned())),
        (Transport::Tcp | Transport::Udp, _) => Ok(Link::from(stream)),
    }
}

/// Who refused whom, and by which rule.
pub(super) fn refused(error: &TlsError) -> ConnectFailure {
    let (rule, refused_by_us) = match error {
        TlsError::Refused(refusal) => (refusal.rule(), true),
        TlsError::Alert(_) => ("alert", false),
        TlsError::Closed => ("closed", false),
        TlsError::TimedOut(_) => ("timeout", false),
        TlsError::Version(_) => ("tls-version", true),
        TlsError::Identity(_) => ("identity", true),
        TlsError::Handshake(_) => ("handshake", false),
        TlsError::Io(_) => ("connect", false),
    };
    ConnectFailure { rule: rule.to_owned(), why: error.to_string(), refused_by_us }
}

/// What a writer is given.
pub(super) enum Outgoing {
    /// A message, when it was handed over, and in pieces of how many bytes it is written.
    Bytes { moment: Moment, bytes: Vec<u8>, piece: usize },
    /// The connection ends by a reset.
    Reset,
}

impl Outgoing {
    /// A message in one piece.
    pub(super) fn whole(moment: Moment, bytes: Vec<u8>) -> Self {
        Self::Bytes { moment, piece: bytes.len().max(1), bytes }
    }
}

/// Writes what is given until nobody gives any more, then says goodbye.
pub(super) async fn write(mut writer: LinkWriter, mut messages: mpsc::UnboundedReceiver<Outgoing>) {
    while let Some(outgoing) = messages.recv().await {
        let Outgoing::Bytes { moment, bytes, piece } = outgoing else {
            return writer.reset_when_dropped();
        };
        for (number, piece) in bytes.chunks(piece).enumerate() {
            if number % AT_ONCE == AT_ONCE - 1 {
                tokio::time::sleep(BETWEEN_PIECES).await;
            }
            if writer.write_all_since(moment, piece).await.is_err() {
                // The reading side sees the same and tells.
                return;
            }
        }
    }
    let _ = writer.shutdown().await;
}

/// So many pieces are written one after the other; then the peer has time to read.
const AT_ONCE: usize = 16;
const BETWEEN_PIECES: std::time::Duration = std::time::Duration::from_millis(1);

const CONNECT_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);
