//! SIP trunks to recorders.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::DeviceSecurityMode;

/// *System > Security > SIP Trunk Security Profile*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipTrunkSecurityProfile {
    /// Name, by which trunks refer to it.
    pub name: String,
    /// *Device Security Mode*.
    pub mode: DeviceSecurityMode,
    /// *Incoming Transport Type*.
    pub incoming_transport: TrunkTransport,
    /// *Outgoing Transport Type*.
    pub outgoing_transport: TrunkTransport,
    /// *X.509 Subject Name*: names of the peer, separated by space, comma, semicolon or colon; empty lets any name pass.
    pub x509_subject_name: String,
    /// *Incoming Port*.
    pub incoming_port: u16,
}

impl SipTrunkSecurityProfile {
    /// The profile that secure recording needs.
    pub fn encrypted(name: &str, x509_subject_name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: DeviceSecurityMode::Encrypted,
            incoming_transport: TrunkTransport::Tls,
            outgoing_transport: TrunkTransport::Tls,
            x509_subject_name: x509_subject_name.to_owned(),
            incoming_port: 5061,
        }
    }

    /// The profile *Non Secure SIP Trunk Profile*.
    pub fn non_secure(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: DeviceSecurityMode::NonSecure,
            incoming_transport: TrunkTransport::TcpUdp,
            outgoing_transport: TrunkTransport::Tcp,
            x509_subject_name: String::new(),
            incoming_port: 5060,
        }
    }
}

/// Transport type of a trunk security profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkTransport {
    /// `TCP+UDP`: incoming only.
    TcpUdp,
    /// `TCP`.
    Tcp,
    /// `UDP`.
    Udp,
    /// `TLS`.
    Tls,
}

impl TrunkTransport {
    /// The transport of a request that goes out.
    pub fn outgoing(self) -> sip::Transport {
        match self {
            Self::TcpUdp | Self::Tcp => sip::Transport::Tcp,
            Self::Udp => sip::Transport::Udp,
            Self::Tls => sip::Transport::Tls,
        }
    }
}

/// *Device > Device Settings > SIP Profile*, as far as trunks use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipProfile {
    /// Name, by which trunks refer to it.
    pub name: String,
    /// *Early Offer support for voice and video calls*.
    pub offer: OfferMode,
    /// *Enable OPTIONS Ping to monitor destination status*; `None` is off.
    pub options_ping: Option<OptionsPing>,
    /// *Session Refresh Method*.
    pub session_refresh: SessionRefresh,
    /// *SIP Rel1XX Options* set to anything but disabled: adds `100rel` to `Supported`.
    pub rel1xx: bool,
}

impl SipProfile {
    /// *Standard SIP Profile*: delayed offer, no OPTIONS ping.
    pub fn standard() -> Self {
        Self {
            name: "Standard SIP Profile".to_owned(),
            offer: OfferMode::Delayed,
            options_ping: None,
            session_refresh: SessionRefresh::Invite,
            rel1xx: false,
        }
    }
}

/// Who offers on the recording dialogs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferMode {
    /// The INVITE has no SDP; the recorder offers in its 200. CUCM's default.
    Delayed,
    /// *Mandatory (insert MTP if needed)*: the INVITE carries the phone's address and key. Needed by CUBE Media Proxy.
    Early,
}

/// *Session Refresh Method* of a SIP profile (Cisco Unified CM Administration Guide, SIP profile settings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionRefresh {
    /// A re-INVITE that offers what stands: CUCM's default.
    Invite,
    /// UPDATE without SDP, to a peer that does not leave UPDATE out of its Allow; else as [`SessionRefresh::Invite`].
    Update,
}

/// Intervals of the OPTIONS ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionsPing {
    /// *Ping Interval for In-service and Partially In-service Trunks*.
    pub in_service: Duration,
    /// *Ping Interval for Out-of-service Trunks*.
    pub out_of_service: Duration,
}

impl Default for OptionsPing {
    fn default() -> Self {
        Self { in_service: Duration::from_secs(60), out_of_service: Duration::from_secs(120) }
    }
}

/// *Device > Trunk*, a SIP trunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipTrunk {
    /// Device name.
    pub name: String,
    /// *Destination Address* and *Destination Port*, tried in order.
    pub destinations: Vec<Destination>,
    /// *SRTP Allowed*.
    pub srtp_allowed: bool,
    /// *Transmit Security Status*.
    pub transmit_security_status: bool,
    /// Name of its SIP trunk security profile.
    pub security_profile: String,
    /// Name of its SIP profile.
    pub sip_profile: String,
    /// Whether calls come in over it: the *Calling Search Space* of its *Inbound Calls* has the partition of the phones.
    pub takes_calls: bool,
    /// *Recording Information*.
    pub recording_information: RecordingInformation,
}

/// *Recording Information* of a trunk: whose media forking can be had behind it (Cisco Feature Configuration Guide, "Recording").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordingInformation {
    /// *None*.
    #[default]
    None,
    /// *This trunk connects to recording-enabled gateways*.
    Gateways,
}

/// One destination of a trunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Destination {
    /// Address of the recorder.
    pub address: IpAddr,
    /// Its SIP port; also the port in the Request-URI.
    pub port: u16,
}
