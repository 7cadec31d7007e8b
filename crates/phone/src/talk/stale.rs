//! A stream of the bridge that goes on although it is over: the recorder has given its port to another call by then.
//!
//! It keeps its SSRC, key, sequence and RTP time, and says once more what it said, with the sign of every sample turned: whoever
//! stores it has stored something that can be told from all else that was said.

use std::time::Instant;

use media::codec::Codec;
use media::ledger::Stream;
use wire::MediaSocket;

use super::FRAME;
use super::misbehave::turned;
use super::outgoing::{Outgoing, Said, Tick};

/// A stream that was to end, without a port to go on from.
pub(crate) struct Overdue {
    out: Outgoing,
    /// RTP time since its first packet.
    at: u32,
}

impl Overdue {
    pub(super) fn new(out: Outgoing, ticks: u32) -> Self {
        Self { out, at: ticks.wrapping_mul(FRAME as u32) }
    }

    /// It goes on from this port.
    pub(crate) fn go_on(self, socket: MediaSocket) -> Stale {
        let Self { out, at } = self;
        let stream = out.stream();
        let words = stream.rows.iter().filter(|row| Codec::of_payload_type(row.payload_type).is_some());
        let words = words.map(|row| (row.payload_type, turned(stream.payload(row)))).collect();
        Stale { out, socket, at, words, next: 0, owed: 0 }
    }

    /// It ends after all.
    pub(crate) fn close(self, now: Instant) -> Stream {
        self.out.close(now)
    }
}

/// A stream that goes on.
pub(crate) struct Stale {
    out: Outgoing,
    socket: MediaSocket,
    at: u32,
    /// Payload types and payloads, said over and over.
    words: Vec<(u8, Vec<u8>)>,
    next: usize,
    /// Samples whose time has come and that were not sent yet.
    owed: usize,
}

impl Stale {
    /// The work of 20 ms: how many packets were sent.
    pub(crate) fn tick(&mut self, due: Instant, now: Instant) -> u64 {
        self.owed += FRAME;
        let mut sent = 0;
        while let Some((payload_type, payload)) = self.words.get(self.next).filter(|(_, word)| word.len() <= self.owed)
        {
            let said = Said { payload, payload_type: *payload_type, at: self.at, marker: false, heard: None };
            self.out.send(&mut self.socket, Tick { due, now }, &said);
            self.at = self.at.wrapping_add(payload.len() as u32);
            self.owed -= payload.len();
            self.next = (self.next + 1) % self.words.len();
            sent += 1;
            if payload.is_empty() {
                break;
            }
        }
        sent
    }

    /// It ends: all that was sent since its beginning.
    pub(crate) fn close(self, now: Instant) -> Stream {
        self.out.close(now)
    }
}
