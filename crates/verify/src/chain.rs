//! The main line: which of the found frames make the recording's time line, and which stand beside it.

use std::collections::BTreeMap;

use crate::scan::Placement;
use crate::source::{MS, World};

/// A stretch of the main line without a jump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// Where the leg's time line starts in the file, by this stretch.
    pub(crate) offset: i64,
    /// First and last frame on the leg's line; those between that are missing are still looked for by `offset`.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Frames found that say where they belong.
    pub(crate) strong: usize,
}

/// The main line of a leg in a channel.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// In order of file and time line.
    pub(crate) runs: Vec<Run>,
    /// For each frame of the leg's line: whether it is on the main line.
    pub(crate) found: Vec<bool>,
    /// Everything found that is not on it, in order of the file.
    pub(crate) beside: Vec<Placement>,
}

impl Line {
    /// Where the frame of this index should be: behind the run before it, and ahead of the run after it. The two
    /// differ where the line jumps; one is missing before the first and after the last run.
    pub(crate) fn offsets(&self, frame: usize) -> (Option<i64>, Option<i64>) {
        let after = self.runs.partition_point(|run| run.first <= frame);
        let before = after.checked_sub(1).and_then(|number| self.runs.get(number));
        match before {
            Some(run) if frame <= run.last => (Some(run.offset), Some(run.offset)),
            _ => (before.map(|run| run.offset), self.runs.get(after).map(|run| run.offset)),
        }
    }
}

/// A stretch of placements with one offset.
struct Piece {
    offset: i64,
    /// Range of placements.
    start: usize,
    end: usize,
    first: usize,
    last: usize,
    strong: usize,
}

impl Piece {
    fn weight(&self) -> f64 {
        if self.strong > 0 { self.strong as f64 } else { 0.1 }
    }
}

/// What a jump costs, in frames: less than one, so that a single frame behind a splice still counts as what it is, and
/// more than half, so that a single frame in a foreign place (there and back) does not bend the line.
const JUMP: f64 = 0.75;

/// How many pieces a jump may pass over.
const REACH: usize = 64;

/// Sorts placements into main line and rest.
pub(crate) fn chain(world: &World, home: usize, placements: &[Placement]) -> Line {
    let pieces = pieces(world, home, placements);
    let mut chosen = without_excursions(&pieces, longest(&pieces));
    chosen.sort_unstable();
    let mut line = Line { found: vec![false; world.sources[home].line().len()], ..Line::default() };
    let mut on_line = vec![false; placements.len()];
    for piece in chosen.iter().map(|&number| &pieces[number]) {
        for number in piece.start..piece.end {
            on_line[number] = true;
            line.found[placements[number].frame] = true;
        }
        match line.runs.last_mut() {
            Some(run) if run.offset == piece.offset => {
                run.last = piece.last;
                run.strong += piece.strong;
            }
            _ => {
                line.runs.push(Run { offset: piece.offset, first: piece.first, last: piece.last, strong: piece.strong })
            }
        }
    }
    line.beside = placements.iter().zip(&on_line).filter(|(_, on)| !**on).map(|(placement, _)| *placement).collect();
    line
}

fn pieces(world: &World, home: usize, placements: &[Placement]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut joins = false;
    // The furthest frame so far, and whether the last one was further than all before: a frame that is there twice
    // must not keep what goes on behind its second place from the line.
    let (mut top, mut fresh) = (None, false);
    for (number, placement) in placements.iter().enumerate() {
        if placement.source != home || world.sources[home].is_stray(placement.frame) {
            joins = false;
            continue;
        }
        let offset = placement.offset(world);
        let strong = usize::from(!placement.frame(world).weak);
        let was_fresh = std::mem::replace(&mut fresh, Some(placement.frame) > top);
        joins &= was_fresh == fresh;
        top = top.max(Some(placement.frame));
        match pieces.last_mut() {
            Some(piece) if joins && piece.offset == offset && piece.last < placement.frame => {
                (piece.last, piece.end) = (placement.frame, number + 1);
                piece.strong += strong;
            }
            _ => pieces.push(Piece {
                offset,
                start: number,
                end: number + 1,
                first: placement.frame,
                last: placement.frame,
                strong,
            }),
        }
        joins = true;
    }
    pieces
}

/// The heaviest sequence of pieces that never goes back on the time line, jumps counted against it.
fn longest(pieces: &[Piece]) -> Vec<usize> {
    let mut score: Vec<f64> = Vec::with_capacity(pieces.len());
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pieces.len());
    // The best piece of each offset so far, so that a line goes on behind any number of pieces beside it.
    let mut best_of: BTreeMap<i64, usize> = BTreeMap::new();
    for (number, piece) in pieces.iter().enumerate() {
        let (mut best, mut from) = (0.0, None);
        let near = number.saturating_sub(REACH)..number;
        for other in near.chain(best_of.get(&piece.offset).copied()) {
            let cost = if pieces[other].offset == piece.offset { 0.0 } else { JUMP };
            if pieces[other].last < piece.first && score[other] - cost > best {
                (best, from) = (score[other] - cost, Some(other));
            }
        }
        score.push(best + piece.weight());
        before.push(from);
        let leader = best_of.entry(piece.offset).or_insert(number);
        if score[*leader] < score[number] {
            *leader = number;
        }
    }
    // Of equals the first, so that what is there twice is a repeat the second time.
    let mut at = (0..pieces.len()).rev().max_by(|&a, &b| score[a].total_cmp(&score[b]));
    let mut chosen = Vec::new();
    while let Some(number) = at {
        chosen.push(number);
        at = before[number];
    }
    chosen.reverse();
    chosen
}

/// Two frames that lie by less than this beside the line were not put elsewhere: samples went missing and came back.
const SLIP: u64 = 10 * MS as u64;

/// Takes out stretches between two of the same offset that are lighter than either: the line left its course and came
/// back, which is one thing out of place rather than two jumps.
fn without_excursions(pieces: &[Piece], chosen: Vec<usize>) -> Vec<usize> {
    let mut groups: Vec<(i64, usize, Vec<usize>)> = Vec::new();
    for number in chosen {
        let piece = &pieces[number];
        match groups.last_mut() {
            Some((offset, strong, members)) if *offset == piece.offset => {
                *strong += piece.strong;
                members.push(number);
            }
            _ => groups.push((piece.offset, piece.strong, vec![number])),
        }
        while let [.., (left, left_strong, _), (there, middle, _), (right, right_strong, _)] = groups.as_slice()
            && left == right
            && (*middle < 2 || there.abs_diff(*left) >= SLIP)
            && middle <= left_strong
            && middle <= right_strong
            && groups.len() >= 3
        {
            let (_, strong, members) = groups.pop().unwrap_or_default();
            groups.pop();
            if let Some((_, left_strong, left)) = groups.last_mut() {
                *left_strong += strong;
                left.extend(members);
            }
        }
    }
    groups.into_iter().flat_map(|(_, _, members)| members).collect()
}
