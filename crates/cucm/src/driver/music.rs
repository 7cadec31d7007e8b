//! Music on hold as it is on the wire: one socket, one packet clock, a stream for each held phone.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use media::ledger::Stream;
use media::signal::{RATE, Voice};
use media::wheel::{Key, SLOT, Wheel};
use tokio::sync::oneshot;
use wire::{Clock, MediaSocket, Net, Pace, PacerHandle};

use super::sender::Sender;
use crate::engine::{MusicId, SentStream};

/// The music server. Its packet clock starts with the first stream.
pub(super) struct Music {
    net: Net,
    state: State,
}

enum State {
    Silent(Option<Box<MediaSocket>>),
    Playing { orders: mpsc::Sender<Order>, pacer: PacerHandle },
}

enum Order {
    Start(MusicId, Box<SentStream>),
    Stop(MusicId),
    Finish(oneshot::Sender<Vec<Stream>>),
}

impl Music {
    /// A server that sends from this socket; without one it is silent.
    pub(super) fn new(net: Net, socket: Option<MediaSocket>) -> Self {
        Self { net, state: State::Silent(socket.map(Box::new)) }
    }

    pub(super) fn start(&mut self, music: MusicId, stream: Box<SentStream>) {
        if let State::Silent(socket) = &mut self.state
            && let Some(socket) = socket.take()
        {
            let (orders, inbox) = mpsc::channel();
            let clock = self.net.clock().clone();
            let wheel = Wheel::new(clock.now());
            let tune: Arc<[i16]> = tune().into();
            let mut desk = Desk { inbox, socket, wheel, keys: BTreeMap::new(), clock, tune, played: Vec::new() };
            let pacer = self.net.pacer(SLOT, move |_, now| desk.turn(now));
            self.state = State::Playing { orders, pacer };
        }
        self.order(Order::Start(music, stream));
    }

    pub(super) fn stop(&self, music: MusicId) {
        self.order(Order::Stop(music));
    }

    /// Ends all streams and gives what was sent in them.
    pub(super) async fn finish(self) -> Vec<Stream> {
        let (reply, played) = oneshot::channel();
        self.order(Order::Finish(reply));
        let State::Playing { pacer, .. } = self.state else {
            return Vec::new();
        };
        let played = played.await.unwrap_or_default();
        // A body that panicked has answered nothing, and there is no music to be judged.
        let _ = pacer.join().await;
        played
    }

    fn order(&self, order: Order) {
        if let State::Playing { orders, pacer } = &self.state {
            // A clock that has died plays nothing; whoever waits for it sees that.
            let _ = orders.send(order);
            pacer.wake();
        }
    }
}

/// The body of the packet clock.
struct Desk {
    inbox: mpsc::Receiver<Order>,
    socket: Box<MediaSocket>,
    wheel: Wheel<Playing>,
    keys: BTreeMap<MusicId, Key>,
    clock: Clock,
    tune: Arc<[i16]>,
    played: Vec<Stream>,
}

struct Playing {
    voice: Voice,
    sender: Sender,
}

impl Desk {
    fn turn(&mut self, now: Instant) -> Pace {
        if self.wheel.is_empty() {
            // Nobody has missed the slots that passed while the wheel stood empty.
            self.wheel.advance(now, |_, _, _| {});
        }
        while let Ok(order) = self.inbox.try_recv() {
            self.obey(now, order);
        }
        let (socket, clock) = (&mut self.socket, &self.clock);
        self.wheel.advance(now, |due, _, Playing { voice, sender }| {
            sender.send(due, clock, socket, |frame| voice.next_frame(frame));
        });
        Pace::Next(self.wheel.next_due().unwrap_or(now + IDLE))
    }

    fn obey(&mut self, now: Instant, order: Order) {
        match order {
            Order::Start(music, terms) => {
                if let Some(playing) = self.open(now, *terms) {
                    let key = self.wheel.add(playing);
                    self.keys.insert(music, key);
                }
            }
            Order::Stop(music) => {
                if let Some(key) = self.keys.remove(&music) {
                    self.close(now, key);
                }
            }
            Order::Finish(reply) => {
                for key in std::mem::take(&mut self.keys).into_values() {
                    self.close(now, key);
                }
                // Whoever asked may have gone.
                let _ = reply.send(std::mem::take(&mut self.played));
            }
        }
    }

    fn open(&self, now: Instant, terms: SentStream) -> Option<Playing> {
        let voice = Voice::speech(Arc::clone(&self.tune), u64::from(terms.ssrc));
        let sender = Sender::new(SERVER, terms, self.socket.local_addr(), self.clock.since_epoch_us(now))?;
        Some(Playing { voice, sender })
    }

    fn close(&mut self, now: Instant, key: Key) {
        let ended = self.wheel.remove(key);
        self.played.extend(ended.map(|playing| playing.sender.finish(self.clock.since_epoch_us(now))));
    }
}

/// Four seconds of broken chords, softly plucked.
fn tune() -> Vec<i16> {
    let note = RATE as usize / 4;
    let notes = CHORDS.iter().flat_map(|chord| [chord[0], chord[1], chord[2], chord[1]]);
    let sample = |hertz: f64, at: usize| {
        let seconds = at as f64 / f64::from(RATE);
        (LOUDNESS * (-3.0 * seconds).exp() * (TAU * hertz * seconds).sin()) as i16
    };
    notes.flat_map(|hertz| (0..note).map(move |at| sample(hertz, at))).collect()
}

/// C major, A minor, F major, G major, in Hz.
const CHORDS: [[f64; 3]; 4] =
    [[261.63, 329.63, 392.00], [220.00, 261.63, 329.63], [174.61, 220.00, 261.63], [196.00, 246.94, 293.66]];
/// About -15 dBFS at the start of a note.
const LOUDNESS: f64 = 6000.0;
/// What stands in the ledger instead of a device name.
const SERVER: &str = "MOH";
/// How long an empty wheel sleeps; an order wakes it.
const IDLE: Duration = Duration::from_secs(10);
