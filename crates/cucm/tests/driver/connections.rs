//! Connections with recorders that close, that the recorder opens, and that fail: over the simulated network and real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use cucm::config::{Config, Destination, Ports};
use cucm::{Alarm, CucmEvent, start};
use sip::Message;
use wire::{Listener, Net, NetOptions};

use crate::peer::*;
use crate::whole::{Scene, recorded_by};

/// A cluster on free ports whose recorder listens on one, too.
async fn place(net: &Net, people: &People) -> (Config, Listener) {
    let listener = net.listen(SocketAddr::new(RECORDER.parse().unwrap(), 0)).await.unwrap();
    let mut config = config(people);
    config.ports = Ports { sip: 0, secured_sip: 0, tftp: 0, music: 0 };
    config.sip_trunk_security_profiles.iter_mut().for_each(|profile| profile.incoming_port = 0);
    config.trunks[0].destinations[0].port = listener.local_addr().port();
    (config, listener)
}

async fn again(listener: &Listener, people: &People) -> Peer {
    Peer::accept(listener, &people.recorder, &call_manager()).await.unwrap()
}

async fn hang_up(scene: &mut Scene) {
    let header = |name: &str| scene.ok.header(name).unwrap().into_owned();
    let headers = [
        ("From", header("From")),
        ("To", header("To")),
        ("Call-ID", header("Call-ID")),
        ("CSeq", "102 BYE".to_owned()),
    ];
    scene.customer.request("BYE", &headers, None).await;
    scene.customer.expect("200").await;
    for _ in 0..3 {
        let bye = scene.agent.expect("BYE").await;
        scene.agent.answer(&bye, 200, "x", None).await;
    }
}

/// The connection closes in mid-call: the recording stays, and its BYEs come over a new one.
async fn a_new_connection_carries_the_byes(net: Net) {
    let people = People::new();
    let (config, listener) = place(&net, &people).await;
    let mut scene = recorded_by(&net, &people, config, &listener, 1).await;
    scene.recorder.close().await;
    net.clock().sleep(Duration::from_millis(200)).await;
    hang_up(&mut scene).await;
    let mut second = again(&listener, &people).await;
    let byes = [second.expect("BYE").await, second.expect("BYE").await];
    let ids = byes.each_ref().map(|bye| bye.call_id().unwrap());
    assert_eq!(ids, [scene.started.near_leg.recorder_call_id.clone(), scene.started.far_leg.recorder_call_id.clone()]);
    for bye in &byes {
        second.answer(bye, 200, "x", None).await;
    }
    let summary = scene.cucm.stop().await;
    assert_eq!((summary.leaked_dialogs.len(), summary.leaked_transactions), (0, 0));
}

/// The refresh finds no connection either, and opens one.
async fn a_new_connection_carries_the_refresh(net: Net) {
    let people = People::new();
    let (mut config, listener) = place(&net, &people).await;
    config.timing.session_expires = Duration::from_secs(4);
    config.timing.least_session = Duration::from_secs(4);
    let mut scene = recorded_by(&net, &people, config, &listener, 1).await;
    // The recorder turns a timer on, which makes the node the refresher.
    let headers = [("Supported", "timer".to_owned()), ("Session-Expires", "4".to_owned())];
    scene.recorder.request_in("UPDATE", &scene.near, "n", &headers, None).await;
    let granted = scene.recorder.expect("200").await;
    assert_eq!(granted.header("Session-Expires").as_deref(), Some("4;refresher=uas"));
    scene.recorder.close().await;
    let mut second = again(&listener, &people).await;
    let refresh = second.expect("INVITE").await;
    assert_eq!(refresh.call_id().ok(), scene.near.call_id().ok());
    second.answer(&refresh, 200, "n", Some(&offer(RECORDER, 6000, "recvonly", true))).await;
    second.expect("ACK").await;
    assert_eq!(scene.cucm.stop().await.refreshes, 1);
}

/// The recorder pauses over a connection of its own.
async fn a_recorder_pauses_over_its_own_connection(net: Net) {
    let people = People::new();
    let (config, listener) = place(&net, &people).await;
    let mut scene = recorded_by(&net, &people, config, &listener, 1).await;
    let mut own = Peer::connect(&net, RECORDER, scene.cucm.addresses().secured_sip, &people.recorder).await;
    own.reinvite(&scene.near, &offer(RECORDER, 6000, "inactive", true)).await;
    let asked = scene.agent.expect("INVITE").await;
    scene.agent.answer(&asked, 200, "x", Some(&offer("127.0.1.2", 21_000, "sendrecv", true))).await;
    let says = |message: &Message, what: &str| String::from_utf8_lossy(message.body()).contains(what);
    assert!(says(&scene.agent.expect("ACK").await, "a=inactive"));
    let ok = own.expect("200").await;
    assert!(says(&ok, "a=inactive"));
    own.acknowledge(&ok).await;
    scene.cucm.stop().await;
}

