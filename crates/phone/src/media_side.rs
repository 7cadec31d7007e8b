//! The media side of one phone: its ports, its voice, and the talks it has on the packet clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use media::ledger::Stream;
use media::signal::Voice;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wire::{MediaSocket, Net};

use crate::config::RecordingTone;
use crate::fault::Fault;
use crate::machine::{CallNo, Machine, MediaOrder};
use crate::media_clock::{MediaClock, TalkId};
use crate::talk::{ForkTerms, GuestTerms, HeardCounts, Talk};

/// What the driver keeps of a phone's media.
pub(crate) struct MediaSide {
    pub(crate) net: Net,
    pub(crate) address: IpAddr,
    pub(crate) clock: MediaClock,
    pub(crate) rng: ChaCha20Rng,
    /// Where the voice is while no call has it.
    pub(crate) voice: Option<Voice>,
    pub(crate) jitter_depth: u32,
    pub(crate) faults: Vec<Fault>,
    pub(crate) recording_tone: RecordingTone,
    /// Bound ports that no stream uses at the moment.
    pub(crate) sockets: BTreeMap<u16, MediaSocket>,
    /// The talk of each call.
    pub(crate) talks: BTreeMap<CallNo, TalkId>,
    /// The call that has the voice.
    pub(crate) speaker: Option<CallNo>,
    pub(crate) is_muted: bool,
    pub(crate) streams: Vec<Stream>,
    pub(crate) heard: HeardCounts,
}

impl MediaSide {
    /// Binds the ports that the machine may need next.
    pub(crate) fn supply(&mut self, machine: &mut Machine) {
        while machine.wants_port() {
            let Some(socket) = self.another() else {
                tracing::warn!(address = %self.address, "no media port can be bound");
                return;
            };
            let port = socket.local_addr().port();
            self.sockets.insert(port, socket);
            machine.add_port(port);
        }
    }

    /// Carries out a change. What follows it is sent after it has taken effect.
    pub(crate) async fn obey(&mut self, order: MediaOrder) {
        match order {
            MediaOrder::Open { call, port } => self.open(call, port).await,
            MediaOrder::SetMain { call, terms } => {
                if terms.send.is_some() {
                    self.speak_in(call).await;
                }
                if let Some(talk) = self.talks.get(&call) {
                    self.clock.set_main(*talk, *terms);
                }
            }
            MediaOrder::StartFork { call, leg, port, opening } => {
                let forges = self.faults.iter().any(|fault| fault.leg() == leg && is_forgery(*fault));
                let elsewhere = forges.then(|| self.another()).flatten();
                if let (Some(talk), Some(socket)) = (self.talks.get(&call), self.sockets.remove(&port)) {
                    self.clock.start_fork(*talk, ForkTerms { leg, opening: *opening, socket, elsewhere });
                }
            }
            MediaOrder::TurnFork { call, leg, turn } => {
                if let Some(talk) = self.talks.get(&call) {
                    self.clock.turn_fork(*talk, leg, *turn);
                }
            }
            MediaOrder::StartGuest { call, port, opening, receive } => {
                if let (Some(talk), Some(socket)) = (self.talks.get(&call), self.sockets.remove(&port)) {
                    self.clock.start_guest(*talk, GuestTerms { opening: *opening, receive, socket });
                }
            }
            MediaOrder::StopGuest { call } => {
                if let Some(talk) = self.talks.get(&call) {
                    self.clock.stop_guest(*talk);
                }
            }
            MediaOrder::StopFork { call, leg } => {
                if let Some(talk) = self.talks.get(&call)
                    && let Some(socket) = self.clock.stop_fork(*talk, leg).await
                {
                    self.sockets.insert(socket.local_addr().port(), socket);
                }
            }
            MediaOrder::Free { port } => drop(self.sockets.remove(&port)),
            MediaOrder::Mute(is_muted) => {
                self.is_muted = is_muted;
                self.talks.values().for_each(|talk| self.clock.mute(*talk, is_muted));
            }
            MediaOrder::Dtmf { call, events } => {
                if let Some(talk) = self.talks.get(&call) {
                    self.clock.press(*talk, events);
                }
            }
            MediaOrder::Close { call } => self.close(call).await,
        }
    }

    async fn open(&mut self, call: CallNo, port: u16) {
        let Some(socket) = self.sockets.remove(&port) else { return };
        let rng = ChaCha20Rng::seed_from_u64(self.rng.next_u64());
        let mut talk = Talk::new(self.net.clock().clone(), rng, socket, self.jitter_depth, self.faults.clone());
        talk.mute(self.is_muted);
        talk.beep(self.recording_tone);
        self.talks.insert(call, self.clock.add(talk));
    }

    /// The user speaks in one call at a time: the voice goes to the call that begins to send, from wherever it is.
    async fn speak_in(&mut self, call: CallNo) {
        let Some(talk) = self.talks.get(&call).copied().filter(|_| self.speaker != Some(call)) else { return };
        let before = self.speaker.replace(call).and_then(|call| self.talks.get(&call));
        let voice = match before {
            Some(before) => self.clock.take_voice(*before).await,
            None => self.voice.take(),
        };
        self.clock.give_voice(talk, voice.unwrap_or_else(Voice::silence));
    }

    /// Ends a call's media and keeps what it leaves behind.
    async fn close(&mut self, call: CallNo) {
        let Some(talk) = self.talks.remove(&call) else { return };
        if self.talks.is_empty() {
            self.is_muted = false;
        }
        let Some(closed) = self.clock.close(talk).await else { return };
        self.streams.extend(closed.streams);
        self.heard.add(&closed.heard);
        if let Some(voice) = closed.voice {
            self.voice = Some(voice);
            self.speaker = None;
        }
    }

    /// Ends the media of all calls.
    pub(crate) async fn close_all(&mut self) {
        for call in self.talks.keys().copied().collect::<Vec<_>>() {
            self.close(call).await;
        }
    }

    /// Has the bridge misbehave, in the calls there are and in later ones.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
        for talk in self.talks.values() {
            let elsewhere = is_forgery(fault).then(|| self.another()).flatten();
            self.clock.inject(*talk, fault, elsewhere);
        }
    }

    /// Ends all misbehaviour.
    pub(crate) fn behave(&mut self) {
        self.faults.clear();
        self.talks.values().for_each(|talk| self.clock.behave(*talk));
    }

    fn another(&self) -> Option<MediaSocket> {
        self.net.media(SocketAddr::new(self.address, 0)).ok()
    }
}

fn is_forgery(fault: Fault) -> bool {
    matches!(fault, Fault::Forge { .. })
}
