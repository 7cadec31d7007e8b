//! `recorder.toml`, and the same from Rust.
//!
//! ```toml
//! address  = "192.0.2.10"          # where we listen; also the media address
//! user     = "7878"                # the recording number we answer; other users get 404
//! folder   = "recordings"
//! certificates = "certificates"    # own certificate and key, trusted/*.pem
//! transports = ["tls"]             # tls, tcp, udp
//! local_port = 5061                # TLS
//! plain_port = 5060                # TCP and UDP
//! tls      = "any"                 # versions: 1.2, 1.3, any
//! srtp     = "required"            # required, fallback (X-cisco-srtp-fallback), off
//!
//! max_connections = 1000           # of one listener; as many UDP peers
//! max_connections_per_peer = 100   # of one address
//! handshake_timeout = "10s"        # for the whole TLS handshake
//! message_timeout   = "30s"        # for the first message, for one that was begun, for what we write to be read
//! idle_timeout      = "1h"         # a connection without any message is closed; its calls go on
//!
//! no_media_after = "10s"           # alarms: a leg without media, a recording without its second leg,
//! one_leg_after  = "10s"
//! auth_failures  = 50              # packets of a leg that fail authentication
//!
//! [[sip_server]]
//! address  = "192.0.2.5"
//! priority = 1
//! ```
//!
//! Unknown keys are errors that name the key and the line. Durations are texts: `"250ms"`, `"3s"`, `"5m"`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use media::srtp::Suite;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use trust::cert::Identity;
use trust::rule::TrustList;

use crate::fault::Fault;

/// All that a recorder is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address of the SIP listeners and of the media ports.
    pub address: IpAddr,
    /// The TLS port.
    pub local_port: u16,
    /// The port of TCP and UDP.
    pub plain_port: u16,
    /// What is listened on.
    pub transports: Vec<Transport>,
    /// The recording number; an INVITE to another user is answered 404. Empty answers every user.
    pub user: String,
    /// The CUCM nodes. A connection from another address is refused; with none listed every address may come.
    #[serde(rename = "sip_server")]
    pub sip_servers: Vec<SipServer>,
    /// The folder of certificates ([`crate::certs::Store`]), read where [`Self::credentials`] is not given.
    pub certificates: PathBuf,
    /// Certificate and trust list in memory, for a recorder started from Rust.
    #[serde(skip)]
    pub credentials: Option<Credentials>,
    /// The versions of TLS that are spoken.
    pub tls: TlsVersion,
    /// The suites of the offer, best first.
    #[serde(with = "names")]
    pub suites: Vec<Suite>,
    /// The codecs of the offer, best first.
    pub codecs: Vec<Codec>,
    /// Whether media must be encrypted.
    pub srtp: SrtpPolicy,
    /// How long each answer is held back: a recorder that is slow.
    #[serde(with = "duration")]
    pub answer_after: Duration,
    /// Holds the near leg's answer back until the far leg was answered, five seconds at most.
    pub far_first: bool,
    /// The even RTP ports in use are taken from this range, each with its odd neighbour for RTCP.
    pub rtp_ports: PortRange,
    /// Recordings at one time; a call beyond is answered 503.
    pub max_sessions: usize,
    /// Connections that may stand at one listener, and UDP peers; one beyond is refused (`too-many-connections`).
    pub max_connections: usize,
    /// Connections of one address among them.
    pub max_connections_per_peer: usize,
    /// How long a TLS handshake may take.
    #[serde(with = "duration")]
    pub handshake_timeout: Duration,
    /// How long a peer may take for its first message, for the rest of a message it began, and to read what we write.
    #[serde(with = "duration")]
    pub message_timeout: Duration,
    /// A connection without a message for so long is closed. Its calls go on.
    #[serde(with = "duration")]
    pub idle_timeout: Duration,
    /// A leg without RTP for so long is ended by BYE, unless its session timer (RFC 4028) watches over it.
    #[serde(with = "duration")]
    pub inactivity: Duration,
    /// Whether we refresh the session where CUCM leaves open who does (RFC 4028 §9).
    pub refreshes: bool,
    /// The shortest session that is taken; whole seconds, at least 90 (RFC 4028 §5).
    #[serde(with = "duration")]
    pub min_session: Duration,
    /// Without a genuine packet for so long a leg is alarming (`no-media`).
    #[serde(with = "duration")]
    pub no_media_after: Duration,
    /// Without its second leg for so long a recording is alarming (`one-leg`).
    #[serde(with = "duration")]
    pub one_leg_after: Duration,
    /// So many packets of a leg that fail authentication are alarming (`authentication-failures`).
    pub auth_failures: u64,
    /// How long a leg's port still takes packets after the BYE: those that were on their way.
    #[serde(with = "duration")]
    pub linger: Duration,
    /// Where recordings are stored.
    pub folder: PathBuf,
    /// What this recorder does wrong on purpose.
    pub fault: Fault,
}

