//! Recordings as segments of calls, and who takes part in them.

use super::*;
use crate::metadata::Participant;

/// The other party where B is.
const AT_B: (&str, &str) = ("SEP6C416A369525", "1001");

/// Begins a pair of dialogs; returns both legs and their 200.
fn pair<'a>(rig: &mut Rig, leg: &Leg<'a>, calls: [&'a str; 2]) -> [(Leg<'a>, Message); 2] {
    ["x-nearend", "x-farend"].map(|side| {
        let leg = Leg { side, call: calls[usize::from(side == "x-farend")], ..leg.clone() };
        let answer = rig.establish(&leg);
        (leg, answer)
    })
}

fn hang_up(rig: &mut Rig, pair: &[(Leg<'_>, Message); 2]) -> Recording {
    for (leg, answer) in pair {
        rig.receive(&leg.bye(answer, 110));
    }
    rig.finished.last().unwrap().clone()
}

#[test]
fn hold_transfer_and_conference_make_segments_of_one_call() {
    let mut rig = Rig::new(|_| {});
    // Agent B (25) talks with customer A (24), holds, resumes.
    let talk = |rig: &mut Rig, leg: Leg<'static>, calls| {
        let pair = pair(rig, &leg, calls);
        let recording = hang_up(rig, &pair);
        rig.wait(Duration::from_secs(60));
        recording
    };
    let first = talk(&mut rig, NEAR, ["n1", "f1"]);
    let resumed = talk(&mut rig, NEAR, ["n2", "f2"]);
    // B consults D (call legs 31 and 32), both recorded; nothing ties that to the call yet.
    let consulted = talk(&mut rig, Leg { refci: 31, farendrefci: 32, other: ("SEPD", "1002"), ..NEAR }, ["n3", "f3"]);
    let at_d = Leg { refci: 32, farendrefci: 31, device: "SEPD", number: "1002", other: AT_B, ..NEAR };
    let consulting = talk(&mut rig, at_d.clone(), ["n4", "f4"]);
    // The transfer completes: D talks with the customer. Then D makes a conference.
    let transferred = talk(&mut rig, Leg { farendrefci: 24, other: NEAR.other, ..at_d.clone() }, ["n5", "f5"]);
    let conference = talk(&mut rig, Leg { farendrefci: 77, other: ("CFB_2", ""), ..at_d }, ["n6", "f6"]);
    let ids = |recording: &Recording| recording.call.id.clone();
    assert_eq!((ids(&first), ids(&resumed)), (first.id.clone(), first.id.clone()));
    assert_eq!((ids(&consulted), ids(&consulting)), (consulted.id.clone(), consulted.id.clone()));
    assert_eq!((ids(&transferred), &transferred.call.joins), (first.id.clone(), &vec![consulted.id.clone()]));
    assert_eq!((ids(&conference), conference.call.joins.len()), (first.id.clone(), 0));
    let all = [&first, &resumed, &consulted, &consulting, &transferred, &conference];
    let numbers: Vec<u32> = all.iter().map(|recording| recording.segment.number).collect();
    assert_eq!(numbers, [1, 2, 1, 1, 2, 3]);
    let previous: Vec<Option<&str>> = all.iter().map(|recording| recording.segment.previous.as_deref()).collect();
    assert_eq!(previous[0], None);
    assert_eq!(previous[1], Some(first.id.as_str()));
    assert_eq!(previous[3], Some(consulted.id.as_str()), "another device of the same call");
    assert_eq!(previous[4], Some(consulting.id.as_str()));
    assert_eq!(previous[5], Some(transferred.id.as_str()));
    // B, whose two calls became one, is called back: its segments are counted together.
    let back = pair(&mut rig, &NEAR, ["n7", "f7"]);
    let back = hang_up(&mut rig, &back);
    assert_eq!((ids(&back), back.segment.number), (first.id.clone(), 4));
    assert_eq!(back.segment.previous.as_ref(), Some(&consulted.id));
    assert!(all.iter().all(|recording| recording.flags.is_empty() && recording.duplicate_of.is_none()));
}

#[test]
fn other_clusters_other_numbers_and_other_days_are_other_calls() {
    let mut rig = Rig::new(|_| {});
    let talk = |rig: &mut Rig, leg: Leg<'static>, calls| {
        let pair = pair(rig, &leg, calls);
        hang_up(rig, &pair).call.id
    };
    let first = talk(&mut rig, NEAR, ["n1", "f1"]);
    assert_ne!(talk(&mut rig, Leg { refci: 5, farendrefci: 6, ..NEAR }, ["n2", "f2"]), first);
    // Zero is no call leg.
    let unknown = talk(&mut rig, Leg { refci: 7, farendrefci: 0, ..NEAR }, ["n3", "f3"]);
    assert_ne!(talk(&mut rig, Leg { refci: 8, farendrefci: 0, ..NEAR }, ["n4", "f4"]), unknown);
    rig.wait(Duration::from_secs(11 * 3600));
    assert_eq!(talk(&mut rig, NEAR, ["n5", "f5"]), first);
    rig.wait(Duration::from_secs(13 * 3600));
    assert_ne!(talk(&mut rig, NEAR, ["n6", "f6"]), first);
}

