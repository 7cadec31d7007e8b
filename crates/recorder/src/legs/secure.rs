//! The keys of an SRTP leg over its life: which context opens a packet.
//!
//! Usually the context of the key agreed last. Peers differ where RFC 3711 leaves room, or do not keep to it; each of
//! these is tried only with packets that the context refused, and believed only if the tag is right:
//!
//! - packets under the old key that were on their way when the key changed;
//! - a roll-over count that a change of key left as it was (RFC 3711 §3.3.1), where others begin at 0;
//! - a leg whose first packets, and the roll-over with them, were lost;
//! - a sequence that begins anew under the same key and source, as after a hold within the dialog.
//!
//! The last one looks like a replay, but for its RTP timestamp: what a stranger sends again was said before.

use std::time::{Duration, Instant};

use media::sdes::Crypto;
use media::srtp::{Context, SrtpError};

use crate::fault::Fault;

/// How long packets under the old key are still taken after a change of key.
const OLD_KEY: Duration = Duration::from_secs(2);
/// How often a leg that never proved itself is tried one roll-over later: the peer's first packets may have been
/// lost.
const LATE_JOINS: u32 = 16;
/// How many refused packets in a row are looked at as the first of a new sequence: each costs a new context.
const RESTARTS: u32 = 64;
/// Sources that one key may have, one after the other; who holds the key may well change it with every hold.
const SOURCES: usize = 1024;

/// The keys of an SRTP leg.
pub(crate) struct Secure {
    context: Context,
    crypto: Crypto,
    /// The context before a change of key, and until when it is asked.
    old: Option<(Context, Instant)>,
    /// The roll-over counts of the key before, by source.
    kept: Vec<(u32, u32)>,
    late_joins: u32,
    restarts: u32,
    said: Vec<Span>,
    /// The packet in hand as it came.
    copy: Vec<u8>,
    fault: Fault,
}

/// The RTP timestamps that a source has used in one sequence, from the first to the newest.
struct Span {
    ssrc: u32,
    first: u32,
    newest: u32,
    /// Whether another sequence followed.
    over: bool,
}

/// A packet that was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Bytes of the plain packet.
    pub(crate) len: usize,
    /// Whether its sequence begins anew with it.
    pub(crate) restarts: bool,
}

impl Secure {
    /// The keys that offer and answer agreed on; `None` for a line that cannot be used.
    pub(crate) fn new(crypto: &Crypto, fault: Fault) -> Option<Self> {
        Some(Self {
            context: context(crypto)?,
            crypto: crypto.clone(),
            old: None,
            kept: Vec::new(),
            late_joins: LATE_JOINS,
            restarts: RESTARTS,
            said: Vec::new(),
            copy: Vec::new(),
            fault,
        })
    }

    /// Whether a line asks for what is in force. The tag only ties an answer to its offer.
    pub(crate) fn has(&self, crypto: &Crypto) -> bool {
        let own = &self.crypto;
        own.suite == crypto.suite && own.keys == crypto.keys && own.session == crypto.session
    }

    /// These keys take the place of others.
    pub(crate) fn follow(&mut self, now: Instant, before: Self) {
        let sources = before.said.iter().map(|span| span.ssrc).chain(before.kept.iter().map(|(ssrc, _)| *ssrc));
        for ssrc in sources {
            let roc = before.context.roc(ssrc).or_else(|| before.kept_roc(ssrc)).unwrap_or_default();
            if self.kept_roc(ssrc).is_none() && self.kept.len() < SOURCES {
                self.kept.push((ssrc, roc));
            }
            // fault: it cannot be otherwise.
            if self.fault == Fault::KeepRollOver {
                self.context.set_roc(ssrc, roc);
            }
        }
        self.old = Some((before.context, now + OLD_KEY));
    }

    /// Opens the packet `buf[..len]` in place. `unproven` says that no packet of the leg was genuine yet. After an error
    /// the packet stands as it came.
    pub(crate) fn open(
        &mut self,
        now: Instant,
        buf: &mut [u8],
        len: usize,
        unproven: bool,
    ) -> Result<Opened, SrtpError> {
        self.copy.clear();
        self.copy.extend_from_slice(&buf[..len]);
        // Of a sequence that is over the context knows nothing any more.
        if self.was_said(true) {
            return Err(SrtpError::Replayed);
        }
        let error = match self.context.unprotect(buf, len) {
            Ok(plain) => {
                self.restarts = (self.restarts + 1).min(RESTARTS);
                self.say();
                return Ok(Opened { len: plain, restarts: false });
            }
            Err(error) => error,
        };
        if let Some(len) = self.open_with_the_old(now, buf) {
            return Ok(Opened { len, restarts: false });
        }
        let opened = self.open_with_kept_count(buf).or_else(|| self.open_late(buf, unproven));
        let opened = opened.map(|len| Opened { len, restarts: false });
        let opened = opened.or_else(|| self.open_anew(buf).map(|len| Opened { len, restarts: true }));
        if opened.is_some() {
            self.say();
        } else {
            buf[..len].copy_from_slice(&self.copy);
        }
        opened.ok_or(error)
    }

    /// Whether a packet that was refused as a repeat is one. Its bytes are unspecified then.
    pub(crate) fn is_authentic(&self, packet: &mut [u8]) -> bool {
        self.context.is_authentic(packet)
    }

    /// A context of this key that knows of this source only how often it rolled over.
    pub(crate) fn fresh(&self, ssrc: u32, roc: u32) -> Option<Context> {
        let mut fresh = context(&self.crypto)?;
        fresh.set_roc(ssrc, roc);
        Some(fresh)
    }

