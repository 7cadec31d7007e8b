//! Sources and sequences that change.

use super::*;

#[test]
fn a_plain_leg_latches_its_source_and_the_signalled_host_takes_over() {
    let mut rig = Rig::new(Fault::None);
    rig.receive(&packet(9, 1, 66), STRANGER);
    rig.plain();
    rig.receive(&packet(7, 1, 1), PHONE);
    rig.receive(&packet(9, 2, 66), STRANGER);
    rig.receive(&packet(7, 2, 2), "192.0.2.20:9999");
    rig.receive(&packet(7, 2, 2), PHONE);
    rig.receive(&packet(7, 2, 2), PHONE);
    let counts = rig.counts();
    assert_eq!((counts.stored, counts.foreign, counts.duplicate), (3, 2, 1));
    assert_eq!(rig.stored().last(), Some(&(2, 2)));
}

/// A packet whose timestamp does not follow from its number.
fn packet_at(ssrc: u32, sequence: u16, timestamp: u32, fill: u8) -> Vec<u8> {
    let mut bytes = packet(ssrc, sequence, fill);
    bytes[4..8].copy_from_slice(&timestamp.to_be_bytes());
    bytes
}

#[test]
fn a_sequence_that_begins_anew_under_its_key_and_source_is_read_and_a_replay_is_not() {
    for suite in Suite::ALL {
        // Back within the window, far back, ahead over half the numbers; after a wrap with the count kept or not.
        for (from, to, wrapped, roc) in [
            (500, 480, 0, 0),
            (500, 3, 0, 0),
            (20_000, 100, 0, 0),
            (40_000, 100, 0, 0),
            (300, 60_000, 1, 0),
            (300, 100, 1, 1),
        ] {
            let what = format!("{suite}: {from} to {to}, {wrapped} to {roc}");
            let mut rig = Rig::new(Fault::None);
            let key = MasterKey::generate(suite, &mut rig.rng);
            let protection = Protection::Srtp(Crypto::new(1, key.clone()));
            let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address(PHONE)) };
            rig.receiver.listen(rig.now, &media, &mut rig.out);
            let mut phone = Context::new(suite, &key).unwrap();
            let mut said = Vec::new();
            let mut clock = 1000u32;
            let first = if wrapped == 1 { 65_500 } else { from - 20 };
            let count = if wrapped == 1 { 36 + from } else { 20 };
            for n in 0..count {
                let sealed = seal(&mut phone, &packet_at(7, (first + n) as u16, clock, 1));
                rig.receive(&sealed, PHONE);
                said.push(sealed);
                clock += 160;
            }
            let stored = rig.counts().stored;
            assert_eq!(stored, count as u64, "{what}");
            let mut again = Context::new(suite, &key).unwrap();
            again.set_roc(7, roc);
            for n in 0..30 {
                rig.receive(&seal(&mut again, &packet_at(7, to as u16 + n, clock, 2)), PHONE);
                clock += 160;
                // What was said before the restart is not said again.
                rig.receive(&said[usize::from(n) % said.len()], STRANGER);
            }
            assert_eq!(rig.counts().stored, stored + 30, "{what}: {:?}", rig.counts());
            assert_eq!(contents(&rig)[stored as usize..], [2; 30], "{what}");
        }
    }
}

#[test]
fn a_sequence_that_begins_anew_near_its_old_place_soon_behind_a_change_of_key_is_whole() {
    let suite = Suite::AeadAes256Gcm;
    let mut rig = Rig::new(Fault::None);
    let [old, new] = [(); 2].map(|()| MasterKey::generate(suite, &mut rig.rng));
    for (key, first, timestamp, count) in
        [(&old, 5545, 1_000_000, 12), (&new, 5557, 1_001_920, 16), (&new, 5529, 3_845_545_610, 60)]
    {
        let protection = Protection::Srtp(Crypto::new(1, key.clone()));
        let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address(PHONE)) };
        rig.receiver.listen(rig.now, &media, &mut rig.out);
        let mut phone = Context::new(suite, key).unwrap();
        for n in 0..count {
            let plain = packet_at(7, first + n, timestamp + 160 * u32::from(n), 1);
            rig.receive(&seal(&mut phone, &plain), PHONE);
        }
    }
    let counts = rig.counts();
    assert_eq!((counts.stored, counts.duplicate, counts.reordered), (88, 0, 0), "{counts:?}");
}

