//! The tap: every byte that reaches or leaves a socket passes here, and so do the TLS secrets.
//!
//! A byte between two sockets of the same [`Net`](crate::Net) is shown once, when it is sent; what a foreign program
//! sends is shown when it is received. A tap belongs to one network.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use thiserror::Error;

use crate::capture::{Capture, Event};
use crate::clock::Clock;

/// What a tap keeps in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    #[default]
    Nothing,
    /// What a ladder diagram needs: connections, datagrams of signalling and the plain bytes of SIP connections.
    Messages,
    /// All of it: also media, TCP segments and TLS secrets.
    Everything,
}

/// What a [`Packet`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A TCP connection was opened by `from`; no bytes.
    TcpOpen,
    /// A TCP connection that `from` wanted was refused by `to`; no bytes.
    TcpRefused,
    /// Bytes on a TCP connection as on the wire: under TLS, ciphertext.
    TcpData,
    /// `from` sends no more on its TCP connection; no bytes.
    TcpClose,
    /// `from` reset its TCP connection; no bytes.
    TcpReset,
    /// A UDP datagram of a [`Datagram`](crate::Datagram).
    Datagram,
    /// A UDP datagram of a [`MediaSocket`](crate::MediaSocket).
    Media,
    /// A line of a TLS key log (draft-ietf-tls-keylogfile), which decrypts the session: a secret.
    TlsSecret,
    /// The plain bytes of a [`Link`](crate::Link), in the pieces in which they were written or read.
    Message {
        /// Whether they went over TLS.
        encrypted: bool,
    },
    /// A TLS handshake begins; packets wait for its secrets.
    TlsBegin,
    /// A TLS handshake ended, well or not.
    TlsEnd,
    /// A datagram of a [`MediaSocket`](crate::MediaSocket) before it was sealed; behind the one that was sent.
    ClearMedia,
    /// A remark on the packets that follow; its bytes are text.
    Comment,
}

impl Kind {
    fn is_kept(self, keep: Keep) -> bool {
        match self {
            Self::TlsBegin | Self::TlsEnd | Self::ClearMedia | Self::Comment => false,
            Self::TcpData | Self::Media | Self::TlsSecret => keep == Keep::Everything,
            _ => keep != Keep::Nothing,
        }
    }
}

/// When a message was handed over to be sent, and which came first where that is the same time. Tasks that write to
/// different peers have their turns in any order; a capture shows what they write in the order of these moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    pub(crate) at: Instant,
    pub(crate) turn: u64,
}

/// Something that passed the tap.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    /// When it was sent, that is handed over to be sent, or received if its sender is foreign.
    pub at: Instant,
    /// Its source.
    pub from: SocketAddr,
    /// Its destination.
    pub to: SocketAddr,
    /// What it is.
    pub kind: Kind,
    /// Its payload, without network headers.
    pub bytes: Vec<u8>,
}

impl fmt::Debug for Packet {
    /// Prints no payload: it may be a key or carry one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} > {}: {} bytes", self.kind, self.from, self.to, self.bytes.len())
    }
}

/// Why a capture could not be written.
#[derive(Debug, Error)]
pub enum TapError {
    /// The file cannot be created.
    #[error("cannot create the capture file {}: {source}", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file could not be written to its end.
    #[error("the capture file is incomplete: {0}")]
    Write(#[source] std::io::Error),
}

/// What came of a capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TapSummary {
    /// Packets written to the file.
    pub written: u64,
    /// Datagrams left out because the disk could not keep up.
    pub lost: u64,
}

/// Where the bytes of a network are shown. Cloning gives another handle to the same tap; the default shows nothing.
#[derive(Clone, Default)]
pub struct Tap(Option<Arc<Inner>>);

struct Inner {
    keep: Keep,
    turns: AtomicU64,
    kept: Mutex<Vec<(Moment, Packet)>>,
    capture: Option<Capture>,
    clock: Arc<OnceLock<Clock>>,
}

impl Tap {
    /// A tap without a sink, which costs nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// A tap that keeps in memory.
    pub fn memory(keep: Keep) -> Self {
        Self::new(keep, None, Arc::default())
    }

    /// A tap that writes a pcapng file, which a killed run leaves readable, and keeps in memory what `keep` says.
    ///
    /// The file holds the TLS secrets of the run: whoever has it can read the calls.
    pub fn file(path: &Path, keep: Keep) -> Result<Self, TapError> {
        let clock = Arc::default();
        let capture = Capture::create(path, Arc::clone(&clock), CAPTURE_BUFFER)?;
        Ok(Self::new(keep, Some(capture), clock))
    }

    fn new(keep: Keep, capture: Option<Capture>, clock: Arc<OnceLock<Clock>>) -> Self {
        Self(Some(Arc::new(Inner { keep, turns: AtomicU64::new(0), kept: Mutex::default(), capture, clock })))
    }

    /// Whether there is a sink.
    pub fn is_active(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a file is written.
    pub fn is_file(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| inner.capture.is_some())
    }

    /// Has the file say this of the next packet of signalling and of the next one of media.
    pub fn comment(&self, now: Instant, text: &str) {
        if self.is_file() {
            let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
            self.record(now, nobody, nobody, Kind::Comment, text.as_bytes());
        }
    }

