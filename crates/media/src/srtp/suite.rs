//! The crypto suites that CUCM offers, with their sizes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A crypto suite of SRTP, by its name in SDP (RFC 4568 §6.2, RFC 7714 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suite {
    /// `AEAD_AES_256_GCM`: 256 bit key, 96 bit salt, 128 bit tag.
    AeadAes256Gcm,
    /// `AEAD_AES_128_GCM`: 128 bit key, 96 bit salt, 128 bit tag.
    AeadAes128Gcm,
    /// `AES_CM_128_HMAC_SHA1_80`: 128 bit key, 112 bit salt, 80 bit tag.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`: as above with a tag of 32 bits on RTP; on RTCP the tag has 80 bits.
    AesCm128HmacSha1_32,
}

impl Suite {
    /// All suites in the order in which CUCM prefers them.
    pub const ALL: [Self; 4] =
        [Self::AeadAes256Gcm, Self::AeadAes128Gcm, Self::AesCm128HmacSha1_80, Self::AesCm128HmacSha1_32];

    /// The name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
        }
    }

    /// The suite of this name; names compare without regard to case, `None` is a suite we do not know.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name().eq_ignore_ascii_case(name))
    }

    /// Bytes of the master key, and of the session encryption key.
    pub fn key_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm => 32,
            Self::AeadAes128Gcm | Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 => 16,
        }
    }

    /// Bytes of the master salt, and of the session salt.
    pub fn salt_len(self) -> usize {
        if self.is_aead() { 12 } else { 14 }
    }

    /// Bytes of the tag on an RTP packet.
    pub fn tag_len(self) -> usize {
        match self {
            Self::AeadAes256Gcm | Self::AeadAes128Gcm => 16,
            Self::AesCm128HmacSha1_80 => 10,
            Self::AesCm128HmacSha1_32 => 4,
        }
    }

    /// Bytes of the tag on an RTCP packet: never fewer than ten (RFC 4568 §6.2.2).
    pub fn rtcp_tag_len(self) -> usize {
        if self.is_aead() { 16 } else { 10 }
    }

    /// Whether the suite is an AEAD (RFC 7714), as against counter mode with an HMAC (RFC 3711).
    pub fn is_aead(self) -> bool {
        matches!(self, Self::AeadAes256Gcm | Self::AeadAes128Gcm)
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Suite {
    type Err = UnknownSuite;

    fn from_str(name: &str) -> Result<Self, UnknownSuite> {
        Self::parse(name).ok_or_else(|| UnknownSuite(name.chars().take(64).collect()))
    }
}

impl Serialize for Suite {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Suite {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A name that is none of the four suites; holds at most 64 characters of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "got crypto suite {0:?}, expected AEAD_AES_256_GCM, AEAD_AES_128_GCM, AES_CM_128_HMAC_SHA1_80 or AES_CM_128_HMAC_SHA1_32"
)]
pub struct UnknownSuite(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_is_found_by_its_name_in_any_case() {
        for suite in Suite::ALL {
            assert_eq!(Suite::parse(suite.name()), Some(suite));
            assert_eq!(suite.name().to_lowercase().parse(), Ok(suite));
            assert_eq!(serde_json::from_str::<Suite>(&serde_json::to_string(&suite).unwrap()).unwrap(), suite);
        }
        assert_eq!(Suite::parse("F8_128_HMAC_SHA1_80"), None);
    }

    #[test]
    fn the_inline_lengths_are_those_of_the_cisco_guide() {
        // 60 characters for 256_GCM and 40 for the others, as the CUCM security guide's samples show.
        let chars = |s: Suite| (s.key_len() + s.salt_len()).div_ceil(3) * 4;
        assert_eq!(Suite::ALL.map(chars), [60, 40, 40, 40]);
    }
}
