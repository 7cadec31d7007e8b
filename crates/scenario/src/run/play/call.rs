//! Calls begin, are answered and end.

use super::cast::Cast;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn call(&mut self, line: usize, from: usize, to: usize) -> Result<(), SetupError> {
        let (caller, callee) = (self.name(from), self.name(to));
        self.tell(format!("{caller} calls {callee}"));
        let dialled = self.phones[from].dial(&self.scenario.phones[to].line).await;
        self.done(line, from, "dial", dialled)
    }

    pub(super) async fn answer(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let answered = self.phones[phone].answer().await;
        self.done(line, phone, "answer", answered)
    }

    pub(super) async fn hang_up(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let hung_up = self.phones[phone].hang_up().await;
        self.done(line, phone, "hang up", hung_up)
    }
}
