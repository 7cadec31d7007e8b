//! Who is listened to, and how.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use trust::cert::Identity;
use trust::rule::TrustList;

/// What is listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TLS with a client certificate, on [`Config::local_port`](super::Config::local_port).
    Tls,
    /// TCP on [`Config::plain_port`](super::Config::plain_port).
    Tcp,
    /// UDP on [`Config::plain_port`](super::Config::plain_port).
    Udp,
}

/// The versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 alone.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 alone.
    #[serde(rename = "1.3")]
    Tls13,
    /// Either.
    #[default]
    #[serde(rename = "any")]
    Any,
}

impl From<TlsVersion> for wire::tls::Versions {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::Tls12 => Self::Tls12,
            TlsVersion::Tls13 => Self::Tls13,
            TlsVersion::Any => Self::Both,
        }
    }
}

/// One CUCM node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipServer {
    /// Where its connections come from.
    pub address: IpAddr,
    /// Where it listens; used when a request must be sent and its connection is gone.
    #[serde(default = "secure_port")]
    pub port: u16,
    /// Lower is asked first.
    #[serde(default = "first")]
    pub priority: u16,
}

/// Certificate and trust list in memory.
#[derive(Clone)]
pub struct Credentials {
    /// Our certificate and key.
    pub identity: Identity,
    /// The certificates a CUCM node may present.
    pub trusted: TrustList,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

pub(super) fn secure_port() -> u16 {
    5061
}

fn first() -> u16 {
    1
}
