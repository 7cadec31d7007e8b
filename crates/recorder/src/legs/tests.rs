//! One leg's port, fed with datagrams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use media::rtp::Header;
use media::sdes::Crypto;
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};

use super::receiver::{DATAGRAM, Receiver};
use super::{Media, Protection};
use crate::config::Codec;
use crate::fault::Fault;
use crate::journal;
use crate::metadata::{Packets, Side};

/// A phone's bridge and the recorder's port, without a network between them.
struct Rig {
    origin: Instant,
    now: Instant,
    receiver: Receiver,
    out: Vec<u8>,
    rng: ChaCha20Rng,
}

const PHONE: &str = "192.0.2.20:26396";
const STRANGER: &str = "192.0.2.66:4000";

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Rig {
    fn new(fault: Fault) -> Self {
        let origin = Instant::now();
        let mut out = Vec::new();
        journal::write_header(&mut out, 0);
        Self {
            origin,
            now: origin,
            receiver: Receiver::new(Side::Near, fault, origin, origin),
            out,
            rng: ChaCha20Rng::seed_from_u64(1),
        }
    }

    /// A rig that listens to SRTP, and the sender's context.
    fn secure(suite: Suite, fault: Fault) -> (Self, Context) {
        let mut rig = Self::new(fault);
        let sender = rig.key(suite);
        (rig, sender)
    }

    /// Agrees on a new key.
    fn key(&mut self, suite: Suite) -> Context {
        let key = MasterKey::generate(suite, &mut self.rng);
        let protection = Protection::Srtp(Crypto::new(1, key.clone()));
        let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address("192.0.2.20:4000")) };
        self.receiver.listen(self.now, &media, &mut self.out);
        Context::new(suite, &key).unwrap()
    }

    fn plain(&mut self) {
        let media = Media {
            formats: vec![(0, Codec::Pcmu)],
            protection: Protection::Plain,
            source: Some(address("192.0.2.20:4000")),
        };
        self.receiver.listen(self.now, &media, &mut self.out);
    }

    /// Agrees on another codec; plain RTP from the same place.
    fn agree_on(&mut self, payload_type: u8, codec: Codec) {
        let source = Some(address("192.0.2.20:4000"));
        let media = Media { formats: vec![(payload_type, codec)], protection: Protection::Plain, source };
        self.receiver.listen(self.now, &media, &mut self.out);
    }

    fn receive(&mut self, packet: &[u8], from: &str) {
        let mut buffer = [0; DATAGRAM];
        buffer[..packet.len()].copy_from_slice(packet);
        self.now += Duration::from_millis(20);
        self.receiver.datagram(self.now, &mut buffer, packet.len(), address(from), &mut self.out);
    }

    fn counts(&self) -> Packets {
        self.receiver.report().packets
    }

    /// Extended numbers and first payload bytes of what was stored.
    fn stored(&self) -> Vec<(u64, u8)> {
        let journal = journal::read(&self.out).unwrap();
        assert!(!journal.torn);
        journal.packets.iter().map(|packet| (packet.index & 0xffff, self.out[packet.payload.start])).collect()
    }
}

fn packet(ssrc: u32, sequence: u16, fill: u8) -> Vec<u8> {
    let header = Header { payload_type: 0, marker: false, sequence, timestamp: u32::from(sequence) * 160, ssrc };
    let mut bytes = header.to_bytes().to_vec();
    bytes.extend_from_slice(&[fill; 160]);
    bytes
}

fn seal(context: &mut Context, plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + OVERHEAD, 0);
    let len = context.protect(&mut bytes, plain.len()).unwrap();
    bytes.truncate(len);
    bytes
}

#[test]
fn sealed_packets_of_every_suite_are_stored_in_clear() {
    for suite in Suite::ALL {
        let (mut rig, mut phone) = Rig::secure(suite, Fault::None);
        for sequence in 1..=5 {
            let sealed = seal(&mut phone, &packet(7, sequence, sequence as u8));
            rig.receive(&sealed, PHONE);
        }
        assert_eq!(rig.stored(), [(1, 1), (2, 2), (3, 3), (4, 4), (5, 5)], "{suite}");
        assert_eq!((rig.counts().received, rig.counts().stored), (5, 5));
        let report = rig.receiver.report();
        assert_eq!((report.ssrcs, report.sources), (vec![7], vec![address(PHONE)]));
        assert_eq!((report.first_us, report.last_us), (Some(20_000), Some(100_000)));
    }
}

#[test]
fn forged_flipped_plain_and_replayed_packets_are_counted_and_never_stored() {
    for suite in Suite::ALL {
        let (mut rig, mut phone) = Rig::secure(suite, Fault::None);
        let first = seal(&mut phone, &packet(7, 1, 1));
        rig.receive(&first, PHONE);
        let mut flipped = seal(&mut phone, &packet(7, 2, 2));
        *flipped.last_mut().unwrap() ^= 1;
        rig.receive(&flipped, PHONE);
        rig.receive(&packet(7, 3, 3), PHONE);
        rig.receive(&first, PHONE);
        rig.receive(&first, STRANGER);
        let mut stranger = Context::new(suite, &MasterKey::generate(suite, &mut rig.rng)).unwrap();
        for sequence in 10..110 {
            let forged = seal(&mut stranger, &packet(7, sequence, 66));
            rig.receive(&forged, STRANGER);
        }
        rig.receive(&[0x80; 11], STRANGER);
        rig.receive(&[], STRANGER);
        rig.receive(&seal(&mut phone, &packet(7, 4, 4)), PHONE);
        assert_eq!(rig.stored(), [(1, 1), (4, 4)], "{suite}");
        let counts = rig.counts();
        assert_eq!((counts.auth_failed, counts.plain, counts.replayed, counts.malformed), (101, 1, 2, 2), "{suite}");
        assert_eq!(rig.receiver.report().sources, [address(PHONE)], "strangers are not learned");
    }
}

