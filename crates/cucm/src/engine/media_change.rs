//! The media of a recording that runs is agreed on anew: the phone's bridge has another key, codec or packet time.
//!
//! ```text
//!           the recorder offers                            CUCM offers
//! phone           CUCM          recorder       phone           CUCM          recorder
//!   |               | ─ INVITE ──► |             | ◄─ INVITE ─── |               |     no SDP
//!   |               | ◄─ 200 offer |             | ── 200 offer ►|               |
//!   | ◄── INVITE ── |              |             |               | ─ INVITE offer ►
//!   | ─ 200 offer ► |              |             |               | ◄─ 200 answer |
//!   | ◄─ ACK answer | ─ ACK answer ►             | ◄─ ACK answer | ──── ACK ───► |
//! ```
//!
//! No public text says that CUCM does this in a recording's dialogs; [`MediaChange`] says which way is assumed. Cisco's CUBE
//! chapter on Media Proxy has its recorders prepared for new keys, suites, addresses and codecs within a dialog.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::sdp::Audio;
use sip::Dialog;

use crate::config::MediaChange;
use crate::event::{CucmEvent, RecordingId};
use crate::text::recording::{self, End};
use crate::text::sdp::{self, Origin, Stream};

use super::call::MISMATCH;
use super::dialogs::NORMAL;
use super::leg::{LegId, Owed, Role, State};
use super::recording::Media;
use super::steps::Step;
use super::{Engine, failure};

impl Engine {
    /// Has the media of every recording of this phone agreed on anew, near before far.
    pub fn change_media(&mut self, now: Instant, device: &str) {
        let of_phone =
            self.recordings.iter().filter(|(_, known)| known.started && known.metadata.near.device == device);
        let recordings: Vec<RecordingId> = of_phone.map(|(id, _)| *id).collect();
        for id in recordings {
            End::BOTH.into_iter().for_each(|end| self.change_strand(now, id, end));
        }
        self.drain(now);
    }

    /// Step: one stream's media is agreed on anew. While something else is under way in its dialogs it waits.
    pub(super) fn change_strand(&mut self, now: Instant, id: RecordingId, end: End) {
        let how = self.config.dialect.media_change;
        let Some(strand) = self.recordings.get_mut(&id).map(|recording| recording.strand_mut(end)) else {
            return;
        };
        let legs = [strand.recorder, strand.bridge];
        let Some(leg) = strand.recorder else {
            return;
        };
        strand.changing = true;
        let is_up = |leg: &LegId| self.legs.get(leg).is_some_and(|leg| matches!(leg.state, State::Up));
        if !legs.iter().flatten().all(is_up) {
            return self.steps.plan(now + AGAIN, Step::MediaChange(id, end));
        }
        if let Some(recording) = self.recordings.get_mut(&id) {
            recording.strand_mut(end).phone = None;
        }
        match how {
            MediaChange::RecorderOffers => self.owe(now, leg, Owed::Reoffer),
            MediaChange::CucmOffers => self.ask_bridge(now, id, end),
        }
    }

    /// Step: the recorder is asked again, after both had asked at once.
    pub(super) fn reoffer(&mut self, now: Instant, id: RecordingId, end: End) {
        let leg = self.recordings.get(&id).and_then(|recording| recording.strand(end).recorder);
        match leg.and_then(|leg| Some((leg, &self.legs.get(&leg)?.state))) {
            Some((leg, State::Up)) => self.owe(now, leg, Owed::Reoffer),
            Some((_, State::Changing { .. } | State::Accepted | State::Asking)) => {
                self.steps.plan(now + AGAIN, Step::Reoffer(id, end));
            }
            _ => {}
        }
    }

