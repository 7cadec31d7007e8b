//! Re-INVITEs of our own: a leg that pauses and goes on, and requests that cross.

use super::*;
use crate::session::Deed;

/// A leg that stands; gives its 200.
fn standing() -> (Rig, Message) {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    (rig, answer)
}

fn ask(rig: &mut Rig, deed: Deed) -> Message {
    rig.input(Input::Deed { deed, side: None });
    rig.last().clone()
}

/// CUCM's answer to a request of ours.
fn reply(rig: &mut Rig, request: &Message, code: u16, body: Option<&str>) {
    let reply = sip::Builder::reply(request, code, "Answer", None);
    let reply = match body {
        Some(body) => reply.body("application/sdp", body.as_bytes()),
        None => reply,
    };
    let text = String::from_utf8(reply.finish().as_bytes().to_vec()).unwrap();
    rig.receive(&text);
}

#[test]
fn a_pause_is_offered_acknowledged_and_taken_back_under_one_key() {
    let (mut rig, answer) = standing();
    let offered = body(&answer);
    let pause = ask(&mut rig, Deed::Pause);
    assert_eq!((pause.method(), pause.cseq().unwrap().number), (Some("INVITE"), 101));
    assert_eq!(body(&pause).replace("inactive", "recvonly").replace(" 2 IN", " 1 IN"), offered);
    reply(&mut rig, &pause, 200, Some(&answered(KEY).replace("sendonly", "inactive")));
    let ack = rig.last().clone();
    assert_eq!((ack.method(), ack.cseq().unwrap().number, ack.body().len()), (Some("ACK"), 101, 0));
    assert_eq!(rig.media.len(), 2);
    let resume = ask(&mut rig, Deed::Resume);
    assert_eq!(body(&resume).replace(" 3 IN", " 1 IN"), offered);
    reply(&mut rig, &resume, 200, Some(&answered(OTHER_KEY)));
    assert_eq!((rig.last().method(), rig.media.len()), (Some("ACK"), 3));
    let Protection::Srtp(crypto) = &rig.media[2].1.protection else { panic!("SRTP was agreed") };
    assert_eq!(crypto.keys[0].key.as_ref().unwrap().to_inline(), OTHER_KEY, "the phone's new key counts");
}

#[test]
fn what_is_asked_for_while_a_reinvite_is_out_waits_for_its_answer() {
    for (code, answer) in [(200, Some(answered(KEY))), (488, None)] {
        let (mut rig, _) = standing();
        let resume = ask(&mut rig, Deed::Resume);
        let sent = rig.sent.len();
        rig.input(Input::Deed { deed: Deed::Pause, side: None });
        assert_eq!(rig.sent.len(), sent, "one INVITE at a time");
        reply(&mut rig, &resume, code, answer.as_deref());
        let pause = rig.last().clone();
        assert_eq!((pause.method(), pause.cseq().unwrap().number), (Some("INVITE"), 102), "{code}");
        assert!(body(&pause).contains("a=inactive"), "{code}");
    }
    // Of what crossed something else the last word counts.
    let (mut rig, _) = standing();
    let resume = ask(&mut rig, Deed::Resume);
    rig.input(Input::Deed { deed: Deed::Pause, side: None });
    reply(&mut rig, &resume, 491, None);
    rig.wait(Duration::from_secs(2));
    assert!(body(rig.last()).contains("a=inactive"));
}

#[test]
fn a_2xx_that_comes_again_gets_its_ack_again() {
    let (mut rig, _) = standing();
    let pause = ask(&mut rig, Deed::Pause);
    for _ in 0..2 {
        reply(&mut rig, &pause, 200, Some(&answered(KEY)));
    }
    assert_eq!(rig.sent.iter().filter(|message| message.method() == Some("ACK")).count(), 2);
}

#[test]
fn requests_that_cross_are_both_refused_and_ours_is_tried_again_within_two_seconds() {
    let (mut rig, answer) = standing();
    let pause = ask(&mut rig, Deed::Pause);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&answered(KEY))));
    assert_eq!(rig.last().status(), Some(491));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", None));
    assert_eq!(rig.last().status(), Some(200), "without an offer nothing crosses");
    reply(&mut rig, &pause, 491, None);
    assert_eq!(rig.last().method(), Some("ACK"));
    rig.wait(Duration::from_secs(2));
    let again = rig.last().clone();
    assert_eq!((again.method(), again.cseq().unwrap().number), (Some("INVITE"), 102));
    assert_eq!(again.body(), pause.body());
}

