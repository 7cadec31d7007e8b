//! What helps at the desk: explaining, looking at the machine, beginning a project.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use mixedmode::Exit;

fn mixedmode(args: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("mixedmode").chain(args.iter().copied()).map(Into::into);
    let exit = mixedmode::run(args, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn a_finding_is_explained() {
    let (exit, out, err) = mixedmode(&["explain", "swapped-legs"]);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
    assert!(out.starts_with("swapped-legs (finding)\n  means    near and far are exchanged\n"), "{out}");
    for part in ["\n  causes   ", "\n  look at  ", "\n  to fix   ", "\n  source   Cisco"] {
        assert!(out.contains(part), "{out}");
    }
}

#[test]
fn a_name_of_two_kinds_is_explained_twice_and_every_exit_code_once() {
    let (_, out, _) = mixedmode(&["explain", "out-of-service"]);
    assert!(out.contains("out-of-service (finding)") && out.contains("(reason why CUCM gave a recording up)"), "{out}");
    for code in [Exit::Pass, Exit::Usage, Exit::BadFile, Exit::Setup, Exit::Finding, Exit::Inconclusive] {
        let (exit, out, _) = mixedmode(&["explain", &(code as u8).to_string()]);
        assert_eq!((exit, out.matches("(exit code)").count()), (Exit::Pass, 1), "{out}");
    }
}

#[test]
fn what_is_not_known_is_answered_with_what_is_near() {
    let (exit, out, err) = mixedmode(&["explain", "swaped-legs", "leak"]);
    assert_eq!(exit, Exit::Usage);
    assert_eq!(err, "error: nothing is called `swaped-legs`; did you mean `swapped-legs`?\n");
    assert!(out.starts_with("leak (finding)\n"), "{out}");
    let (_, all, _) = mixedmode(&["explain"]);
    assert!(all.contains("finding:\n") && all.contains("\n  lost-frames ") && all.contains("exit code:\n"), "{all}");
}

const TEMPLATES: [&str; 4] = ["minimal", "security-matrix", "own-recorder", "ci"];

/// A folder that a template was written to.
fn begun(template: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("project").display().to_string();
    let (exit, out, err) = mixedmode(&["init", template, "--into", &into]);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""), "{template}");
    assert!(out.contains("wrote ") && out.contains("next: cd "), "{out}");
    (folder, into)
}

#[test]
fn what_init_writes_has_no_mistakes_and_passes() {
    for template in TEMPLATES {
        let (_folder, into) = begun(template);
        let scenarios = format!("{into}/scenarios");
        let (exit, _, err) = mixedmode(&["check", &scenarios]);
        assert_eq!(exit, Exit::Pass, "{template}: {err}");
        let state = format!("{into}/.mixedmode/last-run.json");
        let (exit, out, err) = mixedmode(&["run", &scenarios, "--network", "simulated", "--state", &state]);
        assert_eq!(exit, Exit::Pass, "{template}: {out}{err}");
    }
}

#[test]
fn init_never_writes_over_anything() {
    for template in TEMPLATES {
        let (_folder, into) = begun(template);
        let files = files_below(into.as_ref());
        let spared = &files[files.len() / 2];
        std::fs::write(spared, "mine").unwrap();
        std::fs::remove_file(&files[0]).unwrap();
        let (exit, out, err) = mixedmode(&["init", template, "--into", &into]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""), "{template}");
        assert!(err.contains(&format!("error: {} is there already\n", spared.display())), "{err}");
        assert!(err.contains("nothing was written"), "{err}");
        assert_eq!(std::fs::read_to_string(spared).unwrap(), "mine");
        assert!(!files[0].exists(), "{template}: a part was written");
    }
}

