//! Session descriptions without their keys.

/// The text with the key of every `inline:` replaced by `…`, wherever it stands, and other bytes made readable.
///
/// It works on bytes, not on a parsed description, so that what fails to parse can be shown as well; it may be given
/// a whole SIP message.
pub fn redact(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(found) = lower[at..].find("inline:") {
        let start = at + found + "inline:".len();
        let start = start + (text.len() - start - text[start..].trim_start_matches([' ', '\t']).len());
        let rest = &text[start..];
        let key = rest.find(|c: char| c == '|' || c == ';' || c.is_whitespace()).unwrap_or(rest.len());
        out.push_str(&text[at..start]);
        out.push('…');
        at = start + key;
    }
    out.push_str(&text[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_go() {
        let text = "a=crypto:1 X inline:c2VjcmV0|2^20|1:4;INLINE:c2VjcmV0 WSH=64\r\na=x:inline:c2VjcmV0";
        let expected = "a=crypto:1 X inline:…|2^20|1:4;INLINE:… WSH=64\r\na=x:inline:…";
        assert_eq!(redact(text.as_bytes()), expected);
        assert_eq!(redact(b"inline: \tc2VjcmV0\r\n"), "inline: \t…\r\n");
        assert_eq!(redact(b"s=\xff\r\n"), "s=\u{fffd}\r\n");
    }
}
