//! The dialogs of a call with a party behind a trunk.
//!
//! | Message | Source |
//! |---|---|
//! | INVITE | Cisco document 211385, an INVITE of 10.5 with delayed offer |
//! | 200 | the same document, and Cisco's document on geolocation and logical partitioning between clusters |
//! | re-INVITE | Cisco document 211427, one of 10.5 without an offer |
//! | ACK, BYE | as towards a recorder: [`super::recording`] |

use sip::{Builder, Message};

use super::line::{self, Answer, Diversion, Told, contact};
use super::{ALLOW_TRUNK, Node, SUPPORTED, Sessions as _, Thread, name_addr, session_id, with_sdp};
use crate::event::Party;

/// The delayed-offer INVITE to a party behind the trunk.
pub(crate) fn invite(
    node: &Node,
    thread: &Thread,
    caller: &Party,
    (session, guid): (&str, &str),
    diversions: &[Diversion<'_>],
) -> Message {
    let builder = line::opening(node, thread)
        .header("Allow-Events", "presence, kpml")
        .header("Supported", "X-cisco-srtp-fallback,X-cisco-original-called")
        .header("Call-Info", key_presses(node))
        .header("Call-Info", CLASS)
        .session(node, session_id(session, super::NIL))
        .header("Cisco-Guid", guid)
        .header("Session-Expires", " 1800");
    let builder = identified(line::diverted(builder, &node.host(), diversions), node, caller, "calling")
        .header("Contact", contact(node, caller))
        .header("Max-Forwards", 69);
    with_sdp(builder, None)
}

/// `180 Ringing` or `200 OK` to a party behind the trunk.
pub(crate) fn answer(
    node: &Node,
    invite: &Message,
    (status, reason): (u16, &str),
    answer: &Answer<'_>,
    sdp: Option<&str>,
) -> Message {
    let builder = answering(super::reply(invite, status, reason, Some(answer.tag), answer.date), node)
        .session(node, session_id(answer.sessions.0, answer.sessions.1));
    let builder = identified(builder, node, answer.called, "called").header("Contact", contact(node, answer.called));
    with_sdp(builder, sdp)
}

/// A re-INVITE: without SDP it asks for an offer.
pub(crate) fn reinvite(node: &Node, thread: &Thread, told: &Told<'_>, sdp: Option<&str>) -> Message {
    let party = told.party();
    let builder = thread
        .begin(node, "INVITE")
        .header("Supported", SUPPORTED)
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_TRUNK)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Expires", 180)
        .header("Allow-Events", "presence, kpml")
        .header("Call-Info", CLASS)
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation")
        .header("Session-Expires", " 1800;refresher=uac")
        .header("Min-SE", " 1800")
        .session(node, told.session);
    let builder = identified(builder, node, told.other, party).header("Contact", contact(node, told.other));
    with_sdp(builder, sdp)
}

/// The answer to a re-INVITE or UPDATE that changes a call's media.
pub(crate) fn changed(node: &Node, request: &Message, date: &str, told: &Told<'_>, sdp: &str) -> Message {
    let party = told.party();
    let builder = answering(super::reply(request, 200, "OK", None, date), node).session(node, told.session);
    let builder = identified(builder, node, told.other, party).header("Contact", contact(node, told.other));
    with_sdp(builder, Some(sdp))
}

/// What every answer in a call over a trunk says.
fn answering(builder: Builder, node: &Node) -> Builder {
    builder
        .header("Allow", ALLOW_TRUNK)
        .header("Allow-Events", "presence, kpml")
        .header("Supported", "replaces")
        .header("Server", node.product())
        .header("Supported", "X-cisco-srtp-fallback")
        .header("Supported", "Geolocation")
        .header("Call-Info", CLASS)
}

fn identified(builder: Builder, node: &Node, who: &Party, party: &str) -> Builder {
    let identity = name_addr(&who.name, &who.number, &node.host());
    builder
        .header("P-Asserted-Identity", &identity)
        .header("Remote-Party-ID", format_args!("{identity};party={party};screen=yes;privacy=off"))
}

fn key_presses(node: &Node) -> String {
    format!("<sip:{}>;method=\"NOTIFY;Event=telephone-event;Duration=500\"", node.local)
}

const CLASS: &str = "<urn:x-cisco-remotecc:callinfo>;x-cisco-video-traffic-class=DESKTOP";
