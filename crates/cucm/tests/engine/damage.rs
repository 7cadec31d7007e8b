//! Mangled messages, at every point of a call: nothing panics, and the engine goes on.

use cucm::engine::Input;
use cucm::{CucmEvent, Malformed, MalformedKind, Sender};
use proptest::prelude::*;
use sip::{FlowId, Message};

use crate::bench::*;

/// One way to damage a text.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize, usize),
    Repeat(usize, usize),
    DropLine(usize),
    SwapLines(usize, usize),
    DoubleLine(usize),
    Digits(usize, String),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Flip(at, byte)),
        (any::<usize>(), 1..80usize).prop_map(|(at, count)| Damage::Cut(at, count)),
        (any::<usize>(), 1..80usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
        any::<usize>().prop_map(Damage::DropLine),
        (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Damage::SwapLines(a, b)),
        any::<usize>().prop_map(Damage::DoubleLine),
        (any::<usize>(), prop_oneof![Just("99999999999999999999"), Just("0"), Just("-1"), Just("4294967295")])
            .prop_map(|(at, digits)| Damage::Digits(at, digits.to_owned())),
    ]
}

fn apply(bytes: &[u8], damage: &Damage) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let length = bytes.len().max(1);
    match damage {
        Damage::Flip(at, byte) => bytes[at % length] ^= byte,
        Damage::Cut(at, count) => {
            let at = at % length;
            bytes.drain(at..(at + count).min(length));
        }
        Damage::Repeat(at, count) => {
            let at = at % length;
            let piece = bytes[at..(at + count).min(length)].to_vec();
            bytes.splice(at..at, piece);
        }
        Damage::DropLine(_) | Damage::SwapLines(..) | Damage::DoubleLine(_) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let mut lines: Vec<&str> = text.split("\r\n").collect();
            let count = lines.len();
            match damage {
                Damage::DropLine(at) => drop(lines.remove(at % count)),
                Damage::SwapLines(a, b) => lines.swap(a % count, b % count),
                Damage::DoubleLine(at) => lines.insert(at % count, lines[at % count]),
                _ => {}
            }
            bytes = lines.join("\r\n").into_bytes();
        }
        Damage::Digits(at, digits) => {
            let starts: Vec<usize> = (0..length).filter(|i| bytes[*i].is_ascii_digit()).collect();
            if let Some(start) = starts.get(at % starts.len().max(1)) {
                let end = (*start..length).find(|i| !bytes[*i].is_ascii_digit()).unwrap_or(length);
                bytes.splice(*start..end, digits.bytes());
            }
        }
    }
    bytes
}

/// Everything that phones and recorder say in the recorded call of Cisco document 200788, in order.
fn said() -> Vec<(FlowId, Vec<u8>)> {
    let trace = |flow, name: &str| (flow, trace(name).into_bytes());
    vec![
        trace(CALLER, "01-phoneA-invite-main-call"),
        trace(AGENT, "03-recorded-phone-200-main-call"),
        trace(AGENT, "06-bib-200-nearend-inactive"),
        trace(AGENT, "10-bib-200-farend-inactive"),
        trace(RECORDER, "12-rec-200-farend-mediasense-savp"),
        trace(RECORDER, "13-rec-200-nearend-mediasense-savp"),
        trace(AGENT, "15-bib-200-farend-sendrecv"),
        trace(AGENT, "17-bib-200-nearend-sendrecv"),
        trace(RECORDER, "28-rec-bye-cause47-nearend"),
        trace(RECORDER, "36-options-ping-cucm14"),
    ]
}

fn give_damaged(bench: &mut Bench, flow: FlowId, bytes: &[u8]) {
    // A message with flaws does not get as far as the engine.
    if let Ok(message) = Message::parse(bytes) {
        bench.give(flow, message);
    }
    if !bench.connects.is_empty() {
        bench.connected(FlowId(100));
    }
}

