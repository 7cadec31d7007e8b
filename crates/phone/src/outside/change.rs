//! What changes in a call that is up: offers of either side, hold and resume, other parties behind the trunk.

use std::time::Instant;

use ::media::sdp::{Audio, Direction};
use sip::{ClientKey, Message, ServerKey};

use super::Told;
use super::calls::Call;
use super::site::{Asked, Made, Order, Site, audio};
use super::text::{self, Description};
use crate::codec::Codec;
use crate::description::OwnKey;
use crate::machine::CallNo;
use crate::negotiate;
use crate::phone::CommandError;
use crate::status::CallState;

/// A re-INVITE of ours that is not accepted yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub(super) made: Made,
    /// False while it waits to be tried again.
    pub(super) is_out: bool,
}

impl Site {
    /// The offer for a call in this state.
    pub(super) fn full_offer(&self, call: &Call, keys: &[OwnKey], state: CallState) -> String {
        let direction = if state == CallState::Held { Direction::SendOnly } else { Direction::SendRecv };
        let codecs = &self.settings.codecs;
        Description { face: &self.face, origin: call.sdp, port: call.port, keys, codecs, direction }.to_text()
    }

    /// Makes an offer that waits for its answer.
    pub(super) fn make_offer(&mut self, no: CallNo, state: CallState) -> String {
        let keys = OwnKey::offer(&self.settings.suites.clone(), &mut self.rng);
        let Some(call) = self.call(no) else { return String::new() };
        let description = self.full_offer(call, &keys, state);
        if let Some(call) = self.call_mut(no) {
            call.sdp.1 += 1;
            call.offered = Some(keys);
        }
        description
    }

    /// Answers an offer; both are in force from then on.
    pub(super) fn answer_offer(&mut self, no: CallNo, offer: &Audio) -> Result<String, String> {
        let (codecs, suites) = (self.settings.codecs.clone(), self.settings.suites.clone());
        let mut settled =
            negotiate::accept(offer, &codecs, &suites, &mut self.rng).map_err(|error| error.to_string())?;
        let Some(call) = self.call_mut(no) else { return Err("the call is over".to_owned()) };
        crate::machine::keep_key(&mut settled, call.settled.as_ref());
        let direction = match (offer.direction.reversed(), call.state) {
            (Direction::SendRecv, CallState::Held) => Direction::SendOnly,
            (Direction::RecvOnly, CallState::Held) => Direction::Inactive,
            (direction, _) => direction,
        };
        let keys: Vec<OwnKey> = settled.own.iter().cloned().collect();
        let codecs = [Codec::of(settled.codec)];
        let (origin, port) = (call.sdp, call.port);
        call.sdp.1 += 1;
        call.settled = Some(settled);
        Ok(Description { face: &self.face, origin, port, keys: &keys, codecs: &codecs, direction }.to_text())
    }

    /// A re-INVITE or UPDATE of CUCM.
    pub(super) fn on_offer(&mut self, now: Instant, no: CallNo, key: &ServerKey, request: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        let Some(dialog) = call.dialog.as_mut() else { return };
        if dialog.accept(request).is_err() {
            return self.reply(now, key, request, 500, "Server Internal Error");
        }
        if call.change.is_some_and(|change| change.is_out) {
            return self.reply(now, key, request, 491, "Request Pending");
        }
        dialog.refresh_target(request);
        let state = call.state;
        let is_invite = request.method() == Some("INVITE");
        if is_invite {
            self.respond(now, key, text::reply(&self.face, request, (100, "Trying"), None));
        }
        let description = match audio(request) {
            Ok(None) if is_invite => Ok(Some(self.make_offer(no, state))),
            Ok(None) => Ok(None),
            Ok(Some(offer)) => self.answer_offer(no, &offer).map(Some),
            Err(why) => Err(why),
        };
        match description {
            Ok(description) => {
                self.respond_in_call(now, no, key, request, description.as_deref());
                if !is_invite {
                    self.apply(no);
                }
            }
            Err(why) => {
                self.problem(format!("cannot use an offer of CUCM: {why}"));
                self.reply(now, key, request, 488, "Not Acceptable Here");
            }
        }
    }

    pub(super) fn hold_or_resume(&mut self, now: Instant, party: usize, to: Made) -> Result<(), CommandError> {
        let call = self.call_with(party)?;
        let (no, wanted) = (call.no, if to == Made::Held { CallState::Connected } else { CallState::Held });
        if call.state != wanted || call.change.is_some() || call.offered.is_some() {
            return Err(CommandError::Busy);
        }
        if to == Made::Held {
            // Our own voice stops at once, and comes back with the answer.
            if let Some(call) = self.call_mut(no) {
                call.state = CallState::Held;
            }
            self.apply(no);
        }
        self.send_change(now, no, to);
        Ok(())
    }

