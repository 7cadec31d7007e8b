//! From boot to the last BYE.

use std::net::SocketAddr;
use std::sync::Arc;

use cucm::{CucmEvent, Protection, StartError, start};
use media::srtp::Suite;
use trust::cert::Identity;
use trust::ctl::{Ctl, Role};
use trust::phone_config::{DeviceSecurityMode, PhoneConfig, Transport};
use trust::tftp::{Client, ClientEvent, Input, Limits, Output};
use wire::{Keep, Kind, Net, NetOptions, SimOptions, Tap};

use crate::peer::*;

/// Reads a file as a phone does.
async fn fetch(net: &Net, server: SocketAddr, name: &str) -> Option<Vec<u8>> {
    let socket = net.datagram(SocketAddr::new("127.0.1.77".parse().unwrap(), 0)).await.unwrap();
    let clock = net.clock().clone();
    let mut client = Client::new(clock.now(), server, name, Limits::default());
    let mut buf = [0; 2048];
    loop {
        while let Some(output) = client.poll_output() {
            match output {
                Output::Transmit { to, bytes } => drop(socket.send_to(&bytes, to).await),
                Output::Event(ClientEvent::Done(bytes)) => return Some(bytes),
                Output::Event(_) => return None,
            }
        }
        let (length, from) = socket.recv_from(&mut buf).await.unwrap();
        client.handle_input(clock.now(), Input::Datagram { from, bytes: &buf[..length] });
    }
}

#[test]
fn phones_are_served_a_signed_trust_list_and_their_configuration() {
    simulated(|net| async move {
        let people = People::new();
        let cucm = start(net.clone(), config(&people), 1).await.unwrap();
        let tftp = cucm.addresses().tftp;
        for name in [format!("CTL{AGENT}.tlv"), "CTLFile.tlv".to_owned()] {
            let ctl = Ctl::parse(&fetch(&net, tftp, &name).await.unwrap()).unwrap();
            ctl.verify().unwrap();
            assert_eq!(ctl.roles_of(&call_manager().certificate), [Role::Sast, Role::CcmTftp]);
        }
        let file = PhoneConfig::parse(&fetch(&net, tftp, &format!("{AGENT}.cnf.xml")).await.unwrap()).unwrap();
        assert_eq!((file.device_security_mode, file.transport), (DeviceSecurityMode::Encrypted, Transport::Tls));
        assert_eq!(file.call_managers[0].process_node, NODE);
        assert_eq!((file.lines[0].dn.as_str(), file.lines[0].display.as_str()), ("2000", "Agent"));
        assert!(fetch(&net, tftp, "SEP000000000000.cnf.xml").await.is_none());
        cucm.stop().await;
    });
}

#[test]
fn a_cluster_in_mode_0_serves_no_trust_list_and_wants_no_security() {
    simulated(|net| async move {
        let mut config = config(&People::new());
        config.cluster_security_mode = cucm::config::ClusterSecurityMode::NonSecure;
        let cucm = start(net.clone(), config, 1).await.unwrap();
        let tftp = cucm.addresses().tftp;
        assert!(fetch(&net, tftp, &format!("CTL{AGENT}.tlv")).await.is_none());
        let file = PhoneConfig::parse(&fetch(&net, tftp, &format!("{AGENT}.cnf.xml")).await.unwrap()).unwrap();
        assert_eq!((file.device_security_mode, file.transport), (DeviceSecurityMode::NonSecure, Transport::Tcp));
        let mut phone = Peer::connect_plain(&net, "127.0.1.2", cucm.addresses().sip).await;
        assert_eq!(phone.register(AGENT, "2000").await.status(), Some(200));
        cucm.stop().await;
    });
}

/// Everybody at work: the agent, the customer, and the recorder once it was called.
pub(crate) struct Scene {
    pub(crate) cucm: cucm::Cucm,
    pub(crate) agent: Peer,
    pub(crate) customer: Peer,
    pub(crate) recorder: Peer,
    pub(crate) near_invite: sip::Message,
    pub(crate) near: sip::Message,
    pub(crate) started: Box<cucm::RecordingStarted>,
    pub(crate) ok: sip::Message,
}

async fn bridge_answers(agent: &mut Peer, tag: &str, port: u16) {
    let invite = agent.expect("INVITE").await;
    agent.answer(&invite, 200, tag, Some(&offer("127.0.1.2", port, "inactive", false))).await;
    agent.expect("ACK").await;
}

