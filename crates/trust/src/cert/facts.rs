//! An X.509 certificate read once into plain facts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::X509Name;

use super::{CertError, San, Usages};

/// What is kept of a certificate. `signed` and `name` ranges point into `der`.
pub(super) struct Facts {
    pub(super) der: Vec<u8>,
    pub(super) version: u32,
    pub(super) common_name: Option<String>,
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) subject_der: Range<usize>,
    pub(super) issuer_der: Range<usize>,
    pub(super) serial: Vec<u8>,
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
    pub(super) sans: Vec<San>,
    pub(super) usages: Option<Usages>,
    pub(super) may_sign_certificates: bool,
    pub(super) ca: Option<Option<u32>>,
    pub(super) subject_key_id: Option<Vec<u8>>,
    pub(super) strange_critical: Option<String>,
    pub(super) key_curve: Option<String>,
    pub(super) rsa_modulus_bytes: Option<usize>,
    pub(super) public_key: Vec<u8>,
    pub(super) signature_algorithm: String,
    pub(super) signature: Vec<u8>,
    pub(super) signed: Range<usize>,
}

/// No certificate of this trade comes near; a limit keeps a hostile peer from making us parse megabytes.
const LONGEST: usize = 64 * 1024;

/// Reads one certificate that fills `der` exactly.
pub(super) fn read(der: &[u8]) -> Result<Facts, CertError> {
    if der.len() > LONGEST {
        return Err(CertError::TooLong { got: der.len(), limit: LONGEST });
    }
    let (rest, x509) = X509Certificate::from_der(der).map_err(|error| CertError::Malformed(describe(&error)))?;
    if !rest.is_empty() {
        return Err(CertError::Malformed(format!("{} bytes follow the certificate", rest.len())));
    }
    let tbs = &x509.tbs_certificate;
    let (not_before, not_after) = (tbs.validity.not_before.timestamp(), tbs.validity.not_after.timestamp());
    let mut facts = Facts {
        version: match tbs.version {
            X509Version(raw) => raw.saturating_add(1),
        },
        common_name: tbs.subject.iter_common_name().next().map(|name| attribute_text(name.attr_value())),
        subject: distinguished_name(&tbs.subject),
        issuer: distinguished_name(&tbs.issuer),
        subject_der: range_of(der, tbs.subject.as_raw()),
        issuer_der: range_of(der, tbs.issuer.as_raw()),
        serial: tbs.raw_serial().to_vec(),
        not_before: wall(not_before),
        not_after: wall(not_after),
        sans: Vec::new(),
        usages: None,
        may_sign_certificates: true,
        ca: None,
        subject_key_id: None,
        strange_critical: None,
        key_curve: tbs
            .subject_pki
            .algorithm
            .parameters
            .as_ref()
            .and_then(|any| any.as_oid().ok())
            .map(|oid| oid.to_id_string()),
        rsa_modulus_bytes: match tbs.subject_pki.parsed() {
            Ok(PublicKey::RSA(key)) => Some(key.modulus.iter().skip_while(|byte| **byte == 0).count()),
            _ => None,
        },
        public_key: tbs.subject_pki.subject_public_key.data.to_vec(),
        signature_algorithm: x509.signature_algorithm.algorithm.to_id_string(),
        signature: x509.signature_value.data.to_vec(),
        signed: range_of(der, tbs.as_ref()),
        der: der.to_vec(),
    };
    read_extensions(&x509, &mut facts)?;
    Ok(facts)
}

fn read_extensions(x509: &X509Certificate<'_>, facts: &mut Facts) -> Result<(), CertError> {
    let mut seen = Vec::new();
    for extension in x509.extensions() {
        let oid = extension.oid.to_id_string();
        if seen.contains(&oid) {
            return Err(CertError::Malformed(format!("extension {oid} occurs twice")));
        }
        match extension.parsed_extension() {
            ParsedExtension::SubjectAlternativeName(names) => {
                facts.sans = names.general_names.iter().filter_map(san).collect()
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let any = usage.any;
                let ipsec = usage.other.iter().any(|oid| oid.to_id_string() == IPSEC_END_SYSTEM);
                facts.usages = Some(Usages {
                    server: any || usage.server_auth,
                    client: any || usage.client_auth,
                    ipsec: any || ipsec,
                });
            }
            ParsedExtension::KeyUsage(usage) => facts.may_sign_certificates = usage.key_cert_sign(),
            ParsedExtension::BasicConstraints(basic) => facts.ca = basic.ca.then_some(basic.path_len_constraint),
            ParsedExtension::SubjectKeyIdentifier(id) => facts.subject_key_id = Some(id.0.to_vec()),
            ParsedExtension::ParseError { error } => {
                return Err(CertError::Malformed(format!("extension {oid}: {error}")));
            }
            _ => {}
        }
        if extension.critical && !UNDERSTOOD.contains(&oid.as_str()) && facts.strange_critical.is_none() {
            facts.strange_critical = Some(oid.clone());
        }
        seen.push(oid);
    }
    Ok(())
}

fn san(name: &GeneralName<'_>) -> Option<San> {
    match name {
        GeneralName::DNSName(text) => Some(San::Dns((*text).to_owned())),
        GeneralName::URI(text) => Some(San::Uri((*text).to_owned())),
        GeneralName::RFC822Name(text) => Some(San::Email((*text).to_owned())),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|raw| San::Ip(IpAddr::V4(Ipv4Addr::from(raw)))),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|raw| San::Ip(IpAddr::V6(Ipv6Addr::from(raw)))),
            _ => None,
        },
        _ => None,
    }
}

