use super::*;

fn config() -> PhoneConfig {
    let node = |name: &str, process_node: &str| CallManager {
        name: name.to_owned(),
        process_node: process_node.to_owned(),
        sip_port: 5060,
        secured_sip_port: 5061,
    };
    let mut config = PhoneConfig::new("SEP001122334455", DeviceSecurityMode::Encrypted, node("pub", "192.0.2.10"));
    config.call_managers.push(CallManager { secured_sip_port: 15061, ..node("sub", "cucm-sub.example.com") });
    let tone = RecordingTone { enabled: true, local_volume: 30, remote_volume: 0, duration_ms: Some(500) };
    config.lines = vec![
        Line { recording_option: RecordingOption::Automatic, ..Line::new(1, "2000", "Agent <1> & \"Co\" \u{fc}") },
        Line { recording_option: RecordingOption::Selective, recording_tone: tone, ..Line::new(3, "2001", "") },
    ];
    config.connection_monitor = 30;
    config.version_stamp = "1767225600-a".to_owned();
    config
}

#[test]
fn what_was_written_is_read_back() {
    let modes = [DeviceSecurityMode::NonSecure, DeviceSecurityMode::Authenticated, DeviceSecurityMode::Encrypted];
    let transports = [Transport::Tcp, Transport::Udp, Transport::Tls];
    for (mode, transport) in modes.into_iter().flat_map(|mode| transports.map(|transport| (mode, transport))) {
        let config = PhoneConfig { device_security_mode: mode, transport, ..config() };
        assert_eq!(PhoneConfig::parse(config.to_xml().as_bytes()), Ok(config));
    }
    assert_eq!(config_file_name("SEP001122334455"), "SEP001122334455.cnf.xml");
    assert_eq!(ctl_file_name("SEP001122334455"), "CTLSEP001122334455.tlv");
}

#[test]
fn the_codes_are_those_of_cucm() {
    let text = config().to_xml();
    for part in [
        "<deviceSecurityMode>3</deviceSecurityMode>",
        "<transportLayerProtocol>3</transportLayerProtocol>",
        "<member priority=\"1\">",
        "<connectionMonitorDuration>30</connectionMonitorDuration>",
        "<securedSipPort>15061</securedSipPort>",
        "<line button=\"3\">",
        "<recordingOption>automatic</recordingOption>",
        "<recordingToneDuration></recordingToneDuration>",
        "Agent &lt;1&gt; &amp; &quot;Co&quot; \u{fc}",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn the_choice_of_transport_follows_the_security_mode() {
    let make = |mode| PhoneConfig::new("SEP1", mode, config().call_managers.remove(0)).transport;
    assert_eq!(make(DeviceSecurityMode::NonSecure), Transport::Tcp);
    assert_eq!(make(DeviceSecurityMode::Authenticated), Transport::Tls);
}

#[test]
fn members_are_taken_by_priority_and_strange_elements_are_passed_over() {
    let text = r#"<?xml version="1.0"?><device ctiid="7"><devicePool><dateTimeSetting/><callManagerGroup><members>
        <member priority="1"><callManager><processNodeName>second</processNodeName></callManager></member>
        <member priority="0"><callManager><processNodeName> first </processNodeName><ports><sipPort/></ports></callManager></member>
        </members></callManagerGroup></devicePool>
        <sipProfile><sipLines><line button="1"><featureID>9</featureID><name>2000</name></line>
        <line button="2"><featureID>21</featureID><name>speed dial</name></line></sipLines></sipProfile>
        <vendorConfig><webAccess>1</webAccess></vendorConfig><transportLayerProtocol>1</transportLayerProtocol></device>"#;
    let read = PhoneConfig::parse(text.as_bytes()).unwrap();
    let nodes: Vec<_> = read.call_managers.iter().map(|node| (node.process_node.as_str(), node.sip_port)).collect();
    assert_eq!(nodes, [("first", 5060), ("second", 5060)]);
    assert_eq!(read.lines, [Line::new(1, "2000", "")]);
    assert_eq!(read.connection_monitor, 120, "as the page begins");
    assert_eq!(read.device_security_mode, DeviceSecurityMode::NonSecure);
}

#[test]
fn wrong_files_name_the_element_and_the_line() {
    let good = config().to_xml();
    let check = |text: &str, expected: &str| {
        let error = PhoneConfig::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "got {error}, expected {expected}");
    };
    check("", "not usable xml");
    check("<html/>", "no element device");
    check(&good[..good.len() / 2], "not usable xml");
    let line = |text: &str| good.lines().position(|line| line.contains(text)).unwrap() + 1;
    check(
        &good.replace("Mode>3<", "Mode>4<"),
        &format!("element deviceSecurityMode on line {}:", line("deviceSecurityMode")),
    );
    check(&good.replace("Mode>3<", "Mode>4<"), "got \"4\", expected 1, 2 or 3");
    check(&good.replace("Protocol>3<", "Protocol><"), "expected 1 (tcp), 2 (udp) or 3 (tls)");
    check(&good.replace("<transportLayerProtocol>3</transportLayerProtocol>", ""), "no element transportLayerProtocol");
    check(&good.replace("15061", "99999"), &format!("element securedSipPort on line {}:", line("15061")));
    check(&good.replace("192.0.2.10", ""), "no element processNodeName");
    check(&good.replace("button=\"3\"", "button=\"0\""), "line/@button");
    check(&good.replace("automatic", "always"), "expected disable, automatic or selective");
    assert_eq!(PhoneConfig::parse(b"<device>\xFF</device>"), Err(ConfigError::Encoding { at: 8 }));
}

#[test]
fn hostile_files_are_refused_at_once() {
    let refused = |text: String| PhoneConfig::parse(text.as_bytes()).unwrap_err().to_string();
    let level = |level: usize| format!("<!ENTITY a{level} \"{}\">", format!("&a{};", level - 1).repeat(10));
    let entities: String = (1..20).map(level).collect();
    let bomb = format!("<!DOCTYPE b [<!ENTITY a0 \"aaaaaaaaaa\">{entities}]><device>&a19;</device>");
    assert!(refused(bomb).contains("DTD"));
    assert!(refused("<a>".repeat(100_000)).contains("nested 100000 deep"));
    assert!(refused("<a/>".repeat(200_000)).contains("not usable xml"));
    assert!(refused(format!("<device>{}</device>", "<a/>".repeat(200_000))).contains("not usable xml"));
    assert!(refused(" ".repeat(1024 * 1024 + 1)).contains("at most 1048576"));
    assert!(refused("<".repeat(1_000_000)).contains("not usable xml"));
}
