//! G.722 at 64 kbit/s, exact to ITU-T G.722 (2012): sub-band ADPCM of 16 kHz audio.
//!
//! The recommendation is written in terms of 16 bit arithmetic, so that all conforming decoders give the same samples for the
//! same bytes, and all conforming encoders the same bytes for the same samples. A byte stands for two samples: two bits of
//! the upper band, six of the lower. Both sides have a memory, so what a byte decodes to depends on the bytes before; after
//! a loss the memories of two decoders run together again.
//!
//! The names in comments (`BLOCK3L`, `UPPOL2`) are those of the recommendation's blocks (§6.2). The RTP clock of G.722 is 8000 Hz,
//! an error of RFC 1890 that was kept (RFC 3551 §4.5.2): 20 ms are 160 bytes, 160 ticks and 320 samples.

/// Samples a second.
pub const RATE: u32 = 16_000;
/// The static RTP payload type (RFC 3551 §6).
pub const PAYLOAD_TYPE: u8 = 9;

/// Turns samples into bytes.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// The last 24 samples, newest last.
    history: [i32; 24],
    low: Band,
    high: Band,
}

/// Turns bytes into samples.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// Sums and differences of the last bands, newest last.
    history: [i32; 24],
    low: Band,
    high: Band,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { history: [0; 24], low: Band::new(32), high: Band::new(8) }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self { history: [0; 24], low: Band::new(32), high: Band::new(8) }
    }
}

impl Encoder {
    /// Appends a byte for every two of `samples`; an odd one at the end is left out.
    pub fn encode(&mut self, samples: &[i16], bytes: &mut Vec<u8>) {
        for pair in samples.as_chunks().0 {
            bytes.push(self.encode_pair(*pair));
        }
    }

    /// The byte of two samples.
    pub fn encode_pair(&mut self, [first, second]: [i16; 2]) -> u8 {
        push(&mut self.history, first.into(), second.into());
        let (even, odd) = filter(&self.history);
        let (low, high) = ((even + odd) >> 14, (odd - even) >> 14);
        self.high_band(high) << 6 | self.low_band(low)
    }

    /// `BLOCK1L` to `BLOCK4L`: six bits of the lower band.
    fn low_band(&mut self, sample: i32) -> u8 {
        let band = &mut self.low;
        let error = saturate(sample - band.predicted);
        let size = if error >= 0 { error } else { -(error + 1) };
        let level = (1..30).find(|&level| size < (LEVELS[level] * band.step) >> 12).unwrap_or(30);
        let code = if error < 0 { BELOW[level] } else { ABOVE[level] };
        band.take_low(code >> 2);
        code
    }

    /// `BLOCK1H` to `BLOCK4H`: two bits of the upper band.
    fn high_band(&mut self, sample: i32) -> u8 {
        let band = &mut self.high;
        let error = saturate(sample - band.predicted);
        let size = if error >= 0 { error } else { -(error + 1) };
        let is_far = size >= (564 * band.step) >> 12;
        let code = match (error < 0, is_far) {
            (true, false) => 1,
            (true, true) => 0,
            (false, false) => 3,
            (false, true) => 2,
        };
        band.take_high(code);
        code
    }
}

impl Decoder {
    /// Appends two samples for every one of `bytes`.
    pub fn decode(&mut self, bytes: &[u8], samples: &mut Vec<i16>) {
        for &byte in bytes {
            samples.extend(self.byte(byte));
        }
    }

    fn byte(&mut self, byte: u8) -> [i16; 2] {
        let (code, upper) = (byte & 0x3F, byte >> 6);
        // `BLOCK5L`, `BLOCK6L`: the output takes all six bits, the memory four of them.
        let fine = (self.low.step * SIXES[usize::from(code)]) >> 15;
        let low = (self.low.predicted + fine).clamp(-16_384, 16_383);
        self.low.take_low(code >> 2);
        let coarse = (self.high.step * TWOS[usize::from(upper)]) >> 15;
        let high = (self.high.predicted + coarse).clamp(-16_384, 16_383);
        self.high.take_high(upper);
        push(&mut self.history, low + high, low - high);
        let (even, odd) = filter(&self.history);
        [saturate(odd >> 11) as i16, saturate(even >> 11) as i16]
    }
}

/// Moves the newest two values in, the oldest two out.
fn push(history: &mut [i32; 24], first: i32, second: i32) {
    history.copy_within(2.., 0);
    history[22] = first;
    history[23] = second;
}

/// The two phases of the quadrature mirror filter.
fn filter(history: &[i32; 24]) -> (i32, i32) {
    let pairs = history.as_chunks::<2>().0.iter().zip(FILTER.iter().zip(FILTER.iter().rev()));
    pairs.fold((0, 0), |(even, odd), ([first, second], (forward, backward))| {
        (even + first * forward, odd + second * backward)
    })
}

