//! Which recorder is tried first, and which next.

use std::net::SocketAddr;

use cucm::config::*;
use cucm::engine::Input;
use cucm::{Alarm, ConnectFailure, CucmEvent, OutOfService};
use sip::{FlowId, Message};

use crate::bench::*;

/// Trunks `A`, `B` and `C` to 10.48.38.31, .32 and .33, in one group.
fn three_trunks(distribution: Distribution) -> Config {
    let mut config = plain();
    let model = config.trunks.remove(0);
    for (name, last) in [("A", 31), ("B", 32), ("C", 33)] {
        let mut trunk = SipTrunk { name: name.to_owned(), ..model.clone() };
        trunk.destinations[0].address = [10, 48, 38, last].into();
        config.trunks.push(trunk);
    }
    let trunks = ["A", "B", "C"].map(str::to_owned).to_vec();
    config.route_patterns[0].route_list = vec![RouteGroup { distribution, trunks }];
    config
}

fn two_destinations() -> Config {
    let mut config = plain();
    config.trunks[0].destinations.push(Destination { address: [10, 48, 38, 31].into(), port: 5060 });
    config
}

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn agent() -> Sdp {
    Sdp::new("10.48.38.102", 30_002)
}

/// A call, up to both bridges; where the two recorders' connections are asked for.
fn wanted(bench: &mut Bench) -> Vec<String> {
    bench.talk(&caller(), &agent());
    bench.wait(20);
    let near = bench.expect(AGENT, "INVITE");
    bench.bridge_answers(&near, "near-bridge", 20_000);
    bench.wait(9);
    let far = bench.expect(AGENT, "INVITE");
    bench.bridge_answers(&far, "far-bridge", 20_002);
    bench.wait(8);
    bench.connects.iter().map(|(_, to)| to.ip().to_string()).collect()
}

/// The same, each in a cluster of its own that has made `calls` before.
fn wanted_after(config: &Config, calls: usize) -> Vec<String> {
    let mut bench = Bench::ready(config.clone());
    for _ in 0..calls {
        let (ok, _) = bench.talk(&caller(), &agent());
        bench.wait(10);
        bench.in_dialog(CALLER, "BYE", &ok, 102, None);
        bench.expect(CALLER, "200");
        let invite = bench.expect(AGENT, "INVITE");
        bench.answer(AGENT, &invite, 487, "b", "", None);
        bench.ok(AGENT, "BYE");
        bench.sent.clear();
    }
    wanted(&mut bench)
}

fn connect(bench: &mut Bench, flow: FlowId) -> SocketAddr {
    let to = bench.connects[0].1;
    bench.connected(flow);
    to
}

fn refuse(bench: &mut Bench, rule: &str) {
    let (connection, _) = bench.connects.remove(0);
    let failure = ConnectFailure { rule: rule.to_owned(), why: rule.to_owned(), refused_by_us: false };
    bench.input(Input::ConnectFailed { connection, failure });
}

fn alarms(bench: &Bench) -> Vec<&'static str> {
    let names = bench.events.iter().filter_map(|event| match event {
        CucmEvent::Alarm(alarm) => Some(alarm.name()),
        _ => None,
    });
    names.collect()
}

#[test]
fn top_down_begins_with_the_first_trunk_for_each_call() {
    let config = three_trunks(Distribution::TopDown);
    for calls in 0..3 {
        assert_eq!(wanted_after(&config, calls), ["10.48.38.31"], "both ends share one connection");
    }
}

#[test]
fn circular_begins_with_the_trunk_behind_the_last_one() {
    let mut config = three_trunks(Distribution::Circular);
    config.dialect.recording_legs = RecordingLegs::Together;
    for (calls, expected) in [(0, "10.48.38.31"), (1, "10.48.38.32"), (2, "10.48.38.33"), (3, "10.48.38.31")] {
        assert_eq!(wanted_after(&config, calls), [expected]);
    }
}

#[test]
fn circular_splits_a_recording_whose_ends_are_routed_apart() {
    let config = three_trunks(Distribution::Circular);
    assert_eq!(wanted_after(&config, 0), ["10.48.38.31", "10.48.38.32"]);
    assert_eq!(wanted_after(&config, 1), ["10.48.38.33", "10.48.38.31"]);
}

#[test]
fn the_destinations_of_a_trunk_are_tried_as_listed_or_in_turn() {
    for (order, first, second) in [
        (DestinationOrder::Listed, "10.48.38.30", "10.48.38.30"),
        (DestinationOrder::Circular, "10.48.38.30", "10.48.38.31"),
    ] {
        let mut config = two_destinations();
        config.dialect.destination_order = order;
        config.dialect.recording_legs = RecordingLegs::Together;
        assert_eq!(
            (wanted_after(&config, 0), wanted_after(&config, 1)),
            (vec![first.to_owned()], vec![second.to_owned()])
        );
    }
}

