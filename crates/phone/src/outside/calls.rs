//! How a call of a party begins and ends, from either side.

use std::net::SocketAddr;
use std::time::Instant;

use ::media::ledger::StreamKind;
use ::media::sdp::Audio;
use rand_core::Rng;
use sip::{CiscoGuid, ClientKey, Dialog, Message, ServerKey};

use super::change::Change;
use super::site::{Asked, Order, Site, audio};
use super::text::{self, Identity, Thread};
use crate::description::OwnKey;
use crate::machine::CallNo;
use crate::negotiate::{self, Settled};
use crate::packet_time::PacketTime;
use crate::phone::CommandError;
use crate::status::CallState;
use crate::talk::{MainTerms, Opening};

/// A call with the cluster.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) no: CallNo,
    /// Who talks: one, or the members of a conference.
    pub(super) parties: Vec<usize>,
    pub(super) state: CallState,
    pub(super) origin: Origin,
    pub(super) guid: CiscoGuid,
    pub(super) local_tag: String,
    pub(super) dialog: Option<Dialog>,
    /// Our INVITE, as far as it is out.
    pub(super) invited: Option<ClientKey>,
    pub(super) is_cancelled: bool,
    pub(super) port: u16,
    /// Session id and next version of our `o=` line.
    pub(super) sdp: (u32, u32),
    /// The keys of our offer that has no answer yet.
    pub(super) offered: Option<Vec<OwnKey>>,
    pub(super) settled: Option<Settled>,
    /// What the media was last told: where to, whether to, and with which keys.
    pub(super) in_force: Option<InForce>,
    /// Our re-INVITE that has no answer yet.
    pub(super) change: Option<Change>,
    /// Whether it is a conference, and its number if one is delivered.
    pub(super) focus: Option<String>,
}

type InForce = (SocketAddr, bool, Option<[u8; 32]>, Option<[u8; 32]>);

/// Who began the call.
#[derive(Debug)]
pub(super) enum Origin {
    Here { invite: Message },
    There { invite: Message, key: ServerKey, offer: Option<Box<Audio>> },
}

impl Call {
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.origin, Origin::Here { .. })
    }
}

impl Site {
    pub(super) fn dial(&mut self, now: Instant, party: usize, number: &str) -> Result<(), CommandError> {
        if !self.is_free(party) {
            return Err(CommandError::Busy);
        }
        let mut call = self.new_call(party, CallState::Calling, Origin::Here { invite: empty() })?;
        let keys = OwnKey::offer(&self.settings.suites.clone(), &mut self.rng);
        let description = self.full_offer(&call, &keys, CallState::Connected);
        call.sdp.1 += 1;
        let cucm = self.settings.cucm;
        let identity = self.identity_of(&call);
        let thread = Thread {
            uri: format!("sip:{number}@{cucm}"),
            branch: self.branch(),
            from: format!("{};tag={}", identity.address(&self.face), call.local_tag),
            to: format!("<sip:{number}@{}>", text::host(cucm.ip())),
            call_id: format!("{}@{}", call.guid.to_hex(), text::host(self.face.local.ip())),
            cseq: FIRST_CSEQ,
            routes: Vec::new(),
            wall: self.wall(now),
        };
        let invite = text::invite(&self.face, &thread, &identity, call.guid, &description);
        call.origin = Origin::Here { invite: invite.clone() };
        call.offered = Some(keys);
        let (no, port) = (call.no, call.port);
        self.calls.push(call);
        self.order(Order::Open { call: no, port });
        self.order(Order::Speak { call: no, parties: vec![party] });
        self.send(now, invite, Asked::Invite(no));
        Ok(())
    }

