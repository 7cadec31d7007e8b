//! Hold and resume: what both phones are told, and what becomes of the recording.

use cucm::CucmEvent;
use cucm::config::*;
use media::sdp::{Direction, Profile};
use media::srtp::Suite;
use sip::Message;

use crate::bench::*;

const GCM: Suite = Suite::AeadAes256Gcm;
const LONG: Suite = Suite::AesCm128HmacSha1_80;

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn agent() -> Sdp {
    Sdp::new("10.48.38.102", 30_002)
}

/// A call of phones without recording; the 200 to the caller and the ACK to the agent.
fn talking(config: Config) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(unrecorded(config));
    let (ok, ack) = bench.talk(&caller(), &agent());
    bench.events.clear();
    (bench, ok, ack)
}

/// The agent holds; the caller hears music. Gives what the caller was told.
fn held(bench: &mut Bench, ack: &Message) -> Message {
    bench.changes(AGENT, ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK")
}

#[test]
fn a_phone_that_holds_is_answered_inactive_and_the_other_one_hears_music() {
    let (mut bench, _, ack) = talking(plain());
    let ok = bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    assert_eq!(audio(&ok).direction, Direction::Inactive);
    assert!(ok.header("Call-Info").unwrap().contains("security= NotAuthenticated; orientation= from"));
    let stop = bench.stopped(CALLER);
    let text = String::from_utf8(stop.body().to_vec()).unwrap();
    assert!(text.contains("\r\nc=IN IP4 0.0.0.0\r\nb=TIAS:64000\r\nb=AS:64\r\nt=0 0\r\n"), "{text}");
    assert!(bench.music.is_empty() && bench.told().is_empty(), "nothing is told before the caller hears music");
    bench.offers(CALLER, &caller());
    let told = audio(&bench.expect(CALLER, "ACK"));
    assert_eq!((told.address.to_string(), told.port, told.direction), ("10.48.38.5".into(), 4000, Direction::SendOnly));
    let (_, music) = bench.music.first_key_value().unwrap();
    assert_eq!((music.to.to_string(), music.payload_type, &music.crypto), ("10.48.38.101:30000".into(), 0, &None));
    assert_eq!(bench.told(), ["Held"]);
    bench.quiet();
}

#[test]
fn a_resume_connects_both_by_their_new_offers() {
    let (mut bench, _, ack) = talking(plain());
    held(&mut bench, &ack);
    bench.asks(AGENT, &ack, 103, &Sdp::new("10.48.38.102", 30_010));
    assert!(bench.music.is_empty(), "the music stops with the re-INVITE that disconnects the caller from it");
    bench.stopped(CALLER);
    bench.offers(CALLER, &Sdp::new("10.48.38.101", 30_020));
    let (to_caller, to_agent) = (audio(&bench.expect(CALLER, "ACK")), audio(&bench.expect(AGENT, "200")));
    assert_eq!((to_caller.port, to_caller.direction), (30_010, Direction::SendRecv));
    assert_eq!((to_agent.port, to_agent.direction), (30_020, Direction::SendRecv));
    assert_eq!(to_agent.formats.len(), 2, "one codec and the key presses: {:?}", to_agent.formats);
    assert_eq!(bench.told(), ["Held", "Resumed"]);
    bench.in_dialog(AGENT, "ACK", &ack, 103, None);
    bench.quiet();
}

#[test]
fn the_caller_may_hold_as_well() {
    let (mut bench, ok, _) = talking(plain());
    let answer = bench.changes(CALLER, &ok, 102, &caller().direction("inactive"));
    assert_eq!(audio(&answer).direction, Direction::Inactive);
    assert!(answer.header("Call-Info").unwrap().contains("orientation= to"));
    bench.stopped(AGENT);
    bench.offers(AGENT, &agent());
    bench.expect(AGENT, "ACK");
    assert_eq!(bench.music.len(), 1);
    bench.asks(CALLER, &ok, 103, &caller());
    bench.stopped(AGENT);
    bench.offers(AGENT, &agent());
    bench.expect(AGENT, "ACK");
    bench.expect(CALLER, "200");
    assert!(bench.music.is_empty());
}

#[test]
fn without_music_the_held_phone_is_only_disconnected() {
    let mut config = plain();
    config.music_on_hold = MusicOnHold::Nothing;
    let (mut bench, _, ack) = talking(config);
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.quiet();
    assert!(bench.music.is_empty());
    bench.asks(AGENT, &ack, 103, &agent());
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "200");
    assert_eq!(bench.told(), ["Held", "Resumed"]);
}

