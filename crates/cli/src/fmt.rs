//! `mixedmode fmt`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use scenario::file::Broken;

use crate::exit::Exit;
use crate::files;

/// `mixedmode fmt`.
#[derive(Debug, Args)]
pub(crate) struct Fmt {
    /// Files, or folders that are searched for `*.yaml`.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Write nothing: name the files that are not formatted, and end with 2 if there are any.
    #[arg(long)]
    check: bool,
}

pub(crate) fn fmt(args: &Fmt, out: &mut impl Write, err: &mut impl Write) -> io::Result<Exit> {
    let files = match files::named(&args.paths, err)? {
        Ok(files) => files,
        Err(exit) => return Ok(exit),
    };
    let (mut changed, mut exit) = (0, Exit::Pass);
    for file in &files {
        match scenario::file::formatted(file) {
            Ok(None) => {}
            Ok(Some(_)) if args.check => {
                writeln!(out, "not formatted: {}", file.display())?;
                (changed, exit) = (changed + 1, Exit::BadFile);
            }
            Ok(Some(text)) => match replace(file, &text) {
                Ok(()) => {
                    writeln!(out, "formatted {}", file.display())?;
                    changed += 1;
                }
                Err(error) => {
                    writeln!(err, "error: cannot write {}: {error}", file.display())?;
                    exit = Exit::Setup;
                }
            },
            Err(broken) => {
                writeln!(err, "{}", Broken::render(&broken))?;
                exit = Exit::BadFile;
            }
        }
    }
    let (all, word) = (files.len(), if files.len() == 1 { "file" } else { "files" });
    let what = if args.check { "not formatted" } else { "formatted anew" };
    writeln!(out, "{all} {word}, {changed} {what}")?;
    Ok(exit)
}

/// Writes a file anew: whole or not at all.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = file.canonicalize()?;
    let mut beside = file.clone().into_os_string();
    beside.push(".fmt");
    std::fs::write(&beside, text)?;
    std::fs::set_permissions(&beside, std::fs::metadata(&file)?.permissions())?;
    std::fs::rename(&beside, &file).inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
