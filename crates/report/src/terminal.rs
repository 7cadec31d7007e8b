//! What a person reads: a line a scenario, and for each failure what was expected, what was found, and where.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use scenario::advice;
use scenario::outcome::{Finding, RunOutcome, ScenarioOutcome, Verdict};

use crate::gist::{Gist, gists};
use crate::place::place;
use crate::words::thousands;

/// How many findings of one scenario are shown; the rest is counted. All of them are in the JSON report.
const SHOWN: usize = 6;

/// One scenario: its line, and what is to be said about it.
#[must_use]
pub fn scenario(outcome: &ScenarioOutcome) -> String {
    let mut out = format!("{:<12} {}", word(outcome.verdict), outcome.file);
    if outcome.frames_compared > 0 {
        let _ = write!(out, "  {} frames proven", thousands(outcome.frames_compared));
    }
    out.push('\n');
    out.push_str(&reading(outcome));
    if outcome.verdict == Verdict::Pass {
        return out;
    }
    if matches!(outcome.verdict, Verdict::Skipped | Verdict::NotRun) {
        let word = word(outcome.verdict).to_lowercase();
        let _ = writeln!(out, "    {word}: {}", outcome.reason.as_deref().unwrap_or_default());
        return out;
    }
    let _ = writeln!(out, "    {}", outcome.title);
    if let Some(reason) = &outcome.reason {
        // Beside findings it is none.
        let word = if outcome.verdict == Verdict::Finding { "undecided" } else { word(outcome.verdict) };
        let _ = writeln!(out, "    {}: {reason}", word.to_lowercase());
    }
    findings(&mut out, &outcome.findings, &outcome.file);
    for earlier in &outcome.earlier {
        let reason = earlier.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let _ = writeln!(out, "    try {} ended in {}{reason}", earlier.number, word(earlier.verdict));
        findings(&mut out, &earlier.findings, &outcome.file);
    }
    out.push_str(&story(outcome));
    out
}

/// How channels were read that do not hold their leg sample for sample, and what could not be seen in them.
fn reading(outcome: &ScenarioOutcome) -> String {
    let mut out = String::new();
    for channel in &outcome.channels {
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let mode = text(&channel.figures["mode"]);
        if mode.is_empty() || mode == "exact" {
            continue;
        }
        let unseen: Vec<String> = channel.figures["unseen"].as_array().into_iter().flatten().map(text).collect();
        let unseen = if unseen.is_empty() { String::new() } else { format!("; not seen: {}", unseen.join(", ")) };
        let leg = if channel.leg.is_empty() { "no leg" } else { &channel.leg };
        let _ = writeln!(out, "    {leg} in {}: {mode}{unseen}", channel.file);
    }
    out
}

fn findings(out: &mut String, all: &[Finding], file: &str) {
    let gists = gists(all);
    for (at, gist) in gists.iter().take(SHOWN).enumerate() {
        let shown = gist.first;
        out.push_str(&finding(shown, file));
        if let Some(more) = gist.more() {
            let _ = writeln!(out, "      and       {more}");
        }
        // What helps against a rule is told once.
        let told = gists[..at].iter().map(|told| advice::fix_of(told.first));
        let fix = advice::fix_of(shown);
        if let Some(fix) = fix.filter(|_| !told.into_iter().any(|told| told == fix)) {
            let _ = writeln!(out, "      to fix    {fix}");
        }
    }
    let left: usize = gists.iter().skip(SHOWN).map(Gist::len).sum();
    if left > 0 {
        let _ = writeln!(out, "    … and {left} more findings (see --report-json)");
    }
}

/// How a scenario went, a line each.
#[must_use]
pub fn story(outcome: &ScenarioOutcome) -> String {
    outcome.story.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "    | {}", line.what);
        out
    })
}

fn finding(finding: &Finding, file: &str) -> String {
    let mut out = format!("    finding: {}\n", finding.rule);
    let _ = writeln!(out, "      expected  {}", finding.expected);
    let _ = writeln!(out, "      found     {}", finding.found);
    let place = place(finding, file);
    if !place.is_empty() {
        let _ = writeln!(out, "      where     {place}");
    }
    out
}

