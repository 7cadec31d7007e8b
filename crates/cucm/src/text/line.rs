//! The dialogs of a call between two phones, and what all dialogs with phones share.

use sip::{Builder, Message};

use super::{ALLOW_TRUNK, Node, SUPPORTED, Sessions as _, Thread, name_addr, session_id, with_sdp};
use crate::config::Release;
use crate::event::Party;

/// What the phone is told about the call, in Call-Info.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallInfo {
    /// The word after `security=`.
    pub(crate) security: &'static str,
    /// `from` towards the called phone, `to` towards the caller.
    pub(crate) orientation: &'static str,
    /// `ringout` while the other phone rings.
    pub(crate) ui_state: Option<&'static str>,
    /// Number of the call.
    pub(crate) call: u32,
}

impl CallInfo {
    fn value(self) -> String {
        let state = self.ui_state.map_or_else(String::new, |state| format!(" ui-state= {state};"));
        format!(
            "<urn:x-cisco-remotecc:callinfo>; security= {}; orientation= {};{state} gci= 1-{}; isVoip; call-instance= 1",
            self.security, self.orientation, self.call
        )
    }
}

/// `100 Trying`.
pub(crate) fn trying(request: &Message, date: &str) -> Message {
    let builder = super::reply(request, 100, "Trying", None, date).header("Allow-Events", "presence");
    with_sdp(builder, None)
}

/// A number that forwarded the call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Diversion<'a> {
    pub(crate) number: &'a str,
    pub(crate) name: &'a str,
    /// As RFC 5806 §6 spells it.
    pub(crate) reason: &'static str,
}

