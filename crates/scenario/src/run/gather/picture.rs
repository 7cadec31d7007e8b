//! Sound as pictures: the extremes of a waveform, and a spectrogram.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::evidence::{Picture, Spectrogram};

/// Samples of a millisecond.
const MS: usize = 8;
/// The finest waveform: milliseconds a point.
const PEAK_MS: usize = 10;
/// The finest spectrogram: milliseconds a column.
const COLUMN_MS: usize = 20;
/// Longer channels have coarser columns: a minute is drawn as finely as can be.
const COLUMNS: usize = 3000;
/// The pictures of many channels are coarser too: those of one scenario are a megabyte together, eight minutes as finely
/// as can be.
const ALL_COLUMNS: usize = 8 * COLUMNS;
/// Bands of a column.
const BANDS: usize = 32;
/// What byte 0 stands for; the quantizing noise of G.711 at speech level lies some 40 dB below it.
const FLOOR_DB: f64 = -90.0;
/// Samples of a transform: 32 ms, so that neighbouring columns overlap.
const WINDOW: usize = 256;
/// At most so many transforms stand for one column of a long channel.
const LOOKS: usize = 4;

/// How coarse the pictures of a scenario are, each of so many samples: 1 is as fine as can be.
pub(super) fn coarseness(pictures: impl Iterator<Item = usize>) -> usize {
    pictures.map(columns).sum::<usize>().div_ceil(ALL_COLUMNS).max(1)
}

/// The finest columns of so many samples.
fn columns(samples: usize) -> usize {
    samples.div_ceil(COLUMN_MS * MS).max(1)
}

/// Draws samples of 8 kHz, no finer than `coarse`.
pub(super) fn picture(samples: &[i16], coarse: usize) -> Picture {
    let coarse = columns(samples.len()).div_ceil(COLUMNS).max(coarse);
    let (peak_ms, column_ms) = (PEAK_MS * coarse, COLUMN_MS * coarse);
    Picture {
        peak_ms: u16::try_from(peak_ms).unwrap_or(u16::MAX),
        peaks: BASE64.encode(peaks(samples, peak_ms * MS)),
        spectrogram: Spectrogram {
            column_ms: u16::try_from(column_ms).unwrap_or(u16::MAX),
            bands: BANDS as u16,
            floor_db: FLOOR_DB as i16,
            levels: BASE64.encode(levels(samples, column_ms * MS)),
        },
    }
}

/// The least and the greatest sample of each point, as signed bytes.
fn peaks(samples: &[i16], point: usize) -> Vec<u8> {
    let byte = |sample: i16| (sample >> 8).to_le_bytes()[0];
    let extremes = |part: &[i16]| {
        let (least, greatest) = part.iter().fold((i16::MAX, i16::MIN), |(a, b), s| (a.min(*s), b.max(*s)));
        [byte(least), byte(greatest)]
    };
    samples.chunks(point).flat_map(extremes).collect()
}

/// One byte a band, column after column.
fn levels(samples: &[i16], column: usize) -> Vec<u8> {
    let transform = Transform::new();
    let mut out = Vec::with_capacity(samples.len().div_ceil(column) * BANDS);
    for start in (0..samples.len()).step_by(column) {
        let looks = (column / (COLUMN_MS * MS)).clamp(1, LOOKS);
        let mut power = [0.0_f64; BANDS];
        for look in 0..looks {
            let middle = start + column * (2 * look + 1) / (2 * looks);
            for (sum, band) in power.iter_mut().zip(transform.bands(samples, middle)) {
                *sum += band / looks as f64;
            }
        }
        out.extend(power.map(level));
    }
    out
}

fn level(power: f64) -> u8 {
    let db = 10.0 * power.max(1e-12).log10();
    ((db - FLOOR_DB) / -FLOOR_DB * 255.0).round().clamp(0.0, 255.0) as u8
}

/// A fast Fourier transform of [`WINDOW`] samples under a Hann window.
struct Transform {
    window: Vec<f64>,
    /// e^(-2 pi i k / WINDOW), real and imaginary.
    turns: Vec<(f64, f64)>,
}

impl Transform {
    fn new() -> Self {
        let turn = |k: usize| std::f64::consts::TAU * k as f64 / WINDOW as f64;
        Self {
            window: (0..WINDOW).map(|n| 0.5 - 0.5 * turn(n).cos()).collect(),
            turns: (0..WINDOW / 2).map(|k| (turn(k).cos(), -turn(k).sin())).collect(),
        }
    }

