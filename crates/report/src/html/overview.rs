//! The overview: what came of the run, and a row a scenario.

use std::collections::{BTreeMap, BTreeSet};

use maud::{Markup, html};
use scenario::advice::{self, Kind};
use scenario::outcome::{Finding, RunOutcome, ScenarioOutcome, Verdict};

use super::text::visible;
use crate::place::earlier;
use crate::words::thousands;

/// The verdicts as the page orders and names them, the worst first. The key is that of the JSON form.
pub(super) const VERDICTS: [(Verdict, &str, &str); 7] = [
    (Verdict::SetupError, "setup-error", "Not set up"),
    (Verdict::Finding, "finding", "Finding"),
    (Verdict::Flaky, "flaky", "Flaky"),
    (Verdict::Inconclusive, "inconclusive", "Inconclusive"),
    (Verdict::NotRun, "not-run", "Not run"),
    (Verdict::Pass, "pass", "Passed"),
    (Verdict::Skipped, "skipped", "Skipped"),
];

pub(super) fn overview(run: &RunOutcome) -> Markup {
    html! {
        section #overview aria-labelledby="verdict" {
            h1 #verdict { (headline(run)) }
            (facts(run))
            (controls(run))
            table #list {
                thead { tr {
                    th scope="col" aria-sort="ascending" { button data-sort="severity" { "Verdict" } }
                    th scope="col" { button data-sort="order" { "Scenario" } }
                    th.number scope="col" { button data-sort="frames" { "Frames proven" } }
                    th.number scope="col" { button data-sort="ms" { "Length" } }
                } }
                tbody {
                    @for (severity, key, word) in (0..).zip(&VERDICTS).map(|(n, (_, key, word))| (n, *key, *word)) {
                        @for (at, scenario) in run.scenarios.iter().enumerate() {
                            @if key == self::key(scenario.verdict) { (row(at, severity, key, word, scenario)) }
                        }
                    }
                }
            }
            p #none.quiet hidden { "No scenario matches. " button.link #clear { "Show all" } }
        }
    }
}

/// The verdict on the run in a sentence.
pub(super) fn headline(run: &RunOutcome) -> String {
    let all = run.scenarios.len();
    let count = |verdict| run.count(verdict);
    let of = |n: usize| if all == 1 { "the only scenario".to_owned() } else { format!("{n} of {all} scenarios") };
    match run.verdict() {
        None => "Nothing was run".to_owned(),
        Some(Verdict::SetupError) if count(Verdict::Finding) > 0 => format!(
            "{} could not be set up; the recorder is wrong in {}",
            of(count(Verdict::SetupError)),
            count(Verdict::Finding)
        ),
        Some(Verdict::SetupError) => format!("{} could not be set up", sentence(&of(count(Verdict::SetupError)))),
        Some(Verdict::Finding) => format!("The recorder is wrong in {}", of(count(Verdict::Finding))),
        Some(Verdict::Flaky) => format!("The recorder is only sometimes right in {}", of(count(Verdict::Flaky))),
        Some(Verdict::NotRun) => format!("{} did not come to an end", sentence(&of(count(Verdict::NotRun)))),
        Some(Verdict::Inconclusive) => format!("Nothing can be said of {}", of(count(Verdict::Inconclusive))),
        Some(Verdict::Pass) if count(Verdict::Pass) == all => {
            if all == 1 {
                "The only scenario passed".to_owned()
            } else {
                format!("All {all} scenarios passed")
            }
        }
        Some(Verdict::Pass) => format!("{} of {all} scenarios passed, the others were skipped", count(Verdict::Pass)),
        Some(Verdict::Skipped) => "Every scenario was skipped".to_owned(),
    }
}

fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn facts(run: &RunOutcome) -> Markup {
    let frames: u64 = run.scenarios.iter().map(|s| s.frames_compared).sum();
    let late = run.scenarios.iter().map(|s| s.lateness.p95_us).max().unwrap_or_default();
    let blind: BTreeSet<&str> = run.scenarios.iter().flat_map(|s| &s.not_checked).map(String::as_str).collect();
    let network = match run.network.as_str() {
        "os" => "real sockets, real time",
        "simulated" => "simulated, virtual time",
        other => other,
    };
    html! {
        dl.facts {
            div { dt { "Recorder" } dd { (visible(&run.recorder)) } }
            div { dt { "Network" } dd { (visible(network)) } }
            div { dt { "Seed" } dd { (run.seed) } }
            div { dt { "Frames proven" } dd { (thousands(frames)) } }
            div { dt { "Harness late, p95" } dd { (format!("{:.2} ms", f64::from(late) / 1000.0)) } }
        }
        @if !blind.is_empty() {
            p.quiet {
                "Not checked, since this recorder shows only its files: "
                (visible(&blind.into_iter().collect::<Vec<_>>().join("; "))) "."
            }
        }
    }
}