#[test]
fn every_trunk_and_the_groups_behind_are_tried_in_order() {
    let mut config = three_trunks(Distribution::Circular);
    config.dialect.recording_legs = RecordingLegs::Together;
    let last = RouteGroup { distribution: Distribution::TopDown, trunks: vec!["C".to_owned()] };
    config.route_patterns[0].route_list[0].trunks.pop();
    config.route_patterns[0].route_list.push(last);
    let mut bench = Bench::ready(config);
    wanted(&mut bench);
    for expected in ["10.48.38.31", "10.48.38.32", "10.48.38.33"] {
        assert_eq!(bench.connects[0].1.ip().to_string(), expected);
        refuse(&mut bench, "connect");
    }
    assert!(bench.connects.is_empty());
    assert_eq!(bench.failed().rule, "connect");
    assert_eq!(alarms(&bench), ["RecordingCallSetupFail"]);
}

#[test]
fn apart_only_the_end_that_failed_goes_on() {
    let mut bench = Bench::ready(two_destinations());
    wanted(&mut bench);
    connect(&mut bench, RECORDER);
    let (near, far) = (bench.expect(RECORDER, "INVITE"), bench.expect(RECORDER, "INVITE"));
    bench.answer(RECORDER, &near, 503, "n", "", None);
    bench.expect(RECORDER, "ACK");
    connect(&mut bench, FlowId(11));
    assert!(bench.expect(FlowId(11), "INVITE").header("From").unwrap().contains(";x-nearend;"));
    bench.quiet();
    bench.recorder_answers(&far, "f", "", &Sdp::new("10.48.38.30", 6002).direction("recvonly"));
    bench.join("far-bridge", &Sdp::new("10.48.38.102", 20_002).formats("0 101"));
    bench.quiet();
}

/// Together, and the near end has failed over; whatever the far end had, it goes to the second recorder with it.
fn moved(far_answer: Option<u16>, joined: bool) {
    let mut config = two_destinations();
    config.dialect.recording_legs = RecordingLegs::Together;
    let mut bench = Bench::ready(config);
    wanted(&mut bench);
    connect(&mut bench, RECORDER);
    let (near, far) = (bench.expect(RECORDER, "INVITE"), bench.expect(RECORDER, "INVITE"));
    let recorder = |port| Sdp::new("10.48.38.30", port).direction("recvonly");
    let phone = |port| Sdp::new("10.48.38.102", port).formats("0 101");
    match far_answer {
        Some(200) => {
            bench.recorder_answers(&far, "f", "", &recorder(6002));
            if joined {
                bench.join("far-bridge", &phone(20_002));
            }
        }
        Some(status) => bench.answer(RECORDER, &far, status, "f", "", None),
        None => {}
    }
    bench.answer(RECORDER, &near, 503, "n", "", None);
    connect(&mut bench, FlowId(11));
    let again = [bench.expect(FlowId(11), "INVITE"), bench.expect(FlowId(11), "INVITE")];
    let ends = again.each_ref().map(|invite| invite.header("From").unwrap().contains(";x-nearend;"));
    assert_eq!(ends, [true, false]);
    assert!(again.iter().all(|invite| invite.header("Call-ID") != far.header("Call-ID")));
    // The first recorder is left with nothing.
    bench.expect(RECORDER, "ACK");
    match far_answer {
        Some(200) => {
            if !joined {
                bench.expect(RECORDER, "ACK");
            }
            bench.ok(RECORDER, "BYE");
        }
        Some(_) => {
            bench.ok(RECORDER, "CANCEL");
            bench.answer(RECORDER, &far, 487, "f", "", None);
            bench.expect(RECORDER, "ACK");
        }
        None => {}
    }
    let contact = "Contact: <sip:7878@10.48.38.31:5060;transport=tcp>";
    for (invite, tag, port) in [(&again[0], "n2", 7000), (&again[1], "f2", 7002)] {
        bench.answer(FlowId(11), invite, 200, tag, contact, Some(&recorder(port).text()));
    }
    // The phone is asked for what it has not offered yet, or anew.
    for _ in 0..2 {
        bench.wait(20);
        while let Some(asked) = take(&mut bench, AGENT, "INVITE") {
            let contact = "Contact: <sip:line@10.48.38.102:50000;transport=tcp>";
            let tag = asked.to().unwrap().tag().unwrap().to_owned();
            bench.answer(AGENT, &asked, 200, &tag, contact, Some(&phone(20_000).text()));
        }
    }
    bench.wait(50);
    let started = bench.events.iter().find_map(|event| match event {
        CucmEvent::RecordingStarted(started) => Some(started.clone()),
        _ => None,
    });
    let started = started.unwrap_or_else(|| panic!("{far_answer:?}: {:?} {:?}", bench.events, bench.sent));
    let second: SocketAddr = "10.48.38.31:5060".parse().unwrap();
    assert_eq!((started.near_leg.destination, started.far_leg.destination), (second, second));
}

