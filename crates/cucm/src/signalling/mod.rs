//! What a test has done to single SIP messages between the node and its recorders, and what it has the node send.
//!
//! A network may lose, delay, repeat and reorder; a real node repeats requests, closes connections and changes its mind. All of
//! that is told as data: a [`Disturbance`] names messages ([`Pick`]) and what becomes of each ([`Deed`]). Engine and recorder know
//! nothing of it, since it is done between engine and sockets. A [`Provocation`] is done at once, by the engine, where it is a
//! request of the node's own.

pub(crate) mod meddler;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use media::ledger::Leg;

/// Which messages, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbance {
    /// Which messages.
    pub pick: Pick,
    /// What becomes of each.
    pub deed: Deed,
}

/// Names messages of recording dialogs, and OPTIONS pings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// What they are.
    pub kind: Kind,
    /// Of which of the two dialogs; `None` for each of them, and for pings.
    pub leg: Option<Leg>,
    /// The n-th message of this kind in each dialog of this leg, repeats not counted, from one; `None` for all.
    pub which: Option<u32>,
    /// How often it may be sent until it is left in peace: a message and its repeats.
    pub times: u32,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kind {
    /// Who sent the request.
    pub from: From,
    /// Its method.
    pub method: Method,
    /// The request itself, or an answer to it.
    pub answer: Answer,
}

/// Who sends a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// The node.
    Node,
    /// The recorder.
    Recorder,
}

/// Methods; an INVITE within a dialog counts as another one than that which opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// INVITE that opens a dialog.
    Invite,
    /// INVITE within a dialog.
    Reinvite,
    /// ACK.
    Ack,
    /// BYE.
    Bye,
    /// CANCEL.
    Cancel,
    /// UPDATE.
    Update,
    /// OPTIONS, as a ping and within a dialog.
    Options,
    /// INFO.
    Info,
    /// NOTIFY.
    Notify,
    /// SUBSCRIBE.
    Subscribe,
}

/// The request or an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The request.
    No,
    /// Any final answer.
    Final,
    /// The answer with this status.
    With(u16),
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing; that there was such a message is counted.
    Pass,
    /// It does not arrive.
    Lose,
    /// Something on the way refuses the request with this status; the recorder hears nothing of it.
    Refuse(u16),
    /// It leaves, or arrives, so much later.
    Delay(Duration),
    /// It waits until a message of this kind in a dialog of the same leg has left, or arrived, and then follows it.
    Behind(Kind),
    /// It comes again.
    Repeat {
        /// How much later.
        after: Duration,
        /// As which transaction.
        branch: Branch,
    },
    /// It leaves over a connection of its own, which stays open.
    OtherConnection,
    /// It is written in pieces of so many bytes: over TCP each is a segment, over TLS a record.
    Pieces(usize),
    /// It waits for the next message on its connection and leaves in one piece with it.
    WithNext,
    /// It is filled up with a header of no meaning to at least so many bytes.
    Fill(usize),
    /// When it has left, or arrived, its connection is closed.
    ThenClose(Closing),
    /// So long after it has left, or arrived, the node gives this recording up: CANCEL or BYE, as the dialog stands.
    ThenGiveUp(Duration),
}

/// The transaction of a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// The same: a retransmission (RFC 3261 §17.1.1.2).
    Same,
    /// Another one: the same request by another way (RFC 3261 §8.2.2.2).
    Other,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closing {
    /// Orderly.
    Fin,
    /// By a TCP reset.
    Reset,
}

/// Something that the node does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provocation {
    /// Messages are meddled with from now on.
    Disturb(Vec<Disturbance>),
    /// The connections that the node opened to recorders are closed; the next request opens a new one.
    Close {
        /// How.
        how: Closing,
        /// To which recorder; `None` for all.
        to: Option<SocketAddr>,
    },
    /// A node of the cluster dies: nothing more comes from it, and nobody is told.
    FailNode {
        /// Its address.
        node: IpAddr,
        /// How its connections to recorders end; `None` where they go silent.
        trunks: Option<Closing>,
    },
    /// A node that has died is there again.
    RestoreNode {
        /// Its address.
        node: IpAddr,
    },
    /// A request in the dialogs of each recording that is up.
    Send {
        /// Which.
        request: Request,
        /// In which of the two dialogs; `None` for both, near first.
        leg: Option<Leg>,
    },
}

/// A request that the node sends because a test wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Request {
    /// INFO with a key press.
    Info,
    /// NOTIFY of a key press that nobody subscribed to, as Call-Info of the INVITE announces it.
    Notify,
    /// SUBSCRIBE for key presses (RFC 4730).
    Subscribe,
    /// OPTIONS within the dialog.
    Options,
    /// UPDATE without SDP that refreshes the session.
    Update,
    /// re-INVITE that offers what stands.
    Reinvite,
    /// re-INVITE without SDP.
    ReinviteWithoutOffer,
    /// BYE: this leg ends, the other one goes on.
    Bye,
}

impl Request {
    /// The method's name.
    pub fn method(self) -> &'static str {
        match self {
            Self::Info => "INFO",
            Self::Notify => "NOTIFY",
            Self::Subscribe => "SUBSCRIBE",
            Self::Options => "OPTIONS",
            Self::Update => "UPDATE",
            Self::Reinvite | Self::ReinviteWithoutOffer => "INVITE",
            Self::Bye => "BYE",
        }
    }
}

impl Pick {
    /// The first message of this kind in each dialog, once.
    pub fn first(kind: Kind) -> Self {
        Self { kind, leg: None, which: Some(1), times: 1 }
    }
}

impl Kind {
    /// A request of the node's.
    pub fn request(method: Method) -> Self {
        Self { from: From::Node, method, answer: Answer::No }
    }

    /// The recorder's answer to one.
    pub fn answer(method: Method, answer: Answer) -> Self {
        Self { from: From::Node, method, answer }
    }

    /// Whether such messages leave the node.
    pub fn leaves(self) -> bool {
        (self.from == From::Node) == (self.answer == Answer::No)
    }
}
