//! The ground a scenario is played on: its name, its seed, its network, its addresses.

use std::collections::BTreeSet;
use std::sync::Arc;

use phone::MediaClock;
use wire::{Clock, Keep, Net, NetOptions, SimOptions, Tap};

use super::addresses::{Block, Slot};
use super::desk::Desk;
use super::error::SetupError;
use super::live::Live;
use super::{Item, Options, create};

/// A scenario to run and the name of all that is kept of it.
pub(super) struct Job {
    pub(super) item: Item,
    pub(super) name: String,
    /// How many of this file come before it in the run: each draws from a seed of its own.
    pub(super) round: u64,
}

impl Job {
    /// The same for a try, from 1, with a name of its own: what an earlier one left is not written over.
    pub(super) fn again(&self, number: usize) -> Self {
        let name = if number == 1 { self.name.clone() } else { format!("{}.try-{number}", self.name) };
        Self { item: self.item.clone(), name, round: self.round }
    }
}

/// Gives each item a name of its own in a flat folder: `scenarios/refused/forged.yaml` is `refused-forged`, and a second
/// file that would have the same name is `refused-forged-2`.
pub(super) fn named(items: Vec<Item>) -> Vec<Job> {
    let mut taken = BTreeSet::new();
    let mut jobs = Vec::with_capacity(items.len());
    for item in items {
        let base = flat_name(&item.file);
        let numbered = (2..).map(|number: usize| format!("{base}-{number}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(base);
        taken.insert(name.clone());
        let round = jobs.iter().filter(|job: &&Job| job.item.file == item.file).count() as u64;
        jobs.push(Job { item, name, round });
    }
    jobs
}

fn flat_name(file: &str) -> String {
    let stem = file.strip_suffix(".yaml").unwrap_or(file);
    let parts: Vec<&str> = stem.split(['/', '\\']).filter(|p| !matches!(*p, "" | "." | ".." | "scenarios")).collect();
    parts.join("-")
}

/// What all scenarios of a run share in real time: one pacing thread sends the media of all of them.
pub(super) struct RealTime {
    clock: Clock,
    media: MediaClock,
    block: Block,
    /// In real time nothing is replayed to the byte, so keys need not be known beforehand.
    entropy: u64,
    /// Where recordings are judged.
    pub(super) desk: Desk,
}

impl RealTime {
    pub(super) fn start(live: &Live) -> Result<Self, SetupError> {
        let block = Block::claim()?;
        let clock = Clock::system();
        let base = Net::os(NetOptions { clock: Some(clock.clone()), ..NetOptions::default() });
        let drawn = trust::cert::entropy().ok_or_else(|| SetupError::Start {
            who: "a run".to_owned(),
            why: "the system gives no randomness for keys".to_owned(),
        })?;
        let entropy = fnv(0, &drawn);
        let media = MediaClock::counting(&base, Arc::clone(&live.packets));
        Ok(Self { clock, media, block, entropy, desk: Desk::new() })
    }
}

/// What one scenario stands on.
pub(super) struct Ground<'a> {
    pub(super) net: Net,
    pub(super) clock: MediaClock,
    /// Its addresses in real time.
    pub(super) slot: Option<Slot<'a>>,
    /// What its parties draw tags, keys and numbers from.
    pub(super) seed: u64,
}

impl<'a> Ground<'a> {
    pub(super) fn of(
        job: &Job,
        options: &Options,
        tap: &Tap,
        live: &Live,
        real: Option<&'a RealTime>,
    ) -> Result<Self, SetupError> {
        let (tap, own) = (tap.clone(), own_seed(options.seed.wrapping_add(job.round), &job.item));
        Ok(match real {
            Some(real) => Self {
                net: Net::os(NetOptions { tap, seed: own, clock: Some(real.clock.clone()) }),
                clock: real.media.clone(),
                slot: Some(real.block.slot()?),
                seed: own ^ real.entropy,
            },
            None => {
                let net = Net::simulated(SimOptions { tap, seed: own, ..SimOptions::default() });
                let clock = MediaClock::counting(&net, Arc::clone(&live.packets));
                Self { net, clock, slot: None, seed: own }
            }
        })
    }
}

/// The seed of one scenario: two of a run share no key, and one has the same whatever else is run.
fn own_seed(seed: u64, item: &Item) -> u64 {
    let file = item.file.rsplit(['/', '\\']).next().unwrap_or_default();
    fnv(fnv(seed, file.as_bytes()), item.scenario.title.as_bytes())
}

/// FNV-1a with 64 bits, begun with a seed: spreads, hides nothing.
fn fnv(seed: u64, bytes: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed;
    bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The capture of a scenario, if one is wanted.
pub(super) fn capture(options: &Options, name: &str) -> Result<Tap, SetupError> {
    let keep = if options.evidence { Keep::Messages } else { Keep::Nothing };
    let Some(folder) = &options.pcapng else {
        return Ok(if options.evidence { Tap::memory(keep) } else { Tap::none() });
    };
    create(folder)?;
    let path = folder.join(format!("{name}.pcapng"));
    Tap::file(&path, keep)
        .map_err(|e| SetupError::File { what: format!("cannot write {}", path.display()), why: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(file: &str) -> Item {
        let text =
            std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/plain-call.yaml")).unwrap();
        Item { file: file.to_owned(), scenario: crate::file::parse(&text).unwrap() }
    }

    #[test]
    fn files_of_the_same_name_keep_apart_what_is_kept_of_them() {
        let jobs = named(["scenarios/refused/x.yaml", "x.yaml", "scenarios/x.yaml", "./x.yaml"].map(item).into());
        let names: Vec<&str> = jobs.iter().map(|job| job.name.as_str()).collect();
        assert_eq!(names, ["refused-x", "x", "x-2", "x-3"]);
    }

    #[test]
    fn what_is_run_again_or_tried_again_has_a_name_of_its_own_and_only_the_former_another_seed() {
        let jobs = named(["a.yaml", "b.yaml", "a.yaml"].map(item).into());
        assert_eq!(jobs.iter().map(|job| job.round).collect::<Vec<_>>(), [0, 0, 1]);
        let again = jobs[2].again(3);
        assert_eq!((again.name.as_str(), again.round), ("a-2.try-3", 1));
        assert_eq!(jobs[0].again(1).name, "a");
    }

    #[test]
    fn scenarios_of_one_seed_draw_different_keys_and_each_the_same_wherever_it_lies() {
        let (one, other) = (own_seed(1, &item("scenarios/a.yaml")), own_seed(1, &item("b.yaml")));
        assert_ne!(one, other);
        assert_eq!(one, own_seed(1, &item("elsewhere/a.yaml")));
        assert_ne!(one, own_seed(2, &item("a.yaml")));
    }

    #[test]
    fn in_real_time_no_run_draws_the_keys_of_another() {
        let live = Live::default();
        let options = Options {
            network: crate::run::Network::Os,
            seed: 1,
            jobs: 1,
            pcapng: None,
            keep: None,
            under_test: crate::under_test::UnderTest::Bundled,
            bystander: None,
            evidence: false,
            tries: crate::run::Tries::default(),
        };
        let seed = || {
            let real = RealTime::start(&live).unwrap();
            Ground::of(&named(vec![item("a.yaml")])[0], &options, &Tap::none(), &live, Some(&real)).unwrap().seed
        };
        assert_ne!(seed(), seed());
    }
}
