//! Outcomes for the tests of the reports.

use scenario::outcome::{Finding, Lateness, RunOutcome, SCHEMA, ScenarioOutcome, Try, Verdict};

/// A run of recorder `mine` on the operating system's network.
pub(crate) fn run(scenarios: Vec<ScenarioOutcome>) -> RunOutcome {
    RunOutcome { schema: SCHEMA.into(), network: "os".into(), seed: 7, recorder: "mine".into(), scenarios }
}

/// A scenario of 1.5 s that ended so.
pub(crate) fn scenario(file: &str, verdict: Verdict) -> ScenarioOutcome {
    ScenarioOutcome {
        file: file.into(),
        title: "A call".into(),
        verdict,
        reason: None,
        findings: Vec::new(),
        not_checked: Vec::new(),
        story: Vec::new(),
        channels: Vec::new(),
        frames_compared: 300,
        lateness: Lateness::default(),
        duration_ms: 1500,
        earlier: Vec::new(),
        evidence: None,
    }
}

/// A finding of this rule, on line 9.
pub(crate) fn finding(rule: &str) -> Finding {
    Finding::new(rule, "all", "some").at_line(9)
}

/// A try that found a leak.
pub(crate) fn tried(number: usize) -> Try {
    Try { number, verdict: Verdict::Finding, reason: None, findings: vec![finding("leak")] }
}
