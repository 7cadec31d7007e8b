//! Simulated TCP: listeners, and connections of two ends that send each other segments.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::io::ReadBuf;

use super::{Event, Sim, State, find, now};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndId(u64);

/// What one end sends to the other.
#[derive(Debug)]
pub(super) enum Segment {
    Bytes(Vec<u8>),
    End,
    Reset,
}

/// Connections that wait to be accepted.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    ready: VecDeque<SimEnd>,
    waker: Option<Waker>,
}

/// What the network knows of one end.
#[derive(Debug)]
pub(super) struct EndState {
    peer: EndId,
    route: (IpAddr, IpAddr),
    ready: VecDeque<u8>,
    input: Input,
    /// Bytes sent that the peer has not read yet.
    unread: usize,
    has_ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What else will come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Open,
    Ended,
    /// Reset, and nobody has been told yet.
    Reset,
    /// Reset, and the user knows.
    Dead,
}

/// A listening address.
#[derive(Debug)]
pub(crate) struct SimListener {
    sim: Arc<Sim>,
    local: SocketAddr,
}

/// An address that a connection will come from; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct SimPort {
    sim: Arc<Sim>,
    local: SocketAddr,
}

/// A handle to one end of a connection; dropping it closes the end.
#[derive(Debug)]
pub(crate) struct SimEnd {
    sim: Arc<Sim>,
    id: EndId,
    local: SocketAddr,
    peer: SocketAddr,
    _port: Option<SimPort>,
}

impl Sim {
    /// Listens on an address.
    pub(crate) fn listen(self: &Arc<Self>, wanted: SocketAddr) -> io::Result<SimListener> {
        let mut state = self.state();
        let is_taken = |state: &State, address| find(&state.listeners, address).is_some();
        let local = state.free_address(wanted, false, is_taken)?;
        state.listeners.insert(local, Backlog::default());
        Ok(SimListener { sim: Arc::clone(self), local })
    }

    /// Takes a free port for a connection to come from.
    pub(crate) fn reserve(self: &Arc<Self>, from: IpAddr, to: IpAddr) -> io::Result<SimPort> {
        let from = if from.is_unspecified() { to } else { from };
        let is_taken = |state: &State, address: SocketAddr| {
            state.used.contains(&address) || find(&state.listeners, address).is_some()
        };
        let mut state = self.state();
        let local = state.free_address(SocketAddr::new(from, 0), false, is_taken)?;
        state.used.insert(local);
        Ok(SimPort { sim: Arc::clone(self), local })
    }

