//! From bytes to the layout of a message, in one pass, strict or tolerant.

use std::ops::Range;

use crate::header::names_match;
use crate::message::{FieldSpan, Layout, Start};
use crate::text::{digits, is_token};

/// Why bytes are not a proper SIP message. Lines are counted from 1, the start line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Nothing but line ends.
    #[error("got no message, expected a start line")]
    Empty,
    /// The first line is neither a request line nor a status line (RFC 3261 §7.1, §7.2).
    #[error("got the start line {text:?}, expected `METHOD uri SIP/2.0` or `SIP/2.0 code reason`: {why}")]
    StartLine {
        /// The line.
        text: String,
        /// What rule it breaks.
        why: &'static str,
    },
    /// A line that is no header field.
    #[error("got {text:?} in line {line}, expected `Name: value`")]
    HeaderLine {
        /// Its number.
        line: usize,
        /// The line.
        text: String,
    },
    /// A line ends in LF without CR.
    #[error("line {line} ends in LF, expected CRLF")]
    BareLf {
        /// Its number.
        line: usize,
    },
    /// A CR stands inside a line.
    #[error("got a CR inside line {line}, expected it only before LF")]
    BareCr {
        /// Its number.
        line: usize,
    },
    /// The bytes end before the empty line that ends the header block.
    #[error("the header block ends after line {line} without an empty line")]
    NoEndOfHeaders {
        /// The last line.
        line: usize,
    },
    /// More than one Content-Length field, even with equal values (RFC 4475 §3.3.9).
    #[error("got {count} Content-Length fields, expected one")]
    ContentLengthRepeated {
        /// How many.
        count: usize,
    },
    /// A Content-Length that is not a plain decimal number within range.
    #[error("got the Content-Length {text:?}, expected decimal digits of at most {}", u32::MAX)]
    ContentLength {
        /// Its value.
        text: String,
    },
    /// A stream carried a message without Content-Length (RFC 3261 §20.14).
    #[error("got no Content-Length, expected one on a stream")]
    ContentLengthMissing,
    /// Fewer bytes than Content-Length says.
    #[error("got a body of {got} bytes, expected the {declared} of Content-Length")]
    BodyShort {
        /// What Content-Length says.
        declared: usize,
        /// What is there.
        got: usize,
    },
}

/// What to do about a flaw: stop, or note it and go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Strict,
    Tolerant,
}

/// The layout of a whole message, and its flaws (none in strict mode).
pub(crate) fn whole(bytes: &[u8], mode: Mode) -> Result<(Layout, Vec<ParseError>), ParseError> {
    let mut parser = Parser { bytes, mode, flaws: Vec::new() };
    let mut layout = parser.head()?;
    let present = bytes.len() - layout.body.start;
    let declared = parser.content_length(&layout)?.unwrap_or(present);
    if declared > present {
        parser.flaw(ParseError::BodyShort { declared, got: present })?;
    }
    layout.body.end = layout.body.start + declared.min(present);
    Ok((layout, parser.flaws))
}

/// The layout of a header block that ends `bytes`, its flaws, and the declared length of the body to come.
pub(crate) fn head(bytes: &[u8], mode: Mode) -> Result<(Layout, Vec<ParseError>, usize), ParseError> {
    let mut parser = Parser { bytes, mode, flaws: Vec::new() };
    let layout = parser.head()?;
    let declared = match parser.content_length(&layout)? {
        Some(declared) => declared,
        None if parser.flaws.iter().any(ParseError::is_about_length) => 0,
        None => {
            parser.flaw(ParseError::ContentLengthMissing)?;
            0
        }
    };
    Ok((layout, parser.flaws, declared))
}

/// Whether `line` (without its end) is a proper start line, or, tolerant, can be taken for one at all.
pub(crate) fn check_start_line(line: &[u8], mode: Mode) -> Result<(), ParseError> {
    start_line(line, 0, mode).map(drop).map_err(|why| ParseError::StartLine { text: excerpt(line), why })
}

/// Whether a line, however wrong, is meant to be a SIP start line: its first or last word is a version.
pub(crate) fn names_version(line: &[u8]) -> bool {
    let is_version = |word: &[u8]| word.len() >= 4 && word[..4].eq_ignore_ascii_case(b"SIP/");
    let words = || line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words().next().is_some_and(is_version) || words().next_back().is_some_and(is_version)
}