/// Gives the recording INVITE and its ACK.
async fn recorder_answers(recorder: &mut Peer, agent: &mut Peer, tag: &str, port: u16) -> (sip::Message, sip::Message) {
    let invite = recorder.expect("INVITE").await;
    recorder.answer(&invite, 200, tag, Some(&offer(RECORDER, port, "recvonly", true))).await;
    let asked = agent.expect("INVITE").await;
    assert!(asked.body().is_empty());
    agent.answer(&asked, 200, "x", Some(&offer("127.0.1.2", port + 1000, "sendrecv", true))).await;
    agent.expect("ACK").await;
    (invite, recorder.expect("ACK").await)
}

async fn recorded(net: &Net, people: &People, seed: u64) -> Scene {
    let listener = net.listen(SocketAddr::new(RECORDER.parse().unwrap(), 5061)).await.unwrap();
    recorded_by(net, people, config(people), &listener, seed).await
}

/// The same in this cluster, by the recorder that listens there.
pub(crate) async fn recorded_by(
    net: &Net,
    people: &People,
    config: cucm::Config,
    listener: &wire::Listener,
    seed: u64,
) -> Scene {
    let mut cucm = start(net.clone(), config, seed).await.unwrap();
    let secured = cucm.addresses().secured_sip;
    let mut agent = Peer::connect(net, "127.0.1.2", secured, &people.agent).await;
    let mut customer = Peer::connect(net, "127.0.1.3", secured, &people.customer).await;
    assert_eq!(agent.register(AGENT, "2000").await.status(), Some(200));
    assert_eq!(customer.register(CUSTOMER, "1000").await.status(), Some(200));
    customer.dial("1000", "2000", &offer("127.0.1.3", 30_000, "sendrecv", true)).await;
    let invite = agent.expect("INVITE").await;
    agent.answer(&invite, 180, "a", None).await;
    customer.expect("180").await;
    agent.answer(&invite, 200, "a", Some(&offer("127.0.1.2", 30_002, "sendrecv", true))).await;
    let ok = customer.expect("200").await;
    agent.expect("ACK").await;
    let headers = ["From", "To", "Call-ID"].map(|name| (name, ok.header(name).unwrap().into_owned()));
    customer.request("ACK", &[headers.as_slice(), &[("CSeq", "101 ACK".to_owned())]].concat(), None).await;
    bridge_answers(&mut agent, "near-bridge", 20_000).await;
    let mut recorder = Peer::accept(listener, &people.recorder, &call_manager()).await.unwrap();
    bridge_answers(&mut agent, "far-bridge", 20_002).await;
    let (near_invite, near) = recorder_answers(&mut recorder, &mut agent, "n", 6000).await;
    recorder_answers(&mut recorder, &mut agent, "f", 6002).await;
    let started = event(&mut cucm, |event| match event {
        CucmEvent::RecordingStarted(started) => Some(started.clone()),
        _ => None,
    })
    .await;
    Scene { cucm, agent, customer, recorder, near_invite, near, started, ok }
}

#[test]
fn a_call_is_recorded_over_mutual_tls_and_nothing_is_left() {
    simulated(|net| async move {
        let mut scene = recorded(&net, &People::new(), 1).await;
        let started = &scene.started;
        assert_eq!(started.near_leg.protection, Protection::Srtp(Suite::AesCm128HmacSha1_80));
        assert_eq!(started.near_leg.recorder_media, SocketAddr::new(RECORDER.parse().unwrap(), 6000));
        assert_eq!((started.near.device.as_str(), started.far.device.as_str()), (AGENT, CUSTOMER));
        assert_eq!(Some(&started.near_leg.recorder_call_id), scene.near.call_id().ok().as_ref());
        let headers = [
            ("From", scene.ok.header("From").unwrap().into_owned()),
            ("To", scene.ok.header("To").unwrap().into_owned()),
            ("Call-ID", scene.ok.header("Call-ID").unwrap().into_owned()),
            ("CSeq", "102 BYE".to_owned()),
        ];
        scene.customer.request("BYE", &headers, None).await;
        scene.customer.expect("200").await;
        for _ in 0..2 {
            let bye = scene.recorder.expect("BYE").await;
            scene.recorder.answer(&bye, 200, "x", None).await;
        }
        for _ in 0..3 {
            let bye = scene.agent.expect("BYE").await;
            scene.agent.answer(&bye, 200, "x", None).await;
        }
        let summary = scene.cucm.stop().await;
        assert_eq!((summary.calls, summary.recordings), (1, 1));
        assert_eq!((summary.leaked_dialogs.len(), summary.leaked_transactions), (0, 0));
        assert_eq!(summary.registered, [AGENT, CUSTOMER]);
    });
}