    /// The power of each band around a sample, 1 for a full-scale sine.
    fn bands(&self, samples: &[i16], middle: usize) -> [f64; BANDS] {
        let mut values = vec![(0.0, 0.0); WINDOW];
        let mut silent = true;
        for (n, weight) in self.window.iter().enumerate() {
            let at = (middle + n).checked_sub(WINDOW / 2);
            let sample = at.and_then(|at| samples.get(at)).copied().unwrap_or_default();
            silent &= sample == 0;
            values[reversed(n)].0 = f64::from(sample) / 32768.0 * weight;
        }
        let mut bands = [0.0; BANDS];
        if silent {
            return bands;
        }
        self.run(&mut values);
        // A full-scale sine under this window has an amplitude of WINDOW / 4, spread over three lines.
        let scale = (WINDOW as f64 / 4.0).powi(2) * 1.5;
        for (k, (re, im)) in values[..WINDOW / 2].iter().enumerate() {
            bands[k * 2 * BANDS / WINDOW] += (re * re + im * im) / scale;
        }
        bands
    }

    /// Radix 2, in place, of values in bit-reversed order.
    fn run(&self, values: &mut [(f64, f64)]) {
        let mut half = 1;
        while half < values.len() {
            let stride = WINDOW / 2 / half;
            for block in values.chunks_mut(2 * half) {
                let (low, high) = block.split_at_mut(half);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (cos, sin) = self.turns[k * stride];
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
    }
}

/// A number below [`WINDOW`] with its bits in the other order.
const fn reversed(n: usize) -> usize {
    n.reverse_bits() >> (usize::BITS - WINDOW.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, amplitude: f64, count: usize) -> Vec<i16> {
        let wave = |n: usize| (std::f64::consts::TAU * hz * n as f64 / 8000.0).sin() * amplitude;
        (0..count).map(|n| wave(n) as i16).collect()
    }

    fn bytes(text: &str) -> Vec<u8> {
        BASE64.decode(text).unwrap()
    }

    #[test]
    fn a_tone_stands_in_its_band_at_its_level() {
        for hz in [440.0, 1062.5, 3300.0] {
            let drawn = picture(&sine(hz, 32767.0, 8000), 1).spectrogram;
            let levels = bytes(&drawn.levels);
            assert_eq!(levels.len(), 50 * BANDS);
            let column = &levels[20 * BANDS..21 * BANDS];
            let loudest = (0..BANDS).max_by_key(|band| column[*band]).unwrap();
            assert_eq!(loudest, (hz / 125.0) as usize, "{hz} Hz");
            assert!(column[loudest] >= 247, "{hz} Hz: {}", column[loudest]);
            assert!(column[(loudest + 8) % BANDS] < 60, "{hz} Hz leaks");
        }
        let quiet = bytes(&picture(&sine(1062.5, 32.767, 8000), 1).spectrogram.levels);
        // 60 dB less of 90 dB.
        assert!((80..=90).contains(&quiet[20 * BANDS + 8]), "{}", quiet[20 * BANDS + 8]);
    }

    #[test]
    fn a_waveform_has_its_extremes_every_ten_milliseconds() {
        let mut samples = vec![0_i16; 240];
        (samples[85], samples[90]) = (-32768, 25600);
        assert_eq!(bytes(&picture(&samples, 1).peaks), [0, 0, 0x80, 100, 0, 0]);
    }

    #[test]
    fn silence_is_dark_and_nothing_is_drawn_of_nothing() {
        assert!(bytes(&picture(&[0; 1600], 1).spectrogram.levels).iter().all(|level| *level == 0));
        assert_eq!(picture(&[], 1).peaks, "");
    }

    #[test]
    fn an_hour_is_drawn_no_larger_than_a_minute() {
        let hour = picture(&vec![1000; 3600 * 8000], 1);
        assert_eq!((hour.peak_ms, hour.spectrogram.column_ms), (600, 1200));
        assert_eq!(bytes(&hour.spectrogram.levels).len(), 3000 * BANDS);
        assert_eq!(bytes(&hour.peaks).len(), 2 * 6000);
    }
    #[test]
    fn many_long_channels_are_drawn_no_larger_than_eight_minutes() {
        let minute = 60 * 8000;
        assert_eq!(coarseness([minute; 8].into_iter()), 1);
        let coarse = coarseness([minute; 80].into_iter());
        assert_eq!(coarse, 10);
        let drawn = picture(&vec![1000; minute], coarse);
        assert_eq!((drawn.peak_ms, drawn.spectrogram.column_ms), (100, 200));
        assert_eq!(bytes(&drawn.spectrogram.levels).len(), 300 * BANDS);
        assert_eq!(coarseness(std::iter::empty()), 1);
    }
}
