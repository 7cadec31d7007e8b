//! Mutual TLS in both directions, well and badly set up, on both networks: the reason comes out on either side.
#![expect(clippy::unwrap_used, reason = "a step that fails ends its test")]

#[path = "support/identities.rs"]
mod identities;
mod support;

use std::time::Duration;

use identities::{expired, identity, only};
use support::{LOCAL, OTHER, any, on_both, on_sim, pair, seen};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use trust::cert::Identity;
use trust::rule::{PeerRule, Refusal};
use wire::tls::{self, Ask, Ciphers, TlsClient, TlsError, TlsOptions, TlsServer, TlsStream, Versions, alert};
use wire::{Kind, Link, Net, SimOptions};

type Outcome = Result<TlsStream, TlsError>;

/// Runs a handshake: the client's outcome, the server's.
async fn shake(net: &Net, client: TlsOptions, server: TlsOptions) -> (Outcome, Outcome) {
    let (client, server) = (TlsClient::new(client).unwrap(), TlsServer::new(server).unwrap());
    let (near, far) = pair(net).await;
    tokio::join!(tls::connect(&client, near), tls::accept(&server, far))
}

/// What the client learns: from its handshake or, in TLS 1.3, from its first read.
async fn clients_view(outcome: Outcome) -> Option<String> {
    match outcome {
        Err(TlsError::Alert(words)) => Some(words),
        Err(error) => panic!("got {error}, expected an alert"),
        Ok(stream) => alert(&Link::from(stream).read(&mut [0; 8]).await.unwrap_err()),
    }
}

fn options(identity: &Identity, rule: PeerRule, versions: Versions) -> TlsOptions {
    TlsOptions { versions, ..TlsOptions::new(Some(identity.clone()), rule) }
}

fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Err(TlsError::Refused(refusal)) => refusal,
        other => panic!("got {other:?}, expected a refusal"),
    }
}

const VERSIONS: [Versions; 2] = [Versions::Tls12, Versions::Tls13];

#[test]
fn both_sides_present_certificates_and_talk() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        for (versions, name) in
            [(Versions::Tls12, "TLSv1.2"), (Versions::Tls13, "TLSv1.3"), (Versions::Both, "TLSv1.3")]
        {
            let client = options(&cucm, only(&[&recorder]), versions);
            let (near, far) = shake(&net, client, options(&recorder, only(&[&cucm]), versions)).await;
            let (mut near, mut far) = (near.unwrap(), far.unwrap());
            assert_eq!((near.version(), far.version()), (name, name));
            assert!(near.cipher_suite().starts_with("TLS_"), "{}", near.cipher_suite());
            assert_eq!(near.peer_certificates(), [recorder.certificate.der()]);
            assert_eq!(far.peer_certificates(), [cucm.certificate.der()]);
            near.write_all(b"INVITE").await.unwrap();
            near.shutdown().await.unwrap();
            let mut text = Vec::new();
            far.read_to_end(&mut text).await.unwrap();
            assert_eq!(text, b"INVITE");
        }
    });
}

