//! Recordings are started and stopped. A recording in user mode shows at the phone, one in silent mode does not.

use cucm::InvocationType;
use phone::PhoneState;

use super::SOON;
use super::cast::Cast;
use crate::file::Asker;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn start_recording(&self, line: usize, phone: usize, by: Asker) -> Result<(), SetupError> {
        match invocation(by) {
            None => {
                let pressed = self.phones[phone].start_recording().await;
                self.done(line, phone, "press Record", pressed)?;
            }
            Some(invocation) => {
                let started = self.cucm.start_recording(&self.device(phone), invocation).await;
                started.map_err(|why| self.refused(line, phone, "start", &why))?;
            }
        }
        // A phone whose bridge has no part in it is told of no recording (inferred).
        if by != Asker::SilentApplication && !self.paper.is_at_gateway(phone) {
            self.shows(line, phone, true).await?;
        }
        match self.phones[phone].status().recording_shown {
            true if by == Asker::SilentApplication => {
                let what = format!("phone `{}` shows a recording that is silent", self.name(phone));
                Err(SetupError::Step { line, what })
            }
            _ => Ok(()),
        }
    }

    pub(super) async fn stop_recording(&self, line: usize, phone: usize) -> Result<(), SetupError> {
        let by = self.paper.wish(phone).map_or(Asker::User, |wish| wish.by);
        match invocation(by) {
            None => {
                let pressed = self.phones[phone].stop_recording().await;
                self.done(line, phone, "press StopRec", pressed)?;
            }
            Some(invocation) => match self.cucm.stop_recording(&self.device(phone), invocation).await {
                // A recording that the recorder had ended needs no stop.
                Ok(()) | Err(cucm::ApplicationError::Recording(cucm::RecordingRefused::NoSession)) => {}
                Err(why) => return Err(self.refused(line, phone, "stop", &why)),
            },
        }
        self.shows(line, phone, false).await
    }

    async fn shows(&self, line: usize, phone: usize, shown: bool) -> Result<(), SetupError> {
        let wanted = if shown { PhoneState::RecordingShown } else { PhoneState::RecordingNotShown };
        let waited = self.phones[phone].wait_for(wanted, SOON).await;
        waited.map(drop).map_err(|e| SetupError::Step {
            line,
            what: format!("phone `{}`, as CUCM was to have it: {e}", self.name(phone)),
        })
    }

    fn refused(&self, line: usize, phone: usize, verb: &str, why: &cucm::ApplicationError) -> SetupError {
        let name = self.name(phone);
        SetupError::Step { line, what: format!("an application could not {verb} the recording of `{name}`: {why}") }
    }
}

/// How an application asks; `None` for the phone's user.
const fn invocation(by: Asker) -> Option<InvocationType> {
    match by {
        Asker::User => None,
        Asker::Application => Some(InvocationType::User),
        Asker::SilentApplication => Some(InvocationType::Silent),
    }
}
