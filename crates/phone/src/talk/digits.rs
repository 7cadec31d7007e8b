//! Keys pressed in a call: RFC 4733 events in place of the voice.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +---------------+-+-+-----------+-------------------------------+
//! |     event     |E|R| volume    |          duration             |
//! +---------------+-+-+-----------+-------------------------------+
//!
//! tick      1    2    3    4    5    6    7    8  9  10    11
//! duration  160  320  480  640  800E 800E 800E voice       next key
//! ```
//! All packets of an event bear the timestamp at which it began; the first one has the marker, and the last one is sent three times
//! (RFC 4733 §2.5.1.4).

use std::collections::VecDeque;
use std::time::Duration;

use super::FRAME;

/// One packet of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventPacket {
    pub(super) payload: [u8; 4],
    /// Samples since the event began.
    pub(super) back: u32,
    pub(super) is_first: bool,
}

/// The keys that wait, and the one that is being sent.
#[derive(Debug, Default)]
pub(super) struct Digits {
    waiting: VecDeque<u8>,
    /// Ticks since the first key was pressed at rest.
    tick: u32,
}

impl Digits {
    pub(super) fn press(&mut self, events: &[u8]) {
        self.waiting.extend(events);
    }

    /// Forgets all keys: the call they were pressed in is held.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The packet of this tick; none while no key is down, so that the voice is heard.
    pub(super) fn next(&mut self) -> Option<EventPacket> {
        let event = *self.waiting.front()?;
        let tick = self.tick;
        self.tick += 1;
        if self.tick == TICKS {
            self.tick = 0;
            self.waiting.pop_front();
        }
        (tick < SENT).then(|| packet(event, tick))
    }
}

fn packet(event: u8, tick: u32) -> EventPacket {
    let is_end = tick + 1 >= HELD;
    let duration = ((tick + 1).min(HELD) * FRAME as u32) as u16;
    let [high, low] = duration.to_be_bytes();
    let end = if is_end { END } else { 0 };
    EventPacket { payload: [event, end | VOLUME, high, low], back: tick * FRAME as u32, is_first: tick == 0 }
}

/// How long an event says it has lasted, in samples; none if it is no event's payload.
pub(super) fn duration(payload: &[u8]) -> Option<u32> {
    let [_, _, high, low] = *payload.first_chunk()?;
    Some(u32::from(u16::from_be_bytes([high, low])))
}

/// How long so many keys take, with the pauses behind them.
pub(crate) fn time_of(keys: usize) -> Duration {
    Duration::from_millis(20) * TICKS * u32::try_from(keys).unwrap_or(u32::MAX)
}

/// Ticks that a key is held: 100 ms.
const HELD: u32 = 5;
/// Ticks with a packet: the end is told three times.
const SENT: u32 = HELD + 2;
/// Ticks from one key to the next.
const TICKS: u32 = SENT + 3;
/// The E bit.
const END: u8 = 0x80;
/// -10 dBm0 (RFC 4733 §2.3.3).
const VOLUME: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_five_packets_of_growing_duration_and_its_end_is_told_three_times() {
        let mut digits = Digits::default();
        digits.press(&[11, 1]);
        let told: Vec<_> = (0..2 * TICKS).map(|_| digits.next()).collect();
        let payloads: Vec<_> = told[..7].iter().map(|packet| packet.unwrap().payload).collect();
        let expected =
            [[11, 10, 0, 160], [11, 10, 1, 64], [11, 10, 1, 224], [11, 10, 2, 128], [11, 138, 3, 32], [11, 138, 3, 32]];
        assert_eq!(payloads[..6], expected);
        assert_eq!(payloads[6], payloads[5]);
        assert!(told[0].unwrap().is_first && told[1..7].iter().all(|packet| !packet.unwrap().is_first));
        assert_eq!(told[6].unwrap().back, 6 * 160);
        // The voice is heard between two keys.
        assert_eq!(told[7..10], [None; 3]);
        assert_eq!(told[10].unwrap().payload, [1, 10, 0, 160]);
        assert_eq!((digits.next(), time_of(2)), (None, Duration::from_millis(400)));
        assert_eq!((duration(&payloads[6]), duration(&[1, 2, 3])), (Some(800), None));
    }
}
