//! Recordings: what the recorder and the phone are told, and what ends them.

use cucm::config::*;
use cucm::{CucmEvent, Protection};
use media::sdp::{Direction, Profile};
use media::srtp::Suite;
use sip::Message;

use crate::bench::*;

const GCM: Suite = Suite::AeadAes256Gcm;
const LONG: Suite = Suite::AesCm128HmacSha1_80;
const SHORT: Suite = Suite::AesCm128HmacSha1_32;

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn agent() -> Sdp {
    Sdp::new("10.48.38.102", 30_002)
}

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).direction("recvonly")
}

fn bridge(port: u16) -> Sdp {
    Sdp::new("10.48.38.102", port).formats("0 101")
}

/// Both phones talk, with SRTP where they may.
fn talking(config: Config) -> Bench {
    let is_secure = config.security_mode_of(&config.phones[1]) == DeviceSecurityMode::Encrypted;
    let suites: &[Suite] = if is_secure { &[GCM, LONG, SHORT] } else { &[] };
    let mut bench = Bench::ready(config);
    bench.talk(&caller().suites(suites, 1), &agent().suites(suites, 2));
    bench
}

/// Near end alone up to its two ACKs, with these offers.
fn near_acks(bench: &mut Bench, offer: &Sdp, extra: &str, phone: &Sdp) -> (Message, Message) {
    let (near, _) = bench.invites();
    bench.recorder_answers(&near, "n", extra, offer);
    bench.join("near-bridge", phone)
}

/// Both legs are cleared as CUCM does where media does not fit, and the call goes on.
fn expect_cause_47(bench: &mut Bench, rule: &str) {
    let ack = bench.expect(RECORDER, "ACK");
    assert!(ack.body().is_empty(), "an ACK without SDP");
    assert_eq!(ack.header("Content-Length").as_deref(), Some("0"));
    let bye = bench.ok(RECORDER, "BYE");
    assert_eq!(bye.header("Reason").as_deref(), Some("Q.850;cause=47"));
    assert_eq!(bye.header("Call-ID"), ack.header("Call-ID"));
    assert_eq!(bench.failed().rule, rule);
    assert!(!bench.events.iter().any(|event| matches!(event, CucmEvent::CallEnded { .. })), "the call goes on");
}

#[test]
fn a_secure_recording_crosses_the_keys_and_keeps_near_and_far_apart() {
    let mut bench = talking(secure());
    let (near, far) = bench.invites();
    assert_eq!(near.request_uri(), Some("sip:7878@10.48.38.30:5061"));
    assert!(near.header("Via").unwrap().starts_with("SIP/2.0/TLS 10.48.38.5:5061"));
    assert!(near.header("Contact").unwrap().starts_with("<sip:1001@10.48.38.5:5061;transport=tls>;isFocus;"));
    assert_eq!(near.header("User-Agent").as_deref(), Some("Cisco-CUCM14.0"));
    bench.recorder_answers(&far, "f", "", &recorder(6002).suites(&[LONG, GCM], 20));
    let (phone, ack) = bench.join("far-bridge", &bridge(20_002).suites(&[GCM, LONG], 12));
    assert_eq!(crypto(&ack), (1, LONG, key(LONG, 12)), "the recorder's tag and order, the phone's key");
    assert_eq!(crypto(&phone), (2, LONG, key(LONG, 20)), "the phone's tag, the recorder's key");
    let (told, phone_told) = (audio(&ack), audio(&phone));
    assert_eq!((told.address.to_string(), told.port), ("10.48.38.102".to_owned(), 20_002));
    assert_eq!((told.direction, phone_told.direction), (Direction::SendOnly, Direction::RecvOnly));
    assert_eq!((phone_told.address.to_string(), phone_told.port), ("10.48.38.30".to_owned(), 6002));
    bench.recorder_answers(&near, "n", "", &recorder(6000).suites(&[GCM], 21));
    let (_, ack) = bench.join("near-bridge", &bridge(20_000).suites(&[GCM, LONG], 11));
    assert_eq!(crypto(&ack), (1, GCM, key(GCM, 11)));
    let CucmEvent::RecordingStarted(started) = bench.event() else { panic!() };
    assert_eq!(started.near_leg.protection, Protection::Srtp(GCM));
    assert_eq!(started.far_leg.protection, Protection::Srtp(LONG));
    assert_eq!(Some(started.near_leg.recorder_call_id), near.call_id().ok());
    assert_eq!(Some(started.far_leg.recorder_call_id), far.call_id().ok());
    assert_eq!((started.near.number.as_str(), started.far.number.as_str()), ("1001", "1000"));
    bench.quiet();
}

