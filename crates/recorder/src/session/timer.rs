//! The session timer (RFC 4028): a dialog that nobody refreshes is over, whatever its media do.
//!
//! Who refreshes is agreed in each request and its 200. Where the peer does, we wait for it and end the leg a little
//! before the interval is over (RFC 4028 §10). Where it wants us to, we send UPDATE at half the interval, and end the
//! leg if no 200 comes in time. A dialog without a timer is ended by silence instead.

use std::time::{Duration, Instant};

use rand_core::Rng;
use sip::{ClientKey, Message, Refresher};

use super::leg::State;
use super::replies::{self, lists};
use super::{LegId, Output, Route, Sessions};
use crate::fault::Fault;

/// The longest interval that we take; a longer one is answered with this.
const LONGEST: u32 = 24 * 3600;
/// The BYE goes out so long before the end, but within the last third (RFC 4028 §10).
const BEFORE_END: Duration = Duration::from_secs(32);
/// How much later [`Fault::KeepUnrefreshed`] ends what nobody refreshes.
const ENDLESS: Duration = Duration::from_secs(365 * 24 * 3600);
/// When [`Fault::HangUpInCall`] hangs up.
const IMPATIENT: Duration = Duration::from_secs(3);

/// What a request and its 200 agree on. `refresher` is seen from the request: `Uac` is who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub(crate) seconds: u32,
    pub(crate) refresher: Refresher,
}

/// A leg's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timer {
    interval: Duration,
    /// When we refresh, where that is ours to do; `None` once the UPDATE is out, too.
    refresh_at: Option<Instant>,
    bye_at: Instant,
}

impl Terms {
    /// What we answer to a request of the peer; `None` where it wants no timer. We refresh only if we are told to, or
    /// are to where the peer leaves it open (`refreshes`), and the peer takes UPDATE.
    pub(crate) fn of(request: &Message, refreshes: bool) -> Option<Self> {
        let asked = request.session_expires().ok()??;
        if !lists(&request.supported(), "timer") {
            return None;
        }
        let least = request.min_se().ok().flatten().unwrap_or(0);
        let seconds = asked.seconds.min(LONGEST.max(least));
        let refresher = asked.refresher.unwrap_or(if refreshes { Refresher::Uas } else { Refresher::Uac });
        let allowed = request.allow();
        let can_update = allowed.is_empty() || allowed.iter().any(|method| method == "UPDATE");
        match (refresher, asked.refresher) {
            (Refresher::Uas, None) if !can_update => Some(Self { seconds, refresher: Refresher::Uac }),
            (Refresher::Uas, _) if !can_update => None,
            _ => Some(Self { seconds, refresher }),
        }
    }
}

/// Whether a request asks for an interval that is shorter than we take, in seconds, and knows what 422 says (RFC 4028 §9).
pub(crate) fn is_too_short(request: &Message, least: u64) -> bool {
    let asked = request.session_expires().ok().flatten();
    asked.is_some_and(|asked| u64::from(asked.seconds) < least) && lists(&request.supported(), "timer")
}

impl Timer {
    /// A timer that begins now; `ours` says that we refresh.
    fn new(now: Instant, seconds: u32, ours: bool) -> Self {
        let interval = Duration::from_secs(u64::from(seconds));
        let refresh_at = ours.then(|| now + interval / 2);
        Self { interval, refresh_at, bye_at: now + interval - BEFORE_END.min(interval / 3) }
    }

    /// A timer that runs out in the middle of a call: a fault.
    fn impatient(now: Instant) -> Self {
        Self { interval: IMPATIENT, refresh_at: None, bye_at: now + IMPATIENT }
    }

    /// A timer that nobody lives to see: a fault.
    fn endless(self) -> Self {
        Self { bye_at: self.bye_at + ENDLESS, ..self }
    }

    fn due(&self) -> Instant {
        self.refresh_at.map_or(self.bye_at, |refresh_at| refresh_at.min(self.bye_at))
    }
}

