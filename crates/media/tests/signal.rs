//! The promise of self-naming speech: no two frames are equal, and none costs anything audible.

use std::collections::BTreeSet;

use media::g711::{Law, encode_all};
use media::signal::code::{self, Code, Length};
use media::signal::{Signal, Voice};

fn frames(voice: &mut Voice, count: usize) -> Vec<[i16; 160]> {
    (0..count)
        .map(|_| {
            let mut frame = [0; 160];
            voice.next_frame(&mut frame);
            frame
        })
        .collect()
}

#[test]
fn every_frame_of_a_looped_pause_is_unique_in_both_laws_and_over_all_voices() {
    let pause = vec![0i16; 1600];
    for law in Law::ALL {
        let mut seen = BTreeSet::new();
        for identity in 0..4 {
            for frame in frames(&mut Voice::speech(pause.clone(), identity), 2000) {
                assert!(seen.insert(encode_all(law, &frame)));
            }
        }
    }
}

#[test]
fn loud_frames_that_a_coarse_step_could_swallow_stay_unique() {
    let loud: Vec<i16> = (0..160).map(|n| if n % 2 == 0 { 20_000 } else { -20_000 }).collect();
    let mut seen = BTreeSet::new();
    for frame in frames(&mut Voice::speech(loud, 3), 500) {
        assert!(seen.insert(encode_all(Law::A, &frame)));
    }
}

#[test]
fn the_same_identity_says_the_same_and_another_one_does_not() {
    let first = frames(&mut Voice::speech(vec![0; 100], 7), 10);
    assert_eq!(first, frames(&mut Voice::speech(vec![0; 100], 7), 10));
    assert_ne!(first, frames(&mut Voice::speech(vec![0; 100], 8), 10));
}

#[test]
fn the_dither_is_about_69_db_below_full_scale() {
    let noise = frames(&mut Voice::speech(Vec::new(), 5), 500);
    let samples: Vec<f64> = noise.iter().flatten().map(|&sample| f64::from(sample)).collect();
    let count = samples.len() as f64;
    let mean = samples.iter().sum::<f64>() / count;
    let rms = (samples.iter().map(|sample| sample * sample).sum::<f64>() / count).sqrt();
    assert!(mean.abs() < 0.5, "mean {mean}");
    assert!((11.0..13.0).contains(&rms), "rms {rms}");
}

#[test]
fn a_collision_free_hour_keeps_full_scale_samples_in_range() {
    let frame = frames(&mut Voice::speech(vec![i16::MAX, i16::MIN], 1), 1)[0];
    assert!(frame.iter().step_by(2).all(|&sample| sample > 32_600));
    assert!(frame.iter().skip(1).step_by(2).all(|&sample| sample < -32_600));
}

fn symbols(voice: &mut Voice, length: usize, count: usize) -> Vec<Vec<i16>> {
    (0..count)
        .map(|_| {
            let mut symbol = vec![0; length];
            voice.next_frame(&mut symbol);
            symbol
        })
        .collect()
}

/// The energy at a frequency.
fn energy(samples: &[i16], hertz: f64) -> f64 {
    let step = std::f64::consts::TAU * hertz / 8000.0;
    let part = |shift: f64| -> f64 {
        samples.iter().enumerate().map(|(n, &sample)| f64::from(sample) * (step * n as f64 + shift).sin()).sum()
    };
    part(0.0).powi(2) + part(std::f64::consts::FRAC_PI_2).powi(2)
}

#[test]
fn any_three_symbols_stand_in_one_place_alone() {
    let order = code::order();
    assert_eq!(order.len(), code::PERIOD);
    let mut seen = vec![false; code::PERIOD];
    for at in 0..code::PERIOD {
        let three = [0, 1, 2].map(|k| order[(at + k) % code::PERIOD]);
        assert_eq!(code::place(three), Some(at));
        seen[at] = true;
    }
    assert_eq!(code::place([64, 0, 0]), None);
    // No symbol is said over and over, as in the alphabetical sequence.
    let longest = order.chunk_by(|a, b| a == b).map(<[u8]>::len).max();
    assert_eq!(longest, Some(3));
}

