//! Whose audio a recording is, where recordings share their voices.
//!
//! Where both phones of a call are recorded, either voice is in both recordings, as near leg here and as far leg there.
//! One file alone then says nothing; the legs it should hold, where they start and where they end tell them apart, over all
//! recordings at once.

use std::collections::HashMap;

use media::g722;
use media::ledger::Leg;
use media::wav::read;

use super::Case;
use crate::chain::chain;
use crate::scan::scan;
use crate::source::{Duty, Source};
use crate::{Content, Recorded, RecordedFile};

/// How well audio fits a recording: frames that are there, less those that should be.
#[derive(Clone, Copy, Debug, Default)]
struct Fit {
    /// With each leg where it is said to be.
    straight: i64,
    /// With near and far exchanged.
    turned: i64,
}

impl Fit {
    fn best(self) -> i64 {
        self.straight.max(self.turned)
    }
}

impl Case<'_> {
    /// Whether some voice is in two recordings: a frame of one leg is one of another recording's, too. Three frames well inside
    /// a leg stand for all.
    fn shares_voices(&self) -> bool {
        *self.shared.get_or_init(|| self.look_for_shared_voices())
    }

    fn look_for_shared_voices(&self) -> bool {
        let sources = &self.worlds.right.sources;
        let legs = || self.worlds.right.legs.iter().flatten().map(|&leg| &sources[leg]);
        let recording = |source: &Source| source.owner.map(|(recording, _)| recording);
        let mut known: HashMap<&[i16], Option<usize>> = HashMap::new();
        for leg in legs() {
            let telling: Vec<&[i16]> =
                leg.line().iter().filter(|frame| !frame.weak && !frame.alike).map(|frame| leg.samples(frame)).collect();
            for content in [1, 2, 3].iter().filter_map(|quarter| telling.get(telling.len() * quarter / 4)) {
                if known.insert(content, recording(leg)).is_some_and(|before| before != recording(leg)) {
                    return true;
                }
            }
        }
        let elsewhere = |leg: &Source, frame| known.get(leg.samples(frame)).is_some_and(|one| *one != recording(leg));
        legs().any(|leg| leg.line().iter().any(|frame| elsewhere(leg, frame)))
    }

    /// The recording whose audio each of `recorded` is; `None` where its metadata or its frames alone say that.
    pub(super) fn owners(&self, recorded: &[Recorded<'_>]) -> Vec<Option<usize>> {
        let mut owners = vec![None; recorded.len()];
        if self.truth.recordings.len() < 2 || !self.shares_voices() {
            return owners;
        }
        let all = 0..self.truth.recordings.len();
        let fits: Vec<Vec<Fit>> =
            recorded.iter().map(|one| all.clone().map(|to| self.fit(&one.files, to)).collect()).collect();
        for ((owner, fits), one) in owners.iter_mut().zip(&fits).zip(recorded) {
            // What is named is another one's only if that explains more than near and far exchanged do.
            let named = one.expected.and_then(|named| fits.get(named));
            let other = all.clone().max_by_key(|&to| fits[to].straight);
            *owner = other.filter(|&other| named.is_some_and(|named| fits[other].straight > named.best()));
        }
        let named: Vec<usize> = recorded.iter().filter_map(|one| one.expected).collect();
        let open: Vec<usize> = (0..recorded.len()).filter(|&one| recorded[one].expected.is_none()).collect();
        let free: Vec<usize> = all.filter(|to| !named.contains(to)).collect();
        for (one, to) in assign(&fits, &open, &free) {
            owners[one] = Some(to);
        }
        owners
    }

    /// The recording that a file fits best; `None` where its frames alone say whose it is.
    pub(super) fn owner_of(&self, file: &RecordedFile<'_>) -> Option<usize> {
        if !self.shares_voices() {
            return None;
        }
        let fits = (0..self.truth.recordings.len()).map(|to| (self.fit(std::slice::from_ref(file), to).straight, to));
        let (fit, best) = fits.max_by_key(|&(fit, to)| (fit, std::cmp::Reverse(to)))?;
        (fit > 0).then_some(best)
    }

    fn fit(&self, files: &[RecordedFile<'_>], to: usize) -> Fit {
        let mut fit = Fit::default();
        for file in files {
            let Content::Wav(bytes) = &file.content else { continue };
            let Ok(wav) = read(bytes) else { continue };
            let wide = wav.rate == g722::RATE && self.worlds.right.sources.iter().any(|source| source.wide);
            let half = |channel: &Vec<i16>| channel.iter().step_by(2).copied().collect();
            let channels = if wide { wav.samples.iter().map(half).collect() } else { wav.samples };
            for (number, samples) in channels.iter().enumerate() {
                let [near, far] = Leg::ALL.map(|leg| self.fit_of_leg(samples, to, leg));
                let (straight, turned) = match file.claims.get(number).copied().flatten() {
                    Some(Leg::Near) => (near, far),
                    Some(Leg::Far) => (far, near),
                    None => (near.max(far), near.max(far)),
                };
                fit.straight += straight;
                fit.turned += turned;
            }
        }
        fit
    }

    fn fit_of_leg(&self, samples: &[i16], to: usize, leg: Leg) -> i64 {
        let world = self.worlds.right;
        let Some(home) = world.source_of(to, leg) else { return 0 };
        let line = chain(world, home, &scan(world, samples, home));
        let frames = world.sources[home].line().iter().zip(&line.found).filter(|(frame, _)| !frame.weak);
        frames
            .map(|(frame, found)| match (found, frame.duty) {
                (true, _) => 1,
                (false, Duty::Due) => -1,
                (false, _) => 0,
            })
            .sum()
    }
}

/// Gives each of `open` one of `free`, so that all of them together fit best.
fn assign(fits: &[Vec<Fit>], open: &[usize], free: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    let mut ranked: Vec<(i64, usize, usize)> =
        open.iter().flat_map(|&one| free.iter().map(move |&to| (fits[one][to].best(), one, to))).collect();
    ranked.retain(|(fit, ..)| *fit > 0);
    ranked.sort_by_key(|&(fit, one, to)| (std::cmp::Reverse(fit), one, to));
    for (_, one, to) in ranked {
        if !pairs.iter().any(|pair| pair.0 == one || pair.1 == to) {
            pairs.push((one, to));
        }
    }
    // The best pair first may leave a bad one for last: exchange two as long as that helps.
    let fit = |one: usize, to: usize| fits[one][to].best();
    let better = |pairs: &[(usize, usize)]| {
        let numbers = 0..pairs.len();
        let two = numbers.clone().flat_map(|a| numbers.clone().map(move |b| (a, b)));
        let gain = |(a, b): &(usize, usize)| {
            let ((one, to), (two, other)) = (pairs[*a], pairs[*b]);
            fit(one, other) + fit(two, to) > fit(one, to) + fit(two, other)
        };
        two.filter(|(a, b)| a < b).find(gain)
    };
    while let Some((a, b)) = better(&pairs) {
        (pairs[a].1, pairs[b].1) = (pairs[b].1, pairs[a].1);
    }
    pairs
}
