//! The media of a recording that runs is agreed on anew, whoever offers.

use cucm::CucmEvent;
use cucm::config::{Config, MediaChange, MediaPortTold};
use media::ledger::Leg;
use sip::Message;

use crate::bench::*;

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).direction("recvonly")
}

/// What the phone's bridge offers anew: A-law.
fn bridge(port: u16) -> Sdp {
    Sdp::new("10.48.38.102", port).formats("8 101")
}

/// A recording that runs, whose phone is about to change.
fn changing(change: impl FnOnce(&mut Config)) -> Bench {
    let mut config = plain();
    change(&mut config);
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.record();
    bench.do_it(|engine| engine.change_media(std::time::Instant::now(), AGENT_DEVICE));
    bench
}

/// The phone is asked in one of its bridge dialogs, and offers.
fn phone_offers(bench: &mut Bench, tag: &str, port: u16) {
    let asked = bench.find(AGENT, "INVITE");
    assert!(asked.body().is_empty());
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &asked, 200, tag, &contact, Some(&bridge(port).text()));
}

fn changed(bench: &Bench) -> Vec<(Leg, String)> {
    let of = |event: &CucmEvent| match event {
        CucmEvent::RecordingChanged { leg, agreed, .. } => Some((*leg, agreed.codec.clone())),
        _ => None,
    };
    bench.events.iter().filter_map(of).collect()
}

fn version(message: &Message) -> String {
    let text = String::from_utf8_lossy(message.body()).into_owned();
    text.lines().find(|line| line.starts_with("o=")).unwrap().split(' ').nth(2).unwrap().to_owned()
}

#[test]
fn cucm_offers_what_the_phone_has_offered() {
    let mut bench = changing(|_| {});
    phone_offers(&mut bench, "near-bridge", 20_000);
    phone_offers(&mut bench, "far-bridge", 20_002);
    for (tag, port, leg) in [("n", 6000, Leg::Near), ("f", 6002, Leg::Far)] {
        let offer = bench.find(RECORDER, "INVITE");
        assert_eq!(audio(&offer).formats[0].encoding, "PCMA");
        assert_eq!(version(&offer), "2", "the answer was version 1 (RFC 3264 §8)");
        bench.recorder_answers(&offer, tag, "", &recorder(port));
        bench.wait(13);
        assert_eq!(audio(&bench.find(AGENT, "ACK")).port, port, "the phone learns where the recorder is");
        assert!(bench.find(RECORDER, "ACK").body().is_empty(), "the 200 was the answer");
        assert_eq!(changed(&bench).last(), Some(&(leg, "PCMA".to_owned())));
    }
    bench.quiet();
}

#[test]
fn a_recorder_that_answered_with_one_codec_is_offered_another_one_all_the_same() {
    let mut bench = changing(|_| {});
    for (round, formats, codec) in [(0, "8 101", "PCMA"), (1, "0 101", "PCMU")] {
        if round > 0 {
            bench.do_it(|engine| engine.change_media(std::time::Instant::now(), AGENT_DEVICE));
        }
        for (bridge, tag, port, own) in [("near-bridge", "n", 6000, 20_000), ("far-bridge", "f", 6002, 20_002)] {
            let asked = bench.find(AGENT, "INVITE");
            let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
            let offer = Sdp::new("10.48.38.102", own).formats(formats);
            bench.answer(AGENT, &asked, 200, bridge, &contact, Some(&offer.text()));
            let offer = bench.find(RECORDER, "INVITE");
            assert_eq!(audio(&offer).formats[0].encoding, codec, "round {round}");
            bench.recorder_answers(&offer, tag, "", &recorder(port).formats(&formats[..1]));
            bench.wait(13);
            bench.find(AGENT, "ACK");
            bench.find(RECORDER, "ACK");
        }
        assert_eq!(changed(&bench).last(), Some(&(Leg::Far, codec.to_owned())));
    }
}

