//! What an administrator sets up in CUCM, in CUCM's own words.
//!
//! Everything the cluster does follows from these values and a seed. What Cisco's texts leave open stands in
//! [`Dialect`]; how long CUCM takes for each step stands in [`Timing`].

mod check;
mod device;
mod dialect;
mod fault;
mod release;
mod route;
mod trunk;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use trust::cert::Identity;
use trust::rule::TrustList;

pub use check::ConfigError;
pub use device::{
    DeviceSecurityMode, DeviceTransport, DirectedCallPark, Forward, Line, PhoneDevice, PhoneSecurityProfile,
    RecordingMediaSource, RecordingOption, RecordingProfile, Region,
};
pub use dialect::{
    AllOutOfService, BlindTransferRelease, CryptoAnswer, DestinationOrder, DeviceNames, Dialect,
    EncryptedPhoneOnNonSecureTrunk, FarEndHold, FarEndPark, FarEndTransfer, FromParameters, GatewayFrom, HoldAnswer,
    Hunt, MediaChange, MediaPortTold, NextSource, OneLegFails, RecorderOffer, RecorderSubscription, RecordingLegs,
    RefciAfterResume, RefreshOffer, RemoteHolds, RocAtReKey, SelectiveAfterHold, SessionIdWithoutPeer, SuiteMismatch,
    TrunkSecurityStatus, VirtualControllerLeaves,
};
pub use fault::Fault;
pub use release::Release;
pub use route::{CallingSearchSpace, Distribution, RouteGroup, RoutePattern};
pub use trunk::{
    Destination, OfferMode, OptionsPing, RecordingInformation, SessionRefresh, SipProfile, SipTrunk,
    SipTrunkSecurityProfile, TrunkTransport,
};

/// A further node of the cluster. Its ports are those of the first one, over TCP and TLS; it opens connections of its own to the
/// recorders of the phones that register with it, under its own CallManager certificate, and writes its own address into every message.
#[derive(Clone, Debug)]
pub struct Subscriber {
    /// As [`Config::node_name`].
    pub node_name: String,
    /// Its address.
    pub address: IpAddr,
    /// Its CallManager certificate with its key.
    pub identity: Identity,
    /// Device names of the phones whose CUCM group begins with it.
    pub phones: Vec<String>,
}

/// A cluster of one node, whole.
#[derive(Clone, Debug)]
pub struct Config {
    /// The release whose message texts and identifiers are used.
    pub release: Release,
    /// Enterprise parameter *Cluster ID*, as it appears in `x-nearendclusterid`.
    pub cluster_id: String,
    /// Enterprise parameter *Cluster Security Mode*.
    pub cluster_security_mode: ClusterSecurityMode,
    /// Name of the node, as in *System > Server*; the common name of its CallManager certificate.
    pub node_name: String,
    /// Address of the node; it is bound, and written into every message.
    pub address: IpAddr,
    /// Ports of the node.
    pub ports: Ports,
    /// The CallManager certificate with its key: it serves phones and answers and calls recorders.
    pub identity: Identity,
    /// Further nodes of the cluster.
    pub subscribers: Vec<Subscriber>,
    /// Who signs the CTL, where that is not [`Self::identity`]: a CTL is signed by an RSA key, so a node whose TLS runs under
    /// CallManager-ECDSA lists that certificate beside the RSA one that signs.
    pub ctl_signer: Option<Identity>,
    /// What the node presents when it calls out over TLS; anything but [`ClientCertificate::CallManager`] is a fault made on purpose.
    pub client_certificate: ClientCertificate,
    /// Store *CallManager-trust*: certificates of recorders, or of their issuers.
    pub call_manager_trust: TrustList,
    /// Store *CAPF-trust*: certificates of phones (LSC, MIC), or of their issuers.
    pub capf_trust: TrustList,
    /// *System > Security > Phone Security Profile*.
    pub phone_security_profiles: Vec<PhoneSecurityProfile>,
    /// *Device > Phone*.
    pub phones: Vec<PhoneDevice>,
    /// *Device > Device Settings > Recording Profile*.
    pub recording_profiles: Vec<RecordingProfile>,
    /// *Call Routing > Class of Control > Calling Search Space*.
    pub calling_search_spaces: Vec<CallingSearchSpace>,
    /// *Call Routing > Route/Hunt > Route Pattern*.
    pub route_patterns: Vec<RoutePattern>,
    /// *System > Security > SIP Trunk Security Profile*.
    pub sip_trunk_security_profiles: Vec<SipTrunkSecurityProfile>,
    /// *Device > Device Settings > SIP Profile*, as far as trunks use it.
    pub sip_profiles: Vec<SipProfile>,
    /// *Device > Trunk*.
    pub trunks: Vec<SipTrunk>,
    /// *Call Routing > Call Park*: the numbers at which calls can be parked, in the order in which they are used.
    pub park_numbers: Vec<String>,
    /// *Directed Call Park*: the numbers to which phones transfer what they park.
    pub directed_call_park: DirectedCallPark,
    /// The region that all device pools use.
    pub region: Region,
    /// What a held phone hears.
    pub music_on_hold: MusicOnHold,
    /// *Media Resources > Conference Bridge*; without one there are no conferences.
    pub conference_bridge: Option<ConferenceBridge>,
    /// Service parameter *Advanced Ad Hoc Conference Enabled*: any member of a conference may add others, not its controller alone. False
    /// unless somebody sets it (Cisco, Feature Configuration Guide, "Ad Hoc Conferencing").
    pub advanced_ad_hoc_conference: bool,
    /// What Cisco's texts leave open.
    pub dialect: Dialect,
    /// What it does wrong on purpose.
    pub fault: Fault,
    /// How long each step takes.
    pub timing: Timing,
}

