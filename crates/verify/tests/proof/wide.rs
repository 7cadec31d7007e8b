//! Calls in G.722: audio of 16 kHz.

use media::codec::{Codec, Decoder, Encoder};
use media::g711::decode_all;
use media::ledger::{Fate, Row, Stream};
use media::wav::{Encoding, Writer};
use verify::{Expected, Limits, Recorded, RecordedFile, Truth, Verdict, judge};

use crate::rig::{Case, FRAME};

/// The legs of call 0, coded in G.722.
fn streams(seed: u64) -> Vec<Stream> {
    let case = Case::new(seed);
    let wide = |stream: &Stream| {
        let mut encoder = Encoder::new(Codec::G722);
        let (rows, payloads) = (Vec::new(), Vec::new());
        let mut coded = Stream { codec: Codec::G722, rows, payloads, started_us: 1_000_000, ..stream.clone() };
        for (number, row) in stream.rows.iter().enumerate() {
            let mut payload = [0; FRAME];
            let law = stream.codec.law().expect("G.711");
            encoder.encode(&decode_all(law, stream.payload(row)), &mut payload);
            let sent_us = 1_000_000 + 20_000 * number as u64;
            coded.push(Row { payload_type: Codec::G722.payload_type(), sent_us, ..*row }, &payload);
        }
        coded
    };
    case.streams[..2].iter().map(wide).collect()
}

/// What a recorder makes of a leg: all that arrived, decoded in its order.
fn heard(stream: &Stream) -> Vec<i16> {
    let (mut decoder, mut out) = (Decoder::new(Codec::G722), Vec::new());
    for row in &stream.rows {
        match row.fate.delay_us() {
            Some(_) => decoder.decode(stream.payload(row), &mut out),
            None => out.extend([0; 2 * FRAME]),
        }
    }
    out
}

fn judged(streams: &[Stream], rate: u32, legs: [Vec<i16>; 2]) -> Verdict {
    let samples: Vec<i16> = legs[0].iter().zip(&legs[1]).flat_map(|(near, far)| [*near, *far]).collect();
    let write = || {
        let mut wav = Writer::new(std::io::Cursor::new(Vec::new()), rate, 2, Encoding::Pcm16)?;
        wav.write(&samples)?;
        wav.finish()
    };
    let files = vec![RecordedFile::stereo("stereo.wav", write().expect("memory takes what is written").into_inner())];
    let truth = Truth { streams, recordings: vec![Expected::new("call", 0, 1)] };
    judge(&truth, &[Recorded { label: "r".into(), expected: Some(0), files }], &Limits::default())
}

#[test]
fn every_sample_of_16_khz_is_compared() {
    for seed in 0..10 {
        let streams = streams(seed);
        let legs = || [heard(&streams[0]), heard(&streams[1])];
        let verdict = judged(&streams, 16_000, legs());
        assert_eq!(verdict.findings, [], "{seed}");
        assert!(verdict.compared_frames > 2 * 200);
        for at in [40_000, 40_001] {
            let mut damaged = legs();
            damaged[0][at] ^= 0x400;
            let verdict = judged(&streams, 16_000, damaged);
            assert_eq!(verdict.findings.len(), 1, "{seed}, sample {at}: {:#?}", verdict.findings);
            assert_eq!(verdict.findings[0].packets.map(|packets| packets.count), Some(1), "{:#?}", verdict.findings);
        }
    }
}

#[test]
fn a_file_may_begin_between_two_samples() {
    let streams = streams(3);
    let late = |stream: &Stream| [vec![0; 161], heard(stream)].concat();
    let verdict = judged(&streams, 16_000, [late(&streams[0]), late(&streams[1])]);
    assert_eq!(verdict.findings, []);
}

#[test]
fn what_the_network_loses_is_in_no_decoders_memory() {
    let mut streams = streams(4);
    for stream in &mut streams {
        for row in stream.rows.iter_mut().skip(20).step_by(17) {
            row.fate = Fate::Dropped;
        }
    }
    let verdict = judged(&streams, 16_000, [heard(&streams[0]), heard(&streams[1])]);
    assert_eq!(verdict.findings, []);
}

#[test]
fn half_the_band_or_another_leg_is_found() {
    let streams = streams(5);
    let mean = |two: &[i16]| ((i32::from(two[0]) + i32::from(two[1])) / 2) as i16;
    let narrow = |stream: &Stream| -> Vec<i16> { heard(stream).chunks(2).map(mean).collect() };
    let verdict = judged(&streams, 8_000, [narrow(&streams[0]), narrow(&streams[1])]);
    assert!(verdict.has("altered-audio"), "{:#?}", verdict.findings);
    let held = |stream: &Stream| narrow(stream).into_iter().flat_map(|sample| [sample, sample]).collect();
    let verdict = judged(&streams, 16_000, [held(&streams[0]), held(&streams[1])]);
    assert!(verdict.has("altered-audio"), "{:#?}", verdict.findings);
    let verdict = judged(&streams, 16_000, [heard(&streams[1]), heard(&streams[0])]);
    assert!(verdict.has("swapped-legs"), "{:#?}", verdict.findings);
}
