//! The packet clock: calls a body at absolute times and measures how late it was.
//!
//! In real time it is a thread that sleeps to absolute times with the finest timer slack. Nothing drifts, as the next
//! time never depends on when the last call happened. Long waits can be cut short, so that an idle pacer need not tick.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::{Notify, oneshot};

use crate::clock::Clock;
use crate::lateness::{Histogram, Lateness};

/// What a pacer does after a call of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Calls the body again at this time, at once if it has passed.
    Next(Instant),
    /// Ends.
    Stop,
}

/// Why a pacer ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PacerError {
    /// The body panicked, with this message.
    #[error("the body of a pacer panicked: {0}")]
    Panicked(String),
    /// The thread could not be started.
    #[error("cannot start the thread of a pacer: {0}")]
    NoThread(String),
}

pub(crate) type Body = Box<dyn FnMut(Instant, Instant) -> Pace + Send>;

/// A running pacer. Dropping it stops the pacer at its next call, at most a few milliseconds later.
#[derive(Debug)]
pub struct PacerHandle {
    waker: PacerWaker,
    lateness: Arc<Histogram>,
    ended: Option<oneshot::Receiver<Result<(), PacerError>>>,
}

/// Wakes a pacer from wherever there is news for it. Cloning gives another handle to the same pacer.
#[derive(Clone, Debug)]
pub struct PacerWaker(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    state: Mutex<State>,
    to_thread: Condvar,
    to_task: Notify,
}

#[derive(Debug, Default)]
struct State {
    is_stopped: bool,
    is_woken: bool,
}

/// What a wait ended with.
enum Turn {
    Due,
    Woken,
    Stopped,
}

impl PacerWaker {
    /// Has the body called now, with `due` equal to `now`; the call is not counted as late.
    pub fn wake(&self) {
        self.0.change(|state| state.is_woken = true);
    }
}

impl PacerHandle {
    pub(crate) fn start(clock: Clock, period: Duration, body: Body) -> Self {
        let (signal, lateness) = (Arc::<Signal>::default(), Arc::<Histogram>::default());
        let (report, ended) = oneshot::channel();
        let first = next_multiple(clock.epoch(), clock.now(), period);
        let run = Run { clock, signal: Arc::clone(&signal), lateness: Arc::clone(&lateness), body, due: first };
        let handle = Self { waker: PacerWaker(signal), lateness, ended: Some(ended) };
        if run.clock.is_simulated() {
            tokio::spawn(async move { drop(report.send(run.in_task().await)) });
            return handle;
        }
        let report = Arc::new(Mutex::new(Some(report)));
        let theirs = Arc::clone(&report);
        let spawned = std::thread::Builder::new().name("pacer".into()).spawn(move || tell(&theirs, run.on_thread()));
        if let Err(error) = spawned {
            tell(&report, Err(PacerError::NoThread(error.to_string())));
        }
        handle
    }

    /// How late the calls were so far.
    pub fn lateness(&self) -> Lateness {
        self.lateness.read()
    }

    /// Has the body called now.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// A handle that only wakes.
    pub fn waker(&self) -> PacerWaker {
        self.waker.clone()
    }

    /// Asks the pacer to end, without waiting.
    pub fn stop(&self) {
        self.waker.0.change(|state| state.is_stopped = true);
    }

    /// Stops the pacer and waits for its end; the body has been dropped then. An error if the body had panicked.
    pub async fn join(mut self) -> Result<(), PacerError> {
        self.stop();
        self.ended().await
    }

    /// Waits for the pacer to end by itself. A second wait is answered with `Ok`.
    pub async fn ended(&mut self) -> Result<(), PacerError> {
        match &mut self.ended {
            None => Ok(()),
            Some(ended) => {
                // The sender only goes without a report when the runtime ends, and the task with it.
                let result = ended.await.unwrap_or(Ok(()));
                self.ended = None;
                result
            }
        }
    }
}

type Report = Mutex<Option<oneshot::Sender<Result<(), PacerError>>>>;

/// Reports the end; nobody may be listening any more.
fn tell(report: &Report, result: Result<(), PacerError>) {
    if let Some(report) = report.lock().unwrap_or_else(PoisonError::into_inner).take() {
        drop(report.send(result));
    }
}

impl Drop for PacerHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Signal {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.to_thread.notify_one();
        self.to_task.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self) -> Option<Turn> {
        self.state().turn()
    }
}

impl State {
    fn turn(&mut self) -> Option<Turn> {
        if self.is_stopped {
            return Some(Turn::Stopped);
        }
        std::mem::take(&mut self.is_woken).then_some(Turn::Woken)
    }
}

