//! What came of a run, as data: everything a report shows, nothing that differs between two runs of the same seed on the
//! simulated network (no wall-clock time, no folder names, no durations of the machine).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

/// The version of the JSON form. It grows when a field changes its meaning or goes away.
pub const SCHEMA: &str = "mixedmode-outcome-v1";

/// What came of a whole run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunOutcome {
    /// [`SCHEMA`].
    pub schema: String,
    /// Which network carried the run: `os` or `simulated`.
    pub network: String,
    /// The seed; on the simulated network it replays the run.
    pub seed: u64,
    /// The recorder under test.
    pub recorder: String,
    /// One outcome a scenario file, in the order given.
    pub scenarios: Vec<ScenarioOutcome>,
}

/// What came of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioOutcome {
    /// The file, as it was named.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Why the verdict is not a pass, beside findings: the set-up error, or why nothing could be decided.
    pub reason: Option<String>,
    /// What is wrong with the recorder under test.
    pub findings: Vec<Finding>,
    /// What could not be checked, since this recorder does not show it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_checked: Vec<String>,
    /// How the scenario went, a line each, in order.
    pub story: Vec<Happening>,
    /// The figures of each recorded channel.
    pub channels: Vec<Channel>,
    /// Frames of audio compared sample by sample with what was said.
    pub frames_compared: u64,
    /// How late the harness itself was in sending media.
    pub lateness: Lateness,
    /// Length of the scenario in milliseconds of its own (real or simulated) time; 0 where it is not reproducible.
    pub duration_ms: u64,
    /// The other tries of a scenario that was tried again, in their order: nothing that failed once is forgotten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<Try>,
    /// What a report draws of it, where that was asked for ([`Options::evidence`](crate::run::Options::evidence)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub evidence: Option<Box<Evidence>>,
}

impl ScenarioOutcome {
    /// The same without what a report draws.
    #[must_use]
    pub fn without_evidence(&self) -> Self {
        Self {
            file: self.file.clone(),
            title: self.title.clone(),
            verdict: self.verdict,
            reason: self.reason.clone(),
            findings: self.findings.clone(),
            not_checked: self.not_checked.clone(),
            story: self.story.clone(),
            channels: self.channels.clone(),
            frames_compared: self.frames_compared,
            lateness: self.lateness,
            duration_ms: self.duration_ms,
            earlier: self.earlier.clone(),
            evidence: None,
        }
    }

    /// The harness itself did something wrong: what looked like a pass decides nothing.
    pub(crate) fn undecide(&mut self, why: String) {
        if self.verdict == Verdict::Pass {
            self.verdict = Verdict::Inconclusive;
        }
        self.reason = Some(match self.reason.take() {
            Some(reason) => format!("{reason}; {why}"),
            None => why,
        });
    }
}

/// A try of a scenario beside the one that its outcome tells of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Try {
    /// Which try, from 1.
    pub number: usize,
    /// What it ended in.
    pub verdict: Verdict,
    /// Why, beside findings.
    pub reason: Option<String>,
    /// What it found.
    pub findings: Vec<Finding>,
}

/// The seven things a scenario can end in. A panic is none of them: it is a bug of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was not run: it needs something that the recorder under test does not do when told.
    Skipped,
    /// Everything that was said was recorded, and nothing else.
    Pass,
    /// The run ended before the scenario did, or before it began: nothing is known.
    NotRun,
    /// The harness was too slow, or what was to be tested did not happen: the recorder is not blamed.
    Inconclusive,
    /// It passed, but only when it was tried again: [`ScenarioOutcome::earlier`] has what failed.
    Flaky,
    /// The recorder is wrong.
    Finding,
    /// A port, a certificate, a process: the scenario could not be run.
    SetupError,
}

/// One thing that is wrong with the recorder under test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Stable name of the rule.
    pub rule: String,
    /// What was expected.
    pub expected: String,
    /// What was found.
    pub found: String,
    /// Line of the scenario that asked for it, or whose step was under way when it was said.
    pub line: Option<usize>,
    /// Which recording.
    pub recording: Option<String>,
    /// Which leg: `near` or `far`.
    pub leg: Option<String>,
    /// Where in the audio, in milliseconds from the start of the file.
    pub audio_ms: Option<(u64, u64)>,
    /// Which packets, by RTP sequence number as sent.
    pub packets: Option<(u64, u64)>,
    /// Which file of the recorder's.
    pub file: Option<String>,
}

impl Finding {
    /// A finding that is about the whole scenario.
    pub fn new(rule: &str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            rule: rule.to_owned(),
            expected: expected.into(),
            found: found.into(),
            line: None,
            recording: None,
            leg: None,
            audio_ms: None,
            packets: None,
            file: None,
        }
    }

    /// The same, asked for by a line of the scenario.
    #[must_use]
    pub const fn at_line(mut self, line: usize) -> Self {
        self.line = Some(line);
        self
    }
}

