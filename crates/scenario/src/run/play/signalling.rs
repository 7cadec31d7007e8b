//! What CUCM and recorders do in dialogs of their own accord.

use std::time::Duration;

use cucm::signalling::{Answer, Closing, From, Method, Provocation, Request};
use cucm::{CucmEvent, signalling};
use media::ledger::Leg;
use recorder::Deed;
use recorder::metadata::Side;

use super::Asked;
use super::cast::Cast;
use super::follow::{LOOK, SOON};
use crate::run::error::SetupError;

/// How long a message may be on its way to a recorder that is near.
const UNDER_WAY: Duration = Duration::from_millis(100);

impl Cast<'_> {
    /// Has CUCM disturb what the scenario tells, from the first message on.
    pub(super) fn disturb(&self) {
        let disturbances: Vec<signalling::Disturbance> =
            self.scenario.signalling.iter().map(|entry| entry.disturbance.clone()).collect();
        if !disturbances.is_empty() {
            self.cucm.provoke(Provocation::Disturb(disturbances));
        }
    }

    pub(super) fn close_connection(&mut self, how: Closing) {
        let word = if how == Closing::Reset { "RST" } else { "FIN" };
        self.tell(format!("CUCM closes its connections to recorders ({word})"));
        self.cucm.provoke(Provocation::Close { how, to: None });
    }

    /// What the recorder answers is waited for; whether it answers at all is judged.
    pub(super) async fn cucm_sends(&mut self, request: Request, leg: Option<Leg>) {
        self.tell(format!("CUCM sends {}{}", request.method(), of(leg)));
        let since = self.events.len();
        self.cucm.provoke(Provocation::Send { request, leg });
        let told = matches!(request, Request::Info | Request::Notify | Request::Subscribe | Request::Options);
        let answers = if told { self.paper.dialogs(leg) } else { 0 };
        let is_answer = |event: &CucmEvent| matches!(event, CucmEvent::RecorderAnswered { .. });
        self.await_events(since, answers, is_answer).await;
        if !told {
            self.settled().await;
        }
    }

    /// Waits until nothing is under way in the dialogs of recordings, unless the scenario says itself what crosses what.
    async fn settled(&self) {
        if !self.scenario.signalling.is_empty() {
            return;
        }
        self.net.clock().sleep(UNDER_WAY).await;
        let deadline = self.net.clock().now() + SOON;
        // A cluster that has stopped says so elsewhere.
        while let Ok(false) = self.cucm().is_recording_settled().await
            && self.net.clock().now() < deadline
        {
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// A recorder of somebody else's cannot be told; such a scenario is skipped with it.
    pub(super) async fn recorder_does(&mut self, line: usize, deed: Deed, leg: Option<Leg>) -> Result<(), SetupError> {
        let word = match deed {
            Deed::HangUp => "hangs up",
            Deed::Pause => "pauses",
            Deed::Resume => "resumes",
        };
        // What CUCM has just sent must be there first, unless the scenario says itself what crosses what.
        if self.scenario.signalling.is_empty() {
            self.net.clock().sleep(UNDER_WAY).await;
        }
        self.tell(format!("the recorder {word}{}", of(leg)));
        let since = self.events.len();
        let at_us = self.net.clock().since_epoch_us(self.net.clock().now());
        self.asked.push(Asked { at_us, line, deed, leg });
        let Some(recorder) = self.recorder.bundled() else { return Ok(()) };
        recorder.act(
            deed,
            leg.map(|leg| match leg {
                Leg::Near => Side::Near,
                Leg::Far => Side::Far,
            }),
        );
        // A BYE that is held up on its way ends nothing yet.
        let is_held_up = self.scenario.signalling.iter().any(|entry| {
            let kind = entry.disturbance.pick.kind;
            (kind.from, kind.method, kind.answer) == (From::Recorder, Method::Bye, Answer::No)
        });
        if deed != Deed::HangUp || is_held_up {
            self.settled().await;
            return Ok(());
        }
        let is_over = |event: &CucmEvent| matches!(event, CucmEvent::RecordingEnded { .. });
        self.heard(line, since, "the end of the recording", is_over).await
    }

    pub(super) async fn destination(&mut self, index: usize, is_up: bool) -> Result<(), SetupError> {
        let name = &self.scenario.destinations[index].name;
        if is_up {
            self.tell(format!("destination {name} is back"));
            return self.destinations.come(index).await;
        }
        // What it was to be told must have reached it.
        let deadline = self.net.clock().now() + SOON;
        while let Ok(1..) = self.cucm().recorder_dialogs().await
            && self.net.clock().now() < deadline
        {
            self.net.clock().sleep(LOOK).await;
        }
        self.tell(format!("destination {name} is gone"));
        self.destinations.go(index).await;
        Ok(())
    }
}

fn of(leg: Option<Leg>) -> String {
    leg.map_or_else(String::new, |leg| format!(" ({} leg)", leg.name()))
}
