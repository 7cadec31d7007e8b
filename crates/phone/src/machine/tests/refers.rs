//! Transfers, conferences and the record softkey, as they stand on the wire.

use super::two_calls::CONTACT;
use super::*;

impl Rig {
    /// NOTIFY in the dialog of a call, with the start line of a response as its body.
    fn notify(&mut self, at: usize, cseq: u32, status: &str) {
        let dialog = self.machine.calls[at].dialog.clone().unwrap();
        let body = format!("SIP/2.0 {status}\r\n");
        let state = if status.starts_with('1') { "active;expires=60" } else { "terminated;reason=noresource" };
        self.receive(&format!(
            "NOTIFY sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKnotify{cseq}\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: {cseq} NOTIFY\r\nEvent: refer\r\nSubscription-State: {state}\r\nContact: <sip:1001@10.48.38.5:5060>\r\n\
             Content-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n{body}",
            dialog.remote_header(), dialog.local_header(), dialog.call_id, body.len()
        ));
        assert!(self.last().starts_with("SIP/2.0 200 OK\r\n"), "{}", self.last());
    }

    fn transfer_events(&self) -> Vec<&PhoneEvent> {
        let is_one =
            |event: &&PhoneEvent| matches!(event, PhoneEvent::Transferred { .. } | PhoneEvent::TransferFailed { .. });
        self.events.iter().filter(is_one).collect()
    }
}

const FIRST: &str = "34241a00-d6514bed-327f-526300e@10.48.38.5";

#[test]
fn a_consult_transfer_refers_the_held_call_to_the_dialog_of_the_other() {
    let mut rig = Rig::consulting();
    let second = rig.machine.calls[1].dialog.clone().unwrap();
    rig.command(Command::CompleteTransfer).unwrap();
    let refer = rig.last();
    assert!(refer.starts_with("REFER sip:1000@10.48.38.5:5060;transport=tcp SIP/2.0\r\n"), "{refer}");
    assert_eq!((header(&refer, "Call-ID").as_str(), header(&refer, "CSeq").as_str()), (FIRST, "102 REFER"));
    let (call_id, ours, theirs) =
        (second.call_id.replace('@', "%40"), second.local_tag.as_str(), second.remote_tag.as_str());
    assert_eq!(
        header(&refer, "Refer-To"),
        format!("<sip:1003@10.48.38.5?Replaces={call_id}%3Bto-tag%3D{theirs}%3Bfrom-tag%3D{ours}>")
    );
    assert_eq!(header(&refer, "Referred-By"), "\"SJ User 2\" <sip:1001@10.48.38.5>");
    assert_eq!(rig.command(Command::CompleteTransfer), Err(CommandError::Busy), "it is being transferred");
    rig.receive(&answer_to(&refer, "202 Accepted", CONTACT, ""));
    rig.notify(0, 110, "100 Trying");
    assert!(rig.transfer_events().is_empty());
    rig.notify(0, 111, "200 OK");
    assert_eq!(rig.transfer_events(), [&PhoneEvent::Transferred { call_id: FIRST.into() }]);
    // The phone waits for CUCM to end both.
    assert!(!rig.sent.iter().any(|text| text.starts_with("BYE ")));
    assert_eq!(rig.machine.status().other, CallState::Held);
}

#[test]
fn a_call_that_only_rings_can_be_transferred_to() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::Consult("1003".into(), Purpose::Transfer)).unwrap();
    rig.accept(AVP_ANSWER);
    assert_eq!(rig.command(Command::CompleteTransfer), Err(CommandError::Busy), "nothing rings there yet");
    let invite = rig.last();
    rig.receive(&answer_to(&invite, "180 Ringing", CONTACT, ""));
    rig.command(Command::CompleteTransfer).unwrap();
    let refer = rig.last();
    assert!(
        header(&refer, "Refer-To").contains("%3Bto-tag%3D104951~e650e088-19301624%3Bfrom-tag%3D6c416a369525"),
        "{refer}"
    );
    rig.receive(&answer_to(&refer, "202 Accepted", CONTACT, ""));
    rig.notify(0, 110, "200 OK");
    rig.receive(&answer_to(&invite, "487 Request Cancelled", "", ""));
    assert_eq!((rig.machine.status().call, rig.machine.status().other), (CallState::Held, CallState::Idle));
}

#[test]
fn a_blind_transfer_holds_and_names_the_number_alone() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::TransferBlind("1003".into())).unwrap();
    assert_eq!(header(&rig.last(), "Call-Info"), "<urn:x-cisco-remotecc:hold>; reason= transfer");
    assert!(!rig.sent.iter().any(|text| text.starts_with("REFER ")));
    rig.accept(AVP_ANSWER);
    let refer = rig.last();
    assert!(refer.starts_with("REFER ") && header(&refer, "CSeq") == "102 REFER", "{refer}");
    assert_eq!(
        (header(&refer, "Call-ID").as_str(), header(&refer, "Refer-To").as_str()),
        (FIRST, "<sip:1003@10.48.38.5>")
    );
    rig.receive(&answer_to(&refer, "202 Accepted", CONTACT, ""));
    rig.notify(0, 110, "200 OK");
    assert_eq!(rig.transfer_events(), [&PhoneEvent::Transferred { call_id: FIRST.into() }]);
}

