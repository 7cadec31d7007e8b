//! A certificate as anybody may see it.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use aws_lc_rs::digest;

use super::facts::{self, Facts};
use super::signature::{self, SignatureError};
use super::{CertError, San, Usages, pem};

/// An X.509 certificate: its exact DER bytes, and what was read from them. Cheap to clone; equal when the bytes are.
#[derive(Clone)]
pub struct Certificate {
    facts: Arc<Facts>,
}

impl Certificate {
    /// Reads one certificate that fills `der` exactly.
    pub fn from_der(der: &[u8]) -> Result<Self, CertError> {
        Ok(Self { facts: Arc::new(facts::read(der)?) })
    }

    /// Reads the one certificate of a PEM text; text around it is passed over, a private key in the file is refused.
    pub fn from_pem(text: &str) -> Result<Self, CertError> {
        let mut all = Self::all_from_pem(text)?;
        match (all.pop(), all.len()) {
            (Some(only), 0) => Ok(only),
            (_, more) => Err(CertError::SeveralCertificates(more + 1)),
        }
    }

    /// Reads every certificate of a PEM text, at least one, in order; a private key in the file is refused.
    pub fn all_from_pem(text: &str) -> Result<Vec<Self>, CertError> {
        let blocks = pem::blocks(text)?;
        if blocks.iter().any(|block| block.is_key()) {
            return Err(CertError::KeyPresent);
        }
        pem::certificates(&blocks)
    }

    /// The certificate as a PEM block.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.facts.der)
    }

    /// The exact bytes.
    pub fn der(&self) -> &[u8] {
        &self.facts.der
    }

    /// X.509 version: 3 for everything made in this century, 1 for some old devices.
    pub fn version(&self) -> u32 {
        self.facts.version
    }

    /// The first common name of the subject.
    pub fn subject_cn(&self) -> Option<&str> {
        self.facts.common_name.as_deref()
    }

    /// The subject as CUCM prints it, such as `CN=cucm-pub;OU=Voice;O=Example;L=Berlin;ST=BE;C=DE`.
    pub fn subject(&self) -> &str {
        &self.facts.subject
    }

    /// The issuer as CUCM prints it.
    pub fn issuer(&self) -> &str {
        &self.facts.issuer
    }

    /// The subject alternative names of the kinds this crate knows, in order.
    pub fn sans(&self) -> &[San] {
        &self.facts.sans
    }

    /// The names CUCM compares with a trunk's X.509 subject names: the common name, then each subject alternative name.
    pub fn names(&self) -> Vec<String> {
        self.subject_cn().map(str::to_owned).into_iter().chain(self.sans().iter().map(San::text)).collect()
    }

    /// The serial number: the content bytes of the DER integer, as a CTL holds them.
    pub fn serial_bytes(&self) -> &[u8] {
        &self.facts.serial
    }

    /// First second of validity.
    pub fn not_before(&self) -> SystemTime {
        self.facts.not_before
    }

    /// Last second of validity.
    pub fn not_after(&self) -> SystemTime {
        self.facts.not_after
    }

    /// The extended key usages; `None` where the extension is absent, which allows every use.
    pub fn usages(&self) -> Option<Usages> {
        self.facts.usages
    }

    /// Whether it may issue others: CA:TRUE, and a key usage that (where present) allows signing certificates.
    pub fn is_authority(&self) -> bool {
        self.facts.ca.is_some() && self.facts.may_sign_certificates
    }

    /// How many further CAs may follow below this one; `None` where there is no limit.
    pub(crate) fn path_length(&self) -> Option<u32> {
        self.facts.ca.flatten()
    }

    /// The first critical extension nobody here understands, in dotted form.
    pub fn strange_critical_extension(&self) -> Option<&str> {
        self.facts.strange_critical.as_deref()
    }

    /// Whether subject and issuer are the same and its own key verifies its signature.
    pub fn is_self_signed(&self) -> bool {
        self.is_named_issuer_of(self) && self.signed_by(self).is_ok()
    }

    /// The public key: PKCS#1 RSAPublicKey in DER, or an uncompressed curve point; as a CTL holds it.
    pub fn public_key_bytes(&self) -> &[u8] {
        &self.facts.public_key
    }

    /// The issuer's signature over this certificate.
    pub fn signature_bytes(&self) -> &[u8] {
        &self.facts.signature
    }

    /// SHA-256 of the DER bytes.
    pub fn fingerprint_sha256(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, self.der()).as_ref());
        out
    }

    /// SHA-1 of the DER bytes, as a CTL may hold it instead of the certificate.
    pub fn hash_sha1(&self) -> [u8; 20] {
        let mut out = [0; 20];
        out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.der()).as_ref());
        out
    }

    /// Whether this certificate's subject is what `issued` names as its issuer, byte for byte.
    pub(crate) fn is_named_issuer_of(&self, issued: &Self) -> bool {
        self.facts.der.get(self.facts.subject_der.clone()) == issued.facts.der.get(issued.facts.issuer_der.clone())
    }

    /// Verifies this certificate's signature with the key of `issuer`.
    pub(crate) fn signed_by(&self, issuer: &Self) -> Result<(), SignatureError> {
        let signed = self.facts.der.get(self.facts.signed.clone()).unwrap_or_default();
        signature::verify(
            &self.facts.signature_algorithm,
            issuer.facts.key_curve.as_deref(),
            &issuer.facts.public_key,
            signed,
            &self.facts.signature,
        )
    }

    pub(super) fn subject_key_id(&self) -> Option<&[u8]> {
        self.facts.subject_key_id.as_deref()
    }

    /// Length of an RSA key's modulus in bytes.
    pub(crate) fn rsa_modulus_bytes(&self) -> Option<usize> {
        self.facts.rsa_modulus_bytes
    }
}

impl AsRef<[u8]> for Certificate {
    fn as_ref(&self) -> &[u8] {
        self.der()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.facts.der == other.facts.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject())
            .field("issuer", &self.issuer())
            .field("not_after", &facts::utc(self.not_after()))
            .field("bytes", &self.der().len())
            .finish()
    }
}
