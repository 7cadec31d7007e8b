//! What a scenario's words mean for the parties: certificates, the cluster's configuration, the recorder's.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use cucm::config as cfg;
use trust::cert::{Certificate, Identity, KeyKind, Request};
use trust::rule::TrustList;
use wire::tls::Versions;

use super::addresses::{Addresses, device_name};
use super::error::SetupError;
use crate::file::{Codec, DIRECTED_PARK_NUMBERS, Does, Key, Phone, Recorder, Scenario, SrtpPolicy, Tls, Transport};
use crate::under_test::write_private;

/// The recording destination that the bundled recorder answers.
const RECORDING_NUMBER: &str = "7878";
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);

/// The certificates of a run.
pub(super) struct Certificates {
    pub(super) call_manager: Identity,
    /// Of the other nodes.
    pub(super) subscribers: Vec<Identity>,
    /// The RSA certificate that signs the CTL where CallManager's own key is ECDSA.
    pub(super) ctl_signer: Option<Identity>,
    pub(super) recorder: Identity,
    /// Of the bundled recorders beside it.
    pub(super) destinations: Vec<Identity>,
    pub(super) phones: Vec<Identity>,
}

impl Certificates {
    /// Fresh certificates, valid for hours around `now`. RSA keys take long to make, so CallManager's is made once a
    /// process, with its certificate, and anew after two hours.
    pub(super) fn make(scenario: &Scenario, addresses: Addresses, now: SystemTime) -> Result<Self, SetupError> {
        let since = now - HOUR;
        let request = |name: &str, key| Request::call_manager(name, since).with_key(key).valid_for(DAY);
        let rsa = request("cucm-pub", KeyKind::Rsa2048);
        let rsa = once(&format!("cucm {}", seconds(now) / 7200), "CallManager", &rsa)?;
        let (call_manager, ctl_signer) = match scenario.cluster.key {
            Key::Rsa2048 => (rsa, None),
            // CUCM adds -EC to the common name of its ECDSA certificates.
            Key::EcP256 => (make("CallManager-ECDSA", &request("cucm-pub-EC", KeyKind::EcP256))?, Some(rsa)),
        };
        let phones = (0..scenario.phones.len())
            .map(|index| {
                let device = device_name(index);
                make(&device, &Request::phone_lsc(&device, since).with_key(KeyKind::EcP256).valid_for(DAY))
            })
            .collect::<Result<_, _>>()?;
        let destinations = scenario
            .destinations
            .iter()
            .enumerate()
            .map(|(index, destination)| recorder(&destination.recorder, addresses.destination(index), now))
            .collect::<Result<_, _>>()?;
        let recorder = recorder(&scenario.recorder, addresses.recorder(), now)?;
        let nodes = scenario.phones.iter().map(|phone| phone.node).max().unwrap_or(0);
        let subscribers = (1..=nodes)
            .map(|node| make("CallManager", &request(&subscriber_name(node), KeyKind::EcP256)))
            .collect::<Result<_, _>>()?;
        Ok(Self { call_manager, subscribers, ctl_signer, recorder, destinations, phones })
    }
}

/// The name of a node behind the first one.
fn subscriber_name(node: usize) -> String {
    format!("cucm-sub{node}")
}

/// CallManager's certificate and key as kept in `file`, which is made where it is missing: a recorder that runs on from
/// run to run must meet the same CallManager.
pub(super) fn kept_call_manager(file: &Path, now: SystemTime) -> Result<Identity, SetupError> {
    // Scenarios that begin together must not make it twice.
    static KEPT: Mutex<()> = Mutex::new(());
    let _alone = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let wrong = |what: &str, why: String| SetupError::File { what: format!("cannot {what} {}", file.display()), why };
    if file.exists() {
        let text = wire::file::read_text(file, recorder::certs::LARGEST).map_err(|e| wrong("read", e.to_string()))?;
        return Identity::from_pem(&text).map_err(|e| wrong("use", e.to_string()));
    }
    let made = make("CallManager", &Request::call_manager("cucm-pub", now - HOUR).valid_for(5 * 365 * DAY))?;
    write_private(file, made.to_pem().as_bytes()).map_err(|e| wrong("write", e.to_string()))?;
    Ok(made)
}

/// A CallManager that nobody meets: what a recorder knows that does not know ours.
pub(super) fn stranger(now: SystemTime) -> Result<Identity, SetupError> {
    make("a stranger", &Request::call_manager("cucm-other", now - HOUR).with_key(KeyKind::EcP256).valid_for(DAY))
}