#[test]
fn the_crypto_line_stands_before_the_formats() {
    let mut bench = talking(secure());
    let (_, ack) = near_acks(&mut bench, &recorder(6000).suites(&[LONG], 20), "", &bridge(20_000).suites(&[LONG], 11));
    let text = String::from_utf8(ack.body().to_vec()).unwrap();
    let expected = format!(
        "t=0 0\r\nm=audio 20000 RTP/SAVP 0 101\r\na=crypto:1 {LONG} inline:{}\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n",
        key(LONG, 11)
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn a_recorder_without_srtp_gets_rtp_from_a_phone_that_falls_back() {
    let mut bench = talking(secure());
    let (phone, ack) = near_acks(&mut bench, &recorder(6000), "", &bridge(20_000).suites(&[GCM], 11));
    assert_eq!((audio(&phone).profile, audio(&ack).profile), (Profile::Avp, Profile::Avp));
    assert!(audio(&ack).crypto.is_empty());
}

#[test]
fn a_non_secure_phone_gets_rtp_only_from_a_recorder_that_falls_back() {
    let mut bench = talking(plain());
    let offer = recorder(6000).suites(&[GCM, LONG], 20);
    let (phone, ack) = near_acks(&mut bench, &offer, "Supported: X-cisco-srtp-fallback", &bridge(20_000));
    assert_eq!((audio(&phone).profile, audio(&ack).profile), (Profile::Avp, Profile::Avp));

    let mut bench = talking(plain());
    let (near, _) = bench.invites();
    bench.recorder_answers(&near, "n", "Supported: timer", &offer);
    bench.offer("near-bridge", &bridge(20_000));
    expect_cause_47(&mut bench, "srtp-fallback");
}

#[test]
fn a_codec_that_does_not_fit_ends_both_dialogs_with_cause_47() {
    let mut bench = talking(plain());
    let (near, far) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000).formats("9 18"));
    expect_cause_47(&mut bench, "codec");
    // The far end has had no answer yet, and not even a provisional one: its CANCEL waits for one.
    for _ in 0..2 {
        let bye = bench.ok(AGENT, "BYE");
        assert!(bye.header("From").unwrap().contains("Call Manager"));
    }
    bench.quiet();
    bench.answer(RECORDER, &far, 180, "f", "", None);
    bench.ok(RECORDER, "CANCEL");
    bench.answer(RECORDER, &far, 487, "f", "", None);
    bench.expect(RECORDER, "ACK");
    assert!(bench.failed().why.contains("no codec in common: G722 G729 against PCMU"), "{:?}", bench.failed());
    let legs = bench.engine.summary().leaked_dialogs;
    assert_eq!(legs.len(), 2, "the call's own two dialogs are all that is left: {legs:?}");
}

#[test]
fn a_suite_that_does_not_fit_ends_both_dialogs_with_cause_47_and_both_were_answered() {
    let mut bench = talking(secure());
    let (near, far) = bench.invites();
    bench.recorder_answers(&far, "f", "", &recorder(6002).suites(&[GCM], 20));
    bench.recorder_answers(&near, "n", "", &recorder(6000).suites(&[GCM], 21));
    bench.wait(6);
    let offers = [bench.expect(AGENT, "INVITE"), bench.expect(AGENT, "INVITE")];
    for (reinvite, tag) in offers.iter().zip(["far-bridge", "near-bridge"]) {
        let offer = bridge(20_000).suites(&[SHORT], 11).text();
        bench.answer(AGENT, reinvite, 200, tag, "Contact: <sip:line@10.48.38.102:50000>", Some(&offer));
    }
    bench.wait(20);
    expect_cause_47(&mut bench, "suite");
    expect_cause_47(&mut bench, "suite");
    for _ in 0..2 {
        assert!(bench.expect(AGENT, "ACK").body().is_empty());
        bench.ok(AGENT, "BYE");
    }
    bench.quiet();
}

