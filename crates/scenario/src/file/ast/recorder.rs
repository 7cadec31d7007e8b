//! What is asked of the bundled recorder.

use std::time::Duration;

use media::srtp::Suite;
pub use recorder::{Deed, Fault};

use super::{Codec, Tls};

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
    /// Its certificate.
    pub certificate: RecorderCertificate,
    /// A fault planted in it.
    pub fault: Fault,
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
