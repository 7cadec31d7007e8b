//! Two talks joined by the simulated network, and a recorder that is nothing but two sockets and two keys.

use std::net::SocketAddr;
use std::time::Duration;

use media::g711::Law;
use media::ledger::{Fate, Nature, Row, StreamKind};
use media::rtp::Packet;
use media::srtp::{Context, OVERHEAD, Suite};
use rand_core::SeedableRng;
use wire::{Impairment, Net, Route, SimOptions, simulation_runtime};

use super::*;
use crate::description::OwnKey;
use crate::media_clock::{MediaClock, TalkId};
use crate::packet_time::PacketTime;

mod guest;
mod said;

const AGENT: &str = "10.0.0.1";
const CUSTOMER: &str = "10.0.0.2";
const RECORDER: &str = "10.0.0.3";

/// A call with both bridge legs of the agent running.
struct Call {
    net: Net,
    clock: MediaClock,
    agent: TalkId,
    agent_at: SocketAddr,
    customer: TalkId,
    near: Tap,
    far: Tap,
}

/// One port of the recorder.
struct Tap {
    socket: MediaSocket,
    context: Option<Context>,
}

/// What the recorder got: the opened payloads with their headers, and how many packets it could not open.
#[derive(Default)]
struct Got {
    packets: Vec<(u16, u32, bool, Vec<u8>)>,
    refused: usize,
}

impl Tap {
    fn drain(&mut self) -> Got {
        let (mut got, mut buf) = (Got::default(), [0; 1500 + OVERHEAD]);
        while let Some((len, _)) = self.socket.try_recv(&mut buf) {
            let opened = self.context.as_mut().map_or(Ok(len), |context| context.unprotect(&mut buf, len));
            match opened
                .map(|len| Packet::parse(&buf[..len]).map(|packet| (packet.header(), packet.payload().to_vec())))
            {
                Ok(Ok((header, payload))) => {
                    got.packets.push((header.sequence, header.timestamp, header.marker, payload))
                }
                _ => got.refused += 1,
            }
        }
        got
    }
}

fn at(ip: &str) -> SocketAddr {
    SocketAddr::new(ip.parse().unwrap(), 0)
}

fn key(suite: Option<Suite>, seed: u64) -> Option<OwnKey> {
    suite.map(|suite| OwnKey::fresh(1, suite, &mut ChaCha20Rng::seed_from_u64(seed)))
}

fn opening(kind: StreamKind, remote: SocketAddr, key: Option<OwnKey>, ssrc: u32, sequence: u16) -> Opening {
    Opening {
        phone: "SEP001122334455".into(),
        kind,
        dialog: format!("{kind:?}@phone"),
        main_dialog: "main@phone".into(),
        remote,
        codec: Codec::Pcmu,
        packet_time: PacketTime::default(),
        events: Some(101),
        key,
        ssrc,
        first_index: sequence.into(),
        first_timestamp: 0xffff_ff00,
    }
}

impl Call {
    /// The agent is recorded; its bridge streams start at sequence 65530.
    async fn new(net: &Net, suite: Option<Suite>, faults: &[Fault]) -> Self {
        let clock = MediaClock::start(net);
        let (a, c) = (net.media(at(AGENT)).unwrap(), net.media(at(CUSTOMER)).unwrap());
        let (a_at, c_at) = (a.local_addr(), c.local_addr());
        let (a_key, c_key) = (key(suite, 1), key(suite, 2));
        let peer = |key: &Option<OwnKey>| key.as_ref().map(|own| (own.suite, own.key.clone()));
        let talk = |socket, identity, faults: &[Fault]| {
            let rng = ChaCha20Rng::seed_from_u64(identity);
            let mut talk = Talk::new(net.clock().clone(), rng, socket, 3, faults.to_vec());
            talk.give_voice(Voice::speech(Vec::new(), identity));
            talk
        };
        let agent = clock.add(talk(a, 1, faults));
        let customer = clock.add(talk(c, 2, &[]));
        let receive = peer(&c_key);
        clock.set_main(agent, MainTerms { send: Some(opening(StreamKind::Voice, c_at, a_key.clone(), 1, 7)), receive });
        clock.set_main(
            customer,
            MainTerms { send: Some(opening(StreamKind::Voice, a_at, c_key, 2, 9)), receive: peer(&a_key) },
        );
        let near = Self::fork(net, &clock, agent, Leg::Near, suite, faults);
        let far = Self::fork(net, &clock, agent, Leg::Far, suite, faults);
        Self { net: net.clone(), clock, agent, agent_at: a_at, customer, near, far }
    }