#[test]
fn a_message_that_ties_to_no_dialog_is_named_and_gets_no_answer() {
    let mut bench = Bench::ready(plain());
    let invite = bench.dial(CALLER, "1000", "1001", &Sdp::new("10.48.38.101", 30_000)).unwrap();
    let answer = sip::Builder::reply(&invite, 200, "OK", Some("t")).finish();
    let text = String::from_utf8_lossy(answer.as_bytes()).replace("\r\nCSeq: ", "\r\nCSeq: x");
    bench.give_text(AGENT, &text);
    bench.quiet();
    let CucmEvent::Malformed { from, what, .. } = bench.event() else { panic!() };
    assert_eq!(from, Sender::Phone(AGENT_DEVICE.to_owned()));
    assert!(what.why.contains("CSeq"), "{what}");
    assert!(what.start.starts_with("SIP/2.0 200 OK\\r\\nVia: "), "{what}");
}

#[test]
fn who_sent_what_is_no_message_is_told_by_flow_and_by_address() {
    let mut bench = Bench::ready(plain());
    let what =
        Malformed { kind: MalformedKind::Framing, start: "x".to_owned(), length: 1, why: "it is no SIP".to_owned() };
    let recorder = "10.48.38.30:40000".parse().unwrap();
    let stranger = "10.48.38.77:40000".parse().unwrap();
    let cases = [
        (Some(AGENT), stranger, Sender::Phone(AGENT_DEVICE.to_owned())),
        (None, recorder, Sender::Trunk("Recorder".to_owned())),
        (None, stranger, Sender::Stranger),
    ];
    for (flow, peer, expected) in cases {
        bench.input(Input::Malformed { flow, peer, what: what.clone() });
        bench.quiet();
        assert_eq!(bench.event(), CucmEvent::Malformed { from: expected, peer, what: what.clone() });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_traces_never_panic(damages in prop::collection::vec((0..10usize, damage(), 0..400u64), 1..12)) {
        let mut bench = Bench::ready(plain());
        bench.talk(&Sdp::new("10.48.38.101", 30_000), &Sdp::new("10.48.38.102", 30_002));
        let said = said();
        for (which, damage, wait) in &damages {
            let (flow, bytes) = &said[*which];
            give_damaged(&mut bench, *flow, &apply(bytes, damage));
            bench.wait(*wait);
        }
        bench.wait(400_000);
    }

    /// Answers to what the engine really asked, with damage: these reach the dialogs.
    #[test]
    fn damaged_answers_never_panic_and_leave_the_engine_alive(
        damages in prop::collection::vec((damage(), 0..3usize, 0..50u64), 1..16),
    ) {
        let mut bench = Bench::ready(secure());
        let suites = [media::srtp::Suite::AeadAes256Gcm];
        bench.talk(&Sdp::new("10.48.38.101", 30_000).suites(&suites, 1), &Sdp::new("10.48.38.102", 30_002).suites(&suites, 2));
        bench.wait(20);
        for (damage, kind, wait) in &damages {
            while let Some((flow, request)) = bench.sent.pop_front() {
                if !request.is_request() || request.method() == Some("ACK") {
                    continue;
                }
                let sdp = Sdp::new("10.48.38.30", 6000).suites(&suites, 3).text();
                let status = [200, 200, 486][*kind];
                let answer = sip::Builder::reply(&request, status, "X", Some("t"))
                    .header("Contact", "<sip:7878@10.48.38.30:5061;transport=tls>")
                    .body("application/sdp", sdp.as_bytes())
                    .finish();
                give_damaged(&mut bench, flow, &apply(answer.as_bytes(), damage));
                break;
            }
            bench.wait(*wait);
            if !bench.connects.is_empty() {
                bench.connected(RECORDER);
            }
        }
        bench.wait(500_000);
        bench.sent.clear();
        // Another call is still possible.
        bench.register(CALLER, sip::Transport::Tls, CALLER_DEVICE, "1000", "sip:line@10.48.38.101:50000");
        bench.register(AGENT, sip::Transport::Tls, AGENT_DEVICE, "1001", "sip:line@10.48.38.102:50000");
        bench.sent.clear();
        prop_assert!(bench.dial(CALLER, "1000", "1001", &Sdp::new("10.48.38.101", 30_000).suites(&suites, 1)).is_some());
    }
}
