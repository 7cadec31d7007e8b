//! What the cluster tells whoever runs it.

mod alarm;
mod call;
mod recording;

use std::net::{IpAddr, SocketAddr};

use media::ledger::Leg;

pub use self::alarm::{Alarm, OutOfService};
pub use self::call::{
    CallConnected, CallParty, Conferenced, ForwardReason, Party, Protection, SecurityLevel, Transferred,
};
pub use self::recording::{InvocationType, Invoker, RecordingFailed, RecordingId, RecordingLeg, RecordingStarted};

use crate::malformed::Malformed;

/// Something that happened in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CucmEvent {
    /// A phone registered.
    Registered {
        /// Device name.
        device: String,
    },
    /// A phone's registration ended: it expired, was taken back or its connection closed.
    Unregistered {
        /// Device name.
        device: String,
        /// What ended it.
        why: String,
    },
    /// A phone was not let in.
    RegistrationRefused {
        /// Device name as the phone gave it.
        device: String,
        /// What was wrong.
        why: String,
    },
    /// Caller and callee talk.
    CallConnected(CallConnected),
    /// A call did not come about.
    CallFailed {
        /// Number of the call, `gci`.
        call: u32,
        /// What was dialled.
        dialled: String,
        /// SIP status that the caller got.
        status: u16,
        /// What was wrong.
        why: String,
    },
    /// A call, or the target of its transfer, went on to another number.
    Forwarded {
        /// Number of the call, `gci`.
        call: u32,
        /// The number that forwarded it.
        from: String,
        /// The number that rings now, behind all forwarding.
        to: String,
        /// Why.
        reason: ForwardReason,
    },
    /// A phone took a call that rang at another one of its call pickup group.
    PickedUp {
        /// Number of the call, `gci`.
        call: u32,
        /// Who took it.
        by: Party,
        /// Where it rang.
        from: Party,
    },
    /// An application redirected a call, which rings at a number now; one that was connected, once who is left has been told.
    Redirected {
        /// Number of the call, `gci`.
        call: u32,
        /// Where it rang, or who was in it and is out of it.
        by: Party,
        /// The number.
        to: String,
    },
    /// A call is parked, and whoever waits in it has been told.
    Parked {
        /// Number of the call, `gci`.
        call: u32,
        /// Who parked it and is out of it.
        by: Party,
        /// Who waits.
        party: Party,
        /// The park number: whoever dials it has the call.
        number: String,
    },
    /// A call that was parked has been retrieved, and both talk.
    Retrieved {
        /// Number of the call, `gci`.
        call: u32,
        /// Who retrieved it.
        by: Party,
        /// The park number, which is free again.
        number: String,
        /// Who had parked it.
        parked_by: Party,
    },
    /// A call that was connected is over.
    CallEnded {
        /// Number of the call, `gci`.
        call: u32,
    },
    /// A phone holds its call, and the other one has been told.
    Held {
        /// Number of the call, `gci`.
        call: u32,
        /// Who holds.
        by: Party,
    },
    /// A phone does not hold its call any more. Both talk again, unless the other one holds it too.
    Resumed {
        /// Number of the call, `gci`.
        call: u32,
        /// Who had held.
        by: Party,
    },
    /// The phone on whose built-in bridge another one had barged in hung up: that one and the other party talk.
    BargeStays {
        /// Number of the call, `gci`.
        call: u32,
        /// Who had barged in.
        guest: Party,
        /// Who remains.
        party: Party,
    },
    /// A call was transferred: those who remain talk. Boxed for its size.
    Transferred(Box<Transferred>),
    /// A transfer did not come about; the call is the transferrer's again, or over if that has gone.
    TransferFailed {
        /// Number of the call, `gci`.
        call: u32,
        /// Who wanted to transfer it.
        by: Party,
        /// SIP status of the last NOTIFY.
        status: u16,
        /// What was wrong.
        why: String,
    },
    /// A conference was made, or somebody joined it: all its members hear each other. Boxed for its size.
    Conferenced(Box<Conferenced>),
    /// A conference has dropped to two, who talk without the bridge.
    ConferenceDropped {
        /// Number of the call that they have now, `gci`.
        call: u32,
        /// The bridge that is out of it.
        bridge: Party,
        /// Who remained.
        parties: [Party; 2],
    },
    /// Behind a trunk somebody else talks, as whoever is there said.
    OutsideChanged {
        /// Number of the call, `gci`.
        call: u32,
        /// Who talked there; the device is the trunk.
        before: Party,
        /// Who talks there now.
        now: Party,
        /// Whether that is a conference.
        is_focus: bool,
    },
    /// A recording goes on with another far end, of which the recorder was told by UPDATE.
    RecordingUpdated {
        /// Which recording.
        recording: RecordingId,
        /// `x-farendrefci`.
        farendrefci: u32,
        /// The far end from now on.
        far: Party,
    },
    /// One stream of a recording goes on as it was agreed on anew. Boxed for its size.
    RecordingChanged {
        /// Which recording.
        recording: RecordingId,
        /// Which stream.
        leg: Leg,
        /// What holds from now on; its headers are those of the re-INVITE.
        agreed: Box<RecordingLeg>,
    },
    /// Both dialogs of a recording are answered and media flows. Boxed for its size.
    RecordingStarted(Box<RecordingStarted>),
    /// A recording that had started is over.
    RecordingEnded {
        /// Which recording.
        recording: RecordingId,
        /// Why, in words.
        why: String,
        /// Whether the recorder ended it.
        by_recorder: bool,
        /// The cause of Q.850 in the BYEs.
        cause: u16,
    },
    /// A node of the cluster died.
    NodeFailed {
        /// Its address.
        node: IpAddr,
        /// Recordings of which nothing more will be heard; no BYE was sent.
        lost: Vec<RecordingId>,
    },
    /// A node that was dead is there again.
    NodeRestored {
        /// Its address.
        node: IpAddr,
    },
    /// A recording never started, the call goes on.
    RecordingFailed(RecordingFailed),
    /// Whoever was to fork a recording cannot: its dialogs end, and it begins anew with the next source.
    RecordingSourceFailed {
        /// Which recording is given up. The one behind it has another number.
        recording: RecordingId,
        /// Number of the call.
        call: u32,
        /// The party that is recorded.
        near: Party,
        /// What happened.
        why: ConnectFailure,
    },
    /// Of a recording that fails now, this one dialog stood until then: a recorder may have what came by it. Or, by the dialect, of a
    /// recording this one dialog alone stands from now on. Boxed for its size.
    RecordingHalf {
        /// Whose voice it carried.
        leg: Leg,
        /// What would have started; the dialog stands for both of its legs.
        half: Box<RecordingStarted>,
    },
    /// A TLS connection with a recorder did not come about, or an incoming one was not accepted.
    TrunkTls {
        /// Name of the trunk; `None` where the peer fits no trunk.
        trunk: Option<String>,
        /// The other side.
        peer: SocketAddr,
        /// What was refused, by whom.
        failure: ConnectFailure,
    },
    /// A peer sent what is no proper SIP message. It was skipped: to answer it would repeat its damage.
    Malformed {
        /// Who sent it.
        from: Sender,
        /// The address it came from.
        peer: SocketAddr,
        /// What came, and what is wrong with it.
        what: Malformed,
    },
    /// A request of the recorder's came within a recording's dialog by a connection that the recorder opened for it, though one to it
    /// stands: behind a firewall, or without a certificate for clients, it would not have come.
    RecorderConnected {
        /// In which of its recordings.
        recording: RecordingId,
        /// In which of the dialogs.
        leg: Leg,
        /// The method.
        method: String,
    },
    /// The recorder answered a request that a test had the node send, or did not.
    RecorderAnswered {
        /// Which recording.
        recording: RecordingId,
        /// In which of its dialogs.
        leg: Leg,
        /// The method.
        method: &'static str,
        /// The final answer; `None` where none came.
        status: Option<u16>,
    },
    /// What CUCM would raise in *Cisco Unified Serviceability*.
    Alarm(Alarm),
    /// OPTIONS ping found a destination up or down.
    DestinationStatus {
        /// Name of the trunk.
        trunk: String,
        /// The destination.
        destination: SocketAddr,
        /// Whether it is in service.
        in_service: bool,
    },
}

