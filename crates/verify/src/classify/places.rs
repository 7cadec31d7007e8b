//! What is in the place of a frame.

use super::{Analysis, Channel, Status, Why};
use crate::align::{AROUND, CLEAR, PROBE, correlate};
use crate::chain::{Line, Run};
use crate::fit::{fit_one, fit_two, is_silent, peak};
use crate::source::{Duty, Frame, Source};

impl Channel<'_> {
    pub(super) fn status(&self, analysis: &mut Analysis, number: usize) -> Status {
        if analysis.line.found[number] {
            return Status::Exact;
        }
        let frame = &self.source().line()[number];
        let (before, after) = analysis.line.offsets(number);
        for offset in [before, after].into_iter().flatten() {
            if self.source().is_at(frame, self.file, frame.at + offset) {
                return Status::Exact;
            }
        }
        if analysis.misplaced.contains(&number) {
            return Status::Missing(Why::Misplaced);
        }
        Status::Missing(match (before, after) {
            (Some(before), Some(after)) if before != after => {
                let run = analysis.line.runs.partition_point(|run| run.first <= number) - 1;
                // The frames next to a jump are torn by it; those between may be there but for some samples.
                let torn =
                    number == analysis.line.runs[run].last + 1 || number + 1 == analysis.line.runs[run + 1].first;
                let damage = || [before, after].into_iter().find_map(|offset| self.damage(frame, frame.at + offset));
                if torn { None } else { damage() }.unwrap_or(Why::Removed(run))
            }
            (Some(offset), _) | (_, Some(offset)) => return self.in_place(analysis, frame, frame.at + offset),
            (None, None) => Why::Silent,
        })
    }

    /// What is in the place of a frame that should be at `pos`.
    fn in_place(&self, analysis: &mut Analysis, frame: &Frame, pos: i64) -> Status {
        if pos < 0 {
            return Status::Missing(Why::StartClipped);
        }
        let start = pos as usize;
        let Some(heard) = self.file.get(start..start + frame.len) else {
            return Status::Missing(self.cut_off(frame, self.file.get(start..).unwrap_or_default()));
        };
        let own = self.source().samples(frame);
        if frame.weak && is_silent(own) && is_silent(heard) {
            return Status::Exact;
        }
        Status::Missing(if let Some(patch) = analysis.covering(start, start + frame.len) {
            Why::Covered(patch)
        } else if is_silent(heard) {
            // A faint frame that was made fainter still is there.
            let altered = if peak(heard) > 0 { self.alteration(analysis, frame, heard, pos) } else { None };
            altered.filter(|why| !matches!(why, Why::Mixed(_))).unwrap_or(Why::Silent)
        } else if let Some(patch) = analysis.tearing(start, start + frame.len) {
            Why::Covered(patch)
        } else if let Some(changed) = self.change(analysis, frame, heard, pos) {
            changed
        } else if let Some(stuff) = self.strange(heard, start) {
            Why::Covered(analysis.cover(stuff, start, start + frame.len))
        } else {
            Why::Concealed
        })
    }

    /// What a frame is of which the file has only `head`. Where it may be missing, what there is of it must be right.
    fn cut_off(&self, frame: &Frame, head: &[i16]) -> Why {
        let changed = head.iter().zip(self.source().samples(frame)).filter(|(heard, own)| heard != own).count();
        if frame.duty == Duty::Due || changed == 0 || is_silent(head) {
            return Why::EndClipped;
        }
        Why::Damaged { changed }
    }

    /// Whether the frame is at `pos` but for some samples, or changed as a whole. Where the other leg is quiet a mix
    /// changes only some samples, and is a mix all the same.
    fn change(&self, analysis: &Analysis, frame: &Frame, heard: &[i16], pos: i64) -> Option<Why> {
        let altered = self.alteration(analysis, frame, heard, pos);
        altered.filter(|why| matches!(why, Why::Mixed(_))).or_else(|| self.damage(frame, pos)).or(altered)
    }

    /// Whether the frame is at `pos` but for some samples.
    fn damage(&self, frame: &Frame, pos: i64) -> Option<Why> {
        let start = usize::try_from(pos).ok()?;
        let heard = self.file.get(start..start + frame.len)?;
        let changed = heard.iter().zip(self.source().samples(frame)).filter(|(heard, own)| heard != own).count();
        (!frame.weak && changed * 2 <= frame.len && !is_silent(heard)).then_some(Why::Damaged { changed })
    }

    /// Whether the frame is there with another level, processed, or mixed with the other leg.
    fn alteration(&self, analysis: &Analysis, frame: &Frame, heard: &[i16], pos: i64) -> Option<Why> {
        let own = self.source().samples(frame);
        let by = |(heard, own): (&i16, &i16)| i32::from(*heard) - i32::from(*own);
        let first = heard.iter().zip(own).map(by).next().filter(|by| *by != 0);
        if let Some(first) = first.filter(|first| heard.iter().zip(own).all(|pair| by(pair) == *first)) {
            return Some(Why::Raised(first));
        }
        let one = fit_one(heard, own);
        if let Some((source, _)) = self.other {
            let other = &self.world.sources[source];
            let offset = analysis.other.unwrap_or_else(|| self.place_of_other(&analysis.line, other));
            let two = fit_two(heard, own, &other.render(pos - offset, frame.len));
            if two.rest < 0.05 && two.rest < one.rest / 4.0 && two.own > 0.1 && two.other > 0.02 {
                return Some(Why::Mixed(two));
            }
        }
        (one.rest < 0.2).then_some(Why::Altered(one))
    }

    /// Where a jump is, to the sample: from the last sample of the line before it to the first one behind. The frames next
    /// to it may be there in part.
    pub(crate) fn torn(&self, before: &Run, after: &Run) -> (i64, i64) {
        let (source, last, next) = (self.source(), before.last, after.first);
        let line = source.line();
        let at = |pos: i64| usize::try_from(pos).ok().and_then(|pos| self.file.get(pos)).copied();
        let (mut start, mut end) = (line[last].end() + before.offset, line[next].at + after.offset);
        let limit = end.max(start);
        if let Some(frame) = line.get(last + 1).filter(|frame| frame.at + before.offset == start && last + 1 < next) {
            let own = source.samples(frame).iter();
            start += own.zip(start..limit).take_while(|(own, pos)| at(*pos) == Some(**own)).count() as i64;
        }
        if let Some(frame) = line.get(next - 1).filter(|frame| frame.end() + after.offset == end && last + 1 < next) {
            let own = source.samples(frame).iter().rev();
            end -= own.zip((start..end).rev()).take_while(|(own, pos)| at(*pos) == Some(**own)).count() as i64;
        }
        (start, end)
    }

    /// Where the other leg's time line would start if it were aligned by the time of sending.
    fn place_of_other(&self, line: &Line, other: &Source) -> i64 {
        let own = line.runs.first().map_or(0, |run| run.offset);
        own + (self.source().said - other.said).round() as i64
    }

    /// Where the other leg's time line starts if its voice lies over the longest stretch in which the leg is not as it was
    /// said. A file of one leg says nothing of that: whoever mixed another one into it laid it where he liked.
    pub(super) fn overlay(&self, line: &Line, other: usize) -> Option<i64> {
        let (frames, other) = (self.source().line(), &self.world.sources[other]);
        let numbers: Vec<usize> = (0..frames.len()).collect();
        let stretches = numbers.chunk_by(|a, b| line.found[*a] == line.found[*b]);
        let longest = stretches.filter(|stretch| !line.found[stretch[0]]).max_by_key(|stretch| stretch.len())?;
        let first = *longest.first()?;
        let start = usize::try_from(self.place(line, first)?).ok()?;
        let heard = self.file.get(start..start + PROBE)?;
        if frames[*longest.last()?].end() - frames[first].at < PROBE as i64 {
            return None;
        }
        let own = self.source().render(frames[first].at, PROBE);
        let rest: Vec<i16> = heard.iter().zip(&own).map(|(heard, own)| heard.saturating_sub(*own)).collect();
        let from = start as i64 - self.place_of_other(line, other) - AROUND as i64;
        let (place, likeness) = correlate(&rest, &other.render(from, 2 * AROUND + PROBE))?;
        (likeness >= CLEAR).then_some(start as i64 - from - place as i64)
    }
}
