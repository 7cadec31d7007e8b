//! A wheel of 1 ms slots that paces many streams from one thread.
//!
//! Twenty slots make one turn of 20 ms. A stream sits in one slot and ticks once a turn; new streams go to the
//! emptiest slot, so that the load of a turn is spread evenly. The wheel never waits and never reads a clock: the
//! caller sleeps until the instant [`Wheel::advance`] returns and calls it again.

use std::time::{Duration, Instant};

/// The width of a slot.
pub const SLOT: Duration = Duration::from_millis(1);

/// The slots of a turn of 20 ms.
pub const SLOTS: usize = 20;

/// Names a stream on its wheel; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u64);

/// Streams that tick once every 20 ms.
#[derive(Debug)]
pub struct Wheel<S> {
    slots: Vec<Vec<(Key, S)>>,
    start: Instant,
    /// Slots passed since `start`.
    passed: u64,
    next_key: u64,
}

impl<S> Wheel<S> {
    /// An empty wheel whose first slot is due at `start`.
    pub fn new(start: Instant) -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), start, passed: 0, next_key: 0 }
    }

    /// Puts a stream into the emptiest slot, the next one due first; it ticks within the coming turn.
    pub fn add(&mut self, stream: S) -> Key {
        let next = self.slot(self.passed);
        let slot =
            (0..SLOTS).map(|step| (next + step) % SLOTS).min_by_key(|&slot| self.slots[slot].len()).unwrap_or(next);
        let key = Key(self.next_key);
        self.next_key += 1;
        self.slots[slot].push((key, stream));
        key
    }

    /// Takes a stream off the wheel.
    pub fn remove(&mut self, key: Key) -> Option<S> {
        self.slots.iter_mut().find_map(|slot| {
            let at = slot.iter().position(|(other, _)| *other == key)?;
            Some(slot.remove(at).1)
        })
    }

    /// The stream of this name.
    pub fn stream(&mut self, key: Key) -> Option<&mut S> {
        self.slots.iter_mut().flatten().find(|(other, _)| *other == key).map(|(_, stream)| stream)
    }

    /// How many streams it carries.
    pub fn len(&self) -> usize {
        self.slots.iter().map(Vec::len).sum()
    }

    /// Whether it carries no stream.
    pub fn is_empty(&self) -> bool {
        self.slots.iter().all(Vec::is_empty)
    }

    /// Runs `tick(due, key, stream)` for every stream whose slot is due at `now`, in order of time, and returns when
    /// the next slot is due. Slots that were missed are made up for, each with the instant at which it was due.
    pub fn advance(&mut self, now: Instant, mut tick: impl FnMut(Instant, Key, &mut S)) -> Instant {
        while self.due(self.passed) <= now {
            let due = self.due(self.passed);
            let slot = self.slot(self.passed);
            for (key, stream) in &mut self.slots[slot] {
                tick(due, *key, stream);
            }
            self.passed += 1;
        }
        self.due(self.passed)
    }

    /// When the next slot that holds a stream is due, `None` if the wheel is empty.
    pub fn next_due(&self) -> Option<Instant> {
        (self.passed..)
            .take(SLOTS)
            .find(|&passed| !self.slots[self.slot(passed)].is_empty())
            .map(|passed| self.due(passed))
    }

    fn due(&self, passed: u64) -> Instant {
        self.start + Duration::from_millis(passed)
    }

    fn slot(&self, passed: u64) -> usize {
        (passed % SLOTS as u64) as usize
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a test needs some instant to count from")]
mod tests {
    use super::*;

    #[test]
    fn every_stream_ticks_once_a_turn_and_exactly_20_ms_apart() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        for _ in 0..50 {
            wheel.add(Vec::new());
        }
        let mut now = start;
        while now < start + Duration::from_millis(100) {
            now = wheel.advance(now, |due, _, ticks| ticks.push(due));
        }
        for ticks in wheel.slots.iter().flatten().map(|(_, ticks)| ticks) {
            assert_eq!(ticks.len(), 5);
            assert!(ticks.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(20)));
        }
    }

    #[test]
    fn the_load_is_spread_over_all_slots() {
        let mut wheel = Wheel::new(Instant::now());
        for _ in 0..SLOTS * 3 {
            wheel.add(());
        }
        assert!(wheel.slots.iter().all(|slot| slot.len() == 3));
    }

    #[test]
    fn missed_slots_are_made_up_for_with_their_own_due_time() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        let key = wheel.add(());
        let mut dues = Vec::new();
        let next = wheel.advance(start + Duration::from_millis(65), |due, _, _| dues.push(due - start));
        assert_eq!(dues, [0, 20, 40, 60].map(Duration::from_millis));
        assert_eq!(next, start + Duration::from_millis(66));
        assert_eq!(wheel.next_due(), Some(start + Duration::from_millis(80)));
        assert!(wheel.remove(key).is_some());
        assert!(wheel.remove(key).is_none());
        assert!(wheel.is_empty());
        assert_eq!(wheel.next_due(), None);
    }

    #[test]
    fn a_stream_added_late_starts_within_the_coming_turn() {
        let start = Instant::now();
        let mut wheel = Wheel::new(start);
        wheel.advance(start + Duration::from_millis(30), |_, _, ()| {});
        wheel.add(());
        let due = wheel.next_due().unwrap();
        assert_eq!(due, start + Duration::from_millis(31));
    }
}
