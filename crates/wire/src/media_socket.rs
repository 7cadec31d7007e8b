//! UDP for media: never blocks, is polled by a pacer, and knows what becomes of each datagram it sends.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::conditions::Flows;
use crate::datagram::copies;
use crate::delay::DelayLine;
use crate::impair::Fate;
use crate::net::Net;
use crate::own::{Claim, Own, Transport};
use crate::sim::SimMedia;
use crate::tap::{Kind, Tap};

/// A UDP socket for RTP or RTCP.
#[derive(Debug)]
pub struct MediaSocket {
    inner: Inner,
    local: SocketAddr,
    peer: Option<SocketAddr>,
    flows: Flows,
    tap: Tap,
    clock: Clock,
    own: Own,
    _claim: Claim,
}

#[derive(Debug)]
enum Inner {
    Os { socket: Arc<UdpSocket>, delays: DelayLine },
    Sim(SimMedia),
}

impl MediaSocket {
    pub(crate) fn os(net: &Net, socket: UdpSocket, delays: DelayLine) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self::new(net, Inner::Os { socket: Arc::new(socket), delays }, local))
    }

    pub(crate) fn sim(net: &Net, socket: SimMedia) -> Self {
        let local = socket.local_addr();
        Self::new(net, Inner::Sim(socket), local)
    }

    fn new(net: &Net, inner: Inner, local: SocketAddr) -> Self {
        Self {
            inner,
            local,
            peer: None,
            flows: net.media_flows(local.ip()),
            tap: net.tap().clone(),
            clock: net.clock().clone(),
            own: net.own().clone(),
            _claim: net.own().claim(Transport::Udp, local),
        }
    }

    /// Its address, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Where [`send`](Self::send) sends to.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Fixes the peer: from now on only its datagrams are received, and sending is cheaper. Calling it again changes
    /// the peer.
    pub fn connect(&mut self, peer: SocketAddr) -> io::Result<()> {
        match &self.inner {
            Inner::Os { socket, .. } => socket.connect(peer)?,
            Inner::Sim(socket) => socket.connect(peer),
        }
        self.peer = Some(peer);
        Ok(())
    }

    /// Lets go of the peer: from now on everybody's datagrams are received again, on the same port.
    pub fn disconnect(&mut self) -> io::Result<()> {
        if self.peer.take().is_none() {
            return Ok(());
        }
        match &self.inner {
            Inner::Os { socket, .. } => rustix::net::connect_unspec(socket)?,
            Inner::Sim(socket) => socket.disconnect(),
        }
        Ok(())
    }

    /// Sends to the connected peer and says what the network does to the datagram; [`Fate::NotSent`] without a peer or
    /// if the system refuses it. Whether anybody listens at the peer's port is not part of the fate.
    pub fn send(&mut self, now: Instant, bytes: &[u8]) -> Fate {
        match self.peer {
            Some(peer) => self.send_to(now, peer, bytes),
            None => Fate::NotSent,
        }
    }

    /// Sends to any address; on a connected socket of the operating system only Linux allows another than the peer.
    pub fn send_to(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) -> Fate {
        let fate = self.flows.decide(now, to.ip());
        let (first, second) = copies(fate);
        let is_sent = [first, second].into_iter().flatten().all(|delay| self.deliver(now, delay, to, bytes).is_ok());
        if !is_sent {
            return Fate::NotSent;
        }
        self.tap.record(now, self.local, to, Kind::Media, bytes);
        match &self.inner {
            Inner::Os { .. } => fate,
            Inner::Sim(socket) => later(fate, socket.latency()),
        }
    }

    /// Whether a capture wants to see what is sealed in clear, too.
    pub fn is_captured(&self) -> bool {
        self.tap.is_file()
    }

    /// Shows to a capture what was sent to `to`, or to the connected peer, before it was sealed.
    pub fn show_clear(&self, now: Instant, to: Option<SocketAddr>, clear: &[u8]) {
        if let Some(to) = to.or(self.peer) {
            self.tap.record(now, self.local, to, Kind::ClearMedia, clear);
        }
    }

    fn deliver(&self, now: Instant, delay: Duration, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        let other = (self.peer != Some(to)).then_some(to);
        match &self.inner {
            Inner::Sim(socket) => socket.send(now + delay, to, bytes),
            Inner::Os { socket, delays } if !delay.is_zero() => delays.hold(now + delay, socket, other, bytes),
            Inner::Os { socket, .. } => match send_os(socket, other, bytes) {
                // Left over from an earlier datagram (RFC 1122 §4.1.3.3); reporting it has cleared it.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => send_os(socket, other, bytes)?,
                result => result?,
            },
        }
        Ok(())
    }

    /// The next datagram that has arrived, its length and sender; what does not fit into `buf` is cut off. `None` when
    /// there is none now.
    pub fn try_recv(&mut self, buf: &mut [u8]) -> Option<(usize, SocketAddr)> {
        let (length, from) = match &self.inner {
            Inner::Os { socket, .. } => recv_os(socket, buf)?,
            Inner::Sim(socket) => socket.try_recv(self.clock.now(), buf)?,
        };
        if self.tap.is_active() && !self.own.has(Transport::Udp, from) {
            self.tap.record(self.clock.now(), from, self.local, Kind::Media, &buf[..length]);
        }
        Some((length, from))
    }
}

fn send_os(socket: &UdpSocket, to: Option<SocketAddr>, bytes: &[u8]) -> io::Result<()> {
    match to {
        Some(to) => socket.send_to(bytes, to),
        None => socket.send(bytes),
    }
    .map(drop)
}

fn recv_os(socket: &UdpSocket, buf: &mut [u8]) -> Option<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buf) {
            Ok(received) => return Some(received),
            // The peer's port was closed when an earlier datagram arrived there: no reason to stop receiving.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

/// The fate as the receiver sees it, behind the latency of the network.
fn later(fate: Fate, latency: Duration) -> Fate {
    let more = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
    let add = |us: u32| us.saturating_add(more);
    match fate {
        Fate::Delivered { delay_us } => Fate::Delivered { delay_us: add(delay_us) },
        Fate::Delayed { delay_us } => Fate::Delayed { delay_us: add(delay_us) },
        Fate::Duplicated { delay_us, again_us } => {
            Fate::Duplicated { delay_us: add(delay_us), again_us: add(again_us) }
        }
        Fate::Dropped | Fate::NotSent => fate,
    }
}
