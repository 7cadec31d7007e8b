//! What the phone hears on the main call: drained, opened, and put into order at the pace it was spoken.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use media::codec::Codec;
use media::rtp::{Packet, SequenceTracker};
use media::srtp::{Context, MasterKey, OVERHEAD, SrtpError, Suite};
use wire::MediaSocket;

use super::digits;
use super::outgoing::LARGEST;
use crate::codec::TELEPHONE_EVENT;

/// One place of the time line: 20 ms.
const SAMPLES: u32 = 160;
/// A jump of the time line longer than this is a new talk, not a loss: two seconds.
const JUMP: i64 = 16_000;

/// One packet that was heard, opened.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    /// Extended sequence number.
    pub(super) index: u64,
    pub(super) payload_type: u8,
    pub(super) marker: bool,
    /// Samples from its timestamp to its place: a key's packets all bear the timestamp at which it was pressed.
    pub(super) back: u32,
    pub(super) payload: Vec<u8>,
}

/// What came in on the main call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeardCounts {
    /// Packets taken.
    pub packets: u64,
    /// Packets whose tag was wrong.
    pub unauthentic: u64,
    /// Packets that came twice or outside the replay window.
    pub replayed: u64,
    /// Packets that are no RTP, or came without a key where one was agreed.
    pub malformed: u64,
    /// Packets that came after their place on the time line had passed.
    pub late: u64,
    /// Places of the time line for which no packet came in time.
    pub missing: u64,
}

impl HeardCounts {
    /// Adds the counts of another call.
    pub(crate) fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.unauthentic += other.unauthentic;
        self.replayed += other.replayed;
        self.malformed += other.malformed;
        self.late += other.late;
        self.missing += other.missing;
    }
}

/// What is played next.
#[derive(Debug)]
pub(super) enum Played {
    /// Nothing is being said, or the buffer fills.
    Nothing,
    /// The packet of this place did not come.
    Missing,
    /// The packet of this place.
    Packet(Heard),
}

/// The receiving side of the main call.
///
/// Packets wait by their RTP timestamp. Playing begins when the first one has waited `depth` ticks, and then takes one place of 160
/// samples a tick: a packet that is not there when its place comes is lost to the listener, as in a real phone.
pub(super) struct Incoming {
    key: Option<(Suite, [u8; 32])>,
    context: Option<Context>,
    depth: u32,
    source: Option<u32>,
    tracker: SequenceTracker,
    /// Packets by their place on the time line in samples, counted from the first one of this source.
    waiting: BTreeMap<i64, Heard>,
    /// Timestamp and place of the newest packet.
    newest: (u32, i64),
    /// The place played next.
    next: Option<i64>,
    /// Ticks that the buffer has been filling.
    filling: u32,
    /// Ticks in a row for which nothing waited.
    starved: u32,
    pub(super) counts: HeardCounts,
}

impl Incoming {
    /// A receiver that waits `depth` ticks for late packets.
    pub(super) fn new(key: Option<&(Suite, MasterKey)>, depth: u32) -> Self {
        Self {
            key: key.map(fingerprint),
            context: key.and_then(|(suite, key)| Context::new(*suite, key).ok()),
            depth,
            source: None,
            tracker: SequenceTracker::new(),
            waiting: BTreeMap::new(),
            newest: (0, 0),
            next: None,
            filling: 0,
            starved: 0,
            counts: HeardCounts::default(),
        }
    }

    /// Is this the key that opens what comes?
    pub(super) fn is_under(&self, key: Option<&(Suite, MasterKey)>) -> bool {
        self.key == key.map(fingerprint)
    }

    /// Takes everything that has arrived at the socket. At most a second's worth, so that a flood cannot stop the tick.
    pub(super) fn drain(&mut self, socket: &mut MediaSocket) {
        let mut buf = [0; LARGEST + OVERHEAD];
        for _ in 0..DRAIN_LIMIT {
            let Some((len, _)) = socket.try_recv(&mut buf) else { return };
            self.take(&mut buf, len);
        }
    }

    /// Takes one packet as it came from the wire.
    fn take(&mut self, buf: &mut [u8], len: usize) {
        let len = match &mut self.context {
            Some(context) => match context.unprotect(buf, len) {
                Ok(len) => len,
                Err(error) => return self.refuse(error),
            },
            None => len,
        };
        match Packet::parse(&buf[..len]) {
            // One that was sealed for the call as it was before it went on in clear: its tag makes it longer, and it would be noise.
            Ok(packet) if self.context.is_none() && !holds_whole_frames(&packet) => self.counts.malformed += 1,
            Ok(packet) => self.place(&packet),
            Err(_) => self.counts.malformed += 1,
        }
    }

    fn refuse(&mut self, error: SrtpError) {
        match error {
            SrtpError::Authentication => self.counts.unauthentic += 1,
            SrtpError::Replayed | SrtpError::TooOld => self.counts.replayed += 1,
            _ => self.counts.malformed += 1,
        }
    }

