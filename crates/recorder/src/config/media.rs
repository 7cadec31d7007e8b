//! What is offered, and on which ports it is taken.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

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

/// A codec of the offer. G.711 and G.722 are decoded; of the others the payloads are kept in the journal.
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

/// A range of ports, both ends included, written `16384-32767`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest port.
    pub first: u16,
    /// The highest port.
    pub last: u16,
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
