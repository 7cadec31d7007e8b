//! Finds frames by their content: a rolling hash over every place of a file, looked up in a table of all frames.

use crate::source::Source;

/// Samples that are hashed: the first ones of a frame. Frames of 10 ms and more can be found.
pub(crate) const WINDOW: usize = 80;

/// A frame whose first samples change less often than this says too little to be found by its content.
const LEAST_CHANGES: usize = 12;

/// The base of the polynomial; any odd number with bits everywhere will do, since every hit is confirmed.
const BASE: u64 = 0x9E37_79B9_7F4A_7C15;

/// `BASE` to the power of `WINDOW - 1`: the weight of the sample that leaves the window.
const LEAVING: u64 = {
    let mut power = 1u64;
    let mut k = 1;
    while k < WINDOW {
        power = power.wrapping_mul(BASE);
        k += 1;
    }
    power
};

/// Where a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    hash: u64,
    pub(crate) source: u32,
    pub(crate) frame: u32,
}

/// All frames of a run by the hash of their first samples.
#[derive(Debug)]
pub(crate) struct Index {
    /// Sorted, so that frames of equal content lie together.
    entries: Vec<Entry>,
    /// Open addressing: one more than the first entry of a hash, 0 where free.
    table: Vec<u32>,
    /// A bit for every hash that is there: most places of a file are turned away here.
    bits: Vec<u64>,
    shift: u32,
}

impl Index {
    pub(crate) fn new(sources: &[Source]) -> Self {
        let mut entries = Vec::with_capacity(sources.iter().map(|source| source.frames.len()).sum());
        for (number, source) in sources.iter().enumerate() {
            for (frame, content) in source.frames.iter().enumerate() {
                let samples = source.samples(content);
                if samples.len() >= WINDOW && !content.weak && changes(&samples[..WINDOW]) >= LEAST_CHANGES {
                    entries.push(Entry { hash: hash(&samples[..WINDOW]), source: number as u32, frame: frame as u32 });
                }
            }
        }
        entries.sort_unstable();
        let size = (entries.len() * 2).next_power_of_two().max(64);
        let shift = 64 - size.trailing_zeros();
        let mut index = Self { entries, table: vec![0; size], bits: vec![0; size / 8], shift };
        index.fill();
        index
    }

    fn fill(&mut self) {
        let mask = self.table.len() - 1;
        for number in 0..self.entries.len() {
            let hash = self.entries[number].hash;
            if number > 0 && self.entries[number - 1].hash == hash {
                continue;
            }
            let mut slot = self.slot(hash);
            while self.table[slot] != 0 {
                slot = (slot + 1) & mask;
            }
            self.table[slot] = number as u32 + 1;
            let bit = self.bit(hash);
            self.bits[bit / 64] |= 1 << (bit % 64);
        }
    }

    /// All frames whose first samples have this hash.
    #[inline]
    pub(crate) fn find(&self, hash: u64) -> &[Entry] {
        let bit = self.bit(hash);
        if self.bits[bit / 64] & (1 << (bit % 64)) == 0 { &[] } else { self.look_up(hash) }
    }

    fn look_up(&self, hash: u64) -> &[Entry] {
        let mask = self.table.len() - 1;
        let mut slot = self.slot(hash);
        while let Some(first) = (self.table[slot] as usize).checked_sub(1) {
            if self.entries[first].hash == hash {
                let count = self.entries[first..].partition_point(|entry| entry.hash == hash);
                return &self.entries[first..first + count];
            }
            slot = (slot + 1) & mask;
        }
        &[]
    }

    fn slot(&self, hash: u64) -> usize {
        (hash.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> self.shift) as usize
    }

    /// Eight bits a slot.
    fn bit(&self, hash: u64) -> usize {
        (hash.wrapping_mul(0xA076_1D64_78BD_642F) >> (self.shift - 3)) as usize
    }
}

/// The hash of a window that moves over a file.
#[derive(Debug)]
pub(crate) struct Roller<'a> {
    file: &'a [i16],
    at: usize,
    hash: u64,
}

impl<'a> Roller<'a> {
    pub(crate) fn new(file: &'a [i16]) -> Self {
        let hash = file.get(..WINDOW).map_or(0, hash);
        Self { file, at: 0, hash }
    }

    /// The first place from `from` on and before `until` at which some frame of `index` may start.
    pub(crate) fn next<'i>(&mut self, index: &'i Index, from: usize, until: usize) -> Option<(usize, &'i [Entry])> {
        let until = until.min((self.file.len() + 1).saturating_sub(WINDOW));
        if from >= until {
            return None;
        }
        self.seek(from);
        loop {
            let found = index.find(self.hash);
            if !found.is_empty() {
                return Some((self.at, found));
            }
            if self.at + 1 >= until {
                return None;
            }
            self.step();
        }
    }

    fn seek(&mut self, to: usize) {
        if to < self.at || to - self.at > WINDOW {
            self.hash = hash(&self.file[to..to + WINDOW]);
            self.at = to;
        }
        while self.at < to {
            self.step();
        }
    }

    #[inline]
    fn step(&mut self) {
        let leaving = weight(self.file[self.at]).wrapping_mul(LEAVING);
        let entering = weight(self.file[self.at + WINDOW]);
        self.hash = self.hash.wrapping_sub(leaving).wrapping_mul(BASE).wrapping_add(entering);
        self.at += 1;
    }
}

fn hash(samples: &[i16]) -> u64 {
    samples.iter().fold(0, |hash: u64, &sample| hash.wrapping_mul(BASE).wrapping_add(weight(sample)))
}

#[inline]
fn weight(sample: i16) -> u64 {
    u64::from(sample as u16) + 1
}

fn changes(samples: &[i16]) -> usize {
    samples.windows(2).filter(|pair| pair[0] != pair[1]).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rolled_hash_is_the_hash_of_the_window() {
        let file: Vec<i16> = (0..500).map(|n: i32| (n * n * 31 % 997) as i16).collect();
        let mut roller = Roller::new(&file);
        for at in [0, 1, 79, 80, 200, 201, 420, 3] {
            roller.seek(at);
            assert_eq!(roller.hash, hash(&file[at..at + WINDOW]), "at {at}");
        }
    }
}
