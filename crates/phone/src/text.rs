//! The SIP messages of a Cisco phone: header names, spelling and order as its captures have them.
//!
//! | Message | Source |
//! |---|---|
//! | INVITE, ACK, 200 to INVITE | Cisco document 200788: CP-7861 and CP-7841 on 12.1.1 |
//! | REGISTER | Cisco document 214535: a CP-7821's own log |
//! | its refresh | a public capture of a CP-8851 on 12.1.1 |
//! | 100, 180, 200 to BYE, refusals | no capture: Cisco's published phone stack, `ccsip_messaging.c` |
//! | BYE, the end of a registration | inferred from the others |
//! | REFER, Call-Info of a hold | see `refer` |
//!
//! A phone adds `RTP-RxStat` and `RTP-TxStat` to BYE and its 200 only where *Call Stats* is ticked in its SIP profile, which is not
//! the default.

mod dialog_info;
mod refer;

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use sip::{Builder, Dialog, Message, Transport};

pub(crate) use dialog_info::{RemoteCall, remote_calls};
pub(crate) use refer::{DialogId, Press, RESUME_INFO, hold_info, refer, softkey, transfer_target};

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
    /// The firmware named in the registration's alarm, with its `.loads`.
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
        let quoted =
            if self.display.is_empty() { String::new() } else { format!("\"{}\" ", self.display.replace('"', "\\\"")) };
        format!("{quoted}<sip:{}@{}>", self.number, host(self.registrar))
    }

    fn contact_uri(&self) -> String {
        let transport = self.transport.via_name().to_ascii_lowercase();
        format!("<sip:{}@{};transport={transport}>", self.contact_user, self.local)
    }

    fn contact(&self) -> String {
        format!("{};+u.sip!devicename.ccm.cisco.com=\"{}\"", self.contact_uri(), self.device)
    }

    fn registered_contact(&self) -> String {
        format!(
            "{};+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-{}>\";+u.sip!devicename.ccm.cisco.com=\"{}\";\
             +u.sip!model.ccm.cisco.com=\"{}\"",
            self.contact_uri(),
            self.mac().to_ascii_lowercase(),
            self.device,
            self.model_number
        )
    }

    /// The alarm a phone reports when its registration begins and ends: number and name of what happened last.
    fn alarm(&self, number: u32, last: &str) -> String {
        let Self { device, load, .. } = self;
        format!(
            "SIP;cause=200;text=\"cisco-alarm:{number} Name={device} ActiveLoad={load} InactiveLoad={load} Last={last}\""
        )
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

impl Stamp {
    fn session(&self) -> String {
        format!("{};remote={}", self.session.0, self.session.1)
    }
}

/// A call of another phone of the line that an INVITE is about, as its header names it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Elsewhere<'a> {
    /// The phone takes its place.
    Replaces(&'a str),
    /// The phone comes into it, by a conference bridge.
    CBarge(&'a str),
    /// The phone comes into it, by the built-in bridge of the phone that talks.
    Barge(&'a str),
}

impl Elsewhere<'_> {
    /// Call-Info and the header. Where these two stand is inferred, and so is what Call-Info says of a barge; the phone lists `replaces`
    /// and `join` in Supported.
    fn write(self, built: Builder) -> Builder {
        match self {
            Self::Replaces(named) => built.header("Call-Info", RESUME_INFO).header("Replaces", named),
            Self::CBarge(named) => built.header("Call-Info", CBARGE_INFO).header("Join", named),
            Self::Barge(named) => built.header("Call-Info", BARGE_INFO).header("Join", named),
        }
    }
}

/// What Call-Info of a barge by a conference bridge says.
const CBARGE_INFO: &str = "<urn:x-cisco-remotecc:cbarge>";
/// What Call-Info of a barge by a built-in bridge says.
const BARGE_INFO: &str = "<urn:x-cisco-remotecc:barge>";

/// INVITE that opens a call, or that is about a call elsewhere.
pub(crate) fn invite(
    profile: &Profile,
    called: &str,
    (tag, call_id): (&str, &str),
    stamp: &Stamp,
    elsewhere: Option<Elsewhere<'_>>,
    sdp: &str,
) -> Message {
    let registrar = host(profile.registrar);
    let built = Builder::request("INVITE", &format!("sip:{called}@{registrar};user=phone"))
        .header("Via", profile.via(&stamp.branch))
        .header("From", format_args!("{};tag={tag}", profile.own_address()))
        .header("To", format_args!("<sip:{called}@{registrar}>"))
        .header("Call-ID", call_id);
    let built = invite_tail(built, profile, stamp);
    let built = match elsewhere {
        Some(elsewhere) => elsewhere.write(built),
        None => built,
    };
    described(built, sdp)
}

/// INVITE inside a call: hold, resume. Call-Info says which.
pub(crate) fn reinvite(profile: &Profile, dialog: &Dialog, stamp: &Stamp, info: &str, sdp: &str) -> Message {
    let built = in_dialog("INVITE", profile, dialog, stamp);
    described(invite_tail(built, profile, stamp).header("Call-Info", info), sdp)
}

/// ACK for a 2xx.
pub(crate) fn ack(profile: &Profile, dialog: &Dialog, stamp: &Stamp) -> Message {
    in_dialog("ACK", profile, dialog, stamp)
        .header("Max-Forwards", 70)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} ACK", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .header("Remote-Party-ID", profile.remote_party_id("calling"))
        .header("Content-Length", 0)
        .header("Recv-Info", "conference")
        .header("Recv-Info", "x-cisco-conference")
        .finish()
}

/// BYE.
pub(crate) fn bye(profile: &Profile, dialog: &Dialog, stamp: &Stamp) -> Message {
    in_dialog("BYE", profile, dialog, stamp)
        .header("Max-Forwards", 70)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} BYE", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .finish()
}

