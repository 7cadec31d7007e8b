//! Messages out of a byte stream (RFC 3261 §18.3), strict or tolerant.

mod body;
#[cfg(test)]
mod tests;

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
