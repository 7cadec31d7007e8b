//! Legs that are not there sample for sample: filtered, coded by a lossy codec, resampled. They are named as such, followed softly, and
//! what is cut out of them, silent or somebody else's is found all the same.

use media::ledger::Leg;
use verify::{Level, Verdict};

use crate::rig::{Case, FRAME, Layout};

/// What a recorder does to audio.
type Path = (&'static str, fn(&[i16]) -> Vec<i16>);

const PATHS: &[Path] = &[
    ("a filter", |leg| filtered(leg)),
    ("IMA ADPCM", |leg| adpcm(leg)),
    ("ADPCM of a quiet filter", |leg| adpcm(&filtered(leg)).iter().map(|sample| sample / 3).collect()),
];

/// A band of 200 to 3000 Hz or so: short means against long ones.
fn filtered(leg: &[i16]) -> Vec<i16> {
    let mean = |at: usize, reach: usize| {
        let part = &leg[at.saturating_sub(reach)..(at + reach + 1).min(leg.len())];
        part.iter().map(|&sample| f64::from(sample)).sum::<f64>() / part.len() as f64
    };
    (0..leg.len()).map(|at| (mean(at, 1) - mean(at, 20)).clamp(-32768.0, 32767.0) as i16).collect()
}

/// Four bits a sample, as IMA ADPCM has it (RFC 3551 §4.5.1 names it DVI4).
fn adpcm(leg: &[i16]) -> Vec<i16> {
    const NEXT: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];
    let step = |index: i32| (7.0 * 1.1f64.powi(index)).round() as i32;
    let (mut guess, mut index) = (0i32, 0i32);
    leg.iter()
        .map(|&sample| {
            let (size, off) = (step(index), i32::from(sample) - guess);
            let code = (4 * off.abs() / size).min(7);
            let by = (2 * code + 1) * size / 8;
            guess = (guess + if off < 0 { -by } else { by }).clamp(-32768, 32767);
            index = (index + NEXT[code as usize]).clamp(0, 88);
            guess as i16
        })
        .collect()
}

/// As it sounds by a clock that is `ppm` slower.
fn resampled(leg: &[i16], ppm: f64) -> Vec<i16> {
    let speed = 1.0 / (1.0 + ppm / 1e6);
    let value = |at: f64| {
        let whole = at as usize;
        let mut sum = 0.0;
        for k in 0..16 {
            let n = (whole + k) as i64 - 7;
            let off = n as f64 - at;
            let sinc =
                if off.abs() < 1e-9 { 1.0 } else { (std::f64::consts::PI * off).sin() / (std::f64::consts::PI * off) };
            let window = 0.5 + 0.5 * (std::f64::consts::PI * off / 8.5).cos();
            let sample = usize::try_from(n).ok().and_then(|n| leg.get(n)).copied().unwrap_or(0);
            sum += f64::from(sample) * sinc * if off.abs() < 8.5 { window } else { 0.0 };
        }
        sum.round().clamp(-32768.0, 32767.0) as i16
    };
    (0..(leg.len() as f64 / speed) as usize).map(|n| value(n as f64 * speed)).collect()
}

/// Call 0, whose legs were damaged and then put through a path.
fn judged(seed: u64, damage: fn(&mut Case), path: &dyn Fn(&[i16]) -> Vec<i16>, lossy: bool) -> Verdict {
    let mut case = Case::new(seed);
    case.layout = Layout::Stereo;
    case.limits.lossy = lossy;
    case.record();
    damage(&mut case);
    for leg in case.audio.iter_mut().flatten() {
        *leg = path(leg);
    }
    for call in &mut case.audio {
        let length = call.iter().map(Vec::len).max().unwrap_or(0);
        call.iter_mut().for_each(|leg| leg.resize(length, 0));
    }
    case.judge()
}

fn rules(verdict: &Verdict) -> Vec<(&'static str, Option<Leg>)> {
    let own = verdict.findings.iter().filter(|finding| finding.recording == "call 0");
    own.map(|finding| (finding.rule, finding.leg)).collect()
}

