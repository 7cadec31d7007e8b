//! Every parser against damaged input, from a seed and with a bound: an error or a result, never a panic.

#![expect(clippy::disallowed_methods, reason = "the machines need some instant to count from")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use trust::cert::{Certificate, Identity, KeyKind, Request, San};
use trust::ctl::{Ctl, Record, Role};
use trust::phone_config::{CallManager, DeviceSecurityMode, Line, PhoneConfig};
use trust::rule::{PeerRule, Purpose, TrustList};
use trust::tftp::{Client, Input, Limits, Packet, Server};

const ROUNDS: u32 = 4000;

/// Damages a copy of a good input: bits, bytes, cuts, insertions, pieces moved about.
fn damage(rng: &mut ChaCha20Rng, good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..1 + rng.next_u32() % 4 {
        let at = rng.next_u32() as usize % (bytes.len() + 1);
        let byte = rng.next_u32() as u8;
        match rng.next_u32() % 7 {
            0 if at < bytes.len() => bytes[at] ^= 1 << (byte % 8),
            1 if at < bytes.len() => bytes[at] = byte,
            2 if at < bytes.len() => bytes[at] = [0, 0xFF, 0x80, 0x7F][usize::from(byte % 4)],
            3 => bytes.truncate(at),
            4 => bytes.insert(at, byte),
            5 => {
                let end = (at + usize::from(byte)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let end = (at + usize::from(byte)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Runs `body` over damaged copies and says how many it could read.
fn survive(seed: u64, good: &[u8], mut body: impl FnMut(&[u8]) -> bool) -> u32 {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    assert!(body(good), "the undamaged input has to be read");
    (0..ROUNDS).filter(|_| body(&damage(&mut rng, good))).count() as u32
}

fn identity() -> Identity {
    let request = Request::call_manager("cucm-pub", UNIX_EPOCH + Duration::from_secs(1_767_225_600));
    let sans = vec![San::Dns("cucm-pub.example.com".to_owned()), San::Ip([192, 0, 2, 10].into())];
    Identity::self_signed(&request.with_sans(sans).with_key(KeyKind::EcP256)).expect("the request is a plain one")
}

#[test]
fn ctl_files() {
    let good = include_bytes!("../../../testdata/certificates/ctl-sha1-rsa1024.tlv");
    let installed = Ctl::parse(good).unwrap();
    let certificate = identity().certificate;
    let read = survive(1, good, |bytes| {
        Ctl::parse(bytes).is_ok_and(|ctl| {
            let accepted = ctl.accept(Some(&installed)).is_ok();
            assert!(!accepted || bytes == good, "a damaged file was accepted");
            ctl.lookup(certificate.der(), Role::Ccm).is_none() && ctl.roles_of(&certificate).is_empty()
        })
    });
    assert!((100..ROUNDS).contains(&read), "{read} were read");
}

#[test]
fn random_ctl_records_come_back() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let signer =
        Identity::self_signed(&Request::new("signer", UNIX_EPOCH + Duration::from_secs(1_767_225_600))).unwrap();
    let mut bytes =
        move |limit: u32| -> Vec<u8> { (0..rng.next_u32() % limit).map(|_| rng.next_u32() as u8).collect() };
    for round in 0..50_u16 {
        let mut text = || bytes(80).into_iter().map(|byte| char::from(b'!' + byte % 90)).collect::<String>();
        let (name, subject, issuer) = (text(), text(), text());
        let record = Record {
            subject,
            issuer,
            serial: bytes(21),
            public_key: bytes(300),
            signature: bytes(300),
            certificate: Some(bytes(900)).filter(|der| !der.is_empty()),
            certificate_sha1: (round % 2 == 0).then_some([7; 20]),
            ..Record::emptied(Role::from_code(round), &name, Some([192, 0, 2, 1].into()))
        };
        let ctl = Ctl::new(UNIX_EPOCH, vec![record; usize::from(round % 4)]);
        assert_eq!(Ctl::parse(&ctl.sign(&signer).unwrap()).unwrap().ctl(), &ctl);
    }
}

#[test]
fn certificates() {
    let good = identity().certificate;
    let rule = PeerRule::listed(TrustList::new().with(good.clone()));
    let now = UNIX_EPOCH + Duration::from_secs(1_767_230_000);
    let read = survive(3, good.der(), |der| {
        let judged = rule.judge(&[der, good.der()], Purpose::Server, now);
        assert!(judged.is_err() || der == good.der(), "a damaged certificate was believed");
        if let Err(refusal) = &judged {
            assert!(!refusal.rule().is_empty() && !refusal.to_string().is_empty());
        }
        Certificate::from_der(der).is_ok_and(|certificate| {
            format!("{certificate:?} {:?} {}", certificate.names(), certificate.is_self_signed()).len() > 10
        })
    });
    assert!((100..ROUNDS).contains(&read), "{read} were read");
}

#[test]
fn pem_texts() {
    let good = identity().to_pem();
    let read = survive(4, good.as_bytes(), |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = Certificate::all_from_pem(&text);
        Identity::from_pem(&text).is_ok()
    });
    assert!((10..ROUNDS).contains(&read), "{read} were read");
}

#[test]
fn phone_configurations() {
    let node = CallManager {
        name: "pub".to_owned(),
        process_node: "192.0.2.10".to_owned(),
        sip_port: 5060,
        secured_sip_port: 5061,
    };
    let mut config = PhoneConfig::new("SEP001122334455", DeviceSecurityMode::Encrypted, node);
    config.lines = vec![Line::new(1, "2000", "Agent"), Line::new(2, "2001", "Agent")];
    let read = survive(5, config.to_xml().as_bytes(), |bytes| PhoneConfig::parse(bytes).is_ok());
    assert!((20..ROUNDS).contains(&read), "{read} were read");
}

#[test]
fn tftp_datagrams() {
    let (server, phone) = (SocketAddr::from(([192, 0, 2, 10], 69)), SocketAddr::from(([192, 0, 2, 20], 40000)));
    let limits = Limits { largest_file: 4096, transfers: 8, ..Limits::default() };
    let files = BTreeMap::from([("f".to_owned(), Arc::from(vec![1; 2000]))]);
    let mut now = Instant::now();
    let mut serving = Server::with_files(limits, files);
    let mut client = Client::new(now, server, "f", limits);
    let goods = [
        Packet::Read { name: "f".into(), mode: "octet".into() },
        Packet::Data { block: 1, bytes: &[1; 512] },
        Packet::Ack { block: 1 },
        Packet::Error { code: 1, message: "no".into() },
        Packet::Write { name: "f".into() },
    ];
    let mut failed = 0;
    for (seed, good) in (6..).zip(goods) {
        survive(seed, &good.to_bytes(), |bytes| {
            now += Duration::from_millis(10);
            let from = SocketAddr::new(phone.ip(), 40000 + u16::from(bytes.first().copied().unwrap_or(0) % 16));
            serving.handle_input(now, Input::Datagram { from, bytes });
            client.handle_input(now, Input::Datagram { from: server, bytes });
            if serving.poll_timeout().is_some_and(|due| due <= now) {
                serving.handle_input(now, Input::Timeout);
            }
            if client.poll_timeout().is_none_or(|due| due <= now) {
                client.handle_input(now, Input::Timeout);
                if client.poll_timeout().is_none() {
                    failed += 1;
                    client = Client::new(now, server, "f", limits);
                }
            }
            while serving.poll_output().is_some() {}
            while client.poll_output().is_some() {}
            assert!(serving.active() <= limits.transfers);
            Packet::parse(bytes).is_ok()
        });
    }
    assert!(failed > 100, "the client met only {failed} ends");
}