    fn fork(net: &Net, clock: &MediaClock, agent: TalkId, leg: Leg, suite: Option<Suite>, faults: &[Fault]) -> Tap {
        let socket = net.media(at(RECORDER)).unwrap();
        let key = key(suite, if leg == Leg::Near { 3 } else { 4 });
        let context = key.as_ref().map(|own| Context::new(own.suite, &own.key).unwrap());
        let remote = socket.local_addr();
        let forges = faults.iter().any(|fault| matches!(fault, Fault::Forge { .. }));
        let elsewhere = forges.then(|| net.media(at(AGENT)).unwrap());
        let opening = opening(StreamKind::Bridge(leg), remote, key, 10 + leg as u32, 65_530);
        clock.start_fork(agent, ForkTerms { leg, opening, socket: net.media(at(AGENT)).unwrap(), elsewhere });
        Tap { socket, context }
    }

    async fn talk(&self, time: Duration) {
        self.net.clock().sleep(time).await;
    }

    /// Ends the call. The streams: near fork, far fork, agent's last voice; and the customer's first voice.
    async fn end(self) -> (Stream, Stream, Stream, Stream, Tap, Tap, HeardCounts) {
        // The forks stop first, so that what they heard was said by a customer who still speaks.
        self.clock.stop_fork(self.agent, Leg::Near).await.unwrap();
        self.clock.stop_fork(self.agent, Leg::Far).await.unwrap();
        let closed = self.clock.close(self.agent).await.unwrap();
        let customer = self.clock.close(self.customer).await.unwrap().streams.remove(0);
        // What is on its way arrives.
        self.net.clock().sleep(Duration::from_secs(1)).await;
        let of = |kind| closed.streams.iter().rfind(|stream| stream.kind == kind).cloned().unwrap();
        let [near, far] = Leg::ALL.map(|leg| of(StreamKind::Bridge(leg)));
        let voice = of(StreamKind::Voice);
        (near, far, voice, customer, self.near, self.far, closed.heard)
    }
}

fn run<F: Future<Output = ()>>(test: impl FnOnce(Net) -> F) {
    simulation_runtime()
        .unwrap()
        .block_on(async { test(Net::simulated(SimOptions { seed: 5, ..SimOptions::default() })).await });
}

fn genuine(stream: &Stream) -> Vec<&Row> {
    stream.rows.iter().filter(|row| row.nature == Nature::Genuine).collect()
}

#[test]
fn the_recorder_gets_exactly_what_was_said_on_both_legs_in_every_suite() {
    for suite in Suite::ALL.map(Some).into_iter().chain([None]) {
        run(|net| async move {
            let call = Call::new(&net, suite, &[]).await;
            call.talk(Duration::from_secs(2)).await;
            let (near, far, voice, customer, mut near_tap, mut far_tap, heard) = call.end().await;
            assert!(
                voice.rows.len() >= 99 && near.rows.len() == voice.rows.len(),
                "{} {}",
                near.rows.len(),
                voice.rows.len()
            );
            let got = near_tap.drain();
            assert_eq!(got.refused, 0);
            let said: Vec<_> = near.rows.iter().map(|row| near.payload(row).to_vec()).collect();
            assert_eq!(got.packets.iter().map(|packet| packet.3.clone()).collect::<Vec<_>>(), said);
            assert_eq!(said, voice.rows.iter().map(|row| voice.payload(row).to_vec()).collect::<Vec<_>>());
            let got = far_tap.drain();
            assert_eq!(got.refused, 0);
            assert!(got.packets.len() >= 90, "{}", got.packets.len());
            for (packet, row) in got.packets.iter().zip(&far.rows) {
                let said = customer.rows.iter().find(|said| said.index as u32 == row.heard.unwrap()).unwrap();
                assert_eq!(packet.3, customer.payload(said));
            }
            assert_eq!((heard.missing, heard.unauthentic, heard.late), (0, 0, 0));
        });
    }
}

