//! Offers and answers of the main call, and what they change in its media.

use std::net::SocketAddr;
use std::time::Instant;

use media::ledger::StreamKind;
use media::sdp::{Audio, Direction};
use rand_core::Rng;
use sip::{Message, ServerKey};

use super::hold::Change;
use super::said::{audio, security};
use super::{CallNo, Machine, MediaOrder};
use crate::codec::Codec;
use crate::description::{Description, OwnKey};
use crate::negotiate::{self, Settled};
use crate::packet_time::PacketTime;
use crate::status::{CallState, PhoneEvent};
use crate::talk::{MainTerms, Opening};

impl Machine {
    /// New keys for an offer, none for a phone without SRTP.
    pub(super) fn fresh_keys(&mut self) -> Vec<OwnKey> {
        let suites = self.settings.suites.clone();
        OwnKey::offer(&suites, self.rng())
    }

    /// The full offer of the main call.
    pub(super) fn main_offer(&self, port: u16, origin: (u32, u32), keys: &[OwnKey], state: CallState) -> String {
        let direction = if state == CallState::Held { Direction::SendOnly } else { Direction::SendRecv };
        Description {
            origin,
            address: self.profile.local.ip(),
            port,
            secure: !keys.is_empty(),
            keys,
            codecs: &self.settings.codecs,
            direction,
            packet_time: PacketTime::default(),
            main_call: true,
        }
        .to_text()
    }

    /// An offer for the call as it stands.
    pub(super) fn make_offer(&mut self, no: CallNo) -> String {
        let state = self.call(no).map_or(CallState::Connected, |call| call.state);
        self.make_offer_for(no, state)
    }

    /// An offer for the state the call shall have. A phone makes a new key for every first offer and whenever a stream becomes active
    /// again (Cisco's published phone stack); a stream that goes on keeps the key it has.
    pub(super) fn make_offer_for(&mut self, no: CallNo, state: CallState) -> String {
        let fresh = self.fresh_keys();
        let Some(call) = self.call_mut(no) else { return String::new() };
        let is_going_on = call.state == state && state == CallState::Connected;
        let in_force = call
            .settled
            .as_ref()
            .filter(|settled| is_going_on && settled.sends)
            .and_then(|settled| settled.own.clone());
        let keys: Vec<OwnKey> = fresh
            .into_iter()
            .map(|new| match &in_force {
                Some(own) if own.suite == new.suite => OwnKey { tag: new.tag, ..own.clone() },
                _ => new,
            })
            .collect();
        let (port, origin) = (call.port, call.sdp);
        call.sdp.1 += 1;
        call.offered = Some(keys.clone());
        self.main_offer(port, origin, &keys, state)
    }

    /// Answers an offer and puts both into force once the answer is out.
    pub(super) fn answer_offer(&mut self, no: CallNo, offer: &Audio) -> Result<String, String> {
        let suites = self.settings.suites.clone();
        let codecs = self.settings.codecs.clone();
        let mut settled = negotiate::accept(offer, &codecs, &suites, self.rng()).map_err(|error| error.to_string())?;
        let Some(call) = self.call_mut(no) else { return Err("the call is over".to_owned()) };
        keep_key(&mut settled, call.settled.as_ref());
        let direction = match (offer.direction.reversed(), call.state) {
            (Direction::SendRecv, CallState::Held) => Direction::SendOnly,
            (Direction::RecvOnly, CallState::Held) => Direction::Inactive,
            (direction, _) => direction,
        };
        let (port, origin) = (call.port, call.sdp);
        call.sdp.1 += 1;
        let keys: Vec<OwnKey> = settled.own.iter().cloned().collect();
        let codecs = [Codec::of(settled.codec)];
        call.settled = Some(settled);
        let description = Description {
            origin,
            address: self.profile.local.ip(),
            port,
            secure: !keys.is_empty(),
            keys: &keys,
            codecs: &codecs,
            direction,
            packet_time: PacketTime::default(),
            main_call: false,
        };
        Ok(description.to_text())
    }

    /// CUCM changes the call: new media, music on hold, a refresh.
    pub(super) fn on_call_reinvite(&mut self, now: Instant, no: CallNo, key: &ServerKey, invite: &Message) {
        if !self.take_in_dialog(now, no, key, invite) {
            return;
        }
        let is_glaring = self.call(no).and_then(|call| call.change.as_ref()).is_some_and(Change::is_under_way);
        if is_glaring {
            return self.respond_in_call(now, no, key, invite, (491, "Request Pending"), None);
        }
        if let Some(session) = self.call(no).map(|call| call.session.clone()) {
            self.say_trying(now, key, invite, &session);
        }
        let description = match audio(invite) {
            Ok(None) => {
                self.join(no);
                Ok(self.make_offer(no))
            }
            Ok(Some(offer)) => self.answer_offer(no, &offer),
            Err(why) => Err(why),
        };
        match description {
            Ok(description) => self.respond_in_call(now, no, key, invite, (200, "OK"), Some(&description)),
            Err(why) => {
                self.problem(format!("cannot use the offer of a re-INVITE: {why}"));
                self.respond_in_call(now, no, key, invite, (488, "Not Acceptable Here"), None);
            }
        }
    }

