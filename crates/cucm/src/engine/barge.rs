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
//! The call that is barged into stays as it is, and so does its recording (inferred: Cisco's texts on recording do not speak of barge).
//! The barging phone's part is no call of its line: it is not recorded, cannot be held or transferred, and ends with the call. That a
//! bridge is asked as it is for a recording is inferred, and so are the messages.

use std::time::Instant;

use super::Engine;
use super::arrive::Arriving;
use super::call::{Call, CallSide, FIRST_CSEQ, Member};
use super::leg::{Leg, LegId, Role};
use super::refer::Replaced;
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
            return self.turn_away(now, &arriving, refusal, "the phone that talks cannot be reached");
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

    /// Whoever has barged into a call leaves with it.
    pub(super) fn end_barges(&mut self, now: Instant) {
        let is_up = |leg: &LegId| self.legs.get(leg).is_some_and(|leg| !leg.is_ending());
        let left = |call: &Call| call.barged.as_ref().is_some_and(|leg| !is_up(leg));
        let over: Vec<u32> = self.calls.iter().filter(|(_, call)| left(call)).map(|(number, _)| *number).collect();
        for number in over {
            self.end_call(now, number, "the call that it was barged into ended");
        }
    }
}
