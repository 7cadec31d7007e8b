//! The adapter `exec`: a program of the user's says which files hold which call, wherever the recorder keeps them.
//!
//! It gets the calls as JSON on its standard input and prints the recordings as JSON. What goes wrong with the program
//! itself is never blamed on the recorder.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;

use super::dir::Gathered;
use super::process::{tail, words};
use super::profile::{Exec, Profile};
use super::template::Values;
use super::told::{Holds, LeftLeg, Names, Told, at, file, on_disk, put_together, said, strangers};
use crate::kept::{Session, SessionLeg, Stored};
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
        Self {
            refci: session.refci,
            farend_refci: session.farendrefci,
            cluster: &session.cluster_id,
            near: side(&session.near, &session.near_leg),
            far: side(&session.far, &session.far_leg),
            started: at(session, Some(session.started_us)).map(|at| at.to_string()),
            ended: at(session, session.ended_us).map(|at| at.to_string()),
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
    /// What the recorder says of it; the profile tells how to read it.
    #[serde(default)]
    metadata: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    path: PathBuf,
    content: Holds,
    #[serde(default)]
    left: LeftLeg,
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
        let mut findings = Vec::new();
        if !answer.complete {
            let expected = format!("all recordings are there within {within:?} of the last call");
            let found = format!("`{shown}` still answers `\"complete\": false`, and names {}", told(&answer));
            findings.push(Finding::new("late-file", expected, found));
        }
        let (stored, told) = recordings(answer, profile, sessions, &root);
        Ok(Gathered { stored, findings, told, ..Gathered::default() })
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

/// What an answer names, read; and that there is more of other calls.
fn recordings(answer: Answer, profile: &Profile, sessions: &[Session], root: &Path) -> (Vec<Stored>, Vec<String>) {
    let told = |Entry { call_id, refci, files, metadata }: Entry| {
        let names = Names { refci: refci.map(|refci| refci.to_string()), call_id };
        let read = |named: &Named| {
            file(&named.path.display().to_string(), named.content, named.left, on_disk(&root.join(&named.path)))
        };
        Told {
            of: (!names.is_empty()).then(|| names.candidates(sessions)),
            files: files.iter().map(read).collect(),
            said: said(profile, || metadata),
        }
    };
    let told: Vec<Told> = answer.recordings.into_iter().map(told).collect();
    let others = strangers(told.iter().map(|told| &told.of));
    (put_together(told), others)
}

#[cfg(test)]
mod tests;
