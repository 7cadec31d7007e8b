//! Requests of our own that change a call: BYE, and the re-INVITE that pauses a leg and has it go on.
//!
//! ```text
//!  asked ──► Due ──INVITE──► Sent ──2xx──► ACK, what was offered counts
//!             ▲               │ 491: both asked at once; the peer owns the Call-ID, so that we wait 0 to 2 s
//!             └───────────────┘ (RFC 3261 §14.1)
//! ```
//!
//! Any other refusal leaves everything as it was, but for 408 and 481: the peer has no such dialog (RFC 3261 §12.2.1.2).

use std::time::{Duration, Instant};

use rand_core::Rng;
use sip::{ClientKey, Message};

use super::leg::State;
use super::media::{Local, Theirs};
use super::replies::{self, FALLBACK};
use super::{LegId, Output, Route, Sessions};
use crate::config::SrtpPolicy;
use crate::metadata::Side;

/// How long an answer may take: 64*T1, and a little for its way.
const ANSWER: Duration = Duration::from_secs(33);
/// While something else is under way in the dialog.
const AGAIN: Duration = Duration::from_millis(500);

/// What a recorder does of its own accord with the calls that stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Ends them by BYE.
    HangUp,
    /// Has their media stop by a re-INVITE with `a=inactive`.
    Pause,
    /// Has their media go on by a re-INVITE with `a=recvonly`.
    Resume,
}

/// A re-INVITE of ours.
pub(crate) struct Reoffer {
    /// Whether the stream is to stop, or to go on.
    pauses: bool,
    state: Stage,
    /// What was asked for while it was out, which waits for its answer (RFC 3261 §14.1).
    next: Option<bool>,
}

enum Stage {
    /// It is to be sent then.
    Due(Instant),
    /// It is out: its number, what it offered, and until when we wait.
    Sent { number: u32, offer: Box<Local>, until: Instant },
}

impl Sessions {
    /// Does this with every leg of this side that stands, or of either.
    pub(super) fn do_deed(&mut self, now: Instant, deed: Deed, side: Option<Side>) {
        let meant = self.legs.values().filter(|leg| leg.is_answered() && side.is_none_or(|side| leg.side == side));
        for id in meant.map(|leg| leg.id).collect::<Vec<_>>() {
            let pauses = match deed {
                Deed::HangUp => {
                    self.hang_up(now, id, "recorder", "asked to");
                    continue;
                }
                Deed::Pause => true,
                Deed::Resume => false,
            };
            match self.legs.get_mut(&id).map(|leg| &mut leg.reoffer) {
                Some(Some(reoffer)) if matches!(reoffer.state, Stage::Sent { .. }) => reoffer.next = Some(pauses),
                Some(reoffer) => *reoffer = Some(Reoffer::due_at(now, pauses)),
                None => {}
            }
        }
        self.send_offers(now);
    }

    /// When the next re-INVITE is due, or given up.
    pub(super) fn reoffer_due(&self) -> Option<Instant> {
        let open = self.legs.values().filter(|leg| leg.is_open());
        open.filter_map(|leg| leg.reoffer.as_ref().map(Reoffer::due)).min()
    }

    /// Sends what is due, and ends the legs whose peer does not answer.
    pub(super) fn send_offers(&mut self, now: Instant) {
        let due = |reoffer: &Reoffer| reoffer.due() <= now;
        let legs = self.legs.values().filter(|leg| leg.is_open() && leg.reoffer.as_ref().is_some_and(due));
        for id in legs.map(|leg| leg.id).collect::<Vec<_>>() {
            match self.legs.get(&id).and_then(|leg| leg.reoffer.as_ref()).map(|reoffer| &reoffer.state) {
                Some(Stage::Due(_)) => self.send_offer(now, id),
                Some(Stage::Sent { .. }) => self.hang_up(now, id, "recorder", "no answer to our re-INVITE"),
                None => {}
            }
        }
    }

