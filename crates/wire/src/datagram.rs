//! UDP for signalling and TFTP: asynchronous, one task receives.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;

use crate::clock::Clock;
use crate::conditions::Flows;
use crate::impair::Fate;
use crate::net::Net;
use crate::own::{Claim, Own, Transport};
use crate::sim::SimUdp;
use crate::tap::{Kind, Tap};

/// A UDP socket for signalling. Any task may send; one at a time may receive.
#[derive(Debug)]
pub struct Datagram {
    inner: Inner,
    local: SocketAddr,
    flows: Mutex<Flows>,
    tap: Tap,
    clock: Clock,
    own: Own,
    _claim: Claim,
}

#[derive(Debug)]
enum Inner {
    Os(Arc<UdpSocket>),
    Sim(SimUdp),
}

impl Datagram {
    pub(crate) fn os(net: &Net, socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self::new(net, Inner::Os(Arc::new(socket)), local))
    }

    pub(crate) fn sim(net: &Net, socket: SimUdp) -> io::Result<Self> {
        let local = socket.local_addr();
        Ok(Self::new(net, Inner::Sim(socket), local))
    }

    fn new(net: &Net, inner: Inner, local: SocketAddr) -> Self {
        Self {
            inner,
            local,
            flows: Mutex::new(net.signalling_flows(local.ip())),
            tap: net.tap().clone(),
            clock: net.clock().clone(),
            own: net.own().clone(),
            _claim: net.own().claim(Transport::Udp, local),
        }
    }

    /// Sends a datagram. What the impairments of the route do to it stays unknown to the sender.
    pub async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        let now = self.clock.now();
        self.tap.record(now, self.local, to, Kind::Datagram, bytes);
        let fate = self.flows.lock().unwrap_or_else(PoisonError::into_inner).decide(now, to.ip());
        let (first, second) = copies(fate);
        for delay in [first, second].into_iter().flatten() {
            self.deliver(now, delay, to, bytes).await?;
        }
        Ok(bytes.len())
    }

    async fn deliver(&self, now: Instant, delay: Duration, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        match &self.inner {
            Inner::Sim(socket) => socket.send(now + delay, to, bytes),
            Inner::Os(socket) if delay.is_zero() => drop(socket.send_to(bytes, to).await?),
            Inner::Os(socket) => {
                let (socket, bytes) = (Arc::clone(socket), bytes.to_vec());
                tokio::spawn(async move {
                    tokio::time::sleep(delay).await;
                    // Like a datagram lost behind the first hop: the sender has long moved on.
                    let _ = socket.send_to(&bytes, to).await;
                });
            }
        }
        Ok(())
    }

    /// Waits for the next datagram; what does not fit into `buf` is cut off. Cancel safe.
    pub async fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (length, from) = match &self.inner {
            Inner::Os(socket) => socket.recv_from(buf).await?,
            Inner::Sim(socket) => socket.recv(buf).await?,
        };
        if self.tap.is_active() && !self.own.has(Transport::Udp, from) {
            self.tap.record(self.clock.now(), from, self.local, Kind::Datagram, &buf[..length]);
        }
        Ok((length, from))
    }

    /// Its address, with the port it got.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

/// The delays of the copies that arrive.
pub(crate) fn copies(fate: Fate) -> (Option<Duration>, Option<Duration>) {
    let delay = |us: u32| Some(Duration::from_micros(us.into()));
    match fate {
        Fate::Delivered { delay_us } | Fate::Delayed { delay_us } => (delay(delay_us), None),
        Fate::Duplicated { delay_us, again_us } => (delay(delay_us), delay(again_us)),
        Fate::Dropped | Fate::NotSent => (None, None),
    }
}