#[test]
fn a_symbol_is_heard_by_its_two_tones_in_its_own_leg_alone() {
    for leg in 0..code::LEGS {
        let signal = Code::new(leg, Length::Ms40, 1000 * usize::from(leg));
        for (n, symbol) in symbols(&mut Voice::code(signal), 320, 200).iter().enumerate() {
            let loudest = |tone: fn(u8, u8) -> f64| {
                let all = (0..code::LEGS).flat_map(|leg| (0..8).map(move |k| (leg, k)));
                all.max_by(|a, b| energy(symbol, tone(a.0, a.1)).total_cmp(&energy(symbol, tone(b.0, b.1)))).unwrap()
            };
            let expected = signal.symbol(n as u64);
            assert_eq!(loudest(code::low), (leg, expected & 7));
            assert_eq!(loudest(code::high), (leg, expected >> 3));
        }
    }
}

#[test]
fn the_code_is_no_digit_and_inside_the_band() {
    for leg in 0..code::LEGS {
        for k in 0..8 {
            // ITU-T Q.24: a receiver may take what is up to 3.5 % off.
            assert!((1633.0 * 1.035..3400.0).contains(&code::high(leg, k)));
            assert!((300.0..1209.0 * 0.965).contains(&code::low(leg, k)));
        }
    }
}

#[test]
fn any_stretch_of_the_code_is_what_the_whole_has_there() {
    let signal = Code::of(2, Length::Ms20, 77);
    let mut whole = vec![0; 4000];
    signal.fill(8000, 0, &mut whole);
    let mut part = vec![0; 1000];
    signal.fill(8000, 1234, &mut part);
    assert_eq!(part, whole[1234..2234]);
    let mut wide = vec![0; 320];
    signal.fill(16_000, 0, &mut wide);
    assert_eq!(
        code::tones(2, signal.symbol(0)),
        (code::low(2, signal.symbol(0) & 7), code::high(2, signal.symbol(0) >> 3))
    );
    let narrow: Vec<i16> = wide.iter().step_by(2).copied().collect();
    assert_eq!(narrow[40..120], whole[40..120]);
}

#[test]
fn every_code_of_a_law_is_said_in_every_256_samples_and_no_stretch_comes_twice() {
    for law in Law::ALL {
        let mut voice = Voice::codes(law, 9);
        let mut seen = BTreeSet::new();
        for pass in 0..200 {
            let codes = encode_all(law, &symbols(&mut voice, 256, 1)[0]);
            assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), 256, "pass {pass}");
            assert!(pass > 0 || codes.is_sorted());
            assert!(seen.insert(codes));
        }
    }
}

#[test]
fn chirps_steps_and_squares_have_their_levels_and_lengths() {
    let second = symbols(&mut Voice::chirps(), 8000, 1).remove(0);
    assert!(second[800..].iter().all(|&sample| sample == 0));
    assert!((15_000..16_385).contains(second.iter().max().unwrap()));
    let levels = symbols(&mut Voice::steps(), 4000, 13);
    let peaks: Vec<i16> = levels.iter().map(|level| *level.iter().max().unwrap()).collect();
    assert_eq!(peaks, [32767, 16422, 8231, 4125, 2067, 1036, 519, 260, 130, 65, 33, 0, 32767]);
    let square = symbols(&mut Voice::square(), 16, 2);
    assert_eq!((square[0][7], square[0][8], square[1][0]), (i16::MAX, i16::MIN, i16::MAX));
}

#[test]
fn named_signals_are_unique_frame_by_frame() {
    let says = ["code", "chirps", "tone 1000", "steps", "square", "noise", "codes PCMU"];
    for text in says {
        let signal: Signal = text.parse().unwrap();
        let mut seen = BTreeSet::new();
        for frame in frames(&mut signal.voice(0, 5), 500) {
            assert!(seen.insert(encode_all(Law::Mu, &frame)), "{text}");
        }
    }
}

#[test]
fn a_signal_is_named_as_it_is_written() {
    for text in
        ["code leg 2 60ms", "code 40ms", "chirps", "tone 1400 -6", "steps", "square", "noise", "silence", "codes PCMA"]
    {
        assert_eq!(text.parse::<Signal>().unwrap().to_string(), text);
    }
    assert_eq!("code".parse(), Ok(Signal::Code { leg: None, length: Length::Ms40 }));
    assert_eq!("tone".parse(), Ok(Signal::Tone { hertz: 1000, dbfs: -20 }));
    for text in ["", "codes", "codes G722", "code leg 4", "code 50ms", "tone 4000", "tone 1000 3", "tone NaN", "speech"]
    {
        let error = text.parse::<Signal>().unwrap_err().to_string();
        assert!(error.contains("expected one of: code"), "{error}");
    }
}
