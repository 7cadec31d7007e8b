//! What goes over a trunk outside of recordings, and what is answered to a recorder's lesser requests.

use sip::Message;

use super::{Node, Thread, with_sdp};

/// The OPTIONS ping (public capture of release 14): no user anywhere, and `Max-Forwards: 0`.
pub(crate) fn options(node: &Node, thread: &Thread) -> Message {
    let builder = thread
        .begin(node, "OPTIONS")
        .header("User-Agent", node.product())
        .header("CSeq", format_args!("{} OPTIONS", thread.cseq))
        .header("Contact", node.contact(""))
        .header("Max-Forwards", 0);
    with_sdp(builder, None)
}

/// The answer to a recorder's OPTIONS (RFC 3261 §11.2) [inferred].
pub(crate) fn capabilities(node: &Node, request: &Message, date: &str) -> Message {
    let builder = super::reply_of(node, request, (200, "OK"), None, date)
        .header("Allow", ALLOW)
        .header("Accept", "application/sdp")
        .header("Allow-Events", "presence, kpml")
        .header("Supported", super::SUPPORTED);
    with_sdp(builder, None)
}

/// 200 to a SUBSCRIBE (RFC 6665 §4.2.1.1) [inferred].
pub(crate) fn subscribed(node: &Node, request: &Message, date: &str, seconds: u32) -> Message {
    let builder = super::reply_of(node, request, (200, "OK"), None, date)
        .header("Expires", seconds)
        .header("Contact", node.contact(""));
    with_sdp(builder, None)
}

/// NOTIFY about the state of a subscription (RFC 6665 §4.2.2) [inferred].
pub(crate) fn notify(node: &Node, thread: &Thread, event: &str, state: &str) -> Message {
    let builder = thread
        .begin(node, "NOTIFY")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} NOTIFY", thread.cseq))
        .header("Event", event)
        .header("Subscription-State", state)
        .header("Contact", node.contact(""));
    with_sdp(builder, None)
}

/// Methods that a trunk takes.
pub(crate) const ALLOW: &str = super::ALLOW_TRUNK;