fn controls(run: &RunOutcome) -> Markup {
    html! {
        div.controls role="search" {
            label.search { span.hidden { "Filter scenarios by their text" } input #search type="search" placeholder="Filter by name, file or finding" autocomplete="off"; kbd aria-hidden="true" { "/" } }
            div.chips role="group" aria-label="Filter by verdict" {
                button.chip aria-pressed="true" data-verdict="" { "All " b { (run.scenarios.len()) } }
                @for (verdict, key, word) in VERDICTS {
                    @if run.count(verdict) > 0 {
                        button.chip aria-pressed="false" data-verdict=(key) { (mark(key)) (word) " " b { (run.count(verdict)) } }
                    }
                }
            }
            p #shown.quiet role="status" {}
        }
    }
}

fn row(at: usize, severity: u32, key: &str, word: &str, scenario: &ScenarioOutcome) -> Markup {
    let length = length_ms(scenario);
    html! {
        tr data-verdict=(key) data-severity=(severity) data-order=(at) data-frames=(scenario.frames_compared) data-ms=(length) {
            td { span.verdict.(key) { (mark(key)) (word) } }
            td.what {
                a href={ "#s" (at) } { (visible(&scenario.title)) }
                span.file { (visible(&scenario.file)) }
                (why(scenario))
            }
            td.number { @if scenario.frames_compared > 0 { (thousands(scenario.frames_compared)) } }
            td.number { @if length > 0 { (length_words(length)) } }
        }
    }
}

/// The reason, and the first of the findings.
fn why(scenario: &ScenarioOutcome) -> Markup {
    html! {
        @if let Some(reason) = &scenario.reason { span.why { (visible(reason)) } }
        @if let Some(first) = scenario.findings.first() {
            span.why {
                b { (visible(&first.rule)) } " " (visible(&first.found))
                @if scenario.findings.len() > 1 { span.quiet { ", and " (scenario.findings.len() - 1) " more" } }
            }
            @if let Some(fix) = advice::fix_of(first) { span.why { span.quiet { "To fix: " } (fix) } }
        }
        @for tried in &scenario.earlier { span.why { span.quiet { (visible(&earlier(tried))) } } }
    }
}

fn length_words(ms: u64) -> String {
    if ms < 120_000 {
        return format!("{}.{} s", ms / 1000, ms % 1000 / 100);
    }
    format!("{} min {} s", ms / 60_000, ms / 1000 % 60)
}

/// How long the scenario took by its own clock, in milliseconds; 0 if that is not known.
fn length_ms(scenario: &ScenarioOutcome) -> u64 {
    let evidence = scenario.evidence.as_ref().map(|e| u64::try_from(e.ended_us / 1000).unwrap_or_default());
    evidence.unwrap_or(scenario.duration_ms)
}

/// What is to be done about each rule that this run has broken, for the program of the page.
pub(super) fn fixes(run: &RunOutcome) -> Markup {
    let of = |scenario: &'_ ScenarioOutcome| -> BTreeMap<String, &'static str> {
        let earlier = scenario.earlier.iter().flat_map(|tried| &tried.findings);
        let all = scenario.findings.iter().chain(earlier);
        // A reason has an advice of its own.
        let name = |finding: &Finding| match advice::reason_of(finding) {
            Some(why) => format!("{} ({why})", finding.rule),
            None => finding.rule.clone(),
        };
        all.filter_map(|finding| Some((name(finding), advice::fix_of(finding)?))).collect()
    };
    let rules: BTreeMap<String, &str> = run.scenarios.iter().flat_map(of).collect();
    html! {
        dl #fixes hidden {
            @for (rule, fix) in &rules { dt { (visible(rule)) } dd { (fix) } }
            @for (verdict, key, _) in VERDICTS {
                @if let Some(todo) = todo(run, verdict, key) { dt { "verdict " (key) } dd { (todo) } }
            }
        }
    }
}

/// What is to be done about scenarios that ended so, if this run has any.
fn todo(run: &RunOutcome, verdict: Verdict, key: &str) -> Option<&'static str> {
    let needs_none = matches!(verdict, Verdict::Pass | Verdict::Finding) || run.count(verdict) == 0;
    let (_, told) = advice::about(key).find(|(kind, _)| *kind == Kind::Verdict).filter(|_| !needs_none)?;
    Some(told.fix)
}

/// The sign of a verdict: its form says it as well as its colour does.
pub(super) fn mark(key: &str) -> Markup {
    html! { svg.mark viewBox="0 0 16 16" aria-hidden="true" { use href={ "#mark-" (key) } {} } }
}

pub(super) const fn key(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::SetupError => "setup-error",
        Verdict::Finding => "finding",
        Verdict::Flaky => "flaky",
        Verdict::Inconclusive => "inconclusive",
        Verdict::NotRun => "not-run",
        Verdict::Pass => "pass",
        Verdict::Skipped => "skipped",
    }
}
