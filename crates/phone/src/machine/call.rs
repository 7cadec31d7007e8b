//! The one call of the phone, from either side.

use std::time::Instant;

use media::sdp::Audio;
use sip::{ClientKey, Dialog, Message, ServerKey};

use super::media_change::InForce;
use super::{Command, Machine, MediaOrder, audio, peer_session, security};
use crate::description::OwnKey;
use crate::identifiers::NO_SESSION;
use crate::negotiate::{self, Settled};
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent, Security};
use crate::text::{self, Reply};

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) state: CallState,
    pub(super) security: Security,
    pub(super) origin: Origin,
    /// Ours and the peer's half of the Session-ID.
    pub(super) session: (String, String),
    pub(super) local_tag: String,
    pub(super) dialog: Option<Dialog>,
    pub(super) port: u16,
    /// Session id and next version of our `o=` line.
    pub(super) sdp: (u32, u32),
    /// The keys of our offer that has no answer yet.
    pub(super) offered: Option<Vec<OwnKey>>,
    /// What is in force.
    pub(super) settled: Option<Settled>,
    /// What the media was last told.
    pub(super) in_force: Option<InForce>,
    /// Our re-INVITE that has no answer yet, and what it asks for.
    pub(super) change: Option<(ClientKey, CallState)>,
    pub(super) is_cancelled: bool,
}

/// Who began the call.
#[derive(Debug)]
pub(super) enum Origin {
    /// We did.
    Here { invite: Message, key: ClientKey },
    /// CUCM did.
    There { invite: Message, key: ServerKey, offer: Option<Box<Audio>> },
}

impl Call {
    pub(super) fn matches(&self, message: &Message) -> bool {
        self.dialog.as_ref().is_some_and(|dialog| dialog.matches(message))
    }

    pub(super) fn awaits(&self, key: &ClientKey) -> bool {
        let begun = matches!(&self.origin, Origin::Here { key: own, .. } if own == key);
        begun || self.change.as_ref().is_some_and(|(own, _)| own == key)
    }

    pub(super) fn is_answering(&self, key: &ServerKey) -> bool {
        matches!(&self.origin, Origin::There { key: own, .. } if own == key)
    }

    pub(super) fn is_secured(&self) -> bool {
        self.settled.as_ref().is_some_and(|settled| settled.own.is_some() && settled.peer.is_some())
    }

    pub(super) fn call_id(&self) -> String {
        match (&self.dialog, &self.origin) {
            (Some(dialog), _) => dialog.call_id.clone(),
            (None, Origin::Here { invite, .. } | Origin::There { invite, .. }) => invite.call_id().unwrap_or_default(),
        }
    }
}

impl Machine {
    pub(super) fn dial(&mut self, now: Instant, number: &str) -> Result<(), CommandError> {
        if self.call.is_some() {
            return Err(CommandError::Busy);
        }
        if !self.registration.is_registered() {
            return Err(CommandError::NotRegistered);
        }
        let port = self.ports.pop().ok_or(CommandError::NoPort)?;
        let (call_id, local_tag) = (self.ids.call_id(), self.ids.tag());
        let session = (self.ids.session(), NO_SESSION.to_owned());
        let keys = self.fresh_keys();
        let sdp_id = self.ids.origin();
        let description = self.main_offer(port, (sdp_id, 0), &keys, CallState::Connected);
        let stamp = self.stamp(now, FIRST_CSEQ, session.clone());
        let invite = text::invite(&self.profile, number, &local_tag, &call_id, &stamp, &description);
        self.media(MediaOrder::Open { port });
        let key = self.send(now, invite.clone());
        self.call = Some(Call {
            state: CallState::Calling,
            security: Security::Unknown,
            origin: Origin::Here { invite, key },
            session,
            local_tag,
            dialog: None,
            port,
            sdp: (sdp_id, 1),
            offered: Some(keys),
            settled: None,
            in_force: None,
            change: None,
            is_cancelled: false,
        });
        Ok(())
    }

    /// A call comes in: with an offer, or as CUCM does it, without.
    pub(super) fn on_invite(&mut self, now: Instant, key: ServerKey, invite: Message) {
        if self.call.is_some() {
            return self.reply(now, &key, &invite, 486, "Busy Here");
        }
        let offer = match audio(&invite) {
            Ok(offer) => offer,
            Err(why) => {
                self.problem(format!("cannot use the offer of a call that comes in: {why}"));
                return self.reply(now, &key, &invite, 488, "Not Acceptable Here");
            }
        };
        let Some(port) = self.ports.pop() else {
            return self.reply(now, &key, &invite, 503, "Service Unavailable");
        };
        let call = Call {
            state: CallState::Ringing,
            security: security(&invite).unwrap_or_default(),
            session: (self.ids.session(), peer_session(&invite)),
            local_tag: self.ids.tag(),
            dialog: None,
            port,
            sdp: (self.ids.origin(), 0),
            offered: None,
            settled: None,
            in_force: None,
            change: None,
            is_cancelled: false,
            origin: Origin::There { invite: invite.clone(), key, offer: offer.map(Box::new) },
        };
        let session = call.session.clone();
        self.call = Some(call);
        self.say_trying(now, &key, &invite, &session);
        self.respond_in_call(now, &key, &invite, (180, "Ringing"), None);
        let from = invite.from_().ok().and_then(|from| from.uri.user).unwrap_or_default();
        self.event(PhoneEvent::Ringing { from });
    }

