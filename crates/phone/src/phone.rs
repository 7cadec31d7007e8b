//! The handle of a running phone: what its user does and sees.

use std::time::Duration;

use media::ledger::{Ledger, Leg};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};
use trust::ctl::SignedCtl;

use crate::change::BridgeChange;
use crate::driver::Request;
use crate::fault::Fault;
use crate::machine::{Command, Purpose, Softkey};
use crate::status::{PhoneEvent, PhoneState, Status};
use crate::talk::{HeardCounts, digits};

/// A phone that has booted. Dropping it pulls the plug: nothing is said to CUCM.
#[derive(Debug)]
pub struct Phone {
    pub(crate) device: String,
    pub(crate) number: String,
    pub(crate) trust_list: Option<SignedCtl>,
    pub(crate) refused_list: Option<String>,
    pub(crate) requests: mpsc::UnboundedSender<Request>,
    pub(crate) status: watch::Receiver<Status>,
    pub(crate) events: mpsc::UnboundedReceiver<PhoneEvent>,
}

impl Phone {
    /// The device name.
    pub fn device(&self) -> &str {
        &self.device
    }

    /// The number of its first line.
    pub fn number(&self) -> &str {
        &self.number
    }

    /// The trust list that is installed now: the one fetched, or the one kept. Give it to the next boot.
    pub fn trust_list(&self) -> Option<&SignedCtl> {
        self.trust_list.as_ref()
    }

    /// Why the list that TFTP served was not installed, if one was refused and the old one kept.
    pub fn refused_list(&self) -> Option<&str> {
        self.refused_list.as_deref()
    }

    /// What the phone is doing now.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Dials a number. A call that there is must be on hold.
    ///
    /// # Errors
    /// [`CommandError`] if the phone is not registered or has a call that is up.
    pub async fn dial(&self, number: &str) -> Result<(), CommandError> {
        self.command(Command::Dial(number.to_owned())).await
    }

    /// Answers the call that rings. One that is up is put on hold first.
    ///
    /// # Errors
    /// [`CommandError`] if none does, or what CUCM offers cannot be used.
    pub async fn answer(&self) -> Result<(), CommandError> {
        self.command(Command::Answer).await
    }

    /// Ends the active call: BYE, CANCEL or 603, as its state asks for.
    ///
    /// # Errors
    /// [`CommandError`] if there is none.
    pub async fn hang_up(&self) -> Result<(), CommandError> {
        self.command(Command::HangUp).await
    }

    /// Puts the active call on hold.
    ///
    /// # Errors
    /// [`CommandError`] if there is no call to hold.
    pub async fn hold(&self) -> Result<(), CommandError> {
        self.command(Command::Hold).await
    }

    /// Takes the call back from hold. One that is up meanwhile is put on hold first. A phone without a call takes over what another
    /// phone of its line holds.
    ///
    /// # Errors
    /// [`CommandError`] if none is held.
    pub async fn resume(&self) -> Result<(), CommandError> {
        self.command(Command::Resume).await
    }

    /// The first press of *Transfer*: puts the active call on hold, then dials another, which becomes the active one. Wait for
    /// [`PhoneState::RingingBack`] or [`PhoneState::Consulting`].
    ///
    /// # Errors
    /// [`CommandError`] if there is no call that is up, or no room for a second one.
    pub async fn consult(&self, number: &str) -> Result<(), CommandError> {
        self.command(Command::Consult(number.to_owned(), Purpose::Transfer)).await
    }

    /// The first press of *Confrn*: as [`Self::consult`], for a conference.
    ///
    /// # Errors
    /// As there.
    pub async fn consult_for_conference(&self, number: &str) -> Result<(), CommandError> {
        self.command(Command::Consult(number.to_owned(), Purpose::Conference)).await
    }

    /// The second press of *Transfer*: CUCM joins the held call with the active one, which may still ring. It answers with
    /// [`PhoneEvent::Transferred`] or [`PhoneEvent::TransferFailed`] and ends both calls of this phone.
    ///
    /// # Errors
    /// [`CommandError`] if there are no two such calls.
    pub async fn complete_transfer(&self) -> Result<(), CommandError> {
        self.command(Command::CompleteTransfer).await
    }

