//! The SIP messages of a Cisco phone: header names, spelling and order as its captures have them (Cisco 200788, CP-7861 and CP-7841
//! on 12.1.1; REGISTER after Cisco's SIP Line Messaging Guide).
//!
//! Messages are text from top to bottom and are parsed once afterwards, so nothing reorders or respells them.

use std::fmt::{Display, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use sip::{Message, ParseError, Transport};

/// The capabilities every message of a Cisco phone lists.
const SUPPORTED: &str = "replaces,join,sdp-anat,norefersub,resource-priority,extended-refer,X-cisco-callinfo,X-cisco-serviceuri,\
X-cisco-escapecodes,X-cisco-service-control,X-cisco-srtp-fallback,X-cisco-monrec,X-cisco-config,X-cisco-sis-7.0.0,X-cisco-xsi-8.5.1";
const ALLOW: &str = "ACK,BYE,CANCEL,INVITE,NOTIFY,OPTIONS,REFER,REGISTER,UPDATE,SUBSCRIBE,INFO";

/// Who the phone is and how it reaches its CUCM: what stays the same in all its messages.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) device: String,
    /// `Cisco-CP7841/12.1.1`.
    pub(crate) user_agent: String,
    /// CUCM's number of the model, for `+u.sip!model.ccm.cisco.com`.
    pub(crate) model_number: u32,
    /// The firmware named in the registration's alarm.
    pub(crate) load: String,
    pub(crate) number: String,
    pub(crate) display: String,
    /// The CUCM the phone is registered with.
    pub(crate) registrar: IpAddr,
    /// The phone's end of the signalling connection.
    pub(crate) local: SocketAddr,
    pub(crate) transport: Transport,
    pub(crate) contact_user: String,
}

impl Profile {
    /// The 12 hex digits of the device name.
    pub(crate) fn mac(&self) -> &str {
        self.device.strip_prefix("SEP").unwrap_or(&self.device)
    }

    /// `"SJ User 1" <sip:1000@10.48.38.5>`.
    pub(crate) fn own_address(&self) -> String {
        let quoted = if self.display.is_empty() { String::new() } else { format!("\"{}\" ", self.display.replace('"', "\\\"")) };
        format!("{quoted}<sip:{}@{}>", self.number, host(self.registrar))
    }

    fn contact_uri(&self) -> String {
        let transport = self.transport.via_name().to_ascii_lowercase();
        format!("<sip:{}@{};transport={transport}>", self.contact_user, self.local)
    }

    fn contact(&self) -> String {
        format!("{};+u.sip!devicename.ccm.cisco.com=\"{}\"", self.contact_uri(), self.device)
    }

    fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};branch={branch}", self.transport.via_name(), self.local)
    }

    fn remote_party_id(&self, party: &str) -> String {
        format!("{};party={party};id-type=subscriber;privacy=off;screen=yes", self.own_address())
    }
}

/// The identifiers of one request.
#[derive(Debug, Clone)]
pub(crate) struct Stamp {
    pub(crate) branch: String,
    pub(crate) cseq: u32,
    /// Our Session-ID half and the peer's.
    pub(crate) session: (String, String),
    pub(crate) wall: SystemTime,
}

/// The dialog headers of an in-dialog request.
#[derive(Debug, Clone)]
pub(crate) struct InDialog {
    pub(crate) target: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) call_id: String,
    pub(crate) routes: Vec<String>,
}

/// INVITE that opens a call.
pub(crate) fn invite(profile: &Profile, called: &str, tag: &str, call_id: &str, stamp: &Stamp, sdp: &str) -> Result<Message, ParseError> {
    let registrar = host(profile.registrar);
    let mut text = Text::new(format_args!("INVITE sip:{called}@{registrar};user=phone SIP/2.0"));
    text.header("Via", profile.via(&stamp.branch));
    text.header("From", format_args!("{};tag={tag}", profile.own_address()));
    text.header("To", format_args!("<sip:{called}@{registrar}>"));
    text.header("Call-ID", call_id);
    text.invite_tail(profile, stamp);
    text.description(sdp)
}

/// INVITE inside a call: hold, resume.
pub(crate) fn reinvite(profile: &Profile, dialog: &InDialog, stamp: &Stamp, sdp: &str) -> Result<Message, ParseError> {
    let mut text = Text::in_dialog("INVITE", profile, dialog, stamp);
    text.invite_tail(profile, stamp);
    text.description(sdp)
}

/// ACK for a 2xx, with the answer of a delayed offer where there is one.
pub(crate) fn ack(profile: &Profile, dialog: &InDialog, stamp: &Stamp, sdp: Option<&str>) -> Result<Message, ParseError> {
    let mut text = Text::in_dialog("ACK", profile, dialog, stamp);
    text.header("Max-Forwards", 70);
    text.session(stamp);
    text.date(stamp.wall);
    text.header("CSeq", format_args!("{} ACK", stamp.cseq));
    text.header("User-Agent", &profile.user_agent);
    text.header("Remote-Party-ID", profile.remote_party_id("calling"));
    match sdp {
        Some(sdp) => text.description(sdp),
        None => text.empty(),
    }
}