#[test]
fn the_switch_answers_a_holding_phone_with_recvonly() {
    let mut config = plain();
    config.dialect.hold_answer = HoldAnswer::RecvOnly;
    let (mut bench, _, ack) = talking(config);
    let ok = bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    assert_eq!(audio(&ok).direction, Direction::RecvOnly);
}

#[test]
fn both_may_hold_and_whoever_resumes_first_hears_music() {
    let (mut bench, ok, ack) = talking(plain());
    held(&mut bench, &ack);
    let answer = bench.changes(CALLER, &ok, 102, &caller().direction("sendonly"));
    assert_eq!(audio(&answer).direction, Direction::Inactive);
    assert!(bench.music.is_empty());
    bench.quiet();
    let answer = bench.changes(AGENT, &ack, 103, &agent());
    assert_eq!((audio(&answer).port, audio(&answer).direction), (4000, Direction::SendOnly));
    assert_eq!(bench.music.len(), 1);
    bench.asks(CALLER, &ok, 103, &caller());
    bench.stopped(AGENT);
    bench.offers(AGENT, &agent());
    bench.expect(AGENT, "ACK");
    bench.expect(CALLER, "200");
    assert!(bench.music.is_empty());
    assert_eq!(bench.told(), ["Held", "Held", "Resumed", "Resumed"]);
}

#[test]
fn srtp_has_a_key_of_the_musics_own_and_is_keyed_anew_at_the_resume() {
    let mut bench = Bench::ready(unrecorded(secure()));
    let (_, ack) = bench.talk(&caller().suites(&[GCM, LONG], 1), &agent().suites(&[LONG, GCM], 2));
    bench.changes(AGENT, &ack, 102, &agent().suites(&[LONG, GCM], 3).direction("sendonly"));
    let stop = bench.stopped(CALLER);
    assert_eq!(audio(&stop).profile, Profile::Savp);
    bench.offers(CALLER, &caller().suites(&[GCM, LONG], 4));
    let told = bench.expect(CALLER, "ACK");
    let (tag, suite, music_key) = crypto(&told);
    assert_eq!((tag, suite), (1, GCM));
    let (_, music) = bench.music.first_key_value().unwrap();
    assert_eq!(music.crypto.as_ref().unwrap().master_key().unwrap().to_inline(), music_key);
    assert!(![1, 2, 3, 4].map(|seed| key(GCM, seed)).contains(&music_key));
    bench.asks(AGENT, &ack, 103, &agent().suites(&[LONG, GCM], 5));
    bench.stopped(CALLER);
    let asked = bench.offers(CALLER, &caller().suites(&[GCM, LONG], 6));
    assert!(asked.header("Call-Info").unwrap().contains("security= Encrypted"));
    assert_eq!(crypto(&bench.expect(CALLER, "ACK")), (1, GCM, key(GCM, 5)), "the agent's new key");
    let ok = bench.expect(AGENT, "200");
    assert_eq!(crypto(&ok), (2, GCM, key(GCM, 6)), "the caller's new key, by the agent's tag");
    assert!(ok.header("Call-Info").unwrap().contains("security= Encrypted"));
}

