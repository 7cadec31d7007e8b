//! A recording: two bridge dialogs with the recorded phone, two dialogs with the recorder, one session.
//!
//! ```text
//! phone              CUCM                 recorder
//!   | <── INVITE near ─ |                    |      bridge: inactive, label, Join
//!   | ──── 200 ───────► | ─── INVITE near ─► |      no SDP
//!   | <── INVITE far ── |                    |      does not wait for the recorder
//!   | ──── 200 ───────► | ─── INVITE far ──► |
//!   |                   | <── 200 offer ──── |      in either order
//!   | <── re-INVITE ─── |                    |      no SDP
//!   | ──── 200 offer ─► |                    |
//!   | <── ACK answer ── | ─── ACK answer ──► |      each is told where the other one is
//! ```
//!
//! The whole is in Cisco document 200788, "Configure and Troubleshoot Basic Call Recording". With early offer the bridge is asked
//! first, and the recorder's INVITE carries what it said (inferred).

use std::net::SocketAddr;
use std::time::Instant;

use media::sdp::{Audio, Format};
use sip::Message;

use crate::config::{EncryptedPhoneOnNonSecureTrunk, OfferMode, RecordingLegs};
use crate::event::{
    ConnectFailure, CucmEvent, Invoker, Party, RecordingFailed, RecordingId, RecordingLeg, SecurityLevel,
};
use crate::ident::Side;
use crate::text::bridge::Joined;
use crate::text::recording::{End, Metadata};
use crate::text::sdp::Origin;
use crate::text::{self, bridge};

use super::call::{CallSide, FIRST_CSEQ};
use super::dialogs::{NORMAL, falls_back, media_of};
use super::forking::Gateway;
use super::leg::{Leg, LegId, Role, State};
use super::rules::Ending;
use super::sources::{Source, Turn};
use super::steps::Step;
use super::trunk::Way;
use super::{Engine, failure};

/// A recording from its first step to its end.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) call: u32,
    pub(super) metadata: Metadata,
    pub(super) joined: Joined,
    /// The recorded phone's leg of the call.
    pub(super) line: LegId,
    /// The gateway that forks, if it is not the phone.
    pub(super) gateway: Option<Gateway>,
    /// The place of whoever forks in the order of sources.
    pub(super) place: usize,
    /// The codec of the call, by the recorded phone's number: it is locked.
    pub(super) locked: Format,
    pub(super) security: SecurityLevel,
    pub(super) invoker: Invoker,
    pub(super) destination: String,
    calling_search_space: String,
    pub(super) started: bool,
    /// The end whose dialog is the only one, since the other one did not come about.
    pub(super) alone: Option<End>,
    near: Strand,
    far: Strand,
}

/// One of the two voices on its way from the phone to the recorder.
#[derive(Debug, Default)]
pub(super) struct Strand {
    pub(super) bridge: Option<LegId>,
    pub(super) recorder: Option<LegId>,
    /// Where the recording destination leads, in the order in which it is tried.
    pub(super) ways: Vec<Way>,
    /// Which of them is tried.
    pub(super) attempt: usize,
    /// When the recorder was called, the last time.
    pub(super) invited: Option<Instant>,
    /// The Session-ID that the phone gave its bridge dialog.
    pub(super) session: String,
    /// The codecs of the bridge's first answer.
    pub(super) formats: Vec<Format>,
    pub(super) phone: Option<Media>,
    pub(super) recording: Option<Media>,
    /// What the recorder had said before the offer that is being looked at.
    pub(super) before: Option<Media>,
    /// The media is being agreed on anew.
    pub(super) changing: bool,
    /// How often both ends were told of each other.
    pub(super) rounds: u64,
    /// What the recorder is told in the ACK.
    pub(super) answer: Option<String>,
    /// What was agreed, told when both strands stand.
    pub(super) leg: Option<RecordingLeg>,
}

/// One end's description and whether it takes RTP for SRTP.
#[derive(Clone, Debug)]
pub(super) struct Media {
    pub(super) audio: Audio,
    pub(super) falls_back: bool,
}

impl Recording {
    pub(super) fn strand(&self, end: End) -> &Strand {
        match end {
            End::Near => &self.near,
            End::Far => &self.far,
        }
    }

    /// The way that is tried for this end.
    pub(super) fn way(&self, end: End) -> Option<&Way> {
        let strand = self.strand(end);
        strand.ways.get(strand.attempt)
    }

    /// The destinations that were called for either end.
    fn tried(&self) -> Vec<SocketAddr> {
        let mut tried: Vec<SocketAddr> = Vec::new();
        for (_, destination) in
            End::BOTH.iter().flat_map(|end| self.strand(*end).ways.iter().take(self.strand(*end).attempt + 1))
        {
            if !tried.contains(destination) {
                tried.push(*destination);
            }
        }
        tried
    }

