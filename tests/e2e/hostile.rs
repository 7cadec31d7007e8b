//! Strangers who send what nobody asked for, in the middle of a call: it costs nothing, and what CUCM got is told.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use scenario::outcome::Verdict;
use scenario::run::{Bystander, Network, Options};
use trust::cert::{Identity, KeyKind, Request};
use trust::rule::PeerRule;
use wire::tls::{TlsClient, TlsOptions};
use wire::{Datagram, Link, Net};

const STRANGER: &str = "10.48.38.99";
const CUCM: &str = "10.48.38.5";

const CALL: &str = r#"
scenario: A call among strangers
phones:
  agent:    { line: "2000", name: Agent, security: encrypted, recording: automatic }
  customer: { line: "1000", name: Customer, security: encrypted }
steps:
  - call: { from: customer, to: agent }
  - answer: agent
  - talk: 20s
  - hang up: agent
"#;

fn at(address: &str, port: u16) -> SocketAddr {
    SocketAddr::new(address.parse().unwrap(), port)
}

/// Every byte value, as often as it takes.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 167 + at / 256) as u8).collect()
}

/// Plays the call while `deed` is done again and again, and gives the story.
#[track_caller]
fn survives<F: Future<Output = ()> + Send + 'static>(deed: fn(Net) -> F) -> Vec<String> {
    let again = move |net: Net| async move {
        loop {
            deed(net.clone()).await;
            net.clock().sleep(Duration::from_millis(130)).await;
        }
    };
    let options = Options { bystander: Some(Bystander::new(again)), ..tests::options(Network::Simulated, 5) };
    let outcome = tests::run_text("hostile.yaml", CALL, &options).unwrap();
    assert_eq!(outcome.verdict, Verdict::Pass, "{outcome:#?}");
    assert!(outcome.frames_compared > 4000, "{outcome:#?}");
    outcome.story.into_iter().map(|happening| happening.what).collect()
}

async fn connect(net: &Net, port: u16) -> Link {
    let from: IpAddr = STRANGER.parse().unwrap();
    net.connect(from, at(CUCM, port)).await.map(Link::from).unwrap()
}

async fn socket(net: &Net) -> Datagram {
    net.datagram(at(STRANGER, 0)).await.unwrap()
}

/// Whatever comes back, until the end of the connection or for a while.
async fn listen(net: &Net, link: &mut Link) {
    let mut buf = [0; 2048];
    let read = async { while link.read(&mut buf).await.is_ok_and(|length| length > 0) {} };
    tokio::select! {
        () = read => {}
        () = net.clock().sleep(Duration::from_millis(50)) => {}
    }
}

#[test]
fn garbage_on_the_sip_ports_of_cucm_costs_nothing_and_is_told() {
    let story = survives(|net| async move {
        let half = b"INVITE sip:2000@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.99".to_vec();
        let broken = b"REGISTER sip:10.48.38.5 SIP/2.0\r\nVia: \r\nContent-Length: 0\r\n\r\n".to_vec();
        for bytes in [noise(5000), half, broken, b"GET / HTTP/1.1\r\n\r\n".to_vec()] {
            for port in [5060, 5061] {
                let mut link = connect(&net, port).await;
                // It may be closed before all is written.
                let _ = link.write_all(&bytes).await;
                listen(&net, &mut link).await;
            }
            socket(&net).await.send_to(&bytes[..bytes.len().min(1400)], at(CUCM, 5060)).await.unwrap();
        }
    });
    let told =
        |part: &str| story.iter().any(|line| line.starts_with("a stranger (10.48.38.99:") && line.contains(part));
    for part in ["framing was lost", "did not go on", "which was skipped", "GET / HTTP/1.1"] {
        assert!(told(part), "{part}: {story:#?}");
    }
}

#[test]
fn garbage_on_the_tftp_port_costs_nothing() {
    survives(|net| async move {
        let endless = [&b"\0\x01"[..], &[b'x'; 1400]].concat();
        let missing: &[u8] = b"\0\x01no-such-file\0octet\0";
        let asked: &[u8] = b"\0\x01CTLFile.tlv\0octet\0blksize\x0099999999999\0";
        for bytes in
            [&b""[..], b"\0", b"\0\x09what", b"\0\x04\0\x01", b"\0\x05\0\0", &endless, missing, asked, &noise(1400)]
        {
            socket(&net).await.send_to(bytes, at(CUCM, 69)).await.unwrap();
        }
    });
}

#[test]
fn garbage_on_the_media_ports_of_the_phones_costs_nothing() {
    survives(|net| async move {
        let socket = socket(&net).await;
        let mut rtp = noise(172);
        rtp[..2].copy_from_slice(&[0x80, 0]);
        for phone in ["10.48.38.100", "10.48.38.101"] {
            for port in 16_384..16_400 {
                for bytes in [b"", &b"\x80"[..], &[0xff; 1400], &rtp] {
                    socket.send_to(bytes, at(phone, port)).await.unwrap();
                }
            }
        }
    });
}

/// Its certificate is refused in the handshake, or it shows none; the recorder has no part in that.
#[test]
fn a_stranger_whom_cucm_refuses_is_not_held_against_the_recorder() {
    let story = survives(|net| async move {
        let since = wire::default_wall() - Duration::from_secs(3600);
        let identity =
            Identity::self_signed(&Request::new("stranger.example", since).with_key(KeyKind::EcP256)).unwrap();
        for identity in [Some(identity), None] {
            let client = TlsClient::new(TlsOptions::new(identity, PeerRule::anyone())).unwrap();
            let stream = net.connect(STRANGER.parse().unwrap(), at(CUCM, 5061)).await.unwrap();
            if let Ok(stream) = wire::tls::connect(&client, stream).await {
                listen(&net, &mut Link::from(stream)).await;
            }
        }
    });
    assert!(story.iter().any(|line| line.starts_with("trunk: ")), "{story:#?}");
}
