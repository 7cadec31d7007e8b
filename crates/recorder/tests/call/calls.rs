//! Whole calls over the simulated network.

use std::fs;

use media::g711::{self, Law};
use media::srtp::Suite;
use media::wav;
use recorder::Fault;
use recorder::config::{SrtpPolicy, Transport};
use recorder::metadata::{Side, Status};

use crate::support::*;

/// Both legs of a call talk for `packets` packets and hang up; the near voice says 0, 1, 2..., the far voice 128,
/// 129....
async fn talk(world: &World, packets: u8) {
    let mut cucm = world.cucm().await;
    let keys = [key(Suite::AeadAes256Gcm, 1), key(Suite::AesCm128HmacSha1_80, 2)];
    let near = cucm.establish(&NEAR, &keys[0]).await;
    let far = cucm.establish(&FAR, &keys[1]).await;
    let [near_key, far_key] = keys;
    let mut voices = [world.voice(&near, Some(near_key), 11), world.voice(&far, Some(far_key), 22)];
    for n in 0..packets {
        voices[0].say(n);
        voices[1].say(n | 0x80);
        world.sleep(20).await;
    }
    assert_eq!(cucm.ask(&NEAR.bye(&near, 16)).await.status(), Some(200));
    assert_eq!(cucm.ask(&FAR.bye(&far, 16)).await.status(), Some(200));
    world.sleep(1000).await;
}

pub(crate) fn stereo(folder: &std::path::Path) -> Vec<Vec<i16>> {
    let wav = wav::read(&fs::read(folder.join("stereo.wav")).unwrap()).unwrap();
    assert!(wav.defects.is_empty() && wav.finished, "{:?}", wav.defects);
    wav.samples
}

pub(crate) fn said(code: u8) -> Vec<i16> {
    vec![g711::decode(Law::Mu, code); 160]
}

#[test]
fn an_encrypted_call_is_stored_sample_by_sample() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        talk(&world, 100).await;
        let status = world.recorder.status();
        assert_eq!((status.dialogs, status.legs, status.ports, status.finished), (0, 0, 0, 1));
        let root = world.recorder.folder().to_owned();
        let summary = world.recorder.stop().await;
        assert_eq!((summary.dialogs_open, summary.ports_open, summary.recordings_open), (0, 0, 0));
        assert!(summary.alarms.is_empty(), "{:?}", summary.alarms);
        assert_eq!((summary.packets.received, summary.packets.stored, summary.packets.lost), (200, 200, 0));
        let folder = &folders(&root)[0];
        let channels = stereo(folder);
        for (n, code) in (0..100u8).enumerate() {
            assert_eq!(channels[0][160 * n..][..160], said(code), "near packet {n}");
            assert_eq!(channels[1][160 * n..][..160], said(code | 0x80), "far packet {n}");
        }
        assert_eq!(channels[0].len(), 16_000);
        let recording = metadata(folder);
        assert_eq!(recording.status, Status::Complete);
        assert_eq!(recording.leg(Side::Near).unwrap().suite.as_deref(), Some("AEAD_AES_256_GCM"));
        assert_eq!(recording.leg(Side::Far).unwrap().ssrcs, [22]);
        for name in ["near.wav", "far.wav", "journal.mmj"] {
            assert!(folder.join(name).is_file(), "{name}");
        }
        assert!(!folder.join("recording.tmp").exists());
    });
}

#[test]
fn the_metadata_are_as_documented_and_hold_no_key() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        talk(&world, 50).await;
        let root = world.recorder.folder().to_owned();
        world.recorder.stop().await;
        let text = fs::read_to_string(folders(&root)[0].join("recording.json")).unwrap();
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/recording.json");
        if std::env::var_os("UPDATE").is_some() {
            fs::write(golden, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(golden).unwrap());
        for seed in [1, 2] {
            for suite in Suite::ALL {
                assert!(!text.contains(&key(suite, seed).to_inline()[..16]));
            }
        }
    });
}