/// Who is behind a connection or an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The phone of this device name registered over it.
    Phone(String),
    /// The trunk of this name leads there.
    Trunk(String),
    /// Nobody that the configuration knows.
    Stranger,
}

/// Why a connection to or from a recorder did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectFailure {
    /// A code that stays the same: the rule of [`trust::rule::Refusal`], `alert`, `connect` or `closed`.
    pub rule: String,
    /// What happened, with names and values.
    pub why: String,
    /// Whether the cluster itself refused the peer.
    pub refused_by_us: bool,
}

/// What was left when the cluster stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Calls that were connected.
    pub calls: u64,
    /// Recordings that started.
    pub recordings: u64,
    /// OPTIONS pings that were sent.
    pub pings: u64,
    /// Sessions that were refreshed: UPDATEs of ours that recorders answered with 2xx.
    pub refreshes: u64,
    /// Sessions that recorders refreshed: their re-INVITEs and UPDATEs without anything new.
    pub refreshed_by_recorder: u64,
    /// Call-IDs of dialogs that were still open.
    pub leaked_dialogs: Vec<String>,
    /// Requests of ours without a final answer, and requests of others that we had not answered.
    pub leaked_transactions: usize,
    /// Phones that were registered to the end.
    pub registered: Vec<String>,
    /// How often each [`Disturbance`](crate::signalling::Disturbance) did something, in the order in which they were told.
    pub disturbed: Vec<u64>,
    /// The music on hold that was sent, one stream each time a phone heard it; `dialog` is the Call-ID of that phone.
    pub music: Vec<media::ledger::Stream>,
    /// What members of conferences were sent, one stream each time a member was connected; `dialog` is the Call-ID of that phone.
    pub mixed: Vec<media::ledger::Stream>,
}
