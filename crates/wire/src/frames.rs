//! Synthesises the IP, UDP and TCP headers around captured payloads, with true lengths, checksums, sequence and
//! acknowledgement numbers, so that a dissector reassembles the streams.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// Makes packets and remembers where each TCP stream stands.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    /// The next sequence number of each direction.
    sequences: BTreeMap<(SocketAddr, SocketAddr), u32>,
    opened: u32,
    identification: u16,
}

/// RTP that needs no lower layers: Wireshark's link type 252 (`epan/exported_pdu.h`), tags and then the packet. The port type
/// is none and the source port 0, so that a reader takes it neither for the SRTP that a session description announces between the
/// true ports, nor for a repetition of the packet on the wire.
pub(crate) fn upper_pdu(from: SocketAddr, to: SocketAddr, rtp: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(64 + rtp.len());
    let mut tag = |code: u16, value: &[u8]| {
        packet.extend_from_slice(&code.to_be_bytes());
        packet.extend_from_slice(&(value.len().next_multiple_of(4) as u16).to_be_bytes());
        packet.extend_from_slice(value);
        packet.resize(packet.len().next_multiple_of(4), 0);
    };
    tag(DISSECTOR_NAME, b"rtp");
    for (address, four, sixteen) in [(from.ip(), IPV4_SOURCE, IPV6_SOURCE), (to.ip(), IPV4_TARGET, IPV6_TARGET)] {
        match address {
            IpAddr::V4(address) => tag(four, &address.octets()),
            IpAddr::V6(address) => tag(sixteen, &address.octets()),
        }
    }
    tag(PORT_TYPE, &0_u32.to_be_bytes());
    tag(SOURCE_PORT, &0_u32.to_be_bytes());
    tag(TARGET_PORT, &u32::from(to.port()).to_be_bytes());
    tag(END_OF_TAGS, &[]);
    packet.extend_from_slice(rtp);
    packet
}

const END_OF_TAGS: u16 = 0;
const DISSECTOR_NAME: u16 = 12;
const IPV4_SOURCE: u16 = 20;
const IPV4_TARGET: u16 = 21;
const IPV6_SOURCE: u16 = 22;
const IPV6_TARGET: u16 = 23;
const PORT_TYPE: u16 = 24;
const SOURCE_PORT: u16 = 25;
const TARGET_PORT: u16 = 26;

/// The packets that one event becomes.
pub(crate) type Packets = Vec<Vec<u8>>;

