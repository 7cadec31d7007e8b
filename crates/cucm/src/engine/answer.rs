//! Phone and recorder are told about each other, and the recording stands.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::sdes::{Crypto, Lifetime};

use crate::config::{CryptoAnswer, MediaPortTold, OfferMode};
use crate::event::{CucmEvent, Protection, RecordingId, RecordingLeg, RecordingStarted};
use crate::negotiate::{Agreed, Mismatch, Side, agree};
use crate::text;
use crate::text::recording::End;
use crate::text::sdp::{Origin, Stream};

use super::call::MISMATCH;
use super::leg::{Leg, LegId, Owed, Role, State};
use super::recording::{Media, Recording};
use super::steps::Step;
use super::{Engine, failure};

impl Engine {
    /// Step: both offers are here. Codec and suite are chosen, the phone gets its answer; the recorder's follows.
    pub(super) fn join(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some((phone, recorder, bridge, leg)) = self.halves(id, end) else {
            return;
        };
        let agreed = match self.match_halves(id, end, &phone, &recorder) {
            Ok(agreed) => agreed,
            Err(_) if self.take_back(now, id, end) => return self.join(now, id, end),
            Err(mismatch) => {
                let why = format!("recorder and phone: {mismatch}");
                return self.end_recording(now, id, &failure(mismatch.rule(), &why), MISMATCH, false);
            }
        };
        let (Some(bridge_number), Some(number)) = (self.number_of(bridge), self.number_of(leg)) else {
            return;
        };
        let node = self.address_of(leg);
        let recorder_at = SocketAddr::new(recorder.audio.address, recorder.audio.port);
        let phone_at = self.told_at(SocketAddr::new(phone.audio.address, phone.audio.port));
        let flows = recorder.audio.direction.receives() && !recorder.audio.address.is_unspecified();
        // The phone sends by the recorder's payload type, and key presses only where the recorder asked for them.
        let to_bridge = Stream {
            target: recorder_at,
            format: &agreed.first.format,
            telephone_event: agreed.first.telephone_event.as_ref().filter(|_| agreed.second.telephone_event.is_some()),
            packet_time: None,
            crypto: agreed.crypto_for_second(),
        };
        // The recorder is told of key presses although it may not have asked (trace of Cisco document 200788).
        let to_recorder = Stream {
            target: phone_at,
            format: &agreed.first.format,
            telephone_event: agreed.second.telephone_event.as_ref(),
            packet_time: phone.audio.ptime,
            crypto: self.crypto_told(&agreed),
        };
        let rounds = self.recordings.get(&id).map_or(0, |recording| recording.strand(end).rounds);
        // Version 1 was the inactive INVITE, 2 the re-INVITE without SDP.
        let release = self.config.release;
        let bridge_origin = Origin { leg: bridge_number, version: 3 + 2 * rounds, node, release };
        let bridge_sdp = text::sdp::to_bridge(bridge_origin, &to_bridge, flows);
        let answer =
            text::sdp::to_recorder(Origin { leg: number, version: 1 + rounds, node, release }, &to_recorder, flows);
        let has_offered = match rounds {
            0 => self.offer_mode(id, end) == OfferMode::Early,
            _ => self.has_offered(leg),
        };
        let answer = (!has_offered).then_some(answer);
        let source = self.legs.get(&bridge).map(|bridge| bridge.call_id.clone()).unwrap_or_default();
        let told = self.told(source, leg, &agreed, phone_at, recorder_at);
        if let Some(recording) = self.recordings.get_mut(&id) {
            let strand = recording.strand_mut(end);
            strand.answer = answer;
            strand.before = None;
            strand.phone = None;
            strand.rounds += 1;
            strand.leg = told;
        }
        self.send_ack(now, bridge, text::NIL, Some(&bridge_sdp));
        self.steps.plan(now + self.config.timing.recorder_ack_after_bridge_ack, Step::RecorderAck(id, end));
    }

