//! The dialogs with the built-in bridge of the recorded phone.

use sip::{Builder, Message};

use super::{ALLOW_BRIDGE, Node, SUPPORTED, Sessions as _, Thread, session_id, with_sdp};
use crate::event::Invoker;

/// From without its tag.
pub(crate) fn from_value(host: &str) -> String {
    format!("\"Call Manager\" <sip:{host}>")
}

/// The main dialog at the recorded phone, as the phone knows it.
#[derive(Clone, Debug)]
pub(crate) struct Joined {
    pub(crate) call_id: String,
    /// The phone's tag.
    pub(crate) phone_tag: String,
    /// CUCM's tag.
    pub(crate) node_tag: String,
}

/// The INVITE that opens a bridge dialog, with nothing flowing yet (trace of Cisco document 200788).
pub(crate) fn invite(node: &Node, thread: &Thread, joined: &Joined, invoker: Invoker, sdp: &str) -> Message {
    let builder = opening(node, thread, joined, &call_info(invoker));
    // So in the public description of a capture of release 14 with `record-invoker=user`; not in the trace, which has `auto`.
    let builder = match invoker.word() {
        "user" => builder.header("Content-Disposition", "session;handling=required"),
        _ => builder,
    };
    with_sdp(builder, Some(sdp))
}

/// The INVITE without SDP that asks the bridge for an offer to a phone that barges in: as [`invite`], without an invoker (inferred).
pub(crate) fn barge(node: &Node, thread: &Thread, joined: &Joined) -> Message {
    with_sdp(opening(node, thread, joined, CALL_INFO), None)
}

fn opening(node: &Node, thread: &Thread, joined: &Joined, call_info: &str) -> Builder {
    let host = node.host();
    thread
        .begin(node, "INVITE")
        .header("Supported", SUPPORTED)
        .header("Min-SE", " 1800")
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_BRIDGE)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Expires", 180)
        .header("Allow-Events", "presence")
        .header("Call-Info", call_info)
        .header("Join", format_args!("{};from-tag={};to-tag={}", joined.call_id, joined.phone_tag, joined.node_tag))
        .session(node, session_id(super::NIL, super::NIL))
        .header("Remote-Party-ID", format_args!("{};party=calling;screen=yes;privacy=off", from_value(&host)))
        .header("Contact", node.contact(""))
        .header("Max-Forwards", 70)
}

/// The re-INVITE without SDP that asks the bridge for its offer (trace of Cisco document 200788).
pub(crate) fn reinvite(node: &Node, thread: &Thread, session: &str, invoker: Invoker) -> Message {
    let host = node.host();
    let builder = thread
        .begin(node, "INVITE")
        .header("Supported", SUPPORTED)
        .header("User-Agent", node.product())
        .header("Allow", ALLOW_BRIDGE)
        .header("CSeq", format_args!("{} INVITE", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Expires", 180)
        .header("Allow-Events", "presence")
        .header("Call-Info", call_info(invoker))
        .header("Min-SE", " 1800")
        .session(node, session_id(super::NIL, session))
        .header("Remote-Party-ID", format_args!("{};party=calling;screen=yes;privacy=off", from_value(&host)))
        .header("Contact", node.contact(""));
    with_sdp(builder, None)
}

fn call_info(invoker: Invoker) -> String {
    format!("{CALL_INFO}; record-invoker={}", invoker.word())
}

const CALL_INFO: &str = "<urn:x-cisco-remotecc:callinfo>; isVoip";
