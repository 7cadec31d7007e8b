//! A certificate with its private key.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA512,
    RsaKeyPair,
};
use zeroize::Zeroizing;

use super::{CertError, Certificate, Request, issue, pem};

/// A private key as PKCS#8 DER. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public: Vec<u8>,
}

impl PrivateKey {
    /// Reads a PKCS#8 key: RSA of 2048 bits or more, or EC P-256 or P-384.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, CertError> {
        let public = if let Ok(rsa) = RsaKeyPair::from_pkcs8(der) {
            rsa.public_key().as_ref().to_vec()
        } else if let Ok(ec) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der) {
            ec.public_key().as_ref().to_vec()
        } else if let Ok(ec) = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_ASN1_SIGNING, der) {
            ec.public_key().as_ref().to_vec()
        } else {
            return Err(CertError::KeyUnusable("a damaged key or one of another kind".to_owned()));
        };
        Ok(Self { pkcs8: Zeroizing::new(der.to_vec()), public })
    }

    /// The key as PKCS#8 DER, as a TLS library takes it.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.pkcs8
    }

    pub(super) fn from_rsa_der(der: &[u8]) -> Result<Self, CertError> {
        let rsa = RsaKeyPair::from_der(der).map_err(|_| CertError::KeyUnusable("a damaged rsa key".to_owned()))?;
        let pkcs8: Result<Pkcs8V1Der<'_>, _> = rsa.as_der();
        Self::from_pkcs8(
            pkcs8.map_err(|_| CertError::KeyUnusable("an rsa key that cannot be encoded".to_owned()))?.as_ref(),
        )
    }

    pub(super) fn from_ec_der(der: &[u8]) -> Result<Self, CertError> {
        for algorithm in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING] {
            let key = EcdsaKeyPair::from_private_key_der(algorithm, der);
            if let Some(pkcs8) = key.ok().and_then(|key| key.to_pkcs8v1().ok()) {
                return Self::from_pkcs8(pkcs8.as_ref());
            }
        }
        Err(CertError::KeyUnusable("a damaged ec key or one on another curve".to_owned()))
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(..)")
    }
}

/// A certificate with the key that belongs to it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// What others may see.
    pub certificate: Certificate,
    key: PrivateKey,
}

impl Identity {
    /// Puts a certificate and its key together; they must belong to each other.
    pub fn new(certificate: Certificate, key: PrivateKey) -> Result<Self, CertError> {
        if certificate.public_key_bytes() != key.public {
            return Err(CertError::KeyMismatch { subject: certificate.subject().to_owned() });
        }
        Ok(Self { certificate, key })
    }

    /// Makes a key and a certificate signed with that same key.
    pub fn self_signed(request: &Request) -> Result<Self, CertError> {
        issue::make(request, None)
    }

    /// Makes a key and a certificate signed by `issuer`, whatever the issuer's own certificate allows.
    pub fn issued_by(request: &Request, issuer: &Self) -> Result<Self, CertError> {
        issue::make(request, Some(issuer))
    }

    /// Makes a new certificate for the key of this identity, signed with that key: CUCM's "regenerate" keeps no key, a renewal does.
    pub fn renewed(&self, request: &Request) -> Result<Self, CertError> {
        issue::renew(request, self)
    }

    /// The private key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// The private key as PKCS#8 DER, as a TLS library takes it.
    pub fn key_der(&self) -> &[u8] {
        self.key.pkcs8_der()
    }

    /// Reads a PEM text that holds a certificate and its key, in any order; the first certificate that fits the key counts.
    pub fn from_pem(text: &str) -> Result<Self, CertError> {
        let blocks = pem::blocks(text)?;
        let key = pem::private_key(&blocks)?;
        let certificates = pem::certificates(&blocks)?;
        let fitting = certificates.iter().find(|certificate| certificate.public_key_bytes() == key.public);
        let chosen = fitting.or_else(|| certificates.first()).cloned();
        chosen.map_or_else(
            || Err(CertError::NoCertificate { found: "no certificate".to_owned() }),
            |certificate| Self::new(certificate, key),
        )
    }

