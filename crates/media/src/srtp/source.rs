//! What is remembered of each source: its roll-over count and which packets were handled.

use super::SrtpError;
use super::replay::Window;
use crate::rtp::nearest_index;

/// The sources of one context. A source enters only with an authentic packet, or by hand.
#[derive(Debug)]
pub(super) struct Sources {
    list: Vec<Source>,
    /// The place of the source asked for last: a stream of packets seldom changes its source.
    last: usize,
    pub(super) limit: usize,
    pub(super) window: usize,
}

/// The place of a known source in the list.
pub(super) type Slot = Option<usize>;

#[derive(Debug)]
struct Source {
    ssrc: u32,
    rtp: History,
    rtcp: Option<Window>,
}

#[derive(Debug)]
enum History {
    /// No packet yet; the first one lies in this roll-over period.
    Unseen {
        roc: u32,
    },
    Seen(Window),
}

impl Sources {
    pub(super) fn new(limit: usize, window: usize) -> Self {
        Self { list: Vec::new(), last: 0, limit, window }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    pub(super) fn find(&mut self, ssrc: u32) -> Slot {
        if self.list.get(self.last).is_some_and(|source| source.ssrc == ssrc) {
            return Some(self.last);
        }
        let slot = self.position(ssrc)?;
        self.last = slot;
        Some(slot)
    }

    /// The index of an RTP packet, if it may be handled now.
    pub(super) fn rtp_index(&self, slot: Slot, sequence: u16) -> Result<u64, SrtpError> {
        let index = match slot.map(|slot| &self.list[slot].rtp) {
            None => u64::from(sequence),
            Some(History::Unseen { roc }) => u64::from(*roc) << 16 | u64::from(sequence),
            Some(History::Seen(window)) => {
                let index = nearest_index(window.highest(), sequence);
                window.check(index)?;
                index
            }
        };
        if index >> 48 == 0 { Ok(index) } else { Err(SrtpError::KeyExhausted) }
    }

    /// Whether an RTCP packet of this index may be handled now.
    pub(super) fn check_rtcp(&self, slot: Slot, index: u32) -> Result<(), SrtpError> {
        match slot.and_then(|slot| self.list[slot].rtcp.as_ref()) {
            Some(window) => window.check(u64::from(index)),
            None => Ok(()),
        }
    }

    /// The index of the next RTCP packet that we send. The first is 1, as in libsrtp.
    pub(super) fn next_rtcp_index(&self, slot: Slot) -> Result<u32, SrtpError> {
        let sent = slot.and_then(|slot| self.list[slot].rtcp.as_ref()).map_or(0, Window::highest);
        if sent < (1 << 31) - 1 { Ok(sent as u32 + 1) } else { Err(SrtpError::KeyExhausted) }
    }

    /// Whether a new source may enter.
    pub(super) fn check_room(&self, slot: Slot) -> Result<(), SrtpError> {
        match slot.is_some() || self.list.len() < self.limit {
            true => Ok(()),
            false => Err(SrtpError::TooManySources { limit: self.limit }),
        }
    }

    /// Notes an RTP packet that was sent or proven authentic.
    pub(super) fn commit_rtp(&mut self, slot: Slot, ssrc: u32, index: u64) {
        let size = self.window;
        match &mut self.entry(slot, ssrc).rtp {
            History::Seen(window) => window.mark(index),
            unseen => *unseen = History::Seen(Window::starting_at(index, size)),
        }
    }

    /// Notes an RTCP packet that was sent or proven authentic.
    pub(super) fn commit_rtcp(&mut self, slot: Slot, ssrc: u32, index: u32) {
        let size = self.window;
        match &mut self.entry(slot, ssrc).rtcp {
            Some(window) => window.mark(u64::from(index)),
            none => *none = Some(Window::starting_at(u64::from(index), size)),
        }
    }

    pub(super) fn roc(&self, ssrc: u32) -> Option<u32> {
        Some(match &self.list[self.position(ssrc)?].rtp {
            History::Unseen { roc } => *roc,
            History::Seen(window) => (window.highest() >> 16) as u32,
        })
    }

    pub(super) fn highest(&self, ssrc: u32) -> Option<u64> {
        match &self.list[self.position(ssrc)?].rtp {
            History::Unseen { .. } => None,
            History::Seen(window) => Some(window.highest()),
        }
    }

    pub(super) fn set_roc(&mut self, ssrc: u32, roc: u32) {
        let slot = self.position(ssrc);
        if self.roc(ssrc) != Some(roc) || slot.is_none() {
            self.entry(slot, ssrc).rtp = History::Unseen { roc };
        }
    }

    fn position(&self, ssrc: u32) -> Slot {
        self.list.iter().position(|source| source.ssrc == ssrc)
    }

    fn entry(&mut self, slot: Slot, ssrc: u32) -> &mut Source {
        let slot = slot.unwrap_or_else(|| {
            self.list.push(Source { ssrc, rtp: History::Unseen { roc: 0 }, rtcp: None });
            self.list.len() - 1
        });
        &mut self.list[slot]
    }
}
