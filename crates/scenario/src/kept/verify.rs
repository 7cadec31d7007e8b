//! Judging kept recordings, or any other files, against a kept ledger.

use std::path::{Path, PathBuf};

use ::verify::{Content, RecordedFile, judge_files, judge_files_traced};
use media::ledger::Leg;

use super::session::truth;
use super::stored::{LARGEST_WAV, Stored, read};
use super::weigh::{Weighed, count, fair, limits, of_verdict, verdict, weigh};
use super::{KeptLedger, LedgerError};
use crate::evidence::Evidence;
use crate::outcome::{Happening, RunOutcome, SCHEMA, ScenarioOutcome};
use crate::run::gather;
use crate::sound::{self, Raw};
use crate::under_test::UnderTest;

/// Judges against the ledger at `path`: without `files` the recordings kept beside it, as the run did; else `files`.
///
/// Which recording and leg each of `files` is, its audio says. Where its name has the word `near`, `far` or `stereo`
/// (near on the left), it must be that. Legs of which no file is given are not judged, which the story tells. Files may be of
/// any kind that [`sound`] reads; `raw` says what those are that have nothing but samples. With `is_drawn` the outcome has what
/// a report draws of audio and streams.
///
/// # Errors
/// What is wrong with the ledger. Whatever is wrong with a recording is a finding.
pub fn verify(path: &Path, files: &[PathBuf], raw: Option<Raw>, is_drawn: bool) -> Result<RunOutcome, LedgerError> {
    let kept = KeptLedger::load(path)?;
    let mut undecided = Vec::new();
    let elsewhere = kept.recorder != UnderTest::Bundled.name();
    let (weighed, story) = if files.is_empty() && elsewhere {
        undecided.push(format!("recorder `{}` has its recordings elsewhere: name its files", kept.recorder));
        (Weighed::default(), Vec::new())
    } else if files.is_empty() {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let weighed = beside(&kept, folder, is_drawn, &mut undecided);
        (weighed, Vec::new())
    } else {
        given(&kept, files, (raw, is_drawn), &mut undecided)
    };
    let Weighed { findings, channels, compared, undecided: excused, traces } = weighed;
    undecided.extend(excused);
    let verdict = verdict(&findings, &mut undecided, &kept.lateness);
    let evidence = is_drawn.then(|| {
        let drawn = gather::of_ledger((&kept.ledger.streams, &kept.sessions), &traces, &findings);
        Box::new(Evidence { seed: kept.seed, replay: replay(path, files), ..drawn })
    });
    let outcome = ScenarioOutcome {
        file: path.display().to_string(),
        title: kept.title,
        verdict,
        reason: (!undecided.is_empty()).then(|| undecided.join("; ")),
        findings,
        not_checked: Vec::new(),
        story: story.into_iter().map(|what| Happening { at_ms: 0, what }).collect(),
        channels,
        frames_compared: compared,
        lateness: kept.lateness,
        duration_ms: 0,
        earlier: Vec::new(),
        evidence,
    };
    let (schema, network, seed, recorder) = (SCHEMA.to_owned(), kept.network, kept.seed, kept.recorder);
    Ok(RunOutcome { schema, network, seed, recorder, scenarios: vec![outcome] })
}

/// The command line that judges these files again.
fn replay(path: &Path, files: &[PathBuf]) -> String {
    let words = std::iter::once(path).chain(files.iter().map(PathBuf::as_path));
    words
        .fold("mixedmode verify".to_owned(), |line, word| format!("{line} {}", gather::quoted(&word.to_string_lossy())))
}

/// The recordings that were kept, as the run judged them.
fn beside(kept: &KeptLedger, folder: &Path, is_drawn: bool, undecided: &mut Vec<String>) -> Weighed {
    let stored = read(folder, &kept.sessions);
    let (stored, given_up): (Vec<Stored>, Vec<Stored>) = stored.into_iter().partition(Stored::has_audio);
    let all = (&stored[..], &given_up[..]);
    let mut weighed = weigh(&kept.ledger.streams, &kept.sessions, all, (&kept.network, is_drawn), &kept.lateness);
    weighed.findings.extend(count(kept.expected_recordings, &stored, &weighed.findings));
    let silent = kept.expected_recordings == 0 && stored.is_empty();
    if weighed.compared == 0 && weighed.findings.is_empty() && !silent {
        undecided.push("no audio was compared".to_owned());
    }
    weighed
}

