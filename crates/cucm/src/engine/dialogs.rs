//! Requests within dialogs, and the answers to requests of ours.

use std::time::Instant;

use media::sdp::{Audio, Sdp};
use sip::{ClientKey, Dialog, DialogError, FlowId, Message, ServerKey};

use crate::event::{ConnectFailure, ForwardReason};
use crate::text::line;

pub(super) use crate::text::falls_back;

use super::call::refusal_for;
use super::leg::{LegId, Owed, Role, State};
use super::{Asked, Engine, failure};

impl Engine {
    pub(super) fn on_request(&mut self, now: Instant, key: ServerKey, flow: FlowId, request: &Message) {
        if request.to().is_ok_and(|to| to.tag().is_some()) {
            return self.on_dialog_request(now, &key, flow, request);
        }
        let status = match request.method().unwrap_or_default() {
            "REGISTER" => return self.on_register(now, &key, flow, request),
            "INVITE" => return self.on_invite(now, key, flow, request),
            "OPTIONS" | "NOTIFY" | "INFO" => OK,
            "REFER" => self.on_softkey(now, flow, request),
            "SUBSCRIBE" => (489, "Bad Event"),
            "BYE" | "UPDATE" | "PRACK" => UNKNOWN,
            _ => (405, "Method Not Allowed"),
        };
        self.answer(now, &key, flow, request, status);
    }

    fn on_dialog_request(&mut self, now: Instant, key: &ServerKey, flow: FlowId, request: &Message) {
        let known = request.call_id().ok().and_then(|call_id| self.by_call_id.get(&call_id).copied());
        let dialog = known.and_then(|id| self.legs.get_mut(&id)).and_then(|leg| leg.dialog.as_mut());
        let (Some(id), Some(dialog)) = (known, dialog) else {
            return self.answer(now, key, flow, request, UNKNOWN);
        };
        match dialog.accept(request) {
            Ok(()) => {}
            Err(DialogError::OutOfOrder { .. }) => {
                return self.answer(now, key, flow, request, (500, "Internal Server Error"));
            }
            Err(_) => return self.answer(now, key, flow, request, UNKNOWN),
        }
        self.note_connection(flow, id, request);
        let is_recorder = self.legs.get(&id).is_some_and(|leg| matches!(leg.role, Role::Recorder { .. }));
        match request.method().unwrap_or_default() {
            "BYE" => {
                self.answer(now, key, flow, request, OK);
                self.on_peer_bye(now, id);
            }
            _ if is_recorder => self.on_recorder_request(now, key, flow, id, request),
            "INVITE" | "UPDATE" => self.on_refresh(now, key, flow, id, request),
            "OPTIONS" | "INFO" | "NOTIFY" | "PRACK" => self.answer(now, key, flow, request, OK),
            "REFER" => self.on_refer(now, key, flow, id, request),
            "SUBSCRIBE" => self.answer(now, key, flow, request, (489, "Bad Event")),
            _ => self.answer(now, key, flow, request, (405, "Method Not Allowed")),
        }
    }

    /// A re-INVITE or UPDATE: a refresh is granted with what stands; only a phone may change its media.
    fn on_refresh(&mut self, now: Instant, key: &ServerKey, flow: FlowId, id: LegId, request: &Message) {
        let (node, date) = (self.node(flow), self.date(now));
        if !self.legs.get(&id).is_some_and(|leg| matches!(leg.state, State::Up | State::Accepted)) {
            return self.answer(now, key, flow, request, (491, "Request Pending"));
        }
        self.note_party(now, id, request);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let offer = media_of(request);
        let changes = !request.body().is_empty()
            && !offer.as_ref().is_some_and(|offer| leg.peer_media.as_ref().is_some_and(|held| same_media(held, offer)));
        if changes {
            return self.on_change(now, key, flow, id, request, offer);
        }
        if let Some(dialog) = leg.dialog.as_mut() {
            dialog.refresh_target(request);
        }
        let wants_sdp = request.method() == Some("INVITE") || !request.body().is_empty();
        let sdp = leg.sdp.as_deref().filter(|_| wants_sdp);
        let answer = line::refreshed(&node, request, &date, sdp);
        let _ = self.endpoint.respond(now, key, answer);
    }

    fn on_peer_bye(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (role, was_ending) = (leg.role.clone(), leg.is_ending());
        self.close_requests(now, id);
        self.refuse_change(now, id, (487, "Request Terminated"));
        self.drop_leg(id);
        if was_ending {
            return;
        }
        match role {
            Role::Line { call, .. } if self.is_transferrer(call, id) && self.on_transferrer_left(now, call) => {}
            Role::Line { call, .. } if self.leave_to_guest(now, call, id) => {}
            Role::Line { call, .. } => self.end_call(now, call, "hung up"),
            Role::Leaving { .. } => {}
            Role::Bridge { recording, .. } => {
                self.end_recording(now, recording, &failure("bridge", "the phone ended its bridge"), NORMAL, false);
            }
            Role::Recorder { recording, .. } => {
                self.end_recording(now, recording, &failure("recorder-bye", "the recorder sent BYE"), NORMAL, true);
            }
        }
    }

