//! The HTML report in a real browser: `tests/browser/check_report.py` opens it in headless Chromium. `make browser`
//! installs what that needs; here it is skipped, and says so, where something is missing.

use std::process::Command;

use scenario::outcome::{RunOutcome, Try, Verdict};
use scenario::run::Network;

/// A call whose recording has holes, one that is whole, and texts that would like to be markup.
fn outcome() -> RunOutcome {
    let mut options = tests::options(Network::Simulated, 7);
    options.evidence = true;
    let whole = std::fs::read_to_string(tests::root().join("scenarios/plain-call.yaml")).unwrap();
    let whole = whole.replace("talk: 10s", "talk: 3s");
    let holes = whole.replace("steps:", "recorder: { fault: { lose-every: 37 } }\nsteps:");
    let title = "scenario: An encrypted call is recorded on both sides";
    let hostile = "scenario: '</script><script>document.title = 1</script><img src=x onerror=\"document.title = 2\">'";
    let texts =
        [("holes.yaml", holes), ("whole.yaml", whole.clone()), ("<i>hostile.yaml", whole.replace(title, hostile))];
    let mut scenarios = texts.map(|(file, text)| tests::run_text(file, &text, &options).unwrap());
    let [holes, whole, _] = &mut scenarios;
    (whole.verdict, whole.earlier) = (
        Verdict::Flaky,
        vec![Try { number: 1, verdict: holes.verdict, reason: None, findings: holes.findings[..1].to_vec() }],
    );
    RunOutcome { scenarios: scenarios.to_vec(), ..tests::run(&[], &options).unwrap() }
}

/// Ninety scenarios have to stay below 20 MB; half of that is for the clips of those that fail.
const MOST_BYTES: usize = 20_000_000 / 90 / 2;

#[test]
fn the_html_of_a_call_is_small_and_the_same_again() {
    let mut options = tests::options(Network::Simulated, 7);
    options.evidence = true;
    let page = || report::html(&tests::run(&["scenarios/plain-call.yaml"], &options).unwrap()).unwrap();
    let (one, other) = (page(), page());
    assert!(one == other, "two runs of one seed give different pages");
    let bare = report::html(&tests::run(&[], &options).unwrap()).unwrap();
    let bytes = one.len() - bare.len();
    assert!(bytes < MOST_BYTES, "a call of ten seconds takes {bytes} bytes, expected less than {MOST_BYTES}");
}

#[test]
fn the_html_report_works_in_chromium() {
    let needed: [(&str, &[&str]); 3] = [
        ("python3", &["python3"]),
        ("chromedriver", &["chromedriver"]),
        ("chromium", &["chromium", "chromium-browser", "google-chrome"]),
    ];
    for (name, names) in needed {
        if !names.iter().any(|name| Command::new(name).arg("--version").output().is_ok()) {
            eprintln!("skipped: there is no {name} here, which tests/browser needs (`make browser` installs it)");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    std::fs::write(&file, report::html(&outcome()).unwrap()).unwrap();
    let check = tests::root().join("tests/browser/check_report.py");
    let done = Command::new("python3").arg("-B").arg(check).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
}