    fn send_change(&mut self, now: Instant, no: CallNo, made: Made) {
        let state = if made == Made::Held { CallState::Held } else { CallState::Connected };
        let description = self.make_offer(no, state);
        let Some(thread) = self.next_thread(now, no) else { return };
        let Some(call) = self.call(no) else { return };
        let invite = text::reinvite(&self.face, &thread, &self.identity_of(call), call.guid, &description);
        if let Some(call) = self.call_mut(no) {
            call.change = Some(Change { made, is_out: true });
        }
        self.send(now, invite, Asked::Change(no));
    }

    /// The time to try again has come.
    pub(super) fn change_again(&mut self, now: Instant, no: CallNo) {
        let Some(call) = self.call_mut(no) else { return };
        if call.offered.is_some() {
            // CUCM's own change is still under way.
            return self.wait_for_glare(now, no, false);
        }
        if let Some(change) = call.change.take_if(|change| !change.is_out) {
            self.send_change(now, no, change.made);
        }
    }

    /// The final answer to our re-INVITE.
    pub(super) fn on_changed(&mut self, now: Instant, no: CallNo, key: &ClientKey, status: u16, answer: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        let (Some(change), keys) = (call.change.take(), call.offered.take().unwrap_or_default()) else { return };
        match status {
            200..300 => {
                if change.made != Made::Held {
                    call.state = CallState::Connected;
                }
                if let Some(dialog) = &mut call.dialog {
                    dialog.refresh_target(answer);
                }
                self.acknowledge(now, no, key, answer);
                self.take_answer(no, &keys, answer);
            }
            491 => {
                call.change = Some(Change { is_out: false, ..change });
                let is_owner = call.is_ours();
                self.wait_for_glare(now, no, is_owner);
            }
            _ => {
                if change.made == Made::Held {
                    call.state = CallState::Connected;
                }
                self.problem(format!("cucm refused a re-INVITE with {status}"));
                self.apply(no);
            }
        }
    }

    pub(super) fn transfer(&mut self, now: Instant, party: usize, to: usize, told: Told) -> Result<(), CommandError> {
        let no = self.talking(party)?;
        if !self.is_free(to) {
            return Err(CommandError::Busy);
        }
        let port = if told == Told::ByInvite { self.ports.pop().ok_or(CommandError::NoPort)? } else { 0 };
        let Some(call) = self.call_mut(no) else { return Err(CommandError::NoCall) };
        call.parties = vec![to];
        if told == Told::ByInvite {
            // Until CUCM has answered, nobody is connected.
            (call.state, call.port, call.settled, call.in_force) = (CallState::Answering, port, None, None);
            self.order(Order::Open { call: no, port });
        }
        self.order(Order::Speak { call: no, parties: vec![to] });
        match told {
            Told::ByInvite => self.send_change(now, no, Made::Transferred),
            Told::ByUpdate => self.send_update(now, no),
            Told::NotAtAll => {}
        }
        Ok(())
    }

    pub(super) fn confer(
        &mut self,
        now: Instant,
        party: usize,
        with: &[usize],
        number: &str,
    ) -> Result<(), CommandError> {
        let no = self.talking(party)?;
        if with.is_empty() || !with.iter().all(|other| self.is_free(*other)) {
            return Err(CommandError::Busy);
        }
        let Some(call) = self.call_mut(no) else { return Err(CommandError::NoCall) };
        call.parties.extend_from_slice(with);
        let was_conference = call.focus.replace(number.to_owned()).is_some();
        self.speak(no);
        if !was_conference {
            self.send_update(now, no);
        }
        Ok(())
    }

    pub(super) fn leave(&mut self, now: Instant, party: usize) -> Result<(), CommandError> {
        let no = self.talking(party)?;
        let Some(call) = self.call_mut(no).filter(|call| call.focus.is_some()) else {
            return Err(CommandError::NoCall);
        };
        call.parties.retain(|member| *member != party);
        let is_over = call.parties.len() == 1;
        if is_over {
            call.focus = None;
        }
        self.speak(no);
        if is_over {
            self.send_update(now, no);
        }
        Ok(())
    }

    /// The call of a party in which nothing else is under way.
    fn talking(&self, party: usize) -> Result<CallNo, CommandError> {
        let call = self.call_with(party)?;
        let is_free = call.state == CallState::Connected && call.change.is_none() && call.offered.is_none();
        if is_free { Ok(call.no) } else { Err(CommandError::Busy) }
    }

    fn speak(&mut self, no: CallNo) {
        let parties = self.call(no).map(|call| call.parties.clone()).unwrap_or_default();
        self.order(Order::Speak { call: no, parties });
    }

    /// UPDATE with the name of who talks now (Cisco document on geolocation and logical partitioning between clusters).
    fn send_update(&mut self, now: Instant, no: CallNo) {
        let Some(thread) = self.next_thread(now, no) else { return };
        let Some(call) = self.call(no) else { return };
        let update = text::update(&self.face, &thread, &self.identity_of(call));
        self.send(now, update, Asked::Else);
    }
}
