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

mod error;
mod media;
mod signalling;
#[cfg(test)]
mod tests;
mod texts;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::media::srtp::Suite;
use serde::{Deserialize, Serialize};

pub use self::error::ConfigError;
pub use self::media::{Codec, PortRange, SrtpPolicy};
use self::signalling::secure_port;
pub use self::signalling::{Credentials, SipServer, TlsVersion, Transport};
use self::texts::{duration, names};
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
    /// Whether it is ended although a session timer watches over it: a call on hold may be silent for long.
    pub inactivity_in_session: bool,
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
            inactivity_in_session: false,
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
