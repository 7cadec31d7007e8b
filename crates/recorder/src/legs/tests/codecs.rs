//! What is audio of the agreed codec, and from when on.

use super::*;

/// As [`packet`], of another payload type.
fn of_type(payload_type: u8, ssrc: u32, sequence: u16, fill: u8) -> Vec<u8> {
    let mut bytes = packet(ssrc, sequence, fill);
    bytes[1] = payload_type;
    bytes
}

#[test]
fn packets_that_come_before_their_codec_is_agreed_on_are_stored_when_it_is() {
    let mut rig = Rig::new(Fault::None);
    rig.plain();
    rig.receive(&packet(7, 100, 1), PHONE);
    for sequence in 101..=103 {
        rig.receive(&of_type(8, 7, sequence, 2), PHONE);
    }
    rig.receive(&of_type(101, 7, 104, 3), PHONE);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (1, 4));
    rig.agree_on(8, Codec::Pcma);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (4, 1), "keys are no audio");
    rig.receive(&of_type(8, 7, 105, 4), PHONE);
    assert_eq!(rig.stored(), [(100, 1), (101, 2), (102, 2), (103, 2), (105, 4)]);
}

#[test]
fn packets_of_no_codec_are_kept_for_a_while_and_in_bounds() {
    let mut rig = Rig::new(Fault::None);
    rig.plain();
    rig.receive(&of_type(8, 7, 0, 2), PHONE);
    rig.now += Duration::from_secs(6);
    for sequence in 1..=100 {
        rig.receive(&of_type(8, 7, sequence, 2), PHONE);
    }
    rig.agree_on(8, Codec::Pcma);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (100, 1), "what came long before is not of it");
    for sequence in 101..1101 {
        rig.now -= Duration::from_millis(19);
        rig.receive(&of_type(9, 7, sequence, 2), PHONE);
    }
    rig.agree_on(9, Codec::Pcmu);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (356, 745));
}

#[test]
fn telephone_events_and_comfort_noise_are_not_audio() {
    let mut rig = Rig::new(Fault::None);
    rig.plain();
    let mut event = packet(7, 1, 1);
    event[1] = 101;
    rig.receive(&event, PHONE);
    rig.receive(&packet(7, 2, 2), PHONE);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (1, 1));
}

#[test]
fn a_payload_of_more_than_200_ms_is_no_sound() {
    let (mut rig, mut phone) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::None);
    for (sequence, more) in [(1, 1440), (2, 1441)] {
        let mut plain = packet(7, sequence, 1);
        plain.resize(plain.len() + more, 1);
        rig.receive(&seal(&mut phone, &plain), PHONE);
    }
    assert_eq!((rig.stored(), rig.counts().malformed), (vec![(1, 1)], 1));
}

#[test]
fn a_dynamic_payload_type_is_stored_as_the_codec_it_stands_for() {
    let mut rig = Rig::new(Fault::None);
    let media = Media { formats: vec![(97, Codec::Pcma)], protection: Protection::Plain, source: None };
    rig.receiver.listen(rig.now, &media, &mut rig.out);
    for (sequence, payload_type) in [(1, 97), (2, 8)] {
        let mut sent = packet(7, sequence, 1);
        sent[1] = payload_type;
        rig.receive(&sent, PHONE);
    }
    let journal = journal::read(&rig.out).unwrap();
    let types: Vec<u8> = journal.packets.iter().map(|packet| packet.payload_type).collect();
    assert_eq!((types, rig.counts().other_payload), (vec![8], 1), "8 was not agreed on");
}

#[test]
fn a_new_codec_is_audio_at_once_and_the_old_one_still_is() {
    let (mut rig, mut phone) = Rig::secure(Suite::AeadAes256Gcm, Fault::None);
    rig.receive(&seal(&mut phone, &packet(7, 1, 1)), PHONE);
    let mut a_law = packet(7, 2, 2);
    a_law[1] = 8;
    rig.receive(&seal(&mut phone, &a_law), PHONE);
    assert_eq!((rig.counts().stored, rig.counts().other_payload), (1, 1), "not agreed yet");
    let protection = Protection::Plain;
    let media = Media { formats: vec![(8, Codec::Pcma)], protection, source: Some(address(PHONE)) };
    rig.receiver.listen(rig.now, &media, &mut rig.out);
    a_law[3] = 3;
    rig.receive(&a_law, PHONE);
    rig.receive(&packet(7, 4, 4), PHONE);
    assert_eq!(contents(&rig), [1, 2, 2, 4], "what came before is audio by now");
}