/// The cipher suites of the ClientHello that these options make (RFC 5246 §7.4.1.2).
async fn offered(net: &Net, options: TlsOptions) -> Vec<u16> {
    const SESSION_ID: usize = 5 + 4 + 2 + 32;
    let client = TlsClient::new(options).unwrap();
    let (near, mut far) = pair(net).await;
    let mut hello = vec![0; 512];
    let read = async {
        let length = far.read(&mut hello).await.unwrap();
        drop(far);
        hello.truncate(length);
    };
    let (outcome, ()) = tokio::join!(tls::connect(&client, near), read);
    assert!(outcome.is_err());
    let rest = &hello[SESSION_ID + 1 + usize::from(hello[SESSION_ID])..];
    let length = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
    rest[2..2 + length].chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

#[test]
fn only_the_suites_that_were_asked_for_are_offered() {
    on_both(|net| async move {
        let cucm = identity("cucm", &net);
        for (versions, expected) in [
            (Versions::Tls12, vec![0xc030, 0xc02c, 0xc02f, 0xc02b, 0x00ff]),
            (Versions::Tls13, vec![0x1302, 0x1301]),
            (Versions::Both, vec![0x1302, 0x1301, 0xc030, 0xc02c, 0xc02f, 0xc02b, 0x00ff]),
        ] {
            let options = TlsOptions { ciphers: Ciphers::AesGcm, ..options(&cucm, PeerRule::anyone(), versions) };
            // The last of 1.2 is the signal of RFC 5746.
            assert_eq!(offered(&net, options).await, expected, "{versions:?}");
        }
        let all = offered(&net, options(&cucm, PeerRule::anyone(), Versions::Tls12)).await;
        assert!(all.contains(&0xcca8), "ChaCha20: {all:x?}");
        assert!(all.iter().all(|suite| suite >> 8 != 0x13), "those of 1.3: {all:x?}");
    });
}

#[test]
fn a_server_refuses_a_client_and_both_know_why() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let (stranger, old) = (identity("stranger", &net), expired("old"));
        let named = only(&[&cucm]).with_names(vec!["another".into()]);
        for versions in VERSIONS {
            for (client, rule, code, words) in [
                (&stranger, only(&[&cucm]), "callmanager-trust", "unknown ca"),
                (&cucm, named.clone(), "x509-subject", "bad certificate"),
                (&old, only(&[&old]), "expired", "certificate expired"),
            ] {
                let client = options(client, only(&[&recorder]), versions);
                let (near, far) = shake(&net, client, options(&recorder, rule, versions)).await;
                let refusal = refusal(far);
                if code != "callmanager-trust" {
                    assert_eq!(refusal.rule(), code, "{refusal}");
                }
                assert_eq!(clients_view(near).await.as_deref(), Some(words), "{versions:?} {code}");
            }
        }
    });
}

#[test]
fn a_client_without_a_certificate_is_refused_where_one_is_required() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        for versions in VERSIONS {
            let client = TlsOptions { versions, ..TlsOptions::new(None, only(&[&recorder])) };
            let (near, far) = shake(&net, client, options(&recorder, only(&[&cucm]), versions)).await;
            assert_eq!(refusal(far).rule(), "no-client-certificate");
            let words = clients_view(near).await.unwrap();
            assert!(["certificate required", "handshake failure"].contains(&words.as_str()), "{words}");
        }
    });
}

#[test]
fn a_refused_client_that_goes_on_writing_still_reads_why() {
    on_both(|net| async move {
        let (stranger, recorder) = (identity("stranger", &net), identity("recorder", &net));
        let client = options(&stranger, only(&[&recorder]), Versions::Tls13);
        let (near, far) = shake(&net, client, options(&recorder, only(&[]), Versions::Tls13)).await;
        refusal(far);
        let mut link = Link::from(near.unwrap());
        for _ in 0..3 {
            link.write_all(b"REGISTER").await.unwrap();
            net.clock().sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(alert(&link.read(&mut [0; 8]).await.unwrap_err()).as_deref(), Some("unknown ca"));
    });
}

#[test]
fn a_client_without_a_certificate_passes_where_none_is_required() {
    on_sim(SimOptions::default(), |net| async move {
        let recorder = identity("recorder", &net);
        for ask in [Ask::Optional, Ask::Never] {
            let client = TlsOptions::new(None, only(&[&recorder]));
            let server = TlsOptions { ask, ..TlsOptions::new(Some(recorder.clone()), only(&[])) };
            let (near, far) = shake(&net, client, server).await;
            assert!(near.is_ok() && far.unwrap().peer_certificates().is_empty(), "{ask:?}");
        }
    });
}

#[test]
fn a_client_refuses_a_server_and_both_know_why() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let (stranger, old) = (identity("stranger", &net), expired("old"));
        let named = only(&[&recorder]).with_names(vec!["another".into()]);
        for versions in VERSIONS {
            for (server, rule, code, words) in [
                (&stranger, only(&[&recorder]), "", "unknown ca"),
                (&recorder, named.clone(), "x509-subject", "bad certificate"),
                (&old, only(&[&old]), "expired", "certificate expired"),
            ] {
                let client = options(&cucm, rule, versions);
                let (near, far) = shake(&net, client, options(server, only(&[&cucm]), versions)).await;
                let refusal = refusal(near);
                assert!(code.is_empty() || refusal.rule() == code, "{refusal}");
                match far {
                    Err(TlsError::Alert(alert)) => assert_eq!(alert, words, "{versions:?}"),
                    other => panic!("got {other:?}, expected the alert {words}"),
                }
            }
        }
    });
}

