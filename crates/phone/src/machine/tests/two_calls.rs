//! Two calls at one phone: which one a command addresses, and what makes room for the other.

use super::*;

pub(super) const CONTACT: &str = "Contact: <sip:1000@10.48.38.5:5060;transport=tcp>\r\n";

impl Rig {
    /// CUCM takes the last request.
    pub(super) fn accept(&mut self, body: &str) {
        let request = self.last();
        self.receive(&answer_to(&request, "200 OK", CONTACT, body));
    }

    /// Another call comes in, from `number`.
    fn ring(&mut self, nth: u32) {
        let invite = trace("02")
            .replace("34241a00", &format!("34241a0{nth}"))
            .replace("z9hG4bK32e829c48246", &format!("z9hG4bKcall{nth}"))
            .replace("104952~", &format!("10495{nth}~"));
        self.receive(&invite);
    }

    fn states(&self) -> (CallState, CallState) {
        let status = self.machine.status();
        (status.call, status.other)
    }

    /// The orders that start or end a voice, newest last.
    fn voices(&self) -> Vec<(u32, bool)> {
        let mains = self.orders.iter().filter_map(|order| match order {
            MediaOrder::SetMain { call, terms } => Some((call.0, terms.send.is_some())),
            _ => None,
        });
        mains.collect()
    }

    /// Phone B in two calls: the one of the captures is held, the other is up.
    pub(super) fn consulting() -> Self {
        let mut rig = Self::in_call(&[], avp);
        rig.command(Command::Consult("1003".into(), Purpose::Transfer)).unwrap();
        rig.accept(AVP_ANSWER);
        rig.accept(AVP_ANSWER);
        assert_eq!(rig.states(), (CallState::Connected, CallState::Held), "{:?}", rig.events);
        rig
    }
}

fn count(rig: &Rig, start: &str) -> usize {
    rig.sent.iter().filter(|text| text.starts_with(start)).count()
}

#[test]
fn a_second_call_waits_and_a_third_finds_the_phone_busy() {
    let mut rig = Rig::in_call(&[], avp);
    rig.ring(1);
    assert!(rig.last().starts_with("SIP/2.0 180 "));
    assert_eq!(rig.states(), (CallState::Connected, CallState::Ringing));
    assert!(crate::PhoneState::Ringing.holds(&rig.machine.status()));
    rig.ring(2);
    assert!(rig.last().starts_with("SIP/2.0 486 "), "{}", rig.last());
    let mut rig = Rig::in_call(&[], avp);
    rig.machine.settings.busy_trigger = 1;
    rig.ring(1);
    assert!(rig.last().starts_with("SIP/2.0 486 "), "{}", rig.last());
}

#[test]
fn a_waiting_call_is_answered_when_the_first_is_held() {
    let mut rig = Rig::in_call(&[], avp);
    rig.ring(1);
    let answers = count(&rig, "SIP/2.0 200");
    rig.command(Command::Answer).unwrap();
    let hold = rig.last();
    assert!(hold.starts_with("INVITE ") && hold.contains("a=sendonly\r\n"), "{hold}");
    assert_eq!(header(&hold, "Call-Info"), "<urn:x-cisco-remotecc:hold>");
    assert_eq!((rig.voices().last(), count(&rig, "SIP/2.0 200")), (Some(&(1, false)), answers));
    rig.accept(AVP_ANSWER);
    let ok = rig.last();
    assert!(ok.starts_with("SIP/2.0 200 OK") && header(&ok, "Call-ID").starts_with("34241a01"), "{ok}");
    rig.receive(&ack_to(&ok, AVP_ANSWER));
    assert_eq!(rig.states(), (CallState::Connected, CallState::Held));
    assert_eq!(rig.voices(), [(1, true), (1, false), (2, true)]);
    // The second one is the active one: it is what is hung up.
    rig.command(Command::HangUp).unwrap();
    assert!(rig.last().starts_with("BYE ") && header(&rig.last(), "Call-ID").starts_with("34241a01"));
    assert_eq!(rig.states(), (CallState::Held, CallState::Idle));
    rig.command(Command::Resume).unwrap();
    assert_eq!(header(&rig.last(), "Call-Info"), "<urn:x-cisco-remotecc:resume>");
    rig.accept(AVP_ANSWER);
    assert_eq!(rig.states(), (CallState::Connected, CallState::Idle));
}

#[test]
fn a_waiting_call_that_gives_up_while_the_first_is_being_held_is_no_problem() {
    let mut rig = Rig::in_call(&[], avp);
    rig.ring(1);
    rig.command(Command::Answer).unwrap();
    let hold = rig.last();
    let cancel = trace("02")
        .replace("34241a00", "34241a01")
        .replace("z9hG4bK32e829c48246", "z9hG4bKcall1")
        .replace("104952~", "104951~")
        .replace("INVITE sip:", "CANCEL sip:")
        .replace("CSeq: 101 INVITE", "CSeq: 101 CANCEL");
    rig.receive(&cancel);
    assert!(rig.sent.iter().any(|text| text.starts_with("SIP/2.0 487 ")));
    rig.receive(&answer_to(&hold, "200 OK", CONTACT, AVP_ANSWER));
    assert_eq!(rig.states(), (CallState::Held, CallState::Idle));
    assert!(!rig.events.iter().any(|event| matches!(event, PhoneEvent::Problem(_))), "{:?}", rig.events);
}