    /// Both ends' offers and legs, if both are still waiting.
    fn halves(&self, id: RecordingId, end: End) -> Option<(Media, Media, LegId, LegId)> {
        let strand = self.recordings.get(&id)?.strand(end);
        let (bridge, leg) = (strand.bridge?, strand.recorder?);
        let waits = |id| self.legs.get(&id).is_some_and(|leg| matches!(leg.state, State::Answered));
        // In mid-recording the recorder's own request waits, or nothing of it does.
        let stands = |id| {
            let state = self.legs.get(&id).map(|leg| &leg.state);
            matches!(state, Some(State::Changing { .. } | State::Up | State::Accepted))
        };
        if !(waits(bridge) && (waits(leg) || strand.rounds > 0 && stands(leg))) {
            return None;
        }
        Some((strand.phone.clone()?, strand.recording.clone()?, bridge, leg))
    }

    /// Whether our INVITE that waits for its ACK carried an offer.
    fn has_offered(&self, leg: LegId) -> bool {
        let waiting = self.legs.get(&leg).filter(|leg| matches!(leg.state, State::Answered));
        waiting.and_then(|leg| leg.invite.as_ref()).is_some_and(|sent| !sent.message.body().is_empty())
    }

    /// The line that answers the recorder's.
    pub(super) fn crypto_told(&self, agreed: &Agreed) -> Option<Crypto> {
        let mut crypto = agreed.crypto_for_first()?;
        match self.config.dialect.crypto_answer {
            CryptoAnswer::Usual => {}
            CryptoAnswer::Renumbered => crypto.tag += 6,
            CryptoAnswer::WithLifetime => {
                crypto.keys.iter_mut().for_each(|key| key.lifetime = Some(Lifetime::PowerOfTwo(31)));
            }
        }
        Some(crypto)
    }

    /// Where the recorder is told that the phone's media comes from.
    pub(super) fn told_at(&self, phone: SocketAddr) -> SocketAddr {
        match self.config.dialect.media_port_told {
            MediaPortTold::True => phone,
            MediaPortTold::Dummy(port) => SocketAddr::new(phone.ip(), port),
        }
    }

    pub(super) fn match_halves(
        &self,
        id: RecordingId,
        end: End,
        phone: &Media,
        recorder: &Media,
    ) -> Result<Agreed, Mismatch> {
        let recording = self.recordings.get(&id);
        let way = recording.and_then(|recording| recording.way(end));
        let trunk = way.and_then(|(trunk, _)| self.config.trunk(trunk));
        let near = recording.map_or("", |recording| recording.metadata.near.device.as_str());
        let recorder = Side {
            offer: &recorder.audio,
            srtp_allowed: trunk.is_some_and(|trunk| trunk.srtp_allowed),
            falls_back: recorder.falls_back,
        };
        let phone = Side { offer: &phone.audio, srtp_allowed: self.is_encrypted(near), falls_back: phone.falls_back };
        agree(recorder, phone, None, self.config.dialect.suite_mismatch)
    }

    fn number_of(&self, leg: LegId) -> Option<u32> {
        self.legs.get(&leg).map(|leg| leg.number)
    }

    /// What was agreed with the recorder; `source` names what feeds it.
    pub(super) fn told(
        &self,
        source: String,
        leg: LegId,
        agreed: &Agreed,
        phone_media: SocketAddr,
        recorder_media: SocketAddr,
    ) -> Option<RecordingLeg> {
        let leg = self.legs.get(&leg)?;
        let Role::Recorder { destination, .. } = leg.role else {
            return None;
        };
        let suite = agreed.first.crypto.as_ref().and_then(|crypto| crypto.known_suite());
        let sent = &leg.invite.as_ref()?.message;
        Some(RecordingLeg {
            bridge_call_id: source,
            recorder_call_id: leg.call_id.clone(),
            destination,
            codec: agreed.first.format.encoding.clone(),
            protection: suite.map_or(Protection::Rtp, Protection::Srtp),
            phone_media,
            recorder_media,
            recorder_tag: leg.dialog.as_ref().map(|dialog| dialog.remote_tag.clone()).unwrap_or_default(),
            headers: sent.headers().map(|field| (field.name().to_owned(), field.value().into_owned())).collect(),
            invited_before: Duration::ZERO,
        })
    }

