//! What a recorder sees of what happens to a recorded call: the one place that decides it.
//!
//! Everything is told from the recorded phone's side: *near* is that phone, *far* is whoever it talks with.
//!
//! | what happens | the recorder sees |
//! |---|---|
//! | near holds | BYE in both dialogs |
//! | near resumes | a new pair of dialogs |
//! | far holds | BYE in both dialogs, or nothing, by [`FarEndHold`] |
//! | far resumes | a new pair, or nothing, by [`FarEndHold`] |
//! | far resumes on another device of its line | a new pair, whose far end is that device |
//! | near resumes on another device of its line | BYE in both dialogs: that device has its own recording, if any |
//! | near is replaced by a transfer | BYE in both dialogs |
//! | far is replaced by a transfer | a new pair when the new party is connected, or UPDATE in both, by [`FarEndTransfer`] |
//! | far is replaced by a transfer, by a party that holds | what it sees where far holds |
//! | far is replaced behind a trunk, which stays | UPDATE in both dialogs |
//! | behind that trunk a conference is made, or drops to two | a new pair |
//! | somebody holds or resumes behind that trunk | nothing, or as above, by [`RemoteHolds`] |
//! | either makes a conference of the call | a new pair, whose far end is the bridge |
//! | another one joins or leaves the conference | nothing |
//! | the conference drops to two | a new pair, whose far end is the party that remains |
//! | near parks the call | BYE in both dialogs |
//! | far parks the call | BYE in both dialogs, or nothing, by [`FarEndPark`] |
//! | the parked call is retrieved | a new pair; for one that was kept as if far were replaced by a transfer |
//! | the user or an application starts a selective recording | a new pair |
//! | the user or an application stops it | BYE in both dialogs |
//!
//! Source: Cisco, "Call Recording Examples for Network-Based and Phone-Based Recording"; Cisco, Feature Configuration Guide 12.5(1)SU4,
//! "Recording". That a conference goes unnoticed while at least three stay in it is inferred: far end and number stay as they are.

use std::time::Instant;

use super::call::Member;
use super::dialogs::NORMAL;
use super::{Engine, failure};
use crate::config::{Dialect, FarEndHold, FarEndPark, FarEndTransfer, RemoteHolds};
use crate::event::{ConnectFailure, Party, RecordingId};
use crate::text::recording::End;

/// Something that happens to a recorded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happening {
    /// This end holds.
    Hold(End),
    /// This end does not hold any more.
    Resume(End),
    /// This end held, and goes on at another device of its line.
    ResumeElsewhere(End),
    /// Another party takes the place of this end.
    Transfer(End),
    /// Behind the trunk of the far end somebody else talks.
    RemoteUpdate,
    /// Behind the trunk of the far end a conference is made, or drops to two.
    RemoteFocus,
    /// Behind the trunk of the far end the call is held.
    RemoteHold,
    /// It is resumed there.
    RemoteResume,
    /// A bridge takes the place of the far end.
    ConferenceMade,
    /// The far end is a bridge, and somebody comes or goes there.
    ConferenceChanged,
    /// The far end was a bridge; the last other member takes its place.
    ConferenceDropped,
    /// This end parks the call.
    Park(End),
    /// Whoever had a selective recording started has it stopped.
    Stop,
    /// The parked call is taken up again.
    Retrieve,
}

/// What becomes of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The recorder sees nothing.
    Keep,
    /// Both dialogs end.
    End,
    /// Both dialogs end, if there are any; a new pair begins when the phone talks again.
    Anew,
    /// UPDATE in both dialogs names the new far end.
    Update,
}

/// The far end of a recording from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FarEnd {
    pub(super) party: Party,
    /// `x-farendrefci`.
    pub(super) identifier: u32,
    /// Whether it is a conference bridge.
    pub(super) is_focus: bool,
}

impl FarEnd {
    pub(super) fn of(member: &Member) -> Self {
        Self { party: member.party.clone(), identifier: member.identifier, is_focus: member.is_focus() }
    }
}

/// The table.
pub(super) fn verdict(what: Happening, dialect: &Dialect) -> Verdict {
    use Happening::{
        ConferenceChanged, ConferenceDropped, ConferenceMade, Hold, Park, RemoteFocus, RemoteHold, RemoteResume,
        RemoteUpdate, Resume, ResumeElsewhere, Retrieve, Stop, Transfer,
    };
    let by_far_hold = |restarted| match dialect.far_end_hold {
        FarEndHold::Restart => restarted,
        FarEndHold::Keep => Verdict::Keep,
    };
    match what {
        Hold(End::Near) => Verdict::End,
        Resume(End::Near) => Verdict::Anew,
        Hold(End::Far) => by_far_hold(Verdict::End),
        Resume(End::Far) => by_far_hold(Verdict::Anew),
        ResumeElsewhere(End::Far) => Verdict::Anew,
        ResumeElsewhere(End::Near) => Verdict::End,
        Transfer(End::Near) => Verdict::End,
        Transfer(End::Far) | Retrieve => match dialect.far_end_transfer {
            FarEndTransfer::Restart => Verdict::Anew,
            FarEndTransfer::Update => Verdict::Update,
        },
        RemoteUpdate => Verdict::Update,
        RemoteFocus => Verdict::Anew,
        RemoteHold if dialect.remote_hold == RemoteHolds::Restart => Verdict::End,
        RemoteResume if dialect.remote_hold == RemoteHolds::Restart => Verdict::Anew,
        RemoteHold | RemoteResume => Verdict::Keep,
        ConferenceMade => Verdict::Anew,
        ConferenceChanged => Verdict::Keep,
        ConferenceDropped => Verdict::Anew,
        Park(End::Far) => match dialect.far_end_park {
            FarEndPark::End => Verdict::End,
            FarEndPark::Keep => Verdict::Keep,
        },
        Park(End::Near) | Stop => Verdict::End,
    }
}

