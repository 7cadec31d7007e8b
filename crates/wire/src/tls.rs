//! Mutual TLS 1.2 and 1.3 where each side judges the other by a [`PeerRule`].
//!
//! The chain is judged by `trust` alone, as CUCM does, not by the web's rules; the signature of the handshake, which
//! proves that the peer holds the key, is always verified. Sessions are never resumed, so that every connection shows
//! certificates. The names of a server are a matter of its rule: clients send no server name.
//!
//! In TLS 1.3 a client is connected before the server has seen its certificate. A refusal then arrives with the first
//! read: see [`alert`].

mod error;
mod judge;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use trust::cert::{Certificate, Identity};
use trust::rule::{PeerRule, Purpose};

use crate::stream::{Side, Stream};
use crate::tap::Kind;

pub use error::{TlsError, alert};

use judge::{Judge, Secrets, WallTime};

/// Which versions of TLS are offered or accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Versions {
    /// TLS 1.2 alone, which is what CUCM before release 15 speaks.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
    /// Either.
    #[default]
    Both,
}

impl Versions {
    fn list(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Tls12 => vec![&rustls::version::TLS12],
            Self::Tls13 => vec![&rustls::version::TLS13],
            Self::Both => vec![&rustls::version::TLS13, &rustls::version::TLS12],
        }
    }
}

/// Which cipher suites are offered or accepted. Those of versions that are not spoken are never offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ciphers {
    /// All that the TLS library has, in its order.
    #[default]
    All,
    /// Of TLS 1.2 ECDHE with AES in GCM alone, AES-256 first and RSA before ECDSA; of TLS 1.3 AES likewise.
    AesGcm,
}

impl Ciphers {
    fn provider(self, versions: Versions) -> CryptoProvider {
        use aws_lc_rs::cipher_suite::{
            TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
            TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS13_AES_128_GCM_SHA256,
            TLS13_AES_256_GCM_SHA384,
        };
        let mut provider = aws_lc_rs::default_provider();
        if self == Self::AesGcm {
            provider.cipher_suites = vec![
                TLS13_AES_256_GCM_SHA384,
                TLS13_AES_128_GCM_SHA256,
                TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
            ];
        }
        let versions = versions.list();
        provider.cipher_suites.retain(|suite| versions.contains(&suite.version()));
        provider
    }
}

/// Whether a server asks its clients for a certificate. One that is presented is always judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ask {
    /// Asks and refuses who has none: mutual TLS.
    #[default]
    Required,
    /// Asks and lets in who has none.
    Optional,
    /// Does not ask.
    Never,
}

/// One party's part in TLS.
#[derive(Clone, Debug)]
pub struct TlsOptions {
    /// Our certificate and key. A server needs one; a client without one presents nothing.
    pub identity: Option<Identity>,
    /// Certificates presented behind our own, toward its issuer.
    pub chain: Vec<Certificate>,
    /// How the peer is judged.
    pub rule: PeerRule,
    /// Versions of TLS.
    pub versions: Versions,
    /// Cipher suites.
    pub ciphers: Ciphers,
    /// Whether, as a server, a client certificate is asked for.
    pub ask: Ask,
    /// How long a handshake may take.
    pub timeout: Duration,
}

impl TlsOptions {
    /// Mutual TLS of either version, with ten seconds for the handshake.
    pub fn new(identity: Option<Identity>, rule: PeerRule) -> Self {
        Self {
            identity,
            chain: Vec::new(),
            rule,
            versions: Versions::default(),
            ciphers: Ciphers::default(),
            ask: Ask::default(),
            timeout: Duration::from_secs(10),
        }
    }
}

/// The server's part; cloning is cheap.
#[derive(Clone, Debug)]
pub struct TlsServer(Arc<Party>);

/// The client's part; cloning is cheap.
#[derive(Clone, Debug)]
pub struct TlsClient(Arc<Party>);

#[derive(Debug)]
struct Party {
    provider: Arc<CryptoProvider>,
    key: Option<Arc<CertifiedKey>>,
    rule: PeerRule,
    versions: Versions,
    ask: Ask,
    timeout: Duration,
}

