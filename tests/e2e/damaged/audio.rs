//! Damages to the audio.

use media::g711::{Law, decode, encode};
use media::wav::Encoding;

use super::bench::{Copy, FRAME, SPOT};
use super::{Damage, audio};

const NEAR: Option<&str> = Some("near");
const FAR: Option<&str> = Some("far");

/// Where [`SPOT`] is, in milliseconds.
const AT: Option<u64> = Some(3000);
const START: Option<u64> = Some(0);

/// The three files of a recording.
const N: &[&str] = &["near.wav"];
const F: &[&str] = &["far.wav"];
const S: &[&str] = &["stereo.wav"];

pub(super) const DAMAGES: &[Damage] = &[
    // Legs.
    audio("channels swapped", "swapped-legs", None, None, S, |copy| copy.stereo(std::mem::swap)),
    audio("leg files swapped", "swapped-legs", None, None, &["near.wav", "far.wav"], |copy| {
        let [near, far] = ["near.wav", "far.wav"].map(|file| copy.samples(file));
        copy.write("near.wav", 8000, Encoding::Pcm16, &far);
        copy.write("far.wav", 8000, Encoding::Pcm16, &near);
    }),
    audio("near in both channels", "identical-channels", FAR, None, S, |copy| {
        copy.stereo(|near, far| far.clone_from(near));
    })
    .with(&["missing-leg"]),
    audio("near copied over the far file", "wrong-leg", FAR, None, F, |copy| {
        std::fs::copy(copy.path("near.wav"), copy.path("far.wav")).unwrap();
    }),
    audio("mono mix in both channels", "mixed-legs", NEAR, None, S, |copy| {
        copy.stereo(|near, far| {
            near.iter_mut().zip(far).for_each(|(near, far)| {
                *near = *near / 2 + *far / 2;
                *far = *near;
            });
        });
    }),
    audio("mono mix instead of stereo", "mixed-legs", None, None, S, |copy| {
        let both = copy.samples("stereo.wav");
        let mix = both[0].iter().zip(&both[1]).map(|(near, far)| *near / 2 + *far / 2).collect();
        copy.write("stereo.wav", 8000, Encoding::Pcm16, &[mix]);
    })
    .with(&["wrong-channel-count"]),
    audio("cross-talk at -20 dB", "mixed-legs", NEAR, None, S, |copy| copy.stereo(|near, far| leak(near, far, 10))),
    audio("cross-talk at -40 dB", "mixed-legs", FAR, None, S, |copy| copy.stereo(|near, far| leak(far, near, 100))),
    audio("cross-talk for a second", "mixed-legs", NEAR, AT, S, |copy| {
        copy.stereo(|near, far| leak(&mut near[SPOT..SPOT + 8000], &far[SPOT..SPOT + 8000], 10));
    }),
    audio("the other leg mixed in for a second", "mixed-legs", NEAR, AT, N, |copy| {
        let far = copy.samples("far.wav").remove(0);
        copy.mono("near.wav", |near| leak(&mut near[SPOT..SPOT + 8000], &far[SPOT - 555..], 1));
    }),
    // Samples and frames in their place.
    audio("one sample changed by one", "damaged-frames", NEAR, AT, N, |copy| {
        copy.mono("near.wav", |s| s[SPOT + 50] += 1)
    }),
    audio("one sample of the right channel changed", "damaged-frames", FAR, None, S, |copy| {
        copy.stereo(|_, far| far[SPOT] ^= 0x1000);
    }),
    audio("one frame changed", "altered-audio", FAR, AT, F, |copy| {
        copy.mono("far.wav", |s| noise(&mut s[SPOT..SPOT + FRAME], 40, true));
    }),
    audio("one frame of noise", "noise-audio", NEAR, AT, N, |copy| {
        copy.mono("near.wav", |s| noise(&mut s[SPOT..SPOT + FRAME], 8000, false));
    }),
    audio("frames zeroed", "lost-frames", FAR, AT, F, |copy| copy.mono("far.wav", |s| s[SPOT..SPOT + 800].fill(0))),
    audio("noise burst of 300 ms", "noise-audio", FAR, AT, F, |copy| {
        copy.mono("far.wav", |s| noise(&mut s[SPOT..SPOT + 2400], 12_000, false));
    }),
    audio("a frame repeated over the next", "repeated-frames", NEAR, Some(3020), N, |copy| {
        copy.mono("near.wav", |s| s.copy_within(SPOT..SPOT + FRAME, SPOT + FRAME));
    }),
    audio("two frames exchanged", "misplaced-frames", NEAR, AT, N, |copy| {
        copy.mono("near.wav", |s| {
            let (left, right) = s.split_at_mut(SPOT + FRAME);
            left[SPOT..].swap_with_slice(&mut right[..FRAME]);
        });
    }),
    // The time line.
    audio("20 ms removed", "splice", NEAR, AT, N, |copy| copy.mono("near.wav", |s| drop(s.drain(SPOT..SPOT + FRAME)))),
    audio("20 ms removed across two frames", "splice", FAR, AT, F, |copy| {
        copy.mono("far.wav", |s| drop(s.drain(SPOT + 33..SPOT + 33 + FRAME)));
    }),
    audio("200 ms removed in the middle", "splice", FAR, AT, F, |copy| {
        copy.mono("far.wav", |s| drop(s.drain(SPOT..SPOT + 1600)));
    }),
    audio("20 ms of silence inserted", "inserted-audio", NEAR, AT, N, |copy| insert(copy, SPOT, &[0; FRAME])),
    audio("20 ms of silence inserted within a frame", "inserted-audio", NEAR, Some(3010), N, |copy| {
        insert(copy, SPOT + 77, &[0; FRAME]);
    }),
    audio("a frame repeated, the rest moved on", "repeated-frames", NEAR, AT, N, |copy| {
        let frame = copy.samples("near.wav")[0][SPOT - FRAME..SPOT].to_vec();
        insert(copy, SPOT, &frame);
    }),
    audio("one sample removed", "sample-slip", FAR, AT, F, |copy| copy.mono("far.wav", |s| drop(s.drain(SPOT..=SPOT)))),
    audio("one sample inserted", "sample-slip", NEAR, AT, N, |copy| insert(copy, SPOT, &[0])),
    audio("one sample removed and put back later", "sample-slip", NEAR, AT, N, |copy| {
        copy.mono("near.wav", |s| {
            s.insert(SPOT + 8000, 0);
            s.remove(SPOT);
        });
    }),
    audio("start cut by 100 ms", "start-clipped", NEAR, START, N, |copy| {
        copy.mono("near.wav", |s| drop(s.drain(..800)))
    }),
    audio("start cut by one sample", "start-clipped", FAR, START, F, |copy| {
        copy.mono("far.wav", |s| drop(s.drain(..1)))
    }),
    audio("end cut by 300 ms", "end-clipped", NEAR, None, N, |copy| {
        copy.mono("near.wav", |s| s.truncate(s.len() - 2400))
    }),
    audio("last frame zeroed", "lost-frames", NEAR, None, N, |copy| copy.mono("near.wav", |s| last(s, |_| 0))),
    audio("last frame turned upside down", "inverted-audio", FAR, None, F, |copy| {
        copy.mono("far.wav", |s| last(s, |x| x.saturating_neg()));
    }),
    audio("last sample changed by four", "damaged-frames", NEAR, None, N, |copy| {
        copy.mono("near.wav", |s| *s.last_mut().unwrap() += 4);
    }),
    audio("last frame zeroed in every file", "lost-frames", None, None, &["stereo.wav"], |copy| {
        ["near.wav", "far.wav"].into_iter().for_each(|file| copy.mono(file, |s| last(s, |_| 0)));
        copy.stereo(|near, far| {
            last(near, |_| 0);
            last(far, |_| 0);
        });
    }),
    audio("last frame cut off", "end-clipped", NEAR, None, N, |copy| {
        copy.mono("near.wav", |s| s.truncate(s.len() - FRAME))
    }),
    audio("end cut by one sample", "end-clipped", None, None, F, |copy| {
        copy.mono("far.wav", |s| s.truncate(s.len() - 1))
    }),
    audio("a second of silence prepended", "wrong-duration", None, START, N, |copy| insert(copy, 0, &[0; 8000])),
    audio("100 ms of silence prepended", "wrong-duration", None, None, &[], |copy| insert(copy, 0, &[0; 800])),
    audio("a second of silence appended", "wrong-duration", None, None, N, |copy| {
        copy.mono("near.wav", |s| s.resize(s.len() + 8000, 0));
    }),
    audio("one channel shifted by 20 ms", "misaligned-legs", None, None, S, |copy| {
        copy.stereo(|_, far| drop(far.splice(0..0, [0; FRAME])));
    }),
    audio("one channel shifted by one sample", "misaligned-legs", None, None, &[], |copy| {
        copy.stereo(|_, far| far.insert(0, 0));
    }),
    audio("one channel shifted back by one sample", "misaligned-legs", None, None, &[], |copy| {
        copy.stereo(|_, far| drop(far.drain(..1)));
    }),
    // The whole channel.
    audio("gain of -6 dB", "level-changed", NEAR, START, N, |copy| copy.mono("near.wav", |s| each(s, |x| x / 2))),
    audio("gain of 6 dB", "level-changed", FAR, START, F, |copy| {
        copy.mono("far.wav", |s| each(s, |x| x.saturating_mul(2)));
    }),
    audio("a gain that nobody hears", "level-changed", NEAR, START, N, |copy| {
        copy.mono("near.wav", |s| each(s, |x| (f64::from(x) * 1.001).round() as i16));
    }),
    audio("gain of -6 dB for a second", "level-changed", FAR, AT, F, |copy| {
        copy.mono("far.wav", |s| each(&mut s[SPOT..SPOT + 8000], |x| x / 2));
    }),
    audio("polarity inverted", "inverted-audio", FAR, START, S, |copy| {
        copy.stereo(|_, far| each(far, |x| x.saturating_neg()))
    }),
    audio("a constant added", "dc-offset", NEAR, START, N, |copy| {
        copy.mono("near.wav", |s| each(s, |x| x.saturating_add(100)));
    }),
    audio("a constant of one added", "dc-offset", FAR, START, S, |copy| copy.stereo(|_, far| each(far, |x| x + 1))),
    audio("coded again as A-law", "recoded-audio", NEAR, START, N, |copy| {
        copy.mono("near.wav", |s| each(s, |x| decode(Law::A, encode(Law::A, x))));
    }),
    audio("stored as A-law", "recoded-audio", FAR, START, F, |copy| {
        let samples = copy.samples("far.wav");
        copy.write("far.wav", 8000, Encoding::ALaw, &samples);
    }),
    audio("stored with 8 bits", "recoded-audio", NEAR, START, N, |copy| {
        let samples = &copy.samples("near.wav")[0];
        let data: Vec<u8> = samples.iter().map(|x| ((x >> 8) + 128) as u8).collect();
        copy.bytes("near.wav", |bytes| {
            bytes.truncate(44);
            bytes.extend(&data);
            put(bytes, 4, (36 + data.len()) as u32);
            put(bytes, 28, 8000);
            bytes[32..36].copy_from_slice(&[1, 0, 8, 0]);
            put(bytes, 40, data.len() as u32);
        });
    }),
    audio("limited", "altered-audio", FAR, START, F, |copy| {
        copy.mono("far.wav", |s| each(s, |x| x.clamp(-2000, 2000)))
    }),
    audio("resampled to 16 kHz", "wrong-rate", None, None, N, |copy| {
        let doubled = doubled(&copy.samples("near.wav")[0]);
        copy.write("near.wav", 16_000, Encoding::Pcm16, &[doubled]);
    }),
    audio("resampled to 16 kHz and labelled 8 kHz", "wrong-rate", None, None, N, |copy| {
        copy.mono("near.wav", |s| *s = doubled(s));
    }),
    audio("resampled by 1 %", "altered-audio", FAR, START, F, |copy| copy.mono("far.wav", |s| *s = stretched(s, 1.01))),
    audio("silent", "silent-channel", NEAR, START, N, |copy| copy.mono("near.wav", |s| s.fill(0))),
    audio("backwards", "altered-audio", FAR, START, F, |copy| copy.mono("far.wav", |s| s.reverse())),
    // Other calls.
    audio("other call's audio appended", "other-call-audio", NEAR, None, N, |copy| {
        let other = media::wav::read(&std::fs::read(copy.other("near.wav")).unwrap()).unwrap().samples.remove(0);
        copy.mono("near.wav", |s| s.extend(&other[..SPOT]));
    }),
    audio("the other leg appended", "other-leg-audio", NEAR, None, N, |copy| {
        let other = copy.samples("far.wav").remove(0);
        copy.mono("near.wav", |s| s.extend(other));
    }),
    audio("itself appended", "repeated-frames", FAR, None, F, |copy| {
        copy.mono("far.wav", |s| s.extend_from_within(..))
    }),
    audio("the file of another call", "exchanged-recordings", NEAR, None, &[], |copy| {
        std::fs::copy(copy.other("near.wav"), copy.path("near.wav")).unwrap();
    }),
    audio("all files of another call", "exchanged-recordings", FAR, None, &[], |copy| {
        for file in ["near.wav", "far.wav", "stereo.wav"] {
            std::fs::copy(copy.other(file), copy.path(file)).unwrap();
        }
    }),
];

