//! RTP packets (RFC 3550): a checked view, a header writer, and sequence numbers of more than 16 bits.

use std::fmt;

use rtp_types::{RtpPacket, RtpParseError};

/// Bytes of the fixed header (RFC 3550 §5.1).
pub const HEADER_LEN: usize = 12;

/// A checked view of a plain RTP packet; each field is read where it lies.
///
/// ```text
///  0                   1                   2                   3
/// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
/// |                           timestamp                           |
/// |           synchronization source (SSRC) identifier            |
/// |  CSRC, CC of them  |  extension: profile, length, words (X)   |
/// |  payload ...                  |  padding (P), last byte: count |
/// ```
pub struct Packet<'a> {
    data: &'a [u8],
    view: RtpPacket<'a>,
}

impl<'a> Packet<'a> {
    /// Checks version, CSRC list, extension and padding against the bytes that are there.
    pub fn parse(data: &'a [u8]) -> Result<Self, RtpError> {
        let view = RtpPacket::parse(data).map_err(|error| match error {
            RtpParseError::UnsupportedVersion(got) => RtpError::Version { got },
            RtpParseError::Truncated { expected, actual } => RtpError::TooShort { got: actual, expected },
            RtpParseError::PaddingInvalid(got) => RtpError::Padding { got },
        })?;
        Ok(Self { data, view })
    }

    /// The payload type, 0 to 127.
    pub fn payload_type(&self) -> u8 {
        self.view.payload_type()
    }

    /// The marker bit: for voice, the first packet after a silence (RFC 3551 §4.1).
    pub fn marker(&self) -> bool {
        self.view.marker_bit()
    }

    /// The 16 bit sequence number.
    pub fn sequence(&self) -> u16 {
        self.view.sequence_number()
    }

    /// The media time stamp in units of the codec's clock.
    pub fn timestamp(&self) -> u32 {
        self.view.timestamp()
    }

    /// The synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.view.ssrc()
    }

    /// The contributing sources, at most fifteen.
    pub fn csrc(&self) -> impl Iterator<Item = u32> + use<'a> {
        let count = usize::from(self.view.n_csrcs());
        let (words, _) = self.data.get(HEADER_LEN..HEADER_LEN + 4 * count).unwrap_or_default().as_chunks::<4>();
        words.iter().map(|word| u32::from_be_bytes(*word))
    }

    /// The header extension as its profile word and its raw content, whole 32 bit words.
    pub fn extension(&self) -> Option<(u16, &'a [u8])> {
        let (profile, content) = self.view.extension()?;
        let end = self.view.payload_offset();
        Some((profile, self.data.get(end - content.len()..end)?))
    }

    /// The payload without padding.
    pub fn payload(&self) -> &'a [u8] {
        let end = self.data.len() - usize::from(self.view.padding().unwrap_or(0));
        self.data.get(self.view.payload_offset()..end).unwrap_or_default()
    }

    /// Bytes of padding at the end; zero without the padding bit.
    pub fn padding(&self) -> u8 {
        self.view.padding().unwrap_or(0)
    }

    /// The fixed fields.
    pub fn header(&self) -> Header {
        Header {
            payload_type: self.payload_type(),
            marker: self.marker(),
            sequence: self.sequence(),
            timestamp: self.timestamp(),
            ssrc: self.ssrc(),
        }
    }
}

impl fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packet({:?}, payload {} bytes)", self.header(), self.payload().len())
    }
}

/// The fixed fields of a packet without CSRCs, extension and padding: what a phone sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// The payload type, 0 to 127; the eighth bit is not written.
    pub payload_type: u8,
    /// The marker bit.
    pub marker: bool,
    /// The 16 bit sequence number.
    pub sequence: u16,
    /// The media time stamp in units of the codec's clock.
    pub timestamp: u32,
    /// The synchronisation source.
    pub ssrc: u32,
}

impl Header {
    /// The twelve bytes.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }

    /// Writes the header at the start of `buf` and returns [`HEADER_LEN`]; where `buf` is shorter nothing is
    /// written and zero is returned.
    pub fn write(&self, buf: &mut [u8]) -> usize {
        match buf.first_chunk_mut() {
            Some(start) => {
                *start = self.to_bytes();
                HEADER_LEN
            }
            None => 0,
        }
    }
}

/// Why bytes are no RTP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RtpError {
    /// A length inside the packet points past its end.
    #[error("got {got} bytes, expected at least {expected}")]
    TooShort {
        /// Bytes that are there.
        got: usize,
        /// Bytes that the header asks for.
        expected: usize,
    },
    /// Not version 2.
    #[error("got RTP version {got}, expected 2")]
    Version {
        /// The version in the packet.
        got: u8,
    },
    /// The padding count is zero or more than the payload.
    #[error("got padding of {got} bytes, expected 1 to the payload's length")]
    Padding {
        /// The last byte of the packet.
        got: u8,
    },
}

