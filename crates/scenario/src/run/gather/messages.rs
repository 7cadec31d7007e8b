//! Every message that passed the tap, whole, without keys.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use sip::{Frame, Framer, Limits};
use wire::{Kind, Packet};

use super::columns::Columns;
use crate::evidence::{Column, Message, MessageKind, StepTaken, Transport};

/// One direction of a connection that is read again.
struct Direction {
    framer: Framer,
    /// When the first byte came that the framer still holds.
    since_us: i64,
    encrypted: bool,
    http: bool,
}

/// Where and how something travelled.
#[derive(Clone, Copy)]
struct Way {
    at_us: i64,
    from: SocketAddr,
    to: SocketAddr,
    transport: Transport,
}

/// All messages in order of time, and the columns between which they passed.
pub(super) fn all(
    packets: &[Packet],
    columns: Columns,
    steps: &[StepTaken],
    at_us: impl Fn(&Packet) -> i64,
) -> (Vec<Message>, Vec<Column>) {
    let mut reading = Reading { columns, steps, directions: BTreeMap::new(), messages: Vec::new() };
    for packet in packets {
        reading.take(packet, at_us(packet));
    }
    reading.finish()
}

struct Reading<'a> {
    columns: Columns,
    steps: &'a [StepTaken],
    directions: BTreeMap<(SocketAddr, SocketAddr), Direction>,
    messages: Vec<Message>,
}

