//! Transfers by REFER (Cisco's SIP Line Messaging Guide): the dialogs of the phones stay as they are, and CUCM connects the two that
//! remain by re-INVITEs.
//!
//! ```text
//!            blind                         target rings                        consult
//! REFER ─202─► NOTIFY 100 ─► INVITE ─180─► NOTIFY 180 ──200──► in the transferrer's place ◄── REFER with Replaces ─202─►
//!                               │                                      │
//!                            refused                              both connected
//!                               ▼                                      ▼
//!                 NOTIFY 486: the call goes back             NOTIFY 200, BYE to the transferrer
//! ```
//!
//! What the recordings make of it stands in the table of `rules`.

use std::time::Instant;

use sip::{Dialog, FlowId, Message, ServerKey};

use crate::config::BlindTransferRelease;
use crate::event::{CucmEvent, RecordingId};
use crate::text::recording::End;
use crate::text::{line, refer};

use super::call::{Call, CallSide, Member};
use super::dialogs::{NORMAL, falls_back, media_of};
use super::feed::Feed;
use super::leg::{LegId, Role, State};
use super::place::{Handover, Stage, Taking};
use super::refer::{Replaced, Target, target_of};
use super::rules::Happening;
use super::steps::Step;
use super::{Asked, Engine};

impl Engine {
    /// A REFER within a dialog.
    pub(super) fn on_refer(&mut self, now: Instant, key: &ServerKey, flow: FlowId, id: LegId, request: &Message) {
        let (node, date) = (self.node(flow), self.date(now));
        let Some((number, side)) = self.place_of(id) else {
            return self.answer(now, key, flow, request, (202, "Accepted"));
        };
        if self.calls.get(&number).is_some_and(Call::is_moving) {
            return self.answer(now, key, flow, request, (491, "Request Pending"));
        }
        let Ok(target) = target_of(request) else {
            return self.answer(now, key, flow, request, (400, "Bad Request"));
        };
        let _ = self.endpoint.respond(now, key, refer::accepted(&node, request, &date));
        self.tell_progress(now, id, (100, "Trying"));
        match target {
            Target::Number(at) if self.config.directed_call_park.numbers.contains(&at) => {
                self.park_by_transfer(now, (number, side), &at);
            }
            Target::Number(dialled) => self.transfer_blind(now, number, side, &dialled),
            Target::Call(replaced) => self.transfer_consult(now, number, side, &replaced),
        }
    }

    /// The connected call of a leg, and its place in it.
    pub(super) fn place_of(&self, id: LegId) -> Option<(u32, CallSide)> {
        let Role::Line { call, .. } = self.legs.get(&id)?.role else {
            return None;
        };
        let known = self.calls.get(&call).filter(|known| known.connected)?;
        Some((call, known.side_of(id)?))
    }

    fn transfer_blind(&mut self, now: Instant, number: u32, by: CallSide, dialled: &str) {
        let called = self.called(dialled);
        self.begin_transfer(now, number, by, Taking::Transfer);
        let Some(call) = self.calls.get(&number) else {
            return;
        };
        let (remaining, referrer) = (call.other(by), call.side(by).leg);
        let party = remaining.party.clone();
        let session = self.session_at(remaining.leg);
        match called {
            Ok(called) => {
                let (target, alert) = self.ring_all(now, (number, by), &party, &session, called);
                if let Some(call) = self.calls.get_mut(&number) {
                    call.alert = alert;
                }
                self.steps.plan(now + self.config.timing.no_answer, Step::TransferNoAnswer(number, target.leg));
                self.await_target(now, number, by, target, None);
            }
            Err(((status, _), why)) => {
                self.tell_progress(now, referrer, status);
                self.give_back(now, number, status.0, why);
            }
        }
        self.settle(now, number);
    }

