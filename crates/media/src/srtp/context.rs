//! The cryptographic context of one direction: which key, which sources, how far they are.

use std::fmt;

use super::cm::{Cut, E_BIT};
use super::key::MasterKey;
use super::session::Session;
use super::source::Sources;
use super::{KeyError, SrtpError, Suite};
use crate::rtp;

/// One direction of SRTP and SRTCP under one master key (or several, told apart by their MKI), for any number of
/// sources up to a limit.
///
/// Packets are sealed and opened in place, without allocation except for the first packet of a source. Nothing that
/// a packet claims changes the context before its tag is proven right. A context that seals must not also open:
/// both ends count their own indices.
pub struct Context {
    suite: Suite,
    sessions: Vec<Session>,
    /// The session that seals.
    active: usize,
    sources: Sources,
    encrypt_rtcp: bool,
}

/// Bytes that sealing may add to a packet at most: tag, SRTCP index word and the longest MKI.
pub const OVERHEAD: usize = 16 + 4 + MKI_MAX;

impl Context {
    /// A context that knows no source yet. The key must be as long as the suite needs; it may have been made for
    /// another suite of the same lengths.
    pub fn new(suite: Suite, key: &MasterKey) -> Result<Self, KeyError> {
        let key = MasterKey::from_bytes(suite, key.as_bytes())?;
        Ok(Self {
            suite,
            sessions: vec![Session::new(suite, &key, &[])?],
            active: 0,
            sources: Sources::new(DEFAULT_SOURCES, DEFAULT_WINDOW),
            encrypt_rtcp: true,
        })
    }

    /// Writes and demands a master key identifier of 1 to 128 bytes (RFC 3711 §3.1).
    pub fn with_mki(mut self, mki: &[u8]) -> Result<Self, KeyError> {
        check_mki(mki)?;
        if self.sessions.len() > 1 {
            return Err(KeyError::MkiClash);
        }
        self.sessions[0].mki = mki.into();
        Ok(self)
    }

    /// Also opens packets under a further key; the first key needs an identifier of the same length.
    pub fn with_further_key(mut self, mki: &[u8], key: &MasterKey) -> Result<Self, KeyError> {
        check_mki(mki)?;
        let key = MasterKey::from_bytes(self.suite, key.as_bytes())?;
        if self.sessions.iter().any(|known| known.mki.len() != mki.len() || *known.mki == *mki) {
            return Err(KeyError::MkiClash);
        }
        self.sessions.push(Session::new(self.suite, &key, mki)?);
        Ok(self)
    }

    /// Sets the replay window in packets, 128 by default: raised to a multiple of 64, within 64 and 32,768. For use
    /// before the first packet.
    pub fn with_window(mut self, packets: usize) -> Self {
        self.sources.window = packets.clamp(64, 32_768).next_multiple_of(64);
        self
    }

    /// Sets how many sources are remembered at most, 64 by default.
    pub fn with_max_sources(mut self, sources: usize) -> Self {
        self.sources.limit = sources;
        self
    }

    /// Lowers the lifetime of each key to this many packets of RTP, and as many of RTCP (RFC 4568 §6.1); by default
    /// 2^48 and 2^31 (RFC 3711 §9.2).
    pub fn with_lifetime(mut self, packets: u64) -> Self {
        self.sessions.iter_mut().for_each(|session| session.limit(packets));
        self
    }

    /// Sends SRTCP authenticated but in clear, and demands the same (`UNENCRYPTED_SRTCP`, RFC 4568 §6.3.2).
    pub fn with_unencrypted_rtcp(mut self) -> Self {
        self.encrypt_rtcp = false;
        self
    }

    /// From now on seals with the key of this identifier.
    pub fn select_key(&mut self, mki: &[u8]) -> Result<(), SrtpError> {
        self.active = self.session_of(mki)?;
        Ok(())
    }

    /// The suite.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Seals the RTP packet `buf[..len]` in place and returns its new length; `buf` needs room for tag and MKI, at
    /// most [`OVERHEAD`] bytes. A packet index is never sealed twice, as long as
    /// nobody moves the count away and back with [`set_roc`](Self::set_roc).
    pub fn protect(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buf.get(..len).ok_or(SrtpError::NoRoom { got: buf.len(), expected: len })?;
        let (cut, sequence) = cut_rtp(packet, 0)?;
        check_room(buf, len + self.trailer())?;
        let slot = self.sources.find(cut.ssrc);
        let index = self.sources.rtp_index(slot, sequence)?;
        self.sources.check_room(slot)?;
        let session = &mut self.sessions[self.active];
        let left = session.rtp_left.checked_sub(1).ok_or(SrtpError::KeyExhausted)?;
        let sealed = session.seal_rtp(buf, cut, index)?;
        session.rtp_left = left;
        self.sources.commit_rtp(slot, cut.ssrc, index);
        Ok(sealed)
    }

