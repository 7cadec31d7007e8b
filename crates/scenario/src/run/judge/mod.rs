//! What was said, what was recorded, what the scenario expects: one outcome.

mod causes;
mod checks;
mod lines;
mod pauses;
mod signalling;
#[cfg(test)]
mod tests;
mod tone;

use std::path::Path;

use super::Network;
use super::gather::Draft;
use super::play::Played;
use crate::file::Scenario;
use crate::kept::{Session, Stored, verdict, weigh};
use crate::outcome::{Happening, ScenarioOutcome, Verdict};
use checks::{
    check_count, check_failures, check_forks, check_hang_ups, check_keys, check_leaks, check_media, check_messages,
    check_order, check_possible, check_provoked, check_refusals, check_user_agent,
};
pub(super) use checks::{expected_recordings, recorder_faults};

/// Judges a scenario played on `network`, for which CUCM set up `sessions` and the recorder `stored` what it stored; completes the
/// draft of its evidence, if there is one. `steps` are the lines of the steps, with when each began in microseconds since the start.
pub(super) fn judge(
    file: &str,
    scenario: &Scenario,
    played: Played,
    network: Network,
    (sessions, folder): (&[Session], &Path),
    stored: Vec<Stored>,
    (draft, steps): (Option<Draft>, &[(usize, u64)]),
) -> ScenarioOutcome {
    let mut undecided = Vec::new();
    let (whole, given_up): (Vec<_>, Vec<_>) = stored.into_iter().partition(Stored::has_audio);
    let all = (&whole[..], &given_up[..]);
    let in_files = played.recorder.in_files(sessions);
    let weighed = weigh(&played.ledger.streams, &in_files, all, (network.name(), draft.is_some()), &played.lateness);
    let mut of_dialogs = Vec::new();
    signalling::check_dialogs(whole.iter().chain(&given_up), &mut of_dialogs);
    let given_up: Vec<_> = given_up.iter().filter_map(|stored| stored.metadata.as_ref()).collect();
    undecided.extend(weighed.undecided);
    let mut findings = played.recorder.findings();
    findings.extend(weighed.findings);
    findings.append(&mut of_dialogs);
    let places = signalling::check_places(scenario, folder, &whole, &mut findings);
    signalling::check_alarms(scenario, &played, &mut undecided);
    signalling::check_terminated(scenario, &played, &mut findings);
    signalling::check_answers(&played, &mut findings);
    signalling::check_connections(&played, &mut findings);
    signalling::check_marks(scenario, &whole, &mut findings);
    signalling::check_disturbed(scenario, &played, &mut undecided);
    pauses::check_paused(&played, sessions, &mut findings, &mut undecided);
    signalling::check_provoked(scenario, &played, &whole, &mut undecided);
    let compared = !(sessions.is_empty() && whole.is_empty());
    if compared && weighed.compared == 0 && findings.is_empty() {
        undecided.push("no audio was compared".to_owned());
    }
    let mut short = None;
    match check_count(scenario, &whole, sessions.len() - in_files.len(), &findings) {
        // The recorder has all that CUCM began: that the steps give another number is the harness's own mistake.
        Some(_) if scenario.expect.recordings.is_none() && whole.len() == in_files.len() => {
            let given = expected_recordings(scenario);
            short = Some(format!("CUCM began {} recordings, where the steps give {given}", sessions.len()));
        }
        finding => findings.extend(finding),
    }
    causes::told_as_missing_files(&mut findings);
    causes::name_shared_files(&whole, &in_files, &weighed.channels, &mut findings);
    causes::name_strangers(&whole, &in_files, &mut findings);
    causes::name_by_audio(&whole, &weighed.channels, &mut findings);
    causes::fold_cut_files(&mut findings);
    causes::name_unauthenticated(&played.ledger.streams, sessions, &mut findings);
    check_messages(&played, &mut findings, &mut undecided);
    check_hang_ups(scenario, &played.events, &mut findings);
    check_possible(scenario, &played, sessions, &mut findings, &mut undecided);
    check_forks(&played, &mut findings);
    check_media(scenario, &played, sessions, &mut findings);
    check_refusals(scenario, &played, &mut findings);
    check_failures(scenario, &played, &given_up, &mut findings, &mut undecided);
    // Of one that it began and gave up the reason says more than a number.
    undecided.extend(short.filter(|_| findings.iter().all(|finding| finding.rule != "recording-failed")));
    check_keys(&played.ledger.streams, &mut undecided);
    signalling::check_ping(scenario, &played, &mut findings, &mut undecided);
    check_leaks(&played, &mut findings, &mut undecided);
    check_provoked(scenario, &played, &mut undecided);
    tone::check(&scenario.cluster, &played.ledger.streams, &mut undecided);
    check_order(scenario, &whole, &mut undecided);
    check_user_agent(scenario, &whole, &mut findings);
    lines::name(&mut findings, &played.ledger.streams, sessions, steps);
    lines::name_hooks(scenario, &mut findings, sessions, steps);
    causes::causes_first(&mut findings);
    let verdict = verdict(&findings, &mut undecided, &played.lateness);
    let evidence = draft.map(|draft| draft.complete((scenario, &played, sessions), &weighed.traces, &findings));
    let duration_ms = played.duration_ms;
    let mut told = played.story;
    told.extend(places.into_iter().map(|what| Happening { at_ms: duration_ms, what }));
    if verdict == Verdict::Finding {
        // Its log may be gone by the time somebody reads this.
        let more = played.recorder.told().iter();
        told.extend(more.map(|what| Happening { at_ms: duration_ms, what: what.clone() }));
    }
    ScenarioOutcome {
        file: file.to_owned(),
        title: scenario.title.clone(),
        verdict,
        reason: (!undecided.is_empty()).then(|| undecided.join("; ")),
        findings,
        not_checked: played.recorder.not_checked(scenario),
        story: told,
        channels: weighed.channels,
        frames_compared: weighed.compared,
        lateness: played.lateness,
        duration_ms: played.duration_ms,
        earlier: Vec::new(),
        evidence,
    }
}
