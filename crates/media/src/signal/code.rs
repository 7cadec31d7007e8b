//! The code signal: two tones a symbol, in an order in which any three symbols say when they were said.
//!
//! Where a codec, a mixer or a resampler lies between the speaker and the file, no sample survives, and speech says too
//! little about its own place. This signal does: a symbol is one of eight low tones with one of eight high ones, and the
//! order of the symbols is a de Bruijn sequence B(64, 3), so that any three of them in a row (120 ms) come only once in
//! 262,144 (2.9 hours). Each of four legs has tones of its own, a quarter of the grid's step higher than those of the
//! leg before, so that two legs are told apart in a mixture of both.
//!
//! The tones are chosen to be mistaken for nothing else: the lowest high tone is 5 % above the highest tone of DTMF
//! (1633 Hz, ITU-T Q.23), so no pair is a digit, and all lie inside the band of a telephone.

use std::f64::consts::TAU;
use std::ops::Range;
use std::sync::OnceLock;

use super::mix;

/// Different symbols: eight low tones by eight high ones.
pub const ALPHABET: u8 = 64;
/// Legs that have tones of their own.
pub const LEGS: u8 = 4;
/// Symbols before the order starts over: 64 to the third.
pub const PERIOD: usize = 64 * 64 * 64;
/// How long a symbol fades in and out, in milliseconds: 16 samples at 8 kHz.
pub const RAMP_MS: u32 = 2;
/// The amplitude of each of the two tones, in units of a 16 bit sample: -15 dB of full scale, so that three legs can be added.
pub const AMPLITUDE: f64 = 5800.0;

/// How long a symbol is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Length {
    /// 20 ms, to see damage that stays in its place; not for low-rate Opus.
    Ms20,
    /// 40 ms, for every codec.
    Ms40,
    /// 60 ms, for two legs mixed into one channel.
    Ms60,
}

impl Length {
    /// All lengths, shortest first.
    pub const ALL: [Self; 3] = [Self::Ms20, Self::Ms40, Self::Ms60];

    /// In milliseconds.
    pub const fn ms(self) -> u32 {
        match self {
            Self::Ms20 => 20,
            Self::Ms40 => 40,
            Self::Ms60 => 60,
        }
    }

    /// In samples at `rate` Hz.
    pub const fn samples(self, rate: u32) -> usize {
        (rate as u64 * self.ms() as u64 / 1000) as usize
    }
}

/// The frequency of low tone `k` (0 to 7) of a leg, in Hz.
pub fn low(leg: u8, k: u8) -> f64 {
    420.0 + 85.0 * (f64::from(k & 7) + f64::from(leg % LEGS) / f64::from(LEGS))
}

/// The frequency of high tone `k` (0 to 7) of a leg, in Hz.
pub fn high(leg: u8, k: u8) -> f64 {
    1720.0 + 130.0 * (f64::from(k & 7) + f64::from(leg % LEGS) / f64::from(LEGS))
}

/// The low and the high tone of a symbol of a leg, in Hz: its low three bits name the low tone, its high three the high one.
pub fn tones(leg: u8, symbol: u8) -> (f64, f64) {
    (low(leg, symbol & 7), high(leg, symbol >> 3))
}

/// The order of the symbols, each below [`ALPHABET`]; after the last one it starts over.
pub fn order() -> &'static [u8] {
    &tables().order
}

/// Where three symbols in a row stand in [`order`]; `None` for what is no symbol. Every three stand somewhere, once.
pub fn place(three: [u8; 3]) -> Option<usize> {
    if three.iter().any(|&symbol| symbol >= ALPHABET) {
        return None;
    }
    Some(tables().places[word(three)] as usize)
}

/// The code signal of one leg, of which any stretch can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    leg: u8,
    length: Length,
    start: usize,
}

