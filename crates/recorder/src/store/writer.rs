//! The journals of the recordings that run.
//!
//! On the machine's network a thread of its own writes them, and another makes the files of what is over, so that a
//! slow disk holds up neither media nor signalling. Over the simulated network both happen in place: the outcome is
//! the same in every run, and nothing is synced, because virtual time knows no power cut.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use super::{Command, Event, files};
use crate::fault::Fault;
use crate::journal;
use crate::metadata::{Recording, Status};
use crate::session::RecordingId;
use crate::times;

/// What was appended reaches the disk within this time.
const SYNC_EVERY: Duration = Duration::from_millis(900);
/// Packets beyond so many bytes that wait for the disk are dropped: minutes of hundreds of calls.
const WAITING: usize = 256 << 20;
/// How often the writing thread looks for journals to sync.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where recordings go and how.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) fault: Fault,
    /// Whether writes are synced.
    pub(crate) durable: bool,
}

/// A journal that is being written.
struct Open {
    folder: PathBuf,
    file: File,
    unsynced: Option<Instant>,
    /// The first error: from then on the file is not trusted, and nothing more is written.
    broken: Option<String>,
}

/// The journals, and where their events go.
struct Journals {
    place: Place,
    open: BTreeMap<RecordingId, Open>,
    events: UnboundedSender<Event>,
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
}

impl Store {
    /// A store that works in place.
    pub(crate) fn inline(place: Place, events: UnboundedSender<Event>) -> Self {
        Self::Inline(Inline(Journals { place, open: BTreeMap::new(), events }))
    }

    /// A store with its own threads.
    pub(crate) fn threads(place: Place, events: UnboundedSender<Event>) -> io::Result<Self> {
        let (commands, receiver) = mpsc::channel();
        let journals = Journals { place, open: BTreeMap::new(), events: events.clone() };
        let waiting = Arc::<AtomicUsize>::default();
        let written = Arc::clone(&waiting);
        let name = "recorder-journal".to_owned();
        let thread = thread::Builder::new().name(name).spawn(move || write(journals, &receiver, &written))?;
        Ok(Self::Threads(Threads { commands, thread, waiting, events, behind: false }))
    }

    /// Takes a command.
    pub(crate) fn handle(&mut self, now: Instant, command: Command) {
        match self {
            Self::Inline(Inline(journals)) => {
                if let Some((folder, metadata)) = journals.handle(now, command) {
                    make_files(&folder, *metadata, &journals.place, &journals.events);
                }
            }
            Self::Threads(threads) => threads.send(command),
        }
    }

    /// Waits until everything that was commanded is on disk.
    pub(crate) fn close(self) {
        if let Self::Threads(Threads { commands, thread, .. }) = self {
            drop(commands);
            // The thread does not panic; if it ever did, its recordings are recovered at the next start.
            let _ = thread.join();
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
            self.behind = false;
        }
        // A send fails only when the thread is gone, which happens only when the store is.
        drop(self.commands.send(command));
    }
}

