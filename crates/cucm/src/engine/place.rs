//! A place in a connected call changes hands: by a transfer, or because another phone has come for it.
//!
//! The one who leaves is released when the two who remain are connected.

use std::time::Instant;

use crate::text::recording::End;

use super::Engine;
use super::call::{CallSide, Member};
use super::leg::{LegId, Role};
use super::park::Parked;
use super::rules::{FarEnd, Happening, Verdict, verdict};
use super::transfer::Transfer;

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

impl Engine {
    /// A phone that has come for it takes a place.
    pub(super) fn take_place(&mut self, now: Instant, number: u32, side: CallSide, member: Member, taking: Taking) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.transfer = Some(Transfer::taken(call, side, taking));
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
}
