//! `mixedmode run`.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use scenario::outcome::{RunOutcome, ScenarioOutcome};
use scenario::run::{Network, Options};

use crate::args::{self, Run};
use crate::exit::Exit;
use crate::files;

/// Scenarios at once on the operating system's network: they wait far more than they work.
const JOBS_OS: u16 = 32;

pub(crate) fn run(args: &Run, out: &mut (impl Write + Send), err: &mut (impl Write + Send)) -> io::Result<Exit> {
    if args.recorder != "bundled" {
        let name = &args.recorder;
        writeln!(err, "error: no recorder is called `{name}`: only `bundled` can be run so far")?;
        return Ok(Exit::Usage);
    }
    let items = match files::load(&args.paths, err)? {
        Ok(items) => items,
        Err(exit) => return Ok(exit),
    };
    let total = items.len();
    let options = options(args);
    let began = Instant::now();
    let screen = Mutex::new((out, 0_usize, io::stderr().is_terminal()));
    progress(0, total, io::stderr().is_terminal());
    let outcome = scenario::run::run(items, &options, |ended| {
        let mut screen = screen.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, done, terminal) = &mut *screen;
        *done += 1;
        show(out, ended, *terminal);
        progress(*done, total, *terminal);
    });
    let (out, _, _) = screen.into_inner().unwrap_or_else(PoisonError::into_inner);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(Exit::Setup);
        }
    };
    write!(out, "{}", report::terminal::summary(&outcome, began.elapsed()))?;
    if let Some(file) = &args.report_json
        && let Err(error) = write_json(&outcome, file)
    {
        writeln!(err, "error: cannot write {}: {error}", file.display())?;
        return Ok(Exit::Setup);
    }
    Ok(Exit::of(&outcome))
}

fn options(args: &Run) -> Options {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (network, default) = match args.network {
        args::Network::Os => (Network::Os, JOBS_OS.into()),
        args::Network::Simulated => (Network::Simulated, cores),
    };
    Options {
        network,
        seed: args.seed,
        jobs: args.jobs.map_or(default, usize::from),
        pcapng: args.pcapng.clone(),
        keep: args.keep.clone(),
    }
}

fn show(out: &mut impl Write, ended: &ScenarioOutcome, terminal: bool) {
    let wipe = if terminal { "\r\x1b[K" } else { "" };
    // A reader that has gone away does not stop the run: the exit code still counts.
    let _ = write!(out, "{wipe}{}", report::terminal::scenario(ended)).and_then(|()| out.flush());
}

fn progress(done: usize, total: usize, terminal: bool) {
    if terminal && done < total {
        let _ = write!(io::stderr(), "\r\x1b[K{done} of {total} scenarios done").and_then(|()| io::stderr().flush());
    }
}

fn write_json(outcome: &RunOutcome, file: &Path) -> io::Result<()> {
    std::fs::write(file, report::json(outcome)?)
}
