//! The E-model of ITU-T G.107 (06/2015): what a listener could expect of a connection, from its parameters alone.
//!
//! It says nothing about a recording: its figures stand beside a verdict and never touch it. All parameters but those of
//! [`Connection`] have the default values of G.107 table 2. Not modelled: STMR below 9 or above 20 dB, the advantage factor.

/// What is known of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Connection {
    /// Equipment impairment factor Ie of the codec (ITU-T G.113 appendix I).
    pub ie: f64,
    /// Packet-loss robustness factor Bpl of the codec (ITU-T G.113 appendix I).
    pub bpl: f64,
    /// Packet loss Ppl in percent.
    pub loss_percent: f64,
    /// Burst ratio BurstR: the mean length of bursts of loss against that of random loss; 1 is random.
    pub burst_ratio: f64,
    /// One-way delay T = Ta in ms; the round trip is twice as long.
    pub delay_ms: f64,
}

impl Connection {
    /// G.711 without packet loss concealment (ITU-T G.113 appendix I, table I.4), without loss and delay.
    pub const G711: Self = Self { ie: 0.0, bpl: 4.3, loss_percent: 0.0, burst_ratio: 1.0, delay_ms: 0.0 };

    /// Loss and burst ratio of packets that arrived (`true`) or did not, in the order in which they were sent.
    #[must_use]
    pub fn with_losses(self, arrived: impl IntoIterator<Item = bool>) -> Self {
        let (mut sent, mut lost, mut bursts, mut before) = (0_u64, 0_u64, 0_u64, true);
        for arrived in arrived {
            sent += 1;
            lost += u64::from(!arrived);
            bursts += u64::from(before && !arrived);
            before = arrived;
        }
        if lost == 0 || lost == sent {
            let loss_percent = if lost == 0 { 0.0 } else { 100.0 };
            return Self { loss_percent, burst_ratio: 1.0, ..self };
        }
        let share = lost as f64 / sent as f64;
        // Random loss has bursts of 1 / (1 - p) packets in the mean.
        let burst_ratio = lost as f64 / bursts as f64 * (1.0 - share);
        Self { loss_percent: share * 100.0, burst_ratio: burst_ratio.max(1.0), ..self }
    }

    /// The transmission rating factor R (G.107 equation 7-1), limited to 0 to 100.
    pub fn rating(&self) -> f64 {
        let t = self.delay_ms;
        let ro = 15.0 - 1.5 * (SLR + noise());
        let rating = ro - simultaneous(ro, t) - delayed(ro, t) - self.effective_equipment();
        rating.clamp(0.0, 100.0)
    }

    /// Ie-eff (G.107 equation 7-29).
    pub fn effective_equipment(&self) -> f64 {
        let Self { ie, bpl, loss_percent, burst_ratio, .. } = *self;
        ie + (95.0 - ie) * loss_percent / (loss_percent / burst_ratio + bpl)
    }
}

/// The mean opinion score that a rating stands for (G.107 equation B-4).
pub fn mos(rating: f64) -> f64 {
    match rating {
        r if r <= 0.0 => 1.0,
        r if r >= 100.0 => 4.5,
        r => 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6,
    }
}

/// No: the sum of all noise at the 0 dBr point (G.107 equations 7-3 to 7-7).
fn noise() -> f64 {
    let room_at_sender = PS - SLR - DS - 100.0 + 0.004 * (PS - (SLR + RLR) - DS - 14.0).powi(2);
    let pre = PR + 10.0 * (1.0 + 10_f64.powf((10.0 - LSTR) / 10.0)).log10();
    let room_at_receiver = RLR - 121.0 + pre + 0.008 * (pre - 35.0).powi(2);
    let floor = NFOR + RLR;
    let power = |level: f64| 10_f64.powf(level / 10.0);
    10.0 * (power(NC) + power(room_at_sender) + power(room_at_receiver) + power(floor)).log10()
}

/// Is: too loud a connection, sidetone, quantizing (G.107 equations 7-8 to 7-17).
fn simultaneous(ro: f64, t: f64) -> f64 {
    let x = (SLR + RLR) + 0.2 * (64.0 + noise() - RLR);
    let loud = 20.0 * ((1.0 + (x / 8.0).powi(8)).powf(1.0 / 8.0) - x / 8.0);
    let stmr = -10.0 * (10_f64.powf(-STMR / 10.0) + (-t / 4.0).exp() * 10_f64.powf(-TELR / 10.0)).log10();
    let root = |base: f64, power: i32| (1.0 + base.powi(power)).powf(1.0 / f64::from(power));
    let sidetone = 12.0 * root((stmr - 13.0) / 6.0, 8)
        - 28.0 * root((stmr + 1.0) / 19.4, 35)
        - 13.0 * root((stmr - 3.0) / 33.0, 13)
        + 29.0;
    let q = 37.0 - 15.0 * QDU.log10();
    let g = 1.07 + 0.258 * q + 0.0602 * q * q;
    let (y, z) = ((ro - 100.0) / 15.0 + 46.0 / 8.4 - g / 9.0, 46.0 / 30.0 - g / 40.0);
    let quantizing = 15.0 * (1.0 + 10_f64.powf(y) + 10_f64.powf(z)).log10();
    loud + sidetone + quantizing
}