#[test]
fn sources_may_change_as_often_as_they_like() {
    let (mut rig, phone) = Rig::secure(Suite::AeadAes256Gcm, Fault::None);
    let mut phone = phone.with_max_sources(1000);
    for ssrc in 0..100 {
        rig.receive(&seal(&mut phone, &packet(ssrc, 7, 1)), PHONE);
        rig.receive(&seal(&mut phone, &packet(ssrc, 8, 2)), PHONE);
    }
    // The first one comes back, long forgotten, with a run of its own.
    rig.receive(&seal(&mut phone, &packet(0, 9, 3)), PHONE);
    assert_eq!(rig.counts().stored, 201, "{:?}", rig.counts());
    let journal = journal::read(&rig.out).unwrap();
    assert_ne!(journal.packets[0].epoch, journal.packets[200].epoch);
}

#[test]
fn the_first_packet_of_a_plain_sequence_that_begins_anew_is_stored_once_the_second_says_so() {
    let mut rig = Rig::new(Fault::None);
    rig.plain();
    for (sequence, fill) in
        [(100, 1), (101, 2), (40_000, 9), (102, 3), (50_000, 4), (50_001, 5), (50_000, 6), (50_002, 7)]
    {
        rig.receive(&packet(7, sequence, fill), PHONE);
    }
    assert_eq!(contents(&rig), [1, 2, 3, 4, 5, 7]);
    let counts = rig.counts();
    assert_eq!((counts.stored, counts.malformed, counts.duplicate), (6, 1, 1), "what nothing followed is nobody's");
    let journal = journal::read(&rig.out).unwrap();
    let places: Vec<(u16, u64)> =
        journal.packets[3..].iter().map(|packet| (packet.epoch, packet.index & 0xffff)).collect();
    assert_eq!(places, [(1, 50_000), (1, 50_001), (1, 50_002)]);
    // Even where the second one wraps.
    for (sequence, fill) in [(65_535, 8), (0, 10), (1, 11)] {
        rig.receive(&packet(7, sequence, fill), PHONE);
    }
    assert_eq!(contents(&rig)[6..], [8, 10, 11]);
}

#[test]
fn a_plain_sequence_that_begins_anew_near_its_old_place_is_told_from_late_and_repeated_packets_by_its_time() {
    for (fault, expected) in [(Fault::None, vec![1, 1, 1, 1, 2, 2, 2]), (Fault::TakeRestartForReplay, vec![1, 1, 1, 1])]
    {
        let mut rig = Rig::new(fault);
        rig.plain();
        for (sequence, timestamp) in [(1000, 0), (1001, 160), (1003, 480), (1002, 320), (1003, 480)] {
            rig.receive(&packet_at(7, sequence, timestamp, 1), PHONE);
        }
        for (sequence, timestamp) in [(1000, 3_000_000_000), (1001, 3_000_000_160), (1002, 3_000_000_320)] {
            rig.receive(&packet_at(7, sequence, timestamp, 2), PHONE);
        }
        assert_eq!(contents(&rig), expected, "{fault:?}");
    }
}

#[test]
fn a_plain_sequence_that_begins_anew_a_hundred_numbers_below_keeps_its_first_packet() {
    // The first packet lies too far below to be late, the second one not.
    for newest in 1098..=1103 {
        let mut rig = Rig::new(Fault::None);
        rig.plain();
        for sequence in 1000..=newest {
            rig.receive(&packet_at(7, sequence, 160 * u32::from(sequence), 1), PHONE);
        }
        for (n, sequence) in (1000..1003).enumerate() {
            rig.receive(&packet_at(7, sequence, 3_000_000_000 + 160 * n as u32, 2), PHONE);
        }
        assert_eq!(contents(&rig)[usize::from(newest) - 999..], [2, 2, 2], "newest {newest}");
        assert_eq!(rig.counts().malformed, 0, "newest {newest}");
    }
}
