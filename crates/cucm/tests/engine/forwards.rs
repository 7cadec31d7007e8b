//! Forwarding: which phone rings in the end, what it and the caller are told, and that a recorder hears of nobody else.

use std::time::Duration;

use cucm::config::*;
use cucm::{CucmEvent, ForwardReason};
use sip::{FlowId, Message};

use crate::bench::*;
use crate::transfers::{hold, notified, refer, transferred};

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn at(flow: FlowId) -> Sdp {
    Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_002)
}

/// Where a line forwards, by the kind of forwarding.
fn forward(kind: ForwardReason, to: &str) -> Forward {
    let to = Some(to.to_owned());
    match kind {
        ForwardReason::Unconditional => Forward { all: to, ..Forward::default() },
        ForwardReason::UserBusy => Forward { busy: to, ..Forward::default() },
        ForwardReason::NoAnswer => Forward { no_answer: to, ..Forward::default() },
    }
}

/// Four phones, 1000 to 1003, whose lines forward as given; 1001 and 1002 are recorded.
fn ready(forwards: &[(usize, ForwardReason, &str)]) -> Bench {
    let mut config = with_deputy(plain());
    config.phones[2].lines[0] = config.phones[2].lines[0].clone().recorded("recorder");
    for (phone, kind, to) in forwards {
        config.phones[*phone].lines[0].forward = forward(*kind, to);
    }
    Bench::ready(config)
}

fn diversions(invite: &Message) -> Vec<String> {
    invite.header_all("Diversion").iter().map(|value| value.to_string()).collect()
}

fn forwards(bench: &Bench) -> Vec<(String, String, ForwardReason)> {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::Forwarded { from, to, reason, .. } => Some((from.clone(), to.clone(), *reason)),
        _ => None,
    };
    bench.events.iter().filter_map(pick).collect()
}

fn refused(bench: &mut Bench) -> Option<u16> {
    let refusal = bench.next(CALLER);
    assert!(refusal.header("Reason").is_some_and(|reason| reason.contains("Q.850")));
    refusal.status()
}

#[test]
fn a_line_that_forwards_all_does_not_ring_and_is_not_reported() {
    let mut bench = ready(&[(1, ForwardReason::Unconditional, "1002")]);
    assert_eq!(bench.dial(CALLER, "1000", "1001", &caller()), None, "the agent does not ring");
    let invite = bench.expect(EXPERT, "INVITE");
    assert_eq!(
        diversions(&invite),
        ["\"SJ User 2\" <sip:1001@10.48.38.5>;reason=unconditional;privacy=off;screen=yes"]
    );
    assert!(invite.header("To").unwrap().contains("sip:1002@"));
    bench.answer(EXPERT, &invite, 180, "answering", "", None);
    assert!(bench.expect(CALLER, "180").header("Remote-Party-ID").unwrap().contains("sip:1002@"));
    bench.picks_up(EXPERT, &invite, &at(EXPERT));
    let ok = bench.expect(CALLER, "200");
    bench.expect(EXPERT, "ACK");
    bench.in_dialog(CALLER, "ACK", &ok, 101, None);
    bench.wait(20);
    let bridge = bench.expect(EXPERT, "INVITE");
    assert!(bridge.header("Join").is_some(), "who answers is recorded");
    bench.quiet();
    assert_eq!(forwards(&bench), [("1001".to_owned(), "1002".to_owned(), ForwardReason::Unconditional)]);
}

#[test]
fn a_line_that_nobody_answers_forwards_after_its_duration() {
    for (own, after) in [(None, 12_000), (Some(5), 5_000)] {
        let mut config = with_deputy(plain());
        config.phones[1].lines[0].forward = Forward {
            no_answer_ring_duration: own.map(Duration::from_secs),
            ..forward(ForwardReason::NoAnswer, "1002")
        };
        let mut bench = Bench::ready(config);
        let first = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
        assert_eq!(diversions(&first), Vec::<String>::new());
        bench.answer(AGENT, &first, 180, "agent", "", None);
        assert!(bench.expect(CALLER, "180").header("Remote-Party-ID").unwrap().contains("sip:1001@"));
        bench.wait(after - 1);
        bench.quiet();
        bench.wait(1);
        let cancel = bench.expect(AGENT, "CANCEL");
        bench.answer(AGENT, &cancel, 200, "agent", "", None);
        bench.answer(AGENT, &first, 487, "agent", "", None);
        bench.expect(AGENT, "ACK");
        let second = bench.expect(EXPERT, "INVITE");
        assert_eq!(
            diversions(&second),
            ["\"SJ User 2\" <sip:1001@10.48.38.5>;reason=no-answer;privacy=off;screen=yes"]
        );
        bench.answer(EXPERT, &second, 180, "answering", "", None);
        let told = bench.expect(CALLER, "180");
        assert!(told.header("Remote-Party-ID").unwrap().contains("sip:1002@"), "the caller is told who rings now");
        bench.picks_up(EXPERT, &second, &at(EXPERT));
        let ok = bench.expect(CALLER, "200");
        bench.expect(EXPERT, "ACK");
        bench.in_dialog(CALLER, "ACK", &ok, 101, None);
        bench.wait(60_000);
        bench.quiet();
        bench.in_dialog(CALLER, "BYE", &ok, 102, None);
        bench.expect(CALLER, "200");
        bench.ok(EXPERT, "BYE");
        bench.finish();
    }
}

