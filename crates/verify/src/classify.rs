//! What became of every frame of a leg in a channel, and what else is there.

mod places;
mod rest;

use std::collections::{BTreeMap, BTreeSet};

use media::ledger::Nature;

use crate::Limits;
use crate::chain::{Line, Run, chain};
use crate::fit::Fit;
use crate::scan::Placement;
use crate::source::{Duty, Frame, MS, Source, World};

/// A channel that is judged as one leg.
pub(crate) struct Channel<'a> {
    pub(crate) world: &'a World,
    /// The source of the leg.
    pub(crate) home: usize,
    pub(crate) file: &'a [i16],
    /// Whether these are not the samples of the file: something was undone in all of them.
    pub(crate) undone: bool,
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