    pub(super) fn strand_mut(&mut self, end: End) -> &mut Strand {
        match end {
            End::Near => &mut self.near,
            End::Far => &mut self.far,
        }
    }
}

impl Engine {
    /// Step: the call was answered a moment ago.
    pub(super) fn record(&mut self, now: Instant, number: u32, side: CallSide) {
        self.record_from(now, number, side, 0);
    }

    /// The same by one of the sources from this place of their order on.
    fn record_from(&mut self, now: Instant, number: u32, side: CallSide, place: usize) {
        let turn = self.turn(number, side, place);
        let Some((mut recording, near)) = self.plan_recording(number, side, turn) else {
            return;
        };
        if !self.begins(&mut recording) {
            return;
        }
        if let Turn::Awaits(leg) = turn {
            return self.await_gateway(leg, number, side);
        }
        let is_routed = self.find_ways(&mut recording);
        self.last_recording += 1;
        let id = RecordingId(self.last_recording);
        let nobody = || failure("bridge", "the phone's built-in bridge is off, and no gateway can fork");
        let refused = self.refuse_recording(&recording, &near, is_routed).or_else(|| (turn == Turn::Over).then(nobody));
        self.recordings.insert(id, recording);
        if let Some(call) = self.calls.get_mut(&number) {
            call.recordings.push(id);
        }
        if let Some(failure) = refused {
            return self.end_recording(now, id, &failure, NORMAL, false);
        }
        if self.recordings.get(&id).is_some_and(|recording| recording.gateway.is_some()) {
            return self.call_recorder(now, id, End::Near);
        }
        self.identifiers.skip_legs(self.config.dialect.hidden_legs_before_bridge);
        self.identifiers.skip_identifiers(self.config.dialect.hidden_identifiers_before_near);
        self.call_bridge(now, id, End::Near);
    }

    fn plan_recording(&self, number: u32, side: CallSide, turn: Turn) -> Option<(Recording, Party)> {
        let call = self.calls.get(&number).filter(|call| call.talks())?;
        let (near, far) = (call.side(side), call.other(side));
        if self.recording_of(near.leg).is_some() {
            return None;
        }
        let dialog = self.legs.get(&near.leg)?.dialog.as_ref()?;
        let invoker = self.invoker_of(number, side)?;
        let line = self.config.phone(&near.party.device)?.line(&near.party.number)?;
        let profile = self.config.recording_profile(line.recording_profile.as_deref()?)?;
        let (place, gateway) = match turn {
            Turn::Of(place, Source::Gateway(leg)) => (place, self.gateway_at(number, leg)),
            Turn::Of(place, Source::Bridge) => (place, None),
            Turn::Awaits(_) | Turn::Over => (0, None),
        };
        let locked = near.share.as_ref()?.format.clone();
        let strand = || Strand {
            formats: gateway.iter().map(|_| locked.clone()).collect(),
            session: gateway
                .as_ref()
                .and_then(|_| self.legs.get(&near.leg))
                .map_or_else(String::new, |leg| leg.peer_session.clone()),
            ..Strand::default()
        };
        let recording = Recording {
            call: number,
            metadata: Metadata {
                refci: near.identifier,
                farendrefci: far.identifier,
                cluster_id: self.config.cluster_id.clone(),
                near: near.party.clone(),
                far: far.party.clone(),
                is_focus: far.is_focus(),
                form: self.config.dialect.from_parameters,
                devices: self.config.dialect.device_names,
                session: self.legs.get(&near.leg).map_or_else(String::new, |leg| leg.peer_session.clone()),
                fork: gateway.as_ref().map(|gateway| gateway.fork.clone()),
            },
            joined: Joined {
                call_id: dialog.call_id.clone(),
                phone_tag: dialog.remote_tag.clone(),
                node_tag: dialog.local_tag.clone(),
            },
            line: near.leg,
            security: call.security,
            invoker,
            destination: profile.recording_destination.clone(),
            calling_search_space: profile.recording_css.clone(),
            started: false,
            alone: None,
            near: strand(),
            far: strand(),
            locked,
            gateway,
            place,
        };
        Some((recording, near.party.clone()))
    }

    /// Routes both ends, or the one for the other; whether the number is routed at all.
    fn find_ways(&mut self, recording: &mut Recording) -> bool {
        let (space, number) = (recording.calling_search_space.clone(), recording.destination.clone());
        let Some(near) = self.ways_to(&space, &number) else {
            return false;
        };
        recording.far.ways = match self.config.dialect.recording_legs {
            RecordingLegs::Together => near.clone(),
            RecordingLegs::Apart => self.ways_to(&space, &number).unwrap_or_default(),
        };
        recording.near.ways = near;
        true
    }

