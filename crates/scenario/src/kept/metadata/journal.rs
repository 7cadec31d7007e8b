//! The journal: whole, and its packets those that were sent. That they are what the sound files play follows, since
//! these are proven against the same ledger.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use media::ledger::{Leg, Nature, Row, Stream};
use recorder::journal::{FILE_NAME, Packet, Reader, Record};
use recorder::metadata::{Recording, Side, Status, unix_us};

use super::packets::is_audio;
use super::{or_nothing, side};
use crate::kept::Session;
use crate::outcome::Finding;

/// What one leg has in the journal.
#[derive(Default)]
struct Held {
    packets: u64,
    /// Extended numbers of the first and the last packet, and of how many different ones there are.
    indexes: Vec<(u32, u16, u64)>,
    first_us: Option<u64>,
    last_us: Option<u64>,
    /// Packets that nobody sent, or that were sent otherwise.
    strange: u64,
}

/// Reads the journal in `folder` and compares it with the ledger and with what is written.
pub(super) fn compare(
    folder: &Path,
    session: &Session,
    streams: &[&Stream],
    written: &Recording,
    findings: &mut Vec<Finding>,
) {
    let truth = Sent::of(streams);
    match read(&folder.join(FILE_NAME), &truth, written, findings) {
        Err(why) => findings.push(wrong("a journal that can be read", why, None)),
        Ok(held) => {
            for leg in session.legs() {
                against(leg, &held[side(leg).channel()], &truth, session, written, findings);
            }
        }
    }
}

/// Genuine packets that arrived.
struct Sent<'a> {
    /// Those with sound, by leg, SSRC, sequence number and timestamp.
    sound: HashMap<(Leg, u32, u16, u32), (&'a Stream, &'a Row)>,
    /// All others, such as keys: the leg of each. No journal has them.
    other: Vec<Leg>,
}

