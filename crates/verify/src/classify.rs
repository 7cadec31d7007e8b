//! What became of every frame of a leg in a channel, and what else is there.

use std::collections::{BTreeMap, BTreeSet};

use media::ledger::Nature;

use crate::Limits;
use crate::align::{AROUND, CLEAR, PROBE, correlate};
use crate::chain::{Line, Run, chain};
use crate::fit::{Fit, fit_one, fit_two, is_noise, is_silent, peak};
use crate::scan::Placement;
use crate::source::{Duty, Frame, MS, Source, World};

/// A channel that is judged as one leg.
pub(crate) struct Channel<'a> {
    pub(crate) world: &'a World,
    /// The source of the leg.
    pub(crate) home: usize,
    pub(crate) file: &'a [i16],
    pub(crate) limits: &'a Limits,
    /// The other leg of the recording, and where its time line starts in the same file if that is known.
    pub(crate) other: Option<(usize, Option<i64>)>,
}

/// Why a frame is not where it should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Why {
    /// It is there, but elsewhere.
    Misplaced,
    /// The file starts behind it.
    StartClipped,
    /// The file ends before it.
    EndClipped,
    /// It went where the line jumps: behind the run of this number.
    Removed(usize),
    /// Silence is in its place.
    Silent,
    /// Something that passes for concealment is in its place.
    Concealed,
    /// It is there but for some samples.
    Damaged {
        /// How many samples differ.
        changed: usize,
    },
    /// It is there with a constant added to its samples.
    Raised(i32),
    /// It is there, processed.
    Altered(Fit),
    /// It is there together with the other leg.
    Mixed(Fit),
    /// The patch of this number is in its place.
    Covered(usize),
}

impl Why {
    /// Whether a frame of this duty may be missing so. What excuses a packet that was not recorded never excuses one
    /// that was, and is not what it was; what came too late may also be concealed, by something like it.
    pub(crate) const fn is_excused(self, duty: Duty) -> bool {
        match duty {
            Duty::Due => false,
            Duty::Late => !matches!(self, Self::Damaged { .. } | Self::Raised(_) | Self::Mixed(_)),
            Duty::Excused => {
                !matches!(self, Self::Damaged { .. } | Self::Raised(_) | Self::Mixed(_) | Self::Altered(_))
            }
            Duty::Undelivered => true,
        }
    }
}

/// What happened to a frame of the line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Status {
    /// In its place, sample for sample.
    Exact,
    Missing(Why),
}

/// What a patch is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stuff {
    /// Frames that were not genuine.
    Stray(Nature),
    /// Frames of the leg that are there already.
    Repeat,
    /// Frames of the leg out of place, by so many samples.
    Misplaced(i64),
    /// Frames of the other leg.
    OtherLeg,
    /// Frames of another call.
    OtherCall,
    /// Noise.
    Noise,
    /// Sound that is nobody's.
    Unknown,
}

/// A stretch of the file that does not belong to the leg's time line.
#[derive(Clone, Debug)]
pub(crate) struct Patch {
    pub(crate) stuff: Stuff,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The first and last placement; none for sound that is nobody's.
    pub(crate) placed: Option<(Placement, Placement)>,
    /// Frames it is made of.
    pub(crate) frames: u64,
}

/// A channel taken apart.
pub(crate) struct Analysis {
    pub(crate) line: Line,
    /// One for each frame of the leg's line.
    pub(crate) status: Vec<Status>,
    pub(crate) patches: Vec<Patch>,
    /// The patches by where they start.
    by_start: BTreeMap<usize, usize>,
    /// The frames of the line that are there, but elsewhere.
    misplaced: BTreeSet<usize>,
    /// Where the other leg's time line starts, if that is known.
    other: Option<i64>,
}

