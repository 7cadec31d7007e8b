//! Writes the capture file from a thread of its own.
//!
//! Senders copy into a shared buffer, so that a media packet costs a short lock and no allocation. The thread puts the
//! packets of several threads in order of time and holds them back while a TLS handshake is under way: a reader
//! decrypts only what stands behind the secrets.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::mem;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::frames::{Frames, upper_pdu};
use crate::pcapng::{Interface, Writer};
use crate::tap::{Kind, Moment, TapError, TapSummary};

/// What passed the tap; its bytes travel beside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) moment: Moment,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) kind: Kind,
}

/// A capture file being written.
pub(crate) struct Capture {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<io::Result<u64>>>>,
    summary: Mutex<TapSummary>,
}

#[derive(Default)]
struct Shared {
    intake: Mutex<Intake>,
    filled: Condvar,
    emptied: Condvar,
}

#[derive(Default)]
struct Intake {
    batch: Batch,
    lost: u64,
    limit: usize,
    waits: bool,
    is_closed: bool,
}

/// Events and their bytes, one behind the other.
#[derive(Default)]
struct Batch {
    events: Vec<(Event, usize)>,
    bytes: Vec<u8>,
}

impl Capture {
    /// Creates the file, readable by its owner only, and starts the thread. `limit` is how many bytes may wait for the
    /// disk.
    pub(crate) fn create(path: &Path, clock: Arc<OnceLock<Clock>>, limit: usize) -> Result<Self, TapError> {
        let refused = |source| TapError::Create { path: path.to_owned(), source };
        let mut writer = Writer::new(BufWriter::new(create_private(path).map_err(refused)?)).map_err(refused)?;
        writer.flush().map_err(refused)?;
        let shared = Arc::<Shared>::default();
        shared.intake().limit = limit;
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("capture".into())
            .spawn(move || {
                let result = write_until_closed(&theirs, Queue::new(writer, clock));
                // After a failed write nobody empties the buffer: senders must neither fill it nor wait.
                theirs.intake().is_closed = true;
                theirs.emptied.notify_all();
                result
            })
            .map_err(refused)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), summary: Mutex::default() })
    }

    /// Makes senders wait for the disk instead of losing datagrams.
    pub(crate) fn wait_for_disk(&self) {
        self.shared.intake().waits = true;
    }

    /// Takes an event over. A datagram that finds the buffer full is counted as lost; a stream is never cut.
    pub(crate) fn push(&self, event: Event, bytes: &[u8]) {
        if matches!(event.kind, Kind::Message { .. }) {
            return; // the same bytes come as TCP data
        }
        let mut intake = self.shared.intake();
        while intake.batch.bytes.len() > intake.limit && intake.waits && !intake.is_closed {
            intake = self.shared.emptied.wait(intake).unwrap_or_else(PoisonError::into_inner);
        }
        intake.add(event, bytes);
    }

    /// Writes what is left and closes the file.
    pub(crate) fn finish(&self) -> Result<TapSummary, TapError> {
        let mut summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            self.shared.intake().is_closed = true;
            self.shared.filled.notify_all();
            let written = thread.join().unwrap_or_else(|_| Err(io::Error::other("the writer stopped")));
            summary.lost = self.shared.intake().lost;
            summary.written = written.map_err(TapError::Write)?;
        }
        Ok(*summary)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if let Err(error) = self.finish() {
            tracing::warn!(%error, "capture");
        }
    }
}

impl Intake {
    fn add(&mut self, event: Event, bytes: &[u8]) {
        let is_datagram = matches!(event.kind, Kind::Media | Kind::ClearMedia | Kind::Datagram);
        if self.is_closed {
            return;
        }
        if is_datagram && self.batch.bytes.len() > self.limit {
            self.lost += 1;
            return;
        }
        self.batch.events.push((event, bytes.len()));
        self.batch.bytes.extend_from_slice(bytes);
    }
}

impl Shared {
    fn intake(&self) -> MutexGuard<'_, Intake> {
        self.intake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits a moment for events to gather and takes them; true when there will be no more.
    fn take(&self, spare: &mut Batch) -> bool {
        let mut intake = self.intake();
        if !intake.is_closed {
            (intake, _) = self.filled.wait_timeout(intake, ROUND).unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut intake.batch, spare);
        self.emptied.notify_all();
        intake.is_closed
    }
}

