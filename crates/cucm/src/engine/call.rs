//! Calls between two phones: the caller's offer on one side, a delayed offer on the other.

use std::net::SocketAddr;
use std::time::Instant;

use media::sdes::Crypto;
use media::sdp::Audio;
use sip::{FlowId, Message, ServerKey};

use crate::event::{ConnectFailure, CucmEvent, Invoker, Party, Protection, RecordingId, SecurityLevel};
use crate::ident::Side;
use crate::negotiate::Share;
use crate::text::line::Diversion;
use crate::text::{self, line, name_addr};

use super::alert::{Alert, Called, Hop};
use super::conference::Port;
use super::dialogs::NORMAL;
use super::feed::Feed;
use super::leg::{Leg, LegId, Role, State};
use super::park::Parked;
use super::place::Handover;
use super::rules::Ending;
use super::steps::Step;
use super::trunk::Way;
use super::{Engine, MusicId, Output};

/// One of the two phones of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallSide {
    Caller,
    Callee,
}

impl CallSide {
    pub(super) const BOTH: [Self; 2] = [Self::Caller, Self::Callee];

    pub(super) fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// A call. Behind a transfer its sides are those whose places its phones have taken.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: Member,
    pub(super) callee: Member,
    pub(super) dialled: String,
    pub(super) ringing: bool,
    pub(super) connected: bool,
    pub(super) protection: Protection,
    pub(super) security: SecurityLevel,
    /// The codec that was agreed on last, which is kept where both phones still have it.
    pub(super) codec: Option<String>,
    pub(super) recordings: Vec<RecordingId>,
    /// What is told once both phones are where they are to be; `None` while nothing changes.
    pub(super) news: Option<Vec<CucmEvent>>,
    pub(super) transfer: Option<Handover>,
    /// What rings, if anything does.
    pub(super) alert: Alert,
    /// Where it is parked, if it is: one side is then empty.
    pub(super) parked: Option<Parked>,
    /// The leg of the phone whose built-in bridge it leads to, where it is a barge.
    pub(super) barged: Option<LegId>,
}

impl Call {
    /// Two who are not connected yet.
    pub(super) fn new(caller: Member, callee: Member, dialled: String) -> Self {
        Self {
            caller,
            callee,
            dialled,
            ringing: false,
            connected: false,
            protection: Protection::Rtp,
            security: SecurityLevel::NotAuthenticated,
            codec: None,
            recordings: Vec::new(),
            news: None,
            transfer: None,
            alert: Alert::default(),
            parked: None,
            barged: None,
        }
    }
}

/// One end of a call.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) leg: LegId,
    pub(super) party: Party,
    /// Call identifier (CI).
    pub(super) identifier: u32,
    pub(super) media: Option<Audio>,
    pub(super) falls_back: bool,
    /// What was agreed, by this phone's own numbers.
    pub(super) share: Option<Share>,
    pub(super) holds: bool,
    pub(super) feed: Feed,
    /// The music it hears.
    pub(super) music: Option<MusicId>,
    /// Whether no music was found that it can play.
    pub(super) has_no_music: bool,
    /// Where its media was directed last.
    pub(super) heard_at: Option<(SocketAddr, Option<Crypto>)>,
    /// Versions of the descriptions that it was given.
    pub(super) version: u64,
    /// Whether a re-INVITE crossed one of its, so that the next one has to wait.
    pub(super) waits: bool,
    /// What a re-INVITE of its that has no answer yet would change.
    pub(super) before: Option<Before>,
    /// Who wants it recorded, where its line is recorded selectively.
    pub(super) wish: Option<Invoker>,
    /// Whether it said that it is a conference (RFC 4579 §5.1), as a bridge behind a trunk does.
    pub(super) says_focus: bool,
    /// The port of the conference bridge that this side is, if it is no phone.
    pub(super) port: Option<Port>,
}

/// What stood before a re-INVITE.
#[derive(Debug)]
pub(super) struct Before {
    pub(super) holds: bool,
    pub(super) media: Option<Audio>,
}

impl Member {
    pub(super) fn new(leg: LegId, party: Party, identifier: u32) -> Self {
        Self {
            leg,
            party,
            identifier,
            media: None,
            falls_back: false,
            share: None,
            holds: false,
            feed: Feed::Nothing,
            music: None,
            has_no_music: false,
            heard_at: None,
            version: 0,
            waits: false,
            before: None,
            wish: None,
            says_focus: false,
            port: None,
        }
    }
}

impl Member {
    /// Whether a conference bridge is behind it.
    pub(super) fn is_focus(&self) -> bool {
        self.port.is_some() || self.says_focus
    }
}

impl Call {
    pub(super) fn side_mut(&mut self, side: CallSide) -> &mut Member {
        match side {
            CallSide::Caller => &mut self.caller,
            CallSide::Callee => &mut self.callee,
        }
    }

