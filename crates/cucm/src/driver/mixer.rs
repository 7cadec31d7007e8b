//! The conference bridge as it is on the wire: a socket for each member, and one packet clock that mixes.
//!
//! ```text
//!   member's socket ──open──► in order ──┐
//!   member's socket ──open──► in order ──┼── sum, less one's own ──G.711──seal──► member
//!   member's socket ──open──► in order ──┘
//! ```

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use media::ledger::Stream;
use media::sdes::Crypto;
use media::signal::Voice;
use media::wheel::{Key, SLOT, Wheel};
use tokio::sync::oneshot;
use wire::{Clock, MediaSocket, Net, Pace, PacerHandle};

use super::ear::Ear;
use super::sender::{SAMPLES, Sender};
use crate::engine::{ConferenceId, MixOrder, PortTerms};

/// The bridge. Its packet clock starts with the first conference.
pub(super) struct Mixer {
    net: Net,
    state: State,
}

enum State {
    Silent(BTreeMap<u16, MediaSocket>),
    Mixing { orders: mpsc::Sender<Order>, pacer: PacerHandle },
}

enum Order {
    Bind(Box<MediaSocket>),
    Mix(MixOrder),
    Finish(oneshot::Sender<Vec<Stream>>),
}

impl Mixer {
    pub(super) fn new(net: Net) -> Self {
        Self { net, state: State::Silent(BTreeMap::new()) }
    }

    /// Gives the bridge a port.
    pub(super) fn bind(&mut self, socket: MediaSocket) {
        match &mut self.state {
            State::Silent(sockets) => {
                sockets.insert(socket.local_addr().port(), socket);
            }
            State::Mixing { .. } => self.order(Order::Bind(Box::new(socket))),
        }
    }

    pub(super) fn mix(&mut self, order: MixOrder) {
        if let State::Silent(sockets) = &mut self.state {
            let (orders, inbox) = mpsc::channel();
            let clock = self.net.clock().clone();
            let mut desk = Desk {
                inbox,
                spare: std::mem::take(sockets),
                wheel: Wheel::new(clock.now()),
                rooms: BTreeMap::new(),
                seats: BTreeMap::new(),
                clock,
                mixed: Vec::new(),
            };
            let pacer = self.net.pacer(SLOT, move |_, now| desk.turn(now));
            self.state = State::Mixing { orders, pacer };
        }
        self.order(Order::Mix(order));
    }

    /// Ends all conferences and gives what was sent in them.
    pub(super) async fn finish(self) -> Vec<Stream> {
        let (reply, mixed) = oneshot::channel();
        self.order(Order::Finish(reply));
        let State::Mixing { pacer, .. } = self.state else {
            return Vec::new();
        };
        let mixed = mixed.await.unwrap_or_default();
        // A body that panicked has answered nothing.
        let _ = pacer.join().await;
        mixed
    }

    fn order(&self, order: Order) {
        if let State::Mixing { orders, pacer } = &self.state {
            // A clock that has died mixes nothing; whoever waits for it hears that.
            let _ = orders.send(order);
            pacer.wake();
        }
    }
}

/// The body of the packet clock.
struct Desk {
    inbox: mpsc::Receiver<Order>,
    spare: BTreeMap<u16, MediaSocket>,
    wheel: Wheel<Room>,
    rooms: BTreeMap<ConferenceId, Key>,
    /// In which conference each port is.
    seats: BTreeMap<u16, ConferenceId>,
    clock: Clock,
    mixed: Vec<Stream>,
}

/// One conference.
#[derive(Default)]
struct Room {
    seats: BTreeMap<u16, Seat>,
}

/// One member's port.
struct Seat {
    socket: MediaSocket,
    ear: Ear,
    mouth: Option<Mouth>,
}

/// What a member is sent.
struct Mouth {
    /// What is said where nobody says anything: silence whose frames can be told apart.
    hush: Voice,
    sender: Sender,
}

impl Desk {
    fn turn(&mut self, now: Instant) -> Pace {
        if self.wheel.is_empty() {
            // Nobody has missed the slots that passed while the wheel stood empty.
            self.wheel.advance(now, |_, _, _| {});
        }
        while let Ok(order) = self.inbox.try_recv() {
            match order {
                Order::Bind(socket) => {
                    self.spare.insert(socket.local_addr().port(), *socket);
                }
                Order::Mix(order) => self.obey(now, order),
                Order::Finish(reply) => {
                    for port in self.seats.keys().copied().collect::<Vec<_>>() {
                        self.close(now, port);
                    }
                    // Whoever asked may have gone.
                    let _ = reply.send(std::mem::take(&mut self.mixed));
                }
            }
        }
        let clock = &self.clock;
        self.wheel.advance(now, |due, _, room| room.tick(due, clock));
        Pace::Next(self.wheel.next_due().unwrap_or(now + IDLE))
    }

