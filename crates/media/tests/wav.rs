//! WAV files as recorders leave them: finished, unfinished, odd, damaged; and the writer's own, read by another hand.

use std::io::Cursor;

use media::g711::{Law, decode, encode};
use media::wav::{Defect, Encoding, WavError, WriteError, Writer, read};

/// A chunk with its pad byte.
fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = [id.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat();
    if body.len() % 2 == 1 {
        bytes.push(0);
    }
    bytes
}

fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let block = channels * (bits / 8);
    let mut body = Vec::new();
    body.extend(tag.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(block)).to_le_bytes());
    body.extend(block.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let body = chunks.concat();
    [b"RIFF".as_slice(), &(body.len() as u32 + 4).to_le_bytes(), b"WAVE", &body].concat()
}

fn pcm(samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    riff(&[chunk(b"fmt ", &format(1, 1, 8000, 16)), chunk(b"data", &data)])
}

fn patch(mut bytes: Vec<u8>, at: usize, value: u32) -> Vec<u8> {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    bytes
}

fn written(encoding: Encoding, channels: u16, samples: &[i16]) -> Vec<u8> {
    let write = || {
        let mut writer = Writer::new(Cursor::new(Vec::new()), 8000, channels, encoding)?;
        writer.write(samples)?;
        Ok::<_, WriteError>(writer.finish()?.into_inner())
    };
    write().expect("memory takes whatever is written")
}

#[test]
fn a_plain_file_reads_without_defects() {
    let wav = read(&pcm(&[1, -2, 3])).unwrap();
    assert_eq!((wav.rate, wav.channels, wav.encoding), (8000, 1, Encoding::Pcm16));
    assert_eq!(wav.samples, [[1, -2, 3]]);
    assert_eq!(wav.defects, []);
    assert!(wav.finished);
    assert_eq!(wav.data, 44..50);
}

#[test]
fn sizes_that_were_never_set_are_named_and_the_audio_is_read() {
    for unset in [0, 0xFFFF_FFFF] {
        let wav = read(&patch(patch(pcm(&[1, 2, 3]), 40, unset), 4, unset)).unwrap();
        assert_eq!(wav.samples, [[1, 2, 3]]);
        assert!(!wav.finished);
        let declared = u64::from(unset);
        assert_eq!(
            wav.defects,
            [
                Defect::Unfinalised { chunk: "data".into(), declared, present: 6 },
                Defect::Unfinalised { chunk: "RIFF".into(), declared, present: 42 },
            ]
        );
    }
}

#[test]
fn a_file_cut_short_is_read_to_its_end() {
    let whole = pcm(&[1, 2, 3, 4]);
    let wav = read(&whole[..whole.len() - 3]).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert!(!wav.finished);
    assert!(wav.defects.contains(&Defect::Truncated { chunk: "data".into(), declared: 8, present: 5 }));
    assert!(wav.defects.contains(&Defect::PartialFrame { bytes: 1 }));
}

#[test]
fn a_data_size_that_is_too_small_leaves_bytes_behind_and_is_named() {
    let wav = read(&patch(pcm(&[1, 2, 3, 4]), 40, 4)).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert_eq!(wav.defects, [Defect::TrailingBytes { count: 4 }]);
}

#[test]
fn a_riff_size_that_is_too_small_or_too_large_is_named() {
    let wav = read(&patch(pcm(&[1]), 4, 36)).unwrap();
    assert_eq!(wav.defects, [Defect::SizeTooSmall { declared: 36, present: 38 }]);
    let wav = read(&patch(pcm(&[1]), 4, 1000)).unwrap();
    assert_eq!(wav.defects, [Defect::Truncated { chunk: "RIFF".into(), declared: 1000, present: 38 }]);
}

#[test]
fn odd_chunks_are_stepped_over_with_and_without_their_pad_byte() {
    let fmt = chunk(b"fmt ", &format(1, 1, 8000, 16));
    let data = chunk(b"data", &[1, 0, 2, 0]);
    let list = chunk(b"LIST", b"INFOx");
    let wav = read(&riff(&[fmt.clone(), list.clone(), data.clone()])).unwrap();
    assert_eq!((wav.samples, wav.defects), (vec![vec![1, 2]], vec![]));
    let unpadded = list[..list.len() - 1].to_vec();
    let wav = read(&riff(&[fmt, unpadded, data])).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert_eq!(wav.defects, [Defect::MissingPad { chunk: "LIST".into() }]);
}

#[test]
fn odd_audio_without_its_pad_byte_is_named() {
    let file = riff(&[chunk(b"fmt ", &format(7, 1, 8000, 8)), chunk(b"data", &[0xFF; 3])]);
    assert_eq!(read(&file).unwrap().defects, []);
    let wav = read(&file[..file.len() - 1]).unwrap();
    assert_eq!(wav.samples, [[0, 0, 0]]);
    assert_eq!(wav.defects, [Defect::MissingPad { chunk: "data".into() }]);
}

