//! The REFERs of a Cisco phone, and what Call-Info says about a hold.
//!
//! | Message | Source |
//! |---|---|
//! | softkey | Cisco document 222343: a CP-8865NR on 14.2.1 under CUCM 15 |
//! | names of the record and park softkeys | the open-source Asterisk modules for Cisco phones, which answer them |
//! | their `Require: norefersub` | inferred: `sipSPISendRefer` writes it where CUCM is to send no NOTIFY |
//! | Refer-To, Referred-By of a transfer | Cisco's published phone stack, `sipSPISendRefer` |
//! | Call-Info of hold and resume | Cisco SIP Line Messaging Guide (Standard) 12.0(1), "Call-Info - Sent from Endpoint", p. 59; `ccsip_callinfo.h` of the same stack |
//! | place of these headers among the others | inferred |

use std::fmt::Write;

use sip::{Builder, Dialog, Message};

use super::{Profile, Stamp, date, host, in_dialog};
use crate::machine::{Purpose, Softkey};

/// What Call-Info of a hold says.
pub(crate) fn hold_info(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Hold => "<urn:x-cisco-remotecc:hold>",
        Purpose::Transfer => "<urn:x-cisco-remotecc:hold>; reason= transfer",
        Purpose::Conference => "<urn:x-cisco-remotecc:hold>; reason= conference",
    }
}

/// What Call-Info of a resume says.
pub(crate) const RESUME_INFO: &str = "<urn:x-cisco-remotecc:resume>";

/// The Refer-To of a transfer to this number; with the dialog of a consult call, its Replaces (RFC 3891 §6.1: the tags as CUCM sees
/// them, its own is the to-tag).
pub(crate) fn transfer_target(profile: &Profile, number: &str, consult: Option<&Dialog>) -> String {
    let registrar = host(profile.registrar);
    match consult {
        None => format!("<sip:{number}@{registrar}>"),
        Some(Dialog { call_id, remote_tag, local_tag, .. }) => format!(
            "<sip:{number}@{registrar}?Replaces={}%3Bto-tag%3D{remote_tag}%3Bfrom-tag%3D{local_tag}>",
            call_id.replace('@', "%40")
        ),
    }
}

/// REFER in a call.
pub(crate) fn refer(profile: &Profile, dialog: &Dialog, stamp: &Stamp, target: &str) -> Message {
    in_dialog("REFER", profile, dialog, stamp)
        .header("Max-Forwards", 70)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} REFER", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .header("Contact", profile.contact())
        .header("Remote-Party-ID", profile.remote_party_id("calling"))
        .header("Refer-To", target)
        .header("Referred-By", profile.own_address())
        .header("Content-Length", 0)
        .finish()
}

/// A dialog as remotecc names it: from the phone's side.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DialogId {
    call_id: String,
    local_tag: String,
    remote_tag: String,
}

impl DialogId {
    pub(crate) fn of(dialog: &Dialog) -> Self {
        let Dialog { call_id, local_tag, remote_tag, .. } = dialog.clone();
        Self { call_id, local_tag, remote_tag }
    }
}

/// A softkey with the calls it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Press<'a> {
    pub(crate) softkey: Softkey,
    pub(crate) call: &'a DialogId,
    pub(crate) consult: Option<&'a DialogId>,
    pub(crate) tag: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) content_id: &'a str,
}

/// REFER outside any call that tells CUCM of a softkey.
pub(crate) fn softkey(profile: &Profile, stamp: &Stamp, press: &Press<'_>) -> Message {
    let registrar = host(profile.registrar);
    let body = softkey_body(press);
    let built = Builder::request("REFER", &format!("sip:{registrar}"))
        .header("Via", profile.via(&stamp.branch))
        .header("From", format_args!("{};tag={}", profile.own_address(), press.tag))
        .header("To", format_args!("<sip:{registrar}>"))
        .header("Call-ID", press.call_id)
        .header("Session-ID", stamp.session())
        .header("Date", date(stamp.wall))
        .header("CSeq", format_args!("{} REFER", stamp.cseq))
        .header("User-Agent", &profile.user_agent)
        .header("Accept", "application/x-cisco-remotecc-response+xml")
        .header("Expires", 60)
        .header("Max-Forwards", 70)
        .header("Contact", profile.contact());
    let built = match press.softkey {
        Softkey::Conference => built,
        Softkey::Park | Softkey::StartRecording | Softkey::StopRecording => built.header("Require", "norefersub"),
    };
    built
        .header("Referred-By", profile.own_address())
        .header("Refer-To", format_args!("cid:{}", press.content_id))
        .header("Content-Id", format_args!("<{}>", press.content_id))
        .header("Allow", ALLOW)
        .header("Content-Length", body.len())
        .header("Content-Type", "application/x-cisco-remotecc-request+xml")
        .header("Content-Disposition", "session;handling=required")
        .raw_body(body.as_bytes())
        .finish()
}

fn softkey_body(press: &Press<'_>) -> String {
    let none = DialogId::default();
    let mut body =
        String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<x-cisco-remotecc-request>\n<softkeyeventmsg>\n");
    let event = press.softkey.name();
    // Writing to a String cannot fail.
    let _ = writeln!(body, "<softkeyevent>{event}</softkeyevent>");
    write_dialog(&mut body, "dialogid", press.call);
    body.push_str("<linenumber>0</linenumber>\n<participantnum>0</participantnum>\n");
    write_dialog(&mut body, "consultdialogid", press.consult.unwrap_or(&none));
    body.push_str("<state>false</state>\n");
    write_dialog(&mut body, "joindialogid", &none);
    body.push_str("<eventdata>\n<invocationtype>explicit</invocationtype>\n</eventdata>\n<userdata></userdata>\n");
    body.push_str("<softkeyid>0</softkeyid>\n<applicationid>0</applicationid>\n</softkeyeventmsg>\n");
    body.push_str("</x-cisco-remotecc-request>\n");
    body
}

/// Call-IDs and tags of a Cisco phone and of CUCM hold nothing that XML would have escaped; those of others are.
fn write_dialog(body: &mut String, element: &str, id: &DialogId) {
    let parts = [("callid", &id.call_id), ("localtag", &id.local_tag), ("remotetag", &id.remote_tag)];
    let _ = writeln!(body, "<{element}>");
    for (name, value) in parts {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = writeln!(body, "<{name}>{value}</{name}>");
    }
    let _ = writeln!(body, "</{element}>");
}

/// As in the capture; the phone lists more in its INVITE.
const ALLOW: &str = "ACK,BYE,CANCEL,INVITE,NOTIFY,OPTIONS,REFER,REGISTER,UPDATE,SUBSCRIBE";
