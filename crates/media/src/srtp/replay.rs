//! Which packet indices have been handled.

use super::SrtpError;

/// A replay window (RFC 3711 §3.3.2) that moves with the highest index handled.
#[derive(Debug, Clone)]
pub(super) struct Window {
    highest: u64,
    /// A ring of bits: index `i` is bit `i % size`, for the last `size` indices up to `highest`.
    seen: Box<[u64]>,
}

impl Window {
    /// A window of `size` packets (a multiple of 64) whose only handled index is `first`.
    pub(super) fn starting_at(first: u64, size: usize) -> Self {
        let mut window = Self { highest: first, seen: vec![0; size / 64].into_boxed_slice() };
        window.mark(first);
        window
    }

    pub(super) fn highest(&self) -> u64 {
        self.highest
    }

    /// Whether `index` may still be handled; changes nothing.
    pub(super) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if index > self.highest {
            Ok(())
        } else if self.highest - index >= self.size() {
            Err(SrtpError::TooOld)
        } else if self.word(index) & bit(index) != 0 {
            Err(SrtpError::Replayed)
        } else {
            Ok(())
        }
    }

    /// Notes `index` as handled; the caller has checked it and the packet was authentic.
    pub(super) fn mark(&mut self, index: u64) {
        if index > self.highest {
            if index - self.highest >= self.size() {
                self.seen.fill(0);
            } else {
                for skipped in self.highest + 1..index {
                    *self.word_mut(skipped) &= !bit(skipped);
                }
            }
            self.highest = index;
        }
        *self.word_mut(index) |= bit(index);
    }

    fn size(&self) -> u64 {
        self.seen.len() as u64 * 64
    }

    fn word(&self, index: u64) -> u64 {
        self.seen[(index % self.size() / 64) as usize]
    }

    fn word_mut(&mut self, index: u64) -> &mut u64 {
        &mut self.seen[(index % self.size() / 64) as usize]
    }
}

fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_core::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn every_distance_around_the_window_edge_is_judged_right() {
        for size in [64, 128, 1024] {
            for distance in 0..2 * size as u64 {
                let window = Window::starting_at(10_000, size);
                let expected = match distance {
                    0 => Err(SrtpError::Replayed),
                    d if d < size as u64 => Ok(()),
                    _ => Err(SrtpError::TooOld),
                };
                assert_eq!(window.check(10_000 - distance), expected, "distance {distance} in {size}");
            }
        }
    }

    #[test]
    fn it_agrees_with_a_list_of_all_indices_ever_seen() {
        let mut rng = ChaCha20Rng::seed_from_u64(7);
        let mut window = Window::starting_at(500, 128);
        let mut seen = std::collections::BTreeSet::from([500u64]);
        for _ in 0..50_000 {
            let highest = *seen.last().unwrap();
            let index = match rng.next_u32() % 50 {
                0 => highest + u64::from(rng.next_u32() % 400),
                _ => (highest + 3).saturating_sub(u64::from(rng.next_u32() % 160)),
            };
            let expected = if index + 128 <= highest {
                Err(SrtpError::TooOld)
            } else if seen.contains(&index) {
                Err(SrtpError::Replayed)
            } else {
                Ok(())
            };
            assert_eq!(window.check(index), expected, "index {index}, highest {highest}");
            if expected.is_ok() {
                window.mark(index);
                seen.insert(index);
            }
        }
    }
}