    /// Sends the re-INVITE; the leg has a connection. It carries an offer where the phone's is known.
    pub(super) fn reinvite_recorder(&mut self, now: Instant, id: LegId) {
        let (date, timer) = (self.date(now), self.refresh_timer(id));
        let offer = self.standing_offer(id);
        let dialog = self.legs.get_mut(&id).filter(|leg| matches!(leg.state, State::Up));
        let Some(cseq) = dialog.and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date.clone()) else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if offer.is_some() {
            leg.sdp.clone_from(&offer);
        }
        let (session, opening) = (leg.session(), self.dealings.entry(id).or_default().opening.clone());
        let invite =
            recording::reinvite(&leg.node, &thread, &leg.identity, &opening, &session, timer, offer.as_deref());
        self.send_invite(now, id, invite, cseq, date);
    }

    /// What the phone has offered, as the recorder is told it: by the recorder's own numbers of before.
    fn standing_offer(&self, id: LegId) -> Option<String> {
        let known = self.legs.get(&id)?;
        let Role::Recorder { recording, end, .. } = &known.role else {
            return None;
        };
        let strand = self.recordings.get(recording)?.strand(*end);
        let (phone, recorder) = (strand.phone.as_ref()?, strand.recording.as_ref()?);
        // A recorder that answered with one codec may well have others: what the phone sends now is offered all the same.
        let wider = || {
            let formats = recorder.audio.formats.iter().chain(&phone.audio.formats).cloned().collect();
            Media { audio: Audio { formats, ..recorder.audio.clone() }, ..recorder.clone() }
        };
        let agreed = self
            .match_halves(*recording, *end, phone, recorder)
            .or_else(|_| self.match_halves(*recording, *end, phone, &wider()))
            .ok()?;
        let stream = Stream {
            target: self.told_at(SocketAddr::new(phone.audio.address, phone.audio.port)),
            format: &agreed.first.format,
            telephone_event: agreed.second.telephone_event.as_ref(),
            packet_time: phone.audio.ptime,
            crypto: self.crypto_told(&agreed),
        };
        let release = self.config.release;
        let origin = Origin { leg: known.number, version: 1 + strand.rounds, node: known.node.local.ip(), release };
        Some(sdp::to_recorder(origin, &stream, true))
    }

    /// The phone has offered: whether the recorder is told now.
    pub(super) fn offers_to_recorder(&mut self, now: Instant, id: RecordingId, end: End) -> bool {
        let Some(strand) = self.recordings.get(&id).map(|recording| recording.strand(end)) else {
            return false;
        };
        let is_ours = strand.changing && self.config.dialect.media_change == MediaChange::CucmOffers;
        match strand.recorder.filter(|_| is_ours) {
            Some(leg) => {
                self.owe(now, leg, Owed::Reoffer);
                true
            }
            None => false,
        }
    }

    /// The ACK is out: media flows as it was agreed on anew.
    pub(super) fn announce_change(&mut self, id: RecordingId, end: End) {
        let Some(strand) = self.recordings.get_mut(&id).map(|recording| recording.strand_mut(end)) else {
            return;
        };
        if !std::mem::take(&mut strand.changing) {
            return;
        }
        if let Some(agreed) = strand.leg.clone() {
            self.event(CucmEvent::RecordingChanged { recording: id, leg: end.voice(), agreed: Box::new(agreed) });
        }
    }

    /// A recorder refuses our re-INVITE: both asked at once, or it does not take the new media. What becomes of the recording then is
    /// inferred.
    pub(super) fn on_change_refused(&mut self, now: Instant, id: LegId, status: u16, why: &str) {
        let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        if let Some(leg) = self.legs.get_mut(&id).filter(|leg| !leg.is_ending()) {
            leg.state = State::Up;
        }
        if status == 491 {
            let pause = self.identifiers.glare_pause();
            return self.steps.plan(now + pause, Step::Reoffer(recording, end));
        }
        let cause = if status == 488 { MISMATCH } else { NORMAL };
        let refused = failure("media-change", &format!("the recorder answered {why} to other media"));
        self.end_recording(now, recording, &refused, cause, false);
    }
}

/// After so long it is tried again whether the dialogs are free.
const AGAIN: Duration = Duration::from_millis(500);
