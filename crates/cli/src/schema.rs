//! `mixedmode schema`.

use std::io::{self, Write};

use clap::ValueEnum;
use scenario::schema;

use crate::exit::Exit;

/// What a schema is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Of {
    /// Scenario files.
    Scenario,
    /// mixedmode.toml.
    Config,
    /// What `--report-json` writes.
    Outcome,
}

pub(crate) fn schema(of: Of, out: &mut impl Write) -> io::Result<Exit> {
    let schema = match of {
        Of::Scenario => schema::scenario(),
        Of::Config => schema::config(),
        Of::Outcome => schema::outcome(),
    };
    writeln!(out, "{schema:#}")?;
    Ok(Exit::Pass)
}
