//! The certificate trust list (CTL) of a CUCM in mixed mode: whom a phone believes, for which service.
//!
//! A phone fetches `CTLSEP<MAC>.tlv` by TFTP at its first boot, believes the first one it ever sees, and later replaces it only
//! by one that a system administrator security token (SAST) of the list it holds has signed.
//!
//! ```text
//! header   01 version 1.2 | 02 header length | 03 signer id { 04 subject 05 serial 06 issuer }
//!          07 signature info { 08 digest 09 algorithm { 10 rsa 11 modulus } } | 12 signature
//!          14 file name | 15 time | 0D padding to a multiple of 4
//! record   01 record length | 02 name | 03 subject | 04 role | 05 issuer | 06 serial
//!          07 public key | 08 certificate's signature | 09 certificate | 10 address     (as many as there are)
//! ```
//!
//! Each item is a tag of one byte, a length of two (big-endian) and the value; padding is the bare tag. Names end in NUL. The
//! signature covers the whole file with item 12 cut out. Layout and roles follow the output of `show ctl` as printed in "CUCM
//! Mixed Mode with Tokenless CTL" (Cisco) and the parser of the usecallmanager.nz project. Written here are RSA keys with
//! SHA-512; SHA-1 and SHA-256 are read and verified as well.

mod error;
mod parse;
mod record;
mod signed;
#[cfg(test)]
mod tests;
mod tlv;
mod write;

use std::time::{SystemTime, UNIX_EPOCH};

pub use error::{CtlError, CtlRefusal};
pub use record::{Record, Role};
pub use signed::{Digest, SignedCtl, Signer};

use crate::cert::Identity;

/// What a CTL says, apart from who signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ctl {
    /// The name inside the file, `CTLFile.tlv` also where it is served under a phone's name.
    pub file_name: String,
    /// When it was made, in seconds since 1970.
    pub timestamp: u32,
    /// Version of the signer item that newer releases write, such as (1, 0); older files have none.
    pub signer_version: Option<(u8, u8)>,
    /// Whom it lists.
    pub records: Vec<Record>,
}

impl Ctl {
    /// A list made at `now` with the usual file name.
    pub fn new(now: SystemTime, records: Vec<Record>) -> Self {
        let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self {
            file_name: "CTLFile.tlv".to_owned(),
            timestamp: u32::try_from(seconds).unwrap_or(u32::MAX),
            signer_version: None,
            records,
        }
    }

    /// The list of a cluster without security tokens: `publisher` as SAST and as CCM+TFTP under `name`. Others are added to
    /// `records`.
    pub fn tokenless(now: SystemTime, name: &str, publisher: &Identity) -> Self {
        let record = |role| Record::new(role, name, &publisher.certificate);
        Self::new(now, vec![record(Role::Sast), record(Role::CcmTftp)])
    }

    /// The list of a cluster that was set back to non-secure: it is still signed and installed, but its CCM+TFTP records are
    /// emptied, so that phones which get it register without security.
    pub fn emptied(mut self) -> Self {
        for record in self.records.iter_mut().filter(|record| matches!(record.role, Role::Ccm | Role::CcmTftp)) {
            *record = Record::emptied(record.role, &record.name, record.address);
        }
        self
    }

    /// Writes the file and signs it with RSA PKCS#1 v1.5 and SHA-512. The signer's key must be RSA.
    pub fn sign(&self, signer: &Identity) -> Result<Vec<u8>, CtlError> {
        write::signed(self, signer)
    }

    /// Reads a file. Its layout is checked whole; its signature is not: see [`SignedCtl::verify`] and [`SignedCtl::accept`].
    pub fn parse(bytes: &[u8]) -> Result<SignedCtl, CtlError> {
        parse::file(bytes)
    }
}
