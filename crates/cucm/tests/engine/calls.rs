//! Calls between two phones.

use cucm::config::SuiteMismatch;
use cucm::{CucmEvent, Protection, SecurityLevel};
use media::sdp::Profile;
use media::srtp::Suite;

use crate::bench::*;

const GCM: Suite = Suite::AeadAes256Gcm;
const LONG: Suite = Suite::AesCm128HmacSha1_80;

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn agent() -> Sdp {
    Sdp::new("10.48.38.102", 30_002)
}

#[test]
fn keys_are_carried_across_each_under_the_readers_tag() {
    let mut bench = Bench::ready(secure());
    let (ok, ack) = bench.talk(&caller().suites(&[GCM, LONG], 1), &agent().suites(&[LONG, GCM], 2));
    assert_eq!(crypto(&ok), (1, GCM, key(GCM, 2)), "the caller's order, the callee's key");
    assert_eq!(crypto(&ack), (2, GCM, key(GCM, 1)), "the callee's tag, the caller's key");
    assert!(ok.header("Call-Info").unwrap().contains("; security= Encrypted; orientation= to;"));
    let CucmEvent::CallConnected(connected) = bench.event() else { panic!() };
    assert_eq!((connected.protection, connected.security), (Protection::Srtp(GCM), SecurityLevel::Encrypted));
    assert_eq!(connected.codec, "PCMU");
    assert_eq!(connected.callee.media, "10.48.38.102:30002".parse().unwrap());
}

#[test]
fn a_non_secure_end_makes_rtp_and_lowers_the_level() {
    let mut config = secure();
    config.phones[0].security_profile = "plain".to_owned();
    let mut bench = Bench::ready(config);
    let (ok, ack) = bench.talk(&caller(), &agent().suites(&[GCM], 2));
    assert_eq!((audio(&ok).profile, audio(&ack).profile), (Profile::Avp, Profile::Avp));
    assert!(audio(&ack).crypto.is_empty());
    assert!(ok.header("Call-Info").unwrap().contains("security= NotAuthenticated"));
}

#[test]
fn a_non_secure_phones_offer_of_srtp_counts_for_nothing() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller().suites(&[GCM], 1), &agent().suites(&[GCM], 2));
    assert_eq!(audio(&ok).profile, Profile::Avp);
}

#[test]
fn encrypted_phones_without_a_common_suite_fail_with_cause_47_or_fall_back() {
    let mut bench = Bench::ready(secure());
    let invite = bench.dial(CALLER, "1000", "1001", &caller().suites(&[GCM], 1)).unwrap();
    let offer = agent().suites(&[LONG], 2).text();
    let contact = format!("Contact: <sip:line@10.48.38.102:50000>\n{FALLBACK}");
    bench.answer(AGENT, &invite, 200, "agent", &contact, Some(&offer));
    assert!(bench.expect(AGENT, "ACK").body().is_empty());
    assert_eq!(bench.ok(AGENT, "BYE").header("Reason").as_deref(), Some("Q.850;cause=47"));
    assert_eq!(bench.expect(CALLER, "488").header("Reason").as_deref(), Some("Q.850;cause=47"));
    bench.finish();

    let mut config = secure();
    config.dialect.suite_mismatch = SuiteMismatch::Fallback;
    let mut bench = Bench::ready(config);
    let (ok, _) = bench.talk(&caller().suites(&[GCM], 1), &agent().suites(&[LONG], 2));
    assert_eq!(audio(&ok).profile, Profile::Avp);
    assert!(ok.header("Call-Info").unwrap().contains("security= Authenticated"));
}

fn refusal(bench: &mut Bench, to: &str) -> (u16, Option<String>) {
    assert!(bench.dial(CALLER, "1000", to, &caller()).is_none());
    let answer = bench.next(CALLER);
    let CucmEvent::CallFailed { status, dialled, .. } = bench.event() else { panic!() };
    assert_eq!((Some(status), dialled.as_str()), (answer.status(), to));
    (status, answer.header("Reason").map(Into::into))
}

#[test]
fn numbers_that_cannot_be_reached_are_told_apart() {
    let mut config = plain();
    config.phones[1].lines[0].busy_trigger = 1;
    let mut absent = config.phones[0].clone();
    absent.device_name = "SEP00000000000A".to_owned();
    absent.lines[0].directory_number = "1002".to_owned();
    config.phones.push(absent);
    let mut bench = Bench::ready(config);
    bench.input(cucm::engine::Input::Closed { flow: EXPERT, why: None });
    assert_eq!(refusal(&mut bench, "4711"), (404, Some("Q.850;cause=1".to_owned())));
    assert_eq!(refusal(&mut bench, "1002"), (480, Some("Q.850;cause=20".to_owned())));
    bench.talk(&caller(), &agent());
    assert_eq!(refusal(&mut bench, "1001"), (486, Some("Q.850;cause=17".to_owned())));
}

#[test]
fn who_is_not_registered_may_not_call() {
    let mut bench = Bench::new(plain());
    bench.open(CALLER, sip::Transport::Tcp, None);
    assert_eq!(refusal(&mut bench, "1001").0, 403);
}