    /// The recording of the phone on this leg.
    pub(super) fn recording_of(&self, line: LegId) -> Option<RecordingId> {
        self.recordings.iter().find(|(_, recording)| recording.line == line).map(|(id, _)| *id)
    }

    /// What makes a recording fail before the first message.
    fn refuse_recording(&self, recording: &Recording, near: &Party, is_routed: bool) -> Option<ConnectFailure> {
        let number = &recording.destination;
        let Some((trunk, _)) = recording.near.ways.first().filter(|_| !recording.far.ways.is_empty()) else {
            return Some(if is_routed {
                failure("out-of-service", &format!("every trunk for recording destination {number} is out of service"))
            } else {
                failure("route", &format!("recording destination {number} is not routed to any trunk"))
            });
        };
        let srtp_allowed = self.config.trunk(trunk).is_some_and(|trunk| trunk.srtp_allowed);
        let fails = self.config.dialect.encrypted_phone_on_non_secure_trunk == EncryptedPhoneOnNonSecureTrunk::Fail;
        (self.is_encrypted(&near.device) && !srtp_allowed && fails).then(|| {
            let why = format!("{} is encrypted, trunk {trunk} has srtp allowed off", near.device);
            failure("security-capability-mismatch", &why)
        })
    }

    /// Step: the INVITE that opens a bridge dialog.
    pub(super) fn call_bridge(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some(recording) = self.recordings.get(&id).filter(|recording| recording.strand(end).bridge.is_none())
        else {
            return;
        };
        let (line, locked, joined) = (recording.line, recording.locked.clone(), recording.joined.clone());
        let (near, invoker) = (recording.metadata.near.clone(), recording.invoker);
        let Some(flow) = self.legs.get(&line).and_then(|leg| leg.flow) else {
            return;
        };
        let Some((_, target)) = self.reach(&near) else {
            let gone = failure("bridge", "the recorded phone is not registered any more");
            return self.end_recording(now, id, &gone, NORMAL, false);
        };
        if end == End::Far {
            self.identifiers.skip_identifiers(self.config.dialect.hidden_identifiers_before_far);
        }
        let node = self.node(flow);
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let tag = self.identifiers.tag(number, identifier);
        let (from, to) = (
            format!("{};tag={tag}", bridge::from_value(&node.host())),
            format!("<sip:{}@{}>", near.number, node.host()),
        );
        let thread = self.opening(now, &node, (target, from, to));
        let origin = Origin { leg: number, version: 1, node: node.local.ip(), release: self.config.release };
        let sdp = text::sdp::bridge_inactive(origin, end.label(), &locked);
        let invite = bridge::invite(&node, &thread, &joined, invoker, &sdp);
        let leg = self.add_leg(Leg {
            flow: Some(flow),
            call_id: thread.call_id,
            peer_session: String::new(),
            ..Leg::waiting(Role::Bridge { recording: id, end }, node, (number, tag), near)
        });
        if let Some(recording) = self.recordings.get_mut(&id) {
            recording.strand_mut(end).bridge = Some(leg);
        }
        self.send_invite(now, leg, invite, FIRST_CSEQ, thread.date);
    }

