//! Keys that change, come late, are kept or count on.

use super::*;

#[test]
fn the_same_key_again_changes_nothing_and_a_new_one_overlaps_with_the_old() {
    let (mut rig, mut old) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::None);
    rig.receive(&seal(&mut old, &packet(7, 65_535, 1)), PHONE);
    rig.receive(&seal(&mut old, &packet(7, 0, 2)), PHONE);
    let late = seal(&mut old, &packet(7, 1, 3));
    let mut new = rig.key(Suite::AesCm128HmacSha1_80);
    rig.receive(&seal(&mut new, &packet(7, 500, 4)), PHONE);
    rig.receive(&late, PHONE);
    assert_eq!(rig.counts().stored, 4, "{:?}", rig.counts());
    assert_eq!(rig.receiver.report().rekeyed, 1);
    rig.now += Duration::from_secs(3);
    rig.receive(&seal(&mut old, &packet(7, 501, 5)), PHONE);
    assert_eq!((rig.counts().stored, rig.counts().auth_failed), (4, 1), "the old key is over");
}

#[test]
fn packets_that_come_before_their_new_key_are_judged_again_when_it_comes() {
    for suite in Suite::ALL {
        let (mut rig, mut old) = Rig::secure(suite, Fault::None);
        rig.receive(&seal(&mut old, &packet(7, 100, 1)), PHONE);
        let key = MasterKey::generate(suite, &mut rig.rng);
        let mut new = Context::new(suite, &key).unwrap();
        let mut stranger = Context::new(suite, &MasterKey::generate(suite, &mut rig.rng)).unwrap();
        for sequence in 101..=103 {
            rig.receive(&seal(&mut new, &packet(7, sequence, 2)), PHONE);
        }
        rig.receive(&seal(&mut stranger, &packet(7, 104, 66)), STRANGER);
        assert_eq!((rig.counts().stored, rig.counts().auth_failed), (1, 4));
        let protection = Protection::Srtp(Crypto::new(1, key));
        let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address(PHONE)) };
        rig.receiver.listen(rig.now, &media, &mut rig.out);
        assert_eq!((rig.counts().stored, rig.counts().auth_failed), (4, 1), "{suite}: the stranger's stays out");
    }
}

#[test]
fn packets_that_no_key_opens_are_kept_in_bounds() {
    let (mut rig, _) = Rig::secure(Suite::AeadAes256Gcm, Fault::None);
    let mut stranger =
        Context::new(Suite::AeadAes256Gcm, &MasterKey::generate(Suite::AeadAes256Gcm, &mut rig.rng)).unwrap();
    for sequence in 0..1000 {
        rig.receive(&seal(&mut stranger, &packet(7, sequence, 66)), STRANGER);
    }
    rig.key(Suite::AeadAes256Gcm);
    assert_eq!((rig.counts().stored, rig.counts().auth_failed), (0, 1000));
}

#[test]
fn a_refresh_with_the_same_key_keeps_roll_over_and_replay_window() {
    let mut rig = Rig::new(Fault::None);
    let key = MasterKey::generate(Suite::AesCm128HmacSha1_32, &mut rig.rng);
    let mut phone = Context::new(Suite::AesCm128HmacSha1_32, &key).unwrap();
    let protection = Protection::Srtp(Crypto::new(1, key));
    let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address(PHONE)) };
    rig.receiver.listen(rig.now, &media, &mut rig.out);
    let before = seal(&mut phone, &packet(7, 65_535, 1));
    rig.receive(&before, PHONE);
    rig.receive(&seal(&mut phone, &packet(7, 0, 2)), PHONE);
    rig.receiver.listen(rig.now, &media, &mut rig.out);
    rig.receive(&before, PHONE);
    rig.receive(&seal(&mut phone, &packet(7, 1, 3)), PHONE);
    let counts = rig.counts();
    assert_eq!((counts.stored, counts.replayed, counts.auth_failed), (3, 1, 0));
    assert_eq!(rig.receiver.report().rekeyed, 0);
}

