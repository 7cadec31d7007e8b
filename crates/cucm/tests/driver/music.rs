//! Music on hold as a held phone receives it.

use std::net::SocketAddr;
use std::time::Duration;

use cucm::config::{Line, MusicOnHold, Ports, RecordingOption};
use cucm::{CucmEvent, start};
use media::rtp::{HEADER_LEN, Packet};
use media::sdp::{Audio, Direction, Sdp};
use media::srtp::Context;
use sip::Message;
use wire::{MediaSocket, Net, NetOptions};

use crate::peer::*;

fn audio(message: &Message) -> Audio {
    Sdp::parse(message.body()).unwrap().audio().unwrap()
}

/// What arrives in this time, decrypted: sequence number, timestamp, payload, and where it came from.
async fn heard(
    net: &Net,
    socket: &mut MediaSocket,
    mut context: Option<Context>,
    time: Duration,
) -> Vec<(u16, u32, Vec<u8>, SocketAddr)> {
    let until = net.clock().now() + time;
    let mut packets = Vec::new();
    let mut buf = [0; 1500];
    while net.clock().now() < until {
        while let Some((length, from)) = socket.try_recv(&mut buf) {
            let length = match &mut context {
                Some(context) => context.unprotect(&mut buf, length).unwrap(),
                None => length,
            };
            let packet = Packet::parse(&buf[..length]).unwrap();
            packets.push((packet.sequence(), packet.timestamp(), buf[HEADER_LEN..length].to_vec(), from));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    packets
}

/// A call whose callee holds; the caller hears what it hears for a second, and again behind a second hold.
async fn hold_twice(net: Net, ports: Ports, is_secure: bool) {
    let people = People::new();
    let mut config = config(&people);
    config.ports = ports;
    config.phones[0].lines[0].recording_option = RecordingOption::Disabled;
    if !is_secure {
        config.phones[1].security_profile = "plain".to_owned();
    }
    let mut cucm = start(net.clone(), config, 1).await.unwrap();
    let (sip, secured) = (cucm.addresses().sip, cucm.addresses().secured_sip);
    let mut agent = Peer::connect(&net, "127.0.1.2", secured, &people.agent).await;
    let mut customer = match is_secure {
        true => Peer::connect(&net, "127.0.1.3", secured, &people.customer).await,
        false => Peer::connect_plain(&net, "127.0.1.3", sip).await,
    };
    agent.register(AGENT, "2000").await;
    customer.register(CUSTOMER, "1000").await;
    let mut socket = net.media(SocketAddr::new("127.0.1.3".parse().unwrap(), 0)).unwrap();
    let ours = offer("127.0.1.3", socket.local_addr().port(), "sendrecv", is_secure);
    customer.dial("1000", "2000", &ours).await;
    let invite = agent.expect("INVITE").await;
    agent.answer(&invite, 200, "a", Some(&offer("127.0.1.2", 30_002, "sendrecv", true))).await;
    let ok = customer.expect("200").await;
    customer.in_call("ACK", &ok, 101, None).await;
    agent.expect("ACK").await;
    let mut keys = Vec::new();
    for round in 0..2 {
        agent.in_call("INVITE", &invite, 201 + 2 * round, Some(&offer("127.0.1.2", 30_002, "sendonly", true))).await;
        assert_eq!(audio(&agent.expect("200").await).direction, Direction::Inactive);
        agent.in_call("ACK", &invite, 201 + 2 * round, None).await;
        let stop = customer.expect("INVITE").await;
        customer.answer(&stop, 200, "x", Some(&offer("127.0.1.3", 1, "inactive", is_secure))).await;
        let ask = customer.expect_asking().await;
        customer.answer(&ask, 200, "x", Some(&ours)).await;
        let told = audio(&customer.expect_answer().await);
        assert_eq!(told.direction, Direction::SendOnly);
        event(&mut cucm, |event| matches!(event, CucmEvent::Held { .. }).then_some(())).await;
        let crypto =
            told.crypto.first().map(|line| (line.context().unwrap(), line.master_key().unwrap().fingerprint()));
        let (context, key) = crypto.unzip();
        assert_eq!(key.is_some(), is_secure);
        keys.push(key);
        let packets = heard(&net, &mut socket, context, Duration::from_secs(1)).await;
        assert!((45..=52).contains(&packets.len()), "{} packets in a second", packets.len());
        for pair in packets.windows(2) {
            assert_eq!((pair[0].0.wrapping_add(1), pair[0].1.wrapping_add(160)), (pair[1].0, pair[1].1));
        }
        assert!(packets.iter().all(|packet| packet.2.len() == 160));
        assert!(packets.iter().all(|packet| packet.3 == SocketAddr::new(told.address, told.port)));
        agent.in_call("INVITE", &invite, 202 + 2 * round, Some(&offer("127.0.1.2", 30_002, "sendrecv", true))).await;
        let stop = customer.expect("INVITE").await;
        heard(&net, &mut socket, None, Duration::ZERO).await;
        customer.answer(&stop, 200, "x", Some(&offer("127.0.1.3", 1, "inactive", is_secure))).await;
        let ask = customer.expect_asking().await;
        customer.answer(&ask, 200, "x", Some(&ours)).await;
        customer.expect_answer().await;
        agent.expect("200").await;
        agent.in_call("ACK", &invite, 202 + 2 * round, None).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut buf = [0; 1500];
        while socket.try_recv(&mut buf).is_some() {}
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(socket.try_recv(&mut buf).is_none(), "the music has stopped");
    }
    assert!(!is_secure || keys[0] != keys[1], "each music has a key of its own");
    agent.in_call("BYE", &invite, 300, None).await;
    agent.expect("200").await;
    let bye = customer.expect("BYE").await;
    customer.answer(&bye, 200, "x", None).await;
    let summary = cucm.stop().await;
    assert_eq!(summary.leaked_dialogs, Vec::<String>::new());
    let [first, second] = summary.music.as_slice() else { panic!("{:?}", summary.music) };
    assert_eq!((&first.dialog, &second.dialog), (&ok.call_id().unwrap(), &ok.call_id().unwrap()));
    assert!(first.rows.len() >= 45 && first.ssrc != second.ssrc && first.key_fingerprint == keys[0]);
    assert_ne!(first.payload(&first.rows[0]), second.payload(&second.rows[0]), "no two frames of a run are equal");
}

#[test]
fn a_held_phone_hears_srtp_under_a_new_key_each_time() {
    simulated(|net| hold_twice(net, Ports { tftp: 6969, ..Ports::default() }, true));
}

#[test]
fn a_non_secure_phone_hears_rtp() {
    simulated(|net| hold_twice(net, Ports { tftp: 6969, ..Ports::default() }, false));
}

#[tokio::test]
async fn music_is_paced_on_real_sockets_too() {
    let net = Net::os(NetOptions::default());
    hold_twice(net, Ports { sip: 0, secured_sip: 0, tftp: 0, music: 0 }, true).await;
}

#[test]
fn a_cluster_without_music_opens_no_port_for_it() {
    simulated(|net| async move {
        let mut config = config(&People::new());
        config.music_on_hold = MusicOnHold::Nothing;
        config.phones[0].lines = vec![Line::new("2000", "Agent")];
        let cucm = start(net.clone(), config, 1).await.unwrap();
        net.media(SocketAddr::new(NODE.parse().unwrap(), 4000)).expect("the port is free");
        assert!(cucm.stop().await.music.is_empty());
    });
}
