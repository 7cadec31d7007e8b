//! Transfer, conference, park and the record softkey: what a phone asks CUCM for by REFER.
//!
//! ```text
//! CUCM                                   phone
//!  │ ◄──────────── INVITE hold; transfer   │  first press of Transfer
//!  │ ◄──────────────── INVITE (consult)    │
//!  │ ◄─ REFER, Refer-To with Replaces      │  second press: in the dialog of the held call
//!  │ 202, NOTIFY sipfrag ────────────────► │
//!  │ BYE on both dialogs ────────────────► │  CUCM's, not the phone's
//! ```
//! CUCM is a back-to-back agent: Replaces tells it which two calls belong together, and nobody is sent an INVITE with it (Cisco SIP
//! Line Messaging Guide (Standard) 12.0(1), "Attended Transfer", p. 28). Softkeys without a SIP method go in a REFER outside the
//! dialogs (Cisco document 222343).

use std::time::Instant;

use sip::{ClientKey, Dialog, Message, ServerKey};

use super::call::Call;
use super::hold::Next;
use super::{CallNo, Machine, MediaOrder, Purpose, Softkey};
use crate::identifiers::NO_SESSION;
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent};
use crate::text::{self, DialogId};

/// A softkey that CUCM has not answered yet.
#[derive(Debug)]
pub(super) struct Pressed {
    key: ClientKey,
    softkey: Softkey,
    /// The call that it is about, which a conference takes from hold.
    call: CallNo,
}

impl Machine {
    /// Has CUCM join the held call with the active one, which may still ring.
    pub(super) fn complete_transfer(&mut self, now: Instant) -> Result<(), CommandError> {
        let (first, second) = self.pair()?;
        let (held, number) = (first.no, second.number.clone());
        let dialog = reachable(second).ok_or(CommandError::Busy)?;
        let target = text::transfer_target(&self.profile, &number, Some(dialog));
        self.refer(now, held, &target)
    }

    /// Holds the call and has CUCM connect it with a number.
    pub(super) fn transfer_blind(&mut self, now: Instant, number: &str) -> Result<(), CommandError> {
        let call = self.active_call().ok_or(CommandError::NoCall)?;
        let (no, state) = (call.no, call.state);
        let target = text::transfer_target(&self.profile, number, None);
        match state {
            CallState::Held => self.refer(now, no, &target),
            _ => self.hold_call(now, no, Purpose::Transfer, Some(Next::Refer(target))),
        }
    }

    /// Sends REFER in the dialog of a held call.
    pub(super) fn refer(&mut self, now: Instant, no: CallNo, target: &str) -> Result<(), CommandError> {
        let call = self.call(no).ok_or(CommandError::NoCall)?;
        if call.state != CallState::Held || call.change.is_some() || call.refer.is_some() {
            return Err(CommandError::Busy);
        }
        let (stamp, dialog) = self.next_in_dialog(now, no).ok_or(CommandError::NoCall)?;
        let key = self.send(now, text::refer(&self.profile, &dialog, &stamp, target));
        if let Some(call) = self.call_mut(no) {
            call.refer = Some(key);
        }
        Ok(())
    }

    /// Has CUCM make a conference of the held call and the active one.
    pub(super) fn complete_conference(&mut self, now: Instant) -> Result<(), CommandError> {
        let (first, second) = self.pair()?;
        let (held, state) = (first.no, second.state);
        let (Some(first), Some(second), CallState::Connected) = (&first.dialog, &second.dialog, state) else {
            return Err(CommandError::Busy);
        };
        let (first, second) = (DialogId::of(first), DialogId::of(second));
        self.press(now, Softkey::Conference, held, &first, Some(&second))
    }

    /// Has CUCM begin or end the recording of the active call, or park it.
    pub(super) fn press_in_call(&mut self, now: Instant, softkey: Softkey) -> Result<(), CommandError> {
        let call = self.active_call().ok_or(CommandError::NoCall)?;
        let (Some(dialog), CallState::Connected) = (&call.dialog, call.state) else { return Err(CommandError::Busy) };
        let (no, dialog) = (call.no, DialogId::of(dialog));
        self.press(now, softkey, no, &dialog, None)
    }

    fn press(
        &mut self,
        now: Instant,
        softkey: Softkey,
        no: CallNo,
        call: &DialogId,
        consult: Option<&DialogId>,
    ) -> Result<(), CommandError> {
        let (tag, call_id) = (self.ids.tag(), self.ids.call_id());
        let session = (self.ids.session(), NO_SESSION.to_owned());
        let stamp = self.stamp(now, SOFTKEY_CSEQ, session);
        let content_id = self.ids.content_id();
        let press = text::Press { softkey, call, consult, tag: &tag, call_id: &call_id, content_id: &content_id };
        let key = self.send(now, text::softkey(&self.profile, &stamp, &press));
        self.pressed.push(Pressed { key, softkey, call: no });
        Ok(())
    }

    /// The held call and the active one.
    fn pair(&self) -> Result<(&Call, &Call), CommandError> {
        let second = self.active_call().ok_or(CommandError::NoCall)?;
        let first = self.other_call().filter(|call| call.state == CallState::Held).ok_or(CommandError::Busy)?;
        Ok((first, second))
    }

