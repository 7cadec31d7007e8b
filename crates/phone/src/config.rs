//! What a phone is and how it behaves.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use media::signal::Voice;
use media::srtp::Suite;
use trust::cert::Identity;
use trust::ctl::SignedCtl;

use crate::codec::Codec;
use crate::fault::Fault;
use crate::media_clock::MediaClock;

/// A phone to be booted.
#[derive(Debug, Clone)]
pub struct Config {
    /// `SEP` and the MAC in 12 upper-case hex digits.
    pub device: String,
    /// Make and firmware.
    pub model: Model,
    /// The phone's own address; all its sockets are bound to it.
    pub address: IpAddr,
    /// The cluster's TFTP server.
    pub tftp: SocketAddr,
    /// The phone's certificate (LSC, else MIC), presented to CUCM over TLS.
    pub identity: Option<Identity>,
    /// The CTL that the phone kept from an earlier boot.
    pub installed: Option<SignedCtl>,
    /// SRTP suites in the order of the offer. Used only where the configuration says `encrypted`.
    pub suites: Vec<Suite>,
    /// Codecs in the order of the offer.
    pub codecs: Vec<Codec>,
    /// What its user says in each call.
    pub voice: Voice,
    /// The packet clock of the run.
    pub media: MediaClock,
    /// *Busy Trigger* of its line: with as many calls it answers the next one 486. One talks, one is held or waits: 1 or 2.
    pub busy_trigger: u8,
    /// How fast the built-in bridge answers.
    pub bridge: BridgeTiming,
    /// Where its streams begin.
    pub first: FirstPacket,
    /// Packets that it waits for one that is late before its place on the far leg is given up (20 ms each).
    pub jitter_depth: u32,
    /// What its bridge does wrong from the start.
    pub faults: Vec<Fault>,
    /// Who hears a beep while its calls are recorded.
    pub recording_tone: RecordingTone,
}

impl Config {
    /// A CP-8841 with the suites of current firmware, all codecs of the captures, and no faults.
    pub fn new(device: &str, address: IpAddr, tftp: SocketAddr, voice: Voice, media: MediaClock) -> Self {
        Self {
            device: device.to_owned(),
            model: Model::cp8841(),
            address,
            tftp,
            identity: None,
            installed: None,
            suites: Suite::ALL.to_vec(),
            codecs: Codec::CISCO.to_vec(),
            voice,
            media,
            busy_trigger: 2,
            bridge: BridgeTiming::default(),
            first: FirstPacket::default(),
            jitter_depth: 3,
            faults: Vec::new(),
            recording_tone: RecordingTone::default(),
        }
    }
}

/// The suites of the older phones (79xx, 99xx): exactly one line, with the 32-bit tag.
pub const OLD_SUITES: [Suite; 1] = [Suite::AesCm128HmacSha1_32];

/// Make and firmware of a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// As in User-Agent: `CP8841`.
    pub name: String,
    /// As in User-Agent: `12.8.1`.
    pub firmware: String,
    /// CUCM's number of the model, in the Contact of REGISTER.
    pub number: u32,
    /// The load it reports, with its `.loads`.
    pub load: String,
}

impl Model {
    /// CP-8841 on 12.8.1.
    pub fn cp8841() -> Self {
        Self {
            name: "CP8841".into(),
            firmware: "12.8.1".into(),
            number: 683,
            load: "sip88xx.12-8-1-0001-455.loads".into(),
        }
    }

    /// CP-7841 on 12.1.1, the recorded phone of Cisco 200788.
    pub fn cp7841() -> Self {
        Self { name: "CP7841".into(), firmware: "12.1.1".into(), number: 622, load: "sip78xx.12-1-1-12.loads".into() }
    }

    /// `Cisco-CP8841/12.8.1`.
    pub fn user_agent(&self) -> String {
        format!("Cisco-{}/{}", self.name, self.firmware)
    }
}

/// Who hears a beep while a call is recorded: service parameters *Play Recording Notification Tone to Observed Target* and *Connected
/// Target* of a real cluster, which tells its phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecordingTone {
    /// The phone's own user; the tone is on the far leg.
    pub observed: bool,
    /// The other party; the tone is on the near leg.
    pub connected: bool,
}

/// How fast the built-in bridge answers; the defaults are those of Cisco 200788.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BridgeTiming {
    /// From the bridge INVITE to its 200.
    pub answer: Duration,
    /// From the re-INVITE without offer to the 200 that holds ours.
    pub offer: Duration,
}

impl Default for BridgeTiming {
    /// 268 ms and 210 ms.
    fn default() -> Self {
        Self { answer: Duration::from_millis(268), offer: Duration::from_millis(210) }
    }
}

/// Where the RTP streams of a phone begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FirstPacket {
    /// The first sequence number; random below 32768 without one. 65530 makes the roll-over come after six packets.
    pub sequence: Option<u16>,
    /// The SSRC of both streams of the built-in bridge, in every recording; random without one.
    pub ssrc: Option<u32>,
    /// The first SRTP roll-over count. Anything but 0 is unknown to the receiver: SDES does not carry it.
    pub roll_over: u32,
}
