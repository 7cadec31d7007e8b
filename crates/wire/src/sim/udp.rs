//! Simulated UDP sockets: one whose task is woken for each datagram, and one that is polled.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::{Event, Sim, State, find, now};

/// What is bound to a port.
#[derive(Debug)]
pub(super) enum Udp {
    Woken(Inbox),
    Polled(Arc<Mutex<Arrivals>>),
}

/// Datagrams that have arrived.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    ready: VecDeque<(SocketAddr, Vec<u8>)>,
    waker: Option<Waker>,
}

/// Datagrams with the time at which they arrive, in that order.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    queue: VecDeque<(Instant, SocketAddr, Vec<u8>)>,
    /// Buffers to use again, so that a packet costs no allocation.
    spare: Vec<Vec<u8>>,
    peer: Option<SocketAddr>,
}

/// A socket of signalling.
#[derive(Debug)]
pub(crate) struct SimUdp {
    sim: Arc<Sim>,
    local: SocketAddr,
}

/// A socket of media.
#[derive(Debug)]
pub(crate) struct SimMedia {
    sim: Arc<Sim>,
    local: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
}

impl Sim {
    /// Binds a socket of signalling.
    pub(crate) fn datagram(self: &Arc<Self>, wanted: SocketAddr) -> io::Result<SimUdp> {
        let local = self.bind(wanted, false, Udp::Woken(Inbox::default()))?;
        Ok(SimUdp { sim: Arc::clone(self), local })
    }

    /// Binds a socket of media; port 0 takes an even one.
    pub(crate) fn media(self: &Arc<Self>, wanted: SocketAddr) -> io::Result<SimMedia> {
        let arrivals = Arc::<Mutex<Arrivals>>::default();
        let local = self.bind(wanted, true, Udp::Polled(Arc::clone(&arrivals)))?;
        Ok(SimMedia { sim: Arc::clone(self), local, arrivals })
    }

    fn bind(&self, wanted: SocketAddr, is_even: bool, socket: Udp) -> io::Result<SocketAddr> {
        let mut state = self.state();
        let is_taken = |state: &State, address| find(&state.udp, address).is_some();
        let local = state.free_address(wanted, is_even, is_taken)?;
        state.udp.insert(local, socket);
        Ok(local)
    }

    /// Sends a datagram that leaves at `at`.
    fn send(&self, at: Instant, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let arrival = at + self.latency;
        let mut state = self.state();
        let place = find(&state.udp, to);
        match place.and_then(|place| state.udp.get_mut(&place)) {
            Some(Udp::Polled(arrivals)) => lock(arrivals).push(arrival, from, bytes),
            // Looked up again when it arrives: the port may be bound until then.
            _ => {
                drop(state);
                self.schedule(arrival, Event::Datagram { from, to, bytes: bytes.to_vec() });
            }
        }
    }

    fn unbind(&self, local: SocketAddr) {
        let socket = self.state().udp.remove(&local);
        drop(socket); // a waker may run code of its own: not under the lock
    }
}

impl State {
    pub(super) fn deliver_datagram(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        match find(&self.udp, to).and_then(|place| self.udp.get_mut(&place)) {
            Some(Udp::Woken(inbox)) if inbox.ready.len() < INBOX_LIMIT => {
                inbox.ready.push_back((from, bytes));
                inbox.waker.take().into_iter().for_each(Waker::wake);
            }
            Some(Udp::Polled(arrivals)) => lock(arrivals).push(now(), from, &bytes),
            // Nobody is there, or the socket's buffer is full.
            Some(Udp::Woken(_)) | None => {}
        }
    }
}

impl SimUdp {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Sends a datagram that leaves at `at`.
    pub(crate) fn send(&self, at: Instant, to: SocketAddr, bytes: &[u8]) {
        self.sim.send(at, self.local, to, bytes);
    }

    pub(crate) async fn recv(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        poll_fn(|cx| {
            let mut state = self.sim.state();
            let Some(Udp::Woken(inbox)) = state.udp.get_mut(&self.local) else {
                return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
            };
            match inbox.ready.pop_front() {
                Some((from, bytes)) => Poll::Ready(Ok((copy(&bytes, buf), from))),
                None => {
                    inbox.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for SimUdp {
    fn drop(&mut self) {
        self.sim.unbind(self.local);
    }
}

impl SimMedia {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn latency(&self) -> Duration {
        self.sim.latency
    }

    pub(crate) fn connect(&self, peer: SocketAddr) {
        lock(&self.arrivals).peer = Some(peer);
    }

    pub(crate) fn disconnect(&self) {
        lock(&self.arrivals).peer = None;
    }

    /// Sends a datagram that leaves at `at`.
    pub(crate) fn send(&self, at: Instant, to: SocketAddr, bytes: &[u8]) {
        self.sim.send(at, self.local, to, bytes);
    }

    pub(crate) fn try_recv(&self, now: Instant, buf: &mut [u8]) -> Option<(usize, SocketAddr)> {
        lock(&self.arrivals).pop(now, buf)
    }
}

impl Drop for SimMedia {
    fn drop(&mut self) {
        self.sim.unbind(self.local);
    }
}

impl Arrivals {
    fn push(&mut self, at: Instant, from: SocketAddr, bytes: &[u8]) {
        // A connected socket is not shown what others send (connect(2)).
        if self.peer.is_some_and(|peer| peer != from) || self.queue.len() >= ARRIVALS_LIMIT {
            return;
        }
        let mut buffer = self.spare.pop().unwrap_or_default();
        buffer.clear();
        buffer.extend_from_slice(bytes);
        // Nearly always the last place; equal times keep the order of sending.
        let place = match self.queue.back() {
            Some((last, ..)) if *last > at => self.queue.partition_point(|(there, ..)| *there <= at),
            _ => self.queue.len(),
        };
        self.queue.insert(place, (at, from, buffer));
    }

    fn pop(&mut self, now: Instant, buf: &mut [u8]) -> Option<(usize, SocketAddr)> {
        if self.queue.front()?.0 > now {
            return None;
        }
        let (_, from, bytes) = self.queue.pop_front()?;
        let length = copy(&bytes, buf);
        if self.spare.len() < SPARE_LIMIT {
            self.spare.push(bytes);
        }
        Some((length, from))
    }
}

fn copy(bytes: &[u8], buf: &mut [u8]) -> usize {
    let length = bytes.len().min(buf.len());
    buf[..length].copy_from_slice(&bytes[..length]);
    length
}

fn lock(arrivals: &Mutex<Arrivals>) -> MutexGuard<'_, Arrivals> {
    arrivals.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Datagrams a socket of signalling holds.
const INBOX_LIMIT: usize = 4096;
/// Datagrams a socket of media holds.
const ARRIVALS_LIMIT: usize = 65_536;
const SPARE_LIMIT: usize = 64;
