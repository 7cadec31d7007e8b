//! Several nodes: who drives a recording, from where.

use std::time::Duration;

use cucm::config::*;
use cucm::engine::Input;
use cucm::{ConnectFailure, CucmEvent};
use sip::{Message, Transport};

use crate::bench::*;
use crate::conferences::shared;
use crate::office::Office;

const SECOND: &str = "10.48.38.6";

/// The agent registers with the second node.
fn two_nodes(mut config: Config) -> Bench {
    config.subscribers = vec![Subscriber {
        node_name: "CUCM-SUB1".to_owned(),
        address: SECOND.parse().unwrap(),
        identity: identity("CUCM-SUB1"),
        phones: vec![AGENT_DEVICE.to_owned()],
    }];
    let mut bench = Bench::new(config);
    for (flow, device, number, node) in
        [(CALLER, CALLER_DEVICE, "1000", "10.48.38.5"), (AGENT, AGENT_DEVICE, "1001", SECOND)]
    {
        bench.here = node.parse().unwrap();
        bench.open(flow, Transport::Tcp, None);
        let contact = format!("sip:line@10.48.38.{}:50000;transport=tcp", 100 + flow.0);
        let answer = bench.register(flow, Transport::Tcp, device, number, &contact);
        assert_eq!(answer.status(), Some(200));
    }
    bench
}

fn speaks_for(message: &Message, address: &str) {
    for name in ["Via", "From", "Contact", "Call-ID"] {
        let value = message.header(name).unwrap();
        assert!(value.contains(address), "{name}: {value}");
    }
}

