//! `mixedmode report merge`.

use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use scenario::outcome::RunOutcome;

use crate::args::Merge;
use crate::exit::Exit;

/// No outcome with its evidence is larger.
const LARGEST: u64 = 2 << 30;

pub(crate) fn merge(args: &Merge, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    if args.reports.is_empty() {
        writeln!(err, "error: no report is asked for; name one or more, such as --report-html FILE")?;
        return Ok(Exit::Usage);
    }
    let mut parts = Vec::new();
    for file in &args.files {
        match read(file) {
            Ok(part) => parts.push(part),
            Err(why) => {
                writeln!(err, "error: cannot read {}: {why}", file.display())?;
                return Ok(Exit::BadFile);
            }
        }
    }
    if !args.reports.can_be_written(err)? {
        return Ok(Exit::Setup);
    }
    let whole = match report::merge(parts) {
        Ok(whole) => whole,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(Exit::BadFile);
        }
    };
    let took = Duration::from_millis(whole.scenarios.iter().map(|scenario| scenario.duration_ms).sum());
    write!(out, "{}", report::terminal::summary(&whole, took))?;
    Ok(if args.reports.write(&whole, out, err)? { Exit::of(&whole) } else { Exit::Setup })
}

fn read(file: &Path) -> Result<RunOutcome, String> {
    let text = wire::file::read_text(file, LARGEST).map_err(|error| error.to_string())?;
    report::read(&text).map_err(|error| error.to_string())
}
