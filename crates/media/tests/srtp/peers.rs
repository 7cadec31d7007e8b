use media::rtp::{Packet, header_len};
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use webrtc_srtp::context::Context as Peer;
use webrtc_srtp::option::{srtcp_replay_protection, srtp_replay_protection};
use webrtc_srtp::protection_profile::ProtectionProfile;

use crate::packets::{below, delivered, mutate, random_rtcp, random_rtp};

#[test]
fn what_we_seal_the_peer_seals_to_the_same_bytes_and_each_opens_the_other() {
    for suite in Suite::ALL {
        let mut rng = ChaCha20Rng::seed_from_u64(21);
        let key = MasterKey::generate(suite, &mut rng);
        let (mut ours, mut our_reader) = (context(&key), context(&key));
        let (mut theirs, mut their_reader) = (peer(&key), peer(&key));
        for round in 0..5000u32 {
            // Four sources, interleaved; each wraps once on the way.
            let ssrc = 0x1000 + round % 4;
            let plain = random_rtp(&mut rng, ssrc, (round / 4 * 60 + ssrc * 7) as u16);
            let sealed = seal(&mut ours, &plain);
            let header = synthetic_header(&plain);
            assert_eq!(sealed, theirs.encrypt_rtp_with_header(&plain, &header).unwrap()[..], "{suite} {round}");
            if below(&mut rng, 10) == 0 {
                continue;
            }
            let mut buf = sealed.clone();
            let len = our_reader.unprotect(&mut buf, sealed.len()).unwrap();
            assert_eq!(buf[..len], plain);
            let opened = their_reader.decrypt_rtp_with_header(&sealed, &synthetic_header(&sealed));
            assert_eq!(opened.unwrap()[..], plain, "{suite} {round}");
        }
        assert_eq!(ours.roc(0x1000), Some(1));
    }
}

#[test]
fn rtcp_is_sealed_to_the_same_bytes_too() {
    for suite in Suite::ALL {
        let mut rng = ChaCha20Rng::seed_from_u64(22);
        let key = MasterKey::generate(suite, &mut rng);
        let (mut ours, mut our_reader) = (context(&key), context(&key));
        let (mut theirs, mut their_reader) = (peer(&key), peer(&key));
        for round in 0..2000u32 {
            let plain = random_rtcp(&mut rng, round % 3);
            let mut buf = plain.clone();
            buf.resize(plain.len() + OVERHEAD, 0);
            let len = ours.protect_rtcp(&mut buf, plain.len()).unwrap();
            assert_eq!(buf[..len], theirs.encrypt_rtcp(&plain).unwrap()[..]);
            assert_eq!(their_reader.decrypt_rtcp(&buf[..len]).unwrap()[..], plain);
            let opened = our_reader.unprotect_rtcp(&mut buf, len).unwrap();
            assert_eq!(buf[..opened], plain);
        }
    }
}

#[test]
fn both_open_what_a_bad_network_delivers() {
    for suite in Suite::ALL {
        let mut rng = ChaCha20Rng::seed_from_u64(23);
        let key = MasterKey::generate(suite, &mut rng);
        let (mut ours, mut theirs) = (context(&key), peer(&key));
        let (mut our_reader, mut their_reader) = (context(&key), peer(&key));
        for (stream, first) in [0u16, 65_500, 30_000, 65_535].into_iter().enumerate() {
            let plain: Vec<Vec<u8>> =
                (0..500).map(|i| random_rtp(&mut rng, stream as u32, first.wrapping_add(i))).collect();
            let by_us: Vec<Vec<u8>> = plain.iter().map(|plain| seal(&mut ours, plain)).collect();
            let by_them = plain.iter().map(|p| theirs.encrypt_rtp_with_header(p, &synthetic_header(p)).unwrap());
            let by_them: Vec<Vec<u8>> = by_them.map(|sealed| sealed.to_vec()).collect();
            // The first packet arrives first: which of two starts a stream is the one thing no receiver can know.
            for at in std::iter::once(0).chain(delivered(&mut rng, 1, 499, 30)).map(usize::from) {
                let opened = their_reader.decrypt_rtp_with_header(&by_us[at], &synthetic_header(&by_us[at]));
                assert_eq!(opened.unwrap()[..], plain[at], "{suite} stream {stream} packet {at}");
                let mut buf = by_them[at].clone();
                let len = our_reader.unprotect(&mut buf, by_them[at].len()).unwrap();
                assert_eq!(buf[..len], plain[at]);
            }
        }
    }
}