#[test]
fn a_call_that_comes_twice_is_two_whole_recordings_and_the_second_says_so() {
    let mut rig = Rig::new(|_| {});
    // The answer to the first INVITE is lost; CUCM tries again by another trunk before it gives that one up.
    let near = rig.establish(&Leg { call: "n1", ..NEAR });
    let second = pair(&mut rig, &NEAR, ["n2", "f2"]);
    rig.wait(Duration::from_secs(3));
    rig.receive(&Leg { call: "n1", ..NEAR }.bye(&near, 102));
    let whole = hang_up(&mut rig, &second);
    let alone = rig.finished.first().unwrap();
    assert_eq!((alone.legs.len(), whole.legs.len()), (1, 2), "the far leg belongs to the newer one");
    assert_eq!((whole.duplicate_of.as_ref(), &whole.flags[..]), (Some(&alone.id), &["duplicate".to_owned()][..]));
    assert_eq!((alone.duplicate_of.as_ref(), &whole.call.id), (None, &alone.call.id));
}

#[test]
fn an_invite_that_overtook_the_byes_before_it_is_no_double() {
    let mut rig = Rig::new(|_| {});
    let before = pair(&mut rig, &NEAR, ["n1", "f1"]);
    rig.wait(Duration::from_secs(60));
    let resumed = pair(&mut rig, &NEAR, ["n2", "f2"]);
    rig.wait(Duration::from_millis(500));
    let before = hang_up(&mut rig, &before);
    let resumed = hang_up(&mut rig, &resumed);
    assert_eq!((resumed.duplicate_of, resumed.flags), (None, Vec::new()));
    assert_eq!((resumed.call.id, resumed.segment.number), (before.call.id, 2));
}

#[test]
fn both_phones_of_a_call_are_two_views_of_one_talk() {
    let mut rig = Rig::new(|_| {});
    let mirrored = Leg { refci: 24, farendrefci: 25, device: "SEP38", number: "1000", other: AT_B, ..NEAR };
    for calls in [["n1", "f1", "n2", "f2", "n3", "f3"], ["n4", "f4", "n5", "f5", "n6", "f6"]] {
        let [near, far, its_near, its_far, other_near, other_far] = calls;
        let agent = pair(&mut rig, &NEAR, [near, far]);
        let customer = pair(&mut rig, &mirrored, [its_near, its_far]);
        // Another call of the same phone is no view of it.
        let other = pair(&mut rig, &Leg { refci: 5, farendrefci: 6, ..NEAR }, [other_near, other_far]);
        let [agent, customer, other] = [agent, customer, other].map(|pair| hang_up(&mut rig, &pair));
        assert_eq!((agent.mirror.as_ref(), customer.mirror.as_ref()), (Some(&customer.id), Some(&agent.id)));
        assert_eq!((other.mirror, agent.call.id), (None, customer.call.id));
        rig.wait(Duration::from_secs(20));
    }
}

