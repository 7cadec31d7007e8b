//! The built-in bridge: two dialogs beside the main call, each with one stream towards the recorder (Cisco 200788).
//!
//! ```text
//! CUCM                                phone
//!  │ INVITE Join, label, inactive ─────► │  after `answer`: own port, own dialog
//!  │ ◄───────────────── 200 inactive     │
//!  │ ACK ──────────────────────────────► │
//!  │ INVITE without offer ─────────────► │  after `offer`: same port, o= version + 1, new key
//!  │ ◄───────────────── 200 sendrecv     │
//!  │ ACK recorder's address, recvonly ─► │  the stream begins
//!  │ BYE ──────────────────────────────► │  it has ended when the 200 is sent
//! ```
//!
//! An INVITE without offer may come again while the stream runs: nothing changes then, unless [`BridgeChange`] has it.

use std::time::Instant;

use media::ledger::{Leg, StreamKind};
use media::sdp::{Audio, Direction, Profile};
use rand_core::Rng;
use sip::{Dialog, Message, ServerKey};

use super::said::{audio, peer_session};
use super::{CallNo, Machine, MediaOrder, Timer};
use crate::change::{BridgeChange, RollOver};
use crate::codec::Codec;
use crate::description::{Description, OwnKey};
use crate::negotiate::{self, Settled};
use crate::packet_time::PacketTime;
use crate::phone::CommandError;
use crate::status::PhoneEvent;
use crate::talk::{From, Opening, Turn};
use crate::text::{self, Reply};

/// One bridge dialog.
#[derive(Debug)]
pub(super) struct Bridge {
    leg: Leg,
    pub(super) dialog: Dialog,
    /// The call whose voice it copies.
    pub(super) main: CallNo,
    main_dialog: String,
    /// Whether the display shows it: `record-invoker=user`.
    is_shown: bool,
    session: (String, String),
    port: u16,
    sdp: (u32, u32),
    codec: Codec,
    /// How long its packets are, or shall be.
    packet_time: PacketTime,
    /// Whether CUCM has our 200.
    is_accepted: bool,
    /// The request that waits for its answer.
    request: Option<(ServerKey, Message)>,
    /// The keys of our offer that has no answer yet.
    offered: Option<Vec<OwnKey>>,
    /// The keys of the stream that runs.
    forking: Option<Settled>,
    /// The packet time of that stream is yet to become the one above.
    repacks: bool,
    /// The next offer has new keys.
    rekey: Option<RollOver>,
}

impl Bridge {
    pub(super) fn matches(&self, message: &Message) -> bool {
        self.dialog.matches(message)
    }

    pub(super) fn is_answering(&self, key: &ServerKey) -> bool {
        self.request.as_ref().is_some_and(|(own, _)| own == key)
    }

    /// Ours and the peer's half of the Session-ID.
    pub(super) fn session(&self) -> &(String, String) {
        &self.session
    }

    pub(super) fn is_forking(&self) -> bool {
        self.forking.is_some()
    }

    pub(super) fn take_request(&mut self) -> Option<(ServerKey, Message)> {
        self.request.take()
    }

    /// Whether the display says so that the call is recorded: the bridge was accepted, and it is no silent one.
    pub(super) fn shows(&self) -> bool {
        self.is_shown && self.is_accepted
    }

    /// The main call is over and took its forks with it.
    pub(super) fn on_call_ended(&mut self) {
        self.forking = None;
    }
}

impl Machine {
    /// CUCM asks for a copy of one voice of the call that Join names.
    pub(super) fn on_bridge_invite(&mut self, now: Instant, key: ServerKey, invite: Message) {
        let is_recording = invite.cisco_call_info().is_some_and(|info| info.record_invoker().is_some());
        if !is_recording {
            return self.on_barge_invite(now, key, &invite);
        }
        let Some(main) = self.joined(&invite) else {
            return self.reply(now, &key, &invite, 481, "Call Leg/Transaction Does Not Exist");
        };
        let bridge = match self.new_bridge(key, &invite, main) {
            Ok(bridge) => bridge,
            Err(why) => {
                self.problem(format!("cannot use an INVITE to the built-in bridge: {why}"));
                return self.reply(now, &key, &invite, 488, "Not Acceptable Here");
            }
        };
        let (call_id, session) = (bridge.dialog.call_id.clone(), bridge.session.clone());
        self.bridges.push(bridge);
        self.say_trying(now, &key, &invite, &session);
        self.set_timer(now + self.settings.bridge.answer, Timer::BridgeAnswer(call_id));
    }

