//! A recorder as a process: what comes before it, its start, whether it lives, its stop.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, kill_process_group, test_kill_process_group};
use tokio::process::{Child, Command};
use wire::Net;

use super::health::Url;
use super::profile::{PREPARE, Ready, Signal, Start, Stop};
use super::template::{Template, Values};

/// Between two looks at whether a recorder is ready.
const LOOK: Duration = Duration::from_millis(50);
/// How long a recorder that has printed that it is ready must go on to be believed.
const LAST_WORDS: Duration = Duration::from_millis(150);
/// How many of a recorder's last lines are shown when it does not start.
const TAIL_LINES: usize = 12;
/// How many earlier lines are shown with them, where they speak of an error.
const ERROR_LINES: usize = 4;
/// Longer lines are cut.
const LINE: usize = 200;
/// What a line has in it, in any case of letters, that tells why a program gave up.
const TROUBLE: [&str; 8] = ["error", "fatal", "panicked", "exception", "traceback", "cannot ", "could not", "failed"];
/// How much of a log is looked at: its end.
const TAIL_BYTES: u64 = 1 << 20;
/// The file that takes all that a recorder prints.
pub(super) const LOG: &str = "recorder.log";

/// How long the processes that a recorder leaves behind may go on, once it is gone itself, before they are killed.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// A recorder that was started by us, with all processes of its group. Dropping it asks it to stop and kills it where it does not.
#[derive(Debug)]
pub(crate) struct Process {
    /// `None` when it is being stopped.
    running: Option<Running>,
    log: PathBuf,
    /// Where in the log the words of this start begin.
    since: u64,
    /// Whether it may end by itself.
    is_forgiven: bool,
    stop: Stop,
}

/// A program and the process group that it leads. Dropping it kills them all.
#[derive(Debug)]
struct Running {
    child: Child,
    group: Option<Pid>,
}

/// How a recorder's process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// When it was asked to.
    Asked,
    /// It did not end in time and was killed.
    Killed,
    /// Before it was asked to: how, and its last lines.
    Early(String),
}

/// Where a recorder is reached, and from where.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a> {
    pub(crate) net: &'a Net,
    pub(crate) from: IpAddr,
    pub(crate) recorder: IpAddr,
    /// The TCP port that the trunk will come to; `None` where it comes over UDP.
    pub(crate) trunk: Option<u16>,
}

impl Process {
    /// Writes the files, runs the commands before, starts the program and waits until it is ready.
    ///
    /// # Errors
    /// What was tried, what happened, and the last lines of the log.
    pub(crate) async fn start(
        start: &Start,
        stop: &Stop,
        values: &Values,
        project: &Path,
        folder: &Path,
        way: Way<'_>,
    ) -> Result<Self, String> {
        vacant(start, stop, values, &way).await?;
        for (path, text) in &start.files {
            write(&project.join(path.fill(values)), text.fill(values).as_bytes())?;
        }
        let log = folder.join(LOG);
        File::create(&log).map_err(|e| format!("cannot create {}: {e}", log.display()))?;
        for command in &start.prepare {
            prepare(command, start, values, project, &log).await?;
        }
        let mut command = command(&start.command, start, values, project, &log)?;
        let child = command.spawn().map_err(|e| format!("cannot run `{}`: {e}", words(&start.command, values)))?;
        let mut process =
            Self { running: Some(Running::of(child)), log, since: 0, is_forgiven: false, stop: stop.clone() };
        process.wait_until_ready(start, values, way).await?;
        Ok(process)
    }

    /// Waits until it can take calls.
    ///
    /// # Errors
    /// What is missing when its time is up, and the last lines of the log.
    pub(crate) async fn wait_until_ready(
        &mut self,
        start: &Start,
        values: &Values,
        way: Way<'_>,
    ) -> Result<(), String> {
        let deadline = Instant::now() + start.ready_within;
        while let Err(missing) = self.is_ready(&start.ready, values, &way).await {
            if let Some(status) = self.exited().filter(|_| !self.is_forgiven) {
                return Err(format!("it ended at once ({status}){}", self.tail()));
            }
            if Instant::now() >= deadline {
                return Err(format!("{missing} after {:?}{}", start.ready_within, self.tail()));
            }
            tokio::time::sleep(LOOK).await;
        }
        // A line of a log may be one of those that a program prints when it gives up.
        if matches!(start.ready, Ready::Log(_)) {
            tokio::time::sleep(LAST_WORDS).await;
        }
        match self.exited().filter(|_| !self.is_forgiven) {
            Some(status) => Err(format!("it seemed ready and had ended ({status}){}", self.tail())),
            None => Ok(()),
        }
    }

