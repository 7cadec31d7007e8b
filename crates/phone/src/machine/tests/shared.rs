//! Shared lines at a phone: calls elsewhere are shown, one that is held there is taken over.

use super::two_calls::CONTACT;
use super::*;
use crate::status::RemoteUse;

impl Rig {
    /// CUCM tells of a call on another phone of the line.
    fn tells(&mut self, call_id: &str, state: &str, rendering: &str) {
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"0\" \
             state=\"partial\" entity=\"sip:1001@10.48.38.5\">\n<dialog id=\"7\" call-id=\"{call_id}\" local-tag=\"theirs\" \
             remote-tag=\"5~node-6\" direction=\"recipient\">\n<state>{state}</state>\n<local>\n<target uri=\"sip:1001@10.48.38.5\">\n\
             <param pname=\"+sip.rendering\" pval=\"{rendering}\"/>\n</target>\n</local>\n\
             <remote>\n<identity display=\"A\">sip:1000@10.48.38.5</identity>\n</remote>\n</dialog>\n</dialog-info>\n"
        );
        self.notifies(&body);
        assert!(self.last().starts_with("SIP/2.0 200 OK\r\n"), "{}", self.last());
    }

    fn notifies(&mut self, body: &str) {
        let nth = self.sent.len();
        self.receive(&format!(
            "NOTIFY sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKshare{nth}\r\n\
             From: <sip:1001@10.48.38.5>;tag=share{nth}\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: share{nth}\r\nCSeq: 101 NOTIFY\r\n\
             Event: dialog\r\nSubscription-State: active\r\nContact: <sip:1001@10.48.38.5:5060>\r\n\
             Content-Type: application/dialog-info+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ));
    }
}

#[test]
fn a_line_in_use_elsewhere_is_shown_until_the_call_is_over() {
    let mut rig = Rig::new(PHONE_B, &[]);
    assert_eq!(rig.machine.status().remote, RemoteUse::None);
    rig.tells("a@x", "confirmed", "yes");
    assert_eq!(rig.machine.status().remote, RemoteUse::InUse);
    assert!(crate::PhoneState::RemoteInUse.holds(&rig.machine.status()));
    rig.tells("a@x", "confirmed", "no");
    assert_eq!(rig.machine.status().remote, RemoteUse::Held);
    assert!(crate::PhoneState::RemoteHeld.holds(&rig.machine.status()));
    rig.tells("b@x", "confirmed", "yes");
    rig.tells("a@x", "terminated", "no");
    assert_eq!(rig.machine.status().remote, RemoteUse::InUse, "the other call is still there");
    rig.tells("b@x", "terminated", "yes");
    assert_eq!(rig.machine.status().remote, RemoteUse::None);
    assert_eq!(rig.machine.status().call, CallState::Idle, "a call elsewhere is none of the phone's own");
}

#[test]
fn resume_takes_over_what_another_phone_holds() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.tells("a@x", "confirmed", "yes");
    assert_eq!(rig.command(Command::Resume), Err(CommandError::NoCall), "it is not held there");
    rig.tells("a@x", "confirmed", "no");
    rig.command(Command::Resume).unwrap();
    let invite = rig.last();
    assert!(invite.starts_with("INVITE sip:1001@10.48.38.5;user=phone SIP/2.0\r\n"), "{invite}");
    assert_eq!(header(&invite, "Replaces"), "a@x;to-tag=5~node-6;from-tag=theirs");
    assert_eq!(header(&invite, "Call-Info"), "<urn:x-cisco-remotecc:resume>");
    rig.receive(&answer_to(&invite, "200 OK", CONTACT, AVP_ANSWER));
    assert_eq!(rig.machine.status().call, CallState::Connected);
    assert_eq!(rig.machine.calls[0].number, "1000", "a transfer would refer to the other end");
}

#[test]
fn c_barge_joins_a_call_in_which_another_phone_talks() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.tells("a@x", "confirmed", "no");
    assert_eq!(rig.command(Command::CBarge), Err(CommandError::NoCall), "nobody talks there");
    rig.tells("a@x", "confirmed", "yes");
    rig.command(Command::CBarge).unwrap();
    let invite = rig.last();
    assert!(invite.starts_with("INVITE sip:1001@10.48.38.5;user=phone SIP/2.0\r\n"), "{invite}");
    assert_eq!(header(&invite, "Join"), "a@x;to-tag=5~node-6;from-tag=theirs");
    assert_eq!(header(&invite, "Call-Info"), "<urn:x-cisco-remotecc:cbarge>");
    assert_eq!(header(&invite, "Replaces"), "");
    rig.receive(&answer_to(&invite, "200 OK", CONTACT, AVP_ANSWER));
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn resume_prefers_the_phone_s_own_call() {
    let mut rig = Rig::in_call(&[], avp);
    rig.tells("a@x", "confirmed", "no");
    rig.command(Command::Hold).unwrap();
    rig.accept(AVP_ANSWER);
    rig.command(Command::Resume).unwrap();
    assert_eq!(header(&rig.last(), "Replaces"), "");
}

