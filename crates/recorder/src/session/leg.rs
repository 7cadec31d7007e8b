//! One dialog with CUCM and where it stands.
//!
//! ```text
//! INVITE ──► Binding ──port──► Waiting ──answer due──► Answered ──ACK──► Active
//!               │                 │                       │                │
//!               └── no port: 503  ├── CANCEL: 487         └── no ACK: BYE  └── BYE, session timer, inactivity
//!                                 └── connection lost, and no INVITE by another
//!                                    all of them ──► Ended ──port closed──► gone
//! ```

use std::time::Instant;

use sip::{Dialog, FlowId, Message, ServerKey};

use super::media::Local;
use super::reoffer::Reoffer;
use super::timer::Timer;
use super::{LegId, RecordingId};
use crate::metadata::Side;

/// Where a leg stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// The port is being opened.
    Binding,
    /// The answer is held back: until then, and until the far leg is answered but no longer than `give_up`.
    Waiting { due: Instant, far_first: Option<Instant> },
    /// 200 sent, no ACK yet.
    Answered,
    /// The ACK came.
    Active,
    /// Over; the port still takes what was on its way.
    Ended,
}

/// Where the metadata tell of a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Among the legs.
    Leg(usize),
    /// Among those that another one took the place of.
    Attempt(usize),
}

/// A leg.
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) recording: RecordingId,
    pub(crate) side: Side,
    /// Which entry of the metadata it is.
    pub(crate) slot: Slot,
    pub(crate) state: State,
    pub(crate) dialog: Dialog,
    /// The INVITE that waits for an answer or an ACK, and its transaction.
    pub(crate) invite: Message,
    pub(crate) key: ServerKey,
    /// The connection of the unanswered INVITE is gone: until then the peer may send it again by another.
    pub(crate) again_until: Option<Instant>,
    /// Where the peer's last request came from.
    pub(crate) flow: FlowId,
    /// What we said of media, once the port is known.
    pub(crate) local: Option<Local>,
    /// Whether our 200 carried an offer, so that the ACK must carry the answer.
    pub(crate) awaits_answer: bool,
    /// Whether the port was told what to take.
    pub(crate) listens: bool,
    /// Whether the peer listed X-cisco-srtp-fallback.
    pub(crate) peer_falls_back: bool,
    pub(crate) session: u64,
    /// A re-INVITE of ours that is to come or out.
    pub(crate) reoffer: Option<Reoffer>,
    /// The session timer, where one was agreed.
    pub(crate) timer: Option<Timer>,
}

impl Leg {
    /// Whether the peer still counts on this dialog.
    pub(crate) fn is_open(&self) -> bool {
        self.state != State::Ended
    }

    /// Whether a 200 left, so that only BYE can end the dialog.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self.state, State::Answered | State::Active)
    }
}
