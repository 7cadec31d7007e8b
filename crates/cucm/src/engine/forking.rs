//! Recordings whose media a gateway forks (Cisco document 211385).
//!
//! ```text
//! gateway            CUCM                  recorder
//!   |                  | ─── INVITE near ──► |     no SDP; x-farendguid names the gateway's call
//!   |                  | ◄── 200 offer ───── |
//!   |                  | ─── ACK ──────────► |     the gateway's address, port 7000
//!   |                  | ─── INVITE far ───► |     likewise, behind it
//!   |                  | ◄── 200, ACK ─────► |
//!   | ◄── POST, XMF ── |                     |     the two addresses of the recorder
//!   | ════════════ both voices ════════════► |     from whichever ports
//! ```
//!
//! When a gateway is asked, and who is where it cannot, stands in `sources`; that it must be registered with in `gateways`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::sdp::Audio;

use crate::event::{ConnectFailure, RecordingId};
use crate::negotiate::{Side, agree};
use crate::text::recording::{End, Fork};
use crate::text::sdp::{Origin, Stream};
use crate::text::{self, xmf};

use super::call::MISMATCH;
use super::leg::{LegId, State};
use super::ports::PostId;
use super::recording::{Media, Recording};
use super::steps::Step;
use super::{Engine, Output, failure};

/// A gateway that forks the media of a recorded call.
#[derive(Debug)]
pub(super) struct Gateway {
    pub(super) fork: Fork,
    /// The call's leg to it.
    leg: LegId,
    /// Its media in the call: a recorder is told this address, and a port that is none.
    media: Audio,
    /// Where it takes requests.
    at: SocketAddr,
    call: xmf::Connection,
    transaction: String,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The recorder's dialogs are not up yet.
    Waits,
    Asked(PostId),
    Forks,
    /// It has said no: there is nothing to stop.
    Refuses,
}

impl Gateway {
    /// Whether it does what it was asked.
    pub(super) fn forks(&self) -> bool {
        self.stage == Stage::Forks
    }
}

impl Engine {
    /// The gateway on this leg of a call, which is to fork it.
    pub(super) fn gateway_at(&self, number: u32, leg: LegId) -> Option<Gateway> {
        let call = self.calls.get(&number)?;
        let far = call.side(call.side_of(leg)?);
        let outside = self.outside.get(&leg)?;
        let word = |at: usize| u32::from_str_radix(outside.guid.get(at..at + 8)?, 16).ok();
        let mut media = far.media.clone()?;
        media.port = DUMMY_PORT;
        Some(Gateway {
            fork: Fork {
                number: far.party.number.clone(),
                from: self.config.dialect.gateway_from,
                guid: outside.guid.clone(),
            },
            leg: far.leg,
            media,
            at: SocketAddr::new(outside.way.1.ip(), xmf::PORT),
            call: xmf::Connection { call: word(0)?, connection: word(8)? },
            transaction: format!("{}:{}", xmf::TRANSACTION, self.last_recording + 1),
            stage: Stage::Waits,
        })
    }

    /// The recorder's offer is here: it is told where the gateway is.
    pub(super) fn answer_for_gateway(&mut self, now: Instant, id: RecordingId, end: End) {
        let Some(recording) = self.recordings.get(&id) else {
            return;
        };
        let strand = recording.strand(end);
        let (Some(gateway), Some(leg), Some(Media { audio, falls_back })) =
            (&recording.gateway, strand.recorder, strand.recording.clone())
        else {
            return;
        };
        let gateway_side = Side { offer: &gateway.media, srtp_allowed: false, falls_back: true };
        let recorder = Side { offer: &audio, srtp_allowed: false, falls_back };
        let mut agreed = match agree(recorder, gateway_side, None, self.config.dialect.suite_mismatch) {
            Ok(agreed) => agreed,
            Err(mismatch) => {
                let why = format!("recorder and gateway: {mismatch}");
                return self.end_recording(now, id, &failure(mismatch.rule(), &why), MISMATCH, false);
            }
        };
        // The call's codec is locked, whatever else both could do.
        agreed.first.format = recording.locked.clone();
        let source = SocketAddr::new(gateway.media.address, gateway.media.port);
        let stream = Stream {
            target: source,
            format: &agreed.first.format,
            telephone_event: agreed.second.telephone_event.as_ref(),
            packet_time: None,
            crypto: None,
        };
        let number = self.legs.get(&leg).map_or(0, |leg| leg.number);
        let node = self.address_of(leg);
        let origin = Origin { leg: number, version: 1, node, release: self.config.release };
        let answer = text::sdp::to_recorder_of_gateway(origin, &stream);
        let recorder_at = SocketAddr::new(audio.address, audio.port);
        let told = self.told(gateway.transaction.clone(), leg, &agreed, source, recorder_at);
        if let Some(recording) = self.recordings.get_mut(&id) {
            let strand = recording.strand_mut(end);
            (strand.answer, strand.leg) = (Some(answer), told);
            strand.rounds += 1;
        }
        self.steps.plan(now + self.config.timing.recorder_ack_after_bridge_ack, Step::RecorderAck(id, end));
    }