    /// The call whose dialog Join names. CUCM writes our tag as from-tag; RFC 3911 §4 has it the other way.
    pub(super) fn joined(&self, invite: &Message) -> Option<CallNo> {
        let join = invite.join().ok()??;
        let tags = (join.from_tag.as_str(), join.to_tag.as_str());
        let is_named = |dialog: &Dialog| {
            let (ours, theirs) = (dialog.local_tag.as_str(), dialog.remote_tag.as_str());
            join.call_id == dialog.call_id && (tags == (ours, theirs) || tags == (theirs, ours))
        };
        self.calls.iter().find(|call| call.dialog.as_ref().is_some_and(is_named)).map(|call| call.no)
    }

    fn new_bridge(&mut self, key: ServerKey, invite: &Message, main: CallNo) -> Result<Bridge, String> {
        let offer = audio(invite)?.ok_or("got no description, expected a=label:X-relay-nearend or X-relay-farend")?;
        let leg = leg_of(&offer)?;
        let call = self.call(main).ok_or("the call it joins is over")?;
        let codec = call.settled.as_ref().map_or(Codec::Pcmu, |settled| Codec::of(settled.codec));
        let main_dialog = call.call_id();
        let dialog = Dialog::from_request(invite, &self.ids.tag()).map_err(|error| error.to_string())?;
        let port = self.ports.pop().ok_or("no media port is free")?;
        Ok(Bridge {
            leg,
            dialog,
            main,
            main_dialog,
            session: (self.ids.session(), peer_session(invite)),
            port,
            sdp: (self.ids.origin(), 0),
            codec,
            packet_time: PacketTime::default(),
            is_shown: invite.cisco_call_info().is_some_and(|info| info.record_invoker() == Some("user")),
            is_accepted: false,
            request: Some((key, invite.clone())),
            offered: None,
            forking: None,
            repacks: false,
            rekey: None,
        })
    }

    /// Answers the bridge INVITE: our port, in the profile of the offer, inactive.
    pub(super) fn answer_bridge(&mut self, now: Instant, call_id: &str) {
        let Some(at) = self.bridge_of(call_id) else { return };
        let Some((key, invite)) = self.bridges[at].take_request() else { return };
        let Ok(Some(offer)) = audio(&invite) else { return };
        let suites = self.settings.suites.clone();
        let codec = self.bridges[at].codec;
        let (secure, keys) = match negotiate::accept(&offer, &[codec], &suites, self.rng()) {
            Ok(settled) => (settled.own.is_some(), settled.own.into_iter().collect()),
            // CUCM's offer has no media behind it yet: with SAVP and no key of its own it is answered with ours.
            Err(_) if offer.profile == Profile::Savp && !suites.is_empty() => {
                (true, OwnKey::offer(&suites[..1], self.rng()))
            }
            Err(error) => {
                self.problem(format!("cannot answer an INVITE to the built-in bridge: {error}"));
                self.reply(now, &key, &invite, 488, "Not Acceptable Here");
                return self.end_bridge(at);
            }
        };
        self.bridges[at].is_accepted = true;
        let description = self.bridge_description(at, secure, &keys, Direction::Inactive);
        self.respond_on_bridge(now, at, &key, &invite, &description);
    }

    /// A re-INVITE on a bridge dialog. Without an offer CUCM wants ours; with one it changes or pauses the stream.
    pub(super) fn on_bridge_reinvite(&mut self, now: Instant, key: ServerKey, at: usize, invite: Message) {
        let bridge = &mut self.bridges[at];
        if bridge.dialog.accept(&invite).is_err() {
            return self.reply(now, &key, &invite, 500, "Server Internal Error");
        }
        bridge.dialog.refresh_target(&invite);
        if bridge.request.is_some() {
            return self.reply(now, &key, &invite, 491, "Request Pending");
        }
        let (call_id, session) = (bridge.dialog.call_id.clone(), bridge.session.clone());
        match audio(&invite) {
            Ok(None) => {
                bridge.request = Some((key, invite.clone()));
                self.say_trying(now, &key, &invite, &session);
                self.set_timer(now + self.settings.bridge.offer, Timer::BridgeOffer(call_id));
            }
            Ok(Some(offer)) => self.answer_on_bridge(now, &key, at, &invite, &offer),
            Err(why) => {
                self.problem(format!("cannot use the offer on a bridge dialog: {why}"));
                self.reply(now, &key, &invite, 488, "Not Acceptable Here");
            }
        }
    }

