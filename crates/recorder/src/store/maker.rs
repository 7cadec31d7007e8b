//! The files of recordings that are over, made one after the other.
//!
//! What goes wrong with one recording, a bug of ours included, is told and costs that recording's files alone: its
//! journal stays for the next start, and the next recording is made.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use tokio::sync::mpsc::UnboundedSender;

use super::files::FileError;
use super::writer::Place;
use super::{Event, files};
use crate::fault::Fault;
use crate::journal;
use crate::metadata::Recording;

/// A recording that is over: its folder, and what is known of it.
pub(super) type Over = (PathBuf, Box<Recording>);

/// How files are made: [`files::make`], but for tests.
type Make = fn(&Path, Recording, &Place) -> Result<Recording, FileError>;

/// Makes files and tells of it.
#[derive(Clone)]
pub(super) struct Maker {
    place: Place,
    make: Make,
    events: UnboundedSender<Event>,
    /// Set where something could not be stored, so that the disk is tried before it is said to be well again.
    ailing: Arc<AtomicBool>,
}

/// A maker in a thread of its own.
pub(super) struct MakerThread {
    /// Works here where the thread is gone.
    maker: Maker,
    to_make: Option<Sender<Over>>,
    thread: Option<JoinHandle<()>>,
}

impl Maker {
    pub(super) fn new(place: Place, events: UnboundedSender<Event>, ailing: Arc<AtomicBool>) -> Self {
        Self { place, make: files::make, events, ailing }
    }

    /// Makes one recording's files.
    pub(super) fn make(&self, (folder, metadata): Over) {
        // fault: nothing is stored.
        let made = match self.place.fault {
            Fault::StoreNothing => Ok(*metadata),
            Fault::OverwriteSegment => {
                remove_earlier(&folder, &metadata);
                self.made(&folder, *metadata)
            }
            _ => self.made(&folder, *metadata),
        };
        let event = match made {
            Ok(metadata) => {
                self.tell_damage(&folder, &metadata);
                Event::Finished { folder, metadata: Box::new(metadata) }
            }
            Err(why) => {
                self.ailing.store(true, Ordering::Relaxed);
                Event::NotFinished { why: format!("recording not finished: {why}") }
            }
        };
        self.tell(event);
    }

    fn made(&self, folder: &Path, metadata: Recording) -> Result<Recording, String> {
        let made = contained(|| (self.make)(folder, metadata, &self.place));
        let made = made.map_err(|bug| format!("{}: {bug}", folder.display()))?;
        made.map_err(|error| error.to_string())
    }

    fn tell_damage(&self, folder: &Path, metadata: &Recording) {
        let is_damage = |flag: &&String| matches!(flag.as_str(), "journal-torn" | "journal-damaged");
        for flag in metadata.flags.iter().filter(is_damage) {
            let path = folder.join(journal::FILE_NAME);
            self.tell(Event::Alarm(format!("{}: {flag}: what verifies is kept", path.display())));
        }
    }

    fn tell(&self, event: Event) {
        // Nobody listens once the recorder is gone.
        let _ = self.events.send(event);
    }
}

impl MakerThread {
    /// Starts the thread. Where there is none, files are made by the caller: later, but made.
    pub(super) fn spawn(maker: Maker) -> Self {
        let (to_make, over) = mpsc::channel();
        let works = maker.clone();
        let run = move |over: Receiver<Over>| over.iter().for_each(|over| works.make(over));
        match thread::Builder::new().name("recorder-files".into()).spawn(move || run(over)) {
            Ok(thread) => Self { maker, to_make: Some(to_make), thread: Some(thread) },
            Err(error) => {
                let mut none = Self { maker, to_make: None, thread: None };
                none.alarm(&error.to_string());
                none
            }
        }
    }

