//! Recordings that the phone's user or an application starts and stops.

use cucm::config::*;
use cucm::{Alarm, CucmEvent, InvocationType, Invoker, RecordingRefused};
use sip::Message;

use crate::bench::*;

fn selective() -> Config {
    let mut config = plain();
    config.phones[1].lines[0].recording_option = RecordingOption::Selective;
    config
}

/// A call whose agent may be recorded; gives the bench and a message of the agent's dialog.
fn call(config: Config) -> (Bench, Message) {
    let mut bench = Bench::ready(config);
    let (_, ack) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.wait(1000);
    bench.quiet();
    (bench, ack)
}

/// The phone presses a softkey in the call that `about` belongs to; gives the status of the answer.
fn press(bench: &mut Bench, flow: sip::FlowId, softkey: &str, about: &Message) -> u16 {
    let tag = |header: &str| {
        let value = about.header(header).unwrap().into_owned();
        value.split_once(";tag=").unwrap().1.to_owned()
    };
    let (call_id, node_tag, phone_tag) = (about.call_id().unwrap(), tag("From"), tag("To"));
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<x-cisco-remotecc-request>\n<softkeyeventmsg>\n\
         <softkeyevent>{softkey}</softkeyevent>\n<dialogid>\n<callid>{call_id}</callid>\n<localtag>{phone_tag}</localtag>\n\
         <remotetag>{node_tag}</remotetag>\n</dialogid>\n</softkeyeventmsg>\n</x-cisco-remotecc-request>\n"
    );
    let branch = bench.new_branch();
    bench.give_text(
        flow,
        &format!(
            "REFER sip:10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\n\
             From: <sip:1001@10.48.38.5>;tag=soft{branch}\r\nTo: <sip:10.48.38.5>\r\nCall-ID: refer-{branch}\r\n\
             CSeq: 1000 REFER\r\nRequire: norefersub\r\nRefer-To: cid:1@10.48.38.102\r\n\
             Content-Type: application/x-cisco-remotecc-request+xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    );
    let at = bench.sent.iter().position(|(to, message)| *to == flow && message.status().is_some()).unwrap();
    bench.sent.remove(at).unwrap().1.status().unwrap()
}

fn invoker(message: &Message) -> String {
    message.cisco_call_info().unwrap().record_invoker().unwrap().to_owned()
}

/// The dialogs of a recording end: recorder first, then the bridges.
fn ended(bench: &mut Bench) {
    for flow in [RECORDER, RECORDER, AGENT, AGENT] {
        bench.ok(flow, "BYE");
    }
}

#[test]
fn the_softkey_starts_a_pair_of_dialogs_and_stops_it_while_the_call_goes_on() {
    let (mut bench, ack) = call(selective());
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 202);
    bench.wait(20);
    let near = bench.sent.iter().find(|(to, message)| *to == AGENT && message.method() == Some("INVITE")).unwrap();
    assert_eq!(invoker(&near.1), "user");
    assert_eq!(near.1.header("Content-Disposition").as_deref(), Some("session;handling=required"));
    bench.record();
    let CucmEvent::RecordingStarted(started) = bench.event() else { panic!() };
    assert_eq!(started.invoker, Invoker::User);
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 488, "it is recorded already");
    assert_eq!(press(&mut bench, AGENT, "StopRecording", &ack), 202);
    ended(&mut bench);
    bench.quiet();
    assert!(matches!(bench.event(), CucmEvent::RecordingEnded { by_recorder: false, .. }));
    assert!(!bench.told().contains(&"CallEnded".to_owned()) && !bench.told().contains(&"Alarm".to_owned()));
    assert_eq!(press(&mut bench, AGENT, "StopRecording", &ack), 488, "it is recorded no more");
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 202);
    bench.record();
    assert_eq!(press(&mut bench, AGENT, "StopRecording", &ack), 202);
    ended(&mut bench);
    bench.finish_call(&ack);
}

#[test]
fn a_line_that_is_not_selective_and_a_call_of_another_phone_are_refused() {
    let (mut bench, ack) = call(selective());
    let caller = bench.dialog_of(AGENT);
    assert_eq!(press(&mut bench, CALLER, "StartRecording", &caller), 481, "the call is the agent's");
    assert_eq!(press(&mut bench, AGENT, "Unheard", &ack), 202, "other softkeys are taken");
    bench.wait(1000);
    bench.quiet();
    let (mut bench, ack) = call(unrecorded(plain()));
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 403);
    bench.wait(1000);
    bench.quiet();
}

