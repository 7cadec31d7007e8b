//! Writes the blocks of a pcapng file (draft-ietf-opsawg-pcapng): one section, an interface of bare IP packets and one of RTP in
//! clear, both with nanosecond time stamps, packets, and the TLS secrets that decrypt them.
//!
//! ```text
//!  +--------------+--------------+------+---------+--------------+
//!  | block type 4 | length     4 | body | padding | length     4 |   little endian throughout
//!  +--------------+--------------+------+---------+--------------+
//! ```

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// The interfaces of the section, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    /// Everything as it was on the wire, from its IP header on.
    Wire = 0,
    /// What was sealed on the wire, as [`upper_pdu`](crate::frames::upper_pdu).
    Clear = 1,
}

/// Writes blocks to a file or any other sink.
#[derive(Debug)]
pub(crate) struct Writer<W: Write> {
    sink: W,
    body: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Starts a section and describes its interfaces.
    pub(crate) fn new(sink: W) -> io::Result<Self> {
        let mut writer = Self { sink, body: Vec::with_capacity(2048) };
        writer.section_header()?;
        writer.interface(LINKTYPE_RAW, b"mixedmode", b"all packets as they were sent")?;
        writer.interface(LINKTYPE_UPPER_PDU, b"clear", b"the same RTP in clear")?;
        Ok(writer)
    }

    /// A packet, the time it was sent, and what is remarked on it, if anything.
    pub(crate) fn packet(
        &mut self,
        interface: Interface,
        wall: SystemTime,
        bytes: &[u8],
        comment: Option<&str>,
    ) -> io::Result<()> {
        let nanos = wall.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64;
        let length = bytes.len() as u32;
        self.body.clear();
        for field in [interface as u32, (nanos >> 32) as u32, nanos as u32, length, length] {
            self.body.extend_from_slice(&field.to_le_bytes());
        }
        self.body.extend_from_slice(bytes);
        self.pad();
        if let Some(comment) = comment {
            self.option(COMMENT, comment.as_bytes());
            self.option(END_OF_OPTIONS, b"");
        }
        self.block(ENHANCED_PACKET)
    }

    /// Lines of a TLS key log. Readers decrypt the packets behind this block, not those before it.
    pub(crate) fn tls_secrets(&mut self, lines: &[u8]) -> io::Result<()> {
        self.body.clear();
        self.body.extend_from_slice(&TLS_KEY_LOG.to_le_bytes());
        self.body.extend_from_slice(&(lines.len() as u32).to_le_bytes());
        self.body.extend_from_slice(lines);
        self.pad();
        self.block(DECRYPTION_SECRETS)
    }

    /// Hands everything to the operating system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }

    fn section_header(&mut self) -> io::Result<()> {
        self.body.clear();
        self.body.extend_from_slice(&BYTE_ORDER_MAGIC.to_le_bytes());
        self.body.extend_from_slice(&1_u16.to_le_bytes());
        self.body.extend_from_slice(&0_u16.to_le_bytes());
        self.body.extend_from_slice(&u64::MAX.to_le_bytes()); // the section's length is not known
        self.option(SHB_USER_APPLICATION, b"mixedmode");
        self.option(END_OF_OPTIONS, b"");
        self.block(SECTION_HEADER)
    }

    fn interface(&mut self, link_type: u16, name: &[u8], about: &[u8]) -> io::Result<()> {
        self.body.clear();
        self.body.extend_from_slice(&link_type.to_le_bytes());
        self.body.extend_from_slice(&[0; 2]);
        self.body.extend_from_slice(&0_u32.to_le_bytes()); // no snap length
        self.option(IF_NAME, name);
        self.option(IF_DESCRIPTION, about);
        self.option(IF_TIME_RESOLUTION, &[9]); // 10^-9 s
        self.option(END_OF_OPTIONS, b"");
        self.block(INTERFACE_DESCRIPTION)
    }

    fn option(&mut self, code: u16, value: &[u8]) {
        let value = value.get(..usize::from(u16::MAX)).unwrap_or(value);
        self.body.extend_from_slice(&code.to_le_bytes());
        self.body.extend_from_slice(&(value.len() as u16).to_le_bytes());
        self.body.extend_from_slice(value);
        self.pad();
    }

    fn pad(&mut self) {
        self.body.resize(self.body.len().next_multiple_of(4), 0);
    }

    fn block(&mut self, kind: u32) -> io::Result<()> {
        let length = (self.body.len() as u32 + 12).to_le_bytes();
        self.sink.write_all(&kind.to_le_bytes())?;
        self.sink.write_all(&length)?;
        self.sink.write_all(&self.body)?;
        self.sink.write_all(&length)
    }
}

const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
const BYTE_ORDER_MAGIC: u32 = 0x1A2B_3C4D;
const TLS_KEY_LOG: u32 = 0x544C_534B;
const LINKTYPE_RAW: u16 = 101;
const LINKTYPE_UPPER_PDU: u16 = 252;
const END_OF_OPTIONS: u16 = 0;
const COMMENT: u16 = 1;
const SHB_USER_APPLICATION: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TIME_RESOLUTION: u16 = 9;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_blocks_are_laid_out_as_the_draft_draws_them() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let head = writer.sink.len();
        let wall = UNIX_EPOCH + Duration::new(1_767_225_600, 123);
        writer.packet(Interface::Wire, wall, &[0x45, 1, 2, 3, 4], None).unwrap();
        let nanos = 1_767_225_600_000_000_123_u64;
        let mut wanted = vec![6, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0];
        wanted.extend_from_slice(&((nanos >> 32) as u32).to_le_bytes());
        wanted.extend_from_slice(&(nanos as u32).to_le_bytes());
        wanted.extend_from_slice(&[5, 0, 0, 0, 5, 0, 0, 0, 0x45, 1, 2, 3, 4, 0, 0, 0, 40, 0, 0, 0]);
        assert_eq!(writer.sink[head..], wanted);

        let head = writer.sink.len();
        writer.packet(Interface::Clear, UNIX_EPOCH, &[9], Some("a.yaml:3")).unwrap();
        let wanted = b"\x06\0\0\0\x34\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x01\0\0\0\x09\0\0\0\x01\0\x08\0a.yaml:3\0\0\0\0\x34\0\0\0";
        assert_eq!(writer.sink[head..], *wanted);

        let head = writer.sink.len();
        writer.tls_secrets(b"abc\n").unwrap();
        assert_eq!(writer.sink[head..], *b"\x0a\0\0\0\x18\0\0\0KSLT\x04\0\0\0abc\n\x18\0\0\0");
    }

    #[test]
    fn a_file_starts_with_section_and_interfaces() {
        let file = Writer::new(Vec::new()).unwrap().sink;
        assert_eq!(file[..4], [0x0A, 0x0D, 0x0D, 0x0A]);
        assert_eq!(file[8..12], [0x4D, 0x3C, 0x2B, 0x1A]);
        let section = u32::from_le_bytes(file[4..8].try_into().unwrap()) as usize;
        assert_eq!(file[section..section + 4], [1, 0, 0, 0]);
        assert_eq!(file[section + 8..section + 10], [101, 0]);
        let length = u32::from_le_bytes(file[section + 4..section + 8].try_into().unwrap()) as usize;
        let second = &file[section + length..];
        assert_eq!((&second[..4], &second[8..10]), (&[1, 0, 0, 0][..], &[252, 0][..]));
        assert_eq!(second.len(), u32::from_le_bytes(second[4..8].try_into().unwrap()) as usize);
    }
}
