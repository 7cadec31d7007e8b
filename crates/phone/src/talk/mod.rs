//! The media of one call at one phone: hears and speaks on the main call, and forks both voices to a recorder.
//!
//! ```text
//!              main socket ──open──► in order ──┬──► (the user's ear)
//!                                               └──► far fork ──seal──► recorder
//!   voice ──G.711──┬──seal──► main socket
//!                  └──seal──► near fork ──► recorder
//! ```
//! One tick every 20 ms does all of it, each stream at most one packet, in that order; nothing here waits or reads a clock.
//! RTCP is not sent: Cisco's phones send none unless told to.

mod incoming;
mod misbehave;
mod outgoing;
#[cfg(test)]
mod tests;

use std::time::Instant;

use media::g711;
use media::ledger::{Leg, Stream};
use media::signal::Voice;
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use wire::{Clock, MediaSocket};

pub use incoming::HeardCounts;
pub(crate) use outgoing::Opening;

use self::incoming::{Incoming, Played};
use self::misbehave::Misbehaviour;
use self::outgoing::{Outgoing, Said, Tick};
use crate::fault::Fault;

/// Samples of one packet: 20 ms.
const FRAME: usize = 160;

/// What signalling agreed for the main call.
#[derive(Debug)]
pub(crate) struct MainTerms {
    /// The stream we send; none while the call is held.
    pub(crate) send: Option<Opening>,
    /// The key that opens what we hear, none for RTP.
    pub(crate) receive: Option<(Suite, MasterKey)>,
}

/// A stream of the built-in bridge.
#[derive(Debug)]
pub(crate) struct ForkTerms {
    pub(crate) leg: Leg,
    pub(crate) opening: Opening,
    pub(crate) socket: MediaSocket,
    /// The port for forged packets.
    pub(crate) elsewhere: Option<MediaSocket>,
}

/// What a call's media leaves behind.
#[derive(Debug)]
pub(crate) struct Closed {
    /// All streams that were sent.
    pub(crate) streams: Vec<Stream>,
    /// What was heard.
    pub(crate) heard: HeardCounts,
    /// The voice, at the place where it stopped: the next call goes on there.
    pub(crate) voice: Voice,
}

/// The media of one call.
pub(crate) struct Talk {
    clock: Clock,
    rng: ChaCha20Rng,
    socket: MediaSocket,
    voice: Voice,
    depth: u32,
    incoming: Incoming,
    main: Option<Outgoing>,
    /// Packet times since the main stream began.
    main_ticks: u32,
    forks: Vec<Fork>,
    faults: Vec<Fault>,
    closed: Vec<Stream>,
}

struct Fork {
    leg: Leg,
    socket: MediaSocket,
    out: Outgoing,
    /// Packet times since the fork began.
    ticks: u32,
    misbehaviour: Misbehaviour,
}

impl Talk {
    /// The media of a call whose offer or answer names `socket`. It says nothing yet and waits `depth` ticks for late packets.
    pub(crate) fn new(
        clock: Clock,
        rng: ChaCha20Rng,
        socket: MediaSocket,
        voice: Voice,
        depth: u32,
        faults: Vec<Fault>,
    ) -> Self {
        Self {
            clock,
            rng,
            socket,
            voice,
            depth,
            incoming: Incoming::new(None, depth),
            main: None,
            main_ticks: 0,
            forks: Vec::new(),
            faults,
            closed: Vec::new(),
        }
    }

    /// Puts new terms of the main call into force. The stream we send begins anew, with the SSRC and key of the terms.
    pub(crate) fn set_main(&mut self, now: Instant, terms: MainTerms) {
        let counts = self.incoming.counts;
        self.incoming = Incoming::new(terms.receive.as_ref(), self.depth);
        self.incoming.counts = counts;
        self.close_main(now);
        if let Some(opening) = terms.send {
            // On the operating system's network this fails only for an address that no route leads to; then nothing arrives either.
            let _ = self.socket.connect(opening.remote);
            self.main = Outgoing::open(opening, self.socket.local_addr(), now, &self.clock);
            self.main_ticks = 0;
        }
    }

