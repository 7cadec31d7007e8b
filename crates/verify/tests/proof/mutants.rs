//! The mutant table: every way to damage a recording that we could think of, and the rule each must be found by.

mod containers;
mod foreign;
mod legs;
mod missing;
mod samples;
mod time_line;

use std::collections::BTreeSet;

use media::g711::encode;
use media::ledger::{Fate, Leg, Nature, Row};
use media::wav::Encoding;
use verify::{Finding, Rule, Verdict};

use crate::rig::{Case, FRAME, Layout, wav_as};

/// A kind of damage.
struct Mutant {
    name: &'static str,
    /// The rule that must be broken.
    rule: Rule,
    /// Rules that may be broken beside it; any other one is a wrong name.
    also: &'static [Rule],
    damage: fn(&mut Case),
}

const fn mutant(name: &'static str, rule: Rule, also: &'static [Rule], damage: fn(&mut Case)) -> Mutant {
    Mutant { name, rule, also, damage }
}

/// What goes along with a file that is shorter at its end or whose legs moved against each other.
const ENDS: &[Rule] = &[Rule::EndClipped, Rule::MisalignedLegs];

/// The whole table.
fn mutants() -> impl Iterator<Item = &'static Mutant> {
    let parts =
        [missing::MUTANTS, time_line::MUTANTS, foreign::MUTANTS, samples::MUTANTS, legs::MUTANTS, containers::MUTANTS];
    parts.into_iter().flatten()
}

/// The start of a random frame of call 0.
fn spot(case: &mut Case) -> (usize, usize) {
    let (leg, frame) = case.somewhere();
    (leg, case.place(leg, frame))
}

fn stereo(case: &mut Case) {
    case.layout = Layout::Stereo;
    case.record();
}

/// Makes both legs of call 0 equally long, as the channels of a file are.
fn pad(case: &mut Case) {
    if case.layout != Layout::Mono {
        let length = case.audio[0].iter().map(Vec::len).max().unwrap_or(0);
        case.audio[0].iter_mut().for_each(|leg| leg.resize(length, 0));
    }
}

fn cut(case: &mut Case, leg: usize, at: usize, samples: usize) {
    case.audio[0][leg].drain(at..at + samples);
    pad(case);
}

fn insert(case: &mut Case, leg: usize, at: usize, samples: Vec<i16>) {
    case.audio[0][leg].splice(at..at, samples);
    pad(case);
}

fn swap(leg: &mut [i16], first: usize, second: usize, samples: usize) {
    let (head, tail) = leg.split_at_mut(second);
    head[first..first + samples].swap_with_slice(&mut tail[..samples]);
}

fn lose(case: &mut Case, leg: usize, frames: std::ops::Range<usize>) {
    for row in &mut case.streams[leg].rows[frames] {
        row.fate = Fate::Dropped;
    }
}

/// Puts call 0 on hold for a second: no packets, the time line goes on.
fn hold(case: &mut Case) {
    for stream in 0..2 {
        for row in &mut case.streams[stream].rows[150..] {
            row.timestamp = row.timestamp.wrapping_add(8000);
            row.sent_us += 1_000_000;
        }
    }
    case.record();
    // `place` does not know of the hold: shift what is asked for behind it.
    case.hold = 8000;
}

/// Sends a packet that must not be recorded, with the headers of a genuine one.
fn attack(case: &mut Case, leg: usize, frame: usize, nature: Nature, audio: &[i16]) {
    let codes: Vec<u8> = audio.iter().map(|&sample| encode(case.law, sample)).collect();
    let row = case.streams[leg].rows[frame];
    case.streams[leg].push(Row { nature, sent_us: row.sent_us + 50, ..row }, &codes);
}

/// A packet of this nature takes the place of a genuine one in the file.
fn intrude(case: &mut Case, nature: Nature) {
    let (leg, frame) = case.somewhere();
    let audio = case.noise(FRAME);
    attack(case, leg, frame, nature, &audio);
    let at = case.place(leg, frame);
    case.audio[0][leg][at..at + FRAME].copy_from_slice(&audio);
}

fn scale(case: &mut Case, db: f64) {
    let factor = 10f64.powf(db / 20.0);
    for sample in case.audio[0].iter_mut().flatten() {
        *sample = (f64::from(*sample) * factor).round().clamp(-32768.0, 32767.0) as i16;
    }
}

/// Damages the bytes of every file of call 0.
fn bytes(case: &mut Case, damage: fn(Vec<u8>) -> Vec<u8>) {
    if case.files.is_none() {
        case.write();
    }
    for file in case.files.iter_mut().flat_map(|files| &mut files[0]) {
        *file = damage(std::mem::take(file));
    }
}

/// Writes call 0 in this encoding.
fn coded(case: &mut Case, encoding: Encoding) {
    let layout = case.layout;
    let audio = case.audio[0].clone();
    case.write()[0] = match layout {
        Layout::Stereo => {
            let both: Vec<i16> = audio[0].iter().zip(&audio[1]).flat_map(|(near, far)| [*near, *far]).collect();
            vec![wav_as(2, encoding, &both)]
        }
        Layout::Mono => audio.iter().map(|leg| wav_as(1, encoding, leg)).collect(),
        Layout::Mix => unreachable!("no mutant codes a mix"),
    };
}

