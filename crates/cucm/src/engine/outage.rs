//! A node of the cluster dies: nothing is said to anybody, and what it knew is gone.
//!
//! ```text
//! recorder           node 2, dead           node 1            phones of node 2
//!   | ◄──────────── the phones' media, if their bridges send on ───── |
//!   |                                         | ◄─── REGISTER ─────── |   when their calls are over
//!   | ◄───────── INVITE, the next call ────── | ◄──── INVITE ──────── |
//! ```
//!
//! Calls that are up are preserved between their phones (Cisco, "System Guide for Cisco Unified Communications Manager", call
//! preservation), without any feature, until each user hangs up. Phones register with the next node of their CUCM group. What the
//! other nodes know of such a call lasts until their phone hangs up (inferred).

use std::net::IpAddr;
use std::time::Instant;

use sip::FlowId;

use super::call::CallSide;
use super::leg::LegId;
use super::rules::{Ending, Happening};
use super::steps::Step;
use super::{Asked, Engine};
use crate::event::{CucmEvent, RecordingId};
use crate::text::recording::End;

impl Engine {
    /// A node is dead from now on. Its connections are no more, whatever their peers see of them.
    pub fn fail_node(&mut self, now: Instant, node: IpAddr) {
        let is_first = self.first_node() == node;
        self.dead.insert(node);
        let lost = self.lose_recordings(now, node);
        let legs: Vec<LegId> =
            self.legs.iter().filter(|(_, leg)| leg.node.local.ip() == node).map(|(id, _)| *id).collect();
        legs.into_iter().for_each(|leg| self.drop_leg(leg));
        self.forget_calls(now);
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

    /// Calls of which no node knows a phone any more; those that were not up end for whoever is left.
    fn forget_calls(&mut self, now: Instant) {
        let known = |leg: LegId| self.legs.contains_key(&leg);
        let calls = self.calls.iter().map(|(number, call)| {
            let left = CallSide::BOTH.iter().filter(|side| known(call.side(**side).leg)).count();
            (*number, left, call.connected)
        });
        for (number, left, is_connected) in calls.collect::<Vec<_>>() {
            if left == 0 || left == 1 && !is_connected {
                self.end_call(now, number, "its node has failed");
            }
        }
    }
}
