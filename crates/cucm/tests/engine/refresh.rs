//! Session timers: who refreshes, how and when, and what becomes of a session that nobody refreshes.

use std::time::Duration;

use cucm::CucmEvent;
use cucm::config::{Config, RefreshOffer, Release, SessionRefresh};
use cucm::engine::Input;
use sip::{FlowId, Message};

use crate::bench::*;

fn refreshing(method: SessionRefresh) -> Config {
    let mut config = plain();
    config.timing.registration_expires = Duration::from_secs(864_000);
    config.sip_profiles[0].session_refresh = method;
    config
}

fn recorder(port: u16) -> Sdp {
    Sdp::new("10.48.38.30", port).direction("recvonly")
}

fn bridge(port: u16) -> Sdp {
    Sdp::new("10.48.38.102", port).formats("0 101")
}

/// A recording whose near end was answered with this header; the far end has no timer. Gives the near end's ACK, too.
fn recording(config: Config, header: &str) -> (Bench, Message) {
    let (bench, _, ack) = recording_invited(config, header);
    (bench, ack)
}

/// The same with the near end's INVITE before.
fn recording_invited(config: Config, header: &str) -> (Bench, Message, Message) {
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, far) = bench.invites();
    bench.recorder_answers(&near, "n", header, &recorder(6000));
    let (_, ack) = bench.join("near-bridge", &bridge(20_000));
    bench.recorder_answers(&far, "f", "", &recorder(6002));
    bench.join("far-bridge", &bridge(20_002));
    (bench, near, ack)
}

fn due(bench: &mut Bench, method: &str) -> Message {
    bench.wait(899_000);
    assert!(bench.try_next(RECORDER).is_none(), "a refresh is due after 900 s");
    bench.wait(1_000);
    bench.expect(RECORDER, method)
}

fn ended(bench: &Bench) -> Option<String> {
    bench.events.iter().find_map(|event| match event {
        CucmEvent::RecordingEnded { why, .. } => Some(why.clone()),
        _ => None,
    })
}

const OURS: &str = "Session-Expires: 1800;refresher=uac";
const THEIRS: &str = "Session-Expires: 1800;refresher=uas";

/// Contact is that of the INVITE.
fn names_its_device(message: &Message) {
    let contact = message.header("Contact").unwrap();
    assert!(contact.ends_with(&format!(";isFocus;+u.sip!devicename.ccm.cisco.com=\"{AGENT_DEVICE}\"")), "{contact}");
}

#[test]
fn an_update_refreshes_at_half_of_the_interval() {
    for header in [OURS, "Session-Expires: 1800"] {
        let (mut bench, _) = recording(refreshing(SessionRefresh::Update), header);
        for cseq in ["102 UPDATE", "103 UPDATE"] {
            let update = due(&mut bench, "UPDATE");
            assert_eq!(update.header("CSeq").as_deref(), Some(cseq));
            assert_eq!(update.header("Session-Expires").unwrap().trim(), "1800;refresher=uac");
            assert!(update.body().is_empty());
            let info = "<urn:x-cisco-remotecc:callinfo>;x-cisco-video-traffic-class=DESKTOP";
            assert_eq!(update.header("Call-Info").as_deref(), Some(info));
            let names: Vec<_> = update.headers().map(|field| field.name().to_owned()).collect();
            let at = |name: &str| names.iter().position(|known| known == name).unwrap();
            assert_eq!(at("Call-Info"), at("CSeq") + 1);
            names_its_device(&update);
            bench.answer(RECORDER, &update, 200, "n", header, None);
        }
        assert_eq!(bench.engine.summary().refreshes, 2);
    }
}