impl<'a> Sent<'a> {
    fn of(streams: &[&'a Stream]) -> Self {
        let rows = streams.iter().filter_map(|stream| Some((stream.leg()?, *stream)));
        let rows = rows.flat_map(|(leg, stream)| stream.rows.iter().map(move |row| (leg, stream, row)));
        let rows = rows.filter(|(_, _, row)| row.nature == Nature::Genuine && row.arrived_us().is_some());
        let (sound, other): (Vec<_>, Vec<_>) = rows.partition(|(_, _, row)| is_audio(row));
        let key = |leg, stream: &Stream, row: &Row| (leg, stream.ssrc, row.sequence, row.timestamp);
        Self {
            sound: sound.into_iter().map(|(leg, stream, row)| (key(leg, stream, row), (stream, row))).collect(),
            other: other.into_iter().map(|(leg, _, _)| leg).collect(),
        }
    }

    /// How many streams of the leg have packets that arrived.
    fn streams_of(&self, leg: Leg) -> usize {
        let here =
            self.sound.iter().filter(|(key, _)| key.0 == leg).map(|(_, (stream, _))| std::ptr::from_ref(*stream));
        here.collect::<BTreeSet<_>>().len()
    }

    fn is(&self, leg: Leg, packet: &Packet<&[u8]>) -> bool {
        let found = self.sound.get(&(leg, packet.ssrc, packet.index as u16, packet.timestamp));
        found.is_some_and(|(stream, row)| {
            stream.payload(row) == packet.payload
                && (row.payload_type, row.marker) == (packet.payload_type, packet.marker)
        })
    }

    /// Packets of a leg that had arrived by then.
    fn by(&self, leg: Leg, until_us: u64) -> u64 {
        let of = |key: &&(Leg, u32, u16, u32)| key.0 == leg;
        let rows = self.sound.iter().filter(|(key, _)| of(key));
        rows.filter(|(_, (_, row))| row.arrived_us().is_some_and(|at| at <= until_us)).count() as u64
    }
}

fn read(path: &Path, truth: &Sent<'_>, written: &Recording, findings: &mut Vec<Finding>) -> Result<[Held; 2], String> {
    if !path.is_file() {
        return Err("no such file".to_owned());
    }
    let file = File::open(path).map_err(|error| error.to_string())?;
    let mut reader = Reader::new(BufReader::new(file)).map_err(|error| error.to_string())?;
    let mut held = <[Held; 2]>::default();
    let mut ended = false;
    while let Some(record) = reader.next().map_err(|error| error.to_string())? {
        match record {
            Record::Packet(packet, _) => {
                let leg = if packet.side == Side::Near { Leg::Near } else { Leg::Far };
                let held = &mut held[packet.side.channel()];
                held.packets += 1;
                held.indexes.push((packet.ssrc, packet.epoch, packet.index));
                held.first_us.get_or_insert(packet.arrival_us);
                held.last_us = held.last_us.max(Some(packet.arrival_us));
                held.strange += u64::from(!truth.is(leg, &packet));
            }
            Record::End => ended = true,
            Record::Snapshot(_) | Record::Other => {}
        }
    }
    let flagged = |word: &str| written.flags.iter().any(|flag| flag == word);
    for (word, is) in [("journal-torn", reader.torn()), ("journal-damaged", !reader.damaged().is_empty())] {
        if is || flagged(word) {
            let says = if flagged(word) { "as recording.json says" } else { "of which recording.json says nothing" };
            let found = if is { format!("{word}, {says}") } else { format!("recording.json says {word}, it is whole") };
            findings.push(wrong("a whole journal", found, None));
        }
    }
    if !ended && written.status != Status::Recovered && !reader.torn() {
        findings.push(wrong("a journal with its end", "its end is missing".to_owned(), None));
    }
    if unix_us(&written.started) != Some(reader.started_us()) {
        findings.push(wrong("a journal that begins when the recording does", written.started.clone(), None));
    }
    Ok(held)
}

fn against(
    leg: Leg,
    held: &Held,
    truth: &Sent<'_>,
    session: &Session,
    written: &Recording,
    findings: &mut Vec<Finding>,
) {
    if held.strange > 0 {
        let found = format!("{} of {} are not", held.strange, held.packets);
        findings.push(wrong("packets as the phone sent them", found, Some(leg)));
    }
    let sure = session.heard_until().map_or(0, |until| truth.by(leg, until));
    if held.packets < sure {
        findings.push(wrong(&format!("at least the {sure} packets that arrived"), held.packets.to_string(), Some(leg)));
    }
    let Some(at) = written.leg(side(leg)) else { return };
    // A sender that began to count anew lost nothing between.
    let others = truth.other.iter().filter(|other| **other == leg).count() as u64;
    let lost = lost(&held.indexes).map(|lost| lost.saturating_sub(others)).filter(|_| truth.streams_of(leg) == 1);
    for (what, got, expected) in [("stored", at.packets.stored, Some(held.packets)), ("lost", at.packets.lost, lost)] {
        if expected.is_some_and(|expected| expected != got) {
            let expected = format!("{} packets {what}, by the journal", expected.unwrap_or_default());
            findings.push(metadata(&expected, format!("{got} packets {what}"), leg));
        }
    }
    let Some(start) = unix_us(&written.started) else { return };
    for (what, got, us) in
        [("first_packet", &at.first_packet, held.first_us), ("last_packet", &at.last_packet, held.last_us)]
    {
        let expected = us.map(|us| start.saturating_add_unsigned(us));
        if got.as_deref().and_then(unix_us) != expected {
            findings.push(metadata(
                &format!("{what} as in the journal"),
                format!("{what} {}", or_nothing(got.as_ref())),
                leg,
            ));
        }
    }
}

/// Numbers between the first and the last that never came; `None` where there are several sequences.
fn lost(indexes: &[(u32, u16, u64)]) -> Option<u64> {
    let (ssrc, epoch, _) = *indexes.first()?;
    let numbers: Option<Vec<u64>> =
        indexes.iter().map(|(s, e, index)| ((*s, *e) == (ssrc, epoch)).then_some(*index)).collect();
    let mut numbers = numbers?;
    numbers.sort_unstable();
    numbers.dedup();
    Some(numbers.last()? - numbers.first()? + 1 - numbers.len() as u64)
}

fn wrong(expected: &str, found: String, leg: Option<Leg>) -> Finding {
    let mut finding = Finding::new("wrong-journal", expected, found);
    finding.leg = leg.map(|leg| leg.name().to_owned());
    finding.file = Some(FILE_NAME.to_owned());
    finding
}

fn metadata(expected: &str, found: String, leg: Leg) -> Finding {
    let mut finding = Finding::new("wrong-metadata", expected, found);
    finding.leg = Some(leg.name().to_owned());
    finding
}
