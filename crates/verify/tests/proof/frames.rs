//! What became of each single frame: every class is seen where it was brought about, and only there.

use media::ledger::{Fate, Leg};
use verify::{ChannelTrace, FrameClass};

use crate::rig::{Case, FRAME, FRAMES};

/// A frame well inside the near leg of call 0.
const SPOT: usize = 100;

fn case() -> Case {
    let mut case = Case::new(1);
    case.recorded = vec![0];
    case.limits.end_clip_ms = 0;
    case
}

/// The near leg of call 0.
fn near(case: Case) -> ChannelTrace {
    let (verdict, traces) = case.judge_traced();
    assert_eq!(verdict.channels.len(), traces.len());
    let is_it = |trace: &ChannelTrace| trace.recording == "call 0" && trace.leg == Some(Leg::Near);
    traces.into_iter().find(is_it).expect("the near leg was judged")
}

/// The frames of a class are these.
#[track_caller]
fn check(case: Case, class: FrameClass, frames: std::ops::Range<usize>) {
    let trace = near(case);
    let found: Vec<usize> = (0..trace.frames.len()).filter(|at| trace.frames[*at].class == class).collect();
    assert_eq!(found, frames.clone().collect::<Vec<_>>(), "{}", class.name());
    let expected = trace.frames.iter().enumerate().filter(|(at, _)| !frames.contains(at));
    let other = expected.filter(|(_, frame)| !matches!(frame.class, FrameClass::Exact | FrameClass::Silent));
    assert_eq!(other.count(), 0, "beside {}", class.name());
}

fn place(case: &Case, frame: usize) -> std::ops::Range<usize> {
    let at = case.place(0, frame);
    at..at + FRAME
}

#[test]
fn a_whole_leg_is_exact() {
    let trace = near(case());
    assert_eq!(trace.frames.len(), FRAMES);
    assert!(trace.frames.iter().all(|frame| matches!(frame.class, FrameClass::Exact | FrameClass::Silent)));
    assert_eq!(trace.stored, trace.said);
    assert_eq!(trace.offset, Some(0));
    assert!(trace.patches.is_empty());
}

#[test]
fn a_silenced_frame_is_lost_and_what_should_be_there_is_still_told() {
    let mut case = case();
    let (at, content) = (place(&case, SPOT), case.content(0, SPOT));
    case.audio[0][0][at.clone()].fill(0);
    let trace = near(case);
    assert_eq!(trace.frames[SPOT].class, FrameClass::Lost);
    assert_eq!((&trace.said[at.clone()], &trace.stored[at]), (&content[..], &[0; FRAME][..]));
}

#[test]
fn each_class_is_seen_where_it_was_brought_about() {
    let mut lost = case();
    let at = place(&lost, SPOT);
    lost.audio[0][0][at].fill(0);
    check(lost, FrameClass::Lost, SPOT..SPOT + 1);

    let mut damaged = case();
    let at = place(&damaged, SPOT);
    damaged.audio[0][0][at.start + 20..at.start + 30].iter_mut().for_each(|sample| *sample ^= 0x100);
    check(damaged, FrameClass::Damaged, SPOT..SPOT + 1);

    let mut concealed = case();
    let (at, before) = (place(&concealed, SPOT), concealed.content(0, SPOT - 1));
    let faded: Vec<i16> = before.iter().rev().map(|sample| sample / 3).collect();
    concealed.audio[0][0][at].copy_from_slice(&faded);
    check(concealed, FrameClass::Concealed, SPOT..SPOT + 1);

    let mut covered = case();
    let (at, noise) = (place(&covered, SPOT), covered.noise(FRAME));
    covered.audio[0][0][at].copy_from_slice(&noise);
    check(covered, FrameClass::Overwritten, SPOT..SPOT + 1);

    let mut removed = case();
    let (from, until) = (place(&removed, SPOT).start, place(&removed, SPOT + 5).start);
    removed.audio[0][0].drain(from..until);
    let length = removed.audio[0][1].len();
    removed.audio[0][0].resize(length, 0);
    check(removed, FrameClass::Removed, SPOT..SPOT + 5);

    let mut clipped = case();
    let until = place(&clipped, 10).start;
    clipped.audio[0].iter_mut().for_each(|leg| drop(leg.drain(..until)));
    check(clipped, FrameClass::Clipped, 0..10);

    let mut gap = case();
    gap.streams[0].rows[SPOT].fate = Fate::Dropped;
    gap.record();
    check(gap, FrameClass::Gap, SPOT..SPOT + 1);

    let mut undelivered = case();
    undelivered.streams[0].rows[SPOT].fate = Fate::Dropped;
    check(undelivered, FrameClass::Undelivered, SPOT..SPOT + 1);

    let mut late = case();
    late.streams[0].rows[SPOT].fate = Fate::Delayed { delay_us: 5_000_000 };
    let at = place(&late, SPOT);
    late.audio[0][0][at].fill(0);
    check(late, FrameClass::Late, SPOT..SPOT + 1);
}

#[test]
fn a_frame_that_is_there_twice_and_one_elsewhere_are_told_apart() {
    let mut twice = case();
    let (first, second) = (place(&twice, SPOT), place(&twice, SPOT + 40));
    let content = twice.audio[0][0][first].to_vec();
    twice.audio[0][0][second].copy_from_slice(&content);
    let trace = near(twice);
    assert_eq!(trace.frames[SPOT].class, FrameClass::Repeated);
    assert_eq!(trace.frames[SPOT + 40].class, FrameClass::Overwritten);
    assert_eq!(trace.patches[0].what, "the leg a second time");

    let mut elsewhere = case();
    let (first, second) = (place(&elsewhere, SPOT), place(&elsewhere, SPOT + 40));
    let content = elsewhere.audio[0][0][first.clone()].to_vec();
    elsewhere.audio[0][0][first].fill(0);
    elsewhere.audio[0][0][second].copy_from_slice(&content);
    let trace = near(elsewhere);
    assert_eq!(trace.frames[SPOT].class, FrameClass::Misplaced);
    assert_eq!(trace.patches[0].what, "the leg too late");
}

#[test]
fn a_channel_that_is_quieter_as_a_whole_is_altered_as_a_whole() {
    let mut case = case();
    case.audio[0].iter_mut().flatten().for_each(|sample| *sample /= 2);
    let trace = near(case);
    let altered = trace.frames.iter().filter(|frame| frame.class == FrameClass::Altered).count();
    assert!(altered * 10 > FRAMES * 9, "{altered} of {FRAMES}");
    assert_ne!(trace.stored, trace.said);
}

#[test]
fn tracing_changes_no_verdict() {
    for seed in 0..6 {
        let mut damaged = [Case::new(seed), Case::new(seed)];
        for case in &mut damaged {
            let at = place(case, SPOT);
            case.audio[0][0][at].fill(0);
        }
        let [one, other] = damaged;
        assert_eq!(one.judge(), other.judge_traced().0);
    }
}
