//! Hold and resume. CUCM says when the other party has been told.

use cucm::CucmEvent;

use super::cast::Cast;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn hold(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        let held = self.handset(phone).hold().await;
        self.done(line, phone, "hold", held)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Held { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have held the call", is_told).await
    }

    pub(super) async fn resume(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        self.see_what_is_held(line, phone).await?;
        let resumed = self.handset(phone).resume().await;
        self.done(line, phone, "resume", resumed)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Resumed { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have resumed the call", is_told).await
    }
}
