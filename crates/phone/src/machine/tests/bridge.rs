//! The built-in bridge: its two dialogs, their keys and streams.

use super::*;

#[test]
fn both_bridge_legs_answer_as_in_the_capture_and_fork_to_the_recorder() {
    let mut rig = Rig::in_call(&[], avp);
    let (first, second) = rig.fork("05", "07", "16", "20", |_| String::new());
    assert_like(&first, "06", PHONE_B);
    assert_like(&second, "17", PHONE_B);
    let (first, second) = rig.fork("09", "50", "14", "18", |_| String::new());
    assert_like(&first, "10", PHONE_B);
    assert_like(&second, "15", PHONE_B);
    let forks = rig.orders.iter().filter_map(|order| match order {
        MediaOrder::StartFork { leg, opening, .. } => {
            Some((*leg, opening.kind, opening.remote.to_string(), opening.dialog.clone()))
        }
        _ => None,
    });
    let forks: Vec<(Leg, StreamKind, String, String)> = forks.collect();
    assert_eq!(
        forks,
        [
            (
                Leg::Near,
                StreamKind::Bridge(Leg::Near),
                "10.48.38.30:59058".into(),
                "35554700-d6514bef-3280-526300e@10.48.38.5".into()
            ),
            (
                Leg::Far,
                StreamKind::Bridge(Leg::Far),
                "10.48.38.30:56512".into(),
                "35554700-d6514bef-3282-526300e@10.48.38.5".into()
            ),
        ]
    );
    assert_eq!(rig.machine.status().forks, 2);
}

#[test]
fn the_bridge_takes_its_time_and_each_leg_has_its_own_port() {
    let mut rig = Rig::in_call(&[], avp);
    let before = rig.sent.len();
    rig.receive(&rig.bridge_invite("05"));
    rig.receive(&rig.bridge_invite("09"));
    assert!(rig.sent[before..].iter().all(|text| text.starts_with("SIP/2.0 100 ")), "{:?}", rig.sent.last());
    rig.pass(Duration::from_millis(199));
    assert_eq!(rig.sent.len(), before + 2, "{:?}", rig.sent.last());
    rig.pass(Duration::from_millis(69));
    let answers: Vec<_> = rig.sent[before..].iter().filter(|text| text.starts_with("SIP/2.0 200")).collect();
    assert_eq!(answers.len(), 2);
    let ports: Vec<_> =
        answers.iter().map(|text| text.lines().find(|line| line.starts_with("m=audio")).unwrap().to_owned()).collect();
    assert_ne!(ports[0], ports[1]);
}

#[test]
fn an_invite_that_joins_no_dialog_of_ours_is_refused_with_481() {
    let mut rig = Rig::in_call(&[], avp);
    rig.receive(&trace("05"));
    assert!(rig.last().starts_with("SIP/2.0 481 "), "{}", rig.last());
    assert_eq!(rig.machine.open_bridges(), 0);
}

#[test]
fn a_bridge_whose_label_is_missing_is_refused_with_488() {
    let mut rig = Rig::in_call(&[], avp);
    let invite = rig.bridge_invite("05").replace("X-relay-nearend", "X-relay-middle");
    rig.receive(&invite.replace("Content-Length: 187", "Content-Length: 186"));
    assert!(rig.last().starts_with("SIP/2.0 488 "), "{}", rig.last());
}

#[test]
fn every_leg_has_a_key_of_its_own_and_a_refresh_keeps_it() {
    let mut rig = Rig::in_call(&Suite::ALL, |offer| savp(offer, 0));
    let (_, offer) = rig.fork("05", "07", "16", "20", |offer| savp(offer, 0));
    rig.fork("09", "50", "14", "18", |offer| savp(offer, 1));
    let keys: Vec<[u8; 32]> = rig
        .orders
        .iter()
        .filter_map(|order| match order {
            MediaOrder::StartFork { opening, .. } => opening.key.as_ref().map(|own| own.key.fingerprint()),
            MediaOrder::SetMain { terms, .. } => {
                terms.send.as_ref().and_then(|send| send.key.as_ref()).map(|own| own.key.fingerprint())
            }
            _ => None,
        })
        .collect();
    assert_eq!(keys.len(), 3);
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    // A refresh on the near leg: the same offer again, the same answer; the stream goes on.
    let orders = rig.orders.len();
    let tag = rig.machine.bridges[0].dialog.local_tag.clone();
    let again = with_to_tag(&trace("16"), &tag)
        .replace("CSeq: 102 ", "CSeq: 103 ")
        .replace("z9hG4bK32f11da4ce39", "z9hG4bKrefresh");
    rig.receive(&again);
    rig.pass(Duration::from_millis(210));
    let crypto = |text: &str| text.lines().find(|line| line.starts_with("a=crypto:1 ")).map(str::to_owned);
    assert_eq!(crypto(&rig.last()), crypto(&offer));
    assert!(rig.last().contains("a=sendrecv"));
    let body = savp(&offer, 0);
    let ack = with_to_tag(&trace("20"), &tag).replace("CSeq: 102 ", "CSeq: 103 ");
    let head = set_length(ack.split_once("\r\n\r\n").unwrap().0, body.len());
    rig.receive(&format!("{head}\r\n\r\n{body}"));
    assert_eq!(rig.orders.len(), orders, "{:?}", rig.orders.last());
    assert_eq!(rig.machine.status().forks, 2);
}

#[test]
fn bye_on_a_bridge_stops_its_stream_before_the_200() {
    let mut rig = Rig::in_call(&[], avp);
    rig.fork("05", "07", "16", "20", |_| String::new());
    let bye = with_to_tag(&trace("07"), &rig.machine.bridges[0].dialog.local_tag.clone())
        .replace("ACK sip:", "BYE sip:")
        .replace("CSeq: 101 ACK", "CSeq: 103 BYE")
        .replace("z9hG4bK32eb34decb69", "z9hG4bKbye");
    rig.supply();
    rig.machine.handle_input(rig.now, Input::Message(Message::parse(bye.as_bytes()).unwrap()));
    let outputs: Vec<_> = std::iter::from_fn(|| rig.machine.poll_output()).collect();
    let stop = outputs
        .iter()
        .position(|output| matches!(output, Output::Media(MediaOrder::StopFork { leg: Leg::Near, .. })))
        .unwrap();
    let ok = outputs
        .iter()
        .position(|output| matches!(output, Output::Transmit(bytes) if bytes.starts_with(b"SIP/2.0 200")))
        .unwrap();
    assert!(stop < ok);
    assert_eq!((rig.machine.open_bridges(), rig.machine.status().forks), (0, 0));
    assert_eq!(rig.machine.status().call, CallState::Connected);
}

#[test]
fn an_ack_without_a_description_starts_nothing() {
    let mut rig = Rig::in_call(&[], avp);
    rig.receive(&rig.bridge_invite("05"));
    rig.pass(Duration::from_millis(268));
    let tag = to_tag(&rig.last());
    rig.receive(&with_to_tag(&trace("07"), &tag));
    rig.receive(&with_to_tag(&trace("16"), &tag));
    rig.pass(Duration::from_millis(210));
    rig.receive(&with_to_tag(&trace("07"), &tag).replace("CSeq: 101", "CSeq: 102"));
    assert!(!rig.orders.iter().any(|order| matches!(order, MediaOrder::StartFork { .. })));
}
