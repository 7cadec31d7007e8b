//! The network of a run and the handles it gives out.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use tokio::net::TcpSocket;

use crate::clock::{Clock, default_wall};
use crate::conditions::{Conditions, Flows, Route, Traffic};
use crate::datagram::Datagram;
use crate::delay::DelayLine;
use crate::impair::Impairment;
use crate::media_socket::MediaSocket;
use crate::own::{Own, Transport};
use crate::pacer::{Pace, PacerHandle};
use crate::sim::Sim;
use crate::stream::{Listener, Stream};
use crate::tap::{Kind, Moment, Tap};

/// How the operating system's network is used.
#[derive(Clone, Debug, Default)]
pub struct NetOptions {
    /// Where every byte is shown.
    pub tap: Tap,
    /// Decides what the impairments hit.
    pub seed: u64,
    /// The clock of a run that several networks share; otherwise this network's own starts now.
    pub clock: Option<Clock>,
}

/// How the simulated network behaves.
#[derive(Clone, Debug)]
pub struct SimOptions {
    /// Where every byte is shown.
    pub tap: Tap,
    /// Decides what the impairments hit.
    pub seed: u64,
    /// How long everything travels, one way.
    pub latency: Duration,
    /// Bytes a stream holds on their way and unread before its writer has to wait.
    pub stream_buffer: usize,
    /// The wall time at the start.
    pub wall: SystemTime,
}

impl Default for SimOptions {
    /// 1 ms of latency, 64 KiB of stream buffer, the first of January 2026, no tap.
    fn default() -> Self {
        Self {
            tap: Tap::none(),
            seed: 0,
            latency: Duration::from_millis(1),
            stream_buffer: 64 << 10,
            wall: default_wall(),
        }
    }
}

/// A network: the operating system's or a simulated one. Cloning gives another handle to the same network.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
}

struct Shared {
    backing: Backing,
    clock: Clock,
    tap: Tap,
    own: Own,
    conditions: Arc<Conditions>,
}

enum Backing {
    Os { delays: DelayLine, next_media_port: AtomicU16 },
    Sim(Arc<Sim>),
}

impl Net {
    /// The operating system's network.
    pub fn os(options: NetOptions) -> Self {
        // Programs that run side by side start their search for free ports at different places.
        let start = MEDIA_PORTS.start + (std::process::id() as u16 % 128) * 128;
        let backing = Backing::Os { delays: DelayLine::default(), next_media_port: AtomicU16::new(start) };
        let clock = options.clock.unwrap_or_else(Clock::system);
        Self::new(backing, clock, options.tap, Conditions::new(options.seed))
    }

