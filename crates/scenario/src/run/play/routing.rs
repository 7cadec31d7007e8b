//! Park, retrieval, pickup, redirect. CUCM says when it is done.

use cucm::CucmEvent;
use cucm::config::ConferenceBridge;

use super::cast::Cast;
use super::follow::{LOOK, SOON};
use crate::file::paper::Far;
use crate::run::error::SetupError;
use crate::run::stage::{directed_park_number, retrieval};

impl Cast<'_> {
    pub(super) async fn park(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        let parked = self.phones[phone].park().await;
        self.done(line, phone, "park", parked)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Parked { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have parked the call", is_told).await
    }

    /// The phone transfers its call to the number at which it is to wait.
    pub(super) async fn park_at(&mut self, line: usize, phone: usize, at: u32) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        let parked = self.phones[phone].transfer_blind(&directed_park_number(at)).await;
        self.done(line, phone, "transfer its call to a park number", parked)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Parked { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have parked the call", is_told).await
    }

    /// The phone dials the number that CUCM parked the call at.
    pub(super) async fn retrieve(&mut self, line: usize, phone: usize, parked_by: usize) -> Result<(), SetupError> {
        let (device, parker, since) = (self.device(phone), self.device(parked_by), self.events.len());
        let waiting = self.paper.waits_in_park(parked_by).map(|waiting| match waiting {
            Far::Phone(who) | Far::Focus(who) => self.device(who),
            Far::Bridge(_) => ConferenceBridge::software().name,
        });
        let number = self.events.iter().rev().find_map(|(_, event)| match event {
            CucmEvent::Parked { by, party, number, .. }
                if by.device == parker && waiting.as_ref() == Some(&party.device) =>
            {
                Some(number.clone())
            }
            _ => None,
        });
        let Some(number) = number else {
            let what = format!("CUCM has parked no call of `{}`", self.name(parked_by));
            return Err(SetupError::Step { line, what });
        };
        let dialled = self.phones[phone].dial(&retrieval(&number)).await;
        self.done(line, phone, "retrieve", dialled)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Retrieved { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have retrieved the call", is_told).await
    }

    pub(super) async fn pick_up(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        let picked_up = self.phones[phone].pick_up().await;
        self.done(line, phone, "pick up", picked_up)?;
        let is_told = |event: &CucmEvent| is_up(event, &device);
        self.heard(line, since, "CUCM to have connected the call", is_told).await
    }

    /// An application is faster than any phone: what phones have just done must have reached CUCM first. What it refuses is asked again
    /// for a while.
    pub(super) async fn redirect(&mut self, line: usize, call_of: usize, to: usize) -> Result<(), SetupError> {
        self.cucm_knows(line).await?;
        let (device, number, since) = (self.device(call_of), self.number(to), self.events.len());
        let known_as = self.paper.known_as(call_of).map(|who| self.number(who));
        let deadline = self.net.clock().now() + SOON;
        loop {
            let Err(why) = self.cucm().redirect((&device, known_as.as_deref()), &number).await else { break };
            if self.net.clock().now() >= deadline {
                let what = format!("the call of `{}` could not be redirected: {why}", self.name(call_of));
                return Err(SetupError::Step { line, what });
            }
            self.net.clock().sleep(LOOK).await;
        }
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Redirected { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have redirected the call", is_told).await
    }

    /// A phone without a call takes over what another one of its line holds, once it has been told of it.
    pub(super) async fn see_what_is_held(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let is_idle = self.phones.get(phone).is_some_and(|phone| phone.status().call == phone::CallState::Idle);
        if !is_idle {
            return Ok(());
        }
        let waited = self.phones[phone].wait_for(phone::PhoneState::RemoteHeld, SOON).await;
        let name = self.name(phone);
        waited.map(drop).map_err(|e| SetupError::Step { line, what: format!("phone `{name}`: {e}") })
    }
}

/// Whether CUCM tells that a phone has come into a call.
pub(super) fn is_up(event: &CucmEvent, device: &str) -> bool {
    match event {
        CucmEvent::CallConnected(call) => call.callee.party.device == device,
        CucmEvent::Transferred(done) => done.target.device == device,
        CucmEvent::Retrieved { by, .. } => by.device == device,
        _ => false,
    }
}
