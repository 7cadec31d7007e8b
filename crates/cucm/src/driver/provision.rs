//! The files that phones fetch: the trust list and a configuration for each phone.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::SystemTime;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use trust::ctl::{Ctl, Record, Role};
use trust::phone_config::{
    CallManager, Line, PhoneConfig, RecordingOption as ListedOption, config_file_name, ctl_file_name,
};

use super::StartError;
use crate::config::{ClusterSecurityMode, Config, PhoneDevice, RecordingOption};

/// Files by name.
pub(super) type Files = BTreeMap<String, Arc<[u8]>>;

/// Writes all files. In a non-secure cluster there is no CTL, and phones find none.
pub(super) fn files(config: &Config, wall: SystemTime, seed: u64) -> Result<Files, StartError> {
    let mut files = Files::new();
    if config.cluster_security_mode == ClusterSecurityMode::Mixed {
        let ctl: Arc<[u8]> = ctl(config, wall)?.into();
        files.insert("CTLFile.tlv".to_owned(), Arc::clone(&ctl));
        for phone in &config.phones {
            files.insert(ctl_file_name(&phone.device_name), Arc::clone(&ctl));
        }
    }
    let mut rng = ChaCha20Rng::seed_from_u64(seed ^ CONTACTS);
    for phone in &config.phones {
        let xml = phone_config(config, phone, &mut rng).to_xml();
        files.insert(config_file_name(&phone.device_name), xml.into_bytes().into());
    }
    Ok(files)
}

fn ctl(config: &Config, wall: SystemTime) -> Result<Vec<u8>, StartError> {
    let signer = config.ctl_signer.as_ref().unwrap_or(&config.identity);
    let mut ctl = Ctl::tokenless(wall, &config.node_name, signer);
    if config.ctl_signer.is_some() {
        ctl.records.push(Record::new(Role::CcmTftp, &config.node_name, &config.identity.certificate));
    }
    let at = |record: Record, address| match address {
        IpAddr::V4(address) => record.with_address(address),
        IpAddr::V6(_) => record,
    };
    ctl.records = ctl.records.into_iter().map(|record| at(record, config.address)).collect();
    for node in &config.subscribers {
        let record = Record::new(Role::CcmTftp, &node.node_name, &node.identity.certificate);
        ctl.records.push(at(record, node.address));
    }
    ctl.sign(signer).map_err(|error| StartError::Identity(error.to_string()))
}

fn phone_config(config: &Config, phone: &PhoneDevice, rng: &mut ChaCha20Rng) -> PhoneConfig {
    let own = config.subscriber_of(&phone.device_name).map_or(config.address, |node| node.address);
    let nodes = config.subscribers.iter().map(|node| (&node.node_name, node.address));
    let nodes = std::iter::once((&config.node_name, config.address)).chain(nodes);
    let call_manager = |(name, address): (&String, IpAddr)| CallManager {
        name: name.clone(),
        process_node: address.to_string(),
        sip_port: config.ports.sip,
        secured_sip_port: config.ports.secured_sip,
    };
    // Its CUCM group begins with its own node; then come the others.
    let (first, others): (Vec<_>, Vec<_>) = nodes.partition(|(_, address)| *address == own);
    let own = call_manager(first.first().copied().unwrap_or((&config.node_name, config.address)));
    let mut file = PhoneConfig::new(&phone.device_name, config.security_mode_of(phone), own);
    file.call_managers.extend(others.into_iter().map(call_manager));
    file.transport = config.transport_of(phone);
    file.connection_monitor = u32::try_from(config.timing.connection_monitor.as_secs()).unwrap_or(u32::MAX);
    for (line, index) in phone.lines.iter().zip(1..=u8::MAX) {
        let mut listed = Line::new(index, &line.directory_number, &line.display);
        listed.contact = uuid(rng);
        listed.recording_option = match line.recording_option {
            RecordingOption::Disabled => ListedOption::Disabled,
            RecordingOption::Automatic => ListedOption::Automatic,
            RecordingOption::Selective => ListedOption::Selective,
        };
        file.lines.push(listed);
    }
    file
}

/// The user part of a phone's contact, as in the traces of Cisco document 200788.
fn uuid(rng: &mut ChaCha20Rng) -> String {
    let (high, low) = (rng.next_u64(), rng.next_u64());
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xffff);
    format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xffff_ffff_ffff)
}

/// Keeps the contacts apart from the counters, which come from the same seed.
const CONTACTS: u64 = 0x636f_6e74_6163_7473;
