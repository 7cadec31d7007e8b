//! Capture files, read back by a reader of their own and by tshark.
#![expect(clippy::unwrap_used, reason = "a step that fails ends its test")]

#[path = "support/identities.rs"]
mod identities;
#[path = "support/reader.rs"]
mod reader;
mod support;

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::time::Duration;

use identities::{identity, only};
use reader::{Block, Seen, read};
use support::{LOCAL, OTHER, any, on_os, on_sim, pair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wire::tls::{self, TlsClient, TlsOptions, TlsServer, Versions};
use wire::{Keep, Link, Net, SimOptions, Tap, default_wall};

const SIP_TLS: u16 = 5061;

fn packets(blocks: &[Block]) -> Vec<&Seen> {
    blocks.iter().filter_map(|block| if let Block::Packet(seen) = block { Some(seen) } else { None }).collect()
}

fn nanos(time: std::time::SystemTime) -> u64 {
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// The bytes of one direction, put together by sequence numbers alone.
fn reassemble(seen: &[&Seen], from: SocketAddr) -> Vec<u8> {
    let mut segments: Vec<_> = seen.iter().filter(|packet| packet.protocol == 6 && packet.from == from).collect();
    segments.sort_by_key(|packet| packet.tcp.0);
    let start = segments.iter().find(|packet| packet.tcp.2 & 2 != 0).unwrap().tcp.0 + 1;
    let mut bytes = Vec::new();
    for segment in segments.iter().filter(|packet| !packet.payload.is_empty()) {
        assert_eq!(segment.tcp.0, start + bytes.len() as u32, "a hole or an overlap in the stream");
        bytes.extend_from_slice(&segment.payload);
    }
    bytes
}

#[test]
fn a_capture_holds_every_byte_once_with_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    let sent: Vec<u8> = (0..5000_u32).map(|n| n as u8).collect();
    let expected = sent.clone();
    let (client, server) = on_sim(SimOptions { tap: tap.clone(), ..SimOptions::default() }, move |net| {
        let sent = sent.clone();
        async move {
            let (mut client, mut server) = pair(&net).await;
            client.write_all(&sent).await.unwrap();
            client.shutdown().await.unwrap();
            server.read_to_end(&mut Vec::new()).await.unwrap();
            server.write_all(b"answer").await.unwrap();
            let ends = (client.local_addr(), server.local_addr());
            drop(server);
            client.read_to_end(&mut Vec::new()).await.unwrap();
            net.clock().sleep(Duration::from_millis(90)).await;
            let a = net.datagram(any(LOCAL)).await.unwrap();
            let b = net.datagram(any(OTHER)).await.unwrap();
            a.send_to(b"datagram", b.local_addr()).await.unwrap();
            b.recv_from(&mut [0; 16]).await.unwrap();
            let mut media = net.media(any(LOCAL)).unwrap();
            media.send_to(net.clock().now(), SocketAddr::new(OTHER, 20_000), b"media");
            ends
        }
    });
    let summary = tap.finish().unwrap();
    let blocks = read(&std::fs::read(&path).unwrap());
    let seen = packets(&blocks);
    assert_eq!((summary.written, summary.lost), (seen.len() as u64, 0));
    assert_eq!(reassemble(&seen, client), expected);
    assert_eq!(reassemble(&seen, server), b"answer");
    let flags: Vec<u8> = seen.iter().filter(|packet| packet.protocol == 6).map(|packet| packet.tcp.2).collect();
    assert_eq!(flags[..3], [0x02, 0x12, 0x10]);
    assert_eq!(flags.iter().filter(|flags| **flags & 1 != 0).count(), 2, "each side ends once");
    assert!(seen.windows(2).all(|pair| pair[0].nanos <= pair[1].nanos), "out of order");
    assert_eq!(seen[0].nanos, nanos(default_wall()));
    let datagrams: Vec<_> = seen.iter().filter(|packet| packet.protocol == 17).collect();
    assert_eq!(
        datagrams.iter().map(|packet| packet.payload.as_slice()).collect::<Vec<_>>(),
        [&b"datagram"[..], b"media"]
    );
    // Two ways to connect, one for the bytes, one for the answer, then the pause; the media follow a way later.
    assert_eq!(datagrams[0].nanos, nanos(default_wall() + Duration::from_millis(94)));
    assert_eq!(datagrams[1].nanos, nanos(default_wall() + Duration::from_millis(95)));
}

#[test]
fn what_a_foreign_program_sends_is_captured_where_it_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Messages).unwrap();
    on_os(tap.clone(), |net| async move {
        let socket = net.datagram(any(LOCAL)).await.unwrap();
        let foreign = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        foreign.send_to(b"from outside", socket.local_addr()).unwrap();
        socket.recv_from(&mut [0; 64]).await.unwrap();
        let listener = net.listen(any(LOCAL)).await.unwrap();
        let to = listener.local_addr();
        let outside = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(to).unwrap();
            stream.write_all(b"ping").unwrap();
            stream.read_exact(&mut [0; 4]).unwrap();
        });
        let (stream, _) = listener.accept().await.unwrap();
        let mut link = Link::from(stream);
        assert_eq!(link.read(&mut [0; 64]).await.unwrap(), 4);
        link.write_all(b"pong").await.unwrap();
        assert_eq!(link.read(&mut [0; 64]).await.unwrap(), 0);
        outside.join().unwrap();
    });
    let messages: Vec<_> = tap.packets().into_iter().filter(|packet| !packet.bytes.is_empty()).collect();
    let texts: Vec<_> = messages.iter().map(|packet| packet.bytes.as_slice()).collect();
    assert_eq!(texts, [&b"from outside"[..], b"ping", b"pong"]);
    tap.finish().unwrap();
    let blocks = read(&std::fs::read(&path).unwrap());
    let payloads: Vec<_> =
        packets(&blocks).iter().map(|packet| packet.payload.clone()).filter(|p| !p.is_empty()).collect();
    assert_eq!(payloads, [b"from outside".to_vec(), b"ping".to_vec(), b"pong".to_vec()]);
}

