//! A member leaves: a conference of two becomes a call without a bridge, one of one ends.

use std::time::Instant;

use super::super::call::{Call, CallSide};
use super::super::feed::Feed;
use super::super::leg::Role;
use super::super::rules::{FarEnd, Happening};
use super::super::{ConferenceId, Engine};
use super::{Controller, Port};
use crate::config::VirtualControllerLeaves;
use crate::event::CucmEvent;

impl Engine {
    /// A call of a conference is over, and this device was in it. The conference may end with it.
    pub(in crate::engine) fn leave_conference(&mut self, now: Instant, port: Port, device: &str) {
        self.close_port(port);
        let Some(known) = self.conferences.running.get_mut(&port.conference) else {
            return;
        };
        known.news = None;
        let is_virtual = matches!(known.controller, Controller::Virtual(_)) && known.controller.is(device);
        if is_virtual && self.config.dialect.virtual_controller_leaves == VirtualControllerLeaves::ConferenceEnds {
            self.conferences.running.remove(&port.conference);
            for number in self.calls_of(port.conference) {
                self.end_call(now, number, "the virtual controller of the conference left");
            }
            return;
        }
        self.shrink(now, port.conference);
    }

    /// Does what follows of the number of members. A call that is being transferred or is parked waits for that.
    pub(in crate::engine) fn shrink(&mut self, now: Instant, conference: ConferenceId) {
        let calls = self.calls_of(conference);
        match calls.as_slice() {
            [] => {
                self.conferences.running.remove(&conference);
            }
            [last] => self.end_call(now, *last, "nobody else is in the conference"),
            [stays, goes] => {
                let waits = |number: &u32| self.calls.get(number).is_none_or(Call::is_moving);
                if !waits(stays) && !waits(goes) {
                    self.drop_to_two(now, *stays, *goes);
                }
            }
            _ => {
                for number in calls {
                    self.tell_of_change(now, number);
                }
                self.tell_level(now, conference);
            }
        }
    }

    fn tell_of_change(&mut self, now: Instant, number: u32) {
        let lines = self.calls.get(&number).map(|call| CallSide::BOTH.map(|side| call.side(side).leg));
        for id in lines.into_iter().flatten().filter_map(|line| self.recording_of(line)).collect::<Vec<_>>() {
            self.happen(now, id, Happening::ConferenceChanged, None);
        }
    }

    /// The phone of the second call takes the place of the bridge in the first one.
    fn drop_to_two(&mut self, now: Instant, stays: u32, goes: u32) {
        let Some(Call { caller, callee, recordings, news, .. }) = self.calls.remove(&goes) else {
            return;
        };
        let (port, mut phone) = if caller.port.is_some() { (caller, callee) } else { (callee, caller) };
        let Some(call) = self.calls.get_mut(&stays) else {
            return;
        };
        let Some(side) = CallSide::BOTH.into_iter().find(|side| call.side(*side).port.is_some()) else {
            return;
        };
        let is_away = |feed: Feed| if feed == Feed::Talk { Feed::Elsewhere } else { feed };
        phone.feed = is_away(phone.feed);
        phone.waits = false;
        let phone_leg = phone.leg;
        let (moved, party) = (FarEnd::of(&phone), phone.party.clone());
        let bridge = std::mem::replace(call.side_mut(side), phone);
        let remaining = call.side_mut(side.other());
        remaining.feed = is_away(remaining.feed);
        remaining.has_no_music = false;
        let (line, stayed) = (remaining.leg, FarEnd::of(remaining));
        let parties = [remaining.party.clone(), party];
        let told = call.news.get_or_insert_default();
        told.extend(news.unwrap_or_default());
        told.push(CucmEvent::ConferenceDropped { call: stays, bridge: bridge.party.clone(), parties });
        if let Some(leg) = self.legs.get_mut(&phone_leg) {
            leg.role = Role::Line { call: stays, side };
        }
        for port in [bridge.port, port.port].into_iter().flatten() {
            self.close_port(port);
            self.conferences.running.remove(&port.conference);
        }
        self.adopt_recordings(&recordings, stays);
        for (line, far) in [(line, moved), (phone_leg, stayed)] {
            if let Some(id) = self.recording_of(line) {
                self.happen(now, id, Happening::ConferenceDropped, Some(far));
            }
        }
        self.event(CucmEvent::CallEnded { call: goes });
        self.settle(now, stays);
    }
}
