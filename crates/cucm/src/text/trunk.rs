//! What goes over a trunk outside of recordings.

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
