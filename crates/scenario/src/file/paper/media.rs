//! What phones do to media: it needs a call, and changes none.

use super::{ANSWER_FIRST, Impossible, Paper};

impl Paper {
    pub(super) fn inject(&mut self, phone: usize) -> Result<(), Impossible> {
        if self.place_mut(phone).is_some() {
            return Ok(());
        }
        let message = format!("`{}` is in no answered call here, so it forks nothing", self.name(phone));
        Err(Impossible::new(message, ANSWER_FIRST))
    }

    pub(super) fn talk(&self) -> Result<(), Impossible> {
        if self.calls.iter().any(super::Call::is_answered) {
            return Ok(());
        }
        Err(Impossible::new("nobody is in an answered call here".to_owned(), ANSWER_FIRST))
    }
}