/// The delayed-offer INVITE to the called phone (trace of Cisco document 200788). `Diversion` is written as in Cisco's SIP Line
/// Messaging Guide, Call Forwarding; its place is that in a public INVITE of 10.5 on a trunk.
pub(crate) fn invite(
    node: &Node,
    thread: &Thread,
    caller: &Party,
    session: &str,
    info: CallInfo,
    diversions: &[Diversion<'_>],
) -> Message {
    let host = node.host();
    let callback = format!("{host};x-cisco-callback-number={}", caller.number);
    let builder = opening(node, thread)
        .header("Allow-Events", "presence")
        .header("Call-Info", info.value())
        .header("Send-Info", "conference, x-cisco-conference")
        .header("Alert-Info", "<file://Bellcore-dr1/>")
        .session(node, session_id(session, super::NIL));
    let builder = diverted(builder, &host, diversions)
        .header(
            "Remote-Party-ID",
            format_args!("{};party=calling;screen=yes;privacy=off", name_addr(&caller.name, &caller.number, &callback)),
        )
        .header("Contact", contact(node, caller))
        .header("Max-Forwards", 69);
    with_sdp(builder, None)
}

/// What every INVITE of a call begins with.
pub(super) fn opening(node: &Node, thread: &Thread) -> Builder {
    thread
        .begin(node, "INVITE")
        .header("Supported", SUPPORTED)
        .header("Min-SE", " 1800")
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Expires", 180)
}

/// A `Diversion` for each number that forwarded the call.
pub(super) fn diverted(builder: Builder, host: &str, diversions: &[Diversion<'_>]) -> Builder {
    diversions.iter().fold(builder, |builder, diverted| {
        let who = name_addr(diverted.name, diverted.number, host);
        builder.header("Diversion", format_args!("{who};reason={};privacy=off;screen=yes", diverted.reason))
    })
}

/// What an answer to the calling phone says.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    /// CUCM's tag on the caller's dialog.
    pub(crate) tag: &'a str,
    /// When the INVITE came: CUCM dates every answer to it so (traces of Cisco documents 200788 and 211385).
    pub(crate) date: &'a str,
    pub(crate) called: &'a Party,
    pub(crate) info: CallInfo,
    /// Session-IDs of the called and of the calling phone.
    pub(crate) sessions: (&'a str, &'a str),
}

/// `180 Ringing` to the calling phone (trace of Cisco document 217615).
pub(crate) fn ringing(node: &Node, invite: &Message, answer: &Answer<'_>) -> Message {
    if node.is_trunk {
        return super::outside::answer(node, invite, (180, "Ringing"), answer, None);
    }
    let builder = super::reply(invite, 180, "Ringing", Some(answer.tag), answer.date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence")
        .header("Server", node.product())
        .header("Call-Info", answer.info.value())
        .header("Send-Info", "conference, x-cisco-conference");
    let builder = identified(builder, node, answer).header("Contact", contact(node, answer.called));
    with_sdp(builder, None)
}

/// Who was called, and both ends' Session-IDs: up to 11.5 in this order (Cisco document 200788), from 12.5 on in the other one
/// (Cisco document 217615, and a public trace of 12.5).
fn identified(builder: Builder, node: &Node, answer: &Answer<'_>) -> Builder {
    let (session, party) = (session_id(answer.sessions.0, answer.sessions.1), remote_party(node, answer.called));
    if node.release >= Release::V12_5 {
        builder.session(node, session).header("Remote-Party-ID", party)
    } else {
        builder.header("Remote-Party-ID", party).session(node, session)
    }
}

/// The called number as it was dialled, for a phone that asked for it with `rpid-orig-called` when it registered.
fn original_called(node: &Node, called: &Party) -> String {
    let original = name_addr(&called.name, &called.number, &format!("{};user=phone", node.host()));
    format!("{original};party=x-cisco-original-called;privacy=off")
}

/// `200 OK` to the calling phone (trace of Cisco document 200788).
pub(crate) fn ok(node: &Node, invite: &Message, answer: &Answer<'_>, sdp: &str) -> Message {
    if node.is_trunk {
        return super::outside::answer(node, invite, (200, "OK"), answer, Some(sdp));
    }
    let called = answer.called;
    let builder = super::reply(invite, 200, "OK", Some(answer.tag), answer.date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence")
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Call-Info", answer.info.value())
        .header("Send-Info", "conference, x-cisco-conference");
    let builder = identified(builder, node, answer)
        .header("Remote-Party-ID", original_called(node, called))
        .header("Contact", contact(node, called));
    with_sdp(builder, Some(sdp))
}

/// The ACK to a phone, on a call or on a bridge; Session-ID is written only together with an SDP, as in the traces of Cisco
/// document 200788.
pub(crate) fn ack(node: &Node, thread: &Thread, answer: Option<(&str, &str)>) -> Message {
    super::ack(node, thread, "presence", answer)
}

/// The BYE to a phone. To the calling one it names once more who was `called` (trace of Cisco document 200903); to the called one
/// and to a bridge it does not (public trace of release 14). The cause is of Q.850; a transferrer gets none (same trace).
pub(crate) fn bye(node: &Node, thread: &Thread, cause: Option<u16>, session: &str, called: Option<&Party>) -> Message {
    let mut builder = thread
        .begin(node, "BYE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} BYE", thread.cseq));
    if let Some(cause) = cause {
        builder = builder.header("Reason", format_args!("Q.850;cause={cause}"));
    }
    builder = builder.session(node, session);
    if let Some(called) = called {
        builder = builder.header("Remote-Party-ID", original_called(node, called));
    }
    with_sdp(builder, None)
}

/// The CANCEL of an INVITE of ours [inferred from its BYE].
pub(crate) fn cancel(invite: &Message, date: &str, cause: Option<u16>) -> Message {
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    let mut builder = Builder::request("CANCEL", invite.request_uri().unwrap_or_default())
        .copy(invite, "Via")
        .copy(invite, "From")
        .copy(invite, "To")
        .header("Date", date)
        .copy(invite, "Call-ID")
        .header("CSeq", format_args!("{number} CANCEL"))
        .header("Max-Forwards", 70);
    if let Some(cause) = cause {
        builder = builder.header("Reason", format_args!("Q.850;cause={cause}"));
    }
    with_sdp(builder, None)
}

/// A refusal, with the cause of Q.850 that made it.
pub(crate) fn refuse(
    node: &Node,
    request: &Message,
    tag: Option<&str>,
    date: &str,
    (status, reason): (u16, &str),
    cause: Option<u16>,
) -> Message {
    let mut builder = super::reply(request, status, reason, tag, date)
        .header("Allow-Events", "presence")
        .header("Server", node.product());
    if let Some(cause) = cause {
        builder = builder.header("Reason", format_args!("Q.850;cause={cause}"));
    }
    with_sdp(builder, None)
}

/// A plain answer within or outside of a dialog: to BYE, OPTIONS, INFO, NOTIFY and the like.
pub(crate) fn plain(node: &Node, request: &Message, date: &str, answer: (u16, &str)) -> Message {
    with_sdp(super::reply_of(node, request, answer, None, date), None)
}

/// The answer to a phone's re-INVITE or UPDATE that asks for nothing new.
pub(crate) fn refreshed(node: &Node, request: &Message, date: &str, sdp: Option<&str>) -> Message {
    let builder = super::reply(request, 200, "OK", None, date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence")
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Contact", node.contact(""));
    with_sdp(builder, sdp)
}

/// What a phone is told in a call that stands: who is at the other end now, and how safe the call is.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) other: &'a Party,
    /// Whether that is a conference bridge.
    pub(crate) is_focus: bool,
    pub(crate) info: CallInfo,
    /// Session-ID as this phone is to see it.
    pub(crate) session: &'a str,
}

/// A re-INVITE to a phone: without SDP it asks for an offer. Headers and their order are those of a bridge's re-INVITE (trace of Cisco
/// document 200788), the values those of a call's INVITE.
pub(crate) fn reinvite(node: &Node, thread: &Thread, told: &Told<'_>, sdp: Option<&str>) -> Message {
    if node.is_trunk {
        return super::outside::reinvite(node, thread, told, sdp);
    }
    let party = told.party();
    let other = name_addr(&told.other.name, &told.other.number, &node.host());
    let builder = thread
        .begin(node, "INVITE")
        .header("Supported", SUPPORTED)
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Expires", 180)
        .header("Allow-Events", "presence")
        .header("Call-Info", told.info.value())
        .header("Min-SE", " 1800")
        .session(node, told.session)
        .header("Remote-Party-ID", format_args!("{other};party={party};screen=yes;privacy=off"))
        .header("Contact", told.contact(node));
    with_sdp(builder, sdp)
}

/// An UPDATE that tells a phone how safe its call is now, and nothing else: in form as [`reinvite`].
pub(crate) fn update(node: &Node, thread: &Thread, told: &Told<'_>) -> Message {
    let party = told.party();
    let other = name_addr(&told.other.name, &told.other.number, &node.host());
    let builder = thread
        .begin(node, "UPDATE")
        .header("Supported", SUPPORTED)
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} UPDATE", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Allow-Events", "presence")
        .header("Call-Info", told.info.value())
        .session(node, told.session)
        .header("Remote-Party-ID", format_args!("{other};party={party};screen=yes;privacy=off"))
        .header("Contact", told.contact(node));
    with_sdp(builder, None)
}

