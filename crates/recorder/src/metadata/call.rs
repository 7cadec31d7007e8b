//! Who talked, and in which call.

use serde::{Deserialize, Serialize};

use super::Side;

/// One of the two people who talk, as the From parameters name them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// `x-nearendaddr` or `x-farendaddr`; empty where withheld.
    pub address: Option<String>,
    /// `x-nearenddevice` or `x-farenddevice`: a phone, or the trunk or gateway for parties outside.
    pub device: Option<String>,
    /// `x-nearendclusterid` or `x-farendclusterid`.
    pub cluster_id: Option<String>,
    /// The display name; only known for the near party (P-Asserted-Identity, Remote-Party-ID, From).
    pub name: Option<String>,
    /// Whether this party is a conference bridge (`isfocus` among the From parameters).
    pub conference: bool,
}

/// Somebody who took part in a recording for a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// On which side.
    pub side: Side,
    /// Who.
    #[serde(flatten)]
    pub party: Party,
    /// Since when: the first INVITE, or the request that told of the change.
    pub from: String,
    /// Until when; none while the recording runs.
    pub until: Option<String>,
}

/// The call that a recording belongs to. CUCM ends a recording and begins another at hold and resume, transfer and
/// conference; recordings of one cluster that share a call leg (`x-refci`, `x-farendrefci`, with the party that has it)
/// are one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// The name of the call's first recording.
    pub id: String,
    /// Calls that turned out to be part of this one with this recording: after a transfer, the consultation call.
    pub joins: Vec<String>,
}

/// A recording's place in its call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Counted from one, at the recorded device: where both phones of a call are recorded, each has its own first.
    pub number: u32,
    /// The recording before: at the same device, or else the last one of the call.
    pub previous: Option<String>,
}
