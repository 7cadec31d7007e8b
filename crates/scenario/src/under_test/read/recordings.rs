//! Where recordings are, and what is said of them.

use std::time::Duration;

use verify::PauseTime;

use super::super::path::JsonPath;
use super::super::profile::{Adapter, Exec, Recordings};
use super::super::said::{FACTS, Metadata, Times};
use super::super::template::Template;
use super::{FOLDER, RECORDING, command, template};
use crate::file::diagnostic::{Diagnostic, Place};
use crate::file::fields::{Fields, duration, one_of, text};
use crate::file::read::keep;
use crate::file::tree::Node;

/// The adapters, by their words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Dir,
    Exec,
    Http,
    S3,
    Sql,
}

const ADAPTERS: [(&str, Word); 5] =
    [("dir", Word::Dir), ("exec", Word::Exec), ("http", Word::Http), ("s3", Word::S3), ("sql", Word::Sql)];

impl Word {
    /// Whether recordings are files that are known by their names.
    const fn has_names(self) -> bool {
        matches!(self, Self::Dir | Self::S3)
    }
}

const TIMES: [(&str, Times); 4] =
    [("rfc3339", Times::Rfc3339), ("utc", Times::Utc), ("unix", Times::Unix), ("unix_ms", Times::UnixMs)];

pub(super) fn nowhere() -> Recordings {
    Recordings {
        adapter: Adapter::Dir,
        metadata: None,
        root: Template::default(),
        stereo: None,
        near: None,
        far: None,
        leg: None,
        mixed: None,
        whole_calls: None,
        left_is_far: false,
        unchanged_for: Duration::from_secs(1),
        ready_within: Duration::from_secs(10),
    }
}