fn files_below(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What `doctor` says about recorder `mine` of a `mixedmode.toml`.
fn examined(config: &str) -> (Exit, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixedmode.toml");
    std::fs::write(&file, config).unwrap();
    let store = folder.path().join("none").display().to_string();
    let (exit, out, err) =
        mixedmode(&["doctor", "--recorder", "mine", "--config", file.to_str().unwrap(), "--store", &store]);
    (exit, out + &err)
}

#[test]
fn the_doctor_looks_at_the_machine_and_has_the_bundled_recorder_answer() {
    let folder = tempfile::tempdir().unwrap();
    let [config, store] = ["none.toml", "store"].map(|name| folder.path().join(name).display().to_string());
    mixedmode(&["certs", "create", "--address", "192.0.2.7", "--days", "3", "--store", &store]);
    let (exit, out, err) = mixedmode(&["doctor", "--config", &config, "--store", &store]);
    assert!(matches!(exit, Exit::Pass | Exit::Setup), "{out}{err}");
    assert!(out.lines().all(|line| ["ok  ", "warn", "FAIL"].contains(&&line[..4])), "{out}");
    for what in ["processors", "open files", "UDP buffers", "clock source", "timer", "clock", "time sync"] {
        assert!(out.lines().any(|line| line[6..].starts_with(what)), "{what}: {out}");
    }
    assert!(out.contains("ok    OPTIONS        `bundled` answers 200 OK over TLS"), "{out}");
    assert!(out.contains("warn  certificates") && out.contains("CN=192.0.2.7"), "{out}");
}

#[test]
fn the_doctor_says_of_a_recorder_what_is_wrong_with_it() {
    let profile = |command: &str| {
        format!(
            "[recorders.mine]\nlistens = {{ tcp = 5060 }}\n[recorders.mine.start]\ncommand = {command}\n\
             ready = {{ log = \"listening\", within = \"5s\" }}\n[recorders.mine.recordings]\nstereo = \"*.wav\"\n"
        )
    };
    let (exit, said) = examined(&profile(r#"["false"]"#));
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("FAIL  OPTIONS        `mine` over TCP: ") && said.contains("exit status: 1"), "{said}");
    // It says that it listens, and does not.
    let (exit, said) = examined(&profile(r#"["sh", "-c", "echo listening; exec sleep 60"]"#));
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains("FAIL  OPTIONS        `mine` over TCP: OPTIONS got no answer"), "{said}");
    let (exit, said) = examined("[recorders.mine]\nlisten = { tcp = 5060 }\n");
    assert_eq!(exit, Exit::BadFile, "{said}");
    assert!(said.contains("FAIL  mixedmode.toml") && said.contains("line 2: unknown key `listen`"), "{said}");
}

#[test]
fn the_doctor_finds_a_port_that_is_taken_and_a_certificate_that_is_none() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let (exit, said) = examined(&format!(
        "[recorders.mine]\naddress = \"127.0.0.1\"\nlistens = {{ tcp = {port} }}\nstart = {{ command = [\"true\"] }}\n\
         certificates = {{ recorder = \"mixedmode.toml\" }}\nrecordings = {{ stereo = \"*.wav\" }}\n"
    ));
    assert_eq!(exit, Exit::Setup, "{said}");
    assert!(said.contains(&format!("FAIL  ports          127.0.0.1:{port} cannot be had for `mine`: ")), "{said}");
    assert!(said.contains("FAIL  certificates") && said.contains("give the path of a PEM certificate"), "{said}");
}

#[test]
fn every_shell_has_completions_that_know_every_verb() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (exit, out, err) = mixedmode(&["completions", shell]);
        assert_eq!((exit, err.as_str()), (Exit::Pass, ""));
        for word in ["explain", "doctor", "init", "report-html", "last-failed"] {
            assert!(out.contains(word), "{shell} does not know {word}");
        }
    }
    let (exit, _, err) = mixedmode(&["completions", "cmd"]);
    assert!(exit == Exit::Usage && err.contains("bash"), "{err}");
}

#[test]
fn bash_reads_its_completions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mixedmode.bash");
    std::fs::write(&file, mixedmode(&["completions", "bash"]).1).unwrap();
    let Ok(read) = std::process::Command::new("bash").arg("-n").arg(&file).output() else {
        eprintln!("skipped: there is no bash here to read its completions");
        return;
    };
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
}

