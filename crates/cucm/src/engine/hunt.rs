//! The dialogs with the recorder: which destination is tried, and what is tried next.

use std::time::Instant;

use sip::Message;

use crate::config::{Hunt, OfferMode, RecordingLegs};
use crate::event::{ConnectFailure, RecordingId, SecurityLevel};
use crate::ident::Side;
use crate::negotiate::shares_codec;
use crate::text::recording::{End, Invite, Opening, Transmitted, from_value};
use crate::text::{self, host, recording};

use super::call::{FIRST_CSEQ, MISMATCH};
use super::dialogs::{NORMAL, falls_back, media_of};
use super::leg::{Leg, LegId, Owed, Role};
use super::recording::Media;
use super::steps::Step;
use super::{Engine, failure};

impl Engine {
    /// Step: the INVITE to the recorder, on the way that is tried now. The first one for the near end lets the far end begin.
    pub(super) fn call_recorder(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some(recording) = self.recordings.get(&id).filter(|known| known.strand(end).recorder.is_none()) else {
            return;
        };
        let strand = recording.strand(end);
        let (attempt, session) = (strand.attempt, strand.session.clone());
        let Some((trunk, destination)) = recording.way(end).cloned() else {
            return;
        };
        let (identity, is_forked) = (recording.metadata.identity(), recording.gateway.is_some());
        // The phone's node drives the recording.
        let address = self.address_of(recording.line);
        if !is_forked {
            self.identifiers.skip_legs(self.config.dialect.hidden_legs_before_recorder);
        }
        let (number, identifier) = (self.identifiers.leg(), self.identifiers.identifier());
        let tag = self.identifiers.tag(number, identifier);
        let leg = self.add_leg(Leg {
            peer_session: self.made_up_session(Side::Trunk, number),
            other_session: session.clone(),
            ..Leg::waiting(
                Role::Recorder { recording: id, end, trunk: trunk.clone(), destination },
                self.trunk_node(&trunk, address),
                (number, tag),
                identity,
            )
        });
        if let Some(recording) = self.recordings.get_mut(&id) {
            let strand = recording.strand_mut(end);
            strand.session = session;
            strand.recorder = Some(leg);
        }
        self.owe(now, leg, Owed::Invite);
        if end == End::Near && attempt == 0 && !is_forked {
            let at = now + self.config.timing.far_bridge_after_near_invite;
            self.steps.plan(at, Step::Bridge(id, End::Far));
        }
    }