fn write_until_closed<W: Write>(shared: &Shared, mut queue: Queue<W>) -> io::Result<u64> {
    let mut batch = Batch::default();
    let mut quiet = Duration::ZERO;
    loop {
        let is_last = shared.take(&mut batch);
        quiet = if batch.events.is_empty() { quiet + ROUND } else { Duration::ZERO };
        let mut bytes = batch.bytes.as_slice();
        for (event, length) in batch.events.drain(..) {
            let (payload, rest) = bytes.split_at(length);
            queue.accept(event, payload)?;
            bytes = rest;
        }
        batch.bytes.clear();
        queue.release(if is_last { Duration::MAX } else { quiet })?;
        if is_last {
            return Ok(queue.written);
        }
    }
}

/// Puts events in order and writes them once nothing earlier can come.
struct Queue<W: Write> {
    writer: Writer<W>,
    frames: Frames,
    clock: Arc<OnceLock<Clock>>,
    /// By moment, and then in the order in which they came: a message may be written in pieces.
    waiting: BTreeMap<(Moment, u64), (Event, Vec<u8>)>,
    /// Handshakes under way, seen from the side that said so, and when they began.
    handshakes: BTreeMap<(SocketAddr, SocketAddr), Instant>,
    newest: Option<Instant>,
    serial: u64,
    written: u64,
    /// What is to be remarked on the next packet of signalling, and on the next one of media.
    remarks: [Option<String>; 2],
}

impl<W: Write> Queue<W> {
    fn new(writer: Writer<W>, clock: Arc<OnceLock<Clock>>) -> Self {
        Self {
            writer,
            frames: Frames::default(),
            clock,
            waiting: BTreeMap::new(),
            handshakes: BTreeMap::new(),
            newest: None,
            serial: 0,
            written: 0,
            remarks: [None, None],
        }
    }

    fn accept(&mut self, event: Event, bytes: &[u8]) -> io::Result<()> {
        self.newest = self.newest.max(Some(event.moment.at));
        match event.kind {
            Kind::TlsSecret => return self.writer.tls_secrets(bytes),
            Kind::TlsBegin => drop(self.handshakes.insert((event.from, event.to), event.moment.at)),
            Kind::TlsEnd => drop(self.handshakes.remove(&(event.from, event.to))),
            _ => {
                self.serial += 1;
                self.waiting.insert((event.moment, self.serial), (event, bytes.to_vec()));
            }
        }
        Ok(())
    }

    /// Writes what is due; `quiet` is for how long nothing came.
    fn release(&mut self, quiet: Duration) -> io::Result<()> {
        let Some(newest) = self.newest else { return Ok(()) };
        self.handshakes.retain(|_, began| newest.saturating_duration_since(*began) < HANDSHAKE_LIMIT);
        let is_settled = quiet >= SETTLE;
        let horizon = match self.handshakes.values().min() {
            Some(began) if quiet < HANDSHAKE_LIMIT => Some(*began),
            _ => None,
        };
        while let Some(first) = self.waiting.first_entry() {
            let at = first.key().0.at;
            let is_due = is_settled || newest.saturating_duration_since(at) >= SETTLE;
            if !is_due || horizon.is_some_and(|horizon| at >= horizon) {
                break;
            }
            let (event, bytes) = first.remove();
            self.write(event, &bytes)?;
        }
        self.writer.flush()
    }

