//! Calls begin, are answered and end.

use cucm::CucmEvent;

use super::cast::Cast;
use super::routing::is_up;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn call(&mut self, line: usize, from: usize, to: usize) -> Result<(), SetupError> {
        let (caller, callee) = (self.name(from), self.name(to));
        self.tell(format!("{caller} calls {callee}"));
        let dialled = self.handset(from).dial(&self.number(to)).await;
        self.done(line, from, "dial", dialled)
    }

    /// The call is up when CUCM has connected both, in a new call or in the place of whoever transferred it.
    pub(super) async fn answer(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (device, since) = (self.device(phone), self.events.len());
        let answered = self.handset(phone).answer().await;
        self.done(line, phone, "answer", answered)?;
        let is_up = |event: &CucmEvent| is_up(event, &device);
        self.heard(line, since, "CUCM to have connected the call", is_up).await
    }

    pub(super) async fn hang_up(&mut self, line: usize, phone: usize) -> Result<(), SetupError> {
        let (drops, since) = (self.paper.drops_to_two(phone), self.events.len());
        let declines = self.paper.declines_transfer(phone);
        let has_guest = self.paper.leaves_to_guest(phone);
        let hung_up = self.handset(phone).hang_up().await;
        self.done(line, phone, "hang up", hung_up)?;
        if declines {
            let failed = |event: &CucmEvent| matches!(event, CucmEvent::TransferFailed { .. });
            self.heard(line, since, "CUCM to have given the call back", failed).await?;
        }
        if has_guest {
            self.guest_stays(line, since).await?;
        }
        if drops { self.dropped_to_two(line, since).await } else { Ok(()) }
    }
}
