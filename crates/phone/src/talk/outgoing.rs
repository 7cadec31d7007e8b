//! One RTP stream that the phone sends, with the ledger it writes about it.

use std::net::SocketAddr;
use std::time::Instant;

use media::codec::{Codec, Encoder};
use media::ledger::{Fate, Nature, Row, Stream, StreamKind};
use media::rtp::{HEADER_LEN, Header};
use media::srtp::{Context, OVERHEAD};
use wire::{Clock, MediaSocket};

use crate::change::RollOver;
use crate::description::OwnKey;
use crate::packet_time::PacketTime;

use super::FRAME;
use super::guest::Frame;

/// The longest packet that is sent: anything that fits into an Ethernet frame can be relayed.
pub(super) const LARGEST: usize = 1500;
/// A buffer for one packet and what sealing adds.
pub(super) type Buffer = [u8; LARGEST + OVERHEAD];

/// The moment of a tick: when it was due and when it runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tick {
    pub(super) due: Instant,
    pub(super) now: Instant,
}

/// What a stream to be opened is.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    /// The device name.
    pub(crate) phone: String,
    pub(crate) kind: StreamKind,
    /// The Call-ID of the dialog that carries the stream.
    pub(crate) dialog: String,
    /// The Call-ID of the main call.
    pub(crate) main_dialog: String,
    pub(crate) remote: SocketAddr,
    pub(crate) codec: Codec,
    pub(crate) packet_time: PacketTime,
    /// The payload type of telephone events, where one was agreed on.
    pub(crate) events: Option<u8>,
    /// None for RTP.
    pub(crate) key: Option<OwnKey>,
    pub(crate) ssrc: u32,
    /// The index of the first packet: roll-over count and sequence number.
    pub(crate) first_index: u64,
    pub(crate) first_timestamp: u32,
}

/// How a stream goes on.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    /// Another key; the same without one.
    pub(crate) key: Option<OwnKey>,
    /// Another SSRC; the same without one.
    pub(crate) ssrc: Option<u32>,
    /// Another packet time; the same without one.
    pub(crate) packet_time: Option<PacketTime>,
    pub(crate) from: From,
}

/// Where a stream goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum From {
    /// At this index and timestamp.
    Anew { index: u64, timestamp: u32 },
    /// Behind the packet before, with this roll-over count.
    Here(RollOver),
}

impl Turn {
    /// As it is, but for what becomes of the roll-over count.
    pub(crate) fn under(roll_over: RollOver) -> Self {
        Self { key: None, ssrc: None, packet_time: None, from: From::Here(roll_over) }
    }
}

/// What one packet says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) payload: &'a [u8],
    pub(super) payload_type: u8,
    /// RTP timestamp, counted from the first packet of the stream.
    pub(super) at: u32,
    /// The marker of a packet that is relayed; the first packet of a stream always has one.
    pub(super) marker: bool,
    pub(super) heard: Option<u32>,
}

/// A stream being sent.
pub(super) struct Outgoing {
    context: Option<Context>,
    key: Option<OwnKey>,
    ssrc: u32,
    packet_time: PacketTime,
    next_index: u64,
    first_timestamp: u32,
    is_first: bool,
    /// What has been said is in its memory: it goes on where the stream turns.
    encoder: Encoder,
    stream: Stream,
    clock: Clock,
}

impl Outgoing {
    /// Opens the stream. `None` if the key does not fit its suite, which our own keys always do.
    pub(super) fn open(opening: Opening, source: SocketAddr, now: Instant, clock: &Clock) -> Option<Self> {
        let Opening { phone, kind, dialog, main_dialog, remote, codec, packet_time, key, ssrc, .. } = opening;
        let Opening { first_index, first_timestamp, .. } = opening;
        let mut context = match &key {
            Some(own) => Some(Context::new(own.suite, &own.key).ok()?),
            None => None,
        };
        if let Some(context) = &mut context {
            context.set_roc(ssrc, (first_index >> 16) as u32);
        }
        let started_us = clock.since_epoch_us(now);
        let stream = Stream {
            phone,
            kind,
            dialog,
            main_dialog,
            ssrc,
            codec,
            suite: key.as_ref().map(|own| own.suite),
            key_fingerprint: key.as_ref().map(|own| own.key.fingerprint()),
            source,
            destination: remote,
            clock: 8000,
            samples_per_packet: packet_time.samples() as u32,
            started_us,
            ended_us: started_us,
            rows: Vec::new(),
            payloads: Vec::new(),
        };
        Some(Self {
            context,
            key,
            ssrc,
            packet_time,
            next_index: first_index,
            first_timestamp,
            is_first: true,
            encoder: Encoder::new(codec),
            stream,
            clock: clock.clone(),
        })
    }

