//! The session keys of one master key and how often they may still be used.

use super::cm::{Cm, Cut};
use super::gcm::Gcm;
use super::key::MasterKey;
use super::{KeyError, SrtpError, Suite};

/// Session keys for RTP and RTCP, the identifier that picks them, and what is left of their lifetime.
pub(super) struct Session {
    pub(super) mki: Box<[u8]>,
    rtp: Cipher,
    rtcp: Cipher,
    pub(super) rtp_left: u64,
    pub(super) rtcp_left: u64,
}

/// Which of a master key's session keys (RFC 3711 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traffic {
    Rtp,
    Rtcp,
}

#[expect(clippy::large_enum_variant, reason = "a pointer to follow per packet would cost more than the bytes")]
enum Cipher {
    Cm(Cm),
    Gcm(Gcm),
}

impl Session {
    pub(super) fn new(suite: Suite, master: &MasterKey, mki: &[u8]) -> Result<Self, KeyError> {
        let cipher = |traffic| match suite.is_aead() {
            true => Gcm::new(suite, master, traffic).map(Cipher::Gcm),
            false => Ok(Cipher::Cm(Cm::new(suite, master, traffic))),
        };
        Ok(Self {
            mki: mki.into(),
            rtp: cipher(Traffic::Rtp)?,
            rtcp: cipher(Traffic::Rtcp)?,
            rtp_left: RTP_LIFETIME,
            rtcp_left: RTCP_LIFETIME,
        })
    }

    /// Lowers the lifetime to this many packets of RTP and as many of RTCP; it cannot be raised.
    pub(super) fn limit(&mut self, packets: u64) {
        self.rtp_left = self.rtp_left.min(packets);
        self.rtcp_left = self.rtcp_left.min(packets);
    }

    pub(super) fn seal_rtp(&self, buf: &mut [u8], cut: Cut, index: u64) -> Result<usize, SrtpError> {
        match &self.rtp {
            Cipher::Cm(cm) => Ok(cm.seal_rtp(buf, cut, index, &self.mki)),
            Cipher::Gcm(gcm) => gcm.seal_rtp(buf, cut, index, &self.mki),
        }
    }

    pub(super) fn open_rtp(&self, packet: &mut [u8], cut: Cut, index: u64) -> Result<usize, SrtpError> {
        match &self.rtp {
            Cipher::Cm(cm) => cm.open_rtp(packet, cut, index),
            Cipher::Gcm(gcm) => gcm.open_rtp(packet, cut, index),
        }
    }

    pub(super) fn seal_rtcp(&self, buf: &mut [u8], cut: Cut, word: u32) -> Result<usize, SrtpError> {
        match &self.rtcp {
            Cipher::Cm(cm) => Ok(cm.seal_rtcp(buf, cut, word, &self.mki)),
            Cipher::Gcm(gcm) => gcm.seal_rtcp(buf, cut, word, &self.mki),
        }
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], cut: Cut, word: u32) -> Result<usize, SrtpError> {
        match &self.rtcp {
            Cipher::Cm(cm) => cm.open_rtcp(packet, cut, word),
            Cipher::Gcm(gcm) => gcm.open_rtcp(packet, cut, word),
        }
    }
}

/// Packets of RTP that one master key may protect (RFC 3711 §9.2).
pub(super) const RTP_LIFETIME: u64 = 1 << 48;
/// Packets of RTCP that one master key may protect (RFC 3711 §9.2).
pub(super) const RTCP_LIFETIME: u64 = 1 << 31;
