//! A stream that the node sends itself, 20 ms at a time, and its rows in the ledger.

use std::net::SocketAddr;
use std::time::Instant;

use media::g711;
use media::ledger::{Nature, Row, Stream, StreamKind};
use media::rtp::{HEADER_LEN, Header};
use media::sdes::Crypto;
use media::signal::RATE;
use media::srtp::{Context, OVERHEAD};
use wire::{Clock, MediaSocket};

use crate::engine::SentStream;

/// A stream from its first packet on.
pub(super) struct Sender {
    terms: SentStream,
    context: Option<Context>,
    /// The phone learns of the stream by an ACK or a 200 that leaves with the order: the first packet goes one turn later, as one that
    /// came before would be of an unknown key.
    is_early: bool,
    sent: u64,
    stream: Stream,
}

impl Sender {
    /// `name` stands in the ledger instead of a device name. `None` if the key does not fit its suite, which keys of the engine always do.
    pub(super) fn new(name: &str, terms: SentStream, source: SocketAddr, started_us: u64) -> Option<Self> {
        let context = terms.crypto.as_ref().map(Crypto::context).transpose().ok()?;
        let key = terms.crypto.as_ref().and_then(Crypto::master_key);
        let stream = Stream {
            phone: name.to_owned(),
            kind: StreamKind::Voice,
            dialog: terms.dialog.clone(),
            main_dialog: terms.dialog.clone(),
            ssrc: terms.ssrc,
            codec: terms.law.into(),
            suite: key.map(|key| key.suite()),
            key_fingerprint: key.map(|key| key.fingerprint()),
            source,
            destination: terms.to,
            clock: RATE,
            samples_per_packet: SAMPLES as u32,
            started_us,
            ended_us: started_us,
            rows: Vec::new(),
            payloads: Vec::new(),
        };
        Some(Self { terms, context, is_early: true, sent: 0, stream })
    }

    /// Sends the frame that was due at `due`; it is asked for only if it goes.
    pub(super) fn send(
        &mut self,
        due: Instant,
        clock: &Clock,
        socket: &mut MediaSocket,
        fill: impl FnOnce(&mut [i16; SAMPLES]),
    ) {
        if std::mem::take(&mut self.is_early) {
            return;
        }
        let mut frame = [0; SAMPLES];
        fill(&mut frame);
        let payload = frame.map(|sample| g711::encode(self.terms.law, sample));
        let index = u64::from(self.terms.sequence) + self.sent;
        let header = Header {
            payload_type: self.terms.payload_type,
            marker: self.sent == 0,
            sequence: index as u16,
            timestamp: self.terms.timestamp.wrapping_add((self.sent as u32).wrapping_mul(SAMPLES as u32)),
            ssrc: self.terms.ssrc,
        };
        self.sent += 1;
        let mut packet = [0; HEADER_LEN + SAMPLES + OVERHEAD];
        let length = header.write(&mut packet) + SAMPLES;
        packet[HEADER_LEN..length].copy_from_slice(&payload);
        let clear = socket.is_captured().then_some((packet, length));
        let length = match &mut self.context {
            Some(context) => match context.protect(&mut packet, length) {
                Ok(length) => length,
                // The key is used up, after 2^31 packets at least.
                Err(_) => return,
            },
            None => length,
        };
        let now = clock.now();
        let fate = socket.send_to(now, self.terms.to, &packet[..length]);
        if let Some((clear, length)) = clear {
            socket.show_clear(now, Some(self.terms.to), &clear[..length]);
        }
        let late = now.saturating_duration_since(due).as_micros();
        let row = Row {
            sequence: header.sequence,
            index,
            timestamp: header.timestamp,
            sent_us: clock.since_epoch_us(now),
            late_us: u32::try_from(late).unwrap_or(u32::MAX),
            payload: 0,
            payload_len: 0,
            marker: header.marker,
            payload_type: header.payload_type,
            fate,
            nature: Nature::Genuine,
            heard: None,
        };
        self.stream.push(row, &payload);
    }

    /// What was sent, up to now.
    pub(super) fn finish(self, ended_us: u64) -> Stream {
        Stream { ended_us, ..self.stream }
    }
}

/// Samples in a packet of 20 ms.
pub(super) const SAMPLES: usize = 160;
