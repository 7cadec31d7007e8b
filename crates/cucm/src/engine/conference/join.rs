//! *Confrn* pressed a second time: the held call and the consultation become a conference, or one of them joins the other's.

use std::time::Instant;

use sip::FlowId;

use super::super::call::{Call, CallSide, Member};
use super::super::dialogs::NORMAL;
use super::super::leg::{LegId, Role};
use super::super::rules::Happening;
use super::super::softkey::DialogName;
use super::super::steps::Step;
use super::super::{ConferenceId, Engine, Output};
use super::{Conference, Controller};
use crate::event::{Conferenced, CucmEvent, Party};

/// A side of a call.
pub(super) type Place = (u32, CallSide);

impl Engine {
    /// A phone wants its held call and its consultation joined. The answer to its REFER, behind which it is done; the refusals are
    /// inferred.
    pub(in crate::engine) fn on_conference_key(
        &mut self,
        now: Instant,
        flow: FlowId,
        first: Place,
        consult: Option<&DialogName>,
    ) -> (u16, &'static str) {
        let Some(consult) = consult.and_then(|name| self.own_call(flow, name)) else {
            return UNKNOWN;
        };
        if let Err(refusal) = self.judge_conference(first, consult) {
            return refusal;
        }
        let leg = |place: Place| self.calls.get(&place.0).map(|call| call.side(place.1).leg);
        if let (Some(first), Some(consult)) = (leg(first), leg(consult)) {
            self.steps.plan(now, Step::Confer(first, consult));
        }
        (202, "Accepted")
    }

    /// Step: the two calls of these legs become a conference, if they still can.
    pub(in crate::engine) fn confer(&mut self, now: Instant, first: LegId, consult: LegId) {
        let (Some(first), Some(consult)) = (self.place_of(first), self.place_of(consult)) else {
            return;
        };
        if self.judge_conference(first, consult).is_err() {
            return;
        }
        let port_of = |place: Place| self.calls.get(&place.0).and_then(Call::port);
        let known = port_of(first).or_else(|| port_of(consult)).map(|port| port.conference);
        let Some(by) = self.calls.get(&first.0).map(|call| call.side(first.1).party.clone()) else {
            return;
        };
        let conference = known.unwrap_or_else(|| self.begin_conference(&by));
        let other = self.bridge_first(now, first, conference);
        self.leave_consultation(now, first.0, consult, conference);
        if let Some(call) = self.calls.get_mut(&first.0) {
            call.side_mut(first.1).holds = false;
        }
        self.settle_conference(now, conference, (first.0, by), [Some(first.0), other, Some(consult.0)]);
    }

    /// The calls of new members are connected with the bridge; when that is done it is told who made them members, in which call.
    pub(super) fn settle_conference(
        &mut self,
        now: Instant,
        conference: ConferenceId,
        (call, by): (u32, Party),
        new: [Option<u32>; 3],
    ) {
        self.announce_conference(conference, call, by);
        for number in new.into_iter().flatten() {
            if let Some(call) = self.calls.get_mut(&number) {
                call.news.get_or_insert_default();
            }
            self.settle(now, number);
        }
        self.tell_level(now, conference);
    }

    fn judge_conference(&self, first: Place, consult: Place) -> Result<(), (u16, &'static str)> {
        let call = |place: Place| self.calls.get(&place.0).filter(|call| call.connected);
        let (Some(held), Some(other)) = (call(first), call(consult)) else {
            return Err(UNKNOWN);
        };
        if first.0 == consult.0 || held.is_moving() || other.is_moving() {
            return Err((491, "Request Pending"));
        }
        let joined = match (held.port(), other.port()) {
            (Some(_), Some(_)) => return Err((403, "Forbidden")),
            (one, two) => one.or(two),
        };
        let ports = match joined {
            None => 3,
            Some(_) if held.port().is_some() => 1,
            Some(_) => 2,
        };
        let device = &held.side(first.1).party.device;
        match joined.map(|port| port.conference) {
            Some(conference) if !self.may_add(device, conference) => Err((403, "Forbidden")),
            _ if !self.has_ports(ports) => Err((503, "Service Unavailable")),
            _ => Ok(()),
        }
    }

