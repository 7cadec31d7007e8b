//! Call park: a call that waits at a number until somebody dials it.
//!
//! ```text
//! phone               CUCM              parked phone           another phone
//!   | ── REFER Park ──► |                    |                       |
//!   | ◄──── 202 ─────── |                    |                       |
//!   | ◄──── BYE ─────── | ── re-INVITEs ───► |  music                |
//!   |                   | ◄──────────────────┼─ INVITE park number ─ |
//!   |                   | ── re-INVITEs ───► | ─────── 200 ────────► |
//! ```
//!
//! Directed: the phone transfers its call to a number of its choice, and whoever wants it dials a prefix before that number (Cisco's Feature
//! Configuration Guide, "Call Park and Directed Call Park").
//!
//! ```text
//! phone               CUCM
//!   | ── hold ────────► |
//!   | ── REFER number ► |
//!   | ◄── 202, NOTIFY ─ |   200, or 486 where a call is parked there already: the phone keeps its own
//!   | ◄──── BYE ─────── |
//! ```
//!
//! The softkey is that of the open-source Asterisk modules for Cisco phones. A call that nobody retrieves for the *Call Park Reversion
//! Timer* rings at whoever parked it, by the way of any call to that number; unanswered it stays parked and rings again after as long
//! (Cisco's Feature Configuration Guide, "Call Park"; that it rings again is inferred). A member of a conference parks its own place in
//! it: the others talk on.

use std::net::IpAddr;
use std::time::Instant;

use crate::config::Fault;
use crate::event::{CucmEvent, Party};
use crate::text::recording::End;

use super::Engine;
use super::arrive::Arriving;
use super::call::{Call, CallSide};
use super::dialogs::NORMAL;
use super::feed::Feed;
use super::leg::{LegId, Role};
use super::place::{Handover, Taking};
use super::rules::Happening;
use super::steps::Step;

/// Where a call is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    /// The park number.
    pub(super) number: String,
    /// The side that is empty.
    pub(super) by: CallSide,
    /// Who was there.
    pub(super) parker: Party,
    /// The node that has the number: that of whoever parked it.
    pub(super) node: IpAddr,
}

impl Call {
    /// Whether a place in it is about to change hands, or empty, or cannot change hands at all.
    pub(super) fn is_moving(&self) -> bool {
        self.transfer.is_some() || self.parked.is_some() || self.barged.is_some()
    }
}

impl Engine {
    /// *Park* is pressed in a call; the answer to its REFER, behind which it is done. The refusals are inferred.
    pub(super) fn on_park_key(&mut self, now: Instant, (number, side): (u32, CallSide)) -> (u16, &'static str) {
        let Some(call) = self.calls.get(&number).filter(|call| call.connected) else {
            return (481, "Call/Transaction Does Not Exist");
        };
        if call.is_moving() {
            return (491, "Request Pending");
        }
        if self.free_park_number().is_none() {
            return (503, "Service Unavailable");
        }
        self.steps.plan(now, Step::Park(call.side(side).leg));
        (202, "Accepted")
    }

    fn free_park_number(&self) -> Option<String> {
        self.config.park_numbers.iter().find(|number| !self.is_parked_at(number)).cloned()
    }

    /// Whether a call is parked at a number.
    fn is_parked_at(&self, number: &str) -> bool {
        self.calls.values().any(|call| call.parked.as_ref().is_some_and(|parked| parked.number == number))
    }

    /// Step: the phone on this leg leaves its call, which waits.
    pub(super) fn park(&mut self, now: Instant, leg: LegId) {
        if let Some(at) = self.free_park_number() {
            self.park_at(now, leg, at);
        }
    }

    /// A phone transfers its call to a number for directed call park.
    pub(super) fn park_by_transfer(&mut self, now: Instant, (number, side): (u32, CallSide), at: &str) {
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let (leg, by) = (call.side(side).leg, call.side(side).party.clone());
        if self.is_parked_at(at) {
            self.tell_progress(now, leg, (486, "Busy Here"));
            let why = "a call is parked at this number already".to_owned();
            return self.event(CucmEvent::TransferFailed { call: number, by, status: 486, why });
        }
        self.tell_progress(now, leg, (200, "OK"));
        self.park_at(now, leg, at.to_owned());
    }

