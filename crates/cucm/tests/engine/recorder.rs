//! What a recorder may do in its dialogs: pause, ask, subscribe, end, and all of it at the wrong moment.

use cucm::CucmEvent;
use cucm::config::*;
use cucm::engine::Input;
use cucm::signalling::Request;
use media::sdp::Direction;
use media::srtp::Suite;
use sip::{FlowId, Message, Transport};

use crate::bench::*;

const LONG: Suite = Suite::AesCm128HmacSha1_80;

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).direction("recvonly")
}

fn bridge(port: u16) -> Sdp {
    Sdp::new("10.48.38.102", port).formats("0 101")
}

/// A recording under way; gives the two ACKs that the recorder got.
fn recording(config: Config) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.record();
    (bench, near, far)
}

/// The recorder offers this in its near dialog; gives the phone's ACK and the recorder's 200.
fn reoffer(bench: &mut Bench, ack: &Message, cseq: u32, offer: &Sdp, phone: &Sdp) -> (Message, Message) {
    bench.in_dialog(RECORDER, "INVITE", ack, cseq, Some(&offer.text()));
    bench.expect(RECORDER, "100");
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    assert!(asked.body().is_empty());
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &asked, 200, "near-bridge", &contact, Some(&phone.text()));
    bench.wait(13);
    let (told, ok) = (bench.expect(AGENT, "ACK"), bench.expect(RECORDER, "200"));
    bench.in_dialog(RECORDER, "ACK", &ok, cseq, None);
    (told, ok)
}

fn version(message: &Message) -> String {
    let text = String::from_utf8_lossy(message.body()).into_owned();
    text.lines().find(|line| line.starts_with("o=")).unwrap().split(' ').nth(2).unwrap().to_owned()
}

#[test]
fn a_recorders_pause_reaches_the_phone_and_so_does_its_end() {
    let (mut bench, near, _) = recording(plain());
    let inactive = recorder(6000).direction("inactive");
    let (told, ok) = reoffer(&mut bench, &near, 1, &inactive, &bridge(20_000));
    assert_eq!((audio(&told).direction, audio(&ok).direction), (Direction::Inactive, Direction::Inactive));
    assert_eq!((version(&near), version(&ok), version(&told)), ("1".to_owned(), "2".to_owned(), "5".to_owned()));
    let (told, ok) = reoffer(&mut bench, &near, 2, &recorder(6100), &bridge(20_000));
    assert_eq!((audio(&told).direction, audio(&ok).direction), (Direction::RecvOnly, Direction::SendOnly));
    assert_eq!((audio(&told).port, audio(&ok).port), (6100, 20_000));
    bench.quiet();
    assert!(matches!(bench.event(), CucmEvent::RecordingStarted(_)), "one recording, once");
}

#[test]
fn an_offer_while_the_phone_is_being_asked_already_has_to_wait() {
    let (mut bench, near, _) = recording(plain());
    // The answer to a refresh names another port, which the phone is told.
    bench.engine.send_unprompted(bench.now, Request::Reinvite, Some(media::ledger::Leg::Near));
    bench.collect();
    let refresh = bench.expect(RECORDER, "INVITE");
    bench.answer(RECORDER, &refresh, 200, "n", "", Some(&recorder(6100).text()));
    bench.expect(RECORDER, "ACK");
    bench.wait(6);
    bench.expect(AGENT, "INVITE");
    assert!(!bench.engine.is_recording_settled());
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&recorder(6100).direction("inactive").text()));
    bench.expect(RECORDER, "491");
}

#[test]
fn a_recorder_without_an_address_is_one_that_pauses() {
    let (mut bench, near, _) = recording(plain());
    let nowhere = Sdp::new("0.0.0.0", 6000).direction("recvonly");
    let (told, _) = reoffer(&mut bench, &near, 1, &nowhere, &bridge(20_000));
    assert_eq!(audio(&told).direction, Direction::Inactive);
}

#[test]
fn a_recorder_that_begins_paused_is_told_that_nothing_flows() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000).direction("inactive"));
    let (told, ack) = bench.join("near-bridge", &bridge(20_000));
    assert_eq!((audio(&told).direction, audio(&ack).direction), (Direction::Inactive, Direction::Inactive));
}