#[test]
fn validity_is_judged_by_the_wall_clock_of_the_run() {
    let tomorrow = wire::default_wall() + Duration::from_secs(86_400);
    for (wall, is_valid) in [(wire::default_wall(), true), (tomorrow, false)] {
        on_sim(SimOptions { wall, ..SimOptions::default() }, |net| async move {
            let start = trust::cert::Request::new("cucm", wire::default_wall() - Duration::from_secs(60))
                .valid_for(Duration::from_secs(3600))
                .with_key(trust::cert::KeyKind::EcP256);
            let cucm = Identity::self_signed(&start).unwrap();
            let recorder = identity("recorder", &net);
            let client = TlsOptions::new(Some(cucm.clone()), only(&[&recorder]));
            let (_, far) = shake(&net, client, TlsOptions::new(Some(recorder.clone()), only(&[&cucm]))).await;
            assert_eq!(far.is_ok(), is_valid, "{far:?}");
        });
    }
}

#[test]
fn versions_that_do_not_meet_are_an_error_on_both_sides() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let client = options(&cucm, only(&[&recorder]), Versions::Tls12);
        let (near, far) = shake(&net, client, options(&recorder, only(&[&cucm]), Versions::Tls13)).await;
        assert!(matches!(near, Err(TlsError::Alert(ref words)) if words == "protocol version"), "{near:?}");
        assert!(matches!(far, Err(TlsError::Version(_))), "{far:?}");
    });
}

#[test]
fn rsa_certificates_of_call_manager_shape_work_in_both_versions() {
    on_sim(SimOptions::default(), |net| async move {
        let from = net.clock().wall() - Duration::from_secs(60);
        let cucm = Identity::self_signed(&trust::cert::Request::call_manager("cucm-pub", from)).unwrap();
        let recorder = Identity::self_signed(&trust::cert::Request::recorder(OTHER, from)).unwrap();
        for versions in VERSIONS {
            let rule = only(&[&cucm]).with_names(vec!["cucm-pub".into()]);
            let client = options(&cucm, only(&[&recorder]).with_names(vec![OTHER.to_string()]), versions);
            let (near, far) = shake(&net, client, options(&recorder, rule, versions)).await;
            assert!(near.is_ok() && far.is_ok(), "{near:?} {far:?}");
        }
    });
}

#[test]
fn a_peer_that_holds_another_key_than_its_certificate_is_refused() {
    on_sim(SimOptions::default(), |net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let mut stolen = identity("thief", &net);
        stolen.certificate = cucm.certificate.clone();
        for versions in VERSIONS {
            let client = options(&stolen, only(&[&recorder]), versions);
            let (_, far) = shake(&net, client, options(&recorder, only(&[&cucm]), versions)).await;
            assert!(matches!(far, Err(TlsError::Handshake(_))), "{far:?}");
        }
    });
}

#[test]
fn a_silent_peer_runs_into_the_time_limit() {
    on_sim(SimOptions::default(), |net| async move {
        let recorder = identity("recorder", &net);
        let limit = Duration::from_secs(3);
        let server =
            TlsServer::new(TlsOptions { timeout: limit, ..TlsOptions::new(Some(recorder), only(&[])) }).unwrap();
        let (_silent, far) = pair(&net).await;
        let started = net.clock().now();
        let error = tls::accept(&server, far).await.unwrap_err();
        assert!(matches!(error, TlsError::TimedOut(after) if after == limit), "{error}");
        assert_eq!(net.clock().now() - started, limit);
    });
}