impl Frames {
    /// A datagram.
    pub(crate) fn udp(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() + 8) as u16;
        let mut udp = Vec::with_capacity(usize::from(length));
        for field in [from.port(), to.port(), length, 0] {
            udp.extend_from_slice(&field.to_be_bytes());
        }
        udp.extend_from_slice(payload);
        // RFC 768: a sum of zero is sent as all ones, zero means that there is none.
        let sum = match transport_checksum(from.ip(), to.ip(), UDP, &udp) {
            0 => u16::MAX,
            sum => sum,
        };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
        self.ip(from.ip(), to.ip(), UDP, &udp)
    }

    /// The three packets that open a connection.
    pub(crate) fn open(&mut self, client: SocketAddr, server: SocketAddr) -> Packets {
        self.start(client, server);
        vec![
            self.tcp(client, server, SYN, &[]),
            self.tcp(server, client, SYN | ACK, &[]),
            self.tcp(client, server, ACK, &[]),
        ]
    }

    /// A connection that is answered by a reset.
    pub(crate) fn refused(&mut self, client: SocketAddr, server: SocketAddr) -> Packets {
        self.start(client, server);
        let packets = vec![self.tcp(client, server, SYN, &[]), self.tcp(server, client, RST | ACK, &[])];
        self.forget(client, server);
        packets
    }

    /// Bytes of a stream, in segments of the size an Ethernet carries.
    pub(crate) fn data(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) -> Packets {
        payload.chunks(SEGMENT).map(|segment| self.tcp(from, to, PSH | ACK, segment)).collect()
    }

    /// The end of one direction.
    pub(crate) fn close(&mut self, from: SocketAddr, to: SocketAddr) -> Packets {
        vec![self.tcp(from, to, FIN | ACK, &[])]
    }

    /// The end of both directions.
    pub(crate) fn reset(&mut self, from: SocketAddr, to: SocketAddr) -> Packets {
        let packets = vec![self.tcp(from, to, RST | ACK, &[])];
        self.forget(from, to);
        packets
    }

    /// Gives a connection sequence numbers far from those of an earlier one between the same ports.
    fn start(&mut self, client: SocketAddr, server: SocketAddr) {
        self.opened = self.opened.wrapping_add(1);
        let first = self.opened.wrapping_mul(0x0101_0000);
        self.sequences.insert((client, server), first);
        self.sequences.insert((server, client), first.wrapping_add(0x4000_0000));
    }

    fn forget(&mut self, from: SocketAddr, to: SocketAddr) {
        self.sequences.remove(&(from, to));
        self.sequences.remove(&(to, from));
    }

    /// One segment: RFC 9293 §3.1, no options.
    fn tcp(&mut self, from: SocketAddr, to: SocketAddr, flags: u8, payload: &[u8]) -> Vec<u8> {
        let sequence = *self.sequences.entry((from, to)).or_insert(1);
        let acknowledged =
            if flags & ACK == 0 { 0 } else { self.sequences.get(&(to, from)).copied().unwrap_or_default() };
        let mut tcp = Vec::with_capacity(20 + payload.len());
        tcp.extend_from_slice(&from.port().to_be_bytes());
        tcp.extend_from_slice(&to.port().to_be_bytes());
        tcp.extend_from_slice(&sequence.to_be_bytes());
        tcp.extend_from_slice(&acknowledged.to_be_bytes());
        tcp.extend_from_slice(&[5 << 4, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        let sum = transport_checksum(from.ip(), to.ip(), TCP, &tcp);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        let used = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.sequences.insert((from, to), sequence.wrapping_add(used));
        self.ip(from.ip(), to.ip(), TCP, &tcp)
    }

    fn ip(&mut self, from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::with_capacity(40 + payload.len());
        if let (IpAddr::V4(from), IpAddr::V4(to)) = (from, to) {
            self.identification = self.identification.wrapping_add(1);
            packet.extend_from_slice(&[0x45, 0]);
            packet.extend_from_slice(&((payload.len() + 20) as u16).to_be_bytes());
            packet.extend_from_slice(&self.identification.to_be_bytes());
            packet.extend_from_slice(&[0x40, 0, 64, protocol, 0, 0]); // do not fragment, 64 hops
            packet.extend_from_slice(&from.octets());
            packet.extend_from_slice(&to.octets());
            let sum = fold(sum(0, &packet));
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            packet.extend_from_slice(&[0x60, 0, 0, 0]);
            packet.extend_from_slice(&(payload.len() as u16).to_be_bytes());
            packet.extend_from_slice(&[protocol, 64]);
            packet.extend_from_slice(&octets(from));
            packet.extend_from_slice(&octets(to));
        }
        packet.extend_from_slice(payload);
        packet
    }
}

/// The address as IPv6 writes it; an IPv4 one mapped, as a mixed pair can only come from a dual-stack socket.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().octets(),
        IpAddr::V6(six) => six.octets(),
    }
}

/// The checksum over the pseudo header and the segment, whose checksum field is zero (RFC 9293 §3.1, RFC 8200 §8.1).
fn transport_checksum(from: IpAddr, to: IpAddr, protocol: u8, segment: &[u8]) -> u16 {
    let addresses = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => sum(sum(0, &from.octets()), &to.octets()),
        _ => sum(sum(0, &octets(from)), &octets(to)),
    };
    fold(sum(addresses + u32::from(protocol) + segment.len() as u32, segment))
}

/// Adds 16 bit words; at most 64 KiB of them, so 32 bits hold the sum.
fn sum(start: u32, bytes: &[u8]) -> u32 {
    bytes
        .chunks(2)
        .fold(start, |total, pair| total + u32::from(u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)])))
}

