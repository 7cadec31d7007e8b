//! How long it takes to verify a one-hour leg of 180,000 frames: `cargo bench -p verify`.
//!
//! Prints the median of five runs for a clean leg, for one with 5 % of its frames lost, and for one that was spliced
//! and has to be searched throughout; and the same with every frame told, as a report needs it. Then for a leg at another level, one
//! that was filtered, both legs in one channel, and many calls. The budgets on one core: 0.2 s for the clean leg, 1 s at another
//! level and in a mix, 6 s by likeness, and for many calls a time that grows as they do.

use std::io::Cursor;
use std::time::Instant;

use media::g711::{Law, decode_all, encode_all};
use media::ledger::{Leg, Row, Stream, StreamKind};
use media::signal::Voice;
use media::wav::{Encoding, Writer};
use verify::{Expected, Limits, Recorded, RecordedFile, Truth, judge, judge_traced};

const FRAMES: usize = 180_000;
const FRAME: usize = 160;

fn main() {
    let stream = leg(1, FRAMES);
    let audio = decode_all(Law::Mu, &stream.payloads);
    report("clean", &stream, &audio);
    let mut lossy = audio.clone();
    for frame in (7..FRAMES).step_by(20) {
        lossy[frame * FRAME..(frame + 1) * FRAME].fill(0);
    }
    if std::env::var_os("ONLY").is_some() {
        return;
    }
    report("5 % of the frames missing", &stream, &lossy);
    let mut noise = audio.clone();
    let mut state = 1u32;
    for sample in &mut noise[FRAME..] {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *sample = (state >> 16) as i16;
    }
    report("nothing to be found", &stream, &noise);
    let quiet: Vec<i16> = audio.iter().map(|&sample| (f64::from(sample) * 0.7).round() as i16).collect();
    report("3 dB less", &stream, &quiet);
    let filtered: Vec<i16> = audio.windows(2).map(|two| two[0] / 2 + two[1] / 2).collect();
    report("filtered, followed softly", &stream, &filtered);
    mix(&stream, &audio);
    for calls in [250, 500, 1000] {
        many(calls);
    }
}

/// An hour of both legs in one channel.
fn mix(near: &Stream, audio: &[i16]) {
    let far = Stream { kind: StreamKind::Bridge(Leg::Far), ..leg(2, FRAMES) };
    let both = decode_all(Law::Mu, &far.payloads);
    let sum: Vec<i16> = audio.iter().zip(&both).map(|(near, far)| near / 2 + far / 2).collect();
    let bytes = wav(&sum);
    let streams = [near.clone(), far];
    let limits = Limits { mono_mix: true, ..Limits::default() };
    let took = median(|| {
        let truth = Truth { streams: &streams, recordings: vec![Expected::new("hour", 0, 1)] };
        let file = RecordedFile { claims: vec![None], ..RecordedFile::mono("mix.wav", Leg::Near, &bytes) };
        let recorded = [Recorded { label: "hour".into(), expected: Some(0), files: vec![file] }];
        assert!(judge(&truth, &recorded, &limits).passed());
    });
    println!("verify one hour of both legs in one channel: {took}");
}

/// So many calls of ten seconds, searched for each other's audio.
fn many(calls: u64) {
    let streams: Vec<Stream> = (0..calls).map(|call| leg(call, 500)).collect();
    let files: Vec<Vec<u8>> = streams.iter().map(|stream| wav(&decode_all(Law::Mu, &stream.payloads))).collect();
    let took = median(|| {
        let expected =
            |number: usize| Expected { label: number.to_string(), near: vec![number], ..Expected::default() };
        let truth = Truth { streams: &streams, recordings: (0..streams.len()).map(expected).collect() };
        let recorded = |(number, bytes): (usize, &Vec<u8>)| {
            let file = RecordedFile { claims: vec![None], ..RecordedFile::mono("leg.wav", Leg::Near, bytes.clone()) };
            Recorded { label: number.to_string(), expected: None, files: vec![file] }
        };
        let recorded: Vec<Recorded<'_>> = files.iter().enumerate().map(recorded).collect();
        assert!(judge(&truth, &recorded, &Limits::default()).passed());
    });
    println!("verify {calls} calls of 10 s that nobody named, all against all: {took}");
}

fn wav(audio: &[i16]) -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), 8000, 1, Encoding::Pcm16).expect("a WAV file in memory");
    writer.write(audio).expect("an hour fits");
    writer.finish().expect("memory").into_inner()
}

/// The median of five runs.
fn median(work: impl Fn()) -> String {
    let mut times: Vec<f64> = (0..5)
        .map(|_| {
            #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
            let start = Instant::now();
            work();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    format!("median {:.3} s (best {:.3} s, worst {:.3} s)", times[2], times[0], times[4])
}

/// An hour of self-naming noise: the frames are as unique as those of speech.
fn leg(identity: u64, frames: usize) -> Stream {
    let mut stream = Stream {
        phone: "SEP000000000001".into(),
        kind: StreamKind::Bridge(Leg::Near),
        dialog: "bridge".into(),
        main_dialog: "main".into(),
        ssrc: identity as u32,
        codec: media::codec::Codec::Pcmu,
        suite: None,
        key_fingerprint: None,
        source: ([127, 0, 0, 1], 20000).into(),
        destination: ([127, 0, 0, 1], 30000).into(),
        clock: 8000,
        samples_per_packet: FRAME as u32,
        started_us: 0,
        ended_us: 20_000 * frames as u64,
        rows: Vec::new(),
        payloads: Vec::new(),
    };
    let mut state = identity;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 52) as i16 - 2048
    };
    let samples: Vec<i16> = (0..8000 * 97).map(|_| noise() + noise()).collect();
    let mut voice = Voice::speech(samples, identity);
    let mut samples = [0; FRAME];
    for frame in 0..frames {
        voice.next_frame(&mut samples);
        let row = Row {
            sequence: frame as u16,
            index: frame as u64,
            timestamp: (frame * FRAME) as u32,
            sent_us: 20_000 * frame as u64,
            ..Row::base()
        };
        stream.push(row, &encode_all(Law::Mu, &samples));
    }
    stream
}

fn report(name: &str, stream: &Stream, audio: &[i16]) {
    let bytes = wav(audio);
    let streams = std::slice::from_ref(stream);
    let measure = |told: &str, judge: &dyn Fn(&Truth<'_>, &[Recorded<'_>]) -> bool| {
        let mut times: Vec<f64> = (0..5)
            .map(|_| {
                let expected = Expected { label: "hour".into(), near: vec![0], ..Expected::default() };
                let truth = Truth { streams, recordings: vec![expected] };
                let file = RecordedFile::mono("near.wav", Leg::Near, &bytes);
                let recorded = [Recorded { label: "hour".into(), expected: Some(0), files: vec![file] }];
                #[expect(clippy::disallowed_methods, reason = "a bench measures time")]
                let start = Instant::now();
                let passed = judge(&truth, &recorded);
                let took = start.elapsed().as_secs_f64();
                assert_eq!(passed, name == "clean");
                took
            })
            .collect();
        times.sort_by(f64::total_cmp);
        println!(
            "verify one-hour leg, {name}{told}: median {:.3} s (best {:.3} s, worst {:.3} s)",
            times[2], times[0], times[4]
        );
    };
    measure("", &|truth, recorded| judge(truth, recorded, &Limits::default()).passed());
    measure(", every frame told", &|truth, recorded| judge_traced(truth, recorded, &Limits::default()).0.passed());
}
