//! The bridge with members that say one number each: what they hear is the sum of the others'.

use std::net::SocketAddr;
use std::time::Duration;

use media::g711::{self, Law};
use media::rtp::{HEADER_LEN, Header, Packet};
use media::srtp::{Context, MasterKey, OVERHEAD, Suite};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use wire::SimOptions;

use super::*;
use crate::engine::SentStream;

/// A member: its socket, what it says, and the keys of both directions.
struct Member {
    port: u16,
    socket: MediaSocket,
    law: Law,
    says: i16,
    keys: Option<(Crypto, Crypto)>,
    sealing: Option<Context>,
    opening: Option<Context>,
    sent: u16,
}

impl Member {
    /// Its terms at the bridge.
    fn terms(&self) -> PortTerms {
        let stream = SentStream {
            dialog: format!("dialog-{}", self.port),
            to: self.socket.local_addr(),
            law: self.law,
            payload_type: self.law.payload_type(),
            crypto: self.keys.as_ref().map(|(theirs, _)| theirs.clone()),
            ssrc: u32::from(self.port),
            sequence: 100,
            timestamp: 5,
        };
        PortTerms { stream, receive: self.keys.as_ref().map(|(_, own)| own.clone()) }
    }

    /// Says its number for 20 ms.
    fn say(&mut self, now: Instant) {
        let header = Header {
            payload_type: self.law.payload_type(),
            marker: false,
            sequence: self.sent,
            timestamp: u32::from(self.sent) * SAMPLES as u32,
            ssrc: 7,
        };
        self.sent += 1;
        let mut packet = [0; HEADER_LEN + SAMPLES + OVERHEAD];
        let length = header.write(&mut packet) + SAMPLES;
        packet[HEADER_LEN..length].fill(g711::encode(self.law, self.says));
        let length = self.sealing.as_mut().map_or(length, |context| context.protect(&mut packet, length).unwrap());
        let to = SocketAddr::new(NODE.parse().unwrap(), self.port);
        self.socket.send_to(now, to, &packet[..length]);
    }

    /// The first sample of every packet that has come.
    fn hear(&mut self) -> Vec<i16> {
        let mut heard = Vec::new();
        let mut buf = [0; 1500];
        while let Some((length, from)) = self.socket.try_recv(&mut buf) {
            assert_eq!(from.port(), self.port);
            let length = self.opening.as_mut().map_or(length, |context| context.unprotect(&mut buf, length).unwrap());
            let packet = Packet::parse(&buf[..length]).unwrap();
            assert_eq!((packet.payload().len(), packet.payload_type()), (SAMPLES, self.law.payload_type()));
            heard.push(g711::decode(self.law, packet.payload()[0]));
        }
        heard
    }
}

/// A conference on the bench, of these voices; every second member has SRTP, and the last one A-law.
struct Bench {
    net: Net,
    mixer: Mixer,
    members: Vec<Member>,
}

const NODE: &str = "127.0.1.1";
const ROOM: ConferenceId = ConferenceId(1);

impl Bench {
    fn new(net: &Net, voices: &[i16]) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut mixer = Mixer::new(net.clone());
        let mut members = Vec::new();
        for (index, says) in voices.iter().enumerate() {
            let socket = net.media(SocketAddr::new(NODE.parse().unwrap(), 0)).unwrap();
            let port = socket.local_addr().port();
            mixer.bind(socket);
            let mut key = || Crypto::new(1, MasterKey::generate(Suite::AeadAes256Gcm, &mut rng));
            let keys = (index % 2 == 1).then(|| (key(), key()));
            members.push(Member {
                port,
                socket: net.media(SocketAddr::new(format!("127.0.1.{}", 10 + index).parse().unwrap(), 0)).unwrap(),
                law: if index + 1 == voices.len() { Law::A } else { Law::Mu },
                says: *says,
                sealing: keys.as_ref().map(|(_, own)| own.context().unwrap()),
                opening: keys.as_ref().map(|(theirs, _)| theirs.context().unwrap()),
                keys,
                sent: 0,
            });
        }
        let mut bench = Self { net: net.clone(), mixer, members };
        for index in 0..voices.len() {
            bench.connect(index);
        }
        bench
    }

    fn connect(&mut self, index: usize) {
        let (port, terms) = (self.members[index].port, self.members[index].terms());
        self.mixer.mix(MixOrder::Connect { conference: ROOM, port, terms: Box::new(terms) });
    }

    /// Those of these indices talk for a second; what each heard last.
    async fn talk(&mut self, who: &[usize]) -> Vec<Vec<i16>> {
        for member in &mut self.members {
            member.hear();
        }
        let clock = self.net.clock().clone();
        for _ in 0..50 {
            for index in who {
                self.members[*index].say(clock.now());
            }
            clock.sleep(Duration::from_millis(20)).await;
        }
        self.members.iter_mut().map(Member::hear).collect()
    }
}