    /// A network in memory, for one runtime whose clock is paused ([`simulation_runtime`](crate::simulation_runtime)).
    /// Its time is virtual: no foreign process and no other runtime can take part.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn simulated(options: SimOptions) -> Self {
        let conditions = Conditions::new(options.seed);
        let sim = Sim::start(options.latency, options.stream_buffer, Arc::clone(&conditions));
        Self::new(Backing::Sim(sim), Clock::simulated(options.wall), options.tap, conditions)
    }

    fn new(backing: Backing, clock: Clock, tap: Tap, conditions: Arc<Conditions>) -> Self {
        tap.start(&clock);
        let own = Own::new(clock.clone());
        Self { shared: Arc::new(Shared { backing, clock, tap, own, conditions }) }
    }

    /// The clock of the run.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// This moment, for a message that is handed over to a writer of its own.
    pub fn moment(&self) -> Moment {
        self.shared.tap.moment(self.shared.clock.now())
    }

    /// The tap of the run.
    pub fn tap(&self) -> &Tap {
        &self.shared.tap
    }

    /// Whether the network, and with it time, is simulated.
    pub fn is_simulated(&self) -> bool {
        matches!(self.shared.backing, Backing::Sim(_))
    }

    /// Listens for TCP connections; port 0 takes a free one.
    pub async fn listen(&self, address: SocketAddr) -> io::Result<Listener> {
        match &self.shared.backing {
            Backing::Os { .. } => {
                let socket = tcp_socket(address.ip())?;
                socket.set_reuseaddr(true)?; // a port whose last connection is in TIME-WAIT is free
                socket.bind(address)?;
                Listener::os(self.clone(), socket.listen(BACKLOG)?)
            }
            Backing::Sim(sim) => Ok(Listener::sim(self.clone(), sim.listen(address)?)),
        }
    }

    /// Opens a TCP connection from one of our addresses, with any port; the unspecified address lets the system choose.
    pub async fn connect(&self, from: IpAddr, to: SocketAddr) -> io::Result<Stream> {
        match &self.shared.backing {
            Backing::Os { .. } => self.connect_os(from, to).await,
            Backing::Sim(sim) => {
                let port = sim.reserve(from, to.ip())?;
                let local = port.address();
                let claim = self.shared.own.claim(Transport::Tcp, local);
                let at = self.shared.clock.now();
                let end = self.opened(at, local, to, sim.connect(port, to).await)?;
                Ok(Stream::sim(self, end, Some(claim)))
            }
        }
    }

    async fn connect_os(&self, from: IpAddr, to: SocketAddr) -> io::Result<Stream> {
        let socket = tcp_socket(to.ip())?;
        socket.bind(SocketAddr::new(from, 0))?;
        // The address is ours before the other side can see a connection from it.
        let local = socket.local_addr()?;
        let claim = self.shared.own.claim(Transport::Tcp, local);
        let at = self.shared.clock.now();
        let stream = self.opened(at, local, to, socket.connect(to).await)?;
        stream.set_nodelay(true)?;
        Stream::os(self, stream, Some(claim))
    }

    /// Shows the tap how the attempt to connect ended.
    fn opened<T>(&self, at: Instant, local: SocketAddr, to: SocketAddr, result: io::Result<T>) -> io::Result<T> {
        match &result {
            Ok(_) => self.shared.tap.record(at, local, to, Kind::TcpOpen, &[]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.shared.tap.record(at, local, to, Kind::TcpRefused, &[]);
            }
            Err(_) => {}
        }
        result
    }

    /// A UDP socket for signalling; port 0 takes a free one.
    pub async fn datagram(&self, address: SocketAddr) -> io::Result<Datagram> {
        match &self.shared.backing {
            Backing::Os { .. } => Datagram::os(self, tokio::net::UdpSocket::bind(address).await?),
            Backing::Sim(sim) => Datagram::sim(self, sim.datagram(address)?),
        }
    }

    /// A UDP socket for media, which never blocks and is meant to be polled by a pacer. Port 0 takes a free even one
    /// (RFC 3550 §11), from the range that CUCM gives its phones (16384 to 32766).
    pub fn media(&self, address: SocketAddr) -> io::Result<MediaSocket> {
        match &self.shared.backing {
            Backing::Os { delays, next_media_port } => {
                let socket = match address.port() {
                    0 => bind_even(address.ip(), next_media_port)?,
                    _ => bind_media(address)?,
                };
                MediaSocket::os(self, socket, delays.clone())
            }
            Backing::Sim(sim) => Ok(MediaSocket::sim(self, sim.media(address)?)),
        }
    }

    /// Calls `body` first at the next multiple of `period` from the start of the run and then whenever the body asked
    /// for. It is told when it was due and what time it is.
    ///
    /// On the operating system's network the body runs on a thread of its own that sleeps to absolute times; in a
    /// simulated run it is a task. A body that is due again in the past is called at once. A panic in it ends the pacer
    /// and comes out of [`PacerHandle::join`].
    pub fn pacer(&self, period: Duration, body: impl FnMut(Instant, Instant) -> Pace + Send + 'static) -> PacerHandle {
        PacerHandle::start(self.shared.clock.clone(), period, Box::new(body))
    }

    /// Impairs the media datagrams of one direction, also of sockets that are open.
    pub fn set_impairment(&self, route: Route, impairment: Impairment) {
        self.shared.conditions.impair(Traffic::Media, route, impairment);
    }

    /// Impairs the datagrams of signalling (SIP over UDP, TFTP) of one direction, also of sockets that are open.
    pub fn set_signalling_impairment(&self, route: Route, impairment: Impairment) {
        self.shared.conditions.impair(Traffic::Signalling, route, impairment);
    }

    /// Cuts one direction: datagrams are lost and, on the simulated network, streams stand still and nothing connects.
    pub fn cut(&self, route: Route) {
        self.shared.conditions.cut(route);
    }

    /// Ends a [`cut`](Self::cut) of the same route; what the streams held back arrives.
    pub fn heal(&self, route: Route) {
        self.shared.conditions.heal(route);
        if let Backing::Sim(sim) = &self.shared.backing {
            sim.heal();
        }
    }

    pub(crate) fn own(&self) -> &Own {
        &self.shared.own
    }

    pub(crate) fn media_flows(&self, from: IpAddr) -> Flows {
        Flows::new(Arc::clone(&self.shared.conditions), Traffic::Media, from)
    }

    pub(crate) fn signalling_flows(&self, from: IpAddr) -> Flows {
        Flows::new(Arc::clone(&self.shared.conditions), Traffic::Signalling, from)
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_simulated() { "Net(simulated)" } else { "Net(os)" })
    }
}

fn tcp_socket(family: IpAddr) -> io::Result<TcpSocket> {
    if family.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

fn bind_even(ip: IpAddr, next: &AtomicU16) -> io::Result<std::net::UdpSocket> {
    for _ in MEDIA_PORTS.step_by(2) {
        let port = next.fetch_add(2, Relaxed);
        let port = MEDIA_PORTS.start + (port - MEDIA_PORTS.start) % (MEDIA_PORTS.end - MEDIA_PORTS.start);
        match bind_media(SocketAddr::new(ip, port)) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            result => return result,
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, format!("no free even port on {ip} in {MEDIA_PORTS:?}")))
}

fn bind_media(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(socket2::Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    // The kernel grants what its limit allows; more than that is no reason to fail.
    let _ = socket.set_recv_buffer_size(MEDIA_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

pub(crate) const MEDIA_PORTS: std::ops::Range<u16> = 16_384..32_768;
/// Half a second of hundreds of packets a second, with the kernel's overhead for each.
const MEDIA_BUFFER: usize = 1 << 20;
const BACKLOG: u32 = 1024;
