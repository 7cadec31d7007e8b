//! Which of the scenarios that were named are meant.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;
use scenario::run::Item;
use scenario::select::{Filter, Selection, Shard};

use crate::exit::Exit;
use crate::files;

/// The options that leave scenarios out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which scenarios")]
pub(crate) struct Selecting {
    /// Only those that fit: `name(GLOB)`, `folder(GLOB)`, `tag(GLOB)`, `field(ROW)`, with `and`, `or`, `not`, parentheses.
    #[arg(short = 'E', long, value_name = "EXPR")]
    filter: Option<String>,
    /// Only one of N shares, from 1; a file is in the same one whatever else is run.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
}

impl Selecting {
    /// Loads the scenarios below `paths` and keeps those that are meant; of these `failed`, where it is told, has the files.
    ///
    /// # Errors
    /// The exit code to end with: the filter or a file is wrong, or none is left, which is told on `err`.
    pub(crate) fn load(
        &self,
        paths: &[PathBuf],
        failed: Option<Vec<String>>,
        err: &mut impl Write,
    ) -> io::Result<Result<Vec<Item>, Exit>> {
        let filter = match self.filter.as_deref().map(Filter::parse).transpose() {
            Ok(filter) => filter,
            Err(mistake) => {
                write!(err, "{mistake}")?;
                return Ok(Err(Exit::Usage));
            }
        };
        let items = match files::load(paths, err)? {
            Ok(items) => items,
            Err(exit) => return Ok(Err(exit)),
        };
        let selection = Selection { filter, failed, shard: self.shard };
        match selection.of(items) {
            Ok(items) => Ok(Ok(items)),
            Err(nothing) => {
                writeln!(err, "error: {nothing}")?;
                Ok(Err(Exit::Usage))
            }
        }
    }
}
