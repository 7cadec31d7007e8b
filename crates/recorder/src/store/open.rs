//! One journal that is being written, through a disk that fails and comes back.
//!
//! After an error of write or sync what was meant for the file is held in memory, within bounds, and the file is opened
//! again every second: cut back to its last whole record, and gone on with. What a failing disk lost in the middle is
//! found by the checksums when the journal is read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::files;
use crate::journal;
use crate::metadata::Recording;

/// What was appended reaches the disk within this time.
const SYNC_EVERY: Duration = Duration::from_millis(900);
/// How often a file that failed is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(1);
/// Bytes held for a file that cannot be written: some five minutes of a recording.
const HELD: usize = 8 << 20;

/// A journal that is being written.
pub(super) struct Open {
    pub(super) folder: PathBuf,
    durable: bool,
    file: Option<File>,
    /// Bytes of whole records in the file.
    written: u64,
    unsynced: Option<Instant>,
    broken: Option<Broken>,
    /// Bytes of records that never reached the file.
    pub(super) lost: u64,
    /// The recording is over; only the disk is waited for.
    pub(super) over: Option<Box<Recording>>,
}

/// A file that failed.
struct Broken {
    since: Instant,
    retry_at: Instant,
    held: Vec<u8>,
}

/// What is worth an alarm.
pub(super) type Alarm = Option<String>;

impl Open {
    /// A journal in this folder; nothing is on disk yet.
    pub(super) fn new(folder: PathBuf, durable: bool) -> Self {
        Self { folder, durable, file: None, written: 0, unsynced: None, broken: None, lost: 0, over: None }
    }

    /// Appends whole records.
    pub(super) fn append(&mut self, now: Instant, bytes: &[u8]) -> Alarm {
        if self.broken.is_some() {
            return self.hold(bytes);
        }
        match self.write(bytes) {
            Ok(()) => {
                self.unsynced.get_or_insert(now);
                None
            }
            Err(error) => self.fail(now, &error, bytes),
        }
    }

    /// Syncs what is due, and tries a file that failed again.
    pub(super) fn look(&mut self, now: Instant) -> Alarm {
        if self.broken.as_ref().is_some_and(|broken| now >= broken.retry_at) {
            return self.try_again(now);
        }
        let is_due = self.unsynced.is_some_and(|since| now.saturating_duration_since(since) >= SYNC_EVERY);
        if is_due { self.sync(now) } else { None }
    }

    /// Syncs now, or tries once more where the file failed.
    pub(super) fn sync(&mut self, now: Instant) -> Alarm {
        if self.broken.is_some() {
            return self.try_again(now);
        }
        self.unsynced = None;
        let file = self.file.as_ref().filter(|_| self.durable)?;
        match file.sync_data() {
            Ok(()) => None,
            Err(error) => self.fail(now, &error, &[]),
        }
    }

    /// Whether something waits for the disk to work again.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The bytes that are held, given up.
    pub(super) fn give_up(&mut self) {
        self.lost += self.broken.take().map_or(0, |broken| broken.held.len() as u64);
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(create(&self.folder, self.durable)?),
        };
        file.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn fail(&mut self, now: Instant, error: &io::Error, bytes: &[u8]) -> Alarm {
        self.unsynced = None;
        // Closed now: after an error of sync the same handle may say that all is well (as on Linux).
        self.file = None;
        self.broken = Some(Broken { since: now, retry_at: now + RETRY_EVERY, held: bytes.to_vec() });
        Some(format!("{}: {error}; packets are held in memory, the file is tried every second", self.path().display()))
    }

    fn hold(&mut self, bytes: &[u8]) -> Alarm {
        let broken = self.broken.as_mut()?;
        if broken.held.len() + bytes.len() <= HELD {
            broken.held.extend_from_slice(bytes);
            return None;
        }
        let is_first = self.lost == 0;
        self.lost += bytes.len() as u64;
        let text = || format!("{}: {HELD} bytes wait for the disk already, packets are lost", self.path().display());
        is_first.then(text)
    }

    fn try_again(&mut self, now: Instant) -> Alarm {
        let mut broken = self.broken.take()?;
        match self.reopen(&broken.held) {
            Ok(()) => {
                let pause = now.saturating_duration_since(broken.since).as_millis();
                let (path, lost) = (self.path(), self.lost);
                Some(format!("{}: written again after {pause} ms, {lost} bytes are lost", path.display()))
            }
            Err(_) => {
                self.file = None;
                broken.retry_at = now + RETRY_EVERY;
                self.broken = Some(broken);
                None
            }
        }
    }

    /// Opens the file again, cuts off what was half written, and writes what was held.
    fn reopen(&mut self, held: &[u8]) -> io::Result<()> {
        let file = create(&self.folder, self.durable)?;
        if file.metadata()?.len() > self.written {
            file.set_len(self.written)?;
        }
        self.file = Some(file);
        let before = self.written;
        let result = self.write(held).and_then(|()| match &self.file {
            Some(file) if self.durable => file.sync_data(),
            _ => Ok(()),
        });
        if result.is_err() {
            self.written = before;
        }
        result
    }

    fn path(&self) -> PathBuf {
        self.folder.join(journal::FILE_NAME)
    }

    /// For tests: a handle that cannot be written to takes the file's place.
    #[cfg(test)]
    pub(super) fn break_file(&mut self) {
        self.file = Some(File::open(self.path()).unwrap());
    }
}

/// Opens the journal in this folder, made where it is missing.
fn create(folder: &Path, durable: bool) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(journal::FILE_NAME);
    let file = OpenOptions::new().append(true).create(true).open(&path)?;
    // Another recorder that starts on this folder must not take a running recording for an unfinished one.
    file.lock()?;
    if durable {
        files::sync_folder(&path)?;
        files::sync_folder(folder)?;
    }
    Ok(file)
}