fn take(bench: &mut Bench, flow: FlowId, method: &str) -> Option<Message> {
    let at = bench.sent.iter().position(|(to, message)| *to == flow && message.method() == Some(method))?;
    bench.sent.remove(at).map(|(_, message)| message)
}

#[test]
fn together_both_ends_go_on_wherever_the_other_one_stands() {
    moved(None, false);
    moved(Some(180), false);
    moved(Some(200), false);
    moved(Some(200), true);
}

#[test]
fn together_an_offer_that_the_phone_has_made_is_used_for_the_next_recorder() {
    let mut config = two_destinations();
    config.dialect.recording_legs = RecordingLegs::Together;
    let mut bench = Bench::ready(config);
    wanted(&mut bench);
    connect(&mut bench, RECORDER);
    let (near, far) = (bench.expect(RECORDER, "INVITE"), bench.expect(RECORDER, "INVITE"));
    bench.recorder_answers(&far, "f", "", &Sdp::new("10.48.38.30", 6002).direction("recvonly"));
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    let offer = Sdp::new("10.48.38.102", 20_002).formats("0 101").text();
    bench.answer(AGENT, &asked, 200, "far-bridge", "Contact: <sip:l@10.48.38.102:50000>", Some(&offer));
    bench.answer(RECORDER, &near, 503, "n", "", None);
    connect(&mut bench, FlowId(11));
    let far = [bench.expect(FlowId(11), "INVITE"), bench.expect(FlowId(11), "INVITE")][1].clone();
    bench.wait(30);
    assert!(bench.try_next(AGENT).is_none(), "the phone's offer waits for the second recorder");
    let second = Sdp::new("10.48.38.31", 7002).direction("recvonly").text();
    bench.answer(FlowId(11), &far, 200, "f2", "Contact: <sip:7878@10.48.38.31:5060>", Some(&second));
    bench.wait(20);
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).port, 7002);
    assert_eq!(audio(&bench.expect(FlowId(11), "ACK")).port, 20_002);
}

#[test]
fn a_busy_recorder_ends_the_hunt_unless_the_switch_lets_it_go_on() {
    for (hunt, status, goes_on) in [
        (Hunt::UnavailableOnly, 503, true),
        (Hunt::UnavailableOnly, 486, false),
        (Hunt::UnavailableOnly, 500, false),
        (Hunt::AnythingButBusy, 500, true),
        (Hunt::AnythingButBusy, 486, false),
        (Hunt::AnythingButBusy, 600, false),
        (Hunt::Anything, 486, true),
    ] {
        let mut config = two_destinations();
        config.dialect.hunt = hunt;
        let mut bench = Bench::ready(config);
        wanted(&mut bench);
        connect(&mut bench, RECORDER);
        let near = bench.expect(RECORDER, "INVITE");
        bench.answer(RECORDER, &near, status, "n", "", None);
        assert_eq!(!bench.connects.is_empty(), goes_on, "{hunt:?} {status}");
        assert_eq!(alarms(&bench).is_empty(), goes_on, "{hunt:?} {status}");
    }
}

#[test]
fn time_out_a_refused_certificate_and_a_refused_connection_go_on() {
    for rule in ["connect", "x509-subject", "alert", "timeout"] {
        let mut bench = Bench::ready(two_destinations());
        wanted(&mut bench);
        refuse(&mut bench, rule);
        assert_eq!(bench.connects[0].1.ip().to_string(), "10.48.38.31", "{rule}");
    }
}

