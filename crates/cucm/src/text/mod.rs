//! The texts of all messages, one file a conversation: registration, line, transfer, bridge, recorder, trunk.
//!
//! Each function writes headers in the order and spelling of a captured message, named in its documentation. Numbers and random
//! parts come in as arguments. What they share stands here.

pub(crate) mod bridge;
pub(crate) mod dialog_info;
pub(crate) mod line;
pub(crate) mod outside;
pub(crate) mod recording;
pub(crate) mod refer;
pub(crate) mod register;
pub(crate) mod sdp;
pub(crate) mod trunk;
pub(crate) mod xmf;

use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use sip::{Builder, Message, Transport};

use crate::config::Release;

/// The node as one peer sees it: its release, and the address, port and transport in Via and Contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) release: Release,
    /// Address and port that the peer may connect to.
    pub(crate) local: SocketAddr,
    pub(crate) transport: Transport,
    /// Whether the peer is behind a trunk, and no phone.
    pub(crate) is_trunk: bool,
}

impl Node {
    /// `Cisco-CUCM14.0`.
    fn product(&self) -> &'static str {
        self.release.product()
    }

    /// The address as it stands in a URI.
    pub(crate) fn host(&self) -> String {
        host(self.local.ip())
    }

    fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};branch={branch}", self.transport.via_name(), self.local)
    }

    /// `<sip:user@host:port;transport=tls>`; UDP is not named.
    fn contact(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        let transport = match self.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
            Transport::Tls => ";transport=tls",
        };
        format!("<sip:{user}{at}{}{transport}>", self.local)
    }
}

/// What every request in a dialog repeats.
#[derive(Clone, Debug)]
pub(crate) struct Thread {
    /// Request-URI.
    pub(crate) uri: String,
    pub(crate) branch: String,
    /// From, with its tag.
    pub(crate) from: String,
    /// To, with its tag if there is one.
    pub(crate) to: String,
    /// Date: an ACK repeats its INVITE's.
    pub(crate) date: String,
    pub(crate) call_id: String,
    pub(crate) cseq: u32,
    /// Route entries, where the peer is behind a proxy.
    pub(crate) routes: Vec<String>,
}

impl Thread {
    /// Start line, Via, Route, From, To, Date and Call-ID.
    fn begin(&self, node: &Node, method: &str) -> Builder {
        self.addressed(node, method).header("Date", &self.date).header("Call-ID", &self.call_id)
    }

    /// The same without Date, which stands further down in a NOTIFY.
    fn begin_undated(&self, node: &Node, method: &str) -> Builder {
        self.addressed(node, method).header("Call-ID", &self.call_id)
    }

    fn addressed(&self, node: &Node, method: &str) -> Builder {
        let builder = Builder::request(method, &self.uri).header("Via", node.via(&self.branch));
        let builder = self.routes.iter().fold(builder, |builder, route| builder.header("Route", route));
        builder.header("From", &self.from).header("To", &self.to)
    }
}

/// Start line, Via, From, To, Date, Call-ID and CSeq of an answer, as CUCM orders them.
fn reply(request: &Message, status: u16, reason: &str, tag: Option<&str>, date: &str) -> Builder {
    opened(request, status, reason, tag, date).copy(request, "CSeq")
}

/// The same of an answer to anything but INVITE: Server stands before CSeq (Cisco documents 200903 and 214535).
fn reply_of(node: &Node, request: &Message, (status, reason): (u16, &str), tag: Option<&str>, date: &str) -> Builder {
    opened(request, status, reason, tag, date).header("Server", node.product()).copy(request, "CSeq")
}

fn opened(request: &Message, status: u16, reason: &str, tag: Option<&str>, date: &str) -> Builder {
    let to = request.header("To").unwrap_or_default().into_owned();
    let has_tag = request.to().is_ok_and(|to| to.tag().is_some());
    let to = match tag {
        Some(tag) if !has_tag => format!("{to};tag={tag}"),
        _ => to,
    };
    Builder::response(status, reason)
        .copy(request, "Via")
        .copy(request, "From")
        .header("To", to)
        .header("Date", date)
        .copy(request, "Call-ID")
}

