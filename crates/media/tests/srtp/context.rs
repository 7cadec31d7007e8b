use media::srtp::{Context, KeyError, MasterKey, OVERHEAD, SrtpError, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

use crate::packets::{below, delivered, mutate, random_bytes, random_rtcp, random_rtp};

const SSRC: u32 = 0x1234_5678;

#[test]
fn whatever_a_packet_holds_comes_out_as_it_went_in() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 1);
        for sequence in 0..2000u16 {
            let plain = random_rtp(&mut rng, SSRC + u32::from(sequence % 3), sequence);
            let sealed = seal(&mut ours, &plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + suite.tag_len());
            assert_eq!(open(&mut theirs, &sealed).unwrap(), plain);
            let report = random_rtcp(&mut rng, SSRC);
            let sealed = seal_rtcp(&mut ours, &report).unwrap();
            assert_eq!(sealed.len(), report.len() + suite.rtcp_tag_len() + 4);
            assert_eq!(open_rtcp(&mut theirs, &sealed).unwrap(), report);
        }
    }
}

#[test]
fn every_distance_around_the_window_is_judged_in_both_states() {
    // From 300 before to 300 after the highest packet, each arriving first or for the second time.
    for suite in Suite::ALL {
        for distance in -300..=300i32 {
            let (_, mut ours, mut theirs) = pair(suite, 2);
            let highest = 1000u16;
            let sequence = (i32::from(highest) + distance) as u16;
            let first = seal(&mut ours, &packet(SSRC, sequence.min(highest))).unwrap();
            let second = match distance {
                0 => first.clone(),
                _ => seal(&mut ours, &packet(SSRC, sequence.max(highest))).unwrap(),
            };
            let (low, high) = (first.clone(), second.clone());
            open(&mut theirs, &high).unwrap();
            let expected = match sequence.abs_diff(highest) {
                0 => Err(SrtpError::Replayed),
                1..128 => Ok(()),
                _ => Err(SrtpError::TooOld),
            };
            assert_eq!(open(&mut theirs, &low).map(drop), expected, "{suite} at {distance}");
            assert!(open(&mut theirs, &second).is_err() && open(&mut theirs, &first).is_err());
        }
    }
}

#[test]
fn loss_reordering_and_wraps_lose_no_packet_and_admit_no_copy() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 3);
        let sent: Vec<Vec<u8>> =
            (0..200_000u32).step_by(7).map(|i| seal(&mut ours, &packet(SSRC, (i + 65_000) as u16)).unwrap()).collect();
        let order = delivered(&mut rng, 0, sent.len(), 16);
        for at in order {
            open(&mut theirs, &sent[usize::from(at)]).unwrap();
            assert!(open(&mut theirs, &sent[usize::from(at)]).is_err());
        }
        assert_eq!(theirs.roc(SSRC), ours.roc(SSRC));
        assert_eq!(theirs.roc(SSRC), Some(4));
    }
}

#[test]
fn nothing_that_is_not_authentic_changes_the_context() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 4);
        let mut strangers = Context::new(suite, &MasterKey::generate(suite, &mut rng)).unwrap();
        open(&mut theirs, &seal(&mut ours, &packet(SSRC, 60_000)).unwrap()).unwrap();
        let before = (theirs.index(SSRC), theirs.sources());
        for jump in 0..5000u32 {
            // Forged packets ahead of the stream, behind it, and of sources that do not exist.
            let ssrc = if jump % 2 == 0 { SSRC } else { jump };
            let forged = seal(&mut strangers, &packet(ssrc, (jump * 13) as u16)).unwrap_or_default();
            assert!(open(&mut theirs, &forged).is_err());
            let forged = seal_rtcp(&mut strangers, &random_rtcp(&mut rng, ssrc)).unwrap();
            assert_eq!(open_rtcp(&mut theirs, &forged), Err(SrtpError::Authentication));
            assert!(open(&mut theirs, &packet(ssrc, 60_001)).is_err(), "plain RTP is never taken for SRTP");
            strangers = Context::new(suite, &MasterKey::generate(suite, &mut rng)).unwrap();
        }
        assert_eq!((theirs.index(SSRC), theirs.sources()), before);
        open(&mut theirs, &seal(&mut ours, &packet(SSRC, 60_001)).unwrap()).unwrap();
    }
}

