//! AES in Galois/counter mode (RFC 7714).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::cm::{Cut, E_BIT};
use super::key::{MasterKey, label};
use super::session::Traffic;
use super::{KeyError, SrtpError, Suite};

/// The session keys of one master key for RTP or for RTCP.
///
/// ```text
/// RTP   | header | payload, encrypted | tag | MKI |        the tag covers header and payload; the count is in the nonce
/// RTCP  | 8 bytes | rest, encrypted | tag | E + index | MKI |        the tag covers all but the MKI
/// ```
pub(super) struct Gcm {
    key: LessSafeKey,
    salt: Zeroizing<[u8; 12]>,
}

impl Gcm {
    pub(super) fn new(suite: Suite, master: &MasterKey, traffic: Traffic) -> Result<Self, KeyError> {
        let (encryption, salting) = match traffic {
            Traffic::Rtp => (label::RTP_ENCRYPTION, label::RTP_SALT),
            Traffic::Rtcp => (label::RTCP_ENCRYPTION, label::RTCP_SALT),
        };
        let mut salt = Zeroizing::new([0; 12]);
        master.derive(salting, salt.as_mut_slice());
        let mut key = Zeroizing::new([0; 32]);
        let key = &mut key[..suite.key_len()];
        master.derive(encryption, key);
        Self::with_session_keys(suite, key, salt)
    }

    /// The context of session keys that are known already.
    pub(super) fn with_session_keys(suite: Suite, key: &[u8], salt: Zeroizing<[u8; 12]>) -> Result<Self, KeyError> {
        let algorithm = if suite == Suite::AeadAes256Gcm { &AES_256_GCM } else { &AES_128_GCM };
        let expected = suite.key_len() + suite.salt_len();
        let bad = |_| KeyError::Length { suite, got: key.len() + salt.len(), expected };
        let key = UnboundKey::new(algorithm, key).map_err(bad)?;
        Ok(Self { key: LessSafeKey::new(key), salt })
    }

    /// Encrypts in place what follows the header and appends tag and MKI; returns the new length.
    pub(super) fn seal_rtp(&self, buf: &mut [u8], cut: Cut, index: u64, mki: &[u8]) -> Result<usize, SrtpError> {
        let (header, rest) = buf.split_at_mut(cut.clear);
        let payload = cut.end - cut.clear;
        self.seal(self.rtp_nonce(cut.ssrc, index), header, rest, payload)?;
        Ok(append(buf, cut.end + TAG, mki))
    }

    /// Decrypts in place and checks the tag of a packet whose length is known to suffice; returns the plain length.
    pub(super) fn open_rtp(&self, packet: &mut [u8], cut: Cut, index: u64) -> Result<usize, SrtpError> {
        let (header, rest) = packet.split_at_mut(cut.clear);
        let sealed = &mut rest[..cut.end - cut.clear + TAG];
        self.open(self.rtp_nonce(cut.ssrc, index), header, sealed)?;
        Ok(cut.end)
    }

    /// As [`Self::seal_rtp`] for RTCP; `word` is the E bit with the index.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], cut: Cut, word: u32, mki: &[u8]) -> Result<usize, SrtpError> {
        let nonce = self.rtcp_nonce(cut.ssrc, word);
        if word & E_BIT != 0 {
            let (header, rest) = buf.split_at_mut(cut.clear);
            self.seal(nonce, &rtcp_aad(header, word), rest, cut.end - cut.clear)?;
        } else {
            // All of the packet and then the word are associated data, so the word is put behind the packet first.
            let (covered, rest) = buf.split_at_mut(cut.end + 4);
            covered[cut.end..].copy_from_slice(&word.to_be_bytes());
            let mut tag = [0; TAG];
            self.seal(nonce, covered, &mut tag, 0)?;
            covered[cut.end..].copy_from_slice(&tag[..4]);
            rest[..TAG - 4].copy_from_slice(&tag[4..]);
        }
        let word_at = cut.end + TAG;
        buf[word_at..word_at + 4].copy_from_slice(&word.to_be_bytes());
        Ok(append(buf, word_at + 4, mki))
    }

    /// As [`Self::open_rtp`] for RTCP.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], cut: Cut, word: u32) -> Result<usize, SrtpError> {
        let nonce = self.rtcp_nonce(cut.ssrc, word);
        if word & E_BIT != 0 {
            let (header, rest) = packet.split_at_mut(cut.clear);
            self.open(nonce, &rtcp_aad(header, word), &mut rest[..cut.end - cut.clear + TAG])?;
        } else {
            let mut tag = [0; TAG];
            tag.copy_from_slice(&packet[cut.end..cut.end + TAG]);
            packet[cut.end..cut.end + 4].copy_from_slice(&word.to_be_bytes());
            self.open(nonce, &packet[..cut.end + 4], &mut tag)?;
        }
        Ok(cut.end)
    }

    /// Encrypts the first `plain` bytes of `buf` and writes the tag behind them.
    fn seal(&self, nonce: Nonce, aad: &[u8], buf: &mut [u8], plain: usize) -> Result<(), SrtpError> {
        let (text, rest) = buf.split_at_mut(plain);
        // Fails only for texts of more than 2^36 bytes.
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(aad), text);
        let tag = tag.map_err(|_| SrtpError::KeyExhausted)?;
        rest[..TAG].copy_from_slice(tag.as_ref());
        Ok(())
    }

    fn open(&self, nonce: Nonce, aad: &[u8], sealed: &mut [u8]) -> Result<(), SrtpError> {
        match self.key.open_in_place(nonce, Aad::from(aad), sealed) {
            Ok(_) => Ok(()),
            Err(_) => Err(SrtpError::Authentication),
        }
    }

    /// `00 00 | SSRC | ROC | SEQ` XOR salt (RFC 7714 §8.1).
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
        self.salted(nonce)
    }

    /// `00 00 | SSRC | 00 00 | index` XOR salt (RFC 7714 §9.1).
    fn rtcp_nonce(&self, ssrc: u32, word: u32) -> Nonce {
        let mut nonce = [0; 12];
        nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
        nonce[8..].copy_from_slice(&(word & !E_BIT).to_be_bytes());
        self.salted(nonce)
    }

    fn salted(&self, mut nonce: [u8; 12]) -> Nonce {
        for (byte, salt) in nonce.iter_mut().zip(self.salt.iter()) {
            *byte ^= salt;
        }
        Nonce::assume_unique_for_key(nonce)
    }
}

fn append(buf: &mut [u8], at: usize, mki: &[u8]) -> usize {
    buf[at..at + mki.len()].copy_from_slice(mki);
    at + mki.len()
}

/// The associated data of an encrypted RTCP packet (RFC 7714 §9.2).
fn rtcp_aad(header: &[u8], word: u32) -> [u8; 12] {
    let mut aad = [0; 12];
    aad[..8].copy_from_slice(header);
    aad[8..].copy_from_slice(&word.to_be_bytes());
    aad
}

/// Bytes of the tag.
const TAG: usize = 16;
