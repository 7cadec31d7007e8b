//! Music on hold as it is on the wire: one socket, one packet clock, a stream for each held phone.

use std::collections::BTreeMap;
use std::f64::consts::TAU;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use media::g711;
use media::ledger::{Nature, Row, Stream, StreamKind};
use media::rtp::{HEADER_LEN, Header};
use media::signal::{RATE, Voice};
use media::srtp::{Context, OVERHEAD};
use media::wheel::{Key, SLOT, Wheel};
use tokio::sync::oneshot;
use wire::{Clock, MediaSocket, Net, Pace, PacerHandle};

use crate::engine::{MusicId, MusicStream};

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
    Start(MusicId, Box<MusicStream>),
    Stop(MusicId),
    Finish(oneshot::Sender<Vec<Stream>>),
}

impl Music {
    /// A server that sends from this socket; without one it is silent.
    pub(super) fn new(net: Net, socket: Option<MediaSocket>) -> Self {
        Self { net, state: State::Silent(socket.map(Box::new)) }
    }

    pub(super) fn start(&mut self, music: MusicId, stream: Box<MusicStream>) {
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
    terms: MusicStream,
    context: Option<Context>,
    voice: Voice,
    /// The phone learns of the music by an ACK or a 200 that leaves with the order: the first packet goes one turn later, as one that
    /// came before would be of an unknown key.
    is_early: bool,
    sent: u64,
    stream: Stream,
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
        self.wheel.advance(now, |due, _, playing| playing.tick(due, socket, clock));
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

    /// `None` if the key does not fit its suite, which keys of the engine always do.
    fn open(&self, now: Instant, terms: MusicStream) -> Option<Playing> {
        let context = match &terms.crypto {
            Some(crypto) => Some(crypto.context().ok()?),
            None => None,
        };
        let key = terms.crypto.as_ref().and_then(|crypto| crypto.master_key());
        let started_us = self.clock.since_epoch_us(now);
        let stream = Stream {
            phone: SERVER.to_owned(),
            kind: StreamKind::Voice,
            dialog: terms.dialog.clone(),
            main_dialog: terms.dialog.clone(),
            ssrc: terms.ssrc,
            codec: terms.law,
            suite: key.map(|key| key.suite()),
            key_fingerprint: key.map(|key| key.fingerprint()),
            source: self.socket.local_addr(),
            destination: terms.to,
            clock: RATE,
            samples_per_packet: SAMPLES as u32,
            started_us,
            ended_us: started_us,
            rows: Vec::new(),
            payloads: Vec::new(),
        };
        let voice = Voice::speech(Arc::clone(&self.tune), u64::from(terms.ssrc));
        Some(Playing { terms, context, voice, is_early: true, sent: 0, stream })
    }

    fn close(&mut self, now: Instant, key: Key) {
        if let Some(mut playing) = self.wheel.remove(key) {
            playing.stream.ended_us = self.clock.since_epoch_us(now);
            self.played.push(playing.stream);
        }
    }
}

impl Playing {
    /// Sends the next packet.
    fn tick(&mut self, due: Instant, socket: &mut MediaSocket, clock: &Clock) {
        if std::mem::take(&mut self.is_early) {
            return;
        }
        let mut frame = [0; SAMPLES];
        self.voice.next_frame(&mut frame);
        let payload = frame.map(|sample| g711::encode(self.terms.law, sample));
        let index = u64::from(self.terms.sequence) + self.sent;
        let header = Header {
            payload_type: self.terms.payload_type,
            marker: self.sent == 0,
            sequence: index as u16,
            timestamp: self.terms.timestamp.wrapping_add((self.sent as u32).wrapping_mul(SAMPLES as u32)),
            ssrc: self.terms.ssrc,
        };
        self.sent += 1;
        let mut packet = [0; HEADER_LEN + SAMPLES + OVERHEAD];
        let length = header.write(&mut packet) + SAMPLES;
        packet[HEADER_LEN..length].copy_from_slice(&payload);
        let length = match &mut self.context {
            Some(context) => match context.protect(&mut packet, length) {
                Ok(length) => length,
                // The key is used up, after 2^31 packets at least.
                Err(_) => return,
            },
            None => length,
        };
        let now = clock.now();
        let fate = socket.send_to(now, self.terms.to, &packet[..length]);
        let late = now.saturating_duration_since(due).as_micros();
        let row = Row {
            sequence: header.sequence,
            index,
            timestamp: header.timestamp,
            sent_us: clock.since_epoch_us(now),
            late_us: u32::try_from(late).unwrap_or(u32::MAX),
            payload: 0,
            payload_len: 0,
            marker: header.marker,
            payload_type: header.payload_type,
            fate,
            nature: Nature::Genuine,
            heard: None,
        };
        self.stream.push(row, &payload);
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
/// Samples in a packet of 20 ms.
const SAMPLES: usize = 160;
/// What stands in the ledger instead of a device name.
const SERVER: &str = "MOH";
/// How long an empty wheel sleeps; an order wakes it.
const IDLE: Duration = Duration::from_secs(10);
