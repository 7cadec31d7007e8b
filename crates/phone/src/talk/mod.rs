//! The media of one call at one phone: hears and speaks on the main call, and forks both voices to a recorder.
//!
//! ```text
//!              main socket ──open──► in order ──┬──► (the user's ear)
//!                                               └──► far fork ──seal──► recorder
//!   voice ──G.711──┬──seal──► main socket
//!   keys ──events──┤
//!                  └──seal──► near fork ──► recorder
//! ```
//! One tick every 20 ms does all of it, in that order; nothing here waits or reads a clock. A fork whose packets are to be shorter
//! or longer packs anew what it is told.
//! RTCP is not sent: Cisco's phones send none unless told to.

pub(crate) mod digits;
mod fork;
mod guest;
mod incoming;
mod misbehave;
mod outgoing;
mod stale;
#[cfg(test)]
mod tests;
mod tone;

use std::time::Instant;

use media::codec::Codec;
use media::g711::{self, Law};
use media::ledger::{Leg, Stream};
use media::signal::Voice;
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use wire::{Clock, MediaSocket};

pub(crate) use guest::GuestTerms;
pub use incoming::HeardCounts;
pub(crate) use outgoing::{From, Opening, Turn};
pub(crate) use stale::{Overdue, Stale};

use self::digits::{Digits, EventPacket};
use self::fork::Fork;
use self::guest::{Ear, Frame, Guest, mix};
use self::incoming::{Incoming, Played};
use self::misbehave::Misbehaviour;
use self::outgoing::{Outgoing, Said, Tick};
use self::tone::Beeper;
use crate::config::RecordingTone;
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
pub(crate) struct Closed {
    /// All streams that were sent.
    pub(crate) streams: Vec<Stream>,
    /// What was heard.
    pub(crate) heard: HeardCounts,
    /// Streams that go on although they are over.
    pub(crate) stale: Vec<Stale>,
    /// The voice, if this call had it last, at the place where it stopped: the next call goes on there.
    pub(crate) voice: Option<Voice>,
}

/// A fork that was ended.
pub(crate) struct Stopped {
    /// Its port.
    pub(crate) socket: MediaSocket,
    /// The stream, where it is to go on ([`Fault::Stale`]).
    pub(crate) overdue: Option<Overdue>,
}

/// The media of one call.
pub(crate) struct Talk {
    clock: Clock,
    rng: ChaCha20Rng,
    socket: MediaSocket,
    /// None while the user speaks in another call.
    voice: Option<Voice>,
    /// What is said instead while the microphone is off.
    hush: Option<Voice>,
    digits: Digits,
    /// The payload type of a key, where the call has agreed on one.
    events: Option<u8>,
    depth: u32,
    incoming: Incoming,
    ear: Ear,
    main: Option<Outgoing>,
    /// Packet times since the main stream began.
    main_ticks: u32,
    forks: Vec<Fork>,
    /// A phone that has barged in.
    guest: Option<Guest>,
    beeper: Beeper,
    faults: Vec<Fault>,
    closed: Vec<Stream>,
}

impl Talk {
    /// The media of a call whose offer or answer names `socket`. It has no voice yet and waits `depth` ticks for late packets.
    pub(crate) fn new(clock: Clock, rng: ChaCha20Rng, socket: MediaSocket, depth: u32, faults: Vec<Fault>) -> Self {
        Self {
            clock,
            rng,
            socket,
            voice: None,
            hush: None,
            digits: Digits::default(),
            events: None,
            depth,
            incoming: Incoming::new(None, depth),
            ear: Ear::default(),
            main: None,
            main_ticks: 0,
            forks: Vec::new(),
            guest: None,
            beeper: Beeper::new(RecordingTone::default()),
            faults,
            closed: Vec::new(),
        }
    }

    /// Who hears the tone while the call is recorded.
    pub(crate) fn beep(&mut self, to: RecordingTone) {
        self.beeper = Beeper::new(to);
    }

    /// The user speaks in this call from now on.
    pub(crate) fn give_voice(&mut self, voice: Voice) {
        self.voice = Some(voice);
    }

    /// The user speaks in another call from now on.
    pub(crate) fn take_voice(&mut self) -> Option<Voice> {
        self.voice.take()
    }

    /// Switches the microphone off or on. What is said while it is off is silence with a dither that names each frame
    /// ([`Voice::speech`]): a recording of it can be told from one that lost the stream.
    pub(crate) fn mute(&mut self, is_muted: bool) {
        let rng = &mut self.rng;
        self.hush = is_muted.then(|| self.hush.take().unwrap_or_else(|| Voice::speech(Vec::new(), rng.next_u64())));
    }

    /// Presses keys.
    pub(crate) fn press(&mut self, events: &[u8]) {
        if self.main.is_some() && self.events.is_some() {
            self.digits.press(events);
        }
    }