#[test]
fn a_cluster_stopped_in_mid_call_names_what_was_open() {
    simulated(|net| async move {
        let scene = recorded(&net, &People::new(), 1).await;
        let summary = scene.cucm.stop().await;
        assert_eq!(summary.leaked_dialogs.len(), 6);
        assert!(summary.leaked_dialogs.contains(&scene.started.far_leg.recorder_call_id));
    });
}

#[test]
fn the_recorder_may_ask_and_end_over_a_connection_of_its_own() {
    simulated(|net| async move {
        let people = People::new();
        let mut scene = recorded(&net, &people, 1).await;
        let mut second = Peer::connect(&net, RECORDER, scene.cucm.addresses().secured_sip, &people.recorder).await;
        let headers = [
            ("From", format!("<sip:{RECORDER}>;tag=ping")),
            ("To", format!("<sip:{NODE}>")),
            ("Call-ID", "ping".to_owned()),
            ("CSeq", "1 OPTIONS".to_owned()),
        ];
        second.request("OPTIONS", &headers, None).await;
        second.expect("200").await;
        second.request_back("BYE", &scene.near, "n").await;
        second.expect("200").await;
        scene.recorder.expect("BYE").await;
        let by_recorder = event(&mut scene.cucm, |event| match event {
            CucmEvent::RecordingEnded { by_recorder, .. } => Some(*by_recorder),
            _ => None,
        });
        assert!(by_recorder.await);
        scene.cucm.stop().await;
    });
}

#[test]
fn a_seed_gives_the_same_messages_again_and_another_seed_others() {
    let people = Arc::new(People::new());
    let messages = |seed: u64| {
        let people = Arc::clone(&people);
        let tap = Tap::memory(Keep::Messages);
        let run = async {
            let net = Net::simulated(SimOptions { tap: tap.clone(), ..SimOptions::default() });
            recorded(&net, &people, seed).await.cucm.stop().await;
        };
        wire::simulation_runtime().unwrap().block_on(run);
        let kept = tap.packets().into_iter().filter(|packet| matches!(packet.kind, Kind::Message { .. }));
        kept.map(|packet| String::from_utf8_lossy(&packet.bytes).into_owned()).collect::<Vec<_>>()
    };
    let first = messages(1);
    assert!(first.len() > 30, "{} messages", first.len());
    assert_eq!(first, messages(1));
    assert_ne!(first, messages(2));
}

#[test]
fn phones_over_udp_register_and_are_called() {
    simulated(|net| async move {
        let mut config = config(&People::new());
        config.phone_security_profiles[1].transport = Transport::Udp;
        config.phones.iter_mut().for_each(|phone| phone.security_profile = "plain".to_owned());
        let cucm = start(net.clone(), config, 1).await.unwrap();
        let socket = net.datagram("127.0.1.2:5060".parse().unwrap()).await.unwrap();
        let register = format!(
            "REGISTER sip:{NODE} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.1.2:5060;branch=z9hG4bKu1\r\nFrom: <sip:2000@{NODE}>;tag=r\r\n\
             To: <sip:2000@{NODE}>\r\nCall-ID: u\r\nCSeq: 1 REGISTER\r\n\
             Contact: <sip:x@127.0.1.2:5060>;+u.sip!devicename.ccm.cisco.com=\"{AGENT}\"\r\nContent-Length: 0\r\n\r\n"
        );
        socket.send_to(b"garbage", cucm.addresses().sip).await.unwrap();
        socket.send_to(register.as_bytes(), cucm.addresses().sip).await.unwrap();
        let mut buf = [0; 4096];
        for status in ["SIP/2.0 100 Trying", "SIP/2.0 200 OK"] {
            let (length, _) = socket.recv_from(&mut buf).await.unwrap();
            assert!(buf[..length].starts_with(status.as_bytes()));
        }
        assert_eq!(cucm.stop().await.registered, [AGENT]);
    });
}

