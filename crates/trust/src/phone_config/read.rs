//! XML text to a configuration.

use roxmltree::{Document, Node, ParsingOptions};

use super::{
    CONNECTION_MONITOR, CallManager, ConfigError, DeviceSecurityMode, Line, PhoneConfig, RecordingOption,
    RecordingTone, Transport,
};

pub(super) fn document(bytes: &[u8]) -> Result<PhoneConfig, ConfigError> {
    if bytes.len() > LONGEST {
        return Err(ConfigError::TooLong { got: bytes.len(), limit: LONGEST });
    }
    let text = std::str::from_utf8(bytes).map_err(|error| ConfigError::Encoding { at: error.valid_up_to() })?;
    // Without a document type definition no entity can be declared, so none can unfold into gigabytes.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..ParsingOptions::default() };
    shallow(text)?;
    let document = Document::parse_with_options(text, options).map_err(|error| ConfigError::Xml(error.to_string()))?;
    device(document.root_element())
}

fn device(device: Node<'_, '_>) -> Result<PhoneConfig, ConfigError> {
    if !device.has_tag_name("device") {
        return Err(ConfigError::Missing("device"));
    }
    Ok(PhoneConfig {
        device_name: text(device, "deviceName").unwrap_or_default(),
        device_security_mode: security_mode(device)?,
        transport: transport(device)?,
        call_managers: call_managers(device)?,
        connection_monitor: connection_monitor(device)?,
        lines: lines(device)?,
        load_information: text(device, "loadInformation").unwrap_or_default(),
        version_stamp: text(device, "versionStamp").unwrap_or_default(),
    })
}

/// A file without the element is one of an old or non-secure cluster.
fn security_mode(device: Node<'_, '_>) -> Result<DeviceSecurityMode, ConfigError> {
    choice(device, "deviceSecurityMode", "1, 2 or 3", |code| match code {
        "1" | "" => Some(DeviceSecurityMode::NonSecure),
        "2" => Some(DeviceSecurityMode::Authenticated),
        "3" => Some(DeviceSecurityMode::Encrypted),
        _ => None,
    })
    .map(|mode| mode.unwrap_or(DeviceSecurityMode::NonSecure))
}

fn transport(device: Node<'_, '_>) -> Result<Transport, ConfigError> {
    choice(device, "transportLayerProtocol", "1 (tcp), 2 (udp) or 3 (tls)", |code| match code {
        "1" => Some(Transport::Tcp),
        "2" => Some(Transport::Udp),
        "3" => Some(Transport::Tls),
        _ => None,
    })?
    .ok_or(ConfigError::Missing("transportLayerProtocol"))
}

/// The members of the group, by their priority.
fn call_managers(device: Node<'_, '_>) -> Result<Vec<CallManager>, ConfigError> {
    let members = child(device, "devicePool")
        .and_then(|pool| child(pool, "callManagerGroup"))
        .and_then(|group| child(group, "members"));
    let members = members.ok_or(ConfigError::Missing("devicePool/callManagerGroup/members"))?;
    let mut found = Vec::new();
    for member in members.children().filter(|node| node.has_tag_name("member")) {
        let priority = attribute(member, "priority", "member/@priority", "a number from 0 to 4", 0..=4)?;
        let manager = child(member, "callManager").ok_or(ConfigError::Missing("callManager"))?;
        found.push((priority, call_manager(manager)?));
    }
    if found.is_empty() {
        return Err(ConfigError::Missing("member"));
    }
    found.sort_by_key(|(priority, _)| *priority);
    Ok(found.into_iter().map(|(_, manager)| manager).collect())
}

fn connection_monitor(device: Node<'_, '_>) -> Result<u32, ConfigError> {
    let seconds = child(device, "devicePool").map(|pool| number(pool, "connectionMonitorDuration", "seconds"));
    Ok(seconds.transpose()?.flatten().unwrap_or(CONNECTION_MONITOR))
}

fn call_manager(manager: Node<'_, '_>) -> Result<CallManager, ConfigError> {
    let ports = child(manager, "ports");
    let port = |element, default| {
        ports.map_or(Ok(None), |ports| number::<u16>(ports, element, "a port")).map(|port| port.unwrap_or(default))
    };
    let process_node = text(manager, "processNodeName").filter(|name| !name.is_empty());
    Ok(CallManager {
        name: text(manager, "name").unwrap_or_default(),
        process_node: process_node.ok_or(ConfigError::Missing("processNodeName"))?,
        sip_port: port("sipPort", 5060)?,
        secured_sip_port: port("securedSipPort", 5061)?,
    })
}

