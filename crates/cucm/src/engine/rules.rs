//! What a recorder sees of what happens to a recorded call.
//!
//! Other rules about recordings have their own tables:
//!
//! | what is decided | where |
//! |---|---|
//! | whether, and on whose behalf, a call is recorded | [`selective`](super::selective) |
//! | who forks its media, and who does where that one cannot | [`sources`](super::sources) |
//! | what makes a recording fail before its first message: no route, no security in common | [`recording`](super::recording), `refuse_recording` |
//! | which recorders are called, and which refusals go on to the next one | [`hunt`](super::hunt), [`route`](super::route) |
//! | how its media is protected | [`negotiate`](crate::negotiate) |
//! | what is done where one of its dialogs alone comes about, by the row below | [`half`](super::half) |
//! | what its parties hear meanwhile | [`feed`](super::feed) |
//! | what a recorder may change in its dialogs | [`recorder`](super::recorder), [`pause`](super::pause) |
//!
//! *BYE, and it is wanted on* means that a new pair begins as soon as the phone talks again, and *BYE* that none does unless whoever has
//! the call recorded asks anew, or the line is recorded automatically.
//!
//! Everything is told from the recorded phone's side: *near* is that phone, *far* is whoever it talks with.
//!
//! | what happens | the recorder sees |
//! |---|---|
//! | near holds | BYE in both dialogs, and it is wanted on, unless [`SelectiveAfterHold`] ends the wish |
//! | near resumes | a new pair of dialogs |
//! | far holds | the same, or nothing, by [`FarEndHold`] |
//! | far resumes | a new pair, or nothing, by [`FarEndHold`] |
//! | far resumes on another device of its line | a new pair, whose far end is that device |
//! | near resumes on another device of its line | BYE in both dialogs: that device has its own recording, if any |
//! | near hangs up, and whoever has barged in by its bridge stays | BYE in both dialogs |
//! | far hangs up, and whoever has barged in by its bridge stays | a new pair, whose far end is that phone |
//! | near is replaced by a transfer | BYE in both dialogs |
//! | far is replaced by a transfer | a new pair when the new party is connected, or UPDATE in both, by [`FarEndTransfer`] |
//! | far is replaced by a transfer, by a party that holds | what it sees where far holds |
//! | far is replaced behind a trunk, which stays | UPDATE in both dialogs |
//! | behind that trunk a conference is made, or drops to two | a new pair |
//! | somebody holds or resumes behind that trunk | nothing, or as above, by [`RemoteHolds`] |
//! | either makes a conference of the call | a new pair, whose far end is the bridge |
//! | another one joins or leaves the conference, or takes somebody's place in it | nothing |
//! | far is replaced by a bridge, as near comes into somebody's place there | a new pair |
//! | the conference drops to two | a new pair, whose far end is the party that remains |
//! | near parks the call | BYE in both dialogs |
//! | far parks the call | BYE in both dialogs, and it is wanted on, or nothing, by [`FarEndPark`] |
//! | the parked call is retrieved | a new pair or, of a recording that was kept meanwhile, UPDATE in both, by [`FarEndTransfer`]: to near the party that retrieves replaces far as the target of a transfer does |
//! | the user or an application starts a selective recording | a new pair |
//! | the user or an application stops it | BYE in both dialogs |
//! | one of the two dialogs never comes about | BYE in the other one, or nothing there, by [`OneLegFails`] |
//! | the node of near dies | nothing, and nothing ever again: no BYE |
//! | the node of far dies | nothing |
//!
//! Source: Cisco, "Call Recording Examples for Network-Based and Phone-Based Recording"; Cisco, Feature Configuration Guide 12.5(1)SU4,
//! "Recording". Cisco's System Guide has calls outlive their node; that their recordings end unsaid, or go on where the node of near
//! lives, is inferred. Who stays of a barge stands in the same guide, "Barge"; what its recorder sees is inferred, as a media break is what
//! restarts recordings elsewhere. That a conference goes unnoticed while at least three stay in it is inferred: far end and number stay as they are.

use std::time::Instant;

use super::call::Member;
use super::dialogs::NORMAL;
use super::{Engine, failure};
use crate::config::{Dialect, FarEndHold, FarEndPark, FarEndTransfer, OneLegFails, RemoteHolds, SelectiveAfterHold};
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
    /// This end hangs up, and the phone that has barged in by its bridge takes its place.
    LeaveToGuest(End),
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
    /// One of the two dialogs was refused, or not answered, wherever it was tried.
    LegFails,
    /// The node with which this end is registered dies.
    NodeDies(End),
}