    fn new_call(&mut self, party: usize, state: CallState, origin: Origin) -> Result<Call, CommandError> {
        let port = self.ports.pop().ok_or(CommandError::NoPort)?;
        let guid = CiscoGuid(std::array::from_fn(|_| self.rng.next_u32()));
        Ok(Call {
            no: self.next_call_no(),
            parties: vec![party],
            state,
            origin,
            guid,
            local_tag: self.tag(),
            dialog: None,
            invited: None,
            is_cancelled: false,
            port,
            sdp: (self.rng.next_u32() % 9_999 + 1, 1),
            offered: None,
            settled: None,
            in_force: None,
            change: None,
            focus: None,
        })
    }

    /// Who CUCM is told to be talking with.
    pub(super) fn identity_of(&self, call: &Call) -> Identity {
        let party = call.parties.first().and_then(|party| self.settings.parties.get(*party)).cloned();
        let (number, display) = match &call.focus {
            Some(number) => (number.clone(), String::new()),
            None => party.unwrap_or_default(),
        };
        Identity { number, display, is_focus: call.focus.is_some() }
    }

    /// CUCM calls a party.
    pub(super) fn on_invite(&mut self, now: Instant, key: ServerKey, invite: Message) {
        let number = invite.request_uri().and_then(|uri| uri.parse::<sip::Uri>().ok()).and_then(|uri| uri.user);
        let party = self.settings.parties.iter().position(|(own, _)| Some(own) == number.as_ref());
        let Some(party) = party else { return self.reply(now, &key, &invite, 404, "Not Found") };
        if !self.is_free(party) {
            return self.reply(now, &key, &invite, 486, "Busy Here");
        }
        let Ok(offer) = audio(&invite) else { return self.reply(now, &key, &invite, 488, "Not Acceptable Here") };
        let origin = Origin::There { invite: invite.clone(), key, offer: offer.map(Box::new) };
        let Ok(mut call) = self.new_call(party, CallState::Ringing, origin) else {
            return self.reply(now, &key, &invite, 503, "Service Unavailable");
        };
        if let Ok(Some(guid)) = invite.cisco_guid() {
            call.guid = guid;
        }
        self.respond(now, &key, text::reply(&self.face, &invite, (100, "Trying"), None));
        let identity = self.identity_of(&call);
        let ringing = text::answer(&self.face, &invite, (180, "Ringing"), &call.local_tag, &identity, None);
        self.respond(now, &key, ringing);
        self.calls.push(call);
    }

    pub(super) fn answer(&mut self, now: Instant, party: usize) -> Result<(), CommandError> {
        let call = self.call_with(party).map_err(|_| CommandError::NothingRinging)?;
        let Call { no, state: CallState::Ringing, origin: Origin::There { invite, key, offer }, local_tag, .. } = call
        else {
            return Err(CommandError::NothingRinging);
        };
        let (no, invite, key, offer, tag) = (*no, invite.clone(), *key, offer.clone(), local_tag.clone());
        let dialog = Dialog::from_request(&invite, &tag).map_err(|error| CommandError::Refused(error.to_string()))?;
        let description = match offer {
            Some(offer) => self.answer_offer(no, &offer).map_err(CommandError::Refused)?,
            None => self.make_offer(no, CallState::Connected),
        };
        let Some(call) = self.call_mut(no) else { return Err(CommandError::NoCall) };
        call.dialog = Some(Dialog { local_cseq: FIRST_CSEQ - 1, ..dialog });
        call.state = CallState::Answering;
        let port = call.port;
        self.order(Order::Open { call: no, port });
        self.order(Order::Speak { call: no, parties: vec![party] });
        self.respond_in_call(now, no, &key, &invite, Some(&description));
        Ok(())
    }

    /// A 200 in a call.
    pub(super) fn respond_in_call(
        &mut self,
        now: Instant,
        no: CallNo,
        key: &ServerKey,
        request: &Message,
        sdp: Option<&str>,
    ) {
        let Some(call) = self.call(no) else { return };
        let identity = self.identity_of(call);
        let ok = text::answer(&self.face, request, (200, "OK"), &call.local_tag, &identity, sdp);
        self.respond(now, key, ok);
    }