    /// Whether it can take calls; else what is missing.
    async fn is_ready(&self, ready: &Ready, values: &Values, way: &Way<'_>) -> Result<(), String> {
        match ready {
            Ready::Port(port) => {
                let at = SocketAddr::new(way.recorder, *port);
                way.net.connect(way.from, at).await.map(drop).map_err(|_| format!("nothing listens on {at}"))
            }
            Ready::Log(text) if read_since(&self.log, self.since).contains(text.as_str()) => Ok(()),
            Ready::Log(text) => Err(format!("it did not write `{text}`")),
            Ready::Http(url) => {
                let url = url.fill(values);
                let asked = Url::parse(&url)?.is_fine(way.net, way.from).await;
                asked.map_err(|why| format!("GET {url} {why}"))
            }
        }
    }

    /// Ends it at once, with all that it started. That it is gone is then no news.
    pub(crate) async fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
            let _ = running.child.wait().await;
        }
    }

    /// Has a command do something to it, which may end it.
    ///
    /// # Errors
    /// That the command failed, with the last lines of the log.
    pub(crate) async fn befall(
        &self,
        words: &[Template],
        start: &Start,
        values: &Values,
        project: &Path,
    ) -> Result<(), String> {
        run_to_its_end(words, start, values, project, &self.log).await
    }

    /// Stops it, where it runs, and starts it again; what is done before a first start is not done again.
    ///
    /// # Errors
    /// As at its first start.
    pub(crate) async fn again(
        &mut self,
        start: &Start,
        values: &Values,
        project: &Path,
        way: Way<'_>,
    ) -> Result<(), String> {
        if let Some(mut running) = self.running.take() {
            running.signal(signal(self.stop.signal));
            if tokio::time::timeout(self.stop.within, running.child.wait()).await.is_err() {
                return Err(format!("it did not end within {:?} when it was to be restarted", self.stop.within));
            }
        }
        self.since = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        let mut command = command(&start.command, start, values, project, &self.log)?;
        let child = command.spawn().map_err(|e| format!("cannot run `{}`: {e}", words(&start.command, values)))?;
        self.running = Some(Running::of(child));
        self.wait_until_ready(start, values, way).await
    }

    /// It may end, or have ended, by what befell it.
    pub(crate) fn forgive(&mut self) {
        self.is_forgiven = true;
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.running.as_mut().and_then(Running::exited)
    }

    /// Ends the program and what it started: by its signal, and when that has no effect in time, by force.
    pub(crate) async fn stop(mut self) -> Ended {
        if let Some(status) = self.exited().filter(|_| !self.is_forgiven) {
            return Ended::Early(format!("{status}{}", self.tail()));
        }
        let Some(mut running) = self.running.take() else { return Ended::Asked };
        running.signal(signal(self.stop.signal));
        if tokio::time::timeout(self.stop.within, running.child.wait()).await.is_err() {
            running.kill();
            let _ = running.child.wait().await;
            return Ended::Killed;
        }
        let until = Instant::now() + STRAGGLERS.min(self.stop.within);
        while running.has_members() && Instant::now() < until {
            tokio::time::sleep(LOOK).await;
        }
        Ended::Asked
    }

    /// The last lines of the log, each on a line of its own.
    fn tail(&self) -> String {
        tail(&self.log)
    }
}

/// A recorder whose scenario is broken off gets its signal and its time all the same. The runtime waits for that when it ends.
impl Drop for Process {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        if running.exited().is_some() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        running.signal(signal(self.stop.signal));
        let until = Instant::now() + self.stop.within;
        runtime.spawn_blocking(move || {
            while running.exited().is_none() && Instant::now() < until {
                std::thread::sleep(LOOK);
            }
        });
    }
}

