//! Names in certificates against configured names.

use std::net::IpAddr;

use crate::cert::Certificate;

/// The names in the field "X.509 Subject Name" of a SIP trunk security profile (Cisco Unified Communications Manager Security
/// Guide, "Secure Certificate Subject or Subject Alternate Name"): separated by space, comma, semicolon or colon. Since the
/// colon separates, an IPv6 address cannot be written there; it falls into pieces, as in CUCM.
pub fn parse_x509_names(text: &str) -> Vec<String> {
    text.split([' ', '\t', '\r', '\n', ',', ';', ':'])
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// CUCM's X.509 subject rule: the common name or any subject alternative name equals one of `allowed`. Case is ignored as in host
/// names, and two spellings of one address are the same.
pub fn matches_name(certificate: &Certificate, allowed: &[String]) -> bool {
    certificate
        .names()
        .iter()
        .any(|presented| allowed.iter().any(|allowed| same_name(presented, allowed)))
}

/// The rule for a phone: the common name or a subject alternative name is the device name (`SEP001122334455`), or for a
/// certificate burnt in by the manufacturer the model and the device name (`CP-8841-SEP001122334455`).
pub fn matches_device(certificate: &Certificate, device: &str) -> bool {
    certificate
        .names()
        .iter()
        .any(|presented| same_name(presented, device) || is_burnt_in(presented, device))
}

fn is_burnt_in(presented: &str, device: &str) -> bool {
    let Some(model) = presented
        .len()
        .checked_sub(device.len() + 1)
        .and_then(|end| presented.get(..end))
    else {
        return false;
    };
    let tail = presented.get(model.len()..).unwrap_or_default();
    model.starts_with("CP-")
        && !device.is_empty()
        && tail
            .strip_prefix('-')
            .is_some_and(|name| name.eq_ignore_ascii_case(device))
}

fn same_name(presented: &str, allowed: &str) -> bool {
    if presented.eq_ignore_ascii_case(allowed) {
        return true;
    }
    match (presented.parse::<IpAddr>(), allowed.parse::<IpAddr>()) {
        (Ok(presented), Ok(allowed)) => presented == allowed,
        _ => false,
    }
}
