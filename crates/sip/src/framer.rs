//! Messages out of a byte stream (RFC 3261 §18.3), strict or tolerant.

mod body;

use crate::message::Message;
use crate::parse::{self, Mode, ParseError};
use body::{BodyKind, Pending};

/// How much a framer takes before it gives up, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Start line, header fields and the empty line together.
    pub header_block: usize,
    /// One line of them.
    pub line: usize,
    /// A body; a larger Content-Length is refused as soon as it is read.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header_block: 64 * 1024, line: 8 * 1024, body: 1024 * 1024 }
    }
}

/// What a framer cut out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A proper message.
    Message(Message),
    /// Two empty lines between messages, which a peer may want answered with one (RFC 5626 §3.5.1).
    KeepAlive,
    /// Lenient and tolerant only: a message that breaks rules, and which.
    Malformed {
        /// The message, as far as it could be told apart.
        message: Message,
        /// What is wrong, in order; never empty.
        flaws: Vec<ParseError>,
    },
    /// Tolerant only: bytes that belong to no message.
    Skipped {
        /// The bytes; at most a line or a header block of them at a time.
        bytes: Vec<u8>,
        /// Why they were not taken.
        why: FrameError,
    },
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Start line and header fields are longer than the limit.
    #[error("got a header block of more than {limit} bytes, expected less")]
    HeaderBlockTooLong {
        /// [`Limits::header_block`].
        limit: usize,
    },
    /// A line is longer than the limit.
    #[error("got a line of more than {limit} bytes, expected less")]
    LineTooLong {
        /// [`Limits::line`].
        limit: usize,
    },
    /// The declared body is longer than the limit.
    #[error("got a Content-Length of {declared}, expected at most {limit}")]
    BodyTooLong {
        /// What Content-Length says.
        declared: usize,
        /// [`Limits::body`].
        limit: usize,
    },
    /// A header block broke off where the next start line stands.
    #[error("got a start line inside a header block, expected an empty line first")]
    HeaderBlockCut,
    /// The header block is no SIP message's.
    #[error(transparent)]
    Parse(#[from] ParseError),
}

/// Cuts a byte stream into messages. Feed it with [`push`](Self::push), then call [`next`](Self::next) until it has no
/// more to give: it then holds less than one message, never more than the limits allow.
#[derive(Debug)]
pub struct Framer {
    limits: Limits,
    manner: Manner,
    buffer: Vec<u8>,
    /// How much of the buffer has been given out already.
    taken: usize,
    stage: Stage,
    /// Behind bytes that were skipped: empty lines there are part of the rubbish.
    is_lost: bool,
    failed: Option<FrameError>,
}

/// What a violation costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// The stream.
    Strict,
    /// Its message, where Content-Length says where that ends; else the stream.
    Lenient,
    /// Nothing but a note.
    Tolerant,
}

/// Where in the stream the framer stands; places are counted from `taken`.
#[derive(Debug)]
enum Stage {
    /// Before a start line, behind this many empty lines.
    Between { empty_lines: usize },
    /// In a header block: the current line begins at `line`, and has no LF before `searched`.
    Head { line: usize, searched: usize },
    /// In a body.
    Body(Pending),
}

enum Step {
    Again,
    Wait,
    Give(Frame),
}

impl Framer {
    /// For a server: the first violation ends the stream, and every later call repeats the error.
    pub fn strict(limits: Limits) -> Self {
        let stage = Stage::Between { empty_lines: 0 };
        Self { limits, manner: Manner::Strict, buffer: Vec::new(), taken: 0, stage, is_lost: false, failed: None }
    }

    /// For a server that must not lose its calls to one bad message: what breaks a rule becomes [`Frame::Malformed`], to
    /// be answered 400 or left alone, as long as its Content-Length says where the next message begins. Only lost
    /// framing ends the stream, as in strict mode.
    pub fn lenient(limits: Limits) -> Self {
        Self { manner: Manner::Lenient, ..Self::strict(limits) }
    }

    /// For a harness that must say what a peer does wrong: never fails, describes violations as [`Frame::Malformed`] and
    /// [`Frame::Skipped`], and goes on at the next start line.
    pub fn tolerant(limits: Limits) -> Self {
        Self { manner: Manner::Tolerant, ..Self::strict(limits) }
    }

