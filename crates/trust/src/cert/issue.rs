//! Certificates made from requests.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_RSA_SHA256, RsaKeySize, SanType, SerialNumber,
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
    .map(Zeroizing::new)
    .map_err(refused)?;
    certify(request, &pair, issuer)
}

/// Makes a certificate for a key that exists, signed with it.
pub(super) fn renew(request: &Request, identity: &Identity) -> Result<Identity, CertError> {
    certify(request, &*key_pair(identity)?, None)
}

fn certify(request: &Request, pair: &KeyPair, issuer: Option<&Identity>) -> Result<Identity, CertError> {
    let params = params(request, pair.public_key_raw())?;
    let made = match issuer {
        None => params.self_signed(pair),
        Some(issuer) => params.signed_by(pair, &signer(issuer, &*key_pair(issuer)?)?),
    }
    .map_err(refused)?;
    let certificate = Certificate::from_der(made.der())?;
    if issuer.is_some_and(|issuer| !issuer.certificate.is_named_issuer_of(&certificate)) {
        return Err(CertError::Request("the issuer's name cannot be copied".to_owned()));
    }
    Identity::new(certificate, PrivateKey::from_pkcs8(pair.serialized_der())?)
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
        (request.usages.ipsec, ExtendedKeyUsagePurpose::Other(vec![1, 3, 6, 1, 5, 5, 7, 3, 5])),
    ];
    params.extended_key_usages = usages.into_iter().filter_map(|(wanted, usage)| wanted.then_some(usage)).collect();
    if request.ca {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(public_key));
    } else {
        // CUCM writes a subject key identifier without basic constraints; rcgen ties the two together.
        let content = [&[0x04, 20], key_id(public_key).as_slice()].concat();
        params.custom_extensions = vec![CustomExtension::from_oid_content(&[2, 5, 29, 14], content)];
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
            Ok(printable) if kind == DnType::CountryName => name.push(kind, DnValue::PrintableString(printable)),
            _ => name.push(kind, text.as_str()),
        }
    }
    name
}

/// 32 bytes of the system's randomness, by the library that makes the keys; nothing where the system has none to give.
pub fn entropy() -> Option<[u8; 32]> {
    let mut drawn = [0; 32];
    SystemRandom::new().fill(&mut drawn).ok().map(|()| drawn)
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
        return Err(CertError::Request(format!("got a serial number of {} bytes, expected 1 to 20", given.len())));
    }
    Ok(given.clone())
}

fn san(san: &San) -> Result<SanType, CertError> {
    let ascii =
        |text: &str| text.try_into().map_err(|_| CertError::Request(format!("got the name {text:?}, expected ascii")));
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
fn signer<'a>(issuer: &Identity, pair: &'a KeyPair) -> Result<Issuer<'static, &'a KeyPair>, CertError> {
    let der = issuer.certificate.der();
    let (_, x509) = X509Certificate::from_der(der).map_err(|error| CertError::Malformed(error.to_string()))?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for attribute in x509.subject().iter_attributes() {
        let oid: Vec<u64> = attribute.attr_type().iter().map(Iterator::collect).unwrap_or_default();
        let text = attribute_text(attribute.attr_value());
        let bad = |_| CertError::Request("the issuer's name cannot be copied".to_owned());
        let value = match attribute.attr_value().tag() {
            Tag::PrintableString => DnValue::PrintableString(text.as_str().try_into().map_err(bad)?),
            Tag::Ia5String => DnValue::Ia5String(text.as_str().try_into().map_err(bad)?),
            _ => DnValue::Utf8String(text),
        };
        params.distinguished_name.push(DnType::from_oid(&oid), value);
    }
    if let Some(id) = issuer.certificate.subject_key_id() {
        params.key_identifier_method = KeyIdMethod::PreSpecified(id.to_vec());
    }
    Ok(Issuer::new(params, pair))
}

fn key_pair(identity: &Identity) -> Result<Zeroizing<KeyPair>, CertError> {
    let der = identity.key_der().into();
    [&PKCS_RSA_SHA256, &PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384]
        .into_iter()
        .find_map(|algorithm| KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm).ok())
        .map(Zeroizing::new)
        .ok_or_else(|| CertError::KeyUnusable("a key that cannot sign certificates".to_owned()))
}

/// SHA-1 of the public key bits (RFC 5280 §4.2.1.2, first method).
fn key_id(public_key: &[u8]) -> Vec<u8> {
    digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, public_key).as_ref().to_vec()
}

fn offset(time: SystemTime) -> Result<OffsetDateTime, CertError> {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
    };
    let at = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    at.filter(|at| (1950..=9998).contains(&at.year()))
        .ok_or_else(|| CertError::Request("got a validity outside the years 1950 to 9998".to_owned()))
}

