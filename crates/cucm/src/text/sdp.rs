//! The session descriptions that CUCM writes: it has no media, so each tells one end where the other one is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use media::sdes::Crypto;
use media::sdp::{Direction, Format};

use crate::config::Release;

/// The `o=` line's variable parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    /// Leg number.
    pub(crate) leg: u32,
    pub(crate) version: u64,
    pub(crate) node: IpAddr,
    pub(crate) release: Release,
}

/// The stream that is described.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    /// Where media goes.
    pub(crate) target: SocketAddr,
    pub(crate) format: &'a Format,
    pub(crate) telephone_event: Option<&'a Format>,
    /// `a=ptime` in milliseconds as that end has told it.
    pub(crate) packet_time: Option<u32>,
    /// For SRTP: the reader's tag with the other end's key. `None` is RTP.
    pub(crate) crypto: Option<Crypto>,
}

impl Stream<'_> {
    fn media_line(&self) -> String {
        let profile = if self.crypto.is_some() { "RTP/SAVP" } else { "RTP/AVP" };
        let mut line = format!("m=audio {} {profile} {}\r\n", self.target.port(), self.format.payload_type);
        if let Some(event) = self.telephone_event {
            line.insert_str(line.len() - 2, &format!(" {}", event.payload_type));
        }
        line
    }

    /// Where CUCM puts this line is not known from any trace: after `m=` and its `b=`, before the formats.
    fn crypto_line(&self) -> String {
        self.crypto.as_ref().map_or_else(String::new, |crypto| format!("a=crypto:{}\r\n", crypto.to_attribute()))
    }

    fn event_lines(&self) -> String {
        self.telephone_event.map_or_else(String::new, format_lines)
    }
}

/// The bridge INVITE: nothing flows yet, the port is a dummy (trace of Cisco document 200788).
pub(crate) fn bridge_inactive(origin: Origin, label: &str, format: &Format) -> String {
    format!(
        "{}c={}\r\nt=0 0\r\nm=audio 4000 RTP/AVP {}\r\na=label:{label}\r\n{}a=inactive\r\na=mid:1\r\n",
        head(origin),
        connection(origin.node),
        format.payload_type,
        format_lines(format),
    )
}

/// The answer to the phone's bridge: the recorder's address, and that it only receives (trace of Cisco document 200788), or that
/// nothing `flows`.
pub(crate) fn to_bridge(origin: Origin, recorder: &Stream<'_>, flows: bool) -> String {
    let (tias, kilobits) = bandwidth(recorder.format);
    format!(
        "{}c={}\r\nb=TIAS:{tias}\r\nb=AS:{kilobits}\r\nt=0 0\r\n{}b=TIAS:{tias}\r\n{}{}a={}\r\n{}",
        head(origin),
        connection(recorder.target.ip()),
        recorder.media_line(),
        recorder.crypto_line(),
        format_lines(recorder.format),
        if flows { "recvonly" } else { "inactive" },
        recorder.event_lines(),
    )
}

/// The answer to the recorder, or the early offer to it: the phone's address, and that it only sends (trace of Cisco document
/// 200788: the direction stands between the codec and the telephone events). Release 10.5 always tells the packet time (trace there);
/// that others pass on what the phone has told is inferred from a re-INVITE of a CUCM with `a=ptime:30` in public.
pub(crate) fn to_recorder(origin: Origin, phone: &Stream<'_>, flows: bool) -> String {
    let (tias, kilobits) = bandwidth(phone.format);
    let tells = origin.release.tells_packet_time();
    let total = if tells { format!("b=CT:{kilobits}\r\n") } else { String::new() };
    let time =
        phone.packet_time.or_else(|| tells.then_some(20)).map_or_else(String::new, |ms| format!("a=ptime:{ms}\r\n"));
    format!(
        "{}c={}\r\nb=TIAS:{tias}\r\n{total}b=AS:{kilobits}\r\nt=0 0\r\n{}{time}{}{}a={}\r\n{}",
        head(origin),
        connection(phone.target.ip()),
        phone.media_line(),
        phone.crypto_line(),
        format_lines(phone.format),
        if flows { "sendonly" } else { "inactive" },
        phone.event_lines(),
    )
}