#[test]
fn call_legs_that_are_given_out_again_are_other_calls() {
    let mut rig = Rig::new(|_| {});
    let talk = |rig: &mut Rig, leg: Leg<'static>, calls| {
        let pair = pair(rig, &leg, calls);
        hang_up(rig, &pair).call.id
    };
    let numbered = |call: &'static str| Leg { call, ..NEAR };
    let first = talk(&mut rig, NEAR, ["70000", "70001"]);
    // Other people, the same numbers.
    let others = Leg { device: "SEPX", number: "3000", other: ("SEPY", "3001"), ..NEAR };
    assert_ne!(talk(&mut rig, others, ["70002", "70003"]), first);
    // A late message is no restart; numbers of long ago are, and what was before it is another call.
    assert_eq!(talk(&mut rig, numbered("n"), ["69900", "70004"]), first);
    let restarted = talk(&mut rig, numbered("n"), ["12", "13"]);
    assert_ne!(restarted, first);
    assert_eq!(talk(&mut rig, numbered("n"), ["14", "15"]), restarted);
}

#[test]
fn a_call_is_remembered_while_it_lasts_and_by_each_of_its_names() {
    let mut rig = Rig::new(|_| {});
    // B's call (25, 24) runs for a day; its consultation (31, 32) began before it was known to be one.
    let long = pair(&mut rig, &NEAR, ["n1", "f1"]);
    let consultation = Leg { refci: 31, farendrefci: 32, other: ("SEPD", "1002"), ..NEAR };
    let consulting = pair(&mut rig, &consultation, ["n2", "f2"]);
    rig.wait(Duration::from_secs(30 * 3600));
    let joined = pair(
        &mut rig,
        &Leg { refci: 24, farendrefci: 32, device: "SEP38", number: "1000", other: ("SEPD", "1002"), ..NEAR },
        ["n3", "f3"],
    );
    // The consultation, known by its old name, learns of a further call leg.
    let told = Leg { farendrefci: 99, other: ("SEPE", "1005"), ..consultation };
    let (leg, answer) = &consulting[0];
    rig.receive(&Leg { call: leg.call, ..told.clone() }.request("UPDATE", 102, &tag(answer), "1005", None));
    let late = pair(
        &mut rig,
        &Leg { refci: 99, farendrefci: 98, device: "SEPE", number: "1005", other: ("SEPF", "1006"), ..NEAR },
        ["n4", "f4"],
    );
    let [late, joined, consulting, long] = [late, joined, consulting, long].map(|pair| hang_up(&mut rig, &pair));
    assert_eq!((&joined.call.id, &joined.call.joins), (&long.id, &vec![consulting.id.clone()]));
    assert_eq!(late.call.id, long.id);
}

#[test]
fn dialogs_that_name_no_side_take_what_is_free_and_say_so() {
    let mut rig = Rig::new(|_| {});
    let legs = pair(&mut rig, &NEAR, ["n1", "f1"]);
    hang_up(&mut rig, &legs);
    let rows = [
        (["x-odd", "x-odd"], ["n2", "f2"], Side::BOTH),
        (["x-farend", "x-odd"], ["n3", "f3"], [Side::Far, Side::Near]),
    ];
    for (sides, calls, expected) in rows {
        let legs = [0, 1].map(|at| {
            let leg = Leg { side: sides[at], call: calls[at], ..NEAR };
            let answer = rig.establish(&leg);
            (leg, answer)
        });
        let whole = hang_up(&mut rig, &legs);
        assert_eq!(whole.legs.iter().map(|leg| leg.side).collect::<Vec<_>>(), expected);
        assert_eq!((&whole.flags[..], whole.duplicate_of), (&["leg-unknown".to_owned()][..], None));
    }
}