#[test]
fn a_lossy_path_is_named_and_is_no_fault_where_it_is_expected() {
    for (name, path) in PATHS {
        for seed in 0..2 {
            let verdict = judged(seed, |_| {}, path, false);
            let altered = [("altered-audio", Some(Leg::Near)), ("altered-audio", Some(Leg::Far))];
            assert_eq!(rules(&verdict), altered, "{name}, seed {seed}: {:#?}", verdict.findings);
            let verdict = judged(seed, |_| {}, path, true);
            assert_eq!(verdict.findings, [], "{name}, seed {seed}");
            assert_eq!(verdict.level, Level::Pass, "{name}, seed {seed}");
            for channel in &verdict.channels {
                assert!(channel.mode.starts_with("softly: "), "{}", channel.mode);
                assert!(!channel.unseen.is_empty() && channel.drift.len() == 1 && channel.drift[0].ppm.abs() < 5.0);
            }
        }
    }
}

#[test]
fn a_slow_clock_is_measured_and_allowed_within_its_limit() {
    for (ppm, wrong) in [(20.0, false), (-20.0, false), (100.0, true), (-1000.0, true), (1000.0, true)] {
        let verdict = judged(1, |_| {}, &|leg| resampled(leg, ppm), true);
        for channel in &verdict.channels {
            // Six seconds of speech are little: over a minute it is known ten times as well.
            let longest = channel.drift.iter().max_by(|a, b| (a.end_s - a.start_s).total_cmp(&(b.end_s - b.start_s)));
            let longest = longest.unwrap_or_else(|| panic!("{ppm}: {}", channel.mode));
            assert!((longest.ppm - ppm).abs() < 8.0 + ppm.abs() * 0.1, "{ppm}: {:?}", channel.drift);
        }
        assert_eq!(!verdict.findings.is_empty(), wrong, "{ppm}: {:#?}", verdict.findings);
        assert!(
            verdict.findings.iter().all(|finding| finding.rule == "altered-audio"),
            "{ppm}: {:#?}",
            verdict.findings
        );
    }
}

/// A damage before the path, and the rule it breaks in the near leg.
type Damage = (&'static str, fn(&mut Case));

const DAMAGES: &[Damage] = &[
    ("splice", |case| {
        let at = case.place(0, 150);
        case.audio[0][0].drain(at..at + 5 * FRAME);
        let length = case.audio[0][1].len();
        case.audio[0][0].resize(length, 0);
    }),
    ("inserted-audio", |case| {
        let at = case.place(0, 150);
        let again = case.audio[0][0][at - 5 * FRAME..at].to_vec();
        case.audio[0][0].splice(at..at, again);
    }),
    ("other-leg-audio", |case| {
        let (at, audio) = (case.place(0, 120), case.audio[0][1][20_000..32_000].to_vec());
        case.audio[0][0][at..at + 12_000].copy_from_slice(&audio);
    }),
    ("other-call-audio", |case| {
        let (at, audio) = (case.place(0, 120), case.audio[1][1][20_000..32_000].to_vec());
        case.audio[0][0][at..at + 12_000].copy_from_slice(&audio);
    }),
    ("unknown-audio", |case| {
        let (at, noise) = (case.place(0, 120), case.noise(12_000));
        case.audio[0][0][at..at + 12_000].copy_from_slice(&noise);
    }),
    ("end-clipped", |case| {
        let end = case.audio[0][0].len() - 12_000;
        case.audio[0].iter_mut().for_each(|leg| leg.truncate(end));
    }),
    ("lost-frames", |case| {
        let at = case.place(0, 120);
        case.audio[0][0][at..at + 25 * FRAME].fill(0);
    }),
];

#[test]
fn what_is_wrong_with_a_leg_is_found_behind_a_lossy_path() {
    for (rule, damage) in DAMAGES {
        for (name, path) in &PATHS[..2] {
            for seed in 1..2 {
                let verdict = judged(seed, *damage, path, true);
                let found = rules(&verdict);
                assert!(
                    found.contains(&(rule, Some(Leg::Near))),
                    "{rule}, {name}, seed {seed}: {:#?}",
                    verdict.findings
                );
                let beside = |found: &&(&str, Option<Leg>)| found.1 == Some(Leg::Near) && found.0 != *rule;
                let strange: Vec<_> = found.iter().filter(beside).filter(|found| found.0 != "end-clipped").collect();
                assert!(strange.is_empty(), "{rule}, {name}, seed {seed}: {:#?}", verdict.findings);
            }
        }
    }
}
