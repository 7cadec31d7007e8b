//! Transfers by REFER: who is told what, who talks with whom.

mod recorded;

use cucm::config::*;
use cucm::{CucmEvent, Transferred};
use media::sdp::Direction;
use media::srtp::Suite;
use sip::Message;

use crate::bench::*;

const GCM: Suite = Suite::AeadAes256Gcm;

fn caller() -> Sdp {
    Sdp::new("10.48.38.101", 30_000)
}

fn agent() -> Sdp {
    Sdp::new("10.48.38.102", 30_002)
}

fn expert() -> Sdp {
    Sdp::new("10.48.38.103", 30_004)
}

const CONTACT: &str = "Contact: <sip:line@10.48.38.103:50000;transport=tcp>\nSupported: replaces,X-cisco-srtp-fallback";

/// REFER of the agent in the dialog of `about`; its 202 is taken, and the first NOTIFY.
pub(crate) fn refer(bench: &mut Bench, about: &Message, cseq: u32, to: &str) {
    send_refer(bench, about, cseq, to);
    bench.expect(AGENT, "202");
    assert_eq!(notified(bench), "SIP/2.0 100 Trying");
}

pub(crate) fn send_refer(bench: &mut Bench, about: &Message, cseq: u32, to: &str) {
    let (local, remote) = if about.is_request() { ("To", "From") } else { ("From", "To") };
    let branch = bench.new_branch();
    let refer = sip::Builder::request("REFER", "sip:10.48.38.5")
        .header("Via", format_args!("SIP/2.0/TCP 10.48.38.9:5000;branch={branch}"))
        .header("From", about.header(local).unwrap())
        .header("To", about.header(remote).unwrap())
        .header("Call-ID", about.header("Call-ID").unwrap())
        .header("CSeq", format_args!("{cseq} REFER"))
        .header("Refer-To", format_args!("<sip:{to}>"))
        .finish();
    bench.give(AGENT, refer);
}

/// What the agent is told of its transfer.
pub(crate) fn notified(bench: &mut Bench) -> String {
    let notify = bench.ok(AGENT, "NOTIFY");
    assert_eq!(notify.header("Event").as_deref(), Some("refer"));
    let status: u16 = String::from_utf8_lossy(notify.body())[8..11].parse().unwrap();
    let state = notify.header("Subscription-State").unwrap().into_owned();
    assert_eq!(state.starts_with("terminated"), status >= 200, "{state}");
    String::from_utf8(notify.body().to_vec()).unwrap().trim_end().to_owned()
}

/// The agent holds the caller, who hears music.
pub(crate) fn hold(bench: &mut Bench, ack: &Message) {
    bench.changes(AGENT, ack, 102, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
}

/// The caller talks with the agent, who is not recorded.
fn talking(config: Config) -> (Bench, Message) {
    let mut bench = Bench::ready(unrecorded(with_expert(config)));
    let (_, ack) = bench.talk(&caller(), &agent());
    bench.events.clear();
    (bench, ack)
}

/// The agent holds the caller and talks with the expert; gives the ACK of the first call and the 200 of the second.
fn consulting(config: Config) -> (Bench, Message, Message) {
    let (mut bench, ack) = talking(config);
    hold(&mut bench, &ack);
    let ok = consult(&mut bench);
    bench.events.clear();
    (bench, ack, ok)
}

pub(crate) fn consult(bench: &mut Bench) -> Message {
    let invite = bench.dial(AGENT, "1001", "1002", &Sdp::new("10.48.38.102", 30_006)).unwrap();
    bench.answer(EXPERT, &invite, 180, "expert", "", None);
    bench.expect(AGENT, "180");
    bench.answer(EXPERT, &invite, 200, "expert", CONTACT, Some(&expert().text()));
    let ok = bench.expect(AGENT, "200");
    bench.expect(EXPERT, "ACK");
    bench.in_dialog(AGENT, "ACK", &ok, 101, None);
    ok
}

/// `Refer-To` that names the dialog of `about`, which the agent opened.
pub(crate) fn replaces(about: &Message) -> String {
    let tag = |name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
    let call_id = about.header("Call-ID").unwrap().replace('@', "%40");
    format!("1002@10.48.38.5?Replaces={call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", tag("To"), tag("From"))
}

/// Caller and expert are disconnected, asked and connected; gives the two ACKs.
fn joined(bench: &mut Bench) -> (Message, Message) {
    bench.stopped(CALLER);
    bench.stopped(EXPERT);
    bench.offers(CALLER, &caller());
    bench.offers(EXPERT, &expert());
    (bench.expect(CALLER, "ACK"), bench.expect(EXPERT, "ACK"))
}

pub(crate) fn transferred(bench: &Bench) -> Transferred {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::Transferred(transferred) => Some((**transferred).clone()),
        _ => None,
    };
    bench.events.iter().find_map(pick).unwrap_or_else(|| panic!("{:?}", bench.events))
}