#[test]
fn a_leg_that_nobody_ends_is_over_with_its_last_packet_and_says_so() {
    let mut rig = Rig::new(|_| {});
    rig.last_us = Some(7_000_000);
    let legs = pair(&mut rig, &NEAR, ["n1", "f1"]);
    rig.wait(Duration::from_secs(307));
    for id in rig.open_legs() {
        rig.input(Input::Silent { leg: id });
    }
    assert_eq!(rig.last().method(), Some("BYE"), "the peer may live after all");
    let whole = rig.finished.pop().unwrap();
    assert_eq!(whole.flags, ["no-bye"]);
    assert_eq!(whole.ended.as_deref(), Some("1970-01-01T00:00:07.000000Z"));
    assert!(whole.legs.iter().all(|leg| leg.ended_by.as_deref() == Some("inactivity") && leg.ended == whole.ended));
    assert!(whole.participants.iter().all(|one| one.until == whole.ended));
    // Whom the peer ended is over when it said so.
    let legs_again = pair(&mut rig, &NEAR, ["n2", "f2"]);
    assert_eq!(legs.len(), legs_again.len());
    rig.wait(Duration::from_secs(60));
    let whole = hang_up(&mut rig, &legs_again);
    assert_eq!((whole.ended.as_deref(), whole.flags.len()), (Some("1970-01-01T00:06:07.000000Z"), 0));
}

#[test]
fn two_nodes_that_record_one_call_at_once_are_not_mixed() {
    let mut rig = Rig::new(|_| {});
    rig.open(FlowId(2), "192.0.2.6:5061");
    for (flow, call, side) in
        [(1, "n1", "x-nearend"), (2, "n2", "x-nearend"), (1, "f1", "x-farend"), (2, "f2", "x-farend")]
    {
        rig.receive_on(FlowId(flow), &Leg { side, call, ..NEAR }.invite(None));
    }
    rig.input(Input::HangUp);
    let calls = |recording: &Recording| -> Vec<String> {
        recording.legs.iter().map(|leg| leg.call_id.replace("@192.0.2.5", "")).collect()
    };
    let mut finished: Vec<Vec<String>> = rig.finished.iter().map(calls).collect();
    finished.sort();
    assert_eq!(finished, [["n1", "f1"], ["n2", "f2"]]);
}

#[test]
fn participants_come_and_go_and_are_told_once() {
    let mut rig = Rig::new(|_| {});
    let legs = pair(&mut rig, &NEAR, ["near", "far"]);
    rig.wait(Duration::from_secs(5));
    for (leg, answer) in &legs {
        rig.receive(&leg.request("UPDATE", 102, &tag(answer), "3100", None));
        assert_eq!(rig.last().status(), Some(200));
        // A refresh changes nothing.
        rig.receive(&leg.request("UPDATE", 103, &tag(answer), "3100", None));
    }
    rig.wait(Duration::from_secs(5));
    for (leg, answer) in &legs {
        rig.receive(&leg.bye(answer, 104));
    }
    let recording = rig.finished.pop().unwrap();
    let who = |one: &Participant| {
        let second = |at: &str| at[17..19].to_owned();
        (one.side, one.party.address.clone().unwrap(), second(&one.from), second(one.until.as_deref().unwrap()))
    };
    let expected = [(Side::Near, "1001", "00", "10"), (Side::Far, "1000", "00", "05"), (Side::Far, "3100", "05", "10")];
    let expected = expected.map(|(side, address, from, until)| (side, address.into(), from.into(), until.into()));
    assert_eq!(recording.participants.iter().map(who).collect::<Vec<_>>(), expected);
    assert_eq!(recording.participants[0].party.name.as_deref(), Some("SJ User 2"));
    assert_eq!(recording.far.address.as_deref(), Some("1000"), "at the beginning");
}

#[test]
fn a_recording_without_its_second_leg_is_alarming_once() {
    let mut rig = Rig::new(|config| config.one_leg_after = Duration::from_secs(3));
    let near = rig.establish(&NEAR);
    let both = pair(&mut rig, &Leg { refci: 5, farendrefci: 6, ..NEAR }, ["n2", "f2"]);
    rig.wait(Duration::from_secs(2));
    assert_eq!(rig.sessions.counters().alarms, 0);
    rig.wait(Duration::from_secs(100));
    assert_eq!(rig.sessions.counters().alarms, 1);
    assert!(hang_up(&mut rig, &both).alarms.is_empty());
    rig.receive(&NEAR.bye(&near, 102));
    let alarms = &rig.finished.last().unwrap().alarms;
    assert_eq!((alarms[0].trouble.word(), alarms[0].side, alarms.len()), ("one-leg", Some(Side::Far), 1));
}