#[test]
fn every_verb_has_a_manual_page() {
    let (exit, page, _) = mixedmode(&["man"]);
    assert!(exit == Exit::Pass && page.contains(".TH mixedmode 1") && page.contains("Exit codes"), "{page}");
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("man").display().to_string();
    assert_eq!(mixedmode(&["man", "--into", &into]).0, Exit::Pass);
    for name in ["mixedmode", "mixedmode-run", "mixedmode-report-merge", "mixedmode-init"] {
        assert!(std::path::Path::new(&into).join(format!("{name}.1")).exists(), "{name}");
    }
    let (exit, _, err) = mixedmode(&["man", "--into", "/dev/null/man"]);
    assert!(exit == Exit::Setup && err.contains("/dev/null/man"), "{err}");
}

/// Why a value is not of a schema.
fn complaint(of: &str, value: &serde_json::Value) -> Option<String> {
    let (exit, text, _) = mixedmode(&["schema", of]);
    assert_eq!(exit, Exit::Pass);
    let mut schema: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(schema.as_object_mut().unwrap().remove("$id").is_some(), "{of}");
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    compiler.add_resource("schema.json", schema).unwrap();
    let index = compiler.compile("schema.json", &mut schemas).unwrap();
    schemas.validate(value, index).err().map(|error| error.to_string())
}

#[test]
fn what_a_run_writes_is_of_the_schema() {
    let folder = tempfile::tempdir().unwrap();
    let [json, state] = ["outcome.json", "state.json"].map(|name| folder.path().join(name).display().to_string());
    let file = folder.path().join("bad.yaml");
    let plain = include_str!("../templates/ci/scenarios/smoke.yaml");
    std::fs::write(&file, plain.replace("\nsteps:", "\nrecorder: { fault: swap-channels }\nsteps:")).unwrap();
    let args = ["run", file.to_str().unwrap(), "--network", "simulated", "--report-json", &json, "--state", &state];
    assert_eq!(mixedmode(&args).0, Exit::Finding);
    let mut outcome = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert_eq!(complaint("outcome", &outcome), None);
    outcome["scenarios"][0]["findings"][0]["rule"] = serde_json::Value::Null;
    assert!(complaint("outcome", &outcome).is_some());
}

#[test]
fn files_are_formatted_and_checked_for_it_and_one_that_is_no_yaml_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let wild = "scenario: A call\nphones:\n    agent: {line: \"2000\"}\nsteps: # what\n- talk: 1s\n";
    std::fs::write(path("a.yaml"), wild).unwrap();
    std::fs::write(path("b.yaml"), "scenario: B\n").unwrap();
    let all = folder.path().display().to_string();
    let (exit, out, _) = mixedmode(&["fmt", "--check", &all]);
    assert_eq!(exit, Exit::BadFile);
    assert!(out.contains("not formatted: ") && out.ends_with("2 files, 1 not formatted\n"), "{out}");
    assert_eq!(std::fs::read_to_string(path("a.yaml")).unwrap(), wild);
    let (exit, out, _) = mixedmode(&["fmt", &all]);
    assert_eq!((exit, out.ends_with("2 files, 1 formatted anew\n")), (Exit::Pass, true), "{out}");
    let tidy = "scenario: A call\nphones:\n  agent: { line: \"2000\" }\nsteps: # what\n  - talk: 1s\n";
    assert_eq!(std::fs::read_to_string(path("a.yaml")).unwrap(), tidy);
    assert_eq!(mixedmode(&["fmt", "--check", &all]).0, Exit::Pass);
    std::fs::write(path("c.yaml"), "scenario: [\n").unwrap();
    let (exit, _, err) = mixedmode(&["fmt", &all]);
    assert_eq!(exit, Exit::BadFile);
    assert!(err.contains("c.yaml:") && err.contains("this is not YAML"), "{err}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 3, "something was left behind");
}
