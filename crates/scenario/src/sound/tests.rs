use std::path::Path;

use damage::damaged;
use media::signal::code::{self, Code, Length};
use media::wav::Wav;

use super::*;

/// Ways to damage a file that need no more than a seed.
mod damage {
    /// The file with some bytes changed, and every third time cut off.
    pub(super) fn damaged(file: &[u8], seed: u64) -> Vec<u8> {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 16) as usize % below.max(1)
        };
        let mut file = file.to_vec();
        for _ in 0..=next(20) {
            let at = if next(2) == 0 { next(file.len().min(200)) } else { next(file.len()) };
            file[at] = next(256) as u8;
        }
        if seed.is_multiple_of(3) {
            file.truncate(next(file.len()));
        }
        file
    }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/sound").join(name)).unwrap()
}

fn read(bytes: Vec<u8>, raw: Option<Raw>) -> Wav {
    media::wav::read(&as_wav(bytes, raw).unwrap()).unwrap()
}

/// The code signal of two seconds that all fixtures are made of.
fn said() -> Vec<i16> {
    read(fixture("code.wav"), None).samples.remove(0)
}

fn energy(samples: &[i16], hertz: f64) -> f64 {
    let step = std::f64::consts::TAU * hertz / 8000.0;
    let part = |shift: f64| -> f64 {
        samples.iter().enumerate().map(|(n, &sample)| f64::from(sample) * (step * n as f64 + shift).sin()).sum()
    };
    part(0.0).powi(2) + part(std::f64::consts::FRAC_PI_2).powi(2)
}

/// How many of the 50 symbols are heard in their places.
fn heard(samples: &[i16]) -> usize {
    let signal = Code::of(1, Length::Ms40, 1);
    let right = |(n, symbol): (usize, &[i16])| {
        let loudest = |tone: fn(u8, u8) -> f64| {
            (0..8).max_by(|a, b| energy(symbol, tone(1, *a)).total_cmp(&energy(symbol, tone(1, *b))))
        };
        let expected = signal.symbol(n as u64);
        loudest(code::low) == Some(expected & 7) && loudest(code::high) == Some(expected >> 3)
    };
    samples.chunks_exact(320).take(50).enumerate().filter(|symbol| right(*symbol)).count()
}

#[test]
fn flac_is_read_sample_for_sample() {
    let wav = read(fixture("code.flac"), None);
    assert_eq!((wav.rate, wav.channels, wav.samples[0].len()), (8000, 1, 16_000));
    assert!(wav.samples[0] == said());
}

#[test]
fn lossy_files_say_every_symbol_in_its_place() {
    assert_eq!(heard(&said()), 50);
    // The delay of the AAC encoder stands in an edit list, which is not read: the file is that much longer.
    for (name, delay) in [("code.mp3", 0), ("code.ogg", 0), ("code.m4a", 1024)] {
        let wav = read(fixture(name), None);
        assert_eq!((wav.rate, wav.channels), (8000, 1), "{name}");
        let length = wav.samples[0].len();
        assert!((16_000..18_400).contains(&length), "{name}: {length}");
        assert_eq!(heard(&wav.samples[0][delay..]), 50, "{name}");
    }
}

#[test]
fn a_codec_that_is_not_decoded_says_what_to_do() {
    let opus = as_wav(fixture("code.opus"), None).unwrap_err().to_string();
    assert_eq!(opus, "Opus in a file is not decoded here: convert it first, with `ffmpeg -i FILE -ar 8000 out.wav`");
    let amr = as_wav(b"#!AMR\n\x3c".to_vec(), None).unwrap_err().to_string();
    assert_eq!(amr, "AMR is not decoded here: convert it first, with `ffmpeg -i FILE out.wav`");
}

#[test]
fn wav_files_and_what_nobody_knows_are_left_as_they_are() {
    for bytes in [fixture("code.wav"), b"RF64 and no more".to_vec(), b"what is this".to_vec(), Vec::new()] {
        assert_eq!(as_wav(bytes.clone(), None).unwrap(), bytes);
    }
    let raw = Some("mulaw".parse().unwrap());
    assert_eq!(as_wav(fixture("code.wav"), raw).unwrap(), fixture("code.wav"));
}

#[test]
fn raw_samples_are_read_as_they_are_told() {
    let samples = said();
    let little: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let big: Vec<u8> = samples.iter().flat_map(|sample| sample.to_be_bytes()).collect();
    let raw = |text: &str| Some(text.parse::<Raw>().unwrap());
    assert!(read(little.clone(), raw("pcm16")).samples[0] == samples);
    assert!(read(big, raw("pcm16be")).samples[0] == samples);
    let wav = read(little, raw("pcm16:16000:2"));
    assert_eq!((wav.rate, wav.channels, wav.samples[1][0]), (16_000, 2, samples[1]));
    let codes = g711_of(&samples);
    assert_eq!(read(codes.clone(), raw("mulaw")).samples[0], media::g711::decode_all(media::g711::Law::Mu, &codes));
    // Silence of mu-law looks like the header of a frame of MP3.
    assert_eq!(read(vec![0xFF; 800], raw("mulaw:8000:2")).samples, [vec![0; 400], vec![0; 400]]);
}

fn g711_of(samples: &[i16]) -> Vec<u8> {
    media::g711::encode_all(media::g711::Law::Mu, samples)
}

#[test]
fn what_is_told_of_raw_samples_must_make_sense() {
    assert_eq!("alaw:16000:2".parse::<Raw>().unwrap().to_string(), "alaw:16000:2");
    assert_eq!("pcm16".parse::<Raw>().unwrap().to_string(), "pcm16:8000:1");
    for text in ["", "g729", "mulaw:", "mulaw:8000:0", "mulaw:10", "pcm16:8000:1:1", "pcm16:x"] {
        let error = text.parse::<Raw>().unwrap_err().to_string();
        assert!(error.contains("expected mulaw, alaw, pcm16 or pcm16be"), "{error}");
    }
}

#[test]
fn damaged_files_give_audio_or_a_reason_and_never_a_panic() {
    for name in ["code.flac", "code.mp3", "code.ogg", "code.m4a", "code.opus"] {
        let file = fixture(name);
        let given = (0..150).filter(|seed| as_wav(damaged(&file, *seed), None).is_ok()).count();
        assert!(name == "code.opus" || given > 0, "{name}");
    }
}
