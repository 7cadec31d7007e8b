//! Calls on other phones of the line: what CUCM tells of them, and taking one over that is held there.

use std::time::Instant;

use sip::{Message, ServerKey};

use super::Machine;
use crate::phone::CommandError;
use crate::status::RemoteUse;
use crate::text::{self, Elsewhere, RemoteCall};

impl Machine {
    /// NOTIFY with calls of other phones. Those that are over are forgotten.
    pub(super) fn on_remote_calls(&mut self, now: Instant, key: &ServerKey, notify: &Message) {
        match text::remote_calls(notify.body()) {
            Ok(calls) => {
                for call in calls {
                    self.remote.retain(|known| known.call_id != call.call_id);
                    if !call.is_over {
                        self.remote.push(call);
                    }
                }
                self.reply(now, key, notify, 200, "OK");
            }
            Err(why) => {
                self.problem(format!("cannot use what cucm told of the shared line: {why}"));
                self.reply(now, key, notify, 400, "Bad Request");
            }
        }
    }

    /// How the line is in use elsewhere.
    pub(super) fn remote_use(&self) -> RemoteUse {
        match (self.remote.is_empty(), self.held_elsewhere()) {
            (true, _) => RemoteUse::None,
            (false, None) => RemoteUse::InUse,
            (false, Some(_)) => RemoteUse::Held,
        }
    }

    /// A call that another phone of the line holds.
    fn held_elsewhere(&self) -> Option<&RemoteCall> {
        self.remote.iter().find(|call| call.is_held)
    }

    /// Takes over what another phone of the line holds: *Resume* where this phone holds nothing.
    pub(super) fn take_over(&mut self, now: Instant) -> Result<(), CommandError> {
        let held = self.held_elsewhere().ok_or(CommandError::NoCall)?;
        let (named, number) = (held.named(), held.number.clone());
        self.open_call_elsewhere(now, Elsewhere::Replaces(&named), number)
    }

    /// *cBarge*: comes into a call in which another phone of the line talks; CUCM makes a conference of it.
    pub(super) fn c_barge(&mut self, now: Instant) -> Result<(), CommandError> {
        let (named, number) = self.talks_elsewhere()?;
        self.open_call_elsewhere(now, Elsewhere::CBarge(&named), number)
    }

    /// *Barge*: the same by the built-in bridge of the phone that talks.
    pub(super) fn barge(&mut self, now: Instant) -> Result<(), CommandError> {
        let (named, number) = self.talks_elsewhere()?;
        self.open_call_elsewhere(now, Elsewhere::Barge(&named), number)
    }

    /// The dialog of a call in which another phone of the line talks, and the number at its other end.
    fn talks_elsewhere(&self) -> Result<(String, String), CommandError> {
        let talks = self.remote.iter().find(|call| !call.is_held).ok_or(CommandError::NoCall)?;
        Ok((talks.named(), talks.number.clone()))
    }

    fn open_call_elsewhere(
        &mut self,
        now: Instant,
        elsewhere: Elsewhere<'_>,
        number: String,
    ) -> Result<(), CommandError> {
        let own = self.profile.number.clone();
        self.open_call(now, &own, Some(elsewhere))?;
        if let Some(call) = self.active.and_then(|no| self.call_mut(no)) {
            call.number = number;
        }
        Ok(())
    }
}