#[test]
fn by_default_a_re_invite_refreshes_with_an_offer_of_what_stands() {
    let (mut bench, inviting, ack) = recording_invited(refreshing(SessionRefresh::Invite), OURS);
    for cseq in ["102 INVITE", "103 INVITE"] {
        let invite = due(&mut bench, "INVITE");
        assert_eq!(invite.header("CSeq").as_deref(), Some(cseq));
        assert_eq!(invite.header("Session-Expires").unwrap(), "1800;refresher=uac");
        names_its_device(&invite);
        assert_eq!(invite.header("Cisco-Guid"), inviting.header("Cisco-Guid"));
        assert!(invite.header("Cisco-Guid").is_some());
        assert_eq!(invite.body(), ack.body(), "not even the version of o= changes (RFC 3264 §8)");
        bench.recorder_answers(&invite, "n", OURS, &recorder(6000));
        let ack = bench.expect(RECORDER, "ACK");
        assert_eq!((ack.cseq().unwrap().number, ack.body().len()), (invite.cseq().unwrap().number, 0));
    }
    bench.quiet();
    assert_eq!(bench.engine.summary().refreshes, 2);
}

#[test]
fn a_recorder_that_does_not_list_update_or_refuses_it_gets_re_invites() {
    let header = format!("{OURS}\nAllow: INVITE, ACK, BYE");
    due(&mut recording(refreshing(SessionRefresh::Update), &header).0, "INVITE");
    for status in [405, 501] {
        let (mut bench, _) = recording(refreshing(SessionRefresh::Update), OURS);
        let update = due(&mut bench, "UPDATE");
        bench.answer(RECORDER, &update, status, "n", "", None);
        let invite = bench.expect(RECORDER, "INVITE");
        bench.recorder_answers(&invite, "n", OURS, &recorder(6000));
        bench.expect(RECORDER, "ACK");
        due(&mut bench, "INVITE");
    }
}

#[test]
fn a_recorder_that_refreshes_itself_or_has_no_timer_is_left_alone() {
    for header in [THEIRS, "Supported: timer"] {
        let (mut bench, _) = recording(refreshing(SessionRefresh::Invite), header);
        bench.wait(1_760_000);
        assert!(bench.try_next(RECORDER).is_none(), "{header}");
        assert_eq!(ended(&bench), None);
    }
}

#[test]
fn a_session_that_the_recorder_does_not_refresh_ends_32_s_before_its_time() {
    let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), THEIRS);
    bench.wait(1_767_000);
    assert_eq!(ended(&bench), None);
    bench.wait(1_100);
    assert!(ended(&bench).unwrap().contains("did not refresh its session"));
    assert_eq!(bench.ok(RECORDER, "BYE").header("Call-ID"), ack.header("Call-ID"));
    bench.ok(RECORDER, "BYE");
}

#[test]
fn each_refresh_of_the_recorder_prolongs_the_session() {
    for (method, sdp) in [("UPDATE", None), ("INVITE", None), ("INVITE", Some(recorder(6000).text()))] {
        let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), THEIRS);
        for cseq in 1..4 {
            bench.wait(1_000_000);
            bench.ask(
                RECORDER,
                method,
                &ack,
                cseq,
                "Supported: timer\nSession-Expires: 1800;refresher=uac",
                sdp.as_deref(),
            );
            let ok = bench.expect(RECORDER, "200");
            assert_eq!(ok.header("Session-Expires").as_deref(), Some("1800;refresher=uac"));
            assert_eq!(ok.header("Require").as_deref(), Some("timer"));
            assert_eq!(ok.body().is_empty(), method == "UPDATE");
            if method == "INVITE" {
                let answer = sdp.is_none().then(|| recorder(6000).text());
                bench.in_dialog(RECORDER, "ACK", &ok, cseq, answer.as_deref());
            }
        }
        assert_eq!(ended(&bench), None, "{method}");
        bench.wait(1_769_000);
        assert!(ended(&bench).is_some(), "{method}");
    }
}

#[test]
fn a_request_without_terms_prolongs_the_session_as_it_is() {
    let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), THEIRS);
    bench.wait(1_000_000);
    bench.ask(RECORDER, "UPDATE", &ack, 1, "", None);
    assert_eq!(bench.expect(RECORDER, "200").header("Session-Expires"), None);
    bench.wait(1_767_000);
    assert_eq!(ended(&bench), None);
    bench.wait(1_100);
    assert!(ended(&bench).is_some());
}