    pub(super) fn answer(&mut self, now: Instant) -> Result<(), CommandError> {
        let Some(Call {
            state: CallState::Ringing, origin: Origin::There { invite, key, offer }, port, local_tag, ..
        }) = &self.call
        else {
            return Err(CommandError::NothingRinging);
        };
        let (invite, key, offer, port) = (invite.clone(), *key, offer.clone(), *port);
        let dialog = match Dialog::from_request(&invite, local_tag) {
            // Cisco's own requests in a dialog start at 101.
            Ok(dialog) => Dialog { local_cseq: FIRST_CSEQ - 1, ..dialog },
            Err(error) => {
                self.reply(now, &key, &invite, 400, "Bad Request");
                self.end_call(format!("cannot answer: {error}"));
                return Err(CommandError::Refused(error.to_string()));
            }
        };
        let description = match offer {
            Some(offer) => match self.answer_offer(&offer) {
                Ok(description) => description,
                Err(why) => {
                    self.reply(now, &key, &invite, 488, "Not Acceptable Here");
                    self.end_call(why.clone());
                    return Err(CommandError::Refused(why));
                }
            },
            None => self.make_offer(),
        };
        if let Some(call) = &mut self.call {
            call.dialog = Some(dialog);
            call.state = CallState::Answering;
        }
        self.media(MediaOrder::Open { port });
        self.respond_in_call(now, &key, &invite, (200, "OK"), Some(&description));
        Ok(())
    }

    /// The ACK of our 200: the call is up, and where we made the offer it holds the answer.
    pub(super) fn on_call_ack(&mut self, now: Instant, ack: &Message) {
        let Some(call) = &mut self.call else { return };
        let is_new = call.state == CallState::Answering;
        if is_new {
            call.state = CallState::Connected;
        }
        match call.offered.take() {
            Some(keys) => self.take_answer(&keys, ack, "ACK"),
            None => self.apply_settled(),
        }
        if is_new {
            self.tell_connected();
        }
        let _ = now;
    }

    /// An answer to our INVITE or re-INVITE.
    pub(super) fn on_invite_answer(&mut self, now: Instant, key: &ClientKey, answer: &Message) {
        let code = answer.status().unwrap_or(0);
        let Some(call) = &mut self.call else { return };
        let is_change = call.change.as_ref().is_some_and(|(own, _)| own == key);
        if let Some(security) = security(answer) {
            call.security = security;
            self.event(PhoneEvent::Security(security));
        }
        match code {
            0..=100 => {}
            101..200 if !is_change => self.on_ringing_back(),
            101..200 => {}
            200..300 if is_change => self.on_change_accepted(now, key, answer),
            200..300 => self.on_accepted(now, key, answer),
            _ if is_change => self.on_change_refused(answer),
            _ => self.end_call(format!("{code} {}", answer.reason().unwrap_or_default())),
        }
    }

    fn on_ringing_back(&mut self) {
        let Some(call) = &mut self.call else { return };
        if call.state == CallState::Calling {
            call.state = CallState::RingingBack;
            self.event(PhoneEvent::RingingBack);
        }
    }

    fn on_accepted(&mut self, now: Instant, key: &ClientKey, answer: &Message) {
        let Some(Call { origin: Origin::Here { invite, .. }, offered, is_cancelled, dialog: None, .. }) =
            &mut self.call
        else {
            return;
        };
        let (keys, is_cancelled) = (offered.take().unwrap_or_default(), *is_cancelled);
        let dialog = match Dialog::from_response(invite, answer) {
            Ok(dialog) => dialog,
            Err(error) => return self.end_call(format!("cannot use the 200 that answered the call: {error}")),
        };
        if let Some(call) = &mut self.call {
            call.dialog = Some(dialog);
            call.session.1 = peer_session(answer);
            call.state = CallState::Connected;
        }
        self.acknowledge(now, key, answer);
        if is_cancelled {
            // The answer crossed our CANCEL (RFC 3261 §15).
            self.say_bye(now);
            return self.end_call("normal".to_owned());
        }
        self.take_answer(&keys, answer, "200");
        self.tell_connected();
    }

    /// ACK for a 2xx to an INVITE of ours.
    pub(super) fn acknowledge(&mut self, now: Instant, key: &ClientKey, answer: &Message) {
        let cseq = answer.cseq().map_or(FIRST_CSEQ, |cseq| cseq.number);
        let Some(session) = self.call.as_ref().map(|call| call.session.clone()) else { return };
        let stamp = self.stamp(now, cseq, session);
        let Some(dialog) = self.call.as_ref().and_then(|call| call.dialog.as_ref()) else { return };
        let ack = text::ack(&self.profile, dialog, &stamp);
        self.endpoint.send_ack(now, self.flow, key, ack);
        self.flush_endpoint(now);
    }

