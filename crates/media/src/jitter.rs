//! A reorder buffer for playing out: packets in, in any order; the same packets out, in order, each once.
//!
//! It keeps order, not time: the caller decides when to [`pop`](Reorder::pop), usually once a packet time, and asks
//! for everything with [`drain`](Reorder::drain) at the end. The depth bounds how long a missing packet is waited for.

use std::collections::BTreeMap;
use std::ops::Range;

/// What became of a packet that was pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It will come out in its turn.
    Stored,
    /// The same index is already waiting; the packet was left out.
    Duplicate,
    /// Its turn has passed; the packet was left out.
    TooLate,
}

/// What comes out in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Popped<T> {
    /// The packet of this extended sequence number.
    Packet(u64, T),
    /// The packets of this range did not come in time.
    Missing(Range<u64>),
}

/// Packets by extended sequence number, at most `depth` of them.
#[derive(Clone, Debug)]
pub struct Reorder<T> {
    waiting: BTreeMap<u64, T>,
    next: Option<u64>,
    depth: usize,
}

impl<T> Reorder<T> {
    /// A buffer that holds back at most `depth` packets for one that is missing; 0 passes packets on as they come.
    pub fn new(depth: usize) -> Self {
        Self { waiting: BTreeMap::new(), next: None, depth }
    }

    /// Takes a packet in.
    pub fn push(&mut self, index: u64, packet: T) -> Pushed {
        if self.next.is_some_and(|next| index < next) {
            return Pushed::TooLate;
        }
        match self.waiting.entry(index) {
            std::collections::btree_map::Entry::Occupied(_) => Pushed::Duplicate,
            std::collections::btree_map::Entry::Vacant(place) => {
                place.insert(packet);
                Pushed::Stored
            }
        }
    }

    /// The next packet in order, if it is there or if more than `depth` packets wait behind a gap; then the gap comes
    /// out first, as [`Popped::Missing`].
    ///
    /// Before the first packet came out nothing is known to be missing, so the buffer first fills to its depth.
    pub fn pop(&mut self) -> Option<Popped<T>> {
        let first = *self.waiting.keys().next()?;
        let in_order = self.next == Some(first);
        if in_order || self.waiting.len() > self.depth { self.release() } else { None }
    }

    /// The next packet or gap, without waiting for anything that is missing.
    pub fn drain(&mut self) -> Option<Popped<T>> {
        self.release()
    }

    /// How many packets wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether no packet waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn release(&mut self) -> Option<Popped<T>> {
        let first = *self.waiting.keys().next()?;
        match self.next {
            Some(next) if next < first => {
                self.next = Some(first);
                Some(Popped::Missing(next..first))
            }
            _ => {
                let (index, packet) = self.waiting.pop_first()?;
                self.next = Some(index.saturating_add(1));
                Some(Popped::Packet(index, packet))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(buffer: &mut Reorder<u64>) -> Vec<Popped<u64>> {
        std::iter::from_fn(|| buffer.pop()).collect()
    }

    #[test]
    fn reordered_packets_come_out_in_order() {
        let mut buffer = Reorder::new(2);
        for index in [11, 10, 12] {
            assert_eq!(buffer.push(index, index), Pushed::Stored);
        }
        let want: Vec<_> = (10..13).map(|index| Popped::Packet(index, index)).collect();
        assert_eq!(all(&mut buffer), want);
    }

    #[test]
    fn a_gap_is_waited_for_up_to_the_depth_and_then_named() {
        let mut buffer = Reorder::new(2);
        buffer.push(1, 1);
        buffer.push(2, 2);
        buffer.push(3, 3);
        assert_eq!(all(&mut buffer).len(), 3);
        buffer.push(6, 6);
        buffer.push(7, 7);
        assert_eq!(buffer.pop(), None);
        buffer.push(8, 8);
        assert_eq!(buffer.pop(), Some(Popped::Missing(4..6)));
        assert_eq!(buffer.pop(), Some(Popped::Packet(6, 6)));
        assert_eq!(buffer.push(5, 5), Pushed::TooLate);
    }

    #[test]
    fn duplicates_are_left_out_while_waiting_and_afterwards() {
        let mut buffer = Reorder::new(4);
        buffer.push(1, 1);
        assert_eq!(buffer.push(1, 9), Pushed::Duplicate);
        assert_eq!(buffer.drain(), Some(Popped::Packet(1, 1)));
        assert_eq!(buffer.push(1, 9), Pushed::TooLate);
        assert!(buffer.is_empty());
    }

    #[test]
    fn draining_names_gaps_and_gives_up_waiting() {
        let mut buffer = Reorder::new(100);
        buffer.push(5, 5);
        buffer.push(7, 7);
        let out: Vec<_> = std::iter::from_fn(|| buffer.drain()).collect();
        assert_eq!(out, [Popped::Packet(5, 5), Popped::Missing(6..7), Popped::Packet(7, 7)]);
    }

    #[test]
    fn the_last_index_there_is_does_not_overflow() {
        let mut buffer = Reorder::new(0);
        buffer.push(u64::MAX, 1);
        assert_eq!(buffer.pop(), Some(Popped::Packet(u64::MAX, 1)));
        assert_eq!(buffer.pop(), None);
    }
}
