//! Recordings that fail while one of their dialogs stands.

use cucm::CucmEvent;
use cucm::config::OneLegFails;
use media::ledger::Leg;

use crate::bench::*;

#[test]
fn the_dialog_that_stood_is_told_of_before_the_recording_fails() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.recorder_answers(&far, "f", "", &Sdp::new("10.48.38.30", 6002).direction("recvonly"));
    bench.join("far-bridge", &Sdp::new("10.48.38.102", 20_002).formats("0 101"));
    bench.answer(RECORDER, &near, 486, "n", "", None);
    let at = |is_it: fn(&CucmEvent) -> bool| bench.events.iter().position(is_it);
    let half = at(|event| matches!(event, CucmEvent::RecordingHalf { leg: Leg::Far, .. }));
    let failed = at(|event| matches!(event, CucmEvent::RecordingFailed(_)));
    assert!(half.is_some() && half < failed, "{:?}", bench.events);
}

#[test]
fn where_no_dialog_stood_there_is_no_half() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    bench.answer(RECORDER, &near, 486, "n", "", None);
    assert!(bench.events.iter().all(|event| !matches!(event, CucmEvent::RecordingHalf { .. })));
}

#[test]
fn by_the_dialect_the_dialog_that_stands_goes_on_alone_to_the_end_of_the_call() {
    let mut config = plain();
    config.dialect.one_leg_fails = OneLegFails::KeepsOther;
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.answer(RECORDER, &near, 486, "n", "", None);
    bench.expect(AGENT, "BYE");
    bench.recorder_answers(&far, "f", "", &Sdp::new("10.48.38.30", 6002).direction("recvonly"));
    bench.join("far-bridge", &Sdp::new("10.48.38.102", 20_002).formats("0 101"));
    bench.wait(50);
    let is_half = |event: &CucmEvent| matches!(event, CucmEvent::RecordingHalf { leg: Leg::Far, .. });
    assert!(bench.events.iter().any(is_half), "{:?}", bench.events);
    let failed = |event: &CucmEvent| matches!(event, CucmEvent::RecordingFailed(_) | CucmEvent::RecordingEnded { .. });
    assert!(!bench.events.iter().any(failed), "{:?}", bench.events);
    let byes = bench.sent.iter().filter(|(_, message)| message.method() == Some("BYE"));
    assert_eq!(byes.count(), 0, "only the near bridge had no use any more");
}

#[test]
fn where_both_dialogs_fail_so_does_the_recording() {
    let mut config = plain();
    config.dialect.one_leg_fails = OneLegFails::KeepsOther;
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.answer(RECORDER, &near, 486, "n", "", None);
    bench.answer(RECORDER, &far, 486, "f", "", None);
    assert_eq!(bench.failed().rule, "status");
}
