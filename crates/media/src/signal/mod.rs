//! What phones say: speech, tones and silence as an endless source of frames.
//!
//! The speech of [`Voice::speech`] is *self-naming*: under every frame lies a dither too faint to hear (about
//! -69 dBFS) that is drawn from the voice's identity and the frame's number, so that after G.711 no two frames are
//! equal, not even those of a pause or of a text that is spoken again and again. Whoever finds a frame in a
//! recording therefore knows whose it is and when it was said. [`Voice::named`] lays it under any other voice.
//!
//! Where no sample survives, the [`code`] signal says the same by its tones. What else there is, and what it is called, is
//! [`Signal`].

pub mod code;
mod kind;
mod name;
mod shape;

use std::f64::consts::TAU;
use std::sync::Arc;

use crate::g711::Law;
use code::Code;
pub use kind::{Signal, UnknownSignal};
use name::Name;

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
    Tone {
        step: f64,
        phase: f64,
        amplitude: f64,
    },
    Samples {
        samples: Arc<[i16]>,
        at: usize,
        looped: bool,
    },
    /// A function of the sample's number.
    Shape {
        shape: Shape,
        at: u64,
    },
    Code {
        code: Code,
        at: u64,
    },
    Named {
        voice: Box<Voice>,
        name: Name,
        clean: Vec<i16>,
    },
    Mixed(Vec<Voice>),
}

#[derive(Clone, Copy, Debug)]
enum Shape {
    Chirp,
    Steps,
    Square,
    Codes(Law, u64),
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
        Self::wav(samples, true).named(identity)
    }

    /// This voice with the dither of [`Voice::speech`] under it.
    pub fn named(self, identity: u64) -> Self {
        Self { source: Source::Named { voice: Box::new(self), name: Name::new(identity), clean: Vec::new() } }
    }

    /// The code signal from its beginning on.
    pub fn code(code: Code) -> Self {
        Self { source: Source::Code { code, at: 0 } }
    }

    /// Chirps of 100 ms from 300 to 3400 Hz at -6 dB of full scale, one at the start of every second.
    pub fn chirps() -> Self {
        Self::shape(Shape::Chirp)
    }

    /// A tone of 1 kHz that falls by 6 dB every half second, from full scale to -60 dB, is silent for half a second, and starts over.
    pub fn steps() -> Self {
        Self::shape(Shape::Steps)
    }

    /// A square of 500 Hz at full scale.
    pub fn square() -> Self {
        Self::shape(Shape::Square)
    }

    /// All 256 codes of a law, first in order, then again and again in orders that are drawn from `identity`.
    pub fn codes(law: Law, identity: u64) -> Self {
        Self::shape(Shape::Codes(law, identity))
    }

    fn shape(shape: Shape) -> Self {
        Self { source: Source::Shape { shape, at: 0 } }
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
            Source::Shape { shape, at } => {
                for sample in out {
                    *sample = match *shape {
                        Shape::Chirp => shape::chirp(*at),
                        Shape::Steps => shape::steps(*at),
                        Shape::Square => shape::square(*at),
                        Shape::Codes(law, identity) => shape::codes(law, identity, *at),
                    };
                    *at += 1;
                }
            }
            Source::Code { code, at } => {
                code.fill(RATE, *at, out);
                *at += out.len() as u64;
            }
            Source::Named { voice, name, clean } => {
                clean.resize(out.len(), 0);
                voice.next_frame(clean);
                name.write(clean, out);
            }
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

/// The finaliser of SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
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
}
