//! One leg's sound, decoded from the journal block by block: never the whole of it is in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use media::codec::{CLOCK, Codec, Decoder};
use media::g711;

use crate::journal::Packet;
use crate::timeline::Timeline;

/// Bytes of the journal read at a time.
const BLOCK: usize = 64 << 10;

/// Where a payload lies in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: u64,
    pub(crate) len: u32,
}

/// A payload on the time line.
#[derive(Clone, Copy, Debug)]
struct Piece {
    sample: u64,
    place: Place,
    /// Where pieces overlap the one of the higher rank is heard.
    rank: u32,
    codec: Codec,
    ssrc: u32,
}

/// One leg's sound: silence, and payloads in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// By sample.
    pieces: Vec<Piece>,
    /// The longest piece, in samples.
    longest: u64,
    /// The first sample that is heard, and the one behind the last; of the track's rate, as everything but pieces.
    begin: u64,
    end: u64,
    /// Samples a tick of the time line: two where any packet is G.722.
    wide: u64,
    /// What becomes of each sample, where a fault changes it.
    change: Option<fn(i16) -> i16>,
}

impl Track {
    /// The sound of packets on their time line. Without any packet that can be decoded there is none.
    pub(crate) fn new(timeline: &Timeline, packets: &[Packet<Place>]) -> Self {
        let mut pieces = Vec::with_capacity(timeline.placed.len());
        for ((sample, packet), rank) in timeline.placed.iter().zip(0..) {
            let packet = &packets[*packet];
            if let Some(codec) = Codec::of_payload_type(packet.payload_type) {
                pieces.push(Piece { sample: *sample, place: packet.payload, rank, codec, ssrc: packet.ssrc });
            }
        }
        if !packets.iter().any(|packet| Codec::of_payload_type(packet.payload_type).is_some()) {
            return Self::default();
        }
        let wide = pieces.iter().map(|piece| piece.codec.samples_per_byte() as u64).max().unwrap_or(1);
        pieces.sort_by_key(|piece| piece.sample);
        let longest = pieces.iter().map(|piece| u64::from(piece.place.len)).max().unwrap_or(0);
        Self { pieces, longest, begin: 0, end: timeline.samples * wide, wide, change: None }
    }

    /// Samples a second.
    pub(crate) fn rate(&self) -> u32 {
        CLOCK * self.wide.max(1) as u32
    }

    /// Has the track's samples come at twice their rate, where another track's do.
    pub(crate) fn widen(&mut self) {
        if self.wide == 1 {
            (self.wide, self.begin, self.end) = (2, self.begin * 2, self.end * 2);
        }
    }

    /// Length in samples.
    pub(crate) fn len(&self) -> u64 {
        self.end - self.begin
    }

    /// Whether there is no sound at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// fault: the first ticks of the time line are missing.
    pub(crate) fn drop_start(&mut self, ticks: u64) {
        self.begin += (ticks * self.wide).min(self.len());
    }

    /// fault: the last ticks of the time line are missing.
    pub(crate) fn drop_end(&mut self, ticks: u64) {
        self.end -= (ticks * self.wide).min(self.len());
    }

    /// fault: every sample is changed.
    pub(crate) fn change(&mut self, change: fn(i16) -> i16) {
        self.change = Some(change);
    }

    /// Opens the journal to hear the track.
    pub(crate) fn open(&self, journal: &Path) -> io::Result<Sound<'_>> {
        let file = BufReader::with_capacity(BLOCK, File::open(journal)?);
        Ok(Sound { track: self, file, at: 0, codes: Vec::new(), memory: Memory::default() })
    }
}

/// A track being heard.
pub(crate) struct Sound<'a> {
    track: &'a Track,
    file: BufReader<File>,
    /// Where in the journal the file stands.
    at: u64,
    codes: Vec<u8>,
    memory: Memory,
}

/// What a wide track has decoded: G.722 has to be heard packet by packet, from the first one on.
#[derive(Default)]
struct Memory {
    /// The piece that is decoded next.
    next: usize,
    /// One decoder a source.
    decoders: HashMap<u32, Decoder>,
    /// Pieces that may reach into the next block: first sample, rank, samples.
    recent: Vec<(u64, u32, Vec<i16>)>,
}

