//! CUCM's alarms.

use std::fmt;
use std::net::SocketAddr;

use super::{Party, RecordingId};

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
    /// A recording never came about by a gateway, because that does not fork.
    RecordingGatewaySessionFailed {
        /// Which recording.
        recording: RecordingId,
        /// The party that was to be recorded.
        near: Party,
        /// What happened.
        reason: String,
    },
    /// A gateway does not take CUCM as an application that may fork media.
    RecordingGatewayRegistrationRejected {
        /// Name of its trunk.
        trunk: String,
        /// The trunk's destination.
        gateway: SocketAddr,
        /// What it answered.
        reason: String,
    },
    /// A gateway did not answer to CUCM's registration.
    RecordingGatewayRegistrationTimeout {
        /// Name of its trunk.
        trunk: String,
        /// The trunk's destination.
        gateway: SocketAddr,
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
            Self::RecordingGatewayRegistrationRejected { .. } => "RecordingGatewayRegistrationRejected",
            Self::RecordingGatewayRegistrationTimeout { .. } => "RecordingGatewayRegistrationTimeout",
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