#[test]
fn rtp_reads_as_the_rtp_crate_reads_it_where_that_one_is_right() {
    use webrtc_util::Unmarshal as _;
    let mut rng = ChaCha20Rng::seed_from_u64(24);
    let mut compared = 0;
    for round in 0..20_000u32 {
        let mut bytes = random_rtp(&mut rng, round, round as u16);
        // That crate reads extension elements, panics on those that overrun, and mistakes their size: compare without.
        if bytes[0] & 0x10 != 0 {
            continue;
        }
        let ours = Packet::parse(&bytes).unwrap();
        let theirs = rtp::packet::Packet::unmarshal(&mut &bytes[..]).unwrap();
        assert_eq!(ours.payload(), &theirs.payload[..]);
        let h = &theirs.header;
        assert_eq!(
            (ours.payload_type(), ours.marker(), ours.sequence(), ours.timestamp(), ours.ssrc()),
            (h.payload_type, h.marker, h.sequence_number, h.timestamp, h.ssrc)
        );
        assert_eq!(ours.csrc().collect::<Vec<_>>(), h.csrc);
        compared += 1;
        mutate(&mut rng, &mut bytes);
        let (view, cut) = (Packet::parse(&bytes), header_len(&bytes));
        if let Ok(packet) = view {
            // A view that is granted keeps within its bytes, and the two cutters agree.
            let end = cut.unwrap() + packet.payload().len() + usize::from(packet.padding());
            assert_eq!(end, bytes.len());
            assert_eq!(packet.csrc().count(), usize::from(bytes[0] & 0x0f));
            assert_eq!(packet.extension().is_some(), bytes[0] & 0x10 != 0);
        }
    }
    assert!(compared > 10_000);
}

fn context(key: &MasterKey) -> Context {
    Context::new(key.suite(), key).unwrap()
}

/// The peer with its replay windows on: without them two repeated packets put its stream out of step for good.
fn peer(key: &MasterKey) -> Peer {
    let profile = match key.suite() {
        Suite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        Suite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        Suite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        Suite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    };
    let (key, salt) = key.as_bytes().split_at(key.suite().key_len());
    Peer::new(key, salt, profile, Some(srtp_replay_protection(128)), Some(srtcp_replay_protection(128))).unwrap()
}

/// The header that makes the peer cut the packet where it must: its own reader panics on some extensions and cuts
/// others wrongly, so the extension is handed over as one opaque block.
fn synthetic_header(packet: &[u8]) -> rtp::header::Header {
    let csrcs = usize::from(packet[0] & 0x0f);
    let clear = header_len(packet).unwrap();
    let mut header = rtp::header::Header {
        version: 2,
        sequence_number: u16::from_be_bytes([packet[2], packet[3]]),
        ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
        csrc: vec![0; csrcs],
        ..Default::default()
    };
    if clear > 12 + 4 * csrcs {
        header.extension = true;
        let block = packet[12 + 4 * csrcs + 4..clear].to_vec();
        header.extensions = vec![rtp::header::Extension { id: 0, payload: block.into() }];
    }
    header
}

fn seal(context: &mut Context, plain: &[u8]) -> Vec<u8> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + OVERHEAD, 0);
    let len = context.protect(&mut buf, plain.len()).unwrap();
    buf.truncate(len);
    buf
}
