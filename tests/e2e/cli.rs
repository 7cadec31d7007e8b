//! The program as a user meets it: what it prints, and the exit code.

use mixedmode::Exit;

fn mixedmode(args: &[&str]) -> (Exit, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = std::iter::once("mixedmode").chain(args.iter().copied()).map(Into::into);
    let exit = mixedmode::run(args, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn path(file: &str) -> String {
    tests::root().join(file).display().to_string()
}

#[test]
fn the_plain_call_passes_and_its_outcome_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("outcome.json").display().to_string();
    let file = path("scenarios/plain-call.yaml");
    let (exit, out, err) = mixedmode(&["run", &file, "--network", "simulated", "--report-json", &json]);
    assert_eq!(exit, Exit::Pass, "{out}{err}");
    assert!(out.contains("PASS") && out.contains("1 passed"), "{out}");
    let outcome = std::fs::read_to_string(json).unwrap();
    assert!(outcome.contains("mixedmode-outcome-v1") && outcome.contains("\"verdict\": \"pass\""));
}

#[test]
fn a_report_that_cannot_be_written_is_told_before_anything_is_run() {
    let folder = tempfile::tempdir().unwrap();
    let [json, bundle] = ["outcome.json", "outcome.bundle"].map(|name| folder.path().join(name));
    std::fs::write(&bundle, "of yesterday").unwrap();
    let html = folder.path().join("no-such-folder/report.html");
    let (json, bundle, html) = (json.display().to_string(), bundle.display().to_string(), html.display().to_string());
    let files = ["--report-json", &json, "--report-bundle", &bundle, "--report-html", &html];
    let (exit, out, err) = mixedmode(&[&["run", &path("scenarios/plain-call.yaml")], files.as_slice()].concat());
    assert_eq!(exit, Exit::Setup);
    assert_eq!(out, "");
    assert!(err.starts_with(&format!("error: cannot write {html}: ")) && err.contains("nothing was begun"), "{err}");
    assert!(!std::path::Path::new(&json).exists(), "an empty file was left");
    assert_eq!(std::fs::read_to_string(&bundle).unwrap(), "of yesterday");
}

#[test]
fn a_report_that_cannot_be_written_in_the_end_hides_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let [json, html] = ["outcome.json", "report.html"].map(|name| folder.path().join(name).display().to_string());
    let reports = ["--report-json", &json, "--report-bundle", "/dev/full", "--report-html", &html];
    let file = path("scenarios/one-second.yaml");
    let (exit, out, err) = mixedmode(&[&["run", &file, "--network", "simulated"], reports.as_slice()].concat());
    assert_eq!(exit, Exit::Setup);
    assert!(out.contains("PASS") && out.contains("1 passed"), "{out}");
    assert!(err.starts_with("error: cannot write /dev/full: "), "{err}");
    assert!(std::fs::read_to_string(json).unwrap().contains("\"pass\""));
    assert!(std::fs::read_to_string(html).unwrap().contains("The only scenario passed"));
}

#[test]
fn a_finding_and_a_broken_file_have_exit_codes_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(path("scenarios/plain-call.yaml")).unwrap();
    let bad = folder.path().join("bad.yaml");
    std::fs::write(&bad, text.replace("\nsteps:", "\nrecorder: { fault: swap-channels }\nsteps:")).unwrap();
    let (exit, out, _) = mixedmode(&["run", bad.to_str().unwrap(), "--network", "simulated"]);
    assert_eq!(exit, Exit::Finding, "{out}");
    assert!(out.contains("swapped-legs") && out.contains("expected") && out.contains("where"), "{out}");

    std::fs::write(&bad, text.replace("talk", "tlak")).unwrap();
    let (exit, _, err) = mixedmode(&["check", bad.to_str().unwrap()]);
    assert_eq!(exit, Exit::BadFile);
    assert!(err.contains("did you mean `talk`?") && err.contains("^^^^"), "{err}");
}

