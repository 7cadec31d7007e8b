//! Transfers: the answer to REFER, and how the transferrer is told of its progress (RFC 3515).

use sip::Message;

use super::{Node, Thread, with_sdp};

/// `202 Accepted` (public trace of release 14).
pub(crate) fn accepted(node: &Node, request: &Message, date: &str) -> Message {
    let builder = super::reply_of(node, request, (202, "Accepted"), None, date).header("Contact", node.contact(""));
    with_sdp(builder, None)
}

/// How far the referred call is; a final status ends the subscription that the REFER made (RFC 3515 §2.4.5).
///
/// The order of headers is that of CUCM's NOTIFY of waiting messages (public trace of release 14). `Event` has no `id`: phones of
/// Cisco refuse one that their REFER did not have.
pub(crate) fn notify(node: &Node, thread: &Thread, status: u16, reason: &str) -> Message {
    let state = if status < 200 { "active;expires=60" } else { "terminated;reason=noresource" };
    let fragment = format!("SIP/2.0 {status} {reason}\r\n");
    thread
        .begin_undated(node, "NOTIFY")
        .header("CSeq", format_args!("{} NOTIFY", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Date", &thread.date)
        .header("User-Agent", node.product())
        .header("Event", "refer")
        .header("Subscription-State", state)
        .header("Contact", node.contact(""))
        .body("message/sipfrag;version=2.0", fragment.as_bytes())
        .finish()
}
