//! The media path: from datagrams on a leg's port to packet records in the journal.
//!
//! One thread drains all legs in turn, every few milliseconds and in batches ([`drain`]); no leg has a task or a
//! timer of its own. A [`receiver::Receiver`] decides what a datagram is and is the only place that decrypts.

pub(crate) mod drain;
pub(crate) mod former;
mod plain;
pub(crate) mod receiver;
mod secure;
pub(crate) mod stream;

use std::net::SocketAddr;

use media::sdes::Crypto;

use crate::config::Codec;
use crate::metadata::Packets;

/// How many addresses and SSRCs of a port are remembered, and how many streams at a time are told apart.
const REMEMBERED: usize = 16;

/// What a leg was told to expect once offer and answer have met.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    /// The payload types that are audio, each with what it stands for; those agreed before in the leg stay good.
    pub(crate) formats: Vec<(u8, Codec)>,
    /// How packets are protected.
    pub(crate) protection: Protection,
    /// The address and port that the peer signalled, if it did. The port may be a dummy.
    pub(crate) source: Option<SocketAddr>,
}

/// How a leg's packets are protected.
#[derive(Clone, Debug)]
pub(crate) enum Protection {
    /// SRTP, as the peer's line says: its suite, keys, identifiers, lifetimes and session parameters.
    Srtp(Crypto),
    /// Plain RTP.
    Plain,
}

/// What a leg's port saw, from its opening to its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    /// The counts; `lost` is found out when the time line is laid out.
    pub(crate) packets: Packets,
    /// Where genuine packets came from.
    pub(crate) sources: Vec<SocketAddr>,
    /// Their SSRCs.
    pub(crate) ssrcs: Vec<u32>,
    /// How often the peer changed its key.
    pub(crate) rekeyed: u32,
    /// Arrival of the first genuine packet, microseconds since the recording's start.
    pub(crate) first_us: Option<u64>,
    /// Arrival of the last one.
    pub(crate) last_us: Option<u64>,
}

#[cfg(test)]
mod tests;