/// What becomes of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The recorder sees nothing.
    Keep,
    /// Both dialogs end, if there are any, and so does the wish of whoever had a selective recording started. An automatic one begins
    /// whenever its phone talks.
    End,
    /// Both dialogs end, if there are any; a new pair begins when the phone talks again, and a selective one is still wanted.
    Anew,
    /// UPDATE in both dialogs names the new far end.
    Update,
    /// Nobody knows of the dialogs any more, and nothing is said in them.
    Forget,
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
        ConferenceChanged, ConferenceDropped, ConferenceMade, Hold, LeaveToGuest, NodeDies, Park, RemoteFocus,
        RemoteHold, RemoteResume, RemoteUpdate, Resume, ResumeElsewhere, Retrieve, Stop, Transfer,
    };
    let by_far_hold = |restarted| match dialect.far_end_hold {
        FarEndHold::Restart => restarted,
        FarEndHold::Keep => Verdict::Keep,
    };
    let held = match dialect.selective_after_hold {
        SelectiveAfterHold::GoesOn => Verdict::Anew,
        SelectiveAfterHold::Ends => Verdict::End,
    };
    match what {
        Hold(End::Near) => held,
        Resume(End::Near) => Verdict::Anew,
        Hold(End::Far) => by_far_hold(held),
        Resume(End::Far) => by_far_hold(Verdict::Anew),
        ResumeElsewhere(End::Far) => Verdict::Anew,
        ResumeElsewhere(End::Near) => Verdict::End,
        LeaveToGuest(End::Far) => Verdict::Anew,
        LeaveToGuest(End::Near) => Verdict::End,
        Transfer(End::Near) => Verdict::End,
        Transfer(End::Far) | Retrieve => match dialect.far_end_transfer {
            FarEndTransfer::Restart => Verdict::Anew,
            FarEndTransfer::Update => Verdict::Update,
        },
        RemoteUpdate => Verdict::Update,
        RemoteFocus => Verdict::Anew,
        RemoteHold if dialect.remote_hold == RemoteHolds::Restart => held,
        RemoteResume if dialect.remote_hold == RemoteHolds::Restart => Verdict::Anew,
        RemoteHold | RemoteResume => Verdict::Keep,
        ConferenceMade => Verdict::Anew,
        ConferenceChanged => Verdict::Keep,
        ConferenceDropped => Verdict::Anew,
        Park(End::Far) => match dialect.far_end_park {
            FarEndPark::End => Verdict::Anew,
            FarEndPark::Keep => Verdict::Keep,
        },
        Park(End::Near) | Stop => Verdict::End,
        Happening::LegFails => match dialect.one_leg_fails {
            OneLegFails::EndsBoth => Verdict::End,
            OneLegFails::KeepsOther => Verdict::Keep,
        },
        NodeDies(End::Near) => Verdict::Forget,
        NodeDies(End::Far) => Verdict::Keep,
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
            Self::LeaveToGuest(_) => {
                failure("barge", "whoever has barged in has taken the place of the phone that hung up")
            }
            Self::Transfer(End::Near) => failure("transfer", "the recorded phone has transferred the call"),
            Self::Transfer(End::Far) | Self::RemoteUpdate => failure("transfer", "the far end was transferred"),
            Self::ConferenceMade | Self::ConferenceChanged => failure("conference", "the call became a conference"),
            Self::ConferenceDropped => failure("conference", "the conference dropped to two"),
            Self::Stop => failure("stopped", "it was stopped by whoever may"),
            Self::Park(_) => failure("park", "the call was parked"),
            Self::Retrieve => failure("park", "the call was retrieved"),
            Self::LegFails => failure("status", "one of its dialogs did not come about"),
            Self::NodeDies(_) => failure("node", "the node of the recorded phone has failed"),
        }
    }
}

/// Why a recording ends.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// By the table: something happened to its call, and nothing is wrong.
    Ruled(Verdict, ConnectFailure),
    /// Something went wrong with the recording.
    Trouble(ConnectFailure),
    /// Whoever was to fork cannot; another one is asked (`sources`).
    NextSource(ConnectFailure),
}

impl Ending {
    fn of(what: Happening, dialect: &Dialect) -> Self {
        Self::Ruled(verdict(what, dialect), what.failure())
    }

    /// Its call is over.
    pub(super) fn with_its_call(why: &str) -> Self {
        Self::Ruled(Verdict::End, failure("call-ended", &format!("the call ended: {why}")))
    }

    /// Whether a recording that somebody asked for is still wanted.
    pub(super) fn begins_anew(&self) -> bool {
        match self {
            // What could not be updated begins anew.
            Self::Ruled(Verdict::Anew | Verdict::Update | Verdict::Keep, _) | Self::NextSource(_) => true,
            Self::Ruled(Verdict::End | Verdict::Forget, _) | Self::Trouble(_) => false,
        }
    }

    /// What went wrong, if anything did.
    pub(super) fn trouble(&self) -> Option<&ConnectFailure> {
        match self {
            Self::Ruled(..) => None,
            Self::Trouble(why) | Self::NextSource(why) => Some(why),
        }
    }