/// Files of somebody's choice.
fn given(
    kept: &KeptLedger,
    files: &[PathBuf],
    (raw, is_drawn): (Option<Raw>, bool),
    undecided: &mut Vec<String>,
) -> (Weighed, Vec<String>) {
    let truth = truth(&kept.ledger.streams, &kept.sessions);
    let files: Vec<RecordedFile<'_>> = files.iter().map(|path| file(path, raw)).collect();
    let mut traces = Vec::new();
    let (verdict, excused) = fair(limits(&kept.network), &kept.lateness, |limits| {
        if !is_drawn {
            return judge_files(&truth, &files, limits);
        }
        let (verdict, traced) = judge_files_traced(&truth, &files, limits);
        traces = traced;
        verdict
    });
    let weighed = Weighed { traces, ..of_verdict(&verdict) };
    undecided.extend(excused);
    if weighed.compared == 0 && weighed.findings.is_empty() {
        undecided.push("no audio was compared".to_owned());
    }
    let mut story: Vec<String> = Vec::new();
    for channel in &weighed.channels {
        let leg = if channel.leg.is_empty() { "an unknown" } else { &channel.leg };
        story.push(format!("{}: {leg} leg of recording {}", channel.file, channel.recording));
    }
    for session in &kept.sessions {
        let label = session.label();
        for leg in Leg::ALL.map(Leg::name) {
            if !weighed.channels.iter().any(|channel| channel.recording == label && channel.leg == leg) {
                story.push(format!("not judged, no file is given: {leg} leg of recording {label}"));
            }
        }
    }
    (weighed, story)
}

fn file(path: &Path, raw: Option<Raw>) -> RecordedFile<'static> {
    let content = match wire::file::read(path, LARGEST_WAV) {
        Ok(bytes) => sound::content(bytes, raw),
        Err(e) => Content::Unreadable(e.to_string()),
    };
    RecordedFile { name: path.display().to_string(), content, claims: claims(path) }
}

/// What the name of a file says it holds, by whole words: `call-7_near.wav` is a near leg, `nearby.wav` nothing.
fn claims(path: &Path) -> Vec<Option<Leg>> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let has = |wanted: &str| stem.split(|c: char| !c.is_alphanumeric()).any(|word| word == wanted);
    match (has("near"), has("far"), has("stereo")) {
        (true, false, false) => vec![Some(Leg::Near)],
        (false, true, false) => vec![Some(Leg::Far)],
        (false, false, true) => Leg::ALL.map(Some).to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_file_holds_by_whole_words() {
        let of = |name: &str| claims(Path::new(name));
        assert_eq!(of("rec/near.wav"), [Some(Leg::Near)]);
        assert_eq!(of("call-7_Far.wav"), [Some(Leg::Far)]);
        assert_eq!(of("stereo.wav"), [Some(Leg::Near), Some(Leg::Far)]);
        assert_eq!(of("nearby.wav"), []);
        assert_eq!(of("near-and-far.wav"), []);
        assert_eq!(of("near/call.wav"), [], "folders say nothing");
    }

    #[test]
    fn an_external_recorders_files_must_be_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(super::super::FILE_NAME);
        let kept = KeptLedger {
            file: "call.yaml".to_owned(),
            title: "A call".to_owned(),
            network: "os".to_owned(),
            seed: 1,
            recorder: "customer's".to_owned(),
            expected_recordings: 1,
            lateness: crate::outcome::Lateness::default(),
            sessions: Vec::new(),
            ledger: media::ledger::Ledger::default(),
        };
        std::fs::write(&path, kept.to_json().unwrap()).unwrap();
        let judged = verify(&path, &[], None, false).unwrap().scenarios.remove(0);
        assert_eq!((judged.verdict, judged.findings.len()), (crate::outcome::Verdict::Inconclusive, 0));
        assert!(judged.reason.unwrap_or_default().contains("`customer's` has its recordings elsewhere"));
    }
}
