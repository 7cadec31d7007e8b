//! The journal of a recording: append-only, checksummed, readable after any crash.
//!
//! ```text
//! header   "MMJOURN1" | version u16 | 0 u16 | started i64 | crc32c u32        24 bytes, little-endian
//! record   length u32 | crc32c u32 | kind u8 | body                           length counts kind and body
//! packet   side u8 | flags u8 | type u8 | 0 u8 | epoch u16 | ssrc u32 | index u64 | timestamp u32 | arrival u64 | payload
//! ```
//!
//! `started` is in microseconds of Unix time, `arrival` in microseconds since `started`. The checksum of a record
//! covers its length, kind and body. A reader takes every record that verifies: damage in the middle costs only what it
//! hit, and a torn end only its last record. A snapshot record holds the whole `recording.json` as it then stood, so
//! that a recording can be finished without the process that began it.

mod reader;

use std::io;
use std::ops::Range;

pub use reader::{Reader, Record};

use crate::metadata::{Recording, Side};

/// The name of the journal in a recording's folder.
pub const FILE_NAME: &str = "journal.mmj";
/// Bytes of the header.
pub const HEADER_LEN: usize = 24;

const MAGIC: [u8; 8] = *b"MMJOURN1";
const VERSION: u16 = 1;
const RECORD_HEAD: usize = 8;
const PACKET_HEAD: usize = 30;
/// No record is longer: a packet is at most 64 KiB, a snapshot a few.
const MAX_RECORD: usize = 1 << 20;

const PACKET: u8 = 1;
const SNAPSHOT: u8 = 2;
const END: u8 = 3;

/// One genuine packet, in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<P> {
    /// The leg.
    pub side: Side,
    /// Counts restarts of the sequence under one SSRC (a new key, a new stream): order is epoch first, then index.
    pub epoch: u16,
    /// The SSRC.
    pub ssrc: u32,
    /// The sequence number extended to 64 bits.
    pub index: u64,
    /// The RTP timestamp.
    pub timestamp: u32,
    /// Microseconds from the recording's start to the packet's arrival.
    pub arrival_us: u64,
    /// The static payload type of the packet's codec (RFC 3551 §6), also where it was sent under a dynamic one.
    pub payload_type: u8,
    /// The marker bit.
    pub marker: bool,
    /// The payload, or where it lies in the journal.
    pub payload: P,
}

/// A journal as read: everything that verifies.
#[derive(Debug)]
pub struct Journal {
    /// Start of the recording, microseconds of Unix time.
    pub started_us: i64,
    /// The packets in order of arrival; payloads are ranges of the bytes read.
    pub packets: Vec<Packet<Range<usize>>>,
    /// The last snapshot of the metadata.
    pub snapshot: Option<Recording>,
    /// Whether the recorder wrote the end record.
    pub ended: bool,
    /// Bytes up to the end of the last good record.
    pub good: usize,
    /// Whether bytes follow that cannot be read.
    pub torn: bool,
    /// What cannot be read between good records.
    pub damaged: Vec<Range<u64>>,
}

/// Why a journal cannot be read at all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// Shorter than a header.
    #[error("journal: got {got} bytes, expected at least the header's {HEADER_LEN}")]
    Short {
        /// Bytes there are.
        got: usize,
    },
    /// The first bytes are others.
    #[error("journal: this is no recording's journal (first bytes {got:02x?})")]
    Magic {
        /// The first eight bytes.
        got: [u8; 8],
    },
    /// Of a later version.
    #[error("journal: got version {got}, expected {VERSION}")]
    Version {
        /// The number found.
        got: u16,
    },
    /// The header's checksum does not verify.
    #[error("journal: the header's checksum does not verify")]
    Header,
    /// The system does not give the bytes.
    #[error("journal: cannot be read: {0}")]
    Read(io::ErrorKind),
}