    /// The ACK of a 200 of ours: where that made an offer, it holds the answer.
    pub(super) fn on_ack(&mut self, no: CallNo, ack: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        if call.state == CallState::Answering {
            call.state = CallState::Connected;
        }
        // What a re-INVITE of ours offers is answered in its 200.
        match call.offered.take_if(|_| call.change.is_none()) {
            Some(keys) => self.take_answer(no, &keys, ack),
            None => self.apply(no),
        }
    }

    /// An answer to our INVITE.
    pub(super) fn on_progress(&mut self, now: Instant, no: CallNo, key: &ClientKey, status: u16, response: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        match status {
            0..=100 => {}
            101..200 => {
                if call.state == CallState::Calling {
                    call.state = CallState::RingingBack;
                }
            }
            200..300 => self.on_accepted(now, no, key, response),
            _ => self.end_call(no),
        }
    }

    fn on_accepted(&mut self, now: Instant, no: CallNo, key: &ClientKey, ok: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        let Origin::Here { invite } = &call.origin else { return };
        let Ok(dialog) = Dialog::from_response(invite, ok) else { return self.end_call(no) };
        call.dialog = Some(dialog);
        call.state = CallState::Connected;
        let (keys, is_cancelled) = (call.offered.take().unwrap_or_default(), call.is_cancelled);
        self.acknowledge(now, no, key, ok);
        if is_cancelled {
            self.say_bye(now, no);
            return self.end_call(no);
        }
        self.take_answer(no, &keys, ok);
    }

    /// ACK for a 2xx to an INVITE of ours.
    pub(super) fn acknowledge(&mut self, now: Instant, no: CallNo, key: &ClientKey, ok: &Message) {
        let cseq = ok.cseq().map_or(FIRST_CSEQ, |cseq| cseq.number);
        if let Some(thread) = self.thread(now, no, cseq) {
            let ack = text::ack(&self.face, &thread);
            self.send_ack(now, key, ack);
        }
    }

    /// What a request in a call repeats.
    pub(super) fn thread(&mut self, now: Instant, no: CallNo, cseq: u32) -> Option<Thread> {
        let (branch, wall) = (self.branch(), self.wall(now));
        let dialog = self.call(no)?.dialog.as_ref()?;
        let (uri, routes) = dialog.routing();
        let (from, to, call_id) = (dialog.local_header(), dialog.remote_header(), dialog.call_id.clone());
        Some(Thread { uri, branch, from, to, call_id, cseq, routes, wall })
    }

    /// The same with the next number.
    pub(super) fn next_thread(&mut self, now: Instant, no: CallNo) -> Option<Thread> {
        let cseq = self.call_mut(no)?.dialog.as_mut()?.next_cseq();
        self.thread(now, no, cseq)
    }

    /// Takes the answer to an offer of ours into force.
    pub(super) fn take_answer(&mut self, no: CallNo, keys: &[OwnKey], message: &Message) {
        let settled = audio(message).and_then(|answer| {
            let answer = answer.ok_or("got no description, expected the answer to our offer")?;
            negotiate::settle(keys, &answer).map_err(|error| error.to_string())
        });
        match settled {
            Ok(settled) => {
                if let Some(call) = self.call_mut(no) {
                    call.settled = Some(settled);
                }
                self.apply(no);
            }
            Err(why) => self.problem(format!("cannot use an answer of CUCM: {why}")),
        }
    }

