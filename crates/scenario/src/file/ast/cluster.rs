//! CUCM: the cluster and its trunk to the recorder.

use std::time::Duration;

pub use cucm::config::Release;
use cucm::config::{Dialect, Fault, SessionRefresh};

/// The cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// Which release's messages it sends.
    pub release: Release,
    /// Enterprise parameter *Cluster Security Mode*: mixed (1) or non-secure (0).
    pub mixed: bool,
    /// The kind of key in CallManager.pem.
    pub key: Key,
    /// Whether CallManager.pem was imported at the recorder.
    pub known_to_recorder: bool,
    /// Nodes, from 0, whose CallManager.pem was not imported there.
    pub unknown_nodes: Vec<usize>,
    /// Whether CUCM shows its certificate when it connects to the recorder.
    pub presents_certificate: bool,
    /// By how much its clock is ahead of everybody else's.
    pub clock_ahead: Duration,
    /// By how much it is behind.
    pub clock_behind: Duration,
    /// Service parameter *Advanced Ad Hoc Conference Enabled*.
    pub advanced_ad_hoc: bool,
    /// *Connection Monitor Duration* of the device pool.
    pub connection_monitor: Duration,
    /// *Play Recording Notification Tone to Observed Target*.
    pub tone_to_observed: bool,
    /// *Play Recording Notification Tone to Connected Target*.
    pub tone_to_connected: bool,
    /// How it reads what Cisco's texts leave open.
    pub dialect: Dialect,
    /// A fault planted in it.
    pub fault: Fault,
}

/// Kinds of certificate keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// RSA with 2048 bits, CUCM's default.
    Rsa2048,
    /// ECDSA on P-256.
    EcP256,
}

/// The SIP trunk and its security profile.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// Outgoing transport.
    pub transport: Transport,
    /// *SRTP Allowed*.
    pub srtp_allowed: bool,
    /// *Transmit Security Status*.
    pub transmit_security_status: bool,
    /// *X.509 Subject Name*; empty stands for the recorder's address.
    pub x509_subject: Vec<String>,
    /// Early offer support for voice calls (else delayed offer).
    pub early_offer: bool,
    /// The version of TLS that CUCM speaks, where the scenario sets it.
    pub tls: Option<Tls>,
    /// *Enable OPTIONS Ping to monitor destination status*, with its intervals.
    pub options_ping: Option<OptionsPing>,
    /// How long a session holds, and how it is refreshed.
    pub session: SessionTimer,
    /// Extra time between ACKing the phone and ACKing the recorder, so that RTP comes before the ACK.
    pub ack_after: Duration,
}

/// How the trunk is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Mutual TLS.
    Tls,
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// 1.2.
    V1_2,
    /// 1.3.
    V1_3,
}

/// Session timer (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionTimer {
    /// *Session Refresh Method* of the SIP profile.
    pub refresh: SessionRefresh,
    /// Service parameter *SIP Session Expires Timer*.
    pub expires: Duration,
    /// Service parameter *SIP Min-SE Value*.
    pub least: Duration,
}

/// Intervals of the OPTIONS ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsPing {
    /// *Ping Interval for In-service and Partially In-service Trunks (seconds)*.
    pub in_service: Duration,
    /// *Ping Interval for Out-of-service Trunks (seconds)*.
    pub out_of_service: Duration,
}
