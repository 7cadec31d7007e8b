//! A place in a connected call changes hands: by a transfer, or because another phone has come for it.
//!
//! The one who leaves is released when the two who remain are connected.

use std::time::Instant;

use crate::event::{CucmEvent, Party, Transferred};
use crate::text::recording::End;

use super::Engine;
use super::call::{Call, CallSide, Member};
use super::dialogs::NORMAL;
use super::leg::{LegId, Role};
use super::park::Parked;
use super::rules::{FarEnd, Happening, Verdict, verdict};

/// What makes a place change hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Taking {
    /// REFER.
    Transfer,
    /// An application.
    Redirect,
    /// The call was parked, and somebody wants it, or it came back to whoever had parked it.
    Retrieval(Parked),
    /// Another phone of the line that held takes the call back.
    TakeOver,
    /// The phone on whose bridge another one of the line had barged in hung up: that one stays.
    Barge,
}

impl Taking {
    /// What it is to a recording of the party that remains.
    fn happening(&self) -> Happening {
        match self {
            Self::Transfer | Self::Redirect => Happening::Transfer(End::Far),
            Self::Retrieval(_) => Happening::Retrieve,
            Self::TakeOver => Happening::ResumeElsewhere(End::Far),
            Self::Barge => Happening::LeaveToGuest(End::Far),
        }
    }

    /// What it is to a recording of whoever leaves.
    fn to_the_leaving(&self) -> Happening {
        match self {
            Self::Barge => Happening::LeaveToGuest(End::Near),
            Self::Transfer | Self::Redirect | Self::Retrieval(_) | Self::TakeOver => Happening::Transfer(End::Near),
        }
    }
}

/// A place that is about to change hands: by a transfer, or as somebody has come for it.
#[derive(Debug)]
pub(super) struct Handover {
    /// Whose place is taken.
    pub(super) by: CallSide,
    pub(super) transferrer: Party,
    /// The leg whose REFER it is; it gets the NOTIFYs.
    pub(super) referrer: LegId,
    pub(super) stage: Stage,
    /// Whether the transferrer was not holding before.
    pub(super) was_talking: bool,
    /// The call that was the consultation.
    pub(super) consultation: Option<u32>,
    pub(super) taking: Taking,
}

/// How far it is.
#[derive(Debug)]
pub(super) enum Stage {
    Ringing(Box<Member>),
    /// The target is in its place; these legs of the transferrer are released when it is connected.
    Connecting(Vec<LegId>),
}

impl Handover {
    /// A place that is taken by a phone which has come for it.
    pub(super) fn taken(call: &Call, by: CallSide, taking: Taking) -> Self {
        Self {
            by,
            transferrer: call.side(by).party.clone(),
            referrer: call.side(by).leg,
            stage: Stage::Connecting(Vec::new()),
            was_talking: false,
            consultation: None,
            taking,
        }
    }

    /// The place is for this phone, when it answers.
    pub(super) fn ring(&mut self, target: Member) {
        self.stage = Stage::Ringing(Box::new(target));
    }

    /// Whether it has not answered yet.
    pub(super) fn rings(&self) -> bool {
        matches!(self.stage, Stage::Ringing(_))
    }

    /// What makes the place change hands.
    pub(super) fn taking(&self) -> &Taking {
        &self.taking
    }

    /// The target is in its place; these legs are released when it is connected.
    pub(super) fn connect(&mut self, leaving: Vec<LegId>) {
        self.stage = Stage::Connecting(leaving);
    }

    /// Whose place is taken.
    pub(super) fn by(&self) -> CallSide {
        self.by
    }

    /// The phone that is to take it, while it rings.
    pub(super) fn target(&self) -> Option<&Member> {
        match &self.stage {
            Stage::Ringing(target) => Some(target),
            Stage::Connecting(_) => None,
        }
    }

    pub(super) fn target_mut(&mut self) -> Option<&mut Member> {
        match &mut self.stage {
            Stage::Ringing(target) => Some(target),
            Stage::Connecting(_) => None,
        }
    }

    /// All legs that are not the call's own.
    pub(super) fn legs(&self) -> Vec<LegId> {
        match &self.stage {
            Stage::Ringing(target) => vec![target.leg],
            Stage::Connecting(legs) => legs.clone(),
        }
    }
}