impl Sound<'_> {
    /// The samples from `from` on; behind the track's end there is silence.
    pub(crate) fn fill(&mut self, from: u64, out: &mut [i16]) -> io::Result<()> {
        out.fill(0);
        let track = self.track;
        let begin = track.begin + from;
        let end = (begin + out.len() as u64).min(track.end);
        // The other leg is longer: a block that begins behind the end is silence.
        if begin >= end {
            return Ok(());
        }
        if track.wide > 1 {
            self.remember(begin, end)?;
            for (at, _, samples) in &self.memory.recent {
                lay(samples, *at, begin, &mut out[..(end - begin) as usize]);
            }
            self.changed(out);
            return Ok(());
        }
        let first = track.pieces.partition_point(|piece| piece.sample + track.longest <= begin);
        let last = track.pieces.partition_point(|piece| piece.sample < end);
        let mut heard = track.pieces.get(first..last).unwrap_or_default().to_vec();
        heard.sort_by_key(|piece| piece.rank);
        for piece in heard {
            self.decode(&piece, begin, &mut out[..(end - begin) as usize])?;
        }
        self.changed(out);
        Ok(())
    }

    /// fault: every sample is changed.
    fn changed(&self, out: &mut [i16]) {
        if let Some(change) = self.track.change {
            out.iter_mut().for_each(|sample| *sample = change(*sample));
        }
    }

    /// Decodes all pieces that begin before `end`, and forgets those that end before `begin`.
    fn remember(&mut self, begin: u64, end: u64) -> io::Result<()> {
        let track = self.track;
        while let Some(piece) = track.pieces.get(self.memory.next).filter(|piece| piece.sample * track.wide < end) {
            self.read(piece)?;
            let Memory { next, decoders, recent } = &mut self.memory;
            let mut samples = Vec::with_capacity(self.codes.len() * 2);
            let decoder = decoders.entry(piece.ssrc).or_insert_with(|| Decoder::new(piece.codec));
            if decoder.codec() != piece.codec {
                *decoder = Decoder::new(piece.codec);
            }
            decoder.decode(&self.codes, &mut samples);
            let samples = if piece.codec.samples_per_byte() == 1 { widened(&samples) } else { samples };
            recent.push((piece.sample * track.wide, piece.rank, samples));
            *next += 1;
        }
        let recent = &mut self.memory.recent;
        recent.retain(|(at, _, samples)| at + samples.len() as u64 > begin);
        recent.sort_by_key(|(_, rank, _)| *rank);
        Ok(())
    }

    /// Reads the payload of a piece.
    fn read(&mut self, piece: &Piece) -> io::Result<()> {
        self.codes.resize(piece.place.len as usize, 0);
        self.file.seek_relative(piece.place.at.wrapping_sub(self.at) as i64)?;
        self.file.read_exact(&mut self.codes)?;
        self.at = piece.place.at + u64::from(piece.place.len);
        Ok(())
    }

    /// Decodes what of a piece lies in a block that begins at this sample.
    fn decode(&mut self, piece: &Piece, begin: u64, out: &mut [i16]) -> io::Result<()> {
        let Some(law) = piece.codec.law() else { return Ok(()) };
        self.read(piece)?;
        let skipped = usize::try_from(begin.saturating_sub(piece.sample)).unwrap_or(usize::MAX);
        let Some(codes) = self.codes.get(skipped..) else { return Ok(()) };
        let to = usize::try_from(piece.sample.saturating_sub(begin)).unwrap_or(usize::MAX);
        let Some(out) = out.get_mut(to..) else { return Ok(()) };
        let len = codes.len().min(out.len());
        g711::decode_into(law, &codes[..len], &mut out[..len]);
        Ok(())
    }
}

/// Lays samples that begin at `at` into a block that begins at `begin`.
fn lay(samples: &[i16], at: u64, begin: u64, block: &mut [i16]) {
    let skipped = usize::try_from(begin.saturating_sub(at)).unwrap_or(usize::MAX);
    let to = usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX);
    if let (Some(samples), Some(block)) = (samples.get(skipped..), block.get_mut(to..)) {
        block.iter_mut().zip(samples).for_each(|(place, sample)| *place = *sample);
    }
}

