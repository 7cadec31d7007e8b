//! Session timers: who refreshes, when, and what becomes of a recorder that is gone.

use std::time::Duration;

use cucm::CucmEvent;
use sip::Message;

use crate::bench::*;

/// A recording whose near end was answered with this header; the far end has no timer.
fn recording(header: &str) -> Bench {
    let mut config = plain();
    config.timing.registration_expires = Duration::from_secs(86_400);
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    let recorder = |port| Sdp::new("10.48.38.30", port).direction("recvonly");
    let phone = |port| Sdp::new("10.48.38.102", port).formats("0 101");
    bench.recorder_answers(&near, "n", header, &recorder(6000));
    bench.join("near-bridge", &phone(20_000));
    bench.recorder_answers(&far, "f", "", &recorder(6002));
    bench.join("far-bridge", &phone(20_002));
    bench
}

fn update(bench: &mut Bench) -> Message {
    bench.wait(899_000);
    assert!(bench.try_next(RECORDER).is_none(), "a refresh is due after 900 s");
    bench.wait(1_000);
    bench.expect(RECORDER, "UPDATE")
}

#[test]
fn a_session_that_is_ours_to_refresh_is_refreshed_at_half_of_its_interval() {
    for header in ["Session-Expires: 1800;refresher=uac", "Session-Expires: 1800"] {
        let mut bench = recording(header);
        for cseq in ["102 UPDATE", "103 UPDATE"] {
            let update = update(&mut bench);
            assert_eq!(update.header("CSeq").as_deref(), Some(cseq));
            assert_eq!(update.header("Session-Expires").unwrap().trim(), "1800;refresher=uac");
            assert!(update.body().is_empty());
            bench.answer(RECORDER, &update, 200, "n", header, None);
        }
    }
}

#[test]
fn a_recorder_that_refreshes_itself_or_has_no_timer_is_left_alone() {
    for header in ["Session-Expires: 1800;refresher=uas", "Supported: timer"] {
        let mut bench = recording(header);
        bench.wait(3_600_000);
        assert!(bench.try_next(RECORDER).is_none(), "{header}");
    }
}

#[test]
fn a_recorder_that_lost_the_dialog_or_is_silent_ends_the_recording_and_one_without_update_does_not() {
    for (status, ends) in [(Some(481), true), (Some(408), true), (None, true), (Some(501), false)] {
        let mut bench = recording("Session-Expires: 1800;refresher=uac");
        let update = update(&mut bench);
        match status {
            Some(status) => bench.answer(RECORDER, &update, status, "n", "", None),
            None => bench.wait(33_000),
        }
        let ended = |event: &CucmEvent| match event {
            CucmEvent::RecordingEnded { why, .. } => Some(why.clone()),
            _ => None,
        };
        let why = bench.events.iter().find_map(ended);
        assert_eq!(why.is_some(), ends, "{status:?}: {why:?}");
        assert!(why.is_none_or(|why| why.contains("did not refresh its session")), "{status:?}");
    }
}
