//! How long it takes to verify a one-hour leg of 180,000 frames: `cargo bench -p verify`.
//!
//! Prints the median of five runs for a clean leg, for one with 5 % of its frames lost, and for one that was spliced
//! and has to be searched throughout; and the same with every frame told, as a report needs it. The budget for the clean leg
//! is 0.5 s on one core.

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
    let stream = leg();
    let audio = decode_all(stream.codec, &stream.payloads);
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
}

/// An hour of self-naming noise: the frames are as unique as those of speech.
fn leg() -> Stream {
    let mut stream = Stream {
        phone: "SEP000000000001".into(),
        kind: StreamKind::Bridge(Leg::Near),
        dialog: "bridge".into(),
        main_dialog: "main".into(),
        ssrc: 1,
        codec: Law::Mu,
        suite: None,
        key_fingerprint: None,
        source: ([127, 0, 0, 1], 20000).into(),
        destination: ([127, 0, 0, 1], 30000).into(),
        clock: 8000,
        samples_per_packet: FRAME as u32,
        started_us: 0,
        ended_us: 20_000 * FRAMES as u64,
        rows: Vec::new(),
        payloads: Vec::new(),
    };
    let mut voice = Voice::speech((0..8000).map(|n| ((n * n) % 4001) as i16 - 2000).collect::<Vec<_>>(), 1);
    let mut samples = [0; FRAME];
    for frame in 0..FRAMES {
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
    let mut writer = Writer::new(Cursor::new(Vec::new()), 8000, 1, Encoding::Pcm16).expect("a WAV file in memory");
    writer.write(audio).expect("an hour fits");
    let bytes = writer.finish().expect("memory").into_inner();
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
