//! How often scenarios are tried, when a run ends, what is shown of it, and what it leaves for the next.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use scenario::outcome::RunOutcome;
use scenario::run::{Stop, Tries};
use scenario::select::Last;

use crate::colour::Colour;
use crate::exit::Exit;

/// The options of `run` about tries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tries")]
pub(crate) struct Trying {
    /// Run everything so many times; each time with the next seed.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub(crate) repeat: u16,
    /// Try a scenario that does not pass so many times more; one that then passes is flaky.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    retries: u16,
    /// What flaky scenarios are to the exit code.
    #[arg(long, value_enum, default_value_t = Flaky::Fail)]
    flaky: Flaky,
    /// Begin nothing more once a scenario has failed; what was not begun is not run, which is never a pass.
    #[arg(long)]
    fail_fast: bool,
    /// The longest that a scenario may last, such as `90s`, in its own time; without it, what its steps need at most.
    #[arg(long, value_name = "DURATION", value_parser = Tries::limit)]
    timeout: Option<Duration>,
    /// Run only what did not pass when it was last run.
    #[arg(long)]
    last_failed: bool,
    /// Where a run leaves what each scenario ended in, for `--last-failed`.
    #[arg(long, value_name = "FILE", default_value = ".mixedmode/last-run.json")]
    state: PathBuf,
    /// Run again whenever a scenario file or the configuration changes; Ctrl-C ends.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// What is shown of a run.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Shown {
    /// Show only what did not pass, and the last line.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Whether verdicts are coloured; `auto` is on a terminal, unless NO_COLOR is set.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) color: Colour,
}

/// What flaky scenarios are to the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Flaky {
    /// Findings: a recorder that is only sometimes right is wrong.
    Fail,
    /// Passes.
    Pass,
}

impl Trying {
    pub(crate) fn tries(&self, stop: &Stop) -> Tries {
        Tries { retries: self.retries.into(), limit: self.timeout, fail_fast: self.fail_fast, stop: stop.clone() }
    }

    /// The exit code for what came of a run.
    pub(crate) fn exit(&self, outcome: &RunOutcome) -> Exit {
        Exit::of_verdict(match self.flaky {
            Flaky::Fail => outcome.verdict(),
            Flaky::Pass => outcome.verdict_where_flaky_passes(),
        })
    }

    /// The files that did not pass when they were last run against `recorder`, where only they are asked for.
    ///
    /// # Errors
    /// The exit code to end with: that is not known.
    pub(crate) fn failed(&self, recorder: &str, err: &mut impl Write) -> io::Result<Result<Option<Vec<String>>, Exit>> {
        if !self.last_failed {
            return Ok(Ok(None));
        }
        match Last::read(&self.state) {
            Ok(last) => Ok(Ok(Some(last.failed(recorder)))),
            Err(why) => {
                let file = self.state.display();
                writeln!(err, "error: cannot tell what failed: {file}: {why}; run once without --last-failed")?;
                Ok(Err(Exit::Usage))
            }
        }
    }

    /// Leaves what came of a run for the next; a run does not fail because that cannot be written.
    pub(crate) fn leave(&self, outcome: &RunOutcome, err: &mut impl Write) -> io::Result<()> {
        if let Err(error) = Last::leave(outcome, &self.state) {
            let file = self.state.display();
            writeln!(err, "note: cannot write {file}: {error}; --last-failed will not know of this run")?;
        }
        Ok(())
    }

    /// Runs, and again where that is asked for whenever something below `paths` or `config` changes.
    pub(crate) fn again(
        &self,
        paths: &[PathBuf],
        config: &Path,
        stop: &Stop,
        mut run: impl FnMut() -> io::Result<Exit>,
    ) -> io::Result<Exit> {
        if !self.watch {
            return run();
        }
        let watched = [paths, &[config.to_owned()]].concat();
        scenario::select::watch(&watched, LOOK_EVERY, stop, run)
    }
}

/// How often `--watch` looks at the files.
const LOOK_EVERY: Duration = Duration::from_millis(500);
