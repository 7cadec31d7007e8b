//! The mutant table: every way to damage a recording that we could think of, and the rule each must be found by.

use std::collections::BTreeSet;

use media::g711::{Law, decode, encode};
use media::ledger::{Fate, Leg, Nature, Row};
use media::wav::Encoding;
use verify::Rule;

use crate::rig::{Case, FRAME, FRAMES, Layout, wav, wav_as};

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

const MUTANTS: &[Mutant] = &[
    // Missing audio.
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
    // The time line.
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
    // What does not belong there.
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
    // Samples.
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
    // Legs and recordings.
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
    // Containers.
    mutant("empty file", Rule::EmptyFile, &[], |case| bytes(case, |_| Vec::new())),
    mutant("header without audio", Rule::EmptyFile, &[], |case| {
        bytes(case, |file| {
            let channels = u16::from(file[22]);
            wav(channels, &[])
        });
    }),
    mutant("not a WAV file", Rule::UnreadableFile, &[], |case| bytes(case, |_| b"OggS and so on".to_vec())),
    mutant("header never finished", Rule::UnfinishedHeader, &[], |case| {
        bytes(case, |mut file| {
            file[4..8].fill(0);
            file[40..44].fill(0);
            file
        });
    }),
    mutant("streamed header", Rule::UnfinishedHeader, &[], |case| {
        bytes(case, |mut file| {
            file[4..8].fill(0xFF);
            file[40..44].fill(0xFF);
            file
        });
    }),
    mutant("file cut short", Rule::TruncatedFile, &[Rule::WrongHeader, Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            file.truncate(file.len() - 9000);
            file
        });
    }),
    mutant("header of another length", Rule::WrongHeader, &[Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            let length = u32::from_le_bytes([file[40], file[41], file[42], file[43]]) - 6400;
            file[40..44].copy_from_slice(&length.to_le_bytes());
            file
        });
    }),
    mutant("header of twice the rate", Rule::WrongRate, &[Rule::WrongHeader], |case| {
        bytes(case, |mut file| {
            file[24..28].copy_from_slice(&16000u32.to_le_bytes());
            file
        });
    }),
    mutant("every sample stored twice", Rule::WrongRate, &[], |case| {
        for leg in &mut case.audio[0] {
            *leg = leg.iter().flat_map(|&sample| [sample, sample]).collect();
        }
    }),
    mutant("mono labelled stereo", Rule::WrongChannelCount, &[Rule::WrongHeader], |case| {
        case.layout = Layout::Mono;
        case.record();
        bytes(case, |mut file| {
            file[22] = 2;
            file[32] = 4;
            file[28..32].copy_from_slice(&32000u32.to_le_bytes());
            file
        });
    }),
    mutant("stereo labelled mono", Rule::WrongChannelCount, &[Rule::WrongHeader], |case| {
        stereo(case);
        bytes(case, |mut file| {
            file[22] = 1;
            file[32] = 2;
            file[28..32].copy_from_slice(&16000u32.to_le_bytes());
            file
        });
    }),
    mutant("bytes swapped", Rule::WrongEncoding, &[], |case| {
        bytes(case, |mut file| {
            file[44..].chunks_exact_mut(2).for_each(|pair| pair.swap(0, 1));
            file
        });
    }),
    mutant("samples shifted by one byte", Rule::WrongEncoding, &[Rule::EndClipped], |case| {
        bytes(case, |mut file| {
            file[44..].rotate_right(1);
            file
        });
    }),
    mutant(
        "a byte missing half way",
        Rule::WrongEncoding,
        &[
            Rule::TruncatedFile,
            Rule::WrongHeader,
            Rule::SampleSlip,
            Rule::NoiseAudio,
            Rule::EndClipped,
            Rule::LostFrames,
            Rule::UnknownAudio,
        ],
        |case| {
            bytes(case, |mut file| {
                file.remove(44 + 4 * 12345);
                file
            });
        },
    ),
    mutant("law bytes labelled as 16 bit PCM", Rule::WrongEncoding, &[], |case| {
        let encoding = if case.law == Law::Mu { Encoding::MuLaw } else { Encoding::ALaw };
        coded(case, encoding);
        bytes(case, |file| {
            let data = file[58..].to_vec();
            let words: Vec<i16> = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            let channels = u16::from(file[22]);
            let whole = words.len() - words.len() % usize::from(channels);
            wav(channels, &words[..whole])
        });
    }),
    mutant("mu-law labelled A-law or the reverse", Rule::WrongEncoding, &[], |case| {
        let (encoding, tag) = if case.law == Law::Mu { (Encoding::MuLaw, 6) } else { (Encoding::ALaw, 7) };
        coded(case, encoding);
        for file in case.files.iter_mut().flat_map(|files| &mut files[0]) {
            file[20] = tag;
        }
    }),
];

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
    if case.layout == Layout::Stereo {
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
    };
}

/// Seeds of each mutant; `MUTANT_SEEDS` asks for more.
fn seeds() -> u64 {
    std::env::var("MUTANT_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(4)
}

#[test]
fn every_mutant_is_found_by_its_name_and_by_no_wrong_one() {
    let mut survivors = Vec::new();
    for mutant in MUTANTS {
        for seed in 0..seeds() {
            let mut case = Case::new(seed);
            (mutant.damage)(&mut case);
            let (law, layout) = (case.law, case.layout);
            let verdict = case.judge();
            let wrong: Vec<_> = (verdict.findings.iter())
                .filter(|finding| {
                    finding.rule != mutant.rule.code() && !mutant.also.iter().any(|rule| rule.code() == finding.rule)
                })
                .map(|finding| format!("{}: {}", finding.rule, finding.found))
                .collect();
            if !verdict.has(mutant.rule.code()) || !wrong.is_empty() || verdict.passed() {
                let all: Vec<_> = verdict.findings.iter().map(|f| format!("{}: {}", f.rule, f.found)).take(6).collect();
                survivors.push(format!(
                    "{} (seed {seed}, {law:?}, {layout:?}): wanted {}, got {all:#?}",
                    mutant.name,
                    mutant.rule.code()
                ));
            }
        }
    }
    assert!(survivors.is_empty(), "{} survivors:\n{}", survivors.len(), survivors.join("\n"));
}

#[test]
fn the_table_is_long_and_breaks_every_rule() {
    assert!(MUTANTS.len() >= 60, "{}", MUTANTS.len());
    let names: BTreeSet<_> = MUTANTS.iter().map(|mutant| mutant.name).collect();
    assert_eq!(names.len(), MUTANTS.len());
    let broken: BTreeSet<_> = MUTANTS.iter().flat_map(|mutant| mutant.also.iter().chain([&mutant.rule])).collect();
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