/// The name as CUCM prints it: parts joined by `;`, first CN, OU, O, L, ST and C, then the rest in the certificate's order.
fn distinguished_name(name: &X509Name<'_>) -> String {
    let mut parts: Vec<(usize, String)> = name
        .iter_attributes()
        .map(|attribute| {
            let oid = attribute.attr_type().to_id_string();
            let place = DN_ORDER.iter().position(|(known, _)| *known == oid);
            let label = place.map_or(oid.as_str(), |index| DN_ORDER[index].1);
            (place.unwrap_or(DN_ORDER.len()), format!("{label}={}", attribute_text(attribute.attr_value())))
        })
        .collect();
    parts.sort_by_key(|(place, _)| *place);
    parts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(";")
}

/// An attribute's text; BMPString is UCS-2, everything else is read as UTF-8 with damage shown.
pub(super) fn attribute_text(value: &x509_parser::asn1_rs::Any<'_>) -> String {
    if value.tag() == x509_parser::asn1_rs::Tag::BmpString {
        let units: Vec<u16> = value.data.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
        return String::from_utf16_lossy(&units);
    }
    String::from_utf8_lossy(value.data).into_owned()
}

/// `1970-01-01 00:00:00 UTC` and the like.
pub(crate) fn utc(time: SystemTime) -> String {
    let seconds = match time.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |seconds| -seconds),
    };
    time::OffsetDateTime::from_unix_timestamp(seconds).map_or_else(
        |_| format!("{seconds} s after 1970"),
        |at| {
            let (date, clock) = (at.date(), at.time());
            format!(
                "{:04}-{:02}-{:02} {:02}:{:02}:{:02} UTC",
                date.year(),
                u8::from(date.month()),
                date.day(),
                clock.hour(),
                clock.minute(),
                clock.second()
            )
        },
    )
}

fn wall(seconds: i64) -> SystemTime {
    let length = Duration::from_secs(seconds.unsigned_abs());
    let moved = if seconds < 0 { UNIX_EPOCH.checked_sub(length) } else { UNIX_EPOCH.checked_add(length) };
    moved.unwrap_or(UNIX_EPOCH)
}

/// Where a slice of `whole` lies in it, by its first occurrence at the address it was cut from.
fn range_of(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize).min(whole.len());
    start..(start + part.len()).min(whole.len())
}

fn describe(error: &impl std::fmt::Display) -> String {
    let mut text = error.to_string();
    text.truncate(text.char_indices().nth(120).map_or(text.len(), |(index, _)| index));
    text
}

const IPSEC_END_SYSTEM: &str = "1.3.6.1.5.5.7.3.5";

const DN_ORDER: [(&str, &str); 6] =
    [("2.5.4.3", "CN"), ("2.5.4.11", "OU"), ("2.5.4.10", "O"), ("2.5.4.7", "L"), ("2.5.4.8", "ST"), ("2.5.4.6", "C")];

/// Extensions whose meaning is taken into account, or which may be critical without changing a decision made here:
/// key usage, subject alternative name, basic constraints, CRL distribution points, extended key usage.
const UNDERSTOOD: [&str; 5] = ["2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.31", "2.5.29.37"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Certificate;
    use crate::cert::fixture::{publisher, start};

    #[test]
    fn certificates_of_other_makers_are_described_as_they_are() {
        let read = |text: &str| Certificate::from_pem(text).unwrap();
        let old = read(include_str!("../../../../testdata/certificates/cucm-2018.pem"));
        assert_eq!(old.subject(), "CN=cucm-pub;OU=TAC;O=Example;L=Boxborough;ST=MA;C=US");
        assert!(old.is_self_signed(), "sha-1 is verified");
        assert_eq!(old.usages(), Some(Usages::ALL));
        let small = read(include_str!("../../../../testdata/certificates/rsa1024.pem"));
        assert_eq!((small.rsa_modulus_bytes(), small.is_self_signed()), (Some(128), true));
        let first = read(include_str!("../../../../testdata/certificates/version1.pem"));
        assert_eq!((first.version(), first.usages()), (1, None));
        let strange = read(include_str!("../../../../testdata/certificates/critical-extension.pem"));
        assert_eq!(strange.strange_critical_extension(), Some("1.2.3.4.5"));
    }

    #[test]
    fn bytes_after_or_missing_from_a_certificate_are_refused() {
        let der = publisher().certificate.der();
        let more = Certificate::from_der(&[der, &[0]].concat()).unwrap_err().to_string();
        assert!(more.contains("1 bytes follow"), "{more}");
        for length in [0, 1, 4, der.len() / 2, der.len() - 1] {
            assert!(matches!(Certificate::from_der(&der[..length]), Err(CertError::Malformed(_))), "{length}");
        }
        assert!(matches!(Certificate::from_der(&[0; LONGEST + 1]), Err(CertError::TooLong { .. })));
    }

    #[test]
    fn a_changed_certificate_no_longer_verifies() {
        let mut der = publisher().certificate.der().to_vec();
        let at = der.windows(8).position(|window| window == b"cucm-pub").unwrap();
        der[at] = b'C';
        assert!(!Certificate::from_der(&der).unwrap().is_self_signed());
    }

    #[test]
    fn moments_are_printed_in_utc() {
        assert_eq!(utc(start()), "2026-01-01 00:00:00 UTC");
        assert_eq!(utc(UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31 23:59:59 UTC");
        assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(400_000_000_000)), "400000000000 s after 1970");
    }
}
