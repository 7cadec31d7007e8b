//! A reader of pcapng files that shares no code with the writer.

use std::net::SocketAddr;

/// One packet: nanoseconds since 1970, protocol, source, payload and, for TCP, sequence number, acknowledgement, flags.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) nanos: u64,
    pub(crate) protocol: u8,
    pub(crate) from: SocketAddr,
    pub(crate) payload: Vec<u8>,
    pub(crate) tcp: (u32, u32, u8),
    pub(crate) comment: Option<String>,
}

/// What a block of the file says.
#[derive(Debug)]
pub(crate) enum Block {
    Packet(Seen),
    /// RTP in clear, of the second interface.
    Clear(Vec<u8>),
    Secrets(String),
}

/// Reads as far as whole blocks go: a killed run may have cut the last one.
pub(crate) fn read(file: &[u8]) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut rest = file;
    while rest.len() >= 12 {
        let length = long(rest, 4) as usize;
        assert!(length >= 12 && length.is_multiple_of(4), "a block of {length} bytes");
        if rest.len() < length {
            break;
        }
        assert_eq!(long(rest, length - 4) as usize, length, "the lengths of a block differ");
        let body = &rest[8..length - 4];
        match long(rest, 0) {
            0x0A0D_0D0A => assert_eq!(long(body, 0), 0x1A2B_3C4D),
            1 => assert!(matches!(u16::from_le_bytes([body[0], body[1]]), 101 | 252)),
            6 if long(body, 0) == 1 => blocks.push(Block::Clear(body[20..20 + long(body, 12) as usize].to_vec())),
            6 => blocks.push(Block::Packet(packet(body))),
            10 => blocks.push(Block::Secrets(secrets(body))),
            other => panic!("an unknown block {other}"),
        }
        rest = &rest[length..];
    }
    blocks
}

fn secrets(body: &[u8]) -> String {
    assert_eq!(&body[..4], b"KSLT");
    String::from_utf8(body[8..8 + long(body, 4) as usize].to_vec()).unwrap()
}

fn packet(body: &[u8]) -> Seen {
    assert_eq!(long(body, 12), long(body, 16), "a packet was cut");
    let ip = &body[20..20 + long(body, 12) as usize];
    assert_eq!(ip[0], 0x45);
    assert_eq!(usize::from(u16::from_be_bytes([ip[2], ip[3]])), ip.len());
    let segment = &ip[20..];
    let header = if ip[9] == 17 { 8 } else { 20 };
    let tcp = if ip[9] == 6 { (big(segment, 4), big(segment, 8), segment[13]) } else { (0, 0, 0) };
    // An option: code 1, length, text; then the end of options.
    let options = &body[(20 + ip.len()).next_multiple_of(4)..];
    let comment = options.get(..4).filter(|head| head[..2] == [1, 0]).map(|head| {
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        String::from_utf8(options[4..4 + length].to_vec()).unwrap()
    });
    Seen {
        comment,
        nanos: u64::from(long(body, 4)) << 32 | u64::from(long(body, 8)),
        protocol: ip[9],
        from: ([ip[12], ip[13], ip[14], ip[15]], u16::from_be_bytes([segment[0], segment[1]])).into(),
        payload: segment[header..].to_vec(),
        tcp,
    }
}

fn long(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn big(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}
