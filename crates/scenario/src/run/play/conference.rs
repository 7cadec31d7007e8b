//! Conferences. CUCM says when all members are connected with the bridge, and when the last two are without it.

use cucm::CucmEvent;

use super::cast::Cast;
use super::follow::{LOOK, SOON};
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn conference(&mut self, line: usize, by: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(by), self.events.len());
        let completed = self.phones[by].complete_conference().await;
        self.done(line, by, "complete the conference", completed)?;
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Conferenced(made) if made.by.device == device);
        self.heard(line, since, "CUCM to have made the conference", is_told).await
    }

    /// An application is faster than any phone: what phones have just done must have reached CUCM first.
    pub(super) async fn drop_member(&mut self, line: usize, by: usize, party: usize) -> Result<(), SetupError> {
        self.cucm_knows(line).await?;
        let (drops, since) = (self.paper.drops_to_two_without(by, party), self.events.len());
        let (device, controller) = (self.device(party), self.device(by));
        let known_as = self.paper.known_as(party).map(|who| self.number(who));
        let deadline = self.net.clock().now() + SOON;
        loop {
            let dropped = self.cucm().drop_from_conference(&controller, (&device, known_as.as_deref())).await;
            let Err(why) = dropped else { break };
            if self.net.clock().now() >= deadline {
                let what = format!("`{}` could not be dropped by `{}`: {why}", self.name(party), self.name(by));
                return Err(SetupError::Step { line, what });
            }
            self.net.clock().sleep(LOOK).await;
        }
        if drops { self.dropped_to_two(line, since).await } else { Ok(()) }
    }

    /// A member has hung up, and two are left.
    pub(super) async fn dropped_to_two(&mut self, line: usize, since: usize) -> Result<(), SetupError> {
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::ConferenceDropped { .. });
        self.heard(line, since, "CUCM to have connected the two who are left", is_told).await
    }
}