    /// Puts the active call on hold and has CUCM connect it with a number, without talking to that first.
    ///
    /// # Errors
    /// [`CommandError`] if there is no call.
    pub async fn transfer_blind(&self, number: &str) -> Result<(), CommandError> {
        self.command(Command::TransferBlind(number.to_owned())).await
    }

    /// The second press of *Confrn*: CUCM makes a conference of the held call and the active one.
    ///
    /// # Errors
    /// [`CommandError`] if there are no two such calls.
    pub async fn complete_conference(&self) -> Result<(), CommandError> {
        self.command(Command::CompleteConference).await
    }

    /// Presses *cBarge* on a shared line: comes into the call in which another phone of the line talks, by a conference of it.
    ///
    /// # Errors
    /// [`CommandError`] if no other phone of the line talks, or this one has a call that is up.
    pub async fn c_barge(&self) -> Result<(), CommandError> {
        self.command(Command::CBarge).await
    }

    /// Presses *Barge* on a shared line: comes into the call in which another phone of the line talks, by that phone's built-in
    /// bridge.
    ///
    /// # Errors
    /// [`CommandError`] if no other phone of the line talks, or this one has a call that is up.
    pub async fn barge(&self) -> Result<(), CommandError> {
        self.command(Command::Barge).await
    }

    /// Presses *Park*: CUCM takes the active call away and parks it at a number, which whoever retrieves the call dials.
    ///
    /// # Errors
    /// [`CommandError`] if there is no call that is up.
    pub async fn park(&self) -> Result<(), CommandError> {
        self.command(Command::Park).await
    }

    /// Presses *PickUp*: takes a call that rings at a phone of the same call pickup group.
    ///
    /// # Errors
    /// [`CommandError`] if the phone is not registered or has a call that is up.
    pub async fn pick_up(&self) -> Result<(), CommandError> {
        self.command(Command::PickUp).await
    }

    /// Presses *Record*: CUCM records the active call from now on (`record-invoker=user`).
    ///
    /// # Errors
    /// [`CommandError`] if there is no call that is up.
    pub async fn start_recording(&self) -> Result<(), CommandError> {
        self.command(Command::Record(Softkey::StartRecording)).await
    }

    /// Presses *StopRec*.
    ///
    /// # Errors
    /// [`CommandError`] if there is no call that is up.
    pub async fn stop_recording(&self) -> Result<(), CommandError> {
        self.command(Command::Record(Softkey::StopRecording)).await
    }

    /// Switches the microphone off, or on again. Streams go on: with silence in place of the voice, which waits meanwhile, and under
    /// the silence a dither of -69 dBFS that makes every frame a frame of its own. Lasts until the last call is over.
    ///
    /// # Errors
    /// [`CommandError`] if there is no call.
    pub async fn mute(&self, is_muted: bool) -> Result<(), CommandError> {
        self.command(Command::Mute(is_muted)).await
    }

    /// Presses keys (0 to 9, `*`, `#`, A to D): RFC 4733 events take the place of the voice, which waits meanwhile. Returns at once
    /// with the time that all of them will take.
    ///
    /// # Errors
    /// [`CommandError`] if no call is up, it has agreed on no telephone events, or there is no such key.
    pub async fn dtmf(&self, digits: &str) -> Result<Duration, CommandError> {
        self.command(Command::Dtmf(digits.to_owned())).await?;
        Ok(digits::time_of(digits.chars().count()))
    }

    /// Changes the streams of the built-in bridge.
    ///
    /// # Errors
    /// [`CommandError`] if no recording of the active call is up, or the codec is none that the phone speaks.
    pub async fn change_bridge(&self, change: BridgeChange) -> Result<(), CommandError> {
        self.command(Command::ChangeBridge(change)).await
    }

    /// Whether the built-in bridge sends on when the connection to CUCM is lost in a call, which itself is preserved. It does unless
    /// told otherwise.
    ///
    /// # Errors
    /// [`CommandError::Gone`] if the phone is switched off.
    pub async fn preserve_forks(&self, does: bool) -> Result<(), CommandError> {
        self.command(Command::PreserveForks(does)).await
    }