/// Id: talker echo, listener echo, delay (G.107 equations 7-18 to 7-28).
fn delayed(ro: f64, t: f64) -> f64 {
    let terv = TELR - 40.0 * ((1.0 + t / 10.0) / (1.0 + t / 150.0)).log10() + 6.0 * (-0.3 * t * t).exp();
    let (roe, re) = (-1.5 * (noise() - RLR), 80.0 + 2.5 * (terv - 14.0));
    let half = (roe - re) / 2.0;
    let talker = (half + (half * half + 100.0).sqrt() - 1.0) * (1.0 - (-t).exp());
    let rle = 10.5 * (WEPL + 7.0) * (2.0 * t + 1.0).powf(-0.25);
    let half = (ro - rle) / 2.0;
    let listener = half + (half * half + 169.0).sqrt();
    talker + listener + pure_delay(t)
}

/// Idd, with the default sensitivity: nothing up to 100 ms.
fn pure_delay(t: f64) -> f64 {
    if t <= 100.0 {
        return 0.0;
    }
    let x = (t / 100.0).log2();
    let root = |x: f64| (1.0 + x.powi(6)).powf(1.0 / 6.0);
    25.0 * (root(x) - 3.0 * root(x / 3.0) + 2.0)
}

// G.107 table 2.
const SLR: f64 = 8.0;
const RLR: f64 = 2.0;
const STMR: f64 = 15.0;
/// STMR and the telephone's factor D = 3.
const LSTR: f64 = 18.0;
const DS: f64 = 3.0;
const TELR: f64 = 65.0;
const WEPL: f64 = 110.0;
const QDU: f64 = 1.0;
const NC: f64 = -70.0;
const NFOR: f64 = -64.0;
const PS: f64 = 35.0;
const PR: f64 = 35.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_values_give_the_rating_that_g107_gives_for_them() {
        let rating = Connection::G711.rating();
        assert!((rating - 93.2).abs() < 0.05, "{rating}");
        assert!((mos(rating) - 4.41).abs() < 0.005, "{}", mos(rating));
    }

    #[test]
    fn ratings_stand_for_the_scores_of_g107_table_b1() {
        for (rating, score) in [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)] {
            assert!((mos(rating) - score).abs() < 0.01, "R {rating}: {}", mos(rating));
        }
        assert_eq!((mos(-3.0), mos(120.0)), (1.0, 4.5));
    }

    /// ITU-T G.113 appendix I, table I.2 (as measured): G.711 with concealment under random loss.
    #[test]
    fn loss_impairs_as_measured_for_g711_with_concealment() {
        for (loss_percent, measured) in [(1.0, 5.0), (2.0, 7.0), (3.0, 10.0), (5.0, 15.0)] {
            let with = Connection { bpl: 25.1, loss_percent, ..Connection::G711 };
            assert!((with.effective_equipment() - measured).abs() < 1.5, "{loss_percent} %: {with:?}");
        }
    }

    #[test]
    fn more_delay_is_never_better_and_hundred_milliseconds_cost_little() {
        let at = |delay_ms: f64| Connection { delay_ms, ..Connection::G711 }.rating();
        assert!((0..80).all(|n| at(f64::from(n) * 10.0) >= at(f64::from(n + 1) * 10.0) - 1e-9));
        assert!(at(0.0) - at(100.0) < 5.0 && at(0.0) - at(400.0) > 20.0, "{} {}", at(100.0), at(400.0));
    }

    #[test]
    fn bursts_are_told_from_random_loss() {
        let single = Connection::G711.with_losses((0..100).map(|n| n % 10 != 0));
        assert_eq!((single.loss_percent, single.burst_ratio), (10.0, 1.0));
        let burst = Connection::G711.with_losses((0..100).map(|n| !(20..30).contains(&n)));
        assert!((burst.loss_percent - 10.0).abs() < 1e-9 && (burst.burst_ratio - 9.0).abs() < 1e-9, "{burst:?}");
        assert!(burst.rating() < single.rating());
        assert_eq!(Connection::G711.with_losses([]).loss_percent, 0.0);
        assert!(Connection::G711.with_losses([false]).rating() < 3.0);
    }
}
