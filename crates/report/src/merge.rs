//! One outcome of several: the shards of a run.

use std::collections::BTreeMap;

use scenario::outcome::{RunOutcome, ScenarioOutcome};

/// Why outcomes are no parts of one run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is nothing to merge")]
    Nothing,
    /// They are of different runs.
    #[error("they are not of one run: the {what} is `{one}` in one and `{other}` in another")]
    Different {
        /// What differs.
        what: &'static str,
        /// In the first.
        one: String,
        /// In the other.
        other: String,
    },
}

/// The outcome of the whole run, by file name: the same in whatever order the parts are given. A scenario of which several parts
/// tell, as where a shard was run twice, counts once, by its most severe outcome: no pass hides what failed elsewhere.
///
/// # Errors
/// [`MergeError`] for no parts, and for those of different recorders, networks or seeds.
pub fn merge(parts: Vec<RunOutcome>) -> Result<RunOutcome, MergeError> {
    let mut parts = parts.into_iter();
    let mut whole = parts.next().ok_or(MergeError::Nothing)?;
    let mut scenarios = std::mem::take(&mut whole.scenarios);
    for part in parts {
        let told = |run: &RunOutcome| {
            [("recorder", run.recorder.clone()), ("network", run.network.clone()), ("seed", run.seed.to_string())]
        };
        for ((what, one), (_, other)) in told(&whole).into_iter().zip(told(&part)) {
            if one != other {
                return Err(MergeError::Different { what, one, other });
            }
        }
        scenarios.extend(part.scenarios);
    }
    let mut by_file: BTreeMap<String, ScenarioOutcome> = BTreeMap::new();
    for scenario in scenarios {
        match by_file.get(&scenario.file) {
            Some(known) if weight(known) >= weight(&scenario) => {}
            _ => drop(by_file.insert(scenario.file.clone(), scenario)),
        }
    }
    whole.scenarios = by_file.into_values().collect();
    Ok(whole)
}

/// What is kept of two outcomes: the heavier one.
fn weight(scenario: &ScenarioOutcome) -> impl Ord + use<> {
    let findings: Vec<String> = scenario.findings.iter().map(|finding| format!("{finding:?}")).collect();
    let figures = (scenario.frames_compared, scenario.lateness.max_us, scenario.duration_ms);
    (scenario.verdict, findings.len(), findings, scenario.reason.clone(), figures)
}

#[cfg(test)]
mod tests {
    use scenario::outcome::Verdict;

    use super::*;
    use crate::fixture::{finding, run, scenario};

    #[test]
    fn shards_make_the_run_in_any_order() {
        let parts = || {
            let mut damaged = scenario("c.yaml", Verdict::Finding);
            damaged.findings = vec![finding("leak")];
            [run(vec![scenario("b.yaml", Verdict::Pass)]), run(vec![damaged, scenario("a.yaml", Verdict::Pass)])]
        };
        let [one, other] = parts();
        let [first, second] = parts();
        let whole = merge(vec![one, other]).unwrap();
        let files: Vec<&str> = whole.scenarios.iter().map(|scenario| scenario.file.as_str()).collect();
        assert_eq!(files, ["a.yaml", "b.yaml", "c.yaml"]);
        assert_eq!(merge(vec![second, first]).unwrap(), whole);
        assert_eq!(whole.verdict(), Some(Verdict::Finding));
    }

    #[test]
    fn a_shard_that_was_run_twice_counts_once_and_no_pass_hides_what_failed() {
        let passed = || run(vec![scenario("a.yaml", Verdict::Pass)]);
        let failed = || run(vec![scenario("a.yaml", Verdict::Finding)]);
        assert_eq!(merge(vec![passed(), passed()]).unwrap(), passed());
        for parts in [vec![passed(), failed()], vec![failed(), passed()]] {
            assert_eq!(merge(parts).unwrap(), failed());
        }
    }

    #[test]
    fn what_is_of_different_runs_is_not_mixed() {
        let other = RunOutcome { recorder: "bundled".into(), ..run(Vec::new()) };
        let refused = merge(vec![run(Vec::new()), other]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "they are not of one run: the recorder is `mine` in one and `bundled` in another"
        );
        assert_eq!(merge(Vec::new()).unwrap_err(), MergeError::Nothing);
    }
}