    fn write(&mut self, event: Event, bytes: &[u8]) -> io::Result<()> {
        let Event { moment, from, to, kind } = event;
        let packets = match kind {
            Kind::Datagram | Kind::Media => vec![self.frames.udp(from, to, bytes)],
            Kind::TcpOpen => self.frames.open(from, to),
            Kind::TcpRefused => self.frames.refused(from, to),
            Kind::TcpData => self.frames.data(from, to, bytes),
            Kind::TcpClose => self.frames.close(from, to),
            Kind::TcpReset => self.frames.reset(from, to),
            Kind::ClearMedia => vec![upper_pdu(from, to, bytes)],
            Kind::Comment => {
                let text = String::from_utf8_lossy(bytes).into_owned();
                self.remarks = [Some(text.clone()), Some(text)];
                return Ok(());
            }
            Kind::TlsSecret | Kind::TlsBegin | Kind::TlsEnd | Kind::Message { .. } => return Ok(()),
        };
        let interface = if kind == Kind::ClearMedia { Interface::Clear } else { Interface::Wire };
        // Without a network there is no clock, and without a clock there are no events.
        let wall = self.clock.get().map_or(std::time::UNIX_EPOCH, |clock| clock.wall_at(moment.at));
        let mut remark = match kind {
            Kind::ClearMedia => None,
            Kind::Media => self.remarks[1].take(),
            _ => self.remarks[0].take(),
        };
        for packet in packets {
            self.writer.packet(interface, wall, &packet, remark.take().as_deref())?;
            self.written += 1;
        }
        Ok(())
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// How long the thread lets events gather.
const ROUND: Duration = Duration::from_millis(10);
/// Packets of different threads are put in order over this span.
const SETTLE: Duration = Duration::from_millis(50);
/// A handshake that takes longer holds no packets back any more.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    const SIP: &str = "127.0.0.1:5061";

    fn queue() -> Queue<Vec<u8>> {
        Queue::new(Writer::new(Vec::new()).unwrap(), Arc::default())
    }

    fn event(at: Instant, from: &str, to: &str, kind: Kind) -> Event {
        Event { moment: Moment { at, turn: 0 }, from: from.parse().unwrap(), to: to.parse().unwrap(), kind }
    }

    #[test]
    fn packets_of_two_threads_are_put_in_order() {
        let (mut queue, start) = (queue(), Instant::now());
        let later = start + Duration::from_millis(3);
        queue.accept(event(later, SIP, "127.0.0.1:2", Kind::Datagram), b"second").unwrap();
        queue.accept(event(start, SIP, "127.0.0.1:2", Kind::Datagram), b"first").unwrap();
        queue.release(Duration::ZERO).unwrap();
        assert_eq!(queue.written, 0, "something earlier may still come");
        queue.release(SETTLE).unwrap();
        assert_eq!(queue.written, 2);
        let file = format!("{:?}", queue.writer);
        let place = |text: &[u8]| file.find(format!("{text:?}").trim_matches(['[', ']'])).unwrap();
        assert!(place(b"first") < place(b"second"));
    }

    #[test]
    fn a_handshake_holds_packets_back_until_it_ends() {
        let (mut queue, start) = (queue(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        queue.accept(event(at(0), SIP, "127.0.0.1:2", Kind::TcpOpen), b"").unwrap();
        queue.accept(event(at(1), SIP, "127.0.0.1:2", Kind::TlsBegin), b"").unwrap();
        queue.accept(event(at(2), SIP, "127.0.0.1:2", Kind::TcpData), b"hello").unwrap();
        queue.accept(event(at(300), "127.0.0.3:1", "127.0.0.1:2", Kind::Datagram), b"other").unwrap();
        queue.release(SETTLE).unwrap();
        assert_eq!(queue.written, 3, "only the opening is older than the handshake");
        queue.accept(event(at(301), SIP, "127.0.0.1:2", Kind::TlsEnd), b"").unwrap();
        queue.release(SETTLE).unwrap();
        assert_eq!(queue.written, 5);
    }

    #[test]
    fn a_handshake_that_never_ends_does_not_hold_packets_for_ever() {
        let (mut queue, start) = (queue(), Instant::now());
        queue.accept(event(start, SIP, "127.0.0.1:2", Kind::TlsBegin), b"").unwrap();
        queue.accept(event(start, SIP, "127.0.0.1:2", Kind::TcpData), b"hello").unwrap();
        queue.accept(event(start + HANDSHAKE_LIMIT, SIP, "127.0.0.1:2", Kind::Datagram), b"later").unwrap();
        queue.release(Duration::ZERO).unwrap();
        assert_eq!(queue.written, 1);
    }

    #[test]
    fn a_comment_stands_on_the_next_packet_of_signalling_and_of_media() {
        let (mut queue, start) = (queue(), Instant::now());
        let mut told = |kind, bytes: &[u8]| queue.accept(event(start, SIP, "127.0.0.1:2", kind), bytes).unwrap();
        told(Kind::Comment, b"call.yaml:7 hold");
        for kind in [Kind::Media, Kind::ClearMedia, Kind::Media, Kind::Datagram, Kind::Datagram] {
            told(kind, b"x");
        }
        queue.release(SETTLE).unwrap();
        assert_eq!(queue.written, 5);
        let file = format!("{:?}", queue.writer);
        let comment = format!("{:?}", b"call.yaml:7 hold");
        assert_eq!(file.matches(comment.trim_matches(['[', ']'])).count(), 2);
    }

    #[test]
    fn a_full_buffer_loses_datagrams_and_counts_them_but_never_cuts_a_stream() {
        let mut intake = Intake { limit: 100, ..Intake::default() };
        intake.batch.bytes.resize(101, 0);
        intake.add(event(Instant::now(), SIP, "127.0.0.1:2", Kind::Media), b"x");
        assert_eq!((intake.lost, intake.batch.events.len()), (1, 0));
        intake.add(event(Instant::now(), SIP, "127.0.0.1:2", Kind::TcpData), b"x");
        assert_eq!((intake.lost, intake.batch.events.len()), (1, 1));
    }

    #[test]
    fn a_file_that_cannot_be_created_is_an_error_that_names_it() {
        let error = Capture::create(Path::new("/nonexistent/a.pcapng"), Arc::default(), 100).err().unwrap();
        assert!(error.to_string().contains("/nonexistent/a.pcapng"), "{error}");
    }
}
