//! What media do in the middle of a leg, and what is alarming about them.

use std::time::Duration;

use media::g711::{self, Law};
use media::srtp::Suite;
use recorder::metadata::{Recording, Status};

use crate::calls::{said, stereo};
use crate::support::*;

const SUITE: Suite = Suite::AesCm128HmacSha1_80;

fn words(recording: &Recording) -> Vec<&str> {
    recording.alarms.iter().map(|alarm| alarm.trouble.word()).collect()
}

#[test]
fn silence_and_packets_that_fail_authentication_are_alarming_and_then_all_is_freed() {
    simulate(|| async {
        let world = World::new(|config| {
            config.no_media_after = Duration::from_secs(2);
            config.auth_failures = 10;
        })
        .await;
        let mut cucm = world.cucm().await;
        let near = cucm.establish(&NEAR, &key(SUITE, 1)).await;
        let far = cucm.establish(&FAR, &key(SUITE, 2)).await;
        let mut voices = [world.voice(&near, Some(key(SUITE, 1)), 11), world.voice(&far, Some(key(SUITE, 2)), 22)];
        let mut stranger = world.voice(&far, Some(key(SUITE, 9)), 22);
        for n in 0..50 {
            voices[0].say(n);
            voices[1].say(n);
            if n < 20 {
                stranger.say(0x55);
            }
            world.sleep(20).await;
        }
        world.sleep(1900).await;
        assert_eq!(world.recorder.status().signalling.alarms, 1, "authentication");
        // The near voice comes back; its second silence is another one.
        for n in 0..2 {
            world.sleep(3000).await;
            voices[0].say(n);
        }
        assert_eq!(world.recorder.status().signalling.alarms, 1 + 2 + 1);
        cucm.ask(&NEAR.bye(&near, 16)).await;
        cucm.ask(&FAR.bye(&far, 16)).await;
        world.sleep(1000).await;
        let root = world.recorder.folder().to_owned();
        let status = world.recorder.status();
        assert_eq!((status.dialogs, status.legs, status.ports, status.recordings), (0, 0, 0, 0));
        let summary = world.recorder.stop().await;
        assert!(summary.alarms.is_empty(), "these are not ours: {:?}", summary.alarms);
        let recording = metadata(&folders(&root)[0]);
        let mut words = words(&recording);
        words.sort_unstable();
        assert_eq!(words, ["authentication-failures", "no-media", "no-media", "no-media"]);
    });
}

/// A re-INVITE whose offer is this, answered and acknowledged.
async fn offer(cucm: &mut Cucm, near: &sip::Message, cseq: u32, sdp: &str) {
    let again = cucm.ask(&NEAR.request("INVITE", cseq, &to_tag(near), "", Some(sdp))).await;
    assert_eq!(again.status(), Some(200), "{}", again.start_line());
    cucm.send(&NEAR.request("ACK", cseq, &to_tag(near), "", None)).await;
}

#[test]
fn a_leg_whose_key_codec_source_and_packet_time_change_is_one_voice() {
    simulate(|| async {
        let world = World::new(|_| {}).await;
        let mut cucm = world.cucm().await;
        let near = cucm.establish(&NEAR, &key(SUITE, 1)).await;
        let mut voice = world.voice(&near, Some(key(SUITE, 1)), 11);
        // The sequence rolls over in the first part.
        for n in 0..100 {
            voice.say(n);
            world.sleep(20).await;
        }
        // A new key; the phone keeps its roll-over count (RFC 3711 section 3.3.1).
        offer(&mut cucm, &near, 102, &secure_sdp(&key(SUITE, 2))).await;
        voice.rekey(key(SUITE, 2), 1);
        for n in 0..100 {
            voice.say(n);
            world.sleep(20).await;
        }
        // A-law, and packets of 40 ms, of another source.
        let a_law = secure_sdp(&key(SUITE, 2)).replace(" 0 101", " 8 101").replace("rtpmap:0 PCMU", "rtpmap:8 PCMA");
        offer(&mut cucm, &near, 103, &a_law).await;
        voice.turn_to(8, 320, 12);
        for n in 0..50 {
            voice.say(n);
            world.sleep(40).await;
        }
        cucm.ask(&NEAR.request("BYE", 104, &to_tag(&near), "", None)).await;
        world.sleep(1000).await;
        let root = world.recorder.folder().to_owned();
        let packets = world.recorder.stop().await.packets;
        assert_eq!((packets.stored, packets.lost, packets.auth_failed, packets.other_payload), (250, 0, 0, 0));
        let recording = metadata(&folders(&root)[0]);
        assert_eq!((recording.status, recording.flags.len()), (Status::OneLeg, 0), "{:?}", recording.flags);
        let leg = &recording.legs[0];
        assert_eq!((leg.rekeyed, leg.codec.as_deref(), &leg.ssrcs[..]), (1, Some("PCMA"), &[11, 12][..]));
        let heard = &stereo(&folders(&root)[0])[0];
        let mut expected: Vec<i16> = (0..2).flat_map(|_| (0..100).flat_map(said)).collect();
        expected.extend((0..50).flat_map(|code| vec![g711::decode(Law::A, code); 320]));
        assert!(*heard == expected, "{} samples, expected {}", heard.len(), expected.len());
    });
}
