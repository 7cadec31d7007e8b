//! Files that are not there, or not in time, in words.

use std::path::Path;
use std::time::Duration;

use super::{Dialogs, Folder, Kind, kinds};
use crate::outcome::Finding;
use crate::under_test::profile::Recordings;

/// How many other files are named where one is missing.
const NAMED: usize = 5;

/// A pattern as written, for findings.
pub(super) fn pattern(asked: &Recordings, kind: Kind) -> String {
    kinds(asked).find(|(of, _)| *of == kind).map(|(_, template)| template.to_string()).unwrap_or_default()
}

/// The finding that a recording has no files of these kinds.
pub(super) fn missing(asked: &Recordings, kinds: &[Kind], root: &Path, folder: &Folder, of: &Dialogs) -> Finding {
    let patterns: Vec<String> = kinds.iter().map(|kind| pattern(asked, *kind)).collect();
    let used = |name: &&str| patterns.iter().any(|pattern| pattern.contains(&format!("{{{name}}}")));
    let mut values: Vec<String> =
        of.values.iter().filter(|(name, _)| used(name)).map(|(name, value)| format!("{name} = {value}")).collect();
    if used(&"call_id") {
        let call_ids = of.call_ids.iter().enumerate().filter(|(leg, _)| match kinds {
            [Kind::Near] => *leg == 0,
            [Kind::Far] => *leg == 1,
            _ => true,
        });
        values.extend(call_ids.flat_map(|(_, all)| all).map(|call_id| format!("call_id = {call_id}")));
    }
    let values = if values.is_empty() { String::new() } else { format!(" with {}", values.join(", ")) };
    let patterns = patterns.join("`, `");
    let (root_shown, within) = (&folder.shown, asked.ready_within);
    let expected = format!(
        "a file `{patterns}`{values} below {root_shown} within {within:?} of the last call (it was looked for {:?} longer)",
        asked.grace()
    );
    let names: Vec<&str> = folder.seen.keys().take(NAMED).map(String::as_str).collect();
    let found = match (root.is_dir() || folder.is_remote(), folder.seen.len()) {
        (false, _) => "the folder is not there".to_owned(),
        (true, 0) => "no file of this run is there".to_owned(),
        (true, all) if all > NAMED => format!("no such file, but {all} others: {}, …", names.join(", ")),
        (true, _) => format!("no such file, but {}", names.join(", ")),
    };
    let mut finding = Finding::new("missing-file", expected, found);
    finding.recording = Some(of.label.clone());
    finding.leg = match kinds {
        [Kind::Near] => Some("near".to_owned()),
        [Kind::Far] => Some("far".to_owned()),
        _ => None,
    };
    finding
}

pub(super) fn late_file(asked: &Recordings, kind: Kind, path: &str, root: &Path) -> Finding {
    let (settled, within) = (asked.unchanged_for, asked.ready_within);
    let expected = format!(
        "the file `{}` finished (unchanged for {settled:?}) within {within:?} of the last call",
        pattern(asked, kind)
    );
    let mut finding = Finding::new("late-file", expected, format!("{} still changed", root.join(path).display()));
    finding.file = Some(path.to_owned());
    finding
}

/// The finding that all files of a recording came, so long after their time was over.
pub(super) fn came_late(asked: &Recordings, after: Duration, of: &Dialogs) -> Finding {
    let within = asked.ready_within;
    let expected = format!("all files of a recording finished within {within:?} of the last call");
    let seconds = (within + after).as_secs_f64();
    let mut finding = Finding::new("late-file", expected, format!("they were {seconds:.1} s after it"));
    finding.recording = Some(of.label.clone());
    finding
}