    /// Step: the ACK to the recorder. With the second one the recording has started.
    pub(super) fn finish(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some(strand) = self.recordings.get(&id).map(|recording| recording.strand(end)) else {
            return;
        };
        let (Some(leg), answer, session) = (strand.recorder, strand.answer.clone(), strand.session.clone()) else {
            return;
        };
        match self.legs.get(&leg).map(|leg| &leg.state) {
            Some(State::Answered) => self.owe(now, leg, Owed::Ack(answer.map(|sdp| (session, sdp)))),
            Some(State::Changing { .. }) => self.answer_recorder(now, leg, answer),
            _ => {}
        }
        self.announce_change(id, end);
        self.after_gateway_ack(now, id, end);
    }

    /// Tells of a recording whose dialogs with the recorder are both acknowledged, once.
    pub(super) fn announce(&mut self, now: Instant, id: RecordingId) {
        let Some(recording) = self.recordings.get_mut(&id).filter(|recording| !recording.started) else {
            return;
        };
        let legs = End::BOTH.map(|end| acknowledged(&self.legs, now, recording, end));
        let (near_leg, far_leg) = match (legs, recording.alone) {
            ([Some(near), Some(far)], None) => (near, far),
            ([Some(leg), None], Some(End::Near)) | ([None, Some(leg)], Some(End::Far)) => {
                recording.started = true;
                let end = recording.alone.unwrap_or(End::Near);
                return self.tell_half(id, end, leg);
            }
            _ => return,
        };
        if recording.gateway.as_ref().is_some_and(|gateway| !gateway.forks()) {
            let (near, far) = (near_leg.recorder_media, far_leg.recorder_media);
            return self.ask_gateway(id, near, far);
        }
        recording.started = true;
        self.counts.1 += 1;
        if let Some(started) = self.started(id, near_leg, far_leg) {
            self.event(CucmEvent::RecordingStarted(Box::new(started)));
        }
    }

    /// Tells of the one dialog that stands of a recording that fails.
    pub(super) fn announce_half(&mut self, now: Instant, id: RecordingId) {
        let Some(recording) = self.recordings.get(&id).filter(|recording| !recording.started) else {
            return;
        };
        let (end, leg) = match End::BOTH.map(|end| acknowledged(&self.legs, now, recording, end)) {
            [Some(near), None] => (End::Near, near),
            [None, Some(far)] => (End::Far, far),
            _ => return,
        };
        self.tell_half(id, end, leg);
    }

    fn tell_half(&mut self, id: RecordingId, end: End, leg: RecordingLeg) {
        if let Some(half) = self.started(id, leg.clone(), leg) {
            self.event(CucmEvent::RecordingHalf { leg: end.voice(), half: Box::new(half) });
        }
    }

    fn started(&self, id: RecordingId, near_leg: RecordingLeg, far_leg: RecordingLeg) -> Option<RecordingStarted> {
        let recording = self.recordings.get(&id)?;
        let trunk = recording.way(End::Near).map(|(trunk, _)| trunk.clone());
        let metadata = recording.metadata.clone();
        Some(RecordingStarted {
            recording: id,
            call: recording.call,
            invoker: recording.invoker,
            refci: metadata.refci,
            farendrefci: metadata.farendrefci,
            cluster_id: metadata.cluster_id,
            numbering: self.numbering,
            near: metadata.near,
            far: metadata.far,
            main_call_id: recording.joined.call_id.clone(),
            trunk: trunk.unwrap_or_default(),
            near_leg,
            far_leg,
        })
    }
}

/// The dialog of one end, where it is acknowledged.
fn acknowledged(legs: &BTreeMap<LegId, Leg>, now: Instant, recording: &Recording, end: End) -> Option<RecordingLeg> {
    let strand = recording.strand(end);
    let leg = strand.recorder.and_then(|leg| legs.get(&leg));
    let told = leg.filter(|leg| matches!(leg.state, State::Up)).and_then(|_| strand.leg.clone())?;
    Some(RecordingLeg { invited_before: now.saturating_duration_since(strand.invited?), ..told })
}
