//! What a bad network does to one direction of one flow, decided datagram by datagram from a seed.
//!
//! Datagrams keep their order unless reordering is asked for: jitter alone never lets one overtake another, as on a
//! path whose queue is first in, first out. So the ledger can name every packet that arrives out of turn.

use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

pub use media::ledger::Fate;

/// The impairments of one direction. The default harms nothing. Shares are probabilities from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Impairment {
    /// Share of datagrams lost independently of each other.
    pub loss: f64,
    /// Loss in bursts, beside `loss`.
    pub burst: Option<Burst>,
    /// Added to every datagram.
    pub delay: Duration,
    /// Added on top, evenly spread between nothing and this.
    pub jitter: Duration,
    /// Share of datagrams held back by `reorder_by`, so that later ones pass them.
    pub reorder: f64,
    /// How long a reordered datagram is held back; longer than the distance to the next one, or nothing passes it.
    pub reorder_by: Duration,
    /// Share of datagrams that arrive twice.
    pub duplicate: f64,
}

impl Impairment {
    /// Whether nothing is impaired.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The Gilbert-Elliott model of burst loss: a good state without loss and a bad one, with a chance to change before
/// each datagram (Gilbert, "Capacity of a Burst-Noise Channel", 1960; Elliott, 1963).
///
/// The mean share lost is `loss * enter / (enter + leave)`; the mean burst lasts `1 / leave` datagrams.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Burst {
    /// Chance to go from the good state to the bad one.
    pub enter: f64,
    /// Chance to go from the bad state to the good one.
    pub leave: f64,
    /// Share of datagrams lost in the bad state.
    pub loss: f64,
}

/// Decides the fate of the datagrams of one direction of one flow.
#[derive(Clone, Debug)]
pub struct Impairer {
    impairment: Impairment,
    rng: ChaCha20Rng,
    in_burst: bool,
    last_arrival: Option<Instant>,
}

impl Impairer {
    /// An impairer that draws from this seed; two flows of one run must be given different seeds.
    pub fn new(impairment: Impairment, seed: [u8; 32]) -> Self {
        Self { impairment, rng: ChaCha20Rng::from_seed(seed), in_burst: false, last_arrival: None }
    }

    /// Replaces the impairment and keeps the place in the random sequence.
    pub fn change(&mut self, impairment: Impairment) {
        self.in_burst &= impairment.burst.is_some();
        self.impairment = impairment;
    }

    /// Decides what becomes of a datagram sent at `now`. Delays are counted from `now`, in microseconds.
    pub fn decide(&mut self, now: Instant) -> Fate {
        if self.impairment.is_none() {
            return Fate::Delivered { delay_us: self.in_order(now, Duration::ZERO) };
        }
        // Every datagram draws the same number of times, so that a changed share moves no other decision.
        let [enter_or_leave, burst_loss, loss, jitter, reorder, duplicate, again] = [(); 7].map(|()| self.draw());
        if self.is_lost_in_burst(enter_or_leave, burst_loss) || loss < self.impairment.loss {
            return Fate::Dropped;
        }
        let delay = self.impairment.delay + self.impairment.jitter.mul_f64(jitter);
        if reorder < self.impairment.reorder {
            return Fate::Delayed { delay_us: micros(delay + self.impairment.reorder_by) };
        }
        let delay_us = self.in_order(now, delay);
        if duplicate < self.impairment.duplicate {
            let again = self.impairment.delay + self.impairment.jitter.mul_f64(again);
            return Fate::Duplicated { delay_us, again_us: micros(again).max(delay_us) };
        }
        Fate::Delivered { delay_us }
    }

    fn is_lost_in_burst(&mut self, change: f64, loss: f64) -> bool {
        let Some(burst) = self.impairment.burst else { return false };
        let chance = if self.in_burst { burst.leave } else { burst.enter };
        self.in_burst ^= change < chance;
        self.in_burst && loss < burst.loss
    }

    /// The delay after which a datagram arrives that must not pass the one before it.
    fn in_order(&mut self, now: Instant, delay: Duration) -> u32 {
        let arrival = self.last_arrival.map_or(now + delay, |last| last.max(now + delay));
        // Rounding down could let a datagram pass its predecessor by less than a microsecond.
        let delay_us = micros(arrival.saturating_duration_since(now) + Duration::from_nanos(999));
        self.last_arrival = Some(now + Duration::from_micros(delay_us.into()));
        delay_us
    }