/// The last line: how many of which.
#[must_use]
pub fn summary(run: &RunOutcome, took: std::time::Duration) -> String {
    let count = |verdict| run.count(verdict);
    let frames: u64 = run.scenarios.iter().map(|s| s.frames_compared).sum();
    let mut parts = vec![format!("{} passed", count(Verdict::Pass))];
    for (verdict, name) in [
        (Verdict::Finding, "with findings"),
        (Verdict::SetupError, "not set up"),
        (Verdict::Flaky, "flaky"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::NotRun, "not run"),
        (Verdict::Skipped, "skipped"),
    ] {
        if count(verdict) > 0 {
            parts.push(format!("{} {name}", count(verdict)));
        }
    }
    let late = run.scenarios.iter().map(|s| s.lateness.p95_us).max().unwrap_or_default();
    let parts = parts.join(", ");
    let late = f64::from(late) / 1000.0;
    let frames = thousands(frames);
    let (scenarios, seconds) = (run.scenarios.len(), took.as_secs_f64());
    let noun = if scenarios == 1 { "scenario" } else { "scenarios" };
    let blind = not_checked(run);
    format!(
        "{blind}{scenarios} {noun}: {parts}; {frames} frames proven; harness p95 {late:.2} ms late; {seconds:.1} s\n"
    )
}

/// What no scenario of the run could check, told once: a pass says nothing about it.
fn not_checked(run: &RunOutcome) -> String {
    let all: BTreeSet<&str> = run.scenarios.iter().flat_map(|s| &s.not_checked).map(String::as_str).collect();
    if all.is_empty() {
        return String::new();
    }
    let all = all.into_iter().collect::<Vec<_>>().join("; ");
    format!("not checked, since recorder `{}` shows only its files: {all}\n", run.recorder)
}

/// What a run is doing right now, in one line without an end.
#[must_use]
pub fn progress(done: usize, total: usize, live: &scenario::run::Live) -> String {
    let (calls, streams) = (live.calls(), live.streams());
    let (frames, packets) = (thousands(live.frames()), thousands(live.packets()));
    format!(
        "{done} of {total} done; {calls} calls up, {streams} streams to recorders; {frames} frames proven, {packets} packets sent"
    )
}

pub(crate) const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Finding => "FINDING",
        Verdict::SetupError => "SET-UP",
        Verdict::Inconclusive => "INCONCLUSIVE",
        Verdict::Skipped => "SKIPPED",
        Verdict::NotRun => "NOT RUN",
        Verdict::Flaky => "FLAKY",
    }
}

#[cfg(test)]
mod tests {
    use scenario::outcome::Lateness;

    use super::*;

    fn failed() -> ScenarioOutcome {
        let mut lost =
            Finding::new("lost-frames", "every delivered frame in the file", "2 frames are missing").at_line(9);
        lost.leg = Some("far".into());
        lost.audio_ms = Some((192_480, 192_520));
        lost.packets = Some((9612, 9613));
        ScenarioOutcome {
            file: "call.yaml".into(),
            title: "A call".into(),
            verdict: Verdict::Finding,
            reason: None,
            findings: vec![lost],
            not_checked: Vec::new(),
            story: Vec::new(),
            channels: Vec::new(),
            frames_compared: 12_345,
            lateness: Lateness::default(),
            duration_ms: 0,
            earlier: Vec::new(),
            evidence: None,
        }
    }

    #[test]
    fn a_finding_says_what_was_expected_what_was_found_and_where() {
        let expected = "FINDING      call.yaml  12,345 frames proven\n    A call\n    finding: lost-frames\n      expected  every delivered frame in the file\n      found     2 frames are missing\n      where     call.yaml:9, far leg, audio 3:12.480 to 3:12.520, packets 9612 to 9613\n      to fix    store every packet that authenticates: enlarge the socket's buffer, and check roll-over count and key changes at the sequence numbers named\n";
        assert_eq!(scenario(&failed()), expected);
    }

    #[test]
    fn what_to_fix_is_told_once_a_rule() {
        let mut failed = failed();
        let (lost, strange) = (failed.findings[0].clone(), Finding::new("a-rule-of-tomorrow", "all", "some"));
        failed.findings.extend([lost, strange]);
        failed.findings[1].leg = Some("near".into());
        let shown = scenario(&failed);
        assert_eq!(shown.matches("finding: ").count(), 3, "{shown}");
        assert_eq!(shown.matches("      to fix    ").count(), 1, "{shown}");
    }

