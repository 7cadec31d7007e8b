//! The faults of one bridge stream: what goes out instead of, and beside, its genuine packets.

use std::collections::VecDeque;

use media::ledger::{Fate, Nature};
use media::rtp::Header;
use media::srtp::{Context, MasterKey, OVERHEAD};
use rand_chacha::ChaCha20Rng;
use wire::MediaSocket;

use super::outgoing::{Buffer, LARGEST, Outgoing, Said, Tick, write};
use crate::description::OwnKey;
use crate::fault::Fault;

/// A packet that went out and can be replayed.
struct Past {
    bytes: Vec<u8>,
    header: Header,
    index: u64,
    payload: Vec<u8>,
    at: u32,
    heard: Option<u32>,
}

/// The faults of one stream and what they need.
pub(super) struct Misbehaviour {
    faults: Vec<Fault>,
    sent: u64,
    past: VecDeque<Past>,
    /// Seals the stream's own packets with a key that nobody was told.
    wrong: Option<Context>,
    /// Seals forged packets.
    forger: Option<Context>,
    /// The index of the next forged packet.
    forged: u64,
    /// The port that forged packets come from.
    elsewhere: Option<MediaSocket>,
}

impl Misbehaviour {
    /// No faults yet. `announced` is the key of the stream; the keys nobody was told are made for the same suite.
    pub(super) fn new(announced: Option<&OwnKey>, elsewhere: Option<MediaSocket>, rng: &mut ChaCha20Rng) -> Self {
        let mut foreign =
            || announced.and_then(|own| Context::new(own.suite, &MasterKey::generate(own.suite, rng)).ok());
        let (wrong, forger) = (foreign(), foreign());
        Self { faults: Vec::new(), sent: 0, past: VecDeque::new(), wrong, forger, forged: 0, elsewhere }
    }

    /// The stream has another key.
    pub(super) fn announce(&mut self, key: &OwnKey, rng: &mut ChaCha20Rng) {
        let fresh = Self::new(Some(key), None, rng);
        (self.wrong, self.forger) = (fresh.wrong, fresh.forger);
    }

    /// Adds a fault; one of the same kind is replaced.
    pub(super) fn inject(&mut self, fault: Fault) {
        // What becomes of the stream when it is over changes nothing before.
        if matches!(fault, Fault::Stale { .. }) {
            return;
        }
        self.faults.retain(|old| std::mem::discriminant(old) != std::mem::discriminant(&fault));
        self.faults.push(fault);
    }

    /// Has forged packets come from this port, if there is none yet.
    pub(super) fn forge_from(&mut self, elsewhere: Option<MediaSocket>) {
        if self.elsewhere.is_none() {
            self.elsewhere = elsewhere;
        }
    }

    /// Ends all faults.
    pub(super) fn clear(&mut self) {
        self.faults.clear();
    }

    /// Does any fault change what is sent?
    pub(super) fn is_active(&self) -> bool {
        !self.faults.is_empty()
    }

