//! Certificates made from requests.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256, RsaKeySize, SanType,
    SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::asn1_rs::Tag;
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use super::facts::attribute_text;
use super::identity::PrivateKey;
use super::{CertError, Certificate, Identity, KeyKind, KeyUse, Request, San};

/// Generates the key and makes the certificate, signed by `issuer` or by the new key itself.
pub(super) fn make(request: &Request, issuer: Option<&Identity>) -> Result<Identity, CertError> {
    let pair = match request.key {
        KeyKind::EcP256 => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256),
        KeyKind::Rsa2048 => KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048),
    }
    .map_err(refused)?;
    certify(request, &pair, issuer)
}

/// Makes a certificate for a key that exists, signed with it.
pub(super) fn renew(request: &Request, identity: &Identity) -> Result<Identity, CertError> {
    certify(request, &key_pair(identity)?, None)
}

fn certify(
    request: &Request,
    pair: &KeyPair,
    issuer: Option<&Identity>,
) -> Result<Identity, CertError> {
    let params = params(request, pair.public_key_raw())?;
    let made = match issuer {
        None => params.self_signed(pair),
        Some(issuer) => params.signed_by(pair, &signer(issuer)?),
    }
    .map_err(refused)?;
    let key = Zeroizing::new(pair.serialize_der());
    Identity::new(
        Certificate::from_der(made.der())?,
        PrivateKey::from_pkcs8(&key)?,
    )
}

fn params(request: &Request, public_key: &[u8]) -> Result<CertificateParams, CertError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(request);
    params.serial_number = Some(SerialNumber::from_slice(&serial(request)?));
    params.not_before = offset(request.not_before)?;
    params.not_after = offset(request.not_after)?;
    params.subject_alt_names = request.sans.iter().map(san).collect::<Result<_, _>>()?;
    params.key_usages = request.key_usage.iter().map(key_usage).collect();
    let usages = [
        (request.usages.server, ExtendedKeyUsagePurpose::ServerAuth),
        (request.usages.client, ExtendedKeyUsagePurpose::ClientAuth),
        (
            request.usages.ipsec,
            ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 5]),
        ),
    ];
    params.extended_key_usages = usages
        .into_iter()
        .filter_map(|(wanted, usage)| wanted.then_some(usage))
        .collect();
    if request.ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(public_key));
    } else {
        // CUCM writes a subject key identifier without basic constraints; rcgen ties the two together.
        let content = [&[0x04, 20], key_id(public_key).as_slice()].concat();
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[2, 5, 29, 14], content)];
    }
    Ok(params)
}

fn subject(request: &Request) -> DistinguishedName {
    let parts = [
        (DnType::CommonName, &request.common_name),
        (DnType::OrganizationalUnitName, &request.unit),
        (DnType::OrganizationName, &request.organisation),
        (DnType::LocalityName, &request.locality),
        (DnType::StateOrProvinceName, &request.state),
        (DnType::CountryName, &request.country),
    ];
    let mut name = DistinguishedName::new();
    for (kind, text) in parts.into_iter().filter(|(_, text)| !text.is_empty()) {
        // A country is a printable string (RFC 5280 appendix A.1); the others may be anything.
        match PrintableString::try_from(text.as_str()) {
            Ok(printable) if kind == DnType::CountryName => {
                name.push(kind, DnValue::PrintableString(printable))
            }
            _ => name.push(kind, text.as_str()),
        }
    }
    name
}

/// A positive integer of at most 20 bytes (RFC 5280 §4.1.2.2).
fn serial(request: &Request) -> Result<Vec<u8>, CertError> {
    let Some(given) = &request.serial else {
        let mut drawn = vec![0; 16];
        SystemRandom::new()
            .fill(&mut drawn)
            .map_err(|_| CertError::Request("no randomness for the serial number".to_owned()))?;
        // The first byte is neither zero nor negative, so that the number always has 16 bytes.
        drawn[0] = drawn[0] & 0x3F | 0x40;
        return Ok(drawn);
    };
    if given.is_empty() || given.len() > 20 {
        return Err(CertError::Request(format!(
            "got a serial number of {} bytes, expected 1 to 20",
            given.len()
        )));
    }
    Ok(given.clone())
}

fn san(san: &San) -> Result<SanType, CertError> {
    let ascii = |text: &str| {
        text.try_into()
            .map_err(|_| CertError::Request(format!("got the name {text:?}, expected ascii")))
    };
    Ok(match san {
        San::Dns(text) => SanType::DnsName(ascii(text)?),
        San::Uri(text) => SanType::URI(ascii(text)?),
        San::Email(text) => SanType::Rfc822Name(ascii(text)?),
        San::Ip(address) => SanType::IpAddress(*address),
    })
}

fn key_usage(usage: &KeyUse) -> KeyUsagePurpose {
    match usage {
        KeyUse::DigitalSignature => KeyUsagePurpose::DigitalSignature,
        KeyUse::KeyEncipherment => KeyUsagePurpose::KeyEncipherment,
        KeyUse::DataEncipherment => KeyUsagePurpose::DataEncipherment,
        KeyUse::KeyAgreement => KeyUsagePurpose::KeyAgreement,
        KeyUse::CertSign => KeyUsagePurpose::KeyCertSign,
        KeyUse::CrlSign => KeyUsagePurpose::CrlSign,
    }
}

/// The issuer with its name exactly as its certificate spells it: a chain holds only where the two are equal byte for byte.
fn signer(issuer: &Identity) -> Result<Issuer<'static, KeyPair>, CertError> {
    let der = issuer.certificate.der();
    let (_, x509) =
        X509Certificate::from_der(der).map_err(|error| CertError::Malformed(error.to_string()))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for attribute in x509.subject().iter_attributes() {
        let oid: Vec<u64> = attribute
            .attr_type()
            .iter()
            .map(Iterator::collect)
            .unwrap_or_default();
        let text = attribute_text(attribute.attr_value());
        let bad = |_| CertError::Request("the issuer's name cannot be copied".to_owned());
        let value = match attribute.attr_value().tag() {
            Tag::PrintableString => {
                DnValue::PrintableString(text.as_str().try_into().map_err(bad)?)
            }
            Tag::Ia5String => DnValue::Ia5String(text.as_str().try_into().map_err(bad)?),
            _ => DnValue::Utf8String(text),
        };
        params
            .distinguished_name
            .push(DnType::from_oid(&oid), value);
    }
    if let Some(id) = issuer.certificate.subject_key_id() {
        params.key_identifier_method = KeyIdMethod::PreSpecified(id.to_vec());
    }
    Ok(Issuer::new(params, key_pair(issuer)?))
}

fn key_pair(identity: &Identity) -> Result<KeyPair, CertError> {
    let der = identity.key_der().into();
    [
        &PKCS_RSA_SHA256,
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
    ]
    .into_iter()
    .find_map(|algorithm| KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm).ok())
    .ok_or_else(|| CertError::KeyUnusable("a key that cannot sign certificates".to_owned()))
}

/// SHA-1 of the public key bits (RFC 5280 §4.2.1.2, first method).
fn key_id(public_key: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, public_key)
        .as_ref()
        .to_vec()
}

fn offset(time: SystemTime) -> Result<OffsetDateTime, CertError> {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs())
            .ok()
            .map(|seconds| -seconds),
    };
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.filter(|at| (1950..=9998).contains(&at.year()))
        .ok_or_else(|| {
            CertError::Request("got a validity outside the years 1950 to 9998".to_owned())
        })
}

fn refused(error: rcgen::Error) -> CertError {
    CertError::Request(error.to_string())
}