    /// A number in 0..1 of 53 random bits.
    fn draw(&mut self) -> f64 {
        (self.rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn micros(delay: Duration) -> u32 {
    u32::try_from(delay.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: usize = 20_000;

    fn fates(impairment: Impairment, seed: u8) -> Vec<Fate> {
        let mut impairer = Impairer::new(impairment, [seed; 32]);
        let start = Instant::now();
        (0..COUNT).map(|n| impairer.decide(start + Duration::from_millis(20) * n as u32)).collect()
    }

    fn share(fates: &[Fate], wanted: impl Fn(&Fate) -> bool) -> f64 {
        fates.iter().filter(|fate| wanted(fate)).count() as f64 / fates.len() as f64
    }

    #[test]
    fn without_impairment_everything_arrives_at_once() {
        assert!(fates(Impairment::default(), 1).iter().all(|fate| matches!(fate, Fate::Delivered { delay_us: 0 })));
    }

    #[test]
    fn shares_come_out_as_asked() {
        let lossy = fates(Impairment { loss: 0.05, duplicate: 0.02, ..Impairment::default() }, 2);
        let lost = share(&lossy, |fate| matches!(fate, Fate::Dropped));
        let doubled = share(&lossy, |fate| matches!(fate, Fate::Duplicated { .. }));
        assert!((lost - 0.05).abs() < 0.006, "lost {lost}, expected 0.05");
        assert!((doubled - 0.019).abs() < 0.004, "doubled {doubled}, expected 0.019");
    }

    #[test]
    fn burst_loss_has_the_share_and_the_length_of_the_model() {
        let burst = Burst { enter: 0.02, leave: 0.25, loss: 1.0 };
        let fates = fates(Impairment { burst: Some(burst), ..Impairment::default() }, 3);
        let lost = share(&fates, |fate| matches!(fate, Fate::Dropped));
        assert!((lost - 0.02 / 0.27).abs() < 0.012, "lost {lost}, expected {}", 0.02 / 0.27);
        let starts = fates.windows(2).filter(|w| !matches!(w[0], Fate::Dropped) && matches!(w[1], Fate::Dropped));
        let mean = lost * COUNT as f64 / starts.count() as f64;
        assert!((mean - 4.0).abs() < 0.5, "mean burst {mean}, expected 4");
    }

    #[test]
    fn jitter_never_lets_one_datagram_pass_another() {
        let jitter = Impairment { jitter: Duration::from_millis(90), ..Impairment::default() };
        let mut last = 0;
        for (n, fate) in fates(jitter, 4).iter().enumerate() {
            let Fate::Delivered { delay_us } = fate else { panic!("got {fate:?}, expected a delivery") };
            let arrival = n as u64 * 20_000 + u64::from(*delay_us);
            assert!(arrival >= last, "datagram {n} arrives at {arrival} us, the one before at {last} us");
            last = arrival;
        }
    }

    #[test]
    fn a_reordered_datagram_arrives_behind_its_successor() {
        let reorder = Impairment { reorder: 0.1, reorder_by: Duration::from_millis(50), ..Impairment::default() };
        let fates = fates(reorder, 5);
        assert!(fates.iter().all(|fate| match fate {
            Fate::Delayed { delay_us } => *delay_us == 50_000,
            Fate::Delivered { delay_us } => *delay_us == 0,
            _ => false,
        }));
        let held = share(&fates, |fate| matches!(fate, Fate::Delayed { .. }));
        assert!((held - 0.1).abs() < 0.01, "held {held}, expected 0.1");
    }

    #[test]
    fn the_seed_decides_and_nothing_else() {
        let all = Impairment {
            loss: 0.1,
            jitter: Duration::from_millis(5),
            reorder: 0.1,
            duplicate: 0.1,
            ..Impairment::default()
        };
        let text = |seed| format!("{:?}", fates(all.clone(), seed));
        assert_eq!(text(6), text(6));
        assert_ne!(text(6), text(7));
    }

    #[test]
    fn a_change_of_one_share_leaves_the_other_decisions_alone() {
        let few = fates(Impairment { loss: 0.05, ..Impairment::default() }, 8);
        let more = fates(Impairment { loss: 0.10, ..Impairment::default() }, 8);
        let lost = |fate: &Fate| matches!(fate, Fate::Dropped);
        assert!(few.iter().zip(&more).all(|(few, more)| !lost(few) || lost(more)), "a loss went away");
    }
}
