//! One call, and the registration: what is said, offered and taken.

use super::*;

#[test]
fn a_dialled_call_is_the_invite_of_the_capture_line_by_line() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.command(Command::Dial("1001".into())).unwrap();
    assert_like(&rig.last(), "01", PHONE_A);
    assert!(matches!(rig.orders.as_slice(), [MediaOrder::Open { .. }]), "{:?}", rig.orders);
}

#[test]
fn an_answered_call_is_the_200_of_the_capture_line_by_line() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&trace("02"));
    assert!(rig.last().starts_with("SIP/2.0 180 Ringing\r\n"));
    assert_eq!(rig.machine.status().call, CallState::Ringing);
    assert_eq!(rig.events.last(), Some(&PhoneEvent::Ringing { from: "1000".into() }));
    rig.command(Command::Answer).unwrap();
    assert_like(&rig.last(), "03", PHONE_B);
}

#[test]
fn an_encrypted_phone_offers_its_suites_after_the_bandwidth_and_before_the_codecs() {
    let mut rig = Rig::new(PHONE_A, &Suite::ALL);
    rig.command(Command::Dial("1001".into())).unwrap();
    let invite = rig.last();
    let lines: Vec<_> = invite.lines().skip_while(|line| !line.starts_with("m=")).collect();
    assert!(lines[0].contains(" RTP/SAVP 114 9 "));
    assert!(lines[1].starts_with("c=") && lines[2].starts_with("b=TIAS:"));
    for (at, suite) in Suite::ALL.iter().enumerate() {
        assert!(
            lines[3 + at].starts_with(&format!("a=crypto:{} {} inline:", at + 1, suite.name())),
            "{}",
            lines[3 + at]
        );
        assert!(!lines[3 + at].contains('|'));
    }
    assert!(lines[7].starts_with("a=rtpmap:114 "));
}

#[test]
fn an_old_phone_offers_one_line_with_the_short_tag() {
    let mut rig = Rig::new(PHONE_A, &OLD_SUITES);
    rig.command(Command::Dial("1001".into())).unwrap();
    let lines: Vec<_> = rig.last().lines().filter(|line| line.starts_with("a=crypto")).map(str::to_owned).collect();
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("a=crypto:1 AES_CM_128_HMAC_SHA1_32 inline:"));
}

#[test]
fn an_answer_keeps_tag_and_suite_and_each_side_sends_under_its_own_key() {
    let rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 2));
    assert!(rig.machine.status().secured);
    let Some(MediaOrder::SetMain { terms, .. }) =
        rig.orders.iter().rev().find(|order| matches!(order, MediaOrder::SetMain { .. }))
    else {
        panic!("{:?}", rig.orders)
    };
    let own = terms.send.as_ref().unwrap().key.as_ref().unwrap();
    let (suite, peer) = terms.receive.as_ref().unwrap();
    assert_eq!((own.suite, *suite, own.tag), (Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_80, 3));
    assert_ne!(own.key.fingerprint(), peer.fingerprint());
}

#[test]
fn an_answer_in_rtp_is_taken_as_the_fallback() {
    let rig = Rig::in_call(&Suite::ALL, avp);
    assert!(!rig.machine.status().secured);
    assert_eq!(
        rig.events.last(),
        Some(&PhoneEvent::Connected { call_id: "34241a00-d6514bed-327f-526300e@10.48.38.5".into(), suite: None })
    );
}

#[test]
fn an_answer_with_another_tag_is_refused_and_nothing_is_sent() {
    let rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0).replace("a=crypto:1 ", "a=crypto:9 "));
    assert!(!rig.orders.iter().any(|order| matches!(order, MediaOrder::SetMain { .. })));
    assert!(
        matches!(rig.events.iter().find(|event| matches!(event, PhoneEvent::Problem(_))), Some(PhoneEvent::Problem(why)) if why.contains("a=crypto:9"))
    );
}

