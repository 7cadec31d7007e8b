//! Signatures over certificates, verified with the issuer's public key.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use thiserror::Error;

/// Why a signature does not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub(crate) enum SignatureError {
    /// The algorithm is not one this crate verifies, or does not fit the key.
    #[error("signature algorithm {0} is not supported")]
    Unsupported(String),
    /// The signature is wrong.
    #[error("the signature does not hold")]
    Wrong,
}

/// Verifies `signature` over `signed`. `algorithm` is the certificate's signature algorithm, `curve` the issuer key's curve,
/// `key` the content of its SubjectPublicKeyInfo bit string.
pub(super) fn verify(
    algorithm: &str,
    curve: Option<&str>,
    key: &[u8],
    signed: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let verifier = verifier(algorithm, curve).ok_or_else(|| SignatureError::Unsupported(algorithm.to_owned()))?;
    UnparsedPublicKey::new(verifier, key).verify(signed, signature).map_err(|_| SignatureError::Wrong)
}

/// SHA-1 is here because CUCM signed its own certificates with it until 2018 and later; whom to believe is not decided here.
fn verifier(algorithm: &str, curve: Option<&str>) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match (algorithm, curve) {
        ("1.2.840.113549.1.1.5", _) => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        ("1.2.840.113549.1.1.11", _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        ("1.2.840.113549.1.1.12", _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        ("1.2.840.113549.1.1.13", _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        ("1.2.840.10045.4.3.2", Some(P256)) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", Some(P256)) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.4.3.2", Some(P384)) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.2.840.10045.4.3.3", Some(P384)) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.2.840.10045.4.3.4", Some(P384)) => &signature::ECDSA_P384_SHA512_ASN1,
        ("1.2.840.10045.4.3.4", Some(P521)) => &signature::ECDSA_P521_SHA512_ASN1,
        ("1.3.101.112", _) => &signature::ED25519,
        _ => return None,
    })
}

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";
