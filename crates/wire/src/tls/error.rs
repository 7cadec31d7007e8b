//! Why a TLS connection failed, and on whose word.

use std::io;
use std::time::Duration;

use rustls::{AlertDescription, PeerIncompatible};
use thiserror::Error;
use trust::rule::{Purpose, Refusal};

/// Why a TLS connection failed.
#[derive(Debug, Error)]
pub enum TlsError {
    /// We refused the peer.
    #[error("we refused the peer: {0}")]
    Refused(#[source] Refusal),
    /// The peer refused us or our messages, with this alert in words (`unknown ca`, `certificate expired`).
    #[error("the peer refused us with the tls alert {0:?}")]
    Alert(String),
    /// The two have no version of TLS in common.
    #[error("no version of tls in common: {0}")]
    Version(String),
    /// The two cannot agree, or the peer broke the protocol.
    #[error("the tls handshake failed: {0}")]
    Handshake(String),
    /// Our certificate or key is of no use.
    #[error("cannot use our own certificate: {0}")]
    Identity(String),
    /// The handshake took too long.
    #[error("the tls handshake was not done within {0:?}")]
    TimedOut(Duration),
    /// The peer closed the connection during the handshake without saying why.
    #[error("the peer closed the connection during the tls handshake")]
    Closed,
    /// The connection failed.
    #[error(transparent)]
    Io(io::Error),
}

impl TlsError {
    /// The reason in an error of the handshake.
    pub(crate) fn from_io(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::Closed;
        }
        match rustls_error(&error) {
            Some(inner) => Self::from_rustls(inner),
            None => Self::Io(error),
        }
    }

    pub(crate) fn from_rustls(error: &rustls::Error) -> Self {
        match error {
            rustls::Error::AlertReceived(alert) => Self::Alert(words(*alert)),
            rustls::Error::NoCertificatesPresented => {
                Self::Refused(Refusal::NoCertificate { purpose: Purpose::Client })
            }
            rustls::Error::PeerIncompatible(why) if is_version(why) => Self::Version(error.to_string()),
            other => Self::Handshake(other.to_string()),
        }
    }
}

/// What rustls calls it when its peer speaks another version: a client without `supported_versions` has no TLS 1.3.
fn is_version(why: &PeerIncompatible) -> bool {
    matches!(
        why,
        PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired
            | PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
    )
}

/// The peer's alert, in words, if an error of reading or writing came from one. In TLS 1.3 this is how a client learns
/// that its certificate was refused.
pub fn alert(error: &io::Error) -> Option<String> {
    if let Some(TlsError::Alert(words)) = error.get_ref().and_then(|inner| inner.downcast_ref()) {
        return Some(words.clone());
    }
    match rustls_error(error)? {
        rustls::Error::AlertReceived(alert) => Some(words(*alert)),
        _ => None,
    }
}

fn rustls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

/// The alert as RFC 8446 §6 names it, with spaces: `UnknownCA` is `unknown ca`.
fn words(alert: AlertDescription) -> String {
    let name = format!("{alert:?}");
    let mut words = String::with_capacity(name.len() + 4);
    let mut before_is_lower = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && before_is_lower {
            words.push(' ');
        }
        before_is_lower = letter.is_ascii_lowercase();
        words.push(letter.to_ascii_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_put_into_words() {
        for (alert, expected) in [
            (AlertDescription::UnknownCA, "unknown ca"),
            (AlertDescription::CertificateExpired, "certificate expired"),
            (AlertDescription::HandshakeFailure, "handshake failure"),
            (AlertDescription::CertificateRequired, "certificate required"),
        ] {
            assert_eq!(words(alert), expected);
        }
    }

    #[test]
    fn an_alert_is_found_in_the_error_of_a_read() {
        let inner = rustls::Error::AlertReceived(AlertDescription::AccessDenied);
        let error = io::Error::new(io::ErrorKind::InvalidData, inner);
        assert_eq!(alert(&error).as_deref(), Some("access denied"));
        assert_eq!(alert(&io::Error::other(TlsError::Alert("x".into()))).as_deref(), Some("x"));
        assert_eq!(alert(&io::ErrorKind::ConnectionReset.into()), None);
    }
}