#[test]
fn a_new_key_of_the_recorder_and_the_phones_reach_each_other() {
    let mut bench = Bench::ready(secure());
    let suites: &[Suite] = &[LONG];
    bench
        .talk(&Sdp::new("10.48.38.101", 30_000).suites(suites, 1), &Sdp::new("10.48.38.102", 30_002).suites(suites, 2));
    let (near, far) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000).suites(suites, 20));
    let (_, ack) = bench.join("near-bridge", &bridge(20_000).suites(suites, 11));
    bench.recorder_answers(&far, "f", "", &recorder(6002).suites(suites, 21));
    bench.join("far-bridge", &bridge(20_002).suites(suites, 12));
    let offer = recorder(6000).suites(suites, 30);
    let (told, ok) = reoffer(&mut bench, &ack, 1, &offer, &bridge(20_000).suites(suites, 31));
    assert_eq!((crypto(&told).2, crypto(&ok).2), (key(LONG, 30), key(LONG, 31)));
}

#[test]
fn the_switch_refuses_what_is_new_and_grants_what_stands() {
    let mut config = plain();
    config.dialect.recorder_offer = RecorderOffer::Refuse;
    let (mut bench, near, _) = recording(config);
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&recorder(6000).direction("inactive").text()));
    bench.expect(RECORDER, "488");
    bench.in_dialog(RECORDER, "INVITE", &near, 2, Some(&recorder(6000).text()));
    let ok = bench.expect(RECORDER, "200");
    assert_eq!(ok.body(), near.body());
    assert!(ok.header("Contact").unwrap().contains(";isFocus;+u.sip!devicename.ccm.cisco.com="));
    bench.in_dialog(RECORDER, "ACK", &ok, 2, None);
    bench.quiet();
}

#[test]
fn an_offer_without_the_codec_or_without_a_port_is_refused_and_what_stood_stays() {
    let (mut bench, near, _) = recording(plain());
    for (cseq, offer) in [(1, recorder(6000).formats("9")), (2, recorder(0))] {
        bench.in_dialog(RECORDER, "INVITE", &near, cseq, Some(&offer.text()));
        bench.expect(RECORDER, "488");
    }
    bench.in_dialog(RECORDER, "INVITE", &near, 3, Some("this is no sdp"));
    bench.expect(RECORDER, "488");
    bench.quiet();
}

#[test]
fn a_phone_that_does_not_fit_the_new_offer_is_told_what_stood() {
    let (mut bench, near, _) = recording(plain());
    let srtp = recorder(6000).suites(&[LONG], 1);
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&srtp.text()));
    bench.expect(RECORDER, "100");
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    bench.answer(
        AGENT,
        &asked,
        200,
        "near-bridge",
        "Contact: <sip:l@10.48.38.102:50000>",
        Some(&bridge(20_000).text()),
    );
    bench.wait(13);
    let told = bench.expect(AGENT, "ACK");
    assert_eq!((audio(&told).port, audio(&told).direction), (6000, Direction::RecvOnly));
    bench.expect(RECORDER, "488");
    assert!(matches!(bench.event(), CucmEvent::RecordingStarted(_)), "the recording goes on");
    reoffer(&mut bench, &near, 2, &recorder(6000).direction("inactive"), &bridge(20_000));
}

#[test]
fn an_update_may_pause_as_well() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "UPDATE", &near, 1, Some(&recorder(6000).direction("inactive").text()));
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    bench.answer(
        AGENT,
        &asked,
        200,
        "near-bridge",
        "Contact: <sip:l@10.48.38.102:50000>",
        Some(&bridge(20_000).text()),
    );
    bench.wait(13);
    bench.expect(AGENT, "ACK");
    assert_eq!(audio(&bench.expect(RECORDER, "200")).direction, Direction::Inactive);
    // No ACK follows an UPDATE: the dialog is free at once.
    bench.in_dialog(RECORDER, "UPDATE", &near, 2, None);
    bench.expect(RECORDER, "200");
}

#[test]
fn a_re_invite_without_sdp_gets_an_offer_and_its_ack_may_pause() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "INVITE", &near, 1, None);
    let ok = bench.expect(RECORDER, "200");
    assert_eq!(ok.body(), near.body());
    // Until that offer is answered there is no room for another one.
    bench.in_dialog(RECORDER, "UPDATE", &near, 2, Some(&recorder(6000).direction("inactive").text()));
    bench.expect(RECORDER, "491");
    bench.in_dialog(RECORDER, "ACK", &ok, 1, Some(&recorder(6000).direction("inactive").text()));
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    bench.answer(
        AGENT,
        &asked,
        200,
        "near-bridge",
        "Contact: <sip:l@10.48.38.102:50000>",
        Some(&bridge(20_000).text()),
    );
    bench.wait(13);
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).direction, Direction::Inactive);
    bench.quiet();
}