#[test]
fn resume_holds_the_other_call_first() {
    let mut rig = Rig::consulting();
    rig.command(Command::Resume).unwrap();
    let hold = rig.last();
    assert!(hold.contains("a=sendonly\r\n") && header(&hold, "Call-ID").starts_with("6c416a36"), "{hold}");
    rig.accept(AVP_ANSWER);
    let resume = rig.last();
    assert!(resume.contains("a=sendrecv\r\n") && header(&resume, "Call-ID").starts_with("34241a00"), "{resume}");
    rig.accept(AVP_ANSWER);
    assert_eq!(rig.states(), (CallState::Connected, CallState::Held));
    assert_eq!(rig.voices(), [(1, true), (1, false), (2, true), (2, false), (1, true)]);
}

#[test]
fn consult_holds_for_a_transfer_and_then_dials() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::Consult("1003".into(), Purpose::Transfer)).unwrap();
    assert_eq!(header(&rig.last(), "Call-Info"), "<urn:x-cisco-remotecc:hold>; reason= transfer");
    assert_eq!(rig.states(), (CallState::Held, CallState::Idle));
    rig.accept(AVP_ANSWER);
    let invite = rig.last();
    assert!(invite.starts_with("INVITE sip:1003@10.48.38.5;user=phone SIP/2.0\r\n"), "{invite}");
    assert_eq!(rig.states(), (CallState::Calling, CallState::Held));
    // The one who is asked is busy: the first call is still held, and is what a command addresses.
    rig.receive(&answer_to(&invite, "486 Busy Here", "", ""));
    assert_eq!(rig.states(), (CallState::Held, CallState::Idle));
    assert!(matches!(rig.events.last(), Some(PhoneEvent::Ended { why, .. }) if why == "486 Busy Here"));
    rig.command(Command::Consult("1004".into(), Purpose::Transfer)).unwrap();
    assert!(rig.last().starts_with("INVITE sip:1004@"), "{}", rig.last());
}

#[test]
fn a_hold_that_cucm_refuses_holds_nothing_and_dials_nothing() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::Consult("1003".into(), Purpose::Conference)).unwrap();
    assert_eq!(header(&rig.last(), "Call-Info"), "<urn:x-cisco-remotecc:hold>; reason= conference");
    rig.receive(&answer_to(&rig.last(), "488 Not Acceptable Here", "", ""));
    assert_eq!(rig.states(), (CallState::Connected, CallState::Idle));
    assert_eq!(count(&rig, "INVITE sip:1003@"), 0);
    assert_eq!(rig.voices().last(), Some(&(1, true)));
}

#[test]
fn a_phone_in_two_calls_has_no_room_for_a_third() {
    let mut rig = Rig::consulting();
    let busy = Err(CommandError::Busy);
    assert_eq!(rig.command(Command::Dial("1".into())), busy);
    assert_eq!(rig.command(Command::Consult("1".into(), Purpose::Transfer)), busy);
    rig.ring(1);
    assert!(rig.last().starts_with("SIP/2.0 486 "));
}

#[test]
fn bridges_belong_to_the_call_that_join_names() {
    let mut rig = Rig::consulting();
    let [first, second] = [0, 1].map(|at| rig.machine.calls[at].dialog.clone().unwrap());
    // Near and far of the second call: the INVITE of the capture, with Join of that call.
    let join = format!("Join: {};from-tag={};to-tag={}", second.call_id, second.local_tag, second.remote_tag);
    let rejoined = |number: &str| {
        let lines: Vec<_> = trace(number)
            .split("\r\n")
            .map(|line| if line.starts_with("Join: ") { join.clone() } else { line.to_owned() })
            .collect();
        lines.join("\r\n")
    };
    for (invite, ack, reinvite, last) in [("05", "07", "16", "20"), ("09", "50", "14", "18")] {
        rig.receive(&rejoined(invite));
        rig.pass(Duration::from_millis(268));
        let tag = to_tag(&rig.last());
        rig.receive(&with_to_tag(&trace(ack), &tag));
        rig.receive(&with_to_tag(&trace(reinvite), &tag));
        rig.pass(Duration::from_millis(210));
        rig.receive(&with_to_tag(&trace(last), &tag));
    }
    let forks: Vec<_> = rig
        .orders
        .iter()
        .filter_map(|order| match order {
            MediaOrder::StartFork { call, opening, .. } => Some((call.0, opening.main_dialog.clone())),
            _ => None,
        })
        .collect();
    assert_eq!(forks, [(2, second.call_id.clone()), (2, second.call_id.clone())]);
    assert_eq!(rig.machine.status().forks, 2);
    // A tag of the one call with the Call-ID of the other names nothing.
    let crossed = rejoined("05").replace(&second.call_id, &first.call_id).replace("z9hG4bK", "z9hG4bKx");
    rig.receive(&crossed.replace("35554700", "35554799"));
    assert!(rig.last().starts_with("SIP/2.0 481 "), "{}", rig.last());
    // The first call ends and takes nothing of the second with it; the second takes its forks.
    let bye = |call: u32| {
        let dialog = if call == 1 { &first } else { &second };
        format!(
            "BYE sip:1001@10.48.38.107:51902 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.5:5060;branch=z9hG4bKbye{call}\r\nFrom: {}\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 150 BYE\r\nContent-Length: 0\r\n\r\n",
            dialog.remote_header(),
            dialog.local_header(),
            dialog.call_id
        )
    };
    rig.receive(&bye(1));
    assert_eq!((rig.states(), rig.machine.status().forks), ((CallState::Connected, CallState::Idle), 2));
    rig.receive(&bye(2));
    let status = rig.machine.status();
    assert_eq!((status.call, status.forks, status.bridges), (CallState::Idle, 0, 2));
}