    /// Hands a recording over.
    pub(super) fn make(&mut self, over: Over) {
        let refused = match &self.to_make {
            Some(to_make) => to_make.send(over).map_err(|refused| refused.0),
            None => Err(over),
        };
        if let Err(over) = refused {
            if self.to_make.is_some() {
                self.alarm("it ended");
            }
            self.maker.make(over);
        }
    }

    /// Waits until all files are made.
    pub(super) fn close(mut self) {
        self.to_make = None;
        if let Some(Err(panic)) = self.thread.take().map(JoinHandle::join) {
            self.alarm(&text_of(&*panic));
        }
    }

    fn alarm(&mut self, why: &str) {
        self.to_make = None;
        let text = format!("no thread makes files ({why}): journals wait while files are made");
        tracing::error!("{text}");
        self.maker.tell(Event::Alarm(text));
    }
}

/// fault: recordings with the same `x-refci` go.
fn remove_earlier(folder: &Path, recording: &Recording) {
    let of_call = format!("-{}-", recording.refci.as_deref().unwrap_or("call"));
    let day = folder.parent().and_then(|day| std::fs::read_dir(day).ok());
    for other in day.into_iter().flatten().flatten().map(|entry| entry.path()).filter(|other| other != folder) {
        if other.file_name().is_some_and(|name| name.to_string_lossy().contains(&of_call)) {
            let _ = std::fs::remove_dir_all(other);
        }
    }
}

/// Does what belongs to one recording. A panic is an error that names itself.
pub(super) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    // What the work had in its hands is dropped with it: nobody sees it half changed.
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|panic| format!("a bug, please report it: {}; the journal is kept", text_of(&*panic)))
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::UnboundedReceiver;

    use super::*;

    /// A maker that makes nothing, and breaks at the recording called "odd".
    fn maker() -> (Maker, UnboundedReceiver<Event>) {
        let (events, told) = tokio::sync::mpsc::unbounded_channel();
        let place = Place { root: PathBuf::new(), fault: Fault::None, durable: false };
        let make: Make = |_, recording, _| {
            assert_ne!(recording.id, "odd", "as this test wants");
            Ok(recording)
        };
        (Maker { make, ..Maker::new(place, events, Arc::default()) }, told)
    }

    fn over(id: &str) -> Over {
        (PathBuf::from("day").join(id), Box::new(Recording::blank(id)))
    }

    /// What was told, in order: identifiers of what is finished, and the texts of all else.
    fn told(mut events: UnboundedReceiver<Event>) -> Vec<String> {
        std::iter::from_fn(|| events.try_recv().ok())
            .map(|event| match event {
                Event::Finished { metadata, .. } => metadata.id,
                Event::NotFinished { why } | Event::Alarm(why) => why,
                Event::Writable => "writable".to_owned(),
            })
            .collect()
    }

    #[test]
    fn a_panic_costs_the_files_of_its_recording_alone_and_is_told() {
        let (maker, events) = maker();
        let ailing = Arc::clone(&maker.ailing);
        let mut thread = MakerThread::spawn(maker);
        ["one", "odd", "two"].into_iter().for_each(|id| thread.make(over(id)));
        thread.close();
        let told = told(events);
        assert_eq!((told[0].as_str(), told[2].as_str(), told.len()), ("one", "two", 3), "{told:?}");
        assert!(told[1].contains("odd: a bug") && told[1].contains("as this test wants"), "{}", told[1]);
        assert!(ailing.load(Ordering::Relaxed), "or the recorder would never be said to be well again");
    }

    #[test]
    fn a_thread_that_is_gone_is_told_once_and_the_files_are_made_all_the_same() {
        let (maker, events) = maker();
        let mut thread = MakerThread { maker, to_make: Some(mpsc::channel().0), thread: None };
        ["one", "two"].into_iter().for_each(|id| thread.make(over(id)));
        thread.close();
        let told = told(events);
        assert!(told[0].contains("no thread makes files"), "{told:?}");
        assert_eq!(told[1..], ["one", "two"]);
    }
}
