//! Session timers toward recorders (RFC 4028): whoever is the refresher, a session that is not refreshed ends.
//!
//! Each 2xx to an INVITE or UPDATE says how long the session holds and who refreshes it. Where that is us, the request of the SIP
//! profile's *Session Refresh Method* goes out at half of the interval: a re-INVITE that offers what stands, or an UPDATE without
//! SDP. A recorder that lists its methods without UPDATE, or refuses one as unknown, gets re-INVITEs.

use std::time::{Duration, Instant};

use sip::{Dialog, Message, Refresher};

use super::dialogs::NORMAL;
use super::leg::{LegId, Owed, Role, Sent, State};
use super::steps::Step;
use super::{Asked, Engine, failure};
use crate::config::{RefreshOffer, SessionRefresh};
use crate::event::ConnectFailure;
use crate::text::{recording, recording::Timer};

/// The session of one dialog with a recorder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Session {
    /// Seconds.
    interval: u32,
    /// How we refresh it; `None` where the recorder does.
    ours: Option<SessionRefresh>,
    /// Steps that were planned for an earlier session of this dialog are void.
    generation: u64,
}

impl Engine {
    /// What our requests ask for.
    pub(super) fn timer(&self, id: LegId) -> Timer {
        let asked = self.dealings.get(&id).and_then(|dealings| dealings.asked);
        let least = self.config.timing.least_session.as_secs() as u32;
        let seconds = asked.unwrap_or(self.config.timing.session_expires.as_secs() as u32);
        Timer { seconds, least: asked.unwrap_or(least) }
    }

    /// The recorder's 2xx to a request of ours: who refreshes, and until when (RFC 4028 §7.2).
    pub(super) fn plan_refresh(&mut self, now: Instant, id: LegId, response: &Message) {
        let granted = response.session_expires().ok().flatten();
        let Some(granted) = granted else {
            return self.keep_session(now, id, None);
        };
        let ours = (granted.refresher != Some(Refresher::Uas)).then(|| self.refresh_method(id, response));
        self.keep_session(now, id, Some((granted.seconds, ours)));
    }

    /// The session holds from now on, on these terms; without any it holds for ever.
    pub(super) fn keep_session(&mut self, now: Instant, id: LegId, terms: Option<(u32, Option<SessionRefresh>)>) {
        let dealings = self.dealings.entry(id).or_default();
        dealings.generation += 1;
        let generation = dealings.generation;
        dealings.session = terms.map(|(interval, ours)| Session { interval, ours, generation });
        let Some((seconds, ours)) = terms else {
            return;
        };
        let interval = Duration::from_secs(u64::from(seconds)).max(SHORTEST);
        if ours.is_some() {
            self.steps.plan(now + interval / 2, Step::Refresh(id, generation));
        }
        self.steps.plan(now + interval - BEFORE_END.min(interval / 3), Step::SessionOver(id, generation));
    }

    /// A request of the recorder refreshed what stands, without new terms.
    pub(super) fn prolong_session(&mut self, now: Instant, id: LegId) {
        let session = self.dealings.get(&id).and_then(|dealings| dealings.session);
        self.keep_session(now, id, session.map(|session| (session.interval, session.ours)));
    }

    pub(super) fn refresh_method(&self, id: LegId, from_peer: &Message) -> SessionRefresh {
        let trunk = match self.legs.get(&id).map(|leg| &leg.role) {
            Some(Role::Recorder { trunk, .. }) => self.config.trunk(trunk),
            _ => None,
        };
        let wanted = trunk.and_then(|trunk| self.config.sip_profile_of(trunk)).map(|profile| profile.session_refresh);
        let allowed = from_peer.allow();
        let takes_update = allowed.is_empty() || allowed.iter().any(|method| method == "UPDATE");
        let before = self.dealings.get(&id).and_then(|dealings| dealings.session?.ours);
        match (wanted, before) {
            (Some(SessionRefresh::Update), None | Some(SessionRefresh::Update)) if takes_update => {
                SessionRefresh::Update
            }
            _ => SessionRefresh::Invite,
        }
    }

    /// The session for which a step was planned, if it is still that one.
    fn session(&self, id: LegId, generation: u64) -> Option<Session> {
        let session = self.dealings.get(&id)?.session?;
        (session.generation == generation).then_some(session)
    }

    /// Step: half of the interval is over. While something else is under way in the dialog, the refresh waits.
    pub(super) fn on_refresh_due(&mut self, now: Instant, id: LegId, generation: u64) {
        if self.session(id, generation).is_none() {
            return;
        }
        match self.legs.get(&id).map(|leg| &leg.state) {
            Some(State::Up) => self.owe(now, id, Owed::Refresh),
            Some(State::Asking | State::Answered | State::Accepted | State::Changing { .. }) => {
                self.steps.plan(now + SHORTEST, Step::Refresh(id, generation));
            }
            _ => {}
        }
    }

    /// Step: the session ends a little before its time is over (RFC 4028 §10).
    pub(super) fn on_session_over(&mut self, now: Instant, id: LegId, generation: u64) {
        let Some(session) = self.session(id, generation) else {
            return;
        };
        let why = format!("nothing refreshed it for {} s", session.interval);
        self.on_refresh_failed(now, id, &failure("session-refresh", &why));
    }

    /// Sends the refresh; the leg has a connection.
    pub(super) fn send_refresh(&mut self, now: Instant, id: LegId) {
        let ours = self.dealings.get(&id).and_then(|dealings| dealings.session?.ours);
        if let Some(method) = ours {
            let offers = self.config.dialect.refresh_offer == RefreshOffer::WhatStands;
            self.refresh_by(now, id, method, offers);
        }
    }

