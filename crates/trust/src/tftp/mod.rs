//! TFTP (RFC 1350) as phones use it: read transfers in octet mode, as machines without sockets or clock.
//!
//! ```text
//! client                          server
//!   | RRQ name octet  ------------> |
//!   | <------------  DATA 1 (512)   |   every DATA is repeated until its ACK comes, every ACK until the next DATA comes;
//!   | ACK 1  ---------------------> |   only a timer repeats a DATA, never a second ACK of an earlier block, else one delayed
//!   |            ...                |   packet doubles all traffic that follows (the "Sorcerer's Apprentice", RFC 1123 §4.2.3.1)
//!   | <------------  DATA n (<512)  |   a block shorter than 512 bytes is the last; block numbers wrap from 65535 to 0
//!   | ACK n  ---------------------> |
//! ```
//!
//! A [`Server`] holds one transfer per peer address, so a driver may answer from its one socket, or give each transfer a machine
//! and a port of its own, as RFC 1350 §4 has it; a [`Client`] holds one transfer and takes the address of the first answer as the
//! peer's. Option requests (RFC 2347) are answered plainly, without options, which that text allows. Drive either by
//! `handle_input`, then `poll_output` until `None`, then wait until `poll_timeout` and give [`Input::Timeout`].

mod client;
mod packet;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

pub use client::{Client, ClientEvent};
pub use packet::{ErrorCode, Packet, PacketError};
pub use server::{Server, ServerEvent};

/// What a machine is told.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A datagram came.
    Datagram {
        /// Who sent it.
        from: SocketAddr,
        /// What it holds.
        bytes: &'a [u8],
    },
    /// The time that `poll_timeout` named has come.
    Timeout,
}

/// What a machine wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<E> {
    /// Send a datagram.
    Transmit {
        /// To whom.
        to: SocketAddr,
        /// What.
        bytes: Vec<u8>,
    },
    /// Something the owner wants to know.
    Event(E),
}

/// How patient a machine is and how much it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// First wait before a packet is repeated; each further wait is twice as long.
    pub retry: Duration,
    /// The longest wait before a repetition.
    pub retry_longest: Duration,
    /// A transfer that has not moved for this long is given up.
    pub give_up: Duration,
    /// The largest file a client takes, in bytes.
    pub largest_file: usize,
    /// How many transfers a server runs at once; further ones are refused.
    pub transfers: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            retry: Duration::from_millis(500),
            retry_longest: Duration::from_secs(4),
            give_up: Duration::from_secs(15),
            largest_file: 16 * 1024 * 1024,
            transfers: 4096,
        }
    }
}

/// Why a transfer ended without its file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The other side refused or gave up.
    #[error("the peer answered with tftp error {code} ({}): {message:?}", ErrorCode::from_code(*code))]
    Peer {
        /// Its error code: 1 file not found, 2 access violation, 4 illegal operation.
        code: u16,
        /// Its words.
        message: String,
    },
    /// Nothing useful came for too long.
    #[error("no answer for {} ms while waiting for {waiting_for}", after.as_millis())]
    TimedOut {
        /// What was waited for.
        waiting_for: String,
        /// How long.
        after: Duration,
    },
    /// The file is larger than the limit.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The peer sent what cannot follow.
    #[error("the peer broke the protocol: {0}")]
    Protocol(String),
}

/// Data bytes in a full block (RFC 1350 §2).
pub const BLOCK: usize = 512;
