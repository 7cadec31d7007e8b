//! How a phone boots: trust list, configuration, connection, registration (order of Cisco's phones: CTL before configuration).
//!
//! ```text
//! TFTP  CTLSEP<MAC>.tlv, else CTLFile.tlv    absent is normal in a cluster that is not mixed
//!       signed by whom we trust? install, else keep the old one
//! TFTP  SEP<MAC>.cnf.xml                     security mode, servers, lines
//! TLS   securedSipPort                       only servers listed as CCM or CCM+TFTP; or TCP, UDP on sipPort
//! SIP   REGISTER
//! ```

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sip::Transport;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use trust::ctl::{Ctl, SignedCtl};
use trust::phone_config::{DeviceSecurityMode, Line, PhoneConfig, config_file_name, ctl_file_name};
use wire::Net;

use crate::config::Config;
use crate::connection::{Connector, Ends, tls_client};
use crate::driver::{Driver, Reports};
use crate::fetch::{FetchError, fetch};
use crate::identifiers::Identifiers;
use crate::machine::{Machine, Settings};
use crate::media_side::MediaSide;
use crate::phone::Phone;
use crate::status::{PhoneEvent, Status};
use crate::text::Profile;

/// Boots a phone: returns when CUCM has accepted its registration. Equal seeds give equal identifiers and keys.
///
/// # Errors
/// [`BootError`], which names the file or server and says what to do about it.
pub async fn boot(net: Net, config: Config, seed: u64) -> Result<Phone, BootError> {
    check_device(&config.device)?;
    let lists = trust_list(&net, &config).await?;
    let phone_config = configuration(&net, &config).await?;
    let connector = connector(&net, &config, &phone_config, &lists)?;
    let connection = match connector.connect().await {
        Ok(connection) => connection,
        Err(refusals) => {
            return Err(BootError::NoServer {
                device: config.device,
                refusals: refusals.join("; "),
                lists: lists.note(),
            });
        }
    };
    let (ends, device) = (connection.ends(), config.device.clone());
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let media_rng = ChaCha20Rng::seed_from_u64(rng.next_u64());
    let mut ids = Identifiers::new(device.trim_start_matches("SEP"), config.address, rng);
    let profile = profile(&config, &phone_config, connector.transport, ends, &mut ids);
    let number = profile.number.clone();
    let settings = settings(&config, &phone_config);
    let epoch = net.clock().epoch();
    let machine = Machine::new(profile, settings, ids, (epoch, net.clock().wall_at(epoch)));
    let media = media_side(&net, config, media_rng);
    let (requests, inbox) = mpsc::unbounded_channel();
    let (status_sender, status) = watch::channel(Status::default());
    let (event_sender, events) = mpsc::unbounded_channel();
    let reports = Reports { requests: inbox, status: status_sender, events: event_sender };
    let monitor = Duration::from_secs(phone_config.connection_monitor.into());
    tokio::spawn(Driver::new(machine, (connector, monitor), connection, media, reports, &device).run());
    let Lists { kept, refused } = lists;
    let mut phone = Phone { device, number, trust_list: kept, refused_list: refused, requests, status, events };
    registered(&mut phone, ends.peer).await?;
    Ok(phone)
}

/// Waits for CUCM's word on the registration.
async fn registered(phone: &mut Phone, server: SocketAddr) -> Result<(), BootError> {
    loop {
        let why = match phone.next_event().await {
            Some(PhoneEvent::Registered { .. }) => return Ok(()),
            Some(PhoneEvent::Unregistered { why }) => why,
            Some(_) => continue,
            None => "the phone's task ended".to_owned(),
        };
        return Err(BootError::NotRegistered { device: phone.device.clone(), server, why });
    }
}

/// The list installed after a boot, and why another one was not.
#[derive(Debug)]
struct Lists {
    kept: Option<SignedCtl>,
    refused: Option<String>,
}

impl Lists {
    /// What a connection error must add: a phone with an old list refuses servers that are right.
    fn note(&self) -> String {
        match &self.refused {
            Some(why) => format!("; the phone still uses its old trust list, because the new one was refused ({why})"),
            None => String::new(),
        }
    }
}