#[test]
fn a_peer_that_speaks_no_tls_or_hangs_up_is_an_error() {
    on_both(|net| async move {
        let server = TlsServer::new(TlsOptions::new(Some(identity("recorder", &net)), only(&[]))).unwrap();
        let (mut near, far) = pair(&net).await;
        near.write_all(b"OPTIONS sip:x SIP/2.0\r\n\r\n").await.unwrap();
        assert!(matches!(tls::accept(&server, far).await, Err(TlsError::Handshake(_))));
        let (near, far) = pair(&net).await;
        drop(near);
        assert!(matches!(tls::accept(&server, far).await, Err(TlsError::Closed)));
    });
}

#[test]
fn a_server_needs_a_certificate() {
    let error = TlsServer::new(TlsOptions::new(None, only(&[]))).unwrap_err();
    assert!(matches!(error, TlsError::Identity(_)), "{error}");
}

#[test]
fn the_ladder_sees_plain_bytes_once_and_the_wire_sees_none_of_them() {
    let (sim, tap) = seen(1);
    on_sim(sim, |net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let client = TlsOptions::new(Some(cucm.clone()), only(&[&recorder]));
        let (near, far) = shake(&net, client, TlsOptions::new(Some(recorder.clone()), only(&[&cucm]))).await;
        let (mut near, mut far) = (Link::from(near.unwrap()), Link::from(far.unwrap()));
        near.write_all(b"OPTIONS sip:recorder SIP/2.0").await.unwrap();
        let mut buf = [0; 256];
        assert_eq!(far.read(&mut buf).await.unwrap(), 28);
        assert_eq!(far.peer_certificate().as_deref(), Some(cucm.certificate.der()));
    });
    let packets = tap.packets();
    let of = |kind| packets.iter().filter(move |packet| packet.kind == kind);
    let messages: Vec<_> = of(Kind::Message { encrypted: true }).map(|packet| packet.bytes.clone()).collect();
    assert_eq!(messages, [b"OPTIONS sip:recorder SIP/2.0".to_vec()]);
    let wire: Vec<u8> = of(Kind::TcpData).flat_map(|packet| packet.bytes.clone()).collect();
    assert!(wire.len() > 500 && !wire.windows(7).any(|window| window == b"OPTIONS"));
    // Five lines for a TLS 1.3 session, told by one side only.
    assert_eq!(of(Kind::TlsSecret).count(), 5);
    assert!(of(Kind::TcpOpen).all(|open| open.from.ip() == LOCAL) && of(Kind::TcpOpen).count() == 1);
}

#[test]
fn a_listener_serves_many_clients_at_once() {
    on_both(|net| async move {
        let (cucm, recorder) = (identity("cucm", &net), identity("recorder", &net));
        let server = TlsServer::new(TlsOptions::new(Some(recorder.clone()), only(&[&cucm]))).unwrap();
        let client = TlsClient::new(TlsOptions::new(Some(cucm), only(&[&recorder]))).unwrap();
        let listener = net.listen(any(OTHER)).await.unwrap();
        let to = listener.local_addr();
        let clients: Vec<_> = (0..20_u8)
            .map(|n| {
                let (net, client) = (net.clone(), client.clone());
                tokio::spawn(async move {
                    let stream = net.connect(LOCAL, to).await.unwrap();
                    let mut link = Link::from(tls::connect(&client, stream).await.unwrap());
                    link.write_all(&[n]).await.unwrap();
                    let mut buf = [0; 1];
                    assert_eq!(link.read(&mut buf).await.unwrap(), 1);
                    assert_eq!(buf, [n]);
                })
            })
            .collect();
        for _ in 0..20 {
            let (stream, _) = listener.accept().await.unwrap();
            let server = server.clone();
            tokio::spawn(async move {
                let mut link = Link::from(tls::accept(&server, stream).await.unwrap());
                let mut buf = [0; 1];
                link.read(&mut buf).await.unwrap();
                link.write_all(&buf).await.unwrap();
            });
        }
        for client in clients {
            client.await.unwrap();
        }
    });
}