#[test]
fn a_consult_transfer_connects_those_who_remain_and_releases_the_transferrer() {
    for first_dialog in [true, false] {
        let (mut bench, ack, ok) = consulting(plain());
        if first_dialog {
            refer(&mut bench, &ack, 103, &replaces(&ok));
        } else {
            // The other way round, as a phone that leaves a conference of three does it.
            let tags =
                |about: &Message, name: &str| about.header(name).unwrap().split(";tag=").nth(1).unwrap().to_owned();
            let call_id = ack.header("Call-ID").unwrap().replace('@', "%40");
            let to = format!(
                "1000@10.48.38.5?Replaces={call_id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}",
                tags(&ack, "From"),
                tags(&ack, "To")
            );
            refer(&mut bench, &ok, 102, &to);
        }
        let (to_caller, to_expert) = joined(&mut bench);
        assert_eq!((audio(&to_caller).port, audio(&to_caller).direction), (30_004, Direction::SendRecv));
        assert_eq!((audio(&to_expert).port, audio(&to_expert).direction), (30_000, Direction::SendRecv));
        assert_eq!(notified(&mut bench), "SIP/2.0 200 OK");
        bench.ok(AGENT, "BYE");
        bench.ok(AGENT, "BYE");
        let done = transferred(&bench);
        let mut ends = [done.party.number.as_str(), done.target.number.as_str()];
        ends.sort_unstable();
        assert_eq!((done.by.number.as_str(), ends), ("1001", ["1000", "1002"]));
        assert!(done.consultation.is_some() && bench.music.is_empty());
        bench.quiet();
        bench.in_dialog(EXPERT, "BYE", &to_expert, 102, None);
        bench.expect(EXPERT, "200");
        bench.ok(CALLER, "BYE");
        assert!(bench.engine.is_idle());
        bench.finish();
    }
}

#[test]
fn the_phones_are_told_who_is_at_the_other_end_and_how_safe_the_call_is_now() {
    let mut config = with_expert(secure());
    config.phones[2].security_profile = "plain".to_owned();
    let mut bench = Bench::ready(unrecorded(config));
    let (_, ack) = bench.talk(&caller().suites(&[GCM], 1), &agent().suites(&[GCM], 2));
    bench.changes(AGENT, &ack, 102, &agent().suites(&[GCM], 2).direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller().suites(&[GCM], 3));
    bench.expect(CALLER, "ACK");
    let ok = consult(&mut bench);
    refer(&mut bench, &ack, 103, &replaces(&ok));
    bench.stopped(CALLER);
    bench.stopped(EXPERT);
    let to_caller = bench.offers(CALLER, &caller().suites(&[GCM], 4));
    let to_expert = bench.offers(EXPERT, &expert());
    assert!(to_caller.header("Remote-Party-ID").unwrap().starts_with("\"Expert\" <sip:1002@10.48.38.5>;party=called"));
    assert!(to_caller.header("Contact").unwrap().contains(EXPERT_DEVICE));
    assert!(to_caller.header("Call-Info").unwrap().contains("security= NotAuthenticated; orientation= to"));
    assert!(
        to_expert.header("Remote-Party-ID").unwrap().starts_with("\"SJ User 1\" <sip:1000@10.48.38.5>;party=calling")
    );
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).profile, media::sdp::Profile::Avp, "SRTP falls back");
    assert_eq!(audio(&bench.expect(EXPERT, "ACK")).profile, media::sdp::Profile::Avp);
}