#[test]
fn a_second_re_invite_before_the_first_is_answered_is_to_be_sent_later() {
    let (mut bench, near, _) = recording(plain());
    let inactive = recorder(6000).direction("inactive").text();
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&inactive));
    bench.expect(RECORDER, "100");
    bench.in_dialog(RECORDER, "INVITE", &near, 2, Some(&inactive));
    let later: u32 = bench.expect(RECORDER, "500").header("Retry-After").unwrap().parse().unwrap();
    assert!(later <= 10);
}

#[test]
fn a_recorder_that_asks_while_its_answer_waits_for_the_ack_gets_491() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000));
    let branch = bench.new_branch();
    let request = sip::Builder::request("INVITE", "sip:10.48.38.5")
        .header("Via", format_args!("SIP/2.0/TCP 10.48.38.30:5060;branch={branch}"))
        .header("From", format_args!("{};tag=n", near.header("To").unwrap()))
        .header("To", near.header("From").unwrap())
        .header("Call-ID", near.header("Call-ID").unwrap())
        .header("CSeq", "1 INVITE")
        .body("application/sdp", recorder(6000).direction("inactive").text().as_bytes());
    bench.give(RECORDER, request.finish());
    bench.expect(RECORDER, "491");
}

#[test]
fn a_re_invite_may_be_taken_back_while_the_phone_is_asked() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&recorder(6000).direction("inactive").text()));
    bench.expect(RECORDER, "100");
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    let (from, to) = (near.header("To").unwrap(), near.header("From").unwrap());
    let cancel = format!(
        "CANCEL sip:10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={}\r\nFrom: {from}\r\nTo: {to}\r\n\
         Call-ID: {}\r\nCSeq: 1 CANCEL\r\n\r\n",
        bench.last_branch(),
        near.header("Call-ID").unwrap()
    );
    bench.give_text(RECORDER, &cancel);
    bench.expect(RECORDER, "200");
    bench.expect(RECORDER, "487");
    bench.answer(
        AGENT,
        &asked,
        200,
        "near-bridge",
        "Contact: <sip:l@10.48.38.102:50000>",
        Some(&bridge(20_000).text()),
    );
    bench.wait(13);
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).direction, Direction::RecvOnly, "what stood");
    bench.quiet();
}

#[test]
fn a_recorder_that_never_acknowledges_loses_the_recording() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&recorder(6000).text()));
    bench.expect(RECORDER, "200");
    bench.wait(32_100);
    assert!(bench.sent.iter().filter(|(_, message)| message.status() == Some(200)).count() > 2, "the 200 is repeated");
    let why = bench.events.iter().find_map(|event| match event {
        CucmEvent::RecordingEnded { why, .. } => Some(why.clone()),
        _ => None,
    });
    assert!(why.unwrap().contains("never acknowledged"));
}

#[test]
fn a_bye_before_the_ack_gets_both_a_200_and_the_ack() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000));
    let branch = bench.new_branch();
    let bye = sip::Builder::request("BYE", "sip:10.48.38.5")
        .header("Via", format_args!("SIP/2.0/TCP 10.48.38.30:5060;branch={branch}"))
        .header("From", format_args!("{};tag=n", near.header("To").unwrap()))
        .header("To", near.header("From").unwrap())
        .header("Call-ID", near.header("Call-ID").unwrap())
        .header("CSeq", "1 BYE");
    bench.give(RECORDER, bye.finish());
    bench.expect(RECORDER, "200");
    assert!(bench.expect(RECORDER, "ACK").body().is_empty());
    bench.answer(RECORDER, &far, 180, "f", "", None);
    bench.ok(RECORDER, "CANCEL");
    assert_eq!(bench.failed().rule, "recorder-bye");
}

#[test]
fn a_bye_while_a_re_invite_is_open_ends_that_too() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "INVITE", &near, 1, Some(&recorder(6000).direction("inactive").text()));
    bench.expect(RECORDER, "100");
    bench.in_dialog(RECORDER, "BYE", &near, 2, None);
    bench.expect(RECORDER, "200");
    bench.expect(RECORDER, "487");
    bench.ok(RECORDER, "BYE");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.quiet();
}

#[test]
fn a_recording_that_its_recorder_ended_is_not_begun_again() {
    let (mut bench, near, _) = recording(plain());
    bench.in_dialog(RECORDER, "BYE", &near, 1, None);
    bench.expect(RECORDER, "200");
    bench.ok(RECORDER, "BYE");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.wait(60_000);
    bench.quiet();
    let ended = |event: &CucmEvent| matches!(event, CucmEvent::RecordingEnded { by_recorder: true, .. });
    assert!(bench.events.iter().any(ended), "{:?}", bench.events);
}

