//! AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1), with key schedule and pad states made once.

use aes::Aes128Enc;
use aes::cipher::{InnerIvInit, KeyInit, StreamCipherCore};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE;
use sha1::block_api::compress;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key::{MasterKey, label};
use super::session::Traffic;
use super::{SrtpError, Suite};

/// The session keys of one master key for RTP or for RTCP.
///
/// ```text
/// RTP   | header | payload, encrypted | MKI | tag |        the tag covers header, payload and the roll-over count
/// RTCP  | 8 bytes | rest, encrypted | E + index | MKI | tag |        the tag covers all before the MKI
/// ```
pub(super) struct Cm {
    aes: Aes128Enc,
    salt: Zeroizing<[u8; 14]>,
    mac: Mac,
    tag_len: usize,
}

impl Cm {
    pub(super) fn new(suite: Suite, master: &MasterKey, traffic: Traffic) -> Self {
        let (encryption, authentication, salting, tag_len) = match traffic {
            Traffic::Rtp => (label::RTP_ENCRYPTION, label::RTP_AUTHENTICATION, label::RTP_SALT, suite.tag_len()),
            Traffic::Rtcp => {
                (label::RTCP_ENCRYPTION, label::RTCP_AUTHENTICATION, label::RTCP_SALT, suite.rtcp_tag_len())
            }
        };
        let mut key = Zeroizing::new([0; 16]);
        master.derive(encryption, key.as_mut_slice());
        let mut salt = Zeroizing::new([0; 14]);
        master.derive(salting, salt.as_mut_slice());
        let mut mac_key = Zeroizing::new([0; 20]);
        master.derive(authentication, mac_key.as_mut_slice());
        Self::with_session_keys(&key, salt, &mac_key, tag_len)
    }

    /// The context of session keys that are known already.
    pub(super) fn with_session_keys(
        key: &[u8; 16],
        salt: Zeroizing<[u8; 14]>,
        mac_key: &[u8; 20],
        tag_len: usize,
    ) -> Self {
        Self { aes: Aes128Enc::new(key.into()), salt, mac: Mac::new(mac_key), tag_len }
    }

    /// Encrypts in place what follows the header and appends MKI and tag; returns the new length.
    pub(super) fn seal_rtp(&self, buf: &mut [u8], cut: Cut, index: u64, mki: &[u8]) -> usize {
        self.crypt(cut.ssrc, index, &mut buf[cut.clear..cut.end]);
        let tag = self.mac.tag(&buf[..cut.end], &roc(index));
        self.append(buf, cut.end, mki, &tag)
    }

    /// Checks the tag of a packet (its length is known to suffice), then decrypts in place; returns the plain length.
    pub(super) fn open_rtp(&self, packet: &mut [u8], cut: Cut, index: u64) -> Result<usize, SrtpError> {
        self.verify(packet, cut.end, &roc(index))?;
        self.crypt(cut.ssrc, index, &mut packet[cut.clear..cut.end]);
        Ok(cut.end)
    }

    /// As [`Self::seal_rtp`] for RTCP; `word` is the E bit with the index.
    pub(super) fn seal_rtcp(&self, buf: &mut [u8], cut: Cut, word: u32, mki: &[u8]) -> usize {
        if word & E_BIT != 0 {
            self.crypt(cut.ssrc, u64::from(word & !E_BIT), &mut buf[cut.clear..cut.end]);
        }
        let authenticated = cut.end + 4;
        buf[cut.end..authenticated].copy_from_slice(&word.to_be_bytes());
        let tag = self.mac.tag(&buf[..authenticated], &[]);
        self.append(buf, authenticated, mki, &tag)
    }

