//! Text of others as it may stand in a page.

use std::borrow::Cow;

/// The same text with a sign for each character that HTML does not allow or nobody would see: control characters as
/// their pictures (U+2400), and what turns the direction of text as U+FFFD.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| sign(c) == c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(sign).collect())
}

fn sign(c: char) -> char {
    match c {
        '\t' | '\n' => c,
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\x7f' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}'
        | '\u{feff}'
        | '\u{fffe}'
        | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        _ => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_shown_by_a_sign() {
        assert_eq!(visible("a\tb\nc"), "a\tb\nc");
        assert_eq!(visible("bell \x07 nul \0 delete \x7f"), "bell \u{2407} nul \u{2400} delete \u{2421}");
        assert_eq!(visible("turned \u{202e}round\u{9b}"), "turned \u{fffd}round\u{fffd}");
        assert!(matches!(visible("ΠΛΑΪΝ ✓"), Cow::Borrowed(_)));
    }
}
