//! Port pairs: an even one for RTP, the next for RTCP.

use std::io;
use std::net::{IpAddr, SocketAddr};

use wire::{MediaSocket, Net};

use crate::config::PortRange;

/// Hands out port pairs in turn, so that a port rests as long as possible before another call gets it.
pub(crate) struct Ports {
    address: IpAddr,
    range: PortRange,
    next: usize,
    open: usize,
}

impl Ports {
    pub(crate) fn new(address: IpAddr, range: PortRange) -> Self {
        Self { address, range, next: 0, open: 0 }
    }

    /// Opens the next pair that is free.
    pub(crate) fn bind(&mut self, net: &Net) -> io::Result<(MediaSocket, MediaSocket)> {
        let mut last = io::Error::new(io::ErrorKind::AddrInUse, "no port pair in the range");
        for _ in 0..self.range.pairs() {
            let port = self.range.pair(self.next);
            self.next = self.next.wrapping_add(1);
            match self.pair(net, port) {
                Ok(pair) => {
                    self.open += 1;
                    return Ok(pair);
                }
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last = error,
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }

    fn pair(&self, net: &Net, port: u16) -> io::Result<(MediaSocket, MediaSocket)> {
        let rtp = net.media(SocketAddr::new(self.address, port))?;
        let rtcp = net.media(SocketAddr::new(self.address, port + 1))?;
        Ok((rtp, rtcp))
    }

    /// A pair was closed.
    pub(crate) fn closed(&mut self) {
        self.open = self.open.saturating_sub(1);
    }

    /// Pairs in use.
    pub(crate) fn open(&self) -> usize {
        self.open
    }
}
