//! Transfers. CUCM says when those who remain talk.

use cucm::CucmEvent;

use super::cast::Cast;
use crate::file::Action;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn transfer(&self, line: usize, by: usize, to: usize) -> Result<(), SetupError> {
        let transferred = self.phones[by].transfer_blind(&self.scenario.phones[to].line).await;
        self.done(line, by, "transfer", transferred)
    }

    pub(super) async fn consult(&self, line: usize, by: usize, to: usize) -> Result<(), SetupError> {
        // Which softkey is pressed first shows in what comes of it.
        let behind = self.scenario.steps.iter().filter(|step| step.line > line);
        let is_for_conference = behind
            .filter_map(|step| match step.action {
                Action::Conference(phone) if phone == by => Some(true),
                Action::CompleteTransfer(phone) if phone == by => Some(false),
                _ => None,
            })
            .next();
        let number = &self.scenario.phones[to].line;
        let consulted = match is_for_conference {
            Some(true) => self.phones[by].consult_for_conference(number).await,
            _ => self.phones[by].consult(number).await,
        };
        self.done(line, by, "consult", consulted)
    }

    /// A consultation that still rings is transferred when it is answered.
    pub(super) async fn complete_transfer(&mut self, line: usize, by: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(by), self.events.len());
        let is_answered = self.phones[by].status().call == phone::CallState::Connected;
        let completed = self.phones[by].complete_transfer().await;
        self.done(line, by, "complete the transfer", completed)?;
        if !is_answered {
            return Ok(());
        }
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Transferred(done) if done.by.device == device);
        self.heard(line, since, "CUCM to have transferred the call", is_told).await
    }
}