#[test]
fn an_answer_in_time_stays_where_it_is() {
    let mut bench = ready(&[(1, ForwardReason::NoAnswer, "1002")]);
    let (.., ack) = bench.talk(&caller(), &at(AGENT));
    assert!(!ack.body().is_empty());
    bench.record();
    bench.wait(30_000);
    bench.quiet();
}

#[test]
fn a_busy_line_forwards_whether_cucm_or_the_phone_says_so() {
    // By the phone's own 486.
    let mut bench = ready(&[(1, ForwardReason::UserBusy, "1003")]);
    let first = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &first, 486, "agent", "", None);
    bench.expect(AGENT, "ACK");
    let second = bench.expect(DEPUTY, "INVITE");
    assert!(diversions(&second)[0].contains("reason=user-busy"));
    // By the busy trigger: nothing is sent to the phone.
    let mut config = with_deputy(plain());
    config.phones[1].lines[0].busy_trigger = 1;
    config.phones[1].lines[0].forward = forward(ForwardReason::UserBusy, "1003");
    let mut bench = Bench::ready(config);
    bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    assert_eq!(bench.dial(EXPERT, "1002", "1001", &at(EXPERT)), None);
    assert!(diversions(&bench.expect(DEPUTY, "INVITE"))[0].contains("reason=user-busy"));
}

#[test]
fn any_other_refusal_of_a_phone_is_not_busy() {
    let mut bench = ready(&[(1, ForwardReason::UserBusy, "1003")]);
    let first = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &first, 488, "agent", "", None);
    bench.expect(AGENT, "ACK");
    assert_eq!(refused(&mut bench), Some(488));
    bench.quiet();
}

#[test]
fn the_forwarded_to_phone_hears_of_the_last_and_of_the_first_number_only() {
    let mut config = with_deputy(plain());
    let extra = PhoneDevice {
        built_in_bridge: true,
        device_name: "SEP0011223344CC".to_owned(),
        lines: vec![Line::new("1004", "Desk")],
        ..config.phones[2].clone()
    };
    config.phones.push(extra);
    for (phone, to) in [(1, "1002"), (2, "1004"), (4, "1003")] {
        config.phones[phone].lines[0].forward = forward(ForwardReason::Unconditional, to);
    }
    let mut bench = Bench::ready(config);
    assert_eq!(bench.dial(CALLER, "1000", "1001", &caller()), None);
    let told = diversions(&bench.expect(DEPUTY, "INVITE"));
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].contains("sip:1004@") && told[1].contains("sip:1001@"), "{told:?}");
}

#[test]
fn a_circle_is_refused_as_busy() {
    use ForwardReason::{NoAnswer, Unconditional};
    for circle in [
        vec![(1, Unconditional, "1001")],
        vec![(1, Unconditional, "1002"), (2, Unconditional, "1001")],
        vec![(1, Unconditional, "1002"), (2, Unconditional, "1003"), (3, Unconditional, "1002")],
    ] {
        let mut bench = ready(&circle);
        assert_eq!(bench.dial(CALLER, "1000", "1001", &caller()), None);
        assert_eq!(refused(&mut bench), Some(486), "{circle:?}");
        assert!(bench.engine.is_idle());
    }
    let mut bench = ready(&[(1, NoAnswer, "1002"), (2, NoAnswer, "1001")]);
    bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.wait(12_000);
    bench.find(EXPERT, "INVITE");
    bench.wait(12_000);
    let refusal = bench.find(CALLER, "486");
    assert!(refusal.header("Reason").unwrap().contains("cause=17"));
}

#[test]
fn a_forward_that_leads_nowhere_is_told_to_the_caller() {
    let mut bench = ready(&[(1, ForwardReason::Unconditional, "9999")]);
    assert_eq!(bench.dial(CALLER, "1000", "1001", &caller()), None);
    assert_eq!(refused(&mut bench), Some(404));
}

