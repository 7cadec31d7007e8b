//! Events of a run, one JSON object a line, written as they happen: for whoever follows a run from another program.

use scenario::outcome::{RunOutcome, ScenarioOutcome, Verdict};
use serde::Serialize;

/// The name and version of the form. It grows when a field changes its meaning or goes away.
pub const EVENTS_SCHEMA: &str = "mixedmode-events-v1";

/// An event. The first is `begin`, the last is `end`; between them each scenario's `scenario-ended` comes in the order in which
/// they end. A file without `end` is of a run that was cut off.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Ndjson<'a> {
    /// The run begins.
    Begin {
        /// [`EVENTS_SCHEMA`].
        schema: &'static str,
        /// `os` or `simulated`.
        network: &'a str,
        /// The seed of the run.
        seed: u64,
        /// The recorder under test.
        recorder: &'a str,
        /// How many scenarios there are.
        scenarios: usize,
    },
    /// A scenario has ended.
    ScenarioEnded {
        /// Its outcome, as in the JSON report.
        #[serde(flatten)]
        outcome: &'a ScenarioOutcome,
    },
    /// The run has ended.
    End {
        /// The most severe verdict; `null` where nothing was run.
        verdict: Option<Verdict>,
        /// How many passed.
        passed: usize,
        /// How many have findings.
        with_findings: usize,
        /// How many decide nothing.
        inconclusive: usize,
        /// How many could not be set up.
        not_set_up: usize,
        /// How many were skipped.
        skipped: usize,
        /// How many passed only when they were tried again.
        flaky: usize,
        /// How many were not begun, or broken off.
        not_run: usize,
        /// Frames of audio compared.
        frames_compared: u64,
    },
}

impl Ndjson<'_> {
    /// How a run ended.
    #[must_use]
    pub fn end(run: &RunOutcome) -> Self {
        Self::End {
            verdict: run.verdict(),
            passed: run.count(Verdict::Pass),
            with_findings: run.count(Verdict::Finding),
            inconclusive: run.count(Verdict::Inconclusive),
            not_set_up: run.count(Verdict::SetupError),
            skipped: run.count(Verdict::Skipped),
            flaky: run.count(Verdict::Flaky),
            not_run: run.count(Verdict::NotRun),
            frames_compared: run.scenarios.iter().map(|scenario| scenario.frames_compared).sum(),
        }
    }

    /// The event on a line of its own. Evidence is left out: it is for the bundle.
    ///
    /// # Errors
    /// Never for an outcome the runner made; the error is passed on all the same.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        let mut text = match self {
            Self::ScenarioEnded { outcome } if outcome.evidence.is_some() => {
                serde_json::to_string(&Ndjson::ScenarioEnded { outcome: &outcome.without_evidence() })?
            }
            other => serde_json::to_string(other)?,
        };
        text.push('\n');
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::fixture::{finding, run, scenario};

    #[test]
    fn every_event_is_one_line_that_names_itself() {
        let mut damaged = scenario("b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("leak")];
        damaged.reason = Some("two\nlines".into());
        let run = run(vec![scenario("a.yaml", Verdict::Pass), damaged]);
        let begin = Ndjson::Begin { schema: EVENTS_SCHEMA, network: "os", seed: 7, recorder: "mine", scenarios: 2 };
        let ended = Ndjson::ScenarioEnded { outcome: &run.scenarios[1] };
        let lines = [begin, ended, Ndjson::end(&run)].map(|event| event.line().unwrap());
        assert!(lines.iter().all(|line| line.matches('\n').count() == 1 && line.ends_with('\n')));
        let [begin, ended, end] = lines.map(|line| serde_json::from_str::<Value>(&line).unwrap());
        assert_eq!((&begin["event"], &begin["schema"]), (&"begin".into(), &EVENTS_SCHEMA.into()));
        assert_eq!((&ended["event"], &ended["findings"][0]["rule"]), (&"scenario-ended".into(), &"leak".into()));
        assert_eq!((&end["verdict"], &end["passed"]), (&"finding".into(), &1.into()));
    }

    #[test]
    fn the_last_event_counts_every_scenario() {
        use Verdict::{Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};
        let all = [Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped];
        let run = run(all.map(|verdict| scenario("a.yaml", verdict)).to_vec());
        let end: Value = serde_json::from_str(&Ndjson::end(&run).line().unwrap()).unwrap();
        let counts = ["passed", "with_findings", "inconclusive", "not_set_up", "skipped", "flaky", "not_run"]
            .map(|key| &end[key]);
        assert!(counts.iter().all(|count| **count == 1), "{end}");
    }
}
