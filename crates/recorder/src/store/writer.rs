//! The journals of the recordings that run.
//!
//! On the machine's network a thread of its own writes them, and another makes the files of what is over, so that a
//! slow disk holds up neither media nor signalling. Over the simulated network both happen in place: the outcome is
//! the same in every run, and nothing is synced, because virtual time knows no power cut.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::maker::{Maker, MakerThread, Over};
use super::open::Open;
use super::{Command, Event};
use crate::fault::Fault;
use crate::journal;
use crate::metadata::{Recording, Status};
use crate::session::RecordingId;
use crate::times;

/// Packets beyond so many bytes that wait for the disk are dropped: minutes of hundreds of calls.
const WAITING: usize = 256 << 20;
/// How often the writing thread looks for journals to sync.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After trouble, how often it is tried whether the disk takes writes again, and by how many bytes.
const PROBE_EVERY: Duration = Duration::from_secs(1);
static PROBE: [u8; 64 << 10] = [0; 64 << 10];

/// Where recordings go and how.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) fault: Fault,
    /// Whether writes are synced.
    pub(crate) durable: bool,
}

/// The journals, and where their events go.
struct Journals {
    place: Place,
    open: BTreeMap<RecordingId, Open>,
    events: UnboundedSender<Event>,
    /// Whether something could not be written, here or by the thread that makes the files.
    ailing: Arc<AtomicBool>,
    probe_at: Option<Instant>,
}

/// The way to the store: in place, or to its thread.
pub(crate) enum Store {
    /// Everything happens in the caller's thread.
    Inline(Inline),
    /// A thread writes.
    Threads(Threads),
}

/// The store in the caller's thread.
pub(crate) struct Inline(Journals);

/// The store in a thread of its own.
pub(crate) struct Threads {
    commands: Sender<Command>,
    thread: JoinHandle<()>,
    /// Bytes that wait to be written.
    waiting: Arc<AtomicUsize>,
    events: UnboundedSender<Event>,
    /// Whether the disk is too slow just now; told once.
    behind: bool,
    /// Whether the thread was found gone; told once.
    gone: bool,
}

impl Store {
    /// A store that works in place.
    pub(crate) fn inline(place: Place, events: UnboundedSender<Event>) -> Self {
        Self::Inline(Inline(Journals::new(place, events)))
    }

    /// A store with its own threads.
    pub(crate) fn threads(place: Place, events: UnboundedSender<Event>) -> io::Result<Self> {
        let (commands, receiver) = mpsc::channel();
        let journals = Journals::new(place, events.clone());
        let waiting = Arc::<AtomicUsize>::default();
        let written = Arc::clone(&waiting);
        let name = "recorder-journal".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || write(journals, &receiver, &written))?;
        Ok(Self::Threads(Threads { commands, thread, waiting, events, behind: false, gone: false }))
    }

    /// Takes a command.
    pub(crate) fn handle(&mut self, now: Instant, command: Command) {
        match self {
            Self::Inline(Inline(journals)) => {
                let over = journals.handle(now, command);
                for over in over.into_iter().chain(journals.look(now)) {
                    journals.make_files(over);
                }
            }
            Self::Threads(threads) => threads.send(command),
        }
    }

    /// Waits until everything that was commanded is on disk.
    pub(crate) fn close(self) {
        match self {
            Self::Inline(Inline(mut journals)) => {
                journals.close().into_iter().for_each(|over| journals.make_files(over))
            }
            Self::Threads(Threads { commands, thread, .. }) => {
                drop(commands);
                // If it ever panicked that was told, and its recordings are recovered at the next start.
                let _ = thread.join();
            }
        }
    }
}

impl Threads {
    /// Queues a command. Packets that a disk cannot take for too long are dropped, never memory filled without end.
    fn send(&mut self, command: Command) {
        if let Command::Append { bytes, .. } = &command {
            let before = self.waiting.fetch_add(bytes.len(), Ordering::Relaxed);
            if before > WAITING {
                self.waiting.fetch_sub(bytes.len(), Ordering::Relaxed);
                if !std::mem::replace(&mut self.behind, true) {
                    let text = format!("the disk is too slow: {before} bytes wait, packets are dropped");
                    let _ = self.events.send(Event::Alarm(text));
                }
                return;
            }
            if before < WAITING / 2 && std::mem::replace(&mut self.behind, false) {
                let _ = self.events.send(Event::Writable);
            }
        }
        if let Err(refused) = self.commands.send(command) {
            self.on_gone(&refused.0);
        }
    }

