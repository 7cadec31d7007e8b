//! A configuration to its XML text.

use super::{CallManager, Line, PhoneConfig};

pub(super) fn document(config: &PhoneConfig) -> String {
    let mut out = Writer { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), depth: 0 };
    out.open("device");
    out.leaf("fullConfig", "true");
    out.leaf("deviceName", &config.device_name);
    out.leaf("deviceProtocol", "SIP");
    out.open("devicePool");
    out.open("callManagerGroup");
    out.open("members");
    for (priority, member) in config.call_managers.iter().enumerate() {
        call_manager(&mut out, priority, member);
    }
    out.close("members");
    out.close("callManagerGroup");
    out.leaf("connectionMonitorDuration", &config.connection_monitor.to_string());
    out.close("devicePool");
    out.open("sipProfile");
    out.open("sipLines");
    for each in &config.lines {
        line(&mut out, each);
    }
    out.close("sipLines");
    out.close("sipProfile");
    out.leaf("versionStamp", &config.version_stamp);
    out.leaf("loadInformation", &config.load_information);
    out.leaf("deviceSecurityMode", &config.device_security_mode.code().to_string());
    out.leaf("transportLayerProtocol", &config.transport.code().to_string());
    out.close("device");
    out.text
}

fn call_manager(out: &mut Writer, priority: usize, member: &CallManager) {
    out.open_with("member", "priority", &priority.to_string());
    out.open("callManager");
    out.leaf("name", &member.name);
    out.open("ports");
    out.leaf("ethernetPhonePort", "2000");
    out.leaf("sipPort", &member.sip_port.to_string());
    out.leaf("securedSipPort", &member.secured_sip_port.to_string());
    out.close("ports");
    out.leaf("processNodeName", &member.process_node);
    out.close("callManager");
    out.close("member");
}

fn line(out: &mut Writer, line: &Line) {
    let tone = &line.recording_tone;
    out.open_with("line", "button", &line.index.to_string());
    out.leaf("featureID", "9");
    out.leaf("featureLabel", &line.dn);
    out.leaf("proxy", "USECALLMANAGER");
    out.leaf("name", &line.dn);
    out.leaf("displayName", &line.display);
    out.leaf("contact", &line.contact);
    out.leaf("recordingOption", line.recording_option.word());
    out.leaf("recordingTone", if tone.enabled { "enable" } else { "disable" });
    out.leaf("recordingToneLocalVolume", &tone.local_volume.to_string());
    out.leaf("recordingToneRemoteVolume", &tone.remote_volume.to_string());
    out.leaf("recordingToneDuration", &tone.duration_ms.map(|length| length.to_string()).unwrap_or_default());
    out.close("line");
}

struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    fn open(&mut self, name: &str) {
        self.put(&["<", name, ">\n"]);
        self.depth += 1;
    }

    fn open_with(&mut self, name: &str, attribute: &str, value: &str) {
        self.put(&["<", name, " ", attribute, "=\"", &escaped(value), "\">\n"]);
        self.depth += 1;
    }

    fn leaf(&mut self, name: &str, value: &str) {
        self.put(&["<", name, ">", &escaped(value), "</", name, ">\n"]);
    }

    fn close(&mut self, name: &str) {
        self.depth -= 1;
        self.put(&["</", name, ">\n"]);
    }

    fn put(&mut self, parts: &[&str]) {
        self.text.extend(std::iter::repeat_n(' ', self.depth));
        self.text.extend(parts.iter().copied());
    }
}

/// Text for an element or an attribute. Control characters that XML cannot hold are left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\u{0}'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => {}
            other => out.push(other),
        }
    }
    out
}