#[test]
fn rf64_reads_by_its_ds64_chunk() {
    let data: Vec<u8> = vec![1, 0, 2, 0];
    let mut ds64 = vec![0; 28];
    let chunks = |ds64: &[u8]| {
        let file = riff(&[chunk(b"ds64", ds64), chunk(b"fmt ", &format(1, 1, 8000, 16)), chunk(b"data", &data)]);
        let at = file.len() - 8;
        let mut file = patch(patch(file, 4, 0xFFFF_FFFF), at, 0xFFFF_FFFF);
        file[..4].copy_from_slice(b"RF64");
        file
    };
    let length = chunks(&ds64).len() as u64;
    ds64[..8].copy_from_slice(&(length - 8).to_le_bytes());
    ds64[8..16].copy_from_slice(&4u64.to_le_bytes());
    let wav = read(&chunks(&ds64)).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert_eq!(wav.defects, [Defect::NeedlessRf64]);

    ds64[8..16].copy_from_slice(&(1u64 << 40).to_le_bytes());
    ds64[..8].copy_from_slice(&((1u64 << 40) + 80).to_le_bytes());
    let wav = read(&chunks(&ds64)).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert!(!wav.finished);
}

#[test]
fn every_encoding_comes_to_the_scale_of_16_bits() {
    let read_one = |tag, bits, data: &[u8]| {
        let wav = read(&riff(&[chunk(b"fmt ", &format(tag, 1, 8000, bits)), chunk(b"data", data)])).unwrap();
        wav.samples[0].clone()
    };
    assert_eq!(read_one(1, 8, &[0, 128, 255]), [-32768, 0, 127 << 8]);
    assert_eq!(read_one(1, 24, &[9, 0x34, 0x12]), [0x1234]);
    assert_eq!(read_one(1, 32, &[9, 9, 0x34, 0x12]), [0x1234]);
    let floats: Vec<u8> = [0.5f32, -1.0, 2.0, f32::NAN].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(read_one(3, 32, &floats), [16384, -32768, 32767, 0]);
    assert_eq!(read_one(3, 64, &0.25f64.to_le_bytes()), [8192]);
    assert_eq!(read_one(6, 8, &[0xD5, 0x55]), [8, -8]);
    assert_eq!(read_one(7, 8, &[0xFF, 0x80]), [0, 32124]);
}

#[test]
fn an_extensible_format_says_its_encoding_in_its_guid() {
    let mut body = format(0xFFFE, 1, 8000, 16);
    body.extend(22u16.to_le_bytes());
    body.extend(16u16.to_le_bytes());
    body.extend(4u32.to_le_bytes());
    body.extend(*b"\x01\0\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71");
    let wav = read(&riff(&[chunk(b"fmt ", &body), chunk(b"data", &[1, 0])])).unwrap();
    assert_eq!((wav.samples, wav.defects), (vec![vec![1]], vec![]));
    let short = riff(&[chunk(b"fmt ", &body[..20]), chunk(b"data", &[1, 0])]);
    assert_eq!(read(&short), Err(WavError::ShortFormat { got: 20, expected: 26 }));
}

#[test]
fn what_cannot_be_read_says_why() {
    let data = || chunk(b"data", &[1, 0]);
    let fmt = || chunk(b"fmt ", &format(1, 1, 8000, 16));
    assert_eq!(read(b""), Err(WavError::Empty));
    assert_eq!(read(b"RIFF"), Err(WavError::TooShort { got: 4 }));
    assert_eq!(read(b"\x7fELF00000000"), Err(WavError::NotRiff { found: "\\x7fELF".into() }));
    assert_eq!(read(b"RIFF\0\0\0\0AVI "), Err(WavError::NotWave { found: "AVI ".into() }));
    assert_eq!(read(&riff(&[data()])), Err(WavError::NoFormat));
    assert_eq!(read(&riff(&[fmt()])), Err(WavError::NoData));
    let channels = |count| read(&riff(&[chunk(b"fmt ", &format(1, count, 8000, 16)), data()]));
    assert_eq!(channels(0), Err(WavError::Channels { got: 0 }));
    assert_eq!(channels(1000), Err(WavError::Channels { got: 1000 }));
    let gsm = riff(&[chunk(b"fmt ", &format(0x31, 1, 8000, 0)), data()]);
    assert_eq!(read(&gsm), Err(WavError::Unsupported { tag: 0x31, bits: 0 }));
    assert_eq!(read(&riff(&[chunk(b"fmt ", &format(1, 1, 0, 16)), data()])), Err(WavError::ZeroRate));
}

