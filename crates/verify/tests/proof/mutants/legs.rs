//! Legs and recordings that changed places.

use verify::Rule;

use super::{Mutant, mutant, spot, stereo};
use crate::rig::{Case, FRAME, Layout};

/// Both calls as mixes.
fn mixed(case: &mut Case, mixing: fn(i16, i16) -> i16) {
    (case.layout, case.mixing) = (Layout::Mix, mixing);
    case.record();
}

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
    mutant("both legs in one channel", Rule::MixedLegs, &[], |case| mixed(case, i16::saturating_add)),
    mutant("both legs in one channel, halved", Rule::MixedLegs, &[], |case| {
        mixed(case, |near, far| near / 2 + far / 2)
    }),
    mutant("a frame lost in a mix", Rule::LostFrames, &[], |case| {
        mixed(case, i16::saturating_add);
        case.limits.mono_mix = true;
        let (leg, at) = spot(case);
        case.audio[0][leg][at..at + FRAME].fill(0);
    }),
    mutant("half a second cut out of a mix", Rule::Splice, &[], |case| {
        mixed(case, |near, far| near / 2 + far / 2);
        case.limits.mono_mix = true;
        let at = case.place(0, 100) + case.below(FRAME);
        case.audio[0].iter_mut().for_each(|leg| drop(leg.drain(at..at + 4000)));
    }),
    mutant("a leg of a mix too quiet", Rule::LevelChanged, &[], |case| {
        mixed(case, |near, far| near.saturating_add((f64::from(far) / 4.0).round() as i16));
        case.limits.mono_mix = true;
    }),
    mutant("recording missing", Rule::MissingRecording, &[], |case| case.recorded = vec![1]),
    mutant("recorded twice", Rule::UnexpectedRecording, &[], |case| case.recorded = vec![0, 1, 0]),
];
