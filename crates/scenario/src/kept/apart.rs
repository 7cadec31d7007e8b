//! A recording whose two legs went to two recorders: each of them is judged by the leg that it was given.

use std::path::{Path, PathBuf};

use media::ledger::Leg;
use recorder::metadata::Side;

use super::{Session, Stored};

/// The sessions with those halved that two of `stored` share, each having one leg alone; and which session each of `stored` is.
pub(super) fn halved(sessions: &[Session], stored: &[Stored]) -> (Vec<Session>, Vec<Option<usize>>) {
    let mut all = sessions.to_vec();
    let mut owners: Vec<Option<usize>> = stored.iter().map(|stored| stored.recorded.expected).collect();
    for at in 0..sessions.len() {
        let sharing: Vec<(usize, Leg)> = (0..stored.len())
            .filter(|one| owners[*one] == Some(at))
            .filter_map(|one| Some((one, only_leg(&stored[one])?)))
            .collect();
        let [(_, first), (second, other)] = sharing.as_slice() else { continue };
        if first == other || owners.iter().filter(|owner| **owner == Some(at)).count() != 2 {
            continue;
        }
        owners[*second] = Some(all.len());
        all.push(Session { only: Some(*other), ..all[at].clone() });
        all[at].only = Some(*first);
    }
    (all, owners)
}

/// How many sessions have their two legs with two recorders, so that each gives two recordings: every recorder has a folder of its
/// own, with one folder a day in it.
pub(crate) fn split(stored: &[Stored]) -> usize {
    let recorder = |stored: &Stored| stored.folder.ancestors().nth(2).map(Path::to_owned);
    let halves: Vec<(usize, Leg, Option<PathBuf>)> = stored
        .iter()
        .filter_map(|stored| Some((stored.recorded.expected?, only_leg(stored)?, recorder(stored))))
        .collect();
    let is_first = |(at, (session, leg, place)): &(usize, &(usize, Leg, Option<PathBuf>))| {
        halves[at + 1..].iter().any(|(other, of, there)| other == session && of != leg && there != place)
    };
    halves.iter().enumerate().filter(is_first).count()
}

/// The one leg that a recorder was given of a recording.
fn only_leg(stored: &Stored) -> Option<Leg> {
    let [leg] = stored.metadata.as_ref()?.legs.as_slice() else { return None };
    Some(match leg.side {
        Side::Near => Leg::Near,
        Side::Far => Leg::Far,
    })
}