#[test]
fn wrong_block_size_and_byte_rate_are_named_and_not_believed() {
    let mut body = format(1, 2, 8000, 16);
    body[12..14].copy_from_slice(&7u16.to_le_bytes());
    body[8..12].copy_from_slice(&5u32.to_le_bytes());
    let wav = read(&riff(&[chunk(b"fmt ", &body), chunk(b"data", &[1, 0, 2, 0])])).unwrap();
    assert_eq!(wav.samples, [[1], [2]]);
    assert_eq!(
        wav.defects,
        [Defect::BlockAlign { declared: 7, expected: 4 }, Defect::ByteRate { declared: 5, expected: 32000 }]
    );
}

#[test]
fn the_writers_files_are_read_by_hound_and_by_us() {
    let samples = [1i16, -2, 300, -400, i16::MAX, i16::MIN];
    let file = written(Encoding::Pcm16, 2, &samples);
    let wav = read(&file).unwrap();
    assert_eq!(wav.samples, [vec![1, 300, i16::MAX], vec![-2, -400, i16::MIN]]);
    assert_eq!(wav.defects, []);
    let mut hound = hound::WavReader::new(Cursor::new(&file)).unwrap();
    assert_eq!(hound.spec().channels, 2);
    assert_eq!(hound.samples::<i16>().collect::<Result<Vec<_>, _>>().unwrap(), samples);
}

#[test]
fn hounds_files_are_read_by_us() {
    for bits in [8u16, 16, 24, 32] {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: bits,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
        for sample in [-100i32, 0, 100] {
            writer.write_sample(sample << (bits - 8)).unwrap();
        }
        writer.finalize().unwrap();
        let wav = read(file.get_ref()).unwrap();
        assert_eq!(wav.samples, [[-100 << 8, 0, 100 << 8]], "{bits} bits");
        assert!(wav.finished, "{bits} bits: {:?}", wav.defects);
    }
}

#[test]
fn the_laws_are_written_with_a_fact_chunk_and_a_pad_byte() {
    for (law, encoding) in [(Law::Mu, Encoding::MuLaw), (Law::A, Encoding::ALaw)] {
        let file = written(encoding, 1, &[0, 1000, -1000]);
        assert_eq!(file.len(), 58 + 4);
        let wav = read(&file).unwrap();
        assert_eq!(wav.defects, []);
        assert_eq!(wav.samples, [[0, 1000, -1000].map(|sample| decode(law, encode(law, sample)))]);
    }
}

#[test]
fn after_each_header_update_the_bytes_so_far_are_a_whole_file() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), 8000, 1, Encoding::MuLaw).unwrap();
    for round in 1..4 {
        writer.write(&[5; 33]).unwrap();
        writer.update_header().unwrap();
        assert_eq!(writer.frames(), 33 * round);
    }
    writer.write(&[5; 7]).unwrap();
    let crashed = writer.finish().unwrap().into_inner();
    assert_eq!(read(&crashed).unwrap().samples[0].len(), 106);

    let mut disk = Cursor::new(Vec::new());
    let mut writer = Writer::new(&mut disk, 8000, 1, Encoding::Pcm16).unwrap();
    writer.write(&[1, 2]).unwrap();
    writer.update_header().unwrap();
    writer.write(&[3]).unwrap();
    drop(writer);
    let wav = read(disk.get_ref()).unwrap();
    assert_eq!(wav.samples, [[1, 2]]);
    assert!(wav.defects.contains(&Defect::TrailingBytes { count: 2 }));
}

#[test]
fn a_new_file_without_audio_is_whole_and_empty() {
    let wav = read(&written(Encoding::Pcm16, 1, &[])).unwrap();
    assert_eq!((wav.frames(), wav.finished), (0, true));
}

#[test]
fn the_writer_refuses_what_it_cannot_write() {
    let new = |channels, encoding| Writer::new(Cursor::new(Vec::new()), 8000, channels, encoding);
    assert!(matches!(new(0, Encoding::Pcm16), Err(WriteError::Unsupported { .. })));
    assert!(matches!(new(1, Encoding::Float32), Err(WriteError::Unsupported { .. })));
    let mut stereo = new(2, Encoding::Pcm16).unwrap();
    assert!(matches!(stereo.write(&[1]), Err(WriteError::PartialFrame { got: 1, channels: 2 })));
}

#[test]
fn random_damage_never_panics_and_never_invents_samples() {
    let file = written(Encoding::Pcm16, 2, &[100; 400]);
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..20_000 {
        let mut bytes = file.clone();
        for _ in 0..1 + random() % 4 {
            let at = random() % 60;
            bytes[at] = random() as u8;
        }
        bytes.truncate(bytes.len() - random() % 100);
        if let Ok(wav) = read(&bytes) {
            assert!(wav.samples.len() * wav.frames() <= bytes.len());
        }
    }
}