#[test]
fn a_transfer_that_fails_leaves_the_call_held() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::TransferBlind("1003".into())).unwrap();
    rig.accept(AVP_ANSWER);
    rig.receive(&answer_to(&rig.last(), "202 Accepted", CONTACT, ""));
    rig.notify(0, 110, "486 Busy Here");
    let failed = |why: &str| PhoneEvent::TransferFailed { call_id: FIRST.into(), why: why.into() };
    assert_eq!(rig.transfer_events(), [&failed("486 Busy Here")]);
    // Nobody asked any more: not told twice.
    rig.notify(0, 111, "200 OK");
    assert_eq!(rig.transfer_events().len(), 1);
    rig.command(Command::TransferBlind("1004".into())).unwrap();
    rig.receive(&answer_to(&rig.last(), "403 Forbidden", "", ""));
    assert_eq!(rig.transfer_events(), [&failed("486 Busy Here"), &failed("403 Forbidden")]);
    rig.command(Command::Resume).unwrap();
    rig.accept(AVP_ANSWER);
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn a_refer_without_an_answer_fails_and_the_call_stays() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::TransferBlind("1003".into())).unwrap();
    rig.accept(AVP_ANSWER);
    rig.pass(Duration::from_secs(33));
    let Some(PhoneEvent::TransferFailed { why, .. }) = rig.transfer_events().pop() else { panic!("{:?}", rig.events) };
    assert!(why.contains("no answer came"), "{why}");
    assert_eq!(rig.machine.status().call, CallState::Held);
}

#[test]
fn the_conference_softkey_is_the_refer_of_the_capture() {
    let mut rig = Rig::consulting();
    let [first, second] = [0, 1].map(|at| rig.machine.calls[at].dialog.clone().unwrap());
    rig.command(Command::CompleteConference).unwrap();
    let refer = rig.last();
    assert_eq!(names(&refer), names(&trace("42")));
    assert_eq!((header(&refer, "CSeq").as_str(), header(&refer, "Expires").as_str()), ("1000 REFER", "60"));
    assert!(refer.starts_with("REFER sip:10.48.38.5 SIP/2.0\r\n"));
    let cid = header(&refer, "Refer-To");
    assert_eq!(format!("<{}>", cid.strip_prefix("cid:").unwrap()), header(&refer, "Content-Id"));
    // The body: that of the capture, with our two dialogs.
    let theirs = trace("42");
    let dialogs = [
        ("a4b439d3-8e150007-1991b55f-00f9dcf7@x.x.x.x", first.call_id.as_str()),
        ("a4b439d38e1500333f1eb5d4-68656916", first.local_tag.as_str()),
        ("171~ca425666-d5e7-42aa-a428-23dde46063a5-17600290", first.remote_tag.as_str()),
        ("a4b439d3-8e150008-415a60f5-7c35c82d@x.x.x.x", second.call_id.as_str()),
        ("a4b439d38e15003562c2c59a-69dbf571", second.local_tag.as_str()),
        ("176~ca425666-d5e7-42aa-a428-23dde46063a5-17600292", second.remote_tag.as_str()),
    ];
    let body = |text: &str| text.split_once("<?xml").unwrap().1.lines().map(str::to_owned).collect::<Vec<_>>();
    let theirs = dialogs.iter().fold(theirs, |text, (theirs, ours)| text.replace(theirs, ours));
    assert_eq!(body(&refer), body(&theirs));
    rig.receive(&answer_to(&refer, "202 Accepted", "", ""));
    assert_eq!(rig.events.last(), Some(&PhoneEvent::SoftkeyTaken { softkey: "Conference" }));
}

#[test]
fn the_held_call_is_taken_into_the_conference_by_cucms_next_question_for_an_offer() {
    for is_taken in [true, false] {
        let mut rig = Rig::consulting();
        let first = rig.machine.calls[0].dialog.clone().unwrap();
        let answer = if is_taken { "202 Accepted" } else { "403 Forbidden" };
        rig.command(Command::CompleteConference).unwrap();
        rig.receive(&answer_to(&rig.last(), answer, "", ""));
        rig.receive(&format!(
            "INVITE sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKjoin\r\nFrom: {}\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: 120 INVITE\r\nContact: <sip:b0104002001@10.48.38.5:5060>;isFocus\r\nContent-Length: 0\r\n\r\n",
            first.remote_header(), first.local_header(), first.call_id
        ));
        let ok = rig.last();
        assert!(ok.starts_with("SIP/2.0 200 OK\r\n"), "{ok}");
        assert_eq!(!ok.contains("a=sendonly"), is_taken, "{ok}");
        let status = rig.machine.status();
        let expected = if is_taken { CallState::Connected } else { CallState::Held };
        assert_eq!(rig.machine.calls[0].state, expected);
        assert_eq!(status.call, CallState::Connected, "the conference, or the consultation");
    }
}