/// One worker thread makes it certain that the writer which was woken last has its turn first; the capture shows what was
/// decided first all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_capture_shows_100_before_the_invite_to_the_called_phone_and_its_200_before_the_ack() {
    let tap = Tap::memory(Keep::Everything);
    let net = Net::os(NetOptions { tap: tap.clone(), ..NetOptions::default() });
    let mut config = config(&People::new());
    config.cluster_security_mode = cucm::config::ClusterSecurityMode::NonSecure;
    config.ports = cucm::config::Ports { sip: 0, secured_sip: 0, tftp: 0, music: 0 };
    config.sip_trunk_security_profiles.iter_mut().for_each(|profile| profile.incoming_port = 0);
    let cucm = start(net.clone(), config, 1).await.unwrap();
    let sip = cucm.addresses().sip;
    let mut agent = Peer::connect_plain(&net, "127.0.1.2", sip).await;
    let mut customer = Peer::connect_plain(&net, "127.0.1.3", sip).await;
    assert_eq!(agent.register(AGENT, "2000").await.status(), Some(200));
    assert_eq!(customer.register(CUSTOMER, "1000").await.status(), Some(200));
    customer.dial("1000", "2000", &offer("127.0.1.3", 30_000, "sendrecv", false)).await;
    customer.expect("100").await;
    let invite = agent.expect("INVITE").await;
    agent.answer(&invite, 200, "a", Some(&offer("127.0.1.2", 30_002, "sendrecv", false))).await;
    customer.expect("200").await;
    agent.expect("ACK").await;
    let shown = tap.packets();
    let (caller, called) = (customer.address(), agent.address());
    let place = |from, to, start: &[u8]| {
        let is = |packet: &wire::Packet| (packet.from, packet.to) == (from, to) && packet.bytes.starts_with(start);
        shown.iter().rposition(is).unwrap()
    };
    assert!(place(sip, caller, b"SIP/2.0 100 ") < place(sip, called, b"INVITE "));
    assert!(place(called, sip, b"SIP/2.0 200 ") < place(sip, called, b"ACK "));
    assert!(place(called, sip, b"SIP/2.0 200 ") < place(sip, caller, b"SIP/2.0 200 "));
    cucm.stop().await;
}

#[tokio::test]
async fn on_real_sockets_free_ports_are_found_and_a_taken_one_is_named() {
    let net = Net::os(NetOptions::default());
    let people = People::new();
    let mut config = config(&people);
    config.ports = cucm::config::Ports { sip: 0, secured_sip: 0, tftp: 0, music: 0 };
    config.sip_trunk_security_profiles.iter_mut().for_each(|profile| profile.incoming_port = 0);
    let mut cucm = start(net.clone(), config.clone(), 1).await.unwrap();
    let addresses = cucm.addresses();
    let mut agent = Peer::connect(&net, "127.0.0.1", addresses.secured_sip, &people.agent).await;
    assert_eq!(agent.register(AGENT, "2000").await.status(), Some(200));
    event(&mut cucm, |event| matches!(event, CucmEvent::Registered { .. }).then_some(())).await;
    config.ports.tftp = addresses.tftp.port();
    let Err(StartError::Port { what: "TFTP", address, .. }) = start(net, config, 1).await else { panic!() };
    assert_eq!(address, addresses.tftp);
    assert_eq!(cucm.stop().await.registered, [AGENT]);
}

#[test]
fn a_configuration_that_cannot_work_and_a_key_that_cannot_sign_are_refused() {
    simulated(|net| async move {
        let mut wrong = config(&People::new());
        wrong.phone_security_profiles[0].mode = DeviceSecurityMode::Authenticated;
        let Err(StartError::Config(error)) = start(net.clone(), wrong, 1).await else { panic!() };
        assert!(error.to_string().contains("NULL-SHA"), "{error}");
        let mut weak: cucm::Config = config(&People::new());
        weak.identity = Identity::self_signed(
            &trust::cert::Request::new("x", wire::default_wall()).with_key(trust::cert::KeyKind::EcP256),
        )
        .unwrap();
        assert!(matches!(start(net, weak, 1).await, Err(StartError::Identity(_))));
    });
}
