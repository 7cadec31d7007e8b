//! How many connections stand at a listener, together and of one peer.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// The connections of one listener. A connection counts as long as its [`Seat`] lives.
#[derive(Debug)]
pub(crate) struct Census {
    most: usize,
    most_per_peer: usize,
    all: Arc<()>,
    peers: BTreeMap<IpAddr, Arc<()>>,
}

/// One connection's place; dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Seat {
    _of_all: Arc<()>,
    _of_peer: Arc<()>,
}

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("{most} connections stand already (`max_connections`)")]
    Listener { most: usize },
    #[error("{most} connections of this address stand already (`max_connections_per_peer`)")]
    Peer { most: usize },
}

impl Census {
    pub(crate) fn new(most: usize, most_per_peer: usize) -> Self {
        Self { most, most_per_peer, all: Arc::default(), peers: BTreeMap::new() }
    }

    /// A place for one more connection of this peer.
    pub(crate) fn admit(&mut self, peer: IpAddr) -> Result<Seat, Full> {
        if taken(&self.all) >= self.most {
            return Err(Full::Listener { most: self.most });
        }
        // Peers that left are forgotten, so that the table is never longer than the connections are many.
        self.peers.retain(|_, seats| taken(seats) > 0);
        let seats = self.peers.entry(peer).or_default();
        if taken(seats) >= self.most_per_peer {
            return Err(Full::Peer { most: self.most_per_peer });
        }
        Ok(Seat { _of_all: Arc::clone(&self.all), _of_peer: Arc::clone(seats) })
    }
}

/// How many hold a clone.
fn taken(seats: &Arc<()>) -> usize {
    Arc::strong_count(seats) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_peer_cannot_take_every_place_and_a_place_that_was_left_is_free() {
        let (first, second) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let mut census = Census::new(3, 2);
        let seats = [census.admit(first).unwrap(), census.admit(first).unwrap()];
        assert_eq!(census.admit(first).unwrap_err(), Full::Peer { most: 2 });
        let third = census.admit(second).unwrap();
        assert_eq!(census.admit(second).unwrap_err(), Full::Listener { most: 3 });
        drop(seats);
        let _fourth = census.admit(second).unwrap();
        assert_eq!(census.admit(second).unwrap_err(), Full::Peer { most: 2 });
        drop(third);
        assert!(census.admit(second).is_ok());
        assert_eq!(census.peers.len(), 1, "the first peer is forgotten");
    }
}
