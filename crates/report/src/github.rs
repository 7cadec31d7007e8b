//! The outcome for GitHub Actions: annotations at the lines of scenario files, and a summary of the job.

use std::fmt::Write as _;

use scenario::outcome::{RunOutcome, ScenarioOutcome, Verdict};

use crate::place::{headline, place};
use crate::terminal::word;
use crate::words::thousands;

/// Workflow commands, a line each: an error for each finding and each scenario that could not be set up, a warning for what decides
/// nothing, a notice for what was skipped (GitHub Docs, "Workflow commands for GitHub Actions"). GitHub shows ten of a kind a step.
#[must_use]
pub fn annotations(run: &RunOutcome) -> String {
    let mut out = String::new();
    for scenario in &run.scenarios {
        for finding in &scenario.findings {
            let line = finding.line.map(|line| format!(",line={line}")).unwrap_or_default();
            let (file, title) = (property(&scenario.file), property(&finding.rule));
            let said =
                format!("expected {}, found {}\n{}", finding.expected, finding.found, place(finding, &scenario.file));
            let _ = writeln!(out, "::error file={file}{line},title={title}::{}", data(said.trim_end()));
        }
        let level = match scenario.verdict {
            Verdict::SetupError | Verdict::Flaky => "error",
            Verdict::Inconclusive | Verdict::NotRun => "warning",
            Verdict::Skipped => "notice",
            Verdict::Pass | Verdict::Finding => continue,
        };
        let title = property(&word(scenario.verdict).to_lowercase());
        let said = scenario.reason.as_deref().unwrap_or(&scenario.title);
        let _ = writeln!(out, "::{level} file={},title={title}::{}", property(&scenario.file), data(said));
    }
    out
}

/// Markdown for the summary of the job: how many of which, and a row for each scenario that is no pass.
#[must_use]
pub fn step_summary(run: &RunOutcome) -> String {
    let frames = thousands(run.scenarios.iter().map(|scenario| scenario.frames_compared).sum());
    let mut out = format!("### mixedmode: recorder `{}`\n\n", cell(&run.recorder));
    out.push_str("| scenarios | passed | findings | not set up | inconclusive | skipped | frames proven |\n");
    out.push_str("|---:|---:|---:|---:|---:|---:|---:|\n");
    let count = |verdict| run.count(verdict);
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {frames} |",
        run.scenarios.len(),
        count(Verdict::Pass),
        count(Verdict::Finding),
        count(Verdict::SetupError),
        count(Verdict::Inconclusive),
        count(Verdict::Skipped),
    );
    let rest: Vec<&ScenarioOutcome> =
        run.scenarios.iter().filter(|scenario| scenario.verdict != Verdict::Pass).collect();
    if !rest.is_empty() {
        out.push_str("\n| verdict | scenario | why |\n|---|---|---|\n");
    }
    for scenario in rest {
        let (verdict, file, why) = (word(scenario.verdict), cell(&scenario.file), cell(&headline(scenario)));
        let _ = writeln!(out, "| {verdict} | {file} | {why} |");
    }
    out
}

/// The text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text in a cell of a table, as it is.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{finding, run, scenario};

    #[test]
    fn a_finding_is_an_error_at_its_line() {
        let mut damaged = scenario("scenarios/a,b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("leak")];
        damaged.findings[0].found = "100 % of\n2".into();
        let mut late = scenario("c.yaml", Verdict::Inconclusive);
        late.reason = Some("the harness was late".into());
        let text = annotations(&run(vec![damaged, late, scenario("d.yaml", Verdict::Pass)]));
        let expected = "::error file=scenarios/a%2Cb.yaml,line=9,title=leak::expected all, found 100 %25 of%0A2%0Ascenarios/a,b.yaml:9\n\
                        ::warning file=c.yaml,title=inconclusive::the harness was late\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_summary_counts_all_and_lists_what_did_not_pass() {
        let mut damaged = scenario("b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("a|b <script>")];
        let text = step_summary(&run(vec![scenario("a.yaml", Verdict::Pass), damaged]));
        assert!(text.contains("| 2 | 1 | 1 | 0 | 0 | 0 | 600 |\n"), "{text}");
        assert!(text.ends_with("| FINDING | b.yaml | a\\|b &lt;script>: expected all, found some |\n"), "{text}");
    }
}
