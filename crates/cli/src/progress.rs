//! The line on the terminal that says what a run is doing, and the results that scroll above it.

use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::Live;

use crate::colour::painted;

/// Often enough to look alive, seldom enough to be read.
const REDRAW: Duration = Duration::from_millis(200);

/// Results go to `out`; where `line` is a terminal, a line below them is kept up to date.
pub(crate) struct Screen<'a, W> {
    inner: Mutex<Inner<'a, W>>,
    live: &'a Live,
    total: usize,
}

/// How results are shown.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    /// Only what did not pass, and no line that moves.
    pub(crate) quiet: bool,
    /// Verdicts in colour.
    pub(crate) colour: bool,
}

struct Inner<'a, W> {
    out: &'a mut W,
    style: Style,
    line: Option<Box<dyn Write + Send + 'a>>,
    done: usize,
}

impl<'a, W: Write + Send> Screen<'a, W> {
    /// Draws its line on standard error if that is a terminal.
    pub(crate) fn new(out: &'a mut W, style: Style, live: &'a Live, total: usize) -> Self {
        let draws = io::stderr().is_terminal() && !style.quiet;
        let line = draws.then(|| Box::new(io::stderr()) as Box<dyn Write + Send>);
        Self::on((out, style), line, live, total)
    }

    fn on(
        (out, style): (&'a mut W, Style),
        line: Option<Box<dyn Write + Send + 'a>>,
        live: &'a Live,
        total: usize,
    ) -> Self {
        Self { inner: Mutex::new(Inner { out, style, line, done: 0 }), live, total }
    }

    /// Keeps the line up to date while `work` runs.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let (stop, stopped) = mpsc::channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                while stopped.recv_timeout(REDRAW) == Err(RecvTimeoutError::Timeout) {
                    self.redraw();
                }
            });
            let result = work();
            drop(stop);
            result
        })
    }

    /// Shows the result of a scenario.
    pub(crate) fn show(&self, ended: &ScenarioOutcome) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.done += 1;
        if inner.style.quiet && matches!(ended.verdict, Verdict::Pass | Verdict::Skipped) {
            return;
        }
        inner.wipe();
        let text = if inner.style.colour { painted(ended) } else { report::terminal::scenario(ended) };
        // A reader that has gone away does not stop the run: the exit code still counts.
        let _ = write!(inner.out, "{text}").and_then(|()| inner.out.flush());
    }

    fn redraw(&self) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let text = report::terminal::progress(inner.done, self.total, self.live);
        if let Some(line) = &mut inner.line {
            let _ = write!(line, "\r\x1b[K{text}").and_then(|()| line.flush());
        }
    }
}

impl<W> Inner<'_, W> {
    fn wipe(&mut self) {
        if let Some(line) = &mut self.line {
            let _ = write!(line, "\r\x1b[K").and_then(|()| line.flush());
        }
    }
}

impl<W> Drop for Screen<'_, W> {
    fn drop(&mut self) {
        self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).wipe();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_is_drawn_while_work_runs_and_wiped_after_it() {
        let (mut out, mut line) = (Vec::new(), Vec::new());
        let live = Live::default();
        let screen = Screen::on((&mut out, Style::default()), Some(Box::new(&mut line)), &live, 3);
        let drawn = || screen.inner.lock().unwrap().line.is_some();
        assert!(screen.during(|| {
            std::thread::sleep(REDRAW * 3);
            drawn()
        }));
        drop(screen);
        let line = String::from_utf8(line).unwrap();
        assert!(line.contains("\r\x1b[K0 of 3 done; 0 calls up, 0 streams to recorders; 0 frames proven"), "{line:?}");
        assert!(line.ends_with("\r\x1b[K"), "{line:?}");
    }

    #[test]
    fn without_a_terminal_only_results_are_written() {
        let mut out = Vec::new();
        let live = Live::default();
        let screen = Screen::on((&mut out, Style::default()), None, &live, 1);
        screen.redraw();
        drop(screen);
        assert!(out.is_empty());
    }
}
