//! G.722 beside FFmpeg 5.1, whose encoder and decoder agree with those of spandsp to the bit.
//!
//! The checksums are those of what FFmpeg made of the same bytes; `make interop` compares whole files.

use media::g722::{Decoder, Encoder, RATE};

/// CRC-32 of what FFmpeg made of [`input`], of what it made of that again, and of random bytes.
const ENCODED: u32 = 0x46AB_8BB2;
const DECODED: u32 = 0x44AA_3074;
const RANDOM: u32 = 0xE4FC_12F8;

/// SplitMix64, of which each call gives 16 bits.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u16 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) >> 48) as u16
    }
}

/// Two seconds: noise at full scale, with every third sample at one of the ends, then a sweep.
fn input() -> Vec<i16> {
    let mut noise = Noise(7);
    let mut loud = |n: u32| match n % 3 {
        0 => {
            if noise.next() & 1 == 0 {
                i16::MIN
            } else {
                i16::MAX
            }
        }
        _ => noise.next() as i16,
    };
    let sweep = (0..RATE as i64).map(|n| ((n * n / 500 % 4001) - 2000) as i16);
    (0..RATE).map(&mut loud).chain(sweep).collect()
}

fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    }) ^ !0
}

fn decoded(bytes: &[u8]) -> Vec<u8> {
    let mut samples = Vec::new();
    Decoder::default().decode(bytes, &mut samples);
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

#[test]
fn what_is_encoded_is_what_ffmpeg_encodes() {
    let mut bytes = Vec::new();
    Encoder::default().encode(&input(), &mut bytes);
    assert_eq!((bytes.len(), crc(&bytes)), (16_000, ENCODED));
    assert_eq!(crc(&decoded(&bytes)), DECODED);
}

#[test]
fn any_bytes_are_decoded_as_ffmpeg_decodes_them() {
    let mut noise = Noise(9);
    let bytes: Vec<u8> = (0..16_000).map(|_| noise.next() as u8).collect();
    assert_eq!(crc(&decoded(&bytes)), RANDOM);
}

#[test]
fn a_stream_may_be_cut_anywhere_and_its_sound_is_like_what_was_said() {
    let said: Vec<i16> = (0..3200).map(|n| (8000.0 * (f64::from(n) * 0.3).sin()) as i16).collect();
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::default());
    let (mut whole, mut parts, mut heard) = (Vec::new(), Vec::new(), Vec::new());
    Encoder::default().encode(&said, &mut whole);
    said.chunks(320).for_each(|frame| encoder.encode(frame, &mut parts));
    assert_eq!(parts, whole);
    parts.chunks(160).for_each(|packet| decoder.decode(packet, &mut heard));
    // Both filters together delay by 22 samples.
    let error: f64 = (500..3000).map(|n| f64::from(heard[n + 22]) - f64::from(said[n])).map(|e| e * e).sum();
    let power: f64 = said[500..3000].iter().map(|&sample| f64::from(sample).powi(2)).sum();
    assert!(error < power / 100.0, "{error} of {power}");
}
