//! Connections: who may come, how many, what hostile ones can do, and what becomes of calls without them.

use media::srtp::Suite;
use recorder::config::Transport;
use recorder::metadata::{Side, Status};

use super::calls::{said, stereo};
use crate::support::*;

#[test]
fn who_may_not_connect_does_not_and_the_reason_is_told() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let now = world.net.clock().wall();
        let unknown = trust::cert::Identity::self_signed(
            &trust::cert::Request::call_manager("cucm-other", now).with_key(trust::cert::KeyKind::EcP256),
        )
        .unwrap();
        for (from, identity) in [(CUCM, None), (CUCM, Some(unknown)), ("192.0.2.99", Some(world.node.clone()))] {
            // In TLS 1.3 a client learns of its refusal only when it reads.
            if let Ok(link) = world.tls(from, identity).await {
                let mut cucm = Cucm::new(world.net.clone(), link);
                assert!(cucm.next().await.is_none());
            }
        }
        world.sleep(100).await;
        let summary = world.recorder.stop().await;
        let rules: Vec<&str> = summary.refusals.iter().map(|refusal| refusal.rule.as_str()).collect();
        assert_eq!(rules.len(), 3, "{:?}", summary.refusals);
        assert_eq!((rules[0], rules[2]), ("no-client-certificate", "unknown-node"));
        assert_eq!((summary.connections, summary.connections_refused), (0, 3));
    });
}

#[test]
fn a_stream_of_garbage_ends_only_its_connection() {
    simulate(|| async {
        let world = World::new(|config| config.transports = vec![Transport::Tcp]).await;
        for garbage in [
            "\u{1}\u{2}\u{3} what is this\r\n\r\n",
            "INVITE sip:7878@192.0.2.10 SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n",
        ] {
            let mut bad = world.tcp(CUCM).await;
            bad.send(garbage).await;
            assert!(bad.next().await.is_none(), "{garbage:?}");
        }
        let mut half = world.tcp(CUCM).await;
        half.send("INVITE sip:7878@192.0.2.10 SIP/2.0\r\nVia: SIP").await;
        let mut cucm = world.tcp(CUCM).await;
        let leg = Leg { transport: "TCP", ..NEAR };
        assert_eq!(cucm.ask(&leg.invite()).await.status(), Some(200));
        drop(half);
        world.sleep(100).await;
        assert_eq!(world.recorder.stop().await.malformed, 3);
    });
}

#[test]
fn a_call_survives_what_hostile_peers_send_to_its_listeners_and_each_is_named() {
    simulate(|| async {
        let world = World::new(|config| config.transports = vec![Transport::Tls, Transport::Tcp, Transport::Udp]).await;
        let mut cucm = world.cucm().await;
        let near_key = key(Suite::AeadAes256Gcm, 1);
        let near = cucm.establish(&NEAR, &near_key).await;
        let mut voice = world.voice(&near, Some(near_key), 11);
        let mut noise = world.voice(&near, None, 12);
        // TLS garbage, half a record, a record whose length lies, an alert: each by a connection of its own.
        for bytes in [
            &b"GET / HTTP/1.1\r\n\r\n"[..],
            b"\x16\x03\x01",
            b"\x16\x03\x01\xff\xff\x01",
            b"\x15\x03\x03\0\x02\x02\x28",
        ] {
            let mut link =
                world.net.connect(ip(CUCM), world.address(Transport::Tls)).await.map(wire::Link::from).unwrap();
            link.write_all(bytes).await.unwrap();
            voice.say(1);
            world.sleep(20).await;
        }
        let udp = world.net.datagram(std::net::SocketAddr::new(ip(CUCM), 5070)).await.unwrap();
        let to = world.address(Transport::Udp);
        for bytes in
            [&b"\xff\xfe"[..], b"INVITE sip:7878@h SIP/2.0\r\nVia: SIP", &[b'x'; 1400], b"SIP/2.0 200 OK\r\n\r\n"]
        {
            udp.send_to(bytes, to).await.unwrap();
            voice.say(1);
            world.sleep(20).await;
        }
        for bytes in [&b""[..], b"\x80", &[0xff; 1400], &[0x40; 172]] {
            noise.send(bytes);
            voice.say(1);
            world.sleep(20).await;
        }
        // On the call's own connection: a request that belongs nowhere.
        assert_eq!(cucm.ask(&FAR.request("BYE", 9, "nobody", "", None)).await.status(), Some(481));
        assert_eq!(cucm.ask(&NEAR.bye(&near, 16)).await.status(), Some(200));
        world.sleep(11_000).await;
        let root = world.recorder.folder().to_owned();
        let summary = world.recorder.stop().await;
        let rules: Vec<&str> = summary.refusals.iter().map(|refusal| refusal.rule.as_str()).collect();
        assert_eq!(rules.len(), 4, "{:?}", summary.refusals);
        assert!(rules.iter().all(|rule| rule.starts_with("tls") || *rule == "peer-alert"), "{rules:?}");
        assert_eq!((summary.malformed, summary.signalling.stray), (3, 1));
        assert_eq!((summary.packets.stored, summary.packets.malformed), (12, 4), "{:?}", summary.packets);
        assert_eq!(stereo(&folders(&root)[0])[0], (0..12).flat_map(|_| said(1)).collect::<Vec<_>>());
    });
}

