//! Both phones' offers are matched, and each is told where the other one is: when a call is answered, and whenever its media is
//! connected anew.

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::{Audio, Direction};
use sip::{Message, ServerKey};

use crate::config::{DeviceSecurityMode, HoldAnswer};
use crate::event::{CallConnected, CallParty, CucmEvent, Protection, SecurityLevel};
use crate::ident;
use crate::negotiate::{Agreed, Side, agree};
use crate::text::sdp::{Origin, Stream};
use crate::text::{self, line};

use super::Engine;
use super::call::{Call, CallSide, MISMATCH, Member};
use super::dialogs::{NORMAL, falls_back, media_of};
use super::feed::Feed;
use super::leg::{LegId, Role, State};
use super::outside::asserted;
use super::steps::Step;

impl Engine {
    /// A provisional answer of the called phone; only ringing is passed on, and once.
    pub(super) fn on_progress(&mut self, now: Instant, leg: LegId, status: u16, response: &Message) {
        let Some(Role::Line { call: number, .. }) = self.legs.get(&leg).map(|leg| leg.role.clone()) else {
            return;
        };
        if self.is_target(number, leg) && status == 180 {
            return self.on_target_progress(now, number);
        }
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
        if let Some((number, name)) = self.outside.get(&leg).and_then(|_| asserted(response)) {
            (call.callee.party.number, call.callee.party.name) = (number, name);
        }
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
            Ok(agreed) => self.connect_phones(now, number, &agreed),
            Err(why) => {
                self.clear_leg(now, leg, MISMATCH);
                self.refuse_caller(now, number, ((488, "Not Acceptable Here"), Some(MISMATCH)), &why);
            }
        }
    }

    /// What both phones can do, by their last offers. The codec in use is kept where both still have it.
    pub(super) fn match_phones(&self, number: u32) -> Result<Agreed, String> {
        let call = self.calls.get(&number).ok_or("the call is gone")?;
        let caller = call.caller.media.as_ref().ok_or("the caller made no offer")?;
        let callee = call.callee.media.as_ref().ok_or("the called phone's answer has no usable offer")?;
        let caller = self.offer_of(&call.caller, caller);
        let callee = self.offer_of(&call.callee, callee);
        let codecs: Vec<String> = call.codec.iter().chain(&self.config.region.codecs).cloned().collect();
        agree(caller, callee, Some(&codecs), self.config.dialect.suite_mismatch)
            .map_err(|mismatch| mismatch.to_string())
    }

    pub(super) fn offer_of<'a>(&self, member: &Member, offer: &'a Audio) -> Side<'a> {
        let srtp_allowed = match member.port {
            Some(_) => self.bridge_is_secure(),
            None => self.is_encrypted(&member.party.device),
        };
        Side { offer, srtp_allowed, falls_back: member.falls_back }
    }

    /// Tells each phone where the other one is: first whoever we asked, with the ACK, then whoever asked us, with the 200.
    pub(super) fn connect_phones(&mut self, now: Instant, number: u32, agreed: &Agreed) {
        let security = self.level(number, agreed.first.crypto.is_some());
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let suite = agreed.first.crypto.as_ref().and_then(|crypto| crypto.known_suite());
        call.protection = suite.map_or(Protection::Rtp, Protection::Srtp);
        call.security = security;
        call.codec = Some(agreed.first.format.encoding.clone());
        let address = |media: &Option<Audio>| media.as_ref().map(|audio| SocketAddr::new(audio.address, audio.port));
        let (Some(caller_at), Some(callee_at)) = (address(&call.caller.media), address(&call.callee.media)) else {
            return;
        };
        call.caller.share = Some(agreed.first.clone());
        call.callee.share = Some(agreed.second.clone());
        call.caller.heard_at = Some((callee_at, agreed.crypto_for_first()));
        call.callee.heard_at = Some((caller_at, agreed.crypto_for_second()));
        let legs = &self.legs;
        let asked_us = |call: &Call, side: CallSide| {
            legs.get(&call.side(side).leg).is_some_and(|leg| !matches!(leg.state, State::Answered))
        };
        let mut sides = CallSide::BOTH;
        sides.sort_by_key(|side| asked_us(call, *side));
        let both_have_events = agreed.first.telephone_event.is_some() && agreed.second.telephone_event.is_some();
        for side in sides {
            self.tell(now, number, side, Feed::Talk, both_have_events);
        }
        self.connect_port(number);
        self.plan_recordings(now, number);
    }

    /// Answers a phone's offer: where its media is, and what it may do with it. Its leg holds the question.
    pub(super) fn tell(&mut self, now: Instant, number: u32, side: CallSide, feed: Feed, has_events: bool) {
        let holding = match self.config.dialect.hold_answer {
            HoldAnswer::Inactive => Direction::Inactive,
            HoldAnswer::RecvOnly => Direction::RecvOnly,
        };
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let member = call.side_mut(side);
        let asked = member.media.as_ref().map(|media| media.direction);
        let direction = match (feed, asked) {
            (Feed::Talk, _) => Direction::SendRecv,
            (Feed::Music, _) => Direction::SendOnly,
            (Feed::Nothing, Some(Direction::SendOnly)) => holding,
            (Feed::Nothing | Feed::Elsewhere, _) => Direction::Inactive,
        };
        member.feed = feed;
        member.version += 1;
        member.before = None;
        let id = member.leg;
        let Some(sdp) = self.description(number, side, direction, has_events) else {
            return;
        };
        self.answer_offer(now, number, side, id, &sdp);
    }

    /// The description that a phone is given, by its own numbers.
    pub(super) fn description(
        &self,
        number: u32,
        side: CallSide,
        direction: Direction,
        has_events: bool,
    ) -> Option<String> {
        let member = self.calls.get(&number)?.side(side);
        let (share, (target, crypto)) = (member.share.as_ref()?, member.heard_at.clone()?);
        let leg = self.legs.get(&member.leg)?;
        let origin = Origin {
            leg: leg.number,
            version: member.version,
            node: leg.node.local.ip(),
            release: self.config.release,
        };
        let telephone_event = share.telephone_event.as_ref().filter(|_| has_events);
        let stream = Stream { target, format: &share.format, telephone_event, packet_time: None, crypto };
        Some(match direction {
            Direction::Inactive => text::sdp::disconnected(origin, &stream),
            _ => text::sdp::between_phones(origin, &stream, direction),
        })
    }

    fn answer_offer(&mut self, now: Instant, number: u32, side: CallSide, id: LegId, sdp: &str) {
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let other = call.other(side);
        let other_session = self.session_at(other.leg);
        let security = call.security.word();
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let info = line::CallInfo { security, orientation: leg.orientation(), ui_state: None, call: number };
        let (key, ok) = match leg.state.clone() {
            State::Answered => return self.send_ack(now, id, &other_session, Some(sdp)),
            State::Incoming { key, invite, date } => {
                let sessions = (other_session.as_str(), leg.peer_session.as_str());
                let answer = line::Answer { tag: &leg.tag, date: &date, called: &other.party, info, sessions };
                (key, line::ok(&leg.node, &invite, &answer, sdp))
            }
            State::Changing { key, invite, date } => {
                let session = text::session_id(&other_session, &leg.peer_session);
                let told = line::Told { other: &other.party, is_focus: other.is_focus(), info, session: &session };
                (key, line::changed(&leg.node, &invite, &date, &told, sdp))
            }
            _ => return,
        };
        leg.sdp = Some(sdp.to_owned());
        leg.state = State::Accepted;
        leg.other_session = other_session;
        let _ = self.endpoint.respond(now, &key, ok);
    }

    /// The media of both phones is connected: recording does not wait for the caller's ACK (Cisco document 200788: 200 to the caller,
    /// 9 ms later the first INVITE to the bridge, the caller's ACK 64 ms behind it).
    pub(super) fn plan_recordings(&mut self, now: Instant, number: u32) {
        if self.calls.get(&number).is_some_and(|call| call.barged.is_some()) {
            return;
        }
        let at = now + self.config.timing.recording_after_answer;
        for side in CallSide::BOTH {
            if self.invoker_of(number, side).is_some() {
                self.steps.plan(at, Step::Record(number, side));
            }
        }
    }

    /// The lowest level of the two ends.
    pub(super) fn level(&self, number: u32, has_srtp: bool) -> SecurityLevel {
        if let Some(level) = self.conference_level(number, has_srtp) {
            return level;
        }
        let level = |device: &str| match (self.is_encrypted(device), has_srtp) {
            (true, true) => SecurityLevel::Encrypted,
            (true, false) => SecurityLevel::Authenticated,
            (false, _) => SecurityLevel::NotAuthenticated,
        };
        self.calls.get(&number).map_or(SecurityLevel::NotAuthenticated, |call| {
            level(&call.caller.party.device).min(level(&call.callee.party.device))
        })
    }

    /// Whether a phone registers with TLS and may use SRTP, or a trunk has *SRTP Allowed*.
    pub(super) fn is_encrypted(&self, device: &str) -> bool {
        if let Some(trunk) = self.config.trunk(device) {
            return trunk.srtp_allowed;
        }
        let mode = self.config.phone(device).map(|phone| self.config.security_mode_of(phone));
        mode == Some(DeviceSecurityMode::Encrypted)
    }

    /// The ACK to a 200 of ours: to the call's INVITE, or to a re-INVITE.
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
        if self.calls.get(&number).is_some_and(|call| call.connected) {
            return self.settle(now, number);
        }
        let Some(connected) = self.connected(number) else {
            return;
        };
        self.counts.0 += 1;
        self.event(CucmEvent::CallConnected(connected));
        self.settle(now, number);
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
}
