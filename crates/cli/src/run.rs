//! `mixedmode run`.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use scenario::outcome::RunOutcome;
use scenario::run::{Live, Network, Options};

use crate::args::{self, Run};
use crate::exit::Exit;
use crate::files;
use crate::progress::Screen;

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
    let live = Arc::<Live>::default();
    let screen = Screen::new(out, &live, total);
    let outcome = screen.during(|| scenario::run::run(items, &options, &live, |ended| screen.show(ended)));
    drop(screen);
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

fn write_json(outcome: &RunOutcome, file: &Path) -> io::Result<()> {
    std::fs::write(file, report::json(outcome)?)
}
