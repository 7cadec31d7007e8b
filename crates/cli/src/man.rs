//! `mixedmode man`.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::args::Command;
use crate::exit::Exit;

pub(crate) fn man(into: Option<&Path>, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let Some(folder) = into else {
        Man::new(Command::command()).render(out)?;
        return Ok(Exit::Pass);
    };
    match write(folder) {
        Ok(()) => {
            writeln!(out, "wrote the manual pages to {}", folder.display())?;
            Ok(Exit::Pass)
        }
        Err(error) => {
            writeln!(err, "error: cannot write the manual pages to {}: {error}", folder.display())?;
            Ok(Exit::Setup)
        }
    }
}

fn write(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    clap_mangen::generate_to(Command::command(), folder)
}