/// The body of the writing thread.
fn write(mut journals: Journals, commands: &Receiver<Command>, waiting: &AtomicUsize) {
    let (finished, to_make) = mpsc::channel::<(PathBuf, Box<Recording>)>();
    let (place, events) = (journals.place.clone(), journals.events.clone());
    let maker = thread::Builder::new().name("recorder-files".into()).spawn(move || {
        while let Ok((folder, metadata)) = to_make.recv() {
            make_files(&folder, *metadata, &place, &events);
        }
    });
    loop {
        match commands.recv_timeout(LOOK_EVERY) {
            Ok(command) => {
                let size = if let Command::Append { bytes, .. } = &command { bytes.len() } else { 0 };
                waiting.fetch_sub(size, Ordering::Relaxed);
                if let Some(over) = journals.handle(Instant::now(), command) {
                    // Without its thread the files are made by the next start.
                    let _ = finished.send(over);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        journals.sync_what_is_due(Instant::now());
    }
    drop(finished);
    if let Ok(maker) = maker {
        let _ = maker.join();
    }
}

fn make_files(folder: &Path, metadata: Recording, place: &Place, events: &UnboundedSender<Event>) {
    // fault: nothing is stored.
    let made = if place.fault == Fault::StoreNothing { Ok(metadata) } else { files::make(folder, metadata, place) };
    let event = match made {
        Ok(metadata) => Event::Finished { folder: folder.to_owned(), metadata: Box::new(metadata) },
        Err(error) => Event::NotFinished { why: format!("recording not finished: {error}") },
    };
    // Nobody listens once the recorder is gone.
    let _ = events.send(event);
}

impl Journals {
    /// Runs one command; returns the folder and metadata of a recording that is over.
    fn handle(&mut self, now: Instant, command: Command) -> Option<(PathBuf, Box<Recording>)> {
        match command {
            Command::Begin { recording, started_us, metadata } => self.begin(now, recording, started_us, &metadata),
            Command::Append { recording, bytes } => self.append(now, recording, &bytes),
            Command::Snapshot { recording, metadata } => {
                let mut bytes = Vec::new();
                journal::write_snapshot(&mut bytes, &metadata);
                self.append(now, recording, &bytes);
            }
            Command::Finish { recording, metadata } => return self.finish(recording, metadata),
        }
        None
    }

    fn begin(&mut self, now: Instant, recording: RecordingId, started_us: i64, metadata: &Recording) {
        if self.place.fault == Fault::StoreNothing {
            return;
        }
        let folder = self.place.root.join(times::day(started_us)).join(&metadata.id);
        match create(&folder, self.place.durable) {
            Ok(file) => {
                let open = Open { folder, file, unsynced: None, broken: None };
                self.open.insert(recording, open);
                let mut bytes = Vec::new();
                journal::write_header(&mut bytes, started_us);
                journal::write_snapshot(&mut bytes, metadata);
                self.append(now, recording, &bytes);
                let _ = self.events.send(Event::Begun);
            }
            Err(error) => self.alarm(format!("no journal in {}: {error}", folder.display())),
        }
    }

    fn append(&mut self, now: Instant, recording: RecordingId, bytes: &[u8]) {
        let Some(open) = self.open.get_mut(&recording) else { return };
        if open.broken.is_some() {
            return;
        }
        match open.file.write_all(bytes) {
            Ok(()) => {
                open.unsynced.get_or_insert(now);
            }
            Err(error) => self.distrust(recording, &error),
        }
    }

    fn sync_what_is_due(&mut self, now: Instant) {
        let due = |open: &Open| open.unsynced.is_some_and(|since| now.saturating_duration_since(since) >= SYNC_EVERY);
        let due: Vec<RecordingId> = self.open.iter().filter(|(_, open)| due(open)).map(|(id, _)| *id).collect();
        for recording in due {
            self.sync(recording);
        }
    }

    fn sync(&mut self, recording: RecordingId) {
        let durable = self.place.durable;
        let Some(open) = self.open.get_mut(&recording) else { return };
        open.unsynced = None;
        if !durable || open.broken.is_some() {
            return;
        }
        if let Err(error) = open.file.sync_data() {
            self.distrust(recording, &error);
        }
    }

    /// After an error of write or sync nobody knows what the file holds: it is left as it is, and the alarm is
    /// raised.
    fn distrust(&mut self, recording: RecordingId, error: &io::Error) {
        let Some(open) = self.open.get_mut(&recording) else { return };
        let text = format!("{}: {error}", open.folder.join(journal::FILE_NAME).display());
        open.broken = Some(text.clone());
        self.alarm(text);
    }

    fn finish(&mut self, recording: RecordingId, mut metadata: Box<Recording>) -> Option<(PathBuf, Box<Recording>)> {
        if self.place.fault == Fault::StoreNothing {
            return Some((self.place.root.clone(), metadata));
        }
        let mut bytes = Vec::new();
        journal::write_snapshot(&mut bytes, &metadata);
        journal::write_end(&mut bytes);
        // The instant only dates the next sync, and that one comes now.
        self.append(Instant::now(), recording, &bytes);
        self.sync(recording);
        let Some(open) = self.open.remove(&recording) else {
            let _ = self.events.send(Event::NotFinished { why: format!("recording {} has no journal", metadata.id) });
            return None;
        };
        if let Some(error) = open.broken {
            metadata.status = Status::Recovered;
            metadata.reason = Some(format!("journal: {error}"));
            metadata.flag("journal-broken");
        }
        Some((open.folder, metadata))
    }

    fn alarm(&self, text: String) {
        tracing::error!("{text}");
        let _ = self.events.send(Event::Alarm(text));
    }
}

fn create(folder: &Path, durable: bool) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(journal::FILE_NAME);
    let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
    // Another recorder that starts on this folder must not take a running recording for an unfinished one.
    file.lock()?;
    if durable {
        files::sync_folder(&path)?;
        files::sync_folder(folder)?;
    }
    Ok(file)
}
