//! Softkeys that a phone tells of by REFER outside its calls, with a body of `application/x-cisco-remotecc-request+xml` (Cisco
//! document 222343 shows one).
//!
//! The REFER wants no subscription (`Require: norefersub`, RFC 4488), so its answer is all that the phone is told: 202, or why not.
//! What comes of `StartRecording` it sees on its bridge; how CUCM refuses is inferred.

use std::time::Instant;

use sip::{FlowId, Message};

use crate::event::Invoker;

use super::call::CallSide;
use super::leg::Role;
use super::{Engine, RecordingRefused};

/// What was pressed, and in which call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Softkey {
    /// `softkeyevent`.
    pub(super) event: String,
    pub(super) call: DialogName,
    /// `consultdialogid`, where it is not empty.
    pub(super) consult: Option<DialogName>,
}

/// A dialog as the phone names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DialogName {
    pub(super) call_id: String,
    /// The phone's tag.
    pub(super) phone_tag: String,
    /// CUCM's tag.
    pub(super) node_tag: String,
}

/// Reads a REFER; `None` for one that tells of no softkey.
pub(super) fn softkey_of(refer: &Message) -> Option<Result<Softkey, &'static str>> {
    refer.has_content_type(REQUEST).then(|| read(refer.body()))
}

fn read(body: &[u8]) -> Result<Softkey, &'static str> {
    let text =
        std::str::from_utf8(body).ok().filter(|text| text.len() <= LONGEST).ok_or("the body is no short text")?;
    let options = roxmltree::ParsingOptions { allow_dtd: false, ..roxmltree::ParsingOptions::default() };
    let document = roxmltree::Document::parse_with_options(text, options).map_err(|_| "the body is no XML")?;
    let root = document.root_element();
    if !root.has_tag_name("x-cisco-remotecc-request") {
        return Err("the body is no x-cisco-remotecc-request");
    }
    let message = child(root, "softkeyeventmsg").ok_or("the request has no softkeyeventmsg")?;
    let event = text_of(message, "softkeyevent").ok_or("the request has no softkeyevent")?;
    let dialog = child(message, "dialogid").ok_or("the request has no dialogid")?;
    let call = dialog_of(dialog).ok_or("the dialogid lacks callid, localtag or remotetag")?;
    let consult = child(message, "consultdialogid").and_then(dialog_of).filter(|dialog| !dialog.call_id.is_empty());
    Ok(Softkey { event, call, consult })
}

fn dialog_of(node: roxmltree::Node<'_, '_>) -> Option<DialogName> {
    let part = |name| text_of(node, name);
    Some(DialogName { call_id: part("callid")?, phone_tag: part("localtag")?, node_tag: part("remotetag")? })
}

fn child<'a, 'i>(node: roxmltree::Node<'a, 'i>, name: &str) -> Option<roxmltree::Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn text_of(node: roxmltree::Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name).and_then(|child| child.text()).map(|text| text.trim().to_owned())
}

impl Engine {
    /// A REFER outside of dialogs; gives the answer.
    pub(super) fn on_softkey(&mut self, now: Instant, flow: FlowId, refer: &Message) -> (u16, &'static str) {
        let softkey = match softkey_of(refer) {
            None => return ACCEPTED,
            Some(Ok(softkey)) => softkey,
            Some(Err(_)) => return (400, "Bad Request"),
        };
        let Some((number, side)) = self.own_call(flow, &softkey.call) else {
            return (481, "Call/Transaction Does Not Exist");
        };
        let done = match softkey.event.as_str() {
            "Conference" => return self.on_conference_key(now, flow, (number, side), softkey.consult.as_ref()),
            "Park" => return self.on_park_key(now, (number, side)),
            "StartRecording" => self.wish(now, number, side, Invoker::User),
            "StopRecording" => self.unwish(now, number, side, Invoker::User),
            _ => Ok(()),
        };
        match done {
            Ok(()) => ACCEPTED,
            Err(RecordingRefused::NotSelective | RecordingRefused::OtherMode) => (403, "Forbidden"),
            Err(RecordingRefused::NoCall | RecordingRefused::InProgress | RecordingRefused::NoSession) => {
                (488, "Not Acceptable Here")
            }
        }
    }

    /// The call of this dialog, if it is one of the phone's behind this flow.
    pub(super) fn own_call(&self, flow: FlowId, name: &DialogName) -> Option<(u32, CallSide)> {
        let id = *self.by_call_id.get(&name.call_id)?;
        let leg = self.legs.get(&id).filter(|leg| leg.flow == Some(flow))?;
        let dialog = leg.dialog.as_ref()?;
        let Role::Line { call, side } = leg.role else {
            return None;
        };
        (dialog.local_tag == name.node_tag && dialog.remote_tag == name.phone_tag).then_some((call, side))
    }
}

const REQUEST: &str = "application/x-cisco-remotecc-request+xml";
const ACCEPTED: (u16, &str) = (202, "Accepted");
/// Bytes; that of Cisco document 222343 has 1069.
const LONGEST: usize = 8192;

#[cfg(test)]
mod tests {
    use sip::Builder;

    use super::*;

    fn refer(media_type: &str, body: &str) -> Message {
        Builder::request("REFER", "sip:10.48.38.5").body(media_type, body.as_bytes()).finish()
    }

    #[test]
    fn the_softkey_of_ciscos_capture_is_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/traces/42-tls-phone-refer-softkey-cucm15.sip");
        let text = std::fs::read_to_string(path).unwrap();
        let text = text.replace("\r\n", "\n");
        let (_, body) = text.split_once("\n\n").unwrap();
        let softkey = softkey_of(&refer(REQUEST, body)).unwrap().unwrap();
        assert_eq!(softkey.event, "Conference");
        let call = DialogName {
            call_id: "a4b439d3-8e150007-1991b55f-00f9dcf7@x.x.x.x".to_owned(),
            phone_tag: "a4b439d38e1500333f1eb5d4-68656916".to_owned(),
            node_tag: "171~ca425666-d5e7-42aa-a428-23dde46063a5-17600290".to_owned(),
        };
        assert_eq!(softkey.call, call);
        let consult = DialogName {
            call_id: "a4b439d3-8e150008-415a60f5-7c35c82d@x.x.x.x".to_owned(),
            phone_tag: "a4b439d38e15003562c2c59a-69dbf571".to_owned(),
            node_tag: "176~ca425666-d5e7-42aa-a428-23dde46063a5-17600292".to_owned(),
        };
        assert_eq!(softkey.consult, Some(consult));
    }

    #[test]
    fn what_is_no_softkey_says_what_is_wrong() {
        assert_eq!(softkey_of(&refer("application/sdp", "v=0")), None);
        let of = |body: &str| softkey_of(&refer(REQUEST, body)).unwrap().unwrap_err();
        for (body, words) in [
            ("<x-cisco-remotecc-request>", "no XML"),
            ("<other/>", "no x-cisco-remotecc-request"),
            ("<x-cisco-remotecc-request/>", "no softkeyeventmsg"),
            ("<x-cisco-remotecc-request><softkeyeventmsg/></x-cisco-remotecc-request>", "no softkeyevent"),
        ] {
            assert!(of(body).contains(words), "{body}: {}", of(body));
        }
        assert!(of(&"x".repeat(LONGEST + 1)).contains("no short text"));
        assert!(of("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").contains("no XML"));
    }
}