/// The pacer at work.
struct Run {
    clock: Clock,
    signal: Arc<Signal>,
    lateness: Arc<Histogram>,
    body: Body,
    due: Instant,
}

impl Run {
    fn on_thread(mut self) -> Result<(), PacerError> {
        finest_timer_slack();
        let sleep = AbsoluteSleep::new();
        loop {
            let turn = wait(&self.signal, &sleep, self.due);
            if !self.call(&turn)? {
                return Ok(());
            }
        }
    }

    async fn in_task(mut self) -> Result<(), PacerError> {
        loop {
            let turn = loop {
                if let Some(turn) = self.signal.turn() {
                    break turn;
                }
                tokio::select! {
                    biased;
                    () = self.signal.to_task.notified() => {}
                    () = self.clock.sleep_until(self.due) => break Turn::Due,
                }
            };
            if !self.call(&turn)? {
                return Ok(());
            }
            // A body that is always due would otherwise never let another task run.
            tokio::task::yield_now().await;
        }
    }

    /// Calls the body; false when it is over.
    fn call(&mut self, turn: &Turn) -> Result<bool, PacerError> {
        let now = self.clock.now();
        let due = match turn {
            Turn::Stopped => return Ok(false),
            Turn::Woken => now,
            Turn::Due => {
                self.lateness.record(now.saturating_duration_since(self.due));
                self.due
            }
        };
        match catch_unwind(AssertUnwindSafe(|| (self.body)(due, now))) {
            Ok(Pace::Next(next)) => self.due = next,
            Ok(Pace::Stop) => return Ok(false),
            Err(panic) => return Err(PacerError::Panicked(message(panic.as_ref()))),
        }
        Ok(true)
    }
}

/// Waits until `due`. The far part of the wait can be interrupted, the near part is exact.
fn wait(signal: &Signal, sleep: &AbsoluteSleep, due: Instant) -> Turn {
    let mut state = signal.state();
    loop {
        if let Some(turn) = state.turn() {
            return turn;
        }
        let left = due.saturating_duration_since(Instant::now());
        if left <= NEAR {
            break;
        }
        (state, _) = signal.to_thread.wait_timeout(state, left - NEAR / 2).unwrap_or_else(PoisonError::into_inner);
    }
    drop(state);
    sleep.until(due);
    Turn::Due
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

/// The first `epoch + n * period` that is not before `now`.
fn next_multiple(epoch: Instant, now: Instant, period: Duration) -> Instant {
    let passed = now.saturating_duration_since(epoch).as_nanos();
    let period = period.as_nanos().max(1);
    epoch + Duration::from_nanos(u64::try_from(passed.div_ceil(period) * period).unwrap_or(u64::MAX))
}

/// How near a time must be for an uninterrupted sleep: a stop or a wake-up waits at most this long.
const NEAR: Duration = Duration::from_millis(4);

/// Asks the kernel to round this thread's sleeps to 1 ns instead of 50 us. Elsewhere than on Linux, and where it is
/// refused, sleeps are as exact as they are.
fn finest_timer_slack() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::set_current_timer_slack(Some(std::num::NonZeroU64::MIN));
}

/// Sleeps to an instant by the kernel's absolute clock, so that being preempted before the call adds no error.
#[derive(Debug)]
pub(crate) struct AbsoluteSleep {
    #[cfg(target_os = "linux")]
    origin: (Instant, rustix::time::Timespec),
}

#[cfg(target_os = "linux")]
impl AbsoluteSleep {
    /// Relates [`Instant`] to the kernel's monotonic clock, which it counts by.
    pub(crate) fn new() -> Self {
        // Preemption between the two readings would shift every sleep: the closest of some pairs is exact enough.
        let pairs = (0..5).map(|_| {
            let before = Instant::now();
            let kernel = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
            (before.elapsed(), (before, kernel))
        });
        let start = (Duration::MAX, (Instant::now(), rustix::time::clock_gettime(rustix::time::ClockId::Monotonic)));
        Self { origin: pairs.fold(start, |best, pair| if pair.0 < best.0 { pair } else { best }).1 }
    }