impl Happening {
    /// The code and the words with which a recording ends.
    fn failure(self) -> ConnectFailure {
        match self {
            Self::Hold(_) => failure("hold", "the call was held"),
            Self::RemoteHold => failure("hold", "the call was held behind its trunk"),
            Self::RemoteResume => failure("resume", "the call was resumed behind its trunk"),
            Self::RemoteFocus => failure("conference", "behind the trunk the call became a conference, or one no more"),
            Self::Resume(_) => failure("resume", "the call was resumed"),
            Self::ResumeElsewhere(_) => failure("resume", "the call was resumed on another device"),
            Self::Transfer(End::Near) => failure("transfer", "the recorded phone has transferred the call"),
            Self::Transfer(End::Far) | Self::RemoteUpdate => failure("transfer", "the far end was transferred"),
            Self::ConferenceMade | Self::ConferenceChanged => failure("conference", "the call became a conference"),
            Self::ConferenceDropped => failure("conference", "the conference dropped to two"),
            Self::Stop => failure("stopped", "it was stopped by whoever may"),
            Self::Park(_) => failure("park", "the call was parked"),
            Self::Retrieve => failure("park", "the call was retrieved"),
        }
    }
}

impl Engine {
    /// Carries out what the table says. A recording begins anew by itself when its phone is connected: here the old one ends.
    pub(super) fn happen(&mut self, now: Instant, id: RecordingId, what: Happening, far: Option<FarEnd>) {
        match (verdict(what, &self.config.dialect), far) {
            (Verdict::Keep, _) => {}
            (Verdict::Update, Some(far)) if self.recordings.get(&id).is_some_and(|recording| recording.started) => {
                self.update_far_end(now, id, far);
            }
            // What has not begun cannot be updated.
            (Verdict::End | Verdict::Anew | Verdict::Update, _) => {
                self.end_recording(now, id, &what.failure(), NORMAL, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Happening::*;
    use super::Verdict::{Anew, Keep, Update};
    use super::*;

    /// Each row with the default dialect, and with the other value of the switch that it names.
    #[test]
    fn the_table_reads_as_ciscos_call_flows() {
        let default = Dialect::default();
        let keeps = Dialect { far_end_hold: FarEndHold::Keep, ..default.clone() };
        let updates = Dialect { far_end_transfer: FarEndTransfer::Update, ..default.clone() };
        let (near, far, bye) = (End::Near, End::Far, Verdict::End);
        for (what, by_default, when_kept, when_updated) in [
            (Hold(near), bye, bye, bye),
            (Resume(near), Anew, Anew, Anew),
            (Hold(far), bye, Keep, bye),
            (Resume(far), Anew, Keep, Anew),
            (ResumeElsewhere(near), bye, bye, bye),
            (ResumeElsewhere(far), Anew, Anew, Anew),
            (Transfer(near), bye, bye, bye),
            (Transfer(far), Anew, Anew, Update),
            (RemoteUpdate, Update, Update, Update),
            (RemoteFocus, Anew, Anew, Anew),
            (RemoteHold, Keep, Keep, Keep),
            (RemoteResume, Keep, Keep, Keep),
            (ConferenceMade, Anew, Anew, Anew),
            (ConferenceChanged, Keep, Keep, Keep),
            (ConferenceDropped, Anew, Anew, Anew),
            (Park(near), bye, bye, bye),
            (Park(far), bye, bye, bye),
            (Stop, bye, bye, bye),
            (Retrieve, Anew, Anew, Update),
        ] {
            assert_eq!(verdict(what, &default), by_default, "{what:?}");
            assert_eq!(verdict(what, &keeps), when_kept, "{what:?}, far end hold: keep");
            assert_eq!(verdict(what, &updates), when_updated, "{what:?}, far end transfer: update");
        }
        let parks = Dialect { far_end_park: FarEndPark::Keep, ..default };
        assert_eq!([Park(far), Park(near)].map(|what| verdict(what, &parks)), [Keep, bye]);
        let restarts = Dialect { remote_hold: RemoteHolds::Restart, ..default };
        assert_eq!((verdict(RemoteHold, &restarts), verdict(RemoteResume, &restarts)), (bye, Anew));
    }
}
