//! What happens when, and what is left when a connection is gone.

use super::*;

#[test]
fn the_answer_waits_as_told_and_a_cancel_meanwhile_gets_487() {
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_millis(2900));
    assert!(rig.codes().is_empty());
    rig.wait(Duration::from_millis(200));
    assert_eq!(rig.codes().first(), Some(&200));
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.receive(&NEAR.request("CANCEL", 101, "", "1000", None));
    let mut codes = rig.codes();
    codes.sort_unstable();
    assert_eq!(codes, [200, 487]);
    assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("cancel"));
}

#[test]
fn far_first_holds_the_near_answer_until_far_was_answered_or_five_seconds() {
    let mut rig = Rig::new(|config| config.far_first = true);
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_secs(1));
    assert!(rig.codes().is_empty());
    rig.receive(&far().invite(None));
    assert_eq!(rig.codes(), [200, 200]);
    let order: Vec<String> =
        rig.sent.iter().filter(|m| m.status() == Some(200)).map(|m| m.call_id().unwrap()).collect();
    assert_eq!(order, ["far@192.0.2.5", "near@192.0.2.5"]);
    let mut alone = Rig::new(|config| config.far_first = true);
    alone.receive(&NEAR.invite(None));
    alone.wait(Duration::from_millis(5100));
    assert_eq!(alone.codes().first(), Some(&200));
}

#[test]
fn without_an_ack_the_200_is_repeated_and_then_bye_ends_the_leg() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    rig.wait(Duration::from_secs(33));
    assert!(rig.codes().len() > 3, "repeats: {:?}", rig.codes());
    assert!(rig.sent.iter().any(|message| message.method() == Some("BYE")));
    assert_eq!((rig.sessions.dialogs(), rig.closed.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("no-ack"));
}

/// A leg that asks for a session timer in these words.
fn timed(lines: &str) -> Leg<'static> {
    Leg { extra: format!("Supported: timer,resource-priority,replaces\r\n{lines}"), ..NEAR }
}

#[test]
fn a_session_timer_is_agreed_on_as_the_peer_wants_it() {
    for (lines, expected) in [
        ("Session-Expires:  1800\r\nMin-SE:  1800\r\n", Some("1800;refresher=uac")),
        ("Session-Expires: 1800;refresher=uac\r\n", Some("1800;refresher=uac")),
        ("Session-Expires: 1800;refresher=uas\r\nAllow: INVITE, UPDATE\r\n", Some("1800;refresher=uas")),
        ("Session-Expires: 1800;refresher=uas\r\nAllow: INVITE, ACK, BYE\r\n", None),
        ("Session-Expires: 4000000000\r\n", Some("86400;refresher=uac")),
        ("", None),
    ] {
        let mut rig = Rig::new(|_| {});
        rig.receive(&timed(lines).invite(None));
        let agreed = rig.last().header("Session-Expires");
        assert_eq!(agreed.as_deref(), expected, "{lines}");
        let peer_refreshes = expected.is_some_and(|terms| terms.ends_with("uac"));
        assert_eq!(rig.last().require().contains(&"timer".to_owned()), peer_refreshes, "{lines}");
    }
    let mut rig = Rig::new(|_| {});
    rig.receive(&Leg { extra: "Session-Expires: 1800\r\n".to_owned(), ..NEAR }.invite(None));
    assert_eq!(rig.last().header("Session-Expires"), None, "a peer that knows no timers gets none");
}

#[test]
fn an_interval_that_is_too_short_gets_422_whichever_request_asks_for_it() {
    for method in ["UPDATE", "INVITE"] {
        let mut rig = Rig::new(|_| {});
        let answer = rig.establish(&NEAR);
        let short = timed("Session-Expires: 0;refresher=uac\r\n");
        rig.receive(&short.request(method, 102, &tag(&answer), "1000", Some(&answered(OTHER_KEY))));
        assert_eq!((rig.last().status(), rig.last().header("Min-SE").as_deref()), (Some(422), Some("90")), "{method}");
        rig.wait(Duration::from_secs(60));
        assert_eq!((rig.sessions.dialogs(), rig.media.len()), (1, 1), "{method}: nothing else has changed");
    }
    let mut rig = Rig::new(|_| {});
    rig.receive(&Leg { extra: "Session-Expires: 30\r\n".to_owned(), ..NEAR }.invite(None));
    assert_eq!(rig.last().status(), Some(200), "a peer that knows no timers would not understand a 422");
}

