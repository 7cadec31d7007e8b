//! G.711 A-law and mu-law, exact to ITU-T G.191.
//!
//! A G.711 byte and the sample it decodes to are the same thing said twice, which is why everything in this
//! product that compares audio compares decoded samples: two encoders may disagree, two decoders may not.
//! The one exception is mu-law's zero, which has two codes (`0x7F` and `0xFF`, minus and plus nought): both decode
//! to the sample 0, so in the decoded domain they are equal.

use serde::{Deserialize, Serialize};

/// The two laws of ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Law {
    /// Mu-law, `PCMU`, static payload type 0 (RFC 3551 §6).
    Mu,
    /// A-law, `PCMA`, static payload type 8 (RFC 3551 §6).
    A,
}

impl Law {
    /// Both laws, mu-law first.
    pub const ALL: [Self; 2] = [Self::Mu, Self::A];

    /// The encoding name in SDP (RFC 3551 §4.5.14).
    pub fn encoding(self) -> &'static str {
        match self {
            Self::Mu => "PCMU",
            Self::A => "PCMA",
        }
    }

    /// The static RTP payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Mu => 0,
            Self::A => 8,
        }
    }

    /// The law of a static payload type, if it is one of G.711.
    pub fn of_payload_type(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Self::Mu),
            8 => Some(Self::A),
            _ => None,
        }
    }

    /// The code of silence: what the sample 0 encodes to.
    pub fn silence(self) -> u8 {
        match self {
            Self::Mu => 0xFF,
            Self::A => 0xD5,
        }
    }

    /// The 256 samples of this law, by code.
    pub fn samples(self) -> &'static [i16; 256] {
        match self {
            Self::Mu => &MU_DECODE,
            Self::A => &A_DECODE,
        }
    }
}

/// The code of one sample (G.191 `ulaw_compress`, `alaw_compress`).
#[inline]
pub fn encode(law: Law, sample: i16) -> u8 {
    match law {
        Law::Mu => encode_mu(sample),
        Law::A => encode_a(sample),
    }
}

/// The sample of one code (G.191 `ulaw_expand`, `alaw_expand`).
#[inline]
pub fn decode(law: Law, code: u8) -> i16 {
    law.samples()[usize::from(code)]
}

/// Encodes `samples` into the front of `codes` and returns how many were written: the shorter of the two lengths.
pub fn encode_into(law: Law, samples: &[i16], codes: &mut [u8]) -> usize {
    let pairs = codes.iter_mut().zip(samples);
    let count = pairs.len();
    match law {
        Law::Mu => pairs.for_each(|(code, &sample)| *code = encode_mu(sample)),
        Law::A => pairs.for_each(|(code, &sample)| *code = encode_a(sample)),
    }
    count
}

/// Decodes `codes` into the front of `samples` and returns how many were written: the shorter of the two lengths.
pub fn decode_into(law: Law, codes: &[u8], samples: &mut [i16]) -> usize {
    let table = law.samples();
    let pairs = samples.iter_mut().zip(codes);
    let count = pairs.len();
    pairs.for_each(|(sample, &code)| *sample = table[usize::from(code)]);
    count
}

/// Encodes all of `samples`.
pub fn encode_all(law: Law, samples: &[i16]) -> Vec<u8> {
    let mut codes = vec![0; samples.len()];
    encode_into(law, samples, &mut codes);
    codes
}

/// Decodes all of `codes`.
pub fn decode_all(law: Law, codes: &[u8]) -> Vec<i16> {
    let mut samples = vec![0; codes.len()];
    decode_into(law, codes, &mut samples);
    samples
}

/// The magnitude of a sample as G.191 takes it: the one's complement of a negative sample, so that -1 counts as 0.
#[inline]
const fn magnitude(sample: i16) -> u32 {
    (sample ^ (sample >> 15)) as u32
}

#[inline]
const fn encode_mu(sample: i16) -> u8 {
    let biased = (magnitude(sample) >> 2) + 33;
    let biased = if biased > 0x1FFF { 0x1FFF } else { biased };
    let segment = 26 - biased.leading_zeros();
    let code = (segment << 4) | ((biased >> (segment + 1)) & 0x0F);
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(code as u8 | sign)
}

#[inline]
const fn encode_a(sample: i16) -> u8 {
    let level = magnitude(sample) >> 4;
    let code = if level < 32 {
        level
    } else {
        let segment = 28 - level.leading_zeros();
        (segment << 4) + ((level >> (segment - 1)) & 0x0F)
    };
    let sign = if sample < 0 { 0 } else { 0x80 };
    (code as u8 | sign) ^ 0x55
}

const MU_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = !(code as u8);
        let segment = (bits >> 4) & 0x07;
        let level = (((bits & 0x0F) as i32 * 2 + 33) << (segment + 2)) - 132;
        table[code] = if code < 128 { -level as i16 } else { level as i16 };
        code += 1;
    }
    table
};

const A_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = code as u8 ^ 0x55;
        let segment = (bits >> 4) & 0x07;
        let step = (bits & 0x0F) as i32 * 2 + 1;
        let level = if segment == 0 { step << 3 } else { (step + 32) << (segment + 2) };
        table[code] = if bits < 128 { -level as i16 } else { level as i16 };
        code += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_what_zero_encodes_to() {
        for law in Law::ALL {
            assert_eq!(encode(law, 0), law.silence());
        }
    }

    #[test]
    fn both_zeros_of_mu_law_decode_to_the_same_sample() {
        assert_eq!(decode(Law::Mu, 0x7F), 0);
        assert_eq!(decode(Law::Mu, 0xFF), 0);
    }

    #[test]
    fn slices_stop_at_the_shorter_side() {
        let mut codes = [0; 3];
        assert_eq!(encode_into(Law::Mu, &[0; 5], &mut codes), 3);
        assert_eq!(codes, [0xFF; 3]);
        let mut samples = [7; 3];
        assert_eq!(decode_into(Law::A, &[0xD5], &mut samples), 1);
        assert_eq!(samples, [8, 7, 7]);
    }
}