#[test]
fn a_refusal_leaves_what_stood_and_no_answer_ends_the_leg() {
    let (mut rig, _) = standing();
    let pause = ask(&mut rig, Deed::Pause);
    reply(&mut rig, &pause, 488, None);
    rig.wait(Duration::from_secs(60));
    assert!(rig.closed.is_empty() && rig.media.len() == 1);
    let (mut rig, _) = standing();
    ask(&mut rig, Deed::Pause);
    rig.wait(Duration::from_secs(40));
    assert_eq!(rig.closed.len(), 1);
    let (mut rig, _) = standing();
    let pause = ask(&mut rig, Deed::Pause);
    reply(&mut rig, &pause, 481, None);
    assert_eq!(rig.closed.len(), 1);
}

#[test]
fn while_an_offer_of_ours_waits_for_its_answer_no_other_is_made() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    let answer = rig.last().clone();
    rig.input(Input::Deed { deed: Deed::Pause, side: None });
    assert_eq!(rig.last().status(), Some(200), "the first answer has no ACK yet");
    rig.receive(&NEAR.ack(&answer, Some(&answered(KEY))));
    rig.wait(Duration::from_secs(1));
    assert_eq!(rig.last().method(), Some("INVITE"));
}

#[test]
fn one_side_alone_hangs_up_if_it_is_asked_to() {
    let (mut rig, _) = standing();
    rig.establish(&far());
    rig.input(Input::Deed { deed: Deed::HangUp, side: Some(Side::Far) });
    let bye = rig.last().clone();
    assert_eq!((bye.method(), bye.call_id().unwrap().as_str()), (Some("BYE"), "far@192.0.2.5"));
    assert_eq!(rig.sessions.dialogs(), 1);
}

#[test]
fn the_session_is_ours_to_refresh_where_that_is_left_open_and_a_short_one_is_refused() {
    let timed = |lines: &str| Leg { extra: format!("Supported: timer\r\n{lines}\r\n"), ..NEAR };
    let mut rig = Rig::new(|config| {
        config.refreshes = true;
        config.min_session = Duration::from_secs(3600);
    });
    rig.receive(&timed("Session-Expires: 1800").invite(None));
    assert_eq!((rig.last().status(), rig.last().min_se().unwrap()), (Some(422), Some(3600)));
    let longer = Leg { call: "again", ..timed("Session-Expires: 3600") };
    let answer = rig.establish(&longer);
    assert_eq!(answer.header("Session-Expires").unwrap(), "3600;refresher=uas");
    rig.wait(Duration::from_secs(1800));
    assert_eq!(rig.last().method(), Some("UPDATE"));
}

#[test]
fn what_we_have_stopped_stays_so_in_answers_and_offers_until_we_have_it_go_on() {
    let (mut rig, answer) = standing();
    let pause = ask(&mut rig, Deed::Pause);
    reply(&mut rig, &pause, 200, Some(&answered(KEY).replace("sendonly", "inactive")));
    // CUCM offers another key.
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&answered(OTHER_KEY))));
    assert!(body(rig.last()).contains("a=inactive"), "{}", body(rig.last()));
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    // CUCM asks for an offer.
    rig.receive(&NEAR.request("INVITE", 103, &tag(&answer), "1000", None));
    assert!(body(rig.last()).contains("a=inactive"), "{}", body(rig.last()));
    rig.receive(&NEAR.ack(&rig.last().clone(), Some(&answered(KEY).replace("sendonly", "inactive"))));
    let resume = ask(&mut rig, Deed::Resume);
    assert!(body(&resume).contains("a=recvonly"));
    reply(&mut rig, &resume, 200, Some(&answered(KEY)));
    rig.receive(&NEAR.request("INVITE", 104, &tag(&answer), "1000", Some(&answered(OTHER_KEY))));
    assert!(body(rig.last()).contains("a=recvonly"));
}
