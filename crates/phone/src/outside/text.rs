//! The messages of a site: those of a CUCM on a trunk, or those of a voice gateway.
//!
//! | Message | Source |
//! |---|---|
//! | INVITE, Cisco-Guid, SDP of a gateway | Cisco document 211385 |
//! | INVITE of a cluster | the same document: an INVITE of CUCM 10.5 on a trunk; with an offer, as early offer is usual between clusters |
//! | UPDATE; 200 | Cisco document on geolocation and logical partitioning between clusters, CUCM 10.5 |
//! | `isfocus` in Contact | RFC 4579 §3; CUCM spells it `isFocus` (Cisco document 200788) |

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use ::media::sdp::Direction;
use sip::{Builder, CiscoGuid, Message, Transport};

use super::Kind;
use crate::codec::{Codec, TELEPHONE_EVENT};
use crate::description::OwnKey;

/// How the site shows itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Face {
    pub(super) kind: Kind,
    /// The address and port that CUCM's trunk leads to.
    pub(super) local: SocketAddr,
    pub(super) transport: Transport,
}

impl Face {
    fn product(&self) -> &'static str {
        match self.kind {
            Kind::Cluster => "Cisco-CUCM14.0",
            Kind::Gateway => "Cisco-SIPGateway/IOS-17.6.1a",
        }
    }

    fn contact(&self, user: &str) -> String {
        let at = if user.is_empty() { "" } else { "@" };
        let transport = self.transport.via_name().to_ascii_lowercase();
        format!("<sip:{user}{at}{};transport={transport}>", self.local)
    }

    fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};branch={branch}", self.transport.via_name(), self.local)
    }
}

/// Who CUCM is to believe at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Empty where none is delivered.
    pub(super) number: String,
    pub(super) display: String,
    /// A conference.
    pub(super) is_focus: bool,
}

impl Identity {
    /// `"Name" <sip:number@site>`.
    pub(super) fn address(&self, face: &Face) -> String {
        let (host, at) = (host(face.local.ip()), if self.number.is_empty() { "" } else { "@" });
        let uri = format!("<sip:{}{at}{host}>", self.number);
        if self.display.is_empty() { uri } else { format!("\"{}\" {uri}", self.display) }
    }

    fn contact(&self, face: &Face) -> String {
        let focus = if self.is_focus { ";isFocus" } else { "" };
        format!("{}{focus}", face.contact(&self.number))
    }
}

/// What every request in a dialog repeats.
#[derive(Debug)]
pub(super) struct Thread {
    pub(super) uri: String,
    pub(super) branch: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) call_id: String,
    pub(super) cseq: u32,
    pub(super) routes: Vec<String>,
    pub(super) wall: SystemTime,
}

impl Thread {
    fn begin(&self, face: &Face, method: &str) -> Builder {
        let builder = Builder::request(method, &self.uri).header("Via", face.via(&self.branch));
        let builder = self.routes.iter().fold(builder, |builder, route| builder.header("Route", route));
        builder
            .header("From", &self.from)
            .header("To", &self.to)
            .header("Date", crate::text::date(self.wall))
            .header("Call-ID", &self.call_id)
            .header("CSeq", format_args!("{} {method}", self.cseq))
            .header("User-Agent", face.product())
            .header("Max-Forwards", 70)
    }
}

/// The INVITE of a party.
pub(super) fn invite(face: &Face, thread: &Thread, who: &Identity, guid: CiscoGuid, sdp: &str) -> Message {
    let builder = abilities(thread.begin(face, "INVITE"))
        .header("Expires", 180)
        .header("Allow-Events", "telephone-event")
        .header("Cisco-Guid", guid);
    identified(builder, face, who, "calling").body("application/sdp", sdp.as_bytes()).finish()
}

/// The re-INVITE that changes a call's media.
pub(super) fn reinvite(face: &Face, thread: &Thread, who: &Identity, guid: CiscoGuid, sdp: &str) -> Message {
    invite(face, thread, who, guid, sdp)
}

/// The UPDATE that names another party.
pub(super) fn update(face: &Face, thread: &Thread, who: &Identity) -> Message {
    let builder = abilities(thread.begin(face, "UPDATE"));
    identified(builder, face, who, "calling").header("Content-Length", 0).finish()
}