#[test]
fn a_caller_that_gives_up_while_the_second_phone_rings_stops_it() {
    let mut bench = ready(&[(1, ForwardReason::NoAnswer, "1002")]);
    let first = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &first, 180, "agent", "", None);
    bench.expect(CALLER, "180");
    bench.wait(12_000);
    let cancel = bench.find(AGENT, "CANCEL");
    bench.answer(AGENT, &cancel, 200, "agent", "", None);
    bench.answer(AGENT, &first, 487, "agent", "", None);
    let second = bench.find(EXPERT, "INVITE");
    bench.answer(EXPERT, &second, 180, "answering", "", None);
    let ringing = bench.find(CALLER, "180");
    bench.sent.clear();
    let branch = ringing.header("Via").unwrap().split("branch=").nth(1).unwrap().to_owned();
    bench.give_text(
        CALLER,
        &format!(
            "CANCEL sip:1001@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\nFrom: {}\r\n\
             To: <sip:1001@10.48.38.5>\r\nCall-ID: {}\r\nCSeq: 101 CANCEL\r\n\r\n",
            ringing.header("From").unwrap(),
            ringing.header("Call-ID").unwrap()
        ),
    );
    bench.find(CALLER, "487");
    bench.find(EXPERT, "CANCEL");
    assert!(!bench.sent.iter().any(|(to, _)| *to == AGENT), "{:?}", bench.sent);
}

/// The caller talks with the agent, who is not recorded; 1002 forwards to 1003.
fn talking(kind: ForwardReason) -> (Bench, Message) {
    let mut config = unrecorded(with_deputy(plain()));
    config.phones[2].lines[0].forward = forward(kind, "1003");
    let mut bench = Bench::ready(config);
    let (_, ack) = bench.talk(&caller(), &Sdp::new("10.48.38.102", 30_002));
    hold(&mut bench, &ack);
    bench.events.clear();
    (bench, ack)
}

#[test]
fn a_blind_transfer_follows_the_target_s_forwarding() {
    let (mut bench, ack) = talking(ForwardReason::NoAnswer);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let first = bench.expect(EXPERT, "INVITE");
    bench.answer(EXPERT, &first, 180, "expert", "", None);
    assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
    bench.wait(12_000);
    let cancel = bench.expect(EXPERT, "CANCEL");
    bench.answer(EXPERT, &cancel, 200, "expert", "", None);
    bench.answer(EXPERT, &first, 487, "expert", "", None);
    bench.expect(EXPERT, "ACK");
    let second = bench.expect(DEPUTY, "INVITE");
    assert!(second.header("From").unwrap().contains("sip:1000@"), "on behalf of the caller");
    assert!(diversions(&second)[0].contains("sip:1002@10.48.38.5>;reason=no-answer"));
    bench.answer(DEPUTY, &second, 180, "deputy", "", None);
    assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
    bench.picks_up(DEPUTY, &second, &at(DEPUTY));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(DEPUTY, "ACK");
    assert_eq!(notified(&mut bench), "SIP/2.0 200 OK");
    bench.ok(AGENT, "BYE");
    assert_eq!(transferred(&bench).target.number, "1003");
    bench.quiet();
}

#[test]
fn a_transfer_whose_forwarding_leads_in_a_circle_gives_the_call_back() {
    let mut config = unrecorded(with_deputy(plain()));
    config.phones[2].lines[0].forward = forward(ForwardReason::NoAnswer, "1003");
    config.phones[3].lines[0].forward = forward(ForwardReason::Unconditional, "1002");
    let mut bench = Bench::ready(config);
    let (_, ack) = bench.talk(&caller(), &Sdp::new("10.48.38.102", 30_002));
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let first = bench.expect(EXPERT, "INVITE");
    bench.answer(EXPERT, &first, 180, "expert", "", None);
    assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
    bench.wait(12_000);
    bench.expect(EXPERT, "CANCEL");
    assert_eq!(notified(&mut bench), "SIP/2.0 486 Busy Here");
    assert!(bench.told().contains(&"TransferFailed".to_owned()));
    assert_eq!(bench.music.len(), 1, "the caller is held by the agent as before");
}

#[test]
fn a_target_at_the_end_of_its_forwarding_may_ring_as_long_as_any_other() {
    let (mut bench, ack) = talking(ForwardReason::NoAnswer);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let first = bench.expect(EXPERT, "INVITE");
    bench.answer(EXPERT, &first, 180, "expert", "", None);
    notified(&mut bench);
    bench.wait(12_000);
    let second = bench.find(DEPUTY, "INVITE");
    bench.answer(DEPUTY, &second, 180, "deputy", "", None);
    notified(&mut bench);
    bench.sent.clear();
    bench.wait(179_000);
    assert!(!bench.sent.iter().any(|(to, message)| *to == DEPUTY && message.method() == Some("CANCEL")));
    bench.wait(1_000);
    bench.find(DEPUTY, "CANCEL");
}
