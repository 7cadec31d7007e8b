//! Where a message's body ends, when its Content-Length may lie.

use super::without_line_end;
use crate::message::{Layout, Message};
use crate::parse::{self, Mode, ParseError};

/// A message that waits for its body.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) layout: Layout,
    pub(super) flaws: Vec<ParseError>,
    pub(super) declared: usize,
    pub(super) kind: BodyKind,
    /// Where the first line that was not looked at begins.
    pub(super) line: usize,
}

/// What may stand in a body, which tells whether a start line in it belongs to the next message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyKind {
    Sdp,
    /// Messages inside messages: anything may stand there.
    Message,
    Other,
}

impl Pending {
    /// Where inside the declared body the next message begins, which means that Content-Length says too much.
    pub(super) fn next_message(&mut self, rest: &[u8]) -> Option<usize> {
        if self.kind == BodyKind::Message {
            return None;
        }
        let declared_end = self.layout.body.start + self.declared;
        let here = &rest[..declared_end.min(rest.len())];
        while let Some(feed) = here[self.line..].iter().position(|b| *b == b'\n') {
            let end = self.line + feed + 1;
            if parse::check_start_line(without_line_end(&here[self.line..end]), Mode::Strict).is_ok() {
                return Some(self.line);
            }
            self.line = end;
        }
        // A length that is a few bytes too large swallows the first letters of the next start line. In a session
        // description, where every line is `x=...`, they show.
        let tail = &here[self.line..];
        let is_cut = self.kind == BodyKind::Sdp && here.len() == declared_end && begins_start_line(tail);
        is_cut.then_some(self.line)
    }
}

impl BodyKind {
    pub(super) fn of(head: &Message) -> Self {
        let content_type = head.content_type().unwrap_or_default().to_ascii_lowercase();
        match content_type.split('/').next() {
            Some("message" | "multipart") => Self::Message,
            _ if head.has_content_type("application/sdp") => Self::Sdp,
            _ => Self::Other,
        }
    }
}

/// Whether `tail` is the beginning of a method and a space, or of `SIP/`.
fn begins_start_line(tail: &[u8]) -> bool {
    const STARTS: [&[u8]; 15] = [
        b"SIP/2.0 ",
        b"ACK ",
        b"BYE ",
        b"CANCEL ",
        b"INFO ",
        b"INVITE ",
        b"MESSAGE ",
        b"NOTIFY ",
        b"OPTIONS ",
        b"PRACK ",
        b"PUBLISH ",
        b"REFER ",
        b"REGISTER ",
        b"SUBSCRIBE ",
        b"UPDATE ",
    ];
    !tail.is_empty() && STARTS.iter().any(|start| start.starts_with(tail) || tail.starts_with(start))
}
