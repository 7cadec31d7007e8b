//! A recorder's new offer in mid-recording: another direction, address or key.
//!
//! ```text
//! phone             CUCM               recorder
//!   |                 | ◄── re-INVITE ── |     e.g. a=inactive
//!   | ◄─ re-INVITE ── | ──── 100 ──────► |     no SDP
//!   | ── 200 offer ─► |                  |
//!   | ◄─ ACK answer ─ | ── 200 answer ─► |     each is told where the other one is, and whether anything flows
//!   |                 | ◄──── ACK ────── |
//! ```
//!
//! As a back-to-back user agent without media CUCM has to ask the phone; no trace shows it, so that `Dialect::recorder_offer` can
//! turn it off. An offer that does not fit is refused with 488, and what stood stays (RFC 3261 §14.2).

use std::time::Instant;

use media::sdp::Audio;
use sip::{FlowId, Message, ServerKey};

use super::Engine;
use super::dialogs::{falls_back, media_of, same_media};
use super::leg::{Leg, LegId, Role, State};
use super::recorder::EVENTS;
use super::recording::Media;
use super::steps::Step;
use crate::config::RecorderOffer;
use crate::event::RecordingId;
use crate::negotiate::shares_codec;
use crate::text::{NIL, line, recording, recording::End};

impl Engine {
    /// A re-INVITE or UPDATE of a recorder.
    pub(super) fn on_recorder_offer(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        id: LegId,
        request: &Message,
    ) {
        if let Some((status, hint)) = self.glare(id, request) {
            return match hint {
                Some(hint) => self.hint(now, key, flow, request, status, ("Retry-After", &hint)),
                None => self.answer(now, key, flow, request, status),
            };
        }
        if let Some(least) = self.too_short(request) {
            let status = (422, "Session Interval Too Small");
            return self.hint(now, key, flow, request, status, ("Min-SE", &least));
        }
        let date = self.date(now);
        let standing = self.legs.get(&id).and_then(|leg| leg.sdp.clone());
        if request.body().is_empty() {
            let offer = standing.filter(|_| request.method() == Some("INVITE"));
            return self.accept_recorder(now, key, id, (request, &date), offer.as_deref());
        }
        let offer = media_of(request).filter(|audio| audio.port != 0 && self.has_codec(id, audio));
        let held = self.legs.get(&id).and_then(|leg| leg.peer_media.as_ref());
        if offer.as_ref().is_some_and(|offer| held.is_some_and(|held| same_media(held, offer))) {
            return self.accept_recorder(now, key, id, (request, &date), standing.as_deref());
        }
        if offer.is_some() && self.is_phone_busy(id) {
            return self.answer(now, key, flow, request, (491, "Request Pending"));
        }
        if !offer.is_some_and(|offer| self.ask_phone(now, id, offer, request)) {
            let node = self.node(flow);
            let refusal = line::refuse(&node, request, None, &date, (488, "Not Acceptable Here"), None);
            let _ = self.endpoint.respond(now, key, refusal);
            return;
        }
        if request.method() == Some("INVITE") {
            let _ = self.endpoint.respond(now, key, line::trying(request, &date));
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = State::Changing { key: *key, invite: request.clone(), date };
        }
    }

    /// Why a request has to wait: ours is under way, or an earlier one has no answer yet (RFC 3261 §14.2, RFC 3311 §5.2).
    fn glare(&mut self, id: LegId, request: &Message) -> Option<((u16, &'static str), Option<String>)> {
        let pending = Some(((491, "Request Pending"), None));
        let is_offered =
            self.dealings.get(&id).and_then(|dealings| dealings.accepted.as_ref()).is_some_and(|a| a.offered);
        match self.legs.get(&id).map(|leg| &leg.state) {
            Some(State::Up) => None,
            Some(State::Accepted) if !is_offered || request.body().is_empty() => None,
            Some(State::Changing { .. }) => {
                let seconds = self.identifiers.retry_after();
                Some(((500, "Internal Server Error"), Some(seconds.to_string())))
            }
            _ => pending,
        }
    }

    /// The shortest session that is granted, where the request wants a shorter one and would understand (RFC 4028 §9).
    fn too_short(&self, request: &Message) -> Option<String> {
        let asked = request.session_expires().ok().flatten()?;
        let knows = request.supported().iter().any(|option| option.eq_ignore_ascii_case("timer"));
        let least = self.config.timing.least_session.as_secs();
        (knows && u64::from(asked.seconds) < least).then(|| least.to_string())
    }

    /// Whether an offer has a codec of the phone's bridge.
    fn has_codec(&self, id: LegId, offer: &Audio) -> bool {
        let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| &leg.role) else {
            return false;
        };
        let recording = self.recordings.get(recording);
        recording.is_some_and(|recording| shares_codec(offer, &recording.strand(*end).formats).is_ok())
    }

