//! One RTP stream: its sequence numbers extended, its restarts told apart from its losses.

use media::rtp::nearest_index;

/// A step back of more is no reordering, a step ahead of more is no loss (RFC 3550 appendix A.1).
const MAX_MISORDER: i32 = 100;
const MAX_DROPOUT: i32 = 3000;
/// RTP time within which a late packet may lie behind the newest one: an hour, in which nobody may have said anything.
const LONGEST_PAUSE: u32 = 8000 * 3600;
/// How many packets back a repeat is recognised.
const WINDOW: u64 = 128;

/// What a packet is within its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// New, in order or after a loss.
    Next,
    /// New, but a later one came before.
    Late,
    /// It came before.
    Repeated,
    /// The sequence began anew at this packet, or at the odd one before it.
    Restarted,
    /// Far from its stream. If the next one follows it, the sequence began anew.
    Odd,
}

/// One SSRC's sequence under one epoch.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) epoch: u16,
    highest: u64,
    seen: u128,
    /// The sequence number that would make an odd packet the first of a new sequence.
    awaited: Option<u16>,
    /// Whether the next packet may lie anywhere: a key was changed.
    may_restart: bool,
    /// The newest timestamp, where it matters.
    newest: Option<u32>,
}

impl Stream {
    /// A stream that begins with this packet. One period is left below, so that a packet it overtook finds its place.
    pub(crate) fn new(ssrc: u32, epoch: u16, sequence: u16) -> Self {
        Self {
            ssrc,
            epoch,
            highest: 1 << 16 | u64::from(sequence),
            seen: 1,
            awaited: None,
            may_restart: false,
            newest: None,
        }
    }

    /// The extended number of the newest packet.
    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    /// Says that the key was changed: the next packet may begin a sequence anew.
    pub(crate) fn may_restart(&mut self) {
        self.may_restart = true;
    }

    /// Says that this packet, which comes next, is known to begin the sequence anew.
    pub(crate) fn restart_before(&mut self, sequence: u16) {
        let epoch = self.epoch.saturating_add(1);
        *self = Self {
            highest: u64::from(sequence.wrapping_sub(1)) | 1 << 16,
            seen: 0,
            ..Self::new(self.ssrc, epoch, sequence)
        };
    }

    /// Whether this number follows that of the odd packet before it.
    pub(crate) fn awaits(&self, sequence: u16) -> bool {
        self.awaited == Some(sequence)
    }

    /// The sequence began anew with the odd packet before this one, which gets its extended number.
    pub(crate) fn restart_at_odd(&mut self, sequence: u16) -> u64 {
        *self = Self::new(self.ssrc, self.epoch.saturating_add(1), sequence.wrapping_sub(1));
        let index = self.highest + 1;
        self.mark(index);
        index
    }

    /// Whether a packet lies so far from the newest one that it may begin a sequence anew.
    pub(crate) fn is_far(&self, sequence: u16) -> bool {
        let step = i32::from(sequence.wrapping_sub(self.highest as u16) as i16);
        !(-MAX_MISORDER..=MAX_DROPOUT).contains(&step)
    }

    /// Whether a packet that comes late or again by its number says something new by its timestamp: then its sequence begins
    /// anew near the place where it is.
    pub(crate) fn begins_near(&self, sequence: u16, timestamp: u32) -> bool {
        let is_past = self.highest as u16 == sequence || (sequence.wrapping_sub(self.highest as u16) as i16) < 0;
        let said = |newest: u32| newest.wrapping_sub(timestamp) <= LONGEST_PAUSE;
        is_past && !self.is_far(sequence) && self.newest.is_some_and(|newest| !said(newest))
    }

    /// Notes the timestamp of the newest packet.
    pub(crate) fn say(&mut self, timestamp: u32) {
        self.newest = Some(timestamp);
    }

    /// Places a packet that is known to be genuine; returns its extended number too. `trusted` says that the order
    /// was authenticated (SRTP), so that only a change of key may restart it.
    pub(crate) fn place(&mut self, sequence: u16, trusted: bool) -> (u64, Place) {
        let far = self.is_far(sequence);
        if far && self.awaits(sequence) && (self.may_restart || !trusted) {
            return (self.restart_at_odd(sequence), Place::Restarted);
        }
        if far && self.may_restart {
            *self = Self::new(self.ssrc, self.epoch.saturating_add(1), sequence);
            return (self.highest, Place::Restarted);
        }
        if far && !trusted {
            self.awaited = Some(sequence.wrapping_add(1));
            return (nearest_index(self.highest, sequence), Place::Odd);
        }
        self.awaited = None;
        self.may_restart = false;
        let index = nearest_index(self.highest, sequence);
        (index, self.mark(index))
    }

    fn mark(&mut self, index: u64) -> Place {
        if index > self.highest {
            let ahead = index - self.highest;
            self.seen = if ahead < WINDOW { self.seen << ahead } else { 0 } | 1;
            self.highest = index;
            return Place::Next;
        }
        let back = self.highest - index;
        if back >= WINDOW {
            return Place::Late;
        }
        let bit = 1u128 << back;
        let known = self.seen & bit != 0;
        self.seen |= bit;
        if known { Place::Repeated } else { Place::Late }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(stream: &mut Stream, sequences: &[u16], trusted: bool) -> Vec<Place> {
        sequences.iter().map(|sequence| stream.place(*sequence, trusted).1).collect()
    }

    #[test]
    fn loss_reordering_and_repeats_are_told_apart_over_a_wrap() {
        use Place::{Late, Next, Repeated};
        let mut stream = Stream::new(1, 0, 65_534);
        let sequences = [65_535, 1, 0, 0, 5, 3, 3];
        assert_eq!(places(&mut stream, &sequences, false), [Next, Next, Late, Repeated, Next, Late, Repeated]);
        assert_eq!(stream.place(6, false).0, (2 << 16) + 6);
    }

    #[test]
    fn a_packet_that_the_first_one_overtook_lies_before_it() {
        let mut stream = Stream::new(1, 0, 0);
        assert_eq!(stream.place(65_535, false), ((1 << 16) - 1, Place::Late));
    }

    #[test]
    fn a_plain_sequence_restarts_when_two_packets_say_so() {
        use Place::{Next, Odd, Restarted};
        let mut stream = Stream::new(1, 0, 100);
        assert_eq!(
            places(&mut stream, &[101, 40_000, 102, 50_000, 50_001, 50_002], false),
            [Next, Odd, Next, Odd, Restarted, Next]
        );
        assert_eq!(stream.epoch, 1);
    }

    #[test]
    fn an_authenticated_sequence_restarts_only_with_a_key() {
        let mut stream = Stream::new(1, 0, 100);
        assert_eq!(stream.place(40_000, true).1, Place::Late);
        stream.may_restart();
        assert_eq!(stream.place(20_000, true).1, Place::Restarted);
        assert_eq!(stream.place(20_001, true).1, Place::Next);
    }
}
