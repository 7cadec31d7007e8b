//! The weather of a network: which direction is impaired how, and which pairs of addresses cannot reach each other.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Release};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::impair::{Fate, Impairer, Impairment};

/// One direction between two addresses. An unspecified address (`0.0.0.0`, `::`) stands for any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The sender.
    pub from: IpAddr,
    /// The receiver.
    pub to: IpAddr,
}

impl Route {
    /// The direction from one address to another.
    pub fn new(from: impl Into<IpAddr>, to: impl Into<IpAddr>) -> Self {
        Self { from: from.into(), to: to.into() }
    }

    /// The other direction.
    pub fn reversed(self) -> Self {
        Self { from: self.to, to: self.from }
    }

    fn covers(self, from: IpAddr, to: IpAddr) -> bool {
        (self.from.is_unspecified() || self.from == from) && (self.to.is_unspecified() || self.to == to)
    }

    /// How many of its ends are named.
    fn precision(self) -> usize {
        usize::from(!self.from.is_unspecified()) + usize::from(!self.to.is_unspecified())
    }
}

/// Which sockets an impairment concerns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Traffic {
    Media,
    Signalling,
}

/// The conditions of one network, shared by its sockets.
#[derive(Debug)]
pub(crate) struct Conditions {
    seed: u64,
    /// Raised with every change, so that a socket need not lock for each datagram.
    generation: AtomicU64,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    impairments: Vec<(Traffic, Route, Impairment)>,
    cut: Vec<Route>,
    /// How many flows a pair of addresses has had: each gets random numbers of its own.
    flows: BTreeMap<(Traffic, IpAddr, IpAddr), u64>,
}

impl Conditions {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { seed, generation: AtomicU64::new(0), table: Mutex::default() })
    }

    pub(crate) fn impair(&self, traffic: Traffic, route: Route, impairment: Impairment) {
        let mut table = self.table();
        table.impairments.retain(|(kind, there, _)| (*kind, *there) != (traffic, route));
        table.impairments.push((traffic, route, impairment));
        self.generation.fetch_add(1, Release);
    }

    pub(crate) fn cut(&self, route: Route) {
        let mut table = self.table();
        if !table.cut.contains(&route) {
            table.cut.push(route);
        }
        self.generation.fetch_add(1, Release);
    }

    pub(crate) fn heal(&self, route: Route) {
        self.table().cut.retain(|there| *there != route);
        self.generation.fetch_add(1, Release);
    }

    pub(crate) fn is_cut(&self, from: IpAddr, to: IpAddr) -> bool {
        self.table().cut.iter().any(|route| route.covers(from, to))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flow_seed(&self, traffic: Traffic, from: IpAddr, to: IpAddr) -> [u8; 32] {
        let mut table = self.table();
        let serial = table.flows.entry((traffic, from, to)).or_default();
        *serial += 1;
        let words = [self.seed, digest(from), digest(to), *serial << 1 | u64::from(traffic == Traffic::Media)];
        let mut seed = [0; 32];
        for (place, word) in seed.chunks_exact_mut(8).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        seed
    }
}

impl Table {
    /// The impairment of the most precise route; the latest set among equals.
    fn find(&self, traffic: Traffic, from: IpAddr, to: IpAddr) -> Impairment {
        self.impairments
            .iter()
            .filter(|(kind, route, _)| *kind == traffic && route.covers(from, to))
            .max_by_key(|(_, route, _)| route.precision())
            .map(|(.., impairment)| impairment.clone())
            .unwrap_or_default()
    }
}

/// Decides for the datagrams of one socket; each destination address is a flow of its own.
#[derive(Debug)]
pub(crate) struct Flows {
    conditions: Arc<Conditions>,
    traffic: Traffic,
    from: IpAddr,
    flows: Vec<Flow>,
}

#[derive(Debug)]
struct Flow {
    to: IpAddr,
    generation: u64,
    cut: bool,
    impairer: Impairer,
}

impl Flows {
    pub(crate) fn new(conditions: Arc<Conditions>, traffic: Traffic, from: IpAddr) -> Self {
        Self { conditions, traffic, from, flows: Vec::new() }
    }