    /// The thread is gone, which only a bug does: it is told, and so is each recording that ends after it.
    fn on_gone(&mut self, command: &Command) {
        if !std::mem::replace(&mut self.gone, true) {
            let text = "the thread that writes journals is gone: nothing more is stored, restart the recorder";
            tracing::error!("{text}");
            let _ = self.events.send(Event::Alarm(text.to_owned()));
        }
        if let Command::Finish { metadata, .. } = command {
            let why = format!("recording not finished: {}: its journal waits for the next start", metadata.id);
            let _ = self.events.send(Event::NotFinished { why });
        }
    }
}

/// The body of the writing thread.
fn write(mut journals: Journals, commands: &Receiver<Command>, waiting: &AtomicUsize) {
    let mut maker = MakerThread::spawn(journals.maker());
    loop {
        match commands.recv_timeout(LOOK_EVERY) {
            Ok(command) => {
                let size = if let Command::Append { bytes, .. } = &command { bytes.len() } else { 0 };
                waiting.fetch_sub(size, Ordering::Relaxed);
                journals.handle(Instant::now(), command).into_iter().for_each(|over| maker.make(over));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        journals.look(Instant::now()).into_iter().for_each(|over| maker.make(over));
    }
    journals.close().into_iter().for_each(|over| maker.make(over));
    maker.close();
}

impl Journals {
    fn new(place: Place, events: UnboundedSender<Event>) -> Self {
        Self { place, open: BTreeMap::new(), events, ailing: Arc::default(), probe_at: None }
    }

    fn make_files(&self, over: Over) {
        self.maker().make(over);
    }

    fn maker(&self) -> Maker {
        Maker::new(self.place.clone(), self.events.clone(), Arc::clone(&self.ailing))
    }

    /// Runs one command; returns a recording that is over.
    fn handle(&mut self, now: Instant, command: Command) -> Option<Over> {
        match command {
            Command::Begin { recording, started_us, metadata } => self.begin(now, recording, started_us, &metadata),
            Command::Append { recording, bytes } => self.append(now, recording, &bytes),
            Command::Snapshot { recording, metadata } => {
                let mut bytes = Vec::new();
                journal::write_snapshot(&mut bytes, &metadata);
                self.append(now, recording, &bytes);
            }
            Command::Finish { recording, metadata } => return self.finish(now, recording, metadata),
        }
        None
    }

    fn begin(&mut self, now: Instant, recording: RecordingId, started_us: i64, metadata: &Recording) {
        // fault: nothing is written.
        if self.place.fault == Fault::StoreNothing {
            return;
        }
        let folder = self.place.root.join(times::day(started_us)).join(&metadata.id);
        self.open.insert(recording, Open::new(folder, self.place.durable));
        let mut bytes = Vec::new();
        journal::write_header(&mut bytes, started_us);
        journal::write_snapshot(&mut bytes, metadata);
        self.append(now, recording, &bytes);
    }

    fn append(&mut self, now: Instant, recording: RecordingId, bytes: &[u8]) {
        let alarm = self.open.get_mut(&recording).and_then(|open| open.append(now, bytes));
        self.alarm(alarm);
    }

    /// Syncs what is due, tries again what failed, and returns the recordings that only waited for that.
    fn look(&mut self, now: Instant) -> Vec<Over> {
        let alarms: Vec<String> = self.open.values_mut().filter_map(|open| open.look(now)).collect();
        alarms.into_iter().for_each(|alarm| self.alarm(Some(alarm)));
        self.probe(now);
        let over = |open: &Open| open.over.is_some() && !open.is_broken();
        let over: Vec<RecordingId> = self.open.iter().filter(|(_, open)| over(open)).map(|(id, _)| *id).collect();
        over.into_iter().filter_map(|recording| self.take(recording)).collect()
    }

    /// After trouble: whether the disk takes writes again, which is told once.
    fn probe(&mut self, now: Instant) {
        if !self.ailing.load(Ordering::Relaxed) || self.probe_at.is_some_and(|at| now < at) {
            return;
        }
        self.probe_at = Some(now + PROBE_EVERY);
        if self.open.values().any(Open::is_broken) || try_disk(&self.place.root).is_err() {
            return;
        }
        self.ailing.store(false, Ordering::Relaxed);
        let _ = self.events.send(Event::Writable);
    }

    fn finish(&mut self, now: Instant, recording: RecordingId, metadata: Box<Recording>) -> Option<Over> {
        // fault: there is nothing to finish.
        if self.place.fault == Fault::StoreNothing {
            return Some((self.place.root.clone(), metadata));
        }
        let mut bytes = Vec::new();
        journal::write_snapshot(&mut bytes, &metadata);
        journal::write_end(&mut bytes);
        self.append(now, recording, &bytes);
        let alarm = self.open.get_mut(&recording).and_then(|open| open.sync(now));
        self.alarm(alarm);
        let open = self.open.get_mut(&recording)?;
        open.over = Some(metadata);
        // A disk that is full may have room again before the recorder ends.
        if open.is_broken() { None } else { self.take(recording) }
    }

    /// Takes a recording that is over from the journals.
    fn take(&mut self, recording: RecordingId) -> Option<Over> {
        let mut open = self.open.remove(&recording)?;
        let mut metadata = open.over.take()?;
        if open.lost > 0 {
            metadata.status = Status::Recovered;
            metadata.reason = Some(format!("journal: {} bytes could not be written", open.lost));
            metadata.flag("journal-broken");
        }
        Some((open.folder, metadata))
    }

    /// The recorder ends: what waits for the disk is tried once more and then given up.
    fn close(&mut self) -> Vec<Over> {
        let mut over = Vec::new();
        for recording in self.open.keys().copied().collect::<Vec<_>>() {
            let Some(open) = self.open.get_mut(&recording) else { continue };
            let alarm = open.sync(Instant::now());
            let was_broken = open.is_broken();
            open.give_up();
            let lost = was_broken
                .then(|| format!("{}: given up, {} bytes could not be written", open.folder.display(), open.lost));
            self.alarm(alarm);
            self.alarm(lost);
            over.extend(self.take(recording));
        }
        over
    }

    fn alarm(&self, text: Option<String>) {
        let Some(text) = text else { return };
        tracing::error!("{text}");
        self.ailing.store(true, Ordering::Relaxed);
        let _ = self.events.send(Event::Alarm(text));
    }
}

/// Writes a file and takes it away again.
fn try_disk(root: &Path) -> io::Result<()> {
    let path = root.join("probe.tmp");
    let result = File::create(&path).and_then(|mut file| file.write_all(&PROBE).and_then(|()| file.sync_all()));
    // Where it cannot be removed it is written over the next time.
    let _ = fs::remove_file(&path);
    result
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;
    use crate::journal::Packet;
    use crate::metadata::{Leg, Side};

    const ID: RecordingId = RecordingId(1);

    fn journals(root: &Path) -> (Journals, UnboundedReceiver<Event>) {
        let (events, told) = tokio::sync::mpsc::unbounded_channel();
        (Journals::new(Place { root: root.to_owned(), fault: Fault::None, durable: true }, events), told)
    }

    fn recording() -> Box<Recording> {
        let legs = Side::BOTH.map(Leg::blank).to_vec();
        Box::new(Recording { legs, ..Recording::blank("20260101-000000-000-1-0001") })
    }

    fn begin() -> Command {
        Command::Begin { recording: ID, started_us: 1_767_225_600_000_000, metadata: recording() }
    }

    fn append(n: u64) -> Command {
        let packet = Packet {
            side: Side::Near,
            epoch: 0,
            ssrc: 5,
            index: n,
            timestamp: 160 * n as u32,
            arrival_us: 20_000 * n,
            payload_type: 0,
            marker: false,
            payload: &[n as u8; 160][..],
        };
        let mut bytes = Vec::new();
        journal::write_packet(&mut bytes, &packet);
        Command::Append { recording: ID, bytes }
    }

    /// Alarms, whether the disk was said to take writes, and the recording if it was finished.
    fn told(events: &mut UnboundedReceiver<Event>) -> (Vec<String>, bool, Option<Box<Recording>>) {
        let (mut alarms, mut writable, mut finished) = (Vec::new(), false, None);
        while let Ok(event) = events.try_recv() {
            match event {
                Event::Alarm(text) | Event::NotFinished { why: text } => alarms.push(text),
                Event::Writable => writable = true,
                Event::Finished { metadata, .. } => finished = Some(metadata),
            }
        }
        (alarms, writable, finished)
    }

    #[test]
    fn a_journal_that_fails_is_told_of_and_gone_on_with_and_nothing_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let (mut journals, mut events) = journals(root.path());
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        journals.handle(start, begin());
        (0..10).for_each(|n| drop(journals.handle(start, append(n))));
        journals.open.get_mut(&ID).unwrap().break_file();
        (10..20).for_each(|n| drop(journals.handle(start, append(n))));
        journals.look(at(500));
        let (alarms, writable, _) = told(&mut events);
        assert!(alarms.len() == 1 && alarms[0].contains("journal.mmj") && !writable, "{alarms:?}");
        journals.look(at(1100));
        journals.look(at(1600));
        let (alarms, writable, _) = told(&mut events);
        assert!(alarms[0].contains("written again after 1100 ms, 0 bytes are lost") && writable, "{alarms:?}");
        (20..30).for_each(|n| drop(journals.handle(at(1200), append(n))));
        let over = journals.handle(at(1200), Command::Finish { recording: ID, metadata: recording() }).unwrap();
        journals.make_files(over);
        let recording = told(&mut events).2.unwrap();
        let near = recording.leg(Side::Near).unwrap();
        assert_eq!((near.packets.stored, near.samples, near.packets.lost), (30, 30 * 160, 0));
        assert!(recording.flags.is_empty(), "{:?}", recording.flags);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_made_once_it_can_and_the_recording_is_whole() {
        let parent = tempfile::tempdir().unwrap();
        let root = parent.path().join("recordings");
        fs::write(&root, "in the way").unwrap();
        let (mut journals, mut events) = journals(&root);
        let start = Instant::now();
        journals.handle(start, begin());
        (0..10).for_each(|n| drop(journals.handle(start, append(n))));
        assert!(journals.handle(start, Command::Finish { recording: ID, metadata: recording() }).is_none());
        assert!(journals.look(start + Duration::from_secs(2)).is_empty());
        assert_eq!(told(&mut events).0.len(), 1, "told once");
        fs::remove_file(&root).unwrap();
        let over = journals.look(start + Duration::from_secs(4));
        assert_eq!(over.len(), 1, "the recording waited for its disk");
        over.into_iter().for_each(|over| journals.make_files(over));
        assert_eq!(told(&mut events).2.unwrap().leg(Side::Near).unwrap().packets.stored, 10);
    }

    #[test]
    fn a_writing_thread_that_is_gone_is_told_once_and_so_is_every_recording_that_ends_after_it() {
        let (events, mut told_to) = tokio::sync::mpsc::unbounded_channel();
        let (commands, waiting) = (mpsc::channel().0, Arc::default());
        let thread = thread::spawn(|| {});
        let mut store = Store::Threads(Threads { commands, thread, waiting, events, behind: false, gone: false });
        let now = Instant::now();
        [begin(), append(0), append(1)].into_iter().for_each(|command| store.handle(now, command));
        let (alarms, writable, _) = told(&mut told_to);
        assert!(alarms.len() == 1 && alarms[0].contains("nothing more is stored") && !writable, "{alarms:?}");
        store.handle(now, Command::Finish { recording: ID, metadata: recording() });
        let (alarms, ..) = told(&mut told_to);
        assert!(alarms.len() == 1 && alarms[0].contains("20260101-000000-000-1-0001"), "{alarms:?}");
        store.close();
    }

    #[test]
    fn what_a_disk_never_takes_is_given_up_at_the_end_by_name() {
        let root = tempfile::tempdir().unwrap();
        let (mut journals, mut events) = journals(root.path());
        let start = Instant::now();
        journals.handle(start, begin());
        (0..10).for_each(|n| drop(journals.handle(start, append(n))));
        let folder = journals.open[&ID].folder.clone();
        journals.open.get_mut(&ID).unwrap().break_file();
        let aside = root.path().join("aside");
        fs::rename(&folder, &aside).unwrap();
        fs::write(&folder, "in the way").unwrap();
        let Command::Append { bytes, .. } = append(10) else { unreachable!() };
        let many = Command::Append { recording: ID, bytes: bytes.repeat((8 << 20) / bytes.len()) };
        journals.handle(start, many);
        journals.handle(start, append(11));
        let alarms = told(&mut events).0;
        assert!(alarms.len() == 2 && alarms[1].contains("packets are lost"), "{alarms:?}");
        assert!(journals.handle(start, Command::Finish { recording: ID, metadata: recording() }).is_none());
        fs::remove_file(&folder).unwrap();
        fs::rename(&aside, &folder).unwrap();
        let over = journals.look(start + Duration::from_secs(2)).pop().unwrap();
        assert_eq!(over.1.status, Status::Recovered);
        assert!(over.1.flags.contains(&"journal-broken".to_owned()) && over.1.reason.is_some());
    }
}
