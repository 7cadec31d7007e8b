//! How loud each leg is in a mix, and how near their sum comes to it.

use media::g711::Law;

use crate::fit::{dot, fit_two, peak, rms};
use crate::source::Source;

/// How near the sum of the legs comes to the samples of a mix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Closeness {
    /// By no more than this: the sum was rounded, or each leg before it.
    Exact(f64),
    /// By a share of the steps of a law, in which the sum was coded again.
    Coded(Law, f64),
}

impl Closeness {
    /// How far a sample may be from the sum.
    pub(super) fn allowed(self, heard: i16) -> f64 {
        match self {
            Self::Exact(off) => off,
            Self::Coded(law, share) => share * step(law, heard) + 4.0,
        }
    }

    /// Whether a sample is what the sum gives.
    #[inline]
    pub(super) fn fits(self, heard: i16, sum: f64) -> bool {
        let off = (f64::from(heard) - sum).abs();
        off <= self.allowed(heard) || is_cut(heard, sum)
    }
}

/// The greatest value of mu-law; that of A-law is 32,256.
const CUT: u16 = 32_124;

/// Whether a sample is the greatest there is and the sum is beyond it.
fn is_cut(heard: i16, sum: f64) -> bool {
    heard.unsigned_abs() >= CUT && sum.abs() >= f64::from(CUT) && (heard > 0) == (sum > 0.0)
}

/// The distance of the values next to one that a law can say (ITU-T G.711, tables 1 and 2, at 16 bits).
fn step(law: Law, value: i16) -> f64 {
    let size = i32::from(value).unsigned_abs();
    let (size, fewest) = match law {
        Law::Mu => (size + 132, 7),
        Law::A => (size, 8),
    };
    let segment = size.max(1).ilog2().max(fewest);
    f64::from(1u32 << (segment - 4))
}

/// Samples of a block: 20 ms.
const BLOCK: usize = 160;

/// Blocks that are looked at, from all over the file.
const BLOCKS: usize = 3000;

/// A block of a mix leaves over less than this of its energy, coded again or not.
const WHOLE: f64 = 0.004;

/// Below this a block says nothing about levels.
const FAINT: f64 = 30.0;

/// So many samples must be as near as that. The steps of a law are wide enough to hold all of them.
const MOST: f64 = 0.995;
const ALL: f64 = 0.9999;

/// A block at its place, and the legs there.
struct Block {
    heard: Vec<i16>,
    legs: [Vec<i16>; 2],
}

/// The level of each leg that lies at `offsets`, and how near their sum comes; `None` if it does not add up.
pub(super) fn measure(legs: [&Source; 2], file: &[i16], offsets: [i64; 2]) -> Option<([f64; 2], Closeness)> {
    let step = (file.len() / BLOCK / BLOCKS + 1) * BLOCK;
    let mut blocks: Vec<Block> = (0..file.len().saturating_sub(BLOCK))
        .step_by(step)
        .map(|at| Block {
            heard: file[at..at + BLOCK].to_vec(),
            legs: [0, 1].map(|leg| legs[leg].render(at as i64 - offsets[leg], BLOCK)),
        })
        .filter(|block| rms(&block.heard) > FAINT && peak(&block.heard) < CUT)
        .filter(|block| fit_two(&block.heard, &block.legs[0], &block.legs[1]).rest < WHOLE)
        .collect();
    let mut gains = least_squares(&blocks)?;
    // A block in which one leg stops says something else than all others: those that fit worst are left out.
    for _ in 0..2 {
        let rest = |block: &Block| sums(block, gains).map(|(heard, sum)| (f64::from(heard) - sum).powi(2)).sum::<f64>();
        blocks.sort_by(|a, b| (rest(a) / dot(&a.heard, &a.heard)).total_cmp(&(rest(b) / dot(&b.heard, &b.heard))));
        blocks.truncate(blocks.len() - blocks.len() / 8);
        gains = least_squares(&blocks)?;
    }
    let candidates = [0.51, 1.01, 2.01].map(Closeness::Exact).into_iter();
    let laws = Law::ALL.into_iter().flat_map(|law| [0.6, 1.2].map(|share| Closeness::Coded(law, share)));
    // What was not coded again is not on the lattice of a law, and must not be given the freedom of its steps.
    let can_say = |law: Law| {
        blocks.iter().flat_map(|block| &block.heard).all(|heard| *heard == 0 || law.samples().contains(heard))
    };
    let close = |closeness: &Closeness| {
        let all = blocks.iter().flat_map(|block| sums(block, gains)).collect::<Vec<_>>();
        let near = all.iter().filter(|(heard, sum)| closeness.fits(*heard, *sum)).count();
        near as f64 >= all.len() as f64 * if matches!(closeness, Closeness::Exact(_)) { MOST } else { ALL }
    };
    let possible = |closeness: &Closeness| !matches!(closeness, Closeness::Coded(law, _) if !can_say(*law));
    candidates.chain(laws).filter(possible).find(close).map(|closeness| (gains, closeness))
}

fn sums(block: &Block, gains: [f64; 2]) -> impl Iterator<Item = (i16, f64)> + '_ {
    let [near, far] = &block.legs;
    let sum = move |(near, far): (&i16, &i16)| gains[0] * f64::from(*near) + gains[1] * f64::from(*far);
    block.heard.iter().copied().zip(near.iter().zip(far).map(sum))
}

/// The factors that fit all blocks best.
fn least_squares(blocks: &[Block]) -> Option<[f64; 2]> {
    let (mut aa, mut bb, mut ab, mut ya, mut yb) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for Block { heard, legs: [near, far] } in blocks {
        aa += dot(near, near);
        bb += dot(far, far);
        ab += dot(near, far);
        ya += dot(heard, near);
        yb += dot(heard, far);
    }
    let det = aa * bb - ab * ab;
    (det > aa * bb * 1e-3 && det > 0.0).then(|| [(ya * bb - yb * ab) / det, (yb * aa - ya * ab) / det])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_of_a_law_are_those_of_its_table() {
        for law in Law::ALL {
            let mut values: Vec<i16> = law.samples().to_vec();
            values.sort_unstable();
            values.dedup();
            for three in values.windows(3) {
                let (below, above) = (f64::from(three[1] - three[0]), f64::from(three[2] - three[1]));
                let own = step(law, three[1]);
                assert!(own >= below.min(above) && own <= below.max(above), "{law:?} {three:?}: {own}");
            }
        }
    }
}
