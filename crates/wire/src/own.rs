//! The addresses that belong to this network.
//!
//! A byte between two of our own sockets would pass the tap twice. So what is sent is always shown to the tap, and what
//! is received only if its sender is not one of ours.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

/// Which transport an address belongs to: the two have ports of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// The set of local addresses in use.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own(Arc<RwLock<HashSet<(Transport, SocketAddr)>>>);

impl Own {
    /// Claims an address until the returned guard goes.
    pub(crate) fn claim(&self, transport: Transport, address: SocketAddr) -> Claim {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert((transport, address));
        Claim { own: self.clone(), transport, address }
    }

    /// Whether the address, or the unspecified address with its port, is ours.
    pub(crate) fn has(&self, transport: Transport, address: SocketAddr) -> bool {
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.contains(&(transport, address)) || set.contains(&(transport, SocketAddr::new(any, address.port())))
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
        let mut set = self.own.0.write().unwrap_or_else(PoisonError::into_inner);
        set.remove(&(self.transport, self.address));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_lasts_as_long_as_its_guard_and_knows_the_transport() {
        let own = Own::default();
        let address: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        let claim = own.claim(Transport::Udp, address);
        assert!(own.has(Transport::Udp, address));
        assert!(!own.has(Transport::Tcp, address));
        drop(claim);
        assert!(!own.has(Transport::Udp, address));
    }

    #[test]
    fn a_socket_on_the_unspecified_address_owns_its_port() {
        let own = Own::default();
        let _claim = own.claim(Transport::Tcp, "0.0.0.0:5061".parse().unwrap());
        assert!(own.has(Transport::Tcp, "127.0.0.9:5061".parse().unwrap()));
        assert!(!own.has(Transport::Tcp, "[::1]:5061".parse().unwrap()));
    }
}