#[test]
fn every_bit_and_every_length_of_a_packet_is_protected() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 5);
        let sealed = seal(&mut ours, &random_rtp(&mut rng, SSRC, 9)).unwrap();
        let report = seal_rtcp(&mut ours, &random_rtcp(&mut rng, SSRC)).unwrap();
        for bit in 0..8 * sealed.len() {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mut theirs, &altered).is_err(), "{suite} bit {bit}");
        }
        for bit in 0..8 * report.len() {
            let mut altered = report.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open_rtcp(&mut theirs, &altered).is_err(), "{suite} RTCP bit {bit}");
        }
        for len in 0..sealed.len() {
            assert!(open(&mut theirs, &sealed[..len]).is_err());
        }
        for len in 0..report.len() {
            assert!(open_rtcp(&mut theirs, &report[..len]).is_err());
        }
        assert_eq!(theirs.sources(), 0);
        assert!(open(&mut theirs, &sealed).is_ok() && open_rtcp(&mut theirs, &report).is_ok());
    }
}

#[test]
fn mutated_packets_neither_panic_nor_pass() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 6);
        for round in 0..20_000u32 {
            let rtp = round % 2 == 0;
            let genuine = match rtp {
                true => seal(&mut ours, &random_rtp(&mut rng, SSRC, (round / 2) as u16)),
                false => seal_rtcp(&mut ours, &random_rtcp(&mut rng, SSRC)),
            };
            let genuine = genuine.unwrap();
            let mut altered = genuine.clone();
            mutate(&mut rng, &mut altered);
            let judge = if rtp { open } else { open_rtcp };
            if altered != genuine {
                assert!(judge(&mut theirs, &altered).is_err(), "{suite}, round {round}");
            }
            let len = below(&mut rng, 200);
            assert!(judge(&mut theirs, &random_bytes(&mut rng, len)).is_err());
            // The stream is none the worse for it.
            assert!(judge(&mut theirs, &genuine).is_ok(), "{suite}, round {round}");
        }
    }
}

#[test]
fn a_late_joiner_needs_the_roll_over_count() {
    for suite in Suite::ALL {
        let (_, mut ours, mut theirs) = pair(suite, 7);
        ours.set_roc(SSRC, 3);
        assert_eq!((ours.roc(SSRC), ours.index(SSRC)), (Some(3), None));
        let sealed = seal(&mut ours, &packet(SSRC, 100)).unwrap();
        assert_eq!(ours.index(SSRC), Some(3 << 16 | 100));
        assert_eq!(open(&mut theirs, &sealed), Err(SrtpError::Authentication));
        assert_eq!(theirs.roc(SSRC), None);
        theirs.set_roc(SSRC, 3);
        assert_eq!(open(&mut theirs, &sealed), Ok(packet(SSRC, 100)));
        // Setting the count that is in force forgets no packet; another one starts anew.
        theirs.set_roc(SSRC, 3);
        assert_eq!(open(&mut theirs, &sealed), Err(SrtpError::Replayed));
        theirs.set_roc(SSRC, 4);
        assert_eq!(open(&mut theirs, &sealed), Err(SrtpError::Authentication));
    }
}

#[test]
fn the_last_index_of_a_key_is_the_last_packet() {
    for suite in Suite::ALL {
        let (_, mut ours, mut theirs) = pair(suite, 8);
        ours.set_roc(SSRC, u32::MAX);
        theirs.set_roc(SSRC, u32::MAX);
        let last = seal(&mut ours, &packet(SSRC, 65_535)).unwrap();
        assert_eq!(seal(&mut ours, &packet(SSRC, 0)), Err(SrtpError::KeyExhausted));
        open(&mut theirs, &last).unwrap();
        assert_eq!(open(&mut theirs, &packet(SSRC, 0)), Err(SrtpError::KeyExhausted));
    }
}

