//! A CTL file as it was received: verified, accepted in place of another, asked whom it lists.

use std::ops::Range;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::{Ctl, CtlRefusal, Record, Role};
use crate::cert::Certificate;

/// The digest under the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1, the default up to release 11.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Digest {
    pub(super) fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Sha1),
            2 => Some(Self::Sha256),
            3 => Some(Self::Sha512),
            _ => None,
        }
    }
}

/// Who signed, as the header names it. The certificate itself is in the list, as a SAST.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Subject of the certificate.
    pub subject: String,
    /// Serial number of the certificate.
    pub serial: Vec<u8>,
    /// Issuer of the certificate.
    pub issuer: String,
}

/// A CTL file that was read: its exact bytes and what they say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCtl {
    pub(super) ctl: Ctl,
    pub(super) signer: Signer,
    pub(super) digest: Digest,
    pub(super) signature_item: Range<usize>,
    pub(super) bytes: Vec<u8>,
}

impl SignedCtl {
    /// What the list says.
    pub fn ctl(&self) -> &Ctl {
        &self.ctl
    }

    /// The records, in order.
    pub fn records(&self) -> &[Record] {
        &self.ctl.records
    }

    /// Who signed.
    pub fn signer(&self) -> &Signer {
        &self.signer
    }

    /// The digest under the signature.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The file's exact bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Checks that the file is whole: its signer is one of its own SAST records and the signature holds.
    pub fn verify(&self) -> Result<(), CtlRefusal> {
        self.verify_with(self, "file itself")
    }

    /// Decides as a phone does whether this file may be installed. With nothing installed the first file is believed, if it is
    /// whole (trust on first use). With a list installed, the signer must be a SAST of that list; otherwise the old one stays.
    pub fn accept(&self, installed: Option<&Self>) -> Result<(), CtlRefusal> {
        match installed {
            None => self.verify(),
            Some(installed) => self.verify_with(installed, "installed list"),
        }
    }

    /// The record that lists this certificate with this role. A certificate that cannot be read is not listed.
    pub fn lookup(&self, certificate_der: &[u8], role: Role) -> Option<&Record> {
        let certificate = Certificate::from_der(certificate_der).ok()?;
        self.records().iter().find(|record| record.role == role && record.stands_for(&certificate))
    }

    /// Every role with which the list names this certificate.
    pub fn roles_of(&self, certificate: &Certificate) -> Vec<Role> {
        self.records().iter().filter(|record| record.stands_for(certificate)).map(|record| record.role).collect()
    }

    /// The records with one of these roles, in order.
    pub fn with_role<'a>(&'a self, roles: &'a [Role]) -> impl Iterator<Item = &'a Record> {
        self.records().iter().filter(|record| roles.contains(&record.role))
    }

    /// Whether any call manager is listed with a certificate: the cluster was in mixed mode when the list was made.
    pub fn is_mixed_mode(&self) -> bool {
        self.with_role(&[Role::Ccm, Role::CcmTftp]).any(|record| !record.is_empty())
    }

    fn verify_with(&self, list: &Self, name: &'static str) -> Result<(), CtlRefusal> {
        let token = list.records().iter().find(|record| {
            record.role == Role::Sast && record.serial == self.signer.serial && record.issuer == self.signer.issuer
        });
        let Some(token) = token else {
            return Err(CtlRefusal::UnknownSigner { signer: self.signer.subject.clone(), list: name });
        };
        let signature = self.bytes.get(self.signature_item.start + 3..self.signature_item.end).unwrap_or_default();
        UnparsedPublicKey::new(self.verifier(), token.signing_key())
            .verify(&self.signed_bytes(), signature)
            .map_err(|_| CtlRefusal::BadSignature { signer: self.signer.subject.clone() })
    }

    /// The whole file with the signature item cut out.
    fn signed_bytes(&self) -> Vec<u8> {
        let before = self.bytes.get(..self.signature_item.start).unwrap_or_default();
        let after = self.bytes.get(self.signature_item.end..).unwrap_or_default();
        [before, after].concat()
    }

    /// Keys of 1024 bits are allowed: security tokens had them.
    fn verifier(&self) -> &'static dyn VerificationAlgorithm {
        match self.digest {
            Digest::Sha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
            Digest::Sha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            Digest::Sha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        }
    }
}