    /// Puts new terms of the main call into force. The stream we send begins anew, with the SSRC and key of the terms; what we hear
    /// goes on if its key does, with the roll-over count it has.
    pub(crate) fn set_main(&mut self, now: Instant, terms: MainTerms) {
        if !self.incoming.is_under(terms.receive.as_ref()) {
            let counts = self.incoming.counts;
            self.incoming = Incoming::new(terms.receive.as_ref(), self.depth);
            self.incoming.counts = counts;
        }
        self.close_main(now);
        self.digits.clear();
        self.events = terms.send.as_ref().and_then(|opening| opening.events);
        // Nobody but the far end is heard while it is spoken to. A call that only listens takes what comes: CUCM may name a port of
        // music on hold that the music does not come from.
        let Some(opening) = terms.send else {
            let _ = self.socket.disconnect();
            return;
        };
        // On the operating system's network this fails only for an address that no route leads to; then nothing arrives either.
        let _ = self.socket.connect(opening.remote);
        self.main = Outgoing::open(opening, self.socket.local_addr(), now, &self.clock);
        self.main_ticks = 0;
    }

    /// Begins a fork, in place of the one of the same leg.
    pub(crate) fn start_fork(&mut self, now: Instant, terms: ForkTerms) {
        let ForkTerms { leg, opening, mut socket, elsewhere } = terms;
        self.stop_fork(now, leg);
        let _ = socket.connect(opening.remote);
        let mut misbehaviour = Misbehaviour::new(opening.key.as_ref(), elsewhere, &mut self.rng);
        self.faults.iter().filter(|fault| fault.leg() == leg).for_each(|fault| misbehaviour.inject(*fault));
        let Some(out) = Outgoing::open(opening, socket.local_addr(), now, &self.clock) else { return };
        self.forks.push(Fork::new(leg, socket, out, misbehaviour));
    }

    /// Has a fork go on otherwise, from the next packet on.
    pub(crate) fn turn_fork(&mut self, now: Instant, leg: Leg, turn: Turn) {
        let Some(at) = self.forks.iter().position(|fork| fork.leg == leg) else { return };
        let (before, fork) = self.forks.remove(at).turn(now, turn, &mut self.rng);
        self.closed.push(before);
        self.forks.extend(fork);
    }

    /// Ends a fork and gives its socket back.
    pub(crate) fn stop_fork(&mut self, now: Instant, leg: Leg) -> Option<Stopped> {
        let at = self.forks.iter().position(|fork| fork.leg == leg)?;
        let Fork { socket, out, ticks, .. } = self.forks.remove(at);
        if self.faults.contains(&Fault::Stale { leg }) {
            return Some(Stopped { socket, overdue: Some(Overdue::new(out, ticks)) });
        }
        self.closed.push(out.close(now));
        Some(Stopped { socket, overdue: None })
    }

    /// A phone has barged in, in place of an earlier one.
    pub(crate) fn start_guest(&mut self, now: Instant, terms: GuestTerms) {
        self.stop_guest(now);
        self.guest = Guest::open(terms, self.depth, now, &self.clock);
    }

    /// It has left.
    pub(crate) fn stop_guest(&mut self, now: Instant) {
        self.closed.extend(self.guest.take().map(|guest| guest.close(now)));
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
        let guest = self.guest.as_mut().and_then(Guest::hear);
        let beep = self.beeper.next(!self.forks.is_empty());
        let (to_other, to_user) = (beep.filter(|_| self.beeper.to.connected), beep.filter(|_| self.beeper.to.observed));
        let (own, said) = self.speak(tick, guest.as_ref(), to_other.as_ref());
        let added = mix(guest.as_ref(), to_user.as_ref());
        let (far, relayed) = self.relay(tick, added.as_ref());
        let told = self.guest.as_mut().map_or(0, |guest| guest.tell(tick, own.as_ref(), far.as_ref()));
        said + relayed + told
    }

    /// Our own voice or a key: one packet, to the other party and to the recorder's near leg. Gives what was said and how many packets
    /// were sent.
    fn speak(&mut self, tick: Tick, guest: Option<&Frame>, beep: Option<&Frame>) -> (Option<Frame>, u64) {
        let near = self.forks.iter_mut().find(|fork| fork.leg == Leg::Near);
        let Some((main, voice)) = self.main.as_mut().zip(self.voice.as_mut()) else {
            // Nothing is said, but time goes on.
            return (None, near.map_or(0, |fork| fork.pause(tick)));
        };
        let event = self.events.and_then(|payload_type| Some((payload_type, self.digits.next()?)));
        let mut samples = [0; FRAME];
        if event.is_none() {
            self.hush.as_mut().unwrap_or(voice).next_frame(&mut samples);
            samples = mix(Some(&samples), beep).unwrap_or(samples);
        }
        let both = mix(Some(&samples), guest).unwrap_or(samples);
        let payload = if event.is_none() { main.encode(&both) } else { [0; FRAME] };
        main.send(&mut self.socket, tick, &said(event.as_ref(), &payload, main.codec(), self.main_ticks));
        self.main_ticks = self.main_ticks.wrapping_add(1);
        let Some(fork) = near else { return (Some(samples), 1) };
        let payload = if event.is_none() { fork.out.encode(&samples) } else { [0; FRAME] };
        let forked = fork.send(tick, &said(event.as_ref(), &payload, fork.out.codec(), fork.ticks));
        fork.pass();
        (Some(samples), 1 + forked)
    }

