//! Running again when a file changes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::run::Stop;

/// How files were when somebody looked: when each was written, and how long it is.
type Seen = BTreeMap<PathBuf, (SystemTime, u64)>;

/// Runs `run`, and again whenever a `*.yaml` below one of `paths`, or one of `paths` that is a file itself, is changed,
/// made or removed; looks `every` so often. Ends when `stop` is asked, with what the latest run gave.
pub fn watch<T>(paths: &[PathBuf], every: Duration, stop: &Stop, mut run: impl FnMut() -> T) -> T {
    loop {
        // Looked at before the run: what is changed while it lasts is run too.
        let seen = look(paths);
        let ended = run();
        while !stop.is_asked() && look(paths) == seen {
            std::thread::sleep(every);
        }
        if stop.is_asked() {
            return ended;
        }
    }
}

fn look(paths: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    for path in paths {
        if path.is_dir() { below(path, &mut seen) } else { note(path, &mut seen) }
    }
    seen
}

fn below(folder: &Path, seen: &mut Seen) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        // A link is not followed into a folder: it may lead back.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            below(&path, seen);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            note(&path, seen);
        }
    }
}

fn note(file: &Path, seen: &mut Seen) {
    if let Ok(meta) = std::fs::metadata(file) {
        seen.insert(file.to_owned(), (meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), meta.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(1);

    #[test]
    fn every_kind_of_change_is_seen_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("inner")).unwrap();
        std::fs::write(at("inner/a.yaml"), "1").unwrap();
        let paths = [folder.path().to_owned(), at("mixedmode.toml")];
        let mut before = look(&paths);
        let mut changed = || {
            let now = look(&paths);
            std::mem::replace(&mut before, now.clone()) != now
        };
        assert!(!changed());
        std::fs::write(at("inner/a.yaml"), "12").unwrap();
        assert!(changed());
        std::fs::File::options()
            .write(true)
            .open(at("inner/a.yaml"))
            .unwrap()
            .set_modified(SystemTime::UNIX_EPOCH)
            .unwrap();
        assert!(changed());
        std::fs::write(at("b.yaml"), "").unwrap();
        assert!(changed());
        std::fs::write(at("mixedmode.toml"), "").unwrap();
        assert!(changed());
        std::fs::remove_file(at("inner/a.yaml")).unwrap();
        assert!(changed());
        std::fs::write(at("inner/outcome.json"), "").unwrap();
        assert!(!changed());
    }

    #[test]
    fn what_changes_during_a_run_is_run_again_and_asking_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.yaml");
        std::fs::write(&file, "").unwrap();
        let (stop, mut runs) = (Stop::default(), 0);
        let last = watch(std::slice::from_ref(&file), EVERY, &stop, || {
            runs += 1;
            if runs < 3 {
                std::fs::write(&file, "x".repeat(runs)).unwrap()
            } else {
                stop.ask()
            }
            runs
        });
        assert_eq!(last, 3);
    }
}