    pub(super) fn begin_conference(&mut self, by: &Party) -> ConferenceId {
        self.conferences.last += 1;
        let id = ConferenceId(self.conferences.last);
        let device = self.config.conference_bridge.as_ref().map(|bridge| bridge.name.clone()).unwrap_or_default();
        let bridge = Party {
            device,
            // As the numbers of built-in bridges are in Cisco document 200788; that those of conferences look alike is inferred.
            number: format!("b{:010}", FIRST_NUMBER + self.conferences.last),
            name: "Conference".to_owned(),
        };
        self.conferences
            .running
            .insert(id, Conference { bridge, controller: Controller::Maker(by.device.clone()), news: None });
        id
    }

    /// The controller's own call leads to the bridge from now on; its other phone gets a call of its own, whose number is given.
    pub(super) fn bridge_first(
        &mut self,
        now: Instant,
        (number, side): Place,
        conference: ConferenceId,
    ) -> Option<u32> {
        let far = side.other();
        let call = self.calls.get(&number).filter(|call| call.port().is_none())?;
        let (protection, security, codec) = (call.protection, call.security, call.codec.clone());
        let (near_port, far_port) = (self.open_port(conference)?, self.open_port(conference)?);
        let dialled = near_port.party.number.clone();
        let other = self.put(now, (number, far), near_port)?;
        let own = self.identifiers.call();
        self.tell_of_conference(now, other.leg);
        if let Some(leg) = self.legs.get_mut(&other.leg) {
            leg.role = Role::Line { call: own, side: far };
        }
        let other = Member { waits: false, ..other };
        let (caller, callee) = match far {
            CallSide::Caller => (other, far_port),
            CallSide::Callee => (far_port, other),
        };
        let call = Call { connected: true, protection, security, codec, ..Call::new(caller, callee, dialled) };
        self.calls.insert(own, call);
        Some(own)
    }

    /// The controller leaves the consultation, whose other phone comes to the bridge, if it is not there.
    fn leave_consultation(&mut self, now: Instant, first: u32, (number, side): Place, conference: ConferenceId) {
        let is_there = self.calls.get(&number).is_some_and(|call| call.port().is_some());
        let left = if is_there {
            let Some(call) = self.calls.remove(&number) else {
                return;
            };
            if let Some(port) = call.port() {
                self.close_port(port);
            }
            self.event(CucmEvent::CallEnded { call: number });
            match side {
                CallSide::Caller => Some(call.caller),
                CallSide::Callee => Some(call.callee),
            }
        } else {
            let port = self.open_port(conference);
            let remaining = self.calls.get(&number).map(|call| call.other(side).leg);
            let left = port.and_then(|port| self.put(now, (number, side), port));
            if let Some(leg) = remaining {
                self.tell_of_conference(now, leg);
            }
            left
        };
        let Some(left) = left else {
            return;
        };
        if let Some(music) = left.music {
            self.decided.push_back(Output::StopMusic { music });
        }
        self.tell_of_conference(now, left.leg);
        self.refuse_change(now, left.leg, (487, "Request Terminated"));
        if let Some(leg) = self.legs.get_mut(&left.leg) {
            leg.role = Role::Leaving { call: first };
        }
        self.clear_leg(now, left.leg, NORMAL);
    }

    /// Puts a port into the place of a phone, which is given.
    fn put(&mut self, now: Instant, (number, side): Place, port: Member) -> Option<Member> {
        self.stop_music(number, side.other());
        let call = self.calls.get_mut(&number)?;
        let remaining = call.other(side).leg;
        let left = std::mem::replace(call.side_mut(side), port);
        call.side_mut(side.other()).has_no_music = false;
        self.tell_of_conference(now, remaining);
        Some(left)
    }

    /// The recording of the phone on this leg, if there is one, is of a conference from now on.
    fn tell_of_conference(&mut self, now: Instant, line: LegId) {
        if let Some(id) = self.recording_of(line) {
            self.happen(now, id, Happening::ConferenceMade, None);
        }
    }

    fn announce_conference(&mut self, conference: ConferenceId, call: u32, by: Party) {
        let members = self.calls_of(conference).into_iter().filter_map(|number| {
            let call = self.calls.get(&number)?;
            Some((
                number,
                CallSide::BOTH.into_iter().map(|side| call.side(side)).find(|side| side.port.is_none())?.party.clone(),
            ))
        });
        let members = members.collect();
        if let Some(known) = self.conferences.running.get_mut(&conference) {
            let event = Conferenced { call, by, bridge: known.bridge.clone(), members };
            known.news = Some(CucmEvent::Conferenced(Box::new(event)));
        }
    }
}

const UNKNOWN: (u16, &str) = (481, "Call/Transaction Does Not Exist");
/// Somewhere among the numbers that CUCM gives its own bridges.
const FIRST_NUMBER: u64 = 104_002_000;
