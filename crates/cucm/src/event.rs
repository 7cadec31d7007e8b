//! What the cluster tells whoever runs it.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use media::ledger::Leg;
use media::srtp::Suite;

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
    /// A recording never started, the call goes on.
    RecordingFailed(RecordingFailed),
    /// Of a recording that fails now, this one dialog stood until then: a recorder may have what came by it. Boxed for its size.
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

/// Why a number forwarded a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardReason {
    /// *Forward All*.
    Unconditional,
    /// *Forward Busy*.
    UserBusy,
    /// *Forward No Answer*.
    NoAnswer,
}

impl ForwardReason {
    /// The word after `reason=` (RFC 5806 §6).
    pub fn word(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::UserBusy => "user-busy",
            Self::NoAnswer => "no-answer",
        }
    }
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

/// An alarm of CUCM's catalogue. Names and severities of those about recordings are in Cisco's Real-Time Monitoring Tool guide, those
/// about trunks in the Managed Services Guide; when each is raised is inferred from its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// A recording never came about, because no recorder took it.
    RecordingCallSetupFail {
        /// Which recording.
        recording: RecordingId,
        /// The party that was to be recorded.
        near: Party,
        /// What happened.
        reason: String,
    },
    /// A recording never came about, because the phone's bridge was not to be had.
    RecordingResourcesNotAvailable {
        /// Which recording.
        recording: RecordingId,
        /// The party that was to be recorded.
        near: Party,
        /// What happened.
        reason: String,
    },
    /// A recording never came about, because the gateway does not fork.
    RecordingGatewaySessionFailed {
        /// Which recording.
        recording: RecordingId,
        /// The party that was to be recorded.
        near: Party,
        /// What happened.
        reason: String,
    },
    /// A recording ended while its call went on as it was.
    RecordingSessionTerminatedUnexpectedly {
        /// Which recording.
        recording: RecordingId,
        /// The recorded party.
        near: Party,
        /// What happened.
        reason: String,
    },
    /// All destinations of a trunk are out of service.
    SipTrunkOutOfService {
        /// Name of the trunk.
        trunk: String,
        /// Each destination and its reason code.
        peers: Vec<(SocketAddr, OutOfService)>,
    },
    /// Some destinations of a trunk are out of service, others are not.
    SipTrunkPartiallyInService {
        /// Name of the trunk.
        trunk: String,
        /// Those that are, and their reason codes.
        peers: Vec<(SocketAddr, OutOfService)>,
    },
    /// All destinations of a trunk are in service again.
    SipTrunkInService {
        /// Name of the trunk.
        trunk: String,
    },
}

impl Alarm {
    /// The name in CUCM's catalogue.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RecordingCallSetupFail { .. } => "RecordingCallSetupFail",
            Self::RecordingResourcesNotAvailable { .. } => "RecordingResourcesNotAvailable",
            Self::RecordingGatewaySessionFailed { .. } => "RecordingGatewaySessionFailed",
            Self::RecordingSessionTerminatedUnexpectedly { .. } => "RecordingSessionTerminatedUnexpectedly",
            Self::SipTrunkOutOfService { .. } => "SIPTrunkOOS",
            Self::SipTrunkPartiallyInService { .. } => "SIPTrunkPartiallyISV",
            Self::SipTrunkInService { .. } => "SIPTrunkISV",
        }
    }
}

/// Why a destination is out of service: the reason code of alarm SIPTrunkOOS (Cisco Unified Communications Manager Managed Services
/// Guide).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfService {
    /// `remote=`: it answered OPTIONS with this status, 408 or 503.
    Remote(u16),
    /// `local=1`: no answer in time.
    RequestTimeout,
    /// `local=2`: no connection.
    NoConnection,
}

impl fmt::Display for OutOfService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(status) => write!(f, "remote={status}"),
            Self::RequestTimeout => f.write_str("local=1"),
            Self::NoConnection => f.write_str("local=2"),
        }
    }
}

/// A transfer that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Number of the call, `gci`.
    pub call: u32,
    /// Who transferred it and is out of it.
    pub by: Party,
    /// Who remained.
    pub party: Party,
    /// Who is in it instead.
    pub target: Party,
    /// Number of the call in which transferrer and target spoke before; `None` for a blind transfer.
    pub consultation: Option<u32>,
}

/// A conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conferenced {
    /// Number of the call of whoever made it, or added somebody, `gci`.
    pub call: u32,
    /// Who made it, or added somebody.
    pub by: Party,
    /// The bridge.
    pub bridge: Party,
    /// All members, each with the number of the call in which it is.
    pub members: Vec<(u32, Party)>,
}

