//! The clock of a run: the machine's, or the virtual one of a paused runtime.

use std::io;
use std::time::{Duration, Instant, SystemTime};

/// The wall time at which a simulated run starts unless told otherwise: 2026-01-01T00:00:00Z.
pub fn default_wall() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// Tells the time of one run, monotonic and wall.
///
/// A simulated clock may only be asked from a task of the runtime whose clock is paused: elsewhere it would see the
/// machine's time.
#[derive(Clone, Debug)]
pub struct Clock {
    epoch: Instant,
    wall_at_epoch: SystemTime,
    simulated: bool,
}

impl Clock {
    /// The machine's clock; the run starts now.
    pub fn system() -> Self {
        Self { epoch: Instant::now(), wall_at_epoch: SystemTime::now(), simulated: false }
    }

    /// The clock of the current paused runtime; the run starts now, at this wall time.
    pub fn simulated(wall: SystemTime) -> Self {
        Self { epoch: tokio::time::Instant::now().into_std(), wall_at_epoch: wall, simulated: true }
    }

    /// The monotonic time.
    pub fn now(&self) -> Instant {
        if self.simulated { tokio::time::Instant::now().into_std() } else { Instant::now() }
    }

    /// The wall time, which certificates are judged by.
    pub fn wall(&self) -> SystemTime {
        if self.simulated { self.wall_at(self.now()) } else { SystemTime::now() }
    }

    /// The wall time of a monotonic instant, counted from the start of the run, so that it never steps.
    pub fn wall_at(&self, at: Instant) -> SystemTime {
        match at.checked_duration_since(self.epoch) {
            Some(after) => self.wall_at_epoch + after,
            None => self.wall_at_epoch - self.epoch.duration_since(at),
        }
    }

    /// The monotonic time at which the run started.
    pub fn epoch(&self) -> Instant {
        self.epoch
    }

    /// Microseconds from the start of the run to `at`; 0 for what lies before it.
    pub fn since_epoch_us(&self, at: Instant) -> u64 {
        u64::try_from(at.saturating_duration_since(self.epoch).as_micros()).unwrap_or(u64::MAX)
    }

    /// Whether time is virtual.
    pub fn is_simulated(&self) -> bool {
        self.simulated
    }

    /// Waits until `due`. Over the simulated network this is what moves time.
    pub async fn sleep_until(&self, due: Instant) {
        tokio::time::sleep_until(due.into()).await;
    }

    /// Waits for `duration` from now.
    pub async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// The runtime a simulated run needs: one thread, its clock paused, jumping to the next timer whenever nothing else
/// is left to do.
pub fn simulation_runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_virtual_hour_takes_no_time_and_moves_the_wall_clock() {
        let started = Instant::now();
        simulation_runtime().unwrap().block_on(async {
            let clock = Clock::simulated(default_wall());
            clock.sleep(Duration::from_secs(3600)).await;
            assert_eq!(clock.since_epoch_us(clock.now()), 3_600_000_000);
            assert_eq!(clock.wall(), default_wall() + Duration::from_secs(3600));
        });
        assert!(started.elapsed() < Duration::from_secs(60), "the clock was not virtual");
    }

    #[test]
    fn the_system_clock_counts_from_its_start() {
        let clock = Clock::system();
        let later = clock.epoch() + Duration::from_millis(1500);
        assert_eq!(clock.since_epoch_us(later), 1_500_000);
        assert_eq!(clock.since_epoch_us(clock.epoch() - Duration::from_secs(1)), 0);
        assert_eq!(clock.wall_at(later), clock.wall_at(clock.epoch()) + Duration::from_millis(1500));
    }

    #[test]
    fn the_default_wall_time_is_the_first_of_january_2026() {
        let days = 20_454; // 1970-01-01 to 2026-01-01: 56 years, 14 of them leap
        assert_eq!(default_wall(), SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400));
    }
}
