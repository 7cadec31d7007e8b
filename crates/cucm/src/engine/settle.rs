//! Brings both phones of a call to what they are to hear: hold, resume and transfer only say what that is.

use std::time::{Duration, Instant};

use media::sdp::Direction;
use rand_core::Rng;
use sip::{Dialog, Message};

use crate::text::line;

use super::call::{CallSide, MISMATCH};
use super::dialogs::{falls_back, media_of};
use super::feed::{Feed, Move, Stand, next_move, wanted};
use super::hold::is_hold;
use super::leg::{LegId, State};
use super::rules::Happening;
use super::steps::Step;
use super::{Asked, Engine, MusicOnHold};
use crate::event::{CucmEvent, SecurityLevel};

impl Engine {
    /// Does whatever can be done now; called again with each answer. A call that is where it is to be is not touched.
    pub(super) fn settle(&mut self, now: Instant, number: u32) {
        if !self.calls.get(&number).is_some_and(|call| call.connected && call.news.is_some()) {
            return;
        }
        for side in CallSide::BOTH {
            self.settle_side(now, number, side);
        }
        self.connect_both(now, number);
        self.tell_news(now, number);
    }

    fn settle_side(&mut self, now: Instant, number: u32, side: CallSide) {
        let Some((want, step)) = self.step_of(number, side) else {
            return;
        };
        match step {
            None => {}
            Some(Move::Disconnect) => self.disconnect(now, number, side),
            Some(Move::Ask) => self.ask(now, number, side),
            Some(Move::Answer(Feed::Music)) if self.start_music(number, side) => {
                self.tell(now, number, side, Feed::Music, false);
            }
            Some(Move::Answer(_)) => {
                if want == Feed::Music
                    && let Some(call) = self.calls.get_mut(&number)
                {
                    call.side_mut(side).has_no_music = true;
                }
                self.tell(now, number, side, Feed::Nothing, false);
            }
        }
    }

    fn step_of(&self, number: u32, side: CallSide) -> Option<(Feed, Option<Move>)> {
        let call = self.calls.get(&number)?;
        let (member, other) = (call.side(side), call.other(side));
        // A transferrer that has gone already hears nothing, and cannot be asked.
        let stand = self.stand(member.leg)?;
        let stand = if member.waits && stand == Stand::Idle { Stand::Busy } else { stand };
        let want = self.wanted(number, side)?;
        Some((want, next_move(stand, member.feed, want, other.feed)))
    }

    fn wanted(&self, number: u32, side: CallSide) -> Option<Feed> {
        let call = self.calls.get(&number)?;
        let (member, other) = (call.side(side), call.other(side));
        let has_music = self.config.music_on_hold == MusicOnHold::Unicast && !member.has_no_music;
        Some(wanted(member.holds, other.holds, has_music))
    }

    fn stand(&self, leg: LegId) -> Option<Stand> {
        let leg = self.legs.get(&leg)?;
        Some(match leg.state {
            State::Up => Stand::Idle,
            // A phone that comes for a place in a call brings its offer.
            State::Answered | State::Changing { .. } | State::Incoming { .. } => Stand::Offers,
            _ => Stand::Busy,
        })
    }

    /// A re-INVITE that stops a phone's media.
    fn disconnect(&mut self, now: Instant, number: u32, side: CallSide) {
        self.stop_music(number, side);
        self.quiet_port(number);
        if let Some(call) = self.calls.get_mut(&number) {
            call.side_mut(side).version += 1;
        }
        let sdp = self.description(number, side, Direction::Inactive, false);
        self.reinvite(now, number, side, sdp);
    }

    /// A re-INVITE that asks a phone for its offer.
    fn ask(&mut self, now: Instant, number: u32, side: CallSide) {
        self.reinvite(now, number, side, None);
    }