    /// Returns at `due` or later.
    pub(crate) fn until(&self, due: Instant) {
        use rustix::thread::{ClockId, clock_nanosleep_absolute};
        let (instant, kernel) = &self.origin;
        let after = due.saturating_duration_since(*instant);
        let nanos = kernel.tv_nsec as u64 + u64::from(after.subsec_nanos());
        let request = rustix::thread::Timespec {
            tv_sec: kernel.tv_sec + after.as_secs() as i64 + (nanos / 1_000_000_000) as i64,
            tv_nsec: (nanos % 1_000_000_000) as _,
        };
        while clock_nanosleep_absolute(ClockId::Monotonic, &request) == Err(rustix::io::Errno::INTR) {}
    }
}

#[cfg(not(target_os = "linux"))]
impl AbsoluteSleep {
    /// Elsewhere the standard library's relative sleep has to do.
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Returns at `due` or later.
    pub(crate) fn until(&self, due: Instant) {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::clock::{default_wall, simulation_runtime};

    const TICK: Duration = Duration::from_millis(20);

    fn real_runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    /// Runs a body that ticks `count` times and gives back when each call was due and happened.
    fn ticks(
        clock: impl FnOnce() -> Clock,
        count: usize,
        runtime: &tokio::runtime::Runtime,
    ) -> Vec<(Duration, Duration)> {
        runtime.block_on(async {
            let clock = clock();
            let epoch = clock.epoch();
            let (sender, receiver) = mpsc::channel();
            let mut left = count;
            let body = move |due: Instant, now: Instant| {
                sender.send((due - epoch, now - epoch)).unwrap();
                left -= 1;
                if left == 0 { Pace::Stop } else { Pace::Next(due + TICK) }
            };
            PacerHandle::start(clock, TICK, Box::new(body)).ended().await.unwrap();
            receiver.try_iter().collect()
        })
    }

    #[test]
    fn a_simulated_pacer_is_never_late() {
        let runtime = simulation_runtime().unwrap();
        let ticks = ticks(|| Clock::simulated(default_wall()), 500, &runtime);
        let wanted: Vec<_> = (0..500).map(|n| (TICK * n, TICK * n)).collect();
        assert_eq!(ticks, wanted);
    }

    #[test]
    fn a_real_pacer_is_due_at_multiples_of_its_period_and_never_early() {
        let ticks = ticks(Clock::system, 20, &real_runtime());
        let first = ticks[0].0;
        assert_eq!(first.as_nanos() % TICK.as_nanos(), 0);
        for (n, (due, now)) in ticks.iter().enumerate() {
            assert_eq!(*due, first + TICK * n as u32);
            assert!(now >= due, "tick {n} came {:?} early", *due - *now);
        }
        let worst = ticks.iter().map(|(due, now)| *now - *due).max().unwrap();
        eprintln!("worst lateness of 20 ticks: {worst:?}");
    }

    #[test]
    fn a_panic_in_the_body_comes_out_of_join() {
        for (name, runtime) in [("simulated", simulation_runtime().unwrap()), ("real", real_runtime())] {
            runtime.block_on(async {
                let clock = if name == "real" { Clock::system() } else { Clock::simulated(default_wall()) };
                let mut pacer = PacerHandle::start(clock, TICK, Box::new(|_, _| panic!("got {}, expected 2", 3)));
                let error = pacer.ended().await.unwrap_err();
                assert_eq!(error, PacerError::Panicked("got 3, expected 2".into()), "{name}");
            });
        }
    }

    #[test]
    fn a_pacer_that_waits_for_an_hour_is_woken_and_stopped_at_once() {
        for (name, runtime) in [("simulated", simulation_runtime().unwrap()), ("real", real_runtime())] {
            runtime.block_on(async {
                let clock = if name == "real" { Clock::system() } else { Clock::simulated(default_wall()) };
                let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
                let hour = Duration::from_secs(3600);
                let body = move |due: Instant, now: Instant| {
                    sender.send(now).unwrap();
                    Pace::Next(due + hour)
                };
                let started = clock.now();
                let pacer = PacerHandle::start(clock, TICK, Box::new(body));
                receiver.recv().await.unwrap();
                pacer.wake();
                let woken = receiver.recv().await.unwrap();
                assert!(woken - started < hour, "{name}: the body was not woken");
                pacer.join().await.unwrap();
                assert!(receiver.recv().await.is_none(), "{name}: the body outlives the pacer");
            });
        }
    }

    #[test]
    fn a_dropped_pacer_stops() {
        real_runtime().block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
            let body = move |due: Instant, _| {
                let _ = sender.send(());
                Pace::Next(due + Duration::from_millis(1))
            };
            let pacer = PacerHandle::start(Clock::system(), Duration::from_millis(1), Box::new(body));
            receiver.recv().await.unwrap();
            drop(pacer);
            while receiver.recv().await.is_some() {}
        });
    }
}
