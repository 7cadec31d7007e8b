//! The tests of a recorder.

use std::path::{Path, PathBuf};

use recorder_tests::{assert_passes, outcome_of};
use scenario::outcome::Verdict;
use scenario::under_test::{UnderTest, load};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

/// The recorder of a hundred lines of Python; yours is in a `mixedmode.toml` of your own.
fn plain_rtp() -> Option<UnderTest> {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: there is no python3 here, which this recorder is written in");
        return None;
    }
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../recorders/mixedmode.toml");
    Some(load(&profiles, "plain-rtp").unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_call_is_recorded_by_the_bundled_recorder() {
    assert_passes(&file("call.yaml"), &UnderTest::Bundled);
}

#[test]
fn a_call_is_recorded_by_ours() {
    if let Some(ours) = plain_rtp() {
        assert_passes(&file("call.yaml"), &ours);
    }
}

#[test]
fn a_call_that_was_on_hold_is_where_ours_is_wrong() {
    let Some(ours) = plain_rtp() else { return };
    let outcome = outcome_of(&file("hold.yaml"), &ours);
    let rules: Vec<&str> = outcome.findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert!(outcome.verdict == Verdict::Finding, "{}", report::terminal::scenario(&outcome));
    // It names its files by the refci alone, which both recordings of the call have.
    assert!(!rules.is_empty(), "{outcome:#?}");
}