#[test]
fn what_cannot_be_read_is_refused_and_told() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.tells("a@x", "confirmed", "no");
    rig.notifies("<dialog-info><dialog/></dialog-info>");
    assert!(rig.last().starts_with("SIP/2.0 400 "), "{}", rig.last());
    assert!(matches!(rig.events.last(), Some(PhoneEvent::Problem(why)) if why.contains("without call-id")));
    assert_eq!(rig.machine.status().remote, RemoteUse::Held, "what was known stays");
}

#[test]
fn barge_names_the_same_call_with_another_word() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.tells("a@x", "confirmed", "yes");
    rig.command(Command::Barge).unwrap();
    let invite = rig.last();
    assert_eq!(header(&invite, "Join"), "a@x;to-tag=5~node-6;from-tag=theirs");
    assert_eq!(header(&invite, "Call-Info"), "<urn:x-cisco-remotecc:barge>");
}

/// The INVITE with which CUCM asks the built-in bridge for an offer to a guest.
fn guest_invite(rig: &Rig, nth: u32) -> String {
    let dialog = rig.machine.calls[0].dialog.clone().unwrap();
    format!(
        "INVITE sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKguest{nth}\r\n\
         From: \"Call Manager\" <sip:10.48.38.5>;tag=guest{nth}\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: guest{nth}\r\n\
         CSeq: 101 INVITE\r\nCall-Info: <urn:x-cisco-remotecc:callinfo>; isVoip\r\nJoin: {};from-tag={};to-tag={}\r\n\
         Contact: <sip:10.48.38.5:5060;transport=tcp>\r\nContent-Length: 0\r\n\r\n",
        dialog.call_id, dialog.local_tag, dialog.remote_tag
    )
}

#[test]
fn a_guest_gets_an_offer_at_once_is_heard_with_the_ack_and_leaves_with_bye() {
    let mut rig = Rig::in_call(&[], avp);
    rig.receive(&guest_invite(&rig, 1));
    let ok = rig.last();
    assert!(ok.starts_with("SIP/2.0 200 OK\r\n") && ok.contains("a=sendrecv"), "{ok}");
    assert_eq!(rig.machine.open_bridges(), 1);
    rig.receive(&guest_invite(&rig, 2));
    assert!(rig.last().starts_with("SIP/2.0 486 "), "one guest at a time");
    rig.receive(&ack_to(&ok, AVP_ANSWER));
    let is_start = |order: &&MediaOrder| matches!(order, MediaOrder::StartGuest { call: CallNo(1), .. });
    assert_eq!(rig.orders.iter().filter(is_start).count(), 1);
    let tag = to_tag(&ok);
    rig.receive(&format!(
        "BYE sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKbyeguest\r\n\
         From: \"Call Manager\" <sip:10.48.38.5>;tag=guest1\r\nTo: <sip:1001@10.48.38.5>;tag={tag}\r\nCall-ID: guest1\r\n\
         CSeq: 102 BYE\r\nContent-Length: 0\r\n\r\n"
    ));
    assert!(rig.last().starts_with("SIP/2.0 200 OK\r\n"), "{}", rig.last());
    assert!(rig.orders.iter().any(|order| matches!(order, MediaOrder::StopGuest { .. })));
    assert_eq!((rig.machine.open_bridges(), rig.machine.status().call), (0, CallState::Connected));
}

#[test]
fn a_guest_of_no_call_or_of_a_held_one_is_refused() {
    let mut rig = Rig::in_call(&[], avp);
    let invite = guest_invite(&rig, 1);
    rig.command(Command::Hold).unwrap();
    rig.accept(AVP_ANSWER);
    rig.receive(&invite);
    assert!(rig.last().starts_with("SIP/2.0 481 "), "{}", rig.last());
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&invite);
    assert!(rig.last().starts_with("SIP/2.0 481 "), "{}", rig.last());
}
