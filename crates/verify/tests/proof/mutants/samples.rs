//! Damage to samples.

use media::g711::{Law, decode, encode};
use verify::Rule;

use super::{Mutant, mutant, pad, scale, spot, stereo};
use crate::rig::{FRAME, FRAMES};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("one bit flipped", Rule::DamagedFrames, &[], |case| {
        let (leg, at) = spot(case);
        let (n, bit) = (case.below(FRAME), case.below(16));
        case.audio[0][leg][at + n] ^= 1 << bit;
    }),
    mutant("bits flipped everywhere", Rule::DamagedFrames, &[], |case| {
        for _ in 0..40 {
            let (leg, at) = spot(case);
            case.audio[0][leg][at] ^= 1 << 9;
        }
    }),
    mutant("a click", Rule::DamagedFrames, &[], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg][at + 40..at + 50].fill(30000);
    }),
    mutant("3 dB less", Rule::LevelChanged, &[], |case| scale(case, -3.0)),
    mutant("0.1 dB less", Rule::LevelChanged, &[], |case| scale(case, -0.1)),
    mutant("6 dB less", Rule::LevelChanged, &[], |case| scale(case, -6.0)),
    mutant("2 dB more", Rule::LevelChanged, &[Rule::DamagedFrames, Rule::AlteredAudio], |case| scale(case, 2.0)),
    mutant("3 dB less and a frame lost", Rule::LostFrames, &[Rule::LevelChanged], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg][at..at + FRAME].fill(0);
        scale(case, -3.0);
    }),
    mutant("3 dB less from half way", Rule::LevelChanged, &[Rule::AlteredAudio], |case| {
        let at = case.place(0, 150);
        for sample in &mut case.audio[0][0][at..] {
            *sample = (f64::from(*sample) * 0.7).round() as i16;
        }
    }),
    mutant("turned upside down", Rule::InvertedAudio, &[], |case| {
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = -*sample;
        }
    }),
    mutant("upside down and 3 dB less", Rule::InvertedAudio, &[Rule::LevelChanged], |case| {
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = -*sample;
        }
        scale(case, -3.0);
    }),
    mutant("decoded by the other law", Rule::WrongLaw, &[], |case| {
        let (right, wrong) = if case.law == Law::Mu { (Law::Mu, Law::A) } else { (Law::A, Law::Mu) };
        for (leg, stream) in [(0, 0), (1, 1)] {
            for frame in 0..FRAMES {
                let at = case.place(leg, frame);
                let payload = case.streams[stream].payload(&case.streams[stream].rows[frame]).to_vec();
                for (n, code) in payload.into_iter().enumerate() {
                    assert_eq!(case.audio[0][leg][at + n], decode(right, code));
                    case.audio[0][leg][at + n] = decode(wrong, code);
                }
            }
        }
    }),
    mutant("smoothed by a filter", Rule::AlteredAudio, &[Rule::UnknownAudio], |case| {
        for leg in &mut case.audio[0] {
            *leg = leg.windows(3).map(|w| w.iter().map(|&s| i32::from(s)).sum::<i32>() as i16 / 3).collect();
        }
    }),
    mutant("cut to 8 bits", Rule::RecodedAudio, &[], |case| {
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = *sample / 256 * 256;
        }
    }),
    mutant("coded again by the other law", Rule::RecodedAudio, &[], |case| {
        let other = if case.law == Law::Mu { Law::A } else { Law::Mu };
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = decode(other, encode(other, *sample));
        }
    }),
    mutant("limited to 1500", Rule::AlteredAudio, &[], |case| {
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = (*sample).clamp(-1500, 1500);
        }
    }),
    mutant("decoded by another table", Rule::AlteredAudio, &[], |case| {
        let smallest = case.audio[0].iter_mut().flatten().filter(|sample| sample.unsigned_abs() <= 8);
        for (at, sample) in smallest.enumerate() {
            *sample += if at % 3 == 0 { -2 } else { 2 };
        }
    }),
    mutant("a constant added", Rule::DcOffset, &[], |case| {
        let by = 1 + case.below(2000) as i16;
        for sample in case.audio[0].iter_mut().flatten() {
            *sample = sample.saturating_add(by);
        }
    }),
    mutant("a constant added for a second", Rule::DcOffset, &[], |case| {
        let (leg, at) = spot(case);
        for sample in &mut case.audio[0][leg][at..at + 40 * FRAME] {
            *sample = sample.saturating_add(100);
        }
    }),
    mutant("the other leg faintly in both channels", Rule::MixedLegs, &[], |case| {
        stereo(case);
        let [near, far] = case.audio[0].clone();
        for (leg, other) in [(0, far), (1, near)] {
            for (sample, other) in case.audio[0][leg].iter_mut().zip(other) {
                *sample = sample.saturating_add(other / 50);
            }
        }
    }),
    mutant("both legs mixed into both channels", Rule::MixedLegs, &[Rule::IdenticalChannels], |case| {
        stereo(case);
        let mix: Vec<i16> = case.audio[0][0].iter().zip(&case.audio[0][1]).map(|(a, b)| a / 2 + b / 2).collect();
        case.audio[0] = [mix.clone(), mix];
    }),
    mutant("the other leg leaks in", Rule::MixedLegs, &[Rule::DamagedFrames, Rule::AlteredAudio], |case| {
        stereo(case);
        let other = case.audio[0][1].clone();
        for (sample, other) in case.audio[0][0].iter_mut().zip(other).skip(80 * FRAME).take(60 * FRAME) {
            *sample = sample.saturating_add(other / 4);
        }
    }),
    mutant("played backwards", Rule::AlteredAudio, &[], |case| {
        case.audio[0].iter_mut().for_each(|leg| leg.reverse());
    }),
    mutant("played 0.1 % too fast", Rule::AlteredAudio, &[Rule::UnknownAudio], |case| {
        for leg in &mut case.audio[0] {
            let at = |n: usize| (n as f64 * 1.001) as usize;
            *leg = (0..).map(at).take_while(|&n| n < leg.len()).map(|n| (leg[n] / 2).saturating_mul(2) + 1).collect();
        }
    }),
    mutant("played 1.5 % too slow", Rule::AlteredAudio, &[], |case| {
        for leg in &mut case.audio[0] {
            let at = |n: usize| n as f64 / 1.015;
            let value = |at: f64| {
                f64::from(leg[at as usize]) * (1.0 - at.fract()) + f64::from(leg[at as usize + 1]) * at.fract()
            };
            *leg = (0..)
                .map(at)
                .take_while(|&at| at < leg.len() as f64 - 1.0)
                .map(|at| value(at).round() as i16)
                .collect();
        }
        pad(case);
    }),
    mutant("a beep of 200 ms", Rule::UnknownAudio, &[Rule::DamagedFrames], |case| {
        let (leg, at) = spot(case);
        for n in 0..1600 {
            case.audio[0][leg][at + n] = ((n as f64 * 0.78).sin() * 3000.0) as i16;
        }
    }),
];