/// The ACK is lost with its connection: the 200 comes again over a new one, and so does the ACK.
async fn a_lost_ack_comes_again(net: Net) {
    let people = People::new();
    let (config, listener) = place(&net, &people).await;
    let mut scene = recorded_by(&net, &people, config, &listener, 1).await;
    scene.recorder.close().await;
    net.clock().sleep(Duration::from_millis(200)).await;
    let mut own = Peer::connect(&net, RECORDER, scene.cucm.addresses().secured_sip, &people.recorder).await;
    own.answer(&scene.near_invite, 200, "n", Some(&offer(RECORDER, 6000, "recvonly", true))).await;
    assert_eq!(own.expect("ACK").await, scene.near);
    scene.cucm.stop().await;
}

/// Of two destinations the first refuses the connection: the second one records.
async fn the_second_destination_records(net: Net) {
    let people = People::new();
    let (mut config, listener) = place(&net, &people).await;
    let second = config.trunks[0].destinations[0];
    let nobody = {
        let free = net.listen(SocketAddr::new(RECORDER.parse().unwrap(), 0)).await.unwrap();
        free.local_addr().port()
    };
    config.trunks[0].destinations = vec![Destination { port: nobody, ..second }, second];
    let scene = recorded_by(&net, &people, config, &listener, 1).await;
    assert_eq!(scene.started.near_leg.destination.port(), second.port);
    scene.cucm.stop().await;
}

/// Nobody listens: OPTIONS finds the trunk out of service, and when somebody does, in service.
async fn a_recorder_comes_late(net: Net) {
    let people = People::new();
    let (mut config, listener) = place(&net, &people).await;
    let at = listener.local_addr();
    drop(listener);
    config.sip_profiles[0].options_ping = Some(cucm::config::OptionsPing {
        in_service: Duration::from_secs(1),
        out_of_service: Duration::from_millis(500),
    });
    let mut cucm = start(net.clone(), config, 1).await.unwrap();
    let alarm = |event: &CucmEvent| match event {
        CucmEvent::Alarm(Alarm::SipTrunkOutOfService { peers, .. }) => Some(format!("OOS {}", peers[0].1)),
        CucmEvent::Alarm(Alarm::SipTrunkInService { .. }) => Some("ISV".to_owned()),
        _ => None,
    };
    assert_eq!(event(&mut cucm, alarm).await, "OOS local=2");
    let listener = net.listen(at).await.unwrap();
    let mut recorder = again(&listener, &people).await;
    let ping = recorder.expect("OPTIONS").await;
    recorder.answer(&ping, 200, "p", None).await;
    assert_eq!(event(&mut cucm, alarm).await, "ISV");
    cucm.stop().await;
}

/// Tells a story twice: in virtual time, and on real sockets.
fn on_both_networks<F: Future<Output = ()>>(story: fn(Net) -> F) {
    simulated(story);
    let real = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    real.block_on(async { tokio::time::timeout(Duration::from_secs(60), story(Net::os(NetOptions::default()))).await })
        .expect("the test hangs");
}

#[test]
fn a_connection_that_closed_is_opened_again_for_the_byes() {
    on_both_networks(a_new_connection_carries_the_byes);
}

#[test]
fn a_connection_that_closed_is_opened_again_for_a_refresh() {
    on_both_networks(a_new_connection_carries_the_refresh);
}

#[test]
fn a_recorder_may_pause_over_a_connection_of_its_own() {
    on_both_networks(a_recorder_pauses_over_its_own_connection);
}

#[test]
fn a_200_that_comes_again_over_another_connection_gets_the_same_ack() {
    on_both_networks(a_lost_ack_comes_again);
}

#[test]
fn a_refused_connection_leads_to_the_second_destination() {
    on_both_networks(the_second_destination_records);
}

#[test]
fn options_find_a_recorder_that_comes_late_to_be_in_service() {
    on_both_networks(a_recorder_comes_late);
}