    /// CUCM asks for an offer in a call that it has joined with another one: the user talks in it again. How a Cisco phone learns of that
    /// is inferred.
    fn join(&mut self, no: CallNo) {
        let Some(call) = self.call_mut(no).filter(|call| call.joins) else { return };
        call.joins = false;
        if call.state == CallState::Held {
            call.state = CallState::Connected;
            self.active = Some(no);
        }
    }

    /// UPDATE in the call: other names, the call's security, or new media.
    pub(super) fn on_update(&mut self, now: Instant, key: &ServerKey, update: &Message) {
        let Some(no) = self.call_of(update) else {
            let code =
                if self.bridges.iter().any(|bridge| bridge.matches(update)) { (200, "OK") } else { (481, NO_DIALOG) };
            return self.reply(now, key, update, code.0, code.1);
        };
        if !self.take_in_dialog(now, no, key, update) {
            return;
        }
        let description = match audio(update) {
            Ok(None) => Ok(None),
            Ok(Some(offer)) => self.answer_offer(no, &offer).map(Some),
            Err(why) => Err(why),
        };
        match description {
            Ok(description) => {
                self.respond_in_call(now, no, key, update, (200, "OK"), description.as_deref());
                self.apply_settled(no);
            }
            Err(why) => {
                self.problem(format!("cannot use the offer of an UPDATE: {why}"));
                self.respond_in_call(now, no, key, update, (488, "Not Acceptable Here"), None);
            }
        }
    }

    /// Takes a request of the main dialog into account. False if it was refused as out of order.
    pub(super) fn take_in_dialog(&mut self, now: Instant, no: CallNo, key: &ServerKey, request: &Message) -> bool {
        let Some(call) = self.call_mut(no) else { return false };
        let Some(dialog) = &mut call.dialog else { return false };
        if dialog.accept(request).is_err() {
            self.respond_in_call(now, no, key, request, (500, "Server Internal Error"), None);
            return false;
        }
        dialog.refresh_target(request);
        if let Some(security) = security(request) {
            call.security = security;
            self.event(PhoneEvent::Security(security));
        }
        true
    }

    /// Puts what is settled into force, unless it is already.
    pub(super) fn apply_settled(&mut self, no: CallNo) {
        let Some(call) = self.call_mut(no) else { return };
        let Some(settled) = call.settled.clone() else { return };
        let is_sending = settled.sends && call.state != CallState::Held;
        let in_force = InForce::of(&settled, is_sending);
        if call.in_force.as_ref() == Some(&in_force) {
            return;
        }
        call.in_force = Some(in_force);
        let dialog = call.call_id();
        let send = is_sending.then(|| self.opening(StreamKind::Voice, &dialog, &dialog, &settled));
        let terms = MainTerms { send, receive: settled.peer };
        self.media(MediaOrder::SetMain { call: no, terms: Box::new(terms) });
    }

    /// A stream to be opened, with an SSRC and a first packet of its own.
    pub(super) fn opening(&mut self, kind: StreamKind, dialog: &str, main_dialog: &str, settled: &Settled) -> Opening {
        let random = self.rng().next_u32();
        let ssrc = self.settings.first.ssrc.filter(|_| kind != StreamKind::Voice).unwrap_or(random);
        let (first_index, first_timestamp) = self.first_packet();
        Opening {
            phone: self.profile.device.clone(),
            kind,
            dialog: dialog.to_owned(),
            main_dialog: main_dialog.to_owned(),
            remote: settled.remote,
            codec: settled.codec,
            packet_time: PacketTime::default(),
            events: settled.events,
            key: settled.own.clone(),
            ssrc,
            first_index,
            first_timestamp,
        }
    }

    /// The index and the timestamp that a sequence begins with.
    pub(super) fn first_packet(&mut self) -> (u64, u32) {
        let first_timestamp = self.rng().next_u32();
        // RFC 3711 §3.3.1 advises a first sequence number below 2^15: with one above it the loss of the first packets can cost the
        // receiver the roll-over count.
        let random = self.rng().next_u32() as u16 & 0x7fff;
        let first = self.settings.first;
        let sequence = first.sequence.unwrap_or(random);
        (u64::from(first.roll_over) << 16 | u64::from(sequence), first_timestamp)
    }
}

/// What the media runs with, to tell a refresh from a change.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct InForce {
    remote: SocketAddr,
    payload_type: u8,
    own: Option<[u8; 32]>,
    peer: Option<[u8; 32]>,
    is_sending: bool,
}

impl InForce {
    pub(super) fn of(settled: &Settled, is_sending: bool) -> Self {
        Self {
            remote: settled.remote,
            payload_type: settled.codec.payload_type(),
            own: settled.own.as_ref().map(|own| own.key.fingerprint()),
            peer: settled.peer.as_ref().map(|(_, key)| key.fingerprint()),
            is_sending,
        }
    }
}

/// An answer keeps the key of a stream that goes on unchanged.
pub(crate) fn keep_key(new: &mut Settled, old: Option<&Settled>) {
    let Some(old) = old else { return };
    let is_unchanged = old.sends && new.sends && old.remote == new.remote && old.peer == new.peer;
    if let (true, Some(own), Some(before)) = (is_unchanged, &mut new.own, &old.own)
        && own.suite == before.suite
    {
        own.key = before.key.clone();
    }
}

const NO_DIALOG: &str = "Call Leg/Transaction Does Not Exist";