fn each(samples: &mut [i16], change: impl Fn(i16) -> i16) {
    samples.iter_mut().for_each(|sample| *sample = change(*sample));
}

fn last(samples: &mut [i16], change: impl Fn(i16) -> i16) {
    let start = samples.len() - FRAME;
    each(&mut samples[start..], change);
}

fn leak(into: &mut [i16], from: &[i16], part: i16) {
    into.iter_mut().zip(from).for_each(|(into, from)| *into = into.saturating_add(from / part));
}

/// Noise of this peak, on top of what is there or instead.
fn noise(samples: &mut [i16], peak: i32, on_top: bool) {
    let mut state = 5u32;
    for sample in samples {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = ((state >> 8) as i32 % (2 * peak) - peak) as i16;
        *sample = if on_top { sample.saturating_add(noise) } else { noise };
    }
}

fn insert(copy: &Copy, at: usize, samples: &[i16]) {
    copy.mono("near.wav", |own| drop(own.splice(at..at, samples.iter().copied())));
}

/// Twice as many samples: each second one in the middle of its neighbours.
fn doubled(samples: &[i16]) -> Vec<i16> {
    let between = |n: usize| (i32::from(samples[n]) + i32::from(samples[(n + 1).min(samples.len() - 1)])) / 2;
    (0..samples.len()).flat_map(|n| [samples[n], between(n) as i16]).collect()
}

fn stretched(samples: &[i16], factor: f64) -> Vec<i16> {
    let at = |n: usize| n as f64 * factor;
    let value = |at: f64| {
        let (low, part) = (at as usize, at.fract());
        (f64::from(samples[low]) * (1.0 - part) + f64::from(samples[low + 1]) * part).round() as i16
    };
    (0..).map(at).take_while(|at| *at + 1.0 < samples.len() as f64 - 1.0).map(value).collect()
}

/// A number in a header.
fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}