/// Enterprise parameter *Cluster Security Mode*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClusterSecurityMode {
    /// 0: every device registers non-secure, whatever its profile says.
    NonSecure = 0,
    /// 1: each device registers by its profile; there is a CTL.
    Mixed = 1,
}

/// What the node shows a recorder that asks for a client certificate.
#[derive(Clone, Debug)]
pub enum ClientCertificate {
    /// The CallManager certificate, as CUCM does.
    CallManager,
    /// None: the recorder must refuse.
    Nothing,
    /// Another one, which the recorder does not know.
    Other(Box<Identity>),
}

/// What a phone hears whose call is held: *Media Resources > Music On Hold Server*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MusicOnHold {
    /// A unicast stream from the node, SRTP where the phone may use it.
    Unicast,
    /// Nothing: the phone's media is disconnected.
    Nothing,
}

/// *Media Resources > Conference Bridge*: mixes G.711 on ports of the node that are free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceBridge {
    /// Name, as it stands in `x-farenddevice`.
    pub name: String,
    /// *Device Security Mode*.
    pub security: BridgeSecurity,
}

impl ConferenceBridge {
    /// The software bridge as CUCM names its second one, but able to do SRTP, which in Cisco's product only bridges in gateways are.
    pub fn software() -> Self {
        Self { name: "CFB_2".to_owned(), security: BridgeSecurity::Encrypted }
    }
}

/// *Device Security Mode* of a conference bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BridgeSecurity {
    /// SRTP with each member that can do it.
    Encrypted,
    /// RTP with all.
    NonSecure,
}

/// Ports of the node. Port 0 asks for any free one; [`crate::Cucm::addresses`] tells which it became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    /// SIP over TCP and UDP.
    pub sip: u16,
    /// SIP over TLS.
    pub secured_sip: u16,
    /// TFTP; 69 on a real node, which needs root.
    pub tftp: u16,
    /// Music on hold, from which all streams are sent.
    pub music: u16,
}

impl Default for Ports {
    fn default() -> Self {
        Self { sip: 5060, secured_sip: 5061, tftp: 69, music: 4000 }
    }
}

/// How long CUCM takes for each step, and when it gives up.
///
/// The defaults are the gaps between messages of the 11.5 traces in Cisco document 200788, less what the phone and the recorder took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// By how much the node's clock is ahead of the true time, as without NTP.
    pub clock_ahead: Duration,
    /// By how much it is behind.
    pub clock_behind: Duration,
    /// Timers of RFC 3261; CUCM keeps repeating requests on TCP and TLS too (comment in Cisco's published phone stack, `ccsip_debug.c`).
    pub sip: sip::Timers,
    /// From the 200 to the caller to the first bridge INVITE (9 ms).
    pub recording_after_answer: Duration,
    /// From the phone's 200 on a bridge dialog to the INVITE to the recorder (7 and 8 ms).
    pub recorder_invite_after_bridge: Duration,
    /// From the near end INVITE to the recorder to the far end bridge INVITE (2 ms).
    pub far_bridge_after_near_invite: Duration,
    /// From the recorder's 200 to the re-INVITE on the bridge dialog (6 ms).
    pub bridge_offer_after_recorder: Duration,
    /// From the phone's offer to the ACK on the bridge dialog (9 to 11 ms).
    pub bridge_ack_after_offer: Duration,
    /// From the ACK on the bridge dialog to the ACK to the recorder (0 to 3 ms).
    pub recorder_ack_after_bridge_ack: Duration,
    /// How long a called phone may ring: timer T301.
    pub no_answer: Duration,
    /// Service parameter *Forward No Answer Timer*, for lines without a duration of their own.
    pub forward_no_answer: Duration,
    /// Service parameter *Call Park Reversion Timer*: how long a call is parked before it rings at whoever parked it.
    pub park_reversion: Duration,
    /// Service parameter *SIP Session Expires Timer*: how long a session holds that nobody refreshes; whole seconds.
    pub session_expires: Duration,
    /// Service parameter *SIP Min-SE Value*: the shortest session that is granted; whole seconds.
    pub least_session: Duration,
    /// How long a registration holds without being refreshed; CUCM writes 120 s into `Expires`.
    pub registration_expires: Duration,
    /// *Connection Monitor Duration* of the device pool: how long a phone's own node must be there again until the phone goes back to it;
    /// whole seconds.
    pub connection_monitor: Duration,
    /// How long [`crate::Cucm::stop`] waits for dialogs that are being cleared.
    pub stop_grace: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            clock_ahead: Duration::ZERO,
            clock_behind: Duration::ZERO,
            sip: sip::Timers { cucm_style: true, trying_after: None, ..sip::Timers::default() },
            recording_after_answer: Duration::from_millis(9),
            recorder_invite_after_bridge: Duration::from_millis(7),
            far_bridge_after_near_invite: Duration::from_millis(2),
            bridge_offer_after_recorder: Duration::from_millis(6),
            bridge_ack_after_offer: Duration::from_millis(10),
            recorder_ack_after_bridge_ack: Duration::from_millis(3),
            no_answer: Duration::from_secs(180),
            forward_no_answer: Duration::from_secs(12),
            park_reversion: Duration::from_secs(60),
            session_expires: Duration::from_secs(1800),
            least_session: Duration::from_secs(1800),
            registration_expires: Duration::from_secs(120),
            connection_monitor: Duration::from_secs(120),
            stop_grace: Duration::from_secs(2),
        }
    }
}