#[test]
fn what_is_not_there_is_named() {
    for args in [&["run", "no-such-folder"] as &[&str], &["list", "no-such-folder"], &["check", "no-such-folder"]] {
        let (exit, _, err) = mixedmode(args);
        assert_eq!(exit, Exit::BadFile, "{args:?}");
        assert!(err.contains("no-such-folder"), "{err}");
    }
    let (exit, _, err) = mixedmode(&["verify", "no-such-folder/ledger.json"]);
    assert_eq!(exit, Exit::BadFile);
    assert!(err.contains("no-such-folder"), "{err}");
    let (exit, _, err) = mixedmode(&["record", "--config", "no-such.toml"]);
    assert_eq!(exit, Exit::BadFile);
    assert!(err.contains("no-such.toml"), "{err}");
    let (exit, _, err) = mixedmode(&["fly"]);
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("fly"), "{err}");
}

#[test]
fn what_is_no_file_or_never_ends_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(path("scenarios/plain-call.yaml")).unwrap();
    let large = folder.path().join("large.wav");
    std::fs::File::create(&large).unwrap().set_len(20 << 30).unwrap();
    std::fs::write(folder.path().join("empty.wav"), b"").unwrap();
    let file = folder.path().join("says.yaml").display().to_string();
    for (says, why) in [
        ("/dev/zero", "it is a device or a pipe"),
        (".", "it is a folder"),
        ("large.wav", "it has 21474836480 bytes"),
        ("gone.wav", "the file is not there"),
        ("empty.wav", "`empty.wav` cannot be spoken"),
    ] {
        std::fs::write(&file, text.replacen("line:", &format!("says: {says}, line:"), 1)).unwrap();
        for verb in ["check", "run"] {
            let (exit, out, err) = mixedmode(&[verb, &file]);
            assert!(exit == Exit::BadFile && err.contains(why) && err.contains(" ^"), "{verb}: {out}{err}");
        }
    }
    let (exit, _, err) = mixedmode(&["record", "--config", "/dev/zero"]);
    assert!(exit == Exit::BadFile && err.contains("/dev/zero: it is a device or a pipe"), "{err}");
    let (exit, _, err) = mixedmode(&["check", "/dev/zero"]);
    assert!(exit == Exit::BadFile && err.contains("it is a device or a pipe"), "{err}");
    let (exit, _, err) =
        mixedmode(&["run", &path("scenarios/plain-call.yaml"), "--recorder", "x", "--config", "/dev/zero"]);
    assert!(exit == Exit::BadFile && err.contains("it is a device or a pipe"), "{err}");
    let store = folder.path().join("store").display().to_string();
    let (exit, _, err) = mixedmode(&["certs", "import", "/dev/zero", "--store", &store]);
    assert!(exit == Exit::BadFile && err.contains("it is a device or a pipe"), "{err}");
}

#[test]
fn every_scenario_of_the_repository_is_valid() {
    let (exit, out, err) = mixedmode(&["check", &path("scenarios")]);
    assert_eq!(exit, Exit::Pass, "{err}");
    assert!(out.contains("no mistakes"), "{out}");
}

#[test]
fn the_recorders_certificate_is_made_listed_exported_and_imported() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store").display().to_string();
    let (exit, out, err) = mixedmode(&["certs", "create", "--address", "192.0.2.7", "--store", &store]);
    assert_eq!(exit, Exit::Pass, "{err}");
    assert!(out.contains("192.0.2.7"), "{out}");
    let pem = folder.path().join("recorder.pem").display().to_string();
    let (exit, _, err) = mixedmode(&["certs", "export", &pem, "--store", &store]);
    assert_eq!(exit, Exit::Pass, "{err}");
    let text = std::fs::read_to_string(&pem).unwrap();
    assert!(text.contains("BEGIN CERTIFICATE") && !text.contains("PRIVATE"), "a key was exported");
    let other = folder.path().join("other").display().to_string();
    let (exit, _, err) = mixedmode(&["certs", "import", &pem, "--store", &other]);
    assert_eq!(exit, Exit::Pass, "{err}");
    let (exit, out, _) = mixedmode(&["certs", "list", "--store", &other]);
    assert_eq!(exit, Exit::Pass);
    assert!(out.contains("trusted") && out.contains("192.0.2.7"), "{out}");
}
