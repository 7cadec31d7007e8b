//! The four transaction machines of RFC 3261 §17 with RFC 6026, each without knowledge of matching or flows.

pub(crate) mod client_invite;
pub(crate) mod client_plain;
pub(crate) mod server_invite;
pub(crate) mod server_plain;

use std::time::{Duration, Instant};

use crate::event::{Timers, Transport};
use crate::message::Message;

pub(crate) use client_invite::ClientInvite;
pub(crate) use client_plain::ClientPlain;
pub(crate) use server_invite::ServerInvite;
pub(crate) use server_plain::ServerPlain;

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Put this on the wire.
    Send(Message),
    /// Give this response, or ACK, to the layer above.
    Deliver(Message),
    /// The CANCEL that was asked for may go now.
    Cancel,
    /// No final answer came in time.
    TimedOut,
    /// No ACK came in time.
    AckMissing,
}

/// The timers of one transaction, with what the transport does to them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) t1: Duration,
    pub(crate) t2: Duration,
    t4: Duration,
    is_lossy: bool,
    pub(crate) trying_after: Option<Duration>,
}

impl Pace {
    pub(crate) fn new(timers: &Timers, transport: Transport) -> Self {
        let is_lossy = timers.cucm_style || !transport.is_reliable();
        // A pause of nothing would repeat without end.
        let t1 = timers.t1.max(Duration::from_millis(1));
        Self { t1, t2: timers.t2.max(t1), t4: timers.t4, is_lossy, trying_after: timers.trying_after }
    }

    /// 64*T1: timers B, F, H, L, M, and D and J where messages may be lost or repeated.
    pub(crate) fn patience(&self) -> Duration {
        self.t1 * 64
    }

    /// Timers D and J: how long a finished transaction answers repeats.
    pub(crate) fn linger(&self) -> Duration {
        if self.is_lossy { self.patience() } else { Duration::ZERO }
    }

    /// Timers I and K: how long a settled transaction absorbs repeats.
    pub(crate) fn settle(&self) -> Duration {
        if self.is_lossy { self.t4 } else { Duration::ZERO }
    }

    /// Repeats of requests, and of a final answer other than 2xx, if the transport needs them.
    pub(crate) fn repeats(&self, now: Instant) -> Option<Repeat> {
        self.is_lossy.then(|| Repeat::new(now, self.t1))
    }
}

/// When to send again, with doubling pauses (timers A, E, G).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeat {
    pub(crate) at: Instant,
    pause: Duration,
}

impl Repeat {
    pub(crate) fn new(now: Instant, pause: Duration) -> Self {
        Self { at: now + pause, pause }
    }

    /// The one after this, `cap` being the longest pause.
    pub(crate) fn next(self, now: Instant, cap: Option<Duration>) -> Self {
        let doubled = self.pause * 2;
        Self::new(now, cap.map_or(doubled, |cap| doubled.min(cap)))
    }
}

/// The earlier of a repeat and an end.
pub(crate) fn earliest(repeat: Option<&Repeat>, end: Instant) -> Instant {
    repeat.map_or(end, |repeat| repeat.at.min(end))
}

#[cfg(test)]
pub(crate) mod rig {
    //! What the tests of the machines share: one INVITE, answers to it, a clock of milliseconds.

    use super::*;
    use crate::Builder;

    #[expect(clippy::disallowed_methods, reason = "an Instant can be had in no other way; only its distances count")]
    pub(crate) fn beginning() -> Instant {
        Instant::now()
    }

    pub(crate) fn pace(transport: Transport) -> Pace {
        Pace::new(&Timers::default(), transport)
    }

    pub(crate) fn request(method: &str) -> Message {
        Builder::request(method, "sip:b@h")
            .header("Via", "SIP/2.0/UDP a;branch=z9hG4bK1")
            .header("Via", "SIP/2.0/UDP before;branch=z9hG4bK0")
            .header("Route", "<sip:p;lr>")
            .header("From", "<sip:a@h>;tag=f")
            .header("To", "<sip:b@h>")
            .header("Call-ID", "1@a")
            .header("CSeq", format_args!("101 {method}"))
            .finish()
    }

    pub(crate) fn answer(method: &str, code: u16, tag: &str) -> Message {
        Builder::reply(&request(method), code, "Reason", Some(tag)).finish()
    }

    pub(crate) fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// The milliseconds at which a machine acted, and how, until it has no deadline or `until` is past.
    pub(crate) fn run(
        start: Instant,
        until: Duration,
        mut step: impl FnMut(Option<Instant>, &mut Vec<Action>) -> Option<Instant>,
    ) -> Vec<(u128, Action)> {
        let mut log = Vec::new();
        let mut deadline = step(None, &mut Vec::new());
        while let Some(now) = deadline.filter(|now| *now <= start + until) {
            let mut out = Vec::new();
            deadline = step(Some(now), &mut out);
            assert!(deadline.is_none_or(|next| next > now), "a deadline must move on");
            log.extend(out.into_iter().map(|action| ((now - start).as_millis(), action)));
        }
        log
    }
}
