//! What is no whole message, on every socket: it is named, and the cluster goes on.

use cucm::{Cucm, CucmEvent, Malformed, MalformedKind, Sender, start};
use sip::Message;

use crate::peer::*;

async fn malformed(cucm: &mut Cucm) -> (Sender, Malformed) {
    event(cucm, |event| match event {
        CucmEvent::Malformed { from, what, .. } => Some((from.clone(), what.clone())),
        _ => None,
    })
    .await
}

fn options(call_id: &str) -> String {
    format!(
        "OPTIONS sip:{NODE} SIP/2.0\r\nVia: SIP/2.0/TCP {RECORDER}:5070;branch=z9hG4bK{call_id}\r\n\
         From: <sip:recorder@{RECORDER}>;tag=r\r\nTo: <sip:{NODE}>\r\nCall-ID: {call_id}\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

#[test]
fn garbage_on_a_connection_is_named_once_and_the_next_message_is_answered() {
    simulated(|net| async move {
        let mut cucm = start(net.clone(), config(&People::new()), 1).await.unwrap();
        let mut peer = Peer::connect_plain(&net, RECORDER, cucm.addresses().sip).await;
        peer.send_bytes(b"\x00\xff no SIP\r\nno SIP\r\n").await;
        peer.send_bytes(options("1").as_bytes()).await;
        assert_eq!(peer.receive().await.unwrap().status(), Some(200));
        let (from, what) = malformed(&mut cucm).await;
        assert_eq!(from, Sender::Trunk("Recorder".to_owned()));
        assert_eq!((what.kind, what.length), (MalformedKind::Framing, 19));
        assert_eq!(what.start, "\\x00\\xff no SIP\\r\\nno SIP\\r\\n");
        // Without a message behind it, it is named all the same, with what may be the beginning of one.
        peer.send_bytes(b"again\r\nand").await;
        let (_, what) = malformed(&mut cucm).await;
        assert_eq!((what.kind, what.start.as_str()), (MalformedKind::Framing, "again\\r\\nand"));
        assert!(cucm.events().try_recv().is_err());
        cucm.stop().await;
    });
}

#[test]
fn half_a_message_is_named_when_nothing_follows_or_the_connection_ends() {
    simulated(|net| async move {
        let mut cucm = start(net.clone(), config(&People::new()), 1).await.unwrap();
        let mut peer = Peer::connect_plain(&net, RECORDER, cucm.addresses().sip).await;
        let text = options("2");
        let (first, rest) = text.split_at(100);
        let began = net.clock().now();
        peer.send_bytes(first.as_bytes()).await;
        let (_, what) = malformed(&mut cucm).await;
        assert_eq!((what.kind, what.length), (MalformedKind::Half, 100));
        assert_eq!((net.clock().now() - began).as_secs(), 5);
        // It came late; it is answered all the same.
        peer.send_bytes(rest.as_bytes()).await;
        assert_eq!(peer.receive().await.unwrap().status(), Some(200));
        // One that takes a while is no half one.
        peer.send_bytes(first.as_bytes()).await;
        net.clock().sleep(std::time::Duration::from_secs(4)).await;
        peer.send_bytes(rest.as_bytes()).await;
        peer.send_bytes(b"\r\n\r\nBYE sip:a SIP/2.0").await;
        net.clock().sleep(std::time::Duration::from_secs(1)).await;
        assert!(cucm.events().try_recv().is_err());
        drop(peer);
        let (_, what) = malformed(&mut cucm).await;
        assert_eq!((what.kind, what.start.as_str()), (MalformedKind::Half, "BYE sip:a SIP/2.0"));
        cucm.stop().await;
    });
}

#[test]
fn a_message_that_breaks_rules_is_skipped_and_named_with_all_of_them() {
    simulated(|net| async move {
        let mut cucm = start(net.clone(), config(&People::new()), 1).await.unwrap();
        let mut peer = Peer::connect_plain(&net, "127.0.1.77", cucm.addresses().sip).await;
        let broken = options("3").replace("Content-Length: 0\r\n", "").replace("To: <", "To <");
        peer.send_bytes(broken.as_bytes()).await;
        peer.send_bytes(options("4").as_bytes()).await;
        let answer: Message = peer.receive().await.unwrap();
        assert_eq!(answer.call_id().unwrap(), "4");
        let (from, what) = malformed(&mut cucm).await;
        assert_eq!((from, what.kind), (Sender::Stranger, MalformedKind::Message));
        assert!(what.why.contains("`Name: value`") && what.why.contains("no Content-Length"), "{what}");
        cucm.stop().await;
    });
}

#[test]
fn a_datagram_that_is_no_message_is_named_and_a_keep_alive_is_none() {
    simulated(|net| async move {
        let mut cucm = start(net.clone(), config(&People::new()), 1).await.unwrap();
        let socket = net.datagram(std::net::SocketAddr::new(RECORDER.parse().unwrap(), 5060)).await.unwrap();
        for bytes in [&b"\r\n\r\n"[..], b"", b"\x80\x00", options("5").as_bytes()] {
            socket.send_to(bytes, cucm.addresses().sip).await.unwrap();
        }
        let (from, what) = malformed(&mut cucm).await;
        assert_eq!((from, what.start.as_str()), (Sender::Trunk("Recorder".to_owned()), "\\x80\\x00"));
        let mut buf = [0; 2000];
        let (length, _) = socket.recv_from(&mut buf).await.unwrap();
        assert!(buf[..length].starts_with(b"SIP/2.0 200 "));
        assert!(cucm.events().try_recv().is_err());
        cucm.stop().await;
    });
}
