//! Header names, compact forms, and what can be wrong with a header value.

/// Why a typed view refuses a header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// A header that must be there is not.
    #[error("got no {name} header, expected one")]
    Missing {
        /// Its full name.
        name: &'static str,
    },
    /// A header that must stand alone is there more than once.
    #[error("got {count} {name} headers, expected one")]
    Repeated {
        /// Its full name.
        name: &'static str,
        /// How many fields there are.
        count: usize,
    },
    /// A value that does not follow its grammar.
    #[error("got the {name} header {value:?}, expected {expected}")]
    Malformed {
        /// Its full name.
        name: &'static str,
        /// The value.
        value: String,
        /// The form it should have.
        expected: &'static str,
    },
    /// A URI that does not follow its grammar.
    #[error("got the URI {text:?}, expected one after RFC 3261 section 19.1: {why}")]
    Uri {
        /// The URI.
        text: String,
        /// What rule it breaks.
        why: &'static str,
    },
    /// An address that does not follow its grammar.
    #[error("got the address {text:?}, expected `\"name\" <uri>;params`: {why}")]
    Address {
        /// The value.
        text: String,
        /// What rule it breaks.
        why: &'static str,
    },
}

/// Whether two header names mean the same: case does not matter, nor does full or compact (RFC 3261 §7.3.3).
pub(crate) fn names_match(a: &[u8], b: &[u8]) -> bool {
    full_name(a).eq_ignore_ascii_case(full_name(b))
}

/// The full name of a compact one, or the name itself.
fn full_name(name: &[u8]) -> &[u8] {
    let [letter] = name else { return name };
    let letter = letter.to_ascii_lowercase();
    COMPACT.iter().find(|(compact, _)| *compact == letter).map_or(name, |(_, full)| full.as_bytes())
}

/// All registered compact forms (IANA "Session Initiation Protocol Parameters", header fields).
const COMPACT: [(u8, &str); 20] = [
    (b'a', "Accept-Contact"),
    (b'b', "Referred-By"),
    (b'c', "Content-Type"),
    (b'd', "Request-Disposition"),
    (b'e', "Content-Encoding"),
    (b'f', "From"),
    (b'i', "Call-ID"),
    (b'j', "Reject-Contact"),
    (b'k', "Supported"),
    (b'l', "Content-Length"),
    (b'm', "Contact"),
    (b'n', "Identity-Info"),
    (b'o', "Event"),
    (b'r', "Refer-To"),
    (b's', "Subject"),
    (b't', "To"),
    (b'u', "Allow-Events"),
    (b'v', "Via"),
    (b'x', "Session-Expires"),
    (b'y', "Identity"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_in_any_case_and_form() {
        for (a, b) in [("i", "Call-ID"), ("CALL-id", "I"), ("v", "V"), ("X-Own", "x-own"), ("l", "content-length")] {
            assert!(names_match(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
        for (a, b) in [("i", "Via"), ("Call-IDs", "Call-ID"), ("", "i"), ("q", "w")] {
            assert!(!names_match(a.as_bytes(), b.as_bytes()), "{a} {b}");
        }
    }
}
