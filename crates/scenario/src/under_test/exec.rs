//! The adapter `exec`: a program of the user's says which files hold which call, wherever the recorder keeps them.
//!
//! It gets the calls as JSON on its standard input and prints the recordings as JSON. What goes wrong with the program
//! itself is never blamed on the recorder.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use media::ledger::Leg;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use verify::{Content, Recorded, RecordedFile};

use super::dir::{Gathered, content, stored};
use super::process::{tail, words};
use super::profile::{Exec, Profile};
use super::template::Values;
use crate::kept::{Session, SessionLeg};
use crate::outcome::Finding;

/// Between two runs of the program.
const PAUSE: Duration = Duration::from_millis(250);
/// What it prints on standard error, in the scenario's folder.
const LOG: &str = "adapter.log";
/// More than so many bytes are no answer.
const LONGEST_ANSWER: u64 = 16 << 20;
/// So much of an answer that is no JSON is shown.
const SHOWN: usize = 200;

/// What the program is asked.
#[derive(Serialize)]
struct Question<'a> {
    calls: Vec<Call<'a>>,
}

/// A recording that CUCM set up.
#[derive(Serialize)]
struct Call<'a> {
    refci: u32,
    farend_refci: u32,
    cluster: &'a str,
    near: Side<'a>,
    far: Side<'a>,
    started: Option<String>,
    ended: Option<String>,
}

/// One of its legs.
#[derive(Serialize)]
struct Side<'a> {
    number: &'a str,
    device: &'a str,
    call_id: &'a str,
}

impl<'a> Call<'a> {
    fn of(session: &'a Session) -> Self {
        let side = |party: &'a crate::kept::Party, leg: &'a SessionLeg| Side {
            number: &party.number,
            device: &party.device,
            call_id: &leg.recorder_call_id,
        };
        let at = |us: u64| {
            let unix = session.run_unix_us?.checked_add_unsigned(us)?;
            Timestamp::from_microsecond(unix).ok().map(|at| at.to_string())
        };
        Self {
            refci: session.refci,
            farend_refci: session.farendrefci,
            cluster: &session.cluster_id,
            near: side(&session.near, &session.near_leg),
            far: side(&session.far, &session.far_leg),
            started: at(session.started_us),
            ended: session.ended_us.and_then(at),
        }
    }
}

/// What the program answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    recordings: Vec<Entry>,
    complete: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    call_id: Option<String>,
    refci: Option<u32>,
    files: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    path: PathBuf,
    content: Holds,
    #[serde(default)]
    left: LeftLeg,
}

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Holds {
    Stereo,
    Near,
    Far,
}

/// Which leg is in the left channel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum LeftLeg {
    #[default]
    Near,
    Far,
}

impl Entry {
    /// The recordings that it may be of; nothing where it names none of this scenario's.
    fn candidates(&self, sessions: &[Session]) -> Vec<usize> {
        let call_ids = |s: &Session| [&s.near_leg, &s.far_leg].map(|leg| leg.recorder_call_id.clone());
        let fits = |s: &Session| {
            self.refci.is_none_or(|refci| refci == s.refci)
                && self.call_id.as_ref().is_none_or(|id| call_ids(s).contains(id))
        };
        (0..sessions.len()).filter(|at| fits(&sessions[*at])).collect()
    }

    const fn names_a_call(&self) -> bool {
        self.call_id.is_some() || self.refci.is_some()
    }
}

/// The program that tells of a recorder's recordings, with what its command line is filled in with.
#[derive(Debug)]
pub(crate) struct Program {
    values: Values,
}

impl Program {
    pub(super) const fn new(values: Values) -> Self {
        Self { values }
    }

    /// Runs the program until it says that all is there, but no longer than the profile allows, and reads the files.
    ///
    /// # Errors
    /// What was wrong with the program or its answer, which is not the recorder's doing.
    pub(super) async fn gather(self, profile: &Profile, exec: &Exec, sessions: &[Session]) -> Result<Gathered, String> {
        let within = profile.recordings.ready_within;
        let deadline = Instant::now() + within;
        let question = Question { calls: sessions.iter().map(Call::of).collect() };
        let question = serde_json::to_vec(&question).map_err(|e| e.to_string())?;
        let shown = words(&exec.command, &self.values);
        let answer = loop {
            let answer = self.ask(profile, exec, &shown, &question).await?;
            if answer.complete || Instant::now() + PAUSE >= deadline {
                break answer;
            }
            tokio::time::sleep(PAUSE).await;
        };
        let root = profile.project.join(profile.recordings.root.fill(&self.values));
        let mut gathered = Gathered { stored: recordings(&answer, sessions, &root), findings: Vec::new() };
        if !answer.complete {
            let expected = format!("all recordings are there within {within:?} of the last call");
            let found = format!("`{shown}` still answers `\"complete\": false`, and names {}", told(&answer));
            gathered.findings.push(Finding::new("late-file", expected, found));
        }
        Ok(gathered)
    }