/// BYE.
pub(crate) fn bye(profile: &Profile, dialog: &InDialog, stamp: &Stamp) -> Result<Message, ParseError> {
    let mut text = Text::in_dialog("BYE", profile, dialog, stamp);
    text.header("Max-Forwards", 70);
    text.session(stamp);
    text.date(stamp.wall);
    text.header("CSeq", format_args!("{} BYE", stamp.cseq));
    text.header("User-Agent", &profile.user_agent);
    text.empty()
}

/// CANCEL of an INVITE of ours (RFC 3261 §9.1): same Via, From, To, Call-ID and CSeq number.
pub(crate) fn cancel(profile: &Profile, invite: &Message, wall: SystemTime) -> Result<Message, ParseError> {
    let mut text = Text::new(format_args!("CANCEL {} SIP/2.0", invite.request_uri().unwrap_or_default()));
    for name in ["Via", "From", "To", "Call-ID"] {
        text.copy(invite, name);
    }
    text.header("Max-Forwards", 70);
    text.copy(invite, "Session-ID");
    text.date(wall);
    let number = invite.header("CSeq").and_then(|value| value.split_whitespace().next().map(str::to_owned)).unwrap_or_default();
    text.header("CSeq", format_args!("{number} CANCEL"));
    text.header("User-Agent", &profile.user_agent);
    text.empty()
}

/// What a response adds to the request it answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply<'a> {
    pub(crate) code: u16,
    pub(crate) reason: &'a str,
    /// The tag to put on To where the request had none.
    pub(crate) tag: Option<&'a str>,
    pub(crate) session: Option<(&'a str, &'a str)>,
    pub(crate) wall: SystemTime,
    pub(crate) sdp: Option<&'a str>,
}

/// A response to an INVITE or UPDATE, with everything the captures show in a 180 and a 200.
pub(crate) fn full_response(profile: &Profile, request: &Message, reply: &Reply<'_>) -> Result<Message, ParseError> {
    let mut text = Text::response(profile, request, reply);
    text.header("Contact", profile.contact());
    text.header("Allow", ALLOW);
    text.header("Remote-Party-ID", profile.remote_party_id("called"));
    text.header("Supported", SUPPORTED);
    text.header("Allow-Events", "kpml,dialog");
    text.header("Recv-Info", "conference");
    text.header("Recv-Info", "x-cisco-conference");
    match reply.sdp {
        Some(sdp) => text.description(sdp),
        None => text.empty(),
    }
}

/// A response that only answers: 100, 481, 200 to BYE and the like.
pub(crate) fn short_response(profile: &Profile, request: &Message, reply: &Reply<'_>) -> Result<Message, ParseError> {
    let mut text = Text::response(profile, request, reply);
    text.header("Contact", profile.contact());
    text.empty()
}

/// REGISTER: the registration itself, its refresh (same Call-ID and tag, next CSeq), or with `expires` 0 its end.
pub(crate) fn register(profile: &Profile, tag: &str, call_id: &str, stamp: &Stamp, expires: u32) -> Result<Message, ParseError> {
    let registrar = host(profile.registrar);
    let address = format!("<sip:{}@{registrar}>", profile.number);
    let mut text = Text::new(format_args!("REGISTER sip:{registrar} SIP/2.0"));
    text.header("Via", profile.via(&stamp.branch));
    text.header("From", format_args!("{address};tag={tag}"));
    text.header("To", &address);
    text.header("Call-ID", call_id);
    text.header("Max-Forwards", 70);
    text.session(stamp);
    text.date(stamp.wall);
    text.header("CSeq", format_args!("{} REGISTER", stamp.cseq));
    text.header("User-Agent", &profile.user_agent);
    text.header(
        "Contact",
        format_args!(
            "{};+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-{}>\";+u.sip!devicename.ccm.cisco.com=\"{}\";+u.sip!model.ccm.cisco.com=\"{}\"",
            profile.contact_uri(),
            profile.mac().to_ascii_lowercase(),
            profile.device,
            profile.model_number
        ),
    );
    text.header("Supported", SUPPORTED);
    text.header(
        "Reason",
        format_args!(
            "SIP;cause=200;text=\"cisco-alarm:25 Name={} ActiveLoad={} InactiveLoad={} Last=initialized\"",
            profile.device, profile.load, profile.load
        ),
    );
    text.header("Expires", expires);
    let body = registration_body();
    text.header("Content-Length", body.len());
    text.header("Content-Type", "multipart/mixed;boundary=uniqueBoundary");
    text.finish(&body)
}

