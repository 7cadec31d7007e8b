//! `mixedmode completions`.

use std::io::{self, Write};

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Command;
use crate::exit::Exit;

pub(crate) fn completions(shell: Shell, out: &mut impl Write) -> io::Result<Exit> {
    let mut command = Command::command();
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, name, &mut text);
    out.write_all(&text)?;
    Ok(Exit::Pass)
}
