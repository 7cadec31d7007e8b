//! One leg's sound, decoded from the journal block by block: never the whole of it is in memory.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use media::g711::{self, Law};

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
    law: Law,
}

/// One leg's sound: silence, and payloads in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    /// By sample.
    pieces: Vec<Piece>,
    /// The longest piece, in samples.
    longest: u64,
    /// The first sample that is heard, and the one behind the last.
    begin: u64,
    end: u64,
    /// What becomes of each sample, where a fault changes it.
    change: Option<fn(i16) -> i16>,
}

impl Track {
    /// The sound of packets on their time line. Without any packet that can be decoded there is none.
    pub(crate) fn new(timeline: &Timeline, packets: &[Packet<Place>]) -> Self {
        let mut pieces = Vec::with_capacity(timeline.placed.len());
        for ((sample, packet), rank) in timeline.placed.iter().zip(0..) {
            let packet = &packets[*packet];
            if let Some(law) = Law::of_payload_type(packet.payload_type) {
                pieces.push(Piece { sample: *sample, place: packet.payload, rank, law });
            }
        }
        if !packets.iter().any(|packet| Law::of_payload_type(packet.payload_type).is_some()) {
            return Self::default();
        }
        pieces.sort_by_key(|piece| piece.sample);
        let longest = pieces.iter().map(|piece| u64::from(piece.place.len)).max().unwrap_or(0);
        Self { pieces, longest, begin: 0, end: timeline.samples, change: None }
    }

    /// Length in samples.
    pub(crate) fn len(&self) -> u64 {
        self.end - self.begin
    }

    /// Whether there is no sound at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// fault: the first samples are missing.
    pub(crate) fn drop_start(&mut self, samples: u64) {
        self.begin += samples.min(self.len());
    }

    /// fault: the last samples are missing.
    pub(crate) fn drop_end(&mut self, samples: u64) {
        self.end -= samples.min(self.len());
    }

    /// fault: every sample is changed.
    pub(crate) fn change(&mut self, change: fn(i16) -> i16) {
        self.change = Some(change);
    }

    /// Opens the journal to hear the track.
    pub(crate) fn open(&self, journal: &Path) -> io::Result<Sound<'_>> {
        let file = BufReader::with_capacity(BLOCK, File::open(journal)?);
        Ok(Sound { track: self, file, at: 0, codes: Vec::new() })
    }
}

/// A track being heard.
pub(crate) struct Sound<'a> {
    track: &'a Track,
    file: BufReader<File>,
    /// Where in the journal the file stands.
    at: u64,
    codes: Vec<u8>,
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
        let first = track.pieces.partition_point(|piece| piece.sample + track.longest <= begin);
        let last = track.pieces.partition_point(|piece| piece.sample < end);
        let mut heard = track.pieces.get(first..last).unwrap_or_default().to_vec();
        heard.sort_by_key(|piece| piece.rank);
        for piece in heard {
            self.decode(&piece, begin, &mut out[..(end - begin) as usize])?;
        }
        if let Some(change) = track.change {
            out.iter_mut().for_each(|sample| *sample = change(*sample));
        }
        Ok(())
    }

    /// Decodes what of a piece lies in a block that begins at this sample.
    fn decode(&mut self, piece: &Piece, begin: u64, out: &mut [i16]) -> io::Result<()> {
        self.codes.resize(piece.place.len as usize, 0);
        self.file.seek_relative(piece.place.at.wrapping_sub(self.at) as i64)?;
        self.file.read_exact(&mut self.codes)?;
        self.at = piece.place.at + u64::from(piece.place.len);
        let skipped = usize::try_from(begin.saturating_sub(piece.sample)).unwrap_or(usize::MAX);
        let Some(codes) = self.codes.get(skipped..) else { return Ok(()) };
        let to = usize::try_from(piece.sample.saturating_sub(begin)).unwrap_or(usize::MAX);
        let Some(out) = out.get_mut(to..) else { return Ok(()) };
        let len = codes.len().min(out.len());
        g711::decode_into(piece.law, &codes[..len], &mut out[..len]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

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
                packets.push(packet([0, 8, 9][rng.next_u32() as usize % 3], place));
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
        let other = Track::new(&timeline, &[packet(9, Place { at: 0, len: 100 })]);
        assert!(other.is_empty(), "what cannot be decoded is no sound");
    }
}
