//! Audio that does not belong there.

use media::ledger::{Fate, Nature};
use verify::Rule;

use super::{Mutant, attack, hold, insert, intrude, mutant, pad, spot, stereo};
use crate::rig::{FRAME, FRAMES, Layout};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("older frame written over another", Rule::RepeatedFrames, &[], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg].copy_within(at - 20 * FRAME..at - 19 * FRAME, at);
    }),
    mutant("frame repeated and the rest pushed back", Rule::RepeatedFrames, &[Rule::MisalignedLegs], |case| {
        let (leg, at) = spot(case);
        let frame = case.audio[0][leg][at - FRAME..at].to_vec();
        insert(case, leg, at, frame);
    }),
    mutant("a second played twice", Rule::RepeatedFrames, &[Rule::MisalignedLegs], |case| {
        let at = case.place(0, 100);
        let second = case.audio[0][0][at - 8000..at].to_vec();
        insert(case, 0, at, second);
    }),
    mutant("duplicates recorded twice", Rule::RepeatedFrames, &[Rule::MisalignedLegs], |case| {
        let (leg, frame) = case.somewhere();
        case.streams[leg].rows[frame].fate = Fate::Duplicated { delay_us: 300, again_us: 900 };
        let (at, again) = (case.place(leg, frame + 1), case.content(leg, frame));
        insert(case, leg, at, again);
    }),
    mutant("replayed packet inserted", Rule::ReplayedAudio, &[Rule::MisalignedLegs], |case| {
        let (leg, frame) = case.somewhere();
        let (at, audio) = (case.place(leg, frame), case.content(leg, frame - 10));
        attack(case, leg, frame - 10, Nature::Replayed, &audio);
        insert(case, leg, at, audio);
    }),
    mutant("replayed packet written over another", Rule::ReplayedAudio, &[], |case| {
        let (leg, frame) = case.somewhere();
        let (at, audio) = (case.place(leg, frame), case.content(leg, frame - 10));
        attack(case, leg, frame - 10, Nature::Replayed, &audio);
        case.audio[0][leg][at..at + FRAME].copy_from_slice(&audio);
    }),
    mutant("forged packet recorded", Rule::ForgedAudio, &[], |case| intrude(case, Nature::Forged)),
    mutant("plain packet recorded", Rule::PlainAudio, &[], |case| intrude(case, Nature::Plain)),
    mutant("packet with a wrong tag recorded", Rule::UnauthenticatedAudio, &[], |case| intrude(case, Nature::BadTag)),
    mutant("packet of a wrong key recorded", Rule::WrongKeyAudio, &[], |case| intrude(case, Nature::WrongKey)),
    mutant("forged packet behind the last one", Rule::ForgedAudio, &[], |case| {
        let audio = case.noise(FRAME);
        attack(case, 0, FRAMES - 1, Nature::Forged, &audio);
        case.layout = Layout::Mono;
        case.record();
        case.audio[0][0].extend(audio);
    }),
    mutant("100 ms of the other leg", Rule::OtherLegAudio, &[], |case| {
        let (leg, frame) = case.somewhere();
        let at = case.place(leg, frame);
        let audio: Vec<i16> = (frame..frame + 5).flat_map(|frame| case.content(1 - leg, frame)).collect();
        case.audio[0][leg][at..at + 5 * FRAME].copy_from_slice(&audio);
    }),
    mutant("one frame of another call", Rule::OtherCallAudio, &[], |case| {
        let (leg, at) = spot(case);
        let audio = case.content(2 + leg, 77);
        case.audio[0][leg][at..at + FRAME].copy_from_slice(&audio);
    }),
    mutant("hold filled with another call", Rule::OtherCallAudio, &[], |case| {
        hold(case);
        let at = case.place(0, 150) - 8000;
        for frame in 0..40 {
            let audio = case.content(3, frame);
            case.audio[0][0][at + frame * FRAME..at + (frame + 1) * FRAME].copy_from_slice(&audio);
        }
    }),
    mutant("tail of another call", Rule::OtherCallAudio, &[], |case| {
        let audio: Vec<i16> = (0..50).flat_map(|frame| case.content(2, frame)).collect();
        case.audio[0][0].extend(audio);
        pad(case);
    }),
    mutant("calls written across from half way", Rule::OtherCallAudio, &[], |case| {
        stereo(case);
        let at = case.place(0, 160);
        let [first, second] = &mut case.audio;
        let end = (first[0].len()).min(second[0].len());
        first[0][at..end].swap_with_slice(&mut second[0][at..end]);
    }),
    mutant("a hum in a hold", Rule::UnknownAudio, &[], |case| {
        hold(case);
        let at = case.place(1, 150) - 8000;
        for n in 0..6000 {
            case.audio[0][1][at + 1000 + n] = ((n as f64 * 0.35).sin() * 3000.0) as i16;
        }
    }),
    mutant("faint noise before the first packet", Rule::UnknownAudio, &[], |case| {
        stereo(case);
        let noise: Vec<i16> = (0..1200).map(|_| case.below(17) as i16 - 8).collect();
        case.audio[0].iter_mut().for_each(|leg| drop(leg.splice(0..0, noise.clone())));
    }),
    mutant("faint noise in a hold", Rule::UnknownAudio, &[], |case| {
        hold(case);
        let at = case.place(1, 150) - 8000;
        for n in 0..4000 {
            case.audio[0][1][at + 2000 + n] = case.below(17) as i16 - 8;
        }
    }),
    mutant("wrong key for one frame", Rule::NoiseAudio, &[], |case| {
        let (leg, at) = spot(case);
        let noise = case.noise(FRAME);
        case.audio[0][leg][at..at + FRAME].copy_from_slice(&noise);
    }),
    mutant("wrong key from half way", Rule::NoiseAudio, &[], |case| {
        let at = case.place(0, 150);
        let noise = case.noise(150 * FRAME);
        case.audio[0][0][at..at + 150 * FRAME].copy_from_slice(&noise);
    }),
    mutant("wrong key all along", Rule::NoiseAudio, &[], |case| {
        let leg = case.below(2);
        let noise = case.noise(case.audio[0][leg].len());
        case.audio[0][leg] = noise;
    }),
    mutant("packet that never arrived recorded", Rule::UndeliveredAudio, &[], |case| {
        let (leg, frame) = case.somewhere();
        case.streams[leg].rows[frame].fate = Fate::Dropped;
    }),
];
