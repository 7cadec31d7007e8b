//! Trunks: connections, the next destination, OPTIONS.

use std::time::Duration;

use cucm::config::*;
use cucm::engine::Input;
use cucm::{ConnectFailure, CucmEvent};
use sip::FlowId;

use crate::bench::*;

const SECOND: FlowId = FlowId(11);

fn two_destinations() -> Config {
    let mut config = plain();
    let second = Destination { address: "10.48.38.31".parse().unwrap(), port: 5060 };
    config.trunks[0].destinations.push(second);
    config
}

/// Up to the moment when the recorder's connection is asked for.
fn asked(config: Config) -> Bench {
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.wait(20);
    let near_bridge = bench.expect(AGENT, "INVITE");
    bench.bridge_answers(&near_bridge, "near-bridge", 20_000);
    bench.wait(7);
    assert_eq!(bench.connects.len(), 1);
    bench
}

fn refuse(bench: &mut Bench, rule: &str, why: &str) {
    let (connection, _) = bench.connects.remove(0);
    let failure = ConnectFailure { rule: rule.to_owned(), why: why.to_owned(), refused_by_us: true };
    bench.input(Input::ConnectFailed { connection, failure });
}

#[test]
fn a_connection_that_fails_leads_to_the_next_destination() {
    let mut bench = asked(two_destinations());
    refuse(&mut bench, "connect", "connection refused");
    assert_eq!(bench.connects[0].1, "10.48.38.31:5060".parse().unwrap());
    bench.connected(SECOND);
    let invite = bench.expect(SECOND, "INVITE");
    assert_eq!(invite.request_uri(), Some("sip:7878@10.48.38.31:5060"));
    assert!(!bench.events.iter().any(|event| matches!(event, CucmEvent::RecordingFailed(_))));
}

#[test]
fn a_refused_certificate_fails_the_recording_with_its_rule_and_not_the_call() {
    let mut config = secure();
    config.phones.iter_mut().for_each(|phone| phone.security_profile = "plain".to_owned());
    let mut bench = asked(config);
    refuse(&mut bench, "x509-subject", "the certificate names x, expected one of 10.48.38.30");
    let failed = bench.failed();
    assert_eq!(failed.rule, "x509-subject");
    assert!(failed.why.contains("expected one of 10.48.38.30"));
    let tls = bench.events.iter().find_map(|event| match event {
        CucmEvent::TrunkTls { trunk, failure, .. } => Some((trunk.clone(), failure.rule.clone())),
        _ => None,
    });
    assert_eq!(tls, Some((Some("Recorder".to_owned()), "x509-subject".to_owned())));
    bench.ok(AGENT, "BYE");
    bench.quiet();
}

#[test]
fn an_alert_after_the_handshake_is_told_in_the_failure() {
    let mut config = secure();
    config.phones.iter_mut().for_each(|phone| phone.security_profile = "plain".to_owned());
    let mut bench = asked(config);
    bench.connected(RECORDER);
    bench.expect(RECORDER, "INVITE");
    let why = "the peer refused us with the tls alert \"unknown ca\"".to_owned();
    let failure = ConnectFailure { rule: "alert".to_owned(), why: why.clone(), refused_by_us: false };
    bench.input(Input::Closed { flow: RECORDER, why: Some(failure) });
    assert_eq!((bench.failed().rule.as_str(), bench.failed().why), ("alert", why));
}

#[test]
fn a_503_goes_on_to_the_next_destination_and_a_486_does_not() {
    let mut bench = asked(two_destinations());
    bench.connected(RECORDER);
    let invite = bench.expect(RECORDER, "INVITE");
    bench.answer(RECORDER, &invite, 503, "r", "", None);
    bench.expect(RECORDER, "ACK");
    bench.connected(SECOND);
    let next = bench.expect(SECOND, "INVITE");
    assert_ne!(next.header("Call-ID"), invite.header("Call-ID"));
    bench.answer(SECOND, &next, 486, "r", "", None);
    bench.expect(SECOND, "ACK");
    assert_eq!(
        (bench.failed().rule.as_str(), bench.failed().why.as_str()),
        ("status", "the recorder answered 486 Answer")
    );
}

#[test]
fn the_switch_lets_a_500_go_on_too() {
    for (hunt, goes_on) in [(Hunt::UnavailableOnly, false), (Hunt::AnythingButBusy, true)] {
        let mut config = two_destinations();
        config.dialect.hunt = hunt;
        let mut bench = asked(config);
        bench.connected(RECORDER);
        let invite = bench.expect(RECORDER, "INVITE");
        bench.answer(RECORDER, &invite, 500, "r", "", None);
        assert_eq!(!bench.connects.is_empty(), goes_on);
    }
}

#[test]
fn a_recorder_that_never_answers_is_given_up_after_64_t1_and_the_next_is_tried() {
    let mut bench = asked(two_destinations());
    bench.connected(RECORDER);
    bench.wait(31_900);
    let sent = bench.sent.iter().filter(|(flow, message)| *flow == RECORDER && message.method() == Some("INVITE"));
    assert!(sent.count() > 2, "CUCM repeats its requests on TCP too");
    assert!(bench.connects.is_empty());
    bench.wait(200);
    assert_eq!(bench.connects[0].1, "10.48.38.31:5060".parse().unwrap());
}

