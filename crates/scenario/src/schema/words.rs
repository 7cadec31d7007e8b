//! What the tables of the documentation say of each key.

use std::collections::BTreeMap;

/// Which heading of docs/scenario.md tells of which mapping; others are named in the line above their table.
const SCENARIO: [(&str, &str); 14] = [
    ("The file", "a scenario"),
    ("cluster", "the cluster"),
    ("dialect", "the dialect"),
    ("phones", "a phone"),
    ("forward", "forwarding"),
    ("outside", "a trunk for calls"),
    ("trunk", "the trunk"),
    ("recorder", "the recorder"),
    ("destinations", "a destination"),
    ("route list", "the route list"),
    ("signalling", "a disturbance"),
    ("network", "the network"),
    ("steps", "a step"),
    ("expect", "what is expected"),
];

/// The same of docs/recorders.md.
const RECORDERS: [(&str, &str); 11] = [
    ("`[recorders.NAME]`", "a recorder"),
    ("`[recorders.NAME.certificates]`", "the certificates"),
    ("`[recorders.NAME.start]`", "the start of a recorder"),
    ("`[recorders.NAME.stop]`", "the stop of a recorder"),
    ("`[recorders.NAME.hooks]`", "the hooks of a recorder"),
    ("`[recorders.NAME.recordings]`", "the recordings"),
    ("`[recorders.NAME.recordings.http]`", "the requests for recordings"),
    ("`[[recorders.NAME.recordings.http.files]]`", "the files of a recording"),
    ("`[recorders.NAME.recordings.s3]`", "the bucket"),
    ("`[recorders.NAME.recordings.sql]`", "the database"),
    ("`[recorders.NAME.recordings.metadata]`", "what the recorder says of a recording"),
];

/// What is said of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// What it is.
    pub(super) is: String,
    /// What stands in its place where it is left out; empty where the table has no such column.
    pub(super) default: String,
}

impl Told {
    /// For an editor: no markup but what is code.
    pub(super) fn text(&self) -> String {
        let is = plain(&self.is);
        if self.default.is_empty() { is } else { format!("{is} (if left out: {})", plain(&self.default)) }
    }
}

/// What is said of all keys: by mapping and key.
#[derive(Debug, Default)]
pub(super) struct Words(BTreeMap<(String, String), Told>);

impl Words {
    pub(super) fn of(&self, what: &str, key: &str) -> Option<&Told> {
        self.0.get(&(what.to_owned(), key.to_owned()))
    }

    fn read(text: &str, headings: &[(&str, &str)]) -> Self {
        let mut words = Self::default();
        let mut about: Vec<String> = Vec::new();
        for line in text.lines() {
            if let Some(heading) = line.strip_prefix('#') {
                let heading = heading.trim_start_matches('#').trim();
                about =
                    headings.iter().filter(|(name, _)| *name == heading).map(|(_, what)| (*what).to_owned()).collect();
            } else if let Some(intro) = line.strip_suffix(':').filter(|line| !line.starts_with(['|', '-', ' '])) {
                about = mappings(intro);
            } else if let Some(cells) = row(line) {
                let (key, told) = cells;
                for key in key.split("`, `") {
                    for what in &about {
                        words.0.insert((what.clone(), key.to_owned()), told.clone());
                    }
                }
            }
        }
        words
    }
}

/// `A transfer and a consultation` tells of `a transfer` and of `a consultation`.
fn mappings(intro: &str) -> Vec<String> {
    match intro.split(',').next().unwrap_or(intro) {
        "Its certificate" => vec!["the recorder's certificate".to_owned()],
        "Intervals of the OPTIONS ping" => vec!["the OPTIONS ping".to_owned()],
        intro => intro.split(" and ").map(str::to_lowercase).collect::<Vec<_>>().into_iter().map(cased).collect(),
    }
}

/// Words that keep their capitals in the names of mappings.
fn cased(words: String) -> String {
    words.replace("cucm", "CUCM")
}

/// Key, and what is said of it, of a line such as `| `key` | value | default |`.
fn row(line: &str) -> Option<(String, Told)> {
    let inner = line.strip_prefix("| `")?.strip_suffix('|')?;
    let (key, rest) = inner.split_once("` | ")?;
    let mut cells = rest.split(" | ").map(|cell| cell.trim().to_owned());
    Some((key.to_owned(), Told { is: cells.next()?, default: cells.next().unwrap_or_default() }))
}

/// Without links and stars.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((name, (_, after))) = link.split_once("](").and_then(|(name, to)| Some((name, to.split_once(')')?)))
        else {
            break;
        };
        out.push_str(before);
        out.push_str(name);
        rest = after;
    }
    out.push_str(rest);
    out.replace('*', "")
}

pub(super) fn of_scenarios() -> Words {
    Words::read(include_str!("../../../../docs/scenario.md"), &SCENARIO)
}

pub(super) fn of_recorders() -> Words {
    Words::read(include_str!("../../../../docs/recorders.md"), &RECORDERS)
}
