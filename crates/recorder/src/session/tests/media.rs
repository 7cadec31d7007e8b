//! What is offered and answered, and which keys and codecs come of it.

use super::*;

#[test]
fn an_offerless_invite_gets_an_offer_of_every_suite_with_its_own_key() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    let first = body(rig.last());
    assert!(first.contains("m=audio 20000 RTP/SAVP 0 8\r\n") && first.contains("a=recvonly\r\n"), "{first}");
    let lines: Vec<&str> = first.lines().filter(|line| line.starts_with("a=crypto")).collect();
    let suites: Vec<&str> = lines.iter().map(|line| line.split(' ').nth(1).unwrap()).collect();
    assert_eq!(suites, ["AEAD_AES_256_GCM", "AEAD_AES_128_GCM", "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"]);
    assert!(lines.iter().zip(1..).all(|(line, tag)| line.starts_with(&format!("a=crypto:{tag} "))));
    rig.receive(&far().invite(None));
    let second = body(rig.last());
    assert!(second.contains("m=audio 20002 "));
    let mut keys: Vec<&str> =
        first.lines().chain(second.lines()).filter_map(|line| line.split("inline:").nth(1)).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 8, "no key is used twice");
    assert_eq!(rig.last().header("Contact").unwrap(), "<sip:7878@192.0.2.10:5061;transport=tls>");
    assert!(rig.last().supported().iter().all(|tag| tag != "X-cisco-srtp-fallback"), "only where it is allowed");
}

#[test]
fn plain_rtp_is_taken_only_where_both_sides_list_the_fallback() {
    let fallback = "Supported: X-cisco-srtp-fallback\r\n";
    for (policy, extra, taken) in [
        (SrtpPolicy::Fallback, fallback, true),
        (SrtpPolicy::Fallback, "", false),
        (SrtpPolicy::Required, fallback, false),
        (SrtpPolicy::Off, "", true),
    ] {
        let mut rig = Rig::new(|config| config.srtp = policy);
        let leg = Leg { extra: extra.to_owned(), ..NEAR };
        rig.receive(&leg.invite(None));
        let answer = rig.last().clone();
        rig.receive(&leg.ack(&answer, Some(&plain())));
        assert_eq!(rig.media.len(), usize::from(taken), "{policy:?} {extra}");
        assert_eq!(rig.last().method(), (!taken).then_some("BYE"), "{policy:?} {extra}");
        let offered = body(&answer).contains("RTP/SAVP");
        assert_eq!(offered, policy != SrtpPolicy::Off);
        let listed = answer.supported().iter().any(|tag| tag == "X-cisco-srtp-fallback");
        assert_eq!(listed, policy == SrtpPolicy::Fallback);
    }
}

#[test]
fn answers_that_do_not_fit_end_the_leg_by_bye() {
    let wrong = [
        sdp("RTP/SAVP", "", "0 101"),
        sdp("RTP/SAVP", "a=crypto:1 F8_128_HMAC_SHA1_80 inline:AAAA\r\n", "0"),
        answered(KEY).replace("m=audio 4000", "m=audio 0"),
        answered(KEY).replace(" 0 101", " 18").replace("rtpmap:0 PCMU", "rtpmap:18 G729"),
        "v=0\r\nthis is no sdp\r\n".to_owned(),
    ];
    for answer_sdp in wrong {
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(None));
        let answer = rig.last().clone();
        rig.receive(&NEAR.ack(&answer, Some(&answer_sdp)));
        assert_eq!(rig.last().method(), Some("BYE"), "{answer_sdp}");
        assert!(rig.media.is_empty());
        assert_eq!((rig.sessions.dialogs(), rig.finished.len()), (0, 1));
        assert_eq!(rig.finished[0].legs[0].ended_by.as_deref(), Some("recorder"));
    }
}

#[test]
fn an_early_offer_is_answered_with_its_tag_and_suite() {
    let mut rig = Rig::new(|_| {});
    let crypto = format!(
        "a=crypto:7 F8_128_HMAC_SHA1_80 inline:{KEY}\r\na=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:{KEY}|2^31\r\n"
    );
    rig.receive(&NEAR.invite(Some(&sdp("RTP/SAVP", &crypto, "0 101"))));
    let answer = rig.last().clone();
    let text = body(&answer);
    assert!(text.contains("a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:") && !text.contains(KEY), "{text}");
    assert_eq!(text.matches("a=crypto").count(), 1);
    assert!(text.contains("a=recvonly") && text.contains("m=audio 20000 RTP/SAVP 0\r\n"), "{text}");
    rig.receive(&NEAR.ack(&answer, None));
    assert_eq!((rig.media.len(), rig.sessions.counters().failed_legs), (1, 0));
}

