//! Lists of certificates that somebody uploaded or imported.

use crate::cert::{CertError, Certificate};

/// Certificates believed by one party, in the order they were added: leaves, CAs or both. It knows what it is called where it
/// is shown, so that a refusal can say which list to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustList {
    name: &'static str,
    rule: &'static str,
    certificates: Vec<Certificate>,
}

impl TrustList {
    /// An empty list without a name of its own.
    pub fn new() -> Self {
        Self { name: "trust list", rule: "trust-list", certificates: Vec::new() }
    }

    /// CUCM's store CallManager-trust, empty.
    pub fn call_manager_trust() -> Self {
        Self { name: "CallManager-trust", rule: "callmanager-trust", certificates: Vec::new() }
    }

    /// A recorder's trusted certificates, empty.
    pub fn trusted_certificates() -> Self {
        Self { name: "trusted certificates", rule: "trusted-certificates", certificates: Vec::new() }
    }

    /// The same list with one more certificate.
    pub fn with(mut self, certificate: Certificate) -> Self {
        self.add(certificate);
        self
    }

    /// Adds a certificate; `false` where it was listed already.
    pub fn add(&mut self, certificate: Certificate) -> bool {
        let new = !self.contains(certificate.der());
        if new {
            self.certificates.push(certificate);
        }
        new
    }

    /// Adds every certificate of a PEM text and says how many were new. A private key in the text is refused.
    pub fn add_pem(&mut self, text: &str) -> Result<usize, CertError> {
        Ok(Certificate::all_from_pem(text)?.into_iter().filter(|certificate| self.add(certificate.clone())).count())
    }

    /// Removes the certificate with this SHA-256 fingerprint; `None` where there is none.
    pub fn remove(&mut self, fingerprint_sha256: &[u8; 32]) -> Option<Certificate> {
        let index = self.certificates.iter().position(|listed| listed.fingerprint_sha256() == *fingerprint_sha256)?;
        Some(self.certificates.remove(index))
    }

    /// Whether a certificate with exactly these DER bytes is listed.
    pub fn contains(&self, der: &[u8]) -> bool {
        self.certificates.iter().any(|listed| listed.der() == der)
    }

    /// The certificates, in the order they were added.
    pub fn list(&self) -> &[Certificate] {
        &self.certificates
    }

    /// What the list is called where it is shown.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn rule(&self) -> &'static str {
        self.rule
    }
}

impl Default for TrustList {
    fn default() -> Self {
        Self::new()
    }
}

impl FromIterator<Certificate> for TrustList {
    fn from_iter<I: IntoIterator<Item = Certificate>>(certificates: I) -> Self {
        certificates.into_iter().fold(Self::new(), Self::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::fixture::{capf, publisher};

    #[test]
    fn certificates_are_added_once_listed_in_order_and_removed_by_fingerprint() {
        let (one, two) = (&publisher().certificate, &capf().certificate);
        let mut list = TrustList::call_manager_trust();
        assert_eq!(list.add_pem(&[one.to_pem(), two.to_pem(), one.to_pem()].concat()), Ok(2));
        assert_eq!(list.list(), [one.clone(), two.clone()]);
        assert!(!list.add(one.clone()));
        assert_eq!(list.remove(&one.fingerprint_sha256()), Some(one.clone()));
        assert_eq!(list.remove(&one.fingerprint_sha256()), None);
        assert!(list.contains(two.der()) && !list.contains(one.der()));
        assert_eq!(list.add_pem(&publisher().to_pem()), Err(CertError::KeyPresent));
        assert_eq!(list.list().len(), 1);
    }
}
