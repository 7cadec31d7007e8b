//! The one packet clock of a run, shared by all its phones, whatever network each of them is on.
//!
//! One pacer owns all talks on a wheel of 1 ms slots and is told what to do through a channel: there is no task, timer or lock for a
//! stream, and a thousand streams cost one thread.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use media::ledger::{Leg, Stream};
use media::signal::Voice;
use media::wheel::{Key, Wheel};
use tokio::sync::oneshot;
use wire::{Clock, Lateness, MediaSocket, Net, Pace, PacerHandle};

use crate::fault::Fault;
use crate::talk::{Closed, ForkTerms, GuestTerms, MainTerms, Stale, Stopped, Talk, Turn};

/// The packet clock of a run. In real time one serves all networks of a process that share a [`Clock`]. Cloning gives another handle to the same clock; it stops when the last one is dropped.
#[derive(Clone, Debug)]
pub struct MediaClock {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    orders: mpsc::Sender<Order>,
    pacer: PacerHandle,
    next_id: AtomicU64,
}

/// What the clock is told.
enum Order {
    Add(TalkId, Box<Talk>),
    SetMain(TalkId, MainTerms),
    StartFork(TalkId, Box<ForkTerms>),
    TurnFork(TalkId, Leg, Box<Turn>),
    StartGuest(TalkId, Box<GuestTerms>),
    StopGuest(TalkId),
    StopFork(TalkId, Leg, oneshot::Sender<Option<Stopped>>),
    GiveVoice(TalkId, Box<Voice>),
    TakeVoice(TalkId, oneshot::Sender<Option<Voice>>),
    Mute(TalkId, bool),
    Press(TalkId, Vec<u8>),
    Inject(TalkId, Fault, Option<MediaSocket>),
    Behave(TalkId),
    Close(TalkId, oneshot::Sender<Closed>),
    GoOn(TalkId, Box<Stale>),
    EndStale(TalkId, oneshot::Sender<Stream>),
}

/// Names what is on the clock: a talk, or a stream that is over and goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TalkId(u64);

impl MediaClock {
    /// Starts the clock of this network: a thread in real time, a task in a simulated run.
    pub fn start(net: &Net) -> Self {
        Self::counting(net, Arc::default())
    }

    /// Starts it, adding each packet that is handed to the network to `sent`.
    pub fn counting(net: &Net, sent: Arc<AtomicU64>) -> Self {
        let (orders, inbox) = mpsc::channel();
        let clock = net.clock().clone();
        let mut engine = Engine { inbox, wheel: Wheel::new(clock.now()), keys: BTreeMap::new(), clock, sent };
        let pacer = net.pacer(media::wheel::SLOT, move |_, now| engine.turn(now));
        Self { shared: Arc::new(Shared { orders, pacer, next_id: AtomicU64::new(0) }) }
    }

    /// How late the clock itself was so far.
    pub fn lateness(&self) -> Lateness {
        self.shared.pacer.lateness()
    }

    /// Puts a talk on the clock.
    pub(crate) fn add(&self, talk: Talk) -> TalkId {
        let id = self.next_id();
        self.order(Order::Add(id, Box::new(talk)));
        id
    }

    pub(crate) fn set_main(&self, id: TalkId, terms: MainTerms) {
        self.order(Order::SetMain(id, terms));
    }

    pub(crate) fn start_fork(&self, id: TalkId, terms: ForkTerms) {
        self.order(Order::StartFork(id, Box::new(terms)));
    }

    pub(crate) fn turn_fork(&self, id: TalkId, leg: Leg, turn: Turn) {
        self.order(Order::TurnFork(id, leg, Box::new(turn)));
    }

    pub(crate) fn start_guest(&self, id: TalkId, terms: GuestTerms) {
        self.order(Order::StartGuest(id, Box::new(terms)));
    }

    pub(crate) fn stop_guest(&self, id: TalkId) {
        self.order(Order::StopGuest(id));
    }

    /// Ends a fork. When this returns, its last packet has been sent.
    pub(crate) async fn stop_fork(&self, id: TalkId, leg: Leg) -> Option<Stopped> {
        let (reply, done) = oneshot::channel();
        self.order(Order::StopFork(id, leg, reply));
        done.await.ok().flatten()
    }

    pub(crate) fn give_voice(&self, id: TalkId, voice: Voice) {
        self.order(Order::GiveVoice(id, Box::new(voice)));
    }

    /// Takes the voice out of a talk. When this returns, its last frame has been sent.
    pub(crate) async fn take_voice(&self, id: TalkId) -> Option<Voice> {
        let (reply, done) = oneshot::channel();
        self.order(Order::TakeVoice(id, reply));
        done.await.ok().flatten()
    }

    pub(crate) fn mute(&self, id: TalkId, is_muted: bool) {
        self.order(Order::Mute(id, is_muted));
    }

    /// Presses keys in a talk.
    pub(crate) fn press(&self, id: TalkId, events: Vec<u8>) {
        self.order(Order::Press(id, events));
    }

    pub(crate) fn inject(&self, id: TalkId, fault: Fault, elsewhere: Option<MediaSocket>) {
        self.order(Order::Inject(id, fault, elsewhere));
    }

    pub(crate) fn behave(&self, id: TalkId) {
        self.order(Order::Behave(id));
    }