#[cfg(feature = "sql")]
fn read_sql(node: Option<&Node>, is_asked: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<Adapter> {
    super::sql::read(node, is_asked, place, wrong).map(|sql| Adapter::Sql(Box::new(sql)))
}

#[cfg(not(feature = "sql"))]
fn read_sql(_: Option<&Node>, is_asked: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<Adapter> {
    if is_asked {
        wrong.push(Diagnostic::new(place, "this mixedmode was built without its feature `sql`"));
    }
    None
}

/// The program of the adapter `exec`.
fn read_exec(f: &mut Fields<'_>, by_program: bool, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<Exec> {
    let program = f.optional("command").map(|n| keep(command(n), wrong).unwrap_or_default());
    let within = f.maybe("within", wrong, duration);
    match program {
        Some(command) if by_program => Some(Exec { command, within: within.unwrap_or(Duration::from_secs(10)) }),
        None if by_program => {
            let help = "such as `command = [\"./recordings.py\", \"{folder}\"]`";
            wrong.push(Diagnostic::new(place, "the adapter `exec` needs `command`").help(help));
            None
        }
        None if within.is_none() => None,
        _ => {
            let message = "`command` and `within` are for the adapter `exec`";
            wrong.push(Diagnostic::new(place, message).help("`adapter = \"exec\"`"));
            None
        }
    }
}

/// Whether a file is one of a recording or of a call, and what it has of the time when the call was on hold.
fn read_calls(f: &mut Fields<'_>, place: Place, wrong: &mut Vec<Diagnostic>) -> Option<PauseTime> {
    let is_call = f.or("file_per", false, wrong, |n| one_of(n, &[("recording", false), ("call", true)]));
    let times = [("kept", PauseTime::Kept), ("closed", PauseTime::Closed)];
    let pauses = f.maybe("pauses", wrong, |n| one_of(n, &times));
    if pauses.is_some() && !is_call {
        let message = "`pauses` are between recordings that are in one file";
        wrong.push(Diagnostic::new(place, message).help("`file_per = \"call\"`"));
    }
    is_call.then(|| pauses.unwrap_or_default())
}

pub(super) fn read(node: &Node, started: bool, wrong: &mut Vec<Diagnostic>) -> Recordings {
    let mut f = Fields::of(node, "the recordings", wrong);
    let glob = |n: &Node| template(n, &RECORDING);
    let word = f.or("adapter", Word::Dir, wrong, |n| one_of(n, &ADAPTERS));
    let exec = read_exec(&mut f, word == Word::Exec, node.place, wrong);
    let http = super::http::read(f.optional("http"), word == Word::Http, node.place, wrong);
    let s3 = super::s3::read(f.optional("s3"), word == Word::S3, node.place, wrong);
    let sql = read_sql(f.optional("sql"), word == Word::Sql, node.place, wrong);
    let root = f.maybe("root", wrong, |n| template(n, &FOLDER));
    if root.is_none() && !started && word == Word::Dir {
        let message = "the recordings of a recorder that runs already need `root`";
        wrong.push(Diagnostic::new(node.place, message).help("the folder that it writes to"));
    }
    let recordings = Recordings {
        adapter: match (exec, http, s3, sql) {
            (Some(exec), ..) => Adapter::Exec(exec),
            (_, Some(http), ..) => Adapter::Http(Box::new(http)),
            (_, _, Some(s3), _) => Adapter::S3(Box::new(s3)),
            (.., sql) => sql.unwrap_or_default(),
        },
        metadata: f.optional("metadata").and_then(|n| read_metadata(n, word, wrong)),
        root: root.unwrap_or_else(|| {
            let usual = if word == Word::S3 { "" } else { "{folder}" };
            Template::parse(usual, &FOLDER).unwrap_or_default()
        }),
        stereo: f.maybe("stereo", wrong, glob),
        near: f.maybe("near", wrong, glob),
        far: f.maybe("far", wrong, glob),
        leg: f.maybe("leg", wrong, glob),
        mixed: f.maybe("mixed", wrong, glob),
        whole_calls: read_calls(&mut f, node.place, wrong),
        left_is_far: f.or("left", false, wrong, |n| one_of(n, &[("near", false), ("far", true)])),
        unchanged_for: f.or("unchanged_for", Duration::from_secs(1), wrong, duration),
        ready_within: f.or("ready_within", Duration::from_secs(10), wrong, duration),
    };
    f.finish(wrong);
    if !word.has_names() {
        let all = &recordings;
        let named = [&all.stereo, &all.near, &all.far, &all.leg, &all.mixed];
        if named.into_iter().any(Option::is_some) {
            let message = "`stereo`, `near`, `far`, `leg` and `mixed` are for the adapters `dir` and `s3`; here the files are named by another";
            wrong.push(Diagnostic::new(node.place, message).help("leave them out, or `adapter = \"dir\"`"));
        }
        return recordings;
    }
    let telling = ["refci", "farend_refci", "call_id"];
    if recordings.leg.as_ref().is_some_and(|leg| !telling.iter().any(|name| leg.has(name))) {
        let message = "nothing in the name of `leg` tells which two files belong together";
        wrong.push(Diagnostic::new(node.place, message).help("`{refci}`, `{farend_refci}` or `{call_id}`"));
    }
    if recordings.leg.is_some() && recordings.near.is_some() {
        let message =
            "`leg` stands for files whose names do not say which leg they hold, `near` and `far` for those that do";
        wrong.push(Diagnostic::new(node.place, message).help("leave one of them out"));
    }
    if recordings.near.is_some() != recordings.far.is_some() {
        wrong.push(Diagnostic::new(node.place, "`near` and `far` need each other: a file for each leg"));
    } else if recordings.near.is_none()
        && recordings.stereo.is_none()
        && recordings.leg.is_none()
        && recordings.mixed.is_none()
    {
        let help = "`stereo = \"{refci}.wav\"`, or `near` and `far`, or `leg`, or `mixed`";
        wrong.push(Diagnostic::new(node.place, "no name of a file with audio").help(help));
    }
    if recordings.mixed.is_some() && recordings.whole_calls.is_some() {
        let message =
            "a mix of both legs is taken apart recording by recording: it cannot be proven in a file per call";
        wrong.push(Diagnostic::new(node.place, message).help("`stereo`, or `file_per = \"recording\"`"));
    }
    if recordings.ready_within < recordings.unchanged_for {
        let message = "`ready_within` is shorter than `unchanged_for`: no file could be finished in time";
        wrong.push(Diagnostic::new(node.place, message));
    }
    recordings
}

/// A path into JSON.
pub(super) fn path(node: &Node) -> Result<JsonPath, Diagnostic> {
    let wrong = |why| Diagnostic::new(node.place, why).help("such as `$.items[*].id`");
    JsonPath::parse(&text(node)?).map_err(wrong)
}

fn read_metadata(node: &Node, adapter: Word, wrong: &mut Vec<Diagnostic>) -> Option<Metadata> {
    let mut f = Fields::of(node, "what the recorder says of a recording", wrong);
    let mut facts = Vec::new();
    for (name, fact) in FACTS {
        facts.extend(f.maybe(name, wrong, path).map(|path| (fact, path)));
    }
    let metadata = Metadata {
        facts,
        times: f.or("times", Times::Rfc3339, wrong, |n| one_of(n, &TIMES)),
        within: f.or("within", Duration::from_secs(2), wrong, duration),
        file: f.maybe("file", wrong, |n| template(n, &RECORDING)),
    };
    f.finish(wrong);
    if metadata.facts.is_empty() {
        let message = "nothing is read of what the recorder says";
        wrong.push(Diagnostic::new(node.place, message).help("such as `near = \"$.agent.number\"`"));
    }
    if metadata.file.is_some() != adapter.has_names() {
        let message = match adapter {
            Word::Dir | Word::S3 => "the adapters `dir` and `s3` need the `file` that says it",
            Word::Exec | Word::Http | Word::Sql => {
                "`file` is for the adapters `dir` and `s3`; here it is in the answers"
            }
        };
        wrong.push(Diagnostic::new(node.place, message).help("such as `file = \"{refci}.json\"`"));
    }
    Some(metadata)
}