#[test]
fn each_phone_hears_the_music_as_its_own_profile_allows() {
    // The caller is encrypted, the agent is not: the call is RTP, the caller's music is SRTP.
    let mut config = secure();
    config.phones[1].security_profile = "plain".to_owned();
    let mut bench = Bench::ready(unrecorded(config));
    let (ok, ack) = bench.talk(&caller().suites(&[GCM], 1), &agent());
    assert_eq!(audio(&ok).profile, Profile::Avp);
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller().suites(&[GCM], 4));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).profile, Profile::Savp);
    bench.asks(AGENT, &ack, 103, &agent());
    bench.stopped(CALLER);
    let asked = bench.offers(CALLER, &caller().suites(&[GCM], 5));
    assert!(asked.header("Call-Info").unwrap().contains("security= NotAuthenticated"));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).profile, Profile::Avp);
    let ok = bench.expect(AGENT, "200");
    assert_eq!(audio(&ok).profile, Profile::Avp);
    assert!(ok.header("Call-Info").unwrap().contains("security= NotAuthenticated"));
}

#[test]
fn the_codec_is_kept_although_the_region_prefers_another_one() {
    let mut config = plain();
    config.region.codecs = vec!["PCMA".to_owned(), "PCMU".to_owned()];
    let mut bench = Bench::ready(unrecorded(config));
    let (ok, ack) = bench.talk(&caller().formats("0 101"), &agent());
    assert_eq!(audio(&ok).formats[0].encoding, "PCMU");
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller().formats("0 8 101"));
    bench.expect(CALLER, "ACK");
    bench.asks(AGENT, &ack, 103, &agent());
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller().formats("8 0 101"));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).formats[0].encoding, "PCMU");
}

#[test]
fn an_offer_without_the_codec_is_refused_and_changes_nothing() {
    let (mut bench, _, ack) = talking(plain());
    let offer = Sdp::new("10.48.38.102", 30_004).formats("18 101");
    bench.in_dialog(AGENT, "INVITE", &ack, 102, Some(&offer.text()));
    bench.expect(AGENT, "488");
    bench.quiet();
}

#[test]
fn a_new_address_is_told_the_other_phone() {
    let (mut bench, _, ack) = talking(plain());
    bench.asks(AGENT, &ack, 102, &Sdp::new("10.48.38.77", 31_000));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).address.to_string(), "10.48.38.77");
    bench.expect(AGENT, "200");
    assert!(bench.told().is_empty(), "that is neither hold nor resume");
}

#[test]
fn holds_that_cross_are_both_told_so_and_tried_again() {
    let (mut bench, ok, ack) = talking(plain());
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    let ours = bench.expect(CALLER, "INVITE");
    bench.in_dialog(CALLER, "INVITE", &ok, 102, Some(&caller().direction("sendonly").text()));
    bench.expect(CALLER, "491");
    bench.answer(CALLER, &ours, 491, "x", "", None);
    bench.expect(CALLER, "ACK");
    bench.quiet();
    // The caller made the Call-ID, so it waits longer than we do: 2.1 to 4 s against up to 2 s.
    let waited = bench.wait_for(CALLER, "INVITE");
    assert!(waited < 2_000, "{waited} ms");
    bench.stopped(CALLER);
    let asked = bench.expect(CALLER, "INVITE");
    bench.in_dialog(CALLER, "INVITE", &ok, 103, Some(&caller().direction("sendonly").text()));
    bench.expect(CALLER, "491");
    bench.answer(CALLER, &asked, 491, "x", "", None);
    bench.expect(CALLER, "ACK");
    // This time the caller is first.
    let answer = bench.changes(CALLER, &ok, 104, &caller().direction("sendonly"));
    assert_eq!(audio(&answer).direction, Direction::Inactive);
    bench.wait(60_000);
    assert!(!bench.sent.iter().any(|(_, message)| message.is_request()), "{:?}", bench.sent);
    assert_eq!(bench.told(), ["Held", "Held"]);
}

#[test]
fn a_phone_of_ours_waits_longer_after_a_glare() {
    let (mut bench, ok, _) = talking(plain());
    bench.changes(CALLER, &ok, 102, &caller().direction("sendonly"));
    let ours = bench.expect(AGENT, "INVITE");
    bench.answer(AGENT, &ours, 491, "x", "", None);
    bench.expect(AGENT, "ACK");
    let waited = bench.wait_for(AGENT, "INVITE");
    assert!((2_100..=4_000).contains(&waited), "{waited} ms");
    bench.stopped(AGENT);
}

