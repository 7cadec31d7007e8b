//! The promise of self-naming speech: no two frames are equal, and none costs anything audible.

use std::collections::BTreeSet;

use media::g711::{Law, encode_all};
use media::signal::Voice;

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
