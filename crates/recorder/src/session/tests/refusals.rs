//! Requests that are refused, and messages that are no such thing.

use super::*;

#[test]
fn invites_that_cannot_be_taken_are_refused_by_the_right_code() {
    let refused = |change: fn(&mut Config), text: String| {
        let mut rig = Rig::new(change);
        rig.receive(&text);
        assert_eq!((rig.sessions.legs(), rig.finished.len()), (0, 0));
        rig.codes()
    };
    assert_eq!(refused(|_| {}, Leg { user: "1234", ..NEAR }.invite(None)), [404]);
    let extra = |line: &str| Leg { extra: format!("{line}\r\n"), ..NEAR }.invite(None);
    assert_eq!(refused(|_| {}, extra("Require: teleport")), [420]);
    assert_eq!(refused(|_| {}, extra("Supported: timer\r\nSession-Expires: 30")), [422]);
    let odd = NEAR.invite(Some("hello")).replace("application/sdp", "text/plain");
    assert_eq!(refused(|_| {}, odd), [415]);
    assert_eq!(refused(|_| {}, NEAR.invite(Some("v=0\r\nnonsense"))), [488]);
}

#[test]
fn full_means_503_but_the_second_leg_of_a_running_call_is_taken() {
    let mut rig = Rig::new(|config| config.max_sessions = 1);
    rig.receive(&NEAR.invite(None));
    rig.receive(&Leg { refci: 99, call: "other", ..NEAR }.invite(None));
    rig.receive(&far().invite(None));
    assert_eq!(rig.codes(), [200, 503, 200]);
}

#[test]
fn a_full_disk_is_told_to_invite_and_options_alike() {
    let options = "OPTIONS sip:192.0.2.10:5061 SIP/2.0\r\nVia: SIP/2.0/TLS 192.0.2.5:5061;branch=z9hG4bKo1\r\n\
        From: <sip:192.0.2.5>;tag=471242191\r\nTo: <sip:192.0.2.10>\r\nCall-ID: o@192.0.2.5\r\nCSeq: 101 OPTIONS\r\n\
        Contact: <sip:192.0.2.5:5061;transport=tls>\r\nMax-Forwards: 0\r\nContent-Length: 0\r\n\r\n";
    let mut rig = Rig::new(|_| {});
    rig.receive(options);
    assert_eq!(rig.codes(), [200], "Max-Forwards 0 is no reason to refuse");
    rig.input(Input::Storage { healthy: false });
    rig.receive(&options.replace("o1", "o2").replace("101", "102"));
    rig.receive(&NEAR.invite(None));
    assert_eq!(rig.codes(), [200, 503, 503]);
}

#[test]
fn an_invite_by_two_ways_is_a_loop_and_a_repeat_is_answered_the_same() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    rig.receive(&NEAR.invite(None));
    assert_eq!(rig.sessions.legs(), 1, "a repeat is no new call");
    rig.receive(&NEAR.invite(None).replace("z9hG4bK", "z9hG4bKother"));
    assert_eq!(rig.codes().last(), Some(&482));
}

#[test]
fn other_requests_get_their_codes() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let tag = tag(&answer);
    for (cseq, method, expected) in
        [(102, "INFO", 200), (103, "NOTIFY", 489), (104, "SUBSCRIBE", 489), (105, "PRACK", 481), (106, "REFER", 405)]
    {
        rig.receive(&NEAR.request(method, cseq, &tag, "1000", None));
        assert_eq!(rig.last().status(), Some(expected), "{method}");
    }
    rig.receive(&NEAR.request("UPDATE", 50, &tag, "1000", None));
    assert_eq!(rig.last().status(), Some(500), "an old CSeq");
    let other = Leg { call: "nobody", ..NEAR };
    for (method, to, expected) in [
        ("BYE", "unknown", 481),
        ("BYE", "", 481),
        ("MESSAGE", "", 405),
        ("SUBSCRIBE", "", 489),
        ("PING", "", 501),
        ("INVITE", "unknown", 481),
    ] {
        rig.receive(&other.request(method, 7, to, "1000", None));
        assert_eq!(rig.last().status(), Some(expected), "{method} {to}");
    }
    assert_eq!(rig.sessions.dialogs(), 1);
}

#[test]
fn no_port_means_503_and_no_leg() {
    let mut rig = Rig::new(|_| {});
    let message = Message::parse(NEAR.invite(None).as_bytes()).unwrap();
    rig.endpoint.handle_message(rig.now, FLOW, Transport::Tls, message);
    let Some(sip::Output::Event(event)) = rig.endpoint.poll_output() else { panic!("no request") };
    rig.sessions.handle_input(rig.now, Input::Sip(event));
    while let Some(output) = rig.sessions.poll_output() {
        if let Output::Bind { leg, .. } = output {
            rig.sessions.handle_input(rig.now, Input::NoPort { leg, why: "all in use".into() });
        } else {
            rig.perform(output);
        }
    }
    rig.pump();
    assert_eq!((rig.codes(), rig.sessions.legs()), (vec![503], 0));
}

#[test]
fn random_messages_never_panic_and_leave_nothing_open() {
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let texts = [
        NEAR.invite(None),
        far().invite(Some(&answered(KEY))),
        NEAR.ack(&answer, Some(&answered(KEY))),
        NEAR.request("UPDATE", 102, &tag(&answer), "1000", Some(&answered(OTHER_KEY))),
        NEAR.bye(&answer, 103),
        String::from_utf8(answer.as_bytes().to_vec()).unwrap(),
    ];
    for _ in 0..4000 {
        let mut bytes = texts[rng.next_u32() as usize % texts.len()].clone().into_bytes();
        for _ in 0..=rng.next_u32() % 5 {
            let at = rng.next_u32() as usize % bytes.len();
            match rng.next_u32() % 4 {
                0 => bytes[at] = rng.next_u32() as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\r\n;:<>@\"0"[rng.next_u32() as usize % 9]),
                _ => {
                    let end = (at + 40).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        if let Ok(message) = Message::parse(&bytes) {
            rig.endpoint.handle_message(rig.now, FLOW, Transport::Tls, message);
            rig.pump();
        }
    }
    rig.input(Input::HangUp);
    rig.wait(Duration::from_secs(70));
    assert_eq!((rig.sessions.dialogs(), rig.sessions.legs(), rig.sessions.recordings()), (0, 0, 0));
    assert_eq!(rig.endpoint.active(), 0);
}
