//! `mixedmode list`.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use crate::exit::Exit;
use crate::selecting::Selecting;

/// `mixedmode list`.
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Files, or folders that are searched for `*.yaml`.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    selecting: Selecting,
    /// Print title, tags, call flow and rows of docs/field.md too, as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn list(args: &List, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let items = match args.selecting.load(&args.paths, None, err)? {
        Ok(items) => items,
        Err(exit) => return Ok(exit),
    };
    if args.json {
        writeln!(out, "{}", scenario::select::listed(&items)?)?;
    } else {
        for item in items {
            writeln!(out, "{}", item.file)?;
        }
    }
    Ok(Exit::Pass)
}
