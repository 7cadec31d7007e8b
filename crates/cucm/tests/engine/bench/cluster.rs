//! Clusters, from two plain phones and a recorder on TCP to four encrypted ones.

use cucm::config::*;
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::TrustList;

use super::{AGENT_DEVICE, CALLER_DEVICE, DEPUTY_DEVICE, EXPERT_DEVICE};

/// A cluster in which both phones are non-secure, the agent's line is recorded, and the recorder is on TCP.
pub(crate) fn plain() -> Config {
    let identity = identity("CUCM-PUB");
    let profile = |name: &str, number: &str, display: &str| PhoneDevice {
        built_in_bridge: true,
        device_name: name.to_owned(),
        security_profile: "plain".to_owned(),
        lines: vec![Line::new(number, display)],
    };
    let mut agent = profile(AGENT_DEVICE, "1001", "SJ User 2");
    agent.lines[0] = agent.lines[0].clone().recorded("recorder");
    Config {
        release: Release::V11_5,
        cluster_id: "StandAloneCluster".to_owned(),
        cluster_security_mode: ClusterSecurityMode::Mixed,
        node_name: "CUCM-PUB".to_owned(),
        address: "10.48.38.5".parse().unwrap(),
        ports: Ports::default(),
        identity,
        subscribers: Vec::new(),
        ctl_signer: None,
        client_certificate: ClientCertificate::CallManager,
        call_manager_trust: TrustList::call_manager_trust(),
        capf_trust: TrustList::new(),
        phone_security_profiles: vec![
            PhoneSecurityProfile::non_secure("plain"),
            PhoneSecurityProfile::encrypted("secure"),
        ],
        phones: vec![profile(CALLER_DEVICE, "1000", "SJ User 1"), agent],
        recording_profiles: vec![RecordingProfile {
            name: "recorder".to_owned(),
            recording_destination: "7878".to_owned(),
            recording_css: String::new(),
        }],
        calling_search_spaces: Vec::new(),
        route_patterns: vec![RoutePattern::to_trunk("7878", "Recorder")],
        sip_trunk_security_profiles: vec![
            SipTrunkSecurityProfile::non_secure("plain trunk"),
            SipTrunkSecurityProfile::encrypted("secure trunk", "10.48.38.30"),
        ],
        sip_profiles: vec![SipProfile::standard()],
        trunks: vec![SipTrunk {
            name: "Recorder".to_owned(),
            destinations: vec![Destination { address: "10.48.38.30".parse().unwrap(), port: 5060 }],
            srtp_allowed: false,
            transmit_security_status: false,
            security_profile: "plain trunk".to_owned(),
            sip_profile: "Standard SIP Profile".to_owned(),
            takes_calls: false,
            recording_information: RecordingInformation::None,
        }],
        park_numbers: Vec::new(),
        directed_call_park: DirectedCallPark::default(),
        region: Region::default(),
        music_on_hold: MusicOnHold::Unicast,
        conference_bridge: Some(ConferenceBridge::software()),
        advanced_ad_hoc_conference: false,
        dialect: Dialect::default(),
        fault: Fault::None,
        timing: Timing::default(),
    }
}

/// The same with a third phone, 1002.
pub(crate) fn with_expert(mut config: Config) -> Config {
    let phone = PhoneDevice {
        built_in_bridge: true,
        device_name: EXPERT_DEVICE.to_owned(),
        security_profile: config.phones[0].security_profile.clone(),
        lines: vec![Line::new("1002", "Expert")],
    };
    config.phones.push(phone);
    config
}

/// The same with a third and a fourth phone, 1002 and 1003.
pub(crate) fn with_deputy(config: Config) -> Config {
    let mut config = with_expert(config);
    let phone = PhoneDevice {
        built_in_bridge: true,
        device_name: DEPUTY_DEVICE.to_owned(),
        lines: vec![Line::new("1003", "Deputy")],
        ..config.phones[2].clone()
    };
    config.phones.push(phone);
    config
}

/// A cluster whose agent is not recorded.
pub(crate) fn unrecorded(mut config: Config) -> Config {
    config.phones[1].lines[0].recording_option = RecordingOption::Disabled;
    config
}

/// The same with encrypted phones and an encrypted trunk with SRTP.
pub(crate) fn secure() -> Config {
    let mut config = plain();
    config.release = Release::V14;
    for phone in &mut config.phones {
        phone.security_profile = "secure".to_owned();
    }
    config.trunks[0].security_profile = "secure trunk".to_owned();
    config.trunks[0].srtp_allowed = true;
    config.trunks[0].destinations[0].port = 5061;
    config
}

pub(crate) fn identity(name: &str) -> Identity {
    let request = Request::new(name, wire::default_wall()).with_key(KeyKind::EcP256);
    Identity::self_signed(&request).unwrap()
}