    #[test]
    fn what_comes_again_is_told_in_a_line() {
        let mut failed = failed();
        let again = Finding { packets: Some((9700, 9700)), ..failed.findings[0].clone() };
        failed.findings.push(again);
        let shown = scenario(&failed);
        assert_eq!(shown.matches("finding: ").count(), 1, "{shown}");
        assert!(shown.contains("packets 9612 to 9613\n      and       1 more place\n      to fix"), "{shown}");
    }

    #[test]
    fn a_pass_is_one_line() {
        let passed = ScenarioOutcome { verdict: Verdict::Pass, findings: Vec::new(), ..failed() };
        assert_eq!(scenario(&passed), "PASS         call.yaml  12,345 frames proven\n");
    }

    #[test]
    fn how_a_channel_was_read_is_told_where_it_is_not_as_it_was_said() {
        let channel = |mode: &str, unseen: &[&str]| scenario::outcome::Channel {
            recording: "r".into(),
            leg: "near".into(),
            file: "mix.wav".into(),
            delivered: 1,
            exact: 1,
            lost_by_network: 0,
            figures: serde_json::json!({ "mode": mode, "unseen": unseen }),
        };
        let channels = vec![channel("exact", &[]), channel("exact in a mono mix", &["this", "that"])];
        let passed = ScenarioOutcome { verdict: Verdict::Pass, findings: Vec::new(), channels, ..failed() };
        let line = "    near in mix.wav: exact in a mono mix; not seen: this, that\n";
        assert_eq!(scenario(&passed), format!("PASS         call.yaml  12,345 frames proven\n{line}"));
    }

    #[test]
    fn what_is_undecided_beside_findings_is_called_no_finding() {
        let told =
            |verdict| scenario(&ScenarioOutcome { verdict, reason: Some("no audio was compared".into()), ..failed() });
        let lines =
            |text: &str, word: &str| text.lines().filter(|line| line.starts_with(&format!("    {word}: "))).count();
        let found = told(Verdict::Finding);
        assert_eq!((lines(&found, "undecided"), lines(&found, "finding")), (1, 1), "{found}");
        assert_eq!(lines(&told(Verdict::Inconclusive), "inconclusive"), 1);
    }

    #[test]
    fn what_failed_before_a_scenario_passed_is_shown() {
        let earlier = scenario::outcome::Try {
            number: 1,
            verdict: Verdict::Finding,
            reason: Some("a reason".into()),
            findings: failed().findings,
        };
        let flaky = ScenarioOutcome {
            verdict: Verdict::Flaky,
            findings: Vec::new(),
            frames_compared: 0,
            earlier: vec![earlier],
            ..failed()
        };
        let shown = scenario(&flaky);
        let expected =
            "FLAKY        call.yaml\n    A call\n    try 1 ended in FINDING: a reason\n    finding: lost-frames\n";
        assert!(shown.starts_with(expected) && shown.contains("found     2 frames are missing"), "{shown}");
    }

    #[test]
    fn what_was_skipped_or_not_checked_is_never_silent() {
        let skipped = ScenarioOutcome {
            verdict: Verdict::Skipped,
            reason: Some("its trunk is UDP".into()),
            findings: Vec::new(),
            frames_compared: 0,
            ..failed()
        };
        assert_eq!(scenario(&skipped), "SKIPPED      call.yaml\n    skipped: its trunk is UDP\n");
        let blind = ScenarioOutcome {
            verdict: Verdict::Pass,
            not_checked: vec!["its metadata".into(), "its ports".into()],
            ..failed()
        };
        let run = RunOutcome {
            schema: scenario::outcome::SCHEMA.into(),
            network: "os".into(),
            seed: 1,
            recorder: "mine".into(),
            scenarios: vec![blind.clone(), blind, skipped],
        };
        let summary = summary(&run, std::time::Duration::ZERO);
        assert!(summary.contains("1 skipped"), "{summary}");
        let told = "not checked, since recorder `mine` shows only its files: its metadata; its ports\n";
        assert!(summary.starts_with(told), "{summary}");
    }
}
