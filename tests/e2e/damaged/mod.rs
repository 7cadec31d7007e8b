//! Kept recordings of the bundled recorder, damaged by hand in every way we could think of and verified again: each
//! damage is found, by its right name, in its right place, and nothing else is.

mod audio;
mod bench;
mod fields;
mod files;
mod related;
mod written;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use mixedmode::Exit;

use bench::{Copy, Run};

/// A damage, and what must be found of it.
struct Damage {
    name: &'static str,
    /// The rule that must be named.
    rule: &'static str,
    /// The leg it must be named for.
    leg: Option<&'static str>,
    /// Where in the audio, in milliseconds, to half a frame.
    at_ms: Option<u64>,
    /// Rules that may be named beside it; any other one is a wrong name.
    also: &'static [&'static str],
    /// The files that say the same when they alone are given to `verify`; empty where only `recording.json` shows it.
    given: &'static [&'static str],
    /// Of which calls.
    run: Run,
    harm: fn(&Copy),
}

/// A damage to one file's audio, which that file alone shows too.
const fn audio(
    name: &'static str,
    rule: &'static str,
    leg: Option<&'static str>,
    at_ms: Option<u64>,
    given: &'static [&'static str],
    harm: fn(&Copy),
) -> Damage {
    Damage { name, rule, leg, at_ms, also: &[], given, run: Run::Apart, harm }
}

impl Damage {
    const fn with(mut self, also: &'static [&'static str]) -> Self {
        self.also = also;
        self
    }

    const fn of(mut self, run: Run) -> Self {
        self.run = run;
        self
    }

    /// Does it to a fresh copy and verifies that, as kept and by the files alone; returns what is wrong with the result.
    fn try_out(&self) -> String {
        let copy = Copy::of(self.run);
        (self.harm)(&copy);
        let mut wrong = self.judge(&copy, &[]);
        if !self.given.is_empty() {
            let files: Vec<PathBuf> = self.given.iter().map(|file| copy.path(file)).collect();
            wrong.push_str(&self.judge(&copy, &files));
        }
        wrong
    }

    fn judge(&self, copy: &Copy, files: &[PathBuf]) -> String {
        let (exit, findings, said) = copy.verify(files);
        let right = findings.iter().any(|finding| {
            let near = |(from, _): (u64, u64)| self.at_ms.is_some_and(|at| from.abs_diff(at) <= 10);
            finding.rule == self.rule
                && (self.leg.is_none() || finding.leg.as_deref() == self.leg)
                && (self.at_ms.is_none() || finding.audio_ms.is_some_and(near))
        });
        let stray = findings.iter().any(|finding| finding.rule != self.rule && !self.also.contains(&&*finding.rule));
        if right && !stray && exit == Exit::Finding {
            return String::new();
        }
        let how = if files.is_empty() { "as kept" } else { "by its files" };
        let mut text =
            format!("{}, {how}: wanted {} {:?} at {:?} ms, got {exit:?}\n", self.name, self.rule, self.leg, self.at_ms);
        for f in findings.iter().take(6) {
            let _ = writeln!(text, "    {} {:?} {:?} {:?}: {}", f.rule, f.leg, f.audio_ms, f.file, f.found);
        }
        if findings.is_empty() { text + &said } else { text }
    }
}

#[test]
fn every_damage_is_found_and_rightly_named() {
    let damages: Vec<&Damage> =
        audio::DAMAGES.iter().chain(files::DAMAGES).chain(related::DAMAGES).chain(written::DAMAGES).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        while let Some(damage) = damages.get(next.fetch_add(1, Relaxed)) {
            let told = damage.try_out();
            if !told.is_empty() {
                wrong.lock().unwrap().push(told);
            }
        }
    };
    std::thread::scope(|scope| {
        (0..2).for_each(|_| drop(scope.spawn(work)));
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} damages:\n{}", wrong.len(), damages.len(), wrong.join(""));
}

