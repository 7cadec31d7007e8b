//! Files and folders named on the command line → scenarios.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use scenario::run::Item;

use crate::exit::Exit;

/// Loads every scenario below `paths`; every mistake of every file is written to `err`.
///
/// # Errors
/// The exit code to end with: nothing found, or files that are wrong.
pub(crate) fn load(paths: &[PathBuf], err: &mut impl Write) -> io::Result<Result<Vec<Item>, Exit>> {
    let files = match named(paths, err)? {
        Ok(files) => files,
        Err(exit) => return Ok(Err(exit)),
    };
    let mut items = Vec::new();
    let mut wrong = 0;
    for file in files {
        match scenario::file::load(&file) {
            Ok(scenario) => items.push(Item { file: file.display().to_string(), scenario }),
            Err(broken) => {
                wrong += broken.diagnostics.len();
                writeln!(err, "{}", broken.render())?;
            }
        }
    }
    if wrong > 0 {
        writeln!(err, "{wrong} {}; nothing was run", if wrong == 1 { "mistake" } else { "mistakes" })?;
        return Ok(Err(Exit::BadFile));
    }
    Ok(Ok(items))
}

/// The files at and below `paths`.
///
/// # Errors
/// The exit code to end with: nothing found, or a path that is not there.
pub(crate) fn named(paths: &[PathBuf], err: &mut impl Write) -> io::Result<Result<Vec<PathBuf>, Exit>> {
    let mut files = Vec::new();
    for path in paths {
        if let Err(error) = find(path, &mut files) {
            writeln!(err, "error: cannot read {}: {error}", path.display())?;
            return Ok(Err(Exit::BadFile));
        }
    }
    if files.is_empty() {
        writeln!(err, "error: no scenario found; expected `*.yaml` files or folders that hold some")?;
        return Ok(Err(Exit::Usage));
    }
    Ok(Ok(files))
}

fn find(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        std::fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = std::fs::read_dir(path)?.map(|e| e.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            // Broken files are kept for the tests of the messages about them.
            if entry.file_name().is_none_or(|name| name != "broken" && name != "failing") {
                find(&entry, files)?;
            }
        } else if entry.extension().is_some_and(|e| e == "yaml") {
            files.push(entry);
        }
    }
    Ok(())
}