#[test]
fn a_busy_phone_makes_the_caller_busy() {
    let mut bench = Bench::ready(plain());
    let invite = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &invite, 486, "agent", "", None);
    bench.expect(AGENT, "ACK");
    bench.expect(CALLER, "486");
    bench.finish();
}

#[test]
fn a_caller_who_gives_up_cancels_the_called_phone() {
    let mut bench = Bench::ready(plain());
    let invite = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    let ringing = bench.expect(CALLER, "180");
    assert!(ringing.header("Call-Info").unwrap().contains("ui-state= ringout"));
    let cancel = sip::Builder::request("CANCEL", "sip:1001@10.48.38.5")
        .copy(&ringing, "Via")
        .copy(&ringing, "From")
        .header("To", "<sip:1001@10.48.38.5>")
        .copy(&ringing, "Call-ID")
        .header("CSeq", "101 CANCEL")
        .finish();
    bench.give(CALLER, cancel);
    bench.expect(CALLER, "200");
    bench.expect(CALLER, "487");
    let cancel = bench.ok(AGENT, "CANCEL");
    assert_eq!(cancel.header("Via"), invite.header("Via"));
    bench.answer(AGENT, &invite, 487, "agent", "", None);
    bench.expect(AGENT, "ACK");
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut bench = Bench::ready(plain());
    let invite = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.wait(180_000);
    bench.sent.clear();
    bench.answer(AGENT, &invite, 200, "agent", "Contact: <sip:line@10.48.38.102:50000>", Some(&agent().text()));
    // The INVITE timed out long ago; the answer is nobody's.
    assert!(bench.engine.is_idle());

    let invite = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    bench.wait(180_000);
    assert!(bench.sent.iter().any(|(flow, message)| *flow == CALLER && message.status() == Some(480)));
    assert!(bench.sent.iter().any(|(flow, message)| *flow == AGENT && message.method() == Some("CANCEL")));
    bench.sent.clear();
    bench.answer(AGENT, &invite, 200, "agent", "Contact: <sip:line@10.48.38.102:50000>", Some(&agent().text()));
    assert!(bench.expect(AGENT, "ACK").body().is_empty());
    bench.ok(AGENT, "BYE");
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_bye_of_either_phone_ends_the_other_side() {
    for hangs_up in [CALLER, AGENT] {
        let mut config = plain();
        config.phones[1].lines[0].recording_option = cucm::config::RecordingOption::Disabled;
        let mut bench = Bench::ready(config);
        let (ok, ack) = bench.talk(&caller(), &agent());
        let about = if hangs_up == CALLER { ok } else { ack };
        bench.in_dialog(hangs_up, "BYE", &about, 102, None);
        bench.expect(hangs_up, "200");
        let other = if hangs_up == CALLER { AGENT } else { CALLER };
        let bye = bench.ok(other, "BYE");
        assert_eq!(bye.header("Reason").as_deref(), Some("Q.850;cause=16"));
        assert!(matches!(bench.event(), CucmEvent::CallEnded { .. }));
        assert!(bench.engine.is_idle());
        bench.quiet();
        bench.finish();
    }
}

#[test]
fn a_caller_whose_ack_never_comes_is_hung_up_on() {
    let mut bench = Bench::ready(plain());
    let invite = bench.dial(CALLER, "1000", "1001", &caller()).unwrap();
    bench.answer(AGENT, &invite, 200, "agent", "Contact: <sip:line@10.48.38.102:50000>", Some(&agent().text()));
    bench.wait(33_000);
    let byes = bench.sent.iter().filter(|(_, message)| message.method() == Some("BYE"));
    assert!(byes.count() >= 2, "both phones are told");
    bench.wait(40_000);
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn a_session_refresh_is_granted_with_what_stands() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    bench.in_dialog(CALLER, "INVITE", &ok, 102, Some(&caller().text()));
    let refreshed = bench.expect(CALLER, "200");
    assert_eq!(refreshed.body(), ok.body());
    bench.in_dialog(CALLER, "ACK", &refreshed, 102, None);
    bench.in_dialog(CALLER, "UPDATE", &ok, 103, Some(&caller().direction("sendonly").text()));
    bench.expect(CALLER, "488");
    bench.in_dialog(CALLER, "INFO", &ok, 104, None);
    bench.expect(CALLER, "200");
    bench.in_dialog(CALLER, "INFO", &ok, 104, None);
    bench.expect(CALLER, "500");
}

#[test]
fn a_request_of_no_dialog_is_told_so() {
    let mut bench = Bench::ready(plain());
    let (ok, _) = bench.talk(&caller(), &agent());
    let foreign = String::from_utf8(ok.as_bytes().to_vec()).unwrap().replace(";tag=from", ";tag=other");
    let foreign = sip::Message::parse(foreign.as_bytes()).unwrap();
    bench.in_dialog(CALLER, "BYE", &foreign, 102, None);
    bench.expect(CALLER, "481");
}

#[test]
fn a_phone_whose_connection_closes_ends_its_calls() {
    let mut bench = Bench::ready(plain());
    bench.talk(&caller(), &agent());
    bench.record();
    bench.input(cucm::engine::Input::Closed { flow: AGENT, why: None });
    bench.ok(CALLER, "BYE");
    bench.ok(RECORDER, "BYE");
    bench.ok(RECORDER, "BYE");
    assert!(bench.engine.is_idle());
    bench.finish();
}
