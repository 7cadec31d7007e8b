//! What phones say: speech, tones and silence as an endless source of frames.
//!
//! The speech of [`Voice::speech`] is *self-naming*: under every frame lies a dither too faint to hear (about
//! -69 dBFS) that is drawn from the voice's identity and the frame's number, so that after G.711 no two frames are
//! equal, not even those of a pause or of a text that is spoken again and again. Whoever finds a frame in a
//! recording therefore knows whose it is and when it was said.

use std::collections::HashSet;
use std::f64::consts::TAU;
use std::sync::Arc;

use crate::g711::{self, Law};

/// The sampling rate of every voice in Hz.
pub const RATE: u32 = 8000;

/// An endless source of 8 kHz mono frames.
#[derive(Clone, Debug)]
pub struct Voice {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    Silence,
    Tone { step: f64, phase: f64, amplitude: f64 },
    Samples { samples: Arc<[i16]>, at: usize, looped: bool },
    Speech(Speech),
    Mixed(Vec<Voice>),
}

impl Voice {
    /// The given 8 kHz samples as they are; after the last one the voice starts over or falls silent.
    ///
    /// Its frames carry no name: a recording of it can be matched only as far as the samples differ by themselves.
    pub fn wav(samples: impl Into<Arc<[i16]>>, looped: bool) -> Self {
        Self { source: Source::Samples { samples: samples.into(), at: 0, looped } }
    }

    /// Digital silence.
    pub fn silence() -> Self {
        Self { source: Source::Silence }
    }

    /// A sine of `hertz` at `dbfs` (0 is a full-scale sine, -20 a usual speech level).
    pub fn tone(hertz: f64, dbfs: f64) -> Self {
        let amplitude = f64::from(i16::MAX) * 10f64.powf(dbfs.min(0.0) / 20.0);
        Self { source: Source::Tone { step: TAU * hertz / f64::from(RATE), phase: 0.0, amplitude } }
    }

    /// Speech in a loop with self-naming dither: equal `samples` and `identity` give equal frames, and no frame of
    /// 20 ms ever equals another one of this voice in either law. Without samples it is the dither alone.
    ///
    /// Give every voice of a run its own identity.
    pub fn speech(samples: impl Into<Arc<[i16]>>, identity: u64) -> Self {
        Self { source: Source::Speech(Speech::new(samples.into(), identity)) }
    }

    /// Several voices at once, as from a conference bridge: their sum, which is cut where it would be too loud.
    pub fn mixed(voices: Vec<Self>) -> Self {
        Self { source: Source::Mixed(voices) }
    }

    /// The voices of a mixture, each at the place where it stopped, or this one.
    pub fn unmixed(self) -> Vec<Self> {
        match self.source {
            Source::Mixed(voices) => voices,
            _ => vec![self],
        }
    }

    /// Fills `out` with the next samples.
    pub fn next_frame(&mut self, out: &mut [i16]) {
        match &mut self.source {
            Source::Silence => out.fill(0),
            Source::Tone { step, phase, amplitude } => {
                for sample in out {
                    *sample = (phase.sin() * *amplitude).round() as i16;
                    *phase = (*phase + *step) % TAU;
                }
            }
            Source::Samples { samples, at, looped } => copy(samples, at, *looped, out),
            Source::Speech(speech) => speech.next_frame(out),
            Source::Mixed(voices) => {
                let mut one = vec![0; out.len()];
                out.fill(0);
                for voice in voices {
                    voice.next_frame(&mut one);
                    out.iter_mut().zip(&one).for_each(|(sum, sample)| *sum = sum.saturating_add(*sample));
                }
            }
        }
    }
}

/// Copies from `samples` at `at` on, and moves `at` behind what was copied.
fn copy(samples: &[i16], at: &mut usize, looped: bool, out: &mut [i16]) {
    for sample in out {
        if looped && *at >= samples.len() {
            *at = 0;
        }
        *sample = samples.get(*at).copied().unwrap_or(0);
        *at = at.saturating_add(1);
    }
}

#[derive(Clone, Debug)]
struct Speech {
    samples: Arc<[i16]>,
    at: usize,
    identity: u64,
    frame: u64,
    /// Hashes of every frame spoken so far, in both laws.
    spoken: HashSet<u64>,
    clean: Vec<i16>,
}

impl Speech {
    fn new(samples: Arc<[i16]>, identity: u64) -> Self {
        Self { samples, at: 0, identity, frame: 0, spoken: HashSet::new(), clean: Vec::new() }
    }

    fn next_frame(&mut self, out: &mut [i16]) {
        self.clean.resize(out.len(), 0);
        copy(&self.samples, &mut self.at, true, &mut self.clean);
        // Speech does not collide in many years, but a signal that sits in the middle of G.711's coarse steps can
        // swallow the dither: then it is drawn anew, each time twice as strong.
        for attempt in 0..10 {
            dither(&self.clean, out, [self.identity, self.frame, attempt]);
            let hashes = Law::ALL.map(|law| hash(law, out));
            if hashes.iter().all(|hash| !self.spoken.contains(hash)) {
                self.spoken.extend(hashes);
                break;
            }
        }
        self.frame += 1;
    }
}

/// Adds noise drawn from `name` (identity, frame, attempt) to `clean`: of sigma 12, doubled with every attempt.
fn dither(clean: &[i16], out: &mut [i16], name: [u64; 3]) {
    let mut state = name.into_iter().fold(0, |state, part| mix(state ^ part));
    for (out, &clean) in out.iter_mut().zip(clean) {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let bits = mix(state);
        // The sum of four uniform values of 16 bits: mean 131,070, sigma 37,837, that is 12 times 3,153.
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
        let noise = ((sum as i32 - 131_070) << name[2]) / 3_153;
        *out = clean.saturating_add(noise as i16);
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A hash of what a frame decodes to after it was coded in `law`.
fn hash(law: Law, frame: &[i16]) -> u64 {
    frame.iter().fold(mix(1 + u64::from(law.payload_type())), |state, &sample| {
        let heard = g711::decode(law, g711::encode(law, sample));
        mix(state ^ u64::from(heard as u16)).wrapping_add(state.rotate_left(5))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_has_the_level_and_the_period_it_was_asked_for() {
        let mut frame = [0; 160];
        Voice::tone(1000.0, -20.0).next_frame(&mut frame);
        assert_eq!(frame.iter().max(), Some(&3277));
        assert_eq!(frame[..8], frame[8..16]);
    }

    #[test]
    fn a_wav_voice_ends_in_silence_or_starts_over() {
        let mut frame = [0; 5];
        Voice::wav(vec![1, 2, 3], false).next_frame(&mut frame);
        assert_eq!(frame, [1, 2, 3, 0, 0]);
        Voice::wav(vec![1, 2, 3], true).next_frame(&mut frame);
        assert_eq!(frame, [1, 2, 3, 1, 2]);
        Voice::wav(Vec::new(), true).next_frame(&mut frame);
        assert_eq!(frame, [0; 5]);
    }

    #[test]
    fn the_dither_draws_another_frame_when_a_frame_was_already_spoken() {
        let mut first = Speech::new(Arc::from([]), 1);
        let mut frame = [0; 160];
        first.next_frame(&mut frame);
        let mut second = Speech::new(Arc::from([]), 1);
        second.spoken = first.spoken;
        let mut other = [0; 160];
        second.next_frame(&mut other);
        assert_ne!(frame, other);
    }
}