    async fn ask(&self, profile: &Profile, exec: &Exec, shown: &str, question: &[u8]) -> Result<Answer, String> {
        let folder = self.values.get("folder").map_or(profile.project.as_path(), Path::new);
        let log = folder.join(LOG);
        let err = File::create(&log).map_err(|e| format!("cannot create {}: {e}", log.display()))?;
        let mut words = exec.command.iter().map(|word| word.fill(&self.values));
        let program = words.next().unwrap_or_default();
        let program = if program.contains('/') { profile.project.join(program) } else { PathBuf::from(program) };
        let mut command = Command::new(program);
        command.args(words).current_dir(&profile.project).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(err);
        let mut child = command.kill_on_drop(true).spawn().map_err(|e| format!("`{shown}` cannot be run: {e}"))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let give = async {
            if let Some(mut stdin) = stdin {
                // A program that does not care for the calls may end without reading them.
                let _ = stdin.write_all(question).await;
            }
        };
        let take = async {
            let mut printed = Vec::new();
            if let Some(stdout) = stdout {
                stdout.take(LONGEST_ANSWER + 1).read_to_end(&mut printed).await?;
            }
            Ok::<_, std::io::Error>((printed, child.wait().await?))
        };
        let both = async { tokio::join!(give, take).1 };
        let (printed, status) = match tokio::time::timeout(exec.within, both).await {
            Err(_) => return Err(format!("`{shown}` did not end within {:?}{}", exec.within, tail(&log))),
            Ok(Err(error)) => return Err(format!("`{shown}` cannot be listened to: {error}")),
            Ok(Ok(ended)) => ended,
        };
        if printed.len() as u64 > LONGEST_ANSWER {
            return Err(format!("`{shown}` printed more than {LONGEST_ANSWER} bytes, expected recordings as JSON"));
        }
        if !status.success() {
            return Err(format!("`{shown}` failed ({status}){}", tail(&log)));
        }
        serde_json::from_slice(&printed).map_err(|error| {
            let text = String::from_utf8_lossy(&printed);
            let begin: String = text.trim().chars().take(SHOWN).collect();
            let begin = if begin.is_empty() { "nothing".to_owned() } else { format!("`{begin}`") };
            let expected = r#"expected `{ "recordings": [ … ], "complete": true }` on standard output"#;
            format!("`{shown}` printed {begin}, {expected}: {error}")
        })
    }
}

/// How many recordings and files there are in an answer.
fn told(answer: &Answer) -> String {
    let files: usize = answer.recordings.iter().map(|entry| entry.files.len()).sum();
    format!("{} recordings with {files} files", answer.recordings.len())
}

/// What an answer names, read. Entries of one recording are put together as long as none holds what another does.
fn recordings(answer: &Answer, sessions: &[Session], root: &Path) -> Vec<crate::kept::Stored> {
    let mut of: Vec<(Option<usize>, BTreeSet<Holds>, Vec<RecordedFile<'static>>)> = Vec::new();
    for entry in &answer.recordings {
        let candidates = entry.candidates(sessions);
        if entry.files.is_empty() || (entry.names_a_call() && candidates.is_empty()) {
            continue;
        }
        let expected = match candidates.as_slice() {
            [only] if entry.names_a_call() => Some(*only),
            _ => None,
        };
        let holds: BTreeSet<Holds> = entry.files.iter().map(|file| file.content).collect();
        let files = entry.files.iter().map(|named| read(named, root));
        let known = of.iter_mut().find(|(to, held, _)| to.is_some() && *to == expected && held.is_disjoint(&holds));
        match known {
            Some((_, held, list)) => {
                held.extend(holds);
                list.extend(files);
            }
            None => of.push((expected, holds, files.collect())),
        }
    }
    let recorded = |(expected, _, files): (Option<usize>, BTreeSet<Holds>, Vec<RecordedFile<'static>>)| Recorded {
        label: files.first().map(|file| file.name.clone()).unwrap_or_default(),
        expected,
        files,
    };
    of.into_iter().map(recorded).map(stored).collect()
}

fn read(named: &Named, root: &Path) -> RecordedFile<'static> {
    let claims = match (named.content, named.left) {
        (Holds::Near, _) => vec![Some(Leg::Near)],
        (Holds::Far, _) => vec![Some(Leg::Far)],
        (Holds::Stereo, LeftLeg::Near) => vec![Some(Leg::Near), Some(Leg::Far)],
        (Holds::Stereo, LeftLeg::Far) => vec![Some(Leg::Far), Some(Leg::Near)],
    };
    let path = root.join(&named.path);
    let content = if path.exists() { content(&path) } else { Content::Missing };
    RecordedFile { name: named.path.display().to_string(), content, claims }
}

#[cfg(test)]
mod tests;