    /// Refreshes by this method; `offers` says whether a re-INVITE offers what stands, or leaves the offer to the recorder.
    pub(super) fn refresh_by(&mut self, now: Instant, id: LegId, method: SessionRefresh, offers: bool) {
        let (date, timer) = (self.date(now), self.refresh_timer(id));
        let dialog = self.legs.get_mut(&id).filter(|leg| matches!(leg.state, State::Up));
        let Some(cseq) = dialog.and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date.clone()) else {
            return;
        };
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (node, session) = (leg.node, leg.session());
        if method == SessionRefresh::Update {
            let update = recording::update(&node, &thread, &leg.identity, &session, timer);
            if let Some(flow) = leg.flow {
                let key = self.endpoint.send_request(now, flow, node.transport, update);
                self.asked.insert(key, Asked::Refresh(id));
            }
            return;
        }
        let opening = self.dealings.get(&id).map(|dealings| dealings.opening.clone()).unwrap_or_default();
        let offer = leg.sdp.as_deref().filter(|_| offers);
        let invite = recording::reinvite(&node, &thread, &leg.identity, &opening, &session, timer, offer);
        self.send_invite(now, id, invite, cseq, date);
        if let Some(sent) = self.legs.get(&id).and_then(|leg| leg.invite.as_ref()) {
            self.asked.insert(sent.key, Asked::Refresh(id));
        }
    }

    /// A refresh repeats what was agreed, unless a 422 asked for more.
    pub(super) fn refresh_timer(&self, id: LegId) -> Timer {
        let timer = self.timer(id);
        let agreed = self.dealings.get(&id).and_then(|dealings| dealings.session).map(|session| session.interval);
        Timer { seconds: agreed.map_or(timer.seconds, |agreed| agreed.max(timer.least)), ..timer }
    }

    /// What the recorder says to our refresh. One that knows nothing of the dialog has lost the recording (RFC 4028 §10,
    /// RFC 3261 §12.2.1.2); whatever else it says, the session goes on until its time is over.
    pub(super) fn on_refreshed(&mut self, now: Instant, id: LegId, status: u16, response: &Message) {
        let was_invite = response.cseq().is_ok_and(|cseq| cseq.method == "INVITE");
        if was_invite {
            self.after_refreshing_invite(now, id, status, response);
        }
        let Some(generation) = self.dealings.get(&id).and_then(|dealings| dealings.session).map(|s| s.generation)
        else {
            return;
        };
        match status {
            200..=299 => {
                self.refreshes += 1;
                if let Some(dialog) = self.legs.get_mut(&id).and_then(|leg| leg.dialog.as_mut()) {
                    dialog.refresh_target(response);
                }
                self.plan_refresh(now, id, response);
            }
            408 | 481 => self.on_refresh_failed(now, id, &failure("status", &format!("it answered {status}"))),
            405 | 501 if !was_invite => {
                if let Some(session) = self.dealings.get_mut(&id).and_then(|dealings| dealings.session.as_mut()) {
                    session.ours = Some(SessionRefresh::Invite);
                }
                self.owe(now, id, Owed::Refresh);
            }
            422 => {
                if self.raise_interval(id, response) {
                    self.owe(now, id, Owed::Refresh);
                }
            }
            // Both asked at once; we own the Call-ID.
            491 => {
                let pause = self.identifiers.glare_pause();
                self.steps.plan(now + pause, Step::Refresh(id, generation));
            }
            _ => {
                let interval = self.dealings.get(&id).and_then(|d| d.session).map_or(0, |session| session.interval);
                let again = Duration::from_secs(u64::from(interval)) / 6;
                self.steps.plan(now + again.max(SHORTEST), Step::Refresh(id, generation));
            }
        }
    }

    /// The dialog is free again: with the ACK to a 2xx, or because the INVITE was refused.
    fn after_refreshing_invite(&mut self, now: Instant, id: LegId, status: u16, response: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let is_ending = leg.is_ending();
        if status >= 300 {
            leg.invite = None;
            if !is_ending {
                leg.state = State::Up;
            }
            return;
        }
        if !is_ending {
            leg.state = State::Answered;
            // Without an offer of ours the 200 has one, and the ACK answers it (RFC 3261 §13.2.1).
            let offered = leg.invite.as_ref().is_some_and(|sent| !sent.message.body().is_empty());
            let answer = leg.sdp.clone().filter(|_| !offered).map(|sdp| (leg.other_session.clone(), sdp));
            self.owe(now, id, Owed::Ack(answer));
            return self.on_media_answered(now, id, response);
        }
        self.send_ack(now, id, crate::text::NIL, None);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = State::Ending;
        }
    }

    /// A 422 names the shortest interval that the recorder takes; whether that is news (RFC 4028 §7.4).
    pub(super) fn raise_interval(&mut self, id: LegId, response: &Message) -> bool {
        let Some(least) = response.min_se().ok().flatten() else {
            return false;
        };
        let is_news = least > self.refresh_timer(id).seconds;
        if is_news {
            self.dealings.entry(id).or_default().asked = Some(least);
        }
        is_news
    }

    /// A recorder that does not take so short a session is called again with the one it wants (RFC 4028 §7.4); whether it is.
    pub(super) fn ask_longer(&mut self, now: Instant, id: LegId, refused: Option<&Sent>, response: &Message) -> bool {
        let Some(sent) = refused.filter(|_| self.raise_interval(id, response)) else {
            return false;
        };
        let (branch, date, timer) = (self.identifiers.branch(), self.date(now), self.timer(id));
        let cseq = sent.cseq + 1;
        let again = recording::again(&sent.message, &branch, &date, cseq, timer);
        self.send_invite(now, id, again, cseq, date);
        true
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
/// The session ends so long before its time is over, but within the last third (RFC 4028 §10).
const BEFORE_END: Duration = Duration::from_secs(32);
