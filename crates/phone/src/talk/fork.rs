//! One stream of the built-in bridge to a recorder.
//!
//! What is said comes in frames of 20 ms; the fork packs them into packets of the length that was agreed on:
//!
//! ```text
//! said   │ 20 │ 20 │ 20 │ 20 │ 20 │ 20 │      sent when its last sample was said, so a packet of 30 ms
//! sent        │  30  │  30  │      │  30  │  30  │   leaves up to 10 ms apart from its time
//! ```

use std::time::Instant;

use media::codec::Codec;
use media::ledger::{Leg, Stream};
use rand_chacha::ChaCha20Rng;
use wire::MediaSocket;

use super::misbehave::Misbehaviour;
use super::outgoing::{From, Outgoing, Said, Tick, Turn};

pub(super) struct Fork {
    pub(super) leg: Leg,
    pub(super) socket: MediaSocket,
    pub(super) out: Outgoing,
    /// Packet times of 20 ms since the fork began.
    pub(super) ticks: u32,
    pub(super) misbehaviour: Misbehaviour,
    part: Part,
}

/// The beginning of a packet whose end has not been said yet.
#[derive(Default)]
struct Part {
    payload: Vec<u8>,
    payload_type: u8,
    at: u32,
    marker: bool,
    heard: Option<u32>,
}

impl Part {
    /// Whether these samples come right behind it.
    fn goes_on_in(&self, said: &Said<'_>) -> bool {
        self.payload_type == said.payload_type && self.at.wrapping_add(self.payload.len() as u32) == said.at
    }

    fn take(&mut self, said: &Said<'_>) {
        if self.payload.is_empty() {
            let Said { payload_type, at, marker, heard, .. } = *said;
            *self = Self { payload: std::mem::take(&mut self.payload), payload_type, at, marker, heard };
        }
        self.payload.extend_from_slice(said.payload);
    }

    fn said(&self, len: usize) -> Said<'_> {
        let Self { payload_type, at, marker, heard, .. } = *self;
        Said { payload: &self.payload[..len], payload_type, at, marker, heard }
    }

    /// The first bytes were sent; the rest was heard with the last frame.
    fn shift(&mut self, len: usize, last: &Said<'_>) {
        self.payload.drain(..len);
        self.at = self.at.wrapping_add(len as u32);
        (self.marker, self.heard) = (false, last.heard);
    }
}

impl Fork {
    pub(super) fn new(leg: Leg, socket: MediaSocket, out: Outgoing, misbehaviour: Misbehaviour) -> Self {
        Self { leg, socket, out, ticks: 0, misbehaviour, part: Part::default() }
    }

    /// Goes on otherwise: what was sent so far, and the fork from now on. What waits for its packet goes into the first one then,
    /// unless the time line begins anew.
    pub(super) fn turn(mut self, now: Instant, turn: Turn, rng: &mut ChaCha20Rng) -> (Stream, Option<Self>) {
        if matches!(turn.from, From::Anew { .. }) {
            self.ticks = 0;
            self.part.payload.clear();
        }
        if let Some(key) = &turn.key {
            self.misbehaviour.announce(key, rng);
        }
        let (before, out) = self.out.turn(now, turn);
        let Self { leg, socket, ticks, misbehaviour, part, .. } = self;
        (before, out.map(|out| Self { leg, socket, out, ticks, misbehaviour, part }))
    }

    /// Takes what is said, and sends what makes up a packet: how many were sent.
    pub(super) fn send(&mut self, tick: Tick, said: &Said<'_>) -> u64 {
        let len = self.out.packet_len();
        if self.misbehaviour.silence().is_some() {
            self.part.payload.clear();
            return 0;
        }
        let is_voice = Codec::of_payload_type(said.payload_type).is_some();
        let mut sent = 0;
        let goes_on = is_voice && self.part.goes_on_in(said);
        if !goes_on && !self.part.payload.is_empty() {
            sent += self.flush(tick);
        }
        if !is_voice || (self.part.payload.is_empty() && said.payload.len() == len) {
            self.put(tick, said);
            return sent + 1;
        }
        let mut part = std::mem::take(&mut self.part);
        part.take(said);
        while part.payload.len() >= len {
            self.put(tick, &part.said(len));
            part.shift(len, said);
            sent += 1;
        }
        self.part = part;
        sent
    }

    /// Sends what waits as a shorter packet: what comes next is not right behind it. A receiver takes any length (RFC 3551 §4.2).
    fn flush(&mut self, tick: Tick) -> u64 {
        let mut part = std::mem::take(&mut self.part);
        self.put(tick, &part.said(part.payload.len()));
        part.payload.clear();
        self.part = part;
        1
    }

    fn put(&mut self, tick: Tick, said: &Said<'_>) {
        if self.misbehaviour.is_active() {
            self.misbehaviour.send(&mut self.out, &mut self.socket, tick, said);
        } else {
            self.out.send(&mut self.socket, tick, said);
        }
    }

    /// 20 ms are over in which nothing is said: how many packets were sent.
    pub(super) fn pause(&mut self, tick: Tick) -> u64 {
        let waits = !self.part.payload.is_empty() && self.misbehaviour.silence().is_none();
        let sent = if waits { self.flush(tick) } else { 0 };
        self.pass();
        sent
    }

    /// 20 ms are over.
    pub(super) fn pass(&mut self) {
        if self.misbehaviour.silence() == Some(true) {
            return;
        }
        self.ticks = self.ticks.wrapping_add(1);
    }
}