    /// What becomes of a datagram sent at `now`.
    pub(crate) fn decide(&mut self, now: Instant, to: IpAddr) -> Fate {
        let at = match self.flows.iter().position(|flow| flow.to == to) {
            Some(at) => at,
            None => self.open(to),
        };
        let flow = &mut self.flows[at];
        let generation = self.conditions.generation.load(Acquire);
        if flow.generation != generation {
            flow.generation = generation;
            flow.cut = self.conditions.is_cut(self.from, to);
            flow.impairer.change(self.conditions.table().find(self.traffic, self.from, to));
        }
        if flow.cut { Fate::Dropped } else { flow.impairer.decide(now) }
    }

    fn open(&mut self, to: IpAddr) -> usize {
        let seed = self.conditions.flow_seed(self.traffic, self.from, to);
        let impairer = Impairer::new(Impairment::default(), seed);
        // No generation is this one, so the first decision looks the conditions up.
        self.flows.push(Flow { to, generation: u64::MAX, cut: false, impairer });
        self.flows.len() - 1
    }
}

/// FNV-1a: only has to tell addresses apart.
fn digest(address: IpAddr) -> u64 {
    let fold = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |sum: u64, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
    };
    match address {
        IpAddr::V4(four) => fold(&four.octets()),
        IpAddr::V6(six) => fold(&six.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 4] = [127, 0, 0, 1];
    const B: [u8; 4] = [127, 0, 0, 2];
    const ANY: [u8; 4] = [0, 0, 0, 0];

    fn lossy() -> Impairment {
        Impairment { loss: 0.5, ..Impairment::default() }
    }

    fn pattern(conditions: &Arc<Conditions>, traffic: Traffic) -> Vec<bool> {
        let mut flows = Flows::new(Arc::clone(conditions), traffic, A.into());
        let now = Instant::now();
        (0..200).map(|_| matches!(flows.decide(now, B.into()), Fate::Dropped)).collect()
    }

    #[test]
    fn an_impairment_reaches_flows_that_are_open() {
        let conditions = Conditions::new(1);
        let mut flows = Flows::new(Arc::clone(&conditions), Traffic::Media, A.into());
        let now = Instant::now();
        assert!(matches!(flows.decide(now, B.into()), Fate::Delivered { .. }));
        conditions.impair(Traffic::Media, Route::new(A, B), Impairment { loss: 1.0, ..Impairment::default() });
        assert!(matches!(flows.decide(now, B.into()), Fate::Dropped));
        conditions.impair(Traffic::Media, Route::new(A, B), Impairment::default());
        assert!(matches!(flows.decide(now, B.into()), Fate::Delivered { .. }));
    }

    #[test]
    fn the_most_precise_route_wins_and_the_other_direction_is_free() {
        let conditions = Conditions::new(1);
        let all = Impairment { loss: 1.0, ..Impairment::default() };
        conditions.impair(Traffic::Media, Route::new(A, B), Impairment::default());
        conditions.impair(Traffic::Media, Route::new(A, ANY), all);
        let now = Instant::now();
        let mut flows = Flows::new(Arc::clone(&conditions), Traffic::Media, A.into());
        assert!(matches!(flows.decide(now, B.into()), Fate::Delivered { .. }));
        assert!(matches!(flows.decide(now, [127, 0, 0, 3].into()), Fate::Dropped));
        let mut back = Flows::new(conditions, Traffic::Media, B.into());
        assert!(matches!(back.decide(now, A.into()), Fate::Delivered { .. }));
    }

    #[test]
    fn a_cut_route_loses_everything_until_it_heals() {
        let conditions = Conditions::new(1);
        let mut flows = Flows::new(Arc::clone(&conditions), Traffic::Signalling, A.into());
        conditions.cut(Route::new(A, B));
        assert!(matches!(flows.decide(Instant::now(), B.into()), Fate::Dropped));
        conditions.heal(Route::new(A, B));
        assert!(matches!(flows.decide(Instant::now(), B.into()), Fate::Delivered { .. }));
    }

    #[test]
    fn each_flow_draws_its_own_numbers_and_the_seed_repeats_them() {
        let run = |seed| {
            let conditions = Conditions::new(seed);
            conditions.impair(Traffic::Media, Route::new(ANY, ANY), lossy());
            (pattern(&conditions, Traffic::Media), pattern(&conditions, Traffic::Media))
        };
        let (first, second) = run(5);
        assert_ne!(first, second, "two flows of one pair of addresses lost the same packets");
        assert_eq!((first.clone(), second), run(5));
        assert_ne!(first, run(6).0);
    }
}