/// Appends the header.
pub fn write_header(out: &mut Vec<u8>, started_us: i64) {
    let begin = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    out.extend_from_slice(&started_us.to_le_bytes());
    let crc = crc32c::crc32c(&out[begin..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Appends a packet record.
pub fn write_packet(out: &mut Vec<u8>, packet: &Packet<&[u8]>) {
    write_record(out, PACKET, |out| {
        out.push(packet.side as u8);
        out.push(u8::from(packet.marker));
        out.push(packet.payload_type);
        out.push(0);
        out.extend_from_slice(&packet.epoch.to_le_bytes());
        out.extend_from_slice(&packet.ssrc.to_le_bytes());
        out.extend_from_slice(&packet.index.to_le_bytes());
        out.extend_from_slice(&packet.timestamp.to_le_bytes());
        out.extend_from_slice(&packet.arrival_us.to_le_bytes());
        out.extend_from_slice(packet.payload);
    });
}

/// Appends a snapshot record. Metadata that cannot be written as JSON, or are longer than a record may be, leave none.
pub fn write_snapshot(out: &mut Vec<u8>, recording: &Recording) {
    if let Ok(json) = serde_json::to_vec(recording)
        && json.len() < MAX_RECORD
    {
        write_record(out, SNAPSHOT, |out| out.extend_from_slice(&json));
    }
}

/// Appends the end record: nothing will follow.
pub fn write_end(out: &mut Vec<u8>) {
    write_record(out, END, |_| {});
}

fn write_record(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = out.len();
    out.extend_from_slice(&[0; RECORD_HEAD]);
    out.push(kind);
    body(out);
    let length = (out.len() - begin - RECORD_HEAD) as u32;
    out[begin..begin + 4].copy_from_slice(&length.to_le_bytes());
    let crc = checksum(&length.to_le_bytes(), &out[begin + RECORD_HEAD..]);
    out[begin + 4..begin + 8].copy_from_slice(&crc.to_le_bytes());
}

fn checksum(length: &[u8], rest: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(length), rest)
}

/// Reads a journal that is in memory.
pub fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
    let mut reader = Reader::new(bytes)?;
    let (mut packets, mut snapshot, mut ended) = (Vec::new(), None, false);
    while let Some(record) = reader.next()? {
        match record {
            Record::Packet(packet, at) => {
                packets.push(packet.with_payload(at as usize..at as usize + packet.payload.len()))
            }
            Record::Snapshot(json) => snapshot = serde_json::from_slice(json).ok().or(snapshot),
            Record::End => ended = true,
            Record::Other => {}
        }
    }
    Ok(Journal {
        started_us: reader.started_us(),
        packets,
        snapshot,
        ended,
        good: reader.good() as usize,
        torn: reader.torn(),
        damaged: reader.damaged().to_vec(),
    })
}

impl<P> Packet<P> {
    /// The same packet with its payload told otherwise.
    pub(crate) fn with_payload<Q>(&self, payload: Q) -> Packet<Q> {
        let Self { side, epoch, ssrc, index, timestamp, arrival_us, payload_type, marker, .. } = *self;
        Packet { side, epoch, ssrc, index, timestamp, arrival_us, payload_type, marker, payload }
    }
}

fn read_header(bytes: &[u8]) -> Result<i64, JournalError> {
    let header: &[u8; HEADER_LEN] = bytes.first_chunk().ok_or(JournalError::Short { got: bytes.len() })?;
    let magic = field::<8>(header, 0);
    if magic != MAGIC {
        return Err(JournalError::Magic { got: magic });
    }
    if u32::from_le_bytes(field(header, 20)) != crc32c::crc32c(&header[..20]) {
        return Err(JournalError::Header);
    }
    let version = u16::from_le_bytes(field(header, 8));
    if version != VERSION {
        return Err(JournalError::Version { got: version });
    }
    Ok(i64::from_le_bytes(field(header, 12)))
}

/// `N` bytes of a fixed-size head; callers stay inside it.
fn field<const N: usize>(head: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&head[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng, SeedableRng};

    use super::*;
    use crate::metadata::Recording;

    fn packet(n: u64, payload: &[u8]) -> Packet<&[u8]> {
        Packet {
            side: if n.is_multiple_of(2) { Side::Near } else { Side::Far },
            epoch: 3,
            ssrc: 0xdead_beef,
            index: 65_530 + n,
            timestamp: 4_294_967_200u32.wrapping_add(160 * n as u32),
            arrival_us: 20_000 * n,
            payload_type: 0,
            marker: n == 0,
            payload,
        }
    }

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        write_header(&mut bytes, 1_566_919_663_000_000);
        write_snapshot(&mut bytes, &Recording::blank("first"));
        for n in 0..20 {
            write_packet(&mut bytes, &packet(n, &[n as u8; 160]));
        }
        write_snapshot(&mut bytes, &Recording::blank("second"));
        write_end(&mut bytes);
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let bytes = sample();
        let journal = read(&bytes).unwrap();
        assert_eq!(journal.started_us, 1_566_919_663_000_000);
        assert_eq!(journal.packets.len(), 20);
        assert!(journal.ended && !journal.torn);
        assert_eq!(journal.snapshot.unwrap().id, "second");
        let seventh = &journal.packets[7];
        let payload = &bytes[seventh.payload.clone()];
        let got = Packet {
            payload,
            side: seventh.side,
            epoch: seventh.epoch,
            ssrc: seventh.ssrc,
            index: seventh.index,
            timestamp: seventh.timestamp,
            arrival_us: seventh.arrival_us,
            payload_type: seventh.payload_type,
            marker: seventh.marker,
        };
        assert_eq!(got, packet(7, &[7; 160]));
    }

    #[test]
    fn a_journal_cut_at_any_byte_keeps_every_whole_record_before_the_cut() {
        let bytes = sample();
        let whole = read(&bytes).unwrap();
        for cut in HEADER_LEN..bytes.len() {
            let journal = read(&bytes[..cut]).unwrap();
            let expected = whole.packets.iter().filter(|packet| packet.payload.end <= cut).count();
            assert_eq!(journal.packets.len(), expected, "cut at {cut}");
            assert_eq!(journal.torn, journal.good < cut, "cut at {cut}");
            assert!(journal.snapshot.is_none_or(|snapshot| snapshot.id == "first" || snapshot.id == "second"));
        }
        for cut in 0..HEADER_LEN {
            assert_eq!(read(&bytes[..cut]).unwrap_err(), JournalError::Short { got: cut });
        }
    }

    #[test]
    fn a_flipped_bit_costs_the_record_it_is_in_and_nothing_else() {
        let bytes = sample();
        let whole = read(&bytes).unwrap();
        let begin = |packet: &Packet<Range<usize>>| packet.payload.start - PACKET_HEAD - 1 - RECORD_HEAD;
        for at in HEADER_LEN..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let journal = read(&damaged).unwrap();
            let hit = |packet: &&Packet<Range<usize>>| (begin(packet)..packet.payload.end).contains(&at);
            let kept: Vec<_> = whole.packets.iter().filter(|packet| !hit(packet)).cloned().collect();
            assert_eq!(journal.packets, kept, "damage at {at}");
            let told: Vec<u64> = journal.damaged.iter().map(|range| range.end - range.start).collect();
            match whole.packets.iter().find(hit) {
                Some(packet) => assert_eq!(told, [(packet.payload.end - begin(packet)) as u64], "damage at {at}"),
                None => assert!(journal.torn || told.len() == 1, "damage at {at}"),
            }
        }
    }

    #[test]
    fn what_stands_before_and_after_lost_sectors_is_kept() {
        let mut bytes = sample();
        let whole = read(&bytes).unwrap();
        let (from, to) = (whole.packets[5].payload.start, whole.packets[9].payload.start);
        bytes[from..to].fill(0);
        let journal = read(&bytes).unwrap();
        let indexes: Vec<u64> = journal.packets.iter().map(|packet| packet.index - 65_530).collect();
        assert_eq!(indexes, (0..5).chain(10..20).collect::<Vec<_>>());
        assert!(journal.ended && !journal.torn);
        assert_eq!(journal.damaged.len(), 1);
    }

    #[test]
    fn a_record_inside_a_damaged_payload_is_sound_and_no_record() {
        let mut forged = Vec::new();
        write_packet(&mut forged, &packet(7, &[9; 20]));
        let mut bytes = Vec::new();
        write_header(&mut bytes, 0);
        write_packet(&mut bytes, &packet(0, &forged));
        write_packet(&mut bytes, &packet(1, &[1; 160]));
        bytes[HEADER_LEN + 4] ^= 1;
        let journal = read(&bytes).unwrap();
        assert_eq!(journal.packets.len(), 1, "what a peer says must not become a record of ours");
        assert_eq!(journal.packets[0].index, 65_531);
    }

    #[test]
    fn metadata_too_long_for_a_record_do_not_hide_what_follows() {
        let mut bytes = sample();
        write_snapshot(&mut bytes, &Recording::blank(&"x".repeat(MAX_RECORD)));
        write_packet(&mut bytes, &packet(20, &[1; 160]));
        let journal = read(&bytes).unwrap();
        assert_eq!((journal.packets.len(), journal.torn), (21, false));
    }

    #[test]
    fn a_wrong_header_is_refused_by_name() {
        let mut bytes = sample();
        bytes[0] = b'R';
        assert!(matches!(read(&bytes), Err(JournalError::Magic { .. })));
        let mut bytes = sample();
        bytes[13] ^= 1;
        assert_eq!(read(&bytes).unwrap_err(), JournalError::Header);
    }

    #[test]
    fn random_damage_never_panics_and_never_makes_up_a_packet() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(7);
        let bytes = sample();
        let whole = read(&bytes).unwrap();
        for _ in 0..3000 {
            let mut damaged = bytes.clone();
            for _ in 0..=rng.next_u32() % 4 {
                let at = rng.next_u32() as usize % damaged.len();
                match rng.next_u32() % 3 {
                    0 => damaged[at] = rng.next_u32() as u8,
                    1 => damaged.truncate(at.max(1)),
                    _ => damaged.insert(at, rng.next_u32() as u8),
                }
            }
            if let Ok(journal) = read(&damaged) {
                assert!(journal.good <= damaged.len());
                let mut expected = whole.packets.iter();
                for got in &journal.packets {
                    let known = expected.any(|e| (e.index, e.arrival_us) == (got.index, got.arrival_us));
                    assert!(known, "a packet that nobody wrote, or out of order");
                }
            }
        }
    }
}