/// What is listened on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// TLS with a client certificate, on [`Config::local_port`].
    Tls,
    /// TCP on [`Config::plain_port`].
    Tcp,
    /// UDP on [`Config::plain_port`].
    Udp,
}

/// The versions of TLS that are spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2 alone.
    #[serde(rename = "1.2")]
    Tls12,
    /// TLS 1.3 alone.
    #[serde(rename = "1.3")]
    Tls13,
    /// Either.
    #[default]
    #[serde(rename = "any")]
    Any,
}

impl From<TlsVersion> for wire::tls::Versions {
    fn from(version: TlsVersion) -> Self {
        match version {
            TlsVersion::Tls12 => Self::Tls12,
            TlsVersion::Tls13 => Self::Tls13,
            TlsVersion::Any => Self::Both,
        }
    }
}

/// One CUCM node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SipServer {
    /// Where its connections come from.
    pub address: IpAddr,
    /// Where it listens; used when a request must be sent and its connection is gone.
    #[serde(default = "secure_port")]
    pub port: u16,
    /// Lower is asked first.
    #[serde(default = "first")]
    pub priority: u16,
}

/// Whether media must be encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SrtpPolicy {
    /// RTP/SAVP is offered, and nothing else is recorded.
    #[default]
    Required,
    /// RTP/SAVP is offered; an RTP/AVP answer is taken where both sides list `X-cisco-srtp-fallback`.
    Fallback,
    /// RTP/AVP is offered.
    Off,
}

/// A codec of the offer. Only G.711 is decoded; of the others the payloads are kept in the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// G.711 mu-law, payload type 0.
    #[serde(rename = "PCMU")]
    Pcmu,
    /// G.711 A-law, payload type 8.
    #[serde(rename = "PCMA")]
    Pcma,
    /// G.722, payload type 9.
    #[serde(rename = "G722")]
    G722,
    /// G.729, payload type 18.
    #[serde(rename = "G729")]
    G729,
}

impl Codec {
    /// The static payload type (RFC 3551 §6).
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
            Self::G729 => 18,
        }
    }

    /// The encoding name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
            Self::G729 => "G729",
        }
    }
}

/// Certificate and trust list in memory.
#[derive(Clone)]
pub struct Credentials {
    /// Our certificate and key.
    pub identity: Identity,
    /// The certificates a CUCM node may present.
    pub trusted: TrustList,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials { .. }")
    }
}

/// A range of ports, both ends included, written `16384-32767`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port.
    pub last: u16,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            local_port: secure_port(),
            plain_port: 5060,
            transports: vec![Transport::Tls],
            user: String::new(),
            sip_servers: Vec::new(),
            certificates: PathBuf::from("certificates"),
            credentials: None,
            tls: TlsVersion::Any,
            suites: Suite::ALL.to_vec(),
            codecs: vec![Codec::Pcmu, Codec::Pcma],
            srtp: SrtpPolicy::Required,
            answer_after: Duration::ZERO,
            far_first: false,
            rtp_ports: PortRange { first: 16_384, last: 32_767 },
            max_sessions: 1000,
            max_connections: 1000,
            max_connections_per_peer: 100,
            handshake_timeout: Duration::from_secs(10),
            message_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(3600),
            inactivity: Duration::from_secs(300),
            refreshes: false,
            min_session: Duration::from_secs(90),
            no_media_after: Duration::from_secs(10),
            one_leg_after: Duration::from_secs(10),
            auth_failures: 50,
            linger: Duration::from_millis(250),
            folder: PathBuf::from("recordings"),
            fault: Fault::None,
        }
    }
}

