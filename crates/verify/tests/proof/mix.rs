//! Both legs in one channel: each is judged frame by frame, whatever the levels, and a mix is a fault only where none is
//! expected.

use media::g711::{Law, decode, encode};
use media::ledger::Leg;
use verify::{Level, Verdict};

use crate::rig::{Case, FRAME, FRAMES, Layout};

/// A case whose recorder stores a mix, and is known to.
fn case(seed: u64, mixing: fn(i16, i16) -> i16) -> Case {
    let mut case = Case::new(seed);
    case.layout = Layout::Mix;
    case.mixing = mixing;
    case.limits.mono_mix = true;
    case.record();
    case
}

fn half(near: i16, far: i16) -> i16 {
    ((i32::from(near) + i32::from(far)) / 2) as i16
}

fn by_parts(near: i16, far: i16) -> i16 {
    near / 2 + far / 2
}

fn uneven(near: i16, far: i16) -> i16 {
    (f64::from(near) * 0.9 + f64::from(far) * 0.6).round() as i16
}

fn coded(law: Law, near: i16, far: i16) -> i16 {
    decode(law, encode(law, near.saturating_add(far)))
}

/// A way to mix, with the levels it gives the legs in dB.
type Mixing = (fn(i16, i16) -> i16, [f64; 2]);

const MIXINGS: [Mixing; 6] = [
    (i16::saturating_add, [0.0, 0.0]),
    (half, [-6.02, -6.02]),
    (by_parts, [-6.02, -6.02]),
    (uneven, [-0.92, -4.44]),
    (|near, far| coded(Law::Mu, near, far), [0.0, 0.0]),
    (|near, far| coded(Law::A, near, far), [0.0, 0.0]),
];

fn rules(verdict: &Verdict) -> Vec<(&'static str, Option<Leg>)> {
    verdict.findings.iter().map(|finding| (finding.rule, finding.leg)).collect()
}

#[test]
fn both_legs_of_a_mix_are_judged_frame_by_frame() {
    for seed in 0..4 {
        for (number, (mixing, levels)) in MIXINGS.into_iter().enumerate() {
            let mut case = case(seed, mixing);
            case.limits.gain_db = 4.0;
            let verdict = case.judge();
            assert_eq!(verdict.findings, [], "seed {seed}, mixing {number}");
            assert_eq!((verdict.level, verdict.channels.len()), (Level::Pass, 4), "seed {seed}, mixing {number}");
            assert_eq!(verdict.compared_frames, 4 * FRAMES as u64, "seed {seed}, mixing {number}");
            for (channel, leg) in verdict.channels.iter().zip(Leg::ALL.into_iter().cycle()) {
                assert_eq!((channel.leg, channel.channel), (Some(leg), 0));
                assert!((channel.gain_db - levels[leg as usize]).abs() < 0.03, "{}", channel.gain_db);
                let how = if number < 4 { "exact in a mono mix" } else { "in a mono mix that was coded as" };
                assert!(channel.mode.starts_with(how), "{}", channel.mode);
                let coarse = channel.unseen.iter().any(|what| what.contains("smaller than the steps"));
                assert_eq!(coarse, number >= 4, "{number}: {:?}", channel.unseen);
            }
        }
    }
}

#[test]
fn legs_of_unequal_level_are_a_finding_unless_a_limit_allows_it() {
    let verdict = case(1, uneven).judge();
    assert_eq!(rules(&verdict), [("level-changed", Some(Leg::Far)); 2], "{:#?}", verdict.findings);
    assert!(verdict.findings[0].found.contains("3.5"), "{}", verdict.findings[0].found);
}

#[test]
fn a_mix_is_a_fault_where_none_is_expected_and_is_judged_all_the_same() {
    for (number, (mixing, _)) in MIXINGS.into_iter().enumerate() {
        let mut case = case(1, mixing);
        case.limits.mono_mix = false;
        case.recorded = vec![0];
        let (at, frame) = (case.place(1, 100), case.streams[1].rows[100].sequence);
        case.audio[0][1][at..at + FRAME].fill(0);
        let verdict = case.judge();
        let mut found = rules(&verdict);
        found.retain(|(rule, _)| *rule != "missing-recording");
        assert_eq!(
            found,
            [("mixed-legs", Some(Leg::Near)), ("lost-frames", Some(Leg::Far))],
            "mixing {number}: {:#?}",
            verdict.findings
        );
        let lost = verdict.findings.iter().find(|finding| finding.rule == "lost-frames").unwrap();
        assert_eq!(lost.packets.map(|packets| (packets.first, packets.count)), Some((frame, 1)), "mixing {number}");
    }
}

