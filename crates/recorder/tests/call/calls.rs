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