    /// Begins a fork, in place of the one of the same leg.
    pub(crate) fn start_fork(&mut self, now: Instant, terms: ForkTerms) {
        let ForkTerms { leg, opening, mut socket, elsewhere } = terms;
        self.stop_fork(now, leg);
        let _ = socket.connect(opening.remote);
        let mut misbehaviour = Misbehaviour::new(opening.key.as_ref(), elsewhere, &mut self.rng);
        self.faults.iter().filter(|fault| fault.leg() == leg).for_each(|fault| misbehaviour.inject(*fault));
        let Some(out) = Outgoing::open(opening, socket.local_addr(), now, &self.clock) else { return };
        self.forks.push(Fork { leg, socket, out, ticks: 0, misbehaviour });
    }

    /// Ends a fork and gives its socket back.
    pub(crate) fn stop_fork(&mut self, now: Instant, leg: Leg) -> Option<MediaSocket> {
        let at = self.forks.iter().position(|fork| fork.leg == leg)?;
        let Fork { socket, out, .. } = self.forks.remove(at);
        self.closed.push(out.close(now));
        Some(socket)
    }

    /// Has the bridge misbehave from now on; forged packets come from `elsewhere`.
    pub(crate) fn inject(&mut self, fault: Fault, elsewhere: Option<MediaSocket>) {
        self.faults.push(fault);
        if let Some(fork) = self.forks.iter_mut().find(|fork| fork.leg == fault.leg()) {
            fork.misbehaviour.inject(fault);
            fork.misbehaviour.forge_from(elsewhere);
        }
    }

    /// Ends all misbehaviour.
    pub(crate) fn behave(&mut self) {
        self.faults.clear();
        self.forks.iter_mut().for_each(|fork| fork.misbehaviour.clear());
    }

    /// The work of 20 ms: how many packets were sent.
    pub(crate) fn tick(&mut self, due: Instant, now: Instant) -> u64 {
        let tick = Tick { due, now };
        self.incoming.drain(&mut self.socket);
        self.speak(tick) + self.relay(tick)
    }

    /// Our own voice: one frame, to the other party and to the recorder's near leg.
    fn speak(&mut self, tick: Tick) -> u64 {
        let Some(main) = &mut self.main else { return 0 };
        let mut samples = [0; FRAME];
        self.voice.next_frame(&mut samples);
        let mut payload = [0; FRAME];
        g711::encode_into(main.law(), &samples, &mut payload);
        let payload_type = main.law().payload_type();
        let said = |at: u32| Said { payload: &payload, payload_type, at, marker: false, heard: None };
        main.send(&mut self.socket, tick, &said(self.main_ticks.wrapping_mul(FRAME as u32)));
        self.main_ticks = self.main_ticks.wrapping_add(1);
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.leg == Leg::Near) else { return 1 };
        fork.send(tick, &said(fork.ticks.wrapping_mul(FRAME as u32)));
        fork.pass();
        2
    }

    /// The other party's voice, as it was heard: one place of its time line, to the recorder's far leg.
    fn relay(&mut self, tick: Tick) -> u64 {
        let played = self.incoming.play();
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.leg == Leg::Far) else { return 0 };
        let is_heard = matches!(played, Played::Packet(_));
        if let Played::Packet(heard) = played {
            let said = Said {
                payload: &heard.payload,
                payload_type: heard.payload_type,
                at: fork.ticks.wrapping_mul(FRAME as u32),
                marker: heard.marker,
                heard: Some(heard.index as u32),
            };
            fork.send(tick, &said);
        }
        // What was not heard leaves a gap: the timestamp goes on, no packet is sent.
        fork.pass();
        u64::from(is_heard)
    }

    fn close_main(&mut self, now: Instant) {
        if let Some(main) = self.main.take() {
            self.closed.push(main.close(now));
        }
    }

    /// Ends the call's media: all its streams in the order in which they ended.
    pub(crate) fn close(mut self, now: Instant) -> Closed {
        self.close_main(now);
        while let Some(leg) = self.forks.first().map(|fork| fork.leg) {
            self.stop_fork(now, leg);
        }
        Closed { streams: self.closed, heard: self.incoming.counts, voice: self.voice }
    }
}

impl Fork {
    fn send(&mut self, tick: Tick, said: &Said<'_>) {
        if self.misbehaviour.is_active() {
            self.misbehaviour.send(&mut self.out, &mut self.socket, tick, said);
        } else {
            self.out.send(&mut self.socket, tick, said);
        }
    }

    fn pass(&mut self) {
        self.ticks = self.ticks.wrapping_add(1);
    }
}