#[test]
fn a_lifetime_counts_packets_of_all_sources_and_only_authentic_ones() {
    for suite in Suite::ALL {
        let (mut rng, ours, theirs) = pair(suite, 9);
        let (mut ours, mut theirs) = (ours.with_lifetime(3), theirs.with_lifetime(2));
        let sealed: Vec<Vec<u8>> = (0..3).map(|i| seal(&mut ours, &packet(SSRC + i, 5)).unwrap()).collect();
        assert_eq!(seal(&mut ours, &packet(SSRC, 6)), Err(SrtpError::KeyExhausted));
        for _ in 0..10 {
            assert!(open(&mut theirs, &packet(SSRC, 9)).is_err());
        }
        assert!(open(&mut theirs, &sealed[0]).is_ok() && open(&mut theirs, &sealed[1]).is_ok());
        assert_eq!(open(&mut theirs, &sealed[2]), Err(SrtpError::KeyExhausted));
        (0..3).for_each(|_| assert!(seal_rtcp(&mut ours, &random_rtcp(&mut rng, SSRC)).is_ok()));
        assert_eq!(seal_rtcp(&mut ours, &random_rtcp(&mut rng, SSRC)), Err(SrtpError::KeyExhausted));
    }
}

#[test]
fn an_index_is_never_sealed_twice() {
    for suite in Suite::ALL {
        let (_, mut ours, _) = pair(suite, 10);
        seal(&mut ours, &packet(SSRC, 500)).unwrap();
        assert_eq!(seal(&mut ours, &packet(SSRC, 500)), Err(SrtpError::Replayed));
        seal(&mut ours, &packet(SSRC, 499)).unwrap();
        assert_eq!(seal(&mut ours, &packet(SSRC, 300)), Err(SrtpError::TooOld));
    }
}

#[test]
fn master_key_identifiers_choose_the_key() {
    for suite in Suite::ALL {
        let mut rng = ChaCha20Rng::seed_from_u64(11);
        let (a, b) = (MasterKey::generate(suite, &mut rng), MasterKey::generate(suite, &mut rng));
        let context =
            || Context::new(suite, &a).unwrap().with_mki(&[1, 2, 3]).unwrap().with_further_key(&[9, 9, 9], &b);
        let (mut ours, mut theirs) = (context().unwrap(), context().unwrap());
        let mut only_a = Context::new(suite, &a).unwrap().with_mki(&[1, 2, 3]).unwrap();
        for sequence in 0..20 {
            let second = sequence % 2 == 1;
            ours.select_key(if second { &[9, 9, 9] } else { &[1, 2, 3] }).unwrap();
            let plain = random_rtp(&mut rng, SSRC, sequence);
            let sealed = seal(&mut ours, &plain).unwrap();
            assert_eq!(sealed.len(), plain.len() + suite.tag_len() + 3);
            assert_eq!(open(&mut theirs, &sealed).unwrap(), plain);
            let expected = if second { Err(SrtpError::UnknownMki) } else { Ok(plain) };
            assert_eq!(open(&mut only_a, &sealed), expected);
            let report = random_rtcp(&mut rng, SSRC);
            let sealed = seal_rtcp(&mut ours, &report).unwrap();
            assert_eq!(open_rtcp(&mut theirs, &sealed).unwrap(), report);
            let expected = if second { Err(SrtpError::UnknownMki) } else { Ok(report) };
            assert_eq!(open_rtcp(&mut only_a, &sealed), expected);
        }
        assert_eq!(ours.select_key(&[7, 7, 7]), Err(SrtpError::UnknownMki));
        assert_eq!(context().unwrap().with_further_key(&[9, 9, 9], &b).unwrap_err(), KeyError::MkiClash);
        assert_eq!(context().unwrap().with_further_key(&[1], &b).unwrap_err(), KeyError::MkiClash);
        assert_eq!(Context::new(suite, &a).unwrap().with_mki(&[]).unwrap_err(), KeyError::Mki { got: 0 });
        assert_eq!(Context::new(suite, &a).unwrap().with_mki(&[0; 129]).unwrap_err(), KeyError::Mki { got: 129 });
    }
}

