//! Recorders that are not inside the harness: this program's own `record` as a process of its own, told of by
//! `mixedmode.toml` as any other recorder would be, and one of a hundred lines of Python.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bench;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use bench::{Bench, PROGRAM, STARTED, top};
use mixedmode::Exit;

#[test]
fn a_recorder_that_is_started_by_command_passes_and_is_told_what_was_not_looked_at() {
    let bench = Bench::new(STARTED);
    let both = bench.scenario("scenarios/both-recorded.yaml", |text| text);
    let suite = bench.scenario("scenarios/suite-aead-aes-128-gcm.yaml", |text| text);
    let (exit, said) = bench.run("ours", &[&bench.plain_call(), &both, &suite], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("2 passed, 1 skipped"), "{said}");
    assert!(said.contains("skipped: it sets `recorder: suites`, which only the bundled recorder obeys"), "{said}");
    assert!(said.contains("not checked, since recorder `ours` shows only its files"), "{said}");
}

/// The same recorder, whose recordings a program tells of.
fn told_by(command: &str) -> String {
    let (before, _) = STARTED.split_once("root = ").unwrap();
    format!("{before}adapter = \"exec\"\ncommand = {command}\n")
}

#[test]
fn a_program_tells_which_files_hold_which_call() {
    let adapter = |name: &str| top().join("examples/adapters").join(name).display().to_string();
    let programs = [("python3", "recording_json.py"), ("jq", "by_refci.sh")];
    for (needed, name) in programs {
        if Command::new(needed).arg("--version").output().is_err() {
            eprintln!("skipped: there is no {needed} here, which examples/adapters/{name} needs");
            continue;
        }
        let config = told_by(&format!("[\"{}\", \"{{folder}}/recordings\"]", adapter(name)));
        let bench = Bench::new(&config);
        let both = bench.scenario("scenarios/both-recorded.yaml", |text| text);
        let (exit, said) = bench.run("ours", &[&bench.plain_call(), &both], &[]);
        assert_eq!(exit, Exit::Pass, "{name}: {said}");
        assert!(said.contains("2 passed"), "{name}: {said}");
        let bench = Bench::new(&config.replace("# fault", "fault = \"swap-channels\""));
        let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
        assert_eq!(exit, Exit::Finding, "{name}: {said}");
        assert!(said.contains("swapped-legs"), "{name}: {said}");
    }
}

#[test]
fn the_recorder_is_not_blamed_for_its_adapter_nor_the_adapter_for_a_recorder_that_died() {
    let broken = told_by(r#"["sh", "-c", "echo no route to database >&2; exit 3"]"#);
    let bench = Bench::new(&broken);
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("the adapter of recorder `ours` does not tell of its recordings"), "{said}");
    assert!(said.contains("exit status: 3") && said.contains("| no route to database"), "{said}");

    let command = r#"["PROGRAM", "record", "--config", "{folder}/recorder.toml"]"#;
    let mortal = r#"["timeout", "-s", "KILL", "2", "PROGRAM", "record", "--config", "{folder}/recorder.toml"]"#;
    assert!(broken.contains(command));
    let bench = Bench::new(&broken.replace(command, mortal));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("recorder-died"), "{said}");

    let absent = r#"{ "recordings": [{ "files": [{ "path": "gone.wav", "content": "stereo" }] }], "complete": true }"#;
    let bench = Bench::new(&told_by(&format!("['echo', '{absent}']")));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("missing-file") && said.contains("gone.wav"), "{said}");
}

#[test]
fn files_of_a_leg_each_pass_whatever_their_names_say_of_legs() {
    let (before, _) = STARTED.split_once("stereo = ").unwrap();
    let bench = Bench::new(&format!("{before}leg = \"{{date}}/*-{{refci}}-*/*ar.wav\"\n"));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
}

#[test]
fn refusals_of_both_sides_are_seen_from_outside() {
    let bench = Bench::new(STARTED);
    let refused = |name: &str| bench.scenario(&format!("scenarios/refused/{name}.yaml"), |text| text);
    let files = ["cucm-unknown", "no-client-certificate", "recorder-not-in-callmanager-trust"].map(refused);
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let (exit, said) = bench.run("ours", &files, &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("3 passed") && said.contains("by which rule the recorder refused"), "{said}");
}