    /// Puts what is settled into force, unless it is.
    pub(super) fn apply(&mut self, no: CallNo) {
        let (ssrc, first_timestamp) = (self.rng.next_u32(), self.rng.next_u32());
        // RFC 3711 §3.3.1: a first sequence number below 2^15.
        let first_index = u64::from(self.rng.next_u32() as u16 & 0x7fff);
        let phone = self.settings.name.clone();
        let Some(call) = self.call_mut(no) else { return };
        let Some(settled) = call.settled.clone() else { return };
        let is_sending = settled.sends && call.state != CallState::Held;
        let own = settled.own.as_ref().map(|own| own.key.fingerprint());
        let peer = settled.peer.as_ref().map(|(_, key)| key.fingerprint());
        let in_force = (settled.remote, is_sending, own, peer);
        if call.in_force.as_ref() == Some(&in_force) {
            return;
        }
        call.in_force = Some(in_force);
        let dialog = call.dialog.as_ref().map(|dialog| dialog.call_id.clone()).unwrap_or_default();
        let send = is_sending.then(|| Opening {
            phone,
            kind: StreamKind::Voice,
            dialog: dialog.clone(),
            main_dialog: dialog,
            remote: settled.remote,
            codec: settled.codec,
            packet_time: PacketTime::default(),
            events: settled.events,
            key: settled.own,
            ssrc,
            first_index,
            first_timestamp,
        });
        let terms = Box::new(MainTerms { send, receive: settled.peer });
        self.order(Order::SetMain { call: no, terms });
    }

    pub(super) fn hang_up(&mut self, now: Instant, party: usize) -> Result<(), CommandError> {
        let call = self.call_with(party)?;
        let (no, state) = (call.no, call.state);
        match state {
            CallState::Calling | CallState::RingingBack => {
                let key = call.invited.ok_or(CommandError::Busy)?;
                if let Some(call) = self.call_mut(no) {
                    call.is_cancelled = true;
                }
                self.endpoint.send_cancel(now, &key).map_err(|error| CommandError::Refused(error.to_string()))?;
            }
            CallState::Ringing => {
                if let Origin::There { invite, key, .. } = &call.origin {
                    let (invite, key) = (invite.clone(), *key);
                    self.reply(now, &key, &invite, 603, "Decline");
                }
                self.end_call(no);
            }
            _ => {
                // The media ends first: nothing is said after the goodbye.
                self.order(Order::Close { call: no });
                self.say_bye(now, no);
                self.calls.retain(|call| call.no != no);
            }
        }
        Ok(())
    }

    /// Ends every call that can be ended.
    pub(super) fn hang_up_all(&mut self, now: Instant) {
        for party in 0..self.settings.parties.len() {
            // Who has no call has nothing to end.
            let _ = self.hang_up(now, party);
        }
    }

    pub(super) fn on_cancelled(&mut self, now: Instant, cancelled: ServerKey) {
        let found = self.calls.iter().find_map(|call| match &call.origin {
            Origin::There { invite, key, .. } if *key == cancelled => Some((call.no, invite.clone())),
            _ => None,
        });
        if let Some((no, invite)) = found {
            self.reply(now, &cancelled, &invite, 487, "Request Cancelled");
            self.end_call(no);
        }
    }

    pub(super) fn on_ack_missing(&mut self, now: Instant, missing: ServerKey) {
        let is_it = |call: &&Call| matches!(&call.origin, Origin::There { key, .. } if *key == missing);
        if let Some(no) = self.calls.iter().find(is_it).map(|call| call.no) {
            self.problem("no ACK came for a 200; the call is ended".to_owned());
            self.say_bye(now, no);
            self.end_call(no);
        }
    }

    fn say_bye(&mut self, now: Instant, no: CallNo) {
        if let Some(thread) = self.next_thread(now, no) {
            let bye = text::bye(&self.face, &thread);
            self.send(now, bye, Asked::Else);
        }
    }

    /// The call is over.
    pub(super) fn end_call(&mut self, no: CallNo) {
        let Some(at) = self.calls.iter().position(|call| call.no == no) else { return };
        let call = self.calls.remove(at);
        match call.state {
            CallState::Ringing => self.ports.push(call.port),
            _ => self.order(Order::Close { call: no }),
        }
    }
}

/// What stands for an INVITE that is being written.
fn empty() -> Message {
    sip::Builder::request("INVITE", "sip:nobody").finish()
}

/// CSeq of the first request in a dialog.
pub(super) const FIRST_CSEQ: u32 = 101;