impl ParseError {
    pub(crate) fn is_about_length(&self) -> bool {
        matches!(self, Self::ContentLengthRepeated { .. } | Self::ContentLength { .. } | Self::ContentLengthMissing)
    }
}

struct Parser<'a> {
    bytes: &'a [u8],
    mode: Mode,
    flaws: Vec<ParseError>,
}

struct Line {
    content: Range<usize>,
    end: usize,
}

impl Parser<'_> {
    fn flaw(&mut self, flaw: ParseError) -> Result<(), ParseError> {
        if self.mode == Mode::Strict {
            return Err(flaw);
        }
        self.flaws.push(flaw);
        Ok(())
    }

    fn head(&mut self) -> Result<Layout, ParseError> {
        let mut at = self.bytes.iter().position(|b| !matches!(b, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
        // What is skipped must be line ends, not stray CRs.
        if self.bytes[..at].chunks(2).any(|pair| pair != b"\r\n") {
            self.flaw(ParseError::BareLf { line: 0 })?;
        }
        let mut number = 1;
        let first = self.line(at, number)?;
        at = first.end;
        let mut layout = Layout { start: self.start(&first)?, line: first.content, fields: Vec::new(), body: at..at };
        loop {
            if at == self.bytes.len() {
                self.flaw(ParseError::NoEndOfHeaders { line: number })?;
                break;
            }
            number += 1;
            let line = self.line(at, number)?;
            at = line.end;
            if line.content.is_empty() {
                break;
            }
            self.field(&line, number, &mut layout.fields)?;
        }
        layout.body = at..at;
        Ok(layout)
    }

    fn line(&mut self, from: usize, number: usize) -> Result<Line, ParseError> {
        let rest = &self.bytes[from..];
        let Some(feed) = rest.iter().position(|b| *b == b'\n') else {
            self.flaw(ParseError::NoEndOfHeaders { line: number })?;
            return Ok(Line { content: from..self.bytes.len(), end: self.bytes.len() });
        };
        let content = match rest[..feed].strip_suffix(b"\r") {
            Some(content) => content,
            None => {
                self.flaw(ParseError::BareLf { line: number })?;
                &rest[..feed]
            }
        };
        let content = from..from + content.len();
        if self.bytes[content.clone()].contains(&b'\r') {
            self.flaw(ParseError::BareCr { line: number })?;
        }
        Ok(Line { content, end: from + feed + 1 })
    }

    fn start(&mut self, line: &Line) -> Result<Start, ParseError> {
        let text = &self.bytes[line.content.clone()];
        let from = line.content.start;
        match start_line(text, from, Mode::Strict) {
            Ok(start) => Ok(start),
            Err(why) => {
                self.flaw(ParseError::StartLine { text: excerpt(text), why })?;
                Ok(start_line(text, from, Mode::Tolerant).unwrap_or(Start::Other))
            }
        }
    }

    fn field(&mut self, line: &Line, number: usize, fields: &mut Vec<FieldSpan>) -> Result<(), ParseError> {
        let text = &self.bytes[line.content.clone()];
        if matches!(text[0], b' ' | b'\t')
            && let Some(last) = fields.last_mut()
            && last.whole.end == line.content.start
        {
            last.whole.end = line.end;
            last.value.end = line.content.end;
            return Ok(());
        }
        let colon = text.iter().position(|b| *b == b':').unwrap_or(text.len());
        let name = text[..colon].trim_ascii_end();
        if colon == text.len() || !is_token(name) {
            return self.flaw(ParseError::HeaderLine { line: number, text: excerpt(text) });
        }
        let from = line.content.start;
        fields.push(FieldSpan {
            whole: from..line.end,
            name: from..from + name.len(),
            value: from + colon + 1..line.content.end,
        });
        Ok(())
    }

    /// The declared length; in tolerant mode the first readable one, `None` if there is none.
    fn content_length(&mut self, layout: &Layout) -> Result<Option<usize>, ParseError> {
        let bytes = self.bytes;
        let is_length = |field: &&FieldSpan| names_match(&bytes[field.name.clone()], b"Content-Length");
        let spans: Vec<_> = layout.fields.iter().filter(is_length).map(|field| field.value.clone()).collect();
        if spans.len() > 1 {
            self.flaw(ParseError::ContentLengthRepeated { count: spans.len() })?;
        }
        let mut found = None;
        for span in spans {
            let text = String::from_utf8_lossy(&bytes[span]);
            match digits::<u32>(text.trim()).and_then(|length| usize::try_from(length).ok()) {
                Some(length) => found = found.or(Some(length)),
                None => self.flaw(ParseError::ContentLength { text: excerpt(text.trim().as_bytes()) })?,
            }
        }
        Ok(found)
    }
}

fn start_line(text: &[u8], from: usize, mode: Mode) -> Result<Start, &'static str> {
    let trimmed = if mode == Mode::Tolerant { text.trim_ascii() } else { text };
    let from = from + (text.len() - text.trim_ascii_start().len()) * usize::from(mode == Mode::Tolerant);
    if trimmed.len() >= 4 && trimmed[..4].eq_ignore_ascii_case(b"SIP/") {
        return status_line(trimmed, from);
    }
    request_line(trimmed, from, mode)
}