/// Fetches the trust list and decides as a phone does: the first one is believed, a later one must be signed by a SAST of the list
/// that is installed, else that one is kept.
async fn trust_list(net: &Net, config: &Config) -> Result<Lists, BootError> {
    let own = ctl_file_name(&config.device);
    let (file, bytes) = match fetch(net, config.address, config.tftp, &own).await {
        Ok(bytes) => (own, bytes),
        Err(FetchError::NotFound) => match fetch(net, config.address, config.tftp, CLUSTER_LIST).await {
            Ok(bytes) => (CLUSTER_LIST.to_owned(), bytes),
            Err(FetchError::NotFound) => return Ok(Lists { kept: config.installed.clone(), refused: None }),
            Err(error) => return Err(BootError::tftp(config, CLUSTER_LIST, error)),
        },
        Err(error) => return Err(BootError::tftp(config, &own, error)),
    };
    let judged = match Ctl::parse(&bytes) {
        Ok(list) => list.accept(config.installed.as_ref()).map(|()| list).map_err(|refusal| refusal.to_string()),
        Err(error) => Err(error.to_string()),
    };
    match (judged, &config.installed) {
        (Ok(list), _) => Ok(Lists { kept: Some(list), refused: None }),
        (Err(why), Some(old)) => Ok(Lists { kept: Some(old.clone()), refused: Some(format!("{file}: {why}")) }),
        (Err(why), None) => Err(BootError::List { device: config.device.clone(), server: config.tftp, file, why }),
    }
}

async fn configuration(net: &Net, config: &Config) -> Result<PhoneConfig, BootError> {
    let file = config_file_name(&config.device);
    let bytes = match fetch(net, config.address, config.tftp, &file).await {
        Ok(bytes) => bytes,
        Err(FetchError::NotFound) => return Err(BootError::NoConfiguration { server: config.tftp, file }),
        Err(error) => return Err(BootError::tftp(config, &file, error)),
    };
    let broken = |why: String| BootError::Configuration { server: config.tftp, file: file.clone(), why };
    let parsed = PhoneConfig::parse(&bytes).map_err(|error| broken(error.to_string()))?;
    if parsed.lines.is_empty() {
        return Err(broken("got no line, expected at least one with a number".to_owned()));
    }
    if parsed.call_managers.is_empty() {
        return Err(broken("got no callManager in callManagerGroup, expected at least one".to_owned()));
    }
    Ok(parsed)
}

/// How the configuration says to reach CUCM.
fn connector(net: &Net, config: &Config, phone: &PhoneConfig, lists: &Lists) -> Result<Connector, BootError> {
    let device = config.device.clone();
    let (transport, tls) = match phone.device_security_mode {
        DeviceSecurityMode::NonSecure => (plain_transport(phone), None),
        DeviceSecurityMode::Authenticated => return Err(BootError::Authenticated { device }),
        DeviceSecurityMode::Encrypted => {
            let list =
                lists.kept.clone().ok_or_else(|| BootError::NoList { device: device.clone(), server: config.tftp })?;
            let identity =
                config.identity.clone().ok_or_else(|| BootError::NoCertificate { device: device.clone() })?;
            let client = tls_client(identity, list)
                .map_err(|error| BootError::OwnCertificate { device, why: error.to_string() })?;
            (Transport::Tls, Some(client))
        }
    };
    let servers = phone
        .call_managers
        .iter()
        .map(|manager| {
            let port = if tls.is_some() { manager.secured_sip_port } else { manager.sip_port };
            let node = &manager.process_node;
            let address: IpAddr = node.parse().map_err(|_| BootError::Configuration {
                server: config.tftp,
                file: config_file_name(&config.device),
                why: format!("got processNodeName {node:?}, expected an ip address (this phone has no name service)"),
            })?;
            Ok(SocketAddr::new(address, port))
        })
        .collect::<Result<_, BootError>>()?;
    Ok(Connector { net: net.clone(), from: config.address, transport, servers, tls })
}

fn plain_transport(phone: &PhoneConfig) -> Transport {
    match phone.transport {
        trust::phone_config::Transport::Udp => Transport::Udp,
        _ => Transport::Tcp,
    }
}

fn settings(config: &Config, phone: &PhoneConfig) -> Settings {
    let is_encrypted = phone.device_security_mode == DeviceSecurityMode::Encrypted;
    Settings {
        suites: if is_encrypted { config.suites.clone() } else { Vec::new() },
        codecs: config.codecs.clone(),
        busy_trigger: config.busy_trigger.clamp(1, 2),
        bridge: config.bridge,
        first: config.first,
    }
}

fn media_side(net: &Net, config: Config, rng: ChaCha20Rng) -> MediaSide {
    MediaSide {
        net: net.clone(),
        address: config.address,
        clock: config.media,
        rng,
        voice: Some(config.voice),
        jitter_depth: config.jitter_depth,
        faults: config.faults,
        recording_tone: config.recording_tone,
        sockets: Default::default(),
        talks: Default::default(),
        speaker: None,
        is_muted: false,
        overdue: BTreeMap::new(),
        stale: Vec::new(),
        ended: Vec::new(),
        streams: Vec::new(),
        heard: Default::default(),
    }
}