/// A phone's last packet is read when its socket has closed already.
#[test]
fn a_datagram_that_is_read_after_its_sender_closed_is_captured_once() {
    let tap = Tap::file(&tempfile::tempdir().unwrap().path().join("run.pcapng"), Keep::Everything).unwrap();
    on_os(tap.clone(), |net| async move {
        let mut receiver = net.media(any(LOCAL)).unwrap();
        let mut sender = net.media(any(LOCAL)).unwrap();
        sender.send_to(net.clock().now(), receiver.local_addr(), b"the last one");
        drop(sender);
        while receiver.try_recv(&mut [0; 64]).is_none() {
            net.clock().sleep(Duration::from_millis(1)).await;
        }
    });
    assert_eq!(tap.packets().len(), 1);
}

#[test]
fn what_is_sealed_is_captured_in_clear_beside_it_and_comments_stand_on_packets() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    let remarks = tap.clone();
    on_sim(SimOptions { tap: tap.clone(), ..SimOptions::default() }, move |net| {
        let remarks = remarks.clone();
        async move {
            let mut from = net.media(any(LOCAL)).unwrap();
            let to = net.media(any(OTHER)).unwrap();
            from.connect(to.local_addr()).unwrap();
            assert!(from.is_captured());
            for text in ["call.yaml:7 call", "call.yaml:8 hold"] {
                remarks.comment(net.clock().now(), text);
                for _ in 0..2 {
                    from.send(net.clock().now(), b"sealed");
                    from.show_clear(net.clock().now(), None, b"clear");
                }
            }
        }
    });
    assert_eq!(tap.finish().unwrap().written, 8);
    let blocks = read(&std::fs::read(&path).unwrap());
    let clear: Vec<_> =
        blocks.iter().filter(|block| matches!(block, Block::Clear(bytes) if bytes.ends_with(b"clear"))).collect();
    assert_eq!(clear.len(), 4);
    let comments: Vec<_> = packets(&blocks).iter().map(|seen| seen.comment.clone().unwrap_or_default()).collect();
    assert_eq!(comments, ["call.yaml:7 call", "", "call.yaml:8 hold", ""]);
    assert!(packets(&blocks).iter().all(|seen| seen.payload == b"sealed"));
}

#[test]
fn a_run_that_is_killed_leaves_what_passed_until_shortly_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    on_os(tap.clone(), |net| async move {
        let a = net.datagram(any(LOCAL)).await.unwrap();
        a.send_to(b"early", a.local_addr()).await.unwrap();
    });
    // Neither finished nor dropped: the file is read as it is, as soon as the packet is in it.
    let started = std::time::Instant::now();
    while packets(&read(&std::fs::read(&path).unwrap())).is_empty() {
        assert!(started.elapsed() < Duration::from_secs(20), "nothing reached the file");
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(tap);
}

