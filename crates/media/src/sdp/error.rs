//! Why a session description cannot be read.

/// Why a session description cannot be read. No variant holds a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More bytes than are read.
    #[error("got a session description of {got} bytes, expected at most {expected}")]
    TooLong {
        /// Bytes that are there.
        got: usize,
        /// Bytes that are read.
        expected: usize,
    },
    /// The lines do not follow RFC 8866; the text names line and field.
    #[error("bad session description: {0}")]
    Syntax(String),
    /// No `m=audio` line.
    #[error("got no m=audio line, expected one")]
    NoAudio,
    /// Neither the medium nor the session has a `c=` line.
    #[error("got no c= line for the audio stream, expected one")]
    NoAddress,
    /// The `c=` line holds no IP address.
    #[error("got connection address {0:?}, expected an ip address")]
    Address(String),
    /// A transport other than the two of CUCM.
    #[error("got transport {0:?}, expected RTP/AVP or RTP/SAVP")]
    Profile(String),
    /// A format of the `m=` line that is no payload type.
    #[error("got payload type {0:?}, expected 0 to 127")]
    PayloadType(String),
    /// An attribute whose value makes no sense.
    #[error("bad attribute a={name}: {why}")]
    Attribute {
        /// The attribute's name.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// More of something than is read.
    #[error("got more than {limit} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are read.
        limit: usize,
    },
}
