//! The media of a site: its ports, the voices of its parties, the talks they are in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use ::media::ledger::{Leg, Stream};
use ::media::signal::Voice;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use wire::{MediaSocket, Net};

use super::site::{Order, Site};
use crate::machine::CallNo;
use crate::media_clock::{MediaClock, TalkId};
use crate::talk::{Closed, ForkTerms, HeardCounts, Opening, Talk};

/// What the driver keeps of a site's media.
pub(super) struct SiteMedia {
    pub(super) net: Net,
    pub(super) address: IpAddr,
    pub(super) clock: MediaClock,
    pub(super) rng: ChaCha20Rng,
    /// Voices of parties who speak in no call.
    pub(super) voices: BTreeMap<usize, Voice>,
    /// Bound ports that no call uses.
    pub(super) sockets: BTreeMap<u16, MediaSocket>,
    pub(super) talks: BTreeMap<CallNo, Talking>,
    pub(super) streams: Vec<Stream>,
    pub(super) heard: HeardCounts,
}

/// A talk and who speaks in it.
pub(super) struct Talking {
    id: TalkId,
    parties: Vec<usize>,
}

impl SiteMedia {
    /// Binds the ports that the site may need next.
    pub(super) fn supply(&mut self, site: &mut Site) {
        while site.wants_port() {
            let Ok(socket) = self.net.media(SocketAddr::new(self.address, 0)) else {
                tracing::warn!(address = %self.address, "no media port can be bound");
                return;
            };
            let port = socket.local_addr().port();
            self.sockets.insert(port, socket);
            site.add_port(port);
        }
    }

    pub(super) async fn obey(&mut self, order: Order) {
        match order {
            Order::Open { call, port } => self.open(call, port).await,
            Order::SetMain { call, terms } => {
                if let Some(talking) = self.talks.get(&call) {
                    self.clock.set_main(talking.id, *terms);
                }
            }
            Order::Speak { call, parties } => self.speak(call, parties).await,
            Order::Fork { call, openings } => self.fork(call, *openings).await,
            Order::Unfork { call } => self.unfork(call).await,
            Order::Close { call } => self.close(call).await,
        }
    }

    async fn open(&mut self, call: CallNo, port: u16) {
        self.close(call).await;
        let Some(socket) = self.sockets.remove(&port) else { return };
        let rng = ChaCha20Rng::seed_from_u64(self.rng.next_u64());
        let talk = Talk::new(self.net.clock().clone(), rng, socket, JITTER_DEPTH, Vec::new());
        let id = self.clock.add(talk);
        self.talks.insert(call, Talking { id, parties: Vec::new() });
    }

    /// Gives a call the voices of these parties, and back those that it had.
    async fn speak(&mut self, call: CallNo, parties: Vec<usize>) {
        let Some(talking) = self.talks.get_mut(&call) else { return };
        let (id, before) = (talking.id, std::mem::replace(&mut talking.parties, parties.clone()));
        if let Some(voice) = self.clock.take_voice(id).await {
            self.keep(&before, voice);
        }
        let mut voices: Vec<Voice> = parties.iter().filter_map(|party| self.voices.remove(party)).collect();
        let voice = if voices.len() == 1 { voices.pop() } else { Some(Voice::mixed(voices)) };
        self.clock.give_voice(id, voice.unwrap_or_else(Voice::silence));
    }

    /// Sends both voices of a call to a recorder, from two ports of their own.
    async fn fork(&self, call: CallNo, [heard, said]: [Opening; 2]) {
        self.unfork(call).await;
        let Some(talking) = self.talks.get(&call) else { return };
        // A talk names its forks from where it stands: near is what it says.
        for (leg, opening) in [(Leg::Far, heard), (Leg::Near, said)] {
            let Ok(socket) = self.net.media(SocketAddr::new(self.address, 0)) else {
                return tracing::warn!(address = %self.address, "no media port can be bound");
            };
            self.clock.start_fork(talking.id, ForkTerms { leg, opening, socket, elsewhere: None });
        }
    }

    async fn unfork(&self, call: CallNo) {
        let Some(talking) = self.talks.get(&call) else { return };
        for leg in Leg::ALL {
            drop(self.clock.stop_fork(talking.id, leg).await);
        }
    }

    fn keep(&mut self, parties: &[usize], voice: Voice) {
        self.voices.extend(parties.iter().copied().zip(voice.unmixed()));
    }

    /// Ends a call's media and keeps what it leaves behind.
    async fn close(&mut self, call: CallNo) {
        let Some(Talking { id, parties }) = self.talks.remove(&call) else { return };
        let Some(Closed { streams, heard, voice, .. }) = self.clock.close(id).await else { return };
        self.streams.extend(streams);
        self.heard.add(&heard);
        if let Some(voice) = voice {
            self.keep(&parties, voice);
        }
    }

    /// Ends the media of all calls.
    pub(super) async fn close_all(&mut self) {
        for call in self.talks.keys().copied().collect::<Vec<_>>() {
            self.close(call).await;
        }
    }
}

/// Packets that a site waits for one that is late.
const JITTER_DEPTH: u32 = 3;
