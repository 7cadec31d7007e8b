//! What a phone asks for in its re-INVITE: hold, resume, another address, codec or key. What its recordings make of it stands in the
//! table of `rules`.

use std::time::Instant;

use media::sdp::Audio;
use sip::{FlowId, Message, ServerKey};

use crate::config::RefciAfterResume;
use crate::event::CucmEvent;
use crate::text::line;
use crate::text::recording::End;

use super::Engine;
use super::call::{Before, CallSide};
use super::dialogs::falls_back;
use super::feed::Feed;
use super::leg::{LegId, Role, State};
use super::rules::Happening;

impl Engine {
    /// A re-INVITE or UPDATE of a phone that changes its media. One that crosses ours, or a second one before the first is done, is told
    /// so (RFC 3261 §14.2).
    pub(super) fn on_change(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        id: LegId,
        request: &Message,
        offer: Option<Audio>,
    ) {
        let (node, date) = (self.node(flow), self.date(now));
        let found = match self.legs.get(&id).map(|leg| leg.role.clone()) {
            Some(Role::Line { call, .. }) => {
                self.calls.get(&call).filter(|call| call.connected).and_then(|known| Some((call, known.side_of(id)?)))
            }
            _ => None,
        };
        let refusal = match (&found, &offer) {
            (Some(_), Some(_)) if request.method() != Some("INVITE") => Some((488, "Not Acceptable Here")),
            (Some((number, side)), Some(offer)) => self.judge_offer(*number, *side, offer, request),
            _ => Some((488, "Not Acceptable Here")),
        };
        if let Some(status) = refusal {
            let _ = self.endpoint.respond(now, key, line::refuse(&node, request, None, &date, status, None));
            return;
        }
        let (Some((number, side)), Some(offer)) = (found, offer) else {
            return;
        };
        let _ = self.endpoint.respond(now, key, line::trying(request, &date));
        if let Some(leg) = self.legs.get_mut(&id) {
            if let Some(dialog) = leg.dialog.as_mut() {
                dialog.refresh_target(request);
            }
            leg.peer_media = Some(offer.clone());
            leg.state = State::Changing { key: *key, invite: request.clone(), date };
        }
        self.callers.insert(*key, id);
        self.take_offer(now, number, side, offer, falls_back(request));
        self.settle(now, number);
    }

    /// Why an offer cannot be taken. One that stops the media is always good.
    fn judge_offer(
        &self,
        number: u32,
        side: CallSide,
        offer: &Audio,
        request: &Message,
    ) -> Option<(u16, &'static str)> {
        let call = self.calls.get(&number)?;
        if !self.legs.get(&call.side(side).leg).is_some_and(|leg| matches!(leg.state, State::Up)) {
            return Some((491, "Request Pending"));
        }
        if call.barged.is_some() {
            return Some((488, "Not Acceptable Here"));
        }
        if is_hold(offer) {
            return None;
        }
        let known = call.side(side).share.as_ref()?;
        let has_codec = offer.formats.iter().any(|format| format.is_same_codec(&known.format));
        let srtp_fits = offer.profile == media::sdp::Profile::Avp
            || falls_back(request)
            || call.side(side).falls_back
            || offer.crypto.iter().any(|crypto| crypto.known_suite().is_some());
        (!has_codec || !srtp_fits).then_some((488, "Not Acceptable Here"))
    }

