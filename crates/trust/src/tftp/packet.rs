//! The five packets of RFC 1350 §5, and the option acknowledgement of RFC 2347.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

/// One packet.
///
/// ```text
/// RRQ/WRQ  opcode 1/2 | name NUL | mode NUL | option NUL value NUL ...
/// DATA     opcode 3   | block    | 0 to 512 bytes
/// ACK      opcode 4   | block
/// ERROR    opcode 5   | code     | message NUL
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// Somebody wants to read a file. Options are passed over.
    Read {
        /// The file's name.
        name: Cow<'a, str>,
        /// The mode, such as `octet`; case is free.
        mode: Cow<'a, str>,
    },
    /// Somebody wants to write a file.
    Write {
        /// The file's name.
        name: Cow<'a, str>,
    },
    /// A block of the file.
    Data {
        /// Its number, from 1, wrapping to 0 after 65535.
        block: u16,
        /// Its bytes.
        bytes: &'a [u8],
    },
    /// A block has arrived.
    Ack {
        /// Its number.
        block: u16,
    },
    /// The transfer is over.
    Error {
        /// Why, as a number.
        code: u16,
        /// Why, in words.
        message: Cow<'a, str>,
    },
}

/// Why a datagram is no packet.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PacketError {
    /// It ends too early, or a text has no NUL.
    #[error("got a datagram of {0} bytes that ends too early")]
    Short(usize),
    /// It has more bytes than a plain transfer allows.
    #[error("got {0} data bytes, expected at most 512")]
    LongData(usize),
    /// Its first two bytes are no operation of RFC 1350.
    #[error("got operation {0}, expected 1 to 5")]
    Operation(u16),
}

/// The error codes of RFC 1350 §5 that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// See the message.
    Undefined,
    /// File not found.
    NotFound,
    /// Access violation.
    Access,
    /// Disk full.
    DiskFull,
    /// Illegal operation.
    Illegal,
    /// Unknown transfer.
    UnknownTransfer,
    /// File already exists.
    Exists,
    /// A code RFC 1350 does not have.
    Other(u16),
}

impl ErrorCode {
    /// The code on the wire.
    pub fn code(self) -> u16 {
        match self {
            Self::Undefined => 0,
            Self::NotFound => 1,
            Self::Access => 2,
            Self::DiskFull => 3,
            Self::Illegal => 4,
            Self::UnknownTransfer => 5,
            Self::Exists => 6,
            Self::Other(code) => code,
        }
    }

    /// The meaning of a code.
    pub fn from_code(code: u16) -> Self {
        match code {
            0 => Self::Undefined,
            1 => Self::NotFound,
            2 => Self::Access,
            3 => Self::DiskFull,
            4 => Self::Illegal,
            5 => Self::UnknownTransfer,
            6 => Self::Exists,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undefined => "not defined",
            Self::NotFound => "file not found",
            Self::Access => "access violation",
            Self::DiskFull => "disk full",
            Self::Illegal => "illegal operation",
            Self::UnknownTransfer => "unknown transfer",
            Self::Exists => "file already exists",
            Self::Other(_) => "unknown code",
        })
    }
}

impl<'a> Packet<'a> {
    /// Reads a datagram.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, PacketError> {
        let short = PacketError::Short(datagram.len());
        let [high, low, rest @ ..] = datagram else {
            return Err(short);
        };
        match (u16::from_be_bytes([*high, *low]), rest) {
            (1, rest) => {
                let (name, rest) = text(rest).ok_or(short)?;
                let (mode, _) = text(rest).ok_or(short)?;
                Ok(Self::Read { name, mode })
            }
            (2, rest) => text(rest).map(|(name, _)| Self::Write { name }).ok_or(short),
            (3, [high, low, bytes @ ..]) if bytes.len() <= super::BLOCK => {
                Ok(Self::Data { block: u16::from_be_bytes([*high, *low]), bytes })
            }
            (3, [_, _, bytes @ ..]) => Err(PacketError::LongData(bytes.len())),
            (4, [high, low, ..]) => Ok(Self::Ack { block: u16::from_be_bytes([*high, *low]) }),
            // Some servers leave out the message or its NUL; the code is what matters.
            (5, [high, low, message @ ..]) => {
                let message = text(message).map_or_else(|| String::from_utf8_lossy(message), |(text, _)| text);
                Ok(Self::Error { code: u16::from_be_bytes([*high, *low]), message })
            }
            (3..=5, _) => Err(short),
            (other, _) => Err(PacketError::Operation(other)),
        }
    }

    /// Writes a datagram.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (operation, parts): (u16, [&[u8]; 4]) = match self {
            Self::Read { name, mode } => (1, [name.as_bytes(), &[0], mode.as_bytes(), &[0]]),
            Self::Write { name } => (2, [name.as_bytes(), &[0], b"octet", &[0]]),
            Self::Data { block, bytes } => (3, [&block.to_be_bytes(), bytes, &[], &[]]),
            Self::Ack { block } => (4, [&block.to_be_bytes(), &[], &[], &[]]),
            Self::Error { code, message } => (5, [&code.to_be_bytes(), message.as_bytes(), &[0], &[]]),
        };
        [operation.to_be_bytes().as_slice(), parts.concat().as_slice()].concat()
    }
}

/// Text up to its NUL, and what follows. Bytes that are not UTF-8 are replaced, so that no such name can be found.
fn text(bytes: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((String::from_utf8_lossy(&bytes[..end]), &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_have_the_bytes_of_the_standard() {
        let check = |packet: Packet<'_>, bytes: &[u8]| {
            assert_eq!(packet.to_bytes(), bytes);
            assert_eq!(Packet::parse(bytes), Ok(packet));
        };
        check(Packet::Read { name: "a.tlv".into(), mode: "octet".into() }, b"\0\x01a.tlv\0octet\0");
        check(Packet::Write { name: "a".into() }, b"\0\x02a\0octet\0");
        check(Packet::Data { block: 258, bytes: b"xyz" }, b"\0\x03\x01\x02xyz");
        check(Packet::Data { block: 1, bytes: b"" }, b"\0\x03\0\x01");
        check(Packet::Ack { block: 65535 }, b"\0\x04\xFF\xFF");
        check(Packet::Error { code: 1, message: "no".into() }, b"\0\x05\0\x01no\0");
    }

    #[test]
    fn options_of_a_request_are_passed_over_and_an_error_needs_no_text() {
        let read = Packet::Read { name: "f".into(), mode: "OCTET".into() };
        assert_eq!(Packet::parse(b"\0\x01f\0OCTET\0blksize\x001428\0"), Ok(read));
        assert_eq!(Packet::parse(b"\0\x05\0\x02"), Ok(Packet::Error { code: 2, message: "".into() }));
        assert_eq!(Packet::parse(b"\0\x05\0\x02text"), Ok(Packet::Error { code: 2, message: "text".into() }));
    }

    #[test]
    fn other_datagrams_say_what_is_wrong() {
        assert_eq!(Packet::parse(b""), Err(PacketError::Short(0)));
        assert_eq!(Packet::parse(b"\0\x01name"), Err(PacketError::Short(6)));
        assert_eq!(Packet::parse(b"\0\x01name\0octet"), Err(PacketError::Short(12)));
        assert_eq!(Packet::parse(b"\0\x03\0"), Err(PacketError::Short(3)));
        assert_eq!(Packet::parse(b"\0\x06\0\0"), Err(PacketError::Operation(6)));
        let long = [&b"\0\x03\0\x01"[..], &[0; 513]].concat();
        assert_eq!(Packet::parse(&long), Err(PacketError::LongData(513)));
    }
}
