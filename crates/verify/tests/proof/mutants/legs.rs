//! Legs and recordings that changed places.

use verify::Rule;

use super::{Mutant, mutant, spot, stereo};
use crate::rig::{FRAME, Layout};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("legs swapped", Rule::SwappedLegs, &[], |case| case.audio[0].swap(0, 1)),
    mutant("legs swapped and a frame lost", Rule::LostFrames, &[Rule::SwappedLegs], |case| {
        let (leg, at) = spot(case);
        case.audio[0][leg][at..at + FRAME].fill(0);
        case.audio[0].swap(0, 1);
    }),
    mutant("legs swapped from half way", Rule::OtherLegAudio, &[Rule::LostFrames, Rule::DamagedFrames], |case| {
        stereo(case);
        let at = case.place(0, 160);
        let [near, far] = &mut case.audio[0];
        near[at..].swap_with_slice(&mut far[at..]);
    }),
    mutant("near leg in both channels", Rule::IdenticalChannels, &[Rule::MissingLeg], |case| {
        stereo(case);
        case.audio[0][1] = case.audio[0][0].clone();
    }),
    mutant("a file of the wrong leg", Rule::WrongLeg, &[Rule::MissingLeg], |case| {
        case.layout = Layout::Mono;
        case.record();
        case.audio[0][0] = case.audio[0][1].clone();
    }),
    mutant("two recordings exchanged", Rule::ExchangedRecordings, &[], |case| case.audio.swap(0, 1)),
    mutant("metadata of two recordings crossed", Rule::ExchangedRecordings, &[], |case| {
        case.named = [Some(1), Some(0)]
    }),
    mutant(
        "far legs of two calls crossed",
        Rule::ExchangedRecordings,
        &[Rule::MisalignedLegs, Rule::EndClipped],
        |case| {
            case.layout = Layout::Mono;
            case.record();
            let [first, second] = &mut case.audio;
            std::mem::swap(&mut first[1], &mut second[1]);
        },
    ),
    mutant("recording missing", Rule::MissingRecording, &[], |case| case.recorded = vec![1]),
    mutant("recorded twice", Rule::UnexpectedRecording, &[], |case| case.recorded = vec![0, 1, 0]),
];
