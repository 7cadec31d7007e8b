//! What the bundled recorder left on disk: one folder a recording, its `recording.json` naming dialogs and files.

use std::path::{Path, PathBuf};

use media::ledger::Leg;
use recorder::metadata::{FILE_NAME, Recording};
use verify::{Content, Recorded, RecordedFile};

use super::Session;
use crate::outcome::Finding;

/// One recording's folder.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its audio as the verifier takes it.
    pub(crate) recorded: Recorded<'static>,
    /// What the recorder wrote about it; `None` where that cannot be read.
    pub(crate) metadata: Option<Recording>,
    /// What is wrong with the folder beside the audio.
    pub(crate) findings: Vec<Finding>,
}

impl Stored {
    /// Whether the recorder left audio, or says that it did.
    pub(crate) fn has_audio(&self) -> bool {
        !self.recorded.files.is_empty()
    }
}

/// Reads every recording below `folder`, those of `sessions` in their order, then all others.
pub(crate) fn read(folder: &Path, sessions: &[Session]) -> Vec<Stored> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let paths = entries(&at);
        folders.extend(paths.iter().filter(|path| path.is_dir()).cloned());
        let audio: Vec<&PathBuf> = paths.iter().filter(|path| path.extension().is_some_and(|e| e == "wav")).collect();
        let metadata = at.join(FILE_NAME);
        if metadata.is_file() || !audio.is_empty() {
            found.push(recording(&at, &metadata, &audio, sessions));
        }
    }
    found.sort_by(|a, b| {
        let key = |stored: &Stored| (stored.recorded.expected.is_none(), stored.recorded.expected);
        (key(a), &a.recorded.label).cmp(&(key(b), &b.recorded.label))
    });
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    paths.sort();
    paths
}

fn recording(folder: &Path, metadata: &Path, audio: &[&PathBuf], sessions: &[Session]) -> Stored {
    let read = std::fs::read_to_string(metadata).map_err(|e| e.to_string());
    match read.and_then(|text| Recording::from_json(&text).map_err(|e| e.to_string())) {
        Ok(recording) => known(folder, recording, audio, sessions),
        Err(why) => unknown(folder, &why, audio),
    }
}

fn known(folder: &Path, recording: Recording, audio: &[&PathBuf], sessions: &[Session]) -> Stored {
    let dialogs: Vec<&str> = recording.legs.iter().map(|leg| leg.call_id.as_str()).collect();
    let ours = |session: &Session| Leg::ALL.iter().any(|leg| dialogs.contains(&&*session.leg(*leg).recorder_call_id));
    let expected = sessions.iter().position(ours);
    let word = |value: &Option<String>| value.clone().unwrap_or_else(|| "?".to_owned());
    let (near, far, refci) = (word(&recording.near.address), word(&recording.far.address), word(&recording.refci));
    let label = format!("{near} with {far} (refci {refci})");
    let mut findings = Vec::new();
    for path in audio {
        let name = name_of(path);
        if !recording.files.iter().any(|file| file.name == name) {
            let mut finding =
                Finding::new("unlisted-file", format!("every audio file in {FILE_NAME}"), "a file not in it");
            (finding.recording, finding.file) = (Some(label.clone()), Some(name));
            findings.push(finding);
        }
    }
    let files = recording.files.iter().map(|file| match std::fs::read(folder.join(&file.name)) {
        Ok(bytes) => claimed(&file.name, &file.content, bytes),
        Err(e) => unreadable(&file.name, &e),
    });
    let files = files.collect();
    Stored { recorded: Recorded { label, expected, files }, metadata: Some(recording), findings }
}

/// A folder whose metadata say nothing: its audio is judged all the same, and says itself which recording it is.
fn unknown(folder: &Path, why: &str, audio: &[&PathBuf]) -> Stored {
    let label = name_of(folder);
    let mut finding = Finding::new("unreadable-metadata", format!("a {FILE_NAME} that can be read"), why);
    (finding.recording, finding.file) = (Some(label.clone()), Some(FILE_NAME.to_owned()));
    let files = audio.iter().map(|path| {
        let name = name_of(path);
        match std::fs::read(path) {
            Ok(bytes) => claimed(&name, name.strip_suffix(".wav").unwrap_or(&name), bytes),
            Err(e) => unreadable(&name, &e),
        }
    });
    let files = files.collect();
    Stored { recorded: Recorded { label, expected: None, files }, metadata: None, findings: vec![finding] }
}

/// A file of this content: `near`, `far` or `stereo`.
fn claimed(name: &str, content: &str, bytes: Vec<u8>) -> RecordedFile<'static> {
    match content {
        "near" => RecordedFile::mono(name, Leg::Near, bytes),
        "far" => RecordedFile::mono(name, Leg::Far, bytes),
        _ => RecordedFile::stereo(name, bytes),
    }
}

fn unreadable(name: &str, why: &std::io::Error) -> RecordedFile<'static> {
    RecordedFile { name: name.to_owned(), content: Content::Unreadable(why.to_string()), claims: Vec::new() }
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
