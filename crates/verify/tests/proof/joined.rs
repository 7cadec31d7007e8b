//! Several recordings in one file, as those of a call that was on hold.

use media::ledger::Stream;
use verify::{Expected, Limits, Pause, PauseTime, Recorded, RecordedFile, Truth, Verdict, judge};

use crate::rig::{Case, FRAME, FRAMES, Layout, wav};

/// How long the call was on hold, and in samples.
const HELD_US: u64 = 2_500_000;
const HELD: usize = 20_000;

/// A stereo file whose samples are near and far by part, and what was between the parts.
struct File {
    parts: [[Vec<i16>; 2]; 2],
    between: usize,
}

impl File {
    fn bytes(&self) -> Vec<u8> {
        let [first, second] = &self.parts;
        let leg = |leg: usize| {
            let length = first.iter().map(Vec::len).max().unwrap_or(0);
            let mut all = first[leg].clone();
            all.resize(length + self.between, 0);
            all.extend(&second[leg]);
            all
        };
        let (near, far) = (leg(0), leg(1));
        let length = near.len().max(far.len());
        let at = |leg: &[i16], at: usize| leg.get(at).copied().unwrap_or(0);
        wav(2, &(0..length).flat_map(|n| [at(&near, n), at(&far, n)]).collect::<Vec<_>>())
    }
}

/// Judges a file of two recordings with a hold between them, after `damage`.
fn judged(time: PauseTime, damage: fn(&mut File)) -> Verdict {
    let mut case = Case::new(1);
    case.layout = Layout::Stereo;
    case.record();
    let whole_us = 20_000 * FRAMES as u64;
    // The second call, said after a hold, is the second part of the first.
    let ended = case.streams[..2].iter().map(|stream| stream.started_us + whole_us).max().unwrap_or(0);
    let began = case.streams[2..4].iter().map(|stream| stream.started_us).min().unwrap_or(0);
    for stream in &mut case.streams[2..4] {
        later(stream, ended + HELD_US - began);
    }
    let [first, second] = &case.audio;
    let between = if time == PauseTime::Kept { HELD } else { 0 };
    let mut file = File { parts: [first.clone(), second.clone()], between };
    damage(&mut file);
    let pause = Pause { from_us: ended, until_us: ended + HELD_US, time };
    let (near, far) = (vec![0, 2], vec![1, 3]);
    let expected = Expected { label: "call".into(), near, far, pauses: vec![pause], ..Expected::default() };
    let truth = Truth { streams: &case.streams, recordings: vec![expected] };
    let files = vec![RecordedFile::stereo("call.wav", file.bytes())];
    judge(&truth, &[Recorded { label: "r".into(), expected: Some(0), files }], &Limits::default())
}

fn later(stream: &mut Stream, us: u64) {
    stream.started_us += us;
    stream.ended_us += us;
    stream.rows.iter_mut().for_each(|row| row.sent_us += us);
}

#[test]
fn two_recordings_in_one_file_pass_with_the_pause_kept_or_closed_up_as_declared() {
    for time in [PauseTime::Kept, PauseTime::Closed] {
        let verdict = judged(time, |_| {});
        assert_eq!(verdict.findings, [], "{time:?}");
        assert!(verdict.compared_frames as usize > 3 * FRAMES, "{time:?}: {}", verdict.compared_frames);
    }
}

/// What is wrong, and by which rule it is found.
type Named = (&'static str, PauseTime, fn(&mut File));

#[test]
fn what_the_file_does_with_the_pause_or_its_parts_is_found() {
    let wrong: [Named; 9] = [
        ("closed-gap", PauseTime::Kept, |file| file.between = 0),
        ("closed-gap", PauseTime::Kept, |file| file.between -= 400),
        ("inserted-audio", PauseTime::Closed, |file| file.between = HELD),
        ("inserted-audio", PauseTime::Closed, |file| file.between = HELD / 4),
        ("misaligned-legs", PauseTime::Closed, |file| {
            file.parts[1][1].splice(0..0, vec![0; FRAME]);
        }),
        ("misaligned-legs", PauseTime::Kept, |file| {
            let silence = vec![0; FRAME / 4 * 3];
            file.parts[1][0].splice(0..0, silence.clone());
            file.parts[1][1].drain(..FRAME / 4 * 3 - 1);
        }),
        ("lost-frames", PauseTime::Closed, |file| file.parts[1][0].drain(..10 * FRAME).fold((), |(), _| ())),
        ("misplaced-frames", PauseTime::Kept, |file| file.parts.swap(0, 1)),
        ("misplaced-frames", PauseTime::Closed, |file| file.parts.swap(0, 1)),
    ];
    for (number, (rule, time, damage)) in wrong.into_iter().enumerate() {
        let verdict = judged(time, damage);
        assert!(verdict.has(rule), "{number}: {rule}, {time:?}: {:#?}", verdict.findings);
    }
}

#[test]
fn a_part_that_is_not_in_the_file_is_lost() {
    for time in [PauseTime::Kept, PauseTime::Closed] {
        let verdict = judged(time, |file| file.parts[1].iter_mut().for_each(Vec::clear));
        assert!(verdict.has("end-clipped"), "{time:?}: {:#?}", verdict.findings);
    }
}

#[test]
fn the_last_packet_before_a_pause_may_be_missing_as_at_the_end() {
    for time in [PauseTime::Kept, PauseTime::Closed] {
        let verdict = judged(time, |file| {
            // Of the leg that ends last, so that its last packet came with the BYE.
            let longest = usize::from(file.parts[0][1].len() >= file.parts[0][0].len());
            let start = file.parts[0][longest].iter().rposition(|sample| *sample != 0).unwrap() + 1 - FRAME;
            file.parts[0][longest][start..].fill(0);
        });
        assert!(!verdict.has("lost-frames"), "{time:?}: {:#?}", verdict.findings);
    }
}
