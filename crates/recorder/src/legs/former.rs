//! What is known of a port's call before: which of its streams went on behind their end.
//!
//! A phone may go on sending when its call is over, and the recorder may have given the port to another call by then. Under SRTP the
//! tag tells such packets from those of the call. In clear nothing does but where they come from: a stream, named by its source and
//! its SSRC, that still came in the second half of the time for which the port took what was on its way is over, and stays so on that
//! port. A phone that stopped in time and goes on in the next call under the same SSRC is not taken for one.

use std::net::SocketAddr;
use std::time::Instant;

use super::REMEMBERED;
use super::secure::Secure;

/// Streams by their source and SSRC, and when a packet of each came last.
#[derive(Debug, Default)]
pub(crate) struct Streams(Vec<(SocketAddr, u32, Instant)>);

impl Streams {
    /// A packet came.
    pub(crate) fn note(&mut self, at: Instant, from: SocketAddr, ssrc: u32) {
        let known = self.0.iter().position(|(source, known, _)| (*source, *known) == (from, ssrc));
        match known {
            Some(known) => self.0[known].2 = at,
            None if self.0.len() < REMEMBERED => self.0.push((from, ssrc, at)),
            None => {}
        }
    }

    fn since(&self, time: Instant) -> impl Iterator<Item = (SocketAddr, u32)> {
        self.0.iter().filter(move |(.., last)| *last >= time).map(|(from, ssrc, _)| (*from, *ssrc))
    }
}

/// What a port's leg leaves to the next one.
#[derive(Default)]
pub(crate) struct Former {
    stale: Vec<(SocketAddr, u32)>,
    /// Its keys, for [`Fault::StoreStale`](crate::Fault::StoreStale).
    pub(crate) keys: Option<Box<Secure>>,
}

impl Former {
    /// Of a leg whose port took these streams, and was to close at this time already.
    pub(crate) fn new(streams: &Streams, overdue: Instant, keys: Option<Box<Secure>>) -> Self {
        Self { stale: streams.since(overdue).collect(), keys }
    }

    /// Whether a stream belongs to the call before.
    pub(crate) fn has(&self, from: SocketAddr, ssrc: u32) -> bool {
        self.stale.contains(&(from, ssrc))
    }

    /// Whether there is nothing to know.
    pub(crate) fn is_empty(&self) -> bool {
        self.stale.is_empty() && self.keys.is_none()
    }
}
