//! The two calls of the phone: which one the user's commands address, and what makes room for another.
//!
//! A Cisco phone talks on one call at a time. Dialling, answering or resuming another one holds the first; only when CUCM has taken
//! that, the other begins.

use std::time::Instant;

use sip::{ClientKey, Dialog, Message};

use super::call::Call;
use super::hold::Next;
use super::{CallNo, Command, Machine, Purpose, Softkey};
use crate::phone::CommandError;
use crate::status::CallState;
use crate::text::Stamp;

impl Machine {
    pub(super) fn call(&self, no: CallNo) -> Option<&Call> {
        self.calls.iter().find(|call| call.no == no)
    }

    pub(super) fn call_mut(&mut self, no: CallNo) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.no == no)
    }

    /// The call whose dialog a message belongs to.
    pub(super) fn call_of(&self, message: &Message) -> Option<CallNo> {
        self.calls.iter().find(|call| call.matches(message)).map(|call| call.no)
    }

    /// The call whose INVITE or re-INVITE this is.
    pub(super) fn call_awaiting(&self, key: &ClientKey) -> Option<CallNo> {
        self.calls.iter().find(|call| call.awaits(key)).map(|call| call.no)
    }

    pub(super) fn active_call(&self) -> Option<&Call> {
        self.active.and_then(|no| self.call(no))
    }

    pub(super) fn other_call(&self) -> Option<&Call> {
        self.calls.iter().find(|call| Some(call.no) != self.active)
    }

    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= usize::from(self.settings.busy_trigger)
    }

    pub(super) fn next_call_no(&mut self) -> CallNo {
        self.last_call += 1;
        CallNo(self.last_call)
    }

    /// Takes a call that is over away; what is left is what the commands address now.
    pub(super) fn take_call(&mut self, no: CallNo) -> Option<Call> {
        let at = self.calls.iter().position(|call| call.no == no)?;
        let call = self.calls.remove(at);
        if self.active == Some(no) {
            self.active = self.calls.first().map(|call| call.no);
        }
        Some(call)
    }

    /// What the next request in the call's dialog needs; none before there is a dialog.
    pub(super) fn next_in_dialog(&mut self, now: Instant, no: CallNo) -> Option<(Stamp, Dialog)> {
        let call = self.call_mut(no)?;
        let session = call.session.clone();
        let dialog = call.dialog.as_mut()?;
        let cseq = dialog.next_cseq();
        let dialog = dialog.clone();
        Some((self.stamp(now, cseq, session), dialog))
    }

    /// Answers the call that rings; one that is up is held first.
    pub(super) fn answer(&mut self, now: Instant) -> Result<(), CommandError> {
        let rings = |call: &&Call| call.state == CallState::Ringing;
        let ringing = self.active_call().filter(rings).or_else(|| self.calls.iter().find(rings));
        let no = ringing.map(|call| call.no).ok_or(CommandError::NothingRinging)?;
        match self.calls.iter().find(|call| call.no != no).map(|call| (call.no, call.state)) {
            None | Some((_, CallState::Held | CallState::Ringing)) => self.answer_call(now, no),
            Some((up, _)) => self.hold_call(now, up, Purpose::Hold, Some(Next::Answer(no))),
        }
    }

    pub(super) fn hold(&mut self, now: Instant) -> Result<(), CommandError> {
        let no = self.active.ok_or(CommandError::NoCall)?;
        self.hold_call(now, no, Purpose::Hold, None)
    }

    /// Takes the held call back. One that is up meanwhile is held first. A phone without a call takes over what another one of its line
    /// holds.
    pub(super) fn resume(&mut self, now: Instant) -> Result<(), CommandError> {
        let Some(active) = self.active_call() else { return self.take_over(now) };
        let (no, state) = (active.no, active.state);
        let held = self.other_call().filter(|call| call.state == CallState::Held).map(|call| call.no);
        match (state, held) {
            (CallState::Connected, Some(held)) => self.hold_call(now, no, Purpose::Hold, Some(Next::Resume(held))),
            _ => self.resume_call(now, no),
        }
    }

    /// Holds the call and dials another one, which becomes the active one.
    pub(super) fn consult(&mut self, now: Instant, number: &str, purpose: Purpose) -> Result<(), CommandError> {
        let call = self.active_call().ok_or(CommandError::NoCall)?;
        let (no, state) = (call.no, call.state);
        if self.is_full() {
            return Err(CommandError::Busy);
        }
        match state {
            CallState::Held => self.dial(now, number),
            _ => self.hold_call(now, no, purpose, Some(Next::Dial(number.to_owned()))),
        }
    }

    /// What was waiting for a call to be held.
    pub(super) fn go_on(&mut self, now: Instant, held: CallNo, next: Next) {
        let (what, done) = match next {
            Next::Dial(number) => ("dial", self.dial(now, &number)),
            Next::Answer(no) => ("answer", self.answer_call(now, no)),
            Next::Resume(no) => ("resume", self.resume_call(now, no)),
            Next::Refer(target) => ("transfer", self.refer(now, held, &target)),
        };
        match done {
            // A caller may give up while the other call is being held.
            Ok(()) | Err(CommandError::NothingRinging) => {}
            Err(why) => self.problem(format!("cannot {what} after the hold: {why}")),
        }
    }
}

impl Command {
    /// Its name, for messages.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Dial(_) => "dial",
            Self::Answer => "answer",
            Self::HangUp | Self::HangUpAll => "hang up",
            Self::Hold => "hold",
            Self::Resume => "resume",
            Self::Consult(..) => "consult",
            Self::CompleteTransfer => "complete the transfer",
            Self::TransferBlind(_) => "transfer",
            Self::CompleteConference => "complete the conference",
            Self::Record(softkey) => softkey.name(),
            Self::CBarge | Self::Barge => "barge in",
            Self::Park => "park",
            Self::PickUp => "pick up",
            Self::Mute(_) => "mute",
            Self::Dtmf(_) => "press keys",
            Self::ChangeBridge(_) => "change its bridge",
            Self::PreserveForks(_) => "preserve its bridge's streams",
            Self::Unregister => "unregister",
        }
    }
}

impl Softkey {
    /// As in `softkeyevent`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Conference => "Conference",
            Self::Park => "Park",
            Self::StartRecording => "StartRecording",
            Self::StopRecording => "StopRecording",
        }
    }
}