/// The answer to a phone's re-INVITE that changes its media: what [`ok`] says of the call, without the number that was dialled.
pub(crate) fn changed(node: &Node, request: &Message, date: &str, told: &Told<'_>, sdp: &str) -> Message {
    if node.is_trunk {
        return super::outside::changed(node, request, date, told, sdp);
    }
    let party = told.party();
    let other = name_addr(&told.other.name, &told.other.number, &node.host());
    let builder = super::reply(request, 200, "OK", None, date)
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence")
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Call-Info", told.info.value())
        .header("Send-Info", "conference, x-cisco-conference")
        .session(node, told.session)
        .header("Remote-Party-ID", format_args!("{other};party={party};screen=yes;privacy=off"))
        .header("Contact", told.contact(node));
    with_sdp(builder, Some(sdp))
}

impl Told<'_> {
    /// What the other one is in this call, as the phone is to see it.
    pub(super) fn party(&self) -> &'static str {
        if self.info.orientation == "from" { "calling" } else { "called" }
    }

    /// A conference says so (RFC 4579 §5.1), spelt as towards recorders.
    fn contact(&self, node: &Node) -> String {
        let device = &self.other.device;
        let focus = if self.is_focus { ";isFocus" } else { "" };
        format!("{}{focus};+u.sip!devicename.ccm.cisco.com=\"{device}\"", node.contact(&self.other.number))
    }
}

pub(super) fn contact(node: &Node, party: &Party) -> String {
    format!("{};+u.sip!devicename.ccm.cisco.com=\"{}\"", node.contact(&party.number), party.device)
}

fn remote_party(node: &Node, called: &Party) -> String {
    format!("{};party=called;screen=yes;privacy=off", name_addr(&called.name, &called.number, &node.host()))
}
