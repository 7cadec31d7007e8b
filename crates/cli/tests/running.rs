//! Which scenarios a run is about, how often they are tried, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mixedmode::Exit;

/// A folder with scenarios in it.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// `a.yaml` passes, `b.yaml` in `bad` is a finding and tagged, `c.yaml` passes.
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(bench.path("bad")).unwrap();
        bench.write("a.yaml", "# Passes.\n# Flow: A whole call\n# Field: A6\n", "");
        bench.write("bad/b.yaml", "tags: [broken]\n", "recorder: { fault: swap-channels }\n");
        bench.write("c.yaml", "", "");
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, head: &str, tail: &str) {
        let plain = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/plain-call.yaml");
        let text = std::fs::read_to_string(plain).unwrap();
        let whole = text.lines().skip_while(|line| line.starts_with('#')).collect::<Vec<_>>().join("\n");
        std::fs::write(self.path(name), format!("{head}{whole}\n{tail}")).unwrap();
    }

    /// What the program says and ends with, its folder left out.
    fn told(&self, verb: &str, more: &[&str]) -> (Exit, String, String) {
        let folder = self.folder.path().display().to_string();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let args = [&["mixedmode", verb, &folder], more].concat();
        let exit = mixedmode::run(args.into_iter().map(Into::into), &mut out, &mut err);
        let plain = |bytes| String::from_utf8(bytes).unwrap().replace(&format!("{folder}/"), "");
        (exit, plain(out), plain(err))
    }

    fn run(&self, more: &[&str]) -> (Exit, String, String) {
        let state = self.path("state/last.json").display().to_string();
        self.told("run", &[&["--network", "simulated", "--jobs", "1", "--state", &state], more].concat())
    }
}

#[test]
fn scenarios_are_listed_filtered_and_shared_out() {
    let bench = Bench::new();
    assert_eq!(bench.told("list", &[]), (Exit::Pass, "a.yaml\nbad/b.yaml\nc.yaml\n".into(), String::new()));
    for (filter, files) in [
        ("tag(broken)", "bad/b.yaml\n"),
        ("field(A6) or folder(bad)", "a.yaml\nbad/b.yaml\n"),
        ("not (tag(broken) or name(a))", "c.yaml\n"),
    ] {
        assert_eq!(bench.told("list", &["-E", filter]).1, files, "{filter}");
    }
    let (_, json, _) = bench.told("list", &["--json", "-E", "name(a)"]);
    for told in ["\"title\"", "\"tags\": []", "\"flow\": \"A whole call\"", "\"A6\""] {
        assert!(json.contains(told), "{json}");
    }
    let shares: Vec<String> = (1..=2).map(|n| bench.told("list", &["--shard", &format!("{n}/2")]).1).collect();
    let mut all: Vec<&str> = shares.iter().flat_map(|share| share.lines()).collect();
    all.sort_unstable();
    assert_eq!(all, ["a.yaml", "bad/b.yaml", "c.yaml"]);
}

#[test]
fn nothing_matched_is_never_a_pass() {
    let bench = Bench::new();
    for verb in ["list", "run"] {
        let (exit, out, err) = bench.told(verb, &["-E", "name(x*)"]);
        assert_eq!((exit, out.as_str()), (Exit::Usage, ""));
        assert!(err.contains("the filter `name(x*)` fits none of 3 scenarios"), "{err}");
        let (exit, _, err) = bench.told(verb, &["--filter", "tagg(x)"]);
        assert!(exit == Exit::Usage && err.contains("1 | tagg(x)\n  | ^^^^ did you mean `tag`?"), "{err}");
    }
    assert_eq!(bench.told("list", &["--shard", "3/2"]).0, Exit::Usage);
}

#[test]
fn what_failed_last_is_run_again_alone() {
    let bench = Bench::new();
    let (exit, _, err) = bench.run(&["--last-failed"]);
    assert!(exit == Exit::Usage && err.contains("run once without --last-failed"), "{err}");
    let (exit, out, _) = bench.run(&["--quiet"]);
    assert_eq!(exit, Exit::Finding, "{out}");
    assert!(out.starts_with("FINDING      bad/b.yaml") && !out.contains("PASS"), "{out}");
    bench.write("bad/b.yaml", "", "");
    let (exit, out, _) = bench.run(&["--last-failed"]);
    assert!(exit == Exit::Pass && out.starts_with("PASS         bad/b.yaml") && out.contains("1 scenario:"), "{out}");
    let (exit, _, err) = bench.run(&["--last-failed"]);
    assert!(exit == Exit::Usage && err.contains("nothing to run again"), "{err}");
}

#[test]
fn a_run_does_not_fail_because_its_state_cannot_be_written() {
    let bench = Bench::new();
    let nowhere = bench.path("a.yaml/last.json").display().to_string();
    let (exit, _, err) = bench.told("run", &["-E", "name(a)", "--network", "simulated", "--state", &nowhere]);
    assert_eq!(exit, Exit::Pass, "{err}");
    assert!(err.contains("note: cannot write a.yaml/last.json"), "{err}");
}

#[test]
fn what_was_not_begun_is_told_and_no_pass() {
    let bench = Bench::new();
    let json = bench.path("outcome.json").display().to_string();
    let (exit, out, _) = bench.run(&["--fail-fast", "--report-json", &json]);
    assert_eq!(exit, Exit::Finding);
    assert!(
        out.contains("NOT RUN      c.yaml\n    not run: --fail-fast ended the run when bad/b.yaml failed"),
        "{out}"
    );
    assert!(out.contains("1 passed, 1 with findings, 1 not run"), "{out}");
    assert!(std::fs::read_to_string(json).unwrap().contains("\"not-run\""));
}

