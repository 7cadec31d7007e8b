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
            let tag = rig.machine.bridges.first().map(|bridge| bridge.dialog.local_tag.clone());
            let text = if matches!(number, "07" | "14" | "16" | "18" | "20" | "50") {
                tag.map_or_else(|| text.clone(), |tag| with_to_tag(&text, &tag))
            } else {
                text
            };
            let damaged = damage(text.into_bytes(), &mut rng);
            rig.supply();
            rig.machine.handle_input(rig.now, Input::Message(Message::parse_tolerant(&damaged).0));
            rig.machine.command(rig.now, Command::Answer).ok();
            rig.collect();
            rig.pass(Duration::from_millis(u64::from(rng.next_u32() % 300)));
        }
        let options = "OPTIONS sip:x@y SIP/2.0\r\nVia: SIP/2.0/TCP a;branch=z9hG4bKlast\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\nCall-ID: z\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
        rig.receive(options);
        assert!(rig.last().starts_with("SIP/2.0 200 OK"), "{}", rig.last());
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
