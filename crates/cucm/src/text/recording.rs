//! The dialogs with the recorder.

use sip::{Builder, Message};

use super::{ALLOW_TRUNK, Node, SUPPORTED, Thread, name_addr, with_sdp};
use crate::config::TrunkSecurityStatus;
use crate::event::{Party, SecurityLevel};

/// Whose voice a recording dialog carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The recorded party's own.
    Near,
    /// The other party's.
    Far,
}

impl End {
    /// Near first, as CUCM sends them.
    pub(crate) const BOTH: [Self; 2] = [Self::Near, Self::Far];

    /// The flag in the From URI.
    fn flag(self) -> &'static str {
        match self {
            Self::Near => "x-nearend",
            Self::Far => "x-farend",
        }
    }

    /// The label of the stream on the phone's bridge dialog.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Near => "X-relay-nearend",
            Self::Far => "X-relay-farend",
        }
    }
}

/// What ties the two dialogs of a recording together.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) refci: u32,
    pub(crate) farendrefci: u32,
    pub(crate) cluster_id: String,
    pub(crate) near: Party,
    pub(crate) far: Party,
}

/// From without its tag: all metadata stands inside the URI.
pub(crate) fn from_value(metadata: &Metadata, end: End, host: &str) -> String {
    let Metadata { refci, farendrefci, cluster_id, near, far } = metadata;
    let parameters = format!(
        "{};x-refci={refci};x-nearendclusterid={cluster_id};x-nearenddevice={};x-nearendaddr={};x-farendrefci={farendrefci};\
         x-farendclusterid={cluster_id};x-farenddevice={};x-farendaddr={}",
        end.flag(),
        near.device,
        near.number,
        far.device,
        far.number,
    );
    name_addr(&near.name, &near.number, &format!("{host};{parameters}"))
}

/// The security status of the call, for a trunk with *Transmit Security Status*.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Transmitted {
    pub(crate) level: SecurityLevel,
    pub(crate) form: TrunkSecurityStatus,
    /// Number of the call.
    pub(crate) call: u32,
}

/// What the INVITE needs besides its dialog.
#[derive(Debug)]
pub(crate) struct Invite<'a> {
    pub(crate) near: &'a Party,
    /// The Session-ID that the phone gave its bridge dialog.
    pub(crate) session: &'a str,
    pub(crate) guid: &'a str,
    pub(crate) rel1xx: bool,
    /// What is told of the call's security, where the trunk does that.
    pub(crate) security: Option<Transmitted>,
    /// Early offer.
    pub(crate) sdp: Option<&'a str>,
}

/// The INVITE to the recorder (trace of Cisco document 200788).
pub(crate) fn invite(node: &Node, thread: &Thread, facts: &Invite<'_>) -> Message {
    let near = facts.near;
    let rel1xx = if facts.rel1xx { "100rel," } else { "" };
    let builder = thread
        .begin(node, "INVITE")
        .header("Supported", format_args!("{rel1xx}{SUPPORTED}"))
        .header("Min-SE", " 1800")
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Expires", 180)
        .header("Allow-Events", "presence, kpml")
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation");
    let identity = name_addr(&near.name, &near.number, &node.host());
    let builder = call_info(builder, node, facts.security)
        .header("Session-ID", super::session_id(facts.session, super::NIL))
        .header("Cisco-Guid", facts.guid)
        .header("Session-Expires", " 1800")
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header(
            "Contact",
            format_args!("{};isFocus;+u.sip!devicename.ccm.cisco.com=\"{}\"", node.contact(&near.number), near.device),
        )
        .header("Max-Forwards", 70);
    with_sdp(builder, facts.sdp)
}

/// The line of unsolicited key presses and the one with the traffic class, and the security status where the trunk transmits it.
fn call_info(builder: Builder, node: &Node, security: Option<Transmitted>) -> Builder {
    const URN: &str = "<urn:x-cisco-remotecc:callinfo>";
    let keys = format!("<sip:{}>;method=\"NOTIFY;Event=telephone-event;Duration=500\"", node.local);
    let class = format!("{URN};x-cisco-video-traffic-class=DESKTOP");
    let status = |told: Transmitted| format!("; security= {}; gci= 1-{}", told.level.word(), told.call);
    match security.map(|told| (told.form, status(told))) {
        Some((TrunkSecurityStatus::OwnLine, status)) => builder
            .header("Call-Info", format_args!("{URN}{status}"))
            .header("Call-Info", keys)
            .header("Call-Info", class),
        Some((TrunkSecurityStatus::Appended, status)) => {
            builder.header("Call-Info", keys).header("Call-Info", format_args!("{class}{status}"))
        }
        Some((TrunkSecurityStatus::Never, _)) | None => builder.header("Call-Info", keys).header("Call-Info", class),
    }
}

/// The ACK to the recorder; Session-ID is written only together with an SDP, as in the traces of Cisco document 200788.
pub(crate) fn ack(node: &Node, thread: &Thread, answer: Option<(&str, &str)>) -> Message {
    let builder = thread
        .begin(node, "ACK")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} ACK", thread.cseq))
        .header("Allow-Events", "presence, kpml");
    match answer {
        Some((session, sdp)) => with_sdp(builder.header("Session-ID", session), Some(sdp)),
        None => with_sdp(builder, None),
    }
}

/// The BYE to the recorder: that of Cisco document 200788, which is of release 10.5, with the Session-ID that 12.5 puts behind
/// Reason (Cisco's Call Reporting and Billing Administration Guide). `cause` is of Q.850.
pub(crate) fn bye(node: &Node, thread: &Thread, near: &Party, cause: u16, session: &str) -> Message {
    let builder = thread
        .begin(node, "BYE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("P-Asserted-Identity", name_addr(&near.name, &near.number, &node.host()))
        .header("CSeq", format_args!("{} BYE", thread.cseq))
        .header("Reason", format_args!("Q.850;cause={cause}"))
        .header("Session-ID", session);
    with_sdp(builder, None)
}

/// The UPDATE that refreshes a recorder's session: headers and their order as in a trace of release 10.5, where it tells of another
/// party and carries a location besides.
pub(crate) fn update(node: &Node, thread: &Thread, near: &Party, session: &str) -> Message {
    let identity = name_addr(&near.name, &near.number, &node.host());
    let builder = thread
        .begin(node, "UPDATE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("Supported", SUPPORTED)
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} UPDATE", thread.cseq))
        .header("Session-ID", session)
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation")
        .header("Session-Expires", " 1800;refresher=uac")
        .header("Min-SE", " 1800")
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", format_args!("{};isFocus", node.contact(&near.number)));
    with_sdp(builder, None)
}

/// The answer to a recorder's request within its dialog that asks for nothing new: a refresh of the session.
pub(crate) fn refreshed(node: &Node, request: &Message, date: &str, near: &Party, sdp: Option<&str>) -> Message {
    let identity = name_addr(&near.name, &near.number, &node.host());
    let mut builder = super::reply(request, 200, "OK", None, date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence, kpml")
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation");
    if request.session_expires().ok().flatten().is_some() {
        builder = builder.copy(request, "Session-Expires").header("Require", " timer");
    }
    let builder = builder
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party=calling;screen=yes;privacy=off"))
        .header("Contact", format_args!("{};isFocus", node.contact(&near.number)));
    with_sdp(builder, sdp)
}
