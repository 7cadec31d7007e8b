//! Requests in a recording's dialogs that come from nothing but a test's wish: a real node sends each of them at some time, for
//! reasons that are not imitated here.

use std::time::Instant;

use media::ledger::Leg as Voice;
use sip::{Dialog, Message};

use super::dialogs::NORMAL;
use super::leg::{LegId, Owed, Role, State};
use super::{Asked, Engine, failure};
use crate::config::SessionRefresh;
use crate::event::{ConnectFailure, CucmEvent};
use crate::signalling::Request;
use crate::text::recording::End;
use crate::text::trunk;

impl Engine {
    /// Sends a request in the dialogs of every recording that is up; a dialog in which something is under way already has it
    /// waiting.
    pub fn send_unprompted(&mut self, now: Instant, request: Request, voice: Option<Voice>) {
        let ends = End::BOTH.into_iter().filter(|end| voice.is_none_or(|voice| voice == end.voice()));
        let ends: Vec<End> = ends.collect();
        let recordings: Vec<_> = self.recordings.iter().filter(|(_, r)| r.started).map(|(id, _)| *id).collect();
        for id in recordings {
            for end in &ends {
                let leg = self.recordings.get(&id).and_then(|recording| recording.strand(*end).recorder);
                match (request, leg) {
                    (_, None) => {}
                    (Request::Bye, Some(_)) => self.end_strand(now, id, *end),
                    (_, Some(leg)) => self.owe(now, leg, Owed::Unprompted(request)),
                }
            }
        }
        self.drain(now);
    }

    /// Gives up the recording whose dialog with the recorder has this Call-ID, as where its call ends.
    pub fn give_up_recording(&mut self, now: Instant, call_id: &str) {
        let leg = self.by_call_id.get(call_id).and_then(|id| self.legs.get(id));
        if let Some(Role::Recorder { recording, .. }) = leg.map(|leg| leg.role.clone()) {
            self.end_recording(now, recording, &failure("given-up", "CUCM gave it up"), NORMAL, false);
        }
        self.drain(now);
    }

    /// One of the two dialogs ends, and with it the phone's stream that fed it; the other one goes on.
    fn end_strand(&mut self, now: Instant, id: crate::event::RecordingId, end: End) {
        let Some(strand) = self.recordings.get_mut(&id).map(|recording| recording.strand_mut(end)) else {
            return;
        };
        let legs = [strand.recorder.take(), strand.bridge.take()];
        for leg in legs.into_iter().flatten() {
            self.clear_leg(now, leg, NORMAL);
        }
    }

    /// Sends what is owed; the leg has a connection.
    pub(super) fn send_request_of_a_test(&mut self, now: Instant, id: LegId, request: Request) {
        match request {
            Request::Update => return self.refresh_by(now, id, SessionRefresh::Update, true),
            Request::Reinvite => return self.refresh_by(now, id, SessionRefresh::Invite, true),
            Request::ReinviteWithoutOffer => return self.refresh_by(now, id, SessionRefresh::Invite, false),
            Request::Info | Request::Notify | Request::Subscribe | Request::Options | Request::Bye => {}
        }
        let date = self.date(now);
        let leg = self.legs.get_mut(&id).filter(|leg| !matches!(leg.state, State::Ending));
        let Some(cseq) = leg.and_then(|leg| leg.dialog.as_mut()).map(Dialog::next_cseq) else {
            return;
        };
        let Some(thread) = self.thread(id, cseq, date) else {
            return;
        };
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (node, near) = (leg.node, &leg.identity);
        let message = match request {
            Request::Info => trunk::info(&node, &thread),
            Request::Notify => trunk::key_pressed(&node, &thread),
            Request::Subscribe => trunk::subscribe(&node, &thread, &near.number),
            _ => trunk::options(&node, &thread),
        };
        if let Some(flow) = leg.flow {
            let key = self.endpoint.send_request(now, flow, node.transport, message);
            self.asked.insert(key, Asked::Unprompted(id, request));
        }
    }

    /// The recorder's answer to such a request, or that there was none.
    pub(super) fn on_unprompted_answered(
        &mut self,
        id: LegId,
        request: Request,
        answer: Result<&Message, &ConnectFailure>,
    ) {
        let Some(Role::Recorder { recording, end, .. }) = self.legs.get(&id).map(|leg| leg.role.clone()) else {
            return;
        };
        let status = answer.ok().and_then(Message::status);
        self.event(CucmEvent::RecorderAnswered { recording, leg: end.voice(), method: request.method(), status });
    }
}

impl End {
    /// Whose voice the dialog carries.
    pub(crate) fn voice(self) -> Voice {
        match self {
            Self::Near => Voice::Near,
            Self::Far => Voice::Far,
        }
    }
}