#[test]
fn what_is_not_damaged_is_clean_as_kept_and_by_any_of_its_files() {
    let copy = Copy::of(Run::Apart);
    let choices: [&[&str]; 6] =
        [&[], &["near.wav"], &["far.wav"], &["stereo.wav"], &["near.wav", "far.wav"], &["near.wav", "stereo.wav"]];
    for names in choices {
        let files: Vec<PathBuf> = names.iter().map(|file| copy.path(file)).collect();
        let (exit, findings, said) = copy.verify(&files);
        assert!(exit == Exit::Pass && findings.is_empty() && said.contains("PASS"), "{names:?}: {said}");
    }
    let (_, _, said) = copy.verify(&[copy.path("near.wav")]);
    assert!(said.contains("near.wav: near leg of recording 2000 with 1000"), "{said}");
    assert!(said.contains("not judged, no file is given: far leg of recording 2000 with 1000"), "{said}");
}

#[test]
fn a_file_without_a_telling_name_is_known_by_its_audio() {
    let copy = Copy::of(Run::Apart);
    let as_call = |file: &str| {
        std::fs::copy(copy.other(file), copy.path("call.wav")).unwrap();
        copy.verify(&[copy.path("call.wav")])
    };
    for (file, words) in
        [("far.wav", "call.wav: far leg of recording 2001"), ("stereo.wav", "far leg of recording 2001")]
    {
        let (exit, _, said) = as_call(file);
        assert!(exit == Exit::Pass && said.contains(words), "{said}");
    }
    let mut legs = copy.samples("stereo.wav");
    legs.swap(0, 1);
    copy.write("call.wav", 8000, media::wav::Encoding::Pcm16, &legs);
    assert_eq!(copy.verify(&[copy.path("call.wav")]).0, Exit::Pass, "without a name the legs may lie either way round");
    copy.write("call.wav", 8000, media::wav::Encoding::Pcm16, &[legs[0].clone(), legs[0].clone()]);
    let (exit, findings, said) = copy.verify(&[copy.path("call.wav")]);
    assert!(exit == Exit::Finding && findings.iter().any(|finding| finding.rule == "missing-leg"), "{said}");
}

#[test]
fn what_cannot_be_judged_has_an_exit_code_of_its_own() {
    let copy = Copy::of(Run::Apart);
    let (exit, _, said) = copy.verify(&[copy.path("gone.wav")]);
    assert!(exit == Exit::BadFile && said.contains("gone.wav") && said.contains("expected an audio file"), "{said}");
    let text = std::fs::read_to_string(copy.ledger()).unwrap();
    std::fs::write(copy.ledger(), &text[..text.len() - 9]).unwrap();
    let (exit, _, said) = copy.verify(&[]);
    assert!(exit == Exit::BadFile && said.contains("ledger.json") && said.contains("no whole JSON"), "{said}");
    let text = text.replace("\"recorder\":\"bundled\"", "\"recorder\":\"other\"");
    std::fs::write(copy.ledger(), text).unwrap();
    let (exit, _, said) = copy.verify(&[]);
    assert!(
        exit == Exit::BadFile && said.contains("crc32c") && said.contains("changed after it was written"),
        "{said}"
    );
    std::fs::remove_file(copy.ledger()).unwrap();
    let (exit, _, said) = copy.verify(&[]);
    assert!(exit == Exit::BadFile && said.contains("ledger.json"), "{said}");
}

#[test]
fn an_earlier_run_is_never_taken_for_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let keep = folder.path().display().to_string();
    let file = tests::root().join("scenarios/plain-call.yaml").display().to_string();
    let run = || {
        let args = ["mixedmode", "run", &file, "--network", "simulated", "--keep", &keep].map(Into::into);
        let mut out = Vec::new();
        (mixedmode::run(args, &mut out, &mut Vec::new()), String::from_utf8(out).unwrap())
    };
    assert_eq!(run().0, Exit::Pass);
    let (exit, said) = run();
    assert!(exit == Exit::Setup && said.contains("the recordings of an earlier run"), "{said}");
}
