//! Two sites as each other's cluster: calls between them, over both networks.

#![allow(clippy::unwrap_used, reason = "a step that fails ends its test")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use media::ledger::{Fate, Ledger, Stream, StreamKind};
use media::signal::Voice;
use media::srtp::Suite;
use phone::outside::{Config, Forking, Kind, Outside, Party, Security, Told, open};
use phone::{CallState, Codec, CommandError, MediaClock, PhoneState, Summary};
use support::{ip, on_both, on_sim};
use trust::cert::{Identity, KeyKind, Request};
use wire::Net;

const SOON: Duration = Duration::from_secs(10);

struct Pair {
    net: Net,
    clock: MediaClock,
    here: Outside,
    there: Outside,
}

fn parties(first: &str, identity: u64) -> Vec<Party> {
    let number = |at: u64| format!("{first}{at}");
    (0..3)
        .map(|at| Party { number: number(at), display: String::new(), voice: Voice::speech(Vec::new(), identity + at) })
        .collect()
}

impl Pair {
    async fn new(net: Net, is_secure: bool) -> Self {
        let clock = MediaClock::start(&net);
        let (first, second) = (ip("127.0.0.8"), ip("127.0.0.9"));
        let identity = |name: &str| {
            let request = Request::new(name, net.clock().wall() - Duration::from_secs(60)).with_key(KeyKind::EcP256);
            Identity::self_signed(&request).unwrap()
        };
        let (one, other) = (identity("one"), identity("other"));
        let security = |own: &Identity, known: &Identity| {
            is_secure.then(|| Security { identity: own.clone(), trusted: vec![known.certificate.clone()] })
        };
        let suites = if is_secure { Suite::ALL.to_vec() } else { Vec::new() };
        // Each has to know the other's port beforehand.
        let port = 20_000 + (std::process::id() % 10_000) as u16;
        let config = |name: &str, address, cucm, kind, security, parties| Config {
            name: name.to_owned(),
            kind,
            forking: Forking::On,
            address,
            port,
            cucm: SocketAddr::new(cucm, port),
            security,
            suites: suites.clone(),
            codecs: Codec::G711.to_vec(),
            parties,
            media: clock.clone(),
        };
        let gateway = config("PSTN-GW", second, first, Kind::Gateway, security(&other, &one), parties("300", 10));
        let there = open(net.clone(), gateway, 1).await.unwrap();
        let cluster = config("Cluster2", first, second, Kind::Cluster, security(&one, &other), parties("200", 20));
        let here = open(net.clone(), cluster, 2).await.unwrap();
        Self { net, clock, here, there }
    }

    async fn talk(&self, milliseconds: u64) {
        self.net.clock().sleep(Duration::from_millis(milliseconds)).await;
    }

    /// Party 0 here talks with party 0 there.
    async fn call(&self) {
        self.here.dial(0, "3000").await.unwrap();
        self.there.wait_for(0, PhoneState::Ringing, SOON).await.unwrap();
        self.here.wait_for(0, PhoneState::RingingBack, SOON).await.unwrap();
        self.there.answer(0).await.unwrap();
        self.here.wait_for(0, PhoneState::Connected, SOON).await.unwrap();
        self.there.wait_for(0, PhoneState::Connected, SOON).await.unwrap();
    }

    async fn finish(self) -> [(Ledger, Summary); 2] {
        let Self { here, there, clock: _clock, .. } = self;
        [here.finish().await.unwrap(), there.finish().await.unwrap()]
    }
}

fn sent(ledger: &Ledger) -> Vec<&Stream> {
    ledger.streams.iter().filter(|stream| stream.kind == StreamKind::Voice && !stream.rows.is_empty()).collect()
}

#[test]
fn parties_of_two_sites_call_each_other_hold_resume_and_hang_up() {
    for is_secure in [false, true] {
        on_both(move |net| async move {
            let pair = Pair::new(net, is_secure).await;
            pair.call().await;
            assert_eq!(pair.here.status(0).secured, is_secure);
            assert_eq!(pair.here.dial(0, "3001").await, Err(CommandError::Busy));
            pair.talk(400).await;
            pair.there.hold(0).await.unwrap();
            pair.there.wait_for(0, PhoneState::Held, SOON).await.unwrap();
            pair.talk(300).await;
            pair.there.resume(0).await.unwrap();
            pair.there.wait_for(0, PhoneState::Connected, SOON).await.unwrap();
            pair.talk(400).await;
            pair.here.hang_up(0).await.unwrap();
            pair.there.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
            let [(ours, one), (theirs, other)] = pair.finish().await;
            for (ledger, summary) in [(&ours, &one), (&theirs, &other)] {
                assert_eq!((summary.problems.as_slice(), summary.calls, summary.open_call), (&[][..], 1, false));
                assert!(summary.heard.packets > 30 && summary.heard.unauthentic <= 2, "{:?}", summary.heard);
                let lost = |stream: &Stream| stream.rows.iter().any(|row| !matches!(row.fate, Fate::Delivered { .. }));
                assert!(!sent(ledger).into_iter().any(lost));
            }
            // The hold ended one stream and the resume began another; nobody spoke meanwhile.
            assert_eq!(sent(&theirs).len(), 2);
        });
    }
}

