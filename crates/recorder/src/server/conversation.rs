//! One connection: frames what comes, writes what is queued, and keeps its peer to the time.
//!
//! A peer that opens a connection has something to say and must say it soon; a message that was begun must be whole
//! soon; and a connection on which nothing is said for long is closed. No drip of bytes puts any of this off. A call
//! does not end with its connection (RFC 3261 §18.1.1), so closing one loses nothing.

use std::net::SocketAddr;
use std::time::Instant;

use sip::{FlowId, Frame, FrameError, Framer, Limits, Message, ParseError, arrival};
use tokio::sync::mpsc::Receiver;
use wire::{Link, LinkReader, LinkWriter};

use crate::fault::Fault;

use super::flows::{Inbound, Shared, grave, tell};

/// Bytes read at a time.
const READ: usize = 16 << 10;

/// A connection that stands.
pub(crate) struct Conversation<'a> {
    shared: &'a Shared,
    reader: LinkReader,
    flow: FlowId,
    peer: SocketAddr,
    framer: Framer,
    writing: Writing<'a>,
    /// When the peer's first message must have come; `None` once it has, and where the connection is ours.
    first_by: Option<Instant>,
    /// When the last whole message came, or the connection stood.
    heard: Instant,
    /// When the message that is not whole yet began.
    begun: Option<Instant>,
}

/// The way out.
struct Writing<'a> {
    shared: &'a Shared,
    writer: LinkWriter,
    peer: SocketAddr,
}

/// Who opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The peer, which then has something to say.
    Peer,
    /// We did.
    Us,
}

/// Why a connection ends.
enum End {
    /// It is closed, or can no longer be used.
    Closed,
    /// The queue was closed by us.
    Ours,
}

impl<'a> Conversation<'a> {
    pub(crate) fn new(shared: &'a Shared, link: Link, flow: FlowId, peer: SocketAddr, opened_by: Opened) -> Self {
        let (reader, writer) = link.split();
        let heard = shared.net.clock().now();
        let framer = Framer::lenient(Limits::default());
        let writing = Writing { shared, writer, peer };
        let first_by = (opened_by == Opened::Peer).then(|| heard + shared.config.message_timeout);
        Self { shared, reader, flow, peer, framer, writing, first_by, heard, begun: None }
    }

    /// Serves the connection until either side ends it.
    pub(crate) async fn run(mut self, mut queued: Receiver<Vec<u8>>) {
        let mut buffer = vec![0; READ];
        let end = loop {
            let clock = self.shared.net.clock();
            let (deadline, rule) = self.deadline();
            let step = tokio::select! {
                biased;
                bytes = queued.recv() => match bytes {
                    Some(bytes) => self.writing.all(&bytes).await,
                    None => Err(End::Ours),
                },
                read = self.reader.read(&mut buffer) => match read {
                    Ok(0) => self.cut_off().await,
                    Ok(len) => self.take(&buffer[..len]).await,
                    Err(error) => self.lost(&error).await,
                },
                () = clock.sleep_until(deadline) => self.late(rule).await,
            };
            if let Err(end) = step {
                break end;
            }
        };
        // A clean end tells the peer that nothing was cut off.
        if matches!(end, End::Ours) {
            self.writing.shut().await;
        }
    }

