//! Several nodes: who drives a recording, from where.

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
