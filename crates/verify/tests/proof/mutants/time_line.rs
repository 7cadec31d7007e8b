//! Damage to the time line.

use verify::Rule;

use super::{ENDS, Mutant, cut, hold, insert, lose, mutant, pad, spot, stereo, swap};
use crate::rig::{FRAME, FRAMES};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("one frame spliced out", Rule::Splice, ENDS, |case| {
        let (leg, at) = spot(case);
        cut(case, leg, at, FRAME);
    }),
    mutant("one frame spliced out near the end", Rule::Splice, ENDS, |case| {
        let at = case.place(0, FRAMES - 3);
        cut(case, 0, at, FRAME);
    }),
    mutant("half a second spliced out anywhere", Rule::Splice, ENDS, |case| {
        let (leg, at) = spot(case);
        let shift = case.below(FRAME);
        cut(case, leg, at + shift, 4000);
    }),
    mutant("many frames spliced out", Rule::Splice, ENDS, |case| {
        for frame in [250, 200, 150, 100, 50] {
            let at = case.place(0, frame);
            cut(case, 0, at, FRAME);
        }
    }),
    mutant("every pause closed up", Rule::ClosedGap, ENDS, |case| {
        lose(case, 0, 100..150);
        case.record();
        let at = case.place(0, 100);
        cut(case, 0, at, 50 * FRAME);
    }),
    mutant("hold gap removed", Rule::ClosedGap, ENDS, |case| {
        hold(case);
        let leg = case.below(2);
        let at = case.place(leg, 150) - 8000;
        cut(case, leg, at, 8000);
    }),
    mutant("lost packets closed up", Rule::ClosedGap, ENDS, |case| {
        for frame in [200, 120, 60] {
            lose(case, 0, frame..frame + 1);
        }
        case.record();
        for frame in [200, 120, 60] {
            let at = case.place(0, frame);
            cut(case, 0, at, FRAME);
        }
    }),
    mutant("silence inserted", Rule::InsertedAudio, &[Rule::MisalignedLegs], |case| {
        let (leg, at) = spot(case);
        let n = 1 + case.below(3000);
        insert(case, leg, at, vec![0; 80 + n]);
    }),
    mutant("silence put into the midst of a packet", Rule::InsertedAudio, &[Rule::MisalignedLegs], |case| {
        let (leg, at) = spot(case);
        let n = 400 + case.below(3000);
        insert(case, leg, at + 33, vec![0; n]);
    }),
    mutant("a pause doubled", Rule::InsertedAudio, &[Rule::MisalignedLegs], |case| {
        hold(case);
        let at = case.place(0, 150) - 4000;
        insert(case, 0, at, vec![0; 8000]);
    }),
    mutant("one sample slipped out", Rule::SampleSlip, ENDS, |case| {
        let (leg, at) = spot(case);
        let shift = case.below(FRAME);
        cut(case, leg, at + shift, 1);
    }),
    mutant("one sample slipped in", Rule::SampleSlip, &[], |case| {
        let (leg, at) = spot(case);
        insert(case, leg, at + 50, vec![0]);
    }),
    mutant("13 samples cut at a frame's edge", Rule::SampleSlip, ENDS, |case| {
        let (leg, at) = spot(case);
        cut(case, leg, at, 13);
    }),
    mutant("two frames swapped", Rule::MisplacedFrames, &[], |case| {
        let (leg, at) = spot(case);
        swap(&mut case.audio[0][leg], at, at + FRAME, FRAME);
    }),
    mutant("two distant frames swapped", Rule::MisplacedFrames, &[], |case| {
        let (leg, at) = spot(case);
        swap(&mut case.audio[0][leg], at, at + 20 * FRAME, FRAME);
    }),
    mutant("ten frames moved 20 ms early", Rule::MisplacedFrames, &[], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg][at..at + 11 * FRAME].rotate_left(FRAME);
    }),
    mutant("far leg 700 ms late", Rule::MisalignedLegs, &[Rule::WrongDuration], |case| {
        stereo(case);
        insert(case, 1, 0, vec![0; 5600]);
        let length = case.audio[0][1].len();
        case.audio[0][0].resize(length, 0);
    }),
    mutant("a leg 25 ms early", Rule::MisalignedLegs, &[Rule::StartClipped, Rule::EndClipped], |case| {
        stereo(case);
        let leg = case.below(2);
        insert(case, 1 - leg, 0, vec![0; 200]);
        pad(case);
    }),
    mutant("three seconds of silence in front", Rule::WrongDuration, &[], |case| {
        for leg in 0..2 {
            insert(case, leg, 0, vec![0; 24000]);
        }
    }),
    mutant("an open end of ten seconds", Rule::WrongDuration, &[], |case| {
        for leg in &mut case.audio[0] {
            leg.extend(vec![0; 80000]);
        }
    }),
];
