//! Recordings whose media a gateway forks.

use cucm::CucmEvent;
use cucm::config::*;
use cucm::engine::Input;
use media::sdp::Direction;
use sip::{FlowId, Message, Transport};

use crate::bench::*;

/// The connection that the gateway opened.
const GATEWAY: FlowId = FlowId(20);
const TRUNK: &str = "EU91BCUBE002-Trk";

fn gateway(source: RecordingMediaSource) -> Config {
    let mut config = plain();
    let trunk = SipTrunk {
        name: TRUNK.to_owned(),
        destinations: vec![Destination { address: "10.48.38.99".parse().unwrap(), port: 5060 }],
        takes_calls: true,
        recording_information: RecordingInformation::Gateways,
        ..config.trunks[0].clone()
    };
    config.trunks.push(trunk);
    config.phones[1].lines[0].recording_media_source = source;
    config
}

/// The party at the gateway calls the agent, who answers; gives the 200 to the gateway and the ACK to the agent.
fn called(config: Config) -> (Bench, Message, Message) {
    called_with(config, Some(Ok(200)))
}

/// The same where the gateway answers this to CUCM's registration.
fn called_with(config: Config, registered: Option<Result<u16, String>>) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(config);
    bench.registered = registered;
    bench.open(GATEWAY, Transport::Tcp, None);
    let sdp = Sdp::new("10.48.38.99", 40_000).formats("8 101").text();
    let branch = bench.new_branch();
    let caller = "<sip:+1234567890@10.48.38.99>";
    bench.give_text(
        GATEWAY,
        &format!(
            "INVITE sip:1001@10.48.38.5:5060 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.99:5060;branch={branch}\r\n\
             From: {caller};tag=there\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: there-1@10.48.38.99\r\nCSeq: 101 INVITE\r\n\
             Cisco-Guid: 2487633596-0488837607-2832368234-3409041498\r\nP-Asserted-Identity: {caller}\r\n\
             Contact: <sip:+1234567890@10.48.38.99:5060;transport=tcp>\r\n{FALLBACK}\r\nContent-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ),
    );
    bench.expect(GATEWAY, "100");
    let invite = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    bench.expect(GATEWAY, "180");
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &invite, 200, "agent", &contact, Some(&Sdp::new("10.48.38.102", 30_002).text()));
    let ok = bench.expect(GATEWAY, "200");
    let ack = bench.expect(AGENT, "ACK");
    bench.in_dialog(GATEWAY, "ACK", &ok, 101, None);
    (bench, ok, ack)
}

fn names(message: &Message) -> Vec<String> {
    message.headers().map(|field| field.name().to_owned()).collect()
}

fn traced(name: &str) -> Message {
    // The length that the document shows counts a line end more.
    let text = trace(name).replace("Content-Length: 232", "Content-Length: 230");
    Message::parse(text.as_bytes()).unwrap()
}

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).formats("0 4 8 9 18").direction("recvonly")
}

/// Up to the request to the gateway; gives the INVITE of the near end and the ACKs of both.
fn asked(bench: &mut Bench) -> (Message, [Message; 2]) {
    bench.wait(20);
    bench.connected(RECORDER);
    let near = bench.expect(RECORDER, "INVITE");
    bench.wait(400);
    // The far end's dialog begins when the near end's is up.
    bench.quiet();
    bench.recorder_answers(&near, "n", "", &recorder(6000));
    bench.wait(20);
    let near_ack = bench.expect(RECORDER, "ACK");
    let far = bench.expect(RECORDER, "INVITE");
    assert!(bench.posts.is_empty(), "media begins when both dialogs are up");
    bench.recorder_answers(&far, "f", "", &recorder(6002));
    bench.wait(20);
    let far_ack = bench.expect(RECORDER, "ACK");
    bench.quiet();
    (near, [near_ack, far_ack])
}