#[test]
fn a_certificate_can_be_made_for_it_sound_or_not() {
    let own = r#"certificates = { recorder = "{folder}/recorder.pem" }"#;
    let made = r#"certificates = { make = true, call_manager = ["{folder}/certificates/trusted/cucm.pem"] }"#;
    let (begin, end) = (STARTED.find("prepare = [").unwrap(), STARTED.find("command = ").unwrap());
    let config = STARTED.replace(&STARTED[begin..end], PUT).replace(own, made);
    let bench = Bench::new(&config);
    let refused = |name: &str| bench.scenario(&format!("scenarios/refused/{name}.yaml"), |text| text);
    let (expired, wrong_name) = (refused("recorder-expired"), refused("recorder-wrong-name"));
    let (exit, said) = bench.run("ours", &[&bench.plain_call(), &expired, &wrong_name], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("3 passed"), "{said}");
}

/// Our recorder wants its certificate and key in one file.
const PUT: &str = r#"prepare = [["sh", "-c", "cp {recorder_identity} {folder}/certificates/own.pem"]]
"#;

#[test]
fn a_fault_planted_in_its_configuration_is_found() {
    let bench = Bench::new(&STARTED.replace("# fault", "fault = \"swap-channels\""));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("swapped-legs"), "{said}");

    let impatient = STARTED.replace("# fault", "fault = \"store-nothing\"") + "ready_within = \"2s\"\n";
    let bench = Bench::new(&impatient);
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("missing-file") && said.contains("{date}/*-{refci}-*/near.wav"), "{said}");
    assert!(said.contains("| the recorder printed: listening on"), "{said}");
}

#[test]
fn a_recorder_that_dies_in_the_middle_of_a_call_is_named_first() {
    let command = r#"["PROGRAM", "record", "--config", "{folder}/recorder.toml"]"#;
    let mortal =
        r#"["sh", "-c", "echo out of memory; exec timeout -s KILL 2 PROGRAM record --config {folder}/recorder.toml"]"#;
    assert!(STARTED.contains(command));
    let bench = Bench::new(&(STARTED.replace(command, mortal) + "ready_within = \"1s\"\n"));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    let died = said.find("recorder-died").unwrap_or_else(|| panic!("{said}"));
    assert!(said.find("finding:").is_some_and(|first| first < died && died - first < 20), "{said}");
    assert!(said.contains("| out of memory"), "{said}");
}

#[test]
fn a_recorder_that_does_not_start_is_shown_with_its_last_lines() {
    let bench = Bench::new(&STARTED.replace("# fault", "falt = 1"));
    let (exit, said) = bench.run("ours", &[&bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("recorder `ours` did not start") && said.contains("falt"), "{said}");
}

#[test]
fn what_cannot_be_run_is_refused_before_anything_is_started() {
    let bench = Bench::new(STARTED);
    let call = bench.plain_call();
    let (exit, said) = bench.run("ours", &[&call], &["--network", "simulated"]);
    assert_eq!(exit, Exit::Usage);
    assert!(said.contains("cannot be run on the simulated network") && said.contains("--network os"), "{said}");
    let (exit, said) = bench.run("hours", &[&call], &[]);
    assert_eq!(exit, Exit::Usage);
    assert!(said.contains("did you mean `ours`?"), "{said}");
    let (exit, said) = Bench::new(&STARTED.replace("ready =", "redy =")).run("ours", &[&call], &[]);
    assert_eq!(exit, Exit::BadFile);
    assert!(said.contains("did you mean `ready`?") && said.contains("^^^^"), "{said}");
    std::fs::remove_file(bench.path("mixedmode.toml")).unwrap();
    let (exit, said) = bench.run("ours", &[&call], &[]);
    assert_eq!(exit, Exit::Usage);
    assert!(said.contains("no recorder is called `ours`"), "{said}");
    let udp = bench.scenario("scenarios/udp-trunk.yaml", |text| text);
    let (exit, said) = Bench::new(STARTED).run("ours", &[&udp], &[]);
    assert_eq!(exit, Exit::Inconclusive, "{said}");
    assert!(said.contains("its trunk is UDP, recorder `ours` takes TLS"), "{said}");
}

#[test]
fn hooks_befall_a_recorder_that_was_started_and_one_without_a_command_is_skipped() {
    let hooks = "[recorders.ours.hooks]\nstep_clock = [\"sh\", \"-c\", \"echo {user} > {project}/stepped\"]\nrotate_certificate = [\"false\"]\n";
    let bench = Bench::new(&format!("{STARTED}{hooks}"));
    let restarts = bench.scenario("scenarios/trunk/recorder-restarts.yaml", |text| text);
    let with = |hook: &str| {
        let path = bench.path(&format!("{}.yaml", hook.replace(' ', "-")));
        let text = std::fs::read_to_string(&restarts).unwrap();
        std::fs::write(&path, text.replace("hook: restart", &format!("hook: {hook}"))).unwrap();
        path.display().to_string()
    };
    let (stepped, full, rotated) = (with("step clock"), with("fill disk"), with("rotate certificate"));
    let (exit, said) = bench.run("ours", &[&restarts, &stepped, &full], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("2 passed, 1 skipped"), "{said}");
    assert!(said.contains("it has `hook: fill disk`, for which recorder `ours` has no command"), "{said}");
    assert_eq!(std::fs::read_to_string(bench.path("stepped")).unwrap(), "7878\n");
    let (exit, said) = bench.run("ours", &[&rotated], &[]);
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("line 13: `hook: rotate certificate` failed: `false` failed (exit status: 1)"), "{said}");
    // Nobody is there for the second call; that it is gone is no finding of its own.
    let (exit, said) = bench.run("ours", &[&with("kill")], &[]);
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("recording-failed") && !said.contains("recorder-died"), "{said}");
}

