//! How often a scenario is tried, for how long, and what all its tries together mean.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::file::span;
use crate::outcome::{ScenarioOutcome, Try, Verdict};

/// How often and how long scenarios are tried, and what ends a run early.
#[derive(Clone, Debug, Default)]
pub struct Tries {
    /// How often a scenario that did not pass is tried again. On the simulated network a retry of the same seed ends
    /// as its first try did.
    pub retries: usize,
    /// The longest that one try may last, in the scenario's own (real or simulated) time; without it, what its steps need.
    pub limit: Option<Duration>,
    /// Whether nothing more is begun once a scenario has failed all its tries.
    pub fail_fast: bool,
    /// How somebody else ends the run.
    pub stop: Stop,
}

impl Tries {
    /// Reads a limit such as `90s` or `5m`.
    ///
    /// # Errors
    /// What was expected.
    pub fn limit(text: &str) -> Result<Duration, String> {
        let limit = span(text).filter(|limit| !limit.is_zero());
        limit.ok_or_else(|| format!("got `{text}`, expected a duration of at most a day, such as `90s` or `5m`"))
    }
}

/// The end of a run before it is over: what is under way is broken off, nothing more is begun. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Asked>);

#[derive(Debug, Default)]
struct Asked {
    is_asked: AtomicBool,
    told: Notify,
}

impl Stop {
    /// Ends the run.
    pub fn ask(&self) {
        self.0.is_asked.store(true, Relaxed);
        self.0.told.notify_waiters();
    }

    /// Whether somebody ended the run.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.0.is_asked.load(Relaxed)
    }

    /// Waits until somebody ends the run.
    pub async fn asked(&self) {
        let told = self.0.told.notified();
        tokio::pin!(told);
        // Listens before it looks, or what is asked in between would be missed.
        told.as_mut().enable();
        if !self.is_asked() {
            told.await;
        }
    }
}

/// What keeps the scenarios of a run from being begun: somebody's wish, or a failure that ends the run.
#[derive(Debug)]
pub(super) struct Gate {
    tries: Tries,
    failed: Mutex<Option<String>>,
}

impl Gate {
    pub(super) const fn new(tries: Tries) -> Self {
        Self { tries, failed: Mutex::new(None) }
    }

    /// Why no scenario may be begun any more.
    pub(super) fn closed(&self) -> Option<String> {
        if self.tries.stop.is_asked() {
            return Some("the run was ended before it began".to_owned());
        }
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().map(|file| format!("--fail-fast ended the run when {file} failed"))
    }

    /// A scenario has ended, after all its tries.
    pub(super) fn ended(&self, outcome: &ScenarioOutcome) {
        if self.tries.fail_fast && failed(outcome.verdict) {
            self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| outcome.file.clone());
        }
    }
}

/// Whether a scenario that ended so is tried again, and failed if it is not.
const fn failed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Finding | Verdict::SetupError | Verdict::Inconclusive)
}

/// The tries of one scenario that failed and are followed by another.
#[derive(Debug, Default)]
pub(super) struct Tried(Vec<ScenarioOutcome>);

impl Tried {
    /// Which try is next, from 1.
    pub(super) const fn next(&self) -> usize {
        self.0.len() + 1
    }

    /// A try has ended: what came of the scenario, or nothing where there is to be another try.
    pub(super) fn ended(&mut self, outcome: ScenarioOutcome, tries: &Tries) -> Option<ScenarioOutcome> {
        if failed(outcome.verdict) && self.0.len() < tries.retries && !tries.stop.is_asked() {
            self.0.push(outcome);
            return None;
        }
        Some(weigh(std::mem::take(&mut self.0), outcome))
    }
}

/// What all tries mean together: a pass behind a failure is flaky; where the last one did not pass, the worst counts, of
/// several the last. A finding is not forgotten because a later try decided nothing.
fn weigh(earlier: Vec<ScenarioOutcome>, last: ScenarioOutcome) -> ScenarioOutcome {
    let is_flaky = last.verdict == Verdict::Pass && !earlier.is_empty();
    let (mut stands, mut number, mut others) = (last, earlier.len() + 1, Vec::new());
    for (at, mut other) in earlier.into_iter().enumerate().rev() {
        let mut told = at + 1;
        if !is_flaky && other.verdict > stands.verdict {
            std::mem::swap(&mut stands, &mut other);
            std::mem::swap(&mut number, &mut told);
        }
        others.push(Try { number: told, verdict: other.verdict, reason: other.reason, findings: other.findings });
    }
    others.sort_by_key(|other| other.number);
    let verdict = if is_flaky { Verdict::Flaky } else { stands.verdict };
    ScenarioOutcome { verdict, earlier: others, ..stands }
}

