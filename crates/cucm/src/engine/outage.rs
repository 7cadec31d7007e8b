//! A node of the cluster dies: nothing is said to anybody, and what it knew is gone. It may come back, and knows nothing then.
//!
//! ```text
//! recorder           node 2, dead           node 1            phones of node 2
//!   | ◄──────────── the phones' media, if their bridges send on ───── |
//!   |                                         | ◄─── REGISTER ─────── |   when their calls are over
//!   | ◄───────── INVITE, the next call ────── | ◄──── INVITE ──────── |
//! ```
//!
//! | a call with a phone of the node | what becomes of it |
//! |---|---|
//! | two talk | preserved between the phones, without any feature, until each user hangs up |
//! | rings at a phone of the node | others of its line ring on; else nobody can be reached, as for any phone that is not registered |
//! | a phone of the node calls, and nobody has answered | ends |
//! | is on hold, is parked, is being transferred or redirected | ends: whoever has another node gets BYE |
//! | is parked at a number of the node | ends |
//! | a phone has barged in | the barge ends |
//! | a conference | the member is out of it, the others stay |
//!
//! *The system maintains active calls until the end user hangs up*, and *users cannot invoke any call-processing features for calls that are
//! maintained* (Cisco, "System Guide for Cisco Unified Communications Manager", call preservation). That only a call which talks is active
//! is inferred from Cisco's MGCP gateways, which *clear transient calls, that is, calls that are not in the connected state*; what becomes of
//! conferences is inferred. The conference bridge and music on hold are on no node that can fail. Park numbers belong to a node (Feature
//! Configuration Guide, "Call Park"). Phones register with the next node of their CUCM group. What the other nodes know of a preserved call
//! lasts until their phone hangs up (inferred).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use sip::FlowId;

use super::call::CallSide;
use super::dialogs::NORMAL;
use super::leg::{Leg, LegId};
use super::rules::{Ending, Happening};
use super::steps::Step;
use super::{Asked, Engine, failure};
use crate::event::{CucmEvent, RecordingId};
use crate::text::recording::End;

impl Engine {
    /// A node is dead from now on. Its connections are no more, whatever their peers see of them.
    pub fn fail_node(&mut self, now: Instant, node: IpAddr) {
        let is_first = self.first_node() == node;
        self.dead.insert(node);
        let lost = self.lose_recordings(now, node);
        self.lose_calls(now, node);
        let flows = self.flows.iter().filter(|(_, flow)| flow.local.ip() == node).map(|(id, _)| *id);
        let flows: Vec<FlowId> = flows.collect();
        let devices = self.phones.iter().filter(|(_, phone)| flows.contains(&phone.flow)).map(|(name, _)| name.clone());
        for device in devices.collect::<Vec<_>>() {
            self.forget(&device, "its node has failed");
        }
        let mut unasked = self.trunks.forget_node(node);
        if is_first {
            let asked = self.asked.extract_if(.., |_, asked| matches!(asked, Asked::Ping(_)));
            unasked.extend(asked.filter_map(|(_, asked)| if let Asked::Ping(way) = asked { Some(way) } else { None }));
        }
        for flow in flows {
            self.flows.remove(&flow);
            self.endpoint.handle_flow_closed(now, flow);
        }
        // OPTIONS that it had sent or was about to send are asked anew by another one.
        for way in unasked {
            self.steps.plan(now, Step::Ping(way));
        }
        self.event(CucmEvent::NodeFailed { node, lost });
        self.drain(now);
    }

    /// The node is there again. Whatever is decided from now on may be its; its phones come back when they want to.
    pub fn restore_node(&mut self, now: Instant, node: IpAddr) {
        if self.dead.remove(&node) {
            self.event(CucmEvent::NodeRestored { node });
        }
        self.drain(now);
    }

    /// The first node that lives.
    pub(super) fn first_node(&self) -> IpAddr {
        let others = self.config.subscribers.iter().map(|node| node.address);
        let mut nodes = std::iter::once(self.config.address).chain(others);
        nodes.find(|node| !self.dead.contains(node)).unwrap_or(self.config.address)
    }

