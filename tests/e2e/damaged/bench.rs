//! Calls that were recorded and kept, and a copy of one recording for every damage.

use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use media::wav::{Encoding, Writer, read};
use mixedmode::Exit;
use scenario::outcome::{Finding, RunOutcome, Verdict};
use scenario::run::{Network, Options};
use serde_json::Value;
use tempfile::TempDir;

/// Samples of a frame.
pub(super) const FRAME: usize = 160;

/// Where damage is done: the start of a frame, three seconds into a leg's own file.
pub(super) const SPOT: usize = 24_000;

/// Which calls were recorded.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Two calls that have nothing to do with each other.
    Apart,
    /// One call, recorded at both phones, held and resumed, with many packets that fail authentication.
    Linked,
}

const APART: &str = r#"
scenario: Two calls at a time, of which one recording is damaged
phones:
  agent:    { line: "2000", name: Agent, security: encrypted, recording: automatic }
  customer: { line: "1000", name: Customer, security: encrypted }
  boss:     { line: "2001", name: Boss, security: encrypted, recording: automatic }
  client:   { line: "1001", name: Client, security: encrypted }
steps:
  - call: { from: customer, to: agent }
  - answer: agent
  - call: { from: client, to: boss }
  - answer: boss
  - talk: 6s
  - hang up: agent
  - hang up: boss
"#;

const LINKED: &str = r#"
scenario: A call with a past, seen from both sides
phones:
  agent:    { line: "2000", name: Agent, security: encrypted, recording: automatic }
  customer: { line: "1000", name: Customer, security: encrypted, recording: automatic }
steps:
  - call: { from: customer, to: agent }
  - answer: agent
  - talk: 2s
  - hold: agent
  - wait: 1s
  - resume: agent
  - talk: 1s
  - inject: { on: agent, what: flipped tag, legs: [near], every: 1, for: 4s }
  - talk: 6s
  - hang up: agent
"#;

/// The folder of a run that kept its recordings and its ledger.
fn kept(run: Run) -> &'static Path {
    static KEPT: [OnceLock<TempDir>; 2] = [const { OnceLock::new() }; 2];
    let text = match run {
        Run::Apart => APART,
        Run::Linked => LINKED,
    };
    let folder = KEPT[run as usize].get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { keep: Some(folder.path().to_owned()), ..tests::options(Network::Simulated, 3) };
        let outcome = tests::run_text("calls.yaml", text, &options).unwrap();
        assert_eq!(outcome.verdict, Verdict::Pass, "{outcome:#?}");
        folder
    });
    folder.path()
}

/// A copy of everything that was kept.
pub(super) struct Copy {
    folder: TempDir,
    /// The last recording of agent and customer.
    recording: PathBuf,
    /// Another one: that of boss and client, or the customer's view of the same talk.
    other: PathBuf,
}

impl Copy {
    pub(super) fn of(run: Run) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(kept(run), folder.path());
        let mut recordings = Vec::new();
        find(folder.path(), &mut recordings);
        recordings.sort();
        let of = |number: &str| {
            let is = |path: &&PathBuf| {
                let text = std::fs::read_to_string(path.join("recording.json")).unwrap();
                serde_json::from_str::<Value>(&text).unwrap()["near"]["address"] == number
            };
            recordings.iter().rfind(is).unwrap().clone()
        };
        let (recording, other) = match run {
            Run::Apart => (of("2000"), of("2001")),
            Run::Linked => (of("2000"), of("1000")),
        };
        Self { folder, recording, other }
    }

    pub(super) fn ledger(&self) -> PathBuf {
        self.folder.path().join("calls").join("ledger.json")
    }

    pub(super) fn recording(&self) -> &Path {
        &self.recording
    }

    /// A file of the recording that is damaged.
    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.recording.join(file)
    }

    /// A file of the other recording.
    pub(super) fn other(&self, file: &str) -> PathBuf {
        self.other.join(file)
    }

    /// The channels of a file.
    pub(super) fn samples(&self, file: &str) -> Vec<Vec<i16>> {
        read(&std::fs::read(self.path(file)).unwrap()).unwrap().samples
    }

    /// Changes the only channel of a file.
    pub(super) fn mono(&self, file: &str, change: impl FnOnce(&mut Vec<i16>)) {
        let mut samples = self.samples(file).remove(0);
        change(&mut samples);
        self.write(file, 8000, Encoding::Pcm16, &[samples]);
    }

    /// Changes both channels of `stereo.wav`; the shorter one is filled up with silence.
    pub(super) fn stereo(&self, change: impl FnOnce(&mut Vec<i16>, &mut Vec<i16>)) {
        let mut samples = self.samples("stereo.wav");
        let (mut far, mut near) = (samples.remove(1), samples.remove(0));
        change(&mut near, &mut far);
        let length = near.len().max(far.len());
        near.resize(length, 0);
        far.resize(length, 0);
        self.write("stereo.wav", 8000, Encoding::Pcm16, &[near, far]);
    }

    /// Writes a file with a sound header.
    pub(super) fn write(&self, file: &str, rate: u32, encoding: Encoding, channels: &[Vec<i16>]) {
        let mut sink = Writer::new(Cursor::new(Vec::new()), rate, channels.len() as u16, encoding).unwrap();
        let frames = channels[0].len();
        let mixed: Vec<i16> = (0..frames).flat_map(|n| channels.iter().map(move |channel| channel[n])).collect();
        sink.write(&mixed).unwrap();
        std::fs::write(self.path(file), sink.finish().unwrap().into_inner()).unwrap();
    }

    /// Changes the bytes of a file.
    pub(super) fn bytes(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = std::fs::read(self.path(file)).unwrap();
        change(&mut bytes);
        std::fs::write(self.path(file), bytes).unwrap();
    }

    /// Changes `recording.json`.
    pub(super) fn json(&self, change: impl FnOnce(&mut Value)) {
        let mut value = serde_json::from_slice(&std::fs::read(self.path("recording.json")).unwrap()).unwrap();
        change(&mut value);
        std::fs::write(self.path("recording.json"), value.to_string()).unwrap();
    }

    /// `mixedmode verify` with these files.
    pub(super) fn verify(&self, files: &[PathBuf]) -> (Exit, Vec<Finding>, String) {
        let json = self.folder.path().join("outcome.json");
        let mut args: Vec<std::ffi::OsString> = vec!["mixedmode".into(), "verify".into(), self.ledger().into()];
        args.extend(files.iter().map(|file| file.clone().into_os_string()));
        args.extend(["--report-json".into(), json.clone().into()]);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = mixedmode::run(args, &mut out, &mut err);
        let said = format!("{}{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err));
        let findings = std::fs::read(json).ok().map(|json| {
            let mut outcome: RunOutcome = serde_json::from_slice(&json).unwrap();
            outcome.scenarios.remove(0).findings
        });
        (exit, findings.unwrap_or_default(), said)
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(super) fn find(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        if entry.path().join("recording.json").is_file() {
            found.push(entry.path());
        }
        find(&entry.path(), found);
    }
}
