//! The outcome for GitHub Actions: annotations at the lines of scenario files, and a summary of the job.

use std::fmt::Write as _;

use scenario::advice;
use scenario::outcome::{RunOutcome, ScenarioOutcome, Verdict};

use crate::place::{earlier, headline, place};
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
        let mut said = scenario.reason.clone().unwrap_or_else(|| scenario.title.clone());
        for tried in &scenario.earlier {
            said = format!("{said}\n{}", earlier(tried));
        }
        let _ = writeln!(out, "::{level} file={},title={title}::{}", property(&scenario.file), data(&said));
    }
    out
}

/// Markdown for the summary of the job: how many of which, and a row for each scenario that is no pass.
#[must_use]
pub fn step_summary(run: &RunOutcome) -> String {
    let frames = thousands(run.scenarios.iter().map(|scenario| scenario.frames_compared).sum());
    let mut out = format!("### mixedmode: recorder `{}`\n\n", cell(&run.recorder));
    out.push_str(
        "| scenarios | passed | findings | flaky | not set up | inconclusive | not run | skipped | frames proven |\n",
    );
    out.push_str("|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
    let count = |verdict| run.count(verdict);
    let _ = writeln!(
        out,
        "| {} | {} | {} | {} | {} | {} | {} | {} | {frames} |",
        run.scenarios.len(),
        count(Verdict::Pass),
        count(Verdict::Finding),
        count(Verdict::Flaky),
        count(Verdict::SetupError),
        count(Verdict::Inconclusive),
        count(Verdict::NotRun),
        count(Verdict::Skipped),
    );
    let rest: Vec<&ScenarioOutcome> =
        run.scenarios.iter().filter(|scenario| scenario.verdict != Verdict::Pass).collect();
    if !rest.is_empty() {
        out.push_str("\n| verdict | scenario | why |\n|---|---|---|\n");
    }
    for scenario in rest {
        let (verdict, file, why) = (word(scenario.verdict), cell(&scenario.file), cell(&headline(scenario)));
        let fix = scenario.findings.first().and_then(|first| advice::fix_of(first));
        let fix = fix.map(|fix| format!("<br>To fix: {}", cell(fix))).unwrap_or_default();
        // A flaky scenario's headline is its first failure already.
        let told = usize::from(scenario.findings.is_empty() && scenario.reason.is_none());
        let tried = scenario.earlier.iter().skip(told).map(|tried| format!("<br>{}", cell(&earlier(tried))));
        let _ = writeln!(out, "| {verdict} | {file} | {why}{fix}{} |", tried.collect::<String>());
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
    use crate::fixture::{finding, run, scenario, tried};

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
        assert!(text.contains("| 2 | 1 | 1 | 0 | 0 | 0 | 0 | 0 | 600 |\n"), "{text}");
        assert!(text.ends_with("| FINDING | b.yaml | a\\|b &lt;script>: expected all, found some |\n"), "{text}");
    }

    #[test]
    fn flaky_scenarios_and_those_not_run_are_counted_and_tell_what_failed() {
        let mut flaky = scenario("a.yaml", Verdict::Flaky);
        flaky.earlier = vec![tried(1), tried(2)];
        let run = run(vec![flaky, scenario("b.yaml", Verdict::NotRun)]);
        let text = step_summary(&run);
        assert!(text.contains("| 2 | 0 | 0 | 1 | 0 | 0 | 1 | 0 | 600 |\n"), "{text}");
        let once = |number| format!("try {number} ended in FINDING: leak: expected all, found some");
        assert!(text.contains(&format!("| FLAKY | a.yaml | {}<br>{} |\n", once(1), once(2))), "{text}");
        let told = annotations(&run);
        assert!(told.contains(&format!("title=flaky::A call%0A{}%0A{}\n", once(1), once(2))), "{told}");
    }

    #[test]
    fn the_summary_says_what_to_fix() {
        let mut damaged = scenario("b.yaml", Verdict::Finding);
        damaged.findings = vec![finding("leak")];
        let text = step_summary(&run(vec![damaged]));
        assert!(text.contains("found some<br>To fix: free everything of a dialog"), "{text}");
    }
}