fn status_line(text: &[u8], from: usize) -> Result<Start, &'static str> {
    let space = text.iter().position(|b| *b == b' ').ok_or("no status code follows the version")?;
    if !is_version(&text[..space]) {
        return Err("the version is not `SIP/` and two numbers");
    }
    let rest = &text[space + 1..];
    let code = rest.get(..3).and_then(|code| std::str::from_utf8(code).ok()).and_then(digits::<u16>);
    let code = code.filter(|code| (100..700).contains(code)).ok_or("the status code is not 100 to 699")?;
    // The reason may be empty, and its space is forgotten often enough to let it pass.
    let reason = match rest.get(3) {
        None => from + text.len(),
        Some(b' ') => from + space + 5,
        Some(_) => return Err("the status code is not 100 to 699"),
    };
    Ok(Start::Status { version: from..from + space, code, reason: reason..from + text.len() })
}

fn request_line(text: &[u8], from: usize, mode: Mode) -> Result<Start, &'static str> {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let first = text.iter().position(is_space).ok_or("it has no spaces")?;
    let last = text.iter().rposition(is_space).ok_or("it has no spaces")?;
    if !is_token(&text[..first]) {
        return Err("the method is not a token");
    }
    if !is_version(&text[last + 1..]) {
        return Err("it does not end in a version such as `SIP/2.0`");
    }
    if first == last && mode == Mode::Strict {
        return Err("it has no Request-URI");
    }
    // Without a Request-URI there is still a method to answer.
    let middle = if first == last { &[] } else { &text[first + 1..last] };
    let lead = middle.len() - middle.trim_ascii_start().len();
    let uri = middle.trim_ascii();
    if (uri.is_empty() && mode == Mode::Strict) || std::str::from_utf8(uri).is_err() {
        return Err("the Request-URI is empty or not UTF-8");
    }
    if mode == Mode::Strict {
        if uri.len() != middle.len() || text[first] != b' ' || text[last] != b' ' {
            return Err("its parts are not set apart by one space each");
        }
        if uri.iter().any(|b| b.is_ascii_whitespace()) {
            return Err("the Request-URI holds white space");
        }
        if uri.starts_with(b"<") {
            return Err("the Request-URI stands in angle brackets");
        }
    }
    let uri_from = from + first + 1 + lead;
    Ok(Start::Request {
        method: from..from + first,
        uri: uri_from..uri_from + uri.len(),
        version: from + last + 1..from + text.len(),
    })
}