    /// The connection is there: names, Call-ID and Cisco-Guid are made now.
    pub(super) fn invite_recorder(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let Role::Recorder { recording, end, trunk, destination } = leg.role.clone() else {
            return;
        };
        let (node, tag, number) = (leg.node, leg.tag.clone(), leg.number);
        let Some(known) = self.recordings.get(&recording) else {
            return self.drop_leg(id);
        };
        let (metadata, dialled) = (known.metadata.clone(), known.destination.clone());
        let (security, call) = (known.security, known.call);
        let session = known.strand(end).session.clone();
        let offer = self.early_offer(recording, end, number);
        let (from, to) = (
            format!("{};tag={tag}", from_value(&metadata, end, &node)),
            format!("<sip:{dialled}@{}>", host(destination.ip())),
        );
        let thread = self.opening(now, &node, (format!("sip:{dialled}@{destination}"), from, to));
        let guid = self.identifiers.cisco_guid(self.wall(now), node.local.ip());
        let identity = metadata.identity();
        let facts = Invite {
            near: &identity,
            session: &session,
            guid: &guid,
            rel1xx: self.rel1xx(&trunk),
            timer: self.timer(id),
            security: self.transmitted(&trunk, security, call),
            sdp: offer.as_deref(),
            is_forked: metadata.fork.is_some(),
        };
        self.dealings.entry(id).or_default().opening = Opening { guid: guid.clone(), is_forked: facts.is_forked };
        let invite = recording::invite(&node, &thread, &facts);
        if let Some(known) = self.recordings.get_mut(&recording) {
            known.strand_mut(end).invited = Some(now);
        }
        self.by_call_id.insert(thread.call_id.clone(), id);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.call_id = thread.call_id;
            leg.sdp = offer;
        }
        self.send_invite(now, id, invite, FIRST_CSEQ, thread.date);
    }

    fn rel1xx(&self, trunk: &str) -> bool {
        let profile = self.config.trunk(trunk).and_then(|trunk| self.config.sip_profile_of(trunk));
        profile.is_some_and(|profile| profile.rel1xx)
    }

    fn transmitted(&self, trunk: &str, level: SecurityLevel, call: u32) -> Option<Transmitted> {
        let transmits = self.config.trunk(trunk).is_some_and(|trunk| trunk.transmit_security_status);
        transmits.then_some(Transmitted { level, form: self.config.dialect.trunk_security_status, call })
    }

    /// The recorder's 200.
    pub(super) fn on_recorder_answered(
        &mut self,
        now: Instant,
        id: RecordingId,
        end: End,
        leg: LegId,
        response: &Message,
    ) {
        let Some(recording) = self.recordings.get_mut(&id) else {
            return self.clear_leg(now, leg, NORMAL);
        };
        let audio = media_of(response);
        if let Some(known) = self.legs.get_mut(&leg) {
            known.peer_media.clone_from(&audio);
        }
        let Some(audio) = audio.filter(|audio| audio.port != 0) else {
            let nothing = failure("offer", "the recorder's 200 has no usable audio in its SDP");
            return self.end_recording(now, id, &nothing, MISMATCH, false);
        };
        let strand = recording.strand_mut(end);
        // The codec is locked, so a recorder without it is found out before the phone is asked.
        if let Err(mismatch) = shares_codec(&audio, &strand.formats) {
            let why = format!("recorder and phone: {mismatch}");
            return self.end_recording(now, id, &failure(mismatch.rule(), &why), MISMATCH, false);
        }
        strand.recording = Some(Media { audio, falls_back: falls_back(response) });
        let (is_asked, is_forked) = (strand.phone.is_some(), recording.gateway.is_some());
        self.plan_refresh(now, leg, response);
        if is_forked {
            return self.answer_for_gateway(now, id, end);
        }
        let timing = &self.config.timing;
        // With early offer the phone was asked before, but for what is agreed on anew by the recorder's offer.
        match is_asked {
            true => self.steps.plan(now + timing.bridge_ack_after_offer, Step::Join(id, end)),
            false => self.steps.plan(now + timing.bridge_offer_after_recorder, Step::BridgeOffer(id, end)),
        }
    }

    pub(super) fn on_recorder_refused(&mut self, now: Instant, id: RecordingId, end: End, status: u16, why: &str) {
        let goes_on = match self.config.dialect.hunt {
            Hunt::UnavailableOnly => status == 503,
            Hunt::AnythingButBusy => !matches!(status, 486 | 600),
            Hunt::Anything => true,
        };
        let refused = failure("status", &format!("the recorder answered {why}"));
        if goes_on {
            self.try_next(now, id, end, &refused);
        } else {
            self.on_leg_failed(now, id, end, &refused);
        }
    }

    pub(super) fn on_recorder_unreachable(&mut self, now: Instant, id: RecordingId, end: End, why: &ConnectFailure) {
        self.try_next(now, id, end, why);
    }

    fn try_next(&mut self, now: Instant, id: RecordingId, end: End, why: &ConnectFailure) {
        let Some(recording) = self.recordings.get_mut(&id) else {
            return;
        };
        let strand = recording.strand_mut(end);
        strand.recorder = None;
        if strand.attempt + 1 >= strand.ways.len() {
            return self.on_leg_failed(now, id, end, why);
        }
        strand.attempt += 1;
        let attempt = strand.attempt;
        self.call_recorder(now, id, end);
        if self.config.dialect.recording_legs == RecordingLegs::Together {
            self.follow(now, id, end.other(), attempt);
        }
    }

    /// The other end has gone on to this way: what this one has with an earlier recorder is ended.
    fn follow(&mut self, now: Instant, id: RecordingId, end: End, attempt: usize) {
        let strand = self.recordings.get_mut(&id).map(|recording| recording.strand_mut(end));
        let Some(strand) = strand.filter(|strand| strand.attempt < attempt) else {
            return;
        };
        strand.attempt = attempt;
        let Some(before) = strand.recorder.take() else {
            // It has not called anybody yet.
            return;
        };
        (strand.recording, strand.answer, strand.leg) = (None, None, None);
        let offers_anew = strand.rounds > 0 && self.offer_mode(id, end) == OfferMode::Early;
        self.clear_leg(now, before, NORMAL);
        if offers_anew {
            let at = now + self.config.timing.bridge_offer_after_recorder;
            return self.steps.plan(at, Step::BridgeOffer(id, end));
        }
        self.call_recorder(now, id, end);
    }

    /// What the INVITE offers where the SIP profile asks for early offer: the phone, with all of its suites.
    fn early_offer(&self, id: RecordingId, end: End, leg: u32) -> Option<String> {
        if self.offer_mode(id, end) == OfferMode::Delayed {
            return None;
        }
        let recording = self.recordings.get(&id)?;
        let strand = recording.strand(end);
        let phone = &strand.phone.as_ref()?.audio;
        let (trunk, _) = recording.way(end)?;
        let srtp = self.config.trunk(trunk)?.srtp_allowed && self.is_encrypted(&recording.metadata.near.device);
        let format = phone.formats.iter().find(|format| !format.is_telephone_event())?;
        let stream = text::sdp::Stream {
            target: std::net::SocketAddr::new(phone.address, phone.port),
            format,
            telephone_event: phone.formats.iter().find(|format| format.is_telephone_event()),
            packet_time: phone.ptime,
            crypto: None,
        };
        let node = self.address_of(recording.line);
        let origin = text::sdp::Origin { leg, version: 1, node, release: self.config.release };
        let suites = if srtp { phone.crypto.as_slice() } else { &[] };
        Some(text::sdp::offer_to_recorder(origin, &stream, suites))
    }
}