pub(super) fn ack(face: &Face, thread: &Thread) -> Message {
    thread.begin(face, "ACK").header("Allow-Events", "telephone-event").header("Content-Length", 0).finish()
}

pub(super) fn bye(face: &Face, thread: &Thread) -> Message {
    thread.begin(face, "BYE").header("Reason", "Q.850;cause=16").header("Content-Length", 0).finish()
}

/// An answer that says no more than it must.
pub(super) fn reply(face: &Face, request: &Message, status: (u16, &str), tag: Option<&str>) -> Message {
    Builder::reply(request, status.0, status.1, tag)
        .header("Server", face.product())
        .header("Content-Length", 0)
        .finish()
}

/// An answer that names who was called.
pub(super) fn answer(
    face: &Face,
    request: &Message,
    status: (u16, &str),
    tag: &str,
    who: &Identity,
    sdp: Option<&str>,
) -> Message {
    let builder = Builder::reply(request, status.0, status.1, Some(tag))
        .header("Allow", ALLOW)
        .header("Supported", "replaces,X-cisco-srtp-fallback")
        .header("Server", face.product());
    let builder = identified(builder, face, who, "called");
    match sdp {
        Some(sdp) => builder.body("application/sdp", sdp.as_bytes()).finish(),
        None => builder.header("Content-Length", 0).finish(),
    }
}

fn abilities(builder: Builder) -> Builder {
    builder
        .header("Supported", "timer,resource-priority,replaces")
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Allow", ALLOW)
}

fn identified(builder: Builder, face: &Face, who: &Identity, party: &str) -> Builder {
    let address = who.address(face);
    builder
        .header("P-Asserted-Identity", &address)
        .header("Remote-Party-ID", format_args!("{address};party={party};screen=yes;privacy=off"))
        .header("Contact", who.contact(face))
}

/// An address in a URI: IPv6 in brackets.
pub(super) fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

/// What one description says.
#[derive(Debug)]
pub(super) struct Description<'a> {
    pub(super) face: &'a Face,
    /// Session id and version of `o=`.
    pub(super) origin: (u32, u32),
    pub(super) port: u16,
    /// None for RTP.
    pub(super) keys: &'a [OwnKey],
    pub(super) codecs: &'a [Codec],
    pub(super) direction: Direction,
}

impl Description<'_> {
    /// The text, with CRLF line ends.
    pub(super) fn to_text(&self) -> String {
        let address = self.face.local.ip();
        let family = if address.is_ipv4() { "IP4" } else { "IP6" };
        let user = match self.face.kind {
            Kind::Cluster => "CiscoSystemsCCM-SIP",
            Kind::Gateway => "CiscoSystemsSIP-GW-UserAgent",
        };
        let profile = if self.keys.is_empty() { "RTP/AVP" } else { "RTP/SAVP" };
        let formats: String = self.codecs.iter().map(|codec| format!(" {}", codec.payload_type())).collect();
        let (id, version) = self.origin;
        let mut text = format!(
            "v=0\r\no={user} {id} {version} IN {family} {address}\r\ns=SIP Call\r\nc=IN {family} {address}\r\nt=0 0\r\n\
             m=audio {} {profile}{formats} {TELEPHONE_EVENT}\r\n",
            self.port
        );
        // Writing to a String cannot fail.
        for own in self.keys {
            let _ = write!(text, "a=crypto:{} {} inline:{}\r\n", own.tag, own.suite.name(), own.key.to_inline());
        }
        for codec in self.codecs {
            let _ = write!(text, "a=rtpmap:{} {}\r\n", codec.payload_type(), codec.encoding());
            if let Some(parameters) = codec.parameters() {
                let _ = write!(text, "a=fmtp:{} {parameters}\r\n", codec.payload_type());
            }
        }
        let direction = self.direction.name();
        let _ = write!(
            text,
            "a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000\r\na=fmtp:{TELEPHONE_EVENT} 0-15\r\na=ptime:20\r\na={direction}\r\n"
        );
        text
    }
}

const ALLOW: &str = "INVITE, OPTIONS, INFO, BYE, CANCEL, ACK, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY";