/// The answer to the recorder where a gateway forks: the gateway's address and a port that is none, without bandwidth (Cisco document
/// 211385).
pub(crate) fn to_recorder_of_gateway(origin: Origin, gateway: &Stream<'_>) -> String {
    format!(
        "{}c={}\r\nb=TIAS:0\r\nb=AS:0\r\nt=0 0\r\n{}{}a=sendonly\r\n{}",
        head(origin),
        connection(gateway.target.ip()),
        gateway.media_line(),
        format_lines(gateway.format),
        gateway.event_lines(),
    )
}

/// The early offer to a recorder: as [`to_recorder`], with every suite of the phone.
pub(crate) fn offer_to_recorder(origin: Origin, phone: &Stream<'_>, suites: &[Crypto]) -> String {
    let mut text = to_recorder(origin, phone, true);
    if !suites.is_empty() {
        let lines: String = suites.iter().map(|crypto| format!("a=crypto:{}\r\n", crypto.to_attribute())).collect();
        text = text.replacen("RTP/AVP", "RTP/SAVP", 1);
        let at = text.find("a=rtpmap").unwrap_or(text.len());
        text.insert_str(at, &lines);
    }
    text
}

/// The answer in a call between two phones: the other phone's address (trace of Cisco document 200788). Music on hold is described
/// in the same form. CUCM writes no direction for both ways, and another one between the codec and the telephone events (Cisco
/// document 211385).
pub(crate) fn between_phones(origin: Origin, other: &Stream<'_>, direction: Direction) -> String {
    let (tias, kilobits) = bandwidth(other.format);
    format!(
        "{}c={}\r\nb=AS:{kilobits}\r\nt=0 0\r\n{}b=TIAS:{tias}\r\n{}{}{}{}",
        head(origin),
        connection(other.target.ip()),
        other.media_line(),
        other.crypto_line(),
        format_lines(other.format),
        direction_line(direction),
        other.event_lines(),
    )
}

/// The description that stops the media of a phone: no address, the last port, inactive (SDP of a CUCM in a public test suite of a
/// SIP application server).
pub(crate) fn disconnected(origin: Origin, last: &Stream<'_>) -> String {
    let (tias, kilobits) = bandwidth(last.format);
    let nowhere = match last.target.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    format!(
        "{}c={}\r\nb=TIAS:{tias}\r\nb=AS:{kilobits}\r\nt=0 0\r\n{}{}{}{}{}",
        head(origin),
        connection(nowhere),
        last.media_line(),
        last.crypto_line(),
        format_lines(last.format),
        direction_line(Direction::Inactive),
        last.event_lines(),
    )
}

fn direction_line(direction: Direction) -> String {
    match direction {
        Direction::SendRecv => String::new(),
        other => format!("a={}\r\n", other.name()),
    }
}

fn head(origin: Origin) -> String {
    let Origin { leg, version, node, .. } = origin;
    format!("v=0\r\no=CiscoSystemsCCM-SIP {leg} {version} {}\r\ns=SIP Call\r\n", connection(node))
}

fn connection(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => format!("IN IP4 {v4}"),
        IpAddr::V6(v6) => format!("IN IP6 {v6}"),
    }
}

fn format_lines(format: &Format) -> String {
    let Format { payload_type, encoding, clock, fmtp } = format;
    // RFC 7587 §7: opus is always written with two channels.
    let channels = if encoding.eq_ignore_ascii_case("opus") { "/2" } else { "" };
    let map = format!("a=rtpmap:{payload_type} {encoding}/{clock}{channels}\r\n");
    match fmtp {
        Some(fmtp) => format!("{map}a=fmtp:{payload_type} {fmtp}\r\n"),
        None => map,
    }
}

/// Bits and kilobits a second of the codec's payload.
fn bandwidth(format: &Format) -> (u32, u32) {
    let bits = match format.encoding.to_ascii_uppercase().as_str() {
        "G729" => 8_000,
        "ILBC" => 15_200,
        "GSM" => 13_000,
        _ => 64_000,
    };
    (bits, bits / 1000)
}