    /// Goes on otherwise: what was sent so far, and the stream from now on. That one is missing if the key does not fit its
    /// suite, which our own keys always do.
    pub(super) fn turn(self, now: Instant, turn: Turn) -> (Stream, Option<Self>) {
        let before = &self.stream;
        let (first_index, first_timestamp) = match turn.from {
            From::Anew { index, timestamp } => (index, timestamp),
            From::Here(RollOver::Keep) => (self.next_index, self.first_timestamp),
            From::Here(RollOver::Reset) => (self.next_index & 0xffff, self.first_timestamp),
        };
        let opening = Opening {
            phone: before.phone.clone(),
            kind: before.kind,
            dialog: before.dialog.clone(),
            main_dialog: before.main_dialog.clone(),
            remote: before.destination,
            codec: before.codec,
            packet_time: turn.packet_time.unwrap_or(self.packet_time),
            events: None,
            key: turn.key.or_else(|| self.key.clone()),
            ssrc: turn.ssrc.unwrap_or(self.ssrc),
            first_index,
            first_timestamp,
        };
        let next = Self::open(opening, before.source, now, &self.clock);
        let is_first = self.is_first || matches!(turn.from, From::Anew { .. });
        // Whoever hears another source hears it from its beginning.
        let encoder = turn.ssrc.is_none().then(|| self.encoder.clone());
        let next = next.map(|mut next| {
            next.encoder = encoder.unwrap_or(next.encoder);
            Self { is_first, ..next }
        });
        (self.close(now), next)
    }

    /// What was sent so far.
    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The stream's codec.
    pub(super) fn codec(&self) -> Codec {
        self.stream.codec
    }

    /// Codes what is said next.
    pub(super) fn encode(&mut self, samples: &Frame) -> [u8; FRAME] {
        let mut payload = [0; FRAME];
        self.encoder.encode(samples, &mut payload);
        payload
    }

    /// Bytes of a full packet of voice: our codecs have one a tick of the clock.
    pub(super) fn packet_len(&self) -> usize {
        self.packet_time.samples()
    }

    /// Where it goes.
    pub(super) fn destination(&self) -> SocketAddr {
        self.stream.destination
    }

    /// The index of the next packet.
    pub(super) fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The header of the packet after `ahead` others.
    pub(super) fn header(&self, said: &Said<'_>, ahead: u64) -> Header {
        Header {
            payload_type: said.payload_type,
            marker: said.marker || self.is_first,
            sequence: (self.next_index + ahead) as u16,
            timestamp: self.first_timestamp.wrapping_add(said.at),
            ssrc: self.ssrc,
        }
    }

    /// Takes the next sequence number: the header of the packet and its index.
    pub(super) fn advance(&mut self, said: &Said<'_>) -> (Header, u64) {
        let header = self.header(said, 0);
        let index = self.next_index;
        self.next_index += 1;
        self.is_first = false;
        (header, index)
    }

    /// Seals `buf[..len]` with the stream's key, if it has one. `None` if it cannot be sealed, as when the key is used up.
    pub(super) fn seal(&mut self, buf: &mut Buffer, len: usize) -> Option<usize> {
        match &mut self.context {
            Some(context) => context.protect(buf, len).ok(),
            None => Some(len),
        }
    }

    /// Sends one genuine packet and writes its row.
    pub(super) fn send(&mut self, socket: &mut MediaSocket, tick: Tick, said: &Said<'_>) {
        let (header, index) = self.advance(said);
        let mut buf = [0; LARGEST + OVERHEAD];
        let plain = write(&mut buf, header, said.payload);
        let clear = plain.filter(|_| socket.is_captured()).map(|len| (buf, len));
        let fate = plain
            .and_then(|len| self.seal(&mut buf, len))
            .map_or(Fate::NotSent, |len| socket.send(tick.now, &buf[..len]));
        if let Some((clear, len)) = clear.filter(|_| fate != Fate::NotSent) {
            socket.show_clear(tick.now, None, &clear[..len]);
        }
        self.note(tick, (header, index), said, Nature::Genuine, fate);
    }

    /// Writes the row of a packet.
    pub(super) fn note(
        &mut self,
        tick: Tick,
        (header, index): (Header, u64),
        said: &Said<'_>,
        nature: Nature,
        fate: Fate,
    ) {
        let sent_us = self.clock.since_epoch_us(tick.now);
        let late = tick.now.saturating_duration_since(tick.due).as_micros();
        let row = Row {
            sequence: header.sequence,
            index,
            timestamp: header.timestamp,
            sent_us,
            late_us: u32::try_from(late).unwrap_or(u32::MAX),
            marker: header.marker,
            payload_type: header.payload_type,
            fate,
            nature,
            heard: said.heard,
            ..Row::base()
        };
        self.stream.push(row, said.payload);
        self.stream.ended_us = sent_us;
    }

    /// Closes the stream: what was sent.
    pub(super) fn close(mut self, now: Instant) -> Stream {
        self.stream.ended_us = self.clock.since_epoch_us(now).max(self.stream.ended_us);
        self.stream
    }
}

/// Writes a plain packet and returns its length, `None` if it is longer than a frame.
pub(super) fn write(buf: &mut Buffer, header: Header, payload: &[u8]) -> Option<usize> {
    let len = HEADER_LEN + payload.len();
    if len > LARGEST {
        return None;
    }
    header.write(buf.as_mut_slice());
    buf[HEADER_LEN..len].copy_from_slice(payload);
    Some(len)
}
