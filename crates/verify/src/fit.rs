//! What a stretch of samples is when it is not what it should be: silence, noise, or the truth changed.

/// Decoded A-law silence is 8, and a recorder may dither: up to here it is silence.
pub(crate) const SILENCE: u16 = 16;

/// Noise of a wrong key is far above this; a quiet hiss is left to other names.
const NOISE_RMS: f64 = 1500.0;

/// Less than this cannot be told from a click.
const SHORTEST_NOISE: usize = 80;

/// The greatest absolute sample.
pub(crate) fn peak(samples: &[i16]) -> u16 {
    samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
}

pub(crate) fn is_silent(samples: &[i16]) -> bool {
    peak(samples) <= SILENCE
}

/// Whether it is what a recorder fills pauses with: one faint value throughout, but for rounding. Faint noise is not: somebody made it.
pub(crate) fn is_filling(samples: &[i16]) -> bool {
    const ROUNDING: u16 = 2;
    let steady = || samples.windows(2).filter(|pair| pair[0] != pair[1]).count() * 10 <= samples.len();
    is_silent(samples) && (peak(samples) <= ROUNDING || steady())
}

pub(crate) fn rms(samples: &[i16]) -> f64 {
    (energy(samples) / samples.len().max(1) as f64).sqrt()
}

/// Whether it is loud and has no memory from one sample to the next, as bytes have that were never decrypted.
pub(crate) fn is_noise(samples: &[i16]) -> bool {
    let energy = energy(samples).max(1.0);
    let lag: f64 = samples.windows(2).map(|pair| f64::from(pair[0]) * f64::from(pair[1])).sum();
    // Over n samples the correlation of white noise has a sigma of 1/sqrt(n); speech lies at 0.8 and more.
    let bound = 0.1 + 3.0 / (samples.len().max(1) as f64).sqrt();
    samples.len() >= SHORTEST_NOISE && rms(samples) > NOISE_RMS && (lag / energy).abs() < bound
}

fn energy(samples: &[i16]) -> f64 {
    dot(samples, samples)
}

pub(crate) fn dot(a: &[i16], b: &[i16]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// The best fit of `heard` by one or two voices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fit {
    /// The factor of the first voice.
    pub(crate) own: f64,
    /// The factor of the second voice; 0 if there is none.
    pub(crate) other: f64,
    /// The share of the energy that the fit leaves over: 0 is perfect, 1 is nothing in common.
    pub(crate) rest: f64,
}

/// Least squares of `heard` on `own`.
pub(crate) fn fit_one(heard: &[i16], own: &[i16]) -> Fit {
    let (total, norm, cross) = (energy(heard), energy(own), dot(heard, own));
    if total == 0.0 || norm == 0.0 {
        return Fit { own: 0.0, other: 0.0, rest: 1.0 };
    }
    let own = cross / norm;
    Fit { own, other: 0.0, rest: (1.0 - own * cross / total).max(0.0) }
}

/// Least squares of `heard` on `own` and `other`.
pub(crate) fn fit_two(heard: &[i16], own: &[i16], other: &[i16]) -> Fit {
    let (aa, bb, ab) = (energy(own), energy(other), dot(own, other));
    let (ya, yb, yy) = (dot(heard, own), dot(heard, other), energy(heard));
    let det = aa * bb - ab * ab;
    if yy == 0.0 || det <= aa * bb * 1e-6 {
        return fit_one(heard, own);
    }
    let own = (ya * bb - yb * ab) / det;
    let other = (yb * aa - ya * ab) / det;
    Fit { own, other, rest: ((yy - own * ya - other * yb) / yy).max(0.0) }
}

/// A factor as decibels.
pub(crate) fn decibels(factor: f64) -> f64 {
    20.0 * factor.abs().max(1e-9).log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_voices_are_told_apart_with_their_factors() {
        let a: Vec<i16> = (0..160).map(|n: i32| (n * 37 % 101 - 50) as i16 * 40).collect();
        let b: Vec<i16> = (0..160).map(|n: i32| (n * 53 % 89 - 44) as i16 * 30).collect();
        let mix: Vec<i16> = a.iter().zip(&b).map(|(a, b)| a / 2 + b / 4).collect();
        let fit = fit_two(&mix, &a, &b);
        assert!((fit.own - 0.5).abs() < 0.01 && (fit.other - 0.25).abs() < 0.01, "{fit:?}");
        assert!(fit.rest < 0.001);
    }

    #[test]
    fn noise_is_loud_and_forgets_its_last_sample() {
        let mut state = 9u32;
        let noise: Vec<i16> = (0..160)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i16
            })
            .collect();
        assert!(is_noise(&noise));
        let hum: Vec<i16> = (0..160).map(|n| ((f64::from(n) * 0.3).sin() * 8000.0) as i16).collect();
        assert!(!is_noise(&hum));
        assert!(!is_noise(&[0; 160]));
    }
}
