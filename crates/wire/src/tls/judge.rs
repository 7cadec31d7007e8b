//! What rustls asks for during a handshake: a judge of the peer's chain, the time, and a place for the secrets.

use std::fmt;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, KeyLog, SignatureScheme};
use trust::rule::{PeerRule, Purpose, Refusal};

use super::Ask;
use crate::clock::Clock;
use crate::stream::Side;
use crate::tap::{Kind, Tap};

/// Judges the peer of one connection and keeps the reason if it refuses.
#[derive(Debug)]
pub(super) struct Judge {
    rule: PeerRule,
    peer: Purpose,
    ask: Ask,
    algorithms: WebPkiSupportedAlgorithms,
    refusal: Mutex<Option<Refusal>>,
}

impl Judge {
    pub(super) fn new(rule: PeerRule, peer: Purpose, ask: Ask, provider: &CryptoProvider) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { rule, peer, ask, algorithms, refusal: Mutex::default() }
    }

    /// Why the peer was refused, if it was.
    pub(super) fn take_refusal(&self) -> Option<Refusal> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let chain: Vec<&[u8]> = std::iter::once(leaf).chain(others).map(AsRef::as_ref).collect();
        let now = UNIX_EPOCH + Duration::from_secs(now.as_secs());
        self.rule.judge(&chain, self.peer, now).map_err(|refusal| {
            let error = rustls::Error::InvalidCertificate(certificate_error(&refusal));
            *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(refusal);
            error
        })
    }
}

/// The error whose alert tells the peer most (RFC 8446 §6.2); the refusal itself goes another way.
fn certificate_error(refusal: &Refusal) -> CertificateError {
    match refusal {
        Refusal::NotTrusted { .. } | Refusal::NotInCtl { .. } | Refusal::IssuerNotAuthority { .. } => {
            CertificateError::UnknownIssuer
        }
        Refusal::Expired { .. } => CertificateError::Expired,
        Refusal::NotYetValid { .. } => CertificateError::NotValidYet,
        Refusal::WrongUsage { .. } => CertificateError::InvalidPurpose,
        Refusal::WrongName { .. } | Refusal::WrongDevice { .. } => CertificateError::NotValidForName,
        Refusal::BadSignature { .. } => CertificateError::BadSignature,
        Refusal::StrangeExtension { .. } => CertificateError::UnhandledCriticalExtension,
        _ => CertificateError::BadEncoding,
    }
}

impl ServerCertVerifier for Judge {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.judge(end_entity, intermediates, now).map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Judge {
    fn offer_client_auth(&self) -> bool {
        self.ask != Ask::Never
    }

    fn client_auth_mandatory(&self) -> bool {
        self.ask == Ask::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.judge(end_entity, intermediates, now).map(|()| ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The wall time of the run, for rustls.
#[derive(Debug)]
pub(super) struct WallTime(Clock);

impl WallTime {
    pub(super) fn new(clock: Clock) -> Self {
        Self(clock)
    }
}

impl TimeProvider for WallTime {
    fn current_time(&self) -> Option<UnixTime> {
        let wall: SystemTime = self.0.wall();
        Some(UnixTime::since_unix_epoch(wall.duration_since(UNIX_EPOCH).ok()?))
    }
}

/// Shows the tap what concerns the TLS of one connection.
pub(super) struct Secrets {
    tap: Tap,
    clock: Clock,
    local: SocketAddr,
    peer: SocketAddr,
    is_told: bool,
}

impl Secrets {
    pub(super) fn new(side: &Side, is_told: bool) -> Self {
        let is_told = is_told && side.tap.is_active();
        Self { tap: side.tap.clone(), clock: side.clock.clone(), local: side.local, peer: side.peer, is_told }
    }

    pub(super) fn record(&self, kind: Kind, bytes: &[u8]) {
        if self.is_told {
            self.tap.record(self.clock.now(), self.local, self.peer, kind, bytes);
        }
    }
}

impl KeyLog for Secrets {
    /// Writes the line of the NSS key log format: label, client random, secret.
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let mut line = String::with_capacity(label.len() + 2 * (client_random.len() + secret.len()) + 3);
        line.push_str(label);
        for field in [client_random, secret] {
            line.push(' ');
            for byte in field {
                // Writing to a string cannot fail.
                let _ = write!(line, "{byte:02x}");
            }
        }
        line.push('\n');
        self.record(Kind::TlsSecret, line.as_bytes());
    }

    fn will_log(&self, _label: &str) -> bool {
        self.is_told
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} > {})", self.local, self.peer)
    }
}