    /// Takes bytes as they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame that is complete; `None` until more bytes come. What comes out does not depend on how the bytes
    /// were cut into pushes.
    ///
    /// # Errors
    /// [`FrameError`] in strict and lenient mode only.
    #[expect(clippy::should_implement_trait, reason = "more frames follow after None, and errors repeat")]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            match self.step() {
                Ok(Step::Again) => {}
                Ok(Step::Give(frame)) => return Ok(Some(frame)),
                Ok(Step::Wait) => {
                    self.buffer.drain(..self.taken);
                    self.taken = 0;
                    return Ok(None);
                }
                Err(error) => {
                    self.buffer = Vec::new();
                    self.taken = 0;
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            }
        }
    }

    /// How many bytes are held for frames that were not given out yet.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.taken
    }

    /// The bytes that are held: of a message that is not complete, once [`next`](Self::next) had no more to give.
    pub fn held(&self) -> &[u8] {
        self.rest()
    }

    fn step(&mut self) -> Result<Step, FrameError> {
        match self.stage {
            Stage::Between { empty_lines } => self.between(empty_lines),
            Stage::Head { line, searched } => self.head(line, searched),
            Stage::Body(_) => Ok(self.body()),
        }
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn between(&mut self, empty_lines: usize) -> Result<Step, FrameError> {
        let stray = match self.rest() {
            [] | [b'\r'] => return Ok(Step::Wait),
            [b'\r', b'\n', ..] => {
                self.taken += 2;
                let empty_lines = if self.is_lost { 0 } else { empty_lines + 1 };
                self.stage = Stage::Between { empty_lines: empty_lines % 2 };
                return Ok(if empty_lines == 2 { Step::Give(Frame::KeepAlive) } else { Step::Again });
            }
            [b'\n', ..] => ParseError::BareLf { line: 0 },
            [b'\r', ..] => ParseError::BareCr { line: 0 },
            _ => {
                self.stage = Stage::Head { line: 0, searched: 0 };
                return Ok(Step::Again);
            }
        };
        if self.manner != Manner::Tolerant {
            return Err(stray.into());
        }
        self.taken += 1;
        Ok(Step::Again)
    }

    fn head(&mut self, line: usize, searched: usize) -> Result<Step, FrameError> {
        let rest = self.rest();
        let found = rest[searched..].iter().position(|b| *b == b'\n').map(|at| searched + at + 1);
        // A line without its end is at least one byte longer than what is here.
        let end = found.unwrap_or(rest.len() + 1);
        let Limits { header_block, line: longest, .. } = self.limits;
        if end > header_block.min(line + longest) {
            let too_long = if line + longest < header_block {
                FrameError::LineTooLong { limit: longest }
            } else {
                FrameError::HeaderBlockTooLong { limit: header_block }
            };
            return self.skip(header_block.min(line + longest), too_long);
        }
        if found.is_none() {
            let searched = rest.len();
            self.stage = Stage::Head { line, searched };
            return Ok(Step::Wait);
        }
        let text = without_line_end(&rest[line..end]);
        if line == 0 {
            if let Err(error) = self.check_start_line(text) {
                return self.skip(end, error.into());
            }
        } else if text.is_empty() {
            return self.head_done(end);
        } else if self.manner != Manner::Strict && parse::check_start_line(text, Mode::Strict).is_ok() {
            return self.skip(line, FrameError::HeaderBlockCut);
        }
        self.stage = Stage::Head { line: end, searched: end };
        Ok(Step::Again)
    }

    /// A lenient framer reads on behind a start line that only looks like one: the header block may still say how long
    /// the message is.
    fn check_start_line(&self, text: &[u8]) -> Result<(), ParseError> {
        let checked = parse::check_start_line(text, self.mode());
        if self.manner == Manner::Lenient && parse::names_version(text) { Ok(()) } else { checked }
    }

    fn mode(&self) -> Mode {
        if self.manner == Manner::Strict { Mode::Strict } else { Mode::Tolerant }
    }

    fn head_done(&mut self, end: usize) -> Result<Step, FrameError> {
        let bytes = &self.rest()[..end];
        let (layout, flaws, declared) = match parse::head(bytes, self.mode()) {
            Ok(read) => read,
            Err(error) => return self.skip(end, error.into()),
        };
        if let Some(flaw) = flaws.iter().find(|flaw| self.manner == Manner::Lenient && flaw.is_about_length()) {
            return Err(flaw.clone().into());
        }
        if declared > self.limits.body {
            return self.skip(end, FrameError::BodyTooLong { declared, limit: self.limits.body });
        }
        let kind = BodyKind::of(&Message::from_parts(bytes.to_vec(), layout.clone()));
        self.stage = Stage::Body(Pending { layout, flaws, declared, kind, line: end });
        Ok(Step::Again)
    }

    fn body(&mut self) -> Step {
        let rest = &self.buffer[self.taken..];
        let Stage::Body(pending) = &mut self.stage else { return Step::Again };
        let head = pending.layout.body.start;
        let mut end = head + pending.declared;
        let cut = if self.manner == Manner::Tolerant { pending.next_message(rest) } else { None };
        match cut {
            Some(cut) => {
                pending.flaws.push(ParseError::BodyShort { declared: pending.declared, got: cut - head });
                end = cut;
            }
            None if rest.len() < end => return Step::Wait,
            None => {}
        }
        let mut layout = pending.layout.clone();
        layout.body.end = end;
        let flaws = std::mem::take(&mut pending.flaws);
        let message = Message::from_parts(rest[..end].to_vec(), layout);
        self.taken += end;
        self.is_lost = false;
        self.stage = Stage::Between { empty_lines: 0 };
        Step::Give(if flaws.is_empty() { Frame::Message(message) } else { Frame::Malformed { message, flaws } })
    }

    /// Gives up the next `len` bytes: a note in tolerant mode, else the end.
    fn skip(&mut self, len: usize, why: FrameError) -> Result<Step, FrameError> {
        if self.manner != Manner::Tolerant {
            return Err(why);
        }
        let bytes = self.rest()[..len].to_vec();
        self.taken += len;
        self.is_lost = true;
        self.stage = Stage::Between { empty_lines: 0 };
        Ok(Step::Give(Frame::Skipped { bytes, why }))
    }
}

fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\r\nCall-ID: 1\r\nContent-Length: 0\r\n\r\n";
    const INVITE: &str = "INVITE sip:b SIP/2.0\r\nc: application/sdp\r\nl: 10\r\n\r\nv=0\r\ns=-\r\n";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next().unwrap()).collect()
    }

    /// All frames of a stream, the same however it is cut in two.
    fn tolerant(stream: &str) -> Vec<Frame> {
        let limits = Limits { header_block: 300, line: 120, body: 1000 };
        let mut whole = Framer::tolerant(limits);
        whole.push(stream.as_bytes());
        let expected = frames(&mut whole);
        for at in 0..=stream.len() {
            let mut split = Framer::tolerant(limits);
            split.push(&stream.as_bytes()[..at]);
            let mut got = frames(&mut split);
            split.push(&stream.as_bytes()[at..]);
            got.extend(frames(&mut split));
            assert_eq!(got, expected, "cut at {at}");
        }
        expected
    }

    fn strict_error(stream: &str) -> FrameError {
        let mut framer = Framer::strict(Limits { header_block: 300, line: 120, body: 1000 });
        for byte in stream.bytes() {
            framer.push(&[byte]);
            if let Err(error) = framer.next() {
                framer.push(OPTIONS.as_bytes());
                assert_eq!(framer.next(), Err(error.clone()), "an error must stay");
                assert_eq!(framer.buffered(), 0);
                return error;
            }
        }
        panic!("no error");
    }

    #[test]
    fn messages_and_keep_alives_come_out_however_the_stream_is_cut() {
        let stream = format!("\r\n\r\n{OPTIONS}{INVITE}\r\n\r\n\r\n\r\n\r\n{OPTIONS}");
        let parse = |text: &str| Frame::Message(Message::parse(text.as_bytes()).unwrap());
        let expected =
            [Frame::KeepAlive, parse(OPTIONS), parse(INVITE), Frame::KeepAlive, Frame::KeepAlive, parse(OPTIONS)];
        for at in 0..=stream.len() {
            let mut framer = Framer::strict(Limits::default());
            framer.push(&stream.as_bytes()[..at]);
            let mut got = frames(&mut framer);
            framer.push(&stream.as_bytes()[at..]);
            got.extend(frames(&mut framer));
            assert_eq!(got, expected, "cut at {at}");
            assert_eq!(framer.buffered(), 0);
        }
        assert_eq!(tolerant(&stream), expected);
    }

    #[test]
    fn a_declared_body_costs_nothing_until_it_comes() {
        let mut framer = Framer::strict(Limits::default());
        framer.push(b"INVITE sip:b SIP/2.0\r\nl: 1000000\r\n\r\n");
        assert_eq!(framer.next(), Ok(None));
        assert!(framer.buffer.capacity() < 1000);
    }

    #[test]
    fn every_limit_is_kept() {
        let long = "x".repeat(400);
        assert_eq!(strict_error(&long), FrameError::LineTooLong { limit: 120 });
        let many = format!("BYE sip:a SIP/2.0\r\n{}", "A: b\r\n".repeat(100));
        assert_eq!(strict_error(&many), FrameError::HeaderBlockTooLong { limit: 300 });
        let body = "BYE sip:a SIP/2.0\r\nl: 1001\r\n\r\n";
        assert_eq!(strict_error(body), FrameError::BodyTooLong { declared: 1001, limit: 1000 });
    }

    #[test]
    fn a_strict_stream_needs_one_plain_content_length() {
        let head = "BYE sip:a SIP/2.0\r\n";
        assert_eq!(strict_error(&format!("{head}\r\n")), ParseError::ContentLengthMissing.into());
        for bad in ["-1", "+1", "0x1", "1,1", "99999999999", "1 1"] {
            let error = strict_error(&format!("{head}Content-Length: {bad}\r\n\r\n"));
            assert_eq!(error, ParseError::ContentLength { text: bad.to_owned() }.into());
        }
        let twice = strict_error(&format!("{head}l: 0\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(twice, ParseError::ContentLengthRepeated { count: 2 }.into());
        assert_eq!(strict_error("BYE sip:a SIP/2.0\nl: 0\n\n"), ParseError::BareLf { line: 1 }.into());
        assert!(matches!(strict_error("GET / HTTP/1.1\r\n"), FrameError::Parse(ParseError::StartLine { .. })));
    }

    /// What a lenient framer makes of a stream, however it is cut in two, up to the error that ends it.
    fn lenient(stream: &str) -> (Vec<Frame>, Option<FrameError>) {
        let limits = Limits { header_block: 300, line: 120, body: 1000 };
        let read = |at: usize| {
            let (mut framer, mut got) = (Framer::lenient(limits), Vec::new());
            for part in [&stream[..at], &stream[at..]] {
                framer.push(part.as_bytes());
                loop {
                    match framer.next() {
                        Ok(Some(frame)) => got.push(frame),
                        Ok(None) => break,
                        Err(error) => return (got, Some(error)),
                    }
                }
            }
            (got, None)
        };
        (0..stream.len()).for_each(|at| assert_eq!(read(at), read(stream.len()), "cut at {at}"));
        read(stream.len())
    }

    #[test]
    fn a_lenient_stream_outlives_every_message_whose_length_is_known() {
        for bad in ["ACK  SIP/2.0", "INVITE sip:a b SIP/2.0", "BYE SIP/2.0", "SIP/2.0 2000 OK", "BYE sip:a SIP/two"] {
            let (got, error) = lenient(&format!("{bad}\r\nCall-ID: 1\r\nl: 3\r\n\r\nabc{OPTIONS}"));
            assert!(
                matches!(&got[..], [Frame::Malformed { message, .. }, Frame::Message(_)] if message.body() == b"abc")
            );
            assert_eq!(error, None, "{bad:?}");
        }
        let (got, error) = lenient(&format!("BYE sip:a SIP/2.0\r\nrubbish\r\nl: 0\r\n\r\n{OPTIONS}"));
        assert_eq!((got.len(), error), (2, None));
        assert!(
            matches!(&got[0], Frame::Malformed { flaws, .. } if matches!(flaws[..], [ParseError::HeaderLine { .. }]))
        );
    }

    #[test]
    fn a_lenient_stream_ends_where_the_next_message_cannot_be_found() {
        for bad in ["l: x", "A: b", "l: 0\r\nl: 0", "l: 1001", "OPTIONS sip:a SIP/2.0\r\nl: 0"] {
            let (got, error) = lenient(&format!("BYE sip:a SIP/2.0\r\n{bad}\r\n\r\n{OPTIONS}"));
            assert!(got.is_empty() && error.is_some(), "{bad:?}: {got:?}");
        }
        for bad in ["GET / HTTP/1.1\r\nl: 0\r\n\r\n", "\u{16}\u{3}\u{1}\r\n", &"x".repeat(200)] {
            assert!(lenient(bad).1.is_some(), "{bad:?}");
        }
    }

    #[test]
    fn tolerant_reading_says_what_was_skipped_and_goes_on() {
        let got = tolerant(&format!("rubbish\r\n\r\n\r\n{OPTIONS}"));
        assert_eq!(got.len(), 2, "{got:?}");
        assert!(matches!(&got[0], Frame::Skipped { bytes, .. } if bytes == b"rubbish\r\n"));
        assert!(matches!(&got[1], Frame::Message(_)));

        let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nCall-ID: 1\r\n{OPTIONS}"));
        assert!(matches!(&got[0], Frame::Skipped { why: FrameError::HeaderBlockCut, .. }), "{got:?}");
        assert!(matches!(&got[1], Frame::Message(_)));

        let got = tolerant(&format!("INVITE sip:a SIP/2.0\r\nl: 5000\r\n\r\n{OPTIONS}"));
        assert!(matches!(&got[0], Frame::Skipped { why: FrameError::BodyTooLong { declared: 5000, .. }, .. }));
        assert!(matches!(&got[1], Frame::Message(_)));

        let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nX: {}\r\n\r\n{OPTIONS}", "y".repeat(200)));
        assert!(matches!(&got[0], Frame::Skipped { why: FrameError::LineTooLong { .. }, .. }));
        assert!(matches!(got.last(), Some(Frame::Message(_))), "{got:?}");
    }

    #[test]
    fn tolerant_reading_takes_a_message_with_its_flaws() {
        let got = tolerant("BYE sip:a SIP/2.0\nCall-ID: 1\nContent-Length: 3\n\nabc");
        let [Frame::Malformed { message, flaws }] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!(message.body(), b"abc");
        assert_eq!(flaws[0], ParseError::BareLf { line: 1 });

        let got = tolerant(&format!("BYE sip:a SIP/2.0\r\nCall-ID: 1\r\n\r\n{OPTIONS}"));
        let [Frame::Malformed { flaws, .. }, Frame::Message(_)] = got.as_slice() else { panic!("{got:?}") };
        assert_eq!(flaws.as_slice(), [ParseError::ContentLengthMissing]);
    }

    #[test]
    fn a_length_that_says_too_much_does_not_swallow_the_next_message() {
        for extra in [1, 2, 5, 20, 60] {
            let long = INVITE.replace("l: 10", &format!("l: {}", 10 + extra));
            let got = tolerant(&format!("{long}{OPTIONS}{OPTIONS}"));
            let [Frame::Malformed { message, flaws }, Frame::Message(_), Frame::Message(_)] = got.as_slice() else {
                panic!("{extra}: {got:?}")
            };
            assert_eq!(message.body(), b"v=0\r\ns=-\r\n");
            assert_eq!(flaws.as_slice(), [ParseError::BodyShort { declared: 10 + extra, got: 10 }]);
        }
        let fragment = "NOTIFY sip:a SIP/2.0\r\nc: message/sipfrag\r\nl: 16\r\n\r\nSIP/2.0 200 OK\r\n";
        assert!(matches!(tolerant(fragment).as_slice(), [Frame::Message(_)]));
    }

    #[test]
    fn a_length_that_says_too_little_leaves_rubbish_and_no_confusion() {
        let short = INVITE.replace("l: 10", "l: 7");
        let got = tolerant(&format!("{short}{OPTIONS}"));
        assert!(matches!(&got[0], Frame::Message(message) if message.body() == b"v=0\r\ns="), "{got:?}");
        assert!(matches!(&got[1], Frame::Skipped { bytes, .. } if bytes == b"-\r\n"), "{got:?}");
        assert!(matches!(&got[2], Frame::Message(_)), "{got:?}");
    }
}
