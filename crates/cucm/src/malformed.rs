//! What a peer sent that is no proper SIP message, in a form that can be shown.

use std::fmt;

/// Bytes that were skipped, and why. Only the first of them are kept, and no keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// What was lost with them.
    pub kind: MalformedKind,
    /// The first bytes, escaped as in Rust's byte strings; `[…]` stands where a key may be.
    pub start: String,
    /// How many bytes there are in all.
    pub length: usize,
    /// What is wrong with them.
    pub why: String,
}

/// How much of the stream cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MalformedKind {
    /// One message breaks rules; where it begins and ends is known, and what follows is read.
    Message,
    /// The bytes belong to no message: framing was lost, and is looked for at the next start line.
    Framing,
    /// A message began and did not go on.
    Half,
}

impl Malformed {
    pub(crate) fn new(kind: MalformedKind, bytes: &[u8], why: &str) -> Self {
        Self { kind, start: shown(bytes), length: bytes.len(), why: why.to_owned() }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, start, length, why } = self;
        let more = if *length > SHOWN { " and more" } else { "" };
        match kind {
            MalformedKind::Message => write!(f, "a malformed message of {length} bytes, which was skipped")?,
            MalformedKind::Framing => write!(f, "{length} bytes that are no SIP message, so that framing was lost")?,
            MalformedKind::Half => write!(f, "the first {length} bytes of a message that did not go on")?,
        }
        write!(f, ": {why}; they are b\"{start}\"{more}")
    }
}

/// The first bytes, readable. Where framing is lost they may be the rest of a session description: the key of an
/// `inline:` goes, and so does whatever is long enough to be a part of one.
fn shown(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(SHOWN)];
    let mut text = String::new();
    for run in start.chunk_by(|a, b| is_base64(*a) == is_base64(*b)) {
        let follows_inline = text.to_ascii_lowercase().ends_with("inline:");
        if is_base64(run[0]) && (run.len() >= KEY_PART || follows_inline) {
            text.push_str("[…]");
        } else {
            text.push_str(&run.escape_ascii().to_string());
        }
    }
    text
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

/// How many bytes are shown.
const SHOWN: usize = 64;
/// A key of SDES has 40 characters or more (RFC 4568 §6.1).
const KEY_PART: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        assert_eq!(shown(bytes), expected);
    }

    #[test]
    fn the_first_bytes_are_readable_and_no_key_is_among_them() {
        check(b"\0\xffSIP/9.9 \"x\"\r\n", "\\x00\\xffSIP/9.9 \\\"x\\\"\\r\\n");
        check(b"a=crypto:1 X inline:c2VjcmV0|2^20\r\n", "a=crypto:1 X inline:[…]|2^20\\r\\n");
        check(b"XNjcmV0c2VjcmV0c2VjcmV0c2Vj\r\na=x", "[…]\\r\\na=x");
        assert_eq!(shown(&[b'.'; 1000]), ".".repeat(SHOWN));
    }

    #[test]
    fn it_says_what_came_how_much_and_what_is_wrong() {
        let said = Malformed::new(MalformedKind::Framing, &[b'.'; 70], "got no start line").to_string();
        assert!(said.starts_with("70 bytes that are no SIP message, so that framing was lost: got no start line;"));
        assert!(said.ends_with("...\" and more"), "{said}");
    }
}