#[test]
fn a_session_that_the_peer_does_not_refresh_ends_by_bye_and_silence_does_not_end_it_before() {
    let mut rig = Rig::new(|_| {});
    let leg = timed("Session-Expires: 1800\r\n");
    let answer = rig.establish(&leg);
    rig.wait(Duration::from_secs(1700));
    rig.input(Input::Silent { leg: rig.media[0].0 });
    assert_eq!(rig.sessions.dialogs(), 1);
    // A refresh begins the interval anew; one that names no interval ends the timer.
    let update = |cseq| leg.request("UPDATE", cseq, &tag(&answer), "1000", None);
    rig.receive(&update(102));
    assert_eq!(rig.last().header("Session-Expires").unwrap(), "1800;refresher=uac");
    rig.wait(Duration::from_secs(1767));
    assert_eq!(rig.sessions.dialogs(), 1);
    rig.wait(Duration::from_secs(2));
    assert_eq!((rig.last().method(), rig.sessions.dialogs()), (Some("BYE"), 0));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("session-timer"));

    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&leg);
    rig.receive(&NEAR.request("UPDATE", 102, &tag(&answer), "1000", None));
    rig.wait(Duration::from_secs(100_000));
    assert_eq!(rig.sessions.dialogs(), 1);
    rig.input(Input::Silent { leg: rig.media[0].0 });
    assert_eq!(rig.sessions.dialogs(), 0, "without a timer silence ends the leg");
}

#[test]
fn a_session_that_is_ours_to_refresh_is_refreshed_until_the_peer_no_longer_answers() {
    let mut rig = Rig::new(|_| {});
    rig.establish(&timed("Session-Expires: 600;refresher=uas\r\n"));
    let mut answered = 0;
    for _ in 0..20 {
        rig.wait(Duration::from_secs(60));
        if let Some("UPDATE") = rig.last().method() {
            let update = rig.last().clone();
            assert_eq!(update.header("Session-Expires").unwrap(), "600;refresher=uac");
            let ok = sip::Builder::reply(&update, 200, "OK", None).header("Session-Expires", "600;refresher=uac");
            rig.receive(std::str::from_utf8(ok.finish().as_bytes()).unwrap());
            rig.sent.push(Message::parse(b"SIP/2.0 200 seen\r\n\r\n").unwrap());
            answered += 1;
        }
    }
    assert_eq!((answered, rig.sessions.dialogs()), (4, 1));
    rig.wait(Duration::from_secs(600));
    assert_eq!((rig.last().method(), rig.sessions.dialogs()), (Some("BYE"), 0));

    let mut rig = Rig::new(|_| {});
    rig.establish(&timed("Session-Expires: 600;refresher=uas\r\n"));
    rig.wait(Duration::from_secs(301));
    let gone = sip::Builder::reply(rig.last(), 481, "Gone", None).finish();
    rig.receive(std::str::from_utf8(gone.as_bytes()).unwrap());
    assert_eq!((rig.last().method(), rig.sessions.dialogs()), (Some("BYE"), 0));
}

#[test]
fn a_refresh_that_has_no_way_to_go_is_tried_again_and_goes_by_the_next_connection() {
    let mut rig = Rig::new(|_| {});
    let leg = timed("Session-Expires: 1800;refresher=uas\r\nAllow: INVITE, UPDATE\r\n");
    let name = "Contact: <sip:1001@cucm.example:5061;transport=tls>";
    let invite = leg.invite(None).replace("Contact: <sip:1001@192.0.2.5:5061;transport=tls>", name);
    rig.receive(&invite);
    let answer = rig.last().clone();
    rig.receive(&leg.ack(&answer, Some(&answered(KEY))));
    rig.input(Input::FlowClosed { flow: FLOW });
    rig.now += Duration::from_secs(901);
    rig.endpoint.handle_timeout(rig.now);
    rig.sessions.handle_timeout(rig.now);
    rig.pump();
    assert!(rig.sessions.poll_timeout().unwrap() > rig.now, "it would be called again at once, for ever");
    assert!(rig.routes.is_empty());
    // The dialog's next request comes by another connection, which the refresh then takes.
    rig.open(FlowId(2), "192.0.2.5:40000");
    rig.receive_on(FlowId(2), &leg.request("INFO", 102, &tag(&answer), "1000", None));
    rig.wait(Duration::from_secs(301));
    assert_eq!((rig.last().method(), rig.routes.len()), (Some("UPDATE"), 1));
}

