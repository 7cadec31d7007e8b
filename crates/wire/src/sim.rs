//! The simulated network: everything in memory, moved by one task in the order of (time, serial number).
//!
//! All of it runs on one thread under tokio's paused clock, so the lock is never contended; it makes the handles `Send`.

mod stream;
mod udp;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::conditions::Conditions;
use crate::net::MEDIA_PORTS;

pub(crate) use stream::{SimEnd, SimListener};
pub(crate) use udp::{SimMedia, SimUdp};

use stream::{Backlog, EndId, EndState, Segment};
use udp::Udp;

/// One simulated network.
#[derive(Debug)]
pub(crate) struct Sim {
    state: Mutex<State>,
    /// Wakes the task when something is to happen sooner than what it waits for.
    sooner: Arc<Notify>,
    latency: Duration,
    stream_buffer: usize,
    conditions: Arc<Conditions>,
}

#[derive(Debug, Default)]
struct State {
    events: BTreeMap<(Instant, u64), Event>,
    /// Segments that met a cut route, in the order in which they did.
    stalled: Vec<Event>,
    serial: u64,
    ports: BTreeMap<IpAddr, NextPorts>,
    listeners: BTreeMap<SocketAddr, Backlog>,
    /// Local addresses of streams that were opened from here.
    used: BTreeSet<SocketAddr>,
    ends: BTreeMap<EndId, EndState>,
    last_end: u64,
    udp: BTreeMap<SocketAddr, Udp>,
}

#[derive(Debug)]
struct NextPorts {
    any: u16,
    even: u16,
}

/// Something that arrives.
#[derive(Debug)]
enum Event {
    Datagram { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Stream { from: EndId, to: EndId, route: (IpAddr, IpAddr), segment: Segment },
}

impl Sim {
    /// Makes a network and starts the task that moves it, in the current runtime.
    pub(crate) fn start(latency: Duration, stream_buffer: usize, conditions: Arc<Conditions>) -> Arc<Self> {
        let sooner = Arc::new(Notify::new());
        let sim = Arc::new(Self {
            state: Mutex::default(),
            sooner: Arc::clone(&sooner),
            latency,
            stream_buffer: stream_buffer.max(1),
            conditions,
        });
        tokio::spawn(drive(Arc::downgrade(&sim), sooner));
        sim
    }

    /// Lets the segments go on that a cut route held back. They go at once: what was sent after them is still on its way.
    pub(crate) fn heal(&self) {
        let stalled = std::mem::take(&mut self.state().stalled);
        let now = now();
        for event in stalled {
            self.schedule(now, event);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn schedule(&self, at: Instant, event: Event) {
        let mut state = self.state();
        state.schedule(at, event);
        if state.events.first_key_value().is_some_and(|((first, _), _)| *first >= at) {
            self.sooner.notify_one();
        }
    }

    /// Delivers what is due and says when the next event is.
    fn deliver(&self) -> Option<Instant> {
        let mut state = self.state();
        let now = now();
        while let Some(first) = state.events.first_entry() {
            if first.key().0 > now {
                return Some(first.key().0);
            }
            let event = first.remove();
            match event {
                Event::Datagram { from, to, bytes } => state.deliver_datagram(from, to, bytes),
                Event::Stream { route, .. } if self.conditions.is_cut(route.0, route.1) => state.stalled.push(event),
                Event::Stream { from, to, route, segment } => {
                    if let Some(answer) = state.deliver_segment(from, to, route, segment) {
                        state.schedule(now + self.latency, answer);
                    }
                }
            }
        }
        None
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.sooner.notify_one(); // the task finds its network gone and ends
    }
}

impl State {
    fn schedule(&mut self, at: Instant, event: Event) {
        self.serial += 1;
        self.events.insert((at, self.serial), event);
    }

    /// Resolves port 0 and refuses an address that is taken.
    fn free_address(
        &mut self,
        wanted: SocketAddr,
        is_even: bool,
        is_taken: impl Fn(&Self, SocketAddr) -> bool,
    ) -> io::Result<SocketAddr> {
        if wanted.port() != 0 {
            return if is_taken(self, wanted) { Err(io::ErrorKind::AddrInUse.into()) } else { Ok(wanted) };
        }
        for _ in 0..EPHEMERAL.len() {
            let next = self.ports.entry(wanted.ip()).or_default();
            let address = SocketAddr::new(wanted.ip(), if is_even { next.take_even() } else { next.take_any() });
            if !is_taken(self, address) {
                return Ok(address);
            }
        }
        Err(io::ErrorKind::AddrInUse.into())
    }
}

impl Default for NextPorts {
    fn default() -> Self {
        Self { any: EPHEMERAL.start, even: MEDIA_PORTS.start }
    }
}

impl NextPorts {
    fn take_any(&mut self) -> u16 {
        let port = self.any;
        self.any = port.checked_add(1).unwrap_or(EPHEMERAL.start);
        port
    }

    fn take_even(&mut self) -> u16 {
        let port = self.even;
        self.even = if port + 2 < MEDIA_PORTS.end { port + 2 } else { MEDIA_PORTS.start };
        port
    }
}

/// The task that moves the network.
async fn drive(sim: Weak<Sim>, sooner: Arc<Notify>) {
    loop {
        let Some(next) = sim.upgrade().map(|sim| sim.deliver()) else { return };
        match next {
            None => sooner.notified().await,
            Some(at) => tokio::select! {
                biased;
                () = sooner.notified() => {}
                () = tokio::time::sleep_until(at.into()) => {}
            },
        }
    }
}

/// The place of an address in a table, or that of the unspecified address with its port.
fn find<T>(table: &BTreeMap<SocketAddr, T>, address: SocketAddr) -> Option<SocketAddr> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    [address, SocketAddr::new(any, address.port())].into_iter().find(|place| table.contains_key(place))
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

const EPHEMERAL: std::ops::Range<u16> = 49_152..65_535;
