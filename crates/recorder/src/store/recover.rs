//! Unfinished recordings of an earlier run, finished now.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::files;
use super::maker::contained;
use crate::fault::Fault;
use crate::journal::{self, Record};
use crate::metadata::{self, Recording, Status};
use crate::store::writer::Place;
use crate::times;

/// What recovery found: the recordings finished, and what could not be (each text names its file).
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    pub(crate) finished: Vec<(PathBuf, Recording)>,
    pub(crate) alarms: Vec<String>,
}

/// Finishes every recording below the root that has a journal and no `recording.json`.
pub(crate) fn recover(root: &Path) -> Recovered {
    recover_by(root, finish)
}

fn recover_by(root: &Path, finish: impl Fn(&Path) -> Finish) -> Recovered {
    let mut found = Recovered::default();
    for day in folders(root) {
        for folder in folders(&day) {
            let unfinished = folder.join(journal::FILE_NAME).is_file() && !folder.join(metadata::FILE_NAME).is_file();
            if !unfinished || is_running(&folder) {
                continue;
            }
            // What one journal holds must not keep the others from being finished.
            let finished = contained(|| finish(&folder)).unwrap_or_else(|bug| Err(bug.into()));
            match finished {
                Ok((recording, damage)) => {
                    found.finished.push((folder, recording));
                    found.alarms.extend(damage);
                }
                Err(error) => found.alarms.push(format!("cannot recover {}: {error}", folder.display())),
            }
        }
    }
    found
}

/// Whether another recorder holds the journal.
fn is_running(folder: &Path) -> bool {
    let journal = fs::File::open(folder.join(journal::FILE_NAME));
    journal.is_ok_and(|journal| matches!(journal.try_lock(), Err(fs::TryLockError::WouldBlock)))
}