#[test]
fn lesser_requests_are_answered_by_what_they_are() {
    const STATUS: &str = "application/x-cisco-proxy-recording-status+xml";
    let list = "<recorderList><recorder><recorderType>primary</recorderType><status>Success</status></recorder></recorderList>";
    let deep = ["<recorderList>".repeat(400), "</recorderList>".repeat(400)].concat();
    let (mut bench, near, _) = recording(plain());
    type Body<'a> = Option<(&'a str, &'a str)>;
    let cases: &[(&str, &str, Body<'_>, &str)] = &[
        ("OPTIONS", "", None, "200"),
        ("INFO", "", None, "200"),
        ("INFO", "", Some((STATUS, list)), "200"),
        ("INFO", "", Some((STATUS, "<recorderList><recorder>")), "415"),
        ("INFO", "", Some((STATUS, "<other/>")), "415"),
        ("INFO", "", Some((STATUS, &deep)), "415"),
        ("INFO", "", Some(("application/dtmf-relay", "Signal=1\r\nDuration=160\r\n")), "200"),
        ("INFO", "", Some(("text/plain", "hello")), "415"),
        ("NOTIFY", "Event: telephone-event;rate=1000", None, "200"),
        ("NOTIFY", "Event: refer", None, "481"),
        ("NOTIFY", "", None, "489"),
        ("SUBSCRIBE", "Event: presence", None, "489"),
        ("PRACK", "RAck: 1 1 INVITE", None, "481"),
        ("REFER", "Refer-To: <sip:x@y>", None, "202"),
        ("PUBLISH", "", None, "405"),
        ("XYZZY", "", None, "405"),
    ];
    for (number, (method, extra, body, expected)) in cases.iter().enumerate() {
        bench.ask_with(RECORDER, method, &near, number as u32 + 1, extra, *body);
        let answer = bench.expect(RECORDER, expected);
        let hint = match *expected {
            "415" => Some("Accept"),
            "405" => Some("Allow"),
            "489" => Some("Allow-Events"),
            _ => None,
        };
        assert!(hint.is_none_or(|hint| answer.header(hint).is_some()), "{method}: {answer:?}");
    }
    bench.in_dialog(RECORDER, "OPTIONS", &near, 3, None);
    bench.expect(RECORDER, "500");
    bench.quiet();
}

#[test]
fn a_subscription_for_key_presses_is_told_to_be_active_until_it_ends() {
    let (mut bench, near, _) = recording(plain());
    bench.ask(RECORDER, "SUBSCRIBE", &near, 1, "Event: kpml;id=7\nExpires: 60", None);
    assert_eq!(bench.expect(RECORDER, "200").header("Expires").as_deref(), Some("60"));
    let notify = bench.ok(RECORDER, "NOTIFY");
    assert_eq!(notify.header("Event").as_deref(), Some("kpml;id=7"));
    assert_eq!(notify.header("Subscription-State").as_deref(), Some("active;expires=60"));
    // Renewed, it holds for longer; then it runs out.
    bench.wait(30_000);
    bench.ask(RECORDER, "SUBSCRIBE", &near, 2, "Event: kpml;id=7\nExpires: 60", None);
    bench.expect(RECORDER, "200");
    bench.ok(RECORDER, "NOTIFY");
    bench.wait(59_000);
    bench.quiet();
    bench.wait(1_100);
    let over = bench.ok(RECORDER, "NOTIFY");
    assert_eq!(over.header("Subscription-State").as_deref(), Some("terminated;reason=timeout"));
    bench.ask(RECORDER, "SUBSCRIBE", &near, 3, "Event: kpml\nExpires: 0", None);
    bench.expect(RECORDER, "200");
    assert!(bench.ok(RECORDER, "NOTIFY").header("Subscription-State").unwrap().starts_with("terminated"));

    let mut config = plain();
    config.dialect.recorder_subscription = RecorderSubscription::Refuse;
    let (mut bench, near, _) = recording(config);
    bench.ask(RECORDER, "SUBSCRIBE", &near, 1, "Event: kpml", None);
    bench.expect(RECORDER, "489");
}

#[test]
fn a_200_that_is_repeated_over_another_connection_gets_its_ack_there() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    let offer = recorder(6000);
    bench.recorder_answers(&near, "n", "", &offer);
    let (_, ack) = bench.join("near-bridge", &bridge(20_000));
    bench.input(Input::Closed { flow: RECORDER, why: None });
    let other = FlowId(33);
    bench.open(other, Transport::Tcp, None);
    bench.sent.clear();
    bench.answer(other, &near, 200, "n", "Contact: <sip:7878@10.48.38.30:5061>", Some(&offer.text()));
    assert_eq!(bench.expect(other, "ACK"), ack);
    bench.quiet();
}