    /// Whether nothing is sent, and whether time stands still.
    pub(super) fn silence(&self) -> Option<bool> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::Silence { stalls, .. } => Some(*stalls),
            _ => None,
        })
    }

    /// Sends the packet that is due with everything that is wrong about it.
    pub(super) fn send(&mut self, out: &mut Outgoing, socket: &mut MediaSocket, tick: Tick, said: &Said<'_>) {
        if self.silence().is_some() {
            return;
        }
        let (header, index) = out.advance(said);
        let mut buf: Buffer = [0; LARGEST + OVERHEAD];
        let Some(plain) = write(&mut buf, header, said.payload) else {
            return out.note(tick, (header, index), said, Nature::Genuine, Fate::NotSent);
        };
        self.sent += 1;
        if self.faults.iter().any(|fault| matches!(fault, Fault::Loss { .. })) {
            let fate = out.seal(&mut buf, plain).map_or(Fate::NotSent, |_| Fate::Dropped);
            return out.note(tick, (header, index), said, Nature::Genuine, fate);
        }
        // Some receivers keep the first of two packets with one number, others the last: the clear one takes turns.
        let clear_first = self.sent.is_multiple_of(2);
        if clear_first {
            self.send_plain(out, socket, tick, said, (header, index));
        }
        let clear = socket.is_captured().then_some(buf);
        let (nature, len) = self.dress(out, &mut buf, plain);
        let fate = len.map_or(Fate::NotSent, |len| socket.send(tick.now, &buf[..len]));
        // What is not genuine has no clear form that anybody meant.
        if let Some(clear) = clear.filter(|_| nature == Nature::Genuine && fate != Fate::NotSent) {
            socket.show_clear(tick.now, None, &clear[..plain]);
        }
        out.note(tick, (header, index), said, nature, fate);
        if let Some(len) = len {
            self.remember(&buf[..len], (header, index), said, nature);
        }
        if !clear_first {
            self.send_plain(out, socket, tick, said, (header, index));
        }
        self.send_again(out, socket, tick);
        self.forge(out, tick, said);
    }

    /// Makes the packet what it is to be: genuine, in clear, sealed with the wrong key, or with a wrong tag.
    fn dress(&mut self, out: &mut Outgoing, buf: &mut Buffer, plain: usize) -> (Nature, Option<usize>) {
        let is_encrypted = self.wrong.is_some();
        let has = |wanted: fn(&Fault) -> bool| is_encrypted && self.faults.iter().any(wanted);
        if has(|fault| matches!(fault, Fault::Plain { instead: true, .. })) {
            return (Nature::Plain, Some(plain));
        }
        if has(|fault| matches!(fault, Fault::WrongKey { .. })) {
            let len = self.wrong.as_mut().and_then(|wrong| wrong.protect(buf, plain).ok());
            return (Nature::WrongKey, len);
        }
        let sealed = out.seal(buf, plain);
        let is_bad = self.faults.iter().any(
            |fault| matches!(fault, Fault::BadTag { every, .. } if is_encrypted && self.sent.is_multiple_of(u64::from((*every).max(1)))),
        );
        match sealed {
            // The last byte belongs to the tag in every suite, as no MKI is sent.
            Some(len) if is_bad => {
                buf[len - 1] ^= 1;
                (Nature::BadTag, Some(len))
            }
            sealed => (Nature::Genuine, sealed),
        }
    }

    fn remember(&mut self, bytes: &[u8], (header, index): (Header, u64), said: &Said<'_>, nature: Nature) {
        if nature != Nature::Genuine || !self.faults.iter().any(|fault| matches!(fault, Fault::Replay { .. })) {
            return;
        }
        if self.past.len() > REMEMBERED {
            self.past.pop_front();
        }
        let (payload, at, heard) = (said.payload.to_vec(), said.at, said.heard);
        self.past.push_back(Past { bytes: bytes.to_vec(), header, index, payload, at, heard });
    }

    /// Before or behind the genuine packet, one in clear with other audio under the same header.
    fn send_plain(
        &self,
        out: &mut Outgoing,
        socket: &mut MediaSocket,
        tick: Tick,
        said: &Said<'_>,
        place: (Header, u64),
    ) {
        let wanted = self.faults.iter().any(|fault| matches!(fault, Fault::Plain { instead: false, .. }));
        if !wanted || self.wrong.is_none() {
            return;
        }
        let payload = turned(said.payload);
        let other = Said { payload: &payload, ..*said };
        let mut buf: Buffer = [0; LARGEST + OVERHEAD];
        if let Some(len) = write(&mut buf, place.0, &payload) {
            let fate = socket.send(tick.now, &buf[..len]);
            out.note(tick, place, &other, Nature::Plain, fate);
        }
    }

    /// Sends a past packet again.
    fn send_again(&self, out: &mut Outgoing, socket: &mut MediaSocket, tick: Tick) {
        for fault in &self.faults {
            let Fault::Replay { every, back, .. } = *fault else { continue };
            if !self.sent.is_multiple_of(u64::from(every.max(1))) {
                continue;
            }
            let Some(past) = (self.past.len().checked_sub(1 + back as usize)).and_then(|at| self.past.get(at)) else {
                continue;
            };
            let fate = socket.send(tick.now, &past.bytes);
            let said = Said {
                payload: &past.payload,
                payload_type: past.header.payload_type,
                at: past.at,
                marker: past.header.marker,
                heard: past.heard,
            };
            out.note(tick, (past.header, past.index), &said, Nature::Replayed, fate);
        }
    }

    /// Sends packets of our making in the name of the stream. Their sequence numbers run ahead of it, `times` as fast: a receiver that
    /// believes a header before its tag is led astray.
    fn forge(&mut self, out: &mut Outgoing, tick: Tick, said: &Said<'_>) {
        let times = self.faults.iter().find_map(|fault| match *fault {
            Fault::Forge { times, .. } => Some(times),
            _ => None,
        });
        let (Some(times), Some(socket)) = (times, &mut self.elsewhere) else { return };
        let payload = turned(said.payload);
        for _ in 0..times {
            let ahead = self.forged.saturating_sub(out.next_index());
            let at = said.at.wrapping_add((ahead as u32 + 1).wrapping_mul(said.payload.len() as u32));
            let forged = Said { payload: &payload, at, heard: None, ..*said };
            let (header, index) = (out.header(&forged, ahead), out.next_index() + ahead);
            self.forged = index + 1;
            let mut buf: Buffer = [0; LARGEST + OVERHEAD];
            let Some(plain) = write(&mut buf, header, &payload) else { return };
            let sealed = match &mut self.forger {
                Some(forger) => forger.protect(&mut buf, plain).ok(),
                None => Some(plain),
            };
            let fate = sealed.map_or(Fate::NotSent, |len| socket.send_to(tick.now, out.destination(), &buf[..len]));
            out.note(tick, (header, index), &forged, Nature::Forged, fate);
        }
    }
}

/// The frame with its sign turned: the same loudness, no byte alike (in both laws the top bit is the sign).
pub(super) fn turned(payload: &[u8]) -> Vec<u8> {
    payload.iter().map(|byte| byte ^ 0x80).collect()
}

/// Packets kept for replays.
const REMEMBERED: usize = 64;