impl<'a> Channel<'a> {
    pub(crate) fn source(&self) -> &'a Source {
        &self.world.sources[self.home]
    }

    /// Takes the channel apart.
    pub(crate) fn analyse(&self, placements: &[Placement]) -> Analysis {
        let line = chain(self.world, self.home, placements);
        let patches = self.patches(&line);
        let by_start = patches.iter().enumerate().map(|(number, patch)| (patch.start, number)).collect();
        let misplaced = (patches.iter().filter(|patch| matches!(patch.stuff, Stuff::Misplaced(_))))
            .filter_map(|patch| patch.placed)
            .flat_map(|(first, last)| first.frame..=last.frame)
            .collect();
        let other = self.other.and_then(|(source, offset)| offset.or_else(|| self.overlay(&line, source)));
        let mut analysis = Analysis { line, status: Vec::new(), patches, by_start, misplaced, other };
        analysis.status = (0..self.source().line().len()).map(|frame| self.status(&mut analysis, frame)).collect();
        self.limit_concealment(&mut analysis);
        self.name_the_rest(&mut analysis, placements);
        self.drop_concealment(&mut analysis);
        analysis
    }

    /// Where a frame should be in the file, if that can be said.
    pub(crate) fn place(&self, line: &Line, frame: usize) -> Option<i64> {
        let (before, after) = line.offsets(frame);
        before.or(after).map(|offset| self.source().line()[frame].at + offset)
    }

    /// Groups what stands beside the line.
    fn patches(&self, line: &Line) -> Vec<Patch> {
        let mut seen = line.found.clone();
        let mut patches: Vec<Patch> = Vec::new();
        for &placement in &line.beside {
            let frame = placement.frame(self.world);
            if frame.weak || self.is_own(line, placement) {
                continue;
            }
            let stuff = self.stuff(line, placement, &mut seen);
            let end = placement.end(self.world);
            match patches.last_mut() {
                Some(last) if last.stuff == stuff && last.end == placement.pos && continues(last, placement) => {
                    last.end = end;
                    last.frames += 1;
                    last.placed = last.placed.map(|(first, _)| (first, placement));
                }
                _ => patches.push(Patch {
                    stuff,
                    start: placement.pos,
                    end,
                    placed: Some((placement, placement)),
                    frames: 1,
                }),
            }
        }
        patches
    }

    /// Whether what stands here is the leg's own sound in its place, found as a frame of the same voice elsewhere: the main call has the
    /// samples in packets of 20 ms, whatever length the leg's packets have.
    fn is_own(&self, line: &Line, placement: Placement) -> bool {
        if placement.source == self.home {
            return false;
        }
        let frames = self.source().line();
        let begins = |run: &Run| frames[run.first].at + run.offset;
        let behind = line.runs.partition_point(|run| begins(run) <= placement.pos as i64);
        let heard = &self.file[placement.pos..placement.end(self.world)];
        let near = behind.saturating_sub(1)..(behind + 1).min(line.runs.len());
        line.runs[near].iter().any(|run| self.source().render(placement.pos as i64 - run.offset, heard.len()) == heard)
    }

    fn stuff(&self, line: &Line, placement: Placement, seen: &mut [bool]) -> Stuff {
        let source = &self.world.sources[placement.source];
        let frame = placement.frame(self.world);
        if source.is_stray(placement.frame) {
            return Stuff::Stray(frame.nature);
        }
        if placement.source != self.home {
            let recording = |source: &Source| source.owner.map(|(recording, _)| recording);
            let same = recording(source).is_some() && recording(source) == recording(self.source());
            return if same { Stuff::OtherLeg } else { Stuff::OtherCall };
        }
        if std::mem::replace(&mut seen[placement.frame], true) {
            let content = source.samples(frame);
            let copy = |stray: &&Frame| stray.nature == Nature::Replayed && source.samples(stray) == content;
            return match source.strays().iter().find(copy) {
                Some(_) => Stuff::Stray(Nature::Replayed),
                None => Stuff::Repeat,
            };
        }
        let place = self.place(line, placement.frame).unwrap_or(placement.pos as i64);
        Stuff::Misplaced(placement.pos as i64 - place)
    }

    fn status(&self, analysis: &mut Analysis, number: usize) -> Status {
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

    /// Where the other leg's time line would start if it were aligned by the time of sending.
    fn place_of_other(&self, line: &Line, other: &Source) -> i64 {
        let own = line.runs.first().map_or(0, |run| run.offset);
        own + (self.source().said - other.said).round() as i64
    }

    /// Where the other leg's time line starts if its voice lies over the longest stretch in which the leg is not as it was
    /// said. A file of one leg says nothing of that: whoever mixed another one into it laid it where he liked.
    fn overlay(&self, line: &Line, other: usize) -> Option<i64> {
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

    /// Names sound that cannot pass for the concealment of a lost packet: louder than what was just heard, or noise.
    fn strange(&self, heard: &[i16], start: usize) -> Option<Stuff> {
        if is_noise(heard) {
            return Some(Stuff::Noise);
        }
        let before = &self.file[start.saturating_sub(60 * MS as usize)..start];
        let after_end = (start + heard.len() + 20 * MS as usize).min(self.file.len());
        let around = peak(before).max(peak(&self.file[start + heard.len()..after_end]));
        (u32::from(peak(heard)) * 2 > u32::from(around) * 3).then_some(Stuff::Unknown)
    }

    /// Takes what goes on for longer than a recorder may conceal for what it is: sound that nobody sent.
    fn limit_concealment(&self, analysis: &mut Analysis) {
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
    fn name_the_rest(&self, analysis: &mut Analysis, placements: &[Placement]) {
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

    fn name_stretch(&self, analysis: &mut Analysis, start: usize, end: usize) {
        let frame = 20 * MS as usize;
        let mut at = start;
        while at < end {
            let next = (at + frame).min(end);
            let heard = &self.file[at..next];
            if !is_silent(heard) {
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
    fn drop_concealment(&self, analysis: &mut Analysis) {
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

impl Analysis {
    /// Notes a stretch of nameless sound; returns the number of its patch.
    fn cover(&mut self, stuff: Stuff, start: usize, end: usize) -> usize {
        let near = self.by_start.range(..=end).rev().take(3).map(|(_, &number)| number);
        let same = |&number: &usize| self.patches[number].stuff == stuff && self.patches[number].end >= start;
        if let Some(number) = near.into_iter().find(same) {
            let patch = &mut self.patches[number];
            patch.start = patch.start.min(start);
            patch.end = patch.end.max(end);
            patch.frames += 1;
            return number;
        }
        self.patches.push(Patch { stuff, start, end, placed: None, frames: 1 });
        self.by_start.insert(start, self.patches.len() - 1);
        self.patches.len() - 1
    }

    /// The patch of whole frames that starts or ends in a place or so near that what is left of its next frame does.
    fn tearing(&self, start: usize, end: usize) -> Option<usize> {
        let reach = 20 * MS as usize;
        let near = self.by_start.range(..end + reach).rev().take(3).map(|(_, &number)| number);
        near.into_iter().find(|&number| {
            let patch = &self.patches[number];
            patch.placed.is_some() && !matches!(patch.stuff, Stuff::Misplaced(_)) && patch.end + reach > start
        })
    }

    /// The patch that covers at least half of a place.
    fn covering(&self, start: usize, end: usize) -> Option<usize> {
        let near = self.by_start.range(..end).rev().take(3).map(|(_, &number)| number);
        near.into_iter().find(|&number| {
            let patch = &self.patches[number];
            let shared = patch.end.min(end).saturating_sub(patch.start.max(start));
            shared * 2 >= end - start
        })
    }
}

/// Whether `next` goes on where `patch` ends, on the same source.
fn continues(patch: &Patch, next: Placement) -> bool {
    patch.placed.is_some_and(|(_, last)| last.source == next.source && last.frame + 1 == next.frame)
}