#[test]
fn one_packet_every_20_ms_and_the_sequence_wraps_with_its_roll_over_count() {
    run(|net| async move {
        let call = Call::new(&net, Some(Suite::AesCm128HmacSha1_80), &[]).await;
        call.talk(Duration::from_secs(1)).await;
        let (near, far, voice, ..) = call.end().await;
        for stream in [&near, &far, &voice] {
            assert!(stream.rows.windows(2).all(|pair| pair[1].sent_us - pair[0].sent_us == 20_000), "{stream:?}");
            assert!(stream.rows.windows(2).all(|pair| pair[1].timestamp == pair[0].timestamp.wrapping_add(160)));
            assert!(stream.rows[0].marker && !stream.rows[1].marker);
            assert!(stream.rows.iter().all(|row| row.late_us == 0));
        }
        assert_eq!((near.rows[5].sequence, near.rows[6].sequence, near.rows[6].index), (65_535, 0, 65_536));
        assert_ne!(near.key_fingerprint, far.key_fingerprint);
        assert_ne!(near.key_fingerprint, voice.key_fingerprint);
    });
}

#[test]
fn what_the_network_loses_is_a_gap_in_the_far_fork() {
    run(|net| async move {
        let loss = Impairment { loss: 0.2, ..Impairment::default() };
        net.set_impairment(Route { from: CUSTOMER.parse().unwrap(), to: AGENT.parse().unwrap() }, loss);
        let call = Call::new(&net, Some(Suite::AeadAes256Gcm), &[]).await;
        call.talk(Duration::from_secs(4)).await;
        let (_, far, _, customer, _, mut tap, heard) = call.end().await;
        let lost = customer.rows.iter().filter(|row| row.fate == Fate::Dropped).count();
        assert!(lost > 20, "{lost}");
        assert!(heard.missing > 20);
        // The fork holds what arrived, in order, at its distance in time, under sequence numbers without holes.
        let got = tap.drain();
        let first = &far.rows[0];
        for (at, (row, packet)) in far.rows.iter().zip(&got.packets).enumerate() {
            let said = customer.rows.iter().find(|said| said.index as u32 == row.heard.unwrap()).unwrap();
            assert!(matches!(said.fate, Fate::Delivered { .. }));
            assert_eq!(packet.3, customer.payload(said));
            assert_eq!(row.sequence, first.sequence.wrapping_add(at as u16));
            let places = row.heard.unwrap() - first.heard.unwrap();
            assert_eq!(row.timestamp, first.timestamp.wrapping_add(160 * places));
        }
        let last = far.rows.last().unwrap().heard.unwrap();
        let delivered =
            customer.rows.iter().filter(|row| (row.index as u32) <= last && row.fate != Fate::Dropped).count();
        assert_eq!(far.rows.len(), delivered);
    });
}

#[test]
fn reordered_and_doubled_packets_are_forked_once_and_in_order() {
    run(|net| async move {
        let disorder =
            Impairment { reorder: 0.2, reorder_by: Duration::from_millis(30), duplicate: 0.2, ..Impairment::default() };
        net.set_impairment(Route { from: CUSTOMER.parse().unwrap(), to: AGENT.parse().unwrap() }, disorder);
        for suite in [None, Some(Suite::AeadAes128Gcm)] {
            let call = Call::new(&net, suite, &[]).await;
            call.talk(Duration::from_secs(4)).await;
            let (_, far, _, customer, _, _, heard) = call.end().await;
            assert!(customer.rows.iter().any(|row| matches!(row.fate, Fate::Delayed { .. })));
            assert!(heard.replayed > 10, "{heard:?}");
            assert!(far.rows.windows(2).all(|pair| pair[1].heard.unwrap() == pair[0].heard.unwrap() + 1), "{heard:?}");
        }
    });
}

