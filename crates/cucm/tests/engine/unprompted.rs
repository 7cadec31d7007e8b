//! Requests in a recording's dialogs that a test wants sent.

use cucm::CucmEvent;
use cucm::config::{RefreshOffer, SessionRefresh};
use cucm::signalling::Request;
use media::ledger::Leg;

use crate::bench::*;

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).direction("recvonly")
}

fn recording() -> Bench {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    bench.record();
    bench
}

impl Bench {
    fn send(&mut self, request: Request, leg: Option<Leg>) {
        self.engine.send_unprompted(self.now, request, leg);
        self.take();
    }
}

#[test]
fn a_request_goes_out_in_the_dialog_that_was_named_and_its_answer_is_told() {
    for (request, method, status) in [
        (Request::Info, "INFO", 200),
        (Request::Notify, "NOTIFY", 489),
        (Request::Subscribe, "SUBSCRIBE", 489),
        (Request::Options, "OPTIONS", 200),
    ] {
        let mut bench = recording();
        bench.send(request, Some(Leg::Near));
        let sent = bench.expect(RECORDER, method);
        assert!(sent.from_().unwrap().uri.params.has("x-nearend"), "{method}");
        assert_eq!(sent.cseq().unwrap().number, 102);
        assert!(sent.to().unwrap().tag().is_some());
        bench.quiet();
        bench.answer(RECORDER, &sent, status, "n", "", None);
        let told = bench.events.iter().any(|event| {
            matches!(event, CucmEvent::RecorderAnswered { leg: Leg::Near, method: m, status: s, .. } if *m == method && *s == Some(status))
        });
        assert!(told, "{:?}", bench.events);
    }
}

#[test]
fn both_dialogs_get_theirs_near_first() {
    let mut bench = recording();
    bench.send(Request::Info, None);
    let [near, far] = [(); 2].map(|()| bench.expect(RECORDER, "INFO"));
    assert!(near.from_().unwrap().uri.params.has("x-nearend"));
    assert!(far.from_().unwrap().uri.params.has("x-farend"));
}

#[test]
fn one_leg_ends_with_its_bridge_and_the_other_one_goes_on() {
    let mut bench = recording();
    bench.send(Request::Bye, Some(Leg::Near));
    let bye = bench.expect(RECORDER, "BYE");
    assert!(bye.from_().unwrap().uri.params.has("x-nearend"));
    bench.answer(RECORDER, &bye, 200, "n", "", None);
    let bridge = bench.expect(AGENT, "BYE");
    bench.answer(AGENT, &bridge, 200, "near-bridge", "", None);
    bench.quiet();
    assert!(!bench.events.iter().any(|event| matches!(event, CucmEvent::RecordingEnded { .. })));
}

#[test]
fn a_re_invite_without_an_offer_is_acknowledged_with_what_stands() {
    let mut config = plain();
    config.sip_profiles[0].session_refresh = SessionRefresh::Invite;
    config.dialect.refresh_offer = RefreshOffer::Nothing;
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.record();
    for request in [Request::ReinviteWithoutOffer, Request::ReinviteWithoutOffer] {
        bench.send(request, Some(Leg::Near));
        let invite = bench.expect(RECORDER, "INVITE");
        assert!(invite.body().is_empty());
        bench.recorder_answers(&invite, "n", "", &recorder(6000));
        assert_eq!(bench.expect(RECORDER, "ACK").body(), near.body());
    }
    bench.quiet();
}

#[test]
fn a_recording_is_given_up_before_its_answer_by_cancel_and_behind_it_by_bye() {
    let mut bench = Bench::ready(plain());
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.recorder_answers(&far, "f", "", &recorder(6002));
    // A CANCEL waits for the first provisional answer (RFC 3261 §9.1).
    bench.answer(RECORDER, &near, 100, "n", "", None);
    bench.engine.give_up_recording(bench.now, &near.call_id().unwrap());
    bench.take();
    bench.expect(RECORDER, "CANCEL");
    bench.expect(RECORDER, "ACK");
    assert!(bench.expect(RECORDER, "BYE").from_().unwrap().uri.params.has("x-farend"));
    let failed =
        bench.events.iter().any(|event| matches!(event, CucmEvent::RecordingFailed(f) if f.rule == "given-up"));
    assert!(failed, "{:?}", bench.events);
}