#[test]
fn the_same_seed_makes_the_same_files() {
    let run = || {
        let mut bytes = Vec::new();
        simulate(|| async {
            let world = World::new(|_| {}).await;
            talk(&world, 30).await;
            let root = world.recorder.folder().to_owned();
            world.recorder.stop().await;
            for name in ["recording.json", "journal.mmj", "stereo.wav"] {
                bytes.push((
                    name,
                    folders(&root)[0].file_name().unwrap().to_owned(),
                    fs::read(folders(&root)[0].join(name)).unwrap(),
                ));
            }
        });
        bytes
    };
    assert_eq!(run(), run());
}

#[test]
fn loss_keeps_its_time_and_a_late_leg_its_place() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        let keys = [key(Suite::AesCm128HmacSha1_32, 1), key(Suite::AeadAes128Gcm, 2)];
        let near = cucm.establish(&NEAR, &keys[0]).await;
        let far = cucm.establish(&FAR, &keys[1]).await;
        let [near_key, far_key] = keys;
        let mut voices = [world.voice(&near, Some(near_key), 11), world.voice(&far, Some(far_key), 22)];
        for n in 0..100u8 {
            if (40..45).contains(&n) {
                voices[0].skip(1)
            } else {
                drop(voices[0].say(n))
            }
            if n >= 35 {
                voices[1].say(n);
            }
            world.sleep(20).await;
        }
        cucm.ask(&NEAR.bye(&near, 16)).await;
        cucm.ask(&FAR.bye(&far, 16)).await;
        let root = world.recorder.folder().to_owned();
        let summary = world.recorder.stop().await;
        assert_eq!(summary.packets.lost, 5);
        let channels = stereo(&folders(&root)[0]);
        assert_eq!(channels[0][160 * 39..][..160], said(39));
        assert!(channels[0][160 * 40..160 * 45].iter().all(|sample| *sample == 0));
        assert_eq!(channels[0][160 * 45..][..160], said(45));
        let begins = channels[1].iter().position(|sample| *sample != 0).unwrap() as i64;
        assert!((begins - 35 * 160).abs() <= 32, "far begins at {begins}, said at {}", 35 * 160);
    });
}

#[test]
fn packets_before_the_ack_are_in_the_file_and_what_is_not_genuine_is_not() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        let near_key = key(Suite::AesCm128HmacSha1_80, 1);
        let near = cucm.ask(&NEAR.invite()).await;
        let mut voice = world.voice(&near, Some(near_key.clone()), 11);
        let mut stranger = world.voice(&near, Some(key(Suite::AesCm128HmacSha1_80, 9)), 11);
        let mut open = world.voice(&near, None, 11);
        let mut replay = Vec::new();
        for n in 0..60u8 {
            let sealed = voice.say(n);
            (0..10).for_each(|_| drop(stranger.say(0x55)));
            open.say(0x55);
            if n == 20 {
                replay = sealed;
            } else if n > 20 {
                stranger.send(&replay);
            }
            world.sleep(20).await;
            if n == 14 {
                cucm.send(&NEAR.ack(&near, Some(&secure_sdp(&near_key)))).await;
            }
        }
        cucm.ask(&NEAR.bye(&near, 16)).await;
        let root = world.recorder.folder().to_owned();
        let packets = world.recorder.stop().await.packets;
        assert_eq!((packets.received, packets.stored, packets.plain), (60 + 600 + 60 + 39, 60, 60));
        // A forged packet is one whatever its number, and only what was said twice is a repeat.
        assert_eq!((packets.auth_failed, packets.replayed), (600, 39), "{packets:?}");
        assert!(packets.before_ack >= 15 * 12, "{packets:?}");
        let channels = stereo(&folders(&root)[0]);
        let expected: Vec<i16> = (0..60).flat_map(said).collect();
        assert_eq!(channels[0], expected);
        let recording = metadata(&folders(&root)[0]);
        assert_eq!(recording.status, Status::OneLeg);
        assert!(recording.reason.unwrap().contains("far"));
        assert_eq!(recording.legs[0].sources.len(), 1, "forged packets teach nothing");
    });
}