/// The two parts of a registration: all lines at once, and what the phone can do.
fn registration_body() -> String {
    let parts = [
        "<bulkregisterreq>\n<contact all=\"true\">\n<register></register>\n</contact>\n</bulkregisterreq>\n",
        "<optionsind>\n<combine max=\"6\">\n<remotecc><status></status></remotecc>\n<service-control></service-control>\n</combine>\n\
         <dialog usage=\"hook status\">\n<unot></unot>\n<sub></sub>\n</dialog>\n\
         <dialog usage=\"shared line\">\n<unot></unot>\n<sub></sub>\n</dialog>\n\
         <presence usage=\"blf speed dial\">\n<unot></unot>\n<sub></sub>\n</presence>\n\
         <joinreq></joinreq>\n<cfwdall-anyline></cfwdall-anyline>\n<coaching></coaching>\n<oosalarm></oosalarm>\n\
         <bfcp></bfcp>\n<ix></ix>\n<gatewayrecording></gatewayrecording>\n<conferenceDisplayInstance></conferenceDisplayInstance>\n\
         </optionsind>\n",
    ];
    let mut body = String::new();
    for part in parts {
        body.push_str("--uniqueBoundary\r\nContent-Type: application/x-cisco-remotecc-request+xml\r\n");
        body.push_str("Content-Disposition: session;handling=optional\r\n\r\n");
        body.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<x-cisco-remotecc-request>\n");
        body.push_str(part);
        body.push_str("</x-cisco-remotecc-request>\r\n");
    }
    body.push_str("--uniqueBoundary--\r\n");
    body
}

/// The address as the host part of a URI (RFC 3986 §3.2.2: IPv6 in brackets).
fn host(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

/// `Tue, 27 Aug 2019 15:27:42 GMT`.
fn date(wall: SystemTime) -> String {
    jiff::Timestamp::try_from(wall).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
}

/// A message under construction.
struct Text(String);

impl Text {
    fn new(start: impl Display) -> Self {
        Self(format!("{start}\r\n"))
    }

    fn in_dialog(method: &str, profile: &Profile, dialog: &InDialog, stamp: &Stamp) -> Self {
        let mut text = Self::new(format_args!("{method} {} SIP/2.0", dialog.target));
        text.header("Via", profile.via(&stamp.branch));
        for route in &dialog.routes {
            text.header("Route", route);
        }
        text.header("From", &dialog.from);
        text.header("To", &dialog.to);
        text.header("Call-ID", &dialog.call_id);
        text
    }

    fn response(profile: &Profile, request: &Message, reply: &Reply<'_>) -> Self {
        let mut text = Self::new(format_args!("SIP/2.0 {} {}", reply.code, reply.reason));
        text.copy(request, "Via");
        text.copy(request, "From");
        let to = request.header("To").unwrap_or_default();
        match reply.tag {
            Some(tag) if !has_tag(&to) => text.header("To", format_args!("{to};tag={tag}")),
            _ => text.header("To", &to),
        }
        text.copy(request, "Call-ID");
        if let Some((own, peer)) = reply.session {
            text.header("Session-ID", format_args!("{own};remote={peer}"));
        }
        text.date(reply.wall);
        text.copy(request, "CSeq");
        text.header("Server", &profile.user_agent);
        text
    }

    fn invite_tail(&mut self, profile: &Profile, stamp: &Stamp) {
        self.header("Max-Forwards", 70);
        self.session(stamp);
        self.date(stamp.wall);
        self.header("CSeq", format_args!("{} INVITE", stamp.cseq));
        self.header("User-Agent", &profile.user_agent);
        self.header("Contact", profile.contact());
        self.header("Expires", 180);
        self.header("Accept", "application/sdp");
        self.header("Allow", ALLOW);
        self.header("Remote-Party-ID", profile.remote_party_id("calling"));
        self.header("Supported", SUPPORTED);
        self.header("Allow-Events", "kpml,dialog");
        self.header("Recv-Info", "conference");
        self.header("Recv-Info", "x-cisco-conference");
    }

    fn header(&mut self, name: &str, value: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{name}: {value}\r\n");
    }

    fn copy(&mut self, from: &Message, name: &str) {
        for value in from.header_all(name) {
            self.header(name, value);
        }
    }

    fn session(&mut self, stamp: &Stamp) {
        self.header("Session-ID", format_args!("{};remote={}", stamp.session.0, stamp.session.1));
    }

    fn date(&mut self, wall: SystemTime) {
        self.header("Date", date(wall));
    }

    fn description(mut self, sdp: &str) -> Result<Message, ParseError> {
        self.header("Content-Length", sdp.len());
        self.header("Content-Type", "application/sdp");
        self.header("Content-Disposition", "session;handling=optional");
        self.finish(sdp)
    }

    fn empty(mut self) -> Result<Message, ParseError> {
        self.header("Content-Length", 0);
        self.finish("")
    }

    fn finish(mut self, body: &str) -> Result<Message, ParseError> {
        self.0.push_str("\r\n");
        self.0.push_str(body);
        Message::parse(self.0.as_bytes())
    }
}

/// Does an address header carry a tag already? The tag stands after the `>`.
fn has_tag(address: &str) -> bool {
    let after = address.rsplit_once('>').map_or(address, |(_, after)| after);
    after.split(';').any(|parameter| parameter.trim_start().to_ascii_lowercase().starts_with("tag="))
}
