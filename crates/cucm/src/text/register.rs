//! Answers to REGISTER.

use sip::Message;

use super::{Node, with_sdp};

/// `100 Trying`, which CUCM sends before it looks the phone up (trace of Cisco document 214535).
pub(crate) fn trying(request: &Message, date: &str) -> Message {
    with_sdp(super::reply(request, 100, "Trying", None, date), None)
}

/// `200 OK` (trace of Cisco document 214535): the Contact comes back with `x-cisco-newreg` at the first registration, the body with what the phone asked for.
pub(crate) fn ok(node: &Node, request: &Message, tag: &str, date: &str, expires: u64, is_new: bool) -> Message {
    let mut builder = super::reply_of(node, request, (200, "OK"), Some(tag), date).header("Expires", expires);
    for contact in request.header_all("Contact") {
        let news = if is_new { ";x-cisco-newreg" } else { "" };
        builder = builder.header("Contact", format_args!("{contact}{news}"));
    }
    let version = node.release.line_interface();
    let fallback = if super::falls_back(request) { "X-cisco-srtp-fallback," } else { "" };
    builder = builder.header("Supported", format_args!("{fallback}{version}"));
    if !asks_for(request, "<optionsind>") {
        return with_sdp(builder, None);
    }
    builder.body("application/x-cisco-remotecc-response+xml", options(request).as_bytes()).finish()
}

/// A refusal; `Warning` tells the phone's log why.
pub(crate) fn refuse(node: &Node, request: &Message, tag: &str, date: &str, answer: (u16, &str), why: &str) -> Message {
    let why: String = why.chars().filter(|c| !c.is_control() && *c != '"' && *c != '\\').collect();
    let builder = super::reply_of(node, request, answer, Some(tag), date)
        .header("Warning", format_args!("399 {} \"{why}\"", node.host()));
    with_sdp(builder, None)
}

fn asks_for(request: &Message, element: &str) -> bool {
    request.body().windows(element.len()).any(|window| window == element.as_bytes())
}

/// What of the phone's wishes is granted (trace of Cisco document 214535): the line ends are LF but for the last one. A trace of
/// 12.0 whose phone asked for neither has no `ix` and `bfcp`.
fn options(request: &Message) -> String {
    let granted = ["<ix>", "<bfcp>"].iter().filter(|element| asks_for(request, element));
    let more: String = granted.map(|element| element.replace('>', "/>\n")).collect();
    format!("{OPTIONS}{more}</optionsind>\n</response>\n</x-cisco-remotecc-response>\n\r\n")
}

const OPTIONS: &str = "<x-cisco-remotecc-response>\n<response>\n<code>200</code>\n<optionsind>\n<combine max=\"6\">\n\
    <remotecc><status/></remotecc>\n<service-control/>\n</combine>\n<dialog usage=\"hook status\"><unot/></dialog>\n\
    <dialog usage=\"shared line\"><unot/></dialog>\n<presence usage=\"blf speed dial\"><unot/></presence>\n\
    <joinreq></joinreq>\n";