#[test]
fn the_switch_for_suites_lets_both_fall_back() {
    let mut config = secure();
    config.dialect.suite_mismatch = SuiteMismatch::Fallback;
    let mut bench = talking(config);
    let offer = recorder(6000).suites(&[GCM], 20);
    let phone = bridge(20_000).suites(&[SHORT], 11);
    let (_, ack) = near_acks(&mut bench, &offer, "Supported: X-cisco-srtp-fallback", &phone);
    assert_eq!(audio(&ack).profile, Profile::Avp);
}

#[test]
fn an_encrypted_phone_on_a_trunk_without_srtp_falls_back_or_fails() {
    let mut config = secure();
    config.trunks[0].srtp_allowed = false;
    let mut bench = talking(config.clone());
    let offer = recorder(6000).suites(&[GCM], 20);
    let phone = bridge(20_000).suites(&[GCM], 11);
    let (_, ack) = near_acks(&mut bench, &offer, "Supported: X-cisco-srtp-fallback", &phone);
    assert_eq!(audio(&ack).profile, Profile::Avp, "the trunk decides, whatever both ends could do");

    config.dialect.encrypted_phone_on_non_secure_trunk = EncryptedPhoneOnNonSecureTrunk::Fail;
    let mut bench = talking(config);
    bench.wait(100);
    bench.quiet();
    assert_eq!(bench.failed().rule, "security-capability-mismatch");
}

#[test]
fn the_security_status_is_transmitted_only_where_the_box_is_ticked() {
    // In a public INVITE of 9.1 this stands in front of the entry for key presses.
    let model = Message::parse(trace("66-trunk-invite-transmitting-security-cucm9.1").as_bytes()).unwrap();
    let first = model.header("Call-Info").unwrap().split(',').next().unwrap().to_owned();
    let status = first.replace("NotAuthenticated", "Encrypted").split("1-").next().unwrap().to_owned();
    assert_eq!(status, "<urn:x-cisco-remotecc:callinfo>; security= Encrypted; gci= ");
    const KEYS: &str = "<sip:10.48.38.5:5061>;method=\"NOTIFY;Event=telephone-event;Duration=500\"";
    const CLASS: &str = "<urn:x-cisco-remotecc:callinfo>;x-cisco-video-traffic-class=DESKTOP";
    let appended = format!("{CLASS}; security= Encrypted; gci= ");
    for (ticked, form, expected) in [
        (false, TrunkSecurityStatus::OwnLine, vec![KEYS, CLASS]),
        (true, TrunkSecurityStatus::OwnLine, vec![&status, KEYS, CLASS]),
        (true, TrunkSecurityStatus::Appended, vec![KEYS, &appended]),
        (true, TrunkSecurityStatus::Never, vec![KEYS, CLASS]),
    ] {
        let mut config = secure();
        config.trunks[0].transmit_security_status = ticked;
        config.dialect.trunk_security_status = form;
        let (near, _) = talking(config).invites();
        // The number of the call is from the seed.
        let without_number =
            |line: &str| line.split_once("gci= ").map_or(line, |(head, _)| &line[..head.len() + 5]).to_owned();
        let lines: Vec<String> = near.header_all("Call-Info").iter().map(|line| without_number(line)).collect();
        assert_eq!(lines, expected);
    }
}