    fn send_offer(&mut self, now: Instant, id: LegId) {
        let branch = self.rng.next_u64();
        let is_free = |leg: &&super::Leg| leg.state == State::Active && !leg.awaits_answer;
        let route = self.legs.get(&id).filter(is_free).and_then(|leg| self.route(leg));
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (Some(reoffer), local) = (&mut leg.reoffer, leg.local.as_ref()) else { return };
        let (Some(route), Some(local)) = (route, local) else {
            reoffer.state = Stage::Due(now + AGAIN);
            return;
        };
        let offer = Box::new(local.offer_of(reoffer.pauses));
        let (Route::Flow(_, transport) | Route::Connect(_, transport)) = route;
        let request = replies::request(&self.config, &mut leg.dialog, transport, branch, "INVITE");
        let request = request.header("Contact", replies::contact(&self.config, transport));
        let request = match self.config.srtp {
            SrtpPolicy::Fallback => request.header("Supported", format_args!("timer, {FALLBACK}")),
            SrtpPolicy::Required | SrtpPolicy::Off => request.header("Supported", "timer"),
        };
        let message = request.body("application/sdp", offer.text().as_bytes()).finish();
        let number = leg.dialog.local_cseq;
        reoffer.state = Stage::Sent { number, offer, until: now + ANSWER };
        self.outputs.push_back(Output::Request { route, message });
    }

    /// Whether a re-INVITE of ours is out, so that one of the peer's crosses it.
    pub(super) fn is_offering(&self, id: LegId) -> bool {
        let reoffer = self.legs.get(&id).and_then(|leg| leg.reoffer.as_ref());
        reoffer.is_some_and(|reoffer| matches!(reoffer.state, Stage::Sent { .. }))
    }

    /// The peer's answer to an INVITE of ours. A 2xx wants its ACK, whatever else became of the leg.
    pub(super) fn on_reoffer_answered(&mut self, now: Instant, id: LegId, key: ClientKey, response: &Message) {
        let (status, number) = (response.status().unwrap_or_default(), response.cseq().map_or(0, |cseq| cseq.number));
        if (200..300).contains(&status) {
            self.acknowledge(id, key, number);
        }
        let wait = Duration::from_millis(u64::from(self.rng.next_u32() % 200) * 10);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(Reoffer { state: Stage::Sent { number: ours, offer, .. }, next, .. }) = &leg.reoffer else { return };
        if *ours != number || status < 200 {
            return;
        }
        let next = *next;
        let asked = next.map(|pauses| Reoffer::due_at(now, pauses));
        match status {
            200..300 => {
                let offer = (**offer).clone();
                leg.reoffer = asked;
                leg.dialog.refresh_target(response);
                leg.local = Some(offer.clone());
                let fallback = leg.peer_falls_back && self.config.srtp == SrtpPolicy::Fallback;
                let agreed = Theirs::read(response.body()).ok();
                if let Some(Ok(agreed)) = agreed.map(|answer| offer.judge_answer(&answer, fallback)) {
                    self.listen(id, agreed);
                }
                self.snapshot(id);
            }
            491 => {
                if let Some(reoffer) = &mut leg.reoffer {
                    *reoffer = Reoffer::due_at(now + wait, next.unwrap_or(reoffer.pauses));
                }
            }
            408 | 481 => self.hang_up(now, id, "recorder", "the dialog is unknown to the peer"),
            _ => leg.reoffer = asked,
        }
        self.send_offers(now);
    }

    fn acknowledge(&mut self, id: LegId, key: ClientKey, number: u32) {
        let branch = self.rng.next_u64();
        let Some(route) = self.legs.get(&id).and_then(|leg| self.route(leg)) else { return };
        let (Route::Flow(_, transport) | Route::Connect(_, transport)) = route;
        if let Some(leg) = self.legs.get(&id) {
            let message = replies::ack(&self.config, &leg.dialog, transport, branch, number);
            self.outputs.push_back(Output::Ack { key, route, message });
        }
    }
}

impl Reoffer {
    fn due_at(at: Instant, pauses: bool) -> Self {
        Self { pauses, state: Stage::Due(at), next: None }
    }

    fn due(&self) -> Instant {
        match self.state {
            Stage::Due(at) | Stage::Sent { until: at, .. } => at,
        }
    }
}
