//! Who rings: the phones of the number that was called, or of one that it forwards to.
//!
//! | the number | what happens |
//! |---|---|
//! | is no phone's, and a route pattern leads to a trunk | it is called there |
//! | is no phone's | 404 |
//! | forwards all | the next number is called, nothing rings here |
//! | none of its phones is registered | 480 |
//! | all its phones are busy, or one that rings alone answers 486 | it forwards busy: the next number; else 486 |
//! | anything else | its free phones ring, all at once; the first that answers has the call |
//! | nobody answers in its No Answer Ring Duration | it forwards no answer: the next number; else they ring on |
//!
//! Forward all and busy are found before anything rings (Cisco's SIP Line Messaging Guide, Call Forwarding). A number that forwards
//! has no part in the call: a recorder hears of whoever answers and of nobody else.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use crate::config::{Fault, Forward, Line};
use crate::event::{CucmEvent, ForwardReason, Party};

use super::Engine;
use super::call::{At, Call, CallSide, Member, Reached, Refusal};
use super::dialogs::NORMAL;
use super::leg::{LegId, Role};
use super::steps::Step;

/// What rings for a call, or for the target of its transfer.
#[derive(Debug, Default)]
pub(super) struct Alert {
    /// The number whose phones ring.
    pub(super) number: String,
    /// Those that forwarded the call, in order.
    pub(super) hops: Vec<Hop>,
    /// The phones of a shared line that ring beside the first one.
    pub(super) others: Vec<Member>,
    /// The first phone that rang for this number: it tells a timer of this number's from an earlier one's.
    pub(super) round: Option<LegId>,
}

/// A number that forwarded a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) number: String,
    pub(super) name: String,
    pub(super) reason: ForwardReason,
}

/// A number that can be called, behind all its forwarding.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) number: String,
    pub(super) hops: Vec<Hop>,
    pub(super) first: Reached,
    /// Further phones of the same line.
    pub(super) others: Vec<Reached>,
}