    /// Offers the stream: sendrecv on the port we have. A stream that runs keeps its key, one that begins gets a new one.
    pub(super) fn offer_on_bridge(&mut self, now: Instant, call_id: &str) {
        let Some(at) = self.bridge_of(call_id) else { return };
        let Some((key, invite)) = self.bridges[at].take_request() else { return };
        let mut keys = self.fresh_keys();
        let running = self.bridges[at].forking.as_ref().filter(|_| self.bridges[at].rekey.is_none());
        if let Some(own) = running.and_then(|settled| settled.own.as_ref()) {
            keys.iter_mut().filter(|new| new.suite == own.suite).for_each(|new| new.key = own.key.clone());
        }
        self.bridges[at].offered = Some(keys.clone());
        let description = self.bridge_description(at, !keys.is_empty(), &keys, Direction::SendRecv);
        self.respond_on_bridge(now, at, &key, &invite, &description);
    }

    /// Answers an offer on a bridge dialog and does what it says at once.
    fn answer_on_bridge(&mut self, now: Instant, key: &ServerKey, at: usize, invite: &Message, offer: &Audio) {
        let suites = self.settings.suites.clone();
        let codec = self.bridges[at].codec;
        let mut settled = match negotiate::accept(offer, &[codec], &suites, self.rng()) {
            Ok(settled) => settled,
            Err(error) => {
                self.problem(format!("cannot use the offer on a bridge dialog: {error}"));
                return self.reply(now, key, invite, 488, "Not Acceptable Here");
            }
        };
        super::media_change::keep_key(&mut settled, self.bridges[at].forking.as_ref());
        let keys: Vec<OwnKey> = settled.own.iter().cloned().collect();
        let description = self.bridge_description(at, !keys.is_empty(), &keys, offer.direction.reversed());
        self.run_fork(at, settled);
        self.respond_on_bridge(now, at, key, invite, &description);
    }

    /// The ACK on a bridge dialog: with the recorder's address the stream begins; without a description nothing is sent.
    pub(super) fn on_bridge_ack(&mut self, _now: Instant, at: usize, ack: &Message) {
        let Some(keys) = self.bridges[at].offered.take() else { return };
        let answer = match audio(ack) {
            Ok(Some(answer)) => answer,
            // CUCM found no codec or no suite in common and ends the dialog next.
            Ok(None) => return,
            Err(why) => return self.problem(format!("cannot use the answer on a bridge dialog: {why}")),
        };
        match negotiate::settle(&keys, &answer) {
            Ok(settled) => self.run_fork(at, settled),
            Err(error) => {
                let (leg, why) = (self.bridges[at].leg, error.to_string());
                self.event(PhoneEvent::ForkRefused { leg, why });
            }
        }
    }

    /// Starts, keeps or stops the stream as it was settled.
    fn run_fork(&mut self, at: usize, settled: Settled) {
        let bridge = &self.bridges[at];
        if !settled.sends || self.call(bridge.main).is_none() {
            return self.halt_fork(at);
        }
        if Codec::of(settled.codec) != bridge.codec {
            let (wanted, got) = (bridge.codec, settled.codec);
            return self.problem(format!(
                "got {} on the {} leg of the bridge, expected the codec of the call, {wanted:?}",
                got.encoding(),
                bridge.leg.name()
            ));
        }
        let is_running = bridge.forking.as_ref().is_some_and(|old| same_stream(old, &settled));
        let (leg, port, call, call_id, main_dialog) =
            (bridge.leg, bridge.port, bridge.main, bridge.dialog.call_id.clone(), bridge.main_dialog.clone());
        let (to, suite) = (settled.remote, settled.suite());
        let (rekey, packet_time) = (self.bridges[at].rekey.take(), self.bridges[at].packet_time);
        let repacks = std::mem::take(&mut self.bridges[at].repacks);
        let running = self.bridges[at].forking.as_ref().filter(|old| old.remote == to && old.codec == settled.codec);
        if running.is_some() && (rekey.is_some() || (repacks && is_running)) {
            let key = settled.own.clone().filter(|_| rekey.is_some());
            let packet_time = repacks.then_some(packet_time);
            let turn = Turn { key, packet_time, ..Turn::under(rekey.unwrap_or(RollOver::Keep)) };
            self.media(MediaOrder::TurnFork { call, leg, turn: Box::new(turn) });
        } else if !is_running {
            self.halt_fork(at);
            let opening = self.opening(StreamKind::Bridge(leg), &call_id, &main_dialog, &settled);
            let opening = Opening { packet_time, ..opening };
            self.media(MediaOrder::StartFork { call, leg, port, opening: Box::new(opening) });
            self.event(PhoneEvent::ForkStarted { leg, call_id, to, suite });
        }
        self.bridges[at].forking = Some(settled);
    }

