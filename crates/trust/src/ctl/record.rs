//! One entry of a CTL.

use std::fmt;
use std::net::Ipv4Addr;

use crate::cert::Certificate;

/// What the owner of a record may do for a phone (item FUNCTION).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// System administrator security token: signs trust lists. Code 0.
    Sast,
    /// Call manager: SIP and SCCP over TLS. Code 1.
    Ccm,
    /// Call manager and TFTP server in one, as a node running both is listed. Code 2.
    CcmTftp,
    /// TFTP server: signs configuration files. Code 3.
    Tftp,
    /// Certificate authority proxy function: enrols phones. Code 4.
    Capf,
    /// Application server. Code 7.
    AppServer,
    /// Trust verification service. Code 21.
    Tvs,
    /// Another code, kept as it is.
    Other(u16),
}

impl Role {
    /// The code in the file.
    pub fn code(self) -> u16 {
        match self {
            Self::Sast => 0,
            Self::Ccm => 1,
            Self::CcmTftp => 2,
            Self::Tftp => 3,
            Self::Capf => 4,
            Self::AppServer => 7,
            Self::Tvs => 21,
            Self::Other(code) => code,
        }
    }

    /// The role with this code.
    pub fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Sast,
            1 => Self::Ccm,
            2 => Self::CcmTftp,
            3 => Self::Tftp,
            4 => Self::Capf,
            7 => Self::AppServer,
            21 => Self::Tvs,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for Role {
    /// The name as `show ctl` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sast => f.write_str("System Administrator Security Token"),
            Self::Ccm => f.write_str("CCM"),
            Self::CcmTftp => f.write_str("CCM+TFTP"),
            Self::Tftp => f.write_str("TFTP"),
            Self::Capf => f.write_str("CAPF"),
            Self::AppServer => f.write_str("APP-SERVER"),
            Self::Tvs => f.write_str("TVS"),
            Self::Other(code) => write!(f, "role {code}"),
        }
    }
}

/// One record: somebody's certificate and what for. Empty or absent parts are left out of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What the owner may do.
    pub role: Role,
    /// Host name or address as text; may be empty.
    pub name: String,
    /// Subject of the certificate, in CUCM's text form.
    pub subject: String,
    /// Issuer of the certificate.
    pub issuer: String,
    /// Serial number, content bytes of the DER integer.
    pub serial: Vec<u8>,
    /// Public key: PKCS#1 RSAPublicKey in DER, or an uncompressed curve point.
    pub public_key: Vec<u8>,
    /// The signature over the certificate by its issuer.
    pub signature: Vec<u8>,
    /// The certificate in DER, where the file holds it.
    pub certificate: Option<Vec<u8>>,
    /// The owner's IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// SHA-1 of the certificate, which newer files hold beside it or in its place.
    pub certificate_sha1: Option<[u8; 20]>,
}

impl Record {
    /// A record for a certificate.
    pub fn new(role: Role, name: &str, certificate: &Certificate) -> Self {
        Self {
            role,
            name: name.to_owned(),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            serial: certificate.serial_bytes().to_vec(),
            public_key: certificate.public_key_bytes().to_vec(),
            signature: certificate.signature_bytes().to_vec(),
            certificate: Some(certificate.der().to_vec()),
            address: None,
            certificate_sha1: None,
        }
    }

    /// The record of a server that is listed without a certificate, as in a cluster that was set back to non-secure.
    pub fn emptied(role: Role, name: &str, address: Option<Ipv4Addr>) -> Self {
        Self {
            role,
            name: name.to_owned(),
            subject: String::new(),
            issuer: String::new(),
            serial: Vec::new(),
            public_key: Vec::new(),
            signature: Vec::new(),
            certificate: None,
            address,
            certificate_sha1: None,
        }
    }

    /// The same with the owner's address.
    pub fn with_address(self, address: Ipv4Addr) -> Self {
        Self { address: Some(address), ..self }
    }

    /// Whether the record vouches for nobody.
    pub fn is_empty(&self) -> bool {
        self.certificate.is_none() && self.certificate_sha1.is_none() && self.public_key.is_empty()
    }

    /// Whether the record stands for this certificate: by its bytes, else by its SHA-1, else by issuer, serial number and key.
    pub fn stands_for(&self, certificate: &Certificate) -> bool {
        if let Some(der) = &self.certificate {
            return der == certificate.der();
        }
        if let Some(hash) = &self.certificate_sha1 {
            return *hash == certificate.hash_sha1();
        }
        !self.public_key.is_empty()
            && self.public_key == certificate.public_key_bytes()
            && self.serial == certificate.serial_bytes()
            && self.issuer == certificate.issuer()
    }

    /// The key that verifies what this record's owner signs: from the certificate where there is one, so that the two cannot
    /// tell different stories.
    pub(super) fn signing_key(&self) -> Vec<u8> {
        let held = self.certificate.as_deref().and_then(|der| Certificate::from_der(der).ok());
        held.map_or_else(|| self.public_key.clone(), |certificate| certificate.public_key_bytes().to_vec())
    }
}