    fn obey(&mut self, now: Instant, order: MixOrder) {
        match order {
            MixOrder::Connect { conference, port, terms } => self.connect(now, conference, port, *terms),
            MixOrder::Disconnect { port } => {
                let ended_us = self.clock.since_epoch_us(now);
                let ended = self.seat(port).and_then(Seat::disconnect);
                self.keep(ended, ended_us);
            }
            MixOrder::Close { port } => self.close(now, port),
        }
    }

    fn connect(&mut self, now: Instant, conference: ConferenceId, port: u16, terms: PortTerms) {
        let started_us = self.clock.since_epoch_us(now);
        if let Some(socket) = self.spare.remove(&port) {
            let wheel = &mut self.wheel;
            let room = *self.rooms.entry(conference).or_insert_with(|| wheel.add(Room::default()));
            if let Some(room) = self.wheel.stream(room) {
                room.seats.insert(port, Seat { socket, ear: Ear::deaf(), mouth: None });
                self.seats.insert(port, conference);
            }
        }
        let Some(seat) = self.seat(port) else {
            return;
        };
        let ended = seat.disconnect();
        let PortTerms { stream, receive } = terms;
        let (to, law, payload_type) = (stream.to, stream.law, stream.payload_type);
        let hush = Voice::speech(Vec::new(), u64::from(stream.ssrc));
        // The key of a phone was looked at when its offer was.
        let receive = receive.as_ref().map(Crypto::context).transpose();
        let sender = Sender::new(BRIDGE, stream, seat.socket.local_addr(), started_us);
        if let (Some(sender), Ok(receive)) = (sender, receive) {
            seat.ear = Ear::new(to, law, payload_type, receive);
            seat.mouth = Some(Mouth { hush, sender });
        }
        self.keep(ended, started_us);
    }

    fn close(&mut self, now: Instant, port: u16) {
        let ended_us = self.clock.since_epoch_us(now);
        self.spare.remove(&port);
        let Some(conference) = self.seats.remove(&port) else {
            return;
        };
        let Some(&key) = self.rooms.get(&conference) else {
            return;
        };
        let Some(room) = self.wheel.stream(key) else {
            return;
        };
        let seat = room.seats.remove(&port);
        if room.seats.is_empty() {
            self.wheel.remove(key);
            self.rooms.remove(&conference);
        }
        self.keep(seat.and_then(|mut seat| seat.disconnect()), ended_us);
    }

    fn seat(&mut self, port: u16) -> Option<&mut Seat> {
        let key = self.rooms.get(self.seats.get(&port)?)?;
        self.wheel.stream(*key)?.seats.get_mut(&port)
    }

    fn keep(&mut self, mouth: Option<Mouth>, ended_us: u64) {
        self.mixed.extend(mouth.map(|mouth| mouth.sender.finish(ended_us)));
    }
}

impl Room {
    /// 20 ms of the conference.
    fn tick(&mut self, due: Instant, clock: &Clock) {
        let mut sum = [0_i32; SAMPLES];
        let mut said = Vec::with_capacity(self.seats.len());
        for seat in self.seats.values_mut() {
            let frame = seat.ear.hear(&mut seat.socket);
            for (sum, sample) in sum.iter_mut().zip(frame.iter().flatten()) {
                *sum += i32::from(*sample);
            }
            said.push(frame);
        }
        let speakers = said.iter().flatten().count();
        for (seat, own) in self.seats.values_mut().zip(&said) {
            let Some(mouth) = &mut seat.mouth else { continue };
            let others = speakers - usize::from(own.is_some());
            let mut frame = [0; SAMPLES];
            if others == 0 {
                mouth.hush.next_frame(&mut frame);
            } else {
                let own = own.unwrap_or([0; SAMPLES]);
                for ((out, sum), own) in frame.iter_mut().zip(sum).zip(own) {
                    *out = (sum - i32::from(own)).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16;
                }
            }
            mouth.sender.send(due, clock, &mut seat.socket, |said| *said = frame);
        }
    }
}

impl Seat {
    /// Neither hears nor is heard; gives the mouth that it had.
    fn disconnect(&mut self) -> Option<Mouth> {
        self.ear = Ear::deaf();
        self.mouth.take()
    }
}

/// What stands in the ledger instead of a device name.
const BRIDGE: &str = "CFB";
/// How long an empty wheel sleeps; an order wakes it.
const IDLE: Duration = Duration::from_secs(10);