/// What a response adds to the request it answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply<'a> {
    pub(crate) code: u16,
    pub(crate) reason: &'a str,
    /// The tag to put on To where the request had none.
    pub(crate) tag: Option<&'a str>,
    /// Our Session-ID half and the peer's.
    pub(crate) session: Option<(&'a str, &'a str)>,
    pub(crate) wall: SystemTime,
}

/// 100 to an INVITE.
pub(crate) fn trying(profile: &Profile, invite: &Message, session: (&str, &str), wall: SystemTime) -> Message {
    let reply = Reply { code: 100, reason: "Trying", tag: None, session: Some(session), wall };
    response(invite, &reply)
        .header("Server", &profile.user_agent)
        .header("Contact", profile.contact())
        .header("Allow", ALLOW)
        .header("Supported", SUPPORTED)
        .header("Allow-Events", "kpml,dialog")
        .header("Content-Length", 0)
        .header("Recv-Info", "conference")
        .header("Recv-Info", "x-cisco-conference")
        .finish()
}

/// 180 to an INVITE, or 200 to an INVITE or UPDATE.
pub(crate) fn full_response(profile: &Profile, request: &Message, reply: &Reply<'_>, sdp: Option<&str>) -> Message {
    let built = response(request, reply)
        .header("Server", &profile.user_agent)
        .header("Contact", profile.contact())
        .header("Allow", ALLOW)
        .header("Remote-Party-ID", profile.remote_party_id("called"))
        .header("Supported", SUPPORTED)
        .header("Allow-Events", "kpml,dialog");
    match sdp {
        Some(sdp) => described(built.header("Recv-Info", "conference").header("Recv-Info", "x-cisco-conference"), sdp),
        None => built.header("Content-Length", 0).finish(),
    }
}

/// A response that only answers: 200 to BYE and the like, and every refusal.
pub(crate) fn short_response(profile: &Profile, request: &Message, reply: &Reply<'_>) -> Message {
    let built = response(request, reply);
    let built = if reply.code < 300 { built.header("Server", &profile.user_agent) } else { built };
    built.header("Content-Length", 0).finish()
}

/// What a REGISTER is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Registering {
    /// To be registered.
    First,
    /// To stay so: same Call-ID and tag, next CSeq.
    Refresh,
    /// To be so no longer.
    End,
}

/// REGISTER.
pub(crate) fn register(profile: &Profile, tag: &str, call_id: &str, stamp: &Stamp, what: Registering) -> Message {
    let registrar = host(profile.registrar);
    let address = format!("<sip:{}@{registrar}>", profile.number);
    let built = Builder::request("REGISTER", &format!("sip:{registrar}"))
        .header("Via", profile.via(&stamp.branch))
        .header("From", format_args!("{address};tag={tag}"))
        .header("To", &address)
        .header("Call-ID", call_id)
        .header("Max-Forwards", 70)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} REGISTER", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .header("Contact", profile.registered_contact())
        .header("Supported", SUPPORTED);
    match what {
        Registering::First => {
            let body = registration_body();
            built
                .header("Reason", profile.alarm(25, "initialized"))
                .header("Expires", ASKED_EXPIRES)
                .header("Content-Type", "multipart/mixed; boundary=uniqueBoundary")
                .header("Mime-Version", "1.0")
                .header("Content-Length", body.len())
                .raw_body(body.as_bytes())
                .finish()
        }
        Registering::Refresh => built.header("Content-Length", 0).header("Expires", ASKED_EXPIRES).finish(),
        Registering::End => built
            .header("Content-Length", 0)
            .header("Reason", profile.alarm(22, "reset-reset"))
            .header("Expires", 0)
            .finish(),
    }
}

