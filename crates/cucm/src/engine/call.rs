//! Calls between two phones: the caller's offer on one side, a delayed offer on the other.

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::Audio;
use sip::{Dialog, FlowId, Message, ServerKey};

use crate::config::{DeviceSecurityMode, RecordingOption};
use crate::event::{
    CallConnected, CallParty, ConnectFailure, CucmEvent, Party, Protection, RecordingId, SecurityLevel,
};
use crate::negotiate::{Agreed, Share, Side, agree};
use crate::text::sdp::{Origin, Stream};
use crate::text::{self, Thread, line, name_addr};

use super::Engine;
use super::dialogs::{NORMAL, falls_back, media_of};
use super::leg::{Leg, LegId, Role, State};
use super::steps::Step;

/// One of the two phones of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CallSide {
    Caller,
    Callee,
}

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) caller: Member,
    pub(super) callee: Member,
    dialled: String,
    ringing: bool,
    connected: bool,
    protection: Protection,
    pub(super) security: SecurityLevel,
    pub(super) recordings: Vec<RecordingId>,
}

/// One end of a call.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) leg: LegId,
    pub(super) party: Party,
    /// Call identifier (CI).
    pub(super) identifier: u32,
    pub(super) media: Option<Audio>,
    falls_back: bool,
    /// What was agreed, by this phone's own numbers.
    pub(super) share: Option<Share>,
}

impl Call {
    pub(super) fn side(&self, side: CallSide) -> &Member {
        match side {
            CallSide::Caller => &self.caller,
            CallSide::Callee => &self.callee,
        }
    }

    pub(super) fn other(&self, side: CallSide) -> &Member {
        match side {
            CallSide::Caller => &self.callee,
            CallSide::Callee => &self.caller,
        }
    }
}

