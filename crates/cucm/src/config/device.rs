//! Phones, their lines, where their calls are forwarded and what makes a line recorded.

use std::time::Duration;

pub use trust::phone_config::{DeviceSecurityMode, Transport as DeviceTransport};

/// *System > Security > Phone Security Profile*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneSecurityProfile {
    /// Name, by which phones refer to it.
    pub name: String,
    /// Device security mode. Authenticated is refused when the cluster starts: rustls has no cipher suite without encryption.
    pub mode: DeviceSecurityMode,
    /// Transport type of a non-secure profile; an encrypted one is always TLS.
    pub transport: DeviceTransport,
}

impl PhoneSecurityProfile {
    /// The profile with TLS and SRTP.
    pub fn encrypted(name: &str) -> Self {
        Self { name: name.to_owned(), mode: DeviceSecurityMode::Encrypted, transport: DeviceTransport::Tls }
    }

    /// The profile without security, on TCP.
    pub fn non_secure(name: &str) -> Self {
        Self { name: name.to_owned(), mode: DeviceSecurityMode::NonSecure, transport: DeviceTransport::Tcp }
    }
}

/// *Device > Phone*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneDevice {
    /// Device name, `SEP` and the MAC address.
    pub device_name: String,
    /// Name of its phone security profile.
    pub security_profile: String,
    /// *Built In Bridge*: whether it may fork the media of its calls, and take another phone of its line into them.
    pub built_in_bridge: bool,
    /// Its lines; calls use the first one that fits.
    pub lines: Vec<Line>,
}

impl PhoneDevice {
    /// The line of this directory number.
    pub fn line(&self, directory_number: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.directory_number == directory_number)
    }
}

/// A directory number on a phone. The same number on several phones is a shared line: each has its own recording option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Directory number.
    pub directory_number: String,
    /// *Display (Caller ID)*; empty for none.
    pub display: String,
    /// *Recording Option*.
    pub recording_option: RecordingOption,
    /// Name of the recording profile, needed where the option is not [`RecordingOption::Disabled`].
    pub recording_profile: Option<String>,
    /// *Busy Trigger*: as many calls make the line busy.
    pub busy_trigger: u32,
    /// Where calls go that it does not take.
    pub forward: Forward,
    /// *Call Pickup Group*: its phones may take each other's calls that ring.
    pub pickup_group: Option<String>,
    /// *Recording Media Source*.
    pub recording_media_source: RecordingMediaSource,
}

/// *Recording Media Source* of a line: who is asked first for copies of both voices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordingMediaSource {
    /// *Phone Preferred*: CUCM's default.
    #[default]
    Phone,
    /// *Gateway Preferred*.
    Gateway,
}

/// *Call Forward and Call Pickup Settings*: the numbers that calls are forwarded to. They belong to the number: on a shared line those of
/// its first phone count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// *Forward All*: nothing rings here.
    pub all: Option<String>,
    /// *Forward Busy*: when the busy trigger of all its phones is reached, or a phone answers 486.
    pub busy: Option<String>,
    /// *Forward No Answer*.
    pub no_answer: Option<String>,
    /// *No Answer Ring Duration (seconds)*; `None` stands for [`super::Timing::forward_no_answer`].
    pub no_answer_ring_duration: Option<Duration>,
}

impl Line {
    /// A line that is not recorded, with CUCM's default busy trigger of 2.
    pub fn new(directory_number: &str, display: &str) -> Self {
        Self {
            directory_number: directory_number.to_owned(),
            display: display.to_owned(),
            recording_option: RecordingOption::Disabled,
            recording_profile: None,
            busy_trigger: 2,
            forward: Forward::default(),
            pickup_group: None,
            recording_media_source: RecordingMediaSource::Phone,
        }
    }

    /// The same line with automatic call recording by this profile.
    #[must_use]
    pub fn recorded(mut self, profile: &str) -> Self {
        self.recording_option = RecordingOption::Automatic;
        self.recording_profile = Some(profile.to_owned());
        self
    }

    /// The same line with selective call recording by this profile.
    #[must_use]
    pub fn selectively_recorded(self, profile: &str) -> Self {
        Self { recording_option: RecordingOption::Selective, ..self.recorded(profile) }
    }
}

/// *Call Routing > Directed Call Park*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DirectedCallPark {
    /// *Number* of each; one call waits at each of them.
    pub numbers: Vec<String>,
    /// *Retrieval Prefix*: what is dialled before the number by whoever wants the call.
    pub retrieval_prefix: String,
}

/// *Recording Option* of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingOption {
    /// *Call Recording Disabled*.
    Disabled,
    /// *Automatic Call Recording Enabled*.
    Automatic,
    /// *Selective Call Recording Enabled*: the phone's user or an application starts and stops it.
    Selective,
}

/// *Device > Device Settings > Recording Profile*.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingProfile {
    /// Name, by which lines refer to it.
    pub name: String,
    /// *Recording Destination Address*: the number that CUCM dials to reach the recorder.
    pub recording_destination: String,
    /// *Recording Calling Search Space*, with which the recording destination is called; empty for none.
    pub recording_css: String,
}

/// The region's audio codec preference, best first, by encoding name (`PCMU`, `PCMA`, `G722`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// Codecs that may be used, best first.
    pub codecs: Vec<String>,
}

impl Default for Region {
    fn default() -> Self {
        Self { codecs: ["G722", "PCMU", "PCMA"].map(str::to_owned).to_vec() }
    }
}
