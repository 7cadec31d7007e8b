//! What CUCM's re-INVITEs do to the media: refreshed, paused, and given another far end.

use super::*;
use crate::talk::Opening;

/// CUCM's re-INVITE of the call of the captures.
fn reinvite(rig: &Rig, cseq: u32, body: &str) -> String {
    let tag = rig.machine.calls[0].local_tag.clone();
    let head = trace("02")
        .replace("CSeq: 101", &format!("CSeq: {cseq}"))
        .replace("z9hG4bK32e829c48246", &format!("z9hG4bKre{cseq}"));
    let kind = if body.is_empty() { "" } else { "\r\nContent-Type: application/sdp" };
    let head = set_length(head.trim_end(), body.len());
    with_to_tag(&format!("{head}{kind}\r\n\r\n{body}"), &tag)
}

/// What the media was last told to send.
fn sending(rig: &Rig) -> &Opening {
    match rig.orders.last() {
        Some(MediaOrder::SetMain { terms, .. }) => terms.send.as_ref().unwrap(),
        other => panic!("{other:?}"),
    }
}

fn crypto(text: &str) -> Option<String> {
    text.lines().find(|line| line.starts_with("a=crypto:1 ")).map(str::to_owned)
}

/// The offer of a phone elsewhere: its own address, port and key.
fn elsewhere(offer: &str) -> String {
    savp(&format!("{offer} "), 0).replace("10.48.38.102", "10.48.38.200").replace("17904", "18000")
}

#[test]
fn another_far_end_is_another_stream_under_another_key() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let offer = rig.sent.iter().find(|text| text.contains("a=crypto:1 ")).unwrap().clone();
    let before = sending(&rig).clone();
    rig.receive(&reinvite(&rig, 102, &elsewhere(&offer)));
    let answer = rig.last();
    rig.receive(&ack_to(&answer, ""));
    let after = sending(&rig);
    assert_eq!(after.remote.to_string(), "10.48.38.200:18000");
    assert_ne!(after.ssrc, before.ssrc);
    let key = |opening: &Opening| opening.key.as_ref().unwrap().key.fingerprint();
    assert_ne!(key(after), key(&before));
    // The key that is used is the one that was announced.
    assert!(crypto(&answer).unwrap().ends_with(&after.key.as_ref().unwrap().key.to_inline()));
}

#[test]
fn another_codec_is_another_stream() {
    let mut rig = Rig::in_call(&[], avp);
    let before = sending(&rig).clone();
    rig.receive(&reinvite(&rig, 102, &AVP_ANSWER.replace(" 0 101\r\n", " 8 101\r\n").replace("0 PCMU", "8 PCMA")));
    assert!(rig.last().contains("RTP/AVP 8 101\r\n"), "{}", rig.last());
    rig.receive(&ack_to(&rig.last(), ""));
    assert_eq!(sending(&rig).codec, media::codec::Codec::Pcma);
    assert_ne!(sending(&rig).ssrc, before.ssrc);
}

#[test]
fn cucms_delayed_offer_takes_the_answer_of_its_ack() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let before = sending(&rig).clone();
    rig.receive(&reinvite(&rig, 102, ""));
    let offer = rig.last();
    assert!(offer.starts_with("SIP/2.0 200 OK") && offer.contains("a=sendrecv\r\n"), "{offer}");
    rig.receive(&ack_to(&offer, &elsewhere(&offer)));
    assert_eq!(sending(&rig).remote.to_string(), "10.48.38.200:18000");
    assert_ne!(sending(&rig).ssrc, before.ssrc);
}

#[test]
fn a_held_call_offers_to_send_nothing_and_stays_held_through_cucms_reinvites() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::Hold).unwrap();
    rig.accept(AVP_ANSWER);
    rig.receive(&reinvite(&rig, 102, &AVP_ANSWER.replace("a=fmtp:101", "a=inactive\r\na=fmtp:101")));
    assert!(rig.last().contains("a=inactive\r\n"), "{}", rig.last());
    rig.receive(&ack_to(&rig.last(), ""));
    rig.receive(&reinvite(&rig, 103, ""));
    assert!(rig.last().contains("a=sendonly\r\n"), "{}", rig.last());
    rig.receive(&ack_to(&rig.last(), AVP_ANSWER));
    assert_eq!(rig.machine.status().call, CallState::Held);
    let sends = |order: &&MediaOrder| matches!(order, MediaOrder::SetMain { terms, .. } if terms.send.is_some());
    assert_eq!(rig.orders.iter().filter(sends).count(), 1);
}

#[test]
fn a_hold_that_meets_cucms_reinvite_is_tried_again() {
    let mut rig = Rig::in_call(&[], avp);
    rig.command(Command::Hold).unwrap();
    let hold = rig.last();
    rig.receive(&reinvite(&rig, 102, AVP_ANSWER));
    assert!(rig.last().starts_with("SIP/2.0 491 "), "{}", rig.last());
    rig.receive(&answer_to(&hold, "491 Request Pending", "", ""));
    assert_eq!(rig.machine.status().call, CallState::Held);
    rig.pass(Duration::from_secs(2));
    let again = rig.last();
    assert!(again.starts_with("INVITE ") && header(&again, "Call-Info") == header(&hold, "Call-Info"), "{again}");
    assert_ne!(header(&again, "CSeq"), header(&hold, "CSeq"));
    rig.accept(AVP_ANSWER);
    assert_eq!(rig.machine.status().call, CallState::Held);
    assert!(!rig.events.iter().any(|event| matches!(event, PhoneEvent::Problem(_))), "{:?}", rig.events);
}

#[test]
fn cucms_reinvite_with_the_same_media_changes_nothing_and_with_other_media_brings_a_new_key() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let offer = rig.sent.iter().find(|text| text.contains("a=crypto:1 ")).unwrap().clone();
    let orders = rig.orders.len();
    rig.receive(&reinvite(&rig, 102, &savp(&offer, 0)));
    let answer = rig.last();
    assert!(answer.starts_with("SIP/2.0 200 OK") && answer.contains("o=Cisco-SIPUA "), "{answer}");
    assert_eq!(crypto(&answer), crypto(&offer));
    rig.receive(&ack_to(&answer, ""));
    assert_eq!(rig.orders.len(), orders);
    // Held by the other side: silence. Taken back: a new key.
    rig.receive(&reinvite(&rig, 103, &savp(&offer, 0).replace("a=fmtp:101", "a=inactive\r\na=fmtp:101")));
    assert!(rig.last().contains("a=inactive\r\n"));
    rig.receive(&ack_to(&rig.last(), ""));
    assert!(matches!(rig.orders.last(), Some(MediaOrder::SetMain { terms, .. }) if terms.send.is_none()));
    rig.receive(&reinvite(&rig, 104, &savp(&offer, 0)));
    assert_ne!(crypto(&rig.last()), crypto(&offer));
    rig.receive(&ack_to(&rig.last(), ""));
    assert!(matches!(rig.orders.last(), Some(MediaOrder::SetMain { terms, .. }) if terms.send.is_some()));
    // An old request is refused.
    rig.receive(&reinvite(&rig, 103, &savp(&offer, 0)).replace("z9hG4bKre103", "z9hG4bKold"));
    assert!(rig.last().starts_with("SIP/2.0 500 "));
}