/// Bytes of the header with CSRCs and extension, without looking at padding: this is where the encrypted part of
/// an SRTP packet begins (RFC 3711 §3.1), whose padding count cannot be read yet.
pub fn header_len(packet: &[u8]) -> Result<usize, RtpError> {
    let need = |expected: usize| match packet.len() < expected {
        true => Err(RtpError::TooShort { got: packet.len(), expected }),
        false => Ok(()),
    };
    need(HEADER_LEN)?;
    let version = packet[0] >> 6;
    if version != 2 {
        return Err(RtpError::Version { got: version });
    }
    let mut len = HEADER_LEN + 4 * usize::from(packet[0] & 0x0f);
    if packet[0] & 0x10 != 0 {
        need(len + 4)?;
        len += 4 + 4 * usize::from(u16::from_be_bytes([packet[len + 2], packet[len + 3]]));
    }
    need(len)?;
    Ok(len)
}

/// The packet index nearest to the highest one known (RFC 3711 §3.3.1): roll-over count in the upper bits, the
/// sequence number in the lower 16.
///
/// Where the rule would ask for a roll-over count below zero, the count is zero: a first packet that was overtaken
/// by later ones cannot lie before the start of the stream.
pub fn nearest_index(highest: u64, sequence: u16) -> u64 {
    let (roc, last) = (highest >> 16, (highest & 0xffff) as u16);
    let roc = if last < 0x8000 {
        if i32::from(sequence) - i32::from(last) > 0x8000 { roc.saturating_sub(1) } else { roc }
    } else if sequence < last - 0x8000 {
        roc + 1
    } else {
        roc
    };
    roc << 16 | u64::from(sequence)
}

/// Extends 16 bit sequence numbers of one source to 64 bits, through wraps, losses and reordering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceTracker {
    highest: Option<u64>,
}

impl SequenceTracker {
    /// A tracker that has seen nothing; its first packet lies in roll-over period 0.
    pub fn new() -> Self {
        Self::default()
    }

    /// The extended number of this packet, the nearest to the highest one so far, which it may replace.
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let index = match self.highest {
            Some(highest) => nearest_index(highest, sequence),
            None => u64::from(sequence),
        };
        self.highest = self.highest.max(Some(index));
        index
    }

    /// The highest extended number so far.
    pub fn highest(&self) -> Option<u64> {
        self.highest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_reads_back() {
        let header =
            Header { payload_type: 0, marker: true, sequence: 65530, timestamp: 0xfeed_beef, ssrc: 0x1234_5678 };
        let mut buf = [0xaa; 20];
        assert_eq!(header.write(&mut buf), 12);
        let packet = Packet::parse(&buf).unwrap();
        assert_eq!(packet.header(), header);
        assert_eq!(packet.payload(), [0xaa; 8]);
        assert_eq!(header_len(&buf), Ok(12));
        assert_eq!(header.write(&mut buf[..11]), 0);
    }

    #[test]
    fn csrcs_extension_and_padding_are_cut_off() {
        let mut bytes = vec![0xb2, 0x08, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        bytes.extend([0, 0, 0, 7, 0, 0, 0, 8]);
        bytes.extend([0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
        bytes.extend([9, 9, 9, 0, 2]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.csrc().collect::<Vec<_>>(), [7, 8]);
        assert_eq!(packet.extension(), Some((0xbede, &[1, 2, 3, 4][..])));
        assert_eq!((packet.payload(), packet.padding()), (&[9, 9, 9][..], 2));
        assert_eq!(header_len(&bytes), Ok(28));
    }

    #[test]
    fn lengths_past_the_end_are_named() {
        assert_eq!(header_len(&[0x80; 11]), Err(RtpError::TooShort { got: 11, expected: 12 }));
        assert_eq!(header_len(&[0x8f; 12]), Err(RtpError::TooShort { got: 12, expected: 72 }));
        let extended = [0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0xff, 0xff];
        assert_eq!(header_len(&extended), Err(RtpError::TooShort { got: 16, expected: 16 + 4 * 65535 }));
        assert_eq!(header_len(&[0x40; 12]), Err(RtpError::Version { got: 1 }));
        assert_eq!(Packet::parse(&[0x40; 12]).unwrap_err(), RtpError::Version { got: 1 });
        let padded = [0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Packet::parse(&padded).unwrap_err(), RtpError::Padding { got: 0 });
    }

    #[test]
    fn the_tracker_follows_wraps_and_late_packets() {
        let mut tracker = SequenceTracker::new();
        let seen = [65534, 0, 65535, 1, 30_000, 60_000, 59_999, 5].map(|s| tracker.extend(s));
        assert_eq!(seen, [65534, 65536, 65535, 65537, 95_536, 125_536, 125_535, 131_077]);
        assert_eq!(tracker.highest(), Some(131_077));
    }

    #[test]
    fn no_index_lies_before_the_first_period() {
        assert_eq!(nearest_index(0, 65535), 65535);
        assert_eq!(nearest_index(0x1_0000, 0xffff), 0xffff);
        assert_eq!(nearest_index(0xffff, 0), 0x1_0000);
        // The edges of RFC 3711 §3.3.1: exactly half a period away stays.
        assert_eq!(nearest_index(0x1_0000, 0x8000), 0x1_8000);
        assert_eq!(nearest_index(0x1_8000, 0), 0x1_0000);
        assert_eq!(nearest_index(0x1_8001, 0), 0x2_0000);
    }
}
