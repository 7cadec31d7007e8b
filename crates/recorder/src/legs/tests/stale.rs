//! Packets of a call that is over, on a port that another call has now.

use super::*;

/// When the former leg began to linger; its port closed 250 ms later.
const LINGERS: Duration = Duration::from_millis(250);

/// A port's call is over: packets of it come for so long behind the end. What the next leg knows of it, and a rig for that leg.
fn over(mut rig: Rig, fault: Fault, behind: Duration, mut send: impl FnMut(&mut Rig)) -> Rig {
    let end = rig.now;
    while rig.now < end + behind {
        send(&mut rig);
    }
    let Rig { receiver, .. } = rig;
    let mut next = Rig::new(fault);
    next.now = rig.now.max(end + LINGERS);
    next.origin = next.now;
    next.rng = ChaCha20Rng::seed_from_u64(2);
    next.receiver = Receiver::new(Side::Near, fault, next.now, next.now);
    next.receiver.follow(receiver.leave(end + LINGERS / 2));
    next
}

/// A port in clear whose phone goes on for so long behind the end of its call.
fn over_in_clear(fault: Fault, behind: Duration) -> Rig {
    let mut rig = Rig::new(fault);
    rig.plain();
    let mut sequence = 0;
    over(rig, fault, behind, |rig| {
        sequence += 1;
        rig.receive(&packet(7, sequence, 66), PHONE);
    })
}

#[test]
fn a_stream_in_clear_that_did_not_stop_with_its_call_is_no_part_of_the_next_one() {
    for (fault, expected) in [(Fault::None, vec![1, 2]), (Fault::StoreStale, vec![66, 1, 66, 2])] {
        let mut rig = over_in_clear(fault, LINGERS);
        rig.receive(&packet(7, 100, 66), PHONE);
        rig.plain();
        rig.receive(&packet(8, 1, 1), "192.0.2.20:9999");
        rig.receive(&packet(7, 101, 66), PHONE);
        rig.receive(&packet(8, 2, 2), "192.0.2.20:9999");
        assert_eq!(contents(&rig), expected, "{fault:?}");
        let counts = rig.counts();
        assert_eq!((counts.received, counts.foreign), (4, if fault == Fault::None { 2 } else { 0 }));
    }
}

#[test]
fn a_phone_that_stopped_in_time_may_go_on_under_its_ssrc() {
    let mut rig = over_in_clear(Fault::None, LINGERS / 4);
    rig.plain();
    rig.receive(&packet(7, 100, 1), PHONE);
    assert_eq!((contents(&rig), rig.counts().foreign), (vec![1], 0));
}

#[test]
fn a_stream_that_still_does_not_stop_is_known_to_the_call_after_the_next_one() {
    let mut rig = over_in_clear(Fault::None, LINGERS);
    rig.plain();
    let mut rig = over(rig, Fault::None, LINGERS, |rig| rig.receive(&packet(7, 100, 66), PHONE));
    rig.plain();
    rig.receive(&packet(7, 200, 66), PHONE);
    assert_eq!((contents(&rig), rig.counts().foreign), (vec![], 1));
}

#[test]
fn under_another_key_its_packets_fail_authentication_and_a_recorder_that_kept_the_old_one_stores_them() {
    let suite = Suite::AeadAes256Gcm;
    for (fault, expected) in [(Fault::None, vec![1]), (Fault::StoreStale, vec![66, 1])] {
        let (rig, mut old) = Rig::secure(suite, fault);
        let mut sequence = 0;
        let mut rig = over(rig, fault, LINGERS, |rig| {
            sequence += 1;
            rig.receive(&seal(&mut old, &packet(7, sequence, 66)), PHONE);
        });
        let mut new = rig.key(suite);
        rig.receive(&seal(&mut old, &packet(7, sequence + 1, 66)), PHONE);
        rig.receive(&seal(&mut new, &packet(8, 1, 1)), "192.0.2.20:9999");
        assert_eq!(contents(&rig), expected, "{fault:?}");
        assert_eq!(rig.counts().auth_failed, u64::from(fault == Fault::None));
    }
}
