//! Releases of CUCM: what differs in their messages, as public traces and documents show it.
//!
//! | release | Session-ID, device in Contact, traffic class | Call-ID | suites | far end that holds or is replaced | TLS to recorders |
//! |---|---|---|---|---|---|
//! | 10.5 | no | Unix time | SHA1 | recording goes on | 1.2 |
//! | 11.5 | yes | Unix time | GCM, SHA1 | recording begins anew | 1.2 |
//! | 12.5 | yes | clock ticks | GCM, SHA1 | recording begins anew | 1.2 |
//! | 14 | yes | clock ticks | GCM, SHA1 | recording begins anew | 1.2 |
//! | 15 | yes | clock ticks | GCM, SHA1 | recording begins anew | 1.2 or 1.3 |
//!
//! Everything else is the same for all of them, as nothing public tells releases apart in it: what becomes of a recording of which one
//! dialog fails, `x-refci` behind a resume, the roll-over count at a re-key, a selective recording behind a hold. 11.5, 12.5 and 14 have
//! one dialect for that reason; what they write differs as the table says. `x-sessionid`, which Cisco's CUBE chapter on Media Proxy
//! has in From with 12.5, stands in no trace of a recording, and is there with [`FromParameters::WithOthers`](super::FromParameters) only.
//!
//! Sources: Cisco document 200788, "Configure and Troubleshoot Basic Call Recording", has recordings of 10.5 and 11.5; calls of 12.5 are
//! in Cisco's Call Reporting and Billing Administration Guide and in Cisco document 217615; of 14 there are public traces of phones and
//! of an OPTIONS ping. No message of 15 to a recorder is public: it is taken to be that of 14 [inferred].

use media::srtp::Suite;
use wire::tls::Versions;

use super::dialect::{Dialect, FarEndHold, FarEndTransfer};

/// The release of CUCM that is imitated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// 10.5(1): the older traces of Cisco document 200788.
    V10_5,
    /// 11.5: the release of the traces in Cisco document 200788.
    V11_5,
    /// 12.5: newer Call-IDs.
    V12_5,
    /// 14: `Cisco-CUCM14.0`.
    V14,
    /// 15SU2: TLS 1.3 on trunks.
    V15,
}

impl Release {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [Self::V10_5, Self::V11_5, Self::V12_5, Self::V14, Self::V15];

    /// Its number as people say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V10_5 => "10.5",
            Self::V11_5 => "11.5",
            Self::V12_5 => "12.5",
            Self::V14 => "14",
            Self::V15 => "15",
        }
    }

    /// What stands in `User-Agent` and `Server`: seen but for 15's.
    pub fn product(self) -> &'static str {
        match self {
            Self::V10_5 => "Cisco-CUCM10.5",
            Self::V11_5 => "Cisco-CUCM11.5",
            Self::V12_5 => "Cisco-CUCM12.5",
            Self::V14 => "Cisco-CUCM14.0",
            Self::V15 => "Cisco-CUCM15.0",
        }
    }

    /// Suites for SRTP, in the order in which its phones offer them. AEAD came with 10.5(2) (Cisco, "Security Guide", and "SIP Line
    /// Messaging Guide").
    pub fn suites(self) -> &'static [Suite] {
        match self {
            Self::V10_5 => &[Suite::AesCm128HmacSha1_32, Suite::AesCm128HmacSha1_80],
            _ => &Suite::ALL,
        }
    }

    /// How it reads what a scenario may set. Older guides on recording keep the pair of dialogs over the far end's hold and update it
    /// at a transfer; Cisco's "Call Recording Examples for Network-Based and Phone-Based Recording" begins anew. That the one is 10.5
    /// and the other all later ones is inferred. TLS 1.3 came with 15SU2 (Cisco Security Guide).
    pub fn dialect(self) -> Dialect {
        let usual = Dialect::default();
        match self {
            Self::V10_5 => {
                Dialect { far_end_hold: FarEndHold::Keep, far_end_transfer: FarEndTransfer::Update, ..usual }
            }
            Self::V11_5 | Self::V12_5 | Self::V14 => usual,
            Self::V15 => Dialect { trunk_tls_versions: Some(Versions::Both), ..usual },
        }
    }

    /// Whether its messages have Session-ID, and name the device in Contact and the class of video in the INVITE to a recorder: all
    /// three stand in the 11.5 traces of Cisco document 200788, and in none of 10.5.
    pub(crate) fn has_session_id(self) -> bool {
        self >= Self::V11_5
    }

    /// Whether the session description in the ACK to a recorder has `b=CT` and `a=ptime` (10.5 trace of Cisco document 200788).
    pub(crate) fn tells_packet_time(self) -> bool {
        self == Self::V10_5
    }

    /// Whether the second part of a Call-ID counts the clock's ticks, and no seconds.
    pub(crate) fn counts_ticks(self) -> bool {
        self >= Self::V12_5
    }

    /// The version of the interface between CUCM and phones: 11.5 and 14 as in public traces, the others inferred.
    pub(crate) fn line_interface(self) -> &'static str {
        if self <= Self::V11_5 { "X-cisco-sis-8.0.0" } else { "X-cisco-sis-10.0.0" }
    }
}