#[test]
fn packets_before_the_keys_are_kept_in_bounds_and_judged_later() {
    let mut rig = Rig::new(Fault::None);
    let key = MasterKey::generate(Suite::AeadAes256Gcm, &mut rig.rng);
    let mut phone = Context::new(Suite::AeadAes256Gcm, &key).unwrap();
    for sequence in 1..=6000 {
        let sealed = seal(&mut phone, &packet(7, sequence, 9));
        rig.receive(&sealed, PHONE);
    }
    rig.receive(&packet(8, 1, 66), STRANGER);
    let protection = Protection::Srtp(Crypto::new(1, key));
    let media = Media { formats: vec![(0, Codec::Pcmu)], protection, source: Some(address(PHONE)) };
    rig.receiver.listen(rig.now, &media, &mut rig.out);
    let kept = (1 << 20) / (12 + 160 + 16);
    assert_eq!(rig.stored().len() as u64, kept);
    let counts = rig.counts();
    assert_eq!((counts.before_ack, counts.early_overflow, counts.stored), (6001, 6001 - kept, kept));
    assert_eq!(rig.receiver.report().first_us, Some(20_000), "the time of arrival, not of the keys");
}

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
fn the_faults_record_what_a_sound_recorder_must_not() {
    let (mut rig, _) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::IgnoreAuthentication);
    rig.receive(&packet(7, 1, 66), STRANGER);
    assert_eq!(rig.stored(), [(1, 66)]);
    let (mut rig, mut phone) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::AcceptReplays);
    let sealed: Vec<_> = (1..=4).map(|sequence| seal(&mut phone, &packet(7, sequence, sequence as u8))).collect();
    [0, 1, 2, 0, 3].iter().for_each(|at: &usize| rig.receive(&sealed[*at], PHONE));
    assert_eq!(rig.stored(), [(1, 1), (2, 2), (3, 3), (4, 1), (5, 4)]);
    let mut rig = Rig::new(Fault::EarlyNoise);
    rig.receive(&packet(7, 1, 66), PHONE);
    let _ = rig.key(Suite::AesCm128HmacSha1_80);
    assert_eq!(rig.stored(), [(1, 66)]);
    let (mut rig, mut phone) = Rig::secure(Suite::AesCm128HmacSha1_80, Fault::LoseEvery(2));
    for sequence in 1..=6 {
        rig.receive(&seal(&mut phone, &packet(7, sequence, 1)), PHONE);
    }
    assert_eq!(rig.stored().len(), 3);
    assert_eq!(rig.counts().not_stored, 3);
}

#[test]
fn random_datagrams_never_panic_and_never_get_stored_on_an_srtp_leg() {
    let (mut rig, mut phone) = Rig::secure(Suite::AeadAes256Gcm, Fault::None);
    let good = seal(&mut phone, &packet(7, 1, 1));
    for _ in 0..3000 {
        let mut bad = good.clone();
        match rig.rng.next_u32() % 3 {
            0 => {
                let at = rig.rng.next_u32() as usize % bad.len();
                bad[at] ^= 1 << (rig.rng.next_u32() % 8);
            }
            1 => bad.truncate(rig.rng.next_u32() as usize % good.len()),
            _ => rig.rng.fill_bytes(&mut bad),
        }
        rig.receive(&bad, PHONE);
    }
    assert_eq!(rig.counts().stored, 0);
    rig.receive(&good, PHONE);
    assert_eq!(rig.counts().stored, 1);
    assert!(rig.now > rig.origin);
}

#[test]
fn padded_packets_under_srtp_are_stored_without_their_padding_whatever_their_tag() {
    for suite in Suite::ALL {
        let (mut rig, mut phone) = Rig::secure(suite, Fault::None);
        for sequence in 1..=100 {
            let mut plain = packet(7, sequence, 1);
            plain[0] |= 0x20;
            plain.extend_from_slice(&[0, 0, 0, 4]);
            let sealed = seal(&mut phone, &plain);
            rig.receive(&sealed, PHONE);
        }
        assert_eq!((rig.counts().stored, rig.counts().malformed), (100, 0), "{suite}");
        let journal = journal::read(&rig.out).unwrap();
        assert!(journal.packets.iter().all(|packet| packet.payload.len() == 160), "{suite}");
    }
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
fn plain_packets_with_padding_that_cannot_be_are_malformed() {
    let mut rig = Rig::new(Fault::None);
    rig.plain();
    let mut bad = packet(7, 1, 0xff);
    bad[0] |= 0x20;
    rig.receive(&bad, STRANGER);
    assert_eq!((rig.counts().stored, rig.counts().malformed), (0, 1));
    rig.receive(&packet(7, 2, 2), "192.0.2.30:4000");
    assert_eq!((rig.counts().stored, rig.counts().foreign), (1, 0), "it was not learned as a source");
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

/// The numbers and contents of all that was stored, in order of arrival, without epochs.
fn contents(rig: &Rig) -> Vec<u8> {
    rig.stored().into_iter().map(|(_, fill)| fill).collect()
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
