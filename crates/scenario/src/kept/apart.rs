//! A recording whose two legs went to two recorders: each of them is judged by the leg that it was given.

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

/// The one leg that a recorder was given of a recording.
fn only_leg(stored: &Stored) -> Option<Leg> {
    let [leg] = stored.metadata.as_ref()?.legs.as_slice() else { return None };
    Some(match leg.side {
        Side::Near => Leg::Near,
        Side::Far => Leg::Far,
    })
}