/// The recorder of someone else, who ends it when they please.
struct Running(Child);

impl Running {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["record", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listening = lines.next().unwrap().unwrap();
        assert!(listening.contains("listening on"), "{listening}");
        // Read on, so that it never writes into a closed pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const RUNNING: &str = r#"
[recorders.running]
address = "127.0.0.1"
listens = { tls = PORT }
certificates = { recorder = "recorder.pem", call_manager = ["CallManager.pem"], cucm_identity = "cucm-identity.pem" }

[recorders.running.recordings]
root = "recordings"
stereo = "{date}/*-{refci}-*/stereo.wav"
unchanged_for = "500ms"
"#;

#[test]
fn a_recorder_that_runs_already_meets_the_same_cucm_in_every_run() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let bench = Bench::new(&RUNNING.replace("PORT", &port.to_string()));
    let store = bench.path("certificates").display().to_string();
    let pem = bench.path("recorder.pem").display().to_string();
    let certs = |args: &[&str]| {
        let whole = [&["mixedmode", "certs", "--store", &store], args].concat();
        let args = whole.into_iter().map(Into::into);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        assert_eq!(mixedmode::run(args, &mut out, &mut err), Exit::Pass, "{}", String::from_utf8_lossy(&err));
    };
    certs(&["create", "--address", "127.0.0.1"]);
    certs(&["export", &pem]);
    // Not started yet: the run fails, and leaves the CallManager.pem that an administrator then imports.
    let call = bench.plain_call();
    let (exit, said) = bench.run("running", &[&call], &[]);
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("nothing listens on 127.0.0.1") && said.contains("CallManager.pem"), "{said}");
    let text = |name: &str| std::fs::read_to_string(bench.path(name)).unwrap();
    assert!(text("cucm-identity.pem").contains(text("CallManager.pem").trim()), "it is given another CallManager");
    certs(&["import", &bench.path("CallManager.pem").display().to_string()]);
    let config = bench.path("recorder.toml");
    let settings = format!("address = \"127.0.0.1\"\nlocal_port = {port}\nuser = \"7878\"\n");
    std::fs::write(&config, settings).unwrap();
    let _running = Running::start(&config);
    for _ in 0..2 {
        let (exit, said) = bench.run("running", &[&call], &[]);
        assert_eq!(exit, Exit::Pass, "{said}");
    }
}

#[test]
fn a_recorder_written_in_python_passes() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, which examples/recorders/plain_rtp.py needs");
        return;
    }
    let config = std::fs::read_to_string(top().join("examples/recorders/mixedmode.toml")).unwrap();
    let bench = Bench::new(&config);
    std::fs::copy(top().join("examples/recorders/plain_rtp.py"), bench.path("plain_rtp.py")).unwrap();
    let plain = bench.scenario("scenarios/non-secure-cluster.yaml", |text| text);
    let (exit, said) = bench.run("plain-rtp", &[&plain, &bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("1 passed, 1 skipped"), "{said}");
    let config = config.replacen("listens", "in_clear = true\nlistens", 1);
    std::fs::write(bench.path("mixedmode.toml"), config).unwrap();
    let refused = bench.scenario("scenarios/refused/cucm-unknown.yaml", |text| text);
    let (exit, said) = bench.run("plain-rtp", &[&refused, &bench.plain_call()], &[]);
    assert_eq!(exit, Exit::Pass, "{said}");
    assert!(said.contains("1 passed, 1 skipped") && said.contains("its trunk is TLS"), "{said}");
}

