//! Messages as text templates: what is written is what goes out.

use std::fmt::Display;
use std::io::Write;

use crate::message::Message;

/// Writes a message line by line. Nothing is checked, reordered, folded or respelled: a harness must be able to send
/// a message that is wrong on purpose.
#[derive(Debug, Clone)]
pub struct Builder {
    head: Vec<u8>,
    body: Vec<u8>,
    has_length: bool,
}

impl Builder {
    /// A request; writes `METHOD uri SIP/2.0`.
    pub fn request(method: &str, uri: &str) -> Self {
        Self::with_start_line(format!("{method} {uri} SIP/2.0").as_bytes())
    }

    /// A response; writes `SIP/2.0 code reason`.
    pub fn response(code: u16, reason: &str) -> Self {
        Self::with_start_line(format!("SIP/2.0 {code} {reason}").as_bytes())
    }

    /// Any first line; CRLF is added.
    pub fn with_start_line(line: &[u8]) -> Self {
        Self { head: Vec::with_capacity(1024), body: Vec::new(), has_length: false }.raw_line(line)
    }

    /// A response to `request` with the headers that every response repeats: all Via lines, From, To, Call-ID, CSeq, as
    /// they came (RFC 3261 §8.2.6.2). `to_tag` is added to To unless To has a tag.
    pub fn reply(request: &Message, code: u16, reason: &str, to_tag: Option<&str>) -> Self {
        let built = Self::response(code, reason).copy(request, "Via").copy(request, "From");
        let built = match to_tag {
            Some(tag) if request.to().is_ok_and(|to| to.tag().is_none()) => {
                built.header("To", format_args!("{};tag={tag}", request.header("To").unwrap_or_default()))
            }
            _ => built.copy(request, "To"),
        };
        built.copy(request, "Call-ID").copy(request, "CSeq")
    }

    /// A CANCEL for an INVITE that was sent: its Request-URI, top Via, Route, From, To, Call-ID and number (RFC 3261
    /// §9.1).
    pub fn cancel(invite: &Message) -> Self {
        Self::companion(invite, "CANCEL", invite)
    }

    /// A request that goes with an INVITE hop by hop, with the To of `to_from`: CANCEL, and ACK to a non-2xx.
    pub(crate) fn companion(invite: &Message, method: &str, to_from: &Message) -> Self {
        let via = invite.header("Via").unwrap_or_default();
        let number = invite.cseq().map_or(0, |cseq| cseq.number);
        Self::request(method, invite.request_uri().unwrap_or_default())
            .header("Via", crate::text::split_outside(&via, b',')[0].trim())
            .copy(invite, "Route")
            .copy(invite, "From")
            .copy(to_from, "To")
            .copy(invite, "Call-ID")
            .header("CSeq", format_args!("{number} {method}"))
            .header("Max-Forwards", 70)
    }

    /// Writes `Name: value`.
    pub fn header(mut self, name: &str, value: impl Display) -> Self {
        self.has_length |= crate::header::names_match(name.as_bytes(), b"Content-Length");
        self.put(format_args!("{name}: {value}\r\n"));
        self
    }

    /// Writes any bytes and CRLF. A Content-Length line counts as written.
    pub fn raw_line(mut self, line: &[u8]) -> Self {
        let name = line.split(|b| *b == b':').next().unwrap_or_default().trim_ascii_end();
        self.has_length |= crate::header::names_match(name, b"Content-Length");
        self.head.extend_from_slice(line);
        self.head.extend_from_slice(b"\r\n");
        self
    }

    /// Copies all header fields of that name, full or compact, with their spelling, folding and order.
    pub fn copy(mut self, from: &Message, name: &str) -> Self {
        self.has_length |= crate::header::names_match(name.as_bytes(), b"Content-Length");
        for field in from.fields(name) {
            self.head.extend_from_slice(field.raw());
        }
        self
    }

    /// Writes Content-Type and Content-Length now; the body follows at [`finish`](Self::finish).
    pub fn body(self, content_type: &str, body: &[u8]) -> Self {
        let mut built = self.header("Content-Type", content_type).header("Content-Length", body.len());
        built.body = body.to_vec();
        built
    }

    /// The body alone, for a message whose Content-Type and Content-Length lines are written by hand.
    pub fn raw_body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self
    }

    /// The message. `Content-Length: 0` ends the header block if no Content-Length was written (the length of a raw
    /// body, if there is one).
    pub fn finish(mut self) -> Message {
        if !self.has_length {
            let length = self.body.len();
            self.put(format_args!("Content-Length: {length}\r\n"));
        }
        self.head.extend_from_slice(b"\r\n");
        self.head.append(&mut self.body);
        Message::parse_tolerant(&self.head).0
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a Vec fails only if a Display implementation fails; what it wrote until then stays.
        let _ = self.head.write_fmt(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_goes_out() {
        let message = Builder::request("INVITE", "sip:7878@10.48.38.30:5060")
            .header("Min-SE", " 1800")
            .raw_line(b"X-Bytes:\xff\t")
            .body("application/sdp", b"v=0\r\n")
            .header("After", 1)
            .finish();
        let expected = b"INVITE sip:7878@10.48.38.30:5060 SIP/2.0\r\nMin-SE:  1800\r\nX-Bytes:\xff\t\r\n\
            Content-Type: application/sdp\r\nContent-Length: 5\r\nAfter: 1\r\n\r\nv=0\r\n";
        assert_eq!(message.as_bytes(), expected);
        assert_eq!(message.body(), b"v=0\r\n");
    }

    #[test]
    fn a_length_is_added_only_when_none_was_written() {
        let bare = Builder::response(200, "OK").finish();
        assert_eq!(bare.as_bytes(), b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        let own = Builder::response(200, "OK").raw_line(b"l : 7").finish();
        assert_eq!(own.as_bytes(), b"SIP/2.0 200 OK\r\nl : 7\r\n\r\n");
        let raw = Builder::response(200, "OK").raw_body(b"xy").finish();
        assert_eq!(raw.as_bytes(), b"SIP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nxy");
    }

    #[test]
    fn copied_fields_keep_folding_and_a_reply_gets_its_tag_once() {
        let request = Message::parse(
            b"INVITE sip:b SIP/2.0\r\nv: SIP/2.0/UDP a;\r\n branch=z9hG4bK1\r\nVia: SIP/2.0/UDP c\r\nf: <sip:a>;tag=1\r\n\
              t: <sip:b>\r\ni: x\r\nCSeq: 1 INVITE\r\n\r\n",
        )
        .unwrap();
        let reply = Builder::reply(&request, 180, "Ringing", Some("t1")).finish();
        let expected = "SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP a;\r\n branch=z9hG4bK1\r\nVia: SIP/2.0/UDP c\r\n\
            f: <sip:a>;tag=1\r\nTo: <sip:b>;tag=t1\r\ni: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(String::from_utf8_lossy(reply.as_bytes()), expected);
        let trying = Builder::reply(&request, 100, "Trying", None).finish();
        assert!(trying.to().unwrap().tag().is_none());
    }
}
