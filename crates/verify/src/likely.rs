//! What became of the frames of a leg that was followed by likeness: as far as that can be told of a single frame.

use crate::soft::{Hole, Instead, Segment, Soft};
use crate::source::{Duty, Frame};
use crate::traced::FrameClass;

/// What is at a frame's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    /// The voice, by its likeness.
    Voice,
    Silence,
    Other,
    /// It was cut out.
    Nothing,
    /// The file does not reach so far.
    Beyond,
    /// Too faint, or too near to a jump, to be told.
    Unknown,
}

/// The class of each frame of `line` in a channel of `length` samples. `allowed` says whether the leg may be there in this way.
pub(crate) fn classes(line: &[Frame], soft: &Soft, length: usize, allowed: bool) -> Vec<FrameClass> {
    let mut silent = vec![false; line.len()];
    for &(first, last) in &soft.silent {
        silent[first..=last].fill(true);
    }
    let of = |(frame, silent): (&Frame, bool)| class(frame.duty, there(frame, silent, soft, length), allowed);
    line.iter().zip(silent).map(of).collect()
}

const fn class(duty: Duty, there: There, allowed: bool) -> FrameClass {
    match (duty, there) {
        // Whether it is there, or what conceals it, no likeness of half a second tells.
        (Duty::Undelivered, _) => FrameClass::Gap,
        (Duty::Late, There::Silence) => FrameClass::Late,
        (Duty::Late, _) | (_, There::Unknown) => FrameClass::Unseen,
        (_, There::Voice) if allowed => FrameClass::Likely,
        (_, There::Voice) => FrameClass::Altered,
        (Duty::Excused, _) => FrameClass::Excused,
        (Duty::Due, There::Silence) => FrameClass::Lost,
        (Duty::Due, There::Other) => FrameClass::Overwritten,
        (Duty::Due, There::Nothing) => FrameClass::Removed,
        (Duty::Due, There::Beyond) => FrameClass::Clipped,
    }
}

fn there(frame: &Frame, silent: bool, soft: &Soft, length: usize) -> There {
    if silent {
        return There::Silence;
    }
    let place = soft.place(frame.at);
    if place < 0 || place + frame.len as i64 > i64::try_from(length).unwrap_or(i64::MAX) {
        return There::Beyond;
    }
    let middle = frame.at + frame.len as i64 / 2;
    let next = soft.heard.partition_point(|range| range.1 <= middle);
    if soft.heard.get(next).is_some_and(|range| range.0 <= middle) {
        return There::Voice;
    }
    if let Some(hole) = soft.holes.iter().find(|hole| (hole.from..hole.to).contains(&middle)) {
        return instead(hole, soft);
    }
    if soft.segments.windows(2).any(|pair| is_cut(pair, middle)) { There::Nothing } else { There::Unknown }
}

/// What a hole is told of as. One that silence has made is told packet by packet: its other frames are faint.
fn instead(hole: &Hole, soft: &Soft) -> There {
    match hole.instead {
        Instead::Voice(_) => There::Other,
        Instead::Nothing => There::Beyond,
        Instead::Silence => There::Silence,
        Instead::Unknown if soft.silent.is_empty() => There::Other,
        Instead::Unknown => There::Unknown,
    }
}

/// Whether a place lies in what is cut out between two segments: in the middle of what is between them, for where exactly it
/// was cut is not known.
fn is_cut(pair: &[Segment], at: i64) -> bool {
    let (from, to) = (pair[0].to, pair[1].from);
    let cut = (pair[0].offsets[1] - pair[1].offsets[0]).round() as i64;
    let middle = from.midpoint(to);
    cut > 0 && (middle - cut / 2..middle + cut / 2).contains(&at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 8000;

    fn frames(seconds: i64) -> Vec<Frame> {
        let frame = |n: i64| Frame {
            stream: 0,
            row: n as u32,
            at: n * 160,
            len: 160,
            start: 0,
            narrow: false,
            duty: Duty::Due,
            nature: media::ledger::Nature::Genuine,
            weak: false,
            alike: false,
        };
        (0..seconds * 50).map(frame).collect()
    }

    fn soft(seconds: i64) -> Soft {
        let to = seconds * SECOND;
        let segment = Segment { from: 0, to, offsets: [0.0, 0.0], ppm: 0.0, rest: 0.0 };
        Soft {
            segments: vec![segment],
            holes: Vec::new(),
            likeness: 0.9,
            found: 40,
            telling: 40,
            silent: Vec::new(),
            heard: vec![(0, to)],
        }
    }

    fn count(classes: &[FrameClass], class: FrameClass) -> usize {
        classes.iter().filter(|one| **one == class).count()
    }

    #[test]
    fn a_leg_that_is_there_by_its_likeness_is_altered_unless_it_may_be_stored_so() {
        let line = frames(10);
        let told = |allowed| classes(&line, &soft(10), 10 * SECOND as usize, allowed);
        assert_eq!(count(&told(false), FrameClass::Altered), 500);
        assert_eq!(count(&told(true), FrameClass::Likely), 500);
    }

    #[test]
    fn a_second_of_silence_is_lost_and_the_rest_is_not() {
        let mut soft = soft(10);
        soft.silent = vec![(100, 149)];
        soft.heard = vec![(0, 2 * SECOND), (3 * SECOND, 9 * SECOND)];
        soft.holes = vec![Hole { from: 2 * SECOND, to: 3 * SECOND, place: 2 * SECOND, instead: Instead::Silence }];
        let told = classes(&frames(10), &soft, 10 * SECOND as usize, false);
        assert!(told[100..150].iter().all(|class| *class == FrameClass::Lost));
        assert_eq!((count(&told, FrameClass::Lost), count(&told, FrameClass::Altered)), (50, 400));
        assert_eq!(count(&told, FrameClass::Unseen), 50, "the last second is too faint to be told");
    }

    #[test]
    fn another_voice_and_what_is_behind_the_end_are_told_from_each_other() {
        let mut soft = soft(10);
        soft.heard = vec![(0, 4 * SECOND), (5 * SECOND, 8 * SECOND)];
        soft.holes = vec![Hole { from: 4 * SECOND, to: 5 * SECOND, place: 4 * SECOND, instead: Instead::Voice(1) }];
        let told = classes(&frames(10), &soft, 9 * SECOND as usize, true);
        assert_eq!((count(&told, FrameClass::Overwritten), count(&told, FrameClass::Clipped)), (50, 50));
        assert_eq!((count(&told, FrameClass::Likely), count(&told, FrameClass::Unseen)), (350, 50));
    }

    #[test]
    fn what_is_cut_out_is_as_long_as_what_follows_is_early() {
        let mut soft = soft(10);
        let part = |from, to, offset| Segment { from, to, offsets: [offset; 2], ppm: 0.0, rest: 0.0 };
        soft.segments = vec![part(0, 4 * SECOND, 0.0), part(6 * SECOND, 10 * SECOND, -(SECOND as f64))];
        soft.heard = vec![(0, 4 * SECOND), (6 * SECOND, 10 * SECOND)];
        let told = classes(&frames(10), &soft, 9 * SECOND as usize, false);
        assert_eq!((count(&told, FrameClass::Removed), count(&told, FrameClass::Unseen)), (50, 50));
    }

    #[test]
    fn what_the_network_lost_is_not_called_there() {
        let mut line = frames(10);
        (line[7].duty, line[8].duty) = (Duty::Undelivered, Duty::Late);
        let told = classes(&line, &soft(10), 10 * SECOND as usize, true);
        assert_eq!((told[7], told[8]), (FrameClass::Gap, FrameClass::Unseen));
    }
}