fn in_dialog(method: &str, profile: &Profile, dialog: &Dialog, stamp: &Stamp) -> Builder {
    let (target, routes) = dialog.routing();
    let built = Builder::request(method, &target).header("Via", profile.via(&stamp.branch));
    routes
        .iter()
        .fold(built, |built, route| built.header("Route", route))
        .header("From", dialog.local_header())
        .header("To", dialog.remote_header())
        .header("Call-ID", &dialog.call_id)
}

/// Start line, Via, From, To, Call-ID, Session-ID, Date and CSeq.
fn response(request: &Message, reply: &Reply<'_>) -> Builder {
    let built = Builder::response(reply.code, reply.reason).copy(request, "Via").copy(request, "From");
    let built = match reply.tag {
        Some(tag) if request.to().is_ok_and(|to| to.tag().is_none()) => {
            built.header("To", format_args!("{};tag={tag}", request.header("To").unwrap_or_default()))
        }
        _ => built.copy(request, "To"),
    };
    let built = built.copy(request, "Call-ID");
    let built = match reply.session {
        Some((own, peer)) => built.header("Session-ID", format_args!("{own};remote={peer}")),
        None => built,
    };
    built.header("Date", date(reply.wall)).copy(request, "CSeq")
}

fn invite_tail(built: Builder, profile: &Profile, stamp: &Stamp) -> Builder {
    built
        .header("Max-Forwards", 70)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} INVITE", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .header("Contact", profile.contact())
        .header("Expires", 180)
        .header("Accept", "application/sdp")
        .header("Allow", ALLOW)
        .header("Remote-Party-ID", profile.remote_party_id("calling"))
        .header("Supported", SUPPORTED)
        .header("Allow-Events", "kpml,dialog")
        .header("Recv-Info", "conference")
        .header("Recv-Info", "x-cisco-conference")
}

/// Length before type: the order of the phone's captures.
fn described(built: Builder, sdp: &str) -> Message {
    built
        .header("Content-Length", sdp.len())
        .header("Content-Type", "application/sdp")
        .header("Content-Disposition", "session;handling=optional")
        .raw_body(sdp.as_bytes())
        .finish()
}

/// The two parts of a registration: all lines at once, and what the phone can do. The lines of the XML end in LF.
fn registration_body() -> String {
    let mut body = String::new();
    for (wish, end) in [(BULK, "\n\r\n"), (OPTIONS, "\r\n")] {
        body.push_str("--uniqueBoundary\r\nContent-Type: application/x-cisco-remotecc-request+xml\r\n");
        body.push_str("Content-Disposition: session;handling=optional\r\n\r\n");
        body.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<x-cisco-remotecc-request>\n");
        body.push_str(wish);
        body.push_str("</x-cisco-remotecc-request>");
        body.push_str(end);
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
pub(crate) fn date(wall: SystemTime) -> String {
    jiff::Timestamp::try_from(wall).map(|at| at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()).unwrap_or_default()
}

/// All lines of the phone are registered at once.
const BULK: &str = concat!(
    "<bulkregisterreq>\n",
    "<contact all=\"true\">\n",
    "<register></register>\n",
    "</contact>\n",
    "</bulkregisterreq>\n",
);
/// What the phone can do, indented as it writes it.
const OPTIONS: &str = concat!(
    "  <optionsind>\n",
    "    <combine max=\"6\">\n",
    "      <remotecc>\n",
    "        <status></status>\n",
    "      </remotecc>\n",
    "      <service-control></service-control>\n",
    "    </combine>\n",
    "    <dialog usage=\"hook status\">\n",
    "      <unot></unot>\n",
    "      <sub></sub>\n",
    "    </dialog>\n",
    "    <dialog usage=\"shared line\">\n",
    "      <unot></unot>\n",
    "      <sub></sub>\n",
    "    </dialog>\n",
    "    <presence usage=\"blf speed dial\">\n",
    "      <unot></unot>\n",
    "      <sub></sub>\n",
    "    </presence>\n",
    "    <joinreq></joinreq>\n",
    "    <cfwdall-anyline></cfwdall-anyline>\n",
    "    <coaching></coaching>\n",
    "    <oosalarm></oosalarm>\n",
    "    <rpid-orig-called></rpid-orig-called>\n",
    "    <x-cisco-number></x-cisco-number>\n",
    "    <bfcp></bfcp>\n",
    "    <ix></ix>\n",
    "    <gatewayrecording></gatewayrecording>\n",
    "    <conferenceDisplayInstance></conferenceDisplayInstance>\n",
    "  </optionsind>\n",
);

/// Seconds that a phone asks for.
const ASKED_EXPIRES: u32 = 3600;
