//! The `mixedmode` command line: arguments in, text and an [`Exit`] out. No logic lives here.

mod args;
mod certs;
mod check;
mod colour;
mod completions;
mod doctor;
mod exit;
mod explain;
mod files;
mod fmt;
mod init;
mod interrupt;
mod list;
mod man;
mod merge;
mod progress;
mod reader;
mod record;
mod reports;
mod run;
mod schema;
mod selecting;
mod signal;
mod trying;
mod verify;
mod walk;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

use clap::Parser;

use args::{Command, ReportVerb, Verb};
use colour::Desk;
pub use exit::Exit;
use reader::Reader;

/// Runs the program with `args` (the first is its name), writing what it has to say to `out` and `err`. Signals are left
/// alone, and `--color auto` takes neither for a terminal.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> Exit {
    run_at(Desk::default(), args, out, err)
}

/// Runs the program as a process of its own: Ctrl-C and SIGTERM end a run with its reports written, and verdicts have
/// colours on a terminal.
pub fn run_program(args: impl IntoIterator<Item = OsString>) -> Exit {
    let (mut out, mut err) = (io::stdout(), io::stderr());
    run_at(Desk { is_program: true, is_terminal: out.is_terminal() }, args, &mut out, &mut err)
}

fn run_at(
    desk: Desk,
    args: impl IntoIterator<Item = OsString>,
    out: &mut (impl Write + Send),
    err: &mut (impl Write + Send),
) -> Exit {
    let command = match Command::try_parse_from(args) {
        Ok(command) => command,
        Err(error) => {
            let text = error.render().to_string();
            let wanted = !error.use_stderr();
            let said = if wanted { out.write_all(text.as_bytes()) } else { err.write_all(text.as_bytes()) };
            return if wanted && said.is_ok() { Exit::Pass } else { Exit::Usage };
        }
    };
    let (mut out, mut err) = (Reader::of(out), Reader::of(err));
    let ended = verb(command.verb, desk, &mut out, &mut err);
    // What is still in a buffer is written now or never.
    let _ = out.flush();
    if let Some(error) = out.missed() {
        let _ = writeln!(err, "error: cannot write to standard output: {error}");
        return Exit::Setup;
    }
    ended.unwrap_or(Exit::Setup)
}

fn verb(verb: Verb, desk: Desk, out: &mut (impl Write + Send), err: &mut (impl Write + Send)) -> io::Result<Exit> {
    match verb {
        Verb::Run(args) => run::run(&args, desk, out, err),
        Verb::List(args) => list::list(&args, out, err),
        Verb::Verify(args) => verify::verify(&args, out, err),
        Verb::Walk(args) => walk::walk(&args, out, err),
        Verb::Check { paths } => check::check(&paths, out, err),
        Verb::Fmt(args) => fmt::fmt(&args, out, err),
        Verb::Doctor(args) => doctor::doctor(&args, out),
        Verb::Init(args) => init::init(&args, out, err),
        Verb::Completions { shell } => completions::completions(shell, out),
        Verb::Man { into } => man::man(into.as_deref(), out, err),
        Verb::Schema { of } => schema::schema(of, out),
        Verb::Explain(args) => explain::explain(&args, out, err),
        Verb::Record { config } => record::record(&config, out, err),
        Verb::Report { verb: ReportVerb::Merge(args) } => merge::merge(&args, out, err),
        Verb::Signal(args) => signal::signal(&args, out, err),
        Verb::Certs(args) => certs::certs(&args, out, err),
    }
}
