//! Several nodes: who drives a recording, from where.

use cucm::CucmEvent;
use cucm::config::*;
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
fn a_recording_goes_on_where_only_the_far_ends_node_dies() {
    let mut office = Office::new(of_the_second());
    let (_, agent) = office.call(CALLER, AGENT);
    fail(&mut office, "10.48.38.5");
    assert_eq!((lost(&office), office.count("RecordingEnded")), (vec![0], 0));
    office.hang_up(AGENT, &agent);
    assert_eq!(office.count("RecordingEnded"), 1);
    finish(office);
}