impl Party {
    fn new(options: TlsOptions) -> Result<Self, TlsError> {
        let TlsOptions { identity, chain, rule, versions, ciphers, ask, timeout } = options;
        let provider = Arc::new(ciphers.provider(versions));
        let key = identity.map(|identity| certified_key(&identity, &chain, &provider)).transpose()?;
        Ok(Self { provider, key, rule, versions, ask, timeout })
    }
}

fn certified_key(
    identity: &Identity,
    chain: &[Certificate],
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let der = |certificate: &Certificate| CertificateDer::from(certificate.der().to_vec());
    let certificates = std::iter::once(&identity.certificate).chain(chain).map(der).collect();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key_der().to_vec()));
    // Not `from_der`: it reads the certificate by the web's rules and would not let us present an unusual one.
    let key = provider.key_provider.load_private_key(key).map_err(|error| TlsError::Identity(error.to_string()))?;
    Ok(Arc::new(CertifiedKey::new(certificates, key)))
}

impl TlsServer {
    /// Loads the key. An error if there is none or it is of no use.
    pub fn new(options: TlsOptions) -> Result<Self, TlsError> {
        let party = Party::new(options)?;
        if party.key.is_none() {
            return Err(TlsError::Identity("a tls server needs a certificate and its key, got none".into()));
        }
        Ok(Self(Arc::new(party)))
    }

    /// A configuration for one connection: the verifier and the key log must know which one they serve.
    fn config(&self, judge: Arc<Judge>, secrets: Arc<Secrets>, time: WallTime) -> Result<ServerConfig, TlsError> {
        let party = &self.0;
        let key = party.key.clone().ok_or_else(|| TlsError::Identity("no key".into()))?;
        let mut config = ServerConfig::builder_with_details(Arc::clone(&party.provider), Arc::new(time))
            .with_protocol_versions(&party.versions.list())
            .map_err(|error| TlsError::from_rustls(&error))?
            .with_client_cert_verifier(judge)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.key_log = secrets;
        Ok(config)
    }
}

impl TlsClient {
    /// Loads the key, if there is one.
    pub fn new(options: TlsOptions) -> Result<Self, TlsError> {
        Ok(Self(Arc::new(Party::new(options)?)))
    }

    fn config(&self, judge: Arc<Judge>, secrets: Arc<Secrets>, time: WallTime) -> Result<ClientConfig, TlsError> {
        let party = &self.0;
        let builder = ClientConfig::builder_with_details(Arc::clone(&party.provider), Arc::new(time))
            .with_protocol_versions(&party.versions.list())
            .map_err(|error| TlsError::from_rustls(&error))?
            .dangerous()
            .with_custom_certificate_verifier(judge);
        let mut config = match &party.key {
            Some(key) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(key)))),
            None => builder.with_no_client_auth(),
        };
        config.resumption = rustls::client::Resumption::disabled();
        config.enable_sni = false;
        config.key_log = secrets;
        Ok(config)
    }
}

/// Does the server's handshake.
pub async fn accept(server: &TlsServer, stream: Stream) -> Result<TlsStream, TlsError> {
    let (judge, secrets, time) = attendants(&server.0, stream.side(), Purpose::Client);
    let config = server.config(Arc::clone(&judge), secrets, time)?;
    let bracket = Bracket::new(stream.side());
    let handshake = TlsAcceptor::from(Arc::new(config)).accept(stream).into_fallible();
    let result = tokio::time::timeout(server.0.timeout, handshake).await;
    drop(bracket);
    match result {
        Ok(Ok(stream)) => Ok(TlsStream(Box::new(stream.into()))),
        Ok(Err((error, stream))) => Err(failed(&judge, error, stream)),
        Err(_) => Err(TlsError::TimedOut(server.0.timeout)),
    }
}