    /// Puts a packet at its place on the time line.
    fn place(&mut self, packet: &Packet<'_>) {
        let stamped = self.place_of(packet.ssrc(), packet.timestamp());
        let at = self.place_of_event(stamped, packet).unwrap_or(stamped);
        if self.next.is_some_and(|next| at < next) {
            self.counts.late += 1;
            return;
        }
        let heard = Heard {
            index: self.tracker.extend(packet.sequence()),
            payload_type: packet.payload_type(),
            marker: packet.marker(),
            back: u32::try_from(at - stamped).unwrap_or(0),
            payload: packet.payload().to_vec(),
        };
        match self.waiting.entry(at) {
            Entry::Occupied(_) => self.counts.replayed += 1,
            Entry::Vacant(place) => {
                place.insert(heard);
                self.counts.packets += 1;
            }
        }
    }

    /// Where a packet stands on the time line, in samples.
    fn place_of(&mut self, ssrc: u32, timestamp: u32) -> i64 {
        let (last, place) = self.newest;
        let step = i64::from(timestamp.wrapping_sub(last) as i32);
        let is_known = self.source == Some(ssrc) && step.abs() <= JUMP;
        let at = if is_known { place + step } else { self.begin(ssrc) };
        if !is_known || step > 0 {
            self.newest = (timestamp, at);
        }
        at
    }

    /// Where a packet of a key stands: where the key has been held so long. The two that tell its end again follow in the places that
    /// their sender left free.
    fn place_of_event(&self, began: i64, packet: &Packet<'_>) -> Option<i64> {
        let held = digits::duration(packet.payload()).filter(|_| packet.payload_type() == TELEPHONE_EVENT)?;
        let place = began + i64::from(held.saturating_sub(SAMPLES));
        let is_free = |at: &i64| self.next.is_none_or(|next| *at >= next) && !self.waiting.contains_key(at);
        (0..END_TOLD).map(|again| place + again * i64::from(SAMPLES)).find(is_free).or(Some(place))
    }

    /// A new source, or a new talk of the same one: the time line goes on behind what still waits.
    fn begin(&mut self, ssrc: u32) -> i64 {
        if self.source.replace(ssrc) != Some(ssrc) {
            self.tracker = SequenceTracker::new();
        }
        match self.waiting.last_key_value() {
            Some((last, _)) => last + i64::from(SAMPLES),
            None => {
                self.filling = 0;
                self.next.take().unwrap_or(0)
            }
        }
    }

    /// What is played in this tick.
    pub(super) fn play(&mut self) -> Played {
        let Some(next) = self.next else { return self.fill() };
        self.next = Some(next + i64::from(SAMPLES));
        // A place is 160 samples long; packets of a phone start on its edge.
        match self.waiting.first_key_value() {
            Some((&at, _)) if at < next + i64::from(SAMPLES) => match self.waiting.pop_first() {
                Some((_, heard)) => {
                    self.starved = 0;
                    Played::Packet(heard)
                }
                None => Played::Nothing,
            },
            Some(_) => {
                self.counts.missing += 1;
                Played::Missing
            }
            None => self.starve(),
        }
    }

    /// Nothing waits: the other side is silent, or the network is. After a while the buffer fills anew, so that it regains its depth.
    fn starve(&mut self) -> Played {
        self.starved += 1;
        if self.starved > STARVED {
            self.next = None;
            self.filling = 0;
            return Played::Nothing;
        }
        self.counts.missing += 1;
        Played::Missing
    }

    fn fill(&mut self) -> Played {
        let Some((&first, _)) = self.waiting.first_key_value() else { return Played::Nothing };
        if self.filling < self.depth {
            self.filling += 1;
            return Played::Nothing;
        }
        self.filling = 0;
        self.next = Some(first);
        self.play()
    }
}

/// Whether a packet of voice holds a multiple of 10 ms, as those of all phones do; others are not looked at.
fn holds_whole_frames(packet: &Packet<'_>) -> bool {
    Codec::of_payload_type(packet.payload_type()).is_none() || packet.payload().len().is_multiple_of(TEN_MS)
}

/// Bytes of any codec of ours in 10 ms.
const TEN_MS: usize = 80;

fn fingerprint((suite, key): &(Suite, MasterKey)) -> (Suite, [u8; 32]) {
    (*suite, key.fingerprint())
}

/// How often the end of a key is told (RFC 4733 §2.5.1.4).
const END_TOLD: i64 = 3;
/// Packets taken from a socket in one tick at most: more than a second of speech and than any attack a phone must follow.
const DRAIN_LIMIT: usize = 256;
/// Ticks without a packet after which the buffer fills again, 500 ms.
const STARVED: u32 = 25;

#[cfg(test)]
mod tests {
    use super::*;

    /// What a receiver without a key counts of one packet with this payload type and length.
    fn counted(payload_type: u8, len: usize) -> (u64, u64) {
        let mut incoming = Incoming::new(None, 2);
        let mut packet = vec![0x80, payload_type, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.resize(12 + len, 0x55);
        let len = packet.len();
        incoming.take(&mut packet, len);
        (incoming.counts.packets, incoming.counts.malformed)
    }

    #[test]
    fn a_packet_that_was_sealed_for_the_call_as_it_was_before_is_not_played() {
        for (tag, heard) in [(0, (1, 0)), (4, (0, 1)), (10, (0, 1)), (16, (0, 1))] {
            assert_eq!(counted(0, 160 + tag), heard, "{tag}");
        }
        assert_eq!(counted(8, 80), (1, 0), "10 ms");
        assert_eq!(counted(TELEPHONE_EVENT, 4), (1, 0), "a key");
    }
}