    /// The node drove the recordings of its phones, and those alone.
    fn lose_recordings(&mut self, now: Instant, node: IpAddr) -> Vec<RecordingId> {
        let of_end = |line| if self.address_of(line) == node { End::Near } else { End::Far };
        let ends = self.recordings.iter().map(|(id, recording)| (*id, of_end(recording.line)));
        let ends: Vec<(RecordingId, End)> = ends.collect();
        let before: Vec<RecordingId> = self.recordings.keys().copied().collect();
        for (id, end) in ends {
            self.happen(now, id, Happening::NodeDies(end), None);
        }
        before.into_iter().filter(|id| !self.recordings.contains_key(id)).collect()
    }

    /// By the table: nobody knows of it any more.
    pub(super) fn forget_recording(&mut self, id: RecordingId, ending: &Ending) {
        let Some(recording) = self.recordings.remove(&id) else {
            return;
        };
        if let Some(call) = self.calls.get_mut(&recording.call) {
            call.recordings.retain(|known| *known != id);
        }
        self.end_wish(&recording, ending);
    }

    /// By the table above.
    fn lose_calls(&mut self, now: Instant, node: IpAddr) {
        let is_here = |leg: &Leg| leg.node.local.ip() == node;
        let lost: Vec<LegId> = self.legs.iter().filter(|(_, leg)| is_here(leg)).map(|(id, _)| *id).collect();
        // Whose BYE is on its way is out of its call.
        let is_in_it = |leg: LegId| lost.contains(&leg) && self.legs.get(&leg).is_some_and(|leg| !leg.is_ending());
        let mut ended = BTreeSet::new();
        let mut rang = Vec::new();
        for (number, call) in &self.calls {
            let has_lost = CallSide::BOTH.iter().any(|side| is_in_it(call.side(*side).leg));
            let is_parked_there = call.parked.as_ref().is_some_and(|parked| parked.node == node);
            let is_preserved = call.connected && call.talks() && !call.is_moving() && call.port().is_none();
            let caller = is_in_it(call.caller.leg);
            if is_parked_there || has_lost && !is_preserved && (call.connected || caller) {
                ended.insert(*number);
            }
            if !ended.contains(number) {
                rang.extend(call.ringing_legs().into_iter().filter(|leg| lost.contains(leg)));
            }
        }
        // Whoever is called for is out of reach.
        for leg in rang {
            self.forget_transactions(leg);
            self.on_leg_unreachable(now, leg, &failure("closed", "its node has failed"));
        }
        for leg in lost {
            self.drop_leg(leg);
            self.callers.retain(|_, known| *known != leg);
        }
        let (members, others): (Vec<u32>, Vec<u32>) =
            ended.into_iter().partition(|number| self.calls.get(number).is_some_and(|call| call.port().is_some()));
        self.lose_members(now, &members);
        for number in others {
            self.end_call(now, number, "its node has failed");
        }
        let known = |leg: LegId| self.legs.contains_key(&leg);
        let nobodys =
            self.calls.iter().filter(|(_, call)| !CallSide::BOTH.iter().any(|side| known(call.side(*side).leg)));
        for number in nobodys.map(|(number, _)| *number).collect::<Vec<_>>() {
            self.end_call(now, number, "its node has failed");
        }
    }

    /// Members of conferences are out of them, all at once: what becomes of a conference depends on who is left.
    fn lose_members(&mut self, now: Instant, calls: &[u32]) {
        let mut left = Vec::new();
        for number in calls {
            let Some(call) = self.calls.remove(number) else { continue };
            let phone = CallSide::BOTH.into_iter().map(|side| call.side(side)).find(|member| member.port.is_none());
            left.extend(call.port().zip(phone.map(|phone| phone.party.device.clone())));
            // Who waits for a place that was parked there is told.
            for leg in CallSide::BOTH.map(|side| call.side(side).leg) {
                self.clear_leg(now, leg, NORMAL);
            }
            self.event(CucmEvent::CallEnded { call: *number });
        }
        for (port, device) in left {
            self.leave_conference(now, port, &device);
        }
    }

    /// Nobody waits any more for what was asked on this leg.
    fn forget_transactions(&mut self, leg: LegId) {
        self.asked.retain(|_, asked| !matches!(asked, Asked::Invite(id) | Asked::Bye(id) if *id == leg));
    }
}
