//! A folder with a `mixedmode.toml` in which scenarios are run against recorders that are not inside the harness.

use std::path::{Path, PathBuf};

use mixedmode::Exit;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mixedmode");

pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A folder with this `mixedmode.toml`, in which `PROGRAM` stands for the program under test.
    pub(crate) fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mixedmode.toml"), config.replace("PROGRAM", PROGRAM)).unwrap();
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a scenario that the repository has, with its talk cut short and `change` made to it.
    pub(crate) fn scenario(&self, file: &str, change: impl Fn(String) -> String) -> String {
        let text = std::fs::read_to_string(top().join(file)).unwrap();
        let short = text.replace("talk: 10s", "talk: 3s").replace("talk: 6s", "talk: 3s");
        let path = self.path(Path::new(file).file_name().unwrap().to_str().unwrap());
        std::fs::write(&path, change(short)).unwrap();
        path.display().to_string()
    }

    pub(crate) fn plain_call(&self) -> String {
        self.scenario("scenarios/plain-call.yaml", |text| text)
    }

    /// Runs scenarios in real time; again where this machine was too busy to send its packets in time.
    pub(crate) fn run(&self, recorder: &str, scenarios: &[&str], more: &[&str]) -> (Exit, String) {
        let config = self.path("mixedmode.toml").display().to_string();
        let args = ["mixedmode", "run", "--recorder", recorder, "--config", &config];
        let args = [&args, scenarios, more].concat();
        let once = || {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let exit = mixedmode::run(args.iter().map(|arg| (*arg).into()), &mut out, &mut err);
            (exit, String::from_utf8(out).unwrap() + &String::from_utf8(err).unwrap())
        };
        let mut ran = once();
        for _ in 0..3 {
            if ran.1.contains("the harness itself sent") {
                ran = once();
            }
        }
        ran
    }
}

/// Our own recorder, set up by the commands that its administrator would use.
pub(crate) const STARTED: &str = r#"
[recorders.ours]
listens = { tls = 5061 }
certificates = { recorder = "{folder}/recorder.pem" }

[recorders.ours.start]
prepare = [
    ["PROGRAM", "certs", "create", "--address", "{address}", "--store", "{folder}/certificates"],
    ["PROGRAM", "certs", "export", "{folder}/recorder.pem", "--store", "{folder}/certificates"],
    ["PROGRAM", "certs", "import", "{cucm_certificate}", "--store", "{folder}/certificates"],
]
command = ["PROGRAM", "record", "--config", "{folder}/recorder.toml"]
ready = { log = "listening on", within = "20s" }

[[recorders.ours.start.files]]
path = "{folder}/recorder.toml"
text = '''
address = "{address}"
local_port = {port}
user = "{user}"
srtp = "fallback"
# fault
[[sip_server]]
address = "{cucm_address}"
'''

[recorders.ours.recordings]
root = "{folder}/recordings"
stereo = "{date}/*-{refci}-*/stereo.wav"
near = "{date}/*-{refci}-*/near.wav"
far = "{date}/*-{refci}-*/far.wav"
unchanged_for = "500ms"
"#;