impl Config {
    /// The phone of this device name; names compare without regard to case, as CUCM writes them both ways.
    pub fn phone(&self, device_name: &str) -> Option<&PhoneDevice> {
        self.phones.iter().find(|phone| phone.device_name.eq_ignore_ascii_case(device_name))
    }

    /// Whether any number is on several phones.
    pub fn has_shared_line(&self) -> bool {
        let mut lines = self.phones.iter().flat_map(|phone| &phone.lines).map(|line| &line.directory_number);
        let mut seen = std::collections::BTreeSet::new();
        !lines.all(|number| seen.insert(number))
    }

    /// The security mode in which a phone really registers: its profile's, unless the cluster is non-secure.
    pub fn security_mode_of(&self, phone: &PhoneDevice) -> DeviceSecurityMode {
        if self.cluster_security_mode == ClusterSecurityMode::NonSecure {
            return DeviceSecurityMode::NonSecure;
        }
        self.profile_of(phone).map_or(DeviceSecurityMode::NonSecure, |profile| profile.mode)
    }

    /// The transport on which a phone registers: TLS in a secure mode, else what its profile says.
    pub fn transport_of(&self, phone: &PhoneDevice) -> DeviceTransport {
        if self.security_mode_of(phone) != DeviceSecurityMode::NonSecure {
            return DeviceTransport::Tls;
        }
        match self.profile_of(phone).map(|profile| profile.transport) {
            Some(DeviceTransport::Udp) => DeviceTransport::Udp,
            _ => DeviceTransport::Tcp,
        }
    }

    /// The recording profile of a line, by its name.
    pub fn recording_profile(&self, name: &str) -> Option<&RecordingProfile> {
        self.recording_profiles.iter().find(|profile| profile.name == name)
    }

    /// The trunk of this name.
    pub fn trunk(&self, name: &str) -> Option<&SipTrunk> {
        self.trunks.iter().find(|trunk| trunk.name == name)
    }

    /// The security profile of a trunk.
    pub fn security_profile_of(&self, trunk: &SipTrunk) -> Option<&SipTrunkSecurityProfile> {
        self.sip_trunk_security_profiles.iter().find(|profile| profile.name == trunk.security_profile)
    }

    /// The SIP profile of a trunk.
    pub fn sip_profile_of(&self, trunk: &SipTrunk) -> Option<&SipProfile> {
        self.sip_profiles.iter().find(|profile| profile.name == trunk.sip_profile)
    }

    /// Where a SIP message comes from, by transport: the node's address and port as written in Via and Contact.
    pub fn local(&self, secure: bool) -> SocketAddr {
        let port = if secure { self.ports.secured_sip } else { self.ports.sip };
        SocketAddr::new(self.address, port)
    }

    /// The node with which a phone registers: the first one of its CUCM group. None for the cluster's own.
    pub fn subscriber_of(&self, device: &str) -> Option<&Subscriber> {
        self.subscribers.iter().find(|node| node.phones.iter().any(|phone| phone == device))
    }

    /// The port on which a trunk's peers reach the node, also the one in Via and Contact; 0 stands for the node's own.
    pub fn incoming_port_of(&self, profile: &SipTrunkSecurityProfile) -> u16 {
        match (profile.incoming_port, profile.incoming_transport) {
            (0, TrunkTransport::Tls) => self.ports.secured_sip,
            (0, _) => self.ports.sip,
            (port, _) => port,
        }
    }

    fn profile_of(&self, phone: &PhoneDevice) -> Option<&PhoneSecurityProfile> {
        self.phone_security_profiles.iter().find(|profile| profile.name == phone.security_profile)
    }
}
