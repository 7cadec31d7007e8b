//! Every field of every `recording.json` of some calls is changed, one at a time. Each change must be found; where none can be, the
//! field stands in a list with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use scenario::outcome::Verdict;
use scenario::run::{Network, Options};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::bench::{copy, find};

/// Calls whose recordings have, between them, every field that there is.
const SCENARIOS: &[&str] = &["one-second", "non-secure-cluster", "transfer/customer-consult-update"];

/// Fields that may say anything, each with the reason. `*` stands for any place in a list.
const FREE: &[(&str, &str)] = &[
    (
        "/thresholds/*",
        "what a recorder is told to be alarmed by is nothing that CUCM tells; its alarms are judged by them",
    ),
    ("/legs/*/packets/before_ack", "which packet came before the ACK is known to the recorder alone"),
    ("/legs/*/packets/reordered", "the order in which packets are read is known to the recorder alone"),
    ("/legs/*/rekeyed", "a key may change and change again before anything is sent under it"),
];

#[test]
fn no_field_of_what_is_written_can_lie_unseen() {
    let kept: BTreeMap<&str, TempDir> = SCENARIOS.iter().map(|file| (*file, kept(file))).collect();
    let lies: Vec<(&str, Lie)> =
        kept.iter().flat_map(|(file, folder)| lies(folder.path()).into_iter().map(|lie| (*file, lie))).collect();
    let (next, unseen) = (AtomicUsize::new(0), Mutex::new(BTreeSet::new()));
    let work = || {
        let copies: BTreeMap<&str, TempDir> =
            kept.iter().map(|(file, folder)| (*file, copy_of(folder.path()))).collect();
        while let Some((file, lie)) = lies.get(next.fetch_add(1, Relaxed)) {
            if let Err(how) = lie.is_seen(copies[file].path()) {
                unseen.lock().unwrap().insert(format!("{file}, {}: {how}", lie.place));
            }
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let unseen: Vec<String> = unseen.into_inner().unwrap().into_iter().collect();
    assert!(unseen.is_empty(), "{} of {} lies are not seen:\n{}", unseen.len(), lies.len(), unseen.join("\n"));
}

/// A scenario file's recordings and ledger.
fn kept(file: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { keep: Some(folder.path().to_owned()), ..tests::options(Network::Simulated, 3) };
    let outcome = tests::run_one(&format!("scenarios/{file}.yaml"), &options).unwrap();
    assert_eq!(outcome.verdict, Verdict::Pass, "{outcome:#?}");
    folder
}

fn copy_of(folder: &Path) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(folder, to.path());
    to
}

/// One field that says something else.
struct Lie {
    /// The `recording.json`, from the folder of the run.
    document: PathBuf,
    /// Which field, as a JSON pointer (RFC 6901).
    place: String,
    /// What it says instead, likeliest first: one that is no value of this field is no lie.
    instead: Vec<Value>,
}

/// A lie about every field.
fn lies(folder: &Path) -> Vec<Lie> {
    let mut recordings = Vec::new();
    find(folder, &mut recordings);
    let mut lies = Vec::new();
    for recording in recordings {
        let document = recording.join("recording.json");
        let value: Value = serde_json::from_slice(&std::fs::read(&document).unwrap()).unwrap();
        let mut about = Vec::new();
        each(&value, "", &mut about);
        let document = document.strip_prefix(folder).unwrap().to_owned();
        let about = about.into_iter().filter(|(place, _)| FREE.iter().all(|(free, _)| !is(place, free)));
        lies.extend(about.map(|(place, instead)| Lie { document: document.clone(), place, instead }));
    }
    lies
}

/// Whether a place is one of those.
fn is(place: &str, of: &str) -> bool {
    let (mut parts, mut wanted) = (place.split('/'), of.split('/'));
    loop {
        match (parts.next(), wanted.next()) {
            (None, None) => return true,
            (Some(part), Some(wanted)) if part == wanted || wanted == "*" => {}
            _ => return false,
        }
    }
}

/// Each field below a value, and what it might say instead.
fn each(value: &Value, place: &str, found: &mut Vec<(String, Vec<Value>)>) {
    let mut instead = |values: Vec<Value>| found.push((place.to_owned(), values));
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| each(value, &format!("{place}/{name}"), found));
        }
        Value::Array(values) => {
            if let [first, rest @ ..] = values.as_slice() {
                instead(vec![json!(rest)]);
                instead(vec![json!([values.as_slice(), std::slice::from_ref(first)].concat())]);
            } else {
                instead(vec![json!(["20260101-000000-000-1-0001"]), json!([7])]);
            }
            values.iter().enumerate().for_each(|(at, value)| each(value, &format!("{place}/{at}"), found));
        }
        Value::Null => instead(vec![json!("lie"), json!(7), json!({ "near_offset": 1, "far_offset": 2 })]),
        Value::Bool(is) => instead(vec![json!(!is)]),
        Value::Number(number) => instead(vec![json!(number.as_i64().unwrap() + 1)]),
        Value::String(text) => {
            instead(others(text));
            instead(vec![Value::Null, json!("")]);
        }
    }
}

/// What a text might say instead: a time another one, a word another word of its kind.
fn others(text: &str) -> Vec<Value> {
    const WORDS: &[&[&str]] = &[
        &["near", "far", "stereo"],
        &["complete", "one-leg"],
        &["no-media", "one-leg"],
        &["peer", "recorder"],
        &["srtp", "rtp"],
    ];
    let is_time = text.len() == "2026-01-01T00:00:00.000000Z".len() && text.ends_with('Z') && text.contains('T');
    if is_time {
        // Ten seconds, in whichever digit.
        let tens = text.as_bytes()[17];
        let other = if tens == b'5' { '0' } else { char::from(tens + 1) };
        return vec![json!(format!("{}{other}{}", &text[..17], &text[18..]))];
    }
    let kind = WORDS.iter().filter(|words| words.contains(&text)).flat_map(|words| words.iter());
    let mut instead: Vec<Value> = kind.filter(|word| **word != text).map(|word| json!(word)).collect();
    instead.push(json!(format!("{text}7")));
    instead
}

impl Lie {
    /// Tells it, and takes it back.
    fn is_seen(&self, folder: &Path) -> Result<(), String> {
        let path = folder.join(&self.document);
        let truth = std::fs::read(&path).unwrap();
        let mut value: Value = serde_json::from_slice(&truth).unwrap();
        let mut seen = Ok(());
        for instead in &self.instead {
            *value.pointer_mut(&self.place).unwrap() = instead.clone();
            std::fs::write(&path, value.to_string()).unwrap();
            let outcome = scenario::kept::verify(&ledger(folder), &[], None, false).unwrap().scenarios.remove(0);
            if outcome.findings.iter().any(|finding| finding.rule == "unreadable-metadata") {
                continue;
            }
            if outcome.verdict != Verdict::Finding {
                seen = Err(format!("{instead} gives {:?}", outcome.verdict));
            }
            break;
        }
        std::fs::write(&path, truth).unwrap();
        seen
    }
}

fn ledger(folder: &Path) -> PathBuf {
    let mut entries = std::fs::read_dir(folder).unwrap().flatten();
    let own = folder.join("ledger.json");
    if own.is_file() {
        own
    } else {
        entries.find_map(|e| Some(e.path().join("ledger.json")).filter(|p| p.is_file())).unwrap()
    }
}
