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
            writeln!(err, "error: cannot read {}: {why}; expected a WAV file", file.display())?;
            return Ok(Exit::BadFile);
        }
    }
    let outcome = match scenario::kept::verify(&args.ledger, &args.files) {
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
    if let Some(file) = &args.report_json
        && let Err(error) = report::json(&outcome).map_err(io::Error::from).and_then(|json| std::fs::write(file, json))
    {
        writeln!(err, "error: cannot write {}: {error}", file.display())?;
        return Ok(Exit::Setup);
    }
    Ok(Exit::of(&outcome))
}