    /// Connects: one way for the request, one for the answer. On a cut route the request is repeated as Linux does
    /// (tcp(7), tcp_syn_retries: about 127 s in all).
    pub(crate) async fn connect(self: &Arc<Self>, port: SimPort, to: SocketAddr) -> io::Result<SimEnd> {
        let from = port.local;
        let mut patience = Duration::from_secs(1);
        while self.conditions.is_cut(from.ip(), to.ip()) || self.conditions.is_cut(to.ip(), from.ip()) {
            tokio::time::sleep(patience).await;
            patience *= 2;
            if patience > Duration::from_secs(64) {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
        tokio::time::sleep(self.latency).await;
        let end = self.join(port, to);
        tokio::time::sleep(self.latency).await;
        end
    }

    /// Makes both ends of a connection and hands one to the listener.
    fn join(self: &Arc<Self>, port: SimPort, to: SocketAddr) -> io::Result<SimEnd> {
        let from = port.local;
        let mut state = self.state();
        let Some(place) = find(&state.listeners, to) else {
            drop(state); // the port is given back under the lock
            return Err(io::ErrorKind::ConnectionRefused.into());
        };
        let (client, server) = (EndId(state.last_end + 1), EndId(state.last_end + 2));
        state.last_end += 2;
        state.ends.insert(client, EndState::new(server, (from.ip(), to.ip())));
        state.ends.insert(server, EndState::new(client, (to.ip(), from.ip())));
        let end = |id, local, peer, port| SimEnd { sim: Arc::clone(self), id, local, peer, _port: port };
        if let Some(backlog) = state.listeners.get_mut(&place) {
            backlog.ready.push_back(end(server, to, from, None));
            backlog.waker.take().into_iter().for_each(Waker::wake);
        }
        Ok(end(client, from, to, Some(port)))
    }

    /// Sends a segment from one end, if it is still there.
    fn send_segment(&self, from: EndId, segment: Segment) {
        let ends = self.state().ends.get(&from).map(|end| (end.peer, end.route));
        if let Some((to, route)) = ends {
            self.schedule(now() + self.latency, Event::Stream { from, to, route, segment });
        }
    }
}

impl State {
    /// Hands a segment to its end. Bytes for an end that is gone are answered with a reset.
    pub(super) fn deliver_segment(
        &mut self,
        from: EndId,
        to: EndId,
        (here, there): (IpAddr, IpAddr),
        segment: Segment,
    ) -> Option<Event> {
        let Some(end) = self.ends.get_mut(&to) else {
            let is_answered = matches!(segment, Segment::Bytes(_));
            let answer = Event::Stream { from: to, to: from, route: (there, here), segment: Segment::Reset };
            return is_answered.then_some(answer);
        };
        match segment {
            Segment::Bytes(bytes) => end.ready.extend(bytes),
            Segment::End => end.input = Input::Ended,
            Segment::Reset => end.input = Input::Reset,
        }
        end.reader.take().into_iter().for_each(Waker::wake);
        if end.input == Input::Reset {
            end.writer.take().into_iter().for_each(Waker::wake);
        }
        None
    }
}

impl EndState {
    fn new(peer: EndId, route: (IpAddr, IpAddr)) -> Self {
        Self {
            peer,
            route,
            ready: VecDeque::new(),
            input: Input::Open,
            unread: 0,
            has_ended: false,
            reader: None,
            writer: None,
        }
    }

    /// The error of a connection that was reset: told once, then the pipe is broken.
    fn write_error(&mut self) -> Option<io::Error> {
        match self.input {
            Input::Reset => {
                self.input = Input::Dead;
                Some(io::ErrorKind::ConnectionReset.into())
            }
            Input::Dead => Some(io::ErrorKind::BrokenPipe.into()),
            _ if self.has_ended => Some(io::ErrorKind::BrokenPipe.into()),
            _ => None,
        }
    }
}

impl SimListener {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) async fn accept(&self) -> io::Result<SimEnd> {
        poll_fn(|cx| {
            let mut state = self.sim.state();
            let Some(backlog) = state.listeners.get_mut(&self.local) else {
                return Poll::Ready(Err(io::ErrorKind::InvalidInput.into()));
            };
            match backlog.ready.pop_front() {
                Some(end) => Poll::Ready(Ok(end)),
                None => {
                    backlog.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl Drop for SimListener {
    /// Connections that nobody accepted are reset, as the operating system does.
    fn drop(&mut self) {
        let backlog = self.sim.state().listeners.remove(&self.local);
        for end in backlog.into_iter().flat_map(|backlog| backlog.ready) {
            end.reset();
        }
    }
}

impl SimPort {
    pub(crate) fn address(&self) -> SocketAddr {
        self.local
    }
}

impl Drop for SimPort {
    fn drop(&mut self) {
        self.sim.state().used.remove(&self.local);
    }
}

impl SimEnd {
    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(crate) fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    pub(crate) fn poll_read(&self, cx: &Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut state = self.sim.state();
        let Some(end) = state.ends.get_mut(&self.id) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if end.ready.is_empty() {
            return match end.input {
                Input::Open => {
                    end.reader = Some(cx.waker().clone());
                    Poll::Pending
                }
                Input::Ended | Input::Dead => Poll::Ready(Ok(())),
                Input::Reset => {
                    end.input = Input::Dead;
                    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
                }
            };
        }
        let (bytes, _) = end.ready.as_slices();
        let length = bytes.len().min(buf.remaining());
        buf.put_slice(&bytes[..length]);
        end.ready.drain(..length);
        let peer = end.peer;
        if let Some(peer) = state.ends.get_mut(&peer) {
            peer.unread -= length.min(peer.unread);
            peer.writer.take().into_iter().for_each(Waker::wake);
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_write(&self, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.sim.state();
        let Some(end) = state.ends.get_mut(&self.id) else {
            return Poll::Ready(Err(io::ErrorKind::NotConnected.into()));
        };
        if let Some(error) = end.write_error() {
            return Poll::Ready(Err(error));
        }
        let length = bytes.len().min(self.sim.stream_buffer.saturating_sub(end.unread));
        if length == 0 && !bytes.is_empty() {
            end.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        end.unread += length;
        drop(state);
        if length > 0 {
            self.sim.send_segment(self.id, Segment::Bytes(bytes[..length].to_vec()));
        }
        Poll::Ready(Ok(length))
    }

    pub(crate) fn shutdown(&self) {
        let is_first = match self.sim.state().ends.get_mut(&self.id) {
            Some(end) => !std::mem::replace(&mut end.has_ended, true),
            None => false,
        };
        if is_first {
            self.sim.send_segment(self.id, Segment::End);
        }
    }

    pub(crate) fn reset(&self) {
        self.sim.send_segment(self.id, Segment::Reset);
        let end = self.sim.state().ends.remove(&self.id);
        drop(end);
    }
}

impl Drop for SimEnd {
    /// An end that goes with bytes unread resets the connection (RFC 1122 §4.2.2.13).
    fn drop(&mut self) {
        let has_unread = self.sim.state().ends.get(&self.id).is_some_and(|end| !end.ready.is_empty());
        if has_unread {
            return self.reset();
        }
        self.shutdown();
        let end = self.sim.state().ends.remove(&self.id);
        drop(end);
    }
}