/// What stays the same in all messages of the phone.
fn profile(config: &Config, phone: &PhoneConfig, transport: Transport, ends: Ends, ids: &mut Identifiers) -> Profile {
    let line = first_line(phone);
    Profile {
        device: config.device.clone(),
        user_agent: config.model.user_agent(),
        model_number: config.model.number,
        load: config.model.load.clone(),
        number: line.dn,
        display: line.display,
        registrar: ends.peer.ip(),
        local: ends.local,
        transport,
        contact_user: if is_uuid(&line.contact) { line.contact } else { ids.contact_user() },
    }
}

/// The line that the phone's messages speak for.
fn first_line(phone: &PhoneConfig) -> Line {
    phone.lines.first().cloned().unwrap_or_else(|| Line::new(1, "", ""))
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn check_device(device: &str) -> Result<(), BootError> {
    let mac = device.strip_prefix("SEP").unwrap_or_default();
    let is_mac = mac.len() == 12 && mac.bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte));
    if is_mac { Ok(()) } else { Err(BootError::Device { got: device.to_owned() }) }
}

/// The list of the whole cluster.
const CLUSTER_LIST: &str = "CTLFile.tlv";

/// Why a phone did not boot.
#[derive(Debug, Error)]
pub enum BootError {
    /// The device name is none.
    #[error("got device name {got:?}, expected SEP and 12 upper-case hex digits, such as SEP0011223344AA")]
    Device {
        /// What was configured.
        got: String,
    },
    /// TFTP failed.
    #[error(
        "{device} cannot fetch {file} from the tftp server {server}: {why}; check that the server runs and is reachable from {from}"
    )]
    Tftp {
        /// The phone.
        device: String,
        /// The TFTP server.
        server: SocketAddr,
        /// The file.
        file: String,
        /// The phone's address.
        from: IpAddr,
        /// What went wrong.
        why: String,
    },
    /// There is no configuration for the phone.
    #[error("the tftp server {server} has no {file}; add the phone to the cluster")]
    NoConfiguration {
        /// The TFTP server.
        server: SocketAddr,
        /// The file.
        file: String,
    },
    /// The configuration is of no use.
    #[error("{file} from {server} cannot be used: {why}")]
    Configuration {
        /// The TFTP server.
        server: SocketAddr,
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The first trust list is of no use.
    #[error("{device} refuses {file} from {server}: {why}; update the list in the cluster (utils ctl update CTLFile)")]
    List {
        /// The phone.
        device: String,
        /// The TFTP server.
        server: SocketAddr,
        /// The file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// Security without a trust list.
    #[error(
        "{device} is configured as encrypted, but {server} has no CTL file and none is installed; set the cluster to mixed mode (utils ctl set-cluster mixed-mode)"
    )]
    NoList {
        /// The phone.
        device: String,
        /// The TFTP server.
        server: SocketAddr,
    },
    /// Security without a certificate of its own.
    #[error("{device} is configured as encrypted and has no certificate; give it an LSC")]
    NoCertificate {
        /// The phone.
        device: String,
    },
    /// Its certificate or key is of no use.
    #[error("{device} cannot use its own certificate: {why}")]
    OwnCertificate {
        /// The phone.
        device: String,
        /// What is wrong with it.
        why: String,
    },
    /// Authenticated mode.
    #[error(
        "{device} is configured as authenticated (tls with NULL-SHA), which this phone cannot do; configure it as encrypted or non-secure"
    )]
    Authenticated {
        /// The phone.
        device: String,
    },
    /// No CUCM let the phone in.
    #[error("{device} cannot connect to its cucm: {refusals}{lists}")]
    NoServer {
        /// The phone.
        device: String,
        /// Each server with its reason.
        refusals: String,
        /// What the phone's trust list has to do with it.
        lists: String,
    },
    /// CUCM did not accept the registration.
    #[error(
        "{device} was not registered at {server}: {why}; compare the phone's security profile with its configuration"
    )]
    NotRegistered {
        /// The phone.
        device: String,
        /// The CUCM.
        server: SocketAddr,
        /// CUCM's answer.
        why: String,
    },
}

impl BootError {
    fn tftp(config: &Config, file: &str, error: FetchError) -> Self {
        Self::Tftp {
            device: config.device.clone(),
            server: config.tftp,
            file: file.to_owned(),
            from: config.address,
            why: error.to_string(),
        }
    }
}
