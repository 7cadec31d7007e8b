//! The only sockets: TLS, TCP and UDP over the operating system's network or a simulated one, impairments, the tap
//! and pcapng.
//!
//! [`Net`] hands out every handle that touches a network: [`Listener`] and [`Stream`] for TCP, [`Datagram`] for SIP and
//! TFTP over UDP, [`MediaSocket`] for RTP, and the [`Pacer`](PacerHandle) that drives the media sockets. The handles
//! are the same over the operating system's sockets and over the in-memory network, so the code of a party cannot know
//! which one it runs on. Over the simulated network all parties live in one [`simulation_runtime`], whose clock jumps
//! to the next event: an hour of call takes about a second, and the seed replays it.
//!
//! [`Link`] is a SIP connection, TCP or TLS. [`tls`] judges the peer by a [`trust::rule::PeerRule`] and says why one
//! side refused the other. Every byte passes the [`Tap`], which can keep it in memory and write a pcapng file that
//! carries the TLS secrets, so that Wireshark decrypts it without being told anything.
//!
//! [`mod@file`] reads the files that somebody names, and none that would eat the machine.
//!
//! Absent on purpose: SIP (each party frames and parses its own messages) and a transport trait.

mod capture;
mod claim;
mod clock;
mod conditions;
mod datagram;
mod delay;
pub mod file;
mod frames;
mod impair;
mod lateness;
mod link;
mod media_socket;
mod net;
mod own;
mod pacer;
mod pcapng;
mod sim;
mod stream;
mod tap;
pub mod tls;

pub use claim::Claim;
pub use clock::{Clock, default_wall, simulation_runtime};
pub use conditions::Route;
pub use datagram::Datagram;
pub use impair::{Burst, Fate, Impairer, Impairment};
pub use lateness::Lateness;
pub use link::{Link, LinkReader, LinkWriter};
pub use media_socket::MediaSocket;
pub use net::{Net, NetOptions, SimOptions};
pub use pacer::{Pace, PacerError, PacerHandle, PacerWaker};
pub use stream::{Listener, Stream};
pub use tap::{Keep, Kind, Moment, Packet, Tap, TapError, TapSummary};
