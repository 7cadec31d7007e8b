//! What was said, what was recorded, what the scenario expects: one outcome.

use std::collections::BTreeMap;
use std::path::Path;

use cucm::{CucmEvent, Protection, RecordingStarted};
use media::ledger::{Fate, Leg, Nature, Stream, StreamKind};
use recorder::metadata::{Recording, Side};
use verify::{Content, Expected, Limits, Recorded, RecordedFile, Truth};

use super::error::SetupError;
use super::play::Played;
use crate::file::{Action, Injected, Party, Scenario};
use crate::outcome::{Channel, Finding, ScenarioOutcome, Verdict};

/// A harness whose 95th percentile of lateness is above this does not blame a recorder.
const LATE_P95_US: u32 = 10_000;

/// One recording that CUCM set up, with the streams that fed it.
struct Session<'a> {
    started: &'a RecordingStarted,
    started_us: u64,
    ended_us: Option<u64>,
}

/// Judges a played scenario; `folder` is where the recorder wrote.
pub(super) fn judge(
    file: &str,
    scenario: &Scenario,
    played: Played,
    folder: &Path,
) -> Result<ScenarioOutcome, SetupError> {
    let sessions = sessions(&played);
    let mut findings = Vec::new();
    let mut undecided = Vec::new();
    let (whole, given_up): (Vec<_>, Vec<_>) =
        read_recordings(folder, &sessions)?.into_iter().partition(|(_, written)| !written.files.is_empty());
    let (stored, metadata): (Vec<_>, Vec<_>) = whole.into_iter().unzip();
    let verdict = verify::judge(&truth(&played, &sessions), &stored, &Limits::default());
    if !(sessions.is_empty() && stored.is_empty()) {
        findings.extend(verdict.findings.iter().map(of_verify));
        if verdict.compared_frames == 0 && findings.is_empty() {
            undecided.push("no audio was compared".to_owned());
        }
    }
    let expected = expected_recordings(scenario);
    if stored.len() != expected {
        findings.push(count_finding(scenario, expected, stored.len()));
    }
    check_media(scenario, &sessions, &mut findings);
    check_refusals(scenario, &played, &mut findings);
    check_failures(scenario, &played, &given_up, &mut findings);
    check_keys(&played.ledger.streams, &mut undecided);
    check_leaks(&played, &mut findings, &mut undecided);
    check_provoked(scenario, &played, &sessions, &mut undecided);
    check_metadata(scenario, &sessions, &stored, &metadata, &mut findings, &mut undecided);
    let late = played.lateness.p95_us > LATE_P95_US;
    if late && !findings.is_empty() {
        let p95 = f64::from(played.lateness.p95_us) / 1000.0;
        undecided.push(format!("the harness itself sent 5 % of its packets more than {p95:.1} ms late"));
    }
    let verdict_word = match (findings.is_empty(), undecided.is_empty()) {
        (_, false) if late || findings.is_empty() => Verdict::Inconclusive,
        (false, _) => Verdict::Finding,
        (true, _) => Verdict::Pass,
    };
    let channels = verdict.channels.iter().map(channel).collect();
    Ok(ScenarioOutcome {
        file: file.to_owned(),
        title: scenario.title.clone(),
        verdict: verdict_word,
        reason: (!undecided.is_empty()).then(|| undecided.join("; ")),
        findings,
        story: played.story,
        channels,
        frames_compared: verdict.compared_frames,
        lateness: played.lateness,
        duration_ms: played.duration_ms,
    })
}

fn sessions(played: &Played) -> Vec<Session<'_>> {
    let started = played.events.iter().filter_map(|(at, event)| match event {
        CucmEvent::RecordingStarted(started) => Some((*at, &**started)),
        _ => None,
    });
    let end = |id| {
        played.events.iter().find_map(|(at, event)| match event {
            CucmEvent::RecordingEnded { recording, .. } if *recording == id => Some(*at),
            _ => None,
        })
    };
    started.map(|(started_us, started)| Session { started, started_us, ended_us: end(started.recording) }).collect()
}

fn truth<'a>(played: &'a Played, sessions: &[Session<'_>]) -> Truth<'a> {
    let streams = &played.ledger.streams;
    let find = |leg: Leg, dialog: &str| {
        let wanted = StreamKind::Bridge(leg);
        (0..streams.len()).filter(|at| streams[*at].kind == wanted && streams[*at].dialog == dialog).collect()
    };
    let expected = |session: &Session<'_>| {
        let started = session.started;
        Expected {
            label: label(started),
            near: find(Leg::Near, &started.near_leg.bridge_call_id),
            far: find(Leg::Far, &started.far_leg.bridge_call_id),
            from_us: None,
            until_us: session.ended_us,
        }
    };
    Truth { streams, recordings: sessions.iter().map(expected).collect() }
}