/// Does the client's handshake.
pub async fn connect(client: &TlsClient, stream: Stream) -> Result<TlsStream, TlsError> {
    let (judge, secrets, time) = attendants(&client.0, stream.side(), Purpose::Server);
    let config = client.config(Arc::clone(&judge), secrets, time)?;
    let name = ServerName::IpAddress(stream.peer_addr().ip().into());
    let bracket = Bracket::new(stream.side());
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream).into_fallible();
    let result = tokio::time::timeout(client.0.timeout, handshake).await;
    drop(bracket);
    match result {
        Ok(Ok(stream)) => Ok(TlsStream(Box::new(stream.into()))),
        Ok(Err((error, stream))) => Err(failed(&judge, error, stream)),
        Err(_) => Err(TlsError::TimedOut(client.0.timeout)),
    }
}

fn attendants(party: &Party, side: &Side, peer: Purpose) -> (Arc<Judge>, Arc<Secrets>, WallTime) {
    let judge = Judge::new(party.rule.clone(), peer, party.ask, &party.provider);
    // Between two of our own sockets the server tells the secrets, which it knows first.
    let is_told = peer == Purpose::Client || !side.peer_is_own;
    let secrets = Secrets::new(side, is_told);
    (Arc::new(judge), Arc::new(secrets), WallTime::new(side.clock.clone()))
}

/// Tells the tap when a handshake begins and ends, also when it is cancelled.
struct Bracket {
    secrets: Secrets,
}

impl Bracket {
    fn new(side: &Side) -> Self {
        let bracket = Self { secrets: Secrets::new(side, true) };
        bracket.secrets.record(Kind::TlsBegin, &[]);
        bracket
    }
}

impl Drop for Bracket {
    fn drop(&mut self) {
        self.secrets.record(Kind::TlsEnd, &[]);
    }
}

/// The reason why a handshake failed: our own refusal where there is one.
fn failed(judge: &Judge, error: io::Error, stream: Stream) -> TlsError {
    tokio::spawn(linger(stream));
    match judge.take_refusal() {
        Some(refusal) => TlsError::Refused(refusal),
        None => TlsError::from_io(error),
    }
}

/// Closes so that the peer reads our alert: closing with bytes unread would reset the connection under it.
async fn linger(mut stream: Stream) {
    let drained = async {
        stream.shutdown().await?;
        let mut buf = [0; 512];
        while stream.read(&mut buf).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = tokio::time::timeout(LINGER, drained).await;
}

/// An encrypted connection. Dropping it closes the TCP connection without a close_notify; `shutdown` sends one.
pub struct TlsStream(Box<tokio_rustls::TlsStream<Stream>>);

impl TlsStream {
    /// Our address.
    pub fn local_addr(&self) -> SocketAddr {
        self.0.get_ref().0.local_addr()
    }

    /// The peer's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.0.get_ref().0.peer_addr()
    }

    /// What the peer presented, in DER, its own certificate first; empty if it presented none.
    pub fn peer_certificates(&self) -> Vec<&[u8]> {
        self.0.get_ref().1.peer_certificates().unwrap_or_default().iter().map(AsRef::as_ref).collect()
    }

    /// The version as `TLSv1.2` or `TLSv1.3`.
    pub fn version(&self) -> &'static str {
        match self.0.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
            _ => "TLSv1.2",
        }
    }

    /// The cipher suite by its IANA name.
    pub fn cipher_suite(&self) -> String {
        let suite = self.0.get_ref().1.negotiated_cipher_suite();
        // rustls names the suites of TLS 1.3 after the version, IANA does not.
        suite.map_or_else(String::new, |suite| format!("{:?}", suite.suite()).replace("TLS13_", "TLS_"))
    }

    /// The connection underneath, to reset it.
    pub fn into_stream(self) -> Stream {
        match *self.0 {
            tokio_rustls::TlsStream::Client(stream) => stream.into_inner().0,
            tokio_rustls::TlsStream::Server(stream) => stream.into_inner().0,
        }
    }

    pub(crate) fn side(&self) -> &Side {
        self.0.get_ref().0.side()
    }
}

impl fmt::Debug for TlsStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsStream({} {} > {})", self.version(), self.local_addr(), self.peer_addr())
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.get_mut().0).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.get_mut().0).poll_shutdown(cx)
    }
}

/// How long a refused peer may take to read why.
const LINGER: Duration = Duration::from_secs(1);