#[test]
fn a_request_that_names_no_refresher_makes_it_us() {
    let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), THEIRS);
    bench.ask(RECORDER, "UPDATE", &ack, 1, "Supported: timer\nSession-Expires: 1800", None);
    let ok = bench.expect(RECORDER, "200");
    assert_eq!(ok.header("Session-Expires").as_deref(), Some("1800;refresher=uas"));
    due(&mut bench, "INVITE");
}

#[test]
fn too_short_a_session_is_refused_with_the_shortest_one() {
    let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), THEIRS);
    for (cseq, method) in [(1, "UPDATE"), (2, "INVITE")] {
        bench.ask(RECORDER, method, &ack, cseq, "Supported: timer\nSession-Expires: 600;refresher=uac", None);
        assert_eq!(bench.expect(RECORDER, "422").header("Min-SE").as_deref(), Some("1800"));
    }
}

#[test]
fn a_recorder_that_wants_longer_sessions_gets_its_invite_again() {
    let mut config = refreshing(SessionRefresh::Invite);
    config.timing.session_expires = Duration::from_secs(90);
    config.timing.least_session = Duration::from_secs(90);
    let mut bench = Bench::ready(config);
    bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
    let (near, _) = bench.invites();
    assert_eq!((near.header("Session-Expires").as_deref(), near.header("Min-SE").as_deref()), (Some("90"), Some("90")));
    bench.answer(RECORDER, &near, 422, "n", "Min-SE: 600", None);
    bench.expect(RECORDER, "ACK");
    let again = bench.expect(RECORDER, "INVITE");
    assert_eq!(again.header("Session-Expires").as_deref(), Some("600"));
    assert_eq!(again.header("Min-SE").as_deref(), Some("600"));
    assert_eq!(again.header("CSeq").as_deref(), Some("102 INVITE"));
    assert_ne!(again.via().unwrap().branch(), near.via().unwrap().branch());
    for same in ["From", "To", "Call-ID", "Contact", "Cisco-Guid"] {
        assert_eq!(again.header(same), near.header(same), "{same}");
    }
    bench.recorder_answers(&again, "n", "Session-Expires: 600;refresher=uac", &recorder(6000));
    bench.wait(6);
    assert_eq!(bench.expect(AGENT, "INVITE").header("CSeq").as_deref(), Some("102 INVITE"), "the bridge is asked");
    // One that asks for no more than it has got is a refusal like others.
    let (mut bench, _) = {
        let mut bench = Bench::ready(plain());
        bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
        let (near, _) = bench.invites();
        bench.answer(RECORDER, &near, 422, "n", "Min-SE: 1800", None);
        (bench, near)
    };
    bench.expect(RECORDER, "ACK");
    assert_eq!(bench.failed().rule, "status");
}

#[test]
fn a_refresh_that_is_too_short_for_the_recorder_is_sent_again_with_its_interval() {
    for (method, name) in [(SessionRefresh::Update, "UPDATE"), (SessionRefresh::Invite, "INVITE")] {
        let (mut bench, _) = recording(refreshing(method), OURS);
        let refresh = due(&mut bench, name);
        bench.answer(RECORDER, &refresh, 422, "n", "Min-SE: 3600", None);
        if name == "INVITE" {
            bench.expect(RECORDER, "ACK");
        }
        let again = bench.expect(RECORDER, name);
        assert_eq!(again.header("Session-Expires").as_deref(), Some("3600;refresher=uac"));
        assert_eq!(again.header("Min-SE").as_deref(), Some("3600"));
    }
}

#[test]
fn after_a_glare_the_owner_of_the_call_id_waits_2_1_to_4_s() {
    for (method, name) in [(SessionRefresh::Update, "UPDATE"), (SessionRefresh::Invite, "INVITE")] {
        let (mut bench, _) = recording(refreshing(method), OURS);
        let refresh = due(&mut bench, name);
        bench.answer(RECORDER, &refresh, 491, "n", "", None);
        if name == "INVITE" {
            bench.expect(RECORDER, "ACK");
        }
        bench.wait(2_099);
        bench.quiet();
        bench.wait(1_902);
        assert_eq!(bench.expect(RECORDER, name).cseq().unwrap().number, 103);
    }
}