#[test]
fn an_answer_that_comes_when_the_invite_was_given_up_is_acknowledged_and_ended() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    bench.wait(65_000);
    assert_eq!(bench.failed().rule, "timeout");
    bench.sent.clear();
    bench.recorder_answers(&near, "late", "", &recorder(6000));
    let ack = bench.expect(RECORDER, "ACK");
    assert_eq!((ack.header("Call-ID"), ack.header("CSeq").as_deref()), (near.header("Call-ID"), Some("101 ACK")));
    let bye = bench.ok(RECORDER, "BYE");
    assert_eq!((bye.header("CSeq").as_deref(), bye.to().unwrap().tag()), (Some("102 BYE"), Some("late")));
    // An answer to somebody else's INVITE is nobody's business.
    let foreign = String::from_utf8_lossy(near.as_bytes()).replace("tag=", "tag=x").replace('~', "-");
    let foreign = Message::parse(foreign.as_bytes()).unwrap();
    bench.recorder_answers(&foreign, "late", "", &recorder(6000));
    bench.quiet();
}

#[test]
fn a_200_that_crosses_the_cancel_gets_an_ack_and_a_bye() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.answer(RECORDER, &near, 180, "n", "", None);
    bench.answer(RECORDER, &far, 180, "f", "", None);
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    let cancels = [bench.expect(RECORDER, "CANCEL"), bench.expect(RECORDER, "CANCEL")];
    bench.recorder_answers(&near, "n", "", &recorder(6000));
    assert!(bench.expect(RECORDER, "ACK").body().is_empty());
    bench.ok(RECORDER, "BYE");
    bench.answer(RECORDER, &cancels[0], 481, "n", "", None);
    bench.answer(RECORDER, &cancels[1], 200, "f", "", None);
    bench.answer(RECORDER, &far, 487, "f", "", None);
    bench.expect(RECORDER, "ACK");
    for _ in 0..3 {
        bench.ok(AGENT, "BYE");
    }
    bench.expect(CALLER, "200");
    bench.quiet();
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn byes_that_cross_end_once() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.record();
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    bench.in_dialog(RECORDER, "BYE", &near, 1, None);
    let byes = [bench.expect(RECORDER, "BYE"), bench.expect(RECORDER, "BYE")];
    bench.expect(RECORDER, "200");
    bench.answer(RECORDER, &byes[0], 481, "n", "", None);
    bench.answer(RECORDER, &byes[1], 200, "f", "", None);
    for _ in 0..3 {
        bench.ok(AGENT, "BYE");
    }
    let ends = bench.events.iter().filter(|event| matches!(event, CucmEvent::RecordingEnded { .. }));
    assert_eq!(ends.count(), 1);
    assert!(bench.engine.is_idle());
    bench.finish();
}

/// The recorder's own connection, for a BYE.
const ITS_OWN: FlowId = FlowId(31);

#[test]
fn a_bye_by_another_connection_than_the_one_that_stands_is_told_of() {
    for (flow, told) in [(RECORDER, 0), (ITS_OWN, 1)] {
        let (mut bench, near, _) = recording(plain());
        bench.open(ITS_OWN, Transport::Tcp, None);
        bench.in_dialog(flow, "BYE", &near, 1, None);
        let connected = |event: &&CucmEvent| matches!(event, CucmEvent::RecorderConnected { .. });
        assert_eq!(bench.events.iter().filter(connected).count(), told);
    }
}

#[test]
fn a_connection_that_the_recorder_opened_while_ours_was_closed_serves_on_beside_another_one_of_ours() {
    for (is_closed, told) in [(true, 0), (false, 1)] {
        let (mut bench, near, _) = recording(plain());
        if is_closed {
            bench.input(Input::Closed { flow: RECORDER, why: None });
        }
        bench.open(ITS_OWN, Transport::Tcp, None);
        if is_closed {
            // The node's next request opens one anew.
            bench.engine.send_unprompted(bench.now, Request::Options, None);
            bench.collect();
            bench.connected(RECORDER);
        }
        bench.in_dialog(ITS_OWN, "BYE", &near, 1, None);
        let connected = |event: &&CucmEvent| matches!(event, CucmEvent::RecorderConnected { .. });
        assert_eq!(bench.events.iter().filter(connected).count(), told, "closed: {is_closed}");
    }
}