    /// Whether something of before is still under way in the phone's dialog, as behind an answer of the recorder's that named other media.
    fn is_phone_busy(&self, id: LegId) -> bool {
        let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| &leg.role) else {
            return false;
        };
        let bridge = self.recordings.get(recording).and_then(|recording| recording.strand(*end).bridge);
        bridge.and_then(|bridge| self.legs.get(&bridge)).is_some_and(Leg::is_changing)
    }

    /// Has the phone's bridge asked for its offer, to be matched with this one; `false` where that cannot be.
    fn ask_phone(&mut self, now: Instant, id: LegId, offer: Audio, request: &Message) -> bool {
        let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return false;
        };
        let bridge = self.recordings.get(&recording).and_then(|recording| recording.strand(end).bridge);
        let is_free =
            bridge.and_then(|bridge| self.legs.get(&bridge)).is_some_and(|leg| matches!(leg.state, State::Up));
        let Some(strand) = self.recordings.get_mut(&recording).map(|recording| recording.strand_mut(end)) else {
            return false;
        };
        if !is_free || self.config.dialect.recorder_offer == RecorderOffer::Refuse {
            return false;
        }
        let fallback = strand.recording.as_ref().is_some_and(|held| held.falls_back) || falls_back(request);
        strand.before = strand.recording.replace(Media { audio: offer, falls_back: fallback });
        strand.phone = None;
        self.steps.plan(now + self.config.timing.bridge_offer_after_recorder, Step::BridgeOffer(recording, end));
        true
    }

    /// An answer of the recorder to an offer of what stands. If it changed its mind, the phone is told.
    pub(super) fn on_media_answered(&mut self, now: Instant, id: LegId, answer: &Message) {
        let Some(audio) = media_of(answer).filter(|audio| audio.port != 0 && self.has_codec(id, audio)) else {
            return;
        };
        let held = self.legs.get(&id).and_then(|leg| leg.peer_media.as_ref());
        if held.is_some_and(|held| same_media(held, &audio)) {
            return;
        }
        if self.ask_phone(now, id, audio.clone(), answer)
            && let Some(leg) = self.legs.get_mut(&id)
        {
            leg.peer_media = Some(audio);
        }
    }

    /// Step behind the phone's ACK: the recorder's request gets its answer.
    pub(super) fn answer_recorder(&mut self, now: Instant, id: LegId, answer: Option<String>) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let State::Changing { key, invite, date } = leg.state.clone() else {
            return;
        };
        leg.peer_media = media_of(&invite);
        leg.sdp.clone_from(&answer);
        self.accept_recorder(now, &key, id, (&invite, &date), answer.as_deref());
    }

    /// The phone and the recorder's new offer do not fit: 488, and what stood before counts again. Whether there was such an offer.
    pub(super) fn take_back(&mut self, now: Instant, id: RecordingId, end: End) -> bool {
        let Some(strand) = self.recordings.get_mut(&id).map(|recording| recording.strand_mut(end)) else {
            return false;
        };
        let (Some(leg), Some(before)) = (strand.recorder, strand.before.take()) else {
            return false;
        };
        strand.recording = Some(before);
        self.refuse_offer(now, leg, (488, "Not Acceptable Here"));
        true
    }

    /// Refuses the request that is open in a recorder's dialog, if any.
    pub(super) fn refuse_offer(&mut self, now: Instant, id: LegId, status: (u16, &str)) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let State::Changing { key, invite, date } = leg.state.clone() else {
            return;
        };
        leg.state = State::Up;
        let refusal = recording::refused(&leg.node, &invite, &date, status, Some(("Allow-Events", EVENTS)));
        let _ = self.endpoint.respond(now, &key, refusal);
    }

    /// The peer's BYE came before an ACK of ours, or before an answer to its own request: both are still owed
    /// (RFC 3261 §13.2.2.4, §15.1.2).
    pub(super) fn close_requests(&mut self, now: Instant, id: LegId) {
        match self.legs.get(&id).map(|leg| (&leg.role, &leg.state)) {
            Some((Role::Recorder { .. }, State::Answered)) => self.send_ack(now, id, NIL, None),
            Some((Role::Recorder { .. }, State::Changing { .. })) => {
                self.refuse_offer(now, id, (487, "Request Terminated"));
            }
            _ => {}
        }
    }

    fn changing(&self, key: ServerKey) -> Option<LegId> {
        let is_it = |state: &State| matches!(state, State::Changing { key: open, .. } if *open == key);
        let legs = self.legs.iter().filter(|(_, leg)| matches!(leg.role, Role::Recorder { .. }));
        legs.into_iter().find(|(_, leg)| is_it(&leg.state)).map(|(id, _)| *id)
    }

    /// Whether a transaction is a re-INVITE of a recorder that waits for the phone.
    pub(super) fn is_change_of_recorder(&self, key: ServerKey) -> bool {
        self.changing(key).is_some()
    }

    /// The recorder took its re-INVITE back.
    pub(super) fn on_recorder_cancelled(&mut self, now: Instant, key: ServerKey) {
        let Some(id) = self.changing(key) else {
            return;
        };
        if let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| leg.role.clone())
            && let Some(strand) = self.recordings.get_mut(&recording).map(|recording| recording.strand_mut(end))
            && let Some(before) = strand.before.take()
        {
            // The phone may be asked already; it is then told what stood.
            strand.recording = Some(before);
        }
        self.refuse_offer(now, id, (487, "Request Terminated"));
    }
}
