//! The outcome in the Test Anything Protocol, version 14.

use std::fmt::Write as _;

use scenario::outcome::{RunOutcome, ScenarioOutcome, Verdict};

use crate::place::{earlier, headline, paragraph};

/// A test point for each scenario. What decides nothing is `not ok`; only what was skipped is a `SKIP`.
#[must_use]
pub fn tap(run: &RunOutcome) -> String {
    let mut out = format!("TAP version 14\n1..{}\n", run.scenarios.len());
    for (number, scenario) in run.scenarios.iter().enumerate() {
        point(&mut out, number + 1, scenario);
    }
    out
}

fn point(out: &mut String, number: usize, scenario: &ScenarioOutcome) {
    let is_ok = matches!(scenario.verdict, Verdict::Pass | Verdict::Skipped);
    let word = if is_ok { "ok" } else { "not ok" };
    let name = one_line(&format!("{} {}", scenario.file, scenario.title)).replace('\\', "\\\\").replace('#', "\\#");
    let _ = write!(out, "{word} {number} - {name}");
    if scenario.verdict == Verdict::Skipped {
        let _ = write!(out, " # SKIP {}", one_line(&headline(scenario)));
    }
    out.push('\n');
    if !is_ok {
        diagnostics(out, scenario);
    }
}

/// A block of YAML: strings as JSON writes them, which YAML reads.
fn diagnostics(out: &mut String, scenario: &ScenarioOutcome) {
    let verdict = serde_json::to_string(&scenario.verdict).unwrap_or_default();
    let _ = writeln!(out, "  ---\n  verdict: {verdict}\n  message: {}", quoted(&headline(scenario)));
    if !scenario.findings.is_empty() {
        out.push_str("  findings:\n");
    }
    for finding in &scenario.findings {
        let _ = writeln!(out, "    - {}", quoted(&paragraph(finding, &scenario.file)));
    }
    if !scenario.earlier.is_empty() {
        out.push_str("  earlier:\n");
    }
    for tried in &scenario.earlier {
        let _ = writeln!(out, "    - {}", quoted(&earlier(tried)));
    }
    out.push_str("  ...\n");
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn one_line(text: &str) -> String {
    text.split(char::is_control).filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finding, run, scenario, tried};

    #[test]
    fn every_scenario_is_a_point() {
        let mut damaged = scenario("b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("leak")];
        let mut skipped = scenario("c.yaml", Verdict::Skipped);
        (skipped.title, skipped.reason) = ("A # and\na line".into(), Some("too\nlong".into()));
        let text = tap(&run(vec![scenario("a.yaml", Verdict::Pass), damaged, skipped]));
        let expected = r#"TAP version 14
1..3
ok 1 - a.yaml A call
not ok 2 - b.yaml A call
  ---
  verdict: "finding"
  message: "leak: expected all, found some"
  findings:
    - "leak\nexpected  all\nfound     some\nwhere     b.yaml:9\nto fix    free everything of a dialog at its BYE, its CANCEL and its failed INVITE alike"
  ...
ok 3 - c.yaml A \# and a line # SKIP too long
"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn what_failed_before_a_scenario_passed_is_told() {
        let mut flaky = scenario("a.yaml", Verdict::Flaky);
        flaky.earlier = vec![tried(1)];
        let text = tap(&run(vec![flaky]));
        let expected = "not ok 1 - a.yaml A call\n  ---\n  verdict: \"flaky\"\n  message: \"try 1 ended in FINDING: leak: expected all, found some\"\n  earlier:\n    - \"try 1 ended in FINDING: leak: expected all, found some\"\n  ...\n";
        assert!(text.ends_with(expected), "{text}");
    }

    #[test]
    fn what_decides_nothing_is_not_ok() {
        for verdict in [Verdict::Inconclusive, Verdict::SetupError] {
            assert!(tap(&run(vec![scenario("a.yaml", verdict)])).contains("\nnot ok 1 - "), "{verdict:?}");
        }
    }
}
