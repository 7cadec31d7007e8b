//! Where a recorder's chance comes from.

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

/// What tags, names and SRTP keys are drawn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seed {
    /// The system's entropy: what a recorder of real calls must use, since its keys protect them.
    System,
    /// This number, so that a run can be replayed. Whoever knows it knows the keys.
    Replay(u64),
}

impl Seed {
    /// A generator, or nothing where the system gives no entropy.
    pub(crate) fn generator(self) -> Option<ChaCha20Rng> {
        match self {
            Self::System => trust::cert::entropy().map(ChaCha20Rng::from_seed),
            Self::Replay(number) => Some(ChaCha20Rng::seed_from_u64(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn only_a_replay_repeats_itself() {
        let draw = |seed: Seed| seed.generator().unwrap().next_u64();
        assert_eq!(draw(Seed::Replay(7)), draw(Seed::Replay(7)));
        assert_ne!(draw(Seed::Replay(7)), draw(Seed::Replay(8)));
        assert_ne!(draw(Seed::System), draw(Seed::System));
    }
}
