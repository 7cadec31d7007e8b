//! A phone that has barged into the call: the built-in bridge mixes, and each of the three hears the two others.
//!
//! | who | hears |
//! |---|---|
//! | the other party | the user and the guest |
//! | the guest | the user and the other party |
//! | the recorder's near leg | the user |
//! | the recorder's far leg | the other party and the guest, which is what the user hears |
//!
//! What the two legs are while somebody has barged in is inferred: Cisco's texts do not say.

use std::time::Instant;

use media::codec::{Codec, Decoder};
use media::ledger::Stream;
use media::srtp::{MasterKey, Suite};
use wire::{Clock, MediaSocket};

use super::FRAME;
use super::incoming::{Heard, Incoming, Played};
use super::outgoing::{Opening, Outgoing, Said, Tick};

/// One packet's time of sound.
pub(super) type Frame = [i16; FRAME];

/// What signalling agreed with the guest.
#[derive(Debug)]
pub(crate) struct GuestTerms {
    pub(crate) opening: Opening,
    /// The key that opens what it says, none for RTP.
    pub(crate) receive: Option<(Suite, MasterKey)>,
    pub(crate) socket: MediaSocket,
}

/// The guest's stream in both directions.
pub(super) struct Guest {
    socket: MediaSocket,
    incoming: Incoming,
    ear: Ear,
    out: Outgoing,
    ticks: u32,
}

impl Guest {
    pub(super) fn open(terms: GuestTerms, depth: u32, now: Instant, clock: &Clock) -> Option<Self> {
        let GuestTerms { opening, receive, mut socket } = terms;
        // As with a fork: what cannot be reached does not answer either.
        let _ = socket.connect(opening.remote);
        let incoming = Incoming::new(receive.as_ref(), depth);
        let out = Outgoing::open(opening, socket.local_addr(), now, clock)?;
        Some(Self { socket, incoming, ear: Ear::default(), out, ticks: 0 })
    }

    /// What the guest says in this tick.
    pub(super) fn hear(&mut self) -> Option<Frame> {
        self.incoming.drain(&mut self.socket);
        match self.incoming.play() {
            Played::Packet(heard) => self.ear.sound(&heard),
            Played::Nothing | Played::Missing => None,
        }
    }

    /// Lets the guest hear the two others.
    pub(super) fn tell(&mut self, tick: Tick, own: Option<&Frame>, far: Option<&Frame>) -> u64 {
        let at = self.ticks.wrapping_mul(FRAME as u32);
        self.ticks = self.ticks.wrapping_add(1);
        let Some(frame) = mix(own, far) else { return 0 };
        let payload = self.out.encode(&frame);
        let payload_type = self.out.codec().payload_type();
        let said = Said { payload: &payload, payload_type, at, marker: false, heard: None };
        self.out.send(&mut self.socket, tick, &said);
        1
    }

    pub(super) fn close(self, now: Instant) -> Stream {
        self.out.close(now)
    }
}

/// What turns payloads into sound, whichever codec they come in.
#[derive(Debug, Default)]
pub(super) struct Ear(Option<Decoder>);

impl Ear {
    /// The sound of a packet of one frame at 8 kHz; none of what is no voice.
    pub(super) fn sound(&mut self, heard: &Heard) -> Option<Frame> {
        let codec = Codec::of_payload_type(heard.payload_type)?;
        if heard.payload.len() != FRAME {
            return None;
        }
        let decoder = self.0.take().filter(|decoder| decoder.codec() == codec);
        let decoder = self.0.insert(decoder.unwrap_or_else(|| Decoder::new(codec)));
        let mut samples = Vec::with_capacity(2 * FRAME);
        decoder.decode(&heard.payload, &mut samples);
        let wide = codec.samples_per_byte();
        // The mean of two samples of 16 kHz: no better filter is needed for what is mixed and coded anew.
        let mean = |part: &[i16]| (part.iter().map(|&sample| i32::from(sample)).sum::<i32>() / wide as i32) as i16;
        let mut frame = [0; FRAME];
        frame.iter_mut().zip(samples.chunks_exact(wide)).for_each(|(out, part)| *out = mean(part));
        Some(frame)
    }
}

/// Two voices at once; none where nobody speaks.
pub(super) fn mix(one: Option<&Frame>, other: Option<&Frame>) -> Option<Frame> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let mut mixed = *one;
            mixed.iter_mut().zip(other).for_each(|(sample, other)| *sample = sample.saturating_add(*other));
            Some(mixed)
        }
        (Some(alone), None) | (None, Some(alone)) => Some(*alone),
        (None, None) => None,
    }
}