    /// Certificate and key as PEM: a secret. [`Certificate::to_pem`] is what may be handed out.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let key = Zeroizing::new(pem::encode("PRIVATE KEY", self.key_der()));
        Zeroizing::new([self.certificate.to_pem().as_str(), key.as_str()].concat())
    }

    /// Signs with RSA PKCS#1 v1.5 and SHA-512, as a CTL is signed; `None` where the key is not RSA.
    pub(crate) fn sign_rsa_sha512(&self, message: &[u8]) -> Option<Vec<u8>> {
        let rsa = RsaKeyPair::from_pkcs8(self.key_der()).ok()?;
        let mut signature = vec![0; rsa.public_modulus_len()];
        rsa.sign(&RSA_PKCS1_SHA512, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::fixture::{capf, publisher, quick, start, subscriber};
    use crate::cert::{KeyKind, Request};

    #[test]
    fn certificate_and_key_come_back_from_their_pem_in_any_order_with_text_around() {
        let mine = publisher();
        let pem = mine.to_pem();
        let (certificate, key) = pem.split_at(pem.find("-----BEGIN PRIVATE").unwrap());
        for text in [pem.to_string(), format!("Bag Attributes\r\n{key}\nsubject=/CN=x\n{certificate} trailing")] {
            let read = Identity::from_pem(&text).unwrap();
            assert_eq!(read.certificate, mine.certificate);
            assert_eq!(read.key_der(), mine.key_der());
        }
    }

    #[test]
    fn of_several_certificates_the_one_that_fits_the_key_is_taken() {
        let text = [capf().certificate.to_pem().as_str(), publisher().to_pem().as_str()].concat();
        assert_eq!(Identity::from_pem(&text).unwrap().certificate, publisher().certificate);
    }

    #[test]
    fn a_key_of_somebody_else_is_refused() {
        let pem = publisher().to_pem();
        let key = &pem[pem.find("-----BEGIN PRIVATE").unwrap()..];
        let error = Identity::from_pem(&[subscriber().certificate.to_pem().as_str(), key].concat()).unwrap_err();
        assert!(matches!(&error, CertError::KeyMismatch { subject } if subject.starts_with("CN=cucm-sub;")), "{error}");
    }

    /// PKCS#8 ends with the older form in an octet string (RFC 5208 §5), for curves without the name of the curve.
    #[test]
    fn keys_in_the_older_forms_are_read_into_pkcs8() {
        let rsa = publisher().key_der()[26..].to_vec();
        let inner = &capf().key_der()[29..];
        assert_eq!((inner[..2].to_vec(), inner.len()), (vec![0x30, 0x6B], 0x6D));
        let p256 = [0xA0, 10, 6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7];
        let ec = [&[0x30, 0x77], &inner[2..39], &p256, &inner[39..]].concat();
        for (identity, label, old) in [(publisher(), "RSA PRIVATE KEY", rsa), (capf(), "EC PRIVATE KEY", ec)] {
            let text = [identity.certificate.to_pem(), pem::encode(label, &old)].concat();
            let read = Identity::from_pem(&text).unwrap();
            assert_eq!(read.certificate, identity.certificate);
            assert!(PrivateKey::from_pkcs8(read.key_der()).is_ok());
        }
    }

    #[test]
    fn no_printed_form_holds_the_key() {
        let identity = quick(Request::new("x", start()));
        let printed = format!("{identity:?} {:?}", identity.key());
        assert!(printed.contains("PrivateKey(..)"), "{printed}");
        let bytes = format!("{:?}", &identity.key_der()[40..48]);
        assert!(!printed.contains(bytes.trim_matches(['[', ']'])), "{printed}");
    }

    #[test]
    fn a_renewed_certificate_keeps_the_key_and_only_the_key() {
        let old = quick(Request::new("192.0.2.9", start()));
        let new = old.renewed(&Request::new("192.0.2.9", start()).with_key(KeyKind::EcP256)).unwrap();
        assert_eq!(new.key_der(), old.key_der());
        assert_ne!(new.certificate.serial_bytes(), old.certificate.serial_bytes());
        assert!(new.certificate.is_self_signed());
    }

    #[test]
    fn keys_that_cannot_be_used_say_why() {
        let certificate = capf().certificate.to_pem();
        let with = |block: &str| Identity::from_pem(&[certificate.as_str(), block].concat()).unwrap_err().to_string();
        assert!(with("").contains("no private key: got a block \"CERTIFICATE\""), "{}", with(""));
        let encrypted = pem::encode("ENCRYPTED PRIVATE KEY", b"xx");
        assert!(with(&encrypted).contains("pass phrase"));
        assert!(with(&pem::encode("PRIVATE KEY", b"xx")).contains("damaged"));
        assert!(with(&pem::encode("DSA PRIVATE KEY", b"xx")).contains("DSA"));
    }
}
