//! Hold and resume: our own re-INVITEs.

use std::time::{Duration, Instant};

use rand_core::Rng;
use sip::{ClientKey, Message};

use super::call::Origin;
use super::{CallNo, Machine, Purpose, Timer};
use crate::phone::CommandError;
use crate::status::CallState;
use crate::text;

/// A re-INVITE of ours that is not accepted yet.
#[derive(Debug)]
pub(super) struct Change {
    /// None while it waits to be tried again.
    key: Option<ClientKey>,
    /// What it asks for.
    to: CallState,
    /// Its Call-Info.
    info: &'static str,
    /// What waits for it.
    next: Option<Next>,
}

impl Change {
    pub(super) fn is_made_by(&self, key: &ClientKey) -> bool {
        self.key.as_ref() == Some(key)
    }

    /// Is it out, so that a re-INVITE of the other side meets it?
    pub(super) fn is_under_way(&self) -> bool {
        self.key.is_some()
    }
}

/// What begins when a call is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Dial(String),
    Answer(CallNo),
    Resume(CallNo),
    /// REFER of the held call to this URI.
    Refer(String),
}

impl Machine {
    pub(super) fn hold_call(
        &mut self,
        now: Instant,
        no: CallNo,
        purpose: Purpose,
        next: Option<Next>,
    ) -> Result<(), CommandError> {
        self.change_call(now, no, (CallState::Connected, CallState::Held), text::hold_info(purpose), next)
    }

    pub(super) fn resume_call(&mut self, now: Instant, no: CallNo) -> Result<(), CommandError> {
        self.active = Some(no);
        self.change_call(now, no, (CallState::Held, CallState::Connected), text::RESUME_INFO, None)
    }

    /// Asks CUCM for hold or resume. Our own voice stops at once and comes back with the answer.
    fn change_call(
        &mut self,
        now: Instant,
        no: CallNo,
        (from, to): (CallState, CallState),
        info: &'static str,
        next: Option<Next>,
    ) -> Result<(), CommandError> {
        let call = self.call_mut(no).ok_or(CommandError::NoCall)?;
        if call.state != from || call.change.is_some() || call.offered.is_some() {
            return Err(CommandError::Busy);
        }
        if to == CallState::Held {
            call.state = to;
            self.apply_settled(no);
        }
        self.send_change(now, no, Change { key: None, to, info, next })
    }

    fn send_change(&mut self, now: Instant, no: CallNo, change: Change) -> Result<(), CommandError> {
        let (stamp, dialog) = self.next_in_dialog(now, no).ok_or(CommandError::NoCall)?;
        let description = self.make_offer_for(no, change.to);
        let invite = text::reinvite(&self.profile, &dialog, &stamp, change.info, &description);
        let key = self.send(now, invite);
        if let Some(call) = self.call_mut(no) {
            call.change = Some(Change { key: Some(key), ..change });
        }
        Ok(())
    }

    pub(super) fn on_change_accepted(&mut self, now: Instant, no: CallNo, key: &ClientKey, answer: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        let Some(change) = call.change.take() else { return };
        call.state = change.to;
        let keys = call.offered.take().unwrap_or_default();
        if let Some(dialog) = &mut call.dialog {
            dialog.refresh_target(answer);
        }
        self.acknowledge(now, no, key, answer);
        self.take_answer(no, &keys, answer, "200");
        if let Some(next) = change.next {
            self.go_on(now, no, next);
        }
    }

    pub(super) fn on_change_refused(&mut self, now: Instant, no: CallNo, answer: &Message) {
        let Some(call) = self.call_mut(no) else { return };
        call.offered = None;
        if let (Some(491), Some(change)) = (answer.status(), &mut call.change) {
            change.key = None;
            let is_owner = matches!(call.origin, Origin::Here { .. });
            return self.try_again(now, no, is_owner);
        }
        let wanted = call.change.take().map(|change| change.to);
        if wanted == Some(CallState::Held) {
            call.state = CallState::Connected;
        }
        let (code, reason) = (answer.status().unwrap_or(0), answer.reason().unwrap_or_default());
        self.problem(format!("cucm refused our re-INVITE with {code} {reason}"));
        self.apply_settled(no);
    }

    /// Both sides changed the call at once: who made the Call-ID waits 2.1 to 4 s, the other up to 2 s (RFC 3261 §14.1).
    fn try_again(&mut self, now: Instant, no: CallNo, is_owner: bool) {
        let step = u64::from(self.rng().next_u32());
        let wait = if is_owner { 2100 + step % 191 * 10 } else { step % 201 * 10 };
        self.set_timer(now + Duration::from_millis(wait), Timer::Change(no));
    }

    /// The time to try again has come.
    pub(super) fn change_again(&mut self, now: Instant, no: CallNo) {
        let Some(call) = self.call_mut(no) else { return };
        if call.offered.is_some() {
            // The other side's change is still under way.
            return self.try_again(now, no, false);
        }
        if let Some(change) = call.change.take_if(|change| !change.is_under_way()) {
            // The dialog lasts as long as the call.
            let _ = self.send_change(now, no, change);
        }
    }
}