#[test]
fn or_the_recorder_offers_and_the_ack_answers() {
    let mut bench = changing(|config| config.dialect.media_change = MediaChange::RecorderOffers);
    for (tag, bridge_tag, port, phone) in [("n", "near-bridge", 6000, 20_000), ("f", "far-bridge", 6002, 20_002)] {
        let invite = bench.find(RECORDER, "INVITE");
        assert!(invite.body().is_empty());
        bench.recorder_answers(&invite, tag, "", &recorder(port));
        bench.wait(6);
        phone_offers(&mut bench, bridge_tag, phone);
        bench.wait(13);
        bench.find(AGENT, "ACK");
        let answer = bench.find(RECORDER, "ACK");
        assert_eq!((audio(&answer).formats[0].encoding.as_str(), version(&answer).as_str()), ("PCMA", "2"));
    }
    assert_eq!(changed(&bench).len(), 2);
}

#[test]
fn where_both_asked_at_once_it_is_asked_again_and_the_phone_waits() {
    let mut bench = changing(|_| {});
    phone_offers(&mut bench, "near-bridge", 20_000);
    phone_offers(&mut bench, "far-bridge", 20_002);
    let first = bench.find(RECORDER, "INVITE");
    let other = bench.find(RECORDER, "INVITE");
    bench.answer(RECORDER, &first, 491, "n", "", None);
    bench.find(RECORDER, "ACK");
    bench.recorder_answers(&other, "f", "", &recorder(6002));
    bench.wait(13);
    bench.find(RECORDER, "ACK");
    bench.wait(4000);
    let again = bench.find(RECORDER, "INVITE");
    assert_eq!(again.body(), first.body());
    bench.recorder_answers(&again, "n", "", &recorder(6000));
    bench.wait(13);
    bench.find(RECORDER, "ACK");
    assert_eq!(changed(&bench).len(), 2);
}

#[test]
fn a_recorder_that_does_not_take_the_new_media_has_its_recording_ended() {
    let mut bench = changing(|_| {});
    phone_offers(&mut bench, "near-bridge", 20_000);
    phone_offers(&mut bench, "far-bridge", 20_002);
    let offer = bench.find(RECORDER, "INVITE");
    bench.answer(RECORDER, &offer, 488, "n", "", None);
    let ended = bench.events.iter().find_map(|event| match event {
        CucmEvent::RecordingEnded { why, cause, by_recorder, .. } => Some((why.clone(), *cause, *by_recorder)),
        _ => None,
    });
    let (why, cause, by_recorder) = ended.unwrap();
    assert!(why.contains("488"), "{why}");
    assert_eq!((cause, by_recorder), (47, false));
}

#[test]
fn a_dummy_port_is_told_where_the_dialect_has_one() {
    let mut config = plain();
    config.dialect.media_port_told = MediaPortTold::Dummy(4000);
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.record();
    for ack in [near, far] {
        assert_eq!((audio(&ack).port, audio(&ack).address.to_string().as_str()), (4000, "10.48.38.102"));
    }
}

#[test]
fn the_recorder_is_told_the_packet_time_that_the_phone_has_told() {
    let mut bench = changing(|_| {});
    let asked = bench.find(AGENT, "INVITE");
    let offer = bridge(20_000).text().replace("a=rtpmap:101", "a=ptime:30\r\na=rtpmap:101");
    let contact = format!("Contact: <sip:line@10.48.38.102:50000;transport=tcp>\n{FALLBACK}");
    bench.answer(AGENT, &asked, 200, "near-bridge", &contact, Some(&offer));
    assert_eq!(audio(&bench.find(RECORDER, "INVITE")).ptime, Some(30));
    // A phone that tells none is passed on as it is, but for release 10.5.
    phone_offers(&mut bench, "far-bridge", 20_002);
    assert_eq!(audio(&bench.find(RECORDER, "INVITE")).ptime, None);
}