#[test]
fn a_file_per_call_holds_both_recordings_of_a_call_that_was_on_hold_and_what_was_declared_of_the_time_between() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, which examples/recorders/whole_call.py needs");
        return;
    }
    let config = std::fs::read_to_string(top().join("examples/recorders/mixedmode.toml")).unwrap();
    let run = |config: &str, recorder: &str| {
        let bench = Bench::new(config);
        for program in ["plain_rtp.py", "whole_call.py"] {
            std::fs::copy(top().join("examples/recorders").join(program), bench.path(program)).unwrap();
        }
        let held = bench.scenario("scenarios/hold/in-clear.yaml", |text| text);
        bench.run(recorder, &[&held], &[])
    };
    for recorder in ["whole-call", "whole-call-closed"] {
        let (exit, said) = run(&config, recorder);
        assert_eq!(exit, Exit::Pass, "{said}");
    }
    let wrong = [
        ("whole-call", "pauses = \"kept\"", "pauses = \"closed\"", "inserted-audio"),
        ("whole-call-closed", "pauses = \"closed\"", "pauses = \"kept\"", "closed-gap"),
        ("whole-call", "file_per = \"call\"\npauses = \"kept\"", "", "missing-recording"),
    ];
    for (recorder, declared, other, rule) in wrong {
        assert!(config.contains(declared));
        let (exit, said) = run(&config.replace(declared, other), recorder);
        assert_eq!(exit, Exit::Finding, "{said}");
        assert!(said.contains(&format!("finding: {rule}")), "{rule}: {said}");
    }
}

#[test]
fn a_mono_mix_that_is_declared_is_proven_and_one_that_is_not_is_found() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, which examples/recorders/whole_call.py needs");
        return;
    }
    let config = std::fs::read_to_string(top().join("examples/recorders/mixedmode.toml")).unwrap();
    let mixed = |config: &str| {
        let bench = Bench::new(config);
        for program in ["plain_rtp.py", "whole_call.py"] {
            std::fs::copy(top().join("examples/recorders").join(program), bench.path(program)).unwrap();
        }
        bench.run("mono-mix", &[&bench.plain_call()], &[])
    };
    let (exit, said) = mixed(&config);
    assert_eq!(exit, Exit::Pass, "{said}");
    let (exit, said) = mixed(&config.replace("mixed = \"{refci}.wav\"", "stereo = \"{refci}.wav\""));
    assert_eq!(exit, Exit::Finding, "{said}");
    assert!(said.contains("finding: mixed-legs") || said.contains("finding: wrong-channel-count"), "{said}");
}

/// One that runs already, for a CUCM that must have the address that the recorder knows.
const ELSEWHERE: &str = r#"
[recorders.elsewhere]
address = "RECORDER"
cucm_address = "CUCM"
listens = { tcp = 5060 }

[recorders.elsewhere.recordings]
root = "recordings"
stereo = "{refci}.wav"
"#;

#[test]
fn a_port_in_use_is_one_clear_set_up_error() {
    let [.., high, low] = std::process::id().to_be_bytes();
    let address = |last: u8| std::net::IpAddr::from([127, high | 0x80, low, last]);
    let taken = std::net::SocketAddr::new(address(5), 5061);
    let _holds = std::net::TcpListener::bind(taken).unwrap();
    let _recorder = std::net::TcpListener::bind((address(30), 5060)).unwrap();
    let config = ELSEWHERE.replace("RECORDER", &address(30).to_string()).replace("CUCM", &address(5).to_string());
    let bench = Bench::new(&config);
    let scenario = bench.scenario("scenarios/non-secure-cluster.yaml", |text| text);
    let (exit, said) = bench.run("elsewhere", &[&scenario], &[]);
    assert_eq!(exit, Exit::Setup, "{said}");
    let expected = format!("CUCM did not start: cannot open SIP over TLS on {taken}: Address already in use");
    assert_eq!(said.matches(&expected).count(), 1, "{said}");
}

#[test]
fn a_recorder_that_starts_only_when_tried_again_is_flaky() {
    let stumbles = "prepare = [\n    [\"sh\", \"-c\", \"test -e {project}/begun || (touch {project}/begun; exit 1)\"],";
    let bench = Bench::new(&STARTED.replace("prepare = [", stumbles));
    let call = bench.plain_call();
    let (exit, out) = bench.run("ours", &[&call], &["--retries", "2"]);
    assert_eq!(exit, Exit::Finding, "{out}");
    assert!(out.contains("FLAKY ") && out.contains("    try 1 ended in SET-UP: ") && out.contains("1 flaky"), "{out}");
    std::fs::remove_file(bench.path("begun")).unwrap();
    let (exit, out) = bench.run("ours", &[&call], &["--retries", "2", "--flaky", "pass"]);
    assert!(exit == Exit::Pass && out.contains("1 flaky"), "{out}");
    std::fs::remove_file(bench.path("begun")).unwrap();
    let (exit, out) = bench.run("ours", &[&call], &[]);
    assert!(exit == Exit::Setup && out.contains("SET-UP"), "{out}");
}