#[test]
fn a_leg_that_lost_its_first_packets_and_the_wrap_with_them_is_still_read() {
    let (mut rig, mut phone) = Rig::secure(Suite::AeadAes128Gcm, Fault::None);
    for sequence in 65_500..=65_535 {
        let _ = seal(&mut phone, &packet(7, sequence, 0));
    }
    for sequence in 0..20 {
        let sealed = seal(&mut phone, &packet(7, sequence, 1));
        if sequence >= 5 {
            rig.receive(&sealed, PHONE);
        }
    }
    assert_eq!((rig.counts().stored, rig.counts().auth_failed), (15, 0));
}

#[test]
fn a_padded_first_packet_one_roll_over_late_is_read() {
    let (mut rig, mut phone) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::None);
    for sequence in [65_535, 0] {
        let _ = seal(&mut phone, &packet(7, sequence, 0));
    }
    for sequence in 1..=40 {
        let mut plain = packet(7, sequence, 1);
        plain[0] |= 0x20;
        plain.extend_from_slice(&[0, 0, 0, 4]);
        rig.receive(&seal(&mut phone, &plain), PHONE);
    }
    assert_eq!((rig.counts().stored, rig.counts().auth_failed), (40, 0));
}

#[test]
fn identifiers_further_keys_and_lifetimes_of_the_peers_line_are_heeded() {
    let suite = Suite::AesCm128HmacSha1_80;
    let mut rig = Rig::new(Fault::None);
    let [first, second] = [(); 2].map(|()| MasterKey::generate(suite, &mut rig.rng));
    let line = format!("1 {suite} inline:{}|3|1:4;inline:{}|3|2:4", first.to_inline(), second.to_inline());
    let protection = Protection::Srtp(Crypto::parse(&line).unwrap());
    rig.receiver.listen(rig.now, &Media { formats: vec![(0, Codec::Pcmu)], protection, source: None }, &mut rig.out);
    for (key, mki, sequences) in [(first, 1, 1..=4), (second, 2, 11..=12)] {
        let mut phone = Context::new(suite, &key).unwrap().with_mki(&[0, 0, 0, mki]).unwrap();
        sequences.for_each(|sequence| rig.receive(&seal(&mut phone, &packet(7, sequence, mki)), PHONE));
    }
    assert_eq!(
        rig.stored(),
        [(1, 1), (2, 1), (3, 1), (11, 2), (12, 2)],
        "the first key's fourth packet is one too many"
    );
}

#[test]
fn a_new_key_is_read_whether_the_peer_keeps_its_roll_over_count_or_not() {
    for suite in Suite::ALL {
        for kept in [0, 1, 2] {
            let (mut rig, mut old) = Rig::secure(suite, Fault::None);
            for sequence in 65_530..=65_540u32 {
                rig.receive(&seal(&mut old, &packet(7, sequence as u16, 1)), PHONE);
            }
            let mut new = rig.key(suite);
            new.set_roc(7, kept);
            // Forged ones in between teach nothing.
            let mut stranger = Context::new(suite, &MasterKey::generate(suite, &mut rig.rng)).unwrap();
            rig.receive(&seal(&mut stranger, &packet(7, 5, 66)), STRANGER);
            for sequence in 5..=10 {
                rig.receive(&seal(&mut new, &packet(7, sequence, 2)), PHONE);
            }
            assert_eq!(contents(&rig), [&[1; 11][..], &[2; 6]].concat(), "{suite}, roll-over count {kept}");
            assert_eq!(rig.counts().auth_failed, 1);
        }
    }
}

#[test]
fn the_count_is_kept_over_a_key_under_which_nothing_was_said() {
    let suite = Suite::AesCm128HmacSha1_80;
    let (mut rig, mut old) = Rig::secure(suite, Fault::None);
    for sequence in 65_530..=65_540u32 {
        rig.receive(&seal(&mut old, &packet(7, sequence as u16, 1)), PHONE);
    }
    let _ = rig.key(suite);
    let mut new = rig.key(suite);
    new.set_roc(7, 1);
    rig.receive(&seal(&mut new, &packet(7, 5, 2)), PHONE);
    assert_eq!(rig.counts().stored, 12);
}