#[test]
fn a_caller_hears_ringing_then_talks_and_hangs_up() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.command(Command::Dial("1001".into())).unwrap();
    let invite = rig.last();
    let contact = "Contact: <sip:1001@10.48.38.5:5060;transport=tcp>\r\n";
    rig.receive(&answer_to(&invite, "180 Ringing", contact, ""));
    assert_eq!(rig.machine.status().call, CallState::RingingBack);
    let info =
        "Call-Info: <urn:x-cisco-remotecc:callinfo>; security= Encrypted; orientation= to; gci= 1-2029; isVoip\r\n";
    rig.receive(&answer_to(&invite, "200 OK", &format!("{contact}{info}"), AVP_ANSWER));
    assert_eq!(rig.machine.status().security, Security::Encrypted);
    assert!(rig.last().starts_with("ACK sip:1001@10.48.38.5:5060;transport=tcp SIP/2.0\r\n"), "{}", rig.last());
    assert!(matches!(rig.orders.last(), Some(MediaOrder::SetMain { .. })));
    rig.command(Command::HangUp).unwrap();
    assert!(rig.last().starts_with("BYE sip:1001@10.48.38.5:5060;transport=tcp SIP/2.0\r\n"));
    assert_eq!(header(&rig.last(), "CSeq"), "102 BYE");
    assert!(matches!(rig.orders.last(), Some(MediaOrder::Close { .. })));
    assert_eq!(rig.machine.status().call, CallState::Idle);
}

#[test]
fn a_call_cancelled_while_it_rings_is_answered_with_487() {
    let mut rig = Rig::new(PHONE_B, &[]);
    rig.receive(&trace("02"));
    let mut cancel = trace("02").replace("INVITE sip:", "CANCEL sip:").replace("CSeq: 101 INVITE", "CSeq: 101 CANCEL");
    cancel = cancel.lines().filter(|line| !line.starts_with("Require")).collect::<Vec<_>>().join("\r\n") + "\r\n\r\n";
    rig.receive(&cancel);
    assert!(rig.sent.iter().any(|text| text.starts_with("SIP/2.0 487 ")), "{:?}", rig.sent);
    assert_eq!(rig.machine.status().call, CallState::Idle);
}

#[test]
fn hold_stops_our_voice_at_once_and_resume_brings_a_new_key() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let key_of = |orders: &[MediaOrder]| match orders.last() {
        Some(MediaOrder::SetMain { terms, .. }) => {
            terms.send.as_ref().and_then(|send| send.key.as_ref()).map(|own| own.key.fingerprint())
        }
        other => panic!("{other:?}"),
    };
    let talking = key_of(&rig.orders).unwrap();
    rig.command(Command::Hold).unwrap();
    assert_eq!(key_of(&rig.orders), None);
    let invite = rig.last();
    assert!(invite.contains("a=sendonly\r\n"), "{invite}");
    rig.receive(&answer_to(
        &invite,
        "200 OK",
        "Contact: <sip:1000@10.48.38.5:5060>\r\n",
        &savp(&invite, 0).replace("a=fmtp:101", "a=recvonly\r\na=fmtp:101"),
    ));
    assert_eq!(rig.machine.status().call, CallState::Held);
    rig.command(Command::Resume).unwrap();
    let invite = rig.last();
    assert!(invite.contains("a=sendrecv\r\n"));
    rig.receive(&answer_to(&invite, "200 OK", "Contact: <sip:1000@10.48.38.5:5060>\r\n", &savp(&invite, 0)));
    let resumed = key_of(&rig.orders).unwrap();
    assert_ne!(talking, resumed);
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn a_refused_registration_says_what_cucm_said() {
    let mut rig = Rig::new(PHONE_A, &[]);
    rig.pass(Duration::from_secs(115));
    let refusal = answer_to(&rig.last(), "403 Forbidden", "Warning: 399 cucm \"device security mode\"\r\n", "");
    rig.receive(&refusal);
    let Some(PhoneEvent::Unregistered { why }) = rig.events.last() else { panic!("{:?}", rig.events) };
    assert!(why.contains("403 Forbidden") && why.contains("device security mode"), "{why}");
    assert!(!rig.machine.status().registered);
}