    /// Takes a talk off the clock. When this returns, its last packet has been sent. `None` if the clock has died.
    pub(crate) async fn close(&self, id: TalkId) -> Option<Closed> {
        let (reply, done) = oneshot::channel();
        self.order(Order::Close(id, reply));
        done.await.ok()
    }

    /// Has a stream that is over go on.
    pub(crate) fn go_on(&self, stale: Stale) -> TalkId {
        let id = self.next_id();
        self.order(Order::GoOn(id, Box::new(stale)));
        id
    }

    /// Ends it. No packet of it is sent when the stream comes.
    pub(crate) fn end_stale(&self, id: TalkId) -> oneshot::Receiver<Stream> {
        let (reply, done) = oneshot::channel();
        self.order(Order::EndStale(id, reply));
        done
    }

    fn next_id(&self) -> TalkId {
        TalkId(self.shared.next_id.fetch_add(1, Relaxed))
    }

    fn order(&self, order: Order) {
        // A clock that has died answers nothing; whoever waits for it sees that.
        let _ = self.shared.orders.send(order);
        self.shared.pacer.wake();
    }
}

/// What has its turn every 20 ms.
enum Playing {
    Talk(Box<Talk>),
    Stale(Box<Stale>),
}

impl Playing {
    fn tick(&mut self, due: Instant, now: Instant) -> u64 {
        match self {
            Self::Talk(talk) => talk.tick(due, now),
            Self::Stale(stale) => stale.tick(due, now),
        }
    }
}

/// The body of the pacer.
struct Engine {
    inbox: mpsc::Receiver<Order>,
    wheel: Wheel<Playing>,
    keys: BTreeMap<TalkId, Key>,
    clock: Clock,
    sent: Arc<AtomicU64>,
}

impl Engine {
    /// Carries out all orders, then ticks what is due: nothing is sent after an order to stop was given.
    fn turn(&mut self, now: Instant) -> Pace {
        if self.wheel.is_empty() {
            // Nobody has missed the slots that passed while the wheel stood empty.
            self.wheel.advance(now, |_, _, _| {});
        }
        while let Ok(order) = self.inbox.try_recv() {
            self.obey(now, order);
        }
        let clock = &self.clock;
        let mut sent = 0;
        self.wheel.advance(now, |due, _, playing| sent += playing.tick(due, clock.now()));
        self.sent.fetch_add(sent, Relaxed);
        Pace::Next(self.wheel.next_due().unwrap_or(now + IDLE))
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Add(id, talk) => {
                let key = self.wheel.add(Playing::Talk(talk));
                self.keys.insert(id, key);
            }
            Order::SetMain(id, terms) => self.with(id, |talk| talk.set_main(now, terms)).unwrap_or_default(),
            Order::StartFork(id, terms) => self.with(id, |talk| talk.start_fork(now, *terms)).unwrap_or_default(),
            Order::TurnFork(id, leg, turn) => self.with(id, |talk| talk.turn_fork(now, leg, *turn)).unwrap_or_default(),
            Order::StartGuest(id, terms) => self.with(id, |talk| talk.start_guest(now, *terms)).unwrap_or_default(),
            Order::StopGuest(id) => self.with(id, |talk| talk.stop_guest(now)).unwrap_or_default(),
            Order::StopFork(id, leg, reply) => {
                let _ = reply.send(self.with(id, |talk| talk.stop_fork(now, leg)).flatten());
            }
            Order::GiveVoice(id, voice) => self.with(id, |talk| talk.give_voice(*voice)).unwrap_or_default(),
            Order::TakeVoice(id, reply) => {
                let _ = reply.send(self.with(id, Talk::take_voice).flatten());
            }
            Order::Mute(id, is_muted) => self.with(id, |talk| talk.mute(is_muted)).unwrap_or_default(),
            Order::Press(id, events) => self.with(id, |talk| talk.press(&events)).unwrap_or_default(),
            Order::Inject(id, fault, elsewhere) => {
                self.with(id, |talk| talk.inject(fault, elsewhere)).unwrap_or_default()
            }
            Order::Behave(id) => self.with(id, Talk::behave).unwrap_or_default(),
            Order::Close(id, reply) => {
                if let Some(Playing::Talk(talk)) = self.remove(id) {
                    let _ = reply.send(talk.close(now));
                }
            }
            Order::GoOn(id, stale) => {
                let key = self.wheel.add(Playing::Stale(stale));
                self.keys.insert(id, key);
            }
            Order::EndStale(id, reply) => {
                if let Some(Playing::Stale(stale)) = self.remove(id) {
                    let _ = reply.send(stale.close(now));
                }
            }
        }
    }

    fn with<R>(&mut self, id: TalkId, act: impl FnOnce(&mut Talk) -> R) -> Option<R> {
        let key = self.keys.get(&id)?;
        match self.wheel.stream(*key)? {
            Playing::Talk(talk) => Some(act(talk)),
            Playing::Stale(_) => None,
        }
    }

    fn remove(&mut self, id: TalkId) -> Option<Playing> {
        self.keys.remove(&id).and_then(|key| self.wheel.remove(key))
    }
}

/// How long an empty wheel sleeps; an order wakes it.
const IDLE: Duration = Duration::from_secs(10);
