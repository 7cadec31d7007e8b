//! What is wrong with a recorder's security, as SARIF 2.1.0 (OASIS), which code scanners' dashboards read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use scenario::outcome::{Finding, RunOutcome, ScenarioOutcome, Verdict};
use serde_json::{Value, json};

use crate::place::paragraph;
use crate::terminal::word;

/// The rules whose breach lets somebody listen in, speak up or get in; the other findings are about what is recorded, not about who
/// may.
const SECURITY: [(&str, &str); 11] = [
    ("audio-in-clear", "audio of an encrypted call travelled unencrypted"),
    ("forged-audio", "audio that no key vouches for was recorded"),
    ("noise-audio", "what no key opens, or whose authentication failed, was recorded as sound"),
    ("not-refused", "a peer that must be refused was served"),
    ("plain-audio", "unencrypted audio was recorded for an encrypted leg"),
    ("replayed-audio", "packets that came again were recorded again"),
    ("unauthenticated-audio", "audio whose authentication tag is wrong was recorded"),
    ("unknown-audio", "sound that nobody sent was recorded"),
    ("wrong-key-audio", "audio sealed with a key that was never agreed on was recorded"),
    ("wrong-suite", "another SRTP suite than the one that was asked for was agreed on"),
    ("unusable-media", "a key that cannot be used was offered or accepted"),
];

/// A log with one run: a result for each finding about security, at the line of the scenario that shows it.
///
/// # Errors
/// Never for an outcome the runner made; the error is passed on all the same.
pub fn sarif(run: &RunOutcome) -> Result<String, serde_json::Error> {
    let of_security = |finding: &&Finding| SECURITY.iter().any(|(rule, _)| *rule == finding.rule);
    let found: Vec<(&ScenarioOutcome, &Finding)> = (run.scenarios.iter())
        .flat_map(|scenario| scenario.findings.iter().filter(of_security).map(move |finding| (scenario, finding)))
        .collect();
    let broken: BTreeSet<&str> = found.iter().map(|(_, finding)| finding.rule.as_str()).collect();
    let rules: Vec<Value> = (SECURITY.iter().filter(|(rule, _)| broken.contains(rule)))
        .map(|(rule, text)| json!({ "id": rule, "shortDescription": { "text": text } }))
        .collect();
    let results: Vec<Value> = found.into_iter().map(|(scenario, finding)| result(scenario, finding)).collect();
    // A finding is no failure of the tool, and what was skipped was not meant to be looked at; both are told.
    let is_whole = !run.scenarios.iter().any(|s| matches!(s.verdict, Verdict::SetupError | Verdict::NotRun));
    let unseen: Vec<Value> = run.scenarios.iter().filter_map(unseen).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "mixedmode", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "invocations": [{ "executionSuccessful": is_whole, "toolExecutionNotifications": unseen }],
            "properties": { "recorder": run.recorder, "network": run.network, "seed": run.seed },
            "results": results,
        }],
    });
    let mut text = serde_json::to_string_pretty(&log)?;
    text.push('\n');
    Ok(text)
}

/// That a scenario could not show what it looks for.
fn unseen(scenario: &ScenarioOutcome) -> Option<Value> {
    let level = match scenario.verdict {
        Verdict::Pass | Verdict::Finding | Verdict::Flaky => return None,
        Verdict::SetupError | Verdict::NotRun => "error",
        Verdict::Inconclusive => "warning",
        Verdict::Skipped => "note",
    };
    let why = scenario.reason.as_deref().unwrap_or(&scenario.title);
    let text = format!("{}: {}: {why}", scenario.file, word(scenario.verdict).to_lowercase());
    Some(json!({ "level": level, "message": { "text": text } }))
}

fn result(scenario: &ScenarioOutcome, finding: &Finding) -> Value {
    let line = finding.line.unwrap_or(1).max(1);
    json!({
        "ruleId": finding.rule,
        "level": "error",
        "message": { "text": paragraph(finding, &scenario.file) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri(&scenario.file) },
            "region": { "startLine": line },
        } }],
    })
}

/// A path as a relative reference (RFC 3986 §4.2).
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte.into()),
            _ => drop(write!(out, "%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finding, run, scenario};

    #[test]
    fn only_what_is_about_security_is_a_result() {
        let mut open = scenario("scenarios/a b.yaml", Verdict::Finding);
        open.findings = vec![finding("lost-frames"), finding("not-refused")];
        let mut forged = scenario("scenarios/forged.yaml", Verdict::Finding);
        forged.findings = vec![finding("noise-audio"), finding("unknown-audio"), finding("silent-channel")];
        let found = serde_json::from_str::<Value>(&sarif(&run(vec![forged])).unwrap()).unwrap();
        assert_eq!(found["runs"][0]["results"].as_array().unwrap().len(), 2);
        let text = sarif(&run(vec![open])).unwrap();
        let log: Value = serde_json::from_str(&text).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), 1);
        assert_eq!(results[0]["ruleId"], "not-refused");
        let place = &results[0]["locations"][0]["physicalLocation"];
        assert_eq!(
            (&place["artifactLocation"]["uri"], &place["region"]["startLine"]),
            (&"scenarios/a%20b.yaml".into(), &9.into())
        );
        assert_eq!(log["runs"][0]["tool"]["driver"]["rules"][0]["id"], "not-refused");
    }

    #[test]
    fn a_run_that_could_not_look_says_so() {
        let look = |verdict| {
            let text = sarif(&run(vec![scenario("a.yaml", verdict)])).unwrap();
            let log = serde_json::from_str::<Value>(&text).unwrap();
            let told = &log["runs"][0]["invocations"][0];
            (told["executionSuccessful"].as_bool().unwrap(), told["toolExecutionNotifications"][0]["level"].clone())
        };
        assert_eq!(look(Verdict::Pass), (true, Value::Null));
        assert_eq!(look(Verdict::Finding), (true, Value::Null), "that the recorder is wrong is no failure of the tool");
        assert_eq!(look(Verdict::SetupError), (false, "error".into()));
        assert_eq!(look(Verdict::Inconclusive), (true, "warning".into()));
        assert_eq!(look(Verdict::Skipped), (true, "note".into()));
    }

    #[test]
    fn every_insecure_finding_of_the_verifier_is_about_security() {
        let insecure = verify::Rule::ALL.iter().filter(|rule| rule.severity() == verify::Severity::Insecure);
        for rule in insecure {
            assert!(SECURITY.iter().any(|(known, _)| *known == rule.code()), "{}", rule.code());
        }
    }
}
