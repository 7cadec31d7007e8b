//! Material for the edges: chirps, steps of level, a square at full scale, every code of a law.

use std::f64::consts::{PI, TAU};

use super::{RATE, mix};
use crate::g711::{self, Law};

/// A chirp is heard at the start of every second.
const SECOND: u64 = RATE as u64;
/// 100 ms.
const CHIRP: u64 = SECOND / 10;
/// From the lower to the upper edge of a telephone's band, in Hz.
const BAND: (f64, f64) = (300.0, 3400.0);
/// Its amplitude: -6 dB of full scale.
const CHIRP_AMPLITUDE: f64 = 16_384.0;

/// Sample `n` of chirps of 100 ms, 300 to 3400 Hz, one a second: where one begins can be told to the sample through any codec.
pub(super) fn chirp(n: u64) -> i16 {
    let within = n % SECOND;
    if within >= CHIRP {
        return 0;
    }
    let (time, length) = (within as f64 / f64::from(RATE), CHIRP as f64 / f64::from(RATE));
    let phase = TAU * (BAND.0 * time + (BAND.1 - BAND.0) * time * time / (2.0 * length));
    let fade = (PI * (within as f64 + 0.5) / CHIRP as f64).sin().sqrt();
    (CHIRP_AMPLITUDE * fade * phase.sin()).round() as i16
}

/// How long a level lasts: half a second.
const STEP: u64 = SECOND / 2;
/// Levels before it starts over: 0, -6, ... -60 dB of full scale, then silence.
const STEPS: u64 = 12;

/// Sample `n` of a tone of 1 kHz that falls by 6 dB every half second, from full scale to -60 dB, then silence, then anew.
pub(super) fn steps(n: u64) -> i16 {
    let level = n / STEP % STEPS;
    if level + 1 == STEPS {
        return 0;
    }
    let amplitude = f64::from(i16::MAX) * 10f64.powf(-6.0 * level as f64 / 20.0);
    (amplitude * (TAU * (n % 8) as f64 / 8.0).sin()).round() as i16
}

/// Sample `n` of a square of 500 Hz at full scale.
pub(super) fn square(n: u64) -> i16 {
    if (n / 8).is_multiple_of(2) { i16::MAX } else { i16::MIN }
}

/// Sample `n` of all codes of a law: first in order, then again and again in other orders, so that no stretch comes twice. Each of these
/// samples is coded as the code it stands for, minus nought too.
pub(super) fn codes(law: Law, identity: u64, n: u64) -> i16 {
    let (pass, within) = (n / 256, n as u8);
    if pass == 0 {
        return said(law, within);
    }
    // Odd factors, summands, exclusive or, and a value's own upper half laid over the lower one permute 256 values.
    let drawn = mix(identity ^ mix(pass)).to_le_bytes();
    let mixed = within.wrapping_mul(drawn[0] | 1) ^ drawn[1];
    let mixed = (mixed ^ (mixed >> 4)).wrapping_mul(drawn[2] | 1).wrapping_add(drawn[3]);
    said(law, mixed)
}

/// A sample that is coded as `code`. Minus nought of mu-law decodes to 0, which is coded as plus nought: that is what -1 is coded as.
fn said(law: Law, code: u8) -> i16 {
    let sample = g711::decode(law, code);
    if g711::encode(law, sample) == code { sample } else { -1 }
}
