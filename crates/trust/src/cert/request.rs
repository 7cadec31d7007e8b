//! What a certificate to be made shall hold.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// The key pair to generate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// Elliptic curve P-256, signing with SHA-256. Made in well under a millisecond.
    EcP256,
    /// RSA of 2048 bits, signing with SHA-256: what CUCM and its phones have. Takes 50 to 300 ms to make.
    Rsa2048,
}

/// One subject alternative name (RFC 5280 §4.2.1.6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum San {
    /// A host name, ASCII.
    Dns(String),
    /// An address.
    Ip(IpAddr),
    /// A URI, ASCII.
    Uri(String),
    /// A mail address, ASCII.
    Email(String),
}

impl San {
    /// The name as text, as it is compared with configured names.
    pub fn text(&self) -> String {
        match self {
            Self::Dns(text) | Self::Uri(text) | Self::Email(text) => text.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }
}

/// The extended key usages that matter between CUCM, phones and recorders (RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usages {
    /// TLS server.
    pub server: bool,
    /// TLS client.
    pub client: bool,
    /// IPSec end system, which CUCM writes as a third.
    pub ipsec: bool,
}

impl Usages {
    /// All three, as CUCM writes them.
    pub const ALL: Self = Self { server: true, client: true, ipsec: true };
    /// TLS server only.
    pub const SERVER: Self = Self { server: true, client: false, ipsec: false };
    /// TLS client only.
    pub const CLIENT: Self = Self { server: false, client: true, ipsec: false };
    /// None: the extension is left out, which allows every use.
    pub const NONE: Self = Self { server: false, client: false, ipsec: false };
}

/// One bit of the key usage extension (RFC 5280 §4.2.1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyUse {
    /// Signatures in handshakes.
    DigitalSignature,
    /// Encryption of keys (RSA key exchange).
    KeyEncipherment,
    /// Encryption of data.
    DataEncipherment,
    /// Key agreement.
    KeyAgreement,
    /// Signing of certificates.
    CertSign,
    /// Signing of revocation lists.
    CrlSign,
}

/// Everything a certificate to be made shall hold. Empty name parts are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// CN.
    pub common_name: String,
    /// OU.
    pub unit: String,
    /// O.
    pub organisation: String,
    /// L.
    pub locality: String,
    /// ST.
    pub state: String,
    /// C, two letters.
    pub country: String,
    /// Subject alternative names; empty leaves the extension out, as CUCM's self-signed certificates do.
    pub sans: Vec<San>,
    /// Which key to generate.
    pub key: KeyKind,
    /// First second of validity; parts of a second are cut off.
    pub not_before: SystemTime,
    /// Last second of validity; parts of a second are cut off.
    pub not_after: SystemTime,
    /// Extended key usages.
    pub usages: Usages,
    /// Key usages; empty leaves the extension out.
    pub key_usage: Vec<KeyUse>,
    /// Whether basic constraints say CA:TRUE; otherwise they are left out.
    pub ca: bool,
    /// Serial number, big-endian; `None` draws 16 random bytes from the operating system.
    pub serial: Option<Vec<u8>>,
}

/// Validity of a certificate that CUCM, a recorder or a phone makes unless told otherwise.
const FIVE_YEARS: Duration = Duration::from_secs((5 * 365 + 1) * 24 * 3600);

impl Request {
    /// A certificate valid for five years from `not_before` with nothing but a common name, an RSA-2048 key and all three usages.
    pub fn new(common_name: &str, not_before: SystemTime) -> Self {
        Self {
            common_name: common_name.to_owned(),
            unit: String::new(),
            organisation: String::new(),
            locality: String::new(),
            state: String::new(),
            country: String::new(),
            sans: Vec::new(),
            key: KeyKind::Rsa2048,
            not_before,
            not_after: not_before.checked_add(FIVE_YEARS).unwrap_or(not_before),
            usages: Usages::ALL,
            key_usage: vec![KeyUse::DigitalSignature, KeyUse::KeyEncipherment],
            ca: false,
            serial: None,
        }
    }

    /// A CallManager node's self-signed certificate as CUCM makes it: RSA-2048, DN of CN;OU;O;L;ST;C, no subject
    /// alternative name, no basic constraints, usable as TLS server, TLS client and IPSec end system, five years.
    pub fn call_manager(node_name: &str, not_before: SystemTime) -> Self {
        Self {
            unit: "Voice".to_owned(),
            organisation: "Mixedmode".to_owned(),
            locality: "Berlin".to_owned(),
            state: "BE".to_owned(),
            country: "DE".to_owned(),
            key_usage: vec![
                KeyUse::DigitalSignature,
                KeyUse::KeyEncipherment,
                KeyUse::DataEncipherment,
                KeyUse::KeyAgreement,
                KeyUse::CertSign,
            ],
            ..Self::new(node_name, not_before)
        }
    }

    /// A recorder's certificate: CN is its address, there is no subject alternative name, RSA-2048, five years.
    pub fn recorder(address: IpAddr, not_before: SystemTime) -> Self {
        Self::new(&address.to_string(), not_before)
    }

    /// A phone's locally significant certificate (LSC): CN is the device name, such as `SEP001122334455`; to be issued by a CAPF.
    pub fn phone_lsc(device: &str, not_before: SystemTime) -> Self {
        Self { unit: "Phones".to_owned(), organisation: "Mixedmode".to_owned(), ..Self::new(device, not_before) }
    }

    /// A certificate authority, such as a CAPF (`CAPF-a1b2c3d4`) or a company's root.
    pub fn authority(common_name: &str, not_before: SystemTime) -> Self {
        Self {
            usages: Usages::NONE,
            key_usage: vec![KeyUse::DigitalSignature, KeyUse::CertSign, KeyUse::CrlSign],
            ca: true,
            ..Self::new(common_name, not_before)
        }
    }

    /// The same with another key.
    pub fn with_key(self, key: KeyKind) -> Self {
        Self { key, ..self }
    }

    /// The same, valid for `length` from its first second.
    pub fn valid_for(self, length: Duration) -> Self {
        Self { not_after: self.not_before.checked_add(length).unwrap_or(self.not_before), ..self }
    }

    /// The same with these subject alternative names.
    pub fn with_sans(self, sans: Vec<San>) -> Self {
        Self { sans, ..self }
    }

    /// The same with these extended key usages.
    pub fn with_usages(self, usages: Usages) -> Self {
        Self { usages, ..self }
    }
}
