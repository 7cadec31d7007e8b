//! Who talks: phones, and the parties behind trunks.

use std::path::PathBuf;
use std::time::Duration;

use cucm::config::RecordingMediaSource;
use media::signal::Signal;
use media::srtp::Suite;
use phone::outside::Forking;

/// A phone.
#[derive(Clone, Debug)]
pub struct Phone {
    /// Its name in the file.
    pub name: String,
    /// Its directory number.
    pub line: String,
    /// The name shown to the other party.
    pub display: String,
    /// Whether its phone security profile is encrypted (else non-secure).
    pub encrypted: bool,
    /// Whether its line's recording option is automatic (else none).
    pub recorded: bool,
    /// Whether its line's recording option is selective: recordings are started and stopped by steps.
    pub selective: bool,
    /// The node, from 0, with which it registers: the first one of its CUCM group.
    pub node: usize,
    /// Whether it may fork media, and take others of its line into its calls.
    pub built_in_bridge: bool,
    /// Who is to fork the media of its recordings.
    pub source: RecordingMediaSource,
    /// The SRTP suites it offers, in order.
    pub suites: Vec<Suite>,
    /// The codecs it offers, in order.
    pub codecs: Vec<Codec>,
    /// What it says: a WAV file beside the scenario, a signal, or one of the bundled speakers.
    pub says: Says,
    /// The first sequence number of its bridge streams, where the scenario sets it.
    pub first_sequence: Option<u16>,
    /// The SSRC of its bridge streams, where the scenario sets it.
    pub ssrc: Option<u32>,
    /// Whether other phones have its line too.
    pub shared: bool,
    /// Where calls go that its line does not take.
    pub forward: Forward,
    /// *Call Pickup Group* of its line.
    pub pickup_group: Option<String>,
}

/// *Call Forward and Call Pickup Settings* of a line: the phones to whose lines it forwards, by their index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forward {
    /// *Forward All*.
    pub all: Option<usize>,
    /// *Forward Busy*.
    pub busy: Option<usize>,
    /// *Forward No Answer*, and the *No Answer Ring Duration*.
    pub no_answer: Option<(usize, Duration)>,
}

/// What a phone says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The bundled speaker with this number (0 or 1).
    Speaker(usize),
    /// A WAV file.
    File(PathBuf),
    /// A signal that needs no file, spoken by the phone with this number.
    Signal(Signal, usize),
}

/// Codecs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// G.722.
    G722,
    /// G.711 mu-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.729: offered and refused only; nothing here encodes it.
    G729,
}

/// What stands behind a trunk for calls: a remote cluster or a gateway.
#[derive(Clone, Debug)]
pub struct Site {
    /// The name of the trunk.
    pub name: String,
    /// What it is.
    pub kind: SiteKind,
    /// What it does when it is to fork media; of a gateway only.
    pub forking: Forking,
    /// Whether the trunk is TLS with SRTP (else TCP with RTP).
    pub encrypted: bool,
    /// Who talks there.
    pub parties: Vec<Phone>,
}

/// Kinds of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteKind {
    /// A remote cluster behind an inter-cluster trunk.
    Cluster,
    /// A gateway to the public network.
    Gateway,
}
