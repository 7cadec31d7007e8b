//! How a call of the phone begins, from either side.

use std::time::Instant;

use media::sdp::Audio;
use sip::{ClientKey, Dialog, Message, ServerKey};

use super::hold::Change;
use super::media_change::InForce;
use super::said::{audio, peer_session, security};
use super::{CallNo, Machine, MediaOrder};
use crate::description::OwnKey;
use crate::identifiers::NO_SESSION;
use crate::negotiate::{self, Settled};
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent, Security};
use crate::text::{self, Elsewhere, Reply};

/// A call.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) no: CallNo,
    pub(super) state: CallState,
    /// Who is called, or who calls: the number that a transfer refers to.
    pub(super) number: String,
    pub(super) security: Security,
    pub(super) origin: Origin,
    /// Ours and the peer's half of the Session-ID.
    pub(super) session: (String, String),
    pub(super) local_tag: String,
    pub(super) dialog: Option<Dialog>,
    /// The dialog of a call that only rings at the other side: an early transfer refers to it.
    pub(super) early: Option<Dialog>,
    pub(super) port: u16,
    /// Session id and next version of our `o=` line.
    pub(super) sdp: (u32, u32),
    /// The keys of our offer that has no answer yet.
    pub(super) offered: Option<Vec<OwnKey>>,
    /// What is in force.
    pub(super) settled: Option<Settled>,
    /// What the media was last told.
    pub(super) in_force: Option<InForce>,
    /// Our re-INVITE that has no answer yet.
    pub(super) change: Option<Change>,
    /// Our REFER that has no answer yet.
    pub(super) refer: Option<ClientKey>,
    /// Whether CUCM is to connect it with a conference: its next re-INVITE ends the hold.
    pub(super) joins: bool,
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
        begun || self.is_changed_by(key)
    }

    pub(super) fn is_changed_by(&self, key: &ClientKey) -> bool {
        self.change.as_ref().is_some_and(|change| change.is_made_by(key))
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
    /// Opens a call; it becomes the active one. A call that there is must be held.
    pub(super) fn dial(&mut self, now: Instant, number: &str) -> Result<(), CommandError> {
        self.open_call(now, number, None)
    }

    /// The same, where another phone has a call already.
    pub(super) fn open_call(
        &mut self,
        now: Instant,
        number: &str,
        elsewhere: Option<Elsewhere<'_>>,
    ) -> Result<(), CommandError> {
        if self.is_full() || self.calls.iter().any(|call| call.state != CallState::Held || call.change.is_some()) {
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
        let invite = text::invite(&self.profile, number, (&local_tag, &call_id), &stamp, elsewhere, &description);
        let no = self.next_call_no();
        self.media(MediaOrder::Open { call: no, port });
        let key = self.send(now, invite.clone());
        self.calls.push(Call {
            no,
            state: CallState::Calling,
            number: number.to_owned(),
            security: Security::Unknown,
            origin: Origin::Here { invite, key },
            session,
            local_tag,
            dialog: None,
            early: None,
            port,
            sdp: (sdp_id, 1),
            offered: Some(keys),
            settled: None,
            in_force: None,
            change: None,
            refer: None,
            joins: false,
            is_cancelled: false,
        });
        self.active = Some(no);
        Ok(())
    }

    /// A call comes in: with an offer, or as CUCM does it, without.
    pub(super) fn on_invite(&mut self, now: Instant, key: ServerKey, invite: Message) {
        if self.is_full() {
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
        let from = invite.from_().ok().and_then(|from| from.uri.user).unwrap_or_default();
        let no = self.next_call_no();
        let call = Call {
            no,
            state: CallState::Ringing,
            number: from.clone(),
            security: security(&invite).unwrap_or_default(),
            session: (self.ids.session(), peer_session(&invite)),
            local_tag: self.ids.tag(),
            dialog: None,
            early: None,
            port,
            sdp: (self.ids.origin(), 0),
            offered: None,
            settled: None,
            in_force: None,
            change: None,
            refer: None,
            joins: false,
            is_cancelled: false,
            origin: Origin::There { invite: invite.clone(), key, offer: offer.map(Box::new) },
        };
        let session = call.session.clone();
        self.calls.push(call);
        self.active.get_or_insert(no);
        self.say_trying(now, &key, &invite, &session);
        self.respond_in_call(now, no, &key, &invite, (180, "Ringing"), None);
        self.event(PhoneEvent::Ringing { from });
    }

    /// Answers this call; it becomes the active one.
    pub(super) fn answer_call(&mut self, now: Instant, no: CallNo) -> Result<(), CommandError> {
        let Some(Call {
            state: CallState::Ringing, origin: Origin::There { invite, key, offer }, port, local_tag, ..
        }) = self.call(no)
        else {
            return Err(CommandError::NothingRinging);
        };
        let (invite, key, offer, port) = (invite.clone(), *key, offer.clone(), *port);
        let dialog = match Dialog::from_request(&invite, local_tag) {
            // Cisco's own requests in a dialog start at 101.
            Ok(dialog) => Dialog { local_cseq: FIRST_CSEQ - 1, ..dialog },
            Err(error) => {
                self.reply(now, &key, &invite, 400, "Bad Request");
                self.end_call(no, format!("cannot answer: {error}"));
                return Err(CommandError::Refused(error.to_string()));
            }
        };
        let description = match offer {
            Some(offer) => match self.answer_offer(no, &offer) {
                Ok(description) => description,
                Err(why) => {
                    self.reply(now, &key, &invite, 488, "Not Acceptable Here");
                    self.end_call(no, why.clone());
                    return Err(CommandError::Refused(why));
                }
            },
            None => self.make_offer(no),
        };
        if let Some(call) = self.call_mut(no) {
            call.dialog = Some(dialog);
            call.state = CallState::Answering;
        }
        self.active = Some(no);
        self.media(MediaOrder::Open { call: no, port });
        self.respond_in_call(now, no, &key, &invite, (200, "OK"), Some(&description));
        Ok(())
    }

    /// The ACK of our 200: the call is up, and where we made the offer it holds the answer.
    pub(super) fn on_call_ack(&mut self, no: CallNo, ack: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        let is_new = call.state == CallState::Answering;
        if is_new {
            call.state = CallState::Connected;
        }
        match call.offered.take() {
            Some(keys) => self.take_answer(no, &keys, ack, "ACK"),
            None => self.apply_settled(no),
        }
        if is_new {
            self.tell_connected(no);
        }
    }

    /// An answer to our INVITE or re-INVITE.
    pub(super) fn on_invite_answer(&mut self, now: Instant, no: CallNo, key: &ClientKey, answer: &Message) {
        let code = answer.status().unwrap_or(0);
        let Some(call) = self.call_mut(no) else { return };
        let is_change = call.is_changed_by(key);
        if let Some(security) = security(answer) {
            call.security = security;
            self.event(PhoneEvent::Security(security));
        }
        match code {
            0..=100 => {}
            101..200 if !is_change => self.on_ringing_back(no, answer),
            101..200 => {}
            200..300 if is_change => self.on_change_accepted(now, no, key, answer),
            200..300 => self.on_accepted(now, no, key, answer),
            _ if is_change => self.on_change_refused(now, no, answer),
            _ => self.end_call(no, format!("{code} {}", answer.reason().unwrap_or_default())),
        }
    }

    fn on_ringing_back(&mut self, no: CallNo, answer: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        if let (Origin::Here { invite, .. }, None) = (&call.origin, &call.early) {
            // A 180 without Contact makes no dialog; the call is transferred when it is answered, then.
            call.early = Dialog::from_response(invite, answer).ok();
        }
        if call.state == CallState::Calling {
            call.state = CallState::RingingBack;
            self.event(PhoneEvent::RingingBack);
        }
    }

    fn on_accepted(&mut self, now: Instant, no: CallNo, key: &ClientKey, answer: &Message) {
        let Some(Call { origin: Origin::Here { invite, .. }, offered, is_cancelled, dialog: None, .. }) =
            self.call_mut(no)
        else {
            return;
        };
        let (keys, is_cancelled) = (offered.take().unwrap_or_default(), *is_cancelled);
        let dialog = match Dialog::from_response(invite, answer) {
            Ok(dialog) => dialog,
            Err(error) => return self.end_call(no, format!("cannot use the 200 that answered the call: {error}")),
        };
        if let Some(call) = self.call_mut(no) {
            call.dialog = Some(dialog);
            call.session.1 = peer_session(answer);
            call.state = CallState::Connected;
        }
        self.acknowledge(now, no, key, answer);
        if is_cancelled {
            // The answer crossed our CANCEL (RFC 3261 §15).
            self.say_bye(now, no);
            return self.end_call(no, "normal".to_owned());
        }
        self.take_answer(no, &keys, answer, "200");
        self.tell_connected(no);
    }

    /// ACK for a 2xx to an INVITE of ours.
    pub(super) fn acknowledge(&mut self, now: Instant, no: CallNo, key: &ClientKey, answer: &Message) {
        let cseq = answer.cseq().map_or(FIRST_CSEQ, |cseq| cseq.number);
        let Some(session) = self.call(no).map(|call| call.session.clone()) else { return };
        let stamp = self.stamp(now, cseq, session);
        let Some(dialog) = self.call(no).and_then(|call| call.dialog.as_ref()) else { return };
        let ack = text::ack(&self.profile, dialog, &stamp);
        self.endpoint.send_ack(now, self.flow, key, ack);
        self.run_endpoint(now);
    }

    fn tell_connected(&mut self, no: CallNo) {
        let Some(call) = self.call(no) else { return };
        let (call_id, suite) = (call.call_id(), call.settled.as_ref().and_then(Settled::suite));
        self.event(PhoneEvent::Connected { call_id, suite });
    }

    /// Takes the answer to an offer of ours into force.
    pub(super) fn take_answer(&mut self, no: CallNo, keys: &[OwnKey], message: &Message, name: &str) {
        let answer = match audio(message) {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                return self.problem(format!("got a {name} without a description, expected the answer to our offer"));
            }
            Err(why) => return self.problem(format!("cannot use the answer in the {name}: {why}")),
        };
        match negotiate::settle(keys, &answer) {
            Ok(settled) => {
                if let Some(call) = self.call_mut(no) {
                    call.settled = Some(settled);
                }
                self.apply_settled(no);
            }
            Err(error) => self.problem(format!("cannot use the answer in the {name}: {error}")),
        }
    }

    pub(super) fn respond_in_call(
        &mut self,
        now: Instant,
        no: CallNo,
        key: &ServerKey,
        request: &Message,
        status: (u16, &str),
        sdp: Option<&str>,
    ) {
        let Some(call) = self.call(no) else { return };
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
}

/// CSeq of the first request of a Cisco phone in a dialog.
const FIRST_CSEQ: u32 = 101;