    /// Opens the SRTP packet `buf[..len]` in place and returns the length of the plain packet, which includes RTP
    /// padding. After an error the bytes of `buf[..len]` are unspecified.
    pub fn unprotect(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let got = buf.len();
        let packet = buf.get_mut(..len).ok_or(SrtpError::NoRoom { got, expected: len })?;
        let (cut, sequence) = cut_rtp(packet, self.trailer())?;
        let slot = self.sources.find(cut.ssrc);
        let index = self.sources.rtp_index(slot, sequence)?;
        let mki_behind = if self.suite.is_aead() { 0 } else { self.suite.tag_len() };
        let chosen = self.session_in(packet, mki_behind)?;
        let session = &mut self.sessions[chosen];
        let left = session.rtp_left.checked_sub(1).ok_or(SrtpError::KeyExhausted)?;
        let plain = session.open_rtp(packet, cut, index)?;
        self.sources.check_room(slot)?;
        session.rtp_left = left;
        self.sources.commit_rtp(slot, cut.ssrc, index);
        Ok(plain)
    }

    /// Whether a packet that [`Self::unprotect`] refused as [`SrtpError::Replayed`] or [`SrtpError::TooOld`] was sealed
    /// by the peer: a real repeat, not a forgery under a sequence number that was seen. That refusal costs nothing, as
    /// RFC 3711 §3.3 wants it, and leaves the packet as it came; who counts what came asks this afterwards. The bytes
    /// are unspecified then, and no state changes.
    pub fn is_authentic(&self, packet: &mut [u8]) -> bool {
        let Ok((cut, sequence)) = cut_rtp(packet, self.trailer()) else { return false };
        let nearest = self.sources.highest(cut.ssrc).map(|highest| rtp::nearest_index(highest, sequence));
        let mki_behind = if self.suite.is_aead() { 0 } else { self.suite.tag_len() };
        let Ok(chosen) = self.session_in(packet, mki_behind) else { return false };
        nearest.is_some_and(|index| self.sessions[chosen].open_rtp(packet, cut, index).is_ok())
    }

    /// Seals the compound RTCP packet `buf[..len]` in place, as [`Self::protect`]. The index starts at 1.
    pub fn protect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let packet = buf.get(..len).ok_or(SrtpError::NoRoom { got: buf.len(), expected: len })?;
        let cut = cut_rtcp(packet, 0)?;
        check_room(buf, len + self.rtcp_trailer())?;
        let slot = self.sources.find(cut.ssrc);
        let index = self.sources.next_rtcp_index(slot)?;
        self.sources.check_room(slot)?;
        let session = &mut self.sessions[self.active];
        let left = session.rtcp_left.checked_sub(1).ok_or(SrtpError::KeyExhausted)?;
        let word = if self.encrypt_rtcp { index | E_BIT } else { index };
        let sealed = session.seal_rtcp(buf, cut, word)?;
        session.rtcp_left = left;
        self.sources.commit_rtcp(slot, cut.ssrc, index);
        Ok(sealed)
    }

    /// Opens the SRTCP packet `buf[..len]` in place, as [`Self::unprotect`].
    pub fn unprotect_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let got = buf.len();
        let packet = buf.get_mut(..len).ok_or(SrtpError::NoRoom { got, expected: len })?;
        let cut = cut_rtcp(packet, self.rtcp_trailer())?;
        let (word_at, mki_behind) = match self.suite.is_aead() {
            true => (cut.end + self.suite.rtcp_tag_len(), 0),
            false => (cut.end, self.suite.rtcp_tag_len()),
        };
        let word = u32_at(packet, word_at);
        let index = word & !E_BIT;
        if (word & E_BIT != 0) != self.encrypt_rtcp {
            return Err(SrtpError::Unencrypted);
        }
        let slot = self.sources.find(cut.ssrc);
        self.sources.check_rtcp(slot, index)?;
        let chosen = self.session_in(packet, mki_behind)?;
        let session = &mut self.sessions[chosen];
        let left = session.rtcp_left.checked_sub(1).ok_or(SrtpError::KeyExhausted)?;
        let plain = session.open_rtcp(packet, cut, word)?;
        self.sources.check_room(slot)?;
        session.rtcp_left = left;
        self.sources.commit_rtcp(slot, cut.ssrc, index);
        Ok(plain)
    }

    /// The roll-over count of a source: that of its highest packet, or the one that was set.
    pub fn roc(&self, ssrc: u32) -> Option<u32> {
        self.sources.roc(ssrc)
    }

    /// Says that the next packet of this source lies in this roll-over period, as a receiver must who joins late
    /// (RFC 3711 §3.3.1). Where the count changes, the source's replay window starts anew; a sender that sets
    /// it back would use its key stream twice (RFC 3711 §9.1).
    pub fn set_roc(&mut self, ssrc: u32, roc: u32) {
        self.sources.set_roc(ssrc, roc);
    }

    /// The highest packet index (roll-over count * 2^16 + sequence number) handled of a source.
    pub fn index(&self, ssrc: u32) -> Option<u64> {
        self.sources.highest(ssrc)
    }

    /// How many sources are remembered.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    fn mki_len(&self) -> usize {
        self.sessions[0].mki.len()
    }

    fn trailer(&self) -> usize {
        self.suite.tag_len() + self.mki_len()
    }

    fn rtcp_trailer(&self) -> usize {
        self.suite.rtcp_tag_len() + 4 + self.mki_len()
    }

    /// The session that the packet's MKI names; the MKI lies `behind` bytes before the end.
    fn session_in(&self, packet: &[u8], behind: usize) -> Result<usize, SrtpError> {
        let end = packet.len() - behind;
        self.session_of(&packet[end - self.mki_len()..end])
    }

    fn session_of(&self, mki: &[u8]) -> Result<usize, SrtpError> {
        // Without identifiers there is one key; comparing nothing with nothing would cost 30 ns a packet.
        if mki.is_empty() && self.mki_len() == 0 {
            return Ok(0);
        }
        self.sessions.iter().position(|session| *session.mki == *mki).ok_or(SrtpError::UnknownMki)
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Context({}, {} keys, {} sources)", self.suite, self.sessions.len(), self.sources.len())
    }
}

