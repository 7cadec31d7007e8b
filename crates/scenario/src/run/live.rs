//! What a run is doing right now, for whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// Counters that a run keeps up to date; any thread may read them.
#[derive(Debug, Default)]
pub struct Live {
    calls: AtomicUsize,
    recordings: AtomicUsize,
    frames: AtomicU64,
    pub(super) packets: Arc<AtomicU64>,
}

impl Live {
    /// Calls that are up.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls.load(Relaxed)
    }

    /// Recordings that CUCM has set up and not ended.
    #[must_use]
    pub fn recordings(&self) -> usize {
        self.recordings.load(Relaxed)
    }

    /// Streams that go to recorders: a recording that stands has two.
    #[must_use]
    pub fn streams(&self) -> usize {
        2 * self.recordings()
    }

    /// Frames of audio that were compared so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames.load(Relaxed)
    }

    /// Adds what the judgement of a scenario compared.
    pub(super) fn proved(&self, frames: u64) {
        self.frames.fetch_add(frames, Relaxed);
    }

    /// Media packets sent so far.
    #[must_use]
    pub fn packets(&self) -> u64 {
        self.packets.load(Relaxed)
    }
}

/// What one scenario adds to the counters; taken back when it ends, however it ends.
#[derive(Debug)]
pub(super) struct Share<'a> {
    live: &'a Live,
    calls: usize,
    recordings: usize,
}

impl<'a> Share<'a> {
    pub(super) fn of(live: &'a Live) -> Self {
        Self { live, calls: 0, recordings: 0 }
    }

    pub(super) fn set_calls(&mut self, calls: usize) {
        set(&self.live.calls, &mut self.calls, calls);
    }

    pub(super) fn set_recordings(&mut self, recordings: usize) {
        set(&self.live.recordings, &mut self.recordings, recordings);
    }
}

fn set(total: &AtomicUsize, mine: &mut usize, now: usize) {
    total.fetch_add(now, Relaxed);
    total.fetch_sub(std::mem::replace(mine, now), Relaxed);
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.set_calls(0);
        self.set_recordings(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_that_ends_takes_its_share_with_it() {
        let live = Live::default();
        let mut one = Share::of(&live);
        one.set_calls(2);
        one.set_recordings(1);
        let mut other = Share::of(&live);
        other.set_calls(1);
        assert_eq!((live.calls(), live.recordings()), (3, 1));
        one.set_calls(1);
        assert_eq!(live.calls(), 2);
        assert_eq!(live.streams(), 2);
        drop(one);
        assert_eq!((live.calls(), live.recordings(), live.streams()), (1, 0, 0));
        live.proved(500);
        live.proved(20);
        assert_eq!(live.frames(), 520);
    }
}
