//! What is known of a dialog with a recorder besides its leg.

use sip::{Message, ServerKey};

use crate::text::recording::Opening;

use super::refresh::Session;
use super::subscription::Subscription;

/// One dialog's session timer, the requests of the recorder that are open in it, and our last ACK.
#[derive(Debug, Default)]
pub(super) struct Dealings {
    pub(super) session: Option<Session>,
    pub(super) opening: Opening,
    /// How many sessions there were.
    pub(super) generation: u64,
    /// Seconds that a 422 of the recorder made us ask for.
    pub(super) asked: Option<u32>,
    /// The recorder's INVITE whose ACK is awaited.
    pub(super) accepted: Option<Accepted>,
    pub(super) subscription: Option<Subscription>,
    /// The ACK to the last 2xx, for a repeat of it that comes by another way.
    pub(super) ack: Option<(u32, Message)>,
}

/// An INVITE of the recorder that has our 200.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) key: ServerKey,
    /// Whether our 200 made an offer, which the ACK answers.
    pub(super) offered: bool,
}