/// A line of a scenario's story.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Happening {
    /// Milliseconds since the scenario began; 0 where it is not reproducible.
    pub at_ms: u64,
    /// What happened.
    pub what: String,
}

/// The figures of one recorded channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Channel {
    /// Which recording.
    pub recording: String,
    /// `near` or `far`.
    pub leg: String,
    /// Which file of the recorder's, by name.
    pub file: String,
    /// Frames that had to be there: sent in earnest and delivered.
    pub delivered: u64,
    /// Of these, frames that are there, exact and in place.
    pub exact: u64,
    /// Frames that the network lost.
    pub lost_by_network: u64,
    /// Everything else the verifier measured, as it named it.
    pub figures: serde_json::Value,
}

/// How late the harness was in sending its media, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Lateness {
    /// Packets measured.
    pub packets: u64,
    /// Half of the packets were at most this late.
    pub p50_us: u32,
    /// 95 of 100 packets were at most this late.
    pub p95_us: u32,
    /// 99 of 100 packets were at most this late.
    pub p99_us: u32,
    /// The latest packet.
    pub max_us: u32,
    /// Packets more than 1 ms late.
    pub over_1ms: u64,
    /// Packets sent less than half a packet time after their predecessor: two at once, after a tick was missed.
    pub doubled: u64,
}

impl RunOutcome {
    /// The most severe verdict of the run: a set-up error hides nothing, so it comes before a finding, and a run of
    /// nothing but inconclusive or skipped scenarios is never a pass.
    #[must_use]
    pub fn verdict(&self) -> Option<Verdict> {
        self.scenarios.iter().map(|s| s.verdict).max()
    }

    /// [`Self::verdict`] for who takes a scenario that passed at last for one that passed.
    #[must_use]
    pub fn verdict_where_flaky_passes(&self) -> Option<Verdict> {
        let forgiven = |verdict| if verdict == Verdict::Flaky { Verdict::Pass } else { verdict };
        self.scenarios.iter().map(|s| forgiven(s.verdict)).max()
    }

    /// How many scenarios ended in `verdict`.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> usize {
        self.scenarios.iter().filter(|s| s.verdict == verdict).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdicts: &[Verdict]) -> RunOutcome {
        let scenario = |verdict: &Verdict| ScenarioOutcome {
            file: String::new(),
            title: String::new(),
            verdict: *verdict,
            reason: None,
            findings: Vec::new(),
            not_checked: Vec::new(),
            story: Vec::new(),
            channels: Vec::new(),
            frames_compared: 0,
            lateness: Lateness::default(),
            duration_ms: 0,
            earlier: Vec::new(),
            evidence: None,
        };
        let scenarios = verdicts.iter().map(scenario).collect();
        RunOutcome { schema: SCHEMA.into(), network: "os".into(), seed: 1, recorder: "bundled".into(), scenarios }
    }

    #[test]
    fn the_most_severe_verdict_stands_for_the_run() {
        use Verdict::{Finding, Flaky, Inconclusive, NotRun, Pass, SetupError, Skipped};
        assert_eq!(outcome(&[]).verdict(), None);
        assert_eq!(outcome(&[Pass, Pass]).verdict(), Some(Pass));
        assert_eq!(outcome(&[Pass, Inconclusive]).verdict(), Some(Inconclusive));
        assert_eq!(outcome(&[Inconclusive, Finding]).verdict(), Some(Finding));
        assert_eq!(outcome(&[Skipped, Pass]).verdict(), Some(Pass));
        assert_eq!(outcome(&[Skipped]).verdict(), Some(Skipped));
        assert_eq!(outcome(&[SetupError, Finding]).verdict(), Some(SetupError));
        assert_eq!(outcome(&[Pass, NotRun, Skipped]).verdict(), Some(NotRun));
        assert_eq!(outcome(&[Inconclusive, Flaky, Pass]).verdict(), Some(Flaky));
        assert_eq!(outcome(&[Finding, Flaky]).verdict(), Some(Finding));
    }

    #[test]
    fn a_flaky_scenario_is_let_pass_only_where_that_is_asked_for() {
        use Verdict::{Finding, Flaky, NotRun, Pass};
        assert_eq!(outcome(&[Flaky, Pass]).verdict_where_flaky_passes(), Some(Pass));
        assert_eq!(outcome(&[Flaky, NotRun]).verdict_where_flaky_passes(), Some(NotRun));
        assert_eq!(outcome(&[Flaky, Finding]).verdict_where_flaky_passes(), Some(Finding));
    }

    #[test]
    fn an_outcome_without_earlier_tries_is_written_and_read_as_before() {
        let plain = outcome(&[Verdict::Pass]).scenarios.remove(0);
        let text = serde_json::to_string(&plain).unwrap();
        assert!(!text.contains("earlier"), "{text}");
        assert_eq!(serde_json::from_str::<ScenarioOutcome>(&text).unwrap(), plain);
    }
}