    fn reinvite(&mut self, now: Instant, number: u32, side: CallSide, sdp: Option<String>) {
        let (srtp, date) = (true, self.date(now));
        let security = self.level(number, srtp);
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let (id, other) = (call.side(side).leg, call.other(side));
        let (party, is_focus, other_leg) = (other.party.clone(), other.is_focus(), other.leg);
        let other_session = self.legs.get(&other_leg).map(|leg| leg.peer_session.clone());
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.other_session = other_session.unwrap_or_else(|| leg.other_session.clone());
        let Some(cseq) = leg.dialog.as_mut().map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date.clone()) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let info =
            line::CallInfo { security: security.word(), orientation: leg.orientation(), ui_state: None, call: number };
        let told = line::Told { other: &party, is_focus, info, session: &leg.session() };
        let invite = line::reinvite(&leg.node, &thread, &told, sdp.as_deref());
        leg.sdp = sdp.or_else(|| leg.sdp.take());
        self.send_invite(now, id, invite, cseq, date);
    }

    /// UPDATE: the call is of another level now, and nothing else changes for this phone.
    pub(super) fn tell_security(&mut self, now: Instant, number: u32, level: SecurityLevel) {
        let date = self.date(now);
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.security = level;
        let Some(side) = CallSide::BOTH.into_iter().find(|side| call.side(*side).port.is_none()) else {
            return;
        };
        let (id, other) = (call.side(side).leg, call.other(side));
        let (party, is_focus) = (other.party.clone(), other.is_focus());
        let cseq = self.legs.get_mut(&id).filter(|leg| !leg.is_ending()).and_then(|leg| leg.dialog.as_mut());
        let Some(cseq) = cseq.map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        if let Some(leg) = self.legs.get(&id)
            && let Some(flow) = leg.flow
        {
            let info =
                line::CallInfo { security: level.word(), orientation: leg.orientation(), ui_state: None, call: number };
            let told = line::Told { other: &party, is_focus, info, session: &leg.session() };
            let update = line::update(&leg.node, &thread, &told);
            let key = self.endpoint.send_request(now, flow, leg.node.transport, update);
            self.asked.insert(key, Asked::Told);
        }
    }

    /// A phone's 200 to a re-INVITE of ours: its media is disconnected, or its offer is here.
    pub(super) fn on_phone_answered(&mut self, now: Instant, number: u32, id: LegId, response: &Message) {
        let media = media_of(response).filter(|audio| audio.port != 0);
        let offered =
            self.legs.get(&id).and_then(|leg| leg.invite.as_ref()).is_some_and(|sent| sent.message.body().is_empty());
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let Some(side) = call.side_of(id) else {
            return;
        };
        let member = call.side_mut(side);
        member.feed = Feed::Nothing;
        if !offered {
            self.send_ack(now, id, crate::text::NIL, None);
            return self.settle(now, number);
        }
        member.falls_back = member.falls_back || falls_back(response);
        member.media.clone_from(&media);
        // A hold of its own crossed our request and waits (RFC 3261 §14.1): what it offers is that hold.
        let holds = !member.holds && media.as_ref().is_some_and(is_hold);
        if holds {
            member.holds = true;
            let by = member.party.clone();
            call.news.get_or_insert_default().push(CucmEvent::Held { call: number, by });
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.peer_media.clone_from(&media);
        }
        if media.is_none() {
            return self.clear_call(now, number, "a phone offered no media", MISMATCH);
        }
        if holds {
            self.tell_recordings(now, number, side, Happening::Hold);
        }
        self.settle(now, number);
    }

    /// A phone refuses a re-INVITE of ours. 491 says that it has one of its own under way; any other refusal ends the call, as media
    /// that is cut cannot be left so (inferred).
    pub(super) fn on_phone_refused(&mut self, now: Instant, number: u32, id: LegId, status: u16, why: &str) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.state = State::Up;
        let is_caller = leg.is_caller;
        let side = self.calls.get(&number).and_then(|call| call.side_of(id));
        match (status, side) {
            (491, Some(side)) => self.wait_for_glare(now, number, side, is_caller),
            _ => self.end_call(now, number, &format!("a phone refused a re-INVITE: {why}")),
        }
    }

    /// RFC 3261 §14.1: whoever made the Call-ID waits 2.1 to 4 s, the other one up to 2 s.
    fn wait_for_glare(&mut self, now: Instant, number: u32, side: CallSide, is_caller: bool) {
        let wait = match is_caller {
            true => Duration::from_millis(u64::from(self.rng.next_u32() % 200) * 10),
            false => self.identifiers.glare_pause(),
        };
        if let Some(call) = self.calls.get_mut(&number) {
            call.side_mut(side).waits = true;
            self.steps.plan(now + wait, Step::Retry(number, side));
        }
    }

    /// Step: the time after a glare is over.
    pub(super) fn on_retry(&mut self, now: Instant, number: u32, side: CallSide) {
        if let Some(call) = self.calls.get_mut(&number) {
            call.side_mut(side).waits = false;
            self.settle(now, number);
        }
    }

    /// Both phones are to talk and both offers are here.
    fn connect_both(&mut self, now: Instant, number: u32) {
        let ready = |side: CallSide| {
            let Some(member) = self.calls.get(&number).map(|call| call.side(side)) else {
                return false;
            };
            let offers = member.port.is_some() || self.stand(member.leg) == Some(Stand::Offers);
            offers && self.wanted(number, side) == Some(Feed::Talk)
        };
        if !CallSide::BOTH.into_iter().all(ready) {
            return;
        }
        self.renew_port(number);
        match self.match_phones(number) {
            Ok(agreed) => self.connect_phones(now, number, &agreed),
            Err(why) => self.clear_call(now, number, &why, MISMATCH),
        }
    }

    /// Both phones are where they are to be: that is told, once.
    fn tell_news(&mut self, now: Instant, number: u32) {
        let stands = |side: CallSide| {
            let Some(call) = self.calls.get(&number) else {
                return false;
            };
            // A transferrer that is released while its target rings is waited for no more.
            let leg = self.legs.get(&call.side(side).leg).filter(|leg| !leg.is_ending());
            let rests = leg.is_none_or(|leg| matches!(leg.state, State::Up | State::Accepted));
            rests && self.wanted(number, side).is_none_or(|want| leg.is_none() || call.side(side).feed == want)
        };
        if !CallSide::BOTH.into_iter().all(stands) {
            return;
        }
        self.finish_handover(now, number);
        let news = self.calls.get_mut(&number).and_then(|call| call.news.take()).unwrap_or_default();
        for event in news {
            self.event(event);
        }
        self.rest_in_conference(now, number);
    }
}