#[test]
fn a_dynamic_payload_type_of_the_offer_is_the_one_that_is_answered_and_taken() {
    let mut rig = Rig::new(|_| {});
    let dynamic = |text: String| text.replace("rtpmap:0 PCMU", "rtpmap:97 pcmu").replace(" 0 101", " 97 101");
    rig.receive(&NEAR.invite(Some(&dynamic(answered(KEY)))));
    let text = body(rig.last());
    assert!(text.contains(" RTP/SAVP 97\r\na=rtpmap:97 PCMU/8000\r\n"), "{text}");
    assert_eq!(rig.media[0].1.formats, [(97, Codec::Pcmu)]);
    // To an offer of ours the peer should send by our number, whatever its answer says.
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    rig.receive(&NEAR.ack(&rig.last().clone(), Some(&dynamic(answered(KEY)))));
    assert_eq!(rig.media[0].1.formats, [(97, Codec::Pcmu), (0, Codec::Pcmu)]);
}

#[test]
fn a_crypto_line_that_asks_for_what_we_cannot_do_is_not_taken() {
    for parameter in ["KDR=24", "UNENCRYPTED_SRTP", "UNAUTHENTICATED_SRTP", "NONSENSE"] {
        let line = |tag, key, rest| format!("a=crypto:{tag} AES_CM_128_HMAC_SHA1_80 inline:{key} {rest}\r\n");
        let bad = line(3, KEY, parameter);
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(Some(&sdp("RTP/SAVP", &bad, "0 101"))));
        assert_eq!(rig.codes(), [488], "{parameter}: RFC 4568 6.3.7");
        let mut rig = Rig::new(|_| {});
        let both = bad.clone() + &line(7, OTHER_KEY, "WSH=128 UNENCRYPTED_SRTCP -X=1");
        rig.receive(&NEAR.invite(Some(&sdp("RTP/SAVP", &both, "0 101"))));
        assert!(body(rig.last()).contains("a=crypto:7 "), "{parameter}: the next line is taken");
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(None));
        rig.receive(&NEAR.ack(&rig.last().clone(), Some(&sdp("RTP/SAVP", &bad, "0 101"))));
        assert_eq!((rig.last().method(), rig.media.len()), (Some("BYE"), 0), "{parameter}");
    }
}

#[test]
fn an_early_offer_that_does_not_fit_gets_488() {
    for offer in [
        plain(),
        sdp("RTP/SAVP", "", "0"),
        answered(KEY).replace("rtpmap:0 PCMU", "rtpmap:0 OPUS").replace(" 0 101", " 96"),
    ] {
        let mut rig = Rig::new(|_| {});
        rig.receive(&NEAR.invite(Some(&offer)));
        assert_eq!(rig.codes(), [488], "{offer}");
        assert_eq!(rig.sessions.dialogs(), 0);
    }
}

#[test]
fn an_early_offer_of_no_stream_gets_488_and_one_that_takes_it_away_in_a_call_gets_port_0() {
    let mut rig = Rig::new(|_| {});
    let away = answered(KEY).replace("m=audio 4000", "m=audio 0");
    rig.receive(&NEAR.invite(Some(&away)));
    assert_eq!(rig.codes(), [488]);

    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&away)));
    assert!(body(rig.last()).contains("m=audio 0 RTP/SAVP "), "RFC 3264 8.2: {}", body(rig.last()));
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&answered(OTHER_KEY))));
    assert!(body(rig.last()).contains("m=audio 20000 RTP/SAVP 0\r\n"), "the stream is back: {}", body(rig.last()));
    assert_eq!((rig.sessions.dialogs(), rig.media.len()), (1, 2));
}

#[test]
fn an_answer_has_a_line_for_each_stream_of_the_offer_and_takes_the_voice_alone() {
    let mut rig = Rig::new(|_| {});
    let video = "m=video 5000 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\n";
    rig.receive(&NEAR.invite(Some(&format!("{}{video}", answered(KEY)))));
    let answer = rig.last().clone();
    let text = body(&answer);
    assert!(text.ends_with("\r\nm=video 0 RTP/AVP 97\r\n"), "RFC 3264 6: {text}");
    assert_eq!(text.matches("m=").count(), 2, "{text}");
    rig.receive(&NEAR.ack(&answer, None));
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", None));
    assert_eq!(body(rig.last()).matches("m=").count(), 2, "RFC 3264 8: no later offer has fewer");
    rig.receive(&NEAR.ack(&rig.last().clone(), Some(&answered(KEY))));
    let first = answered(KEY).replace("m=audio", &format!("{video}m=audio"));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&first)));
    let text = body(rig.last());
    assert!(text.contains("t=0 0\r\nm=video 0 RTP/AVP 97\r\nm=audio 20000 "), "{text}");
}

#[test]
fn a_call_on_hold_is_resumed_by_an_invite_without_sdp() {
    for hold in [answered(KEY).replace("a=sendonly", "a=inactive"), answered(KEY).replace("audio 4000", "audio 0")] {
        let mut rig = Rig::new(|_| {});
        let answer = rig.establish(&NEAR);
        rig.receive(&NEAR.request("UPDATE", 102, &tag(&answer), "1000", Some(&hold)));
        rig.receive(&NEAR.request("INVITE", 103, &tag(&answer), "1000", None));
        let text = body(rig.last());
        assert!(text.contains("a=recvonly\r\n") && text.contains("m=audio 20000 "), "{text}");
    }
}