    /// Waits until the phone is in this state; at once if it is.
    ///
    /// # Errors
    /// [`WaitError`] with what the phone was doing instead.
    pub async fn wait_for(&self, state: PhoneState, timeout: Duration) -> Result<Status, WaitError> {
        let mut status = self.status.clone();
        let waited = tokio::time::timeout(timeout, status.wait_for(|status| state.holds(status))).await;
        match waited {
            Ok(Ok(status)) => Ok(*status),
            Ok(Err(_)) => Err(WaitError::Gone { device: self.device.clone() }),
            Err(_) => {
                Err(WaitError::TimedOut { device: self.device.clone(), wanted: state, timeout, seen: self.status() })
            }
        }
    }

    /// Has the built-in bridge misbehave from now on, in this call and later ones.
    pub fn inject(&self, fault: Fault) {
        // A phone that is gone misbehaves no more.
        let _ = self.requests.send(Request::Inject(fault));
    }

    /// Ends all misbehaviour.
    pub fn behave(&self) {
        let _ = self.requests.send(Request::Behave);
    }

    /// The next thing that happened; `None` when the phone is gone.
    pub async fn next_event(&mut self) -> Option<PhoneEvent> {
        self.events.recv().await
    }

    /// Everything that happened since the last look.
    pub fn drain_events(&mut self) -> Vec<PhoneEvent> {
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Hangs up, unregisters, switches off: what was sent, and what was left open.
    ///
    /// # Errors
    /// [`CommandError::Gone`] if the phone had died.
    pub async fn finish(self) -> Result<(Ledger, Summary), CommandError> {
        let (reply, done) = oneshot::channel();
        self.requests.send(Request::Finish(reply)).map_err(|_| CommandError::Gone)?;
        done.await.map_err(|_| CommandError::Gone)
    }

    async fn command(&self, command: Command) -> Result<(), CommandError> {
        let (reply, done) = oneshot::channel();
        self.requests.send(Request::Do(command, reply)).map_err(|_| CommandError::Gone)?;
        done.await.map_err(|_| CommandError::Gone)?
    }
}

/// What a phone left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The device name.
    pub device: String,
    /// Calls that were connected.
    pub calls: u32,
    /// A call was still up when the phone was switched off.
    pub open_call: bool,
    /// Bridge dialogs that nobody had ended by then: a leak of the cluster.
    pub open_bridges: usize,
    /// SIP transactions that lived then; some linger for 32 s by RFC 3261, so a few are normal.
    pub open_transactions: usize,
    /// What was heard in all calls.
    pub heard: HeardCounts,
    /// Streams of the bridge that could not be sent as CUCM passed on the recorder's words, and why.
    pub refused_forks: Vec<(Leg, String)>,
    /// Everything that went wrong, in order.
    pub problems: Vec<String>,
}

/// Why a phone did not do what its user asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// Nothing rings.
    #[error("nothing rings at this phone")]
    NothingRinging,
    /// There is no call.
    #[error("this phone has no call")]
    NoCall,
    /// The phone has a call, or its call is in another state.
    #[error("this phone is busy: its call is in no state for that")]
    Busy,
    /// Not registered.
    #[error("this phone is not registered")]
    NotRegistered,
    /// No media port could be bound.
    #[error("no media port could be bound for this call")]
    NoPort,
    /// The signalling does not allow it.
    #[error("{0}")]
    Refused(String),
    /// The phone is switched off.
    #[error("this phone is switched off")]
    Gone,
}

/// Why a state was not reached.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WaitError {
    /// It was not, in this time.
    #[error(
        "{device} was not {wanted} within {timeout:?}: got call {:?}, other call {:?}, registered {}, {} bridge streams, {} bridge dialogs",
        seen.call, seen.other, seen.registered, seen.forks, seen.bridges
    )]
    TimedOut {
        /// The device name.
        device: String,
        /// What was waited for.
        wanted: PhoneState,
        /// How long.
        timeout: Duration,
        /// What it was doing at the end.
        seen: Status,
    },
    /// The phone is switched off.
    #[error("{device} is switched off")]
    Gone {
        /// The device name.
        device: String,
    },
}
