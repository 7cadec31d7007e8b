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

/// INFO with a key press, in the form of Cisco's IOS gateways (`application/dtmf-relay`); that CUCM passes one on to a recorder is
/// inferred.
pub(crate) fn info(node: &Node, thread: &Thread) -> Message {
    thread
        .begin(node, "INFO")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} INFO", thread.cseq))
        .header("Contact", node.contact(""))
        .body("application/dtmf-relay", b"Signal=5\r\nDuration=100\r\n")
        .finish()
}

/// NOTIFY of a key press that nobody subscribed to, as Call-Info of the INVITE announces it (Cisco IOS SIP Configuration Guide,
/// "SIP NOTIFY-Based Out-of-Band DTMF Relay": event, end and volume, duration, as in RFC 4733).
pub(crate) fn key_pressed(node: &Node, thread: &Thread) -> Message {
    thread
        .begin(node, "NOTIFY")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} NOTIFY", thread.cseq))
        .header("Event", "telephone-event;rate=1000")
        .header("Subscription-State", "active")
        .header("Contact", node.contact(""))
        .body("audio/telephone-event", b"\x05\x80\x00\x64")
        .finish()
}

/// SUBSCRIBE for the key presses of a peer (RFC 4730 §5.1).
pub(crate) fn subscribe(node: &Node, thread: &Thread, number: &str) -> Message {
    const PATTERN: &[u8] = b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n\
        <kpml-request xmlns=\"urn:ietf:params:xml:ns:kpml-request\" version=\"1.0\">\r\n\
        <pattern persist=\"persist\"><regex tag=\"dtmf\">[x*#ABCD]</regex></pattern></kpml-request>\r\n";
    thread
        .begin(node, "SUBSCRIBE")
        .header("User-Agent", node.product())
        .header("Max-Forwards", 70)
        .header("CSeq", format_args!("{} SUBSCRIBE", thread.cseq))
        .header("Event", "kpml")
        .header("Expires", 7200)
        .header("Accept", "application/kpml-response+xml")
        .header("Contact", node.contact(number))
        .body("application/kpml-request+xml", PATTERN)
        .finish()
}

/// Methods that a trunk takes.
pub(crate) const ALLOW: &str = super::ALLOW_TRUNK;