#[test]
fn sources_are_bounded_and_known_ones_go_on() {
    for suite in Suite::ALL {
        let (_, mut ours, theirs) = pair(suite, 12);
        let mut theirs = theirs.with_max_sources(2);
        for ssrc in 1..=2 {
            open(&mut theirs, &seal(&mut ours, &packet(ssrc, 1)).unwrap()).unwrap();
        }
        let third = seal(&mut ours, &packet(3, 1)).unwrap();
        assert_eq!(open(&mut theirs, &third), Err(SrtpError::TooManySources { limit: 2 }));
        open(&mut theirs, &seal(&mut ours, &packet(1, 2)).unwrap()).unwrap();
        assert_eq!(theirs.sources(), 2);
    }
}

#[test]
fn rtcp_is_refused_when_repeated_or_in_clear() {
    for suite in Suite::ALL {
        let (mut rng, mut ours, mut theirs) = pair(suite, 13);
        let key = MasterKey::generate(suite, &mut ChaCha20Rng::seed_from_u64(13));
        let mut clear = Context::new(suite, &key).unwrap().with_unencrypted_rtcp();
        let sent: Vec<Vec<u8>> =
            (0..200).map(|_| seal_rtcp(&mut ours, &random_rtcp(&mut rng, SSRC)).unwrap()).collect();
        open_rtcp(&mut theirs, &sent[199]).unwrap();
        for (back, sealed) in sent.iter().rev().enumerate() {
            let expected = if back == 0 { Err(SrtpError::Replayed) } else { Ok(()) };
            let expected = if back >= 128 { Err(SrtpError::TooOld) } else { expected };
            assert_eq!(open_rtcp(&mut theirs, sealed).map(drop), expected, "{back} back");
        }
        let report = random_rtcp(&mut rng, SSRC);
        let sealed = seal_rtcp(&mut clear, &report).unwrap();
        assert_eq!(sealed[..report.len()], report, "authenticated but readable");
        assert_eq!(open_rtcp(&mut theirs, &sealed), Err(SrtpError::Unencrypted));
        let mut reader = Context::new(suite, &key).unwrap().with_unencrypted_rtcp();
        let mut altered = sealed.clone();
        altered[report.len() - 1] ^= 1;
        assert_eq!(open_rtcp(&mut reader, &altered), Err(SrtpError::Authentication));
        assert_eq!(open_rtcp(&mut reader, &sealed), Ok(report));
        assert!(open_rtcp(&mut theirs, &random_rtcp(&mut rng, SSRC)).is_err(), "plain RTCP");
    }
}

#[test]
fn another_key_salt_or_tag_length_opens_nothing() {
    for suite in Suite::ALL {
        let mut rng = ChaCha20Rng::seed_from_u64(14);
        let key = MasterKey::generate(suite, &mut rng);
        let sealed = seal(&mut Context::new(suite, &key).unwrap(), &packet(SSRC, 1)).unwrap();
        for at in 0..key.as_bytes().len() {
            let mut bytes = key.as_bytes().to_vec();
            bytes[at] ^= 1;
            let other = MasterKey::from_bytes(suite, &bytes).unwrap();
            let refused = open(&mut Context::new(suite, &other).unwrap(), &sealed);
            // The session keys come from the salt too.
            assert_eq!(refused, Err(SrtpError::Authentication), "{suite} byte {at}");
        }
    }
    let key = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &[7; 30]).unwrap();
    let mut short = Context::new(Suite::AesCm128HmacSha1_32, &key).unwrap();
    let mut long = Context::new(Suite::AesCm128HmacSha1_80, &key).unwrap();
    assert!(open(&mut long, &seal(&mut short, &packet(SSRC, 1)).unwrap()).is_err());
    assert_eq!(Context::new(Suite::AeadAes128Gcm, &key).unwrap_err().to_string(), {
        "got 30 bytes of key and salt, expected 28 for AEAD_AES_128_GCM"
    });
}

