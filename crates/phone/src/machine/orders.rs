//! What a user has the machine do, and what it has the driver do.

use media::ledger::Leg;
use media::srtp::{MasterKey, Suite};
use sip::Message;

use crate::change::BridgeChange;
use crate::status::PhoneEvent;
use crate::talk::{MainTerms, Opening, Turn};

/// What happens to the machine.
#[derive(Debug)]
pub(crate) enum Input {
    /// A message came on the connection.
    Message(Message),
    /// The connection is gone.
    Closed {
        /// What ended it.
        why: String,
    },
}

/// One call of the phone, counted from 1 over its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallNo(pub(crate) u32);

/// What a user does. All but `Dial` and `Answer` address the active call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Dial(String),
    Answer,
    HangUp,
    HangUpAll,
    Hold,
    Resume,
    Consult(String, Purpose),
    CompleteTransfer,
    TransferBlind(String),
    CompleteConference,
    CBarge,
    Barge,
    Record(Softkey),
    Park,
    PickUp,
    Mute(bool),
    Dtmf(String),
    ChangeBridge(BridgeChange),
    /// Whether the bridge sends on when the connection is lost.
    PreserveForks(bool),
    Unregister,
}

/// What a call is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be held.
    Hold,
    /// To be transferred: the first press of *Transfer*.
    Transfer,
    /// To be joined with another: the first press of *Confrn*.
    Conference,
}

/// A softkey that CUCM is told of by REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Softkey {
    Conference,
    Park,
    StartRecording,
    StopRecording,
}

/// What the machine wants done, in this order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Send one whole message.
    Transmit(Vec<u8>),
    /// Change the media. What follows must wait until it is done.
    Media(MediaOrder),
    /// Tell the user.
    Event(PhoneEvent),
}

/// A change of the media.
#[derive(Debug)]
pub(crate) enum MediaOrder {
    /// A call uses this port from now on; it hears and says nothing yet.
    Open { call: CallNo, port: u16 },
    /// New terms of a call.
    SetMain { call: CallNo, terms: Box<MainTerms> },
    /// A bridge stream begins.
    StartFork { call: CallNo, leg: Leg, port: u16, opening: Box<Opening> },
    /// A bridge stream goes on otherwise.
    TurnFork { call: CallNo, leg: Leg, turn: Box<Turn> },
    /// A phone has barged in: it hears and is heard.
    StartGuest { call: CallNo, port: u16, opening: Box<Opening>, receive: Option<(Suite, MasterKey)> },
    /// It has left.
    StopGuest { call: CallNo },
    /// A bridge stream ends; its port stays with the bridge dialog.
    StopFork { call: CallNo, leg: Leg },
    /// A port is not used any more.
    Free { port: u16 },
    /// The microphone is switched off, or on again.
    Mute(bool),
    /// Keys are pressed: their event codes (RFC 4733 §3.2).
    Dtmf { call: CallNo, events: Vec<u8> },
    /// The call is over.
    Close { call: CallNo },
}
