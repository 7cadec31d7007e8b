//! The addresses that belong to this network.
//!
//! A byte between two of our own sockets would pass the tap twice. So what is sent is always shown to the tap, and what
//! is received only if its sender is not one of ours.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use crate::clock::Clock;

/// Which transport an address belongs to: the two have ports of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// How long an address stays ours when its socket has closed: what it sent last is read only later.
const LINGER: Duration = Duration::from_secs(2);

/// The local addresses in use, and those that were a moment ago.
#[derive(Clone, Debug)]
pub(crate) struct Own {
    held: Arc<RwLock<HashMap<(Transport, SocketAddr), Hold>>>,
    clock: Clock,
}

/// One address: how many sockets have it (a listener and what it accepted share theirs), and when the last one closed.
#[derive(Clone, Copy, Debug)]
struct Hold {
    sockets: usize,
    closed: Instant,
}

impl Hold {
    fn lasts(&self, now: Instant) -> bool {
        self.sockets > 0 || now.saturating_duration_since(self.closed) < LINGER
    }
}

impl Own {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { held: Arc::default(), clock }
    }

    /// Claims an address until [`LINGER`] after the returned guard goes.
    pub(crate) fn claim(&self, transport: Transport, address: SocketAddr) -> Claim {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.entry((transport, address)).or_insert_with(|| Hold { sockets: 0, closed: self.clock.now() }).sockets += 1;
        Claim { own: self.clone(), transport, address }
    }

    /// Whether the address, or the unspecified address with its port, is ours.
    pub(crate) fn has(&self, transport: Transport, address: SocketAddr) -> bool {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let now = self.clock.now();
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        let has = |address| held.get(&(transport, address)).is_some_and(|hold| hold.lasts(now));
        has(address) || has(SocketAddr::new(any, address.port()))
    }

    fn release(&self, transport: Transport, address: SocketAddr) {
        let now = self.clock.now();
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = held.get_mut(&(transport, address)) {
            *hold = Hold { sockets: hold.sockets.saturating_sub(1), closed: now };
        }
        held.retain(|_, hold| hold.lasts(now));
    }
}

/// Holds an address in the set.
#[derive(Debug)]
pub(crate) struct Claim {
    own: Own,
    transport: Transport,
    address: SocketAddr,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.own.release(self.transport, self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Virtual time, so that the two seconds pass at once.
    #[tokio::test(start_paused = true)]
    async fn a_claim_outlasts_its_guard_by_what_is_read_late_and_knows_the_transport() {
        let clock = Clock::simulated(std::time::UNIX_EPOCH);
        let own = Own::new(clock.clone());
        let address: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let claim = own.claim(Transport::Udp, address);
        clock.sleep(2 * LINGER).await;
        assert!(own.has(Transport::Udp, address));
        assert!(!own.has(Transport::Tcp, address));
        drop(claim);
        assert!(own.has(Transport::Udp, address), "what the socket sent last may not have been read yet");
        clock.sleep(LINGER).await;
        assert!(!own.has(Transport::Udp, address), "somebody else may have the port by now");
    }

    /// As a listener's, when a connection that it accepted closes.
    #[tokio::test(start_paused = true)]
    async fn an_address_of_two_sockets_is_held_until_both_are_closed() {
        let clock = Clock::simulated(std::time::UNIX_EPOCH);
        let own = Own::new(clock.clone());
        let address: SocketAddr = "127.0.0.1:5061".parse().unwrap();
        let listener = own.claim(Transport::Tcp, address);
        drop(own.claim(Transport::Tcp, address));
        clock.sleep(2 * LINGER).await;
        assert!(own.has(Transport::Tcp, address));
        drop(listener);
        clock.sleep(LINGER).await;
        assert!(!own.has(Transport::Tcp, address));
    }

    #[test]
    fn a_socket_on_the_unspecified_address_owns_its_port() {
        let own = Own::new(Clock::system());
        let _claim = own.claim(Transport::Tcp, "0.0.0.0:5061".parse().unwrap());
        assert!(own.has(Transport::Tcp, "127.0.0.9:5061".parse().unwrap()));
        assert!(!own.has(Transport::Tcp, "[::1]:5061".parse().unwrap()));
    }
}