    fn tell_connected(&mut self) {
        let Some(call) = &self.call else { return };
        let (call_id, suite) = (call.call_id(), call.settled.as_ref().and_then(Settled::suite));
        self.event(PhoneEvent::Connected { call_id, suite });
    }

    /// Takes the answer to an offer of ours into force.
    pub(super) fn take_answer(&mut self, keys: &[OwnKey], message: &Message, name: &str) {
        let answer = match audio(message) {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                return self.problem(format!("got a {name} without a description, expected the answer to our offer"));
            }
            Err(why) => return self.problem(format!("cannot use the answer in the {name}: {why}")),
        };
        match negotiate::settle(keys, &answer) {
            Ok(settled) => {
                if let Some(call) = &mut self.call {
                    call.settled = Some(settled);
                }
                self.apply_settled();
            }
            Err(error) => self.problem(format!("cannot use the answer in the {name}: {error}")),
        }
    }

    pub(super) fn on_call_cancelled(&mut self, now: Instant, key: &ServerKey) {
        let Some(call) = self.call.as_ref().filter(|call| call.is_answering(key) && call.state == CallState::Ringing)
        else {
            return;
        };
        if let Origin::There { invite, .. } = &call.origin {
            let invite = invite.clone();
            self.respond_in_call(now, key, &invite, (487, "Request Cancelled"), None);
        }
        self.end_call("cancelled by the caller".to_owned());
    }

    pub(super) fn hang_up(&mut self, now: Instant) -> Result<(), CommandError> {
        let call = self.call.as_mut().ok_or(CommandError::NoCall)?;
        match call.state {
            CallState::Calling | CallState::RingingBack => {
                call.is_cancelled = true;
                if let Origin::Here { key, .. } = &call.origin {
                    let key = *key;
                    self.endpoint.send_cancel(now, &key).map_err(|error| CommandError::Refused(error.to_string()))?;
                }
            }
            CallState::Ringing => {
                if let Origin::There { invite, key, .. } = &call.origin {
                    let (invite, key) = (invite.clone(), *key);
                    self.respond_in_call(now, &key, &invite, (603, "Decline"), None);
                }
                self.end_call("declined".to_owned());
            }
            _ => {
                // The media ends first: nothing is said after the goodbye.
                self.media(MediaOrder::Close);
                self.say_bye(now);
                self.forget_call("normal".to_owned());
            }
        }
        Ok(())
    }

    /// Sends BYE in the call's dialog.
    pub(super) fn say_bye(&mut self, now: Instant) {
        let Some(call) = &mut self.call else { return };
        let Some(dialog) = &mut call.dialog else { return };
        let (cseq, session) = (dialog.next_cseq(), call.session.clone());
        let stamp = self.stamp(now, cseq, session);
        let Some(dialog) = self.call.as_ref().and_then(|call| call.dialog.as_ref()) else { return };
        let bye = text::bye(&self.profile, dialog, &stamp);
        self.send(now, bye);
        self.flush_endpoint(now);
    }

    /// Ends the call here: media, port, state.
    pub(super) fn end_call(&mut self, why: String) {
        let Some(call) = &self.call else { return };
        let order = match call.state {
            CallState::Ringing => MediaOrder::Free { port: call.port },
            _ => MediaOrder::Close,
        };
        self.media(order);
        self.forget_call(why);
    }

    fn forget_call(&mut self, why: String) {
        self.call = None;
        // The forks ended with the call's media; their dialogs wait for CUCM's BYE.
        self.bridges.iter_mut().for_each(super::Bridge::on_call_ended);
        self.event(PhoneEvent::Ended { why });
    }

    pub(super) fn respond_in_call(
        &mut self,
        now: Instant,
        key: &ServerKey,
        request: &Message,
        status: (u16, &str),
        sdp: Option<&str>,
    ) {
        let Some(call) = &self.call else { return };
        let reply = Reply {
            code: status.0,
            reason: status.1,
            tag: Some(&call.local_tag),
            session: Some((&call.session.0, &call.session.1)),
            wall: self.wall(now),
        };
        let response = match status.0 {
            300.. => text::short_response(&self.profile, request, &Reply { session: None, ..reply }),
            _ => text::full_response(&self.profile, request, &reply, sdp),
        };
        self.respond(now, key, response);
    }

    /// Puts what the endpoint has to send behind what is queued already.
    fn flush_endpoint(&mut self, now: Instant) {
        self.run_endpoint(now);
    }
}

impl Command {
    /// Its name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Dial(_) => "dial",
            Self::Answer => "answer",
            Self::HangUp => "hang up",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Unregister => "unregister",
        }
    }
}

/// CSeq of the first request of a Cisco phone in a dialog.
const FIRST_CSEQ: u32 = 101;
