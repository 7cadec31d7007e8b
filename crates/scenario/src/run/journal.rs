//! Which step was taken when, noted as it happens, in the capture too: also of a scenario that never comes to its end.

use std::sync::{Mutex, MutexGuard, PoisonError};

use wire::{Clock, Tap};

use crate::evidence::StepTaken;
use crate::file::{Scenario, Step};

/// Notes of one scenario; times are microseconds since the start of the run until they are read.
#[derive(Debug, Default)]
pub(super) struct Journal {
    notes: Mutex<Notes>,
    /// The scenario file, as it was named.
    file: String,
    tap: Tap,
}

#[derive(Debug, Default)]
struct Notes {
    began_us: Option<u64>,
    steps: Vec<Taken>,
}

#[derive(Debug)]
struct Taken {
    line: usize,
    began_us: u64,
    ended_us: Option<u64>,
}

impl Journal {
    /// An empty one that remarks on what passes `tap`.
    pub(super) fn of(file: &str, tap: &Tap) -> Self {
        Self { notes: Mutex::default(), file: file.to_owned(), tap: tap.clone() }
    }

    /// The scenario begins: its own time is counted from here.
    pub(super) fn begin(&self, now_us: u64) {
        self.notes().began_us = Some(now_us);
    }

    /// A step is taken.
    pub(super) fn step(&self, scenario: &Scenario, step: &Step, clock: &Clock) {
        let (line, now) = (step.line, clock.now());
        if self.tap.is_file() {
            self.tap.comment(now, &format!("{}:{line} {}", self.file, words(scenario, line)));
        }
        self.notes().steps.push(Taken { line, began_us: clock.since_epoch_us(now), ended_us: None });
    }

    /// All has followed that the step brought about.
    pub(super) fn done(&self, now_us: u64) {
        if let Some(last) = self.notes().steps.last_mut() {
            last.ended_us = Some(now_us);
        }
    }

    /// When the scenario began, in microseconds since the start of the run; 0 where it never did.
    pub(super) fn began_us(&self) -> u64 {
        self.notes().began_us.unwrap_or_default()
    }

    /// How far the scenario is, in words.
    pub(super) fn last(&self, scenario: &Scenario) -> String {
        match self.notes().steps.last() {
            None => "no step was begun".to_owned(),
            Some(step) => {
                let how = if step.ended_us.is_some() { "had ended" } else { "was under way" };
                format!("line {} ({}) {how}", step.line, words(scenario, step.line))
            }
        }
    }

    /// The line of each step that was begun, with when, in microseconds since the start of the run; in their order.
    pub(super) fn lines(&self) -> Vec<(usize, u64)> {
        self.notes().steps.iter().map(|step| (step.line, step.began_us)).collect()
    }

    /// The steps in the scenario's own time.
    pub(super) fn steps(&self, scenario: &Scenario) -> Vec<StepTaken> {
        let notes = self.notes();
        let began_us = notes.began_us.unwrap_or_default();
        let taken = |taken: &Taken| StepTaken {
            line: taken.line,
            text: words(scenario, taken.line),
            began_us: since(taken.began_us, began_us),
            ended_us: taken.ended_us.map(|at| since(at, began_us)),
        };
        notes.steps.iter().map(taken).collect()
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a line of the scenario says, as a step: without its dash and what is remarked behind it.
pub(super) fn words(scenario: &Scenario, line: usize) -> String {
    let text = line.checked_sub(1).and_then(|index| scenario.text.lines().nth(index)).unwrap_or_default().trim();
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split(" #").next().unwrap_or(text).trim().to_owned()
}

/// A time of the run in the time of a scenario that began at `began_us`.
pub(super) fn since(at_us: u64, began_us: u64) -> i64 {
    i64::try_from(at_us).unwrap_or(i64::MAX).saturating_sub(i64::try_from(began_us).unwrap_or(i64::MAX))
}
