//! Several recordings in one file: where each of them begins, and what the file has of the time between them.

use crate::chain::Line;
use crate::finding::{Finding, Rule};
use crate::source::{MS, Source};
use crate::truth::{Pause, PauseTime};
use crate::words::{Place, milliseconds, seconds, span};
use crate::{Limits, Truth};

/// Where one recording ends on a leg's line and the next one begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Joint {
    pub(crate) pause: Pause,
    /// The first frame of the next recording.
    pub(crate) first: usize,
}

impl Joint {
    /// How much of the time that passed between frames on either side the file must not have, in samples.
    fn closed(&self) -> i64 {
        let samples = |us: u64| us as i64 * MS / 1000;
        match self.pause.time {
            PauseTime::Kept => 0,
            PauseTime::Closed => samples(self.pause.until_us.saturating_sub(self.pause.from_us)),
        }
    }
}

/// The joints of a leg; none where its recording is alone in its file.
pub(crate) fn joints(truth: &Truth<'_>, source: &Source) -> Vec<Joint> {
    let recording = source.owner.and_then(|(recording, _)| truth.recordings.get(recording));
    let began = |frame: usize| {
        let stream = &truth.streams[source.line()[frame].stream as usize];
        stream.rows.first().map_or(0, |row| row.sent_us)
    };
    let pauses = recording.map_or(&[][..], |recording| &recording.pauses).iter();
    let joint = |pause: &Pause| {
        let first = (0..source.line().len()).find(|&frame| began(frame) >= pause.from_us)?;
        Some(Joint { pause: *pause, first })
    };
    pauses.filter_map(joint).collect()
}

/// Where the leg's time line starts in the file by the first frame found of each recording behind a joint.
pub(crate) fn offsets(joints: &[Joint], line: &Line) -> Vec<Option<i64>> {
    let first = |joint: &Joint| (joint.first..line.found.len()).find(|&frame| line.found[frame]);
    joints.iter().map(|joint| first(joint).and_then(|frame| line.offsets(frame).0)).collect()
}

/// Whether a pause that is to be closed up is between two frames of the line.
pub(crate) fn is_closed_between(joints: &[Joint], last: usize, next: usize) -> bool {
    joints.iter().any(|joint| joint.pause.time == PauseTime::Closed && last < joint.first && joint.first <= next)
}

/// The pauses that a file should not have and has. `sent` tells when a frame was sent, in microseconds.
pub(crate) fn kept_pauses(
    joints: &[Joint],
    (line, source): (&Line, &Source),
    limits: &Limits,
    (leg, place): (&str, &Place),
    sent: impl Fn(usize) -> u64,
) -> Vec<Finding> {
    let at = |frame: usize| line.offsets(frame).0.map(|offset| source.line()[frame].at + offset);
    let found = |joint: &Joint| {
        let last = (0..joint.first).rev().find(|&frame| line.found[frame])?;
        let next = (joint.first..line.found.len()).find(|&frame| line.found[frame])?;
        let (start, end) = (at(last)? + source.line()[last].len as i64, at(next)?);
        let passed = (sent(next) as i64 - sent(last) as i64) * MS / 1000 - source.line()[last].len as i64;
        let (surplus, closed) = (end - start - (passed - joint.closed()), joint.closed());
        let allowed = i64::from(limits.padding_ms) * MS;
        let is_kept = closed > 0 && surplus > allowed;
        is_kept.then(|| {
            let (when, ms) = (seconds(start), milliseconds(surplus));
            let text = format!(
                "{ms} ms of the pause between two recordings are in the {leg} leg at {when:.2} s: what follows is late"
            );
            let expected = format!("the pause of {} ms closed up", milliseconds(closed));
            place.finding(Rule::InsertedAudio, expected, text).at(span(start, end))
        })
    };
    joints.iter().filter_map(found).collect()
}
