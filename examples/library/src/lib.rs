//! A recorder's tests in Rust: each runs a scenario file, and fails with what the command line would print.
//!
//! `tests/recorder.rs` beside this has the tests; what they need of mixedmode is [`outcome_of`]. Copy both and put the name of your
//! recorder, as `mixedmode.toml` calls it, in the place of `plain-rtp`.

use std::path::Path;

use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::{Item, Network, Options, run};
use scenario::under_test::UnderTest;

/// What comes of a scenario file: against the bundled recorder in virtual time, against any other in real time.
///
/// # Panics
/// Where the file is wrong or nothing could be run: a test that cannot go on has failed.
#[must_use]
pub fn outcome_of(file: &Path, recorder: &UnderTest) -> ScenarioOutcome {
    let scenario = scenario::file::load(file).unwrap_or_else(|broken| panic!("{}", broken.render()));
    let network = match recorder {
        UnderTest::Bundled => Network::Simulated,
        UnderTest::External(_) => Network::Os,
    };
    let options = Options { network, under_test: recorder.clone(), ..Options::default() };
    let items = vec![Item { file: file.display().to_string(), scenario }];
    let outcome = run(items, &options, &Default::default(), |_| {}).unwrap_or_else(|error| panic!("{error}"));
    let [scenario] = <[_; 1]>::try_from(outcome.scenarios).unwrap_or_else(|all| panic!("{} outcomes", all.len()));
    scenario
}

/// That the scenario passes.
///
/// # Panics
/// Where it does not: with what was expected, what was found, and what to fix.
pub fn assert_passes(file: &Path, recorder: &UnderTest) {
    let outcome = outcome_of(file, recorder);
    assert!(outcome.verdict == Verdict::Pass, "{}", report::terminal::scenario(&outcome));
}
