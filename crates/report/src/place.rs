//! Where a finding is, and what it says, in words.

use scenario::advice;
use scenario::outcome::{Finding, ScenarioOutcome, Try};

use crate::terminal::word;
use crate::words::thousands;

/// Line, recording, leg, audio, packets and file, as far as they are known; empty where nothing is.
pub(crate) fn place(finding: &Finding, file: &str) -> String {
    let clock = |ms: u64| format!("{}:{:02}.{:03}", ms / 60_000, ms / 1000 % 60, ms % 1000);
    let parts = [
        finding.line.map(|line| format!("{file}:{line}")),
        finding.recording.as_ref().map(|r| format!("recording {r}")),
        finding.leg.as_ref().map(|leg| format!("{leg} leg")),
        finding.audio_ms.map(|(from, to)| format!("audio {} to {}", clock(from), clock(to))),
        finding.packets.map(|(first, last)| match first == last {
            true => format!("packet {first}"),
            false => format!("packets {first} to {last}"),
        }),
        finding.file.as_ref().map(|f| format!("file {f}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What was expected and what was found, on one line.
pub(crate) fn sentence(finding: &Finding) -> String {
    format!("{}: expected {}, found {}", finding.rule, finding.expected, finding.found)
}

/// The same with its place, a line each.
pub(crate) fn paragraph(finding: &Finding, file: &str) -> String {
    let place = place(finding, file);
    let place = if place.is_empty() { place } else { format!("\nwhere     {place}") };
    let fix = advice::fix_of(finding).map(|fix| format!("\nto fix    {fix}")).unwrap_or_default();
    format!("{}\nexpected  {}\nfound     {}{place}{fix}", finding.rule, finding.expected, finding.found)
}

/// What an earlier try ended in, on one line.
pub(crate) fn earlier(tried: &Try) -> String {
    let why = tried.findings.first().map(sentence).or_else(|| tried.reason.clone());
    let more = tried.findings.len().saturating_sub(1);
    let more = if more > 0 { format!(" (and {} more)", thousands(more as u64)) } else { String::new() };
    let why = why.map(|why| format!(": {why}{more}")).unwrap_or_default();
    format!("try {} ended in {}{why}", tried.number, word(tried.verdict))
}

/// Why it is no pass, on one line: its first finding, else its reason.
pub(crate) fn headline(outcome: &ScenarioOutcome) -> String {
    let more = outcome.findings.len().saturating_sub(1);
    match (outcome.findings.first(), &outcome.reason) {
        (Some(first), _) if more > 0 => format!("{} (and {} more)", sentence(first), thousands(more as u64)),
        (Some(first), _) => sentence(first),
        (None, Some(reason)) => reason.clone(),
        (None, None) => outcome.earlier.first().map_or_else(|| outcome.title.clone(), earlier),
    }
}