#[test]
fn a_call_that_is_given_up_or_declined_is_over_for_both() {
    on_sim(|net| async move {
        let pair = Pair::new(net, false).await;
        pair.here.dial(0, "3000").await.unwrap();
        pair.there.wait_for(0, PhoneState::Ringing, SOON).await.unwrap();
        pair.here.wait_for(0, PhoneState::RingingBack, SOON).await.unwrap();
        pair.here.hang_up(0).await.unwrap();
        pair.there.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        pair.here.dial(0, "3001").await.unwrap();
        pair.there.wait_for(1, PhoneState::Ringing, SOON).await.unwrap();
        pair.there.hang_up(1).await.unwrap();
        pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        pair.here.dial(0, "nobody").await.unwrap();
        pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        assert_eq!(pair.there.status(0).call, CallState::Idle);
        let [(_, one), (_, other)] = pair.finish().await;
        assert_eq!((one.calls, other.calls), (0, 0));
    });
}

#[test]
fn another_party_takes_a_call_over_with_media_of_its_own_or_in_the_same_stream() {
    for (told, streams) in [(Told::ByInvite, 2), (Told::ByUpdate, 1), (Told::NotAtAll, 1)] {
        on_sim(move |net| async move {
            let pair = Pair::new(net, true).await;
            pair.call().await;
            pair.talk(400).await;
            pair.there.transfer(0, 1, told).await.unwrap();
            pair.there.wait_for(1, PhoneState::Connected, SOON).await.unwrap();
            pair.there.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
            pair.talk(400).await;
            assert_eq!(pair.there.transfer(0, 2, told).await, Err(CommandError::NoCall));
            pair.there.hang_up(1).await.unwrap();
            pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
            let [(_, one), (theirs, other)] = pair.finish().await;
            assert_eq!((one.problems.as_slice(), other.problems.as_slice()), (&[][..], &[][..]));
            let (sources, packets): (Vec<_>, Vec<_>) =
                sent(&theirs).iter().map(|stream| (stream.source, stream.rows.len())).unzip();
            assert_eq!(sources.len(), streams, "{told:?}: {packets:?}");
            assert!(packets.iter().sum::<usize>() >= 38, "{packets:?}");
            // A packet under the new key may overtake the ACK that puts it into force.
            assert!(one.heard.unauthentic <= 1);
        });
    }
}

#[test]
fn a_conference_speaks_with_all_its_members_and_drops_to_one() {
    on_sim(|net| async move {
        let pair = Pair::new(net, false).await;
        pair.call().await;
        assert_eq!(pair.there.confer(0, &[0], None).await, Err(CommandError::Busy));
        pair.there.confer(0, &[1, 2], Some("b0018615001")).await.unwrap();
        pair.talk(400).await;
        assert_eq!(pair.there.status(2).call, CallState::Connected);
        pair.there.leave(0).await.unwrap();
        pair.there.leave(1).await.unwrap();
        assert_eq!(pair.there.leave(2).await, Err(CommandError::NoCall), "it is a call of two again");
        pair.talk(100).await;
        assert_eq!((pair.there.status(0).call, pair.there.status(2).call), (CallState::Idle, CallState::Connected));
        pair.there.hang_up(2).await.unwrap();
        pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        let [(_, one), (theirs, other)] = pair.finish().await;
        assert_eq!((one.problems.as_slice(), other.problems.as_slice()), (&[][..], &[][..]));
        assert_eq!(sent(&theirs).len(), 1);
    });
}

#[test]
fn a_site_lets_in_nobody_whom_it_does_not_know() {
    on_sim(|net| async move {
        let mut pair = Pair::new(net.clone(), true).await;
        let stranger = Identity::self_signed(&Request::new("x", net.clock().wall()).with_key(KeyKind::EcP256)).unwrap();
        let config = Config {
            name: "Stranger".into(),
            kind: Kind::Cluster,
            forking: Forking::On,
            address: ip("127.0.0.10"),
            port: 0,
            cucm: pair.there.address(),
            security: Some(Security { identity: stranger, trusted: Vec::new() }),
            suites: Vec::new(),
            codecs: Codec::G711.to_vec(),
            parties: parties("400", 40),
            media: pair.clock.clone(),
        };
        pair.here = open(net, config, 3).await.unwrap();
        pair.here.dial(0, "3000").await.unwrap();
        pair.here.wait_for(0, PhoneState::Idle, SOON).await.unwrap();
        let [(_, one), _] = pair.finish().await;
        assert!(one.problems[0].starts_with("cannot connect to CUCM: "), "{:?}", one.problems);
    });
}