    pub(super) fn on_response(&mut self, now: Instant, key: ClientKey, response: &Message) {
        let status = response.status().unwrap_or_default();
        let Some(asked) = self.asked.get(&key).cloned() else {
            return;
        };
        if status >= 200 {
            self.asked.remove(&key);
            self.note_answered(&asked);
        }
        match asked {
            Asked::Invite(id) if status >= 200 => self.on_invite_answered(now, id, status, response),
            Asked::Invite(id) => self.on_progress(now, id, status, response),
            Asked::Bye(id) if status >= 200 => self.drop_leg(id),
            Asked::Bye(_) | Asked::Cancel | Asked::Progress | Asked::Told => {}
            Asked::Ping(way) => self.on_ping_answer(now, &way, status),
            Asked::Refresh(id) if status >= 200 => self.on_refreshed(now, id, status, response),
            Asked::Unprompted(id, request) if status >= 200 => {
                self.on_unprompted_answered(id, request, Ok(response));
            }
            Asked::Refresh(_) | Asked::Notify(_) | Asked::Unprompted(..) | Asked::LateBye => {}
        }
    }

    fn on_invite_answered(&mut self, now: Instant, id: LegId, status: u16, response: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if status >= 300 {
            let invite = leg.invite.take();
            return match leg.state.clone() {
                State::Cancelling { .. } => self.drop_leg(id),
                State::Ending => {}
                State::Calling if status == 422 && self.ask_longer(now, id, invite.as_ref(), response) => {}
                _ => self.on_leg_refused(now, id, status, response),
            };
        }
        if let (Some(dialog), State::Asking | State::Ending) = (leg.dialog.as_mut(), &leg.state) {
            dialog.refresh_target(response);
        } else if let Some(sent) = &leg.invite {
            leg.dialog = Some(dialog_of(&sent.message, response));
        }
        if let Ok(Some(session)) = response.session_id() {
            leg.peer_session = session.local;
        }
        match leg.state.clone() {
            State::Cancelling { cause } => {
                leg.state = State::Answered;
                self.owe(now, id, Owed::Ack(None));
                self.owe(now, id, Owed::Bye(cause));
            }
            State::Ending => {
                self.send_ack(now, id, crate::text::NIL, None);
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.state = State::Ending;
                }
            }
            _ => {
                leg.state = State::Answered;
                self.on_leg_answered(now, id, response);
            }
        }
    }

    fn on_leg_answered(&mut self, now: Instant, id: LegId, response: &Message) {
        let role = self.legs.get(&id).map(|leg| leg.role.clone());
        if let Some(Role::Line { call, .. }) = role {
            self.choose(now, call, id);
        }
        match role {
            Some(Role::Line { call, .. }) if self.is_target(call, id) => {
                self.on_target_answered(now, call, id, response);
            }
            Some(Role::Line { call, .. }) if self.is_connected(call) => {
                self.on_phone_answered(now, call, id, response);
            }
            Some(Role::Line { call, .. }) => self.on_callee_answered(now, call, id, response),
            // Its re-INVITE asked for something that is of no use any more.
            Some(Role::Leaving { .. }) => self.send_ack(now, id, crate::text::NIL, None),
            Some(Role::Bridge { recording, end }) => self.on_bridge_answered(now, recording, end, id, response),
            Some(Role::Recorder { recording, end, .. }) => {
                self.on_recorder_answered(now, recording, end, id, response);
            }
            None => {}
        }
    }

    fn on_leg_refused(&mut self, now: Instant, id: LegId, status: u16, response: &Message) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let role = leg.role.clone();
        // A dialog whose re-INVITE was refused is still there.
        let is_confirmed = leg.dialog.is_some();
        let reason = response.reason().unwrap_or_default().to_owned();
        let why = format!("{status} {reason}");
        match role {
            Role::Line { call, .. } if is_confirmed => self.on_phone_refused(now, call, id, status, &why),
            Role::Line { call, .. } => {
                self.drop_leg(id);
                if self.rings_on_without(call, id) {
                    return;
                }
                if matches!(status, 486 | 600) && self.divert(now, call, ForwardReason::UserBusy) {
                    return;
                }
                if self.is_target(call, id) {
                    let (answer, _) = refusal_for(status);
                    return self.on_target_failed(now, call, answer, &format!("the target answered {why}"));
                }
                self.on_callee_refused(now, call, status, &reason);
            }
            Role::Leaving { .. } => {
                if let Some(leg) = self.legs.get_mut(&id) {
                    leg.state = State::Up;
                }
            }
            Role::Bridge { recording, .. } => {
                if is_confirmed {
                    self.clear_leg(now, id, NORMAL);
                } else {
                    self.drop_leg(id);
                }
                let failure = failure("bridge", &format!("the phone's bridge answered {why}"));
                self.end_recording(now, recording, &failure, NORMAL, false);
            }
            Role::Recorder { .. } if is_confirmed => self.on_change_refused(now, id, status, &why),
            Role::Recorder { recording, end, .. } => {
                self.drop_leg(id);
                self.on_recorder_refused(now, recording, end, status, &why);
            }
        }
    }

    /// No final answer, or no connection.
    pub(super) fn on_no_response(&mut self, now: Instant, key: ClientKey, failure: &ConnectFailure) {
        match self.asked.remove(&key) {
            Some(Asked::Invite(id)) => self.on_leg_unreachable(now, id, failure),
            Some(Asked::Bye(id)) => self.drop_leg(id),
            Some(Asked::Ping(way)) => self.on_ping_unanswered(now, &way, failure),
            Some(Asked::Refresh(id)) => self.on_refresh_failed(now, id, failure),
            Some(Asked::Unprompted(id, request)) => self.on_unprompted_answered(id, request, Err(failure)),
            Some(Asked::Cancel | Asked::Progress | Asked::Told | Asked::Notify(_) | Asked::LateBye) | None => {}
        }
    }

    /// The peer of a leg cannot be reached, or does not answer its INVITE.
    pub(super) fn on_leg_unreachable(&mut self, now: Instant, id: LegId, failure: &ConnectFailure) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (role, was_ending) = (leg.role.clone(), leg.is_ending());
        let is_confirmed = leg.dialog.is_some();
        self.drop_leg(id);
        if was_ending {
            return;
        }
        match role {
            Role::Line { call, .. } if self.rings_on_without(call, id) => {}
            Role::Line { call, .. } if self.is_target(call, id) => {
                let why = format!("the target: {}", failure.why);
                self.on_target_failed(now, call, (480, "Temporarily Unavailable"), &why);
            }
            Role::Line { call, .. } if self.is_transferrer(call, id) && self.on_transferrer_left(now, call) => {}
            Role::Line { call, .. } => self.on_side_lost(now, call, failure),
            Role::Leaving { .. } => {}
            Role::Bridge { recording, .. } => {
                let failure = super::failure("bridge", &format!("the phone's bridge: {}", failure.why));
                self.end_recording(now, recording, &failure, NORMAL, false);
            }
            Role::Recorder { recording, .. } if is_confirmed => {
                self.end_recording(now, recording, failure, NORMAL, false);
            }
            Role::Recorder { recording, end, .. } => self.on_recorder_unreachable(now, recording, end, failure),
        }
    }

    /// Whether both phones of a call have been connected once.
    fn is_connected(&self, number: u32) -> bool {
        self.calls.get(&number).is_some_and(|call| call.connected)
    }

    pub(super) fn answer(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        request: &Message,
        status: (u16, &str),
    ) {
        let (node, date) = (self.node(flow), self.date(now));
        // A transaction that is over needs no answer.
        let _ = self.endpoint.respond(now, key, line::plain(&node, request, &date, status));
    }
}

