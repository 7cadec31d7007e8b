//! The task that reads one connection: whole messages go on, everything else is named.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use sip::{FlowId, Frame, Framer, Limits, Message, ParseError};
use tokio::sync::mpsc;
use wire::tls::TlsError;
use wire::{Clock, LinkReader};

use super::connection::refused;
use super::notice::Notice;
use super::tftp::sleep_until;
use crate::event::ConnectFailure;
use crate::malformed::{Malformed, MalformedKind};

/// A connection that is read.
pub(super) struct Reader {
    flow: FlowId,
    peer: SocketAddr,
    clock: Clock,
    notices: mpsc::Sender<Notice>,
    framer: Framer,
    /// Bytes that belong to no message, not yet told of.
    lost: Option<Lost>,
    /// Since when the framer holds the beginning of a message; `told` once that was told of.
    half: Option<Half>,
}

/// A stretch of bytes between messages.
struct Lost {
    start: Vec<u8>,
    length: usize,
    why: String,
    since: Instant,
}

#[derive(Clone, Copy)]
struct Half {
    since: Instant,
    told: bool,
}

/// The owner is gone.
struct Gone;

impl Reader {
    pub(super) fn new(flow: FlowId, peer: SocketAddr, clock: Clock, notices: mpsc::Sender<Notice>) -> Self {
        let framer = Framer::tolerant(Limits::default());
        Self { flow, peer, clock, notices, framer, lost: None, half: None }
    }

    /// Reads until the end.
    pub(super) async fn run(mut self, mut reader: LinkReader) {
        let mut buf = vec![0; 16 * 1024];
        let why = loop {
            let due = self.due();
            let read = tokio::select! {
                // What has come is looked at before it is called late.
                biased;
                read = reader.read(&mut buf) => read,
                () = sleep_until(&self.clock, due) => {
                    if self.tell_rest().await.is_err() {
                        return;
                    }
                    continue;
                }
            };
            match read {
                Ok(0) => break None,
                Ok(length) => self.framer.push(&buf[..length]),
                Err(error) => break wire::tls::alert(&error).map(alerted),
            }
            if self.take_frames().await.is_err() {
                return;
            }
        };
        let _ = self.tell_rest().await;
        let _ = self.notices.send(Notice::Closed { flow: self.flow, why }).await;
    }

    /// When what is no message must be told of, even if nothing follows it.
    fn due(&self) -> Option<Instant> {
        let half = self.half.filter(|half| !half.told).map(|half| half.since);
        [self.lost.as_ref().map(|lost| lost.since), half].into_iter().flatten().min().map(|since| since + PATIENCE)
    }

    async fn take_frames(&mut self) -> Result<(), Gone> {
        let mut is_new = false;
        // A tolerant framer has no errors.
        while let Ok(Some(frame)) = self.framer.next() {
            is_new = true;
            match frame {
                Frame::Message(message) => {
                    self.tell_lost().await?;
                    self.send(Notice::Message { flow: self.flow, message }).await?;
                }
                Frame::KeepAlive => self.tell_lost().await?,
                Frame::Malformed { message, flaws } => {
                    self.tell_lost().await?;
                    self.tell(broken(&message, &flaws)).await?;
                }
                Frame::Skipped { bytes, why } => {
                    let since = self.clock.now();
                    let why = why.to_string();
                    let lost = self.lost.get_or_insert_with(|| Lost { start: Vec::new(), length: 0, why, since });
                    lost.add(&bytes);
                }
            }
        }
        let holds = self.framer.held().iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if is_new || !holds {
            self.half = None;
        }
        if holds && self.half.is_none() {
            self.half = Some(Half { since: self.clock.now(), told: false });
        }
        Ok(())
    }

    /// What is held and belongs to no message, or to one that did not go on.
    async fn tell_rest(&mut self) -> Result<(), Gone> {
        let Some(half) = self.half.as_mut().filter(|half| !half.told) else { return self.tell_lost().await };
        half.told = true;
        if let Some(lost) = &mut self.lost {
            lost.add(self.framer.held());
            return self.tell_lost().await;
        }
        let why = format!("the rest did not come within {PATIENCE:?}, or before the end of the connection");
        let half = Malformed::new(MalformedKind::Half, self.framer.held(), &why);
        self.tell(half).await
    }

    async fn tell_lost(&mut self) -> Result<(), Gone> {
        let Some(lost) = self.lost.take() else { return Ok(()) };
        let what = Malformed::new(MalformedKind::Framing, &lost.start, &lost.why);
        self.tell(Malformed { length: lost.length, ..what }).await
    }

    async fn tell(&self, what: Malformed) -> Result<(), Gone> {
        self.send(Notice::Malformed { flow: self.flow, peer: self.peer, what }).await
    }

    async fn send(&self, notice: Notice) -> Result<(), Gone> {
        self.notices.send(notice).await.map_err(|_| Gone)
    }
}

impl Lost {
    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        let room = START.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// What is wrong with a message whose ends are known.
pub(super) fn broken(message: &Message, flaws: &[ParseError]) -> Malformed {
    let flaws: Vec<String> = flaws.iter().map(ToString::to_string).collect();
    Malformed::new(MalformedKind::Message, message.as_bytes(), &flaws.join("; "))
}

/// In TLS 1.3 a client learns with its first read that its certificate was refused.
fn alerted(words: String) -> ConnectFailure {
    refused(&TlsError::Alert(words))
}

/// How long the rest of a message may take. It comes in the next segments, so that even one sent again is in time
/// (RFC 6298 §2: a second at first, then two).
const PATIENCE: Duration = Duration::from_secs(5);
/// How much of what was lost is kept to be shown.
const START: usize = 256;