    /// As [`Self::open_rtp`] for RTCP.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], cut: Cut, word: u32) -> Result<usize, SrtpError> {
        self.verify(packet, cut.end + 4, &[])?;
        if word & E_BIT != 0 {
            self.crypt(cut.ssrc, u64::from(word & !E_BIT), &mut packet[cut.clear..cut.end]);
        }
        Ok(cut.end)
    }

    fn append(&self, buf: &mut [u8], at: usize, mki: &[u8], tag: &[u8; 20]) -> usize {
        let tag_at = at + mki.len();
        buf[at..tag_at].copy_from_slice(mki);
        buf[tag_at..tag_at + self.tag_len].copy_from_slice(&tag[..self.tag_len]);
        tag_at + self.tag_len
    }

    fn verify(&self, packet: &[u8], authenticated: usize, suffix: &[u8]) -> Result<(), SrtpError> {
        let tag = self.mac.tag(&packet[..authenticated], suffix);
        let given = &packet[packet.len() - self.tag_len..];
        match bool::from(given.ct_eq(&tag[..self.tag_len])) {
            true => Ok(()),
            false => Err(SrtpError::Authentication),
        }
    }

    /// XORs the keystream of this packet: IV = salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16.
    pub(super) fn crypt(&self, ssrc: u32, index: u64, data: &mut [u8]) {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&index.to_be_bytes()[2..]);
        for (byte, salt) in iv.iter_mut().zip(self.salt.iter()) {
            *byte ^= salt;
        }
        let cipher: CtrCore<&Aes128Enc, Ctr128BE> = CtrCore::inner_iv_init(&self.aes, (&iv).into());
        cipher.apply_keystream_partial(data.into());
    }
}

/// Where a packet is cut: clear header, encrypted part, trailer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub(super) ssrc: u32,
    /// Bytes of the header that stays clear.
    pub(super) clear: usize,
    /// Where the payload ends and the trailer begins.
    pub(super) end: usize,
}

/// The bit of the SRTCP index word that says "encrypted" (RFC 3711 §3.4).
pub(super) const E_BIT: u32 = 1 << 31;

/// HMAC-SHA1 (RFC 2104) whose states after the two padded keys are kept, so that a packet costs only its own blocks.
#[derive(Zeroize, ZeroizeOnDrop)]
struct Mac {
    inner: [u32; 5],
    outer: [u32; 5],
}

impl Mac {
    fn new(key: &[u8; 20]) -> Self {
        let after = |pad: u8| {
            let mut block = Zeroizing::new([pad; 64]);
            for (byte, key) in block.iter_mut().zip(key) {
                *byte ^= key;
            }
            let mut state = SHA1_START;
            compress(&mut state, &[*block]);
            state
        };
        Self { inner: after(0x36), outer: after(0x5c) }
    }

    /// The full tag over `data` followed by `suffix`, which has at most four bytes.
    fn tag(&self, data: &[u8], suffix: &[u8]) -> [u8; 20] {
        let mut state = self.inner;
        let (blocks, rest) = data.as_chunks::<64>();
        compress(&mut state, blocks);
        let mut tail = [[0; 64]; 2];
        let flat = tail.as_flattened_mut();
        let used = rest.len() + suffix.len();
        flat[..rest.len()].copy_from_slice(rest);
        flat[rest.len()..used].copy_from_slice(suffix);
        flat[used] = 0x80;
        let tail_blocks = (used + 9).div_ceil(64);
        let bits = 8 * (64 + data.len() + suffix.len()) as u64;
        flat[64 * tail_blocks - 8..64 * tail_blocks].copy_from_slice(&bits.to_be_bytes());
        compress(&mut state, &tail[..tail_blocks]);

        let mut last = [0; 64];
        last[..20].copy_from_slice(&bytes(&state));
        last[20] = 0x80;
        last[56..].copy_from_slice(&(8 * (64 + 20u64)).to_be_bytes());
        let mut state = self.outer;
        compress(&mut state, &[last]);
        bytes(&state)
    }
}

fn bytes(state: &[u32; 5]) -> [u8; 20] {
    let mut bytes = [0; 20];
    for (four, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *four = word.to_be_bytes();
    }
    bytes
}

/// The roll-over count as the tag covers it.
fn roc(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// The initial hash value of SHA-1 (RFC 3174 §6.1).
const SHA1_START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit as _, Mac as _};

    use super::*;

    #[test]
    fn the_cached_hmac_equals_the_plain_one_at_every_length() {
        let key: [u8; 20] = std::array::from_fn(|i| i as u8 * 13);
        let data: Vec<u8> = (0..400u32).map(|i| (i * 7) as u8).collect();
        let mac = Mac::new(&key);
        for len in 0..data.len() {
            for suffix in [&[][..], &[1, 2, 3, 4]] {
                let mut plain = Hmac::<sha1::Sha1>::new_from_slice(&key).unwrap();
                plain.update(&data[..len]);
                plain.update(suffix);
                assert_eq!(mac.tag(&data[..len], suffix)[..], plain.finalize().into_bytes()[..], "length {len}");
            }
        }
    }
}