/// Whether almost all of a second was this sum, as near as G.711 tells it.
fn is(heard: &[i16], sum: i16) -> bool {
    let near = |sample: &&i16| (i32::from(**sample) - i32::from(sum)).abs() <= i32::from(sum).abs() / 16 + 32;
    heard.len() >= 48 && heard.iter().rev().take(40).filter(near).count() >= 38
}

fn simulated<F: Future<Output = ()>>(test: impl FnOnce(Net) -> F) {
    wire::simulation_runtime().unwrap().block_on(async { test(Net::simulated(SimOptions::default())).await });
}

#[test]
fn everybody_hears_the_others_and_not_itself() {
    simulated(|net| async move {
        let mut bench = Bench::new(&net, &[1000, 2000, 4000]);
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[0], 6000) && is(&heard[1], 5000) && is(&heard[2], 3000), "{heard:?}");
        let heard = bench.talk(&[0, 1]).await;
        assert!(is(&heard[0], 2000) && is(&heard[1], 1000) && is(&heard[2], 3000), "{heard:?}");
        let streams = bench.mixer.finish().await;
        assert_eq!(streams.len(), 3);
        for (stream, member) in streams.iter().zip(&bench.members) {
            assert_eq!(
                (stream.dialog.clone(), stream.suite.is_some()),
                (member.terms().stream.dialog, member.keys.is_some())
            );
            let frames: std::collections::BTreeSet<&[u8]> =
                stream.rows.iter().take(2).map(|row| stream.payload(row)).collect();
            assert_eq!(frames.len(), 2, "no two frames of silence are equal");
            assert!(stream.rows.windows(2).all(|pair| pair[0].index + 1 == pair[1].index));
        }
    });
}

#[test]
fn who_holds_neither_hears_nor_is_heard_and_comes_back() {
    simulated(|net| async move {
        let mut bench = Bench::new(&net, &[1000, 2000, 4000]);
        bench.talk(&[0, 1, 2]).await;
        let port = bench.members[2].port;
        bench.mixer.mix(MixOrder::Disconnect { port });
        net.clock().sleep(Duration::from_millis(40)).await;
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[0], 2000) && is(&heard[1], 1000) && heard[2].is_empty(), "{heard:?}");
        bench.connect(2);
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[0], 6000) && is(&heard[2], 3000), "{heard:?}");
    });
}

#[test]
fn who_leaves_is_heard_no_more_and_loud_voices_do_not_overflow() {
    simulated(|net| async move {
        let mut bench = Bench::new(&net, &[20_000, 24_000, 1000, -30_000]);
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[3], i16::MAX), "{heard:?}");
        let port = bench.members[0].port;
        bench.mixer.mix(MixOrder::Close { port });
        net.clock().sleep(Duration::from_millis(40)).await;
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[2], 24_000) && heard[0].is_empty(), "{heard:?}");
        net.media(SocketAddr::new(NODE.parse().unwrap(), port)).expect("the port is free again");
    });
}

#[test]
fn a_stranger_and_another_key_are_not_heard() {
    simulated(|net| async move {
        let mut bench = Bench::new(&net, &[1000, 2000, 4000]);
        // The member with SRTP sends in clear, and the one in clear sends from elsewhere.
        bench.members[1].sealing = None;
        bench.members[0].socket = net.media(SocketAddr::new("127.0.1.66".parse().unwrap(), 0)).unwrap();
        let heard = bench.talk(&[0, 1, 2]).await;
        assert!(is(&heard[1], 4000) && is(&heard[2], 0), "{heard:?}");
    });
}

#[test]
fn two_conferences_do_not_hear_each_other() {
    simulated(|net| async move {
        let mut bench = Bench::new(&net, &[1000, 2000, 4000, 8000]);
        for index in 2..4 {
            let (port, terms) = (bench.members[index].port, Box::new(bench.members[index].terms()));
            bench.mixer.mix(MixOrder::Close { port });
            let socket = net.media(SocketAddr::new(NODE.parse().unwrap(), 0)).unwrap();
            let port = socket.local_addr().port();
            bench.members[index].port = port;
            bench.mixer.bind(socket);
            bench.mixer.mix(MixOrder::Connect { conference: ConferenceId(2), port, terms });
        }
        let heard = bench.talk(&[0, 1, 2, 3]).await;
        assert!(is(&heard[0], 2000) && is(&heard[1], 1000) && is(&heard[2], 8000) && is(&heard[3], 4000), "{heard:?}");
    });
}
