//! What a recorder may ask within its dialog, over whichever connection it comes.
//!
//! | request | answer |
//! |---|---|
//! | BYE | 200; the recording ends, and is not begun again before the call changes (inferred) |
//! | INVITE, UPDATE | 200 with what stands, or with what the phone makes of a new offer; see [`super::pause`] |
//! | INFO | 200 to `x-cisco-proxy-recording-status+xml` and to key presses, 415 to all else and to XML that is malformed |
//! | NOTIFY | 200 to a key press, which Call-Info invites; nothing else was subscribed to: 481 |
//! | SUBSCRIBE | see [`super::subscription`] |
//! | OPTIONS | 200 with what is understood |
//! | REFER | 202, and nothing comes of it |
//! | anything else | 405 with Allow |

use std::time::Instant;

use sip::{FlowId, Message, Refresher, ServerKey};

use super::dealings::Accepted;
use super::dialogs::NORMAL;
use super::leg::{LegId, Role, State};
use super::{Engine, failure};
use crate::config::SessionRefresh;
use crate::event::CucmEvent;
use crate::text::{recording, trunk};

impl Engine {
    /// A request in a recorder's dialog, with the number that was due.
    pub(super) fn on_recorder_request(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        id: LegId,
        request: &Message,
    ) {
        match request.method().unwrap_or_default() {
            "INVITE" | "UPDATE" => self.on_recorder_offer(now, key, flow, id, request),
            "INFO" => self.on_recorder_info(now, key, flow, request),
            "NOTIFY" => match request.header("Event").as_deref().map(event_package) {
                Some("telephone-event") => self.answer(now, key, flow, request, (200, "OK")),
                Some(_) => self.answer(now, key, flow, request, (481, "Subscription Does Not Exist")),
                None => self.hint(now, key, flow, request, (489, "Bad Event"), ("Allow-Events", EVENTS)),
            },
            "SUBSCRIBE" => self.on_recorder_subscribe(now, key, flow, id, request),
            "OPTIONS" => {
                let (node, date) = (self.node(flow), self.date(now));
                let _ = self.endpoint.respond(now, key, trunk::capabilities(&node, request, &date));
            }
            "REFER" => self.answer(now, key, flow, request, (202, "Accepted")),
            "PRACK" => self.answer(now, key, flow, request, (481, "Call/Transaction Does Not Exist")),
            _ => self.hint(now, key, flow, request, (405, "Method Not Allowed"), ("Allow", trunk::ALLOW)),
        }
    }