#[test]
fn a_packet_that_comes_after_its_place_was_played_is_lost_to_the_recorder() {
    run(|net| async move {
        let late = Impairment { reorder: 0.1, reorder_by: Duration::from_millis(200), ..Impairment::default() };
        net.set_impairment(Route { from: CUSTOMER.parse().unwrap(), to: AGENT.parse().unwrap() }, late);
        let call = Call::new(&net, Some(Suite::AeadAes256Gcm), &[]).await;
        call.talk(Duration::from_secs(4)).await;
        let (_, far, _, customer, _, _, heard) = call.end().await;
        assert!(heard.late > 10 && heard.missing >= heard.late, "{heard:?}");
        assert!(far.rows.windows(2).all(|pair| pair[1].heard > pair[0].heard));
        let delayed = |row: &&Row| matches!(row.fate, Fate::Delayed { .. });
        let forked = |row: &&Row| far.rows.iter().any(|far| far.heard == Some(row.index as u32));
        assert_eq!(customer.rows.iter().filter(delayed).filter(forked).count(), 0);
    });
}

#[test]
fn a_replay_is_the_packet_of_so_many_packets_ago() {
    run(|net| async move {
        let call =
            Call::new(&net, Some(Suite::AeadAes128Gcm), &[Fault::Replay { leg: Leg::Near, every: 4, back: 3 }]).await;
        call.talk(Duration::from_secs(1)).await;
        let (near, ..) = call.end().await;
        let mut replays = 0;
        for pair in near.rows.windows(2).filter(|pair| pair[1].nature == Nature::Replayed) {
            assert_eq!(pair[0].index - pair[1].index, 3);
            let original = near.rows.iter().find(|row| row.index == pair[1].index).unwrap();
            assert_eq!(near.payload(original), near.payload(&pair[1]));
            replays += 1;
        }
        assert!(replays >= 11, "{replays}");
    });
}

#[test]
fn every_fault_is_in_the_ledger_by_its_nature_and_no_recorder_need_believe_it() {
    let leg = Leg::Near;
    let cases = [
        (Fault::Plain { leg, instead: false }, Nature::Plain),
        (Fault::Plain { leg, instead: true }, Nature::Plain),
        (Fault::BadTag { leg, every: 5 }, Nature::BadTag),
        (Fault::Replay { leg, every: 4, back: 3 }, Nature::Replayed),
        (Fault::Forge { leg, times: 3 }, Nature::Forged),
        (Fault::WrongKey { leg }, Nature::WrongKey),
    ];
    for (fault, nature) in cases {
        for suite in Suite::ALL {
            run(|net| async move {
                let call = Call::new(&net, Some(suite), &[fault]).await;
                call.talk(Duration::from_secs(1)).await;
                let (near, far, _, _, mut near_tap, mut far_tap, _) = call.end().await;
                let false_rows = near.rows.iter().filter(|row| row.nature == nature).count();
                assert_eq!(near.rows.len() - false_rows, genuine(&near).len(), "{fault:?}");
                let ticks = 50;
                let expected = match fault {
                    Fault::Forge { .. } => 3 * ticks,
                    Fault::BadTag { .. } => ticks / 5,
                    Fault::Replay { .. } => ticks / 4,
                    _ => ticks,
                };
                assert!(false_rows.abs_diff(expected) <= 3, "{fault:?}: {false_rows} of {expected}");
                let got = near_tap.drain();
                assert_eq!(got.refused, false_rows, "{fault:?} under {suite}");
                let said: Vec<_> = genuine(&near).iter().map(|row| near.payload(row).to_vec()).collect();
                assert_eq!(got.packets.iter().map(|packet| packet.3.clone()).collect::<Vec<_>>(), said, "{fault:?}");
                // The other leg is as it should be.
                assert_eq!((genuine(&far).len(), far_tap.drain().refused), (far.rows.len(), 0));
            });
        }
    }
}