fn fold(mut sum: u32) -> u16 {
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;
const SEGMENT: usize = 1440;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_rtp_names_its_dissector_and_addresses_and_no_port_it_came_from() {
        let packet = upper_pdu("127.0.0.1:16384".parse().unwrap(), "127.0.0.2:16386".parse().unwrap(), b"rtp");
        let tags = b"\0\x0c\0\x04rtp\0\0\x14\0\x04\x7f\0\0\x01\0\x15\0\x04\x7f\0\0\x02\0\x18\0\x04\0\0\0\0\0\x19\0\x04\0\0\0\0\0\x1a\0\x04\0\0\x40\x02\0\0\0\0rtp";
        assert_eq!(packet, tags);
    }

    fn ends(from: &str, to: &str) -> (SocketAddr, SocketAddr) {
        (from.parse().unwrap(), to.parse().unwrap())
    }

    fn word(bytes: &[u8], at: usize) -> u32 {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
    }

    /// A receiver sums header, pseudo header and checksum, and must get all ones (RFC 1071 §1).
    fn is_intact(packet: &[u8]) -> bool {
        let segment = &packet[20..];
        let pseudo = sum(u32::from(packet[9]) + segment.len() as u32, &packet[12..20]);
        fold(sum(0, &packet[..20])) == 0 && fold(sum(pseudo, segment)) == 0
    }

    #[test]
    fn the_ip_checksum_is_the_one_of_a_known_packet() {
        // The worked example of "IPv4 header checksum" in Wikipedia: checksum b861.
        let header = [0x45, 0, 0, 0x73, 0, 0, 0x40, 0, 0x40, 0x11, 0, 0, 0xc0, 0xa8, 0, 1, 0xc0, 0xa8, 0, 0xc7];
        assert_eq!(fold(sum(0, &header)), 0xb861);
    }

    #[test]
    fn datagrams_of_even_and_odd_length_are_intact() {
        let (a, b) = ends("127.0.0.1:5060", "127.0.0.2:5060");
        for payload in [&b""[..], b"odd", b"even"] {
            let packet = Frames::default().udp(a, b, payload);
            assert!(is_intact(&packet), "{payload:?}");
            assert_eq!(packet.len(), 28 + payload.len());
        }
    }

    #[test]
    fn a_connection_numbers_every_byte_and_acknowledges_the_other_side() {
        let (client, server) = ends("127.0.0.1:40000", "127.0.0.2:5061");
        let mut frames = Frames::default();
        let opening = frames.open(client, server);
        let first = word(&opening[0], 24);
        assert_eq!(word(&opening[1], 28), first + 1, "SYN/ACK acknowledges the SYN");
        let data = frames.data(client, server, &[7; 2000]);
        assert_eq!(data.len(), 2);
        assert_eq!((word(&data[0], 24), word(&data[1], 24)), (first + 1, first + 1 + 1440));
        let answer = frames.data(server, client, b"x");
        assert_eq!(word(&answer[0], 28), first + 1 + 2000);
        let closing = frames.close(client, server);
        assert_eq!(word(&closing[0], 24), first + 1 + 2000);
        assert_eq!(word(&frames.close(server, client)[0], 28), first + 2 + 2000);
        assert!(opening.iter().chain(&data).chain(&answer).all(|packet| is_intact(packet)));
    }

    #[test]
    fn the_same_ports_used_again_start_elsewhere() {
        let (client, server) = ends("127.0.0.1:40000", "127.0.0.2:5061");
        let mut frames = Frames::default();
        let one = word(&frames.open(client, server)[0], 24);
        assert_ne!(one, word(&frames.open(client, server)[0], 24));
    }

    #[test]
    fn ipv6_has_its_own_header_and_pseudo_header() {
        let (a, b) = ends("[::1]:5060", "[::2]:5062");
        let packet = Frames::default().udp(a, b, b"hello");
        assert_eq!((packet[0], packet[6], packet.len()), (0x60, 17, 40 + 8 + 5));
        let pseudo = sum(17 + 13, &packet[8..40]);
        assert_eq!(fold(sum(pseudo, &packet[40..])), 0);
    }
}
