//! Finds where a voice lies in a file that does not hold it sample for sample, by correlation.

use std::f64::consts::PI;

use crate::fit::dot;
use crate::source::Source;

/// Where a voice lies in a file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Spot {
    /// Where the voice's time line starts in the file.
    pub(crate) offset: i64,
    /// How alike they are there: 1 is the same but for the level, -1 the same upside down.
    pub(crate) likeness: f64,
    /// How fast it runs against its own time line: 1 unless it was stretched.
    pub(crate) speed: f64,
}

/// Samples of one probe: half a second.
pub(crate) const PROBE: usize = 4096;

/// Probes taken from the loudest places of the voice.
const PROBES: usize = 4;

/// Files up to this length are searched whole, longer ones ten seconds around where the probe should be.
const WHOLE: usize = 8000 * 120;
pub(crate) const AROUND: usize = 8000 * 10;

/// Below this a likeness of half a second is chance.
const CHANCE: f64 = 0.2;

/// Finds `voice` in `file`: where at least two of its loudest half seconds agree on the place.
pub(crate) fn locate(voice: &Source, file: &[i16]) -> Option<Spot> {
    let probes = probes(voice);
    let spots: Vec<Spot> = probes.iter().filter_map(|(at, probe)| find(*at, probe, file)).collect();
    let agree = |a: &Spot, b: &Spot| a.offset.abs_diff(b.offset) <= 4 && a.likeness * b.likeness > 0.0;
    let friends = |spot: &Spot| spots.iter().filter(|other| agree(spot, other)).count();
    let needed = if probes.len() > 1 { 2 } else { 1 };
    spots
        .iter()
        .filter(|spot| friends(spot) >= needed)
        .max_by(|a, b| friends(a).cmp(&friends(b)).then(a.likeness.abs().total_cmp(&b.likeness.abs())))
        .copied()
        .or_else(|| if voice.is_tone() { None } else { stretched(&probes, &spots) })
}

/// A voice that runs too fast or too slow: its probes are all there, and the further apart the later the next one lies.
fn stretched(probes: &[(i64, Vec<i16>)], spots: &[Spot]) -> Option<Spot> {
    if spots.len() < probes.len() || spots.iter().any(|spot| spot.likeness.abs() < CLEAR) {
        return None;
    }
    // The median of the slopes between all pairs (Theil and Sen) does not mind one probe that is wrong.
    let places: Vec<(f64, f64)> =
        probes.iter().zip(spots).map(|(probe, spot)| (probe.0 as f64, spot.offset as f64)).collect();
    let pairs =
        places.iter().enumerate().flat_map(|(n, a)| places[n + 1..].iter().map(move |b| (b.1 - a.1) / (b.0 - a.0)));
    let mut slopes: Vec<f64> = pairs.collect();
    slopes.sort_by(f64::total_cmp);
    let slower = slopes.get(slopes.len() / 2).copied()?;
    let (first, from) = (spots.first()?, places.first()?);
    let fits = |place: &&(f64, f64)| (place.1 - from.1 - slower * (place.0 - from.0)).abs() < 400.0;
    let even = places.iter().filter(fits).count() > places.len() / 2 && slower.abs() < 0.3 && slower != 0.0;
    even.then_some(Spot { speed: 1.0 / (1.0 + slower), ..*first })
}

/// A voice alone in a file is at least so much alike; less may be chance.
pub(crate) const CLEAR: f64 = 0.4;

/// The loudest stretches of a voice, one from each part of it.
fn probes(voice: &Source) -> Vec<(i64, Vec<i16>)> {
    let end = voice.line().last().map_or(0, |frame| frame.end());
    let start = voice.line().first().map_or(0, |frame| frame.at);
    let part = (end - start) / PROBES as i64;
    let loudest = |number: i64| {
        let (from, to) = (start + number * part, start + (number + 1) * part);
        let step = ((to - from) / 16).max(PROBE as i64 / 2);
        (from..to.max(from + 1))
            .step_by(step as usize)
            .map(|at| (at, voice.render(at, PROBE)))
            .map(|(at, probe)| (dot(&probe, &probe), at, probe))
            .max_by(|a, b| a.0.total_cmp(&b.0))
    };
    (0..PROBES as i64)
        .filter_map(loudest)
        .filter(|(energy, ..)| *energy > 0.0)
        .map(|(_, at, probe)| (at, probe))
        .collect()
}