/// Samples of 8 kHz at 16 kHz: each, and behind it the middle between it and the next one.
fn widened(samples: &[i16]) -> Vec<i16> {
    let next = samples.iter().skip(1).chain(samples.last());
    let middle = |(&one, &other): (&i16, &i16)| [one, ((i32::from(one) + i32::from(other)) / 2) as i16];
    samples.iter().zip(next).flat_map(middle).collect()
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

    use media::g711::Law;

    use super::*;
    use crate::metadata::Side;

    fn packet(payload_type: u8, place: Place) -> Packet<Place> {
        Packet {
            side: Side::Near,
            epoch: 0,
            ssrc: 1,
            index: 0,
            timestamp: 0,
            arrival_us: 0,
            payload_type,
            marker: false,
            payload: place,
        }
    }

    /// The same by filling an array from front to back.
    fn whole(timeline: &Timeline, packets: &[Packet<Place>], bytes: &[u8]) -> Vec<i16> {
        let mut samples = vec![0; timeline.samples as usize];
        for (at, packet) in &timeline.placed {
            let Packet { payload_type, payload, .. } = packets[*packet];
            let codes = &bytes[payload.at as usize..][..payload.len as usize];
            if let Some(law) = Law::of_payload_type(payload_type) {
                g711::decode_into(law, codes, &mut samples[*at as usize..][..codes.len()]);
            }
        }
        samples
    }

    #[test]
    fn blocks_of_any_size_sound_like_the_whole_with_overlaps_gaps_and_any_order() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(5);
        let bytes: Vec<u8> = (0..200_000).map(|_| rng.next_u32() as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, &bytes).unwrap();
        for round in 0..30 {
            let mut timeline = Timeline::default();
            let mut packets = Vec::new();
            for n in 0..200u64 {
                let len = rng.next_u32() % 400;
                let place = Place { at: u64::from(rng.next_u32() % 199_000), len };
                packets.push(packet([0, 8, 18][rng.next_u32() as usize % 3], place));
                let sample = n * 160 + u64::from(rng.next_u32() % 2000);
                timeline.placed.push((sample, n as usize));
                timeline.samples = timeline.samples.max(sample + u64::from(len));
            }
            let expected = whole(&timeline, &packets, &bytes);
            let track = Track::new(&timeline, &packets);
            assert_eq!(track.len(), expected.len() as u64);
            let mut sound = track.open(&path).unwrap();
            let mut got = Vec::new();
            while got.len() < expected.len() {
                let mut block = vec![7; 1 + rng.next_u32() as usize % 5000];
                sound.fill(got.len() as u64, &mut block).unwrap();
                got.extend(block);
            }
            assert!(got[expected.len()..].iter().all(|sample| *sample == 0));
            assert!(got[..expected.len()] == expected, "round {round}");
        }
    }

    #[test]
    fn g722_is_heard_from_its_first_packet_on_whatever_the_blocks_and_other_codecs_come_at_its_rate() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(6);
        let bytes: Vec<u8> = (0..160 * 50).map(|_| rng.next_u32() as u8).collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, &bytes).unwrap();
        let (mut timeline, mut packets) = (Timeline { samples: 160 * 60, ..Timeline::default() }, Vec::new());
        let (mut expected, mut decoder) = (vec![0; 320 * 60], Decoder::new(Codec::G722));
        for n in 0..50 {
            // After forty packets ten are missing; the last ones are of mu-law.
            let at = if n < 40 { n } else { n + 10 };
            let place = Place { at: 160 * n, len: 160 };
            let codes = &bytes[place.at as usize..][..160];
            let out = &mut expected[320 * at as usize..][..320];
            if n < 45 {
                let mut samples = Vec::new();
                decoder.decode(codes, &mut samples);
                out.copy_from_slice(&samples);
            } else {
                out.copy_from_slice(&widened(&g711::decode_all(Law::Mu, codes)));
            }
            packets.push(packet(if n < 45 { 9 } else { 0 }, place));
            timeline.placed.push((160 * at, n as usize));
        }
        let track = Track::new(&timeline, &packets);
        assert_eq!((track.rate(), track.len()), (16_000, 320 * 60));
        for len in [100, 320, 777, 19_200] {
            let mut sound = track.open(&path).unwrap();
            let mut got = Vec::new();
            while got.len() < expected.len() {
                let mut block = vec![7; len];
                sound.fill(got.len() as u64, &mut block).unwrap();
                got.extend(block);
            }
            assert!(got[..expected.len()] == expected, "blocks of {len}");
        }
        let timeline = Timeline { placed: vec![(0, 0)], samples: 160, ..Timeline::default() };
        let mut narrow = Track::new(&timeline, &packets[49..]);
        let before = narrow.len();
        narrow.widen();
        assert_eq!((narrow.rate(), narrow.len()), (16_000, 2 * before));
    }

    #[test]
    fn behind_the_end_there_is_silence_even_where_one_packet_is_longer_than_the_rest_of_the_track() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, [0x80; 1000]).unwrap();
        let timeline = Timeline { placed: vec![(0, 0), (1000, 1)], samples: 1160, ..Timeline::default() };
        let packets = [packet(0, Place { at: 0, len: 1000 }), packet(0, Place { at: 0, len: 160 })];
        let track = Track::new(&timeline, &packets);
        let mut sound = track.open(&path).unwrap();
        for from in [1160, 1161, 1999, 2161, 9000] {
            let mut out = [7; 100];
            sound.fill(from, &mut out).unwrap();
            assert_eq!(out, [0; 100], "from {from}");
        }
    }

    #[test]
    fn ends_can_be_missing_and_samples_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bytes");
        std::fs::write(&path, [0x80; 100]).unwrap();
        let timeline = Timeline { placed: vec![(0, 0)], samples: 100, ..Timeline::default() };
        let mut track = Track::new(&timeline, &[packet(0, Place { at: 0, len: 100 })]);
        track.drop_start(10);
        track.drop_end(20);
        track.change(|sample| sample / 2);
        let mut out = [1; 80];
        track.open(&path).unwrap().fill(0, &mut out).unwrap();
        let loud = g711::decode(Law::Mu, 0x80) / 2;
        assert!(track.len() == 70 && out[..70].iter().all(|s| *s == loud) && out[70..].iter().all(|s| *s == 0));
        track.drop_end(1000);
        assert!(track.is_empty());
        let other = Track::new(&timeline, &[packet(18, Place { at: 0, len: 100 })]);
        assert!(other.is_empty(), "what cannot be decoded is no sound");
    }
}