/// Cuts an RTP packet that ends with a trailer of this length; also returns its sequence number.
fn cut_rtp(packet: &[u8], trailer: usize) -> Result<(Cut, u16), SrtpError> {
    let expected = rtp::HEADER_LEN + trailer;
    let too_short = SrtpError::TooShort { got: packet.len(), expected };
    if packet.len() < expected {
        return Err(too_short);
    }
    let end = packet.len() - trailer;
    let clear = rtp::header_len(&packet[..end]).map_err(SrtpError::BadHeader)?;
    let sequence = u16::from_be_bytes([packet[2], packet[3]]);
    Ok((Cut { ssrc: u32_at(packet, 8), clear, end }, sequence))
}

/// Cuts an RTCP packet that ends with a trailer of this length.
fn cut_rtcp(packet: &[u8], trailer: usize) -> Result<Cut, SrtpError> {
    let expected = RTCP_CLEAR + trailer;
    if packet.len() < expected {
        return Err(SrtpError::TooShort { got: packet.len(), expected });
    }
    let version = packet[0] >> 6;
    if version != 2 {
        return Err(SrtpError::BadHeader(rtp::RtpError::Version { got: version }));
    }
    Ok(Cut { ssrc: u32_at(packet, 4), clear: RTCP_CLEAR, end: packet.len() - trailer })
}

fn check_room(buf: &[u8], expected: usize) -> Result<(), SrtpError> {
    match buf.len() < expected {
        true => Err(SrtpError::NoRoom { got: buf.len(), expected }),
        false => Ok(()),
    }
}

fn check_mki(mki: &[u8]) -> Result<(), KeyError> {
    match (1..=MKI_MAX).contains(&mki.len()) {
        true => Ok(()),
        false => Err(KeyError::Mki { got: mki.len() }),
    }
}

/// The caller has checked that four bytes are there.
fn u32_at(packet: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([packet[at], packet[at + 1], packet[at + 2], packet[at + 3]])
}

/// The longest master key identifier (RFC 4568 §6.1).
const MKI_MAX: usize = 128;
/// Bytes of an RTCP packet that stay clear: its first header and the sender's SSRC (RFC 3711 §3.4).
const RTCP_CLEAR: usize = 8;
/// As in libsrtp; RFC 3711 §3.3.2 asks for at least 64.
const DEFAULT_WINDOW: usize = 128;
/// A leg of a call has one source, a second after hold or transfer; the bound only stops a flood.
const DEFAULT_SOURCES: usize = 64;
