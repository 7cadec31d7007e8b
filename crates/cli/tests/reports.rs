//! The reports of a run, as files: each says what the run said, and one that cannot be written keeps no other from it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mixedmode::Exit;

fn mixedmode(args: &[&str]) -> (Exit, String, String) {
    let args = std::iter::once("mixedmode").chain(args.iter().copied()).map(OsString::from);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = mixedmode::run(args, &mut out, &mut err);
    (exit, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

/// A scenario that the bundled recorder fails, written to `folder`.
fn swapped(folder: &Path) -> PathBuf {
    let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
    let text = std::fs::read_to_string(scenarios.join("one-second.yaml")).unwrap();
    assert!(!text.contains("\nrecorder:"), "the scenario sets the recorder by itself");
    let file = folder.join("swapped.yaml");
    std::fs::write(&file, format!("{text}\nrecorder: {{ fault: swap-channels }}\n")).unwrap();
    file
}

fn plain() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/one-second.yaml").display().to_string()
}

#[test]
fn every_report_tells_of_the_finding() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let swapped = swapped(folder.path()).display().to_string();
    let names = ["json", "junit", "tap", "sarif", "ndjson"];
    let mut args = vec!["run".to_owned(), "--network".into(), "simulated".into(), plain(), swapped];
    for name in names {
        args.extend([format!("--report-{name}"), at(name)]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (exit, out, err) = mixedmode(&args);
    assert_eq!((exit, err.as_str()), (Exit::Finding, ""), "{out}");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    assert!(read("json").contains(r#""rule": "swapped-legs""#));
    assert!(read("junit").contains(r#"type="swapped-legs""#));
    assert!(read("tap").contains("\nnot ok 2 - "));
    assert!(!read("sarif").contains("swapped-legs"), "no finding about security");
    let events: Vec<String> = read("ndjson").lines().map(str::to_owned).collect();
    assert_eq!(events.len(), 4);
    assert!(events[0].contains(r#""event":"begin""#) && events[3].contains(r#""verdict":"finding""#), "{events:?}");
}

#[test]
fn shards_are_merged_to_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let swapped = swapped(folder.path()).display().to_string();
    for (file, bundle) in [(plain(), at("1")), (swapped, at("2"))] {
        mixedmode(&["run", "--network", "simulated", &file, "--report-bundle", &bundle]);
    }
    let (page, junit) = (at("all.html"), at("all.xml"));
    let (one, two) = (at("1"), at("2"));
    let merged = ["report", "merge", &one, &two, "--report-html", &page, "--report-junit", &junit];
    let (exit, out, err) = mixedmode(&merged);
    assert_eq!((exit, err.as_str()), (Exit::Finding, ""));
    assert!(out.starts_with("2 scenarios: 1 passed, 1 with findings;"), "{out}");
    assert!(std::fs::read_to_string(&junit).unwrap().contains(r#"tests="2" skipped="0" failures="1""#));
    assert!(std::fs::read_to_string(&page).unwrap().contains("swapped.yaml"));
}

#[test]
fn every_report_can_be_made_of_files_that_were_judged_later_and_draws_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (exit, out, err) = mixedmode(&["run", "--network", "simulated", &plain(), "--keep", &at("kept")]);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""), "{out}");
    let kept = std::fs::read_dir(at("kept")).unwrap().next().unwrap().unwrap().path();
    let ledger = kept.join("ledger.json").display().to_string();
    let mut args = vec!["verify".to_owned(), ledger];
    for name in ["html", "bundle", "json", "junit", "tap", "sarif"] {
        args.extend([format!("--report-{name}"), at(name)]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (exit, out, err) = mixedmode(&args);
    assert_eq!((exit, err.as_str()), (Exit::Pass, ""), "{out}");
    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    assert!(read("html").contains("The only scenario passed"));
    let bundle: serde_json::Value = serde_json::from_str(&read("bundle")).unwrap();
    let evidence = &bundle["outcome"]["scenarios"][0]["evidence"];
    let replay = evidence["replay"].as_str().unwrap();
    assert!(replay.starts_with("mixedmode verify ") && replay.ends_with("ledger.json"), "{replay}");
    assert_eq!(evidence["rows"].as_array().unwrap().len(), 2, "a row for each leg");
    let channels = evidence["channels"].as_array().unwrap();
    assert!(channels.iter().any(|channel| channel["said"].is_object()), "the audio is drawn");
    assert!(channels.iter().all(|channel| channel["strip"][0]["class"] == "exact"), "{channels:?}");
    let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    assert!(json["scenarios"][0]["evidence"].is_null(), "only what draws has evidence");
    assert!(read("tap").contains("\nok 1 - ") && read("junit").contains(r#"tests="1""#));
}

#[test]
fn what_cannot_be_merged_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken").display().to_string();
    let tap = folder.path().join("tap").display().to_string();
    std::fs::write(&broken, "{\"schema\":\"else\"}").unwrap();
    let (exit, _, err) = mixedmode(&["report", "merge", &broken, "--report-tap", &tap]);
    assert_eq!(exit, Exit::BadFile);
    assert!(err.contains("got schema `else`") && err.contains(&broken), "{err}");
    let (exit, _, err) = mixedmode(&["report", "merge", &broken]);
    assert_eq!(exit, Exit::Usage);
    assert!(err.contains("no report is asked for"), "{err}");
    assert!(!Path::new(&tap).exists());
}

#[test]
fn events_that_cannot_be_written_stop_a_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("no/such/folder").display().to_string();
    let (exit, out, err) = mixedmode(&["run", "--network", "simulated", &plain(), "--report-ndjson", &nowhere]);
    assert_eq!((exit, out.as_str()), (Exit::Setup, ""));
    assert!(err.contains(&nowhere) && err.contains("nothing was begun"), "{err}");
}
