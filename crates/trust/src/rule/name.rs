//! Names in certificates against configured names.

use std::net::IpAddr;

use crate::cert::Certificate;

/// The names in the field "X.509 Subject Name" of a SIP trunk security profile (Cisco Unified Communications Manager Security
/// Guide, "Secure Certificate Subject or Subject Alternate Name"): separated by space, comma, semicolon or colon. Since the
/// colon separates, an IPv6 address cannot be written there; it falls into pieces, as in CUCM.
pub fn parse_x509_names(text: &str) -> Vec<String> {
    text.split([' ', '\t', '\r', '\n', ',', ';', ':']).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// CUCM's X.509 subject rule: the common name or any subject alternative name equals one of `allowed`. Case is ignored as in host
/// names, and two spellings of one address are the same.
pub fn matches_name(certificate: &Certificate, allowed: &[String]) -> bool {
    certificate.names().iter().any(|presented| allowed.iter().any(|allowed| same_name(presented, allowed)))
}

/// The rule for a phone: the common name or a subject alternative name is the device name (`SEP001122334455`), or for a
/// certificate burnt in by the manufacturer the model and the device name (`CP-8841-SEP001122334455`).
pub fn matches_device(certificate: &Certificate, device: &str) -> bool {
    certificate.names().iter().any(|presented| same_name(presented, device) || is_burnt_in(presented, device))
}

fn is_burnt_in(presented: &str, device: &str) -> bool {
    let Some(model) = presented.len().checked_sub(device.len() + 1).and_then(|end| presented.get(..end)) else {
        return false;
    };
    let tail = presented.get(model.len()..).unwrap_or_default();
    model.starts_with("CP-")
        && !device.is_empty()
        && tail.strip_prefix('-').is_some_and(|name| name.eq_ignore_ascii_case(device))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::fixture::{quick, start};
    use crate::cert::{Request, San};

    #[test]
    fn names_are_separated_by_space_comma_semicolon_and_colon() {
        assert_eq!(
            parse_x509_names(" rec-1, rec-2;192.0.2.1:rec-3  rec-4\n"),
            ["rec-1", "rec-2", "192.0.2.1", "rec-3", "rec-4"]
        );
        assert_eq!(parse_x509_names(" ,;: "), Vec::<String>::new());
        assert_eq!(parse_x509_names("2001:db8::1"), ["2001", "db8", "1"], "an ipv6 address cannot be written there");
    }

    #[test]
    fn common_name_or_any_alternative_name_has_to_be_one_of_the_names() {
        let sans = vec![San::Dns("Rec.Example.com".to_owned()), San::Ip("2001:db8::1".parse().unwrap())];
        let certificate = quick(Request::new("192.0.2.196", start()).with_sans(sans)).certificate;
        let check = |names: &[&str]| {
            matches_name(&certificate, &names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert!(check(&["192.0.2.196"]));
        assert!(check(&["other", "rec.example.COM"]));
        assert!(check(&["2001:DB8:0:0::1"]));
        assert!(!check(&["192.0.2.19", "example.com", "*.example.com", ""]));
        assert!(!check(&[]));
    }

    #[test]
    fn a_phone_is_known_by_its_device_name_or_its_burnt_in_name() {
        let check = |cn: &str| matches_device(&quick(Request::new(cn, start())).certificate, "SEP001122334455");
        assert!(check("SEP001122334455"));
        assert!(check("sep001122334455"));
        assert!(check("CP-8841-SEP001122334455"));
        assert!(!check("8841-SEP001122334455"));
        assert!(!check("CP-8841-XSEP001122334455"));
        assert!(!check("SEP001122334456"));
        assert!(!check("SEP001122334455 "));
        assert!(!is_burnt_in("CP-", ""));
    }
}
