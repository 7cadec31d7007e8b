//! What the bundled recorder left on disk: one folder a recording, its `recording.json` naming dialogs and files.

use std::path::{Component, Path, PathBuf};

use media::ledger::Leg;
use recorder::metadata::{FILE_NAME, Recording};
use verify::{Content, Recorded, RecordedFile};

use super::Session;
use super::metadata::unknown as unknown_keys;
use crate::outcome::Finding;
use crate::under_test::Said;

/// The largest WAV file that is judged: nine hours of two channels at 8 kHz and 16 bits.
pub(crate) const LARGEST_WAV: u64 = 1 << 30;
/// No `recording.json` is larger.
const LARGEST_METADATA: u64 = 16 << 20;

/// One recording's folder.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its audio as the verifier takes it.
    pub(crate) recorded: Recorded<'static>,
    /// Where it lies.
    pub(crate) folder: PathBuf,
    /// What the recorder wrote about it; `None` where that cannot be read.
    pub(crate) metadata: Option<Recording>,
    /// What somebody else's recorder says about it, where its profile tells how to read that.
    pub(crate) said: Vec<Said>,
    /// Whether its files are said to have both legs in one channel.
    pub(crate) is_mixed: bool,
    /// What is wrong with the folder beside the audio.
    pub(crate) findings: Vec<Finding>,
    /// The recordings that its names stand for, where they tell; more than one, where they do not tell which.
    pub(crate) fits: Vec<usize>,
    /// Whether all of these must have the same names, so that one is written over the other.
    pub(crate) is_shared: bool,
}

impl Stored {
    /// The size of a file.
    pub(crate) fn bytes_of(&self, name: &str) -> Option<u64> {
        let file = self.recorded.files.iter().find(|file| file.name == name)?;
        match &file.content {
            Content::Wav(bytes) => Some(bytes.len() as u64),
            Content::Missing | Content::Unreadable(_) => None,
        }
    }

    /// The rate in the header of a file that begins as the recorder writes it.
    pub(crate) fn rate_of(&self, name: &str) -> Option<u32> {
        let file = self.recorded.files.iter().find(|file| file.name == name)?;
        let Content::Wav(bytes) = &file.content else { return None };
        let rate = bytes.get(24..28).filter(|_| bytes.get(12..16) == Some(b"fmt "))?;
        Some(u32::from_le_bytes(rate.try_into().ok()?))
    }

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
        // A link may lead out of the folder, or round in a circle.
        folders.extend(paths.iter().filter(|path| path.is_dir() && !path.is_symlink()).cloned());
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
    let read = wire::file::read_text(metadata, LARGEST_METADATA).map_err(|e| e.to_string());
    let read = read.and_then(|text| match Recording::from_json(&text) {
        Ok(recording) => Ok((unknown_keys(&text, &recording), recording)),
        Err(error) => Err(error.to_string()),
    });
    match read {
        Ok((odd, recording)) => {
            let mut stored = known(folder, recording, audio, sessions);
            stored.findings.extend(odd);
            stored
        }
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
    let mut files: Vec<RecordedFile<'static>> = Vec::new();
    for file in &recording.files {
        match (is_plain(&file.name), files.iter().any(|other| other.name == file.name)) {
            (true, false) => files.push(claimed(folder, &file.name, &file.content)),
            (false, _) => findings.push(listed(&label, "a plain name of a file in the recording's folder", &file.name)),
            (true, true) => findings.push(listed(&label, "every file once", &file.name)),
        }
    }
    let folder = folder.to_owned();
    Stored {
        recorded: Recorded { label, expected, files },
        folder,
        metadata: Some(recording),
        said: Vec::new(),
        is_mixed: false,
        findings,
        fits: Vec::new(),
        is_shared: false,
    }
}

/// A folder whose metadata say nothing: its audio is judged all the same, and says itself which recording it is.
fn unknown(folder: &Path, why: &str, audio: &[&PathBuf]) -> Stored {
    let label = name_of(folder);
    let mut finding = if folder.join(FILE_NAME).exists() {
        Finding::new("unreadable-metadata", format!("a {FILE_NAME} that can be read"), why)
    } else {
        Finding::new("missing-file", format!("a {FILE_NAME} beside the audio"), "there is no such file")
    };
    (finding.recording, finding.file) = (Some(label.clone()), Some(FILE_NAME.to_owned()));
    let files = audio.iter().map(|path| {
        let name = name_of(path);
        claimed(folder, &name, name.strip_suffix(".wav").unwrap_or(&name))
    });
    let files = files.collect();
    let folder = folder.to_owned();
    Stored {
        recorded: Recorded { label, expected: None, files },
        folder,
        metadata: None,
        said: Vec::new(),
        is_mixed: false,
        findings: vec![finding],
        fits: Vec::new(),
        is_shared: false,
    }
}

/// A file of the folder with this content: `near`, `far` or `stereo`.
fn claimed(folder: &Path, name: &str, content: &str) -> RecordedFile<'static> {
    match (wire::file::read(&folder.join(name), LARGEST_WAV), content) {
        (Ok(bytes), "near") => RecordedFile::mono(name, Leg::Near, bytes),
        (Ok(bytes), "far") => RecordedFile::mono(name, Leg::Far, bytes),
        (Ok(bytes), _) => RecordedFile::stereo(name, bytes),
        (Err(why), _) => {
            let gone = why.kind() == std::io::ErrorKind::NotFound;
            let content = if gone { Content::Missing } else { Content::Unreadable(why.to_string()) };
            RecordedFile { name: name.to_owned(), content, claims: Vec::new() }
        }
    }
}

/// Whether a name stays in its folder.
fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name)
}

fn listed(label: &str, expected: &str, name: &str) -> Finding {
    let mut finding = Finding::new("wrong-metadata", expected, format!("{name:?} in {FILE_NAME}"));
    (finding.recording, finding.file) = (Some(label.to_owned()), Some(FILE_NAME.to_owned()));
    finding
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
