//! `mixedmode check`.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::exit::Exit;
use crate::files;

pub(crate) fn check(paths: &[PathBuf], out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    match files::load(paths, err)? {
        Ok(items) => {
            let scenarios = if items.len() == 1 { "scenario" } else { "scenarios" };
            writeln!(out, "{} {scenarios}, no mistakes", items.len())?;
            Ok(Exit::Pass)
        }
        Err(exit) => Ok(exit),
    }
}