fn recorder(asked: &Recorder, address: IpAddr, now: SystemTime) -> Result<Identity, SetupError> {
    let asked = &asked.certificate;
    let since = if asked.expired { now - 2 * DAY } else { now - HOUR };
    let request = match &asked.name {
        Some(name) => Request::new(name, since),
        None => Request::recorder(address, since),
    };
    make("the recorder", &request.with_key(KeyKind::EcP256).valid_for(if asked.expired { DAY } else { 2 * DAY }))
}

fn make(whose: &str, request: &Request) -> Result<Identity, SetupError> {
    Identity::self_signed(request).map_err(|e| SetupError::Certificate { whose: whose.to_owned(), why: e.to_string() })
}

static MADE: Mutex<BTreeMap<String, Identity>> = Mutex::new(BTreeMap::new());

fn once(name: &str, whose: &str, request: &Request) -> Result<Identity, SetupError> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(identity) = made.get(name) {
        return Ok(identity.clone());
    }
    let identity = make(whose, request)?;
    made.insert(name.to_owned(), identity.clone());
    Ok(identity)
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// What an administrator of CUCM must know of the recorder.
pub(super) struct Peer {
    /// The trunk's destination.
    pub(super) at: cfg::Destination,
    /// The recording destination that the recording profile names and the recorder answers.
    pub(super) number: String,
    /// *X.509 Subject Name* of the trunk security profile.
    pub(super) x509_subject: Vec<String>,
    /// What of the recorder's was uploaded.
    pub(super) call_manager_trust: Vec<Certificate>,
}

impl Peer {
    /// The bundled recorder.
    pub(super) fn bundled(scenario: &Scenario, certificates: &Certificates, addresses: Addresses) -> Self {
        let own = certificates.recorder.certificate.clone();
        Self {
            at: cfg::Destination { address: addresses.recorder(), port: trunk_port(scenario) },
            number: RECORDING_NUMBER.to_owned(),
            x509_subject: match scenario.trunk.x509_subject.as_slice() {
                [] => vec![addresses.recorder().to_string()],
                names => names.to_vec(),
            },
            call_manager_trust: if scenario.recorder.certificate.untrusted { Vec::new() } else { vec![own] },
        }
    }
}

/// The cluster as an administrator would have configured it.
pub(super) fn cluster(
    scenario: &Scenario,
    certificates: &Certificates,
    recorder: &Peer,
    addresses: Addresses,
) -> cfg::Config {
    let mut call_manager_trust = TrustList::call_manager_trust();
    for certificate in &recorder.call_manager_trust {
        call_manager_trust.add(certificate.clone());
    }
    for (destination, identity) in scenario.destinations.iter().zip(&certificates.destinations) {
        if !destination.recorder.certificate.untrusted {
            call_manager_trust.add(identity.certificate.clone());
        }
    }
    let mut capf_trust = TrustList::new();
    for phone in &certificates.phones {
        capf_trust.add(phone.certificate.clone());
    }
    cfg::Config {
        release: scenario.cluster.release,
        cluster_id: "StandAloneCluster".to_owned(),
        cluster_security_mode: if scenario.cluster.mixed {
            cfg::ClusterSecurityMode::Mixed
        } else {
            cfg::ClusterSecurityMode::NonSecure
        },
        node_name: "cucm-pub".to_owned(),
        address: addresses.cucm(),
        ports: cfg::Ports { tftp: addresses.tftp_port, ..cfg::Ports::default() },
        identity: certificates.call_manager.clone(),
        subscribers: subscribers(scenario, certificates, addresses),
        ctl_signer: certificates.ctl_signer.clone(),
        client_certificate: if scenario.cluster.presents_certificate {
            cfg::ClientCertificate::CallManager
        } else {
            cfg::ClientCertificate::Nothing
        },
        call_manager_trust,
        capf_trust,
        phone_security_profiles: vec![
            cfg::PhoneSecurityProfile::encrypted("Secure Profile"),
            cfg::PhoneSecurityProfile::non_secure("Non-Secure Profile"),
        ],
        phones: (0..scenario.phones.len()).map(|index| device(index, &scenario.phones)).collect(),
        recording_profiles: vec![cfg::RecordingProfile {
            name: "Recorder".to_owned(),
            recording_destination: recorder.number.clone(),
            recording_css: "Recording CSS".to_owned(),
        }],
        calling_search_spaces: vec![cfg::CallingSearchSpace {
            name: "Recording CSS".to_owned(),
            partitions: vec!["Recording".to_owned()],
        }],
        route_patterns: vec![route_pattern(scenario, &recorder.number)],
        sip_trunk_security_profiles: trunks(scenario)
            .map(|at| trunk_profile(scenario, at, recorder, addresses))
            .collect(),
        sip_profiles: vec![sip_profile(scenario)],
        trunks: trunks(scenario).map(|at| trunk(scenario, at, recorder, addresses)).collect(),
        park_numbers: (1..=PARK_NUMBERS).map(|number| format!("*71{number:02}")).collect(),
        directed_call_park: cfg::DirectedCallPark {
            numbers: (1..=DIRECTED_PARK_NUMBERS).map(directed_park_number).collect(),
            retrieval_prefix: RETRIEVAL_PREFIX.to_owned(),
        },
        region: cfg::Region::default(),
        music_on_hold: cfg::MusicOnHold::Unicast,
        conference_bridge: Some(cfg::ConferenceBridge::software()),
        advanced_ad_hoc_conference: scenario.cluster.advanced_ad_hoc,
        dialect: dialect(scenario),
        fault: scenario.cluster.fault,
        timing: timing(scenario),
    }
}