#[cfg(test)]
mod tests {
    use super::super::not_run;
    use super::*;
    use crate::outcome::Finding;
    use crate::run::Item;

    fn ended(verdict: Verdict) -> ScenarioOutcome {
        let text = include_str!("../../../../scenarios/plain-call.yaml");
        let item = Item { file: "a.yaml".to_owned(), scenario: crate::file::parse(text).unwrap() };
        let findings =
            if verdict == Verdict::Finding { vec![Finding::new("lost-frames", "all", "none")] } else { vec![] };
        ScenarioOutcome { findings, ..not_run(&item, verdict, format!("{verdict:?}")) }
    }

    /// What tries that end like this mean, and how many there were.
    fn tried(verdicts: &[Verdict], retries: usize) -> (ScenarioOutcome, usize) {
        let tries = Tries { retries, ..Tries::default() };
        let mut tried = Tried::default();
        let over = verdicts.iter().enumerate().find_map(|(at, v)| Some((tried.ended(ended(*v), &tries)?, at + 1)));
        over.unwrap()
    }

    use Verdict::{Finding as Found, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};

    #[test]
    fn a_limit_is_a_duration_and_not_nothing() {
        assert_eq!(Tries::limit("90s"), Ok(Duration::from_secs(90)));
        for wrong in ["", "90", "0s", "25h", "s", "-1s"] {
            assert!(Tries::limit(wrong).unwrap_err().contains("such as `90s`"), "{wrong}");
        }
    }

    #[test]
    fn what_passes_at_once_or_is_skipped_is_not_tried_again() {
        for verdict in [Pass, Skipped, NotRun] {
            let (outcome, count) = tried(&[verdict, Pass], 3);
            assert_eq!((outcome.verdict, outcome.earlier.len(), count), (verdict, 0, 1));
        }
    }

    #[test]
    fn a_pass_behind_a_failure_is_flaky_and_keeps_what_failed() {
        let (outcome, count) = tried(&[Found, SetupError, Pass, Found], 5);
        assert_eq!((outcome.verdict, count), (Flaky, 3));
        assert!(outcome.findings.is_empty());
        let earlier: Vec<(usize, Verdict, usize)> =
            outcome.earlier.iter().map(|t| (t.number, t.verdict, t.findings.len())).collect();
        assert_eq!(earlier, [(1, Found, 1), (2, SetupError, 0)]);
        assert_eq!(outcome.earlier[1].reason.as_deref(), Some("SetupError"));
    }

    #[test]
    fn retries_end_and_without_them_there_are_none() {
        assert_eq!(tried(&[Found, Pass], 0).1, 1);
        let (outcome, count) = tried(&[Found, Found, Found, Pass], 2);
        assert_eq!((outcome.verdict, count, outcome.earlier.len()), (Found, 3, 2));
    }

    #[test]
    fn a_finding_is_not_forgotten_because_a_later_try_decided_nothing() {
        let (outcome, _) = tried(&[Inconclusive, Found, Inconclusive], 2);
        assert_eq!((outcome.verdict, outcome.findings.len()), (Found, 1));
        let numbers: Vec<usize> = outcome.earlier.iter().map(|tried| tried.number).collect();
        assert_eq!(numbers, [1, 3]);
    }

    #[test]
    fn a_run_that_was_ended_tries_nothing_again_and_begins_nothing() {
        let tries = Tries { retries: 3, ..Tries::default() };
        let gate = Gate::new(tries.clone());
        assert_eq!(gate.closed(), None);
        tries.stop.ask();
        assert!(Tried::default().ended(ended(Found), &tries).is_some());
        assert!(gate.closed().unwrap().contains("ended before"));
    }

    #[test]
    fn only_a_failure_ends_a_run_and_only_where_that_is_asked_for() {
        for (verdict, closes) in [(Pass, false), (Skipped, false), (Flaky, false), (Inconclusive, true), (Found, true)]
        {
            for fail_fast in [false, true] {
                let tries = Tries { fail_fast, ..Tries::default() };
                let gate = Gate::new(tries.clone());
                gate.ended(&ended(verdict));
                assert_eq!(gate.closed().is_some(), closes && fail_fast, "{verdict:?}");
            }
        }
    }
}