fn is_version(text: &[u8]) -> bool {
    let Some(numbers) = text.get(4..).filter(|_| text[..4].eq_ignore_ascii_case(b"SIP/")) else {
        return false;
    };
    let mut parts = numbers.split(|b| *b == b'.');
    let is_number = |part: Option<&[u8]>| part.is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 120;
    if text.len() <= LONGEST {
        return String::from_utf8_lossy(text).into_owned();
    }
    format!("{}...", String::from_utf8_lossy(&text[..LONGEST]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn strict(text: &str) -> ParseError {
        Message::parse(text.as_bytes()).unwrap_err()
    }

    fn with_length(lines: &str) -> Result<Message, ParseError> {
        Message::parse(format!("BYE sip:a SIP/2.0\r\n{lines}\r\n\r\nabc").as_bytes())
    }

    #[test]
    fn start_lines_are_read_to_the_letter() {
        for bad in [
            "BYE  sip:a SIP/2.0",
            "BYE sip:a SIP/2.0 ",
            "BYE sip:a",
            "BYE",
            "BYE <sip:a> SIP/2.0",
            "BYE sip:a; lr SIP/2.0",
            "B YE sip:a SIP/2.0x",
            "B(E sip:a SIP/2.0",
            "BYE sip:a SIP/2",
            "SIP/2.0",
            "SIP/2.0 20 OK",
            "SIP/2.0 2000 OK",
            "SIP/2.0 099 x",
            "SIP/2.0 700 x",
            "SIP/x 200 OK",
            " BYE sip:a SIP/2.0",
        ] {
            assert!(matches!(strict(&format!("{bad}\r\n\r\n")), ParseError::StartLine { .. }), "{bad:?}");
        }
        let bare = Message::parse(b"SIP/2.0 200\r\n\r\n").unwrap();
        assert_eq!((bare.status(), bare.reason()), (Some(200), Some("")));
        let seven = Message::parse(b"OPTIONS sip:a SIP/7.0\r\n\r\n").unwrap();
        assert_eq!(seven.version(), Some("SIP/7.0"));
    }

    #[test]
    fn a_content_length_that_is_not_one_plain_number_is_refused() {
        for bad in ["-1", "+3", "0x3", "3,3", "3, 3", "99999999999999999999", "4294967296", "", "3 3", "three", "3;x"] {
            let error = with_length(&format!("Content-Length: {bad}")).unwrap_err();
            assert!(matches!(error, ParseError::ContentLength { .. }), "{bad:?}: {error}");
        }
        let error = with_length("Content-Length: 3\r\nl: 3").unwrap_err();
        assert_eq!(error, ParseError::ContentLengthRepeated { count: 2 });
        let error = with_length("Content-Length: 4").unwrap_err();
        assert_eq!(error, ParseError::BodyShort { declared: 4, got: 3 });
    }

    #[test]
    fn a_datagram_keeps_what_stands_behind_its_body() {
        let message = with_length("Content-Length:   2").unwrap();
        assert_eq!((message.body(), message.trailing()), (&b"ab"[..], &b"c"[..]));
        let message = with_length("X: y").unwrap();
        assert_eq!((message.body(), message.trailing()), (&b"abc"[..], &b""[..]));
    }

    #[test]
    fn line_ends_and_lines_that_are_no_fields_are_refused() {
        assert_eq!(strict("BYE sip:a SIP/2.0\nA: b\n\n"), ParseError::BareLf { line: 1 });
        assert_eq!(strict("BYE sip:a SIP/2.0\r\nA: b\rC: d\r\n\r\n"), ParseError::BareCr { line: 2 });
        assert_eq!(strict("BYE sip:a SIP/2.0\r\nA: b\r\n"), ParseError::NoEndOfHeaders { line: 2 });
        assert_eq!(strict("BYE sip:a SIP/2.0\r\nA: b"), ParseError::NoEndOfHeaders { line: 2 });
        assert_eq!(strict("\r\n\r\n"), ParseError::Empty);
        for bad in ["no colon", ": x", "a b: x", " folded without a field"] {
            let error = strict(&format!("BYE sip:a SIP/2.0\r\n{bad}\r\n\r\n"));
            assert!(matches!(error, ParseError::HeaderLine { line: 2, .. }), "{bad:?}: {error}");
        }
    }

    #[test]
    fn tolerant_reading_finds_all_flaws_and_still_the_message() {
        let text = b"BYE  sip:a  SIP/2.0 \nCall-ID: 1\nrubbish\nl: x\nl: 2\n\nabc";
        let (message, flaws) = Message::parse_tolerant(text);
        assert_eq!((message.method(), message.request_uri()), (Some("BYE"), Some("sip:a")));
        assert_eq!(message.header("Call-ID").unwrap(), "1");
        assert_eq!(message.body(), b"ab");
        assert!(flaws.iter().any(|f| matches!(f, ParseError::StartLine { .. })));
        assert!(flaws.contains(&ParseError::HeaderLine { line: 3, text: "rubbish".to_owned() }));
        assert!(flaws.contains(&ParseError::ContentLengthRepeated { count: 2 }));
        assert!(flaws.contains(&ParseError::ContentLength { text: "x".to_owned() }));
        assert!(flaws.contains(&ParseError::BareLf { line: 6 }));
    }
}