impl Running {
    fn of(child: Child) -> Self {
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, group }
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Signals the whole group; one that has gone in this moment needs no signal.
    fn signal(&self, signal: rustix::process::Signal) {
        let _ = self.group.map(|group| kill_process_group(group, signal));
    }

    fn kill(&self) {
        self.signal(rustix::process::Signal::KILL);
    }

    fn has_members(&self) -> bool {
        self.group.is_some_and(|group| test_kill_process_group(group).is_ok())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Nobody may answer where the recorder will be before it is started, or a scenario would be played to somebody else, such as a
/// recorder of an earlier run that nobody ended. One that is just ending gets its time.
///
/// # Errors
/// Who answers where.
async fn vacant(start: &Start, stop: &Stop, values: &Values, way: &Way<'_>) -> Result<(), String> {
    let port = match start.ready {
        Ready::Port(port) => Some(port),
        Ready::Http(_) | Ready::Log(_) => None,
    };
    let ports: BTreeSet<u16> = port.into_iter().chain(way.trunk).filter(|port| *port > 0).collect();
    let deadline = Instant::now() + stop.within + STRAGGLERS;
    for at in ports.into_iter().map(|port| SocketAddr::new(way.recorder, port)) {
        while way.net.connect(way.from, at).await.is_ok() {
            if Instant::now() >= deadline {
                return Err(format!("something answers on {at} before it was started, {LEFT_OVER}"));
            }
            tokio::time::sleep(LOOK).await;
        }
    }
    if let Ready::Http(url) = &start.ready {
        let url = url.fill(values);
        if Url::parse(&url)?.is_fine(way.net, way.from).await.is_ok() {
            return Err(format!("GET {url} is answered before it was started, {LEFT_OVER}"));
        }
    }
    Ok(())
}

/// What answers before a recorder is started.
const LEFT_OVER: &str = "such as a recorder of an earlier run that was killed; end it (`ss -ltnp` tells which process it is), or \
                         leave `start` out if it is meant to be tested as it runs";

async fn prepare(
    words_of: &[Template],
    start: &Start,
    values: &Values,
    project: &Path,
    log: &Path,
) -> Result<(), String> {
    let ended = run_to_its_end(words_of, start, values, project, log).await;
    ended.map_err(|why| format!("of what is run before it, {why}"))
}

/// Runs a command that has to succeed.
pub(crate) async fn run_to_its_end(
    words_of: &[Template],
    start: &Start,
    values: &Values,
    project: &Path,
    log: &Path,
) -> Result<(), String> {
    let mut command = command(words_of, start, values, project, log)?;
    let shown = words(words_of, values);
    let ended = match tokio::time::timeout(PREPARE, command.status()).await {
        Err(_) => format!("`{shown}` did not end within {PREPARE:?}"),
        Ok(Err(error)) => format!("`{shown}` cannot be run: {error}"),
        Ok(Ok(status)) if status.success() => return Ok(()),
        Ok(Ok(status)) => format!("`{shown}` failed ({status})"),
    };
    Err(format!("{ended}{}", tail(log)))
}

fn command(
    template: &[Template],
    start: &Start,
    values: &Values,
    project: &Path,
    log: &Path,
) -> Result<Command, String> {
    let failed = |e: io::Error| format!("cannot write {}: {e}", log.display());
    let out = File::options().append(true).create(true).open(log).map_err(failed)?;
    let err = out.try_clone().map_err(failed)?;
    let mut words = template.iter().map(|word| word.fill(values));
    let program = words.next().unwrap_or_default();
    // A bare name is looked for in PATH, a path is taken from the project.
    let program = if program.contains('/') { project.join(program) } else { PathBuf::from(program) };
    let mut command = Command::new(program);
    command
        .args(words)
        .current_dir(project.join(start.working_folder.fill(values)))
        .envs(start.environment.iter().map(|(name, value)| (name, value.fill(values))))
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .process_group(0)
        .kill_on_drop(true);
    Ok(command)
}

pub(super) fn words(command: &[Template], values: &Values) -> String {
    command.iter().map(|word| word.fill(values)).collect::<Vec<_>>().join(" ")
}

/// Writes a file, with the folders it needs.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(path, bytes)).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Writes a file that only its owner may read, with the folders it needs.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
    let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)
}