#[test]
fn a_buffer_without_room_is_left_alone() {
    for suite in Suite::ALL {
        let (_, mut ours, _) = pair(suite, 15);
        let plain = packet(SSRC, 1);
        let mut buf = plain.clone();
        let expected = plain.len() + suite.tag_len();
        assert_eq!(ours.protect(&mut buf, plain.len()), Err(SrtpError::NoRoom { got: plain.len(), expected }));
        assert_eq!(ours.protect(&mut buf, plain.len() + 1).unwrap_err().to_string(), {
            format!("got a buffer of {} bytes, expected at least {}", plain.len(), plain.len() + 1)
        });
        assert_eq!((buf.as_slice(), ours.sources()), (plain.as_slice(), 0));
        buf.resize(expected, 0);
        assert_eq!(ours.protect(&mut buf, plain.len()), Ok(expected));
    }
}

#[test]
fn no_packet_after_the_first_of_a_source_allocates() {
    for suite in Suite::ALL {
        let (_, mut ours, mut theirs) = pair(suite, 16);
        let mut buf = [0; 172 + OVERHEAD];
        let mut round = |sequence: u16| {
            for ssrc in 0..4 {
                buf[..172].copy_from_slice(&packet_172(ssrc, sequence));
                let len = ours.protect(&mut buf, 172).unwrap();
                assert_eq!(theirs.unprotect(&mut buf, len), Ok(172));
                let len = ours.protect_rtcp(&mut buf, 60).unwrap();
                assert_eq!(theirs.unprotect_rtcp(&mut buf, len), Ok(60));
                assert!(theirs.unprotect(&mut buf, 60).is_err());
            }
        };
        round(0);
        let counted = allocation_counter::measure(|| (1..=500).for_each(&mut round));
        assert_eq!(counted.count_total, 0, "{suite}");
    }
}

#[test]
fn debug_shows_no_key() {
    let key = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &[0x41; 30]).unwrap();
    let context = Context::new(key.suite(), &key).unwrap();
    assert_eq!(format!("{context:?}"), "Context(AES_CM_128_HMAC_SHA1_80, 1 keys, 0 sources)");
}

/// A generator, and the two ends of one direction.
fn pair(suite: Suite, seed: u64) -> (ChaCha20Rng, Context, Context) {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let key = MasterKey::generate(suite, &mut rng);
    (rng, Context::new(suite, &key).unwrap(), Context::new(suite, &key).unwrap())
}

fn packet(ssrc: u32, sequence: u16) -> Vec<u8> {
    packet_172(ssrc, sequence)[..60].to_vec()
}

fn packet_172(ssrc: u32, sequence: u16) -> [u8; 172] {
    let mut packet = [0xd5; 172];
    media::rtp::Header { payload_type: 0, marker: false, sequence, timestamp: 0, ssrc }.write(&mut packet);
    packet
}

fn seal(context: &mut Context, plain: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + OVERHEAD, 0);
    let len = context.protect(&mut buf, plain.len())?;
    buf.truncate(len);
    Ok(buf)
}

fn seal_rtcp(context: &mut Context, plain: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + OVERHEAD, 0);
    let len = context.protect_rtcp(&mut buf, plain.len())?;
    buf.truncate(len);
    Ok(buf)
}

fn open(context: &mut Context, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = sealed.to_vec();
    let len = context.unprotect(&mut buf, sealed.len())?;
    buf.truncate(len);
    Ok(buf)
}

fn open_rtcp(context: &mut Context, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = sealed.to_vec();
    let len = context.unprotect_rtcp(&mut buf, sealed.len())?;
    buf.truncate(len);
    Ok(buf)
}