#[test]
fn connections_are_counted_and_those_that_say_nothing_make_room() {
    simulate(|| async {
        let world = World::new(|config| {
            config.transports = vec![Transport::Tcp, Transport::Tls];
            config.max_connections = 4;
            config.max_connections_per_peer = 3;
        })
        .await;
        let leg = Leg { transport: "TCP", ..NEAR };
        let mut mute = world.tcp(CUCM).await;
        let mut half = world.tcp(CUCM).await;
        half.send(&leg.invite()[..40]).await;
        // Half a ClientHello, to the other listener.
        let mut hello = world.net.connect(ip(CUCM), world.address(Transport::Tls)).await.map(wire::Link::from).unwrap();
        hello.write_all(b"\x16\x03\x01\x02\x00\x01\x00").await.unwrap();
        let mut talks = world.tcp(CUCM).await;
        assert_eq!(talks.ask(&leg.request("OPTIONS", 7, "", "", None)).await.status(), Some(200));
        let mut refused = world.tcp(CUCM).await;
        assert!(refused.next().await.is_none());
        // A drip of bytes puts nothing off.
        for byte in leg.invite()[40..70].bytes() {
            world.sleep(900).await;
            half.send(&char::from(byte).to_string()).await;
        }
        world.sleep(10_000).await;
        assert_eq!(world.recorder.status().connections, 1, "only the one that talks is left");
        assert!(mute.next().await.is_none() && half.next().await.is_none());
        let mut late = world.tcp(CUCM).await;
        assert_eq!(late.ask(&leg.invite()).await.status(), Some(200));
        world.sleep(3_700_000).await;
        assert!(talks.next().await.is_none());
        let rules = world.recorder.stop().await.refusals.into_iter().map(|refusal| refusal.rule);
        let mut rules: Vec<String> = rules.collect();
        rules.sort();
        rules.dedup();
        // The one that talked and was closed after an hour of silence was not refused.
        let expected = ["first-message-timeout", "message-timeout", "tls-timeout", "too-many-connections"];
        assert_eq!(rules, expected);
    });
}

#[test]
fn udp_peers_are_counted_and_quiet_ones_make_room() {
    simulate(|| async {
        let world = World::new(|config| {
            config.transports = vec![Transport::Udp];
            config.max_connections = 20;
        })
        .await;
        let udp = world.net.datagram(std::net::SocketAddr::new(ip(CUCM), 5061)).await.unwrap();
        let to = world.address(Transport::Udp);
        for n in 0..50 {
            let ping = NEAR
                .request("OPTIONS", n, "", "", None)
                .replace("192.0.2.5:5061;b", &format!("192.0.2.5:{};b", 6000 + n));
            udp.send_to(ping.as_bytes(), to).await.unwrap();
        }
        world.sleep(1000).await;
        let status = world.recorder.status();
        assert_eq!((status.connections, status.connections_refused), (20, 30));
        world.sleep(64_000).await;
        udp.send_to(NEAR.request("OPTIONS", 99, "", "", None).as_bytes(), to).await.unwrap();
        world.sleep(1000).await;
        assert_eq!(world.recorder.status().connections, 1);
    });
}

#[test]
fn a_call_outlives_its_connection_and_a_silent_one_is_ended_by_bye() {
    simulate(|| async {
        let world = World::new(|config| config.inactivity = std::time::Duration::from_secs(10)).await;
        let mut first = world.cucm().await;
        let near_key = key(Suite::AeadAes256Gcm, 1);
        let near = first.establish(&NEAR, &near_key).await;
        drop(first);
        let mut voice = world.voice(&near, Some(near_key), 11);
        for n in 0..50 {
            voice.say(n);
            world.sleep(20).await;
        }
        assert_eq!(world.recorder.status().dialogs, 1);
        let mut second = world.cucm().await;
        // Without a session timer silence is the only sign that a leg is dead.
        let timeless = FAR.invite().replace("Supported: timer,", "Supported: ");
        let far = second.ask(&timeless).await;
        second.send(&FAR.ack(&far, Some(&secure_sdp(&key(Suite::AeadAes256Gcm, 2))))).await;
        assert_eq!(second.ask(&NEAR.bye(&near, 16)).await.status(), Some(200));
        let bye = second.next().await.unwrap();
        assert_eq!((bye.method(), bye.call_id().unwrap()), (Some("BYE"), far.call_id().unwrap()));
        world.sleep(1000).await;
        let root = world.recorder.folder().to_owned();
        let summary = world.recorder.stop().await;
        assert_eq!((summary.dialogs_open, summary.recordings[0].status), (0, Status::OneLeg));
        assert_eq!(metadata(&folders(&root)[0]).leg(Side::Far).unwrap().ended_by.as_deref(), Some("inactivity"));
    });
}
