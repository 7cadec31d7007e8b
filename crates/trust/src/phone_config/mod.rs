//! `SEP<MAC>.cnf.xml`: what CUCM tells one phone: how secure it is to be, whom to register with, which lines it has.
//!
//! Element names and codes are those of the files CUCM serves to SIP phones. Elements that decide nothing here are passed over
//! when reading and left out when writing. One is added: `deviceName`, which real files only bear as their file name.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::fmt;

use thiserror::Error;

/// The signalling security of a phone (`deviceSecurityMode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DeviceSecurityMode {
    /// 1: TCP or UDP, RTP.
    NonSecure,
    /// 2: TLS without secrecy (NULL cipher), RTP.
    Authenticated,
    /// 3: TLS with AES, SRTP.
    Encrypted,
}

impl DeviceSecurityMode {
    /// The number in the file.
    pub fn code(self) -> u8 {
        match self {
            Self::NonSecure => 1,
            Self::Authenticated => 2,
            Self::Encrypted => 3,
        }
    }
}

impl fmt::Display for DeviceSecurityMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonSecure => "non-secure",
            Self::Authenticated => "authenticated",
            Self::Encrypted => "encrypted",
        })
    }
}

/// How SIP travels (`transportLayerProtocol`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// 1.
    Tcp,
    /// 2.
    Udp,
    /// 3.
    Tls,
}

impl Transport {
    /// The number in the file.
    pub fn code(self) -> u8 {
        match self {
            Self::Tcp => 1,
            Self::Udp => 2,
            Self::Tls => 3,
        }
    }
}

/// One CUCM node the phone may register with; the first in the list has priority 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallManager {
    /// Its name in CUCM's configuration.
    pub name: String,
    /// Host name or address to connect to.
    pub process_node: String,
    /// Port for TCP and UDP.
    pub sip_port: u16,
    /// Port for TLS.
    pub secured_sip_port: u16,
}

/// Whether calls on a line are recorded (`recordingOption`). Files seen in public only have `disable`; the other two words are
/// taken from the names in CUCM's line configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RecordingOption {
    /// `disable`: Call Recording Disabled.
    #[default]
    Disabled,
    /// `automatic`: Automatic Call Recording Enabled.
    Automatic,
    /// `selective`: Selective Call Recording Enabled.
    Selective,
}

impl RecordingOption {
    fn word(self) -> &'static str {
        match self {
            Self::Disabled => "disable",
            Self::Automatic => "automatic",
            Self::Selective => "selective",
        }
    }
}

/// The tone that tells the parties of a recording (`recordingTone` and its volumes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingTone {
    /// Whether the phone plays it.
    pub enabled: bool,
    /// Volume towards the user, percent.
    pub local_volume: u8,
    /// Volume towards the other party, percent.
    pub remote_volume: u8,
    /// Length in milliseconds; `None` is the phone's own choice.
    pub duration_ms: Option<u32>,
}

impl Default for RecordingTone {
    fn default() -> Self {
        Self { enabled: false, local_volume: 100, remote_volume: 50, duration_ms: None }
    }
}

/// One line button.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The button, from 1.
    pub index: u8,
    /// The directory number.
    pub dn: String,
    /// The name shown to others.
    pub display: String,
    /// The user part of the contact the phone registers, a UUID in CUCM.
    pub contact: String,
    /// Whether calls are recorded.
    pub recording_option: RecordingOption,
    /// The tone while recording.
    pub recording_tone: RecordingTone,
}

impl Line {
    /// A line that is not recorded.
    pub fn new(index: u8, dn: &str, display: &str) -> Self {
        Self {
            index,
            dn: dn.to_owned(),
            display: display.to_owned(),
            contact: dn.to_owned(),
            recording_option: RecordingOption::Disabled,
            recording_tone: RecordingTone::default(),
        }
    }
}

/// The configuration of one phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneConfig {
    /// `SEP` and the MAC address.
    pub device_name: String,
    /// How secure the phone is to be.
    pub device_security_mode: DeviceSecurityMode,
    /// How its SIP travels.
    pub transport: Transport,
    /// Whom it registers with, in order of priority, at most five.
    pub call_managers: Vec<CallManager>,
    /// *Connection Monitor Duration* of its device pool, in seconds: how long one that comes before its own must be there again until the
    /// phone goes back to it.
    pub connection_monitor: u32,
    /// Its lines.
    pub lines: Vec<Line>,
    /// Firmware the phone is to load; may be empty.
    pub load_information: String,
    /// Changes whenever the configuration does; may be empty.
    pub version_stamp: String,
}

/// Why a configuration file cannot be read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is longer than any configuration.
    #[error("got {got} bytes, expected a phone configuration of at most {limit}")]
    TooLong {
        /// Bytes found.
        got: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// The file is not UTF-8 text.
    #[error("the phone configuration is not utf-8 text: byte {at} is wrong")]
    Encoding {
        /// Offset of the first wrong byte.
        at: usize,
    },
    /// The file is not XML, or holds a document type definition, which no phone configuration needs.
    #[error("the phone configuration is not usable xml: {0}")]
    Xml(String),
    /// An element that decides something is missing.
    #[error("the phone configuration has no element {0}")]
    Missing(&'static str),
    /// An element holds what it cannot.
    #[error("element {element} on line {line}: got {got:?}, expected {expected}")]
    Value {
        /// Which element.
        element: &'static str,
        /// Line in the file, from 1.
        line: u32,
        /// What it holds.
        got: String,
        /// What it may hold.
        expected: &'static str,
    },
}

impl PhoneConfig {
    /// A phone with one call manager and the transport its security mode asks for: TLS, or TCP where it is non-secure.
    pub fn new(device_name: &str, mode: DeviceSecurityMode, call_manager: CallManager) -> Self {
        Self {
            device_name: device_name.to_owned(),
            device_security_mode: mode,
            transport: if mode == DeviceSecurityMode::NonSecure { Transport::Tcp } else { Transport::Tls },
            call_managers: vec![call_manager],
            connection_monitor: CONNECTION_MONITOR,
            lines: Vec::new(),
            load_information: String::new(),
            version_stamp: String::new(),
        }
    }

    /// Writes the file.
    pub fn to_xml(&self) -> String {
        write::document(self)
    }

    /// Reads a file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        read::document(bytes)
    }
}

/// What CUCM's page *Device Pool Configuration* begins with.
const CONNECTION_MONITOR: u32 = 120;

/// The name under which a phone asks for its configuration.
pub fn config_file_name(device_name: &str) -> String {
    format!("{device_name}.cnf.xml")
}

/// The name under which a phone asks for its trust list.
pub fn ctl_file_name(device_name: &str) -> String {
    format!("CTL{device_name}.tlv")
}