#[test]
fn the_softkeys_of_one_call_name_the_active_one() {
    let mut rig = Rig::in_call(&[], avp);
    for (command, name) in [
        (Command::Record(Softkey::StartRecording), "StartRecording"),
        (Command::Record(Softkey::StopRecording), "StopRecording"),
        (Command::Park, "Park"),
    ] {
        rig.command(command).unwrap();
        let refer = rig.last();
        assert!(
            refer.contains(&format!("<softkeyevent>{name}</softkeyevent>\n<dialogid>\n<callid>{FIRST}</callid>\n"))
        );
        assert!(refer.contains("<consultdialogid>\n<callid></callid>\n"));
        assert_eq!(header(&refer, "Require"), "norefersub");
        rig.receive(&answer_to(&refer, "202 Accepted", "", ""));
        assert_eq!(rig.events.last(), Some(&PhoneEvent::SoftkeyTaken { softkey: name }));
    }
    rig.command(Command::Record(Softkey::StartRecording)).unwrap();
    rig.receive(&answer_to(&rig.last(), "603 Decline", "", ""));
    assert!(matches!(rig.events.last(), Some(PhoneEvent::Problem(why)) if why.contains("StartRecording: 603 Decline")));
}

#[test]
fn the_bridge_of_a_recording_in_user_mode_turns_the_softkey_and_that_of_a_silent_one_does_not() {
    for (invoker, is_shown) in [("user", true), ("auto", false)] {
        let mut rig = Rig::in_call(&[], avp);
        let invite = rig.bridge_invite("05").replace("record-invoker=auto", &format!("record-invoker={invoker}"));
        rig.receive(&invite);
        assert!(!rig.machine.status().recording_shown, "the bridge has not answered yet");
        rig.pass(Duration::from_millis(268));
        assert_eq!(rig.machine.status().recording_shown, is_shown, "{invoker}");
        let tag = to_tag(&rig.last());
        let bye = with_to_tag(&trace("07"), &tag).replace("ACK", "BYE").replace("101 BYE", "102 BYE");
        rig.receive(&bye.replace("branch=z9hG4bK", "branch=z9hG4bKbye"));
        assert!(rig.last().starts_with("SIP/2.0 200 OK\r\n"), "{}", rig.last());
        assert_eq!((rig.machine.open_bridges(), rig.machine.status().recording_shown), (0, false));
    }
}

#[test]
fn keys_need_a_call_that_is_up_and_has_agreed_on_events() {
    let mut rig = Rig::new(PHONE_B, &[]);
    let press = |rig: &mut Rig, digits: &str| rig.command(Command::Dtmf(digits.into()));
    assert_eq!(press(&mut rig, "1"), Err(CommandError::NoCall));
    let mut rig = Rig::in_call(&[], avp);
    press(&mut rig, "19*#aD").unwrap();
    let Some(MediaOrder::Dtmf { call: CallNo(1), events }) = rig.orders.last() else { panic!("{:?}", rig.orders) };
    assert_eq!(events, &[1, 9, 10, 11, 12, 15]);
    let refused = press(&mut rig, "1x").unwrap_err();
    assert_eq!(refused.to_string(), "got the key 'x', expected 0 to 9, *, # or A to D");
    rig.command(Command::Hold).unwrap();
    assert_eq!(press(&mut rig, "1"), Err(CommandError::Busy));
    // Without telephone-event in the answer there is nothing to press with; another number of it is taken.
    let silent = |_: &str| {
        AVP_ANSWER
            .replace(" 0 101\r\n", " 0\r\n")
            .replace("a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n", "")
    };
    let mut rig = Rig::in_call(&[], silent);
    assert!(matches!(press(&mut rig, "1"), Err(CommandError::Refused(_))));
    let mut rig = Rig::in_call(&[], |_| AVP_ANSWER.replace("101", "96"));
    press(&mut rig, "1").unwrap();
    let main = rig.orders.iter().find_map(|order| match order {
        MediaOrder::SetMain { terms, .. } => terms.send.as_ref(),
        _ => None,
    });
    assert_eq!(main.unwrap().events, Some(96));
}

#[test]
fn pick_up_calls_the_service_of_the_phone_s_configuration() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.command(Command::PickUp).unwrap();
    let invite = rig.last();
    assert!(invite.starts_with("INVITE sip:x-cisco-serviceuri-pickup@10.48.38.5;user=phone SIP/2.0\r\n"), "{invite}");
    assert_eq!(names(&invite), names(&trace("01")), "it is an INVITE like any other");
}