fn subscribers(scenario: &Scenario, certificates: &Certificates, addresses: Addresses) -> Vec<cfg::Subscriber> {
    let subscriber = |(node, identity): (usize, &Identity)| {
        let phones = scenario.phones.iter().enumerate().filter(|(_, phone)| phone.node == node);
        cfg::Subscriber {
            node_name: subscriber_name(node),
            address: addresses.node(node),
            identity: identity.clone(),
            phones: phones.map(|(index, _)| device_name(index)).collect(),
        }
    };
    (1..).zip(&certificates.subscribers).map(subscriber).collect()
}

/// Numbers at which calls can be parked; no phone has one that begins with a star.
const PARK_NUMBERS: usize = 32;
/// What is dialled before a number for directed call park.
const RETRIEVAL_PREFIX: &str = "*73";

/// A number for directed call park, from 1.
pub(super) fn directed_park_number(at: u32) -> String {
    format!("*72{at:02}")
}

/// What is dialled for the call that is parked at a number.
pub(super) fn retrieval(parked_at: &str) -> String {
    let is_directed = (1..=DIRECTED_PARK_NUMBERS).any(|at| directed_park_number(at) == parked_at);
    if is_directed { format!("{RETRIEVAL_PREFIX}{parked_at}") } else { parked_at.to_owned() }
}

fn device(index: usize, phones: &[Phone]) -> cfg::PhoneDevice {
    let phone = &phones[index];
    let number = |to: usize| phones[to].line.clone();
    let mut line = cfg::Line::new(&phone.line, &phone.display);
    line.forward = cfg::Forward {
        all: phone.forward.all.map(number),
        busy: phone.forward.busy.map(number),
        no_answer: phone.forward.no_answer.map(|(to, _)| number(to)),
        no_answer_ring_duration: phone.forward.no_answer.map(|(_, after)| after),
    };
    line.recording_media_source = phone.source;
    line.pickup_group.clone_from(&phone.pickup_group);
    // One call makes it busy: it does not ring beside another one.
    if phone.shared || phone.forward.busy.is_some() {
        line.busy_trigger = 1;
    }
    let line = match (phone.recorded, phone.selective) {
        (true, _) => line.recorded("Recorder"),
        (false, true) => line.selectively_recorded("Recorder"),
        (false, false) => line,
    };
    let profile = if phone.encrypted { "Secure Profile" } else { "Non-Secure Profile" };
    cfg::PhoneDevice {
        device_name: device_name(index),
        security_profile: profile.to_owned(),
        built_in_bridge: phone.built_in_bridge,
        lines: vec![line],
    }
}

/// The trunks by their places in the route list.
fn trunks(scenario: &Scenario) -> std::ops::Range<usize> {
    0..scenario.route_list.trunks.len()
}

/// `Recorder Trunk`, `Recorder Trunk 2`, …
fn numbered(name: &str, at: usize) -> String {
    if at == 0 { name.to_owned() } else { format!("{name} {}", at + 1) }
}