/// A call between two phones that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallConnected {
    /// Number of the call, the second part of `gci`.
    pub call: u32,
    /// Who called.
    pub caller: CallParty,
    /// Who answered.
    pub callee: CallParty,
    /// Encoding name that was chosen.
    pub codec: String,
    /// How the media is protected.
    pub protection: Protection,
    /// The level that the phones are told.
    pub security: SecurityLevel,
}

/// One end of a call between phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallParty {
    /// Who it is.
    pub party: Party,
    /// Call-ID of this phone's dialog with the cluster.
    pub call_id: String,
    /// Where the phone receives media.
    pub media: SocketAddr,
}

/// A phone's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Device name.
    pub device: String,
    /// Directory number.
    pub number: String,
    /// Display name; empty for none.
    pub name: String,
}

/// Number of a recording within a cluster's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingId(pub u64);

/// Who has a call recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Invoker {
    /// The line: *Automatic Call Recording Enabled*.
    Line,
    /// The phone's user, by softkey.
    User,
    /// An application.
    Application(InvocationType),
}

/// Whether the phone shows that an application has its call recorded (Cisco JTAPI Developer Guide, `CiscoCall.startRecording`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvocationType {
    /// Silent call recording: the phone shows nothing.
    Silent,
    /// User call recording: the phone shows it, and its user may stop it.
    User,
}

impl Invoker {
    /// The word after `record-invoker=`. That of a silent recording by an application is inferred: the phone is to show nothing, as
    /// with an automatic one.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Line | Self::Application(InvocationType::Silent) => "auto",
            Self::User | Self::Application(InvocationType::User) => "user",
        }
    }

    /// Whether somebody asked for this recording, and may have it stopped.
    pub(crate) fn is_selective(self) -> bool {
        self != Self::Line
    }
}

/// A recording under way: everything that ties the phone's bridge dialogs to the recorder's dialogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingStarted {
    /// Which recording.
    pub recording: RecordingId,
    /// Number of the recorded call.
    pub call: u32,
    /// Who has it recorded.
    pub invoker: Invoker,
    /// `x-refci`.
    pub refci: u32,
    /// `x-farendrefci`.
    pub farendrefci: u32,
    /// `x-nearendclusterid` and `x-farendclusterid`.
    pub cluster_id: String,
    /// How often call identifiers had been given out from the beginning again by then.
    pub numbering: u32,
    /// The recorded party.
    pub near: Party,
    /// The other party.
    pub far: Party,
    /// Call-ID of the recorded call at the recorded phone.
    pub main_call_id: String,
    /// Name of the trunk of the near end dialog.
    pub trunk: String,
    /// The dialog with the recorded party's voice.
    pub near_leg: RecordingLeg,
    /// The dialog with the other party's voice.
    pub far_leg: RecordingLeg,
}

/// One of the two dialogs with the recorder, and the phone's bridge dialog that feeds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingLeg {
    /// Call-ID of the dialog between cluster and phone; where a gateway forks, the transaction in which it was asked to.
    pub bridge_call_id: String,
    /// Call-ID of the dialog between cluster and recorder.
    pub recorder_call_id: String,
    /// The trunk destination that answered.
    pub destination: SocketAddr,
    /// Encoding name.
    pub codec: String,
    /// How the media is protected.
    pub protection: Protection,
    /// Where the phone sends from. A gateway sends from its address, and from another port than this.
    pub phone_media: SocketAddr,
    /// Where the recorder receives.
    pub recorder_media: SocketAddr,
    /// The recorder's tag in the dialog.
    pub recorder_tag: String,
    /// The headers of the INVITE that opened the dialog with the recorder, as sent.
    pub headers: Vec<(String, String)>,
    /// How long before the recording had started that INVITE was sent.
    pub invited_before: Duration,
}

/// A recording that did not come about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFailed {
    /// Which recording.
    pub recording: RecordingId,
    /// Number of the call that was to be recorded.
    pub call: u32,
    /// The party that was to be recorded.
    pub near: Party,
    /// What happened, with names and values.
    pub why: String,
    /// A code that stays the same between releases: `x509-subject`, `callmanager-trust`, `alert`, `status`, `timeout`, `codec`, `suite`, …
    pub rule: String,
}

/// How media is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Plain RTP.
    Rtp,
    /// SRTP with this suite.
    Srtp(Suite),
}

/// The level of a call, the lowest of its ends, as CUCM writes it after `security=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityLevel {
    /// Some end has no TLS.
    NotAuthenticated,
    /// TLS at both ends, media in clear.
    Authenticated,
    /// TLS and SRTP at both ends.
    Encrypted,
}

impl SecurityLevel {
    /// The word after `security=`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NotAuthenticated",
            Self::Authenticated => "Authenticated",
            Self::Encrypted => "Encrypted",
        }
    }
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