/// The folders in a folder, sorted; what cannot be read has none.
fn folders(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// A recording that is finished now, and what of its journal could not be read.
type Finish = Result<(Recording, Option<String>), Box<dyn std::error::Error + Send + Sync>>;

/// Finishes one recording.
fn finish(folder: &Path) -> Finish {
    let path = folder.join(journal::FILE_NAME);
    let mut reader = journal::Reader::new(fs::File::open(&path)?)?;
    let (mut snapshot, mut last) = (None, 0);
    while let Some(record) = reader.next()? {
        match record {
            Record::Packet(packet, _) => last = packet.arrival_us.max(last),
            Record::Snapshot(json) => snapshot = serde_json::from_slice(json).ok().or(snapshot),
            Record::End | Record::Other => {}
        }
    }
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut recording = snapshot.unwrap_or_else(|| Recording::blank(&name));
    recording.status = Status::Recovered;
    recording.reason = Some("the recorder stopped before the call ended".to_owned());
    recording.flag("recovered");
    if reader.torn() {
        recording.flag("journal-torn");
        truncate(&path, reader.good())?;
    }
    let ended = times::rfc3339(reader.started_us().saturating_add_unsigned(last));
    for leg in recording.legs.iter_mut().filter(|leg| leg.ended.is_none()) {
        leg.ended = Some(ended.clone());
        leg.ended_by = Some("crash".to_owned());
    }
    let ended = recording.ended.clone().unwrap_or(ended);
    recording.end(ended);
    let place = Place { root: PathBuf::new(), fault: Fault::None, durable: true };
    let recording = files::make(folder, recording, &place)?;
    Ok((recording, files::damage(&path, reader.damaged())))
}

fn truncate(path: &Path, length: u64) -> io::Result<()> {
    let file = OpenOptions::new().write(true).open(path)?;
    file.set_len(length)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use media::g711::{self, Law};
    use media::wav;

    use super::*;
    use crate::journal::{Packet, write_header, write_packet, write_snapshot};
    use crate::metadata::{Leg, Participant, Party, Side};

    /// A folder with the journal of a recording that nobody finished: both legs, two seconds, far 100 ms later.
    fn unfinished(root: &Path, bytes: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
        let folder = root.join("2026-01-01").join("20260101-000000-000-1-0001");
        fs::create_dir_all(&folder).unwrap();
        let mut journal = Vec::new();
        write_header(&mut journal, 1_767_225_600_000_000);
        let mut recording = Recording::blank("20260101-000000-000-1-0001");
        recording.legs = Side::BOTH.map(Leg::blank).to_vec();
        let (party, from) = (Party::default(), "2026-01-01T00:00:00.000000Z".to_owned());
        recording.participants.push(Participant { side: Side::Far, party, from, until: None });
        write_snapshot(&mut journal, &recording);
        for n in 0..100u64 {
            for (side, delay) in [(Side::Near, 0), (Side::Far, 100_000)] {
                let packet = Packet {
                    side,
                    epoch: 0,
                    ssrc: 5,
                    index: n,
                    timestamp: 160 * n as u32,
                    arrival_us: 1_000_000 + delay + 20_000 * n,
                    payload_type: 0,
                    marker: false,
                    payload: &[code(side, n); 160][..],
                };
                write_packet(&mut journal, &packet);
            }
        }
        bytes(&mut journal);
        fs::write(folder.join(journal::FILE_NAME), &journal).unwrap();
        folder
    }

    fn code(side: Side, n: u64) -> u8 {
        (n as u8) | if side == Side::Far { 0x80 } else { 0 }
    }

    #[test]
    fn an_unfinished_recording_is_finished_once_and_marked() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |_| {});
        let found = recover(root.path());
        assert!(found.alarms.is_empty(), "{:?}", found.alarms);
        let recording = &found.finished[0].1;
        assert_eq!(recording.status, Status::Recovered);
        assert_eq!(recording.ended.as_deref(), Some("2026-01-01T00:00:03.080000Z"));
        assert_eq!(recording.participants[0].until, recording.ended);
        assert_eq!(recording.leg(Side::Far).unwrap().packets.stored, 100);
        assert_eq!(recording.stereo.unwrap().far_offset, 800);
        let text = fs::read_to_string(folder.join(metadata::FILE_NAME)).unwrap();
        assert_eq!(&Recording::from_json(&text).unwrap(), recording);
        assert!(recover(root.path()).finished.is_empty());
    }

    #[test]
    fn the_files_hold_every_sample_in_its_place() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |_| {});
        recover(root.path());
        let stereo = wav::read(&fs::read(folder.join("stereo.wav")).unwrap()).unwrap();
        assert!(stereo.finished && stereo.defects.is_empty(), "{:?}", stereo.defects);
        assert_eq!((stereo.rate, stereo.channels, stereo.frames()), (8000, 2, 16_800));
        for n in 0..100usize {
            for (channel, side, offset) in [(0, Side::Near, 0), (1, Side::Far, 800)] {
                let expected = g711::decode(Law::Mu, code(side, n as u64));
                let frame = &stereo.samples[channel][offset + 160 * n..][..160];
                assert!(frame.iter().all(|sample| *sample == expected), "{side:?} frame {n}");
            }
        }
        assert!(stereo.samples[1][..800].iter().all(|sample| *sample == 0));
        let near = wav::read(&fs::read(folder.join("near.wav")).unwrap()).unwrap();
        assert_eq!((near.channels, near.frames()), (1, 16_000));
        assert_eq!(near.samples[0][..], stereo.samples[0][..16_000]);
    }

    #[test]
    fn a_journal_cut_anywhere_yields_what_was_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |_| {});
        let journal = fs::read(folder.join(journal::FILE_NAME)).unwrap();
        for cut in (journal::HEADER_LEN..journal.len()).step_by(997) {
            fs::remove_dir_all(&folder).unwrap();
            unfinished(root.path(), |journal| journal.truncate(cut));
            let found = recover(root.path());
            assert!(found.alarms.is_empty(), "cut at {cut}: {:?}", found.alarms);
            let whole = journal::read(&journal[..cut]).unwrap();
            let recording = &found.finished[0].1;
            let stored: u64 = recording.legs.iter().map(|leg| leg.packets.stored).sum();
            assert_eq!(stored, whole.packets.len() as u64, "cut at {cut}");
            let left = fs::metadata(folder.join(journal::FILE_NAME)).map(|file| file.len()).unwrap_or(0);
            assert!(left == whole.good as u64 || whole.packets.is_empty(), "cut at {cut}");
        }
    }

    #[test]
    fn a_damaged_middle_costs_only_its_packets_and_is_named() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |journal| {
            let middle = journal.len() / 2;
            journal[middle] ^= 1;
        });
        let found = recover(root.path());
        let [alarm] = found.alarms.as_slice() else { panic!("{:?}", found.alarms) };
        assert!(alarm.contains("journal.mmj") && alarm.contains("in 1 places are damaged"), "{alarm}");
        let recording = &found.finished[0].1;
        assert!(recording.flags.contains(&"journal-damaged".to_owned()), "{:?}", recording.flags);
        let stored: u64 = recording.legs.iter().map(|leg| leg.packets.stored).sum();
        assert_eq!(stored, 199);
        let stereo = wav::read(&fs::read(folder.join("stereo.wav")).unwrap()).unwrap();
        assert_eq!(stereo.frames(), 16_800, "the lost packet leaves its time");
    }

    #[test]
    fn a_packet_far_longer_than_the_others_costs_no_recording() {
        let root = tempfile::tempdir().unwrap();
        unfinished(root.path(), |journal| {
            let packet = Packet {
                side: Side::Near,
                epoch: 0,
                ssrc: 5,
                index: 100,
                timestamp: 160 * 60,
                arrival_us: 1_000_000 + 20_000 * 100,
                payload_type: 0,
                marker: false,
                payload: &[7; 1000][..],
            };
            write_packet(journal, &packet);
        });
        let found = recover(root.path());
        assert_eq!((found.finished.len(), found.alarms), (1, vec![]));
    }

    #[test]
    fn a_panic_over_one_journal_is_told_and_leaves_it_and_the_others_are_finished() {
        let root = tempfile::tempdir().unwrap();
        let first = unfinished(root.path(), |_| {});
        let second = first.with_file_name("20260101-000000-000-2-0002");
        fs::create_dir(&second).unwrap();
        fs::copy(first.join(journal::FILE_NAME), second.join(journal::FILE_NAME)).unwrap();
        let found =
            recover_by(root.path(), |folder| if folder == first { panic!("as planned") } else { finish(folder) });
        assert_eq!(found.finished.len(), 1);
        let [alarm] = found.alarms.as_slice() else { panic!("{:?}", found.alarms) };
        assert!(alarm.contains("-1-0001") && alarm.contains("as planned"), "{alarm}");
        assert!(first.join(journal::FILE_NAME).exists() && second.join(metadata::FILE_NAME).exists());
        assert_eq!(recover(root.path()).finished.len(), 1, "once the bug is mended");
    }

    #[test]
    fn a_recording_that_runs_elsewhere_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |_| {});
        let running = fs::File::open(folder.join(journal::FILE_NAME)).unwrap();
        running.lock().unwrap();
        assert!(recover(root.path()).finished.is_empty());
        drop(running);
        assert_eq!(recover(root.path()).finished.len(), 1);
    }

    #[test]
    fn what_is_no_journal_is_left_alone_and_told() {
        let root = tempfile::tempdir().unwrap();
        let folder = unfinished(root.path(), |journal| *journal = b"not a journal, but long enough".to_vec());
        let found = recover(root.path());
        assert!(found.finished.is_empty());
        assert!(found.alarms[0].contains("no recording's journal"), "{:?}", found.alarms);
        assert!(folder.join(journal::FILE_NAME).exists());
        assert!(recover(&root.path().join("nowhere")).alarms.is_empty());
    }
}