/// A body, or the end of a message without one.
fn with_sdp(builder: Builder, sdp: Option<&str>) -> Message {
    match sdp {
        Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
        None => builder.header("Content-Length", 0).finish(),
    }
}

/// `Tue, 27 Aug 2019 15:27:43 GMT`.
pub(crate) fn date(wall: SystemTime) -> String {
    let stamp = jiff::Timestamp::try_from(wall).unwrap_or_default();
    stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// An address in a URI: IPv6 in brackets.
pub(crate) fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// `"Name" <sip:user@host>`, without the name where there is none.
pub(crate) fn name_addr(name: &str, user: &str, host: &str) -> String {
    // A conference elsewhere may have no number (RFC 3261 §25.1: userinfo has one character at least).
    let at = if user.is_empty() { "" } else { "@" };
    if name.is_empty() { format!("<sip:{user}{at}{host}>") } else { format!("\"{name}\" <sip:{user}{at}{host}>") }
}

/// The two halves of a Session-ID.
pub(crate) fn session_id(local: &str, remote: &str) -> String {
    format!("{local};remote={remote}")
}

/// Session-ID of an end that is not known.
pub(crate) const NIL: &str = sip::SessionId::NIL;

const ALLOW_TRUNK: &str = "INVITE, OPTIONS, INFO, BYE, CANCEL, ACK, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY";
const ALLOW_BRIDGE: &str = "INVITE, OPTIONS, INFO, BYE, CANCEL, ACK, PRACK, UPDATE, SUBSCRIBE, NOTIFY";
const SUPPORTED: &str = "timer,resource-priority,replaces";

/// Session-ID, in the messages of releases that have it.
trait Sessions {
    fn session(self, node: &Node, value: impl Display) -> Self;
}

impl Sessions for Builder {
    fn session(self, node: &Node, value: impl Display) -> Self {
        if node.release.has_session_id() { self.header("Session-ID", value) } else { self }
    }
}

/// An ACK, with the answer and its Session-ID where there is one; what it allows differs by peer.
fn ack(node: &Node, thread: &Thread, allow_events: &str, answer: Option<(&str, &str)>) -> Message {
    let builder = thread
        .begin(node, "ACK")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} ACK", thread.cseq))
        .header("Allow-Events", allow_events);
    match answer {
        Some((session, sdp)) => with_sdp(builder.session(node, session), Some(sdp)),
        None => with_sdp(builder, None),
    }
}

/// Whether a peer lists `X-cisco-srtp-fallback`.
pub(crate) fn falls_back(message: &Message) -> bool {
    message.supported().iter().any(|option| option.eq_ignore_ascii_case("X-cisco-srtp-fallback"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_two_digits_for_the_day() {
        let wall: SystemTime = "2023-09-03T20:11:53Z".parse::<jiff::Timestamp>().unwrap().into();
        assert_eq!(date(wall), "Sun, 03 Sep 2023 20:11:53 GMT");
    }

    #[test]
    fn udp_is_not_named_in_a_contact_and_ipv6_stands_in_brackets() {
        let node = |transport, local: &str| Node {
            release: Release::V14,
            local: local.parse().unwrap(),
            transport,
            is_trunk: false,
        };
        assert_eq!(node(Transport::Udp, "10.1.2.3:5060").contact("7"), "<sip:7@10.1.2.3:5060>");
        assert_eq!(node(Transport::Tls, "[fd00::1]:5061").contact(""), "<sip:[fd00::1]:5061;transport=tls>");
    }

    #[test]
    fn whoever_has_no_number_has_an_address_all_the_same() {
        assert_eq!(name_addr("Agent", "2000", "10.0.0.1"), "\"Agent\" <sip:2000@10.0.0.1>");
        assert_eq!(name_addr("", "", "10.0.0.1"), "<sip:10.0.0.1>");
    }
}
