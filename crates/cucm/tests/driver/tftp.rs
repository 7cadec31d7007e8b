//! TFTP: one port takes the requests, each transfer has another one (RFC 1350 §4).

use std::collections::BTreeSet;
use std::net::SocketAddr;

use cucm::start;
use trust::tftp::Packet;
use wire::{Datagram, Net, NetOptions};

use crate::peer::*;

async fn receive(socket: &Datagram) -> (SocketAddr, Vec<u8>) {
    let mut buf = [0; 2048];
    let (length, from) = socket.recv_from(&mut buf).await.unwrap();
    (from, buf[..length].to_vec())
}

fn read(name: &str) -> Vec<u8> {
    Packet::Read { name: name.into(), mode: "octet".into() }.to_bytes()
}

async fn transfers_have_ports_of_their_own(net: Net) {
    let mut config = config(&People::new());
    config.ports = cucm::config::Ports { sip: 0, secured_sip: 0, tftp: 0, music: 0 };
    config.sip_trunk_security_profiles.iter_mut().for_each(|profile| profile.incoming_port = 0);
    let cucm = start(net.clone(), config, 1).await.unwrap();
    let tftp = cucm.addresses().tftp;
    let mut ports = BTreeSet::from([tftp.port()]);
    for _ in 0..3 {
        let phone = net.datagram("127.0.1.77:0".parse().unwrap()).await.unwrap();
        phone.send_to(&read("CTLFile.tlv"), tftp).await.unwrap();
        // A request that came twice is still one transfer.
        phone.send_to(&read("CTLFile.tlv"), tftp).await.unwrap();
        let (transfer, first) = receive(&phone).await;
        assert!(ports.insert(transfer.port()), "{transfer} has been used");
        assert!(matches!(Packet::parse(&first), Ok(Packet::Data { block: 1, bytes }) if bytes.len() == 512));
        // A stranger is told so, and neither he nor a second request at that port moves the transfer.
        let stranger = net.datagram("127.0.1.78:0".parse().unwrap()).await.unwrap();
        stranger.send_to(&read("CTLFile.tlv"), transfer).await.unwrap();
        stranger.send_to(&Packet::Ack { block: 1 }.to_bytes(), transfer).await.unwrap();
        let mut block = 1;
        loop {
            phone.send_to(&Packet::Ack { block }.to_bytes(), transfer).await.unwrap();
            let (from, bytes) = receive(&phone).await;
            let Ok(Packet::Data { block: next, bytes }) = Packet::parse(&bytes) else { panic!("no data") };
            assert_eq!((from, next), (transfer, block + 1));
            block = next;
            if bytes.len() < 512 {
                break;
            }
        }
        phone.send_to(&Packet::Ack { block }.to_bytes(), transfer).await.unwrap();
    }
    // What is not there is refused from a port of its own as well, and what is no request from the first one.
    let phone = net.datagram("127.0.1.77:0".parse().unwrap()).await.unwrap();
    phone.send_to(&read("SEP000000000000.cnf.xml"), tftp).await.unwrap();
    let (from, refusal) = receive(&phone).await;
    assert!(ports.insert(from.port()));
    assert!(matches!(Packet::parse(&refusal), Ok(Packet::Error { code: 1, .. })));
    phone.send_to(b"\0\x09", tftp).await.unwrap();
    let (from, refusal) = receive(&phone).await;
    assert_eq!(from, tftp);
    assert!(matches!(Packet::parse(&refusal), Ok(Packet::Error { code: 4, .. })));
    cucm.stop().await;
}

#[test]
fn each_transfer_has_a_port_of_its_own_over_the_simulated_network() {
    simulated(transfers_have_ports_of_their_own);
}

#[tokio::test]
async fn each_transfer_has_a_port_of_its_own_over_real_sockets() {
    transfers_have_ports_of_their_own(Net::os(NetOptions::default())).await;
}
