//! Why a packet was not sealed or not opened.

use super::Suite;
use crate::rtp::RtpError;

/// Why a packet was refused. No state has changed when one of these is returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Fewer bytes than header, tag and trailer take together.
    #[error("got {got} bytes, expected at least {expected}")]
    TooShort {
        /// Bytes that are there.
        got: usize,
        /// Bytes that the shortest such packet has.
        expected: usize,
    },
    /// The clear header does not read as RTP or RTCP.
    #[error("bad header: {0}")]
    BadHeader(RtpError),
    /// The tag is wrong: forged, altered, sealed with another key, or at another roll-over count.
    #[error("authentication failed")]
    Authentication,
    /// A packet of this index was handled before.
    #[error("got a packet whose index was used before")]
    Replayed,
    /// The index lies before the replay window, so a replay cannot be told from a late packet.
    #[error("got a packet older than the replay window")]
    TooOld,
    /// The master key identifier is none of ours.
    #[error("got an unknown master key identifier")]
    UnknownMki,
    /// The key has protected as many packets as it may; a new one is needed (RFC 3711 §9.2).
    #[error("the master key's lifetime is used up")]
    KeyExhausted,
    /// The buffer cannot hold the sealed packet.
    #[error("got a buffer of {got} bytes, expected at least {expected}")]
    NoRoom {
        /// Bytes of the buffer.
        got: usize,
        /// Bytes that the sealed packet takes.
        expected: usize,
    },
    /// Authentic packets of more sources than the context may remember.
    #[error("got a source beyond the limit of {limit}")]
    TooManySources {
        /// Sources that the context remembers.
        limit: usize,
    },
    /// An SRTCP packet without encryption, where encryption was agreed.
    #[error("got unencrypted srtcp, expected encrypted")]
    Unencrypted,
}

/// Why key material or a key's name cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Key and salt together have the wrong length.
    #[error("got {got} bytes of key and salt, expected {expected} for {suite}")]
    Length {
        /// The suite.
        suite: Suite,
        /// Bytes that are there.
        got: usize,
        /// Bytes of key and salt.
        expected: usize,
    },
    /// The text is no base64.
    #[error("got key text that is not base64")]
    Base64,
    /// A master key identifier of no bytes or of more than 128 (RFC 4568 §6.1).
    #[error("got a master key identifier of {got} bytes, expected 1 to 128")]
    Mki {
        /// Bytes that are there.
        got: usize,
    },
    /// Two keys of one context whose identifiers differ in length, are the same, or are missing.
    #[error("got a further key whose identifier is missing, taken or of another length")]
    MkiClash,
}