/// No configuration is larger.
const LARGEST: u64 = 1 << 20;

impl Config {
    /// Reads a `recorder.toml`. Relative folders are taken from the file's own folder.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = wire::file::read_text(path, LARGEST)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let mut config = Self::parse(&text).map_err(|error| error.in_file(path))?;
        if let Some(base) = path.parent() {
            config.folder = base.join(&config.folder);
            config.certificates = base.join(&config.certificates);
        }
        Ok(config)
    }

    /// Parses the text of a `recorder.toml` and checks it.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::Parse { path: None, message: error.to_string() })?;
        config.check()?;
        Ok(config)
    }

    /// Finds settings that cannot work together.
    pub fn check(&self) -> Result<(), ConfigError> {
        let invalid = |key, got: String, expected| Err(ConfigError::Invalid { key, got, expected });
        if self.transports.is_empty() {
            return invalid("transports", "none".into(), "at least one of tls, tcp, udp");
        }
        if self.codecs.is_empty() {
            return invalid("codecs", "none".into(), "at least one codec");
        }
        if self.suites.is_empty() && self.srtp != SrtpPolicy::Off {
            return invalid("suites", "none".into(), "at least one suite, or srtp = \"off\"");
        }
        let counts = [
            ("max_sessions", self.max_sessions),
            ("max_connections", self.max_connections),
            ("max_connections_per_peer", self.max_connections_per_peer),
        ];
        if let Some((key, _)) = counts.into_iter().find(|(_, count)| *count == 0) {
            return invalid(key, "0".into(), "at least 1");
        }
        let patience = [
            ("handshake_timeout", self.handshake_timeout),
            ("message_timeout", self.message_timeout),
            ("idle_timeout", self.idle_timeout),
        ];
        if let Some((key, _)) = patience.into_iter().find(|(_, patience)| patience.is_zero()) {
            return invalid(key, "0".into(), "more than nothing");
        }
        if self.min_session < Duration::from_secs(90) {
            return invalid("min_session", format!("{:?}", self.min_session), "at least 90s");
        }
        if self.rtp_ports.pairs() == 0 {
            return invalid(
                "rtp_ports",
                self.rtp_ports.to_string(),
                "a range that holds an even port and the next one",
            );
        }
        Ok(())
    }

    /// Whether a connection from this address is one of a known node.
    pub(crate) fn knows(&self, address: IpAddr) -> bool {
        self.sip_servers.is_empty() || self.sip_servers.iter().any(|server| server.address == address)
    }
}

impl PortRange {
    /// How many pairs of an even port and its odd neighbour the range holds.
    pub fn pairs(self) -> usize {
        let first = u32::from(self.first).next_multiple_of(2);
        let end = u32::from(self.last) + 1;
        (end.saturating_sub(first) / 2) as usize
    }

    /// The even port of the `n`-th pair, counted from zero and starting over at the end.
    pub(crate) fn pair(self, n: usize) -> u16 {
        let first = u32::from(self.first).next_multiple_of(2);
        let offset = (n % self.pairs().max(1)) as u32 * 2;
        u16::try_from(first + offset).unwrap_or(self.last)
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("got {text:?}, expected a range of ports such as \"16384-32767\"");
        let (first, last) = text.split_once('-').ok_or_else(wrong)?;
        let port = |text: &str| text.trim().parse::<u16>().map_err(|_| wrong());
        let range = Self { first: port(first)?, last: port(last)? };
        if range.first == 0 || range.first > range.last { Err(wrong()) } else { Ok(range) }
    }
}

impl Serialize for PortRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PortRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{}{message}", path.as_ref().map(|path| format!("{}: ", path.display())).unwrap_or_default())]
    Parse {
        /// The file, where there is one.
        path: Option<PathBuf>,
        /// Line, column, the line itself and what is wrong.
        message: String,
    },
    /// A value that cannot work.
    #[error("`{key}`: got {got}, expected {expected}")]
    Invalid {
        /// The key.
        key: &'static str,
        /// Its value.
        got: String,
        /// What would do.
        expected: &'static str,
    },
}

impl ConfigError {
    fn in_file(self, file: &Path) -> Self {
        match self {
            Self::Parse { message, .. } => Self::Parse { path: Some(file.to_owned()), message },
            other => other,
        }
    }
}