#[test]
fn the_end_of_the_call_ends_near_before_far_and_then_the_bridges() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    bench.record();
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    bench.expect(CALLER, "200");
    let order: Vec<_> =
        bench.sent.iter().map(|(flow, message)| (*flow, message.header("From").unwrap().into_owned())).collect();
    let flows: Vec<_> = order.iter().map(|(flow, _)| *flow).collect();
    assert_eq!(flows, [AGENT, RECORDER, RECORDER, AGENT, AGENT]);
    assert!(order[1].1.contains(";x-nearend;") && order[2].1.contains(";x-farend;"));
    for flow in flows {
        assert_eq!(bench.ok(flow, "BYE").header("Reason").as_deref(), Some("Q.850;cause=16"));
    }
    assert!(bench.events.iter().any(|e| matches!(e, CucmEvent::RecordingEnded { by_recorder: false, .. })));
    assert!(bench.engine.is_idle());
    let summary = bench.engine.summary();
    assert_eq!((summary.calls, summary.recordings), (1, 1));
    bench.finish();
}

#[test]
fn a_call_that_ends_while_the_recorder_waits_for_its_ack_leaves_nothing() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    let (near, far) = bench.invites();
    bench.recorder_answers(&near, "n", "", &recorder(6000));
    bench.wait(6);
    let reinvite = bench.expect(AGENT, "INVITE");
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    bench.expect(CALLER, "200");
    bench.ok(AGENT, "BYE");
    assert!(bench.expect(RECORDER, "ACK").body().is_empty());
    bench.ok(RECORDER, "BYE");
    // The far end is answered although it was given up: it gets its ACK and its BYE.
    bench.recorder_answers(&far, "f", "", &recorder(6002));
    assert!(bench.expect(RECORDER, "ACK").body().is_empty());
    bench.ok(RECORDER, "BYE");
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.answer(AGENT, &reinvite, 487, "near-bridge", "", None);
    bench.expect(AGENT, "ACK");
    assert!(bench.engine.is_idle());
    assert_eq!(bench.failed().rule, "call-ended");
    bench.finish();
}

#[test]
fn a_bye_of_the_recorder_ends_the_other_dialog_and_the_bridges_but_not_the_call() {
    let mut bench = talking(plain());
    let (near, far) = bench.record();
    bench.in_dialog(RECORDER, "BYE", &near, 1, None);
    bench.expect(RECORDER, "200");
    assert_eq!(bench.ok(RECORDER, "BYE").header("Call-ID"), far.header("Call-ID"));
    bench.ok(AGENT, "BYE");
    bench.ok(AGENT, "BYE");
    bench.quiet();
    assert!(matches!(bench.event(), CucmEvent::RecordingEnded { by_recorder: true, .. }));
}

#[test]
fn both_phones_recorded_make_two_pairs_each_the_near_end_of_its_own() {
    let mut config = plain();
    config.phones[0].lines[0] = config.phones[0].lines[0].clone().recorded("recorder");
    let mut bench = Bench::ready(config);
    bench.talk(&caller(), &agent());
    bench.wait(20);
    for (flow, port) in [(CALLER, 20_000), (AGENT, 20_100)] {
        let near = bench.expect(flow, "INVITE");
        let sdp = bridge(port).direction("inactive").text();
        bench.answer(flow, &near, 200, "b", "Contact: <sip:line@10.48.38.102:50000>", Some(&sdp));
        bench.expect(flow, "ACK");
    }
    bench.wait(7);
    bench.connected(RECORDER);
    assert!(bench.connects.is_empty(), "both recordings share one connection");
    let metadata: Vec<_> =
        [bench.expect(RECORDER, "INVITE"), bench.expect(RECORDER, "INVITE")].map(|i| i.from_().unwrap().uri).to_vec();
    let get = |index: usize, name: &str| metadata[index].params.get(name).unwrap().to_owned();
    assert_eq!((get(0, "x-nearendaddr"), get(0, "x-farendaddr")), ("1000".to_owned(), "1001".to_owned()));
    assert_eq!((get(1, "x-nearendaddr"), get(1, "x-farendaddr")), ("1001".to_owned(), "1000".to_owned()));
    assert_eq!(get(0, "x-refci"), get(1, "x-farendrefci"));
    assert_eq!(get(1, "x-refci"), get(0, "x-farendrefci"));
}

