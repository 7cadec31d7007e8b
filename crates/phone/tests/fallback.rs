//! A phone whose own CUCM node is not there registers with the next one, and goes back when it is.
#![allow(clippy::unwrap_used, reason = "a step that fails ends its test")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use phone::{Phone, PhoneState, boot};
use support::{AGENT, CUCM, Cluster, Peer, ip, on_sim};
use trust::phone_config::DeviceSecurityMode::NonSecure;
use trust::phone_config::{CallManager, Line, PhoneConfig, Transport};
use wire::Net;

const OWN: &str = "127.0.0.8";
const PORT: u16 = 5060;

/// A phone that is registered with the second node of its group, whose first one is not there, and its connection.
async fn at_the_second(net: &Net) -> (Cluster, Phone, Peer) {
    let mut cluster = Cluster::new(net, false).await;
    let manager = |address: &str, sip_port| CallManager {
        name: address.into(),
        process_node: address.into(),
        sip_port,
        secured_sip_port: sip_port,
    };
    let mut config = PhoneConfig::new(AGENT, NonSecure, manager(OWN, PORT));
    config.call_managers.push(manager(CUCM, cluster.listener.local_addr().port()));
    config.transport = Transport::Tcp;
    config.connection_monitor = 30;
    config.lines.push(Line::new(1, "1001", ""));
    cluster.serve(&format!("{AGENT}.cnf.xml"), config.to_xml().into_bytes());
    let config = cluster.config(AGENT, cluster.tftp().await, 1);
    let (phone, peer) = tokio::join!(boot(net.clone(), config, 3), cluster.registered());
    (cluster, phone.unwrap(), peer)
}

/// The phone's own node is there from now on; its connection, over which it says nothing yet.
async fn watched(net: &Net, cluster: &mut Cluster) -> Peer {
    cluster.listener = net.listen(SocketAddr::new(ip(OWN), PORT)).await.unwrap();
    cluster.accept().await
}

async fn registers(peer: &mut Peer) {
    let register = peer.expect("REGISTER").await;
    peer.respond(&register, "200 OK", "Expires: 120\r\n", "").await;
}

#[test]
fn the_phone_goes_back_when_its_node_has_been_there_long_enough() {
    on_sim(|net| async move {
        let (mut cluster, phone, mut second) = at_the_second(&net).await;
        assert_eq!(phone.status().server, Some(ip(CUCM)));
        net.clock().sleep(Duration::from_secs(15)).await;
        let mut own = watched(&net, &mut cluster).await;
        let seen = net.clock().now();
        registers(&mut own).await;
        let waited = net.clock().now() - seen;
        assert!((29..=31).contains(&waited.as_secs()), "{waited:?}");
        phone.wait_for(PhoneState::Registered, Duration::from_secs(1)).await.unwrap();
        assert_eq!(phone.status().server, Some(ip(OWN)));
        assert!(second.is_closed().await, "the phone is at its own node alone");
    });
}

#[test]
fn a_node_that_goes_again_meanwhile_is_waited_for_anew() {
    on_sim(|net| async move {
        let (mut cluster, phone, _second) = at_the_second(&net).await;
        let own = watched(&net, &mut cluster).await;
        net.clock().sleep(Duration::from_secs(20)).await;
        own.close().await;
        let mut own = cluster.accept().await;
        let seen = net.clock().now();
        assert_eq!(phone.status().server, Some(ip(CUCM)));
        registers(&mut own).await;
        assert!((net.clock().now() - seen).as_secs() >= 29);
    });
}

#[test]
fn the_phone_stays_while_a_call_is_up() {
    on_sim(|net| async move {
        let (mut cluster, phone, mut second) = at_the_second(&net).await;
        phone.dial("1000").await.unwrap();
        let invite = second.expect("INVITE").await;
        second.respond(&invite, "180 Ringing", "", "").await;
        let mut own = watched(&net, &mut cluster).await;
        net.clock().sleep(Duration::from_secs(60)).await;
        assert_eq!(phone.status().server, Some(ip(CUCM)));
        second.respond(&invite, "486 Busy Here", "", "").await;
        let seen = net.clock().now();
        registers(&mut own).await;
        assert!((net.clock().now() - seen).as_secs() < 5, "at once");
    });
}