fn route_pattern(scenario: &Scenario, number: &str) -> cfg::RoutePattern {
    let distribution =
        if scenario.route_list.circular { cfg::Distribution::Circular } else { cfg::Distribution::TopDown };
    let trunks = trunks(scenario).map(|at| numbered("Recorder Trunk", at)).collect();
    cfg::RoutePattern {
        pattern: number.to_owned(),
        partition: "Recording".to_owned(),
        route_list: vec![cfg::RouteGroup { distribution, trunks }],
    }
}

/// The address of the recorder under test (0) or of a destination.
pub(super) fn address_of(scenario: &Scenario, addresses: Addresses, place: usize) -> IpAddr {
    match place.checked_sub(1).filter(|index| *index < scenario.destinations.len()) {
        Some(index) => addresses.destination(index),
        None => addresses.recorder(),
    }
}

fn trunk(scenario: &Scenario, at: usize, recorder: &Peer, addresses: Addresses) -> cfg::SipTrunk {
    let to = |place: &usize| match place {
        0 => recorder.at,
        place => cfg::Destination { address: address_of(scenario, addresses, *place), port: trunk_port(scenario) },
    };
    cfg::SipTrunk {
        name: numbered("Recorder Trunk", at),
        destinations: scenario.route_list.trunks[at].iter().map(to).collect(),
        srtp_allowed: scenario.trunk.srtp_allowed,
        transmit_security_status: scenario.trunk.transmit_security_status,
        security_profile: numbered("Recorder Profile", at),
        sip_profile: "Standard SIP Profile".to_owned(),
        takes_calls: false,
        recording_information: cfg::RecordingInformation::None,
    }
}

fn trunk_profile(
    scenario: &Scenario,
    at: usize,
    recorder: &Peer,
    addresses: Addresses,
) -> cfg::SipTrunkSecurityProfile {
    let places = || scenario.route_list.trunks[at].iter();
    let mut names = if places().any(|place| *place == 0) { recorder.x509_subject.clone() } else { Vec::new() };
    names.extend(places().filter(|place| **place > 0).map(|place| address_of(scenario, addresses, *place).to_string()));
    let (name, names) = (numbered("Recorder Profile", at), names.join(","));
    match scenario.trunk.transport {
        Transport::Tls => cfg::SipTrunkSecurityProfile::encrypted(&name, &names),
        transport => {
            let mut profile = cfg::SipTrunkSecurityProfile::non_secure(&name);
            profile.outgoing_transport =
                if transport == Transport::Udp { cfg::TrunkTransport::Udp } else { cfg::TrunkTransport::Tcp };
            profile
        }
    }
}

fn sip_profile(scenario: &Scenario) -> cfg::SipProfile {
    let mut profile = cfg::SipProfile::standard();
    if scenario.trunk.early_offer {
        profile.offer = cfg::OfferMode::Early;
    }
    profile.session_refresh = scenario.trunk.session.refresh;
    profile.options_ping = scenario
        .trunk
        .options_ping
        .map(|ping| cfg::OptionsPing { in_service: ping.in_service, out_of_service: ping.out_of_service });
    profile
}

fn dialect(scenario: &Scenario) -> cfg::Dialect {
    let version = |version| match version {
        Tls::V1_2 => Versions::Tls12,
        Tls::V1_3 => Versions::Tls13,
    };
    let usual = &scenario.cluster.dialect;
    cfg::Dialect { trunk_tls_versions: scenario.trunk.tls.map(version).or(usual.trunk_tls_versions), ..usual.clone() }
}

fn timing(scenario: &Scenario) -> cfg::Timing {
    let session = scenario.trunk.session;
    let mut timing =
        cfg::Timing { session_expires: session.expires, least_session: session.least, ..cfg::Timing::default() };
    timing.recorder_ack_after_bridge_ack += scenario.trunk.ack_after;
    timing.connection_monitor = scenario.cluster.connection_monitor;
    (timing.clock_ahead, timing.clock_behind) = (scenario.cluster.clock_ahead, scenario.cluster.clock_behind);
    timing
}

/// The port on which the recorder takes this scenario's trunk.
const fn trunk_port(scenario: &Scenario) -> u16 {
    match scenario.trunk.transport {
        Transport::Tls => 5061,
        Transport::Tcp | Transport::Udp => 5060,
    }
}

/// The configuration of the bundled recorder where it is under test.
pub(super) fn bundled(
    scenario: &Scenario,
    certificates: &Certificates,
    addresses: Addresses,
    folder: &Path,
) -> recorder::Config {
    let own = (&scenario.recorder, &certificates.recorder);
    recorder_config(scenario, own, certificates, (addresses.recorder(), addresses), folder)
}