/// Why a number cannot be called.
pub(super) type Unreached = (Refusal, &'static str);

/// What becomes of a call to a number.
enum Verdict {
    Rings(Vec<Reached>),
    Forwards(ForwardReason),
    Refused(Unreached),
}

impl Call {
    /// The phone that rings first, if the call or a transfer of it rings.
    fn ringing_mut(&mut self) -> Option<&mut Member> {
        match (self.connected, &mut self.transfer) {
            (false, _) => Some(&mut self.callee),
            (true, Some(transfer)) => transfer.target_mut(),
            (true, None) => None,
        }
    }

    /// Where the phones that ring are to sit.
    pub(super) fn seat(&self) -> CallSide {
        self.transfer.as_ref().map_or(CallSide::Callee, |transfer| transfer.by())
    }

    /// Whose phones ring.
    pub(super) fn ringing_parties(&self) -> impl Iterator<Item = &Party> {
        let first = match (self.alert.round, self.connected, &self.transfer) {
            (None, ..) | (Some(_), true, None) => None,
            (Some(_), false, _) => Some(&self.callee),
            (Some(_), true, Some(transfer)) => transfer.target(),
        };
        first.into_iter().chain(&self.alert.others).map(|member| &member.party)
    }

    /// The legs that ring.
    pub(super) fn ringing_legs(&self) -> Vec<LegId> {
        let first = match (self.alert.round, self.connected, &self.transfer) {
            (None, ..) | (Some(_), true, None) => None,
            (Some(_), false, _) => Some(&self.callee),
            (Some(_), true, Some(transfer)) => transfer.target(),
        };
        first.into_iter().chain(&self.alert.others).map(|member| member.leg).collect()
    }

    /// All phones that are in the call or ring for it.
    pub(super) fn members(&self) -> impl Iterator<Item = &Member> {
        let target = self.transfer.as_ref().and_then(|transfer| transfer.target());
        [&self.caller, &self.callee].into_iter().chain(target).chain(&self.alert.others)
    }
}

impl Engine {
    /// The phones that a number rings, or why none does.
    pub(super) fn called(&self, dialled: &str) -> Result<Called, Unreached> {
        self.called_behind(dialled, Vec::new())
    }

    /// The same behind numbers that forwarded already. One that comes a second time, or too many of them, are refused as busy
    /// (service parameter *Forward Maximum Hop Count*; the status is inferred).
    fn called_behind(&self, dialled: &str, mut hops: Vec<Hop>) -> Result<Called, Unreached> {
        let mut number = dialled.to_owned();
        loop {
            if hops.len() > MOST_HOPS || hops.iter().any(|hop| hop.number == number) {
                return Err((((486, "Busy Here"), Some(17)), "the call was forwarded in a circle or too often"));
            }
            let reason = match self.verdict(&number) {
                Verdict::Refused(why) => return Err(why),
                Verdict::Forwards(reason) => reason,
                Verdict::Rings(mut phones) => {
                    let first = phones.remove(0);
                    return Ok(Called { number, hops, first, others: phones });
                }
            };
            let Some((hop, next)) = self.hop(&number, reason) else {
                return Err(BUSY);
            };
            hops.push(hop);
            number = next;
        }
    }

    fn verdict(&self, number: &str) -> Verdict {
        let Some(line) = self.line_of(number) else {
            if let Some(reached) = self.number_outside(number) {
                return Verdict::Rings(vec![reached]);
            }
            return Verdict::Refused((((404, "Not Found"), Some(1)), "no phone has this number"));
        };
        let forward = self.forward_of(line);
        if forward.all.is_some() {
            return Verdict::Forwards(ForwardReason::Unconditional);
        }
        let phones = self.appearances(number);
        if phones.is_empty() {
            let why = "the called phone is not registered";
            return Verdict::Refused((((480, "Temporarily Unavailable"), Some(20)), why));
        }
        // fault: the others of the line do not ring
        let most = if self.config.fault == Fault::RingOne { 1 } else { usize::MAX };
        let free: Vec<Reached> = phones.into_iter().filter(|(party, ..)| !self.is_busy(party)).take(most).collect();
        match (free.is_empty(), &forward.busy) {
            (false, _) => Verdict::Rings(free),
            (true, Some(_)) => Verdict::Forwards(ForwardReason::UserBusy),
            (true, None) => Verdict::Refused(BUSY),
        }
    }

    /// Where a line forwards.
    fn forward_of<'a>(&self, line: &'a Line) -> Cow<'a, Forward> {
        // fault: what the line is set up to do is not looked at
        if self.config.fault == Fault::IgnoreForwarding {
            return Cow::Owned(Forward::default());
        }
        Cow::Borrowed(&line.forward)
    }

    /// A line of this number: that of its first phone.
    fn line_of(&self, number: &str) -> Option<&Line> {
        self.config.phones.iter().find_map(|phone| phone.line(number))
    }

    /// The phones that have this number and are registered.
    pub(super) fn appearances(&self, number: &str) -> Vec<Reached> {
        let bearers = self.config.phones.iter().filter_map(|phone| Some((phone, phone.line(number)?)));
        let parties = bearers.map(|(phone, line)| Party {
            device: phone.device_name.clone(),
            number: line.directory_number.clone(),
            name: line.display.clone(),
        });
        parties.filter_map(|party| self.reach(&party).map(|(flow, target)| (party, At::Phone(flow, target)))).collect()
    }

    fn is_busy(&self, party: &Party) -> bool {
        let trigger = self.config.phone(&party.device).and_then(|phone| phone.line(&party.number));
        trigger.is_some_and(|line| self.places(|known| known == party) >= line.busy_trigger as usize)
    }

    /// How many calls a phone has as far as this cluster knows, ringing ones among them.
    pub fn calls_at(&self, device: &str) -> usize {
        self.places(|party| party.device.eq_ignore_ascii_case(device))
    }

    /// Whoever parked the call, or was released before the target of a transfer answered, has it no more.
    fn places(&self, is_it: impl Fn(&Party) -> bool) -> usize {
        let is_there = |member: &&Member| {
            let role = self.legs.get(&member.leg).map(|leg| &leg.role);
            is_it(&member.party) && matches!(role, Some(Role::Line { .. }))
        };
        self.calls.values().flat_map(Call::members).filter(is_there).count()
    }

    /// What a number that forwards adds to the way, and the number that it forwards to.
    fn hop(&self, number: &str, reason: ForwardReason) -> Option<(Hop, String)> {
        let line = self.line_of(number)?;
        let forward = self.forward_of(line);
        let next = match reason {
            ForwardReason::Unconditional => &forward.all,
            ForwardReason::UserBusy => &forward.busy,
            ForwardReason::NoAnswer => &forward.no_answer,
        };
        let hop = Hop { number: number.to_owned(), name: line.display.clone(), reason };
        Some((hop, next.clone()?))
    }

    /// Rings at all phones of a number on behalf of `caller`. The first of them stands for all until one answers.
    pub(super) fn ring_all(
        &mut self,
        now: Instant,
        place: (u32, CallSide),
        caller: &Party,
        session: &str,
        called: Called,
    ) -> (Member, Alert) {
        let Called { number, hops, first, others } = called;
        let mut alert = Alert { number, hops, others: Vec::new(), round: None };
        let first = self.ring(now, place, caller, session, first, &alert);
        for reached in others {
            let member = self.ring(now, place, caller, session, reached, &alert);
            alert.others.push(member);
        }
        alert.round = Some(first.leg);
        if let Some(after) = self.ring_duration(&alert.number) {
            self.steps.plan(now + after, Step::ForwardNoAnswer(first.leg));
        }
        for hop in &alert.hops {
            let (from, to) = (hop.number.clone(), alert.number.clone());
            self.event(CucmEvent::Forwarded { call: place.0, from, to, reason: hop.reason });
        }
        (first, alert)
    }

    /// How long a number rings before it forwards; `None` where it does not.
    fn ring_duration(&self, number: &str) -> Option<Duration> {
        let forward = self.forward_of(self.line_of(number)?);
        forward.no_answer.as_ref()?;
        // fault: much too early
        if self.config.fault == Fault::HastyForwarding {
            return Some(Duration::from_millis(100));
        }
        Some(forward.no_answer_ring_duration.unwrap_or(self.config.timing.forward_no_answer))
    }

    /// Step: nobody has answered for the time after which the number forwards.
    pub(super) fn on_ring_over(&mut self, now: Instant, round: LegId) {
        let call = self.calls.iter().find(|(_, call)| call.alert.round == Some(round)).map(|(number, _)| *number);
        if let Some(number) = call {
            self.divert(now, number, ForwardReason::NoAnswer);
        }
    }

    /// The number that rings forwards the call. False where it forwards nowhere.
    pub(super) fn divert(&mut self, now: Instant, number: u32, reason: ForwardReason) -> bool {
        let Some(alert) = self.calls.get(&number).map(|call| &call.alert) else {
            return false;
        };
        let Some((hop, next)) = self.hop(&alert.number, reason) else {
            return false;
        };
        let hops = alert.hops.iter().cloned().chain([hop]).collect();
        let called = self.called_behind(&next, hops);
        self.ring_instead(now, number, called);
        true
    }

    /// Ends what rings and rings elsewhere; where that cannot be, nobody can be reached.
    pub(super) fn ring_instead(&mut self, now: Instant, number: u32, called: Result<Called, Unreached>) {
        self.silence(now, number);
        let called = match called {
            Ok(called) => called,
            Err((refusal, why)) => return self.on_nobody_rings(now, number, refusal, why),
        };
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.ringing = false;
        let (side, is_transfer) = (call.seat(), call.connected);
        let caller = call.other(side);
        let (party, leg) = (caller.party.clone(), caller.leg);
        let session = self.session_at(leg);
        let (first, alert) = self.ring_all(now, (number, side), &party, &session, called);
        if is_transfer {
            self.steps.plan(now + self.config.timing.no_answer, Step::TransferNoAnswer(number, first.leg));
        }
        if let Some(call) = self.calls.get_mut(&number) {
            call.alert = alert;
            if let Some(ringing) = call.ringing_mut() {
                *ringing = first;
            }
        }
    }

    fn on_nobody_rings(&mut self, now: Instant, number: u32, refusal: Refusal, why: &str) {
        if self.calls.get(&number).is_some_and(|call| call.connected) {
            return self.on_target_failed(now, number, refusal.0, why);
        }
        self.refuse_caller(now, number, refusal, why);
    }

    /// No phone rings for this call any more.
    pub(super) fn silence(&mut self, now: Instant, number: u32) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let others = std::mem::take(&mut call.alert).others;
        let legs =
            call.ringing_mut().map(|first| first.leg).into_iter().chain(others.into_iter().map(|other| other.leg));
        for leg in legs.collect::<Vec<_>>() {
            self.clear_leg(now, leg, NORMAL);
        }
    }

    /// A phone that answers, if it rang: it has the call, and the others of its line stop ringing.
    pub(super) fn choose(&mut self, now: Instant, number: u32, id: LegId) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let mut others = std::mem::take(&mut call.alert.others);
        let Some(first) = call.ringing_mut() else {
            return;
        };
        if let Some(at) = others.iter().position(|other| other.leg == id) {
            std::mem::swap(first, &mut others[at]);
        }
        if first.leg != id {
            call.alert.others = others;
            return;
        }
        call.alert = Alert::default();
        for other in others {
            self.clear_leg(now, other.leg, ANSWERED_ELSEWHERE);
        }
    }

    /// A phone that rang does so no more. Whether others of its line ring on.
    pub(super) fn rings_on_without(&mut self, number: u32, id: LegId) -> bool {
        let Some(call) = self.calls.get_mut(&number) else {
            return false;
        };
        if let Some(at) = call.alert.others.iter().position(|other| other.leg == id) {
            call.alert.others.remove(at);
            return true;
        }
        if call.alert.others.is_empty() || call.ringing_mut().is_none_or(|first| first.leg != id) {
            return false;
        }
        let next = call.alert.others.remove(0);
        if let Some(first) = call.ringing_mut() {
            *first = next;
        }
        true
    }
}

const BUSY: Unreached = (((486, "Busy Here"), Some(17)), "the called line is busy");
/// Default of the service parameter *Forward Maximum Hop Count*.
const MOST_HOPS: usize = 12;
/// Cause 26 of Q.850, non-selected user clearing [inferred].
const ANSWERED_ELSEWHERE: u16 = 26;
