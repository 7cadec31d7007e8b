//! The machine fed with damaged messages.

use super::*;

/// Messages of the captures, each with a few bytes changed, removed or doubled, in every state of the phone: no panic, and afterwards the
/// phone still answers.
#[test]
fn damaged_messages_never_panic() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let numbers = ["02", "05", "07", "09", "14", "16", "18", "20", "50"];
    for round in 0..400 {
        let suites: &[Suite] = if round % 2 == 0 { &[] } else { &Suite::ALL };
        let mut rig = if round % 3 == 0 { Rig::new(PHONE_B, suites) } else { Rig::in_call(suites, avp) };
        for _ in 0..12 {
            let number = numbers[rng.next_u32() as usize % numbers.len()];
            let text = match rig.machine.calls.first() {
                Some(_) => rig.bridge_invite(number),
                None => trace(number),
            };
            // Now and then CUCM takes what the phone asked for. What was damaged in a header that opened a dialog comes back in it.
            let is_whole = |text: &&String| Message::parse(text.as_bytes()).is_ok();
            let is_request = |text: &&String| !text.starts_with("SIP/2.0 ") && !text.starts_with("ACK ");
            let asked = rig.sent.iter().rfind(is_request).filter(is_whole);
            let text = match (rng.next_u32() % 3, asked) {
                (0, Some(asked)) => answer_to(asked, "200 OK", two_calls::CONTACT, AVP_ANSWER),
                _ => text,
            };
            let tag = rig.machine.bridges.first().map(|bridge| bridge.dialog.local_tag.clone());
            let text = if matches!(number, "07" | "14" | "16" | "18" | "20" | "50") {
                tag.map_or_else(|| text.clone(), |tag| with_to_tag(&text, &tag))
            } else {
                text
            };
            let damaged = damage(text.into_bytes(), &mut rng);
            rig.supply();
            rig.machine.handle_input(rig.now, Input::Message(Message::parse_tolerant(&damaged).0));
            rig.machine.command(rig.now, any_command(&mut rng)).ok();
            rig.collect();
            rig.pass(Duration::from_millis(u64::from(rng.next_u32() % 300)));
        }
        let options = "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bKlast\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: z\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        rig.receive(options);
        assert!(rig.last().starts_with("SIP/2.0 200 OK"), "{}", rig.last());
    }
}

fn any_command(rng: &mut ChaCha20Rng) -> Command {
    let number = || "1003".to_owned();
    match rng.next_u32() % 16 {
        0 => Command::HangUp,
        1 => Command::Hold,
        2 => Command::Resume,
        3 => Command::Consult(number(), Purpose::Transfer),
        4 => Command::CompleteTransfer,
        5 => Command::TransferBlind(number()),
        6 => Command::CompleteConference,
        7 => Command::Record(Softkey::StartRecording),
        8 => Command::Dtmf("12#".to_owned()),
        9 => Command::Mute(true),
        10 => Command::Dial(number()),
        _ => Command::Answer,
    }
}

fn damage(mut bytes: Vec<u8>, rng: &mut ChaCha20Rng) -> Vec<u8> {
    for _ in 0..=rng.next_u32() % 4 {
        let at = rng.next_u32() as usize % bytes.len();
        match rng.next_u32() % 4 {
            0 => bytes[at] = rng.next_u32() as u8,
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, b"0:;=\r\n <>@"[rng.next_u32() as usize % 10]),
            _ => {
                let end = (at + rng.next_u32() as usize % 40).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}