/// Seeds of each mutant; `MUTANT_SEEDS` asks for more, and `MUTANT` for one of them alone.
fn seeds() -> u64 {
    std::env::var("MUTANT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4)
}

/// Where the audio of call 0 is not what a perfect recorder would have stored, in seconds; `None` where it is.
fn damaged(case: &Case) -> Option<(f64, f64)> {
    let differs = |(damaged, right): (&Vec<i16>, Vec<i16>)| {
        let shared = damaged.len().min(right.len());
        let differing = |at: &usize| damaged[*at] != right[*at];
        let first = (0..shared).find(differing).or_else(|| (damaged.len() != right.len()).then_some(shared))?;
        let last = if damaged.len() == right.len() { (0..shared).rev().find(differing)? } else { damaged.len() };
        Some((first as f64 / 8000.0, last as f64 / 8000.0))
    };
    let all = case.audio[0].iter().zip(case.played(0)).filter_map(differs);
    all.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Whether a finding that says where it is says so rightly, to a frame.
fn is_in_place(finding: &Finding, damaged: Option<(f64, f64)>) -> bool {
    const NEAR_S: f64 = 0.021;
    finding.at.zip(damaged).is_none_or(|(at, (first, last))| at.start_s <= last + NEAR_S && at.end_s >= first - NEAR_S)
}

/// Whether findings are those of a mutant: its rule, in its place, and no wrong name beside it.
fn kills(mutant: &Mutant, verdict: &Verdict, damaged: Option<(f64, f64)>) -> bool {
    let named = |finding: &Finding, rule: &Rule| finding.rule == rule.code();
    let own = || verdict.findings.iter().filter(|finding| named(finding, &mutant.rule));
    let known = |finding: &Finding| named(finding, &mutant.rule) || mutant.also.iter().any(|rule| named(finding, rule));
    !verdict.passed()
        && verdict.findings.iter().all(known)
        && own().any(|finding| finding.recording != "call 0" || is_in_place(finding, damaged))
}

#[test]
fn every_mutant_is_found_by_its_name_and_by_no_wrong_one() {
    let (mut survivors, mut rows) = (Vec::new(), Vec::new());
    let only = std::env::var("MUTANT").ok();
    for mutant in mutants().filter(|mutant| only.as_deref().is_none_or(|only| mutant.name == only)) {
        let mut killed = 0;
        for seed in 0..seeds() {
            let mut case = Case::new(seed);
            (mutant.damage)(&mut case);
            let (law, layout, damaged) = (case.law, case.layout, damaged(&case));
            let verdict = case.judge();
            if kills(mutant, &verdict, damaged) {
                killed += 1;
                continue;
            }
            let told = |f: &Finding| format!("{}: {} ({:?})", f.rule, f.found, f.at);
            let all: Vec<_> = verdict.findings.iter().map(told).take(6).collect();
            survivors.push(format!(
                "{} (seed {seed}, {law:?}, {layout:?}, damaged {damaged:?}): wanted {}, got {all:#?}",
                mutant.name,
                mutant.rule.code()
            ));
        }
        rows.push(format!("| {} | `{}` | {} | {killed} |", mutant.name, mutant.rule.code(), seeds()));
    }
    if let Some(path) = std::env::var_os("MUTANT_TABLE") {
        let text = format!("{TABLE}{}\n", rows.join("\n"));
        std::fs::write(&path, text).expect("the table is written where it was asked for");
    }
    assert!(survivors.is_empty(), "{} survivors:\n{}", survivors.len(), survivors.join("\n"));
}

/// The head of docs/mutants.md.
const TABLE: &str = "\
# Who tests the tester

Made by `make mutants`. Each row is a way to damage the recordings of two calls, applied under as many seeds as runs are told: they choose the
place, the law, the layout, what is said and when the far leg starts. Found means: by this name, where the finding says a place there (to a
frame), and by no other name than its effects have.

| damage | finding | runs | found |
|---|---|---|---|
";

#[test]
fn the_table_is_long_and_breaks_every_rule() {
    assert!(mutants().count() >= 60, "{}", mutants().count());
    let names: BTreeSet<_> = mutants().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), mutants().count());
    let broken: BTreeSet<_> = mutants().flat_map(|mutant| mutant.also.iter().chain([&mutant.rule])).collect();
    let untried: Vec<_> = Rule::ALL.iter().filter(|rule| !broken.contains(rule)).collect();
    assert!(untried.is_empty(), "{untried:?}");
}

#[test]
fn findings_say_where_and_what() {
    let mut case = Case::new(1);
    case.layout = Layout::Stereo;
    case.record();
    let at = case.place(1, 100);
    case.audio[0][1][at..at + 10 * FRAME].fill(0);
    let first = case.streams[1].rows[100].sequence;
    let verdict = case.judge();
    let [finding] = verdict.findings.as_slice() else { panic!("{:#?}", verdict.findings) };
    assert_eq!(finding.leg, Some(Leg::Far));
    assert_eq!(finding.file.as_deref(), Some("stereo.wav"));
    assert_eq!(finding.recording, "call 0");
    let span = finding.at.unwrap();
    assert!((span.start_s - at as f64 / 8000.0).abs() < 1e-3 && (span.end_s - span.start_s - 0.2).abs() < 1e-3);
    let packets = finding.packets.unwrap();
    assert_eq!((packets.first, packets.last, packets.count), (first, first.wrapping_add(9), 10));
    let want = format!(
        "far leg is silent from {:.2} s to {:.2} s; 10 packets ({first} to {}) arrived there, none is in the file",
        span.start_s,
        span.end_s,
        first.wrapping_add(9)
    );
    assert_eq!(finding.found, want);
}
