//! Session timers toward recorders (RFC 4028): where the recorder leaves the refreshing to us, UPDATE at half of the interval.
//!
//! This is *Session Refresh Method* `Update` of the SIP profile. `Invite`, CUCM's default, is not built: a recorder sees one
//! transaction less, and no offer that it has seen before.

use std::time::{Duration, Instant};

use sip::{Dialog, Message, Refresher};

use super::leg::{LegId, Owed, Role, State};
use super::steps::Step;
use super::{Asked, Engine, failure};
use crate::event::ConnectFailure;
use crate::text::recording;

use super::dialogs::NORMAL;

impl Engine {
    /// The recorder's 200: where it has a timer and does not refresh itself, that is ours to do (RFC 4028 §7.2).
    pub(super) fn plan_refresh(&mut self, now: Instant, id: LegId, response: &Message) {
        let Ok(Some(granted)) = response.session_expires() else {
            return;
        };
        if granted.refresher != Some(Refresher::Uas) {
            let half = Duration::from_secs(u64::from(granted.seconds)) / 2;
            self.steps.plan(now + half.max(SHORTEST), Step::Refresh(id));
        }
    }

    /// Step: half of the interval is over.
    pub(super) fn on_refresh_due(&mut self, now: Instant, id: LegId) {
        if self.legs.get(&id).is_some_and(|leg| matches!(leg.state, State::Up)) {
            self.owe(now, id, Owed::Refresh);
        }
    }

    /// Sends the UPDATE; the leg has a connection.
    pub(super) fn send_refresh(&mut self, now: Instant, id: LegId) {
        let date = self.date(now);
        let Some(cseq) = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let update = recording::update(&leg.node, &thread, &leg.identity, &leg.session());
        if let Some(flow) = leg.flow {
            let key = self.endpoint.send_request(now, flow, leg.node.transport, update);
            self.asked.insert(key, Asked::Refresh(id));
        }
    }

    /// A recorder that knows nothing of the dialog has lost the recording; one that only does not take UPDATE keeps it
    /// (RFC 4028 §10, RFC 3261 §12.2.1.2).
    pub(super) fn on_refreshed(&mut self, now: Instant, id: LegId, status: u16, response: &Message) {
        match status {
            200..=299 => {
                self.refreshes += 1;
                if let Some(dialog) = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut()) {
                    dialog.refresh_target(response);
                }
                self.plan_refresh(now, id, response);
            }
            408 | 481 => self.on_refresh_failed(now, id, &failure("status", &format!("it answered {status}"))),
            _ => {}
        }
    }

    /// No answer, or one that says that the dialog is gone: the recording ends.
    pub(super) fn on_refresh_failed(&mut self, now: Instant, id: LegId, why: &ConnectFailure) {
        let Some(Role::Recorder { recording, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        let why = failure("session-refresh", &format!("the recorder did not refresh its session: {}", why.why));
        self.end_recording(now, recording, &why, NORMAL, false);
    }
}

/// However short a peer wants its session, it is not refreshed more often.
const SHORTEST: Duration = Duration::from_secs(1);