    /// The roll-over count of a source.
    pub(crate) fn roc(&self, ssrc: u32) -> u32 {
        self.context.roc(ssrc).unwrap_or_default()
    }

    fn open_with_the_old(&mut self, now: Instant, buf: &mut [u8]) -> Option<usize> {
        let (old, until) = self.old.as_mut()?;
        if now > *until {
            self.old = None;
            return None;
        }
        unseal(old, &self.copy, buf)
    }

    fn open_with_kept_count(&mut self, buf: &mut [u8]) -> Option<usize> {
        // fault: it is 0, or it is what it was.
        if matches!(self.fault, Fault::ForgetRollOver | Fault::KeepRollOver) {
            return None;
        }
        let ssrc = ssrc_of(&self.copy)?;
        let kept = self.kept_roc(ssrc).filter(|_| self.context.index(ssrc).is_none())?;
        for roc in [kept, kept.saturating_add(1)] {
            self.context.set_roc(ssrc, roc);
            if let Some(len) = unseal(&mut self.context, &self.copy, buf) {
                return Some(len);
            }
        }
        self.context.set_roc(ssrc, 0);
        None
    }

    fn open_late(&mut self, buf: &mut [u8], unproven: bool) -> Option<usize> {
        if !unproven || self.late_joins == 0 {
            return None;
        }
        self.late_joins -= 1;
        let mut later = self.fresh(ssrc_of(&self.copy)?, 1)?;
        let len = unseal(&mut later, &self.copy, buf)?;
        self.context = later;
        Some(len)
    }

    fn open_anew(&mut self, buf: &mut [u8]) -> Option<usize> {
        let ssrc = ssrc_of(&self.copy)?;
        self.context.index(ssrc)?;
        // fault: nothing begins anew.
        if matches!(self.fault, Fault::TakeRestartForReplay | Fault::KeepRollOver | Fault::ForgetRollOver) {
            return None;
        }
        if self.restarts == 0 || self.was_said(false) {
            return None;
        }
        self.restarts -= 1;
        let roc = self.roc(ssrc);
        for roc in [roc, 0, roc.saturating_add(1)] {
            if unseal(&mut self.fresh(ssrc, roc)?, &self.copy, buf).is_some() {
                // Twice, so that what was seen of the old sequence is forgotten even where the count stays.
                self.context.set_roc(ssrc, roc.wrapping_add(1));
                self.context.set_roc(ssrc, roc);
                self.said.iter_mut().filter(|span| span.ssrc == ssrc).for_each(|span| span.over = true);
                return unseal(&mut self.context, &self.copy, buf);
            }
        }
        None
    }

    fn kept_roc(&self, ssrc: u32) -> Option<u32> {
        self.kept.iter().find(|(known, _)| *known == ssrc).map(|(_, roc)| *roc)
    }

    /// Whether the timestamp of the packet in hand was used before, in a sequence that is over or in any.
    fn was_said(&self, over: bool) -> bool {
        let (Some(ssrc), Some(timestamp)) = (ssrc_of(&self.copy), timestamp_of(&self.copy)) else { return false };
        self.said.iter().any(|span| span.ssrc == ssrc && (span.over || !over) && span.holds(timestamp))
    }

    /// Notes the timestamp of a genuine packet.
    fn say(&mut self) {
        let (Some(ssrc), Some(timestamp)) = (ssrc_of(&self.copy), timestamp_of(&self.copy)) else { return };
        let newest = self.said.iter_mut().rev().find(|span| span.ssrc == ssrc && !span.over);
        if newest.is_some_and(|span| span.takes(timestamp)) {
            return;
        }
        if self.said.len() < SOURCES {
            self.said.push(Span { ssrc, first: timestamp, newest: timestamp, over: false });
        } else {
            // Who has used up the room is not believed to begin anew any more.
            self.restarts = 0;
        }
    }
}

impl Span {
    fn holds(&self, timestamp: u32) -> bool {
        timestamp.wrapping_sub(self.first) <= self.newest.wrapping_sub(self.first)
    }

    /// Whether the timestamp lies in the span or, near enough, at one of its ends, which then moves.
    fn takes(&mut self, timestamp: u32) -> bool {
        const NEAR: u32 = 8000 * 3600;
        if timestamp.wrapping_sub(self.newest) <= NEAR {
            self.newest = timestamp;
        } else if self.first.wrapping_sub(timestamp) <= 8000 {
            self.first = timestamp;
        }
        self.holds(timestamp)
    }
}

fn context(crypto: &Crypto) -> Option<Context> {
    crypto.context().ok().map(|context| context.with_max_sources(SOURCES))
}

fn unseal(context: &mut Context, packet: &[u8], buf: &mut [u8]) -> Option<usize> {
    buf[..packet.len()].copy_from_slice(packet);
    context.unprotect(buf, packet.len()).ok()
}

/// The source of a packet that may be encrypted (RFC 3550 §5.1).
pub(crate) fn ssrc_of(packet: &[u8]) -> Option<u32> {
    packet.get(8..)?.first_chunk().map(|ssrc| u32::from_be_bytes(*ssrc))
}

/// The timestamp of a packet that may be encrypted.
fn timestamp_of(packet: &[u8]) -> Option<u32> {
    packet.get(4..)?.first_chunk().map(|timestamp| u32::from_be_bytes(*timestamp))
}
