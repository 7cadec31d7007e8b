//! Which recordings run: one for each recorded phone and the far end with which it talks. A phone is recorded automatically, or where
//! somebody has its recording started ([`super::selective`]).
//!
//! | what happened | the recording of a phone |
//! |---|---|
//! | the phone holds, or its call ends | ends |
//! | its far end holds | ends, or goes on with the music, by [`FarEndHold`] |
//! | the phone parks its call | ends |
//! | its far end parks the call | ends, or goes on with the music, by [`FarEndPark`] |
//! | both talk again | begins anew, unless it went on |
//! | another one takes the place of its far end | begins anew, or goes on and is updated, by [`FarEndTransfer`] |
//! | its far end hangs up, and whoever has barged in there stays | begins anew, with that phone |
//! | it hangs up, and whoever has barged in there stays | ends |
//! | its call becomes a conference | begins anew, with the bridge as its far end |
//! | others hold, join or leave the conference | goes on |
//! | another one takes somebody's place in a conference | goes on; that of the newcomer begins anew, with the bridge |
//! | two are left of the conference | begins anew |
//! | behind a trunk another party talks | goes on and is updated, where CUCM is told |
//! | behind a trunk a conference is made or drops to two | begins anew |
//! | its node dies, or that of its far end | as in [`super::nodes`] |
//! | its far end holds behind a trunk | goes on, or ends, by [`RemoteHolds`] |
//! | nobody forks its media ([`super::sources`]) | never begins |

use cucm::config::{FarEndHold, FarEndPark, FarEndTransfer, RemoteHolds};

use super::selective::Wish;
use super::{Call, CallNo, Member, Paper};

/// A recording that is to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Recording {
    /// Which of the scenario's, from 1. One that begins anew is another one.
    pub(crate) number: usize,
    /// The recorded phone.
    pub(crate) phone: usize,
    pub(crate) far: Far,
}

/// Whom a recorded phone talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Far {
    /// Another phone, or a party outside.
    Phone(usize),
    /// The bridge of a conference.
    Bridge(CallNo),
    /// A conference behind the trunk of this party.
    Focus(usize),
}

/// What happened to calls, as far as it matters to their recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A far end was replaced by a transfer.
    Transfer,
    /// Behind a trunk another party talks.
    Outside,
    /// Anything else.
    Other,
}

/// Those that run, and how many there were.
#[derive(Clone, Debug, Default)]
pub(super) struct Recordings {
    running: Vec<Recording>,
    begun: usize,
    /// What somebody wants recorded where a line is recorded selectively.
    pub(super) wishes: Vec<Wish>,
}

impl Recordings {
    pub(super) fn running(&self) -> &[Recording] {
        &self.running
    }

    pub(super) fn begun(&self) -> usize {
        self.begun
    }
}

/// A phone that is to be recorded.
struct Wanted {
    phone: usize,
    far: Far,
    /// Whether it talks with its far end, so that a recording may begin.
    talks: bool,
}

impl Paper {
    /// Moves the recordings to where the calls are now; called for every state of the calls in which CUCM comes to rest.
    pub(super) fn settle(&mut self, change: Change) {
        self.end_wishes();
        let wanted: Vec<Wanted> = self.calls.iter().flat_map(|call| self.wanted(call)).collect();
        let is_updated = match change {
            Change::Transfer => self.dialect.far_end_transfer == FarEndTransfer::Update,
            Change::Outside => true,
            Change::Other => false,
        };
        let stand: Vec<usize> = self.recordings().iter().filter(|r| self.stands(r)).map(|r| r.number).collect();
        let Recordings { running, begun, .. } = &mut self.recordings;
        running.retain_mut(|recording| match wanted.iter().find(|wanted| wanted.phone == recording.phone) {
            // Another call's transfer is nothing to it.
            Some(wanted) if is_updated && recording.far == wanted.far => true,
            // A bridge that takes the place of a far end is another one in any dialect.
            Some(wanted) if is_updated && !matches!(wanted.far, Far::Bridge(_)) => {
                recording.far = wanted.far;
                stand.contains(&recording.number)
            }
            Some(wanted) => recording.far == wanted.far,
            None => false,
        });
        // One that is kept while its far end holds ends with that far end.
        for Wanted { phone, far, .. } in wanted.into_iter().filter(|wanted| wanted.talks) {
            if running.iter().all(|recording| recording.phone != phone) {
                *begun += 1;
                running.push(Recording { number: *begun, phone, far });
            }
        }
    }

    /// Recordings with this far end run no more; those that are still wanted begin anew.
    pub(super) fn end_recordings_with(&mut self, far: usize) {
        self.recordings.running.retain(|recording| recording.far != Far::Phone(far));
    }

    /// The recorded phones of a call and their far ends.
    fn wanted(&self, call: &Call) -> Vec<Wanted> {
        if call.conference.is_some() {
            let is_recorded = |member: &&Member| {
                !member.holds
                    && self.is_asked(call, member.phone)
                    && self.has_source(member.phone, Far::Bridge(call.no))
            };
            let members = call.members.iter().filter(is_recorded);
            return members
                .map(|member| Wanted { phone: member.phone, far: Far::Bridge(call.no), talks: true })
                .collect();
        }
        let [one, other] = call.members.as_slice() else { return Vec::new() };
        let is_recorded = |near: &Member, far: &Member| {
            let talks = match &call.parked {
                Some(_) => self.dialect.far_end_park == FarEndPark::Keep && self.runs(near.phone),
                None => !far.holds || self.is_kept(near.phone, far.phone),
            };
            let has_source = self.has_source(near.phone, self.far_of(far.phone));
            self.is_asked(call, near.phone) && !near.holds && talks && has_source && Self::has_its_node(call, near)
        };
        let pairs = [(one, other), (other, one)].into_iter().filter(|(near, far)| is_recorded(near, far));
        let wanted = |(near, far): (&Member, &Member)| Wanted {
            phone: near.phone,
            far: self.far_of(far.phone),
            talks: call.parked.is_none() && !far.holds,
        };
        pairs.map(wanted).collect()
    }

    /// Whether a recording that runs already goes on while its far end holds.
    pub(super) fn is_kept(&self, phone: usize, far: usize) -> bool {
        let keeps = match self.is_outside(far) {
            true => self.dialect.remote_hold == RemoteHolds::Keep,
            false => self.dialect.far_end_hold == FarEndHold::Keep,
        };
        keeps && self.runs(phone)
    }

    fn runs(&self, phone: usize) -> bool {
        self.recordings.running().iter().any(|recording| recording.phone == phone && self.stands(recording))
    }
}