/// What predicts one band, and how large its steps are.
#[derive(Clone, Debug)]
struct Band {
    /// The next sample, by what went before (`s`).
    predicted: i32,
    /// The part of it that the zeros give (`sz`).
    by_zeros: i32,
    /// The last reconstructed samples, newest first (`r`).
    reconstructed: [i32; 2],
    /// The last partially reconstructed samples (`p`).
    partial: [i32; 2],
    /// The last differences (`d`).
    differences: [i32; 6],
    /// Coefficients of the poles (`a`).
    poles: [i32; 2],
    /// Coefficients of the zeros (`b`).
    zeros: [i32; 6],
    /// The logarithm of the step (`nb`).
    scale: i32,
    /// The step (`det`).
    step: i32,
}

impl Band {
    fn new(step: i32) -> Self {
        Self {
            predicted: 0,
            by_zeros: 0,
            reconstructed: [0; 2],
            partial: [0; 2],
            differences: [0; 6],
            poles: [0; 2],
            zeros: [0; 6],
            scale: 0,
            step,
        }
    }

    /// `BLOCK3L` and `BLOCK4L` with the upper four bits of a code.
    fn take_low(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = (self.step * FOURS[code]) >> 15;
        self.scale = (((self.scale * 127) >> 7) + LOW_SCALES[LOW_GROUPS[code]]).clamp(0, 18_432);
        self.step = step(self.scale, 8);
        self.adapt(difference);
    }

    /// `BLOCK3H` and `BLOCK4H`.
    fn take_high(&mut self, code: u8) {
        let code = usize::from(code);
        let difference = (self.step * TWOS[code]) >> 15;
        self.scale = (((self.scale * 127) >> 7) + HIGH_SCALES[code]).clamp(0, 22_528);
        self.step = step(self.scale, 10);
        self.adapt(difference);
    }

    /// `BLOCK4`: adapts the predictor to a difference and predicts the next sample.
    fn adapt(&mut self, difference: i32) {
        let reconstructed = saturate(self.predicted + difference);
        let partial = saturate(self.by_zeros + difference);
        let second = self.second_pole(partial);
        let first = self.first_pole(partial, second);
        self.adapt_zeros(difference);

        // DELAYA
        self.differences.copy_within(..5, 1);
        self.differences[0] = difference;
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];
        self.poles = [first, second];

        // FILTEP, FILTEZ, PREDIC
        let tap = |coefficient: i32, value: i32| (coefficient * saturate(value + value)) >> 15;
        let by_poles = saturate(tap(self.poles[0], self.reconstructed[0]) + tap(self.poles[1], self.reconstructed[1]));
        self.by_zeros = saturate(self.zeros.iter().zip(&self.differences).map(|(&b, &d)| tap(b, d)).sum());
        self.predicted = saturate(by_poles + self.by_zeros);
    }

    /// `UPPOL2`.
    fn second_pole(&self, partial: i32) -> i32 {
        let four = saturate(self.poles[0] << 2);
        let turned = if same_sign(partial, self.partial[0]) { (-four).min(32_767) } else { four };
        let drift = if same_sign(partial, self.partial[1]) { 128 } else { -128 };
        (drift + (turned >> 7) + ((self.poles[1] * 32_512) >> 15)).clamp(-12_288, 12_288)
    }

    /// `UPPOL1`.
    fn first_pole(&self, partial: i32, second: i32) -> i32 {
        let drift = if same_sign(partial, self.partial[0]) { 192 } else { -192 };
        let limit = saturate(15_360 - second);
        saturate(drift + ((self.poles[0] * 32_640) >> 15)).clamp(-limit, limit)
    }

    /// `UPZERO`.
    fn adapt_zeros(&mut self, difference: i32) {
        let drift = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(&self.differences) {
            let drift = if same_sign(difference, *before) { drift } else { -drift };
            *zero = saturate(drift + ((*zero * 32_640) >> 15));
        }
    }
}

/// `SCALEL`, `SCALEH`: the step of a logarithm.
fn step(scale: i32, shift: i32) -> i32 {
    let (mantissa, exponent) = (ANTILOGARITHMS[(scale >> 6 & 31) as usize], shift - (scale >> 11));
    (if exponent < 0 { mantissa << -exponent } else { mantissa >> exponent }) << 2
}

fn same_sign(a: i32, b: i32) -> bool {
    (a < 0) == (b < 0)
}

fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// Every other coefficient of the quadrature mirror filter (table 11), which is symmetric.
const FILTER: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];

/// Decision levels of the lower band (table 14, `q6`).
const LEVELS: [i32; 30] = [
    0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// Codes of the lower band below and above nought by level (table 17, `iln` and `ilp`).
const BELOW: [u8; 31] = [
    0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
];
const ABOVE: [u8; 31] = [
    0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34,
    33, 32,
];

/// Output values of the lower band by six bits, by four, and of the upper band by two (`qm6`, `qm4`, `qm2`).
const SIXES: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];
const FOURS: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const TWOS: [i32; 4] = [-7408, -1616, 7408, 1616];

/// How a code moves the logarithm of the step (`wl` by `rl42`; `wh` by `rh2`).
const LOW_SCALES: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const LOW_GROUPS: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const HIGH_SCALES: [i32; 4] = [798, -214, 798, -214];

/// 2048 times two to the power of n/32 (`ilb`).
const ANTILOGARITHMS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
