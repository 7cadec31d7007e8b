//! The codecs a phone offers, with the payload types and `fmtp` lines of a CP-7861 and CP-7841 on 12.1.1 (Cisco 200788).
//!
//! The phone *speaks* G.711 and G.722; the others are offered because a real phone offers them, and a CUCM that picks one is told so.

use media::codec::Codec as Spoken;

/// One codec of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// `opus/48000/2`, payload type 114.
    Opus,
    /// `G722/8000`, payload type 9.
    G722,
    /// `AMR-WB/16000` bandwidth efficient, payload type 113.
    AmrWbEfficient,
    /// `AMR-WB/16000` octet aligned, payload type 115.
    AmrWbAligned,
    /// `PCMU/8000`, payload type 0.
    Pcmu,
    /// `PCMA/8000`, payload type 8.
    Pcma,
    /// `iLBC/8000`, payload type 116, 20 ms.
    Ilbc,
    /// `G729/8000` with annex B, payload type 18.
    G729,
}

/// Payload type of `telephone-event/8000` (RFC 4733) on Cisco phones.
pub(crate) const TELEPHONE_EVENT: u8 = 101;

impl Codec {
    /// What a CP-78xx on 12.1 offers, in its order.
    pub const CISCO: [Self; 8] = [
        Self::Opus,
        Self::G722,
        Self::AmrWbEfficient,
        Self::AmrWbAligned,
        Self::Pcmu,
        Self::Pcma,
        Self::Ilbc,
        Self::G729,
    ];
    /// G.711 alone, mu-law first.
    pub const G711: [Self; 2] = [Self::Pcmu, Self::Pcma];

    /// The RTP payload type.
    pub fn payload_type(self) -> u8 {
        match self {
            Self::Opus => 114,
            Self::G722 => 9,
            Self::AmrWbEfficient => 113,
            Self::AmrWbAligned => 115,
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::Ilbc => 116,
            Self::G729 => 18,
        }
    }

    /// The codecs that a phone speaks.
    pub const SPOKEN: [Self; 3] = [Self::G722, Self::Pcmu, Self::Pcma];

    /// The codec that is spoken, as it is offered.
    pub fn of(spoken: Spoken) -> Self {
        match spoken {
            Spoken::Pcmu => Self::Pcmu,
            Spoken::Pcma => Self::Pcma,
            Spoken::G722 => Self::G722,
        }
    }

    /// What is spoken, where it is a codec this phone speaks.
    pub fn spoken(self) -> Option<Spoken> {
        match self {
            Self::Pcmu => Some(Spoken::Pcmu),
            Self::Pcma => Some(Spoken::Pcma),
            Self::G722 => Some(Spoken::G722),
            _ => None,
        }
    }

    /// The value of its `a=rtpmap:` line, without the payload type.
    pub(crate) fn encoding(self) -> &'static str {
        match self {
            Self::Opus => "opus/48000/2",
            Self::G722 => "G722/8000",
            Self::AmrWbEfficient | Self::AmrWbAligned => "AMR-WB/16000",
            Self::Pcmu => "PCMU/8000",
            Self::Pcma => "PCMA/8000",
            Self::Ilbc => "iLBC/8000",
            Self::G729 => "G729/8000",
        }
    }

    /// The value of its `a=fmtp:` line, without the payload type.
    pub(crate) fn parameters(self) -> Option<&'static str> {
        match self {
            Self::Opus => Some(
                "maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=64000;stereo=0;sprop-stereo=0;usedtx=0",
            ),
            Self::AmrWbEfficient => Some("octet-align=0;mode-change-capability=2"),
            Self::AmrWbAligned => Some("octet-align=1;mode-change-capability=2"),
            Self::Ilbc => Some("mode=20"),
            Self::G729 => Some("annexb=yes"),
            Self::G722 | Self::Pcmu | Self::Pcma => None,
        }
    }
}