    /// An answer to a REFER: in a call, or of a softkey.
    pub(super) fn on_refer_answer(&mut self, key: &ClientKey, answer: &Message) {
        let why = || format!("{} {}", answer.status().unwrap_or(0), answer.reason().unwrap_or_default());
        match answer.status().unwrap_or(0) {
            0..200 => {}
            200..300 => {
                if let Some(pressed) = self.take_pressed(key) {
                    let is_joined = pressed.softkey == Softkey::Conference;
                    if let Some(call) = self.call_mut(pressed.call).filter(|_| is_joined) {
                        call.joins = true;
                    }
                    self.event(PhoneEvent::SoftkeyTaken { softkey: pressed.softkey.name() });
                }
            }
            _ => self.on_refer_failed(key, &why()),
        }
    }

    /// A REFER that was refused or had no answer. The call stays as it is.
    pub(super) fn on_refer_failed(&mut self, key: &ClientKey, why: &str) {
        if let Some(pressed) = self.take_pressed(key) {
            return self.problem(format!("cucm did not take the softkey {}: {why}", pressed.softkey.name()));
        }
        let Some(call) = self.calls.iter_mut().find(|call| call.refer.as_ref() == Some(key)) else { return };
        call.refer = None;
        let call_id = call.call_id();
        self.event(PhoneEvent::TransferFailed { call_id, why: why.to_owned() });
    }

    fn take_pressed(&mut self, key: &ClientKey) -> Option<Pressed> {
        let at = self.pressed.iter().position(|pressed| pressed.key == *key)?;
        Some(self.pressed.remove(at))
    }

    /// NOTIFY: how a transfer goes on stands in its body as the start line of a response (RFC 3515 §2.4.5).
    pub(super) fn on_notify(&mut self, now: Instant, key: &ServerKey, notify: &Message) {
        let Some(no) = self.call_of(notify) else {
            return match notify.header("Event").as_deref().map(str::trim) {
                Some("dialog") => self.on_remote_calls(now, key, notify),
                _ => self.reply(now, key, notify, 200, "OK"),
            };
        };
        if !self.take_in_dialog(now, no, key, notify) {
            return;
        }
        self.respond_in_call(now, no, key, notify, (200, "OK"), None);
        let event = notify.header("Event").unwrap_or_default();
        let Some(status) = fragment(notify).filter(|_| event.trim().starts_with("refer")) else { return };
        let Some(call) = self.call_mut(no).filter(|call| call.refer.is_some()) else { return };
        let call_id = call.call_id();
        match status {
            (..200, _) => {}
            (200..300, _) => {
                call.refer = None;
                self.event(PhoneEvent::Transferred { call_id });
            }
            (code, reason) => {
                call.refer = None;
                self.event(PhoneEvent::TransferFailed { call_id, why: format!("{code} {reason}") });
            }
        }
    }

    /// Switches the microphone off or on.
    pub(super) fn mute(&mut self, is_muted: bool) -> Result<(), CommandError> {
        if self.calls.is_empty() {
            return Err(CommandError::NoCall);
        }
        self.media(MediaOrder::Mute(is_muted));
        Ok(())
    }

    /// Presses keys in the active call.
    pub(super) fn dtmf(&mut self, digits: &str) -> Result<(), CommandError> {
        let call = self.active_call().ok_or(CommandError::NoCall)?;
        if call.state != CallState::Connected {
            return Err(CommandError::Busy);
        }
        let settled = call.settled.as_ref().filter(|settled| settled.sends);
        if settled.and_then(|settled| settled.events).is_none() {
            return Err(CommandError::Refused(
                "this call has agreed on no telephone-event to press keys with".to_owned(),
            ));
        }
        let (no, events) = (call.no, digits.chars().map(event_code).collect::<Result<Vec<u8>, _>>()?);
        self.media(MediaOrder::Dtmf { call: no, events });
        Ok(())
    }
}

/// The dialog under which CUCM knows a call that is up or rings at the other side.
fn reachable(call: &Call) -> Option<&Dialog> {
    match call.state {
        CallState::Connected => call.dialog.as_ref(),
        CallState::RingingBack => call.early.as_ref(),
        _ => None,
    }
}

/// Status and reason of the response whose start line is the body (RFC 3420).
fn fragment(notify: &Message) -> Option<(u16, String)> {
    let body = String::from_utf8_lossy(notify.body()).into_owned();
    let rest = body.lines().next()?.strip_prefix("SIP/2.0 ")?;
    let (code, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    Some((code.parse().ok()?, reason.trim().to_owned()))
}

/// The event code of a key (RFC 4733 §3.2).
fn event_code(key: char) -> Result<u8, CommandError> {
    "0123456789*#ABCD"
        .chars()
        .position(|known| known == key.to_ascii_uppercase())
        .and_then(|at| u8::try_from(at).ok())
        .ok_or_else(|| CommandError::Refused(format!("got the key {key:?}, expected 0 to 9, *, # or A to D")))
}

/// CSeq of a REFER that stands for itself (Cisco document 222343).
const SOFTKEY_CSEQ: u32 = 1000;