    /// The other party's voice, as it was heard: one place of its time line, to the recorder's far leg; a guest's voice and the tone are mixed in. Gives
    /// the other party's sound and how many packets were sent.
    fn relay(&mut self, tick: Tick, added: Option<&Frame>) -> (Option<Frame>, u64) {
        let played = self.incoming.play();
        let far = match &played {
            Played::Packet(heard) if self.guest.is_some() || added.is_some() => self.ear.sound(heard),
            _ => None,
        };
        let Some(fork) = self.forks.iter_mut().find(|fork| fork.leg == Leg::Far) else { return (far, 0) };
        let mixed = added.and_then(|added| mix(far.as_ref(), Some(added)));
        let is_key = far.is_none() && matches!(played, Played::Packet(_));
        if let Some(frame) = mixed.filter(|_| !is_key) {
            let payload = fork.out.encode(&frame);
            let said = said(None, &payload, fork.out.codec(), fork.ticks);
            let sent = fork.send(tick, &said);
            fork.pass();
            return (far, sent);
        }
        let Played::Packet(heard) = played else {
            // What was not heard leaves a gap: the timestamp goes on, no packet is sent.
            return (far, fork.pause(tick));
        };
        let to = fork.out.codec();
        let translated = match Codec::of_payload_type(heard.payload_type) {
            // Coded anew, as what is mixed is: of 16 kHz no byte stands for itself.
            Some(from) if from != to && (from.law().is_none() || to.law().is_none()) => {
                self.ear.sound(&heard).map(|frame| fork.out.encode(&frame).to_vec())
            }
            _ => translate(&heard.payload, heard.payload_type, to),
        };
        let (payload, payload_type) = match &translated {
            Some(payload) => (payload.as_slice(), to.payload_type()),
            None => (heard.payload.as_slice(), heard.payload_type),
        };
        let said = Said {
            payload,
            payload_type,
            // All packets of a key bear the time at which it was pressed.
            at: fork.ticks.wrapping_mul(FRAME as u32).wrapping_sub(heard.back),
            marker: heard.marker,
            heard: Some(heard.index as u32),
        };
        let sent = fork.send(tick, &said);
        fork.pass();
        (far, sent)
    }

    fn close_main(&mut self, now: Instant) {
        if let Some(main) = self.main.take() {
            self.closed.push(main.close(now));
        }
    }

    /// Ends the call's media: all its streams in the order in which they ended.
    pub(crate) fn close(mut self, now: Instant) -> Closed {
        self.close_main(now);
        self.stop_guest(now);
        let mut stale = Vec::new();
        while let Some(leg) = self.forks.first().map(|fork| fork.leg) {
            let stopped = self.stop_fork(now, leg);
            stale.extend(stopped.and_then(|stopped| Some(stopped.overdue?.go_on(stopped.socket))));
        }
        Closed { streams: self.closed, heard: self.incoming.counts, stale, voice: self.voice }
    }
}

/// A packet of a key, or of what was said.
fn said<'a>(event: Option<&'a (u8, EventPacket)>, payload: &'a [u8], codec: Codec, ticks: u32) -> Said<'a> {
    let at = ticks.wrapping_mul(FRAME as u32);
    match event {
        Some((payload_type, event)) => Said {
            payload: &event.payload,
            payload_type: *payload_type,
            at: at.wrapping_sub(event.back),
            marker: event.is_first,
            heard: None,
        },
        None => Said { payload, payload_type: codec.payload_type(), at, marker: false, heard: None },
    }
}

/// What was heard in one law of G.711, in another one; `None` where it is in that one, or no voice at all.
fn translate(payload: &[u8], payload_type: u8, to: Codec) -> Option<Vec<u8>> {
    let to = to.law()?;
    let from = Law::of_payload_type(payload_type).filter(|law| *law != to)?;
    let samples: Vec<i16> = payload.iter().map(|byte| g711::decode(from, *byte)).collect();
    let mut translated = vec![0; samples.len()];
    g711::encode_into(to, &samples, &mut translated);
    Some(translated)
}