#[test]
fn a_lost_connection_keeps_the_dialog_and_bye_goes_or_comes_by_another() {
    let mut rig = Rig::new(|_| {});
    let near = rig.establish(&NEAR);
    rig.establish(&far());
    rig.close(FLOW);
    assert_eq!(rig.sessions.dialogs(), 2);
    rig.open(FlowId(2), "192.0.2.5:40000");
    rig.receive_on(FlowId(2), &NEAR.bye(&near, 102));
    assert_eq!((rig.last().status(), rig.sessions.dialogs()), (Some(200), 1));
    rig.input(Input::HangUp);
    assert_eq!(rig.routes, [Route::Flow(FlowId(2), Transport::Tls)]);
    assert_eq!(rig.finished.len(), 1);
}

#[test]
fn without_any_connection_bye_goes_to_the_contact() {
    let mut rig = Rig::new(|_| {});
    rig.establish(&NEAR);
    rig.input(Input::FlowClosed { flow: FLOW });
    rig.input(Input::Silent { leg: rig.media[0].0 });
    assert_eq!(rig.routes, [Route::Connect("192.0.2.5:5061".parse().unwrap(), Transport::Tls)]);
    let bye = rig.last();
    assert_eq!(bye.request_uri(), Some("sip:1001@192.0.2.5:5061;transport=tls"));
    assert_eq!(bye.from_().unwrap().tag(), Some(rig.finished[0].legs[0].local_tag.as_str()));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("inactivity"));
}

#[test]
fn silence_ends_a_leg_whose_session_timer_runs_only_where_the_configuration_says_so() {
    for (in_session, dialogs) in [(false, 1), (true, 0)] {
        let mut rig = Rig::new(|config| config.inactivity_in_session = in_session);
        let leg = timed("Session-Expires: 1800;refresher=uac\r\nAllow: INVITE, UPDATE\r\n");
        rig.establish(&leg);
        rig.input(Input::Silent { leg: rig.media[0].0 });
        assert_eq!(rig.sessions.dialogs(), dialogs, "{in_session}");
    }
}

#[test]
fn an_invite_whose_connection_was_lost_before_its_answer_may_be_sent_again() {
    for wait in [1, 4] {
        let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
        rig.receive(&NEAR.invite(None));
        rig.close(FLOW);
        rig.wait(Duration::from_secs(wait));
        assert!(rig.codes().is_empty());
        rig.open(FlowId(2), "192.0.2.5:5062");
        rig.input(Input::Storage { healthy: false });
        rig.receive_on(FlowId(2), &NEAR.invite(None));
        rig.wait(Duration::from_secs(4));
        assert_eq!(rig.codes().first(), Some(&200), "after {wait} s");
        let answer = rig.last().clone();
        rig.receive_on(FlowId(2), &NEAR.ack(&answer, Some(&answered(KEY))));
        assert_eq!((rig.sessions.dialogs(), rig.media.len(), rig.sessions.counters().invites), (1, 1, 1));
        rig.receive_on(FlowId(2), &NEAR.bye(&answer, 102));
        assert_eq!((rig.finished.len(), rig.finished[0].legs.len()), (1, 1));
    }
}

#[test]
fn a_leg_whose_invite_does_not_come_again_ends_when_the_peer_has_given_it_up() {
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.close(FLOW);
    rig.wait(Duration::from_secs(31));
    assert_eq!(rig.sessions.dialogs(), 1);
    rig.wait(Duration::from_secs(2));
    assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("connection"));
}

#[test]
fn an_answer_that_cannot_be_sent_ends_its_leg() {
    let mut rig = Rig::new(|config| config.answer_after = Duration::from_secs(3));
    rig.receive(&NEAR.invite(None));
    rig.endpoint.handle_flow_closed(rig.now, FLOW);
    rig.wait(Duration::from_secs(4));
    assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
    assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("no-ack"));
}