    /// When patience ends, and by which rule.
    fn deadline(&self) -> (Instant, &'static str) {
        let config = &self.shared.config;
        let idle = (self.heard + config.idle_timeout, "idle-timeout");
        let first = self.first_by.filter(|_| self.begun.is_none()).map(|first_by| (first_by, "first-message-timeout"));
        let whole = self.begun.map(|begun| (begun + config.message_timeout, "message-timeout"));
        [Some(idle), first, whole].into_iter().flatten().min().unwrap_or(idle)
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), End> {
        // fault: a segment is a message, or nothing.
        let whole = Message::parse(bytes).is_ok_and(|message| message.trailing().is_empty());
        if self.shared.config.fault == Fault::SegmentIsMessage && !whole {
            return Ok(());
        }
        self.framer.push(bytes);
        let now = self.shared.net.clock().now();
        loop {
            match self.framer.next() {
                Ok(Some(Frame::Message(message))) => self.hear(now, message, &[]).await,
                Ok(Some(Frame::Malformed { message, flaws })) => self.hear(now, message, &flaws).await,
                Ok(Some(Frame::KeepAlive)) => {
                    self.heard = now;
                    self.writing.all(b"\r\n").await?;
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return self.broken(&error).await,
            }
        }
        self.begun = if self.framer.buffered() == 0 { None } else { Some(self.begun.unwrap_or(now)) };
        Ok(())
    }

    /// Passes a message on, with what is wrong with it.
    async fn hear(&mut self, now: Instant, message: Message, flaws: &[ParseError]) {
        (self.heard, self.first_by, self.begun) = (now, None, None);
        let (flow, message) = (self.flow, Box::new(arrival::noted(message, self.peer)));
        let inbound = match grave(flaws) {
            None => Inbound::Message { flow, message },
            Some(why) => Inbound::Flawed { flow, message, why },
        };
        tell(self.shared, inbound).await;
    }

    /// Where the next message begins is unknown, so the stream is of no more use.
    async fn broken(&self, error: &FrameError) -> Result<(), End> {
        tell(self.shared, Inbound::Malformed { peer: self.peer, why: error.to_string() }).await;
        Err(End::Closed)
    }

    /// The peer closed; perhaps in the middle of a message.
    async fn cut_off(&self) -> Result<(), End> {
        if self.framer.buffered() > 0 {
            let why = format!("the connection ended inside a message, {} bytes of it had come", self.framer.buffered());
            tell(self.shared, Inbound::Malformed { peer: self.peer, why }).await;
        }
        Err(End::Closed)
    }

    async fn late(&self, rule: &'static str) -> Result<(), End> {
        let config = &self.shared.config;
        let why = match rule {
            "first-message-timeout" => format!("no message within {:?} (`message_timeout`)", config.message_timeout),
            "message-timeout" => {
                format!(
                    "{} bytes of a message within {:?} (`message_timeout`)",
                    self.framer.buffered(),
                    config.message_timeout
                )
            }
            // It spoke and has nothing more to say: closed to save room, which is no refusal.
            _ => return Err(End::Ours),
        };
        tell(self.shared, Inbound::Refused { peer: self.peer, rule, why: format!("{}: {why}", self.peer) }).await;
        Err(End::Closed)
    }

    /// The connection broke. In TLS 1.3 a client that refuses our certificate says so only now.
    async fn lost(&self, error: &std::io::Error) -> Result<(), End> {
        let peer = self.peer;
        if let Some(words) = wire::tls::alert(error) {
            let why = format!("{peer}: the peer refused us with the TLS alert \"{words}\"");
            tell(self.shared, Inbound::Refused { peer, rule: "peer-alert", why }).await;
        }
        Err(End::Closed)
    }
}

impl Writing<'_> {
    /// Writes all of it, or gives the peer up: one that reads nothing must not hold its connection for ever.
    async fn all(&mut self, bytes: &[u8]) -> Result<(), End> {
        let clock = self.shared.net.clock();
        let deadline = clock.now() + self.shared.config.message_timeout;
        tokio::select! {
            biased;
            written = self.writer.write_all(bytes) => written.map_err(|_| End::Closed),
            () = clock.sleep_until(deadline) => {
                let patience = self.shared.config.message_timeout;
                let why = format!("{}: it read nothing for {patience:?} (`message_timeout`)", self.peer);
                tell(self.shared, Inbound::Refused { peer: self.peer, rule: "reads-nothing", why }).await;
                Err(End::Closed)
            }
        }
    }

    async fn shut(&mut self) {
        // The peer may be gone already.
        let _ = self.writer.shutdown().await;
    }
}
