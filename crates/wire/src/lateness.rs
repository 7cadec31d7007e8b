//! How late a pacer was, as a histogram that any thread may read while it runs.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets per doubling: the error of a reported value is at most 1/16 of it.
const PER_DOUBLING: u64 = 16;
const BUCKETS: usize = (PER_DOUBLING as usize) * 29;

/// Counts of lateness, log-linear in microseconds, up to 2^32 us.
#[derive(Debug)]
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    max_us: AtomicU64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), max_us: AtomicU64::new(0) }
    }
}

impl Histogram {
    pub(crate) fn record(&self, late: Duration) {
        let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)].fetch_add(1, Relaxed);
        self.max_us.fetch_max(us, Relaxed);
    }

    pub(crate) fn read(&self) -> Lateness {
        Lateness {
            counts: self.buckets.iter().map(|bucket| bucket.load(Relaxed)).collect(),
            max: Duration::from_micros(self.max_us.load(Relaxed)),
        }
    }
}

/// A reading of how late the calls of a pacer's body were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    counts: Vec<u64>,
    max: Duration,
}

impl Lateness {
    /// Number of calls measured.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The lateness that this share (0 to 1) of the calls did not exceed, at most 1/16 too high; zero without calls.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (index, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return Duration::from_micros(last_us(index)).min(self.max);
            }
        }
        Duration::ZERO
    }

    /// The median.
    pub fn p50(&self) -> Duration {
        self.quantile(0.5)
    }

    /// What 95 of 100 calls did not exceed.
    pub fn p95(&self) -> Duration {
        self.quantile(0.95)
    }

    /// The latest call.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// The share of calls that were surely no later than `limit`, 0 to 1; 1 without calls.
    pub fn share_within(&self, limit: Duration) -> f64 {
        let limit = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        let within: u64 =
            self.counts.iter().enumerate().filter(|(index, _)| last_us(*index) <= limit).map(|(_, n)| n).sum();
        if self.count() == 0 { 1.0 } else { within as f64 / self.count() as f64 }
    }

    /// Adds the calls of another pacer.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.max = self.max.max(other.max);
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (p50, p95, max) = (self.p50(), self.p95(), self.max);
        write!(f, "{} ticks, late p50 {p50:?}, p95 {p95:?}, max {max:?}", self.count())
    }
}

/// Values below 16 us have a bucket each; above, 16 buckets share each doubling.
fn bucket(us: u64) -> usize {
    if us < PER_DOUBLING {
        return us as usize;
    }
    let doubling = u64::from(us.ilog2()) - 4;
    let within = (us >> doubling) - PER_DOUBLING;
    ((PER_DOUBLING * (doubling + 1) + within) as usize).min(BUCKETS - 1)
}

/// The highest value a bucket counts.
fn last_us(index: usize) -> u64 {
    let index = index as u64;
    if index < PER_DOUBLING {
        return index;
    }
    let (doubling, within) = (index / PER_DOUBLING - 1, index % PER_DOUBLING);
    ((PER_DOUBLING + within + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_a_bucket_that_ends_at_most_a_sixteenth_above_it() {
        for us in (0..2000).chain([10_000, 123_456, 9_999_999, u64::from(u32::MAX)]) {
            let last = last_us(bucket(us));
            assert!(last >= us && last <= us + us / 16, "{us} us is counted as up to {last} us");
        }
    }

    #[test]
    fn quantiles_and_shares_are_those_of_the_values() {
        let histogram = Histogram::default();
        (1..=100).for_each(|n| histogram.record(Duration::from_micros(n * 20)));
        let read = histogram.read();
        assert_eq!(read.count(), 100);
        assert_eq!(read.max(), Duration::from_millis(2));
        let p50 = read.p50().as_micros();
        assert!((1000..=1063).contains(&p50), "median {p50} us");
        let within = read.share_within(Duration::from_millis(1));
        assert!((0.46..=0.5).contains(&within), "share {within}");
    }

    #[test]
    fn no_quantile_lies_above_the_latest_call() {
        let histogram = Histogram::default();
        histogram.record(Duration::from_micros(1000));
        assert_eq!(histogram.read().p95(), Duration::from_micros(1000));
    }

    #[test]
    fn merged_readings_count_both() {
        let (one, two) = (Histogram::default(), Histogram::default());
        one.record(Duration::from_micros(5));
        two.record(Duration::from_micros(500));
        let mut both = one.read();
        both.merge(&two.read());
        assert_eq!((both.count(), both.max()), (2, Duration::from_micros(500)));
    }
}