    /// The transferrer holds, if it did not already.
    pub(super) fn begin_transfer(&mut self, now: Instant, number: u32, by: CallSide, taking: Taking) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.news.get_or_insert_default();
        call.ringing = false;
        let member = call.side_mut(by);
        let was_talking = !member.holds;
        member.holds = true;
        call.transfer = Some(Handover { was_talking, ..Handover::taken(call, by, taking) });
        if was_talking {
            self.tell_recordings(now, number, by, Happening::Hold);
        }
    }

    pub(super) fn await_target(
        &mut self,
        now: Instant,
        number: u32,
        by: CallSide,
        target: Member,
        consultation: Option<u32>,
    ) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let referrer = call.side(by).leg;
        if let Some(transfer) = &mut call.transfer {
            transfer.stage = Stage::Ringing(Box::new(target));
            transfer.consultation = consultation;
        }
        let is_redirected = call.transfer.as_ref().is_some_and(|transfer| transfer.taking == Taking::Redirect);
        if is_redirected || self.config.dialect.blind_transfer_release == BlindTransferRelease::AtOnce {
            if let Some(leg) = self.legs.get_mut(&referrer) {
                leg.role = Role::Leaving { call: number };
            }
            self.clear_leg(now, referrer, NORMAL);
            self.on_transferrer_left(now, number);
        }
    }

    /// Whether this leg is that of a target which has not answered yet.
    pub(super) fn is_target(&self, number: u32, id: LegId) -> bool {
        let transfer = self.calls.get(&number).and_then(|call| call.transfer.as_ref());
        transfer.is_some_and(|transfer| matches!(&transfer.stage, Stage::Ringing(target) if target.leg == id))
    }

    /// Whether this leg is that of whoever transfers the call.
    pub(super) fn is_transferrer(&self, number: u32, id: LegId) -> bool {
        let transfer = self.calls.get(&number).and_then(|call| call.transfer.as_ref());
        transfer.is_some_and(|transfer| transfer.referrer == id)
    }

    pub(super) fn on_target_progress(&mut self, now: Instant, number: u32) {
        let Some(call) = self.calls.get_mut(&number).filter(|call| !call.ringing) else {
            return;
        };
        call.ringing = true;
        if let Some(referrer) = call.transfer.as_ref().map(|transfer| transfer.referrer) {
            self.tell_progress(now, referrer, (180, "Ringing"));
        }
    }

    pub(super) fn on_target_answered(&mut self, now: Instant, number: u32, id: LegId, response: &Message) {
        let media = media_of(response).filter(|audio| audio.port != 0);
        let made_up = self.legs.get(&id).map(|leg| self.made_up_session(crate::ident::Side::Line, leg.number));
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.peer_media.clone_from(&media);
            if leg.peer_session == crate::text::NIL {
                leg.peer_session = made_up.unwrap_or_default();
            }
        }
        let transfer = self.calls.get_mut(&number).and_then(|call| call.transfer.as_mut());
        let Some(transfer) = transfer else {
            return self.clear_leg(now, id, NORMAL);
        };
        let referrer = transfer.referrer;
        let Stage::Ringing(mut target) = std::mem::replace(&mut transfer.stage, Stage::Connecting(Vec::new())) else {
            return;
        };
        if media.is_none() {
            self.clear_leg(now, id, super::call::MISMATCH);
            self.tell_progress(now, referrer, (488, "Not Acceptable Here"));
            return self.give_back(now, number, 488, "the target's answer has no usable offer");
        }
        target.media = media;
        target.falls_back = falls_back(response);
        self.replace(now, number, *target, Vec::new());
        self.settle(now, number);
    }

    /// The recordings of a call that is no more go on in another one.
    pub(super) fn adopt_recordings(&mut self, ids: &[RecordingId], number: u32) {
        for id in ids {
            let (Some(recording), Some(call)) = (self.recordings.get_mut(id), self.calls.get_mut(&number)) else {
                continue;
            };
            recording.call = number;
            call.recordings.push(*id);
        }
    }

    fn transfer_consult(&mut self, now: Instant, number: u32, by: CallSide, replaced: &Replaced) {
        let referrer = self.calls.get(&number).map(|call| call.side(by).leg);
        let Some((other_number, own_leg)) = self.consultation(number, by, replaced) else {
            if let Some(referrer) = referrer {
                self.tell_progress(now, referrer, (481, "Call/Transaction Does Not Exist"));
            }
            let Some(by) = self.calls.get(&number).map(|call| call.side(by).party.clone()) else {
                return;
            };
            let why = "Replaces names no call of the transferrer's".to_owned();
            return self.event(CucmEvent::TransferFailed { call: number, by, status: 481, why });
        };
        self.begin_transfer(now, number, by, Taking::Transfer);
        let Some(Call { caller, callee, connected, recordings, alert, .. }) = self.calls.remove(&other_number) else {
            return;
        };
        let (own, target) = if caller.leg == own_leg { (caller, callee) } else { (callee, caller) };
        if let Some(music) = own.music {
            self.decided.push_back(super::Output::StopMusic { music });
        }
        if let Some(id) = self.recording_of(own_leg) {
            self.happen(now, id, Happening::Transfer(End::Near), None);
        }
        self.adopt_recordings(&recordings, number);
        if connected {
            self.event(CucmEvent::CallEnded { call: other_number });
            if let Some(transfer) = self.calls.get_mut(&number).and_then(|call| call.transfer.as_mut()) {
                transfer.consultation = Some(other_number);
            }
            self.replace(now, number, target, vec![own_leg]);
        } else {
            self.refuse_consultation(now, own_leg);
            if let Some(leg) = self.legs.get_mut(&target.leg) {
                leg.role = Role::Line { call: number, side: by };
            }
            for leg in alert.others.iter().map(|other| other.leg) {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.role = Role::Line { call: number, side: by };
                }
            }
            self.steps.plan(
                now + self.config.timing.no_answer,
                Step::TransferNoAnswer(number, alert.round.unwrap_or(target.leg)),
            );
            if let Some(call) = self.calls.get_mut(&number) {
                call.alert = alert;
            }
            self.await_target(now, number, by, target, Some(other_number));
        }
        self.settle(now, number);
    }

    /// The other call of the transferrer's that `Replaces` names: its number and the transferrer's leg. Before it is answered only the
    /// transferrer's own call can be transferred.
    fn consultation(&self, number: u32, by: CallSide, replaced: &Replaced) -> Option<(u32, LegId)> {
        let device = &self.calls.get(&number)?.side(by).party.device;
        let id = *self.by_call_id.get(&replaced.call_id)?;
        let leg = self.legs.get(&id)?;
        let dialog = leg.dialog.as_ref()?;
        let Role::Line { call, .. } = leg.role else {
            return None;
        };
        let other = self.calls.get(&call).filter(|other| call != number && !other.is_moving())?;
        // Two bridges cannot be one call.
        self.calls.get(&number).filter(|first| first.port().is_none() || other.port().is_none())?;
        let side = other.side_of(id)?;
        let is_ours = other.side(side).party.device.eq_ignore_ascii_case(device);
        let has_target = other.connected || (side == CallSide::Caller && other.ringing);
        (is_ours && has_target && replaced.is_of(&dialog.local_tag, &dialog.remote_tag)).then_some((call, id))
    }

    /// The INVITE of a consultation that was transferred before it was answered (Cisco's SIP Line Messaging Guide, early attended
    /// transfer).
    fn refuse_consultation(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        if let State::Incoming { key, invite, date } = leg.state.clone() {
            let refusal = line::refuse(&leg.node, &invite, Some(&leg.tag), &date, (487, "Request Cancelled"), None);
            let _ = self.endpoint.respond(now, &key, refusal);
            self.callers.remove(&key);
        }
        self.drop_leg(id);
    }

    /// The target refused, did not answer or cannot be reached.
    pub(super) fn on_target_failed(&mut self, now: Instant, number: u32, status: (u16, &str), why: &str) {
        let transfer = self.calls.get(&number).and_then(|call| call.transfer.as_ref());
        let Some((referrer, legs)) = transfer.map(|transfer| (transfer.referrer, transfer.legs())) else {
            return;
        };
        let ringing = self.calls.get_mut(&number).map(|call| std::mem::take(&mut call.alert).others);
        for leg in legs.into_iter().chain(ringing.into_iter().flatten().map(|other| other.leg)) {
            self.clear_leg(now, leg, NORMAL);
        }
        self.tell_progress(now, referrer, status);
        self.give_back(now, number, status.0, why);
    }

    /// Step: the target has rung long enough.
    pub(super) fn on_target_silent(&mut self, now: Instant, number: u32, id: LegId) {
        let rings = self.calls.get(&number).is_some_and(|call| call.alert.round == Some(id));
        if rings && self.calls.get(&number).is_some_and(|call| call.connected) {
            let why = "the target rang and was not answered";
            self.on_target_failed(now, number, (480, "Temporarily Unavailable"), why);
        }
    }

    /// The call is the transferrer's again; without a transferrer it is over.
    fn give_back(&mut self, now: Instant, number: u32, status: u16, why: &str) {
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        call.ringing = false;
        if self.park_on(now, number) {
            return;
        }
        let Some(call) = self.calls.get_mut(&number) else {
            return;
        };
        let Some(transfer) = call.transfer.take() else {
            return;
        };
        let member = call.side_mut(transfer.by);
        let is_there = self.legs.get(&member.leg).is_some_and(|leg| !leg.is_ending());
        // Whoever held before may have taken its call back meanwhile.
        if transfer.was_talking {
            member.holds = false;
        }
        let by = transfer.transferrer;
        let event = CucmEvent::TransferFailed { call: number, by, status, why: why.to_owned() };
        if is_there {
            call.news.get_or_insert_default().push(event);
            self.settle(now, number);
        } else {
            self.event(event);
            self.end_call(now, number, &format!("its transfer failed: {why}"));
        }
    }

    /// The transferrer hung up while the target rings: the transfer goes on without it. False where none is under way.
    pub(super) fn on_transferrer_left(&mut self, now: Instant, number: u32) -> bool {
        let Some(call) = self.calls.get_mut(&number) else {
            return false;
        };
        let by = match &call.transfer {
            Some(Handover { by, stage: Stage::Ringing(_), .. }) => *by,
            _ => return false,
        };
        let member = call.side_mut(by);
        member.feed = Feed::Nothing;
        // It may have taken its call back meanwhile: from here on its place is empty, as if it held.
        let talked = !std::mem::replace(&mut member.holds, true);
        if talked {
            call.news.get_or_insert_default();
            self.tell_recordings(now, number, by, Happening::Hold);
        }
        self.stop_music(number, by);
        self.quiet_port(number);
        self.settle(now, number);
        true
    }

    /// Tells the transferrer how far its transfer is, if it is still there.
    pub(super) fn tell_progress(&mut self, now: Instant, id: LegId, (status, reason): (u16, &str)) {
        let date = self.date(now);
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| !leg.is_ending()) else {
            return;
        };
        let (Some(flow), Some(cseq)) = (leg.flow, leg.dialog.as_mut().map(Dialog::next_cseq)) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        if let Some(leg) = self.legs.get(&id) {
            let notify = refer::notify(&leg.node, &thread, status, reason);
            let key = self.endpoint.send_request(now, flow, leg.node.transport, notify);
            self.asked.insert(key, Asked::Progress);
        }
    }
}