#[test]
fn a_resume_that_is_taken_back_leaves_the_call_held() {
    let (mut bench, _, ack) = talking(plain());
    held(&mut bench, &ack);
    bench.in_dialog(AGENT, "INVITE", &ack, 103, Some(&agent().text()));
    let trying = bench.expect(AGENT, "100");
    let cancel = sip::Builder::request("CANCEL", "sip:10.48.38.5")
        .copy(&trying, "Via")
        .copy(&trying, "From")
        .copy(&trying, "To")
        .copy(&trying, "Call-ID")
        .header("CSeq", "103 CANCEL")
        .finish();
    bench.give(AGENT, cancel);
    bench.expect(AGENT, "200");
    bench.expect(AGENT, "487");
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, 4000);
    assert_eq!(bench.music.len(), 1);
    assert_eq!(bench.told(), ["Held"], "a resume that did not happen is not told");
}

#[test]
fn whoever_hangs_up_while_the_call_is_held_ends_it_and_the_music() {
    for hangs_up in [CALLER, AGENT] {
        let (mut bench, ok, ack) = talking(plain());
        held(&mut bench, &ack);
        let about = if hangs_up == CALLER { &ok } else { &ack };
        bench.in_dialog(hangs_up, "BYE", about, 110, None);
        bench.expect(hangs_up, "200");
        bench.ok(if hangs_up == CALLER { AGENT } else { CALLER }, "BYE");
        assert!(bench.music.is_empty() && bench.engine.is_idle());
        bench.finish();
    }
}

#[test]
fn a_hang_up_in_the_middle_of_a_resume_answers_it() {
    let (mut bench, ok, ack) = talking(plain());
    held(&mut bench, &ack);
    bench.asks(AGENT, &ack, 103, &agent());
    let stop = bench.expect(CALLER, "INVITE");
    bench.in_dialog(CALLER, "BYE", &ok, 102, None);
    bench.expect(CALLER, "200");
    bench.answer(CALLER, &stop, 481, "x", "", None);
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "487");
    bench.ok(AGENT, "BYE");
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_phone_that_hangs_up_behind_its_own_resume_has_an_answer_to_both() {
    let (mut bench, _, ack) = talking(plain());
    held(&mut bench, &ack);
    bench.asks(AGENT, &ack, 103, &agent());
    bench.in_dialog(AGENT, "BYE", &ack, 104, None);
    bench.expect(AGENT, "200");
    bench.expect(AGENT, "487");
    let stop = bench.expect(CALLER, "INVITE");
    bench.ok(CALLER, "BYE");
    bench.answer(CALLER, &stop, 487, "x", "", None);
    bench.wait(40_000);
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_phone_that_refuses_to_be_held_loses_the_call() {
    let (mut bench, _, ack) = talking(plain());
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    let stop = bench.expect(CALLER, "INVITE");
    bench.answer(CALLER, &stop, 488, "x", "", None);
    bench.expect(CALLER, "ACK");
    bench.ok(CALLER, "BYE");
    bench.ok(AGENT, "BYE");
    assert!(bench.engine.is_idle());
    bench.finish();
}

/// A recorded call; the ACK to the agent and the 200 to the caller.
fn recorded(config: Config) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(config);
    let (ok, ack) = bench.talk(&caller(), &agent());
    bench.record();
    (bench, ok, ack)
}

fn started(bench: &Bench) -> Vec<cucm::RecordingStarted> {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::RecordingStarted(started) => Some((**started).clone()),
        _ => None,
    };
    bench.events.iter().filter_map(pick).collect()
}

