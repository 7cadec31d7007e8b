//! The media side of one phone: its ports, its voice, and the talks it has on the packet clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use media::ledger::Stream;
use media::signal::Voice;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use tokio::sync::oneshot;
use wire::{MediaSocket, Net};

use crate::config::RecordingTone;
use crate::fault::Fault;
use crate::machine::{CallNo, Machine, MediaOrder};
use crate::media_clock::{MediaClock, TalkId};
use crate::talk::{ForkTerms, GuestTerms, HeardCounts, Overdue, Stale, Talk};

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
    /// Streams that were to end, by their ports: they go on when their dialogs are over.
    pub(crate) overdue: BTreeMap<u16, Overdue>,
    /// Those that go on.
    pub(crate) stale: Vec<TalkId>,
    /// Those that did, on their way.
    pub(crate) ended: Vec<oneshot::Receiver<Stream>>,
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
                self.give_up(port);
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
                    && let Some(stopped) = self.clock.stop_fork(*talk, leg).await
                {
                    let port = stopped.socket.local_addr().port();
                    self.sockets.insert(port, stopped.socket);
                    self.overdue.extend(stopped.overdue.map(|overdue| (port, overdue)));
                }
            }
            MediaOrder::Free { port } => {
                if let (Some(socket), Some(overdue)) = (self.sockets.remove(&port), self.overdue.remove(&port)) {
                    self.go_on(overdue.go_on(socket));
                }
            }
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
        closed.stale.into_iter().for_each(|stale| self.go_on(stale));
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
        self.behave();
        for ended in std::mem::take(&mut self.ended) {
            self.streams.extend(ended.await);
        }
    }

    fn go_on(&mut self, stale: Stale) {
        self.stale.push(self.clock.go_on(stale));
    }

    /// The stream of this port ends as it should.
    fn give_up(&mut self, port: u16) {
        let now = self.net.clock().now();
        self.streams.extend(self.overdue.remove(&port).map(|overdue| overdue.close(now)));
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
        self.overdue.keys().copied().collect::<Vec<_>>().into_iter().for_each(|port| self.give_up(port));
        self.ended.extend(self.stale.drain(..).map(|stale| self.clock.end_stale(stale)));
    }

    fn another(&self) -> Option<MediaSocket> {
        self.net.media(SocketAddr::new(self.address, 0)).ok()
    }
}

fn is_forgery(fault: Fault) -> bool {
    matches!(fault, Fault::Forge { .. })
}
