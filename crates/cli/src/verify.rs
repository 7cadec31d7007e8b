//! `mixedmode verify`.

use std::io::{self, Write};
use std::time::Instant;

use scenario::outcome::Verdict;

use crate::args::Verify;
use crate::exit::Exit;

pub(crate) fn verify(args: &Verify, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let began = Instant::now();
    for file in &args.files {
        if !file.is_file() {
            let why = if file.exists() { "it is no file" } else { "it is not there" };
            writeln!(err, "error: cannot read {}: {why}; expected an audio file", file.display())?;
            return Ok(Exit::BadFile);
        }
    }
    if !args.reports.can_be_written(err)? {
        return Ok(Exit::Setup);
    }
    let outcome = match scenario::kept::verify(&args.ledger, &args.files, args.raw, args.reports.draw_evidence()) {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(err, "error: cannot read the ledger {}: {error}", args.ledger.display())?;
            return Ok(Exit::BadFile);
        }
    };
    for judged in &outcome.scenarios {
        write!(out, "{}", report::terminal::scenario(judged))?;
        if judged.verdict == Verdict::Pass {
            write!(out, "{}", report::terminal::story(judged))?;
        }
    }
    write!(out, "{}", report::terminal::summary(&outcome, began.elapsed()))?;
    if !args.reports.write(&outcome, out, err)? {
        return Ok(Exit::Setup);
    }
    Ok(Exit::of(&outcome))
}
