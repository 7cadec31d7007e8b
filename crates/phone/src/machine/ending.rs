//! How a call ends: by its caller's CANCEL, by us, by BYE.

use std::time::Instant;

use sip::ServerKey;

use super::call::{Call, Origin};
use super::{CallNo, Machine, MediaOrder};
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent};
use crate::text;

impl Machine {
    pub(super) fn on_call_cancelled(&mut self, now: Instant, key: &ServerKey) {
        let ringing = self.calls.iter().find(|call| call.is_answering(key) && call.state == CallState::Ringing);
        let Some(call) = ringing else { return };
        let no = call.no;
        if let Origin::There { invite, .. } = &call.origin {
            let invite = invite.clone();
            self.respond_in_call(now, no, key, &invite, (487, "Request Cancelled"), None);
        }
        self.end_call(no, "cancelled by the caller".to_owned());
    }

    pub(super) fn hang_up(&mut self, now: Instant) -> Result<(), CommandError> {
        let no = self.active.ok_or(CommandError::NoCall)?;
        self.hang_up_call(now, no)
    }

    /// Ends every call that can be ended in its state.
    pub(super) fn hang_up_all(&mut self, now: Instant) {
        let all: Vec<CallNo> = self.calls.iter().map(|call| call.no).collect();
        for no in all {
            // One that cannot be ended dies with its registration.
            let _ = self.hang_up_call(now, no);
        }
    }

    fn hang_up_call(&mut self, now: Instant, no: CallNo) -> Result<(), CommandError> {
        let call = self.call_mut(no).ok_or(CommandError::NoCall)?;
        match call.state {
            CallState::Calling | CallState::RingingBack => {
                call.is_cancelled = true;
                if let Origin::Here { key, .. } = &call.origin {
                    let key = *key;
                    self.endpoint.send_cancel(now, &key).map_err(|error| CommandError::Refused(error.to_string()))?;
                }
            }
            CallState::Ringing => {
                if let Origin::There { invite, key, .. } = &call.origin {
                    let (invite, key) = (invite.clone(), *key);
                    self.respond_in_call(now, no, &key, &invite, (603, "Decline"), None);
                }
                self.end_call(no, "declined".to_owned());
            }
            _ => {
                // The media ends first: nothing is said after the goodbye.
                self.media(MediaOrder::Close { call: no });
                self.say_bye(now, no);
                self.forget_call(no, "normal".to_owned());
            }
        }
        Ok(())
    }

    /// CUCM is gone: a call that talks is preserved, and so are its forks unless they are let go; anything else ends, as nothing is left of
    /// it without CUCM, and whoever has barged in is let go (Cisco, "System Guide for Cisco Unified Communications Manager", call
    /// preservation: *active* calls; that a call on hold is none is inferred).
    pub(super) fn keep_what_talks(&mut self) {
        let talks = |call: &&Call| {
            call.state == CallState::Connected && call.settled.as_ref().is_some_and(|settled| settled.sends)
        };
        let over: Vec<CallNo> = self.calls.iter().filter(|call| !talks(call)).map(|call| call.no).collect();
        for no in over {
            self.end_call(no, "its node is gone".to_owned());
        }
        while !self.barges.is_empty() {
            self.end_barge(0);
        }
        if self.lets_forks_go {
            self.end_bridges_of(|_| true);
        }
    }

    /// Sends BYE in the call's dialog.
    pub(super) fn say_bye(&mut self, now: Instant, no: CallNo) {
        let Some((stamp, dialog)) = self.next_in_dialog(now, no) else { return };
        let bye = text::bye(&self.profile, &dialog, &stamp);
        self.send(now, bye);
        self.run_endpoint(now);
    }

    /// Ends the call here: media, port, state.
    pub(super) fn end_call(&mut self, no: CallNo, why: String) {
        let Some(call) = self.call(no) else { return };
        let order = match call.state {
            CallState::Ringing => MediaOrder::Free { port: call.port },
            _ => MediaOrder::Close { call: no },
        };
        self.media(order);
        self.forget_call(no, why);
    }

    fn forget_call(&mut self, no: CallNo, why: String) {
        let Some(call) = self.take_call(no) else { return };
        // The forks ended with the call's media; their dialogs wait for CUCM's BYE.
        self.bridges.iter_mut().filter(|bridge| bridge.main == no).for_each(super::Bridge::on_call_ended);
        if !self.status().registered {
            // Nobody is there to say it.
            self.end_bridges_of(|main| main == no);
        }
        self.event(PhoneEvent::Ended { call_id: call.call_id(), why });
    }
}
