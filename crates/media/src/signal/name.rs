//! The dither that names a frame.

use std::collections::HashSet;

use super::mix;
use crate::g711::{self, Law};

/// The dither of one voice, and what it has named so far.
#[derive(Clone, Debug)]
pub(super) struct Name {
    identity: u64,
    frame: u64,
    /// Hashes of every frame spoken so far, in both laws.
    spoken: HashSet<u64>,
}

impl Name {
    pub(super) fn new(identity: u64) -> Self {
        Self { identity, frame: 0, spoken: HashSet::new() }
    }

    /// Writes `clean` with the dither of the next frame under it to `out`, which is as long.
    pub(super) fn write(&mut self, clean: &[i16], out: &mut [i16]) {
        // Speech does not collide in many years, but a signal that sits in the middle of G.711's coarse steps can
        // swallow the dither: then it is drawn anew, each time twice as strong.
        for attempt in 0..10 {
            dither(clean, out, [self.identity, self.frame, attempt]);
            let hashes = Law::ALL.map(|law| hash(law, out));
            if hashes.iter().all(|hash| !self.spoken.contains(hash)) {
                self.spoken.extend(hashes);
                break;
            }
        }
        self.frame += 1;
    }
}

/// Adds noise drawn from `name` (identity, frame, attempt) to `clean`: of sigma 12, doubled with every attempt.
fn dither(clean: &[i16], out: &mut [i16], name: [u64; 3]) {
    let mut state = name.into_iter().fold(0, |state, part| mix(state ^ part));
    for (out, &clean) in out.iter_mut().zip(clean) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = mix(state);
        // The sum of four uniform values of 16 bits: mean 131,070, sigma 37,837, that is 12 times 3,153.
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
        let noise = ((sum as i32 - 131_070) << name[2]) / 3_153;
        *out = clean.saturating_add(noise as i16);
    }
}

/// A hash of what a frame decodes to after it was coded in `law`.
fn hash(law: Law, frame: &[i16]) -> u64 {
    frame.iter().fold(mix(1 + u64::from(law.payload_type())), |state, &sample| {
        let heard = g711::decode(law, g711::encode(law, sample));
        mix(state ^ u64::from(heard as u16)).wrapping_add(state.rotate_left(5))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dither_draws_another_frame_when_a_frame_was_already_spoken() {
        let (mut frame, mut other) = ([0; 160], [0; 160]);
        let mut first = Name::new(1);
        first.write(&[0; 160], &mut frame);
        let mut second = Name { spoken: first.spoken, ..Name::new(1) };
        second.write(&[0; 160], &mut other);
        assert_ne!(frame, other);
    }
}