    /// Changes what the streams of the active call are, or will be.
    pub(super) fn change_bridge(&mut self, change: BridgeChange) -> Result<(), CommandError> {
        let call = self.active_call().map(|call| call.no).ok_or(CommandError::NoCall)?;
        // What is agreed on may change while nothing flows: the recorder may have stopped the stream.
        let is_agreed_on = !matches!(change, BridgeChange::Source | BridgeChange::Sequence);
        let is_meant = |bridge: &Bridge| bridge.is_forking() || (is_agreed_on && bridge.is_accepted);
        let forks: Vec<usize> = (0..self.bridges.len())
            .filter(|at| self.bridges[*at].main == call && is_meant(&self.bridges[*at]))
            .collect();
        if forks.is_empty() || matches!(change, BridgeChange::Codec(codec) if codec.spoken().is_none()) {
            return Err(CommandError::Busy);
        }
        for at in forks {
            let leg = self.bridges[at].leg;
            match change {
                BridgeChange::Key(roll_over) => self.bridges[at].rekey = Some(roll_over),
                BridgeChange::Codec(codec) => self.bridges[at].codec = codec,
                BridgeChange::PacketTime(packet_time) => {
                    self.bridges[at].packet_time = packet_time;
                    self.bridges[at].repacks = true;
                }
                BridgeChange::Source | BridgeChange::Sequence => {
                    let ssrc = (change == BridgeChange::Source).then(|| self.rng().next_u32());
                    let (index, timestamp) = self.first_packet();
                    let turn = Turn { ssrc, from: From::Anew { index, timestamp }, ..Turn::under(RollOver::Keep) };
                    self.media(MediaOrder::TurnFork { call, leg, turn: Box::new(turn) });
                }
            }
        }
        Ok(())
    }

    fn halt_fork(&mut self, at: usize) {
        let bridge = &mut self.bridges[at];
        if bridge.forking.take().is_some() {
            let (call, leg, call_id) = (bridge.main, bridge.leg, bridge.dialog.call_id.clone());
            self.media(MediaOrder::StopFork { call, leg });
            self.event(PhoneEvent::ForkStopped { leg, call_id });
        }
    }

    /// Ends a bridge dialog.
    pub(super) fn end_bridge(&mut self, at: usize) {
        self.halt_fork(at);
        let bridge = self.bridges.remove(at);
        let call_id = &bridge.dialog.call_id;
        self.timers
            .retain(|(_, timer)| !matches!(timer, Timer::BridgeAnswer(id) | Timer::BridgeOffer(id) if id == call_id));
        self.media(MediaOrder::Free { port: bridge.port });
    }

    /// Ends the bridge dialogs of these calls, of which nobody will say that they are over.
    pub(super) fn end_bridges_of(&mut self, is_meant: impl Fn(CallNo) -> bool) {
        while let Some(at) = self.bridges.iter().position(|bridge| is_meant(bridge.main)) {
            self.end_bridge(at);
        }
    }

    fn bridge_of(&self, call_id: &str) -> Option<usize> {
        self.bridges.iter().position(|bridge| bridge.dialog.call_id == call_id)
    }

    fn bridge_description(&mut self, at: usize, secure: bool, keys: &[OwnKey], direction: Direction) -> String {
        let address = self.profile.local.ip();
        let bridge = &mut self.bridges[at];
        let (origin, codecs, packet_time, port) = (bridge.sdp, [bridge.codec], bridge.packet_time, bridge.port);
        bridge.sdp.1 += 1;
        let codecs = &codecs;
        Description { origin, address, port, secure, keys, codecs, direction, packet_time, main_call: false }.to_text()
    }

    fn respond_on_bridge(&mut self, now: Instant, at: usize, key: &ServerKey, request: &Message, sdp: &str) {
        let bridge = &self.bridges[at];
        let reply = Reply {
            code: 200,
            reason: "OK",
            tag: Some(&bridge.dialog.local_tag),
            session: Some((&bridge.session.0, &bridge.session.1)),
            wall: self.wall(now),
        };
        let response = text::full_response(&self.profile, request, &reply, Some(sdp));
        self.respond(now, key, response);
    }
}

/// Which voice CUCM wants, from the media label.
fn leg_of(offer: &Audio) -> Result<Leg, String> {
    match offer.label.as_deref() {
        Some("X-relay-nearend") => Ok(Leg::Near),
        Some("X-relay-farend") => Ok(Leg::Far),
        other => Err(format!("got a=label {other:?}, expected X-relay-nearend or X-relay-farend")),
    }
}

/// Is this the stream that runs already, as after a session refresh?
fn same_stream(old: &Settled, new: &Settled) -> bool {
    use super::media_change::InForce;
    InForce::of(old, true) == InForce::of(new, true)
}