/// A damage to the legs before they are mixed, and what must be found of which leg.
type Damage = (&'static str, fn(&mut Case), &'static [(&'static str, Option<Leg>)]);

const DAMAGES: &[Damage] = &[
    ("a frame lost", |case| fill(case, 1, 100, 101), &[("lost-frames", Some(Leg::Far))]),
    (
        "a frame of each lost",
        |case| {
            fill(case, 0, 60, 61);
            fill(case, 1, 200, 202);
        },
        &[("lost-frames", Some(Leg::Near)), ("lost-frames", Some(Leg::Far))],
    ),
    (
        "a leg missing",
        |case| fill(case, 1, 0, FRAMES),
        &[("missing-leg", Some(Leg::Far)), ("level-changed", Some(Leg::Near))],
    ),
    (
        "a leg spliced",
        |case| {
            let at = case.place(0, 120);
            case.audio[0][0].drain(at..at + 5 * FRAME);
            let length = case.audio[0][1].len();
            case.audio[0][0].resize(length, 0);
        },
        &[("splice", Some(Leg::Near)), ("end-clipped", Some(Leg::Near)), ("misaligned-legs", None)],
    ),
    (
        "the file spliced",
        |case| {
            let at = case.place(0, 120) + 33;
            case.audio[0].iter_mut().for_each(|leg| drop(leg.drain(at..at + 1234)));
        },
        &[("splice", Some(Leg::Near)), ("splice", Some(Leg::Far))],
    ),
    (
        "silence put into the file",
        |case| {
            let at = case.place(0, 120) + 33;
            case.audio[0].iter_mut().for_each(|leg| drop(leg.splice(at..at, vec![0; 4000])));
        },
        &[("inserted-audio", Some(Leg::Near)), ("inserted-audio", Some(Leg::Far))],
    ),
    (
        "a frame twice",
        |case| {
            let at = case.place(0, 150);
            case.audio[0][0].copy_within(at - 20 * FRAME..at - 19 * FRAME, at);
        },
        &[("repeated-frames", Some(Leg::Near))],
    ),
    (
        "another call in a leg",
        |case| {
            let (at, audio) = (case.place(1, 150), case.content(2, 77));
            case.audio[0][1][at..at + FRAME].copy_from_slice(&audio);
        },
        &[("other-call-audio", Some(Leg::Far))],
    ),
    (
        "noise in a leg",
        |case| {
            let (at, noise) = (case.place(1, 150), case.noise(10 * FRAME));
            case.audio[0][1][at..at + 10 * FRAME].copy_from_slice(&noise);
        },
        &[("noise-audio", Some(Leg::Far))],
    ),
    (
        "another call over both",
        |case| {
            let at = case.place(1, 150);
            let audio: Vec<i16> = (70..80).flat_map(|frame| case.content(2, frame)).collect();
            case.audio[0][0][at..at + 10 * FRAME].fill(0);
            case.audio[0][1][at..at + 10 * FRAME].copy_from_slice(&audio);
        },
        &[("other-call-audio", Some(Leg::Near))],
    ),
    (
        "one leg a second late",
        |case| {
            let length = case.audio[0][1].len();
            case.audio[0][1].splice(0..0, vec![0; 8000]);
            case.audio[0][1].truncate(length);
        },
        &[("misaligned-legs", None), ("end-clipped", Some(Leg::Far))],
    ),
];

fn fill(case: &mut Case, leg: usize, from: usize, to: usize) {
    let range = case.place(leg, from)..case.place(leg, to - 1) + FRAME;
    case.audio[0][leg][range].fill(0);
}

#[test]
fn what_is_wrong_with_a_leg_of_a_mix_is_found_in_that_leg() {
    for (name, damage, expected) in DAMAGES {
        for seed in 0..2 {
            for mixing in [i16::saturating_add as fn(i16, i16) -> i16, half] {
                let mut case = case(seed, mixing);
                damage(&mut case);
                let verdict = case.judge();
                let found = rules(&verdict);
                let wrong: Vec<_> = found.iter().filter(|found| !expected.contains(found)).collect();
                let told: Vec<_> = verdict.findings.iter().map(|finding| &finding.found).collect();
                assert!(wrong.is_empty(), "{name}, seed {seed}: {wrong:?} {told:#?}");
                assert!(found.contains(&expected[0]), "{name}, seed {seed}: {told:#?}");
            }
        }
    }
}