#[test]
fn a_plain_packet_beside_the_genuine_one_carries_other_audio() {
    run(|net| async move {
        let call =
            Call::new(&net, Some(Suite::AesCm128HmacSha1_32), &[Fault::Plain { leg: Leg::Far, instead: false }]).await;
        call.talk(Duration::from_millis(500)).await;
        let (_, far, ..) = call.end().await;
        let pairs: Vec<_> = far.rows.chunks(2).collect();
        assert!(pairs.len() > 15);
        for (nth, pair) in pairs.into_iter().enumerate() {
            // The clear one takes turns: behind the first packet, before the second.
            let (genuine, plain) = if nth % 2 == 0 { (&pair[0], &pair[1]) } else { (&pair[1], &pair[0]) };
            assert_eq!((genuine.nature, plain.nature), (Nature::Genuine, Nature::Plain));
            assert_eq!(genuine.sequence, plain.sequence);
            let (said, other) = (far.payload(genuine), far.payload(plain));
            assert!(said.iter().zip(other).all(|(said, other)| said ^ other == 0x80));
        }
    });
}

#[test]
fn faults_can_begin_and_end_in_the_middle_of_a_call() {
    run(|net| async move {
        let call = Call::new(&net, Some(Suite::AeadAes256Gcm), &[]).await;
        call.talk(Duration::from_millis(400)).await;
        let elsewhere = net.media(at(AGENT)).unwrap();
        call.clock.inject(call.agent, Fault::Forge { leg: Leg::Near, times: 1 }, Some(elsewhere));
        call.talk(Duration::from_millis(400)).await;
        call.clock.behave(call.agent);
        call.talk(Duration::from_millis(400)).await;
        let (near, ..) = call.end().await;
        let natures: Vec<_> = near.rows.iter().map(|row| row.nature).collect();
        let first = natures.iter().position(|nature| *nature == Nature::Forged).unwrap();
        let last = natures.iter().rposition(|nature| *nature == Nature::Forged).unwrap();
        assert!((18..=22).contains(&first), "{first}");
        assert!((38..=42).contains(&(last - first)), "{}", last - first);
        assert!(natures.len() - last > 18);
    });
}

#[test]
fn a_call_that_is_held_says_nothing_and_resumes_as_a_new_stream() {
    run(|net| async move {
        let call = Call::new(&net, Some(Suite::AesCm128HmacSha1_80), &[]).await;
        call.talk(Duration::from_millis(200)).await;
        call.clock.set_main(call.agent, MainTerms { send: None, receive: None });
        call.talk(Duration::from_millis(200)).await;
        let remote = call.near.socket.local_addr();
        let again = opening(StreamKind::Voice, remote, key(Some(Suite::AesCm128HmacSha1_80), 8), 99, 1);
        call.clock.set_main(call.agent, MainTerms { send: Some(again), receive: None });
        call.talk(Duration::from_millis(200)).await;
        let closed = call.clock.close(call.agent).await.unwrap();
        let voices: Vec<_> = closed.streams.iter().filter(|stream| stream.kind == StreamKind::Voice).collect();
        assert_eq!(voices.len(), 2);
        assert!(voices[1].rows[0].sent_us - voices[0].rows.last().unwrap().sent_us >= 200_000);
        assert_ne!(voices[0].key_fingerprint, voices[1].key_fingerprint);
        let frames = |stream: &Stream| stream.rows.iter().map(|row| stream.payload(row).to_vec()).collect::<Vec<_>>();
        assert!(frames(voices[0]).iter().all(|frame| !frames(voices[1]).contains(frame)));
    });
}