#[test]
fn a_hold_of_the_recorded_phone_ends_its_recording_and_a_resume_begins_a_new_one() {
    let (mut bench, _, ack) = recorded(plain());
    bench.asks(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.ok(RECORDER, "BYE");
    bench.ok(RECORDER, "BYE");
    let order: Vec<_> = (0..3).map(|_| bench.next(AGENT)).collect();
    assert_eq!(order.iter().filter(|message| message.method() == Some("BYE")).count(), 2, "both bridges end");
    for bye in order.iter().filter(|message| message.method() == Some("BYE")) {
        bench.answer(AGENT, bye, 200, "x", "", None);
    }
    bench.in_dialog(AGENT, "ACK", &ack, 102, None);
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.wait(60_000);
    bench.quiet();
    bench.asks(AGENT, &ack, 103, &agent());
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "200");
    bench.in_dialog(AGENT, "ACK", &ack, 103, None);
    bench.record();
    let [first, second] = started(&bench).try_into().unwrap();
    assert_eq!((first.refci, first.farendrefci), (second.refci, second.farendrefci), "the same call");
    assert_ne!(first.near_leg.recorder_call_id, second.near_leg.recorder_call_id);
    assert_ne!(first.near_leg.bridge_call_id, second.near_leg.bridge_call_id);
    assert_eq!(bench.events.iter().filter(|event| matches!(event, CucmEvent::RecordingEnded { .. })).count(), 1);
}

#[test]
fn the_switch_gives_a_recording_behind_a_resume_another_refci() {
    let mut config = plain();
    config.dialect.refci_after_resume = RefciAfterResume::New;
    let (mut bench, _, ack) = recorded(config);
    bench.asks(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.sent.retain(|(flow, _)| *flow == CALLER);
    bench.in_dialog(AGENT, "ACK", &ack, 102, None);
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.asks(AGENT, &ack, 103, &agent());
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "200");
    bench.in_dialog(AGENT, "ACK", &ack, 103, None);
    bench.record();
    let [first, second] = started(&bench).try_into().unwrap();
    assert_ne!(first.refci, second.refci);
    assert_eq!(first.farendrefci, second.farendrefci);
}

#[test]
fn a_hold_of_the_far_end_restarts_the_recording_or_keeps_it_by_the_switch() {
    let (mut bench, ok, _) = recorded(plain());
    bench.changes(CALLER, &ok, 102, &caller().direction("sendonly"));
    bench.ok(RECORDER, "BYE");
    bench.ok(RECORDER, "BYE");
    assert!(matches!(bench.event(), CucmEvent::RecordingEnded { by_recorder: false, .. }));

    let mut config = plain();
    config.dialect.far_end_hold = FarEndHold::Keep;
    let (mut bench, ok, _) = recorded(config);
    bench.changes(CALLER, &ok, 102, &caller().direction("sendonly"));
    bench.stopped(AGENT);
    bench.offers(AGENT, &agent());
    bench.expect(AGENT, "ACK");
    bench.asks(CALLER, &ok, 103, &caller());
    bench.stopped(AGENT);
    bench.offers(AGENT, &agent());
    bench.expect(AGENT, "ACK");
    bench.expect(CALLER, "200");
    bench.in_dialog(CALLER, "ACK", &ok, 103, None);
    bench.wait(1_000);
    bench.quiet();
    assert_eq!(started(&bench).len(), 1, "the pair stays, and no second one comes");
}

#[test]
fn a_hold_while_the_recording_is_being_set_up_ends_it() {
    let mut bench = Bench::ready(plain());
    let (_, ack) = bench.talk(&caller(), &agent());
    let (near, _) = bench.invites();
    bench.recorder_answers(&near, "n", "", &Sdp::new("10.48.38.30", 6000).direction("recvonly"));
    bench.asks(AGENT, &ack, 102, &agent().direction("sendonly"));
    assert_eq!(bench.failed().rule, "hold");
    assert!(!bench.told().contains(&"Alarm".to_owned()), "that is nobody's failure");
    assert!(bench.expect(RECORDER, "ACK").body().is_empty());
    bench.ok(RECORDER, "BYE");
}

#[test]
fn a_hold_before_the_recording_begins_leaves_nothing_behind() {
    let mut bench = Bench::ready(plain());
    let (_, ack) = bench.talk(&caller(), &agent());
    bench.wait(5);
    bench.changes(AGENT, &ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.wait(1_000);
    bench.quiet();
    assert!(!bench.told().contains(&"RecordingFailed".to_owned()));
}
