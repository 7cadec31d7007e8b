//! Where a recording can go: the ways of its destination, in the order in which they are tried.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Engine;
use super::trunk::Way;
use crate::config::{AllOutOfService, DestinationOrder, Distribution, SipTrunk};

/// Where circular distribution stands.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    /// Calls that each group was given, by route pattern and place in its route list.
    groups: BTreeMap<(usize, usize), usize>,
    /// Calls that each trunk was given.
    trunks: BTreeMap<String, usize>,
}

/// The members of a list, beginning with the one whose turn it is.
fn turned<T: Clone>(members: &[T], turn: &mut usize) -> Vec<T> {
    let first = *turn % members.len().max(1);
    *turn = turn.wrapping_add(1);
    members[first..].iter().chain(&members[..first]).cloned().collect()
}

impl Engine {
    /// The ways of one call to this number. Destinations that OPTIONS found out of service are passed over; `None` where no route
    /// pattern matches.
    pub(super) fn ways_to(&mut self, calling_search_space: &str, number: &str) -> Option<Vec<Way>> {
        let (place, pattern) = self.config.route(calling_search_space, number)?;
        let mut ways = Vec::new();
        for (index, group) in pattern.route_list.iter().enumerate() {
            let trunks = match group.distribution {
                Distribution::TopDown => group.trunks.clone(),
                Distribution::Circular => {
                    turned(&group.trunks, self.rotation.groups.entry((place, index)).or_default())
                }
            };
            for trunk in trunks.iter().filter_map(|name| self.config.trunk(name)) {
                ways.extend(destinations(self.config.dialect.destination_order, trunk, &mut self.rotation));
            }
        }
        let (down, up): (Vec<Way>, Vec<Way>) = ways.into_iter().partition(|way| self.is_down(way));
        Some(match self.config.dialect.all_out_of_service {
            AllOutOfService::Try if up.is_empty() => down,
            AllOutOfService::Skip | AllOutOfService::Try => up,
        })
    }
}

fn destinations(order: DestinationOrder, trunk: &SipTrunk, rotation: &mut Rotation) -> Vec<Way> {
    let destinations = match order {
        DestinationOrder::Listed => trunk.destinations.clone(),
        DestinationOrder::Circular => {
            turned(&trunk.destinations, rotation.trunks.entry(trunk.name.clone()).or_default())
        }
    };
    let way = |to: &crate::config::Destination| (trunk.name.clone(), SocketAddr::new(to.address, to.port));
    destinations.iter().map(way).collect()
}
