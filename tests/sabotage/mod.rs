//! Every scenario file can fail: each is run with the very thing it is about broken, and must then say what is wrong.
//!
//! A row changes a file's text in one or more places, each of which must be there exactly once, and names what must come of it.

use libtest_mimic::{Failed, Trial};
use scenario::outcome::{ScenarioOutcome, Verdict};
use scenario::run::Network;

mod cluster;
mod conference;
mod correlation;
mod hold;
mod media;
mod network;
mod nodes;
mod outside;
mod own;
mod plain;
mod recording;
mod refused;
mod routing;
mod security;
mod signalling;
mod transfer;
mod trunk;

/// What must come of a scenario that was broken.
enum Outcome {
    /// The recorder is found wrong, by this rule among others.
    Found(&'static str),
    /// Nothing can be decided, since this did not happen.
    Undecided(&'static str),
    /// A step cannot be taken, since this is not so.
    Stopped(&'static str),
}

use Outcome::{Found, Stopped, Undecided};

/// A scenario file, what is replaced by what, and what must come of it.
struct Row(&'static str, &'static [(&'static str, &'static str)], Outcome);

/// The rows, by group of scenarios.
const GROUPS: &[&[Row]] = &[
    plain::ROWS,
    network::ROWS,
    refused::ROWS,
    hold::ROWS,
    transfer::ROWS,
    conference::ROWS,
    outside::ROWS,
    routing::ROWS,
    security::ROWS,
    recording::ROWS,
    trunk::ROWS,
    signalling::ROWS,
    media::ROWS,
    correlation::ROWS,
    nodes::ROWS,
    cluster::ROWS,
];

const STEPS: &str = "steps:";

/// A test for every row, and one that no scenario file is without.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let rows = rows().map(|row| Trial::test(name(row), || fails_as_told(row)));
    rows.chain([
        Trial::test("every scenario file has a row that breaks it", every_file_has_a_row),
        Trial::test("every scenario file has a row that breaks what it is about", own::every_file_has_one),
    ])
}

fn rows() -> impl Iterator<Item = &'static Row> {
    GROUPS.iter().copied().flatten()
}

fn name(Row(file, edits, _): &Row) -> String {
    let edits: Vec<String> = edits.iter().map(|(old, new)| format!("`{}` for `{}`", new.trim(), old.trim())).collect();
    format!("{} broken by {}", path(file), edits.join(" and ")).replace('\n', " ")
}

fn path(file: &str) -> String {
    format!("scenarios/{file}.yaml")
}

fn fails_as_told(Row(file, edits, expected): &Row) -> Result<(), Failed> {
    let mut text = std::fs::read_to_string(tests::root().join(path(file)))?;
    for (old, new) in *edits {
        let times = text.matches(old).count();
        if times != 1 {
            return Err(format!("`{old}` stands {times} times in {}, expected once", path(file)).into());
        }
        text = text.replace(old, new);
    }
    let outcome = tests::run_text(&path(file), &text, &tests::options(Network::Simulated, 1))?;
    if is(&outcome, expected) { Ok(()) } else { Err(complaint(&outcome, expected).into()) }
}

fn is(outcome: &ScenarioOutcome, expected: &Outcome) -> bool {
    match expected {
        Found(rule) => outcome.verdict == Verdict::Finding && outcome.findings.iter().any(|f| f.rule == *rule),
        Undecided(why) => {
            outcome.verdict == Verdict::Inconclusive
                && outcome.reason.as_ref().is_some_and(|reason| reason.contains(why))
        }
        Stopped(why) => {
            outcome.verdict == Verdict::SetupError
                && outcome.findings.is_empty()
                && outcome.reason.as_ref().is_some_and(|reason| reason.contains(why))
        }
    }
}

fn complaint(outcome: &ScenarioOutcome, expected: &Outcome) -> String {
    let expected = match expected {
        Found(rule) => format!("a finding by the rule {rule}"),
        Undecided(why) => format!("inconclusive, since it {why}"),
        Stopped(why) => format!("an error of set-up, since {why}"),
    };
    format!("expected {expected}, got\n{}", report::terminal::scenario(outcome))
}

fn every_file_has_a_row() -> Result<(), Failed> {
    let without = tests::scenario_files().into_iter().filter(|file| rows().all(|row| path(row.0) != *file));
    let without: Vec<String> = without.collect();
    if without.is_empty() {
        Ok(())
    } else {
        Err(format!("add rows to tests/sabotage/ for {}", without.join(", ")).into())
    }
}