/// The configuration of a bundled recorder beside it.
pub(super) fn destination(
    scenario: &Scenario,
    index: usize,
    certificates: &Certificates,
    addresses: Addresses,
    folder: &Path,
) -> recorder::Config {
    let destination = &scenario.destinations[index];
    let own = (&destination.recorder, &certificates.destinations[index]);
    let to = (addresses.destination(index), addresses);
    let mut config = recorder_config(scenario, own, certificates, to, folder);
    config.fault = match destination.does {
        Does::Records | Does::NothingListens => config.fault,
        Does::Unavailable => recorder::Fault::Unavailable,
        Does::Busy => recorder::Fault::Busy,
        Does::NeverAnswers => recorder::Fault::NeverAnswer,
        Does::RefusesTls => {
            if let Some(credentials) = &mut config.credentials {
                credentials.trusted = TrustList::trusted_certificates();
            }
            config.fault
        }
    };
    config
}

fn recorder_config(
    scenario: &Scenario,
    (asked, own): (&Recorder, &Identity),
    certificates: &Certificates,
    (address, addresses): (IpAddr, Addresses),
    folder: &Path,
) -> recorder::Config {
    let mut trusted = TrustList::trusted_certificates();
    let nodes = || std::iter::once(&certificates.call_manager).chain(&certificates.subscribers).enumerate();
    for (node, identity) in nodes() {
        if scenario.cluster.known_to_recorder && !scenario.cluster.unknown_nodes.contains(&node) {
            trusted.add(identity.certificate.clone());
        }
    }
    let server = |node| recorder::config::SipServer { address: addresses.node(node), port: 5061, priority: 1 };
    let usual = recorder::Config::default();
    let mut config = recorder::Config {
        address,
        transports: vec![match scenario.trunk.transport {
            Transport::Tls => recorder::config::Transport::Tls,
            Transport::Tcp => recorder::config::Transport::Tcp,
            Transport::Udp => recorder::config::Transport::Udp,
        }],
        user: RECORDING_NUMBER.to_owned(),
        sip_servers: nodes().map(|(node, _)| server(node)).collect(),
        credentials: Some(recorder::config::Credentials { identity: own.clone(), trusted }),
        srtp: match asked.srtp {
            SrtpPolicy::Required => recorder::config::SrtpPolicy::Required,
            SrtpPolicy::Allowed => recorder::config::SrtpPolicy::Fallback,
            SrtpPolicy::Off => recorder::config::SrtpPolicy::Off,
        },
        answer_after: asked.answers_after,
        far_first: asked.far_first,
        refreshes: asked.refreshes,
        min_session: asked.least_session,
        max_sessions: asked.most_sessions,
        rtp_ports: media_ports(asked.media_ports),
        no_media_after: asked.patience.no_media,
        one_leg_after: asked.patience.one_leg,
        auth_failures: asked.patience.auth_failures,
        inactivity: asked.patience.inactivity.unwrap_or(usual.inactivity),
        inactivity_in_session: asked.patience.inactivity.is_some(),
        tls: match asked.tls {
            Some(Tls::V1_2) => recorder::config::TlsVersion::Tls12,
            Some(Tls::V1_3) => recorder::config::TlsVersion::Tls13,
            None => recorder::config::TlsVersion::Any,
        },
        folder: folder.to_owned(),
        fault: asked.fault,
        ..usual
    };
    if !asked.suites.is_empty() {
        config.suites.clone_from(&asked.suites);
    }
    if !asked.codecs.is_empty() {
        config.codecs = asked.codecs.iter().map(|codec| bundled_codec(*codec)).collect();
    }
    config
}

/// The first so many port pairs of the usual range.
fn media_ports(pairs: usize) -> recorder::config::PortRange {
    let usual = recorder::Config::default().rtp_ports;
    let behind = u16::try_from(pairs.saturating_mul(2)).unwrap_or(u16::MAX);
    recorder::config::PortRange { last: usual.last.min(usual.first.saturating_add(behind - 1)), ..usual }
}

const fn bundled_codec(codec: Codec) -> recorder::config::Codec {
    match codec {
        Codec::G722 => recorder::config::Codec::G722,
        Codec::Pcmu => recorder::config::Codec::Pcmu,
        Codec::Pcma => recorder::config::Codec::Pcma,
        Codec::G729 => recorder::config::Codec::G729,
    }
}
