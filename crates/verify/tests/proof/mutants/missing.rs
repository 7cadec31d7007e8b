//! Audio that is missing.

use verify::Rule;

use super::{Mutant, mutant, spot};
use crate::rig::{FRAME, FRAMES, Layout};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("one frame zeroed", Rule::LostFrames, &[], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg][at..at + FRAME].fill(0);
    }),
    mutant("scattered frames zeroed", Rule::LostFrames, &[], |case| {
        for frame in (10..FRAMES - 10).step_by(20) {
            let at = case.place(0, frame);
            case.audio[0][0][at..at + FRAME].fill(0);
        }
    }),
    mutant("two seconds zeroed", Rule::LostFrames, &[], |case| {
        let (leg, at) = spot(case);
        let end = (at + 100 * FRAME).min(case.audio[0][leg].len() - FRAME);
        case.audio[0][leg][at..end].fill(0);
    }),
    mutant("first 80 ms silent", Rule::LostFrames, &[], |case| {
        let at = case.place(1, 0);
        case.audio[0][1][at..at + 4 * FRAME].fill(0);
    }),
    mutant("last frame silent", Rule::LostFrames, &[], |case| {
        let at = case.place(0, FRAMES - 1);
        case.audio[0][0][at..at + FRAME].fill(0);
    }),
    mutant("frame that arrived replaced by the one before", Rule::RepeatedFrames, &[], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg].copy_within(at - FRAME..at, at);
    }),
    mutant("lost frame concealed by a fading one", Rule::LostFrames, &[Rule::AlteredAudio], |case| {
        let (leg, at) = spot(case);
        for n in at..at + FRAME {
            case.audio[0][leg][n] = case.audio[0][leg][n - FRAME] / 2;
        }
    }),
    mutant("first 80 ms cut off", Rule::StartClipped, &[Rule::MisalignedLegs, Rule::EndClipped], |case| {
        case.layout = Layout::Mono;
        case.record();
        let leg = case.below(2);
        case.audio[0][leg].drain(..4 * FRAME);
    }),
    mutant("first 13 samples cut off", Rule::StartClipped, &[], |case| {
        case.layout = Layout::Mono;
        case.record();
        let leg = case.below(2);
        case.audio[0][leg].drain(..13);
    }),
    mutant("end cut by 200 ms", Rule::EndClipped, &[], |case| {
        for leg in &mut case.audio[0] {
            leg.truncate(leg.len() - 10 * FRAME);
        }
    }),
    mutant("end cut by 20 ms", Rule::EndClipped, &[], |case| {
        for leg in &mut case.audio[0] {
            leg.truncate(leg.len() - FRAME);
        }
    }),
    mutant("end cut by one sample", Rule::EndClipped, &[], |case| {
        for leg in &mut case.audio[0] {
            leg.truncate(leg.len() - 1);
        }
    }),
    mutant("a leg stops half way", Rule::EndClipped, &[], |case| {
        case.layout = Layout::Mono;
        case.record();
        case.audio[0][1].truncate(150 * FRAME);
    }),
    mutant("all but one frame of a leg silent", Rule::LostFrames, &[], |case| {
        let end = case.audio[0][1].len();
        let (from, to) = (case.place(1, 100), case.place(1, 101));
        case.audio[0][1][..from].fill(0);
        case.audio[0][1][to..end].fill(0);
    }),
    mutant("a file that is not there", Rule::MissingFile, &[], |case| case.gone = true),
    mutant("a leg silent", Rule::SilentChannel, &[], |case| {
        let leg = case.below(2);
        case.audio[0][leg].fill(0);
    }),
    mutant("silence only", Rule::SilentChannel, &[], |case| {
        case.audio[0].iter_mut().for_each(|leg| leg.fill(0));
    }),
];