    /// The phone's 200 on a bridge dialog: the first one, or its offer.
    pub(super) fn on_bridge_answered(
        &mut self,
        now: Instant,
        id: RecordingId,
        end: End,
        leg: LegId,
        response: &Message,
    ) {
        let offer = media_of(response).map(|audio| Media { audio, falls_back: falls_back(response) });
        let made_up = self.legs.get(&leg).map_or_else(String::new, |leg| self.made_up_session(Side::Line, leg.number));
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.peer_media = offer.as_ref().map(|media| media.audio.clone());
            if leg.peer_session.is_empty() {
                leg.peer_session = made_up;
            }
        }
        let is_first = self.legs.get(&leg).and_then(|leg| leg.invite.as_ref()).is_some_and(|i| i.cseq == FIRST_CSEQ);
        let session = self.legs.get(&leg).map_or_else(String::new, |leg| leg.peer_session.clone());
        let Some(recording) = self.recordings.get_mut(&id) else {
            return self.clear_leg(now, leg, NORMAL);
        };
        let locked = vec![recording.locked.clone()];
        let strand = recording.strand_mut(end);
        if is_first {
            strand.session = session;
            strand.formats = offer.map_or(locked, |media| media.audio.formats);
            self.send_ack(now, leg, text::NIL, None);
            return self.after_bridge(now, id, end);
        }
        let Some(offer) = offer.filter(|media| media.audio.port != 0) else {
            let nothing = failure("bridge", "the phone's bridge made no offer");
            return self.end_recording(now, id, &nothing, NORMAL, false);
        };
        strand.formats.clone_from(&offer.audio.formats);
        strand.phone = Some(offer);
        if self.offers_to_recorder(now, id, end) {
            return;
        }
        let is_called = self.recordings.get(&id).is_some_and(|recording| recording.strand(end).recorder.is_some());
        let timing = &self.config.timing;
        match self.offer_mode(id, end) {
            OfferMode::Early if !is_called => {
                self.steps.plan(now + timing.recorder_invite_after_bridge, Step::Recorder(id, end));
            }
            _ => self.steps.plan(now + timing.bridge_ack_after_offer, Step::Join(id, end)),
        }
    }

    fn after_bridge(&mut self, now: Instant, id: RecordingId, end: End) {
        let at = now + self.config.timing.recorder_invite_after_bridge;
        match self.offer_mode(id, end) {
            OfferMode::Delayed => self.steps.plan(at, Step::Recorder(id, end)),
            OfferMode::Early => self.steps.plan(at, Step::BridgeOffer(id, end)),
        }
    }

    /// Step: the re-INVITE without SDP on a bridge dialog.
    pub(super) fn ask_bridge(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some(recording) = self.recordings.get(&id) else {
            return;
        };
        let (invoker, Some(leg)) = (recording.invoker, recording.strand(end).bridge) else {
            return;
        };
        let date = self.date(now);
        let dialog = self.legs.get_mut(&leg).filter(|leg| matches!(leg.state, State::Up));
        let Some(cseq) = dialog.and_then(|leg| leg.dialog.as_mut()).map(sip::Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(leg, cseq, date.clone()) else {
            return;
        };
        let Some(known) = self.legs.get(&leg) else {
            return;
        };
        let invite = bridge::reinvite(&known.node, &thread, &known.peer_session, invoker);
        self.send_invite(now, leg, invite, cseq, date);
    }

    /// Delayed or early, by the SIP profile of the trunk in use.
    pub(super) fn offer_mode(&self, id: RecordingId, end: End) -> OfferMode {
        // A gateway is not asked what it could offer.
        let recording = self.recordings.get(&id).filter(|recording| recording.gateway.is_none());
        let way = recording.and_then(|recording| recording.way(end));
        let trunk = way.and_then(|(trunk, _)| self.config.trunk(trunk));
        trunk.and_then(|trunk| self.config.sip_profile_of(trunk)).map_or(OfferMode::Delayed, |profile| profile.offer)
    }

    /// Ends a recording: the recorder's dialogs, near before far, then the bridges. The call goes on.
    pub(super) fn end_recording(
        &mut self,
        now: Instant,
        id: RecordingId,
        why: impl Into<Ending>,
        cause: u16,
        by_recorder: bool,
    ) {
        self.announce_half(now, id);
        let Some(recording) = self.recordings.remove(&id) else {
            return;
        };
        let ending = self.or_next_source(&recording, why.into());
        if let Some(call) = self.calls.get_mut(&recording.call) {
            call.recordings.retain(|known| *known != id);
        }
        self.end_wish(&recording, &ending);
        self.end_fork(&recording);
        let strands = End::BOTH.map(|end| recording.strand(end));
        let legs = strands.map(|strand| strand.recorder).into_iter().chain(strands.map(|strand| strand.bridge));
        for leg in legs.flatten() {
            self.clear_leg(now, leg, cause);
        }
        if let Some(alarm) = Self::alarm_of(id, &recording, &ending) {
            self.event(CucmEvent::Alarm(alarm));
        }
        let why = ending.told();
        if let Ending::NextSource(_) = ending {
            let (call, near) = (recording.call, recording.metadata.near.clone());
            self.event(CucmEvent::RecordingSourceFailed { recording: id, call, near, why: why.clone() });
            if let Some((side, place)) = self.place_after(&recording) {
                self.record_from(now, recording.call, side, place);
            }
            return;
        }
        let event = if recording.started {
            CucmEvent::RecordingEnded { recording: id, why: why.why.clone(), by_recorder, cause }
        } else {
            CucmEvent::RecordingFailed(RecordingFailed {
                recording: id,
                call: recording.call,
                tried: recording.tried(),
                near: recording.metadata.near,
                why: why.why.clone(),
                rule: why.rule.clone(),
            })
        };
        self.event(event);
    }

    /// The Session-ID that CUCM writes for a peer that sent none.
    pub(super) fn made_up_session(&self, side: Side, leg: u32) -> String {
        match self.config.dialect.session_id_without_peer {
            crate::config::SessionIdWithoutPeer::Invented => self.identifiers.invented_session(side, leg),
            crate::config::SessionIdWithoutPeer::Zero => text::NIL.to_owned(),
        }
    }
}