#[test]
fn a_gateway_forks_a_call_for_two_dialogs_as_ciscos_trace_shows_them() {
    let mut config = gateway(RecordingMediaSource::Gateway);
    config.release = Release::V10_5;
    let (mut bench, ok, _) = called(config);
    let (near, acks) = asked(&mut bench);

    let expected = traced("30-gw-rec-invite-nearend-nbr");
    // The session timer's Min-SE and the rest of the order are those of every recording INVITE.
    assert_eq!(names(&near), names(&expected));
    let (from, traced_from) = (near.from_().unwrap(), expected.from_().unwrap());
    let keys = |address: &sip::NameAddr| address.uri.params.iter().map(|(name, _)| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(keys(&from), keys(&traced_from));
    assert_eq!(from.uri.user.as_deref(), Some("1001"), "the recorded party");
    for (name, value) in [
        ("x-nearenddevice", AGENT_DEVICE),
        ("x-nearendaddr", "1001"),
        ("x-farenddevice", TRUNK),
        ("x-farendaddr", "+1234567890"),
        // The gateway's own Cisco-Guid, in hexadecimal, as in the trace.
        ("x-farendguid", "944646BC1D2311E7A8D2826ACB31D85A"),
    ] {
        assert_eq!(from.uri.params.get(name), Some(value), "{name}");
    }

    let expected = traced("32-gw-rec-ack-nearend-port7000");
    for ack in &acks {
        assert_eq!(names(ack), names(&expected));
        assert_eq!(ack.header("Allow-Events"), expected.header("Allow-Events"), "no key presses");
        let after_origin = |message: &Message| {
            let body = String::from_utf8(message.body().to_vec()).unwrap();
            body.lines().skip(2).map(str::to_owned).collect::<Vec<_>>()
        };
        let told: Vec<_> =
            after_origin(&expected).iter().map(|line| line.replace("10.106.242.1", "10.48.38.99")).collect();
        assert_eq!(after_origin(ack), told);
        assert_eq!((audio(ack).port, audio(ack).direction), (7000, Direction::SendOnly));
    }

    let [(post, request)] = bench.posts.as_slice() else { panic!("{:?}", bench.posts) };
    for part in [
        "POST /cisco_xmf HTTP/1.1\r\nHost: 10.48.38.99:8090\r\n",
        "<nearEndAddr>\n<ipv4>10.48.38.30</ipv4>\n<port>6000</port>\n</nearEndAddr>",
        "<farEndAddr>\n<ipv4>10.48.38.30</ipv4>\n<port>6002</port>\n</farEndAddr>",
        "<callID>2487633596</callID>\n<connID>488837607</connID>",
    ] {
        assert!(request.contains(part), "{part}: {request}");
    }
    assert!(!bench.told().contains(&"RecordingStarted".to_owned()), "the gateway has not answered");
    let post = *post;
    bench.input(Input::Posted { post, answer: Ok(200) });
    assert!(matches!(bench.events.last(), Some(CucmEvent::RecordingStarted(_))), "{:?}", bench.events);

    bench.in_dialog(GATEWAY, "BYE", &ok, 102, None);
    bench.expect(GATEWAY, "200");
    bench.ok(AGENT, "BYE");
    for _ in 0..2 {
        bench.ok(RECORDER, "BYE");
    }
    assert_eq!(bench.posts.len(), 1, "the call itself ended");
    bench.wait(40_000);
    bench.quiet();
    bench.finish();
}

#[test]
fn by_the_switch_the_recording_comes_from_the_party_at_the_gateway() {
    let mut config = gateway(RecordingMediaSource::Gateway);
    config.dialect.gateway_from = GatewayFrom::FarEnd;
    let (mut bench, ..) = called(config);
    let (near, _) = asked(&mut bench);
    let from = near.from_().unwrap();
    assert_eq!((from.uri.user.as_deref(), from.display.as_deref()), (Some("+1234567890"), None));
    assert!(near.header("P-Asserted-Identity").unwrap().contains("+1234567890"));
}

#[test]
fn a_hold_ends_the_fork_and_a_resume_begins_another() {
    let (mut bench, _, ack) = called(gateway(RecordingMediaSource::Gateway));
    asked(&mut bench);
    let (post, _) = bench.posts[0];
    bench.input(Input::Posted { post, answer: Ok(200) });
    bench.asks(AGENT, &ack, 102, &Sdp::new("10.48.38.102", 30_002).direction("sendonly"));
    let byes = bench.sent.iter().filter(|(to, message)| *to == RECORDER && message.method() == Some("BYE")).count();
    assert_eq!(byes, 2);
    let [_, (_, request)] = bench.posts.as_slice() else { panic!("{:?}", bench.posts) };
    assert!(request.contains("<disableMediaForking/>"), "{request}");
}

/// What CUCM would raise.
fn alarms(bench: &Bench) -> Vec<&'static str> {
    let of = |event: &CucmEvent| match event {
        CucmEvent::Alarm(alarm) => Some(alarm.name()),
        _ => None,
    };
    bench.events.iter().filter_map(of).collect()
}

/// Both dialogs with the recorder end.
fn ended(bench: &mut Bench) {
    for _ in 0..2 {
        bench.ok(RECORDER, "BYE");
    }
}