fn label(started: &RecordingStarted) -> String {
    format!("{} with {} (refci {})", started.near.number, started.far.number, started.refci)
}

/// A recording as the verifier takes it, and what the recorder wrote about it.
type Stored = (Recorded<'static>, Recording);

/// Reads what the bundled recorder stored: one folder a recording, its `recording.json` naming the dialogs.
fn read_recordings(folder: &Path, sessions: &[Session<'_>]) -> Result<Vec<Stored>, SetupError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&at) else { continue };
        let mut paths: Vec<_> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
        paths.sort();
        folders.extend(paths.iter().filter(|p| p.is_dir()).cloned());
        if let Some(json) = paths.iter().find(|p| p.file_name().is_some_and(|n| n == recorder::metadata::FILE_NAME)) {
            found.push(read_recording(&at, json, sessions)?);
        }
    }
    found.sort_by(|(a, _), (b, _)| (a.expected, &a.label).cmp(&(b.expected, &b.label)));
    Ok(found)
}

fn read_recording(folder: &Path, json: &Path, sessions: &[Session<'_>]) -> Result<Stored, SetupError> {
    let wrong = |why: String| SetupError::File { what: format!("cannot read {}", json.display()), why };
    let text = std::fs::read_to_string(json).map_err(|e| wrong(e.to_string()))?;
    let recording = Recording::from_json(&text).map_err(|e| wrong(e.to_string()))?;
    let dialogs: Vec<&str> = recording.legs.iter().map(|leg| leg.call_id.as_str()).collect();
    let expected = sessions.iter().position(|session| {
        let legs = [&session.started.near_leg, &session.started.far_leg];
        legs.iter().any(|leg| dialogs.contains(&leg.recorder_call_id.as_str()))
    });
    let files = recording.files.iter().map(|file| {
        let bytes = std::fs::read(folder.join(&file.name));
        match (bytes, file.content.as_str()) {
            (Ok(bytes), "near") => RecordedFile::mono(&file.name, Leg::Near, bytes),
            (Ok(bytes), "far") => RecordedFile::mono(&file.name, Leg::Far, bytes),
            (Ok(bytes), _) => RecordedFile::stereo(&file.name, bytes),
            (Err(e), _) => RecordedFile {
                name: file.name.clone(),
                content: Content::Unreadable(e.to_string()),
                claims: Vec::new(),
            },
        }
    });
    let near = recording.near.address.as_deref().unwrap_or("?");
    let far = recording.far.address.as_deref().unwrap_or("?");
    let refci = recording.refci.as_deref().unwrap_or("?");
    let label = format!("{near} with {far} (refci {refci})");
    let files = files.collect();
    Ok((Recorded { label, expected, files }, recording))
}

fn of_verify(finding: &verify::Finding) -> Finding {
    let ms = |seconds: f64| (seconds.max(0.0) * 1000.0).round() as u64;
    Finding {
        rule: finding.rule.to_owned(),
        expected: finding.expected.clone(),
        found: finding.found.clone(),
        line: None,
        recording: Some(finding.recording.clone()),
        leg: finding.leg.map(leg_name),
        audio_ms: finding.at.map(|span| (ms(span.start_s), ms(span.end_s))),
        packets: finding.packets.map(|p| (p.first.into(), p.last.into())),
        file: finding.file.clone(),
    }
}

fn leg_name(leg: Leg) -> String {
    match leg {
        Leg::Near => "near".to_owned(),
        Leg::Far => "far".to_owned(),
    }
}

fn channel(figures: &verify::ChannelFigures) -> Channel {
    let sum = |keep: &dyn Fn(&str, &str) -> bool| {
        let cells =
            figures.frames.iter().flat_map(|(class, fates)| fates.iter().map(move |(fate, n)| (class, fate, n)));
        cells.filter(|(class, fate, _)| keep(class, fate)).map(|(_, _, n)| n).sum()
    };
    Channel {
        recording: figures.recording.clone(),
        leg: figures.leg.map(leg_name).unwrap_or_default(),
        file: figures.file.clone(),
        delivered: sum(&|_, fate| fate != "dropped" && fate != "not-sent"),
        exact: sum(&|class, _| class == "exact"),
        lost_by_network: sum(&|_, fate| fate == "dropped"),
        figures: serde_json::to_value(figures).unwrap_or_default(),
    }
}

/// One for every recorded phone of every answered call, unless the scenario says otherwise.
fn expected_recordings(scenario: &Scenario) -> usize {
    scenario.expect.recordings.unwrap_or_else(|| {
        let mut calls: BTreeMap<usize, usize> = BTreeMap::new();
        let mut count = 0;
        for step in &scenario.steps {
            match step.action {
                Action::Call { from, to } => drop(calls.insert(to, from)),
                Action::Answer(to) => {
                    let parties = [Some(to), calls.get(&to).copied()];
                    count += parties.into_iter().flatten().filter(|p| scenario.phones[*p].recorded).count();
                }
                _ => {}
            }
        }
        count
    })
}

fn count_finding(scenario: &Scenario, expected: usize, found: usize) -> Finding {
    let rule = if found < expected { "missing-recording" } else { "unexpected-recording" };
    let finding = Finding::new(rule, format!("{expected} recordings"), format!("{found} recordings with audio"));
    if scenario.expect.recordings.is_some() { finding.at_line(scenario.expect.line) } else { finding }
}

fn check_media(scenario: &Scenario, sessions: &[Session<'_>], findings: &mut Vec<Finding>) {
    let expect = &scenario.expect;
    for session in sessions {
        for leg in [&session.started.near_leg, &session.started.far_leg] {
            let clear = leg.protection == Protection::Rtp;
            if clear && !expect.clear {
                findings.push(Finding::new("audio-in-clear", "SRTP to the recorder", "RTP was agreed"));
            }
            if !clear && expect.clear {
                let finding = Finding::new("unexpected-srtp", "RTP to the recorder", "SRTP was agreed");
                findings.push(finding.at_line(expect.line));
            }
            if let (Some(wanted), Protection::Srtp(got)) = (expect.suite, leg.protection)
                && wanted != got
            {
                let finding = Finding::new("wrong-suite", wanted.name(), got.name());
                findings.push(finding.at_line(expect.line));
            }
        }
    }
}

fn check_refusals(scenario: &Scenario, played: &Played, findings: &mut Vec<Finding>) {
    let by_cucm = played.events.iter().filter_map(|(_, event)| match event {
        CucmEvent::TrunkTls { failure, .. } if failure.refused_by_us => {
            Some((failure.rule.clone(), failure.why.clone()))
        }
        _ => None,
    });
    let by_cucm: Vec<_> = by_cucm.collect();
    let by_recorder: Vec<_> = played.recorder.refusals.iter().map(|r| (r.rule.clone(), r.why.clone())).collect();
    let Some(expected) = &scenario.expect.refused else {
        for (who, list) in [("CUCM", &by_cucm), ("the recorder", &by_recorder)] {
            if let Some((rule, why)) = list.first() {
                findings.push(Finding::new("refused", "a TLS connection", format!("{who} refused it: {why} ({rule})")));
            }
        }
        return;
    };
    let (who, list) = match expected.by {
        Party::Cucm => ("CUCM", &by_cucm),
        Party::Recorder => ("the recorder", &by_recorder),
    };
    if !list.iter().any(|(rule, _)| *rule == expected.rule) {
        let rules: Vec<&str> = list.iter().map(|(rule, _)| rule.as_str()).collect();
        let got = if rules.is_empty() { "no refusal".to_owned() } else { format!("refusals by {}", rules.join(", ")) };
        let finding = Finding::new("not-refused", format!("{who} refuses by the rule {}", expected.rule), got);
        findings.push(finding.at_line(scenario.expect.line));
    }
}

fn check_failures(scenario: &Scenario, played: &Played, given_up: &[Stored], findings: &mut Vec<Finding>) {
    let failed: Vec<_> = played
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            CucmEvent::RecordingFailed(failed) => Some(failed),
            _ => None,
        })
        .collect();
    let wanted = scenario.expect.refused.is_some() || scenario.expect.bye_cause.is_some();
    if let (Some(failed), false) = (failed.first(), wanted) {
        let got = format!("CUCM gave it up: {} ({})", failed.why, failed.rule);
        findings.push(Finding::new("recording-failed", "a recording session", got));
    }
    if let Some(cause) = scenario.expect.bye_cause {
        let named = format!("cause={cause}");
        let reasons: Vec<&str> =
            given_up.iter().flat_map(|(_, w)| &w.legs).filter_map(|leg| leg.end_reason.as_deref()).collect();
        if reasons.is_empty() || !reasons.iter().all(|reason| reason.contains(&named)) {
            let got = if reasons.is_empty() { "no recording was given up".to_owned() } else { reasons.join(", ") };
            let finding = Finding::new("wrong-cause", format!("BYE with Reason: Q.850;{named} on both legs"), got);
            findings.push(finding.at_line(scenario.expect.line));
        }
    }
}

/// RFC 3711 §9.1: a key stream must never be used twice. Our phones make the keys, so this is the harness's own fault.
fn check_keys(streams: &[Stream], undecided: &mut Vec<String>) {
    let mut seen: BTreeMap<[u8; 32], &str> = BTreeMap::new();
    for stream in streams {
        if let Some(key) = stream.key_fingerprint
            && seen.insert(key, &stream.dialog).is_some_and(|dialog| dialog != stream.dialog)
        {
            undecided.push(format!("phone {} used one SRTP master key in two dialogs", stream.phone));
        }
    }
}

fn check_leaks(played: &Played, findings: &mut Vec<Finding>, undecided: &mut Vec<String>) {
    let r = &played.recorder;
    if r.dialogs_open + r.legs_open + r.ports_open + r.recordings_open > 0 {
        let got = format!("{} dialogs, {} legs, {} ports still open", r.dialogs_open, r.legs_open, r.ports_open);
        findings.push(Finding::new("leak", "nothing left open after the last BYE", got));
    }
    for alarm in &r.alarms {
        findings.push(Finding::new("recorder-alarm", "no alarm", alarm.clone()));
    }
    if !played.cucm.leaked_dialogs.is_empty() {
        undecided.push(format!("CUCM still has dialogs: {}", played.cucm.leaked_dialogs.join(", ")));
    }
    for phone in &played.phones {
        if phone.open_call || phone.open_bridges > 0 {
            undecided.push(format!("phone {} still has a call or a bridge", phone.device));
        }
    }
}

/// What the scenario wanted to provoke must have happened, or nothing was tested.
fn check_provoked(scenario: &Scenario, played: &Played, sessions: &[Session<'_>], undecided: &mut Vec<String>) {
    let bridges = || played.ledger.streams.iter().filter(|s| matches!(s.kind, StreamKind::Bridge(_)));
    let rows = || bridges().flat_map(|s| s.rows.iter());
    for step in &scenario.steps {
        let Action::Inject(inject) = &step.action else { continue };
        let nature = match inject.what {
            Injected::PlainRtp => Nature::Plain,
            Injected::FlippedTag { .. } => Nature::BadTag,
            Injected::Replay { .. } => Nature::Replayed,
            Injected::Forged { .. } => Nature::Forged,
        };
        if !rows().any(|row| row.nature == nature) {
            undecided.push(format!("line {}: nothing was injected", step.line));
        }
    }
    if scenario.network.loss > 0.0 && !rows().any(|row| row.fate == Fate::Dropped) {
        undecided.push("the network was to lose packets and lost none".to_owned());
    }
    if scenario.expect.sequence_wraps && !bridges().all(|s| s.rows.last().is_some_and(|row| row.index > 0xffff)) {
        undecided.push("the sequence number was to wrap and did not".to_owned());
    }
    if scenario.expect.media_before_ack {
        let early = |s: &Session<'_>| {
            bridges().any(|b| b.dialog == s.started.near_leg.bridge_call_id && b.started_us < s.started_us)
        };
        if sessions.is_empty() || !sessions.iter().all(early) {
            undecided.push("media was to come before the ACK and did not".to_owned());
        }
    }
}

/// What the recorder wrote about a recording must be what CUCM told it.
fn check_metadata(
    scenario: &Scenario,
    sessions: &[Session<'_>],
    stored: &[Recorded<'_>],
    metadata: &[Recording],
    findings: &mut Vec<Finding>,
    undecided: &mut Vec<String>,
) {
    for (recorded, written) in stored.iter().zip(metadata) {
        let Some(session) = recorded.expected.and_then(|at| sessions.get(at)) else { continue };
        let told = session.started;
        let rows = [
            ("x-refci", Some(told.refci.to_string()), written.refci.clone()),
            ("x-farendrefci", Some(told.farendrefci.to_string()), written.farend_refci.clone()),
            ("x-nearendaddr", Some(told.near.number.clone()), written.near.address.clone()),
            ("x-farendaddr", Some(told.far.number.clone()), written.far.address.clone()),
            ("x-nearenddevice", Some(told.near.device.clone()), written.near.device.clone()),
            ("x-farenddevice", Some(told.far.device.clone()), written.far.device.clone()),
        ];
        for (what, expected, got) in rows.into_iter().filter(|(_, expected, got)| expected != got) {
            let words = |value: Option<String>| format!("{what} {}", value.unwrap_or_else(|| "absent".to_owned()));
            let mut finding = Finding::new("wrong-metadata", words(expected), words(got));
            finding.recording = Some(recorded.label.clone());
            findings.push(finding);
        }
        if scenario.expect.far_answered_first {
            let answered = |side| written.leg(side).and_then(|leg| leg.answered.clone());
            if answered(Side::Far).is_none() || answered(Side::Far) > answered(Side::Near) {
                undecided.push("the recorder was to answer the far leg first and did not".to_owned());
            }
        }
    }
}
