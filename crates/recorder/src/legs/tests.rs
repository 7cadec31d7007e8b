//! One leg's port, fed with datagrams.

mod codecs;
mod keys;
mod stale;
mod streams;

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

/// The numbers and contents of all that was stored, in order of arrival, without epochs.
fn contents(rig: &Rig) -> Vec<u8> {
    rig.stored().into_iter().map(|(_, fill)| fill).collect()
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