/// The likeliest place of a probe that belongs at `at` of its voice.
fn find(at: i64, probe: &[i16], file: &[i16]) -> Option<Spot> {
    let (from, to) = if file.len() <= WHOLE {
        (0, file.len())
    } else {
        let middle = at.max(0) as usize;
        (middle.saturating_sub(AROUND).min(file.len()), (middle + AROUND).min(file.len()))
    };
    let region = &file[from..to];
    let (place, likeness) = correlate(probe, region)?;
    (likeness.abs() >= CHANCE).then_some(Spot { offset: (from + place) as i64 - at, likeness, speed: 1.0 })
}

/// The place in `region` where `probe` is most alike, by blocks of one transform each.
pub(crate) fn correlate(probe: &[i16], region: &[i16]) -> Option<(usize, f64)> {
    const SIZE: usize = 1 << 15;
    if region.len() < probe.len() {
        return None;
    }
    let fft = Fft::new(SIZE);
    let pattern = fft.forward(probe);
    let own = dot(probe, probe);
    let mut energy: Vec<f64> = vec![0.0; region.len() + 1];
    for (n, &sample) in region.iter().enumerate() {
        energy[n + 1] = energy[n] + f64::from(sample) * f64::from(sample);
    }
    let step = SIZE - probe.len() + 1;
    let mut best = None;
    for start in (0..=region.len() - probe.len()).step_by(step) {
        let block = &region[start..(start + SIZE).min(region.len())];
        let product = fft.correlation(&fft.forward(block), &pattern);
        for (lag, cross) in product.iter().enumerate().take(step.min((block.len() + 1).saturating_sub(probe.len()))) {
            let place = start + lag;
            let here = energy[place + probe.len()] - energy[place];
            let likeness = cross / (own * here).sqrt().max(1.0);
            if best.is_none_or(|(_, most): (usize, f64)| likeness.abs() > most.abs()) {
                best = Some((place, likeness));
            }
        }
    }
    best
}

/// A radix-2 transform of one size.
struct Fft {
    size: usize,
    /// Cosine and sine of each step of the circle.
    circle: Vec<(f64, f64)>,
}

type Spectrum = Vec<(f64, f64)>;

impl Fft {
    fn new(size: usize) -> Self {
        let angle = |k: usize| -2.0 * PI * k as f64 / size as f64;
        Self { size, circle: (0..size / 2).map(|k| (angle(k).cos(), angle(k).sin())).collect() }
    }

    fn forward(&self, samples: &[i16]) -> Spectrum {
        let mut data = vec![(0.0, 0.0); self.size];
        for (out, &sample) in data.iter_mut().zip(samples) {
            out.0 = f64::from(sample);
        }
        self.transform(&mut data);
        data
    }

    /// The correlation of the signals of two spectra, by lag.
    fn correlation(&self, signal: &Spectrum, pattern: &Spectrum) -> Vec<f64> {
        // Of a conjugated spectrum the forward transform is the conjugate of the inverse; only the real part is wanted.
        let mut data: Spectrum =
            (signal.iter().zip(pattern)).map(|(&(a, b), &(c, d))| (a * c + b * d, -(b * c - a * d))).collect();
        self.transform(&mut data);
        data.iter().map(|(real, _)| real / self.size as f64).collect()
    }

    fn transform(&self, data: &mut [(f64, f64)]) {
        let bits = self.size.trailing_zeros();
        for n in 0..self.size {
            let mirrored = n.reverse_bits() >> (usize::BITS - bits);
            if mirrored > n {
                data.swap(n, mirrored);
            }
        }
        let mut half = 1;
        while half < self.size {
            let step = self.size / (2 * half);
            for group in data.chunks_exact_mut(2 * half) {
                let (low, high) = group.split_at_mut(half);
                for (k, (a, b)) in low.iter_mut().zip(high).enumerate() {
                    let (cos, sin) = self.circle[k * step];
                    let turned = (b.0 * cos - b.1 * sin, b.0 * sin + b.1 * cos);
                    (*a, *b) = ((a.0 + turned.0, a.1 + turned.1), (a.0 - turned.0, a.1 - turned.1));
                }
            }
            half *= 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64, len: usize) -> Vec<i16> {
        let mut state = seed;
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                ((state >> 50) as i16) - 8192
            })
            .collect()
    }

    #[test]
    fn a_probe_is_found_wherever_it_lies_and_whatever_its_level() {
        let mut file = noise(1, 100_000);
        let probe = noise(2, PROBE);
        for place in [0, 29_000, 100_000 - PROBE] {
            let mut file = file.clone();
            for (n, &sample) in probe.iter().enumerate() {
                file[place + n] = -sample / 2;
            }
            let (found, likeness) = correlate(&probe, &file).unwrap();
            assert_eq!(found, place);
            assert!(likeness < -0.99, "{likeness}");
        }
        file.truncate(10);
        assert_eq!(correlate(&probe, &file), None);
    }
}