    fn take_offer(&mut self, now: Instant, number: u32, side: CallSide, offer: Audio, falls_back: bool) {
        self.stop_music(number, side);
        self.quiet_port(number);
        let is_new_refci = self.config.dialect.refci_after_resume == RefciAfterResume::New;
        let holds = is_hold(&offer);
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let member = call.side_mut(side);
        let held = member.holds;
        let media = member.media.replace(offer);
        member.before = Some(Before { holds: held, media });
        member.falls_back = member.falls_back || falls_back;
        member.holds = holds;
        member.feed = Feed::Nothing;
        let by = member.party.clone();
        for side in CallSide::BOTH {
            call.side_mut(side).has_no_music = false;
        }
        let news = call.news.get_or_insert_default();
        match (held, holds) {
            (false, true) => news.push(CucmEvent::Held { call: number, by }),
            (true, false) => news.push(CucmEvent::Resumed { call: number, by }),
            _ => {}
        }
        match (held, holds) {
            (false, true) => self.tell_recordings(now, number, side, Happening::Hold),
            (true, false) => self.tell_recordings(now, number, side, Happening::Resume),
            _ => {}
        }
        if held && !holds && is_new_refci {
            let identifier = self.identifiers.identifier();
            if let Some(call) = self.calls.get_mut(&number) {
                call.side_mut(side).identifier = identifier;
            }
        }
    }

    /// What one side of a call did happens to the recordings of both.
    pub(super) fn tell_recordings(&mut self, now: Instant, number: u32, by: CallSide, what: fn(End) -> Happening) {
        for side in CallSide::BOTH {
            let leg = self.calls.get(&number).map(|call| call.side(side).leg);
            if let Some(id) = leg.and_then(|leg| self.recording_of(leg)) {
                let end = if side == by { End::Near } else { End::Far };
                self.happen(now, id, self.seen_remotely(number, by, what(end)), None);
            }
        }
    }

    /// What a far end does behind a trunk is another thing than what a phone here does.
    fn seen_remotely(&self, number: u32, by: CallSide, what: Happening) -> Happening {
        let is_outside = self.calls.get(&number).is_some_and(|call| self.outside.contains_key(&call.side(by).leg));
        match what {
            Happening::Hold(End::Far) if is_outside => Happening::RemoteHold,
            Happening::Resume(End::Far) if is_outside => Happening::RemoteResume,
            what => what,
        }
    }

    /// Refuses a phone's re-INVITE that waits for its answer.
    pub(super) fn refuse_change(&mut self, now: Instant, id: LegId, status: (u16, &str)) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let State::Changing { key, invite, date } = std::mem::replace(&mut leg.state, State::Up) else {
            return;
        };
        self.callers.remove(&key);
        let _ = self.endpoint.respond(now, &key, line::refuse(&leg.node, &invite, None, &date, status, None));
    }

    /// A phone took its re-INVITE back: what stood before stands again.
    pub(super) fn take_change_back(&mut self, now: Instant, id: LegId, status: (u16, &str)) {
        self.refuse_change(now, id, status);
        let Some(Role::Line { call: number, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let Some(member) = call.side_of(id).map(|side| call.side_mut(side)) else {
            return;
        };
        if let Some(before) = member.before.take() {
            member.holds = before.holds;
            member.media.clone_from(&before.media);
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.peer_media = before.media;
            }
        }
        let who = member.party.clone();
        // What did not happen is not told.
        call.news.get_or_insert_default().retain(|event| match event {
            CucmEvent::Held { by, .. } | CucmEvent::Resumed { by, .. } => *by != who,
            _ => true,
        });
        self.settle(now, number);
    }
}

/// Whether an offer holds: it does not want to receive, by its direction or by the address of RFC 3264 §8.4.
pub(super) fn is_hold(offer: &Audio) -> bool {
    !offer.direction.receives() || offer.address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use media::sdp::Sdp;

    use super::*;

    #[test]
    fn a_phone_holds_by_direction_or_by_the_address_of_nobody() {
        let offer = |address: &str, direction: &str| {
            let text = format!(
                "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n\
                 a={direction}\r\n"
            );
            Sdp::parse(text.as_bytes()).unwrap().audio().unwrap()
        };
        for (address, direction, holds) in [
            ("10.0.0.1", "sendrecv", false),
            ("10.0.0.1", "recvonly", false),
            ("10.0.0.1", "sendonly", true),
            ("10.0.0.1", "inactive", true),
            ("0.0.0.0", "sendrecv", true),
        ] {
            assert_eq!(is_hold(&offer(address, direction)), holds, "{address} {direction}");
        }
    }
}
