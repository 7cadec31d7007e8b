//! cBarge: another phone of a shared line comes into its call, and everybody moves to the conference bridge.
//!
//! The phone names the call by `Join` (RFC 3911) with the dialog that it was shown; that and its Call-Info are inferred, as no public
//! trace shows a phone that barges in.

use std::time::Instant;

use super::super::Engine;
use super::super::arrive::Arriving;
use super::super::call::{Call, CallSide};
use super::super::refer::Replaced;
use super::join::Place;
use crate::event::Party;

impl Engine {
    /// An INVITE with `Join`.
    pub(in crate::engine) fn barge_in(&mut self, now: Instant, arriving: Arriving, joined: &Replaced) {
        let Some(place) = self.talks_elsewhere(&arriving.caller, joined) else {
            let refusal = ((481, "Call/Transaction Does Not Exist"), None);
            return self.turn_away(now, &arriving, refusal, "Join names no call in which a phone of the line talks");
        };
        let known = self.calls.get(&place.0).and_then(Call::port).map(|port| port.conference);
        let ports = if known.is_some() { 1 } else { 3 };
        if !self.has_ports(ports) {
            let refusal = ((503, "Service Unavailable"), Some(NO_RESOURCE));
            return self.turn_away(now, &arriving, refusal, "the conference bridge has no ports left");
        }
        let by = arriving.caller.clone();
        // *With the barge target device as the conference controller* (Cisco, Feature Configuration Guide, "Barge").
        let target = self.calls.get(&place.0).map(|call| call.side(place.1).party.clone());
        let conference = known.unwrap_or_else(|| self.begin_conference(target.as_ref().unwrap_or(&by)));
        let other = self.bridge_first(now, place, conference);
        let own = self.identifiers.call();
        let Some(port) = self.open_port(conference) else {
            return;
        };
        let dialled = port.party.number.clone();
        let caller = self.seat(now, arriving, (own, CallSide::Caller), port.party.clone());
        let call = Call { connected: true, ..Call::new(caller, port, dialled) };
        self.calls.insert(own, call);
        self.settle_conference(now, conference, (own, by), [Some(place.0), other, Some(own)]);
    }

    /// The call of this dialog, in which another phone of the line talks, and that phone's place in it.
    pub(in crate::engine) fn talks_elsewhere(&self, by: &Party, joined: &Replaced) -> Option<Place> {
        let id = *self.by_call_id.get(&joined.call_id)?;
        let dialog = self.legs.get(&id)?.dialog.as_ref()?;
        let (number, side) = self.place_of(id)?;
        let call = self.calls.get(&number).filter(|call| !call.is_moving())?;
        let member = call.side(side);
        let is_shared = member.party.number == by.number && member.party.device != by.device;
        let talks = !call.caller.holds && !call.callee.holds;
        let is_barged = self.calls.values().any(|barge| barge.barged == Some(id));
        (is_shared && talks && !is_barged && joined.is_of(&dialog.local_tag, &dialog.remote_tag))
            .then_some((number, side))
    }
}

/// Cause 34 of Q.850, no circuit available.
const NO_RESOURCE: u16 = 34;