#[test]
fn behind_a_gateway_that_does_not_fork_comes_the_phones_bridge_with_a_new_pair() {
    for (answer, posts) in [(Ok(503), 1), (Err("no answer".to_owned()), 2)] {
        let (mut bench, ..) = called(gateway(RecordingMediaSource::Gateway));
        asked(&mut bench);
        let (post, _) = bench.posts[0];
        bench.input(Input::Posted { post, answer });
        ended(&mut bench);
        assert!(bench.events.iter().any(|event| matches!(
            event,
            CucmEvent::RecordingSourceFailed { why, .. } if why.rule == "gateway"
        )));
        assert_eq!(alarms(&bench), ["RecordingGatewaySessionFailed"]);
        let (near, _) = bench.invites();
        let from = near.from_().unwrap();
        assert_eq!(from.uri.params.get("x-farendguid"), None, "the phone forks");
        assert_eq!(bench.posts.len(), posts, "one that says no has nothing to stop, one that says nothing may have");
        assert!(!bench.told().contains(&"RecordingFailed".to_owned()));
    }
}

#[test]
fn a_gateway_that_does_not_fork_ends_the_recording_where_nobody_is_left_or_the_switch_says_so() {
    let mut no_bridge = gateway(RecordingMediaSource::Gateway);
    no_bridge.phones[1].built_in_bridge = false;
    let mut never = gateway(RecordingMediaSource::Gateway);
    never.dialect.next_source = NextSource::Never;
    for config in [no_bridge, never] {
        let (mut bench, ..) = called(config);
        asked(&mut bench);
        let (post, _) = bench.posts[0];
        bench.input(Input::Posted { post, answer: Ok(500) });
        ended(&mut bench);
        assert_eq!(bench.failed().rule, "gateway");
        assert!(!bench.told().contains(&"RecordingStarted".to_owned()));
        assert_eq!(alarms(&bench), ["RecordingGatewaySessionFailed"]);
        bench.wait(40_000);
        bench.quiet();
    }
}

#[test]
fn a_gateway_that_does_not_take_cucm_is_passed_over() {
    for (answer, alarm) in [
        (Ok(500), "RecordingGatewayRegistrationRejected"),
        (Err("no answer".to_owned()), "RecordingGatewayRegistrationTimeout"),
    ] {
        let config = gateway(RecordingMediaSource::Gateway);
        let (mut bench, ..) = called_with(config, Some(answer));
        let (near, _) = bench.invites();
        assert_eq!(near.from_().unwrap().uri.params.get("x-farendguid"), None);
        assert_eq!(alarms(&bench), [alarm]);
        assert!(bench.posts.is_empty());
    }
}

#[test]
fn a_recording_waits_for_the_gateway_to_answer_to_the_registration() {
    for (answer, is_forked) in [(Ok(200), true), (Err("no answer".to_owned()), false)] {
        let (mut bench, ..) = called_with(gateway(RecordingMediaSource::Gateway), None);
        bench.wait(3000);
        bench.quiet();
        let [post] = bench.registrations[..] else { panic!("{:?}", bench.registrations) };
        bench.input(Input::Posted { post, answer });
        let guid = if is_forked {
            asked(&mut bench).0.from_().unwrap().uri.params.get("x-farendguid").map(str::to_owned)
        } else {
            bench.invites().0.from_().unwrap().uri.params.get("x-farendguid").map(str::to_owned)
        };
        assert_eq!(guid.is_some(), is_forked);
    }
}

#[test]
fn the_gateway_forks_for_a_phone_whose_bridge_is_off() {
    let mut config = gateway(RecordingMediaSource::Phone);
    config.phones[1].built_in_bridge = false;
    let (mut bench, ..) = called(config.clone());
    let (near, _) = asked(&mut bench);
    assert!(near.from_().unwrap().uri.params.get("x-farendguid").is_some());

    let (mut bench, ..) = called_with(config, Some(Ok(500)));
    bench.wait(20);
    assert_eq!(bench.failed().rule, "bridge");
    assert_eq!(alarms(&bench), ["RecordingGatewayRegistrationRejected", "RecordingResourcesNotAvailable"]);
    bench.wait(40_000);
    bench.quiet();
}

#[test]
fn the_phone_forks_where_the_gateway_is_not_to_or_cannot() {
    let mut unknown = gateway(RecordingMediaSource::Gateway);
    unknown.trunks[1].recording_information = RecordingInformation::None;
    for config in [gateway(RecordingMediaSource::Phone), unknown] {
        let (mut bench, ..) = called(config);
        let (near, _) = bench.invites();
        let from = near.from_().unwrap();
        assert_eq!(from.uri.user.as_deref(), Some("1001"));
        assert_eq!(from.uri.params.get("x-farendguid"), None);
        assert!(bench.posts.is_empty());
    }
}
