//! SUBSCRIBE for key presses (RFC 4730) in a recorder's dialog.
//!
//! The recording INVITE lists `kpml` in Allow-Events, so that a recorder may subscribe. Key presses of the call are no key presses
//! of the recording's dialog: they are in its RTP, and nothing but the first and the last NOTIFY ever comes (inferred).

use std::time::{Duration, Instant};

use sip::{Dialog, FlowId, Message, ServerKey};

use super::leg::{LegId, State};
use super::recorder::{EVENTS, event_package};
use super::steps::Step;
use super::{Asked, Engine};
use crate::config::RecorderSubscription;
use crate::text::trunk;

/// What a recorder subscribed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subscription {
    /// The Event header, with its `id` if it has one.
    event: String,
    until: Instant,
}

impl Engine {
    pub(super) fn on_recorder_subscribe(
        &mut self,
        now: Instant,
        key: &ServerKey,
        flow: FlowId,
        id: LegId,
        request: &Message,
    ) {
        let event = request.header("Event").unwrap_or_default().into_owned();
        let is_known = event_package(&event).eq_ignore_ascii_case("kpml");
        if !is_known || self.config.dialect.recorder_subscription == RecorderSubscription::Refuse {
            return self.hint(now, key, flow, request, (489, "Bad Event"), ("Allow-Events", EVENTS));
        }
        let seconds = request.expires().ok().flatten().unwrap_or(LONGEST).min(LONGEST);
        let (node, date) = (self.node(flow), self.date(now));
        let _ = self.endpoint.respond(now, key, trunk::subscribed(&node, request, &date, seconds));
        let until = now + Duration::from_secs(u64::from(seconds));
        self.dealings.entry(id).or_default().subscription = Some(Subscription { event, until });
        if seconds == 0 {
            return self.end_subscription(now, id);
        }
        self.notify(now, id, &format!("active;expires={seconds}"));
        self.steps.plan(until, Step::Unsubscribe(id, until));
    }

    /// Step: the subscription is over, unless it was renewed.
    pub(super) fn on_subscription_over(&mut self, now: Instant, id: LegId, until: Instant) {
        let subscription = self.dealings.get(&id).and_then(|dealings| dealings.subscription.as_ref());
        if subscription.is_some_and(|subscription| subscription.until == until) {
            self.end_subscription(now, id);
        }
    }

    fn end_subscription(&mut self, now: Instant, id: LegId) {
        self.notify(now, id, "terminated;reason=timeout");
        if let Some(dealings) = self.dealings.get_mut(&id) {
            dealings.subscription = None;
        }
    }

    /// Tells the state of the subscription; while there is no connection nothing is told.
    fn notify(&mut self, now: Instant, id: LegId, state: &str) {
        let event = self.dealings.get(&id).and_then(|dealings| dealings.subscription.as_ref()).map(|s| s.event.clone());
        let date = self.date(now);
        let leg = self.legs.get_mut(&id).filter(|leg| leg.flow.is_some() && !matches!(leg.state, State::Ending));
        let (Some(cseq), Some(event)) = (leg.and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq), event) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let notify = trunk::notify(&leg.node, &thread, &event, state);
        if let Some(flow) = leg.flow {
            let key = self.endpoint.send_request(now, flow, leg.node.transport, notify);
            self.asked.insert(key, Asked::Notify(id));
        }
    }
}

/// Seconds; the default of RFC 4730 §4.6, and what is granted at most.
const LONGEST: u32 = 7200;