impl Code {
    /// The signal of a leg (0 to 3; modulo 4) from a place in [`order`] on (modulo [`PERIOD`]).
    pub fn new(leg: u8, length: Length, start: usize) -> Self {
        Self { leg: leg % LEGS, length, start: start % PERIOD }
    }

    /// The signal of a leg from the place on that belongs to `identity`: voices of one leg that speak at the same time say different things.
    pub fn of(leg: u8, length: Length, identity: u64) -> Self {
        Self::new(leg, length, (mix(identity) % PERIOD as u64) as usize)
    }

    /// Whose tones it has.
    pub fn leg(&self) -> u8 {
        self.leg
    }

    /// How long a symbol is.
    pub fn length(&self) -> Length {
        self.length
    }

    /// The place in [`order`] of the first symbol.
    pub fn start(&self) -> usize {
        self.start
    }

    /// The symbol number `n` of the signal.
    pub fn symbol(&self, n: u64) -> u8 {
        let at = (self.start as u64 + n % PERIOD as u64) % PERIOD as u64;
        order()[at as usize]
    }

    /// Fills `out` with the samples from number `at` on, at `rate` Hz.
    pub fn fill(&self, rate: u32, at: u64, out: &mut [i16]) {
        let length = self.length.samples(rate).max(1);
        let (mut number, mut within) = (at / length as u64, (at % length as u64) as usize);
        let mut rest = out;
        while !rest.is_empty() {
            let count = rest.len().min(length - within);
            let (now, behind) = rest.split_at_mut(count);
            self.say(self.symbol(number), rate, within..within + count, now);
            (number, within, rest) = (number + 1, 0, behind);
        }
    }

    /// A part of one symbol. Every symbol begins at phase nought, so that equal symbols are equal wherever they stand.
    fn say(&self, symbol: u8, rate: u32, within: Range<usize>, out: &mut [i16]) {
        let (low, high) = tones(self.leg, symbol);
        let length = self.length.samples(rate);
        let ramp = (rate * RAMP_MS / 1000).max(1) as usize;
        for (sample, n) in out.iter_mut().zip(within) {
            let edge = n.min(length - 1 - n);
            let fade = if edge < ramp { (edge as f64 + 0.5) / ramp as f64 } else { 1.0 };
            let time = n as f64 * TAU / f64::from(rate);
            *sample = (AMPLITUDE * fade * ((low * time).sin() + (high * time).sin())).round() as i16;
        }
    }
}

struct Tables {
    order: Vec<u8>,
    /// By the three symbols in base 64.
    places: Vec<u32>,
}

fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let order = de_bruijn();
        let mut places = vec![0; PERIOD];
        for at in 0..PERIOD {
            places[word([0, 1, 2].map(|k| order[(at + k) % PERIOD]))] = at as u32;
        }
        Tables { order, places }
    })
}

fn word(three: [u8; 3]) -> usize {
    three.iter().fold(0, |word, &symbol| word * usize::from(ALPHABET) + usize::from(symbol))
}

/// The sequence: a linear recurrence over GF(64) that goes through all words but 000 (its polynomial, x³ + 23x² + x + 2, is
/// primitive), and a 0 more where two of them follow each other. It looks drawn at random, which the usual one in
/// alphabetical order does not: that one says each symbol many times in a row.
fn de_bruijn() -> Vec<u8> {
    let mut order = Vec::with_capacity(PERIOD);
    let mut state = [0, 0, 1];
    order.push(0);
    while order.len() < PERIOD {
        let [first, second, third] = state;
        order.push(first);
        state = [second, third, product(23, third) ^ second ^ product(2, first)];
    }
    order
}

/// Multiplication in GF(64), modulo x⁶ + x + 1.
fn product(a: u8, b: u8) -> u8 {
    let (mut product, mut shifted) = (0, a);
    for bit in 0..6 {
        if b >> bit & 1 == 1 {
            product ^= shifted;
        }
        shifted <<= 1;
        if shifted & 0x40 != 0 {
            shifted ^= 0x43;
        }
    }
    product
}