#[test]
fn no_common_codec_leaves_a_failed_recording_without_sound() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        for leg in [NEAR, FAR] {
            let answer = cucm.ask(&leg.invite()).await;
            cucm.send(&leg.ack(&answer, None)).await;
            assert_eq!(cucm.ask(&leg.bye(&answer, 47)).await.status(), Some(200));
        }
        let root = world.recorder.folder().to_owned();
        world.recorder.stop().await;
        for folder in folders(&root) {
            let recording = metadata(&folder);
            assert_eq!(recording.status, Status::Failed);
            assert!(recording.reason.unwrap().contains("Q.850;cause=47"));
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "recording.json and nothing else");
        }
    });
}

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
fn plain_sip_over_tcp_and_udp_is_answered_and_recorded() {
    simulate(|| async {
        let world = World::new(|config| {
            config.transports = vec![Transport::Tcp, Transport::Udp];
            config.srtp = SrtpPolicy::Off;
        })
        .await;
        let leg = |leg: Leg, transport| Leg { transport, ..leg };
        let mut tcp = world.tcp(CUCM).await;
        let near_leg = leg(NEAR, "TCP");
        let near = tcp.ask(&near_leg.invite()).await;
        tcp.send(&near_leg.ack(&near, Some(&plain_sdp()))).await;
        // Answers go to the port that Via names, wherever the datagram came from (RFC 3261 section 18.2.2).
        let udp = world.net.datagram(std::net::SocketAddr::new(ip(CUCM), 5061)).await.unwrap();
        let elsewhere = world.net.datagram(std::net::SocketAddr::new(ip(CUCM), 40_000)).await.unwrap();
        let far_leg = leg(FAR, "UDP");
        let to = world.address(Transport::Udp);
        elsewhere.send_to(far_leg.invite().as_bytes(), to).await.unwrap();
        let mut buffer = [0; 4096];
        let (len, _) = udp.recv_from(&mut buffer).await.unwrap();
        let far = sip::Message::parse(&buffer[..len]).unwrap();
        assert_eq!(far.status(), Some(200));
        udp.send_to(far_leg.ack(&far, Some(&plain_sdp())).as_bytes(), to).await.unwrap();
        udp.send_to(b"\r\n\r\n", to).await.unwrap();
        udp.send_to(b"no sip at all", to).await.unwrap();
        // A sender that asks for it by `rport` is answered where it sent from, and told so (RFC 3581 section 4).
        let ping = far_leg.request("OPTIONS", 7, "", "", None).replace(";branch", ";rport;branch");
        elsewhere.send_to(ping.as_bytes(), to).await.unwrap();
        let (len, _) = elsewhere.recv_from(&mut buffer).await.unwrap();
        let via = sip::Message::parse(&buffer[..len]).unwrap().via().unwrap();
        assert_eq!((via.rport(), via.received()), (Some(40_000), Some(CUCM)));
        let mut voices = [world.voice(&near, None, 1), world.voice(&far, None, 2)];
        for n in 0..20 {
            voices[0].say(n);
            voices[1].say(n);
            world.sleep(20).await;
        }
        tcp.ask(&near_leg.bye(&near, 16)).await;
        udp.send_to(far_leg.bye(&far, 16).as_bytes(), to).await.unwrap();
        world.sleep(500).await;
        let summary = world.recorder.stop().await;
        assert_eq!(summary.recordings.len(), 1);
        assert_eq!((summary.recordings[0].status, summary.packets.stored), (Status::Complete, 40));
        assert_eq!(summary.malformed, 1);
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

#[test]
fn stopping_ends_open_calls_by_bye_and_counts_them() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        let near_key = key(Suite::AeadAes256Gcm, 1);
        let near = cucm.establish(&NEAR, &near_key).await;
        let mut voice = world.voice(&near, Some(near_key), 11);
        for n in 0..50 {
            voice.say(n);
            world.sleep(20).await;
        }
        let root = world.recorder.folder().to_owned();
        let summary = world.recorder.stop().await;
        assert_eq!((summary.dialogs_open, summary.legs_open, summary.ports_open), (1, 0, 0));
        assert_eq!(cucm.next().await.unwrap().method(), Some("BYE"));
        assert_eq!(stereo(&folders(&root)[0])[0].len(), 50 * 160);
    });
}