#[test]
fn an_application_records_silently_or_so_that_the_phone_shows_it() {
    let (mut bench, ack) = call(selective());
    let (now, device) = (bench.now, AGENT_DEVICE);
    for (invocation, word) in [(InvocationType::Silent, "auto"), (InvocationType::User, "user")] {
        bench.do_it(|engine| engine.start_recording(now, device, invocation)).unwrap();
        bench.wait(20);
        let bridge =
            bench.sent.iter().find(|(to, message)| *to == AGENT && message.method() == Some("INVITE")).unwrap();
        assert_eq!(invoker(&bridge.1), word);
        bench.record();
        let CucmEvent::RecordingStarted(started) = bench.event() else { panic!() };
        assert_eq!(started.invoker, Invoker::Application(invocation));
        let now = bench.now;
        let again = bench.do_it(|engine| engine.start_recording(now, device, invocation));
        assert_eq!(again, Err(RecordingRefused::InProgress));
        let status = press(&mut bench, AGENT, "StopRecording", &ack);
        if invocation == InvocationType::Silent {
            assert_eq!(status, 403, "a silent recording is not the user's to stop");
            let other = bench.do_it(|engine| engine.stop_recording(now, device, InvocationType::User));
            assert_eq!(other, Err(RecordingRefused::OtherMode));
            bench.do_it(|engine| engine.stop_recording(now, device, InvocationType::Silent)).unwrap();
        } else {
            assert_eq!(status, 202);
        }
        ended(&mut bench);
    }
    let now = bench.now;
    let none = bench.do_it(|engine| engine.stop_recording(now, device, InvocationType::Silent));
    assert_eq!(none, Err(RecordingRefused::NoSession));
    let other = bench.do_it(|engine| engine.start_recording(now, CALLER_DEVICE, InvocationType::Silent));
    assert_eq!(other, Err(RecordingRefused::NotSelective));
    let nobody = bench.do_it(|engine| engine.start_recording(now, EXPERT_DEVICE, InvocationType::Silent));
    assert_eq!(nobody, Err(RecordingRefused::NoCall));
    bench.finish_call(&ack);
}

#[test]
fn a_recording_that_fails_is_alarmed_and_not_tried_again() {
    let (mut bench, ack) = call(selective());
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 202);
    let (near, far) = bench.invites();
    bench.answer(RECORDER, &far, 180, "f", "", None);
    bench.answer(RECORDER, &near, 486, "busy", "", None);
    bench.expect(RECORDER, "ACK");
    bench.ok(RECORDER, "CANCEL");
    bench.answer(RECORDER, &far, 487, "f", "", None);
    bench.expect(RECORDER, "ACK");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    let alarms: Vec<_> = bench.events.iter().filter(|event| matches!(event, CucmEvent::Alarm(_))).collect();
    assert!(matches!(alarms[..], [CucmEvent::Alarm(Alarm::RecordingCallSetupFail { .. })]), "{alarms:?}");
    // A hold and a resume do not begin it anew; the user may.
    let held = Sdp::new("10.48.38.102", 30_002);
    hold_and_resume(&mut bench, &ack, &held);
    bench.wait(1000);
    assert!(!bench.sent.iter().any(|(to, _)| *to == RECORDER), "{:?}", bench.sent);
    bench.sent.clear();
    assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 202);
    bench.record();
}

/// The agent holds and resumes; what the dialogs of a recording are told comes first and is answered.
fn hold_and_resume(bench: &mut Bench, ack: &Message, media: &Sdp) {
    bench.changes(AGENT, ack, 110, &media.clone().direction("sendonly"));
    while bench.sent.iter().any(|(_, message)| message.method() == Some("BYE")) {
        let at = bench.sent.iter().position(|(_, message)| message.method() == Some("BYE")).unwrap();
        let (flow, bye) = bench.sent.remove(at).unwrap();
        bench.answer(flow, &bye, 200, "x", "", None);
    }
    bench.stopped(CALLER);
    bench.offers(CALLER, &Sdp::new("10.48.38.101", 30_000));
    bench.expect(CALLER, "ACK");
    bench.asks(AGENT, ack, 111, media);
    bench.stopped(CALLER);
    bench.offers(CALLER, &Sdp::new("10.48.38.101", 30_000));
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "200");
    bench.in_dialog(AGENT, "ACK", ack, 111, None);
}

#[test]
fn over_a_hold_a_selective_recording_begins_anew_or_ends_by_the_switch() {
    for (switch, begins) in [(SelectiveAfterHold::GoesOn, true), (SelectiveAfterHold::Ends, false)] {
        let mut config = selective();
        config.dialect.selective_after_hold = switch;
        let (mut bench, ack) = call(config);
        assert_eq!(press(&mut bench, AGENT, "StartRecording", &ack), 202);
        bench.record();
        hold_and_resume(&mut bench, &ack, &Sdp::new("10.48.38.102", 30_002));
        if begins {
            bench.record();
        } else {
            bench.wait(1000);
            bench.quiet();
        }
    }
}