/// The last lines of a recorder's log, whatever they say.
pub(crate) fn last_lines(folder: &Path) -> Vec<String> {
    let text = read_tail(&folder.join(LOG));
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    last.iter().map(|line| line.chars().take(LINE).collect()).collect()
}

/// The end of a log, and before it the latest lines that name an error: a program that takes itself down in order says
/// what went wrong long before its last line.
pub(super) fn tail(log: &Path) -> String {
    let text = read_tail(log);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    if lines.is_empty() {
        return "; it printed nothing".to_owned();
    }
    let (earlier, last) = lines.split_at(lines.len().saturating_sub(TAIL_LINES));
    let mut errors: Vec<&str> = earlier.iter().rev().copied().filter(names_trouble).take(ERROR_LINES).collect();
    errors.reverse();
    let show = |line: &&str| format!("\n      | {}", line.chars().take(LINE).collect::<String>());
    let errors: String = errors.iter().map(show).collect();
    let errors = if errors.is_empty() { errors } else { format!("{errors}\n      …") };
    let last: String = last.iter().map(show).collect();
    format!("; its last lines{}:{errors}{last}", if errors.is_empty() { "" } else { ", and errors before them" })
}

fn names_trouble(line: &&str) -> bool {
    let line = line.to_lowercase();
    TROUBLE.iter().any(|word| line.contains(word))
}

fn read_tail(log: &Path) -> String {
    read_since(log, 0)
}

