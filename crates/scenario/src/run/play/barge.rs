//! Barge and cBarge: a phone comes into a call of its line once it is shown to it.

use cucm::CucmEvent;
use phone::PhoneState;

use super::cast::Cast;
use super::follow::SOON;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn c_barge(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        self.see_what_is_in_use(line, phone).await?;
        let (device, since) = (self.device(phone), self.events.len());
        let barged = self.phones[phone].c_barge().await;
        self.done(line, phone, "barge in", barged)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Conferenced(made) if made.by.device == device);
        self.heard(line, since, "CUCM to have made the conference", is_told).await
    }

    pub(super) async fn barge(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        self.see_what_is_in_use(line, phone).await?;
        let (device, since) = (self.device(phone), self.events.len());
        let barged = self.phones[phone].barge().await;
        self.done(line, phone, "barge in", barged)?;
        let is_told =
            |event: &CucmEvent| matches!(event, CucmEvent::CallConnected(call) if call.caller.party.device == device);
        self.heard(line, since, "CUCM to have connected the phone that barges in", is_told).await
    }

    /// The phone on whose bridge somebody has barged in has hung up: CUCM connects the two that stay.
    pub(super) async fn guest_stays(&mut self, line: usize, since: usize) -> Result<(), SetupError> {
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::BargeStays { .. });
        self.heard(line, since, "CUCM to have connected whoever barged in with the other party", is_told).await
    }

    async fn see_what_is_in_use(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let waited = self.phones[phone].wait_for(PhoneState::RemoteInUse, SOON).await;
        let name = self.name(phone);
        waited.map(|_| ()).map_err(|why| SetupError::Step { line, what: format!("phone `{name}`: {why}") })
    }
}