impl Sessions {
    /// A 200 of ours agreed on these terms, or on none.
    pub(super) fn keep_time(&mut self, now: Instant, id: LegId, terms: Option<Terms>) {
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.timer = terms.map(|terms| Timer::new(now, terms.seconds, terms.refresher == Refresher::Uas));
            // fault: sessions never expire.
            if self.config.fault == Fault::KeepUnrefreshed {
                leg.timer = leg.timer.map(Timer::endless);
            }
            if self.config.fault == Fault::HangUpInCall {
                leg.timer = Some(Timer::impatient(now)); // fault:
            }
        }
    }

    /// When the next timer of a leg is due.
    pub(super) fn session_due(&self) -> Option<Instant> {
        let open = self.legs.values().filter(|leg| leg.is_answered());
        open.filter_map(|leg| leg.timer.as_ref().map(Timer::due)).min()
    }

    /// Refreshes what is ours to refresh, and ends what was not refreshed.
    pub(super) fn run_session_timers(&mut self, now: Instant) {
        let due = |timer: &Timer| timer.due() <= now;
        let legs = self.legs.values().filter(|leg| leg.is_answered() && leg.timer.as_ref().is_some_and(due));
        let legs: Vec<(LegId, bool)> =
            legs.map(|leg| (leg.id, leg.timer.is_some_and(|timer| timer.bye_at <= now))).collect();
        for (id, is_over) in legs {
            if is_over {
                self.hang_up(now, id, "session-timer", "the session was not refreshed");
            } else {
                self.refresh(now, id);
            }
        }
    }

    /// Sends the UPDATE that refreshes a session. If its answer does not come, the timer runs out. Where it cannot be
    /// sent now, it is tried again: the peer may open a connection, or its ACK may come.
    fn refresh(&mut self, now: Instant, id: LegId) {
        let branch = self.rng.next_u64();
        let route = self.legs.get(&id).filter(|leg| leg.state == State::Active).and_then(|leg| self.route(leg));
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(timer) = &mut leg.timer else { return };
        timer.refresh_at = route.is_none().then(|| now + timer.interval / 6);
        let Some(route) = route else { return };
        let (Route::Flow(_, transport) | Route::Connect(_, transport)) = route;
        let seconds = timer.interval.as_secs();
        let update = replies::request(&self.config, &mut leg.dialog, transport, branch, "UPDATE");
        let contact = replies::contact(&self.config, transport);
        let update = update.header("Contact", contact).header("Supported", "timer");
        let message = update.header("Session-Expires", format_args!("{seconds};refresher=uac")).finish();
        self.outputs.push_back(Output::Request { route, message });
    }

    /// The peer answered a request of ours.
    pub(super) fn on_response(&mut self, now: Instant, key: ClientKey, response: &Message) {
        let method = response.cseq().map(|cseq| cseq.method).unwrap_or_default();
        let tag = response.from_().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let Some(id) = self.tags.get(&tag).copied() else { return };
        match method.as_str() {
            "INVITE" => self.on_reoffer_answered(now, id, key, response),
            "UPDATE" => self.on_refreshed(now, id, response),
            _ => {}
        }
    }

    fn on_refreshed(&mut self, now: Instant, id: LegId, response: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        match response.status().unwrap_or_default() {
            200..300 => {
                let terms = response.session_expires().ok().flatten();
                let ours = |refresher| refresher != Some(Refresher::Uas);
                leg.timer = terms.map(|terms| Timer::new(now, terms.seconds.clamp(1, LONGEST), ours(terms.refresher)));
            }
            // The peer knows nothing of the dialog any more (RFC 4028 §10).
            408 | 481 => self.hang_up(now, id, "session-timer", "the session is unknown to the peer"),
            // Anything else may be better the next time; if not, the timer ends the leg.
            300.. => {
                if let Some(timer) = &mut leg.timer {
                    timer.refresh_at = Some(now + timer.interval / 6);
                }
            }
            _ => {}
        }
    }
}