#[test]
fn a_calling_search_space_reaches_its_own_partitions_and_none() {
    let mut config = three_trunks(Distribution::TopDown);
    let pattern = |partition: &str, trunk: &str| RoutePattern {
        partition: partition.to_owned(),
        ..RoutePattern::to_trunk("7878", trunk)
    };
    config.route_patterns = vec![pattern("", "A"), pattern("Second", "B"), pattern("First", "C")];
    let space = |name: &str, partitions: &[&str]| CallingSearchSpace {
        name: name.to_owned(),
        partitions: partitions.iter().map(|partition| (*partition).to_owned()).collect(),
    };
    config.calling_search_spaces =
        vec![space("both", &["First", "Second"]), space("second", &["Second"]), space("other", &["Other"])];
    for (space, expected) in
        [("both", "10.48.38.33"), ("second", "10.48.38.32"), ("other", "10.48.38.31"), ("", "10.48.38.31")]
    {
        config.recording_profiles[0].recording_css = space.to_owned();
        assert_eq!(wanted_after(&config, 0), [expected], "{space}");
    }
    config.route_patterns.remove(0);
    let mut bench = Bench::ready(config);
    bench.talk(&caller(), &agent());
    bench.wait(100);
    assert_eq!(bench.failed().rule, "route");
    assert_eq!(alarms(&bench), ["RecordingCallSetupFail"]);
}

fn pinging(mut config: Config) -> Config {
    config.sip_profiles[0].options_ping = Some(OptionsPing::default());
    config
}

#[test]
fn a_trunk_whose_destinations_are_all_out_of_service_takes_no_calls_unless_the_switch_says_so() {
    for (switch, tried) in [(AllOutOfService::Skip, false), (AllOutOfService::Try, true)] {
        let mut config = pinging(two_destinations());
        config.dialect.all_out_of_service = switch;
        let mut bench = Bench::ready(config);
        bench.wait(1);
        refuse(&mut bench, "connect");
        refuse(&mut bench, "connect");
        bench.talk(&caller(), &agent());
        bench.wait(100);
        if tried {
            bench.expect(AGENT, "INVITE");
        } else {
            bench.quiet();
            assert_eq!(bench.failed().rule, "out-of-service");
            assert_eq!(alarms(&bench).last(), Some(&"RecordingCallSetupFail"));
        }
    }
}

#[test]
fn a_trunks_state_is_told_with_cucms_reason_codes() {
    let mut bench = Bench::ready(pinging(two_destinations()));
    bench.wait(1);
    refuse(&mut bench, "connect");
    bench.connected(FlowId(11));
    let ping = bench.expect(FlowId(11), "OPTIONS");
    bench.answer(FlowId(11), &ping, 503, "p", "", None);
    let trunk = |event: &CucmEvent| match event {
        CucmEvent::Alarm(
            Alarm::SipTrunkPartiallyInService { peers, .. } | Alarm::SipTrunkOutOfService { peers, .. },
        ) => Some(peers.iter().map(|(peer, why)| format!("{} {why}", peer.ip())).collect::<Vec<_>>()),
        _ => None,
    };
    let told: Vec<_> = bench.events.iter().filter_map(trunk).collect();
    assert_eq!(told, [vec!["10.48.38.30 local=2"], vec!["10.48.38.30 local=2", "10.48.38.31 remote=503"]]);
    assert_eq!(alarms(&bench), ["SIPTrunkPartiallyISV", "SIPTrunkOOS"]);
    // Both come back after 120 s.
    bench.wait(120_100);
    connect(&mut bench, RECORDER);
    for flow in [RECORDER, FlowId(11)] {
        let ping = bench.expect(flow, "OPTIONS");
        bench.answer(flow, &ping, 200, "p", "", None);
    }
    assert_eq!(alarms(&bench)[2..], ["SIPTrunkPartiallyISV", "SIPTrunkISV"]);
    assert_eq!(OutOfService::RequestTimeout.to_string(), "local=1");
}

#[test]
fn silence_of_a_destination_is_told_as_a_request_timeout() {
    let mut bench = Bench::ready(pinging(plain()));
    bench.wait(1);
    bench.connected(RECORDER);
    bench.expect(RECORDER, "OPTIONS");
    bench.wait(33_000);
    let found = bench.events.iter().any(|event| {
        matches!(event, CucmEvent::Alarm(Alarm::SipTrunkOutOfService { peers, .. }) if peers[0].1 == OutOfService::RequestTimeout)
    });
    assert!(found, "{:?}", bench.events);
}

#[test]
fn a_phone_without_a_bridge_and_a_recorder_that_hangs_up_have_alarms_of_their_own() {
    let mut bench = Bench::ready(plain());
    bench.talk(&caller(), &agent());
    bench.wait(20);
    let bridge = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &bridge, 488, "b", "", None);
    assert_eq!(alarms(&bench), ["RecordingResourcesNotAvailable"]);

    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    let (near, _) = bench.record();
    bench.in_dialog(RECORDER, "BYE", &near, 1, None);
    assert_eq!(alarms(&bench), ["RecordingSessionTerminatedUnexpectedly"]);
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    assert_eq!(alarms(&bench).len(), 1);

    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    bench.record();
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    assert!(alarms(&bench).is_empty(), "the end of a call is no alarm");
}
