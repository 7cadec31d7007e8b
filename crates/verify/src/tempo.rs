//! Recognises a voice by the rise and fall of its loudness, which survives what no sample does: another speed, a low-rate
//! codec, a filter.

use crate::source::Source;

/// Samples of a step of loudness: 10 ms.
const STEP: usize = 80;

/// So much is compared, in steps: 20 s. Over more the speed would have to be known better than it is tried.
const LENGTH: usize = 2000;

/// How far the voice may begin from where it should, in steps.
const REACH: usize = 50;

/// Speeds are tried by this, up to that, in steps of a thousandth.
const TRIED: i32 = 2;
const FASTEST: i32 = 120;

/// Two voices are never so much alike in loudness.
const CLEAR: f64 = 0.9;

/// The speed at which `file` is `voice` in its rise and fall of loudness; `None` if it is not at any.
pub(crate) fn speed(voice: &Source, file: &[i16]) -> Option<f64> {
    let start = voice.line().first()?.at;
    let said = loudness(&voice.render(start, LENGTH * STEP * 9 / 8));
    let heard = loudness(&file[..file.len().min(LENGTH * STEP)]);
    let speeds = (-FASTEST..=FASTEST).step_by(TRIED as usize).map(|per_mille| 1.0 + f64::from(per_mille) / 1000.0);
    let best = speeds
        .map(|speed| {
            let at = |n: usize| said.get((n as f64 * speed).round() as usize).copied().unwrap_or(0.0);
            let paced: Vec<f64> = (0..heard.len() + REACH).map(at).collect();
            (alike(&paced, &heard), speed)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= CLEAR).then_some(best.1)
}

/// The loudness of each step, as amplitude.
fn loudness(samples: &[i16]) -> Vec<f64> {
    samples.chunks(STEP).map(crate::fit::rms).collect()
}

/// The greatest correlation of the two within reach.
fn alike(said: &[f64], heard: &[f64]) -> f64 {
    let early = (0..REACH).map(|lag| correlation(said.get(lag..).unwrap_or_default(), heard));
    let late = (1..REACH).map(|lag| correlation(said, heard.get(lag..).unwrap_or_default()));
    early.chain(late).fold(0.0, f64::max)
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let length = a.len().min(b.len());
    // Less than a second may be alike by chance.
    if length < 100 {
        return 0.0;
    }
    let (a, b) = (&a[..length], &b[..length]);
    let mean = |values: &[f64]| values.iter().sum::<f64>() / length as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut cross, mut own, mut other) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        cross += (a - mean_a) * (b - mean_b);
        own += (a - mean_a) * (a - mean_a);
        other += (b - mean_b) * (b - mean_b);
    }
    cross / (own * other).sqrt().max(1e-9)
}
