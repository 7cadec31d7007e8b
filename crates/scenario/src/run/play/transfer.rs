//! Transfers. CUCM says when those who remain talk.

use cucm::CucmEvent;

use phone::PhoneState;

use super::cast::Cast;
use crate::file::Action;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn transfer(&mut self, line: usize, by: usize, to: usize) -> Result<(), SetupError> {
        let since = self.events.len();
        let transferred = self.phones[by].transfer_blind(&self.number(to)).await;
        self.done(line, by, "transfer", transferred)?;
        self.held_first(line, by, since).await
    }

    /// A call that was up is held first, of which the other party is told.
    async fn held_first(&mut self, line: usize, phone: usize, since: usize) -> Result<(), SetupError> {
        if self.paper.shown(phone) == PhoneState::Held {
            return Ok(());
        }
        let device = self.device(phone);
        let is_told = |event: &CucmEvent| matches!(event, CucmEvent::Held { by, .. } if by.device == device);
        self.heard(line, since, "CUCM to have held the call", is_told).await
    }

    pub(super) async fn consult(&mut self, line: usize, by: usize, to: usize) -> Result<(), SetupError> {
        let since = self.events.len();
        // Which softkey is pressed first shows in what comes of it.
        let behind = self.scenario.steps.iter().filter(|step| step.line > line);
        let is_for_conference = behind
            .filter_map(|step| match step.action {
                Action::Conference(phone) if phone == by => Some(true),
                Action::CompleteTransfer(phone) if phone == by => Some(false),
                _ => None,
            })
            .next();
        let number = &self.number(to);
        let consulted = match is_for_conference {
            Some(true) => self.phones[by].consult_for_conference(number).await,
            _ => self.phones[by].consult(number).await,
        };
        self.done(line, by, "consult", consulted)?;
        self.held_first(line, by, since).await
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
