//! `mixedmode run`.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use report::{EVENTS_SCHEMA, Ndjson};
use scenario::run::{Live, Network, Options, SetupError, Stop, Tries};
use scenario::under_test::{ProfileError, UnderTest};

use crate::args::{self, Run};
use crate::colour::Desk;
use crate::exit::Exit;
use crate::interrupt::heed;
use crate::progress::Screen;
use crate::reports::Events;

/// Scenarios at once on the operating system's network: they wait far more than they work.
const JOBS_OS: u16 = 32;

/// Runs what is asked for, with `watch` again and again; `desk` says for whom.
pub(crate) fn run(
    args: &Run,
    desk: Desk,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> io::Result<Exit> {
    let stop = Stop::default();
    let _heeded = if desk.is_program { Some(heed(&stop)?) } else { None };
    args.trying.again(&args.paths, &args.config, &stop, || {
        let exit = once(args, desk, &stop, out, err)?;
        if args.trying.watch && !stop.is_asked() {
            writeln!(out, "waiting for a change; end with Ctrl-C")?;
            out.flush()?;
        }
        Ok(exit)
    })
}

fn once(
    args: &Run,
    desk: Desk,
    stop: &Stop,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> io::Result<Exit> {
    let under_test = match under_test(args, err)? {
        Ok(under_test) => under_test,
        Err(exit) => return Ok(exit),
    };
    let failed = match args.trying.failed(under_test.name(), err)? {
        Ok(failed) => failed,
        Err(exit) => return Ok(exit),
    };
    let items = match args.selecting.load(&args.paths, failed, err)? {
        Ok(items) => scenario::select::repeat(items, args.trying.repeat.into()),
        Err(exit) => return Ok(exit),
    };
    if !args.reports.can_be_written(err)? {
        return Ok(Exit::Setup);
    }
    let events = match args.report_ndjson.as_deref().map(Events::create).transpose() {
        Ok(events) => events,
        Err(why) => {
            writeln!(err, "error: {why}; nothing was begun")?;
            return Ok(Exit::Setup);
        }
    };
    let total = items.len();
    let options = Options { tries: args.trying.tries(stop), ..options(args, under_test) };
    if let Some(events) = &events {
        events.write(&begin(&options, total));
    }
    let began = Instant::now();
    let live = Arc::<Live>::default();
    let screen = Screen::new(out, desk.style(args.shown), &live, total);
    let outcome = screen.during(|| {
        scenario::run::run(items, &options, &live, |ended| {
            screen.show(ended);
            if let Some(events) = &events {
                events.ended(ended);
            }
        })
    });
    drop(screen);
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(if matches!(error, SetupError::Refused(_)) { Exit::Usage } else { Exit::Setup });
        }
    };
    // Whoever read this may have gone: the files are written all the same.
    let shown = write!(out, "{}", report::terminal::summary(&outcome, began.elapsed()));
    args.trying.leave(&outcome, err)?;
    let told = match events {
        Some(events) => {
            events.write(&Ndjson::end(&outcome));
            events.finish(err)?
        }
        None => true,
    };
    if !args.reports.write(&outcome, out, err)? || !told {
        return Ok(Exit::Setup);
    }
    shown?;
    Ok(args.trying.exit(&outcome))
}

/// The first event.
fn begin(options: &Options, scenarios: usize) -> Ndjson<'_> {
    let (network, recorder) = (options.network.name(), options.under_test.name());
    Ndjson::Begin { schema: EVENTS_SCHEMA, network, seed: options.seed, recorder, scenarios }
}

/// The recorder that `--recorder` names.
fn under_test(args: &Run, err: &mut impl Write) -> io::Result<Result<UnderTest, Exit>> {
    if args.recorder == "bundled" {
        return Ok(Ok(UnderTest::Bundled));
    }
    let (name, file) = (&args.recorder, args.config.display());
    if !args.config.exists() {
        writeln!(err, "error: no recorder is called `{name}`: there is no {file} that tells of any but `bundled`")?;
        return Ok(Err(Exit::Usage));
    }
    match scenario::under_test::load(&args.config, name) {
        Ok(under_test) => Ok(Ok(under_test)),
        Err(ProfileError::Broken(broken)) => {
            let count = broken.diagnostics.len();
            let word = if count == 1 { "mistake" } else { "mistakes" };
            writeln!(err, "{}\n{count} {word}; nothing was run", broken.render())?;
            Ok(Err(Exit::BadFile))
        }
        Err(unknown @ ProfileError::Unknown { .. }) => {
            writeln!(err, "error: {unknown}")?;
            Ok(Err(Exit::Usage))
        }
    }
}

fn options(args: &Run, under_test: UnderTest) -> Options {
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
        under_test,
        bystander: None,
        evidence: args.reports.draw_evidence(),
        tries: Tries::default(),
    }
}