/// A final answer to a caller, with the cause of Q.850 that made it.
type Refusal = ((u16, &'static str), Option<u16>);

impl Engine {
    pub(super) fn on_invite(&mut self, now: Instant, key: ServerKey, flow: FlowId, invite: &Message) {
        let date = self.date(now);
        let _ = self.endpoint.respond(now, &key, line::trying(invite, &date));
        let dialled = invite.request_uri().and_then(|uri| uri.parse::<sip::Uri>().ok()).and_then(|uri| uri.user);
        let dialled = dialled.unwrap_or_default();
        let Some(caller) = self.party_on(flow, invite) else {
            return self.refuse(now, &key, flow, invite, FORBIDDEN, &dialled, "the caller is not registered here");
        };
        let number = self.identifiers.leg();
        let identifier = self.identifiers.identifier();
        let tag = self.identifiers.tag(number, identifier);
        let media = media_of(invite).filter(|audio| audio.port != 0);
        let (Ok(mut dialog), Some(media)) = (Dialog::from_request(invite, &tag), media) else {
            return self.refuse(now, &key, flow, invite, NOT_ACCEPTABLE, &dialled, "the INVITE has no usable offer");
        };
        let callee = match self.called(&dialled) {
            Ok(callee) => callee,
            Err((refusal, why)) => return self.refuse(now, &key, flow, invite, refusal, &dialled, why),
        };
        dialog.local_cseq = FIRST_CSEQ - 1;
        let call = self.identifiers.call();
        let peer_session = self.session_of(invite, number);
        let leg = self.add_leg(Leg {
            role: Role::Line { call, side: CallSide::Caller },
            number,
            node: self.node(flow),
            flow: Some(flow),
            call_id: dialog.call_id.clone(),
            tag,
            identity: callee.0.clone(),
            dialog: Some(dialog),
            state: State::Incoming { key, invite: invite.clone() },
            invite: None,
            peer_session,
            peer_media: Some(media.clone()),
            sdp: None,
            owed: Vec::new(),
        });
        self.callers.insert(key, leg);
        let caller =
            Member { leg, party: caller, identifier, media: Some(media), falls_back: falls_back(invite), share: None };
        self.call_out(now, call, caller, callee, dialled);
    }

    /// The second leg: a delayed offer to the called phone.
    fn call_out(
        &mut self,
        now: Instant,
        call: u32,
        caller: Member,
        (party, flow, target): (Party, FlowId, String),
        dialled: String,
    ) {
        let node = self.node(flow);
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let tag = self.identifiers.tag(number, identifier);
        let (wall, date) = (self.wall(now), self.date(now));
        let host = node.host();
        let thread = Thread {
            uri: target,
            branch: self.identifiers.branch(),
            from: format!("{};tag={tag}", name_addr(&caller.party.name, &caller.party.number, &host)),
            to: format!("<sip:{dialled}@{host}>"),
            date: date.clone(),
            call_id: self.identifiers.call_id(wall),
            cseq: FIRST_CSEQ,
            routes: Vec::new(),
        };
        let session = self.legs.get(&caller.leg).map_or_else(String::new, |leg| leg.peer_session.clone());
        let info = line::CallInfo { security: "Unknown", orientation: "from", ui_state: None, call };
        let invite = line::invite(&node, &thread, &caller.party, &session, info);
        let leg = self.add_leg(Leg {
            role: Role::Line { call, side: CallSide::Callee },
            number,
            node,
            flow: Some(flow),
            call_id: thread.call_id,
            tag,
            identity: caller.party.clone(),
            dialog: None,
            state: State::Waiting,
            invite: None,
            peer_session: text::NIL.to_owned(),
            peer_media: None,
            sdp: None,
            owed: Vec::new(),
        });
        let callee = Member { leg, party, identifier, media: None, falls_back: false, share: None };
        self.calls.insert(
            call,
            Call {
                caller,
                callee,
                dialled,
                ringing: false,
                connected: false,
                protection: Protection::Rtp,
                security: SecurityLevel::NotAuthenticated,
                recordings: Vec::new(),
            },
        );
        self.send_invite(now, leg, invite, FIRST_CSEQ, date);
        self.steps.plan(now + self.config.timing.no_answer, Step::NoAnswer(call));
    }

    /// The phone behind a flow, with the line it calls from.
    fn party_on(&self, flow: FlowId, invite: &Message) -> Option<Party> {
        let device = self.device_on(flow)?;
        self.phones.get(&device)?;
        let phone = self.config.phone(&device)?;
        let from = invite.from_().ok().and_then(|from| from.uri.user);
        let line = from.and_then(|user| phone.line(&user)).or_else(|| phone.lines.first())?;
        Some(Party {
            device: phone.device_name.clone(),
            number: line.directory_number.clone(),
            name: line.display.clone(),
        })
    }

    /// The phone that a number rings, or why none does.
    fn called(&self, dialled: &str) -> Result<(Party, FlowId, String), (Refusal, &'static str)> {
        let found = self.config.phones.iter().find_map(|phone| Some((phone, phone.line(dialled)?)));
        let Some((phone, line)) = found else {
            return Err((((404, "Not Found"), Some(1)), "no phone has this number"));
        };
        let party = Party {
            device: phone.device_name.clone(),
            number: line.directory_number.clone(),
            name: line.display.clone(),
        };
        let Some((flow, target)) = self.reach(&party) else {
            return Err((((480, "Temporarily Unavailable"), Some(20)), "the called phone is not registered"));
        };
        let calls = self.calls.values().flat_map(|call| [&call.caller, &call.callee]);
        let busy = calls.filter(|member| member.party == party).count();
        if busy >= line.busy_trigger as usize {
            return Err((((486, "Busy Here"), Some(17)), "the called line is busy"));
        }
        Ok((party, flow, target))
    }

    #[expect(clippy::too_many_arguments, reason = "a refusal before there is a leg to hold them")]
    fn refuse(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        invite: &Message,
        (status, cause): Refusal,
        dialled: &str,
        why: &str,
    ) {
        let (node, date) = (self.node(flow), self.date(now));
        let tag = self.identifiers.plain_tag();
        let answer = line::refuse(&node, invite, Some(&tag), &date, status, cause);
        let _ = self.endpoint.respond(now, key, answer);
        let event =
            CucmEvent::CallFailed { call: 0, dialled: dialled.to_owned(), status: status.0, why: why.to_owned() };
        self.event(event);
    }

    /// A provisional answer of the called phone; only ringing is passed on, and once.
    pub(super) fn on_progress(&mut self, now: Instant, leg: LegId, status: u16, response: &Message) {
        let Some(Role::Line { call: number, .. }) = self.legs.get(&leg).map(|leg| leg.role.clone()) else {
            return;
        };
        let date = self.date(now);
        let Some(call) = self.calls.get_mut(&number).filter(|call| status == 180 && !call.ringing) else {
            return;
        };
        call.ringing = true;
        let info = line::CallInfo { security: "Unknown", orientation: "to", ui_state: Some("ringout"), call: number };
        let called_session = response.session_id().ok().flatten().map_or_else(|| text::NIL.to_owned(), |id| id.local);
        let Some(caller) = self.legs.get(&call.caller.leg) else {
            return;
        };
        let State::Incoming { key, invite } = &caller.state else {
            return;
        };
        let answer = line::Answer {
            tag: &caller.tag,
            date: &date,
            called: &call.callee.party,
            info,
            sessions: (&called_session, &caller.peer_session),
        };
        let ringing = line::ringing(&caller.node, invite, &answer);
        let _ = self.endpoint.respond(now, key, ringing);
    }

    pub(super) fn on_callee_answered(&mut self, now: Instant, number: u32, leg: LegId, response: &Message) {
        let media = media_of(response).filter(|audio| audio.port != 0);
        let Some(call) = self.calls.get_mut(&number) else {
            return self.clear_leg(now, leg, NORMAL);
        };
        call.callee.falls_back = falls_back(response);
        call.callee.media.clone_from(&media);
        if let Some(known) = self.legs.get_mut(&leg) {
            known.peer_media.clone_from(&media);
        }
        match self.match_phones(number) {
            Ok(agreed) => self.connect_phones(now, number, leg, agreed),
            Err(why) => {
                self.clear_leg(now, leg, MISMATCH);
                self.refuse_caller(now, number, ((488, "Not Acceptable Here"), Some(MISMATCH)), &why);
            }
        }
    }

    fn match_phones(&self, number: u32) -> Result<Agreed, String> {
        let call = self.calls.get(&number).ok_or("the call is gone")?;
        let caller = call.caller.media.as_ref().ok_or("the caller made no offer")?;
        let callee = call.callee.media.as_ref().ok_or("the called phone's answer has no usable offer")?;
        let caller = self.side_of(&call.caller, caller);
        let callee = self.side_of(&call.callee, callee);
        let (codecs, on_suites) = (&self.config.region.codecs, self.config.dialect.suite_mismatch);
        agree(caller, callee, Some(codecs), on_suites).map_err(|mismatch| mismatch.to_string())
    }

    fn side_of<'a>(&self, member: &Member, offer: &'a Audio) -> Side<'a> {
        let srtp_allowed = self.is_encrypted(&member.party.device);
        Side { offer, srtp_allowed, falls_back: member.falls_back }
    }

    /// Tells each phone where the other one is: ACK to the called one, 200 to the caller.
    fn connect_phones(&mut self, now: Instant, number: u32, leg: LegId, agreed: Agreed) {
        let security = self.level(number, &agreed);
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let suite = agreed.first.crypto.as_ref().and_then(|crypto| crypto.known_suite());
        call.protection = suite.map_or(Protection::Rtp, Protection::Srtp);
        call.security = security;
        let address = |media: &Option<Audio>| media.as_ref().map(|audio| SocketAddr::new(audio.address, audio.port));
        let (Some(caller_at), Some(callee_at)) = (address(&call.caller.media), address(&call.callee.media)) else {
            return;
        };
        let to_caller = stream(callee_at, &agreed.first, agreed.crypto_for_first(), &agreed);
        let to_callee = stream(caller_at, &agreed.second, agreed.crypto_for_second(), &agreed);
        let (caller_leg, node) = (call.caller.leg, self.config.address);
        let origin = |legs: &std::collections::BTreeMap<LegId, Leg>, id| {
            legs.get(&id).map(|leg| Origin { leg: leg.number, version: 1, node })
        };
        let (Some(caller_origin), Some(callee_origin)) = (origin(&self.legs, caller_leg), origin(&self.legs, leg))
        else {
            return;
        };
        let caller_sdp = text::sdp::between_phones(caller_origin, &to_caller);
        let callee_sdp = text::sdp::between_phones(callee_origin, &to_callee);
        let (first, second) = (agreed.first.clone(), agreed.second.clone());
        call.caller.share = Some(first);
        call.callee.share = Some(second);
        let session = self.legs.get(&caller_leg).map_or_else(String::new, |leg| leg.peer_session.clone());
        self.send_ack(now, leg, &session, Some(&callee_sdp));
        self.answer_caller(now, number, leg, &caller_sdp);
    }

    fn answer_caller(&mut self, now: Instant, number: u32, callee_leg: LegId, sdp: &str) {
        let date = self.date(now);
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let called_session = self.legs.get(&callee_leg).map_or_else(String::new, |leg| leg.peer_session.clone());
        let Some(caller) = self.legs.get_mut(&call.caller.leg) else {
            return;
        };
        let State::Incoming { key, invite } = caller.state.clone() else {
            return;
        };
        let security = call.security.word();
        let answer = line::Answer {
            tag: &caller.tag,
            date: &date,
            called: &call.callee.party,
            info: line::CallInfo { security, orientation: "to", ui_state: None, call: number },
            sessions: (&called_session, &caller.peer_session),
        };
        let ok = line::ok(&caller.node, &invite, &answer, sdp);
        caller.sdp = Some(sdp.to_owned());
        caller.state = State::Accepted;
        let _ = self.endpoint.respond(now, &key, ok);
    }

    /// The lowest level of the two ends.
    fn level(&self, number: u32, agreed: &Agreed) -> SecurityLevel {
        let level = |device: &str| match (self.is_encrypted(device), &agreed.first.crypto) {
            (true, Some(_)) => SecurityLevel::Encrypted,
            (true, None) => SecurityLevel::Authenticated,
            (false, _) => SecurityLevel::NotAuthenticated,
        };
        self.calls.get(&number).map_or(SecurityLevel::NotAuthenticated, |call| {
            level(&call.caller.party.device).min(level(&call.callee.party.device))
        })
    }

    /// Whether a phone registers with TLS and may use SRTP.
    pub(super) fn is_encrypted(&self, device: &str) -> bool {
        let mode = self.config.phone(device).map(|phone| self.config.security_mode_of(phone));
        mode == Some(DeviceSecurityMode::Encrypted)
    }

    pub(super) fn on_caller_ack(&mut self, now: Instant, key: ServerKey) {
        let Some(id) = self.callers.remove(&key) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| matches!(leg.state, State::Accepted)) else {
            return;
        };
        leg.state = State::Up;
        let Role::Line { call: number, .. } = leg.role else {
            return;
        };
        let Some(connected) = self.connected(number) else {
            return;
        };
        self.counts.0 += 1;
        self.event(CucmEvent::CallConnected(connected));
        let at = now + self.config.timing.recording_after_answer;
        for side in [CallSide::Caller, CallSide::Callee] {
            if self.is_recorded(number, side) {
                self.steps.plan(at, Step::Record(number, side));
            }
        }
    }

    fn connected(&mut self, number: u32) -> Option<CallConnected> {
        let call = self.calls.get_mut(&number)?;
        call.connected = true;
        let legs = &self.legs;
        let party = |member: &Member| {
            let media = member.media.as_ref()?;
            Some(CallParty {
                party: member.party.clone(),
                call_id: legs.get(&member.leg)?.call_id.clone(),
                media: SocketAddr::new(media.address, media.port),
            })
        };
        Some(CallConnected {
            call: number,
            caller: party(&call.caller)?,
            callee: party(&call.callee)?,
            codec: call.caller.share.as_ref()?.format.encoding.clone(),
            protection: call.protection,
            security: call.security,
        })
    }

    fn is_recorded(&self, number: u32, side: CallSide) -> bool {
        let Some(party) = self.calls.get(&number).map(|call| &call.side(side).party) else {
            return false;
        };
        let line = self.config.phone(&party.device).and_then(|phone| phone.line(&party.number));
        line.is_some_and(|line| line.recording_option == RecordingOption::Automatic)
    }

    pub(super) fn on_caller_ack_missing(&mut self, now: Instant, key: ServerKey) {
        let Some(id) = self.callers.remove(&key) else {
            return;
        };
        if let Some(Role::Line { call, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) {
            self.end_call(now, call, "the caller never acknowledged the answer");
        }
    }

    pub(super) fn on_caller_cancelled(&mut self, now: Instant, key: ServerKey) {
        let leg = self.callers.get(&key).and_then(|id| self.legs.get(id));
        if let Some(Role::Line { call, .. }) = leg.map(|leg| leg.role.clone()) {
            self.refuse_caller(now, call, ((487, "Request Cancelled"), None), "the caller gave up");
        }
    }

    pub(super) fn on_no_answer(&mut self, now: Instant, number: u32) {
        let caller = self.calls.get(&number).and_then(|call| self.legs.get(&call.caller.leg));
        if caller.is_some_and(|leg| matches!(leg.state, State::Incoming { .. })) {
            let refusal = ((480, "Temporarily Unavailable"), Some(19));
            self.refuse_caller(now, number, refusal, "the called phone rang and was not answered");
        }
    }

    pub(super) fn on_callee_refused(&mut self, now: Instant, number: u32, status: u16, reason: &str) {
        let refusal = match status {
            486 | 600 | 603 => ((486, "Busy Here"), Some(17)),
            488 | 606 => ((488, "Not Acceptable Here"), Some(MISMATCH)),
            _ => ((480, "Temporarily Unavailable"), Some(41)),
        };
        self.refuse_caller(now, number, refusal, &format!("the called phone answered {status} {reason}"));
    }

    /// One of the two phones is gone.
    pub(super) fn on_side_lost(&mut self, now: Instant, number: u32, failure: &ConnectFailure) {
        let caller = self.calls.get(&number).and_then(|call| self.legs.get(&call.caller.leg));
        if caller.is_some_and(|leg| matches!(leg.state, State::Incoming { .. })) {
            self.refuse_caller(now, number, ((480, "Temporarily Unavailable"), Some(27)), &failure.why);
        } else {
            self.end_call(now, number, &failure.why);
        }
    }

    /// Answers the caller's INVITE with a refusal and ends the call.
    fn refuse_caller(&mut self, now: Instant, number: u32, (status, cause): Refusal, why: &str) {
        let date = self.date(now);
        let caller = self.calls.get(&number).map(|call| call.caller.leg);
        if let Some(id) = caller
            && let Some(leg) = self.legs.get(&id)
            && let State::Incoming { key, invite } = leg.state.clone()
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
        let Some(call) = self.calls.remove(&number) else {
            return;
        };
        for leg in [call.caller.leg, call.callee.leg] {
            self.callers.retain(|_, known| *known != leg);
            self.clear_leg(now, leg, NORMAL);
        }
        for recording in call.recordings {
            let ended = super::failure("call-ended", &format!("the call ended: {why}"));
            self.end_recording(now, recording, &ended, NORMAL, false);
        }
        if call.connected {
            self.event(CucmEvent::CallEnded { call: number });
        }
    }

    /// The Session-ID of a peer, or one made up for it.
    pub(super) fn session_of(&self, message: &Message, leg: u32) -> String {
        match message.session_id() {
            Ok(Some(session)) => session.local,
            _ => self.made_up_session(leg),
        }
    }
}

/// The other phone as this one is told: its address, this one's numbers.
fn stream<'a>(other: SocketAddr, own: &'a Share, crypto: Option<media::sdes::Crypto>, agreed: &Agreed) -> Stream<'a> {
    let both_have_events = agreed.first.telephone_event.is_some() && agreed.second.telephone_event.is_some();
    Stream {
        target: other,
        format: &own.format,
        telephone_event: own.telephone_event.as_ref().filter(|_| both_have_events),
        crypto,
    }
}

const FORBIDDEN: Refusal = ((403, "Forbidden"), Some(21));
const NOT_ACCEPTABLE: Refusal = ((488, "Not Acceptable Here"), Some(MISMATCH));
/// Cause 47 of Q.850, resource unavailable: what CUCM says where media does not fit.
pub(super) const MISMATCH: u16 = 47;
/// CUCM's first CSeq in every dialog.
pub(super) const FIRST_CSEQ: u32 = 101;
