//! The media side of one phone: its ports, its voice, and the talk it has on the packet clock.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use media::ledger::Stream;
use media::signal::Voice;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wire::{MediaSocket, Net};

use crate::fault::Fault;
use crate::machine::{Machine, MediaOrder};
use crate::media_clock::{MediaClock, TalkId};
use crate::talk::{ForkTerms, HeardCounts, Talk};

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
    /// Bound ports that no stream uses at the moment.
    pub(crate) sockets: BTreeMap<u16, MediaSocket>,
    pub(crate) talk: Option<TalkId>,
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
            MediaOrder::Open { port } => self.open(port).await,
            MediaOrder::SetMain(terms) => {
                if let Some(talk) = self.talk {
                    self.clock.set_main(talk, *terms);
                }
            }
            MediaOrder::StartFork { leg, port, opening } => {
                let forges = self.faults.iter().any(|fault| fault.leg() == leg && is_forgery(*fault));
                let elsewhere = forges.then(|| self.another()).flatten();
                if let (Some(talk), Some(socket)) = (self.talk, self.sockets.remove(&port)) {
                    self.clock.start_fork(talk, ForkTerms { leg, opening: *opening, socket, elsewhere });
                }
            }
            MediaOrder::StopFork { leg } => {
                if let Some(talk) = self.talk
                    && let Some(socket) = self.clock.stop_fork(talk, leg).await
                {
                    self.sockets.insert(socket.local_addr().port(), socket);
                }
            }
            MediaOrder::Free { port } => drop(self.sockets.remove(&port)),
            MediaOrder::Close => self.close().await,
        }
    }

    async fn open(&mut self, port: u16) {
        self.close().await;
        let Some(socket) = self.sockets.remove(&port) else { return };
        let voice = self.voice.take().unwrap_or_else(Voice::silence);
        let rng = ChaCha20Rng::seed_from_u64(self.rng.next_u64());
        let talk = Talk::new(self.net.clock().clone(), rng, socket, voice, self.jitter_depth, self.faults.clone());
        self.talk = Some(self.clock.add(talk));
    }

    /// Ends the call's media and keeps what it leaves behind.
    pub(crate) async fn close(&mut self) {
        let Some(talk) = self.talk.take() else { return };
        let Some(closed) = self.clock.close(talk).await else { return };
        self.streams.extend(closed.streams);
        self.heard.add(&closed.heard);
        self.voice = Some(closed.voice);
    }

    /// Has the bridge misbehave, in this call and later ones.
    pub(crate) fn inject(&mut self, fault: Fault) {
        self.faults.push(fault);
        let elsewhere = is_forgery(fault).then(|| self.another()).flatten();
        if let Some(talk) = self.talk {
            self.clock.inject(talk, fault, elsewhere);
        }
    }

    /// Ends all misbehaviour.
    pub(crate) fn behave(&mut self) {
        self.faults.clear();
        if let Some(talk) = self.talk {
            self.clock.behave(talk);
        }
    }

    fn another(&self) -> Option<MediaSocket> {
        self.net.media(SocketAddr::new(self.address, 0)).ok()
    }
}

fn is_forgery(fault: Fault) -> bool {
    matches!(fault, Fault::Forge { .. })
}
