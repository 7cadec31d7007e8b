//! What is in a channel beside the frames of its leg, and what of it may be there in the place of lost ones.

use super::{Analysis, Channel, Status, Stuff, Why};
use crate::chain::Line;
use crate::fit::{is_filling, is_noise, is_silent, peak};
use crate::scan::Placement;
use crate::source::{Duty, MS};

impl Channel<'_> {
    /// Names sound that cannot pass for the concealment of a lost packet: louder than what was just heard, or noise.
    pub(super) fn strange(&self, heard: &[i16], start: usize) -> Option<Stuff> {
        if is_noise(heard) {
            return Some(Stuff::Noise);
        }
        let before = &self.file[start.saturating_sub(60 * MS as usize)..start];
        let after_end = (start + heard.len() + 20 * MS as usize).min(self.file.len());
        let around = peak(before).max(peak(&self.file[start + heard.len()..after_end]));
        (u32::from(peak(heard)) * 2 > u32::from(around) * 3).then_some(Stuff::Unknown)
    }

    /// Takes what goes on for longer than a recorder may conceal for what it is: sound that nobody sent.
    pub(super) fn limit_concealment(&self, analysis: &mut Analysis) {
        let line = self.source().line();
        let longest = i64::from(self.limits.concealment_ms) * MS;
        let concealed = |status: &Status| *status == Status::Missing(Why::Concealed);
        let mut at = 0;
        for stretch in analysis.status.clone().chunk_by(|a, b| concealed(a) == concealed(b)) {
            let frames = at..at + stretch.len();
            at = frames.end;
            let length: i64 = line[frames.clone()].iter().map(|frame| frame.len as i64).sum();
            if !concealed(&stretch[0]) || length <= longest {
                continue;
            }
            for frame in frames {
                if let Some(start) = self.place(&analysis.line, frame).and_then(|place| usize::try_from(place).ok()) {
                    let patch = analysis.cover(Stuff::Unknown, start, start + line[frame].len);
                    analysis.status[frame] = Status::Missing(Why::Covered(patch));
                }
            }
        }
    }

    /// Names what is left of the file: sound outside the line, outside patches and outside the places of missing
    /// frames.
    pub(super) fn name_the_rest(&self, analysis: &mut Analysis, placements: &[Placement]) {
        let mut taken: Vec<(usize, usize)> =
            placements.iter().map(|placement| (placement.pos, placement.end(self.world))).collect();
        let frames = self.source().line();
        for (number, frame) in frames.iter().enumerate().filter(|(number, _)| !analysis.line.found[*number]) {
            let wanted =
                frame.duty != Duty::Undelivered && !matches!(analysis.status[number], Status::Missing(Why::Removed(_)));
            if let Some(pos) = self.place(&analysis.line, number).filter(|_| wanted) {
                taken.push((pos.max(0) as usize, (pos + frame.len as i64).max(0) as usize));
            }
        }
        taken.extend(self.free_places(&analysis.line));
        taken.extend(self.remains(&analysis.line));
        taken.push((self.file.len(), self.file.len()));
        taken.sort_unstable();
        let mut at = 0;
        for (start, end) in taken {
            if start > at {
                self.name_stretch(analysis, at, start.min(self.file.len()));
            }
            at = at.max(end);
        }
    }

    /// The places of comfort noise and telephone events.
    fn free_places(&self, line: &Line) -> Vec<(usize, usize)> {
        let offset = line.runs.first().map_or(0, |run| run.offset);
        let place = |at: i64| (at + offset).max(0) as usize;
        self.source().free.iter().map(|&(start, end)| (place(start), place(end))).collect()
    }

    /// What a jump left of the frames next to it.
    fn remains(&self, line: &Line) -> Vec<(usize, usize)> {
        let frames = self.source().line();
        let place = |at: i64| at.max(0) as usize;
        (line.runs.windows(2))
            .flat_map(|pair| {
                let (start, end) = self.torn(&pair[0], &pair[1]);
                let (from, to) =
                    (frames[pair[0].last].end() + pair[0].offset, frames[pair[1].first].at + pair[1].offset);
                [(place(from), place(start)), (place(end), place(to))]
            })
            .filter(|(start, end)| start < end)
            .collect()
    }

    fn name_stretch(&self, analysis: &mut Analysis, start: usize, end: usize) {
        let frame = 20 * MS as usize;
        let mut at = start;
        while at < end {
            let next = (at + frame).min(end);
            let heard = &self.file[at..next];
            // Whatever is undone leaves its own rounding where nobody spoke.
            let silent = if self.undone { is_silent(heard) } else { is_filling(heard) };
            if !silent {
                let lost = self.undelivered_at(analysis, at);
                let short = at - start < (i64::from(self.limits.concealment_ms) * MS) as usize;
                let tail = short && start > 0;
                let shard = self.is_shard(analysis, start, end);
                let stuff = match self.strange(heard, at) {
                    None if (lost && short) || tail || shard => None,
                    Some(Stuff::Unknown) | None if shard => None,
                    None => Some(Stuff::Unknown),
                    named => named,
                };
                if let Some(stuff) = stuff {
                    analysis.cover(stuff, at, next);
                }
            }
            at = next;
        }
    }

    /// Whether an undelivered frame, which a recorder may conceal, belongs at `pos`.
    fn undelivered_at(&self, analysis: &Analysis, pos: usize) -> bool {
        let line = self.source().line();
        analysis.line.runs.iter().any(|run| {
            let at = pos as i64 - run.offset;
            let next = line.partition_point(|frame| frame.end() <= at);
            line.get(next).is_some_and(|frame| frame.at <= at + 20 * MS && frame.duty == Duty::Undelivered)
        })
    }

    /// Whether a stretch is what a jump left of a frame: less than two frames long, between two runs.
    fn is_shard(&self, analysis: &Analysis, start: usize, end: usize) -> bool {
        let line = self.source().line();
        end - start < 40 * MS as usize
            && analysis.line.runs.windows(2).any(|pair| {
                let gap_start = line[pair[0].last].end() + pair[0].offset;
                let gap_end = line[pair[1].first].at + pair[1].offset;
                gap_start <= start as i64 && end as i64 <= gap_end
            })
    }

    /// Takes repeats out of the patches that only conceal what never came or came too late. A repeat in the place of a
    /// frame that had to be there conceals nothing.
    pub(super) fn drop_concealment(&self, analysis: &mut Analysis) {
        let line = self.source().line();
        let conceals: Vec<bool> = (analysis.patches.iter())
            .map(|patch| {
                let Some((first, last)) = patch.placed.filter(|_| patch.stuff == Stuff::Repeat) else { return false };
                let Some(offset) = analysis.line.offsets(last.frame).0 else { return false };
                let (start, end) = (patch.start as i64 - offset, patch.end as i64 - offset);
                let recent = start - line[first.frame].at <= 100 * MS && start > line[first.frame].at;
                let from = line.partition_point(|frame| frame.end() <= start);
                let mut under =
                    line[from..].iter().zip(&analysis.status[from..]).take_while(|(frame, _)| frame.at < end);
                recent
                    && under.all(|(frame, status)| frame.duty != Duty::Due && *status != Status::Exact)
                    && from < line.len()
            })
            .collect();
        for status in &mut analysis.status {
            if let Status::Missing(Why::Covered(patch)) = status
                && conceals[*patch]
            {
                *status = Status::Missing(Why::Concealed);
            }
        }
        for (patch, _) in analysis.patches.iter_mut().zip(conceals).filter(|(_, conceals)| *conceals) {
            patch.frames = 0;
        }
    }
}
