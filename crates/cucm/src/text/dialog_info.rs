//! What a phone of a shared line is told of a call on another phone of that line: NOTIFY with `dialog-info` (RFC 4235).
//!
//! The headers and their order are those of CUCM's unsolicited NOTIFY of waiting messages (public trace of release 14). That a held
//! call has `+sip.rendering` `no` is an example of RFC 4235 §6.3; that CUCM writes it so is inferred.

use sip::Message;

use super::{Node, Thread, name_addr};
use crate::event::Party;

/// A call on another phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// Number of the call.
    pub(crate) call: u32,
    /// The dialog of that phone with the node.
    pub(crate) call_id: String,
    pub(crate) phone_tag: String,
    pub(crate) node_tag: String,
    /// Whether that phone made the call.
    pub(crate) has_called: bool,
    /// The other end.
    pub(crate) far: Party,
    /// Whether it may be resumed here.
    pub(crate) holds: bool,
    pub(crate) is_over: bool,
}

impl Shown {
    /// The same call, over.
    pub(crate) fn ended(&self) -> Self {
        Self { is_over: true, ..self.clone() }
    }
}

/// What the NOTIFY to this phone repeats; `fresh` are its branch, tag and Call-ID.
pub(crate) fn thread(
    node: &Node,
    viewer: &Party,
    target: String,
    (branch, tag, call_id): (String, String, String),
    date: String,
) -> Thread {
    let line = format!("<sip:{}@{}>", viewer.number, node.host());
    let from = format!("{};tag={tag}", name_addr("", &viewer.number, &node.host()));
    Thread { uri: target, branch, from, to: line, date, call_id, cseq: 101, routes: Vec::new() }
}

/// The NOTIFY.
pub(crate) fn notify(node: &Node, thread: &Thread, viewer: &Party, version: u32, shown: &Shown) -> Message {
    thread
        .begin_undated(node, "NOTIFY")
        .header("CSeq", format_args!("{} NOTIFY", thread.cseq))
        .header("Max-Forwards", 70)
        .header("Date", &thread.date)
        .header("User-Agent", node.product())
        .header("Event", "dialog")
        .header("Subscription-State", "active")
        .header("Contact", node.contact(&viewer.number))
        .body("application/dialog-info+xml", body(node, viewer, version, shown).as_bytes())
        .finish()
}

fn body(node: &Node, viewer: &Party, version: u32, shown: &Shown) -> String {
    let (host, line) = (node.host(), &viewer.number);
    let Shown { call, call_id, phone_tag, node_tag, has_called, far, holds, is_over } = shown;
    let direction = if *has_called { "initiator" } else { "recipient" };
    let state = if *is_over { "terminated" } else { "confirmed" };
    let rendering = if *holds { "no" } else { "yes" };
    let (call_id, phone_tag, node_tag) = (escaped(call_id), escaped(phone_tag), escaped(node_tag));
    let (name, number) = (escaped(&far.name), escaped(&far.number));
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"{version}\" state=\"partial\" \
         entity=\"sip:{line}@{host}\">\n\
         <dialog id=\"{call}\" call-id=\"{call_id}\" local-tag=\"{phone_tag}\" remote-tag=\"{node_tag}\" \
         direction=\"{direction}\">\n\
         <state>{state}</state>\n\
         <local>\n<target uri=\"sip:{line}@{host}\">\n<param pname=\"+sip.rendering\" pval=\"{rendering}\"/>\n</target>\n\
         </local>\n\
         <remote>\n<identity display=\"{name}\">sip:{number}@{host}</identity>\n</remote>\n\
         </dialog>\n\
         </dialog-info>\n"
    )
}

/// Call-IDs and tags of phones are theirs to choose.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