/// The end of what stands in a log behind so many bytes.
fn read_since(log: &Path, since: u64) -> String {
    let mut bytes = Vec::new();
    let read = File::open(log).and_then(|mut file| {
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(TAIL_BYTES).max(since)))?;
        file.take(TAIL_BYTES).read_to_end(&mut bytes)
    });
    read.map(|_| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

const fn signal(signal: Signal) -> rustix::process::Signal {
    match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Int => rustix::process::Signal::INT,
        Signal::Hup => rustix::process::Signal::HUP,
        Signal::Quit => rustix::process::Signal::QUIT,
        Signal::Kill => rustix::process::Signal::KILL,
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use wire::NetOptions;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn start(script: &str, ready: Ready, within_ms: u64) -> Start {
        Start {
            files: vec![(Template::plain("hello.txt"), Template::plain("hello"))],
            prepare: Vec::new(),
            command: ["sh", "-c", script].map(Template::plain).to_vec(),
            working_folder: Template::plain("."),
            environment: vec![("GREETING".to_owned(), Template::plain("guten Tag"))],
            ready,
            ready_within: Duration::from_millis(within_ms),
        }
    }

    async fn run(start: &Start, stop: &Stop) -> Result<Ended, String> {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::os(NetOptions::default());
        let way = Way { net: &net, from: HERE, recorder: HERE, trunk: None };
        let process = Process::start(start, stop, &Values::new(), folder.path(), folder.path(), way).await?;
        Ok(process.stop().await)
    }

    fn log(text: &str) -> Ready {
        Ready::Log(text.to_owned())
    }

    fn stop() -> Stop {
        Stop { signal: Signal::Term, within: Duration::from_millis(300) }
    }

    #[tokio::test]
    async fn a_program_that_is_ready_is_stopped_when_asked() {
        let asked = start("cat hello.txt; echo \"$GREETING\"; exec sleep 60", log("helloguten Tag\n"), 5000);
        assert_eq!(run(&asked, &stop()).await, Ok(Ended::Asked));
    }

    #[test]
    fn a_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/recorder.key");
        write_private(&path, b"secret").unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
    }

    #[tokio::test]
    async fn a_program_that_does_not_listen_to_its_signal_is_killed() {
        let stubborn = start("trap '' TERM; echo ready; while :; do sleep 0.05; done", log("ready"), 5000);
        assert_eq!(run(&stubborn, &stop()).await, Ok(Ended::Killed));
    }

    /// Whether a process of this number, which a program of the folder wrote down, goes on. One that has ended and that nobody has
    /// asked for is `Z`.
    fn goes_on(folder: &Path, file: &str) -> bool {
        let id = std::fs::read_to_string(folder.join(file)).unwrap();
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }

    #[tokio::test]
    async fn nothing_that_a_program_started_survives_it() {
        let wait = "while :; do sleep 0.05; done";
        let deaf = format!("sh -c \"trap '' TERM; echo \\$\\$ > child; echo ready; {wait}\" & wait");
        let brief = format!("{deaf} & sleep 0.3; exit 1");
        for (script, expected) in [(&deaf, "Asked"), (&brief, "Early")] {
            let folder = tempfile::tempdir().unwrap();
            let net = Net::os(NetOptions::default());
            let way = Way { net: &net, from: HERE, recorder: HERE, trunk: None };
            let start = start(script, log("ready"), 5000);
            let process =
                Process::start(&start, &stop(), &Values::new(), folder.path(), folder.path(), way).await.unwrap();
            assert!(goes_on(folder.path(), "child"));
            tokio::time::sleep(Duration::from_millis(500)).await;
            let ended = process.stop().await;
            assert!(format!("{ended:?}").starts_with(expected), "{ended:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            assert!(!goes_on(folder.path(), "child"), "{expected}");
        }
    }

    #[tokio::test]
    async fn a_program_can_be_killed_and_started_again_without_blame() {
        let folder = tempfile::tempdir().unwrap();
        let net = Net::os(NetOptions::default());
        let way = || Way { net: &net, from: HERE, recorder: HERE, trunk: None };
        let values = Values::new();
        // It is ready when it says so again, not when it once said so.
        let start = start("echo $$ >> pids; sleep 0.2; echo ready; exec sleep 60", log("ready"), 5000);
        let mut process = Process::start(&start, &stop(), &values, folder.path(), folder.path(), way()).await.unwrap();
        process.again(&start, &values, folder.path(), way()).await.unwrap();
        let log = std::fs::read_to_string(folder.path().join(LOG)).unwrap();
        assert_eq!(log.matches("ready").count(), 2, "{log}");
        process.kill().await;
        process.again(&start, &values, folder.path(), way()).await.unwrap();
        assert_eq!(std::fs::read_to_string(folder.path().join("pids")).unwrap().lines().count(), 3);
        process.kill().await;
        assert_eq!(process.stop().await, Ended::Asked, "that it was killed is no news");
    }

    #[test]
    fn a_program_that_is_broken_off_gets_its_signal_and_its_time() {
        for (script, tidied) in [
            ("trap 'sleep 0.1; echo done > tidied; exit' TERM", true),
            // It does not listen, and is killed.
            ("trap '' TERM", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let net = Net::os(NetOptions::default());
                let way = Way { net: &net, from: HERE, recorder: HERE, trunk: None };
                let script = format!("{script}; echo $$ > own; echo ready; while :; do sleep 0.02; done");
                let stop = Stop { signal: Signal::Term, within: Duration::from_secs(1) };
                let start = start(&script, log("ready"), 5000);
                let process = Process::start(&start, &stop, &Values::new(), folder.path(), folder.path(), way).await;
                drop(process.unwrap());
            });
            drop(runtime);
            assert_eq!(folder.path().join("tidied").exists(), tidied, "{script}");
            std::thread::sleep(Duration::from_millis(100));
            assert!(!goes_on(folder.path(), "own"), "{script}");
        }
    }

    #[tokio::test]
    async fn a_program_is_ready_when_it_says_so_over_http() {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind((HERE, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for status in ["503 Service Unavailable", "200 OK"] {
                let (mut stream, _) = listener.accept().unwrap();
                tell.send(status).unwrap();
                let _ = stream.read(&mut [0; 1024]).unwrap();
                write!(stream, "HTTP/1.1 {status}\r\n\r\n").unwrap();
            }
        });
        let url = Template::plain(&format!("http://127.0.0.1:{port}/health"));
        assert_eq!(run(&start("exec sleep 60", Ready::Http(url), 5000), &stop()).await, Ok(Ended::Asked));
        assert_eq!(told.try_iter().count(), 2, "not ready with 503");
    }

    #[tokio::test]
    async fn a_program_that_ends_by_itself_is_told_with_its_last_lines() {
        let broken = start("echo no licence found >&2; exit 3", log("ready"), 5000);
        let why = run(&broken, &stop()).await.unwrap_err();
        assert!(why.contains("exit status: 3") && why.contains("| no licence found"), "{why}");
        let brief = start("echo ready; exit 0", log("ready"), 5000);
        match run(&brief, &stop()).await {
            // It may end before or after the look at its log.
            Ok(Ended::Early(why)) | Err(why) => assert!(why.contains("exit status: 0"), "{why}"),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_answers_before_a_program_is_started_is_not_taken_for_it() {
        let stale = std::net::TcpListener::bind((HERE, 0)).unwrap();
        let port = stale.local_addr().unwrap().port();
        let script = "echo begun > begun; exec sleep 60";
        let folder = tempfile::tempdir().unwrap();
        let net = Net::os(NetOptions::default());
        let values = Values::new();
        for (ready, trunk) in [(Ready::Port(port), None), (log("begun"), Some(port))] {
            let way = Way { net: &net, from: HERE, recorder: HERE, trunk };
            let asked = start(script, ready, 5000);
            let begun = Process::start(&asked, &stop(), &values, folder.path(), folder.path(), way).await;
            let why = begun.unwrap_err();
            assert!(why.starts_with(&format!("something answers on 127.0.0.1:{port} before it was started")), "{why}");
            assert!(!folder.path().join("begun").exists());
        }
        // One that is just ending gets its time.
        let way = Way { net: &net, from: HERE, recorder: HERE, trunk: Some(port) };
        let ends = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            drop(stale);
        });
        let asked = start("echo begun; exec sleep 60", log("begun"), 5000);
        Process::start(&asked, &stop(), &values, folder.path(), folder.path(), way).await.unwrap().stop().await;
        ends.join().unwrap();
    }

    #[tokio::test]
    async fn a_program_that_prints_the_word_as_it_gives_up_is_not_ready() {
        let broken = start("echo set up failed: address in use; sleep 0.05; exit 1", log("up"), 5000);
        let why = run(&broken, &stop()).await.unwrap_err();
        assert!(why.contains("it seemed ready and had ended (exit status: 1)"), "{why}");
        assert!(why.contains("| set up failed: address in use"), "{why}");
    }

    #[tokio::test]
    async fn an_error_is_shown_however_much_a_program_prints_behind_it() {
        let wordy = "echo starting; echo 'KeyError: no such key'; for i in $(seq 30); do echo shutting down $i; done";
        let why = run(&start(&format!("{wordy}; exit 1"), log("ready"), 5000), &stop()).await.unwrap_err();
        assert!(why.contains("and errors before them:\n      | KeyError: no such key\n      …\n"), "{why}");
        assert!(why.ends_with("| shutting down 30") && !why.contains("starting"), "{why}");
        assert_eq!(why.matches("shutting").count(), TAIL_LINES, "{why}");
    }

    #[tokio::test]
    async fn what_keeps_a_program_from_being_ready_is_named() {
        let silent = start("exec sleep 60", log("ready"), 200);
        let why = run(&silent, &stop()).await.unwrap_err();
        assert!(why.contains("did not write `ready`") && why.contains("printed nothing"), "{why}");
        let deaf = start("exec sleep 60", Ready::Port(1), 200);
        assert!(run(&deaf, &stop()).await.unwrap_err().contains("nothing listens on 127.0.0.1:1"));
        let ill = start("exec sleep 60", Ready::Http(Template::plain("http://127.0.0.1:1/health")), 200);
        let why = run(&ill, &stop()).await.unwrap_err();
        assert!(why.contains("GET http://127.0.0.1:1/health came to nothing: "), "{why}");
        let absent = Start { command: vec![Template::plain("no-such-recorder")], ..start("", log("x"), 200) };
        assert!(run(&absent, &stop()).await.unwrap_err().contains("no-such-recorder"));
        let unprepared =
            Start { prepare: vec![["sh", "-c", "echo no key; false"].map(Template::plain).to_vec()], ..silent };
        let why = run(&unprepared, &stop()).await.unwrap_err();
        assert!(
            why.starts_with("of what is run before it, `sh ") && why.contains("` failed (") && why.contains("| no key"),
            "{why}"
        );
    }
}
