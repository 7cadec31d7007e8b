//! What is asked of the bundled recorder.

use std::time::Duration;

use media::srtp::Suite;
pub use recorder::{Deed, Fault};

use super::{Codec, Tls};

/// The port pairs for media of a recorder that is told nothing: all of its range.
pub const MEDIA_PORTS: usize = 8192;

/// What is asked of the bundled recorder; no effect on an external one.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The suites it offers, in order; empty is the default order.
    pub suites: Vec<Suite>,
    /// The codecs it offers; empty is the default.
    pub codecs: Vec<Codec>,
    /// How long it takes to answer an INVITE.
    pub answers_after: Duration,
    /// Whether it answers the far leg before the near leg.
    pub far_first: bool,
    /// The version of TLS that it speaks, where the scenario sets it.
    pub tls: Option<Tls>,
    /// Its policy on SRTP.
    pub srtp: SrtpPolicy,
    /// Whether it refreshes the session where CUCM leaves open who does.
    pub refreshes: bool,
    /// The shortest session that it takes.
    pub least_session: Duration,
    /// How many recordings it takes at one time.
    pub most_sessions: usize,
    /// How many port pairs for media it has.
    pub media_ports: usize,
    /// From when on it sounds an alarm, and ends a leg.
    pub patience: Patience,
    /// Its certificate.
    pub certificate: RecorderCertificate,
    /// A fault planted in it.
    pub fault: Fault,
}

/// From when on a recorder finds something wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Alarm `no-media`: a leg without a genuine packet for so long.
    pub no_media: Duration,
    /// Alarm `one-leg`: a recording without its second leg for so long.
    pub one_leg: Duration,
    /// Alarm `authentication-failures`: so many packets of a leg.
    pub auth_failures: u64,
    /// A leg without a genuine packet for so long is ended, whatever its session timer says.
    pub inactivity: Option<Duration>,
}

/// As of a recorder that was told nothing.
impl Default for Patience {
    fn default() -> Self {
        let usual = recorder::Config::default();
        Self {
            no_media: usual.no_media_after,
            one_leg: usual.one_leg_after,
            auth_failures: usual.auth_failures,
            inactivity: None,
        }
    }
}

/// A recorder's policy on SRTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrtpPolicy {
    /// A leg without SRTP is refused.
    Required,
    /// SRTP is offered, RTP is taken where both sides support the fallback.
    Allowed,
    /// RTP is offered.
    Off,
}

/// What is wrong with the recorder's certificate, if anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecorderCertificate {
    /// Its common name, where it is not the recorder's address.
    pub name: Option<String>,
    /// Whether it was left out of CallManager-trust.
    pub untrusted: bool,
    /// Whether it has expired.
    pub expired: bool,
}