impl Reading<'_> {
    fn take(&mut self, packet: &Packet, at_us: i64) {
        let (from, to) = (packet.from, packet.to);
        let way = |transport| Way { at_us, from, to, transport };
        match packet.kind {
            Kind::Message { encrypted } => self.piece(packet, at_us, encrypted),
            Kind::Datagram if is_sip(from) || is_sip(to) => {
                let (message, flaws) = sip::Message::parse_tolerant(&packet.bytes);
                let flaws: Vec<String> = flaws.iter().map(ToString::to_string).collect();
                self.message(way(Transport::Udp), false, &message, flaws);
            }
            Kind::TcpOpen => {
                for way in [(from, to), (to, from)] {
                    self.directions.remove(&way);
                }
                self.connection(way(Transport::Tcp), "connection opened");
            }
            Kind::TcpRefused => self.connection(way(Transport::Tcp), "connection refused"),
            Kind::TcpClose => self.connection(way(Transport::Tcp), "connection closed"),
            Kind::TcpReset => self.connection(way(Transport::Tcp), "connection reset"),
            Kind::Datagram
            | Kind::Media
            | Kind::ClearMedia
            | Kind::TcpData
            | Kind::TlsSecret
            | Kind::TlsBegin
            | Kind::TlsEnd
            | Kind::Comment => {}
        }
    }

    /// Bytes of a connection, in the pieces in which they were written.
    fn piece(&mut self, packet: &Packet, at_us: i64, encrypted: bool) {
        let key = (packet.from, packet.to);
        let direction = self.directions.entry(key).or_insert_with(|| Direction {
            framer: Framer::tolerant(Limits::default()),
            since_us: at_us,
            encrypted,
            http: is_http(&packet.bytes),
        });
        let transport = if encrypted { Transport::Tls } else { Transport::Tcp };
        if direction.http {
            let way = Way { at_us, from: packet.from, to: packet.to, transport };
            return self.http(way, encrypted, &packet.bytes);
        }
        let mut since_us = if direction.framer.held().is_empty() { at_us } else { direction.since_us };
        direction.framer.push(&packet.bytes);
        let mut frames = Vec::new();
        // A tolerant framer has no errors.
        while let Ok(Some(frame)) = direction.framer.next() {
            frames.push((since_us, frame));
            since_us = at_us;
        }
        direction.since_us = since_us;
        for (at_us, frame) in frames {
            let way = Way { at_us, from: packet.from, to: packet.to, transport };
            match frame {
                Frame::Message(message) => self.message(way, encrypted, &message, Vec::new()),
                Frame::Malformed { message, flaws } => {
                    let flaws = flaws.iter().map(ToString::to_string).collect();
                    self.message(way, encrypted, &message, flaws);
                }
                Frame::Skipped { bytes, why } => self.garbage(way, encrypted, &bytes, why.to_string()),
                Frame::KeepAlive => {}
            }
        }
    }

    fn message(&mut self, way: Way, encrypted: bool, message: &sip::Message, notes: Vec<String>) {
        let kind = match (notes.is_empty(), message.is_request()) {
            (false, _) => MessageKind::Malformed,
            (true, true) => MessageKind::Request,
            (true, false) => MessageKind::Response,
        };
        let label = match (message.method(), message.status()) {
            (Some(method), _) => method.to_owned(),
            (None, Some(status)) => format!("{status} {}", message.reason().unwrap_or_default()).trim_end().to_owned(),
            (None, None) => "not SIP".to_owned(),
        };
        let mut drawn = self.drawn(way, encrypted, kind, label, &media::sdp::redact(message.as_bytes()));
        drawn.call_id = message.call_id().unwrap_or_default();
        drawn.cseq = message.cseq().map(|cseq| cseq.to_string()).unwrap_or_default();
        drawn.sdp = message.has_content_type("application/sdp");
        drawn.notes = notes;
        self.messages.push(drawn);
    }

    fn garbage(&mut self, way: Way, encrypted: bool, bytes: &[u8], why: String) {
        let label = "not SIP".to_owned();
        let mut drawn = self.drawn(way, encrypted, MessageKind::Malformed, label, &media::sdp::redact(bytes));
        drawn.notes.push(why);
        self.messages.push(drawn);
    }

    fn http(&mut self, way: Way, encrypted: bool, bytes: &[u8]) {
        let text = media::sdp::redact(bytes);
        let label = text.lines().next().unwrap_or_default().to_owned();
        let drawn = self.drawn(way, encrypted, MessageKind::Http, label, &text);
        self.messages.push(drawn);
    }

    fn connection(&mut self, way: Way, label: &str) {
        if is_sip(way.from) || is_sip(way.to) {
            let drawn = self.drawn(way, false, MessageKind::Connection, label.to_owned(), "");
            self.messages.push(drawn);
        }
    }

    fn drawn(&mut self, way: Way, encrypted: bool, kind: MessageKind, label: String, text: &str) -> Message {
        let text = text.replace("\r\n", "\n");
        let begun = self.steps.iter().rfind(|step| step.began_us <= way.at_us);
        Message {
            at_us: way.at_us,
            from: self.columns.of_address(way.from, &text),
            to: self.columns.of_address(way.to, ""),
            from_address: way.from.to_string(),
            to_address: way.to.to_string(),
            transport: way.transport,
            encrypted,
            kind,
            label,
            call_id: String::new(),
            cseq: String::new(),
            sdp: false,
            line: begun.map(|step| step.line),
            recording: None,
            text,
            notes: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// What never became a whole message is shown too.
    fn finish(mut self) -> (Vec<Message>, Vec<Column>) {
        let left: Vec<_> = std::mem::take(&mut self.directions).into_iter().collect();
        for ((from, to), direction) in left {
            let held = direction.framer.held();
            if held.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
                let transport = if direction.encrypted { Transport::Tls } else { Transport::Tcp };
                let way = Way { at_us: direction.since_us, from, to, transport };
                self.garbage(way, direction.encrypted, held, "the rest of it never came".to_owned());
            }
        }
        self.messages.sort_by_key(|message| message.at_us);
        (self.messages, self.columns.finish())
    }
}

/// Whether this is a port of SIP's own: datagrams between others are TFTP's.
fn is_sip(address: SocketAddr) -> bool {
    (5060..5100).contains(&address.port())
}

/// Gateways are asked to fork over HTTP.
fn is_http(bytes: &[u8]) -> bool {
    let starts = |word: &str| bytes.starts_with(word.as_bytes());
    starts("HTTP/1.") || ["POST ", "GET "].into_iter().any(starts)
}