    /// What was kept so far, in order of time; at the same time, in the order in which it was handed over.
    pub fn packets(&self) -> Vec<Packet> {
        let mut packets = self.0.as_ref().map_or_else(Vec::new, |inner| inner.kept().clone());
        packets.sort_by_key(|(moment, _)| *moment);
        packets.into_iter().map(|(_, packet)| packet).collect()
    }

    /// The wall time of a packet; `None` before a network uses the tap.
    pub fn wall_of(&self, packet: &Packet) -> Option<SystemTime> {
        Some(self.0.as_ref()?.clock.get()?.wall_at(packet.at))
    }

    /// Writes the file to its end and closes it. What passes later is not written.
    pub fn finish(&self) -> Result<TapSummary, TapError> {
        match self.0.as_ref().and_then(|inner| inner.capture.as_ref()) {
            Some(capture) => capture.finish(),
            None => Ok(TapSummary::default()),
        }
    }

    /// Ties the tap to the clock of its network. Under virtual time senders wait for the disk instead of losing packets.
    pub(crate) fn start(&self, clock: &Clock) {
        if let Some(inner) = &self.0 {
            // A second network would keep the first one's clock: taps are documented to belong to one.
            let _ = inner.clock.set(clock.clone());
            if let Some(capture) = inner.capture.as_ref().filter(|_| clock.is_simulated()) {
                capture.wait_for_disk();
            }
        }
    }

    /// The next moment, at this time.
    pub(crate) fn moment(&self, at: Instant) -> Moment {
        Moment { at, turn: self.0.as_ref().map_or(0, |inner| inner.turns.fetch_add(1, Relaxed)) }
    }

    /// Shows a packet to the sinks.
    pub(crate) fn record(&self, at: Instant, from: SocketAddr, to: SocketAddr, kind: Kind, bytes: &[u8]) {
        self.record_since(self.moment(at), from, to, kind, bytes);
    }

    /// Shows a packet that was handed over a moment ago.
    pub(crate) fn record_since(&self, moment: Moment, from: SocketAddr, to: SocketAddr, kind: Kind, bytes: &[u8]) {
        let Some(inner) = &self.0 else { return };
        let at = moment.at;
        if kind.is_kept(inner.keep) {
            inner.kept().push((moment, Packet { at, from, to, kind, bytes: bytes.to_vec() }));
        }
        if let Some(capture) = &inner.capture {
            capture.push(Event { moment, from, to, kind }, bytes);
        }
    }
}

impl Inner {
    fn kept(&self) -> MutexGuard<'_, Vec<(Moment, Packet)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("Tap(none)"),
            Some(inner) => write!(f, "Tap({:?}, file: {})", inner.keep, inner.capture.is_some()),
        }
    }
}

/// Bytes that may wait for the disk.
const CAPTURE_BUFFER: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_tap_keeps_what_it_was_asked_to_keep() {
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let now = Instant::now();
        for (keep, kinds) in [(Keep::Nothing, 0), (Keep::Messages, 2), (Keep::Everything, 4)] {
            let tap = Tap::memory(keep);
            for kind in [Kind::Media, Kind::Datagram, Kind::TlsSecret, Kind::Message { encrypted: true }] {
                tap.record(now, a, b, kind, b"x");
            }
            assert_eq!(tap.packets().len(), kinds, "{keep:?}");
        }
    }

    #[test]
    fn packets_come_in_order_of_time() {
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let (now, tap) = (Instant::now(), Tap::memory(Keep::Everything));
        tap.record(now + Duration::from_millis(1), a, b, Kind::Datagram, b"second");
        tap.record(now, a, b, Kind::Datagram, b"first");
        let bytes: Vec<_> = tap.packets().into_iter().map(|packet| packet.bytes).collect();
        assert_eq!(bytes, [b"first".to_vec(), b"second".to_vec()]);
    }

    #[test]
    fn at_the_same_time_the_order_is_that_of_the_hand_over() {
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let (now, tap) = (Instant::now(), Tap::memory(Keep::Everything));
        let first = tap.moment(now);
        tap.record(now, a, b, Kind::Datagram, b"second");
        tap.record_since(first, a, b, Kind::TcpData, b"first");
        let bytes: Vec<_> = tap.packets().into_iter().map(|packet| packet.bytes).collect();
        assert_eq!(bytes, [b"first".to_vec(), b"second".to_vec()]);
    }

    #[test]
    fn debug_shows_no_payload() {
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let tap = Tap::memory(Keep::Everything);
        tap.record(Instant::now(), a, b, Kind::TlsSecret, b"CLIENT_RANDOM secret");
        assert!(!format!("{:?}", tap.packets()).contains("secret"));
    }

    #[test]
    fn under_virtual_time_senders_wait_for_the_disk_and_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let clock = Arc::<OnceLock<Clock>>::default();
        let capture = Capture::create(&folder.path().join("a.pcapng"), Arc::clone(&clock), 4096).unwrap();
        let tap = Tap::new(Keep::Nothing, Some(capture), clock);
        let clock = Clock::simulated(crate::clock::default_wall());
        tap.start(&clock);
        for _ in 0..100 {
            tap.record(clock.epoch(), a, b, Kind::Media, &[0; 1000]);
        }
        assert_eq!(tap.finish().unwrap(), TapSummary { written: 100, lost: 0 });
    }
}
