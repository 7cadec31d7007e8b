//! The published vectors of RFC 3711 appendix B and RFC 7714 §16 and §17, which give session keys.

use zeroize::Zeroizing;

use super::cm::{Cm, Cut, E_BIT};
use super::gcm::Gcm;
use super::key::{MasterKey, label};
use super::{SrtpError, Suite};

#[test]
fn rfc_3711_b_2_aes_counter_mode_keystream() {
    let key = bytes("2B7E151628AED2A6ABF7158809CF4F3C").try_into().unwrap();
    let salt = Zeroizing::new(bytes("F0F1F2F3F4F5F6F7F8F9FAFBFCFD").try_into().unwrap());
    let cm = Cm::with_session_keys(&key, salt, &[0; 20], 10);
    let mut stream = vec![0; 0xff02 * 16];
    cm.crypt(0, 0, &mut stream);
    let start = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB 41E95B3BB0A2E8DD477901E4FCA894C0";
    assert_eq!(stream[..48], bytes(start));
    let end = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE 6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(stream[0xfeff * 16..], bytes(end));
}

#[test]
fn rfc_3711_b_3_key_derivation() {
    let master = bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let master = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &master).unwrap();
    let derived = |label, len| {
        let mut out = vec![0; len];
        master.derive(label, &mut out);
        out
    };
    assert_eq!(derived(label::RTP_ENCRYPTION, 16), bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(derived(label::RTP_SALT, 14), bytes("30CBBC08863D8C85D49DB34A9AE1"));
    let authentication =
        "CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098
        6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2";
    assert_eq!(derived(label::RTP_AUTHENTICATION, 94), bytes(authentication));
}

#[test]
fn rfc_7714_16_1_1_and_16_1_2_srtp_aead_aes_128_gcm() {
    check_rtp(
        Suite::AeadAes128Gcm,
        12,
        "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5
        0d294e6f 42a5f47a 51c7d19b 36de3adf 8833899d 7f27beb1 6a9152cf 765ee439 0cce",
    );
}

#[test]
fn rfc_7714_16_1_3_and_16_1_4_srtp_aead_aes_128_gcm_tagging_only() {
    check_rtp(
        Suite::AeadAes128Gcm,
        50,
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
        69736120 696e2070 61727465 73207472 65732249 3f82d2bc e397e9d7 9e3b19aa 4216",
    );
}

#[test]
fn rfc_7714_16_2_1_and_16_2_2_srtp_aead_aes_256_gcm() {
    check_rtp(
        Suite::AeadAes256Gcm,
        12,
        "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238
        9a58e2f3 b50b2a02 76ffae0f 1ba63799 b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
    );
}

#[test]
fn rfc_7714_16_2_3_and_16_2_4_srtp_aead_aes_256_gcm_tagging_only() {
    check_rtp(
        Suite::AeadAes256Gcm,
        50,
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976
        69736120 696e2070 61727465 73207472 6573a866 d5910f88 7463067c eefec452 15d4",
    );
}

#[test]
fn rfc_7714_17_1_srtcp_aead_aes_128_gcm() {
    check_rtcp(
        Suite::AeadAes128Gcm,
        "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d
        c676a5f1 730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4",
    );
}

#[test]
fn rfc_7714_17_2_srtcp_aead_aes_256_gcm() {
    check_rtcp(
        Suite::AeadAes256Gcm,
        "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50
        a2eaa5c1 110555be 8415f658 c61de047 6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4",
    );
}

#[test]
fn rfc_7714_17_3_srtcp_aead_aes_128_gcm_tagging_only() {
    check_rtcp(
        Suite::AeadAes128Gcm,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef 841dd968 3dd78ec9 2ae58790 125f62b3 000005d4",
    );
}

#[test]
fn rfc_7714_17_4_srtcp_aead_aes_256_gcm_tagging_only() {
    check_rtcp(
        Suite::AeadAes256Gcm,
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
        deadbeef deadbeef deadbeef deadbeef deadbeef 91db4afb feee5a97 8fab4393 ed2615fe 000005d4",
    );
}

/// Seals the packet of RFC 7714 §16 to `sealed`, opens it again, and refuses it with any bit of the tag changed.
/// The first `clear` bytes stay clear; all 50 for "tagging only".
fn check_rtp(suite: Suite, clear: usize, sealed: &str) {
    let plain = bytes(
        "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070
        61727465 73207472 6573",
    );
    let gcm = session(suite);
    let cut = Cut { ssrc: 0x5501_a0b2, clear, end: plain.len() };
    let mut buf = plain.clone();
    buf.resize(100, 0);
    let len = gcm.seal_rtp(&mut buf, cut, 0xf17b, &[]).unwrap();
    assert_eq!(buf[..len], bytes(sealed));
    assert_eq!(gcm.open_rtp(&mut buf[..len], cut, 0xf17b), Ok(plain.len()));
    assert_eq!(buf[..plain.len()], plain);
    for bit in 0..128 {
        let mut altered = bytes(sealed);
        altered[plain.len() + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(gcm.open_rtp(&mut altered, cut, 0xf17b), Err(SrtpError::Authentication));
    }
}

/// As [`check_rtp`] for the packet of RFC 7714 §17.1; the last word of `sealed` says whether it is encrypted.
fn check_rtcp(suite: Suite, sealed: &str) {
    let plain = bytes(
        "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef
        deadbeef deadbeef deadbeef",
    );
    let word = if sealed.ends_with("800005d4") { 0x5d4 | E_BIT } else { 0x5d4 };
    let gcm = session(suite);
    let cut = Cut { ssrc: 0x4d61_7273, clear: 8, end: plain.len() };
    let mut buf = plain.clone();
    buf.resize(100, 0);
    let len = gcm.seal_rtcp(&mut buf, cut, word, &[]).unwrap();
    assert_eq!(buf[..len], bytes(sealed));
    assert_eq!(gcm.open_rtcp(&mut buf[..len], cut, word), Ok(plain.len()));
    assert_eq!(buf[..plain.len()], plain);
    for bit in 0..128 {
        let mut altered = bytes(sealed);
        altered[plain.len() + bit / 8] ^= 1 << (bit % 8);
        assert_eq!(gcm.open_rtcp(&mut altered, cut, word), Err(SrtpError::Authentication));
    }
}

/// The session keys of RFC 7714 §16: 00 01 02 …, and the salt "Quid pro quo".
fn session(suite: Suite) -> Gcm {
    let key: Vec<u8> = (0..suite.key_len() as u8).collect();
    Gcm::with_session_keys(suite, &key, Zeroizing::new(*b"Quid pro quo")).unwrap()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        hex.bytes().filter(|b| !b.is_ascii_whitespace()).map(|b| char::from(b).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}
