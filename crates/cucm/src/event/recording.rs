//! What the events about recordings tell.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Party, Protection};

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
    /// The destinations that were called for either end, or to which no connection could be made, in order.
    pub tried: Vec<SocketAddr>,
}