    /// A request has a connection of the recorder's own, where it needs none: to be told of (RFC 5923 §4 has both sides use the one that
    /// there is). One that it opened while ours was closed is as good as ours from then on.
    pub(super) fn note_connection(&mut self, flow: FlowId, id: LegId, request: &Message) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (Role::Recorder { recording, end, trunk, destination }, node) = (leg.role.clone(), leg.node.local.ip())
        else {
            return;
        };
        // What a test sent by a connection apart may be answered by that.
        let way = (trunk, destination);
        let is_needless = self.flows.get(&flow).is_some_and(|known| {
            known.way.is_none() && known.peer != destination && known.beside.contains(&(node, way.clone()))
        });
        if is_needless && self.trunks.is_open(node, way) {
            let method = request.method().unwrap_or_default().to_owned();
            self.event(CucmEvent::RecorderConnected { recording, leg: end.voice(), method });
        }
    }

    /// A refusal with the header that says what would be right.
    pub(super) fn hint(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        request: &Message,
        status: (u16, &str),
        hint: (&str, &str),
    ) {
        let (node, date) = (self.node(flow), self.date(now));
        let refusal = recording::refused(&node, request, &date, status, Some(hint));
        // A transaction that is over needs no answer.
        let _ = self.endpoint.respond(now, key, refusal);
    }

    /// CUBE Media Proxy tells so how its recorders fare (Cisco CUBE Configuration Guide, Media Proxy).
    fn on_recorder_info(&mut self, now: Instant, key: &ServerKey, flow: FlowId, request: &Message) {
        let is_understood = match request.content_type() {
            None => request.body().is_empty(),
            Some(_) if request.has_content_type(RECORDING_STATUS) => is_recording_status(request.body()),
            Some(_) => KEY_PRESSES.iter().any(|media_type| request.has_content_type(media_type)),
        };
        if is_understood {
            return self.answer(now, key, flow, request, (200, "OK"));
        }
        let accepted = format!("{RECORDING_STATUS}, {}", KEY_PRESSES.join(", "));
        self.hint(now, key, flow, request, (415, "Unsupported Media Type"), ("Accept", &accepted));
    }

    /// Whether a transaction is an INVITE of a recorder that has our 200.
    pub(super) fn is_of_recorder(&self, key: ServerKey) -> bool {
        self.accepted_by(key).is_some()
    }

    fn accepted_by(&self, key: ServerKey) -> Option<LegId> {
        let is_it = |accepted: &Accepted| accepted.key == key;
        self.dealings.iter().find(|(_, known)| known.accepted.as_ref().is_some_and(is_it)).map(|(id, _)| *id)
    }

    /// The recorder's ACK; it answers our 200 where that was an offer.
    pub(super) fn on_recorder_ack(&mut self, now: Instant, key: ServerKey, ack: &Message) {
        let Some(id) = self.accepted_by(key) else {
            return;
        };
        let accepted = self.dealings.get_mut(&id).and_then(|dealings| dealings.accepted.take());
        if let Some(leg) = self.legs.get_mut(&id).filter(|leg| matches!(leg.state, State::Accepted)) {
            leg.state = State::Up;
        }
        if accepted.is_some_and(|accepted| accepted.offered) {
            self.on_media_answered(now, id, ack);
        }
    }

    /// Our 200 was never acknowledged: the dialog is ended (RFC 3261 §14.2).
    pub(super) fn on_recorder_ack_missing(&mut self, now: Instant, key: ServerKey) {
        let Some(id) = self.accepted_by(key) else {
            return;
        };
        let Some(Role::Recorder { recording, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        let why = failure("ack", "the recorder never acknowledged the answer to its re-INVITE");
        self.end_recording(now, recording, &why, NORMAL, false);
    }

    /// What a 2xx to a recorder's request says about the session: its own interval where it names one, and the refresher that it
    /// names, else us (RFC 4028 §9; in a trace of release 11.5 CUCM answers so).
    pub(super) fn granted(&self, request: &Message) -> Option<(u32, Refresher)> {
        let asked = request.session_expires().ok().flatten()?;
        Some((asked.seconds, asked.refresher.unwrap_or(Refresher::Uas)))
    }

    /// Accepts a re-INVITE or UPDATE, with SDP where it wants one.
    pub(super) fn accept_recorder(
        &mut self,
        now: Instant,
        key: &ServerKey,
        id: LegId,
        (request, date): (&Message, &str),
        sdp: Option<&str>,
    ) {
        let granted = self.granted(request);
        let is_invite = request.method() == Some("INVITE");
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if let Some(dialog) = leg.dialog.as_mut() {
            dialog.refresh_target(request);
        }
        if is_invite {
            leg.state = State::Accepted;
        } else if matches!(leg.state, State::Changing { .. }) {
            leg.state = State::Up;
        }
        let is_forked = self.dealings.get(&id).is_some_and(|dealings| dealings.opening.is_forked);
        let answer = recording::accepted(&leg.node, request, date, &leg.identity, is_forked, granted, sdp);
        let _ = self.endpoint.respond(now, key, answer);
        if is_invite {
            let offered = request.body().is_empty();
            self.dealings.entry(id).or_default().accepted = Some(Accepted { key: *key, offered });
        }
        if granted.is_some() {
            self.refreshed_by_recorder += 1;
        }
        match granted {
            Some((seconds, Refresher::Uac)) => self.keep_session(now, id, Some((seconds, None))),
            Some((seconds, Refresher::Uas)) => {
                let method: SessionRefresh = self.refresh_method(id, request);
                self.keep_session(now, id, Some((seconds, Some(method))));
            }
            None => self.prolong_session(now, id),
        }
    }
}

/// Whether a body is what a Media Proxy sends: well-formed, and a list of recorders.
fn is_recording_status(body: &[u8]) -> bool {
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.len() <= LONGEST_STATUS) else {
        return false;
    };
    let options = roxmltree::ParsingOptions { allow_dtd: false, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(text, options)
        .is_ok_and(|document| document.root_element().has_tag_name("recorderList"))
}

/// The package of an Event header, without its parameters.
pub(super) fn event_package(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Packages that the recording INVITE lists.
pub(super) const EVENTS: &str = "presence, kpml";
const RECORDING_STATUS: &str = "application/x-cisco-proxy-recording-status+xml";
const KEY_PRESSES: [&str; 3] = ["application/dtmf-relay", "application/dtmf", "application/media_control+xml"];
/// Bytes; enough for some dozens of recorders, and too few to nest deeply.
const LONGEST_STATUS: usize = 4096;
