//! Conferences. CUCM says when all members are connected with the bridge, and when the last two are without it.

use cucm::CucmEvent;

use super::cast::Cast;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn conference(&mut self, line: usize, by: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(by), self.events.len());
        let completed = self.phones[by].complete_conference().await;
        self.done(line, by, "complete the conference", completed)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Conferenced(made) if made.by.device == device);
        self.heard(line, since, "CUCM to have made the conference", is_told).await
    }

    /// A member has hung up, and two are left.
    pub(super) async fn dropped_to_two(&mut self, line: usize, since: usize) -> Result<(), SetupError> {
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::ConferenceDropped { .. });
        self.heard(line, since, "CUCM to have connected the two who are left", is_told).await
    }
}