#[test]
fn each_fault_of_the_files_shows_in_them() {
    let faulty = |fault: Fault| {
        let mut channels = Vec::new();
        simulate(|| async {
            let world = World::new(|config| config.fault = fault).await;
            talk(&world, 100).await;
            let root = world.recorder.folder().to_owned();
            world.recorder.stop().await;
            channels = stereo(&folders(&root)[0]);
        });
        channels
    };
    let sound = faulty(Fault::None);
    let swapped = faulty(Fault::SwapChannels);
    assert_eq!((&swapped[0], &swapped[1]), (&sound[1], &sound[0]));
    assert_eq!(faulty(Fault::DoubleNear)[1], sound[0]);
    assert_eq!(faulty(Fault::DropStart)[0], sound[0][640..]);
    assert_eq!(faulty(Fault::TruncateEnd)[0].len(), sound[0].len() - 8000);
    assert!(faulty(Fault::LoseEvery(10))[0][160 * 9..160 * 10].iter().all(|sample| *sample == 0));
    assert_ne!(faulty(Fault::Quieter)[0], sound[0]);
}

#[test]
fn recorders_that_do_not_answer_do_not() {
    simulate(|| async {
        let world = World::new(|config| config.fault = Fault::NeverAnswer).await;
        let mut cucm = world.cucm().await;
        cucm.send(&NEAR.invite()).await;
        assert!(cucm.is_quiet(5000).await);
        let world = World::new(|config| config.fault = Fault::CloseAtOnce).await;
        assert!(world.tls(CUCM, Some(world.node.clone())).await.is_err());
        let world = World::new(|config| config.fault = Fault::AnswerGarbage).await;
        let mut cucm = world.cucm().await;
        cucm.send(&NEAR.invite()).await;
        assert!(!cucm.is_quiet(1000).await);
        let world = World::new(|config| config.fault = Fault::StoreNothing).await;
        talk(&world, 20).await;
        let root = world.recorder.folder().to_owned();
        world.recorder.stop().await;
        assert_eq!(fs::read_dir(root).unwrap().count(), 0);
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_real_sockets_the_same_call_is_stored_and_survives_its_recorder() {
    let net = wire::Net::os(wire::NetOptions::default());
    let world = World::on(net, |config| {
        config.address = ip(REAL_RECORDER);
        config.local_port = 0;
        config.sip_servers[0].address = ip(REAL_CUCM);
    })
    .await;
    talk(&world, 50).await;
    let status = world.recorder.status();
    assert_eq!((status.dialogs, status.ports, status.finished), (0, 0, 1));
    let root = world.recorder.folder().to_owned();
    let summary = world.recorder.stop().await;
    assert!(summary.alarms.is_empty(), "{:?}", summary.alarms);
    assert_eq!((summary.packets.stored, summary.recordings[0].status), (100, Status::Complete));
    let channels = stereo(&folders(&root)[0]);
    let near = channels[0].iter().position(|sample| *sample == said(0)[0]).unwrap();
    for n in 0..50u8 {
        assert_eq!(channels[0][near + 160 * usize::from(n)..][..160], said(n));
    }
}
