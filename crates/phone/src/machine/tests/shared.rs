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