#[test]
fn a_blind_transfer_tells_its_progress_and_connects_when_the_target_answers() {
    let (mut bench, ack) = talking(plain());
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    assert!(
        invite.header("From").unwrap().starts_with("\"SJ User 1\" <sip:1000@10.48.38.5>"),
        "on behalf of the caller"
    );
    bench.answer(EXPERT, &invite, 180, "expert", "", None);
    assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
    assert_eq!(bench.music.len(), 1, "the caller hears music while the target rings");
    bench.answer(EXPERT, &invite, 200, "expert", CONTACT, Some(&expert().text()));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, 30_004);
    assert_eq!(audio(&bench.expect(EXPERT, "ACK")).port, 30_000);
    assert_eq!(notified(&mut bench), "SIP/2.0 200 OK");
    bench.ok(AGENT, "BYE");
    let done = transferred(&bench);
    assert_eq!((done.target.number.as_str(), done.consultation), ("1002", None));
    bench.quiet();
}

#[test]
fn a_transferrer_that_does_not_hold_is_disconnected() {
    let (mut bench, ack) = talking(plain());
    refer(&mut bench, &ack, 102, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    bench.stopped(AGENT);
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, 4000);
    // The target is busy: both talk again.
    bench.answer(EXPERT, &invite, 486, "expert", "", None);
    bench.expect(EXPERT, "ACK");
    assert_eq!(notified(&mut bench), "SIP/2.0 486 Busy Here");
    bench.stopped(CALLER);
    bench.offers(AGENT, &agent());
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "ACK");
    assert!(bench.told().contains(&"TransferFailed".to_owned()));
    bench.quiet();
}

/// After a failure the agent, who holds, gets the call back by a resume.
fn resumes(bench: &mut Bench, ack: &Message) {
    assert_eq!(bench.music.len(), 1, "the caller is still held");
    bench.asks(AGENT, ack, 110, &agent());
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(AGENT, "200");
    bench.in_dialog(AGENT, "ACK", ack, 110, None);
}

#[test]
fn a_target_that_is_busy_silent_unknown_or_gone_gives_the_call_back() {
    for (target, status) in [
        ("busy", "486 Busy Here"),
        ("silent", "480 Temporarily Unavailable"),
        ("unknown", "404 Not Found"),
        ("gone", "480 Temporarily Unavailable"),
    ] {
        let (mut bench, ack) = talking(plain());
        hold(&mut bench, &ack);
        let number = if target == "unknown" { "4711" } else { "1002" };
        if target == "gone" {
            bench.input(cucm::engine::Input::Closed { flow: EXPERT, why: None });
        }
        refer(&mut bench, &ack, 103, &format!("{number}@10.48.38.5"));
        match target {
            "busy" => {
                let invite = bench.expect(EXPERT, "INVITE");
                bench.answer(EXPERT, &invite, 486, "expert", "", None);
                bench.expect(EXPERT, "ACK");
            }
            "silent" => {
                let invite = bench.expect(EXPERT, "INVITE");
                bench.answer(EXPERT, &invite, 180, "expert", "", None);
                assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
                bench.wait(180_000);
                let cancel = bench.ok(EXPERT, "CANCEL");
                assert_eq!(cancel.header("Via"), invite.header("Via"));
                bench.answer(EXPERT, &invite, 487, "expert", "", None);
                bench.expect(EXPERT, "ACK");
            }
            _ => {}
        }
        assert_eq!(notified(&mut bench), format!("SIP/2.0 {status}"), "{target}");
        assert!(bench.told().contains(&"TransferFailed".to_owned()), "{target}");
        resumes(&mut bench, &ack);
        bench.quiet();
    }
}

#[test]
fn a_transfer_goes_on_without_a_transferrer_that_hangs_up() {
    let (mut bench, ack) = talking(plain());
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    bench.in_dialog(AGENT, "BYE", &ack, 104, None);
    bench.expect(AGENT, "200");
    bench.quiet();
    bench.answer(EXPERT, &invite, 200, "expert", CONTACT, Some(&expert().text()));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(EXPERT, "ACK");
    transferred(&bench);
    bench.quiet();
}