    /// The near end's dialog is up: now the far end's begins.
    pub(super) fn after_gateway_ack(&mut self, now: Instant, id: RecordingId, end: End) {
        let recording = self.recordings.get(&id).filter(|recording| recording.gateway.is_some());
        if end == End::Near && recording.is_some_and(|recording| recording.strand(End::Far).recorder.is_none()) {
            self.steps.plan(now + FAR_AFTER_NEAR, Step::Recorder(id, End::Far));
        }
    }

    /// Both dialogs with the recorder are up: the gateway is told where to send.
    pub(super) fn ask_gateway(&mut self, id: RecordingId, near: SocketAddr, far: SocketAddr) {
        let release = self.config.release;
        self.last_post += 1;
        let post = PostId(self.last_post);
        let Some(gateway) = self.recordings.get_mut(&id).and_then(|recording| recording.gateway.as_mut()) else {
            return;
        };
        if gateway.stage != Stage::Waits {
            return;
        }
        gateway.stage = Stage::Asked(post);
        let body = xmf::enable(&gateway.transaction, release, gateway.call, near, far);
        let (to, request) = (gateway.at, xmf::post(gateway.at, &body));
        self.decided.push_back(Output::Post { post, to, request });
    }

    /// What a gateway answered.
    pub(super) fn on_posted(&mut self, now: Instant, post: PostId, answer: Result<u16, String>) {
        if self.on_gateway_registered(now, post, &answer) {
            return;
        }
        let asked = |recording: &Recording| {
            recording.gateway.as_ref().is_some_and(|gateway| gateway.stage == Stage::Asked(post))
        };
        let Some(id) = self.recordings.iter().find(|(_, recording)| asked(recording)).map(|(id, _)| *id) else {
            return;
        };
        let mut stage = |stage| {
            if let Some(gateway) = self.recordings.get_mut(&id).and_then(|recording| recording.gateway.as_mut()) {
                gateway.stage = stage;
            }
        };
        let why: ConnectFailure = match answer {
            Ok(200..=299) => {
                stage(Stage::Forks);
                return self.announce(now, id);
            }
            Ok(status) => {
                stage(Stage::Refuses);
                failure("gateway", &format!("the gateway answered {status} to the request to fork"))
            }
            Err(why) => failure("gateway", &format!("the gateway: {why}")),
        };
        self.end_recording(now, id, &why, MISMATCH, false);
    }

    /// A recording is over: its gateway stops, unless its call is over too.
    pub(super) fn end_fork(&mut self, recording: &Recording) {
        let may_fork = |gateway: &&Gateway| !matches!(gateway.stage, Stage::Waits | Stage::Refuses);
        let Some(gateway) = recording.gateway.as_ref().filter(may_fork) else {
            return;
        };
        if !self.legs.get(&gateway.leg).is_some_and(|leg| !leg.is_ending() && !matches!(leg.state, State::Waiting)) {
            return;
        }
        self.last_post += 1;
        let body = xmf::disable(&gateway.transaction, self.config.release, gateway.call);
        let (to, request) = (gateway.at, xmf::post(gateway.at, &body));
        self.decided.push_back(Output::Post { post: PostId(self.last_post), to, request });
    }
}

/// The port that CUCM writes for a gateway's fork (Cisco document 211385).
const DUMMY_PORT: u16 = 7000;
/// From the near end's ACK to the far end's INVITE (Cisco document 211385: 1 ms).
const FAR_AFTER_NEAR: Duration = Duration::from_millis(1);
