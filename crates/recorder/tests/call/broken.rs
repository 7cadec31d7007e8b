//! Messages that break rules, and connections and acknowledgements that are lost: each costs at most itself.

use std::net::SocketAddr;
use std::time::Duration;

use media::srtp::Suite;
use recorder::config::{SrtpPolicy, Transport};
use recorder::metadata::{Side, Status};

use crate::calls::{said, stereo};
use crate::support::*;

/// The next message by UDP.
async fn hear(udp: &wire::Datagram) -> sip::Message {
    let mut buffer = [0; 4096];
    let heard = tokio::time::timeout(Duration::from_secs(60), udp.recv_from(&mut buffer)).await;
    let (len, _) = heard.expect("the recorder says nothing").unwrap();
    sip::Message::parse(&buffer[..len]).unwrap()
}

#[test]
fn a_message_that_breaks_a_rule_costs_itself_and_not_the_connection() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        let near_key = key(Suite::AeadAes256Gcm, 1);
        let near = cucm.ask(&NEAR.invite()).await;
        // An ACK and a response are not answered, a request is: with 400 and with what it says of itself.
        for unanswered in ["ACK  SIP/2.0", "SIP/2.0 2000 OK"] {
            cucm.send(&format!("{unanswered}\r\nVia: SIP/2.0/TLS 192.0.2.5\r\nContent-Length: 2\r\n\r\nhi")).await;
        }
        for (from, to) in [
            ("INVITE sip:7878@192.0.2.10:5061", "INVITE "),
            ("To: <sip:7878@192.0.2.10>\r\n", ""),
            ("CSeq: 101 INVITE", "CSeq: 99999999999 INVITE"),
            ("CSeq: 101 INVITE", "CSeq: 101 BYE"),
        ] {
            let text = FAR.invite();
            assert!(text.contains(from));
            let answer = cucm.ask(&text.replace(from, to)).await;
            assert_eq!((answer.status(), answer.header("CSeq").is_some()), (Some(400), true), "{to:?}");
            assert!(answer.to().unwrap().tag().is_some());
        }
        // A line that is no header field is overlooked.
        let ping = NEAR.request("OPTIONS", 7, "", "no field\r\n", None);
        assert_eq!(cucm.ask(&ping).await.status(), Some(200));
        cucm.send(&NEAR.ack(&near, Some(&secure_sdp(&near_key)))).await;
        let mut voice = world.voice(&near, Some(near_key), 11);
        for n in 0..50 {
            voice.say(n);
            world.sleep(20).await;
        }
        assert_eq!(cucm.ask(&NEAR.bye(&near, 16)).await.status(), Some(200));
        world.sleep(1000).await;
        let status = world.recorder.status();
        assert_eq!((status.dialogs, status.legs, status.ports, status.connections), (0, 0, 0, 1));
        let summary = world.recorder.stop().await;
        assert_eq!((summary.malformed, summary.signalling.stray, summary.packets.stored), (3, 3, 50));
    });
}

#[test]
fn a_leg_whose_connection_is_lost_before_its_ack_waits_for_it_on_another() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut first = world.cucm().await;
        let near_key = key(Suite::AeadAes256Gcm, 1);
        let near = first.ask(&NEAR.invite()).await;
        let far = first.ask(&FAR.invite()).await;
        drop(first);
        world.sleep(2000).await;
        let mut second = world.cucm().await;
        second.send(&NEAR.ack(&near, Some(&secure_sdp(&near_key)))).await;
        let mut voice = world.voice(&near, Some(near_key), 11);
        for n in 0..50 {
            voice.say(n);
            world.sleep(20).await;
        }
        assert_eq!(world.recorder.status().dialogs, 2);
        // The far leg's ACK never comes: 64*T1 after its 200 it is ended, by BYE on the connection that stands.
        world.sleep(30_000).await;
        let bye = second.next().await.unwrap();
        assert_eq!((bye.method(), bye.call_id().unwrap()), (Some("BYE"), far.call_id().unwrap()));
        assert_eq!(world.recorder.status().dialogs, 1);
        assert_eq!(second.ask(&NEAR.bye(&near, 16)).await.status(), Some(200));
        world.sleep(1000).await;
        let root = world.recorder.folder().to_owned();
        let status = world.recorder.status();
        assert_eq!((status.dialogs, status.legs, status.ports, status.recordings), (0, 0, 0, 0));
        world.recorder.stop().await;
        let recording = metadata(&folders(&root)[0]);
        assert_eq!((recording.status, recording.legs[0].packets.stored), (Status::OneLeg, 50));
        assert_eq!(recording.leg(Side::Far).unwrap().ended_by.as_deref(), Some("no-ack"));
    });
}

#[test]
fn a_datagram_that_breaks_a_rule_is_answered_400() {
    simulate(|| async {
        let world = World::new(|config| config.transports = vec![Transport::Udp]).await;
        let udp = world.net.datagram(SocketAddr::new(ip(CUCM), 5061)).await.unwrap();
        let text = Leg { transport: "UDP", ..NEAR }.invite();
        for (from, to) in [
            ("To: <sip:7878@192.0.2.10>\r\n", ""),
            ("CSeq: 101 INVITE", "CSeq: x"),
            (":5061 SIP/2.0", ":5061  SIP/2.0"),
        ] {
            udp.send_to(text.replace(from, to).as_bytes(), world.address(Transport::Udp)).await.unwrap();
            assert_eq!(hear(&udp).await.status(), Some(400), "{to:?}");
        }
        assert_eq!((world.recorder.status().dialogs, world.recorder.stop().await.signalling.refused), (0, 0));
    });
}

#[test]
fn plain_voices_are_stored_by_the_offer_alone_where_no_ack_comes() {
    simulate(|| async {
        let world = World::new(|config| {
            config.transports = vec![Transport::Udp];
            config.srtp = SrtpPolicy::Off;
        })
        .await;
        let udp = world.net.datagram(SocketAddr::new(ip(CUCM), 5061)).await.unwrap();
        let invite = Leg { transport: "UDP", ..NEAR }.invite();
        udp.send_to(invite.as_bytes(), world.address(Transport::Udp)).await.unwrap();
        let answer = hear(&udp).await;
        let mut voice = world.voice(&answer, None, 11);
        for n in 0..1700 {
            voice.say((n % 100) as u8);
            world.sleep(20).await;
        }
        let root = world.recorder.folder().to_owned();
        let status = world.recorder.status();
        assert_eq!((status.dialogs, status.legs, status.ports, status.finished), (0, 0, 0, 1));
        world.recorder.stop().await;
        let recording = metadata(&folders(&root)[0]);
        assert_eq!((recording.status, &recording.flags[..]), (Status::OneLeg, &["no-media-answer".to_owned()][..]));
        let leg = recording.leg(Side::Near).unwrap();
        assert_eq!((leg.ended_by.as_deref(), leg.protection.as_deref()), (Some("no-ack"), Some("rtp")));
        // 64*T1 and the lingering time.
        assert!((1600..1630).contains(&leg.packets.stored), "{:?}", leg.packets);
        let near = &stereo(&folders(&root)[0])[0];
        assert!((0..1600).all(|n| near[160 * n..][..160] == said((n % 100) as u8)));
    });
}