fn refused(error: rcgen::Error) -> CertError {
    CertError::Request(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cert::Usages;
    use crate::cert::fixture::{capf, publisher, quick, start};

    #[test]
    fn a_call_manager_certificate_has_cucms_shape() {
        let certificate = &publisher().certificate;
        assert_eq!(certificate.subject(), "CN=cucm-pub;OU=Voice;O=Mixedmode;L=Berlin;ST=BE;C=DE");
        assert_eq!(certificate.issuer(), certificate.subject());
        assert_eq!(certificate.names(), ["cucm-pub"]);
        assert_eq!(certificate.sans(), []);
        assert_eq!(certificate.usages(), Some(Usages::ALL));
        assert_eq!(certificate.version(), 3);
        assert_eq!(certificate.serial_bytes().len(), 16);
        assert_eq!(certificate.rsa_modulus_bytes(), Some(256));
        assert_eq!(certificate.public_key_bytes().len(), 270);
        assert_eq!(certificate.signature_bytes().len(), 256);
        assert!(certificate.is_self_signed() && !certificate.is_authority());
        assert_eq!(certificate.subject_key_id().map(<[u8]>::len), Some(20));
        assert_eq!(certificate.strange_critical_extension(), None);
        let valid = certificate.not_after().duration_since(certificate.not_before()).unwrap();
        assert_eq!((certificate.not_before(), valid.as_secs() / 86400), (start(), 1826));
    }

    #[test]
    fn a_recorders_certificate_is_named_by_its_address_alone() {
        let made = quick(Request::recorder("192.0.2.196".parse().unwrap(), start()));
        assert_eq!(made.certificate.subject(), "CN=192.0.2.196");
        assert_eq!(made.certificate.names(), ["192.0.2.196"]);
    }

    #[test]
    fn an_issued_certificate_names_and_verifies_with_its_issuer() {
        let request = Request::phone_lsc("SEP001122334455", start()).with_key(KeyKind::EcP256);
        let lsc = Identity::issued_by(&request, capf()).unwrap().certificate;
        assert_eq!((lsc.subject_cn(), lsc.issuer()), (Some("SEP001122334455"), "CN=CAPF-a1b2c3d4"));
        assert!(capf().certificate.is_authority() && capf().certificate.is_named_issuer_of(&lsc));
        assert_eq!(lsc.signed_by(&capf().certificate), Ok(()));
        assert!(lsc.signed_by(&lsc).is_err() && !lsc.is_self_signed());
        let by_rsa = Identity::issued_by(&request, publisher()).unwrap().certificate;
        assert_eq!(by_rsa.signed_by(&publisher().certificate), Ok(()));
        assert!(publisher().certificate.is_named_issuer_of(&by_rsa), "the issuer's name is copied byte for byte");
    }

    #[test]
    fn names_usages_validity_and_serial_are_what_was_asked_for() {
        let sans = vec![
            San::Dns("rec.example.com".to_owned()),
            San::Ip("2001:db8::1".parse().unwrap()),
            San::Uri("sip:rec@example.com".to_owned()),
            San::Email("rec@example.com".to_owned()),
        ];
        let request = Request { serial: Some(vec![1, 2, 3]), ..Request::new("rec", start()) }
            .with_sans(sans.clone())
            .with_usages(Usages::CLIENT)
            .valid_for(Duration::from_secs(7200));
        let made = quick(request).certificate;
        assert_eq!(made.sans(), sans);
        assert_eq!(made.names(), ["rec", "rec.example.com", "2001:db8::1", "sip:rec@example.com", "rec@example.com"]);
        assert_eq!(made.usages(), Some(Usages::CLIENT));
        assert_eq!(made.serial_bytes(), [1, 2, 3]);
        assert_eq!(made.not_after(), start() + Duration::from_secs(7200));
        assert_eq!(quick(Request::new("rec", start()).with_usages(Usages::NONE)).certificate.usages(), None);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let refused =
            |request: Request| Identity::self_signed(&request.with_key(KeyKind::EcP256)).unwrap_err().to_string();
        let plain = || Request::new("x", start());
        assert!(refused(plain().with_sans(vec![San::Dns("bücher".to_owned())])).contains("expected ascii"));
        assert!(refused(Request { serial: Some(vec![1; 21]), ..plain() }).contains("21 bytes"));
        assert!(refused(Request { serial: Some(Vec::new()), ..plain() }).contains("0 bytes"));
        let far = start() + Duration::from_secs(400_000_000_000);
        assert!(refused(Request { not_after: far, ..plain() }).contains("years 1950 to 9998"));
    }
}