#[test]
fn a_recorder_that_never_answers_fails_the_recording_in_the_end() {
    let mut bench = asked(plain());
    bench.connected(RECORDER);
    bench.wait(33_000);
    assert_eq!(bench.failed().rule, "timeout");
    assert!(bench.sent.iter().any(|(flow, message)| *flow == AGENT && message.method() == Some("BYE")));
}

#[test]
fn the_next_trunk_of_the_route_is_tried_when_the_first_has_no_destination_left() {
    let mut config = plain();
    let mut other = config.trunks[0].clone();
    other.name = "Recorder2".to_owned();
    other.destinations[0].address = "10.48.38.32".parse().unwrap();
    config.trunks.push(other);
    config.route_patterns[0].route_list[0].trunks.push("Recorder2".to_owned());
    let mut bench = asked(config);
    refuse(&mut bench, "connect", "connection refused");
    assert_eq!(bench.connects[0].1, "10.48.38.32:5060".parse().unwrap());
}

#[test]
fn a_connection_lost_in_a_recording_is_opened_again_for_the_bye() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.record();
    bench.input(Input::Closed { flow: RECORDER, why: None });
    assert!(matches!(bench.events.last(), Some(CucmEvent::RecordingStarted(_))), "the recording goes on");
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    bench.connected(SECOND);
    bench.ok(SECOND, "BYE");
    bench.ok(SECOND, "BYE");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.expect(CALLER, "200");
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_recorder_that_is_gone_at_the_end_leaves_nothing_behind() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.record();
    bench.input(Input::Closed { flow: RECORDER, why: None });
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    refuse(&mut bench, "connect", "connection refused");
    for _ in 0..3 {
        bench.ok(AGENT, "BYE");
    }
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_repeated_200_gets_the_same_ack_again() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    let offer = Sdp::new("10.48.38.30", 6000).direction("recvonly");
    bench.recorder_answers(&near, "n", "", &offer);
    bench.recorder_answers(&near, "n", "", &offer);
    let (_, ack) = bench.join("near-bridge", &Sdp::new("10.48.38.102", 20_000).formats("0 101"));
    bench.quiet();
    bench.recorder_answers(&near, "n", "", &offer);
    assert_eq!(bench.expect(RECORDER, "ACK"), ack);
    bench.quiet();
}

fn pinging() -> Config {
    let mut config = two_destinations();
    config.sip_profiles[0].options_ping =
        Some(OptionsPing { in_service: Duration::from_secs(60), out_of_service: Duration::from_secs(120) });
    config
}

#[test]
fn options_mark_a_destination_down_and_up_again() {
    let mut bench = Bench::ready(pinging());
    bench.wait(1);
    bench.connected(RECORDER);
    bench.connected(SECOND);
    let ping = bench.expect(RECORDER, "OPTIONS");
    assert_eq!(ping.header("Max-Forwards").as_deref(), Some("0"));
    bench.answer(RECORDER, &ping, 503, "p", "", None);
    let other = bench.expect(SECOND, "OPTIONS");
    bench.answer(SECOND, &other, 483, "p", "", None);
    let status = |bench: &mut Bench| match bench.event() {
        CucmEvent::DestinationStatus { destination, in_service, .. } => (destination.to_string(), in_service),
        other => panic!("{other:?}"),
    };
    assert_eq!(status(&mut bench), ("10.48.38.30:5060".to_owned(), false));
    bench.wait(119_000);
    assert!(bench.try_next(RECORDER).is_none(), "an out-of-service destination is asked after 120 s");
    bench.wait(1_100);
    let ping = bench.expect(RECORDER, "OPTIONS");
    bench.answer(RECORDER, &ping, 404, "p", "", None);
    assert_eq!(status(&mut bench), ("10.48.38.30:5060".to_owned(), true));
}

#[test]
fn a_destination_that_is_down_is_passed_over() {
    let mut bench = Bench::ready(pinging());
    bench.wait(1);
    refuse(&mut bench, "connect", "connection refused");
    bench.connected(SECOND);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.wait(20);
    let near_bridge = bench.expect(AGENT, "INVITE");
    bench.bridge_answers(&near_bridge, "near-bridge", 20_000);
    bench.wait(7);
    bench.expect(SECOND, "OPTIONS");
    bench.expect(SECOND, "INVITE");
}

#[test]
fn over_udp_no_transport_is_named_and_the_recorders_comes_back_in_upper_case() {
    let mut config = plain();
    config.sip_trunk_security_profiles[0].outgoing_transport = TrunkTransport::Udp;
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    assert!(near.header("Contact").unwrap().starts_with("<sip:1001@10.48.38.5:5060>;isFocus"));
    assert!(near.header("Via").unwrap().starts_with("SIP/2.0/UDP "));
    let offer = Sdp::new("10.48.38.30", 6000).text();
    bench.answer(RECORDER, &near, 200, "n", "Contact: <sip:10.48.38.30:5060;transport=udp>", Some(&offer));
    let (_, ack) = bench.join("near-bridge", &Sdp::new("10.48.38.102", 20_000).formats("0 101"));
    assert_eq!(ack.request_uri(), Some("sip:10.48.38.30:5060;transport=UDP"));
}