impl Engine {
    /// A phone that has come for it takes a place.
    pub(super) fn take_place(&mut self, now: Instant, number: u32, side: CallSide, member: Member, taking: Taking) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.transfer = Some(Handover::taken(call, side, taking));
        self.replace(now, number, member, Vec::new());
        self.settle(now, number);
    }

    /// The target takes the transferrer's place.
    pub(super) fn replace(&mut self, now: Instant, number: u32, target: Member, mut leaving: Vec<LegId>) {
        let transfer = self.calls.get(&number).and_then(|call| call.transfer.as_ref());
        let Some((by, left)) = transfer.map(|transfer| (transfer.by(), transfer.taking().to_the_leaving())) else {
            return;
        };
        self.stop_music(number, by);
        // Whoever took its call back from hold meanwhile is recorded again.
        let old = self.calls.get(&number).and_then(|call| self.recording_of(call.side(by).leg));
        if let Some(id) = old {
            self.happen(now, id, left, None);
        }
        let target_leg = target.leg;
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.news.get_or_insert_default();
        call.parked = None;
        let old = std::mem::replace(call.side_mut(by), target);
        let (remaining_leg, port) = (call.other(by).leg, call.port());
        let heir = CallSide::BOTH.into_iter().map(|side| call.side(side)).find(|member| member.port.is_none());
        if let (Some(port), Some(heir)) = (port, heir.map(|heir| heir.party.device.clone())) {
            let is_taken_over = call.transfer.as_ref().is_some_and(|taken| *taken.taking() == Taking::TakeOver);
            self.inherit_conference(port.conference, &old.party.device, &heir, is_taken_over);
        }
        leaving.insert(0, old.leg);
        leaving.retain(|leg| self.legs.contains_key(leg));
        if let Some(transfer) = self.calls.get_mut(&number).and_then(|call| call.transfer.as_mut()) {
            transfer.connect(leaving.clone());
        }
        for (id, role) in leaving
            .into_iter()
            .map(|id| (id, Role::Leaving { call: number }))
            .chain([(target_leg, Role::Line { call: number, side: by })])
        {
            if id != target_leg {
                self.refuse_change(now, id, (487, "Request Terminated"));
            }
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.role = role;
            }
        }
        let security = self.level(number, true);
        if let Some(call) = self.calls.get_mut(&number) {
            call.security = security;
        }
        self.replace_far_ends(now, number, [remaining_leg, target_leg]);
    }

    /// The recordings of both phones have a new far end.
    fn replace_far_ends(&mut self, now: Instant, number: u32, legs: [LegId; 2]) {
        let transfer = self.calls.get(&number).and_then(|call| call.transfer.as_ref());
        let Some(what) = transfer.map(|transfer| transfer.taking().happening()) else {
            return;
        };
        for (leg, other) in [(legs[0], legs[1]), (legs[1], legs[0])] {
            let Some(id) = self.recording_of(leg) else {
                continue;
            };
            let far = self.calls.get(&number).and_then(|call| Some(call.side(call.side_of(other)?)));
            let (holds, far) = (far.is_some_and(|far| far.holds), far.map(FarEnd::of));
            // A far end that comes in on hold is no other than one that holds.
            let on_hold = Happening::Hold(End::Far);
            let ends = holds && verdict(on_hold, &self.config.dialect) != Verdict::Keep;
            let what = match &far {
                _ if ends => on_hold,
                Some(far) if far.is_focus => Happening::ConferenceMade,
                _ => what,
            };
            self.happen(now, id, what, far);
        }
    }

    /// Both phones talk: it is told who has come, and whoever leaves is released.
    pub(super) fn finish_handover(&mut self, now: Instant, number: u32) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let Some(Handover { stage: Stage::Connecting(leaving), .. }) = &call.transfer else {
            return;
        };
        let leaving = leaving.clone();
        call.ringing = false;
        let Some(transfer) = call.transfer.take() else {
            return;
        };
        let target = call.side(transfer.by).party.clone();
        let is_referred = transfer.taking == Taking::Transfer;
        let event = match transfer.taking {
            Taking::TakeOver => CucmEvent::Resumed { call: number, by: target },
            Taking::Barge => {
                CucmEvent::BargeStays { call: number, guest: target, party: call.other(transfer.by).party.clone() }
            }
            Taking::Retrieval(Parked { number: at, parker, .. }) => {
                CucmEvent::Retrieved { call: number, by: target, number: at, parked_by: parker }
            }
            Taking::Transfer | Taking::Redirect => CucmEvent::Transferred(Box::new(Transferred {
                call: number,
                by: transfer.transferrer,
                party: call.other(transfer.by).party.clone(),
                target,
                consultation: transfer.consultation,
            })),
        };
        call.news.get_or_insert_default().push(event);
        if is_referred {
            self.tell_progress(now, transfer.referrer, (200, "OK"));
        }
        for leg in leaving {
            self.clear_leg(now, leg, NORMAL);
        }
    }
}