#[test]
fn a_transferrer_that_took_its_call_back_and_left_is_waited_for_no_more() {
    let (mut bench, ack) = talking(plain());
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    resumes(&mut bench, &ack);
    bench.in_dialog(AGENT, "BYE", &ack, 111, None);
    bench.expect(AGENT, "200");
    // The caller is alone, and hears music again.
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    assert_eq!(bench.music.len(), 1);
    assert_eq!((bench.engine.calls_at(CALLER_DEVICE), bench.engine.calls_at("nobody")), (1, 0));
    bench.answer(EXPERT, &invite, 200, "expert", CONTACT, Some(&expert().text()));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
    bench.expect(EXPERT, "ACK");
    transferred(&bench);
    bench.quiet();
}

#[test]
fn the_switch_releases_the_transferrer_at_once_and_then_a_failure_ends_the_call() {
    let mut config = plain();
    config.dialect.blind_transfer_release = BlindTransferRelease::AtOnce;
    let (mut bench, ack) = talking(config);
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    bench.ok(AGENT, "BYE");
    bench.answer(EXPERT, &invite, 486, "expert", "", None);
    bench.expect(EXPERT, "ACK");
    bench.ok(CALLER, "BYE");
    assert!(bench.engine.is_idle() && bench.music.is_empty());
    bench.finish();
}

#[test]
fn a_caller_that_hangs_up_while_the_target_rings_ends_all_of_it() {
    let (mut bench, ack) = talking(plain());
    hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    bench.answer(EXPERT, &invite, 180, "expert", "", None);
    notified(&mut bench);
    let stop = bench.engine.summary().leaked_dialogs.len();
    assert_eq!(stop, 3);
    let caller_leg = bench.dialog_of(CALLER);
    bench.in_dialog(CALLER, "BYE", &caller_leg, 103, None);
    bench.expect(CALLER, "200");
    bench.ok(AGENT, "BYE");
    bench.ok(EXPERT, "CANCEL");
    bench.answer(EXPERT, &invite, 487, "expert", "", None);
    bench.expect(EXPERT, "ACK");
    assert!(bench.engine.is_idle() && bench.music.is_empty());
    bench.finish();
}

#[test]
fn a_transfer_before_the_target_answers_refuses_the_transferrers_own_invite() {
    let (mut bench, ack) = talking(plain());
    hold(&mut bench, &ack);
    let invite = bench.dial(AGENT, "1001", "1002", &agent()).unwrap();
    bench.answer(EXPERT, &invite, 180, "expert", "", None);
    let ringing = bench.expect(AGENT, "180");
    refer(&mut bench, &ack, 103, &replaces(&ringing));
    bench.expect(AGENT, "487");
    bench.answer(EXPERT, &invite, 200, "expert", CONTACT, Some(&expert().text()));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, 30_004);
    assert_eq!(audio(&bench.expect(EXPERT, "ACK")).port, 30_000);
    assert_eq!(notified(&mut bench), "SIP/2.0 200 OK");
    bench.ok(AGENT, "BYE");
    transferred(&bench);
    bench.quiet();
}

#[test]
fn a_replaces_of_a_foreign_call_is_told_so_and_changes_nothing() {
    let (mut bench, ack, ok) = consulting(plain());
    let stranger = replaces(&ok).replace("from-tag%3D", "from-tag%3Dx");
    refer(&mut bench, &ack, 103, &stranger);
    assert!(notified(&mut bench).starts_with("SIP/2.0 481 "));
    assert_eq!(bench.told(), ["TransferFailed"]);
    bench.quiet();
    refer(&mut bench, &ack, 104, &replaces(&ok));
    joined(&mut bench);
}

#[test]
fn a_refer_that_says_nothing_or_comes_twice_is_refused() {
    let (mut bench, ack) = talking(plain());
    send_refer(&mut bench, &ack, 102, "10.48.38.5");
    bench.expect(AGENT, "400");
    hold_later(&mut bench, &ack);
    refer(&mut bench, &ack, 104, "1002@10.48.38.5");
    bench.expect(EXPERT, "INVITE");
    send_refer(&mut bench, &ack, 105, "1002@10.48.38.5");
    bench.expect(AGENT, "491");
}

fn hold_later(bench: &mut Bench, ack: &Message) {
    bench.changes(AGENT, ack, 103, &agent().direction("sendonly"));
    bench.stopped(CALLER);
    bench.offers(CALLER, &caller());
    bench.expect(CALLER, "ACK");
}