    /// The side on which this leg is.
    pub(super) fn side_of(&self, leg: LegId) -> Option<CallSide> {
        CallSide::BOTH.into_iter().find(|side| self.side(*side).leg == leg)
    }

    pub(super) fn talks(&self) -> bool {
        CallSide::BOTH.iter().all(|side| self.side(*side).feed == Feed::Talk)
    }

    pub(super) fn side(&self, side: CallSide) -> &Member {
        match side {
            CallSide::Caller => &self.caller,
            CallSide::Callee => &self.callee,
        }
    }

    /// The port of the conference bridge that is one of its sides.
    pub(super) fn port(&self) -> Option<Port> {
        self.caller.port.or(self.callee.port)
    }

    /// The same with its side.
    pub(super) fn port_mut(&mut self) -> Option<(&mut Member, Port)> {
        let port = self.port()?;
        let is_caller = self.caller.port.is_some();
        Some((if is_caller { &mut self.caller } else { &mut self.callee }, port))
    }

    pub(super) fn other(&self, side: CallSide) -> &Member {
        match side {
            CallSide::Caller => &self.callee,
            CallSide::Callee => &self.caller,
        }
    }
}

/// Where a party is reached.
#[derive(Clone, Debug)]
pub(super) enum At {
    /// A phone: its flow and its contact.
    Phone(FlowId, String),
    /// Behind a trunk.
    Trunk(Way),
}

/// Who can be called, and where.
pub(super) type Reached = (Party, At);