#[test]
fn in_real_time_too_the_first_failure_ends_a_run() {
    let bench = Bench::new();
    for name in ["a.yaml", "bad/b.yaml", "c.yaml"] {
        let text = std::fs::read_to_string(bench.path(name)).unwrap();
        std::fs::write(bench.path(name), text.replace("talk: 10s", "talk: 1s")).unwrap();
    }
    let state = bench.path("last.json").display().to_string();
    let (exit, out, _) = bench.told("run", &["--network", "os", "--jobs", "1", "--fail-fast", "--state", &state]);
    assert_eq!(exit, Exit::Finding, "{out}");
    assert!(
        out.contains("NOT RUN      c.yaml\n    not run: --fail-fast ended the run when bad/b.yaml failed"),
        "{out}"
    );
}

#[test]
fn retries_and_repeats_keep_everything_apart() {
    let bench = Bench::new();
    let keep = bench.path("kept").display().to_string();
    let (exit, out, err) = bench.run(&["-E", "tag(broken)", "--retries", "1", "--repeat", "2", "--keep", &keep]);
    assert_eq!(exit, Exit::Finding, "{out}{err}");
    assert!(out.contains("try 1 ended in FINDING") && out.contains("2 scenarios: 0 passed, 2 with findings"), "{out}");
    let mut kept: Vec<String> =
        std::fs::read_dir(keep).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    kept.sort();
    let ends: Vec<&str> = kept.iter().map(|name| name.split_once("bad-b").unwrap().1).collect();
    assert_eq!(ends, ["", "-2", "-2.try-2", ".try-2"]);
}

#[test]
fn a_scenario_that_lasts_too_long_says_where_it_was() {
    let bench = Bench::new();
    let (exit, out, _) = bench.run(&["-E", "name(a)", "--timeout", "2s"]);
    assert_eq!(exit, Exit::Setup, "{out}");
    assert!(out.contains("it did not end within 2s, which is all that --timeout allows; line "), "{out}");
    assert_eq!(bench.run(&["--timeout", "90"]).0, Exit::Usage);
}

#[test]
fn colours_are_for_who_asks() {
    let bench = Bench::new();
    let (_, out, _) = bench.run(&["--color", "always"]);
    assert!(out.contains("\x1b[1;32mPASS\x1b[0m         ") && out.contains("\x1b[1;31mFINDING\x1b[0m"), "{out:?}");
    assert!(!bench.run(&[]).1.contains('\x1b'));
}

/// The program as a process of its own.
fn spawned(bench: &Bench, more: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_mixedmode"))
        .arg("run")
        .arg(bench.folder.path())
        .args(more)
        .current_dir(bench.folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn interrupt(child: &Child) {
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn an_interrupted_run_ends_with_its_reports_written() {
    let bench = Bench::new();
    bench.write("z.yaml", "", "");
    let text = std::fs::read_to_string(bench.path("z.yaml")).unwrap();
    std::fs::write(bench.path("z.yaml"), text.replace("talk: 10s", "talk: 5m")).unwrap();
    let json = bench.path("outcome.json");
    let mut child = spawned(&bench, &["-E", "name(a) or name(z)", "--report-json", json.to_str().unwrap()]);
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    out.read_line(&mut first).unwrap();
    assert!(first.contains("a.yaml"), "{first}");
    interrupt(&child);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_ne!(child.wait().unwrap().code(), Some(0));
    assert!(rest.contains("not run: broken off when the run was ended") && rest.contains("1 not run"), "{rest}");
    let json = std::fs::read_to_string(json).unwrap();
    assert!(json.contains("z.yaml") && json.contains("\"not-run\""), "{json}");
    let left = std::fs::read_to_string(bench.path(".mixedmode/last-run.json")).unwrap();
    assert!(left.contains("not-run"), "{left}");
}

#[test]
fn a_run_whose_reader_has_gone_away_leaves_its_reports_all_the_same() {
    let bench = Bench::new();
    let sarif = bench.path("outcome.sarif");
    let mut child = spawned(&bench, &["--network", "simulated", "--report-sarif", sarif.to_str().unwrap()]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(Exit::Finding as i32), "the verdict, not that nobody reads it");
    assert!(std::fs::read_to_string(sarif).unwrap().contains("sarif"));
    assert!(bench.path(".mixedmode/last-run.json").exists());
}

#[test]
fn a_watched_run_is_run_again_when_a_file_changes_and_ends_with_ctrl_c() {
    let bench = Bench::new();
    let mut child = spawned(&bench, &["-E", "name(b)", "--network", "simulated", "--watch"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().starts_with("FINDING"));
    assert!(lines.any(|line| line.starts_with("waiting for a change")));
    bench.write("bad/b.yaml", "", "");
    assert!(lines.next().unwrap().starts_with("PASS"));
    assert!(lines.any(|line| line.starts_with("waiting for a change")));
    interrupt(&child);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// A reader that has gone away, such as `head`.
struct Gone;

impl std::io::Write for Gone {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_has_gone_costs_no_report() {
    let bench = Bench::new();
    let path = |name: &str| bench.path(name).display().to_string();
    let (scenario, junit, sarif, state) = (path("a.yaml"), path("r.xml"), path("r.sarif"), path("state.json"));
    let args = ["mixedmode", "run", &scenario, "--network", "simulated", "--state", &state];
    let reports = ["--report-junit", &junit, "--report-sarif", &sarif];
    let args = [&args[..], &reports].concat().into_iter().map(Into::into);
    let exit = mixedmode::run(args, &mut Gone, &mut Vec::new());
    assert_eq!(exit, Exit::Pass);
    for file in [junit, sarif, state] {
        assert!(Path::new(&file).exists(), "{file} was not written");
    }
}