/// An OPTIONS request and its answer over mutual TLS on port 5061 of this address.
async fn options_over_tls(net: &Net, at: IpAddr, versions: Versions, call: &str) {
    let (cucm, recorder) = (identity("cucm", net), identity("recorder", net));
    let party = |own: &trust::cert::Identity, peer| TlsOptions {
        versions,
        ..TlsOptions::new(Some(own.clone()), only(&[peer]))
    };
    let client = TlsClient::new(party(&cucm, &recorder)).unwrap();
    let server = TlsServer::new(party(&recorder, &cucm)).unwrap();
    let listener = net.listen(SocketAddr::new(at, SIP_TLS)).await.unwrap();
    let (near, far) = tokio::join!(net.connect(LOCAL, listener.local_addr()), listener.accept());
    let (near, far) = tokio::join!(tls::connect(&client, near.unwrap()), tls::accept(&server, far.unwrap().0));
    let (mut near, mut far) = (Link::from(near.unwrap()), Link::from(far.unwrap()));
    let headers = format!(
        "Via: SIP/2.0/TLS 127.0.0.1:5061;branch=z9hG4bK1\r\nFrom: <sip:cucm@127.0.0.1>;tag=1\r\nTo: <sip:rec@127.0.0.2>\r\n\
         Call-ID: {call}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    let mut buf = [0; 2048];
    near.write_all(format!("OPTIONS sip:rec@127.0.0.2 SIP/2.0\r\n{headers}").as_bytes()).await.unwrap();
    far.read(&mut buf).await.unwrap();
    far.write_all(format!("SIP/2.0 200 OK\r\n{headers}").as_bytes()).await.unwrap();
    near.read(&mut buf).await.unwrap();
    near.shutdown().await.unwrap();
    assert_eq!(far.read(&mut buf).await.unwrap(), 0);
}

/// TLS 1.2 and 1.3 sessions in one file.
async fn both_versions(net: Net) {
    let at = own_address();
    options_over_tls(&net, at, Versions::Tls12, "call-in-1.2").await;
    options_over_tls(&net, at, Versions::Tls13, "call-in-1.3").await;
}

/// The port is what tells a reader that it is SIP, so each test has an address of its own.
fn own_address() -> IpAddr {
    static TAKEN: AtomicU8 = AtomicU8::new(2);
    let [.., high, low] = std::process::id().to_be_bytes();
    IpAddr::from([127, high.max(1), low, TAKEN.fetch_add(1, Relaxed)])
}

#[test]
fn secrets_stand_before_the_packets_they_decrypt() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    on_os(tap.clone(), both_versions);
    tap.finish().unwrap();
    let blocks = read(&std::fs::read(&path).unwrap());
    let secret = |label: &str| {
        blocks.iter().position(|block| matches!(block, Block::Secrets(line) if line.starts_with(label))).unwrap()
    };
    // The first TLS record of type application data or, in 1.2, the encrypted Finished behind ChangeCipherSpec.
    let first_encrypted = |from: usize| {
        let is_encrypted = |seen: &Seen| seen.payload.starts_with(&[23, 3, 3]);
        from + blocks[from..]
            .iter()
            .position(|block| matches!(block, Block::Packet(seen) if is_encrypted(seen)))
            .unwrap()
    };
    assert!(secret("CLIENT_RANDOM") < first_encrypted(0));
    let second = secret("SERVER_HANDSHAKE_TRAFFIC_SECRET");
    assert!(second > secret("CLIENT_RANDOM"));
    let syns: Vec<_> =
        (0..blocks.len()).filter(|n| matches!(&blocks[*n], Block::Packet(seen) if seen.tcp.2 == 2)).collect();
    assert_eq!(syns.len(), 2);
    for label in ["CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0", "CLIENT_HANDSHAKE_TRAFFIC_SECRET"] {
        assert!(secret(label) < first_encrypted(syns[1]), "{label}");
    }
}

/// The Call-IDs of the SIP messages that tshark sees without being told any key.
fn call_ids_by_tshark(path: &Path) -> Option<Vec<String>> {
    let fields = ["-Y", "sip", "-T", "fields", "-e", "sip.Call-ID", "-e", "sip.Method", "-e", "sip.Status-Code"];
    let output = Command::new("tshark").arg("-r").arg(path).args(fields).output();
    let Ok(output) = output else {
        eprintln!("skipped: tshark is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect())
}

fn is_read_by_tshark(path: &Path) {
    let wanted = ["call-in-1.2 OPTIONS", "call-in-1.2 200", "call-in-1.3 OPTIONS", "call-in-1.3 200"];
    if let Some(lines) = call_ids_by_tshark(path) {
        assert_eq!(lines, wanted);
        let check = ["-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];
        let filter =
            "tcp.analysis.flags || ip.checksum.status == \"Bad\" || tcp.checksum.status == \"Bad\" || _ws.malformed";
        let output = Command::new("tshark").arg("-r").arg(path).args(check).args(["-Y", filter]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "tshark complains");
    }
}

#[test]
fn tshark_decrypts_a_real_run_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    on_os(tap.clone(), both_versions);
    tap.finish().unwrap();
    is_read_by_tshark(&path);
}

#[test]
fn tshark_decrypts_a_simulated_run_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.pcapng");
    let tap = Tap::file(&path, Keep::Nothing).unwrap();
    on_sim(SimOptions { tap: tap.clone(), ..SimOptions::default() }, both_versions);
    tap.finish().unwrap();
    is_read_by_tshark(&path);
}
