//! Client and server joined by a network that loses, doubles, delays and reorders, in virtual time, from seeds.

#![expect(clippy::disallowed_methods, reason = "virtual time needs some instant to count from")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use trust::tftp::{Client, ClientEvent, Failure, Input, Limits, Output, Server, ServerEvent};

/// What the network does to a datagram, in per mille.
#[derive(Clone, Copy)]
struct Weather {
    loss: u32,
    duplicate: u32,
    late: u32,
}

struct Pair {
    rng: ChaCha20Rng,
    weather: Weather,
    now: Instant,
    server: Server,
    client: Client,
    /// Datagrams on their way, by arrival and a running number.
    flying: BTreeMap<(Instant, u64), (SocketAddr, Vec<u8>)>,
    sent: u64,
    result: Option<Result<Vec<u8>, Failure>>,
    finished: usize,
}

impl Pair {
    fn new(seed: u64, weather: Weather, file: &[u8], limits: Limits) -> Self {
        let now = Instant::now();
        let files = BTreeMap::from([("CTLSEP001122334455.tlv".to_owned(), Arc::from(file))]);
        Self {
            rng: ChaCha20Rng::seed_from_u64(seed),
            weather,
            now,
            server: Server::with_files(limits, files),
            client: Client::new(now, server_address(), "CTLSEP001122334455.tlv", limits),
            flying: BTreeMap::new(),
            sent: 0,
            result: None,
            finished: 0,
        }
    }

    /// Runs until nothing is left to happen.
    fn drive(&mut self) {
        loop {
            self.drain();
            let arrival = self.flying.keys().next().map(|(at, _)| *at);
            let next = [arrival, self.server.poll_timeout(), self.client.poll_timeout()].into_iter().flatten().min();
            let Some(next) = next else {
                return;
            };
            self.now = next;
            if let Some(entry) = self.flying.first_entry().filter(|entry| entry.key().0 == next) {
                let (to, bytes) = entry.remove();
                if to == client_address() {
                    self.client.handle_input(next, Input::Datagram { from: server_address(), bytes: &bytes });
                } else {
                    self.server.handle_input(next, Input::Datagram { from: client_address(), bytes: &bytes });
                }
            } else {
                self.client.handle_input(next, Input::Timeout);
                self.server.handle_input(next, Input::Timeout);
            }
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Transmit { to, bytes } => self.send(to, bytes),
                Output::Event(ServerEvent::Finished { .. }) => self.finished += 1,
                Output::Event(_) => {}
            }
        }
        while let Some(output) = self.client.poll_output() {
            match output {
                Output::Transmit { to, bytes } => self.send(to, bytes),
                Output::Event(ClientEvent::Done(file)) => assert!(self.result.replace(Ok(file)).is_none()),
                Output::Event(ClientEvent::Failed(why)) => assert!(self.result.replace(Err(why)).is_none()),
            }
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: Vec<u8>) {
        let copies = if self.happens(self.weather.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            if self.happens(self.weather.loss) {
                continue;
            }
            let extra = if self.happens(self.weather.late) { u64::from(self.rng.next_u32() % 900) } else { 0 };
            self.sent += 1;
            self.flying.insert((self.now + Duration::from_millis(5 + extra), self.sent), (to, bytes.clone()));
        }
    }

    fn happens(&mut self, per_mille: u32) -> bool {
        self.rng.next_u32() % 1000 < per_mille
    }
}

fn server_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10], 69))
}

fn client_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 20], 40000))
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at / 512 + at) as u8).collect()
}

#[test]
fn on_a_calm_network_each_block_crosses_once() {
    for length in [0, 1, 511, 512, 513, 4947] {
        let calm = Weather { loss: 0, duplicate: 0, late: 0 };
        let mut pair = Pair::new(1, calm, &content(length), Limits::default());
        pair.drive();
        assert_eq!(pair.result, Some(Ok(content(length))));
        assert_eq!((pair.finished, pair.sent), (1, 1 + 2 * (length as u64 / 512 + 1)), "{length}");
    }
}

#[test]
fn in_any_weather_the_file_arrives_whole_or_the_client_says_why_not() {
    let file = content(4947);
    let mut whole = 0;
    for seed in 0..400 {
        let level = (seed % 8) as u32 * 50;
        let weather = Weather { loss: level, duplicate: 350 - level, late: 200 };
        let mut pair = Pair::new(seed, weather, &file, Limits::default());
        pair.drive();
        assert_eq!(pair.server.active(), 0, "seed {seed} left a transfer behind");
        match pair.result.as_ref().unwrap_or_else(|| panic!("seed {seed} ended without a result")) {
            Ok(got) => {
                assert_eq!(got, &file, "seed {seed}");
                whole += 1;
            }
            Err(why) => assert!(matches!(why, Failure::TimedOut { .. }), "seed {seed}: {why}"),
        }
    }
    assert!(whole >= 390, "only {whole} of 400 arrived");
}

#[test]
fn doubled_and_late_packets_do_not_breed() {
    let weather = Weather { loss: 0, duplicate: 300, late: 300 };
    for seed in 0..50 {
        let mut pair = Pair::new(seed, weather, &content(100 * 512), Limits::default());
        pair.drive();
        assert!(pair.result == Some(Ok(content(100 * 512))), "seed {seed}");
        assert!(pair.sent < 600, "seed {seed}: {} packets for 101 blocks", pair.sent);
    }
}

#[test]
fn block_numbers_wrap_in_a_large_file() {
    let file = content(65_600 * 512 + 100);
    let limits = Limits { largest_file: file.len(), ..Limits::default() };
    let mut pair = Pair::new(3, Weather { loss: 2, duplicate: 2, late: 0 }, &file, limits);
    pair.drive();
    assert!(pair.result == Some(Ok(file)));
}
