//! Answers to REGISTER.

use sip::Message;

use super::{Node, with_sdp};

/// `200 OK`: the Contact comes back with `x-cisco-newreg` at the first registration, the body with what the phone asked for.
pub(crate) fn ok(node: &Node, request: &Message, tag: &str, date: &str, expires: u64, is_new: bool) -> Message {
    let mut builder =
        super::reply(request, 200, "OK", Some(tag), date).header("Server", node.product).header("Expires", expires);
    for contact in request.header_all("Contact") {
        let news = if is_new { ";x-cisco-newreg" } else { "" };
        builder = builder.header("Contact", format_args!("{contact}{news}"));
    }
    builder = builder.header("Supported", "X-cisco-srtp-fallback,X-cisco-sis-9.0.0");
    if !wants_options(request) {
        return with_sdp(builder, None);
    }
    builder.body("application/x-cisco-remotecc-response+xml", OPTIONS.as_bytes()).finish()
}

/// A refusal; `Warning` tells the phone's log why.
pub(crate) fn refuse(
    node: &Node,
    request: &Message,
    tag: &str,
    date: &str,
    (status, reason): (u16, &str),
    why: &str,
) -> Message {
    let why: String = why.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    let builder = super::reply(request, status, reason, Some(tag), date)
        .header("Server", node.product)
        .header("Warning", format_args!("399 {} \"{why}\"", node.host()));
    with_sdp(builder, None)
}

fn wants_options(request: &Message) -> bool {
    let body = request.body();
    body.windows(ASKED.len()).any(|window| window == ASKED)
}

const ASKED: &[u8] = b"optionsind";

const OPTIONS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<x-cisco-remotecc-response>\r\n<response>\r\n\
    <code>200</code>\r\n<optionsind>\r\n<combine max=\"6\">\r\n<remotecc><status/></remotecc>\r\n\
    <service-control/>\r\n</combine>\r\n<dialog usage=\"hook status\"/>\r\n<presence usage=\"blf speed dial\"/>\r\n\
    <joinreq/>\r\n</optionsind>\r\n</response>\r\n</x-cisco-remotecc-response>\r\n";
