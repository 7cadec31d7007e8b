//! What the events about calls tell.

use std::net::SocketAddr;

use media::srtp::Suite;

/// A call between two phones that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallConnected {
    /// Number of the call, the second part of `gci`.
    pub call: u32,
    /// Who called.
    pub caller: CallParty,
    /// Who answered.
    pub callee: CallParty,
    /// Encoding name that was chosen.
    pub codec: String,
    /// How the media is protected.
    pub protection: Protection,
    /// The level that the phones are told.
    pub security: SecurityLevel,
}

/// One end of a call between phones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallParty {
    /// Who it is.
    pub party: Party,
    /// Call-ID of this phone's dialog with the cluster.
    pub call_id: String,
    /// Where the phone receives media.
    pub media: SocketAddr,
}

/// A phone's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Device name.
    pub device: String,
    /// Directory number.
    pub number: String,
    /// Display name; empty for none.
    pub name: String,
}

/// A transfer that is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transferred {
    /// Number of the call, `gci`.
    pub call: u32,
    /// Who transferred it and is out of it.
    pub by: Party,
    /// Who remained.
    pub party: Party,
    /// Who is in it instead.
    pub target: Party,
    /// Number of the call in which transferrer and target spoke before; `None` for a blind transfer.
    pub consultation: Option<u32>,
}

/// A conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conferenced {
    /// Number of the call of whoever made it, or added somebody, `gci`.
    pub call: u32,
    /// Who made it, or added somebody.
    pub by: Party,
    /// The bridge.
    pub bridge: Party,
    /// All members, each with the number of the call in which it is.
    pub members: Vec<(u32, Party)>,
}

/// Why a number forwarded a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForwardReason {
    /// *Forward All*.
    Unconditional,
    /// *Forward Busy*.
    UserBusy,
    /// *Forward No Answer*.
    NoAnswer,
}

impl ForwardReason {
    /// The word after `reason=` (RFC 5806 §6).
    pub fn word(self) -> &'static str {
        match self {
            Self::Unconditional => "unconditional",
            Self::UserBusy => "user-busy",
            Self::NoAnswer => "no-answer",
        }
    }
}

/// How media is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// Plain RTP.
    Rtp,
    /// SRTP with this suite.
    Srtp(Suite),
}

/// The level of a call, the lowest of its ends, as CUCM writes it after `security=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecurityLevel {
    /// Some end has no TLS.
    NotAuthenticated,
    /// TLS at both ends, media in clear.
    Authenticated,
    /// TLS and SRTP at both ends.
    Encrypted,
}

impl SecurityLevel {
    /// The word after `security=`.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotAuthenticated => "NotAuthenticated",
            Self::Authenticated => "Authenticated",
            Self::Encrypted => "Encrypted",
        }
    }
}