    fn park_at(&mut self, now: Instant, leg: LegId, at: String) {
        let Some((number, by)) = self.place_of(leg) else {
            return;
        };
        let node = self.address_of(leg);
        let Some(call) = self.calls.get_mut(&number).filter(|call| !call.is_moving()) else {
            return;
        };
        let (parker, party) = (call.side(by).party.clone(), call.other(by).party.clone());
        call.parked = Some(Parked { number: at.clone(), by, parker: parker.clone(), node });
        let far = call.other(by).leg;
        let member = call.side_mut(by);
        member.holds = true;
        member.feed = Feed::Nothing;
        let parked = CucmEvent::Parked { call: number, by: parker, party, number: at.clone() };
        call.news.get_or_insert_default().push(parked);
        for (line, end) in [(leg, End::Near), (far, End::Far)] {
            if let Some(id) = self.recording_of(line) {
                self.happen(now, id, Happening::Park(end), None);
            }
        }
        self.stop_music(number, by);
        self.quiet_port(number);
        self.refuse_change(now, leg, (487, "Request Terminated"));
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.role = Role::Leaving { call: number };
        }
        self.clear_leg(now, leg, NORMAL);
        self.steps.plan(now + self.config.timing.park_reversion, Step::ParkReversion(number, at));
        self.settle(now, number);
    }

    /// The number at which a call is parked that whoever dials this wants.
    pub(super) fn retrieved_by(&self, dialled: &str) -> Option<String> {
        let directed = &self.config.directed_call_park;
        let behind_prefix = dialled.strip_prefix(&directed.retrieval_prefix);
        let directed = behind_prefix.filter(|number| directed.numbers.iter().any(|known| known == number));
        let own = self.config.park_numbers.iter().map(String::as_str).find(|number| *number == dialled);
        own.or(directed).map(str::to_owned)
    }

    /// An INVITE for what is parked at a number.
    pub(super) fn retrieve(&mut self, now: Instant, arriving: Arriving, at: &str) {
        // fault: nobody knows of it any more
        let is_lost = self.config.fault == Fault::LoseParked;
        let at = |call: &Call| call.parked.clone().filter(|parked| parked.number == at && !is_lost);
        let Some((number, parked)) = self.calls.iter().find_map(|(number, call)| Some((*number, at(call)?))) else {
            let refusal = ((404, "Not Found"), Some(1));
            return self.turn_away(now, &arriving, refusal, "no call is parked at this number");
        };
        self.end_reversion(now, number);
        let Some(call) = self.calls.get_mut(&number).filter(|call| call.transfer.is_none()) else {
            // It is answered where it was parked, this moment.
            return self.turn_away(now, &arriving, ((486, "Busy Here"), Some(17)), "the call is being retrieved");
        };
        let other = call.other(parked.by).party.clone();
        let member = self.seat(now, arriving, (number, parked.by), other);
        self.take_place(now, number, parked.by, member, Taking::Retrieval(parked));
    }

    /// Step: a call has been parked for long enough to ring at whoever parked it.
    pub(super) fn on_park_reversion(&mut self, now: Instant, number: u32, at: &str) {
        // fault: it does not come back
        let is_lost = self.config.fault == Fault::LoseParked;
        let Some(call) = self.calls.get(&number).filter(|call| call.transfer.is_none() && !is_lost) else {
            return;
        };
        let Some(parked) = call.parked.clone().filter(|parked| parked.number == at) else {
            return;
        };
        let waiting = call.other(parked.by);
        let (party, leg) = (waiting.party.clone(), waiting.leg);
        let session = self.session_at(leg);
        let Ok(called) = self.called(&parked.parker.number) else {
            return self
                .steps
                .plan(now + self.config.timing.park_reversion, Step::ParkReversion(number, parked.number));
        };
        let by = parked.by;
        let (target, alert) = self.ring_all(now, (number, by), &party, &session, called);
        self.steps.plan(now + self.config.timing.no_answer, Step::TransferNoAnswer(number, target.leg));
        if let Some(call) = self.calls.get_mut(&number) {
            let mut transfer = Handover::taken(call, by, Taking::Retrieval(parked));
            transfer.ring(target);
            call.transfer = Some(transfer);
            call.alert = alert;
            call.ringing = false;
        }
    }

    /// A call that rings where it was parked rings there no more, if it does.
    fn end_reversion(&mut self, now: Instant, number: u32) {
        let rings = self.calls.get(&number).and_then(|call| call.transfer.as_ref()).is_some_and(Handover::rings);
        if rings {
            self.silence(now, number);
            if let Some(call) = self.calls.get_mut(&number) {
                call.transfer = None;
            }
        }
    }

    /// Nobody answered where the call was parked: it stays parked. False for a call that is not.
    pub(super) fn park_on(&mut self, now: Instant, number: u32) -> bool {
        let Some(call) = self.calls.get_mut(&number) else {
            return false;
        };
        let Some(parked) = &call.parked else {
            return false;
        };
        let at = parked.number.clone();
        call.transfer = None;
        call.ringing = false;
        self.steps.plan(now + self.config.timing.park_reversion, Step::ParkReversion(number, at));
        true
    }
}