fn secure_port() -> u16 {
    5061
}

fn first() -> u16 {
    1
}

/// Suites by their SDP names.
mod names {
    use super::{Deserialize, Deserializer, Serializer, Suite};

    pub(super) fn serialize<S: Serializer>(suites: &[Suite], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(suites.iter().map(|suite| suite.name()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Suite>, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let known = |name: &String| {
            Suite::parse(name).ok_or_else(|| {
                let all = Suite::ALL.map(Suite::name).join(", ");
                serde::de::Error::custom(format!("got suite {name:?}, expected one of {all}"))
            })
        };
        names.iter().map(known).collect()
    }
}

/// Durations as texts.
mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}ms", duration.as_millis()))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("got {text:?}, expected a duration such as \"250ms\", \"3s\", \"5m\""))
        })
    }

    /// A day is the longest that makes sense here.
    pub(super) fn parse(text: &str) -> Option<Duration> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = text[..digits].parse().ok()?;
        let milliseconds = match text[digits..].trim() {
            "ms" => number,
            "s" => number.checked_mul(1000)?,
            "m" => number.checked_mul(60_000)?,
            "h" => number.checked_mul(3_600_000)?,
            _ => return None,
        };
        (milliseconds <= 86_400_000).then(|| Duration::from_millis(milliseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        Config::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_configuration_is_read_and_defaults_fill_the_rest() {
        let config = Config::parse(
            r#"
            address = "192.0.2.10"
            user = "7878"
            suites = ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"]
            codecs = ["PCMA"]
            srtp = "fallback"
            answer_after = "3s"
            rtp_ports = "20001-20010"
            fault = { lose-every = 50 }
            [[sip_server]]
            address = "192.0.2.5"
            [[sip_server]]
            address = "192.0.2.6"
            port = 5071
            priority = 2
            "#,
        )
        .unwrap();
        assert_eq!(config.suites, [Suite::AesCm128HmacSha1_80, Suite::AeadAes256Gcm]);
        assert_eq!(config.answer_after, Duration::from_secs(3));
        assert_eq!(config.inactivity, Duration::from_secs(300));
        assert_eq!(config.fault, Fault::LoseEvery(50));
        assert_eq!((config.rtp_ports.pairs(), config.rtp_ports.pair(0), config.rtp_ports.pair(5)), (4, 20_002, 20_004));
        assert_eq!(config.sip_servers[1].port, 5071);
        assert!(config.knows("192.0.2.5".parse().unwrap()));
        assert!(!config.knows("192.0.2.9".parse().unwrap()));
        let again = Config::parse(&toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(again.answer_after, config.answer_after);
        assert_eq!(again.suites, config.suites);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let unknown = complaint("user = \"1\"\nusre = \"7878\"\n");
        assert!(unknown.contains("usre") && unknown.contains("line 2"), "{unknown}");
        let server = complaint("[[sip_server]]\naddress = \"192.0.2.5\"\nprio = 1\n");
        assert!(server.contains("prio"), "{server}");
        assert!(complaint("suites = [\"AES_1\"]").contains("AES_1"));
        assert!(complaint("answer_after = \"soon\"").contains("soon"));
        assert!(complaint("answer_after = \"99999999999999999999s\"").contains("expected a duration"));
        assert!(complaint("rtp_ports = \"9-1\"").contains("9-1"));
        assert!(complaint("rtp_ports = \"7-7\"").contains("rtp_ports"));
        assert!(complaint("transports = []").contains("transports"));
        assert!(complaint("suites = []").contains("suites"));
        assert!(complaint("codecs = []").contains("codecs"));
        assert!(complaint("min_session = \"89s\"").contains("min_session"));
        for key in ["max_sessions", "max_connections", "max_connections_per_peer"] {
            assert!(complaint(&format!("{key} = 0")).contains(key), "{key}");
        }
        for key in ["handshake_timeout", "message_timeout", "idle_timeout"] {
            assert!(complaint(&format!("{key} = \"0s\"")).contains(key), "{key}");
        }
        let missing = Config::load(Path::new("does/not/exist.toml")).unwrap_err().to_string();
        assert!(missing.contains("does/not/exist.toml"), "{missing}");
    }
}
