//! Which line of the scenario a finding is about: the step that was under way when what is wrong was said, or the key that expects
//! something.

use media::ledger::{Leg, Nature, Stream};

use crate::file::{Action, Hook, Scenario};
use crate::kept::Session;
use crate::outcome::Finding;

/// The line of a key of `expect`; that of `expect` itself where the key cannot be seen.
pub(super) fn of_expectation(scenario: &Scenario, key: &str) -> usize {
    let begin = scenario.expect.line;
    let lines = scenario.text.lines().enumerate().skip(begin.saturating_sub(1));
    // The map ends where a line is not indented.
    let of_map =
        lines.take_while(|(index, line)| *index < begin || line.starts_with([' ', '#']) || line.trim().is_empty());
    let has = |line: &str| {
        let before = |at: usize| line[..at].chars().next_back().is_none_or(|c| " {,\"".contains(c));
        let behind = |at: usize| line[at + key.len()..].trim_start_matches('"').starts_with(':');
        line.match_indices(key).any(|(at, _)| before(at) && behind(at))
    };
    of_map.into_iter().find(|(_, line)| has(line)).map_or(begin, |(index, _)| index + 1)
}

/// Says of findings about audio at which step it was said, and of recordings as a whole in which step they began. `steps` are the
/// lines of all steps, with when each began in microseconds since the start of the run.
pub(super) fn name(findings: &mut [Finding], streams: &[Stream], sessions: &[Session], steps: &[(usize, u64)]) {
    let line_at = |at_us: u64| steps.iter().rev().find(|(_, began_us)| *began_us <= at_us).map(|(line, _)| *line);
    for finding in findings.iter_mut().filter(|finding| finding.line.is_none()) {
        let Some(session) = of(finding, sessions) else { continue };
        let at_us = said_us(finding, streams, session).unwrap_or_else(|| invited_us(session));
        finding.line = line_at(at_us);
    }
}

/// The recording that a finding names.
fn of<'s>(finding: &Finding, sessions: &'s [Session]) -> Option<&'s Session> {
    let label = finding.recording.as_deref()?;
    sessions.iter().find(|session| session.label() == label)
}

fn invited_us(session: &Session) -> u64 {
    Leg::ALL.iter().filter_map(|leg| session.leg(*leg).invited_us).min().unwrap_or(session.started_us)
}

/// When the first of what a finding is about was said.
fn said_us(finding: &Finding, streams: &[Stream], session: &Session) -> Option<u64> {
    let leg = *Leg::ALL.iter().find(|leg| Some(leg.name()) == finding.leg.as_deref())?;
    let mut rows = (streams.iter().filter(|stream| stream.dialog == session.leg(leg).bridge_call_id))
        .flat_map(|stream| &stream.rows)
        .filter(|row| row.nature == Nature::Genuine)
        .peekable();
    let first_us = rows.peek()?.sent_us;
    match (finding.packets, finding.audio_ms) {
        (Some((first, _)), _) => rows.find(|row| u64::from(row.sequence) == first).map(|row| row.sent_us),
        (None, Some((from_ms, _))) => Some(first_us + from_ms * 1000),
        (None, None) => None,
    }
}

/// What a finding that is about a loss may come from.
const LOSSES: [&str; 7] = [
    "missing-file",
    "missing-recording",
    "missing-leg",
    "lost-frames",
    "end-clipped",
    "truncated-file",
    "unfinished-header",
];

/// Says of losses in recordings that were under way when the scenario killed or restarted the recorder that it did.
pub(super) fn name_hooks(scenario: &Scenario, findings: &mut [Finding], sessions: &[Session], steps: &[(usize, u64)]) {
    for step in &scenario.steps {
        let Action::Hook(hook @ (Hook::Kill | Hook::Restart)) = &step.action else { continue };
        let Some((line, at_us)) = steps.iter().find(|(line, _)| *line == step.line) else { continue };
        for finding in findings.iter_mut().filter(|finding| LOSSES.contains(&finding.rule.as_str())) {
            let during = |session: &Session| {
                invited_us(session) <= *at_us && session.ended_us.is_none_or(|ended_us| ended_us >= *at_us)
            };
            if of(finding, sessions).is_some_and(during) {
                let word = hook.word();
                finding.found =
                    format!("{}; it ran when `hook: {word}` in line {line} befell the recorder", finding.found);
            }
        }
    }
}