#[test]
fn a_recorded_caller_is_joined_by_the_dialog_it_opened() {
    let mut config = plain();
    config.phones.swap(0, 1);
    config.phones[0].lines[0].directory_number = "1000".to_owned();
    config.phones[1].lines[0].directory_number = "1001".to_owned();
    let mut bench = Bench::ready(config);
    let (ok, _) = bench.talk(&caller(), &agent());
    bench.wait(20);
    let join = bench.expect(CALLER, "INVITE").join().unwrap().unwrap();
    assert_eq!(Some(join.call_id), ok.call_id().ok());
    assert_eq!(Some(join.from_tag.as_str()), ok.from_().unwrap().tag());
    assert_eq!(Some(join.to_tag.as_str()), ok.to().unwrap().tag());
}

#[test]
fn a_bridge_that_refuses_fails_the_recording() {
    let mut bench = talking(plain());
    bench.wait(20);
    let invite = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &invite, 488, "b", "", None);
    bench.expect(AGENT, "ACK");
    bench.quiet();
    assert_eq!(
        (bench.failed().rule.as_str(), bench.failed().why.as_str()),
        ("bridge", "the phone's bridge answered 488 Answer")
    );
}

#[test]
fn early_offer_carries_the_phones_address_and_all_its_suites() {
    let mut config = secure();
    config.sip_profiles[0].offer = OfferMode::Early;
    let mut bench = talking(config);
    bench.wait(20);
    let near_bridge = bench.expect(AGENT, "INVITE");
    bench.bridge_answers(&near_bridge, "near-bridge", 20_000);
    bench.wait(7);
    let reinvite = bench.expect(AGENT, "INVITE");
    let contact = format!("Contact: <sip:line@10.48.38.102:50000>\n{FALLBACK}");
    let offer = bridge(20_000).suites(&[GCM, LONG], 11);
    bench.answer(AGENT, &reinvite, 200, "near-bridge", &contact, Some(&offer.text()));
    bench.wait(7);
    bench.connected(RECORDER);
    let invite = bench.expect(RECORDER, "INVITE");
    let offered = audio(&invite);
    assert_eq!((offered.profile, offered.port, offered.direction), (Profile::Savp, 20_000, Direction::SendOnly));
    assert_eq!(offered.crypto.len(), 2);
    let mut answer = recorder(6000);
    answer.crypto = vec![(2, LONG, 20)];
    bench.recorder_answers(&invite, "n", "", &answer);
    bench.wait(13);
    bench.expect(AGENT, "INVITE"); // the far end's bridge
    let to_recorder = bench.expect(RECORDER, "ACK");
    assert!(to_recorder.body().is_empty(), "the answer was in the 200");
    let ack = bench.expect(AGENT, "ACK");
    assert_eq!(crypto(&ack), (2, LONG, key(LONG, 20)));
    // In mid-recording the recorder may offer too, and the phone's answer does not call it again.
    answer = answer.direction("inactive");
    bench.in_dialog(RECORDER, "INVITE", &to_recorder, 1, Some(&answer.text()));
    bench.expect(RECORDER, "100");
    bench.wait(6);
    let asked = bench.expect(AGENT, "INVITE");
    let offer = bridge(20_000).suites(&[GCM, LONG], 12);
    bench.answer(AGENT, &asked, 200, "near-bridge", &contact, Some(&offer.text()));
    bench.wait(13);
    assert_eq!(audio(&bench.expect(AGENT, "ACK")).direction, Direction::Inactive);
    assert_eq!(audio(&bench.expect(RECORDER, "200")).direction, Direction::Inactive);
}

#[test]
fn a_line_that_is_not_recorded_makes_no_bridge() {
    let mut config = plain();
    config.phones[1].lines[0].recording_option = RecordingOption::Disabled;
    let mut bench = talking(config);
    bench.wait(10_000);
    bench.quiet();
}

#[test]
fn a_recording_destination_without_a_route_fails_and_the_call_goes_on() {
    let mut config = plain();
    config.route_patterns.clear();
    let mut bench = talking(config);
    bench.wait(100);
    bench.quiet();
    assert_eq!(bench.failed().rule, "route");
}