#[test]
fn a_recorder_that_lost_the_dialog_or_is_silent_ends_the_recording_and_another_refusal_does_not_yet() {
    for method in [SessionRefresh::Update, SessionRefresh::Invite] {
        for (status, ends) in [(Some(481), true), (Some(408), true), (None, true), (Some(500), false)] {
            let (mut bench, _) = recording(refreshing(method), OURS);
            let name = if method == SessionRefresh::Update { "UPDATE" } else { "INVITE" };
            let refresh = due(&mut bench, name);
            match status {
                Some(status) => bench.answer(RECORDER, &refresh, status, "n", "", None),
                None => bench.wait(33_000),
            }
            let why = ended(&bench);
            assert_eq!(why.is_some(), ends, "{status:?}: {why:?}");
            assert!(why.is_none_or(|why| why.contains("did not refresh its session")), "{status:?}");
            if !ends {
                bench.sent.clear();
                bench.wait(300_000);
                bench.expect(RECORDER, name);
                bench.wait(600_000);
                assert!(ended(&bench).is_some(), "the session has a time to live");
            }
        }
    }
}

#[test]
fn a_refresh_finds_a_new_connection_where_the_old_one_closed() {
    let (mut bench, _) = recording(refreshing(SessionRefresh::Invite), OURS);
    bench.input(Input::Closed { flow: RECORDER, why: None });
    bench.wait(900_000);
    bench.connected(FlowId(11));
    let invite = bench.expect(FlowId(11), "INVITE");
    bench.answer(FlowId(11), &invite, 200, "n", OURS, Some(&recorder(6000).text()));
    bench.expect(FlowId(11), "ACK");
    assert_eq!(ended(&bench), None);
}

#[test]
fn a_call_that_ends_while_a_re_invite_is_out_ends_both() {
    let (mut bench, ack) = recording(refreshing(SessionRefresh::Invite), OURS);
    let invite = due(&mut bench, "INVITE");
    bench.in_dialog(RECORDER, "BYE", &ack, 1, None);
    bench.expect(RECORDER, "200");
    bench.ok(RECORDER, "BYE");
    bench.recorder_answers(&invite, "n", OURS, &recorder(6000));
    assert!(ended(&bench).is_some());
    assert!(bench.try_next(RECORDER).is_none_or(|message| message.method() == Some("ACK")));
}

/// Names of headers, in order; what a body brings with it apart.
fn names(message: &Message) -> Vec<String> {
    message.headers().map(|field| field.name().to_owned()).filter(|name| !name.starts_with("Content-")).collect()
}

#[test]
fn a_refreshing_re_invite_of_10_5_has_the_headers_that_cucm_10_5_wrote_over_trunks() {
    let traces = [
        (RefreshOffer::WhatStands, "71-trunk-reinvite-with-offer-cucm10.5"),
        (RefreshOffer::Nothing, "70-trunk-reinvite-without-offer-cucm10.5"),
    ];
    for (offer, name) in traces {
        let mut config = refreshing(SessionRefresh::Invite);
        config.release = Release::V10_5;
        config.dialect.refresh_offer = offer;
        let (mut bench, _, _) = recording_invited(config, OURS);
        let invite = due(&mut bench, "INVITE");
        let theirs = Message::parse(trace(name).as_bytes()).unwrap();
        assert_eq!(names(&invite), names(&theirs), "{name}");
        for header in ["Supported", "Allow", "Min-SE", "Expires", "Max-Forwards"] {
            assert_eq!(invite.header_all(header), theirs.header_all(header), "{name}: {header}");
        }
    }
}

#[test]
fn a_re_invite_of_later_releases_has_session_id_where_one_to_a_phone_has_it() {
    let (mut bench, _, _) = recording_invited(refreshing(SessionRefresh::Invite), OURS);
    let order = names(&due(&mut bench, "INVITE"));
    let at = order.iter().position(|name| name == "Session-ID").unwrap();
    let phone = names(&Message::parse(trace("14-bib-reinvite-farend-no-sdp").as_bytes()).unwrap());
    let there = phone.iter().position(|name| name == "Session-ID").unwrap();
    assert_eq!((&order[at - 1], order[at - 1].as_str()), (&phone[there - 1], "Min-SE"));
}
