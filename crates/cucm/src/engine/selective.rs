//! Recordings that somebody asks for, on lines with *Selective Call Recording Enabled*.
//!
//! | asked by | begins | may be ended by | the phone shows it |
//! |---|---|---|---|
//! | the line, automatically | with the call's media | nobody | no |
//! | the phone's user, softkey *Record* | at once | the user, *StopRec*; an application in user mode | yes |
//! | an application in user mode | at once | the same | yes |
//! | an application in silent mode | at once | an application in silent mode | no |
//!
//! (Cisco's "Call Recording Examples for Network-Based and Phone-Based Recording"; Cisco TAPI Developer Guide, error codes of
//! recording.) The wish belongs to the phone's side of one call: a consultation is another call, and is not recorded. It outlives what
//! ends a recording to begin it anew, and it ends with a recording that fails: the application must start it again (same guide,
//! "Initiate a Recording at CTIRD Follow by Restart Recording That Fails").

use std::time::Instant;

use crate::config::RecordingOption;
use crate::event::{InvocationType, Invoker};

use super::Engine;
use super::call::CallSide;
use super::recording::Recording;
use super::rules::{Ending, Happening};
use super::steps::Step;

/// Why a recording is not started or stopped for whoever asks; each named after its error code in Cisco's TAPI Developer Guide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordingRefused {
    /// `LINEERR_INVALCALLSTATE`.
    #[error("the phone has no call in which both parties talk")]
    NoCall,
    /// `LINEERR_RECORDING_CONFIG_NOT_MATCHING`.
    #[error("the line's recording option is not selective call recording enabled")]
    NotSelective,
    /// `LINEERR_RECORDING_ALREADY_INPROGRESS`.
    #[error("the call is recorded already")]
    InProgress,
    /// `LINEERR_NO_RECORDING_SESSION`.
    #[error("the call is not recorded")]
    NoSession,
    /// `LINEERR_RECORDING_INVOCATION_TYPE_NOT_MATCHING`.
    #[error("the call is recorded in the other mode, silent or user")]
    OtherMode,
}

impl Engine {
    /// An application has the active call of a phone recorded.
    ///
    /// # Errors
    /// [`RecordingRefused`]; what becomes of a recording that was begun comes as an event.
    pub fn start_recording(
        &mut self,
        now: Instant,
        device: &str,
        invocation: InvocationType,
    ) -> Result<(), RecordingRefused> {
        let (number, side) = self.talking_call(device).ok_or(RecordingRefused::NoCall)?;
        self.wish(now, number, side, Invoker::Application(invocation))?;
        self.drain(now);
        Ok(())
    }

    /// An application has the recording of a phone's active call stopped.
    ///
    /// # Errors
    /// [`RecordingRefused`] where there is none that it may stop.
    pub fn stop_recording(
        &mut self,
        now: Instant,
        device: &str,
        invocation: InvocationType,
    ) -> Result<(), RecordingRefused> {
        let (number, side) = self.talking_call(device).ok_or(RecordingRefused::NoCall)?;
        self.unwish(now, number, side, Invoker::Application(invocation))?;
        self.drain(now);
        Ok(())
    }

    /// The call in which a phone talks.
    fn talking_call(&self, device: &str) -> Option<(u32, CallSide)> {
        let talking = self.calls.iter().filter(|(_, call)| call.talks());
        talking
            .flat_map(|(number, call)| CallSide::BOTH.map(|side| (*number, side, call.side(side))))
            .find(|(_, _, member)| member.party.device.eq_ignore_ascii_case(device))
            .map(|(number, side, _)| (number, side))
    }

    /// Somebody wants this side of a call recorded.
    pub(super) fn wish(
        &mut self,
        now: Instant,
        number: u32,
        side: CallSide,
        invoker: Invoker,
    ) -> Result<(), RecordingRefused> {
        let call = self.calls.get(&number).filter(|call| call.talks()).ok_or(RecordingRefused::NoCall)?;
        let (line, wish) = (call.side(side).leg, call.side(side).wish);
        if self.recording_option(number, side) != RecordingOption::Selective {
            return Err(RecordingRefused::NotSelective);
        }
        if wish.is_some() || self.recording_of(line).is_some() {
            return Err(RecordingRefused::InProgress);
        }
        if let Some(call) = self.calls.get_mut(&number) {
            call.side_mut(side).wish = Some(invoker);
        }
        self.steps.plan(now + self.config.timing.recording_after_answer, Step::Record(number, side));
        Ok(())
    }

    /// Somebody wants it recorded no more.
    pub(super) fn unwish(
        &mut self,
        now: Instant,
        number: u32,
        side: CallSide,
        invoker: Invoker,
    ) -> Result<(), RecordingRefused> {
        let member = self.calls.get_mut(&number).ok_or(RecordingRefused::NoCall)?.side_mut(side);
        let wish = member.wish.ok_or(RecordingRefused::NoSession)?;
        if wish.word() != invoker.word() {
            return Err(RecordingRefused::OtherMode);
        }
        member.wish = None;
        let line = member.leg;
        if let Some(id) = self.recording_of(line) {
            self.happen(now, id, Happening::Stop, None);
        }
        Ok(())
    }

    /// On whose behalf this side of a call is to be recorded; `None` where it is not.
    pub(super) fn invoker_of(&self, number: u32, side: CallSide) -> Option<Invoker> {
        match self.recording_option(number, side) {
            RecordingOption::Disabled => None,
            RecordingOption::Automatic => Some(Invoker::Line),
            RecordingOption::Selective => self.calls.get(&number)?.side(side).wish,
        }
    }

    fn recording_option(&self, number: u32, side: CallSide) -> RecordingOption {
        let party = self.calls.get(&number).map(|call| &call.side(side).party);
        let line = party.and_then(|party| self.config.phone(&party.device)?.line(&party.number));
        line.map_or(RecordingOption::Disabled, |line| line.recording_option)
    }

    /// A recording is over: whether whoever asked for it is done with that.
    pub(super) fn end_wish(&mut self, recording: &Recording, why: &Ending) {
        if why.begins_anew() || !recording.invoker.is_selective() {
            return;
        }
        let Some(call) = self.calls.get_mut(&recording.call) else {
            return;
        };
        if let Some(side) = call.side_of(recording.line) {
            call.side_mut(side).wish = None;
        }
    }
}