/// A final answer to a caller, with the cause of Q.850 that made it.
pub(super) type Refusal = ((u16, &'static str), Option<u16>);

impl Engine {
    pub(super) fn call_out(&mut self, now: Instant, number: u32, caller: Member, called: Called, dialled: String) {
        let session = self.session_at(caller.leg);
        let (callee, alert) = self.ring_all(now, (number, CallSide::Callee), &caller.party, &session, called);
        let call = Call { alert, ..Call::new(caller, callee, dialled) };
        self.calls.insert(number, call);
        self.steps.plan(now + self.config.timing.no_answer, Step::NoAnswer(number));
    }

    /// A delayed offer to a phone that is called on behalf of `caller`.
    pub(super) fn ring(
        &mut self,
        now: Instant,
        (call, side): (u32, CallSide),
        caller: &Party,
        session: &str,
        (party, at): Reached,
        alert: &Alert,
    ) -> Member {
        let (flow, target) = match at {
            At::Phone(flow, target) => (flow, target),
            At::Trunk(way) => return self.ring_outside(now, (call, side), caller, session, (party, way), alert),
        };
        let node = self.node(flow);
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let tag = self.identifiers.tag(number, identifier);
        let host = node.host();
        let (from, to) = (
            format!("{};tag={tag}", name_addr(&caller.name, &caller.number, &host)),
            format!("<sip:{}@{host}>", alert.number),
        );
        let thread = self.opening(now, &node, (target, from, to));
        let info = line::CallInfo { security: "Unknown", orientation: "from", ui_state: None, call };
        let invite = line::invite(&node, &thread, caller, session, info, &diversions(&alert.hops));
        let leg = self.add_leg(Leg {
            flow: Some(flow),
            call_id: thread.call_id,
            other_session: session.to_owned(),
            ..Leg::waiting(Role::Line { call, side }, node, (number, tag), caller.clone())
        });
        self.send_invite(now, leg, invite, FIRST_CSEQ, thread.date);
        Member::new(leg, party, identifier)
    }

    pub(super) fn on_caller_ack_missing(&mut self, now: Instant, key: ServerKey) {
        let Some(id) = self.callers.remove(&key) else {
            return;
        };
        if let Some(Role::Line { call, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) {
            self.end_call(now, call, "a phone never acknowledged the answer to its INVITE");
        }
    }

    pub(super) fn on_caller_cancelled(&mut self, now: Instant, key: ServerKey) {
        let Some((id, leg)) = self.callers.get(&key).and_then(|id| Some((*id, self.legs.get(id)?))) else {
            return;
        };
        if matches!(leg.state, State::Changing { .. }) {
            return self.take_change_back(now, id, (487, "Request Cancelled"));
        }
        let Role::Line { call, .. } = leg.role else {
            return;
        };
        if self.calls.get(&call).is_some_and(|call| call.connected) {
            // It had taken a place in the call, and leaves it empty.
            return self.end_call(now, call, "the phone that came for it gave up");
        }
        self.refuse_caller(now, call, ((487, "Request Cancelled"), None), "the caller gave up");
    }

    pub(super) fn on_no_answer(&mut self, now: Instant, number: u32) {
        let call = self.calls.get(&number).filter(|call| !call.connected);
        let caller = call.and_then(|call| self.legs.get(&call.caller.leg));
        if caller.is_some_and(|leg| matches!(leg.state, State::Incoming { .. })) {
            let refusal = ((480, "Temporarily Unavailable"), Some(19));
            self.refuse_caller(now, number, refusal, "the called phone rang and was not answered");
        }
    }

    pub(super) fn on_callee_refused(&mut self, now: Instant, number: u32, status: u16, reason: &str) {
        let why = format!("the called phone answered {status} {reason}");
        self.refuse_caller(now, number, refusal_for(status), &why);
    }

    /// One of the two phones is gone.
    pub(super) fn on_side_lost(&mut self, now: Instant, number: u32, failure: &ConnectFailure) {
        let call = self.calls.get(&number).filter(|call| !call.connected);
        let caller = call.and_then(|call| self.legs.get(&call.caller.leg));
        if caller.is_some_and(|leg| matches!(leg.state, State::Incoming { .. })) {
            self.refuse_caller(now, number, ((480, "Temporarily Unavailable"), Some(27)), &failure.why);
        } else {
            self.end_call(now, number, &failure.why);
        }
    }

    /// Answers the caller's INVITE with a refusal and ends the call.
    pub(super) fn refuse_caller(&mut self, now: Instant, number: u32, (status, cause): Refusal, why: &str) {
        let caller = self.calls.get(&number).map(|call| call.caller.leg);
        if let Some(id) = caller
            && let Some(leg) = self.legs.get(&id)
            && let State::Incoming { key, invite, date } = leg.state.clone()
        {
            let answer = line::refuse(&leg.node, &invite, Some(&leg.tag), &date, status, cause);
            let _ = self.endpoint.respond(now, &key, answer);
            self.callers.remove(&key);
            self.drop_leg(id);
        }
        if let Some(call) = self.calls.get(&number) {
            let event = CucmEvent::CallFailed {
                call: number,
                dialled: call.dialled.clone(),
                status: status.0,
                why: why.to_owned(),
            };
            self.event(event);
        }
        self.end_call(now, number, why);
    }

    /// Clears what is left of a call: the phones first, then its recordings, near before far.
    pub(super) fn end_call(&mut self, now: Instant, number: u32, why: &str) {
        self.clear_call(now, number, why, NORMAL);
    }

    /// The same with another cause of Q.850.
    pub(super) fn clear_call(&mut self, now: Instant, number: u32, why: &str, cause: u16) {
        let Some(call) = self.calls.remove(&number) else {
            return;
        };
        let transfer = call.transfer.as_ref().map(Handover::legs).unwrap_or_default();
        let ringing = call.alert.others.iter().map(|other| other.leg);
        for leg in [call.caller.leg, call.callee.leg].into_iter().chain(transfer).chain(ringing) {
            self.clear_leg(now, leg, cause);
            self.callers.retain(|_, known| *known != leg);
        }
        for music in CallSide::BOTH.iter().filter_map(|side| call.side(*side).music) {
            self.decided.push_back(Output::StopMusic { music });
        }
        for recording in call.recordings {
            self.end_recording(now, recording, Ending::with_its_call(why), NORMAL, false);
        }
        if call.connected {
            self.event(CucmEvent::CallEnded { call: number });
        }
        for (bridge, phone) in [(&call.caller, &call.callee), (&call.callee, &call.caller)] {
            if let Some(port) = bridge.port {
                self.leave_conference(now, port, &phone.party.device);
            }
        }
    }

    /// The Session-ID of whoever is at this leg; a port of the conference bridge has none.
    pub(super) fn session_at(&self, id: LegId) -> String {
        self.legs.get(&id).map_or_else(|| text::NIL.to_owned(), |leg| leg.peer_session.clone())
    }

    /// The Session-ID of a peer, or one made up for it.
    pub(super) fn session_of(&self, message: &Message, leg: u32) -> String {
        match message.session_id() {
            Ok(Some(session)) => session.local,
            _ => self.made_up_session(Side::Line, leg),
        }
    }
}

/// Whom the forwarded-to phone is told of: who forwarded last and who was called first. *Intermediate parties do not get communicated*
/// (Cisco's SIP Line Messaging Guide, Call Forwarding).
pub(super) fn diversions(hops: &[Hop]) -> Vec<Diversion<'_>> {
    let (last, first) = (hops.last(), hops.first().filter(|_| hops.len() > 1));
    let told = last.into_iter().chain(first);
    told.map(|hop| Diversion { number: &hop.number, name: &hop.name, reason: hop.reason.word() }).collect()
}

/// What the caller is told of a called phone's refusal.
pub(super) fn refusal_for(status: u16) -> Refusal {
    match status {
        486 | 600 | 603 => ((486, "Busy Here"), Some(17)),
        488 | 606 => ((488, "Not Acceptable Here"), Some(MISMATCH)),
        _ => ((480, "Temporarily Unavailable"), Some(41)),
    }
}

/// Cause 47 of Q.850, resource unavailable: what CUCM says where media does not fit.
pub(super) const MISMATCH: u16 = 47;
/// CUCM's first CSeq in every dialog.
pub(super) const FIRST_CSEQ: u32 = 101;
