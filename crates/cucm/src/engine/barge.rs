//! Barge: another phone of a shared line comes into its call by the built-in bridge of the phone that talks.
//!
//! ```text
//! barging phone          CUCM               phone that talks          other party
//!   | ── INVITE, Join ──► |                        |   ◄──── call ────►   |
//!   |                     | ── INVITE, Join ─────► |                      |   no SDP: its built-in bridge
//!   |                     | ◄─────── 200 offer ─── |                      |
//!   | ◄─── 200 answer ─── | ──── ACK answer ─────► |   mixes the two voices for each of the three
//! ```
//!
//! Cisco's Feature Configuration Guide, "Barge", *Built-In and Shared Conference Differences*:
//!
//! | what happens | what comes of it |
//! |---|---|
//! | a phone barges in | no media break |
//! | another one wants to | it cannot |
//! | the initiator hangs up | no media break for the two others |
//! | the target hangs up | initiator and other party are connected as a call of two |
//! | the other party hangs up | all three are released |
//! | the target holds, transfers, joins or parks the call | the initiator is released |
//!
//! The initiator has no access to features: its part is no call of its line, is not recorded, and cannot be held or transferred, until it
//! is one of two. What the other party does otherwise leaves the barge as it is (inferred). That a bridge is asked as it is for a
//! recording is inferred, and so are the messages; the call's recording goes on (inferred: Cisco's texts on it do not speak of barge).

use std::time::Instant;

use super::Engine;
use super::arrive::Arriving;
use super::call::{Call, CallSide, FIRST_CSEQ, Member};
use super::dialogs::NORMAL;
use super::feed::Feed;
use super::leg::{Leg, LegId, Role};
use super::place::Taking;
use super::refer::Replaced;
use crate::event::CucmEvent;
use crate::text::bridge::{self, Joined};

impl Engine {
    /// An INVITE with `Join` by the built-in bridge.
    pub(super) fn barge_by_bridge(&mut self, now: Instant, arriving: Arriving, joined: &Replaced) {
        let place = self.talks_elsewhere(&arriving.caller, joined);
        let target = place.and_then(|(number, side)| Some(self.calls.get(&number)?.side(side).leg));
        let is_taken = |call: &Call| call.barged.is_some() && call.barged == target;
        if target.is_none() || self.calls.values().any(is_taken) {
            let refusal = ((481, "Call/Transaction Does Not Exist"), None);
            return self.turn_away(
                now,
                &arriving,
                refusal,
                "Join names no call into which a phone of the line can barge",
            );
        }
        let number = self.identifiers.call();
        let Some((target, callee)) = target.and_then(|leg| Some((leg, self.ask_bridge_in(now, number, leg)?))) else {
            let refusal = ((480, "Temporarily Unavailable"), None);
            return self.turn_away(
                now,
                &arriving,
                refusal,
                "the phone that talks cannot be reached, or its built-in bridge is off",
            );
        };
        let caller = self.seat(now, arriving, (number, CallSide::Caller), callee.party.clone());
        let dialled = callee.party.number.clone();
        let call = Call { barged: Some(target), ..Call::new(caller, callee, dialled) };
        self.calls.insert(number, call);
    }

    /// The INVITE to the bridge of the phone on this leg.
    fn ask_bridge_in(&mut self, now: Instant, call: u32, main: LegId) -> Option<Member> {
        let leg = self.legs.get(&main)?;
        let dialog = leg.dialog.as_ref()?;
        let joined = Joined {
            call_id: dialog.call_id.clone(),
            phone_tag: dialog.remote_tag.clone(),
            node_tag: dialog.local_tag.clone(),
        };
        let party = self.calls.values().find_map(|call| Some(call.side(call.side_of(main)?).party.clone()))?;
        self.config.phone(&party.device).filter(|phone| phone.built_in_bridge)?;
        let (flow, target) = self.reach(&party)?;
        let node = self.node(flow);
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let tag = self.identifiers.tag(number, identifier);
        let (from, to) = (
            format!("{};tag={tag}", bridge::from_value(&node.host())),
            format!("<sip:{}@{}>", party.number, node.host()),
        );
        let thread = self.opening(now, &node, (target, from, to));
        let invite = bridge::barge(&node, &thread, &joined);
        let leg = self.add_leg(Leg {
            flow: Some(flow),
            call_id: thread.call_id,
            ..Leg::waiting(Role::Line { call, side: CallSide::Callee }, node, (number, tag), party.clone())
        });
        self.send_invite(now, leg, invite, FIRST_CSEQ, thread.date);
        Some(Member::new(leg, party, identifier))
    }

    /// The phone on this leg hung up: whoever has barged in on its bridge and the other party are connected with each other. False where
    /// nobody has, or where that call is about to change otherwise.
    pub(super) fn leave_to_guest(&mut self, now: Instant, number: u32, target: LegId) -> bool {
        let is_on_it = |call: &Call| call.barged == Some(target) && call.connected;
        let Some(barge) = self.calls.iter().find(|(_, call)| is_on_it(call)).map(|(barge, _)| *barge) else {
            return false;
        };
        let stands = |call: &&Call| call.connected && !call.is_moving();
        let Some(side) = self.calls.get(&number).filter(stands).and_then(|call| call.side_of(target)) else {
            return false;
        };
        let Some(Call { caller: mut guest, callee: bridge, .. }) = self.calls.remove(&barge) else {
            return false;
        };
        self.clear_leg(now, bridge.leg, NORMAL);
        self.event(CucmEvent::CallEnded { call: barge });
        guest.feed = Feed::Elsewhere;
        if let Some(call) = self.calls.get_mut(&number) {
            let other = call.side_mut(side.other());
            other.feed = if other.feed == Feed::Talk { Feed::Elsewhere } else { other.feed };
        }
        self.take_place(now, number, side, guest, Taking::Barge);
        true
    }

    /// Whoever has barged into a call is released with it, and where the phone on whose bridge it is does something else with the call.
    pub(super) fn end_barges(&mut self, now: Instant) {
        let barges = self.calls.iter().filter_map(|(number, call)| Some((*number, call.barged?)));
        let over: Vec<u32> = barges.filter(|(_, target)| !self.talks_on(*target)).map(|(number, _)| number).collect();
        for number in over {
            self.end_call(now, number, "the phone that was barged into talks no more");
        }
    }

    /// Whether the phone on this leg is in a call with another party and does not hold, transfer or park it.
    fn talks_on(&self, leg: LegId) -> bool {
        let is_up = self.legs.get(&leg).is_some_and(|leg| !leg.is_ending());
        let place = self.place_of(leg).and_then(|(number, side)| Some((self.calls.get(&number)?, side)));
        is_up && place.is_some_and(|(call, side)| !call.side(side).holds && !call.is_moving() && call.port().is_none())
    }
}
