//! A SIP message: the bytes that came or were built, and where its parts stand in them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::header::names_match;
use crate::parse::{self, Mode, ParseError};

/// A request or response that keeps its bytes exactly: header order, case, folding, compact names, spacing, values that
/// are not UTF-8, bodies of any content. Views are read out of the bytes on demand; nothing is ever written back.
///
/// Cloning is cheap: clones share the bytes.
#[derive(Clone)]
pub struct Message {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: Vec<u8>,
    layout: Layout,
}

impl Message {
    /// Reads one whole message: a datagram, or what a stream framer cut out.
    ///
    /// Empty lines before the start line are allowed (RFC 3261 §7.5). Without Content-Length the body is all that
    /// follows the header block; with it, bytes behind the body are kept as [`trailing`](Self::trailing).
    ///
    /// # Errors
    /// [`ParseError`] for what cannot be taken for one SIP message: a broken start line or header line, line ends that
    /// are not CRLF, no end of the header block, a Content-Length that is double, no number, or more than is there.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (layout, _) = parse::whole(bytes, Mode::Strict)?;
        Ok(Self::from_parts(bytes.to_vec(), layout))
    }

    /// Takes any bytes for a message and says what is wrong with them; empty if [`parse`](Self::parse) would accept.
    ///
    /// Where the start line cannot be read, the message is neither request nor response.
    pub fn parse_tolerant(bytes: &[u8]) -> (Self, Vec<ParseError>) {
        let (layout, flaws) = match parse::whole(bytes, Mode::Tolerant) {
            Ok(read) => read,
            Err(flaw) => (Layout::nothing(bytes.len()), vec![flaw]),
        };
        (Self::from_parts(bytes.to_vec(), layout), flaws)
    }

    pub(crate) fn from_parts(bytes: Vec<u8>, layout: Layout) -> Self {
        Self { inner: Arc::new(Inner { bytes, layout }) }
    }

    /// The message exactly as it came or was built.
    pub fn as_bytes(&self) -> &[u8] {
        &self.inner.bytes
    }

    /// Whether the start line is a request line.
    pub fn is_request(&self) -> bool {
        matches!(self.layout().start, Start::Request { .. })
    }

    /// Whether the start line is a status line.
    pub fn is_response(&self) -> bool {
        matches!(self.layout().start, Start::Status { .. })
    }

    /// The method of a request, as spelled (methods are case-sensitive).
    pub fn method(&self) -> Option<&str> {
        match &self.layout().start {
            Start::Request { method, .. } => self.text(method),
            _ => None,
        }
    }

    /// The Request-URI of a request, verbatim.
    pub fn request_uri(&self) -> Option<&str> {
        match &self.layout().start {
            Start::Request { uri, .. } => self.text(uri),
            _ => None,
        }
    }

    /// The status code of a response, 100 to 699.
    pub fn status(&self) -> Option<u16> {
        match self.layout().start {
            Start::Status { code, .. } => Some(code),
            _ => None,
        }
    }

    /// The reason phrase of a response; `None` too if it is not UTF-8.
    pub fn reason(&self) -> Option<&str> {
        match &self.layout().start {
            Start::Status { reason, .. } => self.text(reason),
            _ => None,
        }
    }

    /// The protocol version of the start line; anything but `SIP/2.0` deserves a 505 (RFC 3261 §21.5.6).
    pub fn version(&self) -> Option<&str> {
        match &self.layout().start {
            Start::Request { version, .. } | Start::Status { version, .. } => self.text(version),
            Start::Other => None,
        }
    }

    /// The start line without its line end, as it came.
    pub fn start_line(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.inner.bytes[self.layout().line.clone()])
    }

    /// All header fields in order.
    pub fn headers(&self) -> impl Iterator<Item = HeaderField<'_>> {
        self.layout().fields.iter().map(|field| HeaderField { bytes: &self.inner.bytes, field })
    }

    /// The value of the first field of that name, unfolded and trimmed. Case does not matter, and compact names
    /// (`i`, `Call-ID`) find each other (RFC 3261 §7.3.3).
    pub fn header(&self, name: &str) -> Option<Cow<'_, str>> {
        self.headers().find(|field| field.is(name)).map(|field| field.value())
    }

    /// The values of all fields of that name, in order, one entry per line.
    pub fn header_all(&self, name: &str) -> Vec<Cow<'_, str>> {
        self.headers().filter(|field| field.is(name)).map(|field| field.value()).collect()
    }

    /// All fields of that name, in order.
    pub fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = HeaderField<'a>> {
        self.headers().filter(move |field| names_match(field.name().as_bytes(), name.as_bytes()))
    }

    /// The body, Content-Length bytes of it.
    pub fn body(&self) -> &[u8] {
        &self.inner.bytes[self.layout().body.clone()]
    }

    /// What stands behind the body; empty for a message that fills its datagram.
    pub fn trailing(&self) -> &[u8] {
        &self.inner.bytes[self.layout().body.end..]
    }

    /// Where the value of the first field of that name stands in the bytes.
    pub(crate) fn value_range(&self, name: &str) -> Option<Range<usize>> {
        self.fields(name).next().map(|field| field.field.value.clone())
    }

    /// The same message with other bytes in this place of its header block.
    pub(crate) fn spliced(&self, place: Range<usize>, bytes: &[u8]) -> Self {
        let mut all = self.as_bytes().to_vec();
        all.splice(place, bytes.iter().copied());
        Self::parse_tolerant(&all).0
    }

    fn layout(&self) -> &Layout {
        &self.inner.layout
    }

    fn text(&self, range: &Range<usize>) -> Option<&str> {
        std::str::from_utf8(&self.inner.bytes[range.clone()]).ok()
    }
}