#[test]
fn a_refresh_keeps_port_key_and_version() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let offered = body(&answer);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&answered(KEY))));
    let first = body(rig.last());
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&answered(KEY))));
    let second = body(rig.last());
    assert_eq!(first, second, "nothing changed, so nothing may look changed");
    let key = offered.lines().find(|line| line.contains("SHA1_80")).unwrap().split("inline:").nth(1).unwrap();
    assert!(first.contains(key) && first.contains("m=audio 20000 "), "{first}");
    rig.receive(&NEAR.request("UPDATE", 104, &tag(&answer), "1000", None));
    assert_eq!((rig.last().status(), rig.last().body().len()), (Some(200), 0));
    assert_eq!(rig.codes(), [200; 4]);
}

#[test]
fn a_reinvite_may_change_the_key_and_one_without_sdp_gets_the_offer_again() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", None));
    let again = rig.last().clone();
    assert_eq!(body(&again), body(&answer));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&answered(KEY))));
    rig.receive(&NEAR.request("INVITE", 104, &tag(&answer), "1000", None));
    assert_eq!(rig.last().status(), Some(491), "an INVITE is open");
    rig.receive(&NEAR.ack(&again, Some(&answered(OTHER_KEY))));
    let last = rig.media.last().unwrap();
    assert!(
        matches!(&last.1.protection, Protection::Srtp(crypto) if crypto.master_key().unwrap().to_inline() == OTHER_KEY)
    );
}

#[test]
fn a_reinvite_without_sdp_is_offered_all_that_the_recorder_can_do_and_not_what_was_agreed_on_alone() {
    let mut rig = Rig::new(|_| {});
    let crypto = format!("a=crypto:9 AES_CM_128_HMAC_SHA1_32 inline:{KEY}\r\n");
    rig.receive(&NEAR.invite(Some(&sdp("RTP/SAVP", &crypto, "0 101"))));
    let answer = rig.last().clone();
    let own = body(&answer).split("a=crypto:").nth(1).unwrap().to_owned();
    rig.receive(&NEAR.ack(&answer, None));
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", None));
    let again = rig.last().clone();
    let text = body(&again);
    assert!(text.contains("m=audio 20000 RTP/SAVP 0 8"), "the agreed codec first: {text}");
    let lines: Vec<&str> = text.split("a=crypto:").skip(1).collect();
    assert_eq!(lines[0], own, "its key stays");
    assert!(lines.len() > 1 && lines[1].starts_with("10 "), "a tag stands for one line: {text}");
    assert!(text.contains(" 3 IN IP4 "), "{text}");
    let pcma = answered(KEY).replace("a=crypto:3", "a=crypto:12").replace("rtpmap:0 PCMU", "rtpmap:8 PCMA");
    let pcma = pcma.replace(" 0 101", " 8 101");
    rig.receive(&NEAR.ack(&again, Some(&pcma)));
    assert_eq!(rig.media.last().unwrap().1.formats, [(8, Codec::Pcma)]);
    assert_ne!(rig.last().method(), Some("BYE"));
}

#[test]
fn an_update_may_not_bring_an_offer_while_ours_has_no_answer_nor_make_us_forget_that_we_wait() {
    let mut rig = Rig::new(|_| {});
    rig.receive(&NEAR.invite(None));
    let answer = rig.last().clone();
    rig.receive(&NEAR.request("UPDATE", 102, &tag(&answer), "1000", Some(&answered(KEY))));
    assert_eq!(rig.last().status(), Some(491), "RFC 3311 5.2");
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", None));
    assert_eq!(rig.last().status(), Some(200));
    assert!(rig.media.is_empty());
    let gcm = "a=crypto:2 AEAD_AES_128_GCM inline:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHA==\r\n";
    rig.receive(&NEAR.ack(&answer, Some(&sdp("RTP/SAVP", gcm, "0 101"))));
    assert_eq!((rig.sessions.dialogs(), rig.media.len()), (1, 1));
    assert_ne!(rig.last().method(), Some("BYE"), "{:?}", rig.last().header("Reason"));
}

#[test]
fn a_hold_is_answered_inactive_and_an_offer_that_does_not_fit_changes_nothing() {
    let mut rig = Rig::new(|_| {});
    let answer = rig.establish(&NEAR);
    let hold = answered(KEY).replace("a=sendonly", "a=inactive");
    rig.receive(&NEAR.request("INVITE", 102, &tag(&answer), "1000", Some(&hold)));
    assert!(body(rig.last()).contains("a=inactive"));
    rig.receive(&NEAR.ack(&rig.last().clone(), None));
    rig.receive(&NEAR.request("UPDATE", 103, &tag(&answer), "1000", Some(&plain())));
    assert_eq!(rig.last().status(), Some(488));
    assert_eq!((rig.sessions.dialogs(), rig.media.len()), (1, 2));
}