fn lines(device: Node<'_, '_>) -> Result<Vec<Line>, ConfigError> {
    let Some(lines) = child(device, "sipProfile").and_then(|profile| child(profile, "sipLines")) else {
        return Ok(Vec::new());
    };
    lines.children().filter(|node| node.has_tag_name("line") && is_line(*node)).map(line).collect()
}

/// Feature 9 is a line; other buttons are speed dials and the like.
fn is_line(button: Node<'_, '_>) -> bool {
    text(button, "featureID").is_none_or(|feature| feature == "9")
}

fn line(line: Node<'_, '_>) -> Result<Line, ConfigError> {
    let dn = text(line, "name").ok_or(ConfigError::Missing("line/name"))?;
    let usual = RecordingTone::default();
    Ok(Line {
        index: attribute(line, "button", "line/@button", "a number from 1 to 255", 1..=255)?,
        display: text(line, "displayName").unwrap_or_default(),
        contact: text(line, "contact").unwrap_or_else(|| dn.clone()),
        recording_option: choice(line, "recordingOption", "disable, automatic or selective", |word| match word {
            "disable" | "" => Some(RecordingOption::Disabled),
            "automatic" => Some(RecordingOption::Automatic),
            "selective" => Some(RecordingOption::Selective),
            _ => None,
        })?
        .unwrap_or_default(),
        recording_tone: RecordingTone {
            enabled: choice(line, "recordingTone", "enable or disable", |word| match word {
                "enable" => Some(true),
                "disable" | "" => Some(false),
                _ => None,
            })?
            .unwrap_or(usual.enabled),
            local_volume: number(line, "recordingToneLocalVolume", "a percentage")?.unwrap_or(usual.local_volume),
            remote_volume: number(line, "recordingToneRemoteVolume", "a percentage")?.unwrap_or(usual.remote_volume),
            duration_ms: number(line, "recordingToneDuration", "milliseconds")?,
        },
        dn,
    })
}

fn child<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    parent.children().find(|node| node.has_tag_name(name))
}

fn text(parent: Node<'_, '_>, name: &str) -> Option<String> {
    child(parent, name).map(|node| node.text().unwrap_or_default().trim().to_owned())
}

fn choice<T>(
    parent: Node<'_, '_>,
    element: &'static str,
    expected: &'static str,
    known: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, ConfigError> {
    let Some(node) = child(parent, element) else {
        return Ok(None);
    };
    let got = node.text().unwrap_or_default().trim();
    known(got).map(Some).ok_or_else(|| wrong(node, element, got, expected))
}

/// A number; an empty element counts as absent.
fn number<T: std::str::FromStr>(
    parent: Node<'_, '_>,
    element: &'static str,
    expected: &'static str,
) -> Result<Option<T>, ConfigError> {
    let found =
        choice(
            parent,
            element,
            expected,
            |text| {
                if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
            },
        );
    found.map(Option::flatten)
}

fn attribute(
    node: Node<'_, '_>,
    name: &str,
    element: &'static str,
    expected: &'static str,
    allowed: std::ops::RangeInclusive<u8>,
) -> Result<u8, ConfigError> {
    let got = node.attribute(name).ok_or(ConfigError::Missing(element))?;
    got.parse().ok().filter(|value| allowed.contains(value)).ok_or_else(|| wrong(node, element, got, expected))
}

fn wrong(node: Node<'_, '_>, element: &'static str, got: &str, expected: &'static str) -> ConfigError {
    let line = node.document().text_pos_at(node.range().start).row;
    ConfigError::Value { element, line, got: got.chars().take(60).collect(), expected }
}

/// Refuses nesting no configuration has, before a parser that may recurse sees it.
fn shallow(text: &str) -> Result<(), ConfigError> {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for tag in text.split('<').skip(1) {
        let closes_itself = tag.find('>').is_some_and(|end| tag[..end].ends_with('/'));
        match tag.as_bytes().first() {
            Some(b'/') => depth = depth.saturating_sub(1),
            Some(b'!' | b'?') | None => {}
            Some(_) => depth += usize::from(!closes_itself),
        }
        deepest = deepest.max(depth);
    }
    if deepest > DEEPEST {
        Err(ConfigError::Xml(format!("elements are nested {deepest} deep, expected at most {DEEPEST}")))
    } else {
        Ok(())
    }
}

const LONGEST: usize = 1024 * 1024;
const MOST_NODES: u32 = 50_000;
const DEEPEST: usize = 64;