    /// The code and the words that are told of it.
    pub(super) fn told(&self) -> &ConnectFailure {
        let (Self::Ruled(_, why) | Self::Trouble(why) | Self::NextSource(why)) = self;
        why
    }
}

impl From<&ConnectFailure> for Ending {
    fn from(why: &ConnectFailure) -> Self {
        Self::Trouble(why.clone())
    }
}

impl Engine {
    /// Carries out what the table says. A recording begins anew by itself when its phone is connected: here the old one ends.
    pub(super) fn happen(&mut self, now: Instant, id: RecordingId, what: Happening, far: Option<FarEnd>) {
        let verdict = self.config.fault.amend(what, verdict(what, &self.config.dialect));
        match (verdict, far) {
            (Verdict::Keep, _) => {}
            (Verdict::Forget, _) => self.forget_recording(id, &Ending::of(what, &self.config.dialect)),
            (Verdict::Update, Some(far)) if self.recordings.get(&id).is_some_and(|recording| recording.started) => {
                self.update_far_end(now, id, far);
            }
            // What has not begun cannot be updated.
            (Verdict::End | Verdict::Anew | Verdict::Update, _) => {
                self.end_recording(now, id, Ending::of(what, &self.config.dialect), NORMAL, false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Happening::*;
    use super::Verdict::{Anew, Forget, Keep, Update};
    use super::*;

    /// Each row with the default dialect, and with the other value of the switch that it names.
    #[test]
    fn the_table_reads_as_ciscos_call_flows() {
        let default = Dialect::default();
        let keeps = Dialect { far_end_hold: FarEndHold::Keep, ..default.clone() };
        let updates = Dialect { far_end_transfer: FarEndTransfer::Update, ..default.clone() };
        let (near, far, bye) = (End::Near, End::Far, Verdict::End);
        for (what, by_default, when_kept, when_updated) in [
            (Hold(near), Anew, Anew, Anew),
            (Resume(near), Anew, Anew, Anew),
            (Hold(far), Anew, Keep, Anew),
            (Resume(far), Anew, Keep, Anew),
            (ResumeElsewhere(near), bye, bye, bye),
            (ResumeElsewhere(far), Anew, Anew, Anew),
            (LeaveToGuest(near), bye, bye, bye),
            (LeaveToGuest(far), Anew, Anew, Anew),
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
            (Park(far), Anew, Anew, Anew),
            (Stop, bye, bye, bye),
            (Retrieve, Anew, Anew, Update),
            (LegFails, bye, bye, bye),
            (NodeDies(near), Forget, Forget, Forget),
            (NodeDies(far), Keep, Keep, Keep),
        ] {
            assert_eq!(verdict(what, &default), by_default, "{what:?}");
            assert_eq!(verdict(what, &keeps), when_kept, "{what:?}, far end hold: keep");
            assert_eq!(verdict(what, &updates), when_updated, "{what:?}, far end transfer: update");
        }
        let keeps_other = Dialect { one_leg_fails: OneLegFails::KeepsOther, ..default.clone() };
        assert_eq!(verdict(LegFails, &keeps_other), Keep);
        let parks = Dialect { far_end_park: FarEndPark::Keep, ..default };
        assert_eq!([Park(far), Park(near)].map(|what| verdict(what, &parks)), [Keep, bye]);
        let restarts = Dialect { remote_hold: RemoteHolds::Restart, ..default };
        assert_eq!((verdict(RemoteHold, &restarts), verdict(RemoteResume, &restarts)), (Anew, Anew));
    }

    #[test]
    fn a_hold_ends_a_wish_only_by_the_switch() {
        let remote_hold = RemoteHolds::Restart;
        for (selective_after_hold, expected) in
            [(SelectiveAfterHold::GoesOn, Anew), (SelectiveAfterHold::Ends, Verdict::End)]
        {
            let dialect = Dialect { selective_after_hold, remote_hold, ..Dialect::default() };
            for what in [Hold(End::Near), Hold(End::Far), RemoteHold] {
                assert_eq!(verdict(what, &dialect), expected, "{what:?}");
                assert_eq!(Ending::of(what, &dialect).begins_anew(), expected == Anew);
            }
        }
    }

    #[test]
    fn only_trouble_is_worth_an_alarm_and_it_ends_the_wish() {
        let trouble = Ending::from(&failure("hold", "a rule that is named like a happening"));
        assert!(trouble.trouble().is_some() && !trouble.begins_anew());
        let dialect = Dialect::default();
        for what in [Hold(End::Near), Stop, Park(End::Far), ConferenceMade, Retrieve] {
            assert!(Ending::of(what, &dialect).trouble().is_none(), "{what:?}");
        }
        let ended = Ending::with_its_call("they hung up");
        assert!(ended.trouble().is_none() && !ended.begins_anew());
    }
}
