//! What a user is told about a file that is wrong: each file in `tests/broken/` has beside it, as `.err`, exactly what
//! `mixedmode check` prints about it.
//!
//! `UPDATE=1 cargo test -p tests` writes these anew; what changed is then read in the diff.

use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use mixedmode::Exit;

/// A file of which only the message is kept: it is made when it is checked.
struct Made {
    name: &'static str,
    bytes: fn() -> Vec<u8>,
}

const MADE: [Made; 2] = [
    Made { name: "huge", bytes: || b"# A megabyte of remarks.\n".repeat(50_000) },
    Made { name: "binary", bytes: || (0..=255).cycle().take(4096).collect() },
];

/// A test for every file, and one that there is no golden file without its broken one.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let files = tests::files_in(FOLDER, "yaml").into_iter().map(|file| {
        let golden = tests::root().join(&file).with_extension("err");
        Trial::test(file.clone(), move || matches_golden(&tests::root().join(&file), &golden))
    });
    let made = MADE.iter().map(|made| {
        Trial::test(format!("{FOLDER}/{}.err", made.name), || {
            let folder = tempfile::tempdir()?;
            let file = folder.path().join(made.name).with_extension("yaml");
            std::fs::write(&file, (made.bytes)())?;
            matches_golden(&file, &golden_of(made.name))
        })
    });
    files.chain(made).chain([Trial::test("every golden file belongs to a broken file", no_golden_is_left_over)])
}

fn golden_of(name: &str) -> PathBuf {
    tests::root().join(FOLDER).join(name).with_extension("err")
}

/// Checks `file` as a user does who stands in its folder.
fn matches_golden(file: &Path, golden: &Path) -> Result<(), Failed> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = mixedmode::run(["mixedmode".into(), "check".into(), file.into()], &mut out, &mut err);
    let folder = format!("{}/", file.parent().unwrap_or(file).display());
    let printed = String::from_utf8([out, err].concat())?.replace(&folder, "");
    if exit != Exit::BadFile {
        return Err(format!("expected exit code {:?}, got {exit:?}:\n{printed}", Exit::BadFile).into());
    }
    if std::env::var_os("UPDATE").is_some() {
        return Ok(std::fs::write(golden, printed)?);
    }
    let expected =
        std::fs::read_to_string(golden).map_err(|e| format!("{}: {e} (UPDATE=1 writes it)", golden.display()))?;
    if printed == expected {
        return Ok(());
    }
    Err(format!("expected\n{expected}\ngot\n{printed}\nif this is better, UPDATE=1 writes it").into())
}

fn no_golden_is_left_over() -> Result<(), Failed> {
    let known = |golden: &String| {
        let file = golden.replace(".err", ".yaml");
        tests::root().join(&file).exists() || MADE.iter().any(|made| file == format!("{FOLDER}/{}.yaml", made.name))
    };
    let left: Vec<String> = tests::files_in(FOLDER, "err").into_iter().filter(|golden| !known(golden)).collect();
    if left.is_empty() { Ok(()) } else { Err(format!("no file is broken like this: {}", left.join(", ")).into()) }
}

const FOLDER: &str = "tests/broken";
