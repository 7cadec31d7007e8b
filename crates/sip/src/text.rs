//! Lexical rules shared by the typed views: quoted strings, lists, tokens (RFC 3261 §25.1).

/// Cuts `text` at each `separator` that stands outside quoted strings and angle brackets.
pub(crate) fn split_outside(text: &str, separator: u8) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut scan = Scan::default();
    for (at, byte) in text.bytes().enumerate() {
        if scan.is_outside(byte) && byte == separator {
            pieces.push(&text[from..at]);
            from = at + 1;
        }
    }
    pieces.push(&text[from..]);
    pieces
}

/// The place of the first `wanted` byte that stands outside quoted strings.
pub(crate) fn find_unquoted(text: &str, wanted: u8) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if !quoted && byte == wanted => return Some(at),
            _ => {}
        }
    }
    None
}

/// Whether `text` starts and ends with a double quote.
pub(crate) fn is_quoted(text: &str) -> bool {
    text.len() >= 2 && text.starts_with('"') && text.ends_with('"')
}

/// The content of a quoted string, escapes undone. `text` must satisfy [`is_quoted`].
pub(crate) fn unquote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaped = false;
    for c in text[1..text.len() - 1].chars() {
        if !escaped && c == '\\' {
            escaped = true;
        } else {
            escaped = false;
            out.push(c);
        }
    }
    out
}

/// Whether `text` is a token of RFC 3261 §25.1.
pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|b| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(b))
}

/// A number written in decimal digits only: no sign, no white space inside, no overflow.
pub(crate) fn digits<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[derive(Default)]
struct Scan {
    quoted: bool,
    escaped: bool,
    depth: u32,
}

impl Scan {
    /// Whether `byte` stands outside quotes and brackets; takes it into account for what follows.
    fn is_outside(&mut self, byte: u8) -> bool {
        if self.quoted {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.quoted = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.quoted = true,
            b'<' => self.depth += 1,
            b'>' => self.depth = self.depth.saturating_sub(1),
            _ => return self.depth == 0,
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_cut_outside_quotes_and_brackets_only() {
        let list = r#""a, \", b" <sip:x,y@h>;p="1,2", <sip:z>, c"#;
        assert_eq!(split_outside(list, b','), [r#""a, \", b" <sip:x,y@h>;p="1,2""#, " <sip:z>", " c"]);
    }

    #[test]
    fn numbers_take_digits_only() {
        assert_eq!(digits::<u32>("4294967295"), Some(u32::MAX));
        for bad in ["4294967296", "+1", "-1", "0x1", "", " 1", "1,1"] {
            assert_eq!(digits::<u32>(bad), None, "{bad:?}");
        }
    }
}
