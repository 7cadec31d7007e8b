//! Master keys and the session keys made from them.

use std::fmt;

use aes::cipher::{BlockEncrypt, KeyInit};
use aes::{Aes128, Aes256};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{KeyError, Suite};

/// A master key and its master salt, as one `inline:` parameter carries them (RFC 4568 §6.1).
///
/// Overwritten when dropped, compared in constant time, never shown by `Debug`.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey {
    #[zeroize(skip)]
    suite: Suite,
    bytes: [u8; LONGEST],
}

impl MasterKey {
    /// A new key drawn from the run's seeded generator.
    pub fn generate(suite: Suite, rng: &mut ChaCha20Rng) -> Self {
        let mut bytes = [0; LONGEST];
        rng.fill_bytes(&mut bytes[..len(suite)]);
        Self { suite, bytes }
    }

    /// Key and salt as they follow each other in `inline:`.
    pub fn from_bytes(suite: Suite, key_and_salt: &[u8]) -> Result<Self, KeyError> {
        if key_and_salt.len() != len(suite) {
            return Err(KeyError::Length { suite, got: key_and_salt.len(), expected: len(suite) });
        }
        let mut bytes = [0; LONGEST];
        bytes[..key_and_salt.len()].copy_from_slice(key_and_salt);
        Ok(Self { suite, bytes })
    }

    /// Reads base64 as it stands in `inline:`; trailing `=` may be missing.
    pub fn from_inline(suite: Suite, text: &str) -> Result<Self, KeyError> {
        let mut raw = Zeroizing::new([0u8; LONGEST + 4]);
        // Longer text cannot be a key: refused before decoding, so that no length is decoded but a key's own.
        let expected = len(suite);
        if text.len() > expected.div_ceil(3) * 4 {
            return Err(KeyError::Length { suite, got: text.len() / 4 * 3, expected });
        }
        let got = BASE64.decode_slice(text, raw.as_mut_slice()).map_err(|_| KeyError::Base64)?;
        Self::from_bytes(suite, &raw[..got])
    }

    /// The suite that the key was made for.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Key and salt as bytes. Secret: for oracles and key logs only.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..len(self.suite)]
    }

    /// Key and salt as the base64 text of `inline:`. Secret.
    pub fn to_inline(&self) -> String {
        BASE64.encode(self.as_bytes())
    }

    /// SHA-256 over key and salt: tells whether two keys are the same without showing either.
    pub fn fingerprint(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.as_bytes());
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest.as_ref());
        fingerprint
    }

    /// One session key, salt or authentication key into `out` (RFC 3711 §4.3.1, with a key derivation rate of zero).
    pub(super) fn derive(&self, label: u8, out: &mut [u8]) {
        let (key, salt) = self.as_bytes().split_at(self.suite.key_len());
        // IV = (label * 2^48 XOR salt) * 2^16; a salt of 96 bits is padded on the right (RFC 7714 §11).
        let mut iv = [0; 16];
        iv[..salt.len()].copy_from_slice(salt);
        iv[7] ^= label;
        if let Ok(key) = <&[u8; 32]>::try_from(key) {
            keystream(&Aes256::new(key.into()), &iv, out);
        } else if let Ok(key) = <&[u8; 16]>::try_from(key) {
            keystream(&Aes128::new(key.into()), &iv, out);
        } else {
            unreachable!("every suite has a key of 16 or 32 bytes, got {}", key.len());
        }
        iv.zeroize();
    }
}

impl PartialEq for MasterKey {
    fn eq(&self, other: &Self) -> bool {
        self.suite == other.suite && bool::from(self.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl Eq for MasterKey {}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({}, redacted)", self.suite)
    }
}

/// What a session key is for, by its label (RFC 3711 §4.3.1 and §4.3.2).
pub(super) mod label {
    pub(in crate::srtp) const RTP_ENCRYPTION: u8 = 0;
    pub(in crate::srtp) const RTP_AUTHENTICATION: u8 = 1;
    pub(in crate::srtp) const RTP_SALT: u8 = 2;
    pub(in crate::srtp) const RTCP_ENCRYPTION: u8 = 3;
    pub(in crate::srtp) const RTCP_AUTHENTICATION: u8 = 4;
    pub(in crate::srtp) const RTCP_SALT: u8 = 5;
}

/// Fills `out` with the AES counter mode keystream that starts at `iv`.
fn keystream<C: BlockEncrypt<BlockSize = aes::cipher::consts::U16>>(cipher: &C, iv: &[u8; 16], out: &mut [u8]) {
    for (counter, chunk) in (0u16..).zip(out.chunks_mut(16)) {
        let mut block = *iv;
        block[14..].copy_from_slice(&counter.to_be_bytes());
        let mut block = aes::Block::from(block);
        cipher.encrypt_block(&mut block);
        chunk.copy_from_slice(&block[..chunk.len()]);
        block.as_mut_slice().zeroize();
    }
}

fn len(suite: Suite) -> usize {
    suite.key_len() + suite.salt_len()
}

/// 256 bit key and 96 bit salt.
const LONGEST: usize = 44;

/// The standard alphabet; some phones leave the `=` out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng;

    use super::*;

    #[test]
    fn keys_survive_their_inline_text_with_and_without_padding() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        for suite in Suite::ALL {
            let key = MasterKey::generate(suite, &mut rng);
            let text = key.to_inline();
            assert_eq!(MasterKey::from_inline(suite, &text).unwrap(), key);
            assert_eq!(MasterKey::from_inline(suite, text.trim_end_matches('=')).unwrap(), key);
            assert_ne!(MasterKey::generate(suite, &mut rng), key);
        }
    }

    #[test]
    fn keys_of_every_other_length_are_refused() {
        for suite in Suite::ALL {
            for got in (0..200).filter(|&got| got != len(suite)) {
                let refused = MasterKey::from_bytes(suite, &vec![7; got]).unwrap_err();
                assert_eq!(refused, KeyError::Length { suite, got, expected: len(suite) });
                assert!(MasterKey::from_inline(suite, &BASE64.encode(vec![7; got])).is_err());
            }
            assert_eq!(MasterKey::from_inline(suite, "not base64!"), Err(KeyError::Base64));
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let key = MasterKey::from_bytes(Suite::AesCm128HmacSha1_80, &[0x41; 30]).unwrap();
        assert_eq!(format!("{key:?}"), "MasterKey(AES_CM_128_HMAC_SHA1_80, redacted)");
    }

    #[test]
    fn a_fingerprint_is_the_sha_256_of_the_bytes() {
        let key = MasterKey::from_bytes(Suite::AeadAes128Gcm, &[0; 28]).unwrap();
        // sha256 of 28 zero bytes, computed with `head -c 28 /dev/zero | sha256sum`.
        assert_eq!(hex(&key.fingerprint()), ZEROS_28);
    }

    #[test]
    fn keys_and_key_schedules_are_overwritten_when_dropped() {
        fn check<T: ZeroizeOnDrop>() {}
        check::<MasterKey>();
        check::<Aes128>();
        check::<Aes256>();
        check::<aes::Aes128Enc>();
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    const ZEROS_28: &str = "3addfb141cd7c9c4c6543a82191a3707ac29c7a041217782e61d4d91c691aee8";
}
