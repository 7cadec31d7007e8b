//! A journal read from front to back, record by record, over damage.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use super::{
    END, HEADER_LEN, JournalError, MAX_RECORD, PACKET, PACKET_HEAD, Packet, RECORD_HEAD, SNAPSHOT, checksum, field,
    read_header,
};
use crate::metadata::Side;

/// Bytes read at a time.
const BLOCK: usize = 64 << 10;
/// The longest packet record: a packet of UDP.
const MAX_PACKET: usize = 1 + PACKET_HEAD + (64 << 10);

/// Reads a journal with no more memory than its longest record takes.
///
/// A record that does not verify is skipped with what follows it up to the next one that does: each is sealed by a
/// checksum of its own, so damage costs only what it hit. Where nothing that verifies follows, the journal was torn.
#[derive(Debug)]
pub struct Reader<R> {
    source: R,
    started_us: i64,
    /// What was read of the source; records begin at `taken`.
    buffer: Vec<u8>,
    taken: usize,
    /// Where in the journal `buffer[taken]` lies.
    offset: u64,
    is_at_end: bool,
    good: u64,
    damaged: Vec<Range<u64>>,
    torn: bool,
}

/// One record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// A packet, and where in the journal its payload lies.
    Packet(Packet<&'a [u8]>, u64),
    /// The metadata as they then stood, in JSON.
    Snapshot(&'a [u8]),
    /// The recorder wrote all it had.
    End,
    /// A kind of a later version.
    Other,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(source: R) -> Result<Self, JournalError> {
        let mut reader = Self {
            source,
            started_us: 0,
            buffer: Vec::new(),
            taken: 0,
            offset: 0,
            is_at_end: false,
            good: HEADER_LEN as u64,
            damaged: Vec::new(),
            torn: false,
        };
        reader.fill(HEADER_LEN)?;
        reader.started_us = read_header(reader.rest())?;
        reader.skip(HEADER_LEN);
        Ok(reader)
    }

    /// Start of the recording, microseconds of Unix time.
    pub fn started_us(&self) -> i64 {
        self.started_us
    }

    /// Bytes up to the end of the last good record.
    pub fn good(&self) -> u64 {
        self.good
    }

    /// What was skipped between good records, so far.
    pub fn damaged(&self) -> &[Range<u64>] {
        &self.damaged
    }

    /// Whether bytes follow the last good record; known once [`Self::next`] gave `None`.
    pub fn torn(&self) -> bool {
        self.torn
    }

    /// The next record that verifies.
    ///
    /// # Errors
    /// [`JournalError::Read`] where the source cannot be read.
    #[expect(clippy::should_implement_trait, reason = "the record borrows the reader")]
    pub fn next(&mut self) -> Result<Option<Record<'_>>, JournalError> {
        let begin = self.offset;
        let length = match self.record_at(0)? {
            Some(length) => Some(length),
            None => self.find()?,
        };
        let Some(length) = length else {
            self.torn = self.offset > begin || !self.rest().is_empty();
            return Ok(None);
        };
        if self.offset > begin {
            self.damaged.push(begin..self.offset);
        }
        let (at, payload_at) = (self.taken, self.offset + (RECORD_HEAD + 1 + PACKET_HEAD) as u64);
        self.skip(RECORD_HEAD + length);
        self.good = self.offset;
        Ok(Some(read_record(&self.buffer[at + RECORD_HEAD..at + RECORD_HEAD + length], payload_at)))
    }

    /// Goes on to the next record behind damage: the one that would follow if only the content were wrong, else the
    /// first one found. Returns its length.
    fn find(&mut self) -> Result<Option<usize>, JournalError> {
        if let Some(length) = self.length_at(0)? {
            let behind = RECORD_HEAD + length;
            if let Some(next) = self.record_at(behind)? {
                self.skip(behind);
                return Ok(Some(next));
            }
        }
        while !self.rest().is_empty() {
            self.skip(1);
            if let Some(length) = self.record_at(0)? {
                return Ok(Some(length));
            }
        }
        Ok(None)
    }

    /// The length of the record that begins so many bytes ahead, if one does and verifies.
    fn record_at(&mut self, ahead: usize) -> Result<Option<usize>, JournalError> {
        let Some(length) = self.length_at(ahead)? else { return Ok(None) };
        let end = ahead + RECORD_HEAD + length;
        // The kind first: it spares nearly all of the work where records are searched for.
        self.fill(ahead + RECORD_HEAD + 1)?;
        let is_likely = match self.rest().get(ahead + RECORD_HEAD) {
            None => return Ok(None),
            Some(&PACKET) => (1 + PACKET_HEAD..=MAX_PACKET).contains(&length),
            Some(&END) => length == 1,
            Some(_) => true,
        };
        if !is_likely {
            return Ok(None);
        }
        self.fill(end)?;
        let Some(record) = self.rest().get(ahead..end) else { return Ok(None) };
        let sum = u32::from_le_bytes(field(record, 4));
        let verifies = checksum(&record[..4], &record[RECORD_HEAD..]) == sum;
        Ok((verifies && is_sound(&record[RECORD_HEAD..])).then_some(length))
    }

    fn length_at(&mut self, ahead: usize) -> Result<Option<usize>, JournalError> {
        self.fill(ahead + RECORD_HEAD)?;
        let Some(head) = self.rest().get(ahead..ahead + RECORD_HEAD) else { return Ok(None) };
        let length = u32::from_le_bytes(field(head, 0)) as usize;
        Ok((1..=MAX_RECORD).contains(&length).then_some(length))
    }

    fn rest(&self) -> &[u8] {
        &self.buffer[self.taken..]
    }

    fn skip(&mut self, bytes: usize) {
        self.taken += bytes;
        self.offset += bytes as u64;
    }

    /// Reads until so many bytes lie ahead, or the source has no more.
    fn fill(&mut self, ahead: usize) -> Result<(), JournalError> {
        while self.rest().len() < ahead && !self.is_at_end {
            if self.taken >= BLOCK {
                self.buffer.drain(..self.taken);
                self.taken = 0;
            }
            let before = self.buffer.len();
            self.buffer.resize(before + BLOCK, 0);
            let read = read_some(&mut self.source, &mut self.buffer[before..]);
            self.buffer.truncate(before + *read.as_ref().unwrap_or(&0));
            self.is_at_end = read.map_err(|error| JournalError::Read(error.kind()))? == 0;
        }
        Ok(())
    }
}

fn read_some(source: &mut impl Read, out: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(out) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether kind and body of a record that verifies can be read.
fn is_sound(record: &[u8]) -> bool {
    record[0] != PACKET || record.get(1).is_some_and(|side| *side <= 1)
}

fn read_record(record: &[u8], payload_at: u64) -> Record<'_> {
    let body = &record[1..];
    match record[0] {
        PACKET => Record::Packet(read_packet(body), payload_at),
        SNAPSHOT => Record::Snapshot(body),
        END => Record::End,
        _ => Record::Other,
    }
}

/// Reads the body of a packet record, whose length was checked.
fn read_packet(body: &[u8]) -> Packet<&[u8]> {
    let (head, payload) = body.split_at(PACKET_HEAD);
    Packet {
        side: if head[0] == Side::Near as u8 { Side::Near } else { Side::Far },
        marker: head[1] & 1 == 1,
        payload_type: head[2],
        epoch: u16::from_le_bytes(field(head, 4)),
        ssrc: u32::from_le_bytes(field(head, 6)),
        index: u64::from_le_bytes(field(head, 10)),
        timestamp: u32::from_le_bytes(field(head, 18)),
        arrival_us: u64::from_le_bytes(field(head, 22)),
        payload,
    }
}
