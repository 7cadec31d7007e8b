//! From ringing to talking: both phones' offers are matched, and each is told where the other one is.

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::Audio;
use sip::{Message, ServerKey};

use crate::config::{DeviceSecurityMode, RecordingOption};
use crate::event::{CallConnected, CallParty, CucmEvent, Protection, SecurityLevel};
use crate::ident;
use crate::negotiate::{Agreed, Share, Side, agree};
use crate::text::sdp::{Origin, Stream};
use crate::text::{self, line};

use super::Engine;
use super::call::{CallSide, MISMATCH, Member};
use super::dialogs::{NORMAL, falls_back, media_of};
use super::leg::{LegId, Role, State};
use super::steps::Step;

impl Engine {
    /// A provisional answer of the called phone; only ringing is passed on, and once.
    pub(super) fn on_progress(&mut self, now: Instant, leg: LegId, status: u16, response: &Message) {
        let Some(Role::Line { call: number, .. }) = self.legs.get(&leg).map(|leg| leg.role.clone()) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&number).filter(|call| status == 180 && !call.ringing) else {
            return;
        };
        call.ringing = true;
        let info = line::CallInfo { security: "Unknown", orientation: "to", ui_state: Some("ringout"), call: number };
        let called_session = response.session_id().ok().flatten().map_or_else(|| text::NIL.to_owned(), |id| id.local);
        let Some(caller) = self.legs.get(&call.caller.leg) else {
            return;
        };
        let State::Incoming { key, invite, date } = &caller.state else {
            return;
        };
        let answer = line::Answer {
            tag: &caller.tag,
            date,
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
        let made_up =
            self.legs.get(&leg).map(|leg| self.made_up_session(ident::Side::Line, leg.number)).unwrap_or_default();
        if let Some(known) = self.legs.get_mut(&leg) {
            known.peer_media.clone_from(&media);
            if known.peer_session == text::NIL {
                known.peer_session = made_up;
            }
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
        let numbers = self.legs.get(&caller_leg).zip(self.legs.get(&leg));
        let Some((caller_number, callee_number)) = numbers.map(|(caller, callee)| (caller.number, callee.number))
        else {
            return;
        };
        let caller_origin = Origin { leg: caller_number, version: 1, node };
        let callee_origin = Origin { leg: callee_number, version: 1, node };
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
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let called_session = self.legs.get(&callee_leg).map_or_else(String::new, |leg| leg.peer_session.clone());
        let Some(caller) = self.legs.get_mut(&call.caller.leg) else {
            return;
        };
        let State::Incoming { key, invite, date } = caller.state.clone() else {
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
        caller.other_session = called_session;
        let _ = self.endpoint.respond(now, &key, ok);
        self.plan_recordings(now, number);
    }

    /// The media of both phones is connected: recording does not wait for the caller's ACK (Cisco document 200788: 200 to the caller,
    /// 9 ms later the first INVITE to the bridge, the caller's ACK 64 ms behind it).
    fn plan_recordings(&mut self, now: Instant, number: u32) {
        let at = now + self.config.timing.recording_after_answer;
        for side in [CallSide::Caller, CallSide::Callee] {
            if self.is_recorded(number, side) {
                self.steps.plan(at, Step::Record(number, side));
            }
        }
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

    pub(super) fn on_caller_ack(&mut self, key: ServerKey) {
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