#[test]
fn the_node_of_the_recorded_phone_calls_the_recorder_under_its_own_address() {
    let mut bench = two_nodes(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    assert_eq!(bench.connects_from, [SECOND.parse::<std::net::IpAddr>().unwrap()]);
    for invite in [&near, &far] {
        speaks_for(invite, SECOND);
        assert!(!String::from_utf8_lossy(invite.as_bytes()).contains("10.48.38.5:"), "{invite:?}");
    }
}

fn origin(message: &Message) -> String {
    let body = String::from_utf8_lossy(message.body()).into_owned();
    body.lines().find(|line| line.starts_with("o=")).unwrap_or_default().to_owned()
}

/// The `o=` lines of what CUCM asked a phone.
fn origins(office: &Office, flow: sip::FlowId) -> Vec<String> {
    let asked = office.asked.iter().filter(|(to, _)| *to == flow).map(|(_, message)| origin(message));
    asked.filter(|line| !line.is_empty()).collect()
}

#[test]
fn descriptions_bear_the_address_of_the_node_that_sends_them() {
    let mut config = of_the_second();
    config.sip_profiles[0].offer = OfferMode::Early;
    let mut office = Office::new(config);
    let (_, agent) = office.call(CALLER, AGENT);
    office.hold(AGENT, &agent);
    let offers: Vec<String> = office.to_recorder.iter().map(origin).filter(|line| !line.is_empty()).collect();
    assert_eq!(offers.len(), 2, "an offer in each INVITE");
    let to_agent = origins(&office, AGENT);
    for line in offers.iter().chain(&to_agent) {
        assert!(line.ends_with(&format!("IN IP4 {SECOND}")), "{line}");
    }
    assert!(origins(&office, CALLER).iter().all(|line| line.ends_with("IN IP4 10.48.38.5")));
}

#[test]
fn each_node_has_a_connection_of_its_own() {
    let mut config = plain();
    config.phones[0].lines[0] = config.phones[0].lines[0].clone().recorded("recorder");
    let mut bench = two_nodes(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.wait(20);
    for flow in [CALLER, AGENT] {
        let invite = bench.find(flow, "INVITE");
        let contact = format!("Contact: <sip:line@10.48.38.{}:50000;transport=tcp>", 100 + flow.0);
        let sdp = Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 20_000).formats("0 101").direction("inactive").text();
        bench.answer(flow, &invite, 200, "near", &contact, Some(&sdp));
    }
    bench.wait(10);
    let mut nodes: Vec<String> = bench.connects_from.iter().map(ToString::to_string).collect();
    nodes.sort();
    assert_eq!(nodes, ["10.48.38.5", SECOND]);
}

#[test]
fn every_dialog_that_a_node_opens_has_that_nodes_call_id_and_guid() {
    let mut config = shared(&[1, 2]);
    let devices = [CALLER_DEVICE, AGENT_DEVICE, EXPERT_DEVICE].map(str::to_owned).to_vec();
    config.subscribers = vec![Subscriber {
        node_name: "CUCM-SUB1".to_owned(),
        address: SECOND.parse().unwrap(),
        identity: identity("CUCM-SUB1"),
        phones: devices,
    }];
    let mut office = Office::new(config);
    office.silent = Some(EXPERT);
    let (_, agent) = office.call(CALLER, AGENT);
    office.silent = None;
    office.join(EXPERT, "1001", &agent, "barge");
    let of = |method: &str| office.opening.iter().filter(|message| message.method() == Some(method)).count();
    assert_eq!((of("INVITE"), of("NOTIFY") > 0), (6, true), "a ring, four for the recording, the barge");
    let own = |value: &str| value.ends_with(&format!("@{SECOND}")) && value.contains("-626300a@");
    for message in &office.opening {
        let call_id = message.header("Call-ID").unwrap();
        assert!(own(&call_id), "{}: {call_id}", message.method().unwrap());
    }
    for invite in office.opening.iter().filter(|message| message.header("Cisco-Guid").is_some()) {
        let guid = invite.header("Cisco-Guid").unwrap();
        assert!(guid.ends_with(&format!("{:010}", 0x0626_300a)), "{guid}");
    }
}

/// The agent's phone stands at the second node, and is recorded.
fn of_the_second() -> Config {
    let mut config = plain();
    config.subscribers = vec![Subscriber {
        node_name: "CUCM-SUB1".to_owned(),
        address: SECOND.parse().unwrap(),
        identity: identity("CUCM-SUB1"),
        phones: vec![AGENT_DEVICE.to_owned()],
    }];
    config
}

fn fail(office: &mut Office, node: &str) {
    let now = office.bench.now;
    office.bench.engine.fail_node(now, node.parse().unwrap());
    office.bench.take();
}

/// Nothing is left but what is being cleared.
fn finish(mut office: Office) {
    office.settle();
    assert!(office.bench.engine.summary().leaked_dialogs.is_empty());
    assert_eq!(office.bench.engine.summary().leaked_transactions, 0);
}

fn lost(office: &Office) -> Vec<usize> {
    let lost = office.bench.events.iter().filter_map(|event| match event {
        CucmEvent::NodeFailed { lost, .. } => Some(lost.len()),
        _ => None,
    });
    lost.collect()
}

#[test]
fn a_node_that_dies_says_nothing_and_its_recordings_are_lost() {
    let mut office = Office::new(of_the_second());
    let (caller, _) = office.call(CALLER, AGENT);
    assert_eq!(office.started().len(), 1);
    let (asked, told) = (office.asked.len(), office.to_recorder.len());
    fail(&mut office, SECOND);
    office.settle();
    assert_eq!((office.asked.len(), office.to_recorder.len()), (asked, told), "nobody hears anything");
    assert_eq!((lost(&office), office.count("RecordingEnded")), (vec![1], 0));
    office.hang_up(CALLER, &caller);
    assert_eq!((office.to_recorder.len(), office.count("CallEnded")), (told, 1));
    finish(office);
}

#[test]
fn a_phone_that_registers_elsewhere_is_recorded_from_there() {
    let mut office = Office::new(of_the_second());
    let (caller, _) = office.call(CALLER, AGENT);
    fail(&mut office, SECOND);
    office.hang_up(CALLER, &caller);
    office.bench.here = "10.48.38.5".parse().unwrap();
    office.bench.open(AGENT, Transport::Tcp, None);
    let contact = "sip:line@10.48.38.102:50000;transport=tcp";
    assert_eq!(office.bench.register(AGENT, Transport::Tcp, AGENT_DEVICE, "1001", contact).status(), Some(200));
    office.opening.clear();
    let (_, agent) = office.call(CALLER, AGENT);
    assert_eq!(office.started().len(), 2);
    let to_recorder = office.opening.iter().filter(|message| message.header("Cisco-Guid").is_some());
    to_recorder.for_each(|invite| speaks_for(invite, "10.48.38.5"));
    office.hang_up(AGENT, &agent);
    finish(office);
}

#[test]
fn a_node_that_comes_back_pings_and_records_again() {
    let mut config = of_the_second();
    let ping = Duration::from_secs(5);
    config.sip_profiles[0].options_ping = Some(OptionsPing { in_service: ping, out_of_service: ping });
    let mut bench = Bench::new(config);
    let first: std::net::IpAddr = "10.48.38.5".parse().unwrap();
    let asks_from = |bench: &mut Bench| {
        bench.connects_from.clear();
        bench.connects.clear();
        bench.wait(6_000);
        bench.connects_from.clone()
    };
    let now = bench.now;
    bench.engine.fail_node(now, first);
    bench.take();
    assert_eq!(asks_from(&mut bench), [SECOND.parse::<std::net::IpAddr>().unwrap()]);
    let now = bench.now;
    bench.engine.restore_node(now, first);
    bench.engine.restore_node(now, first);
    bench.take();
    let back = bench.events.iter().filter(|event| matches!(event, CucmEvent::NodeRestored { node } if *node == first));
    assert_eq!(back.count(), 1, "once");
    let (connection, _) = bench.connects.remove(0);
    let why = ConnectFailure { rule: "connect".to_owned(), why: "refused".to_owned(), refused_by_us: false };
    bench.input(Input::ConnectFailed { connection, failure: why });
    assert_eq!(asks_from(&mut bench), [first]);
}

#[test]
fn a_recording_goes_on_where_only_the_far_ends_node_dies() {
    let mut office = Office::new(of_the_second());
    let (_, agent) = office.call(CALLER, AGENT);
    fail(&mut office, "10.48.38.5");
    assert_eq!((lost(&office), office.count("RecordingEnded")), (vec![0], 0));
    office.hang_up(AGENT, &agent);
    assert_eq!(office.count("RecordingEnded"), 1);
    finish(office);
}

/// How often CUCM ended the dialogs of a phone.
fn byes(office: &Office, flow: sip::FlowId) -> usize {
    office.asked.iter().filter(|(to, message)| *to == flow && message.method() == Some("BYE")).count()
}

#[test]
fn a_held_call_is_not_preserved() {
    let mut office = Office::new(of_the_second());
    let (_, agent) = office.call(CALLER, AGENT);
    office.hold(AGENT, &agent);
    let to_agent = office.asked.iter().filter(|(to, _)| *to == AGENT).count();
    fail(&mut office, SECOND);
    office.settle();
    assert_eq!((byes(&office, CALLER), office.count("CallEnded")), (1, 1));
    assert!(office.bench.music.is_empty(), "nobody hears music any more");
    assert_eq!(office.asked.iter().filter(|(to, _)| *to == AGENT).count(), to_agent, "the dead say nothing");
    finish(office);
}

#[test]
fn a_far_end_that_held_ends_the_recording_with_its_node() {
    let mut config = of_the_second();
    config.dialect.far_end_hold = FarEndHold::Keep;
    let mut office = Office::new(config);
    let (caller, _) = office.call(CALLER, AGENT);
    office.hold(CALLER, &caller);
    assert_eq!(office.count("RecordingEnded"), 0);
    fail(&mut office, "10.48.38.5");
    office.settle();
    assert_eq!((lost(&office), office.count("RecordingEnded"), byes(&office, AGENT) > 0), (vec![0], 1, true));
    finish(office);
}

#[test]
fn a_phone_that_rings_at_a_dead_node_cannot_be_reached() {
    let mut office = Office::new(of_the_second());
    let sdp = Sdp::new("10.48.38.101", 30_000);
    assert!(office.bench.dial(CALLER, "1000", "1001", &sdp).is_some(), "it rings");
    fail(&mut office, SECOND);
    office.settle();
    assert_eq!((office.answers.first(), office.count("CallFailed")), (Some(&480), 1));
    finish(office);
}

#[test]
fn a_conference_goes_on_without_the_members_of_a_dead_node() {
    let mut config = crate::conferences::office(plain(), &["1001"]);
    config.subscribers = vec![Subscriber {
        node_name: "CUCM-SUB1".to_owned(),
        address: SECOND.parse().unwrap(),
        identity: identity("CUCM-SUB1"),
        phones: vec![CALLER_DEVICE.to_owned()],
    }];
    let mut office = Office::new(config);
    let [_, agent, _] = office.conference();
    fail(&mut office, SECOND);
    office.settle();
    assert_eq!(office.count("ConferenceDropped"), 1, "two are left");
    assert_eq!((byes(&office, CALLER), office.mixed().len()), (0, 0));
    office.hang_up(AGENT, &agent);
    finish(office);
}
