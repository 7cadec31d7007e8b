//! Hold and resume: our own re-INVITEs.

use std::time::Instant;

use sip::{ClientKey, Message};

use super::Machine;
use crate::phone::CommandError;
use crate::status::CallState;
use crate::text;

impl Machine {
    pub(super) fn hold(&mut self, now: Instant) -> Result<(), CommandError> {
        self.change_call(now, CallState::Connected, CallState::Held)
    }

    pub(super) fn resume(&mut self, now: Instant) -> Result<(), CommandError> {
        self.change_call(now, CallState::Held, CallState::Connected)
    }

    /// Asks CUCM for hold or resume. Our own voice stops at once and comes back with the answer.
    fn change_call(&mut self, now: Instant, from: CallState, to: CallState) -> Result<(), CommandError> {
        let call = self.call.as_mut().ok_or(CommandError::NoCall)?;
        if call.state != from || call.change.is_some() {
            return Err(CommandError::Busy);
        }
        let (cseq, session) = match &mut call.dialog {
            Some(dialog) => (dialog.next_cseq(), call.session.clone()),
            None => return Err(CommandError::NoCall),
        };
        if to == CallState::Held {
            call.state = to;
            self.apply_settled();
        }
        let description = self.make_offer_for(to);
        let stamp = self.stamp(now, cseq, session);
        let Some(dialog) = self.call.as_ref().and_then(|call| call.dialog.as_ref()) else {
            return Err(CommandError::NoCall);
        };
        let invite = text::reinvite(&self.profile, dialog, &stamp, &description);
        let key = self.send(now, invite);
        if let Some(call) = &mut self.call {
            call.change = Some((key, to));
        }
        Ok(())
    }

    pub(super) fn on_change_accepted(&mut self, now: Instant, key: &ClientKey, answer: &Message) {
        let Some(call) = &mut self.call else { return };
        let Some((_, state)) = call.change.take() else { return };
        call.state = state;
        let keys = call.offered.take().unwrap_or_default();
        if let Some(dialog) = &mut call.dialog {
            dialog.refresh_target(answer);
        }
        self.acknowledge(now, key, answer);
        self.take_answer(&keys, answer, "200");
    }

    pub(super) fn on_change_refused(&mut self, answer: &Message) {
        let Some(call) = &mut self.call else { return };
        let wanted = call.change.take().map(|(_, state)| state);
        call.offered = None;
        if wanted == Some(CallState::Held) {
            call.state = CallState::Connected;
        }
        let (code, reason) = (answer.status().unwrap_or(0), answer.reason().unwrap_or_default());
        self.problem(format!("cucm refused our re-INVITE with {code} {reason}"));
        self.apply_settled();
    }
}
