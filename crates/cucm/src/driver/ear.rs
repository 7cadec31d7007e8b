//! What one member of a conference says: opened, put into order by timestamp, and taken 20 ms at a time.

use std::collections::VecDeque;
use std::net::SocketAddr;

use media::g711::{self, Law};
use media::rtp::Packet;
use media::srtp::{Context, OVERHEAD};
use wire::MediaSocket;

use super::sender::SAMPLES;

/// The receiving side of one port of the bridge.
pub(super) struct Ear {
    terms: Option<Terms>,
    /// Source and timestamp of the first sample that waits.
    front: Option<(u32, u32)>,
    /// What waits; a gap is silence.
    waiting: VecDeque<i16>,
    /// Whether enough has waited, so that it is played.
    plays: bool,
}

struct Terms {
    from: SocketAddr,
    law: Law,
    payload_type: u8,
    context: Option<Context>,
}

impl Ear {
    /// One that hears nobody.
    pub(super) fn deaf() -> Self {
        Self { terms: None, front: None, waiting: VecDeque::new(), plays: false }
    }

    /// One that hears whoever sends from there.
    pub(super) fn new(from: SocketAddr, law: Law, payload_type: u8, context: Option<Context>) -> Self {
        Self { terms: Some(Terms { from, law, payload_type, context }), ..Self::deaf() }
    }

    /// Takes what has arrived, and gives the next 20 ms; `None` while nothing is said.
    pub(super) fn hear(&mut self, socket: &mut MediaSocket) -> Option<[i16; SAMPLES]> {
        let mut buf = [0; LARGEST + OVERHEAD];
        for _ in 0..DRAIN_LIMIT {
            let Some((length, from)) = socket.try_recv(&mut buf) else {
                break;
            };
            self.take(from, &mut buf, length);
        }
        self.play()
    }

    /// What is of another sender, of another key or no voice is passed over: the bridge plays no keys.
    fn take(&mut self, from: SocketAddr, buf: &mut [u8], length: usize) {
        let Some(terms) = self.terms.as_mut().filter(|terms| terms.from == from) else {
            return;
        };
        let length = match &mut terms.context {
            Some(context) => match context.unprotect(buf, length) {
                Ok(length) => length,
                Err(_) => return,
            },
            None => length,
        };
        let Ok(packet) = Packet::parse(&buf[..length]) else {
            return;
        };
        if packet.payload_type() == terms.payload_type {
            let samples = g711::decode_all(terms.law, packet.payload());
            self.place(packet.ssrc(), packet.timestamp(), &samples);
        }
    }

    /// Puts samples where their timestamp says. A jump of a second and more, or another source, begins behind what waits, or
    /// anew if that is too much.
    fn place(&mut self, ssrc: u32, timestamp: u32, samples: &[i16]) {
        let behind = |front: u32| timestamp.wrapping_sub(front) as i32;
        let at = match self.front {
            Some((source, front)) if source == ssrc && behind(front).abs() < JUMP => behind(front),
            _ => {
                if self.waiting.len() >= JUMP as usize {
                    self.waiting.clear();
                }
                let waits = self.waiting.len() as u32;
                self.front = Some((ssrc, timestamp.wrapping_sub(waits)));
                waits as i32
            }
        };
        for (index, sample) in (at..).zip(samples) {
            // What comes after its time is lost to the listeners.
            let Ok(index) = usize::try_from(index) else { continue };
            if index >= self.waiting.len() {
                self.waiting.resize(index + 1, 0);
            }
            if let Some(place) = self.waiting.get_mut(index) {
                *place = *sample;
            }
        }
    }

    fn play(&mut self) -> Option<[i16; SAMPLES]> {
        self.plays = self.waiting.len() >= if self.plays { SAMPLES } else { DEPTH * SAMPLES };
        if !self.plays {
            return None;
        }
        let mut frame = [0; SAMPLES];
        for (sample, waiting) in frame.iter_mut().zip(self.waiting.drain(..SAMPLES)) {
            *sample = waiting;
        }
        if let Some((_, front)) = &mut self.front {
            *front = front.wrapping_add(SAMPLES as u32);
        }
        Some(frame)
    }
}

/// Packets of 20 ms that wait before the first one is played.
const DEPTH: usize = 3;
/// Samples; a second.
const JUMP: i32 = 8000;
/// Anything that fits into an Ethernet frame.
const LARGEST: usize = 1500;
/// Packets taken from a socket in one turn at most, so that a flood cannot stop the clock.
const DRAIN_LIMIT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn ear() -> Ear {
        Ear::new("127.0.0.1:4000".parse().unwrap(), Law::Mu, 0, None)
    }

    fn packet(value: i16) -> [i16; SAMPLES] {
        [value; SAMPLES]
    }

    #[test]
    fn what_waits_long_enough_is_played_in_the_order_of_its_timestamps() {
        let mut ear = ear();
        ear.place(7, 1000, &packet(1));
        ear.place(7, 1320, &packet(3));
        assert_eq!(ear.play(), Some(packet(1)), "three packets' time waits");
        ear.place(7, 1160, &packet(2));
        assert_eq!(ear.play(), Some(packet(2)), "late, but in time");
        assert_eq!(ear.play(), Some(packet(3)));
        assert_eq!(ear.play(), None);
        ear.place(7, 1480, &packet(4));
        assert_eq!(ear.play(), None, "it fills anew");
    }

    #[test]
    fn a_lost_packet_is_silence_and_a_late_one_is_lost() {
        let mut ear = ear();
        for (timestamp, value) in [(0, 1), (320, 3), (480, 4)] {
            ear.place(7, timestamp, &packet(value));
        }
        assert_eq!((ear.play(), ear.play()), (Some(packet(1)), Some(packet(0))));
        ear.place(7, 160, &packet(2));
        assert_eq!((ear.play(), ear.play(), ear.play()), (Some(packet(3)), Some(packet(4)), None));
    }

    #[test]
    fn another_source_goes_on_behind_what_waits_and_a_jump_does_too() {
        let mut ear = ear();
        for timestamp in [0, 160, 320] {
            ear.place(7, timestamp, &packet(1));
        }
        ear.place(8, 4_000_000_000, &packet(2));
        ear.place(8, 4_000_000_160, &packet(3));
        ear.place(8, 100, &packet(4));
        let played: Vec<i16> = std::iter::from_fn(|| ear.play()).map(|frame| frame[0]).collect();
        assert_eq!(played, [1, 1, 1, 2, 3, 4]);
    }

    #[test]
    fn packets_of_other_lengths_are_cut_to_turns() {
        let mut ear = ear();
        ear.place(7, u32::MAX - 100, &[5; 3 * SAMPLES]);
        assert_eq!(
            (ear.play(), ear.play(), ear.play(), ear.play()),
            (Some(packet(5)), Some(packet(5)), Some(packet(5)), None)
        );
    }
}