impl fmt::Debug for Message {
    /// Start line and sizes only: a body may hold keys (`a=crypto`).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (fields, body) = (self.layout().fields.len(), self.body().len());
        write!(f, "Message({:?}, {fields} header fields, {body} body bytes)", self.start_line())
    }
}

impl PartialEq for Message {
    /// Byte for byte.
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Message {}

/// One header field of a message, as it stands there.
#[derive(Clone, Copy)]
pub struct HeaderField<'a> {
    bytes: &'a [u8],
    field: &'a FieldSpan,
}

impl<'a> HeaderField<'a> {
    /// The name as spelled (`Call-ID`, `CALL-ID`, `i`).
    pub fn name(&self) -> &'a str {
        // Only tokens, which are ASCII, are taken for names.
        std::str::from_utf8(&self.bytes[self.field.name.clone()]).unwrap_or_default()
    }

    /// Whether this is a field of that name, in any case, full or compact.
    pub fn is(&self, name: &str) -> bool {
        names_match(self.name().as_bytes(), name.as_bytes())
    }

    /// The value with folds made one space and white space at both ends removed. Bytes that are not UTF-8 show as
    /// U+FFFD here; [`raw_value`](Self::raw_value) has them.
    pub fn value(&self) -> Cow<'a, str> {
        let raw = self.raw_value().trim_ascii();
        if !raw.contains(&b'\n') {
            return String::from_utf8_lossy(raw);
        }
        let lines: Vec<_> = raw.split(|b| *b == b'\n').map(|line| String::from_utf8_lossy(line.trim_ascii())).collect();
        Cow::Owned(lines.join(" "))
    }

    /// All bytes between the colon and the line end, folds and spacing included.
    pub fn raw_value(&self) -> &'a [u8] {
        &self.bytes[self.field.value.clone()]
    }

    /// The whole field: name, colon, value, folded lines and line ends.
    pub fn raw(&self) -> &'a [u8] {
        &self.bytes[self.field.whole.clone()]
    }
}

impl fmt::Debug for HeaderField<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.value())
    }
}

/// Where the parts of a message stand in its bytes.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) start: Start,
    /// The start line without its line end.
    pub(crate) line: Range<usize>,
    pub(crate) fields: Vec<FieldSpan>,
    pub(crate) body: Range<usize>,
}

impl Layout {
    fn nothing(len: usize) -> Self {
        Self { start: Start::Other, line: 0..0, fields: Vec::new(), body: len..len }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Start {
    Request { method: Range<usize>, uri: Range<usize>, version: Range<usize> },
    Status { version: Range<usize>, code: u16, reason: Range<usize> },
    Other,
}

#[derive(Debug, Clone)]
pub(crate) struct FieldSpan {
    pub(crate) whole: Range<usize>,
    pub(crate) name: Range<usize>,
    pub(crate) value: Range<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const RAW: &[u8] = b"INVITE sip:b@h SIP/2.0\r\nv:  SIP/2.0/UDP a;branch=z9hG4bK1\r\nSubject: one\r\n \t two \r\n\
        X-Latin: caf\xe9\r\nMIN-SE:  1800\r\nl : 3\r\n\r\n\x00\xff\n";

    #[test]
    fn every_byte_is_kept_and_every_part_is_found() {
        let message = Message::parse(RAW).unwrap();
        assert_eq!(message.as_bytes(), RAW);
        assert_eq!((message.method(), message.request_uri()), (Some("INVITE"), Some("sip:b@h")));
        let names: Vec<_> = message.headers().map(|field| field.name().to_owned()).collect();
        assert_eq!(names, ["v", "Subject", "X-Latin", "MIN-SE", "l"]);
        assert_eq!(message.header("Via").unwrap(), "SIP/2.0/UDP a;branch=z9hG4bK1");
        assert_eq!(message.header("s").unwrap(), "one two");
        assert_eq!(message.header("x-latin").unwrap(), "caf\u{fffd}");
        assert_eq!(message.fields("X-Latin").next().unwrap().raw_value(), b" caf\xe9");
        assert_eq!(message.header("Min-SE").unwrap(), "1800");
        assert_eq!(message.header("Content-Length").unwrap(), "3");
        assert_eq!(message.body(), b"\x00\xff\n");
        assert_eq!(message.fields("Subject").next().unwrap().raw(), b"Subject: one\r\n \t two \r\n");
    }

    #[test]
    fn debug_shows_no_body() {
        let text = format!("{:?}", Message::parse(RAW).unwrap());
        assert_eq!(text, "Message(\"INVITE sip:b@h SIP/2.0\", 5 header fields, 3 body bytes)");
    }

    #[test]
    fn any_bytes_at_all_are_a_message_when_tolerant() {
        for bytes in [&b""[..], b"\xff\xfe", b"\r\n\r\n", b"hello\r\n\r\nworld", b"SIP/2.0 999999 x\r\n: y"] {
            let (message, flaws) = Message::parse_tolerant(bytes);
            assert_eq!(message.as_bytes(), bytes);
            assert!(!flaws.is_empty(), "{bytes:?}");
            assert!(!message.is_request() && !message.is_response());
        }
    }
}