/// The dialog that a 2xx opens. A peer without Contact is still reached where the INVITE went, so that it can be sent a BYE.
fn dialog_of(invite: &Message, response: &Message) -> Dialog {
    Dialog::from_response(invite, response).unwrap_or_else(|_| {
        let from = invite.header("From").unwrap_or_default();
        let (local, local_tag) = from.split_once(";tag=").unwrap_or((&from, ""));
        Dialog {
            call_id: invite.call_id().unwrap_or_default(),
            local: local.to_owned(),
            remote: invite.header("To").unwrap_or_default().into_owned(),
            local_tag: local_tag.to_owned(),
            remote_tag: response.to().ok().and_then(|to| to.tag().map(str::to_owned)).unwrap_or_default(),
            local_cseq: invite.cseq().map_or(101, |cseq| cseq.number),
            remote_cseq: None,
            remote_target: invite.request_uri().unwrap_or_default().to_owned(),
            route_set: Vec::new(),
        }
    })
}

/// The voice stream of a message's SDP.
pub(super) fn media_of(message: &Message) -> Option<Audio> {
    Sdp::parse(message.body()).ok()?.audio().ok()
}

pub(super) fn same_media(held: &Audio, offered: &Audio) -> bool {
    held.address == offered.address
        && held.port == offered.port
        && held.direction == offered.direction
        && held.profile == offered.profile
        && held.crypto == offered.crypto
}

/// Cause 16 of Q.850, normal call clearing.
pub(super) const NORMAL: u16 = 16;
const OK: (u16, &str) = (200, "OK");
const UNKNOWN: (u16, &str) = (481, "Call/Transaction Does Not Exist");
