//! Shared lines: one number on several phones. All ring, one has the call, the others see it and may take it over.

use cucm::config::*;
use cucm::{CucmEvent, RecordingStarted};
use media::sdp::Direction;
use sip::{FlowId, Message};

use crate::bench::*;

fn at(flow: FlowId) -> Sdp {
    Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_000 + 2 * flow.0 as u16)
}

/// 1000 at the caller; 1001 at agent and expert, recorded where it is said.
fn ready(agent_recorded: bool, expert_recorded: bool) -> Bench {
    let mut config = with_expert(plain());
    config.phones[2].lines[0] = Line::new("1001", "SJ User 2");
    for (phone, is_recorded) in [(1, agent_recorded), (2, expert_recorded)] {
        let line = &mut config.phones[phone].lines[0];
        line.recording_option = RecordingOption::Disabled;
        if is_recorded {
            *line = line.clone().recorded("recorder");
        }
    }
    Bench::ready(config)
}

/// The caller calls the line, and `by` answers; gives the 200 to the caller and the ACK to whoever answered.
fn talk(bench: &mut Bench, by: FlowId) -> (Message, Message) {
    let other = if by == AGENT { EXPERT } else { AGENT };
    let to_agent = bench.dial(CALLER, "1000", "1001", &at(CALLER)).unwrap();
    let to_expert = bench.expect(EXPERT, "INVITE");
    assert_ne!(to_agent.header("Call-ID"), to_expert.header("Call-ID"), "each phone has a dialog of its own");
    bench.answer(AGENT, &to_agent, 180, "agent", "", None);
    bench.expect(CALLER, "180");
    bench.answer(EXPERT, &to_expert, 180, "expert", "", None);
    let (winner, loser) = if by == AGENT { (&to_agent, &to_expert) } else { (&to_expert, &to_agent) };
    bench.picks_up(by, winner, &at(by));
    let cancel = bench.expect(other, "CANCEL");
    assert!(cancel.header("Reason").unwrap().contains("Q.850;cause=26"));
    bench.answer(other, &cancel, 200, "x", "", None);
    bench.answer(other, loser, 487, "x", "", None);
    bench.expect(other, "ACK");
    let ok = bench.expect(CALLER, "200");
    let ack = bench.expect(by, "ACK");
    bench.in_dialog(CALLER, "ACK", &ok, 101, None);
    (ok, ack)
}

/// What a phone is shown of a call on another phone of its line.
fn seen(bench: &mut Bench, flow: FlowId) -> String {
    let notify = bench.ok(flow, "NOTIFY");
    assert_eq!(notify.header("Event").as_deref(), Some("dialog"));
    assert_eq!(notify.header("Content-Type").as_deref(), Some("application/dialog-info+xml"));
    String::from_utf8(notify.body().to_vec()).unwrap()
}

fn attribute(info: &str, name: &str) -> String {
    let start = info.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
    info[start..].split('"').next().unwrap().to_owned()
}

fn started(bench: &Bench) -> Vec<RecordingStarted> {
    let pick = |event: &CucmEvent| match event {
        CucmEvent::RecordingStarted(started) => Some((**started).clone()),
        _ => None,
    };
    bench.events.iter().filter_map(pick).collect()
}

/// A phone of the line takes the call of this sight over.
fn take_over(bench: &mut Bench, flow: FlowId, info: &str) {
    let replaces = format!(
        "{};to-tag={};from-tag={}",
        attribute(info, "call-id"),
        attribute(info, "remote-tag"),
        attribute(info, "local-tag")
    );
    invite_replacing(bench, flow, "1001", &replaces);
}

fn invite_replacing(bench: &mut Bench, flow: FlowId, line: &str, replaces: &str) {
    let (branch, sdp) = (bench.new_branch(), at(flow).text());
    bench.give_text(
        flow,
        &format!(
            "INVITE sip:1001@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\n\
             From: <sip:{line}@10.48.38.5>;tag=over{branch}\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: over-{branch}\r\n\
             CSeq: 101 INVITE\r\nReplaces: {replaces}\r\nContact: <sip:line@10.48.38.103:50000;transport=tcp>\r\n{FALLBACK}\r\n\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
            sdp.len()
        ),
    );
    bench.expect(flow, "100");
}

#[test]
fn all_phones_ring_and_the_first_to_answer_has_the_call() {
    for by in [AGENT, EXPERT] {
        let mut bench = ready(false, false);
        let (ok, ack) = talk(&mut bench, by);
        assert_eq!(audio(&ok).port, at(by).port);
        let other = if by == AGENT { EXPERT } else { AGENT };
        let info = seen(&mut bench, other);
        assert!(info.contains("<state>confirmed</state>") && info.contains("pval=\"yes\""), "{info}");
        assert!(info.contains("<identity display=\"SJ User 1\">sip:1000@10.48.38.5</identity>"), "{info}");
        bench.quiet();
        bench.in_dialog(by, "BYE", &ack, 102, None);
        bench.expect(by, "200");
        bench.ok(CALLER, "BYE");
        assert!(seen(&mut bench, other).contains("<state>terminated</state>"));
        assert!(bench.engine.is_idle());
        bench.finish();
    }
}

#[test]
fn one_phone_that_refuses_leaves_the_others_ringing() {
    for first in [AGENT, EXPERT] {
        let second = if first == AGENT { EXPERT } else { AGENT };
        let mut bench = ready(false, false);
        let to_agent = bench.dial(CALLER, "1000", "1001", &at(CALLER)).unwrap();
        let to_expert = bench.expect(EXPERT, "INVITE");
        let of = |flow| if flow == AGENT { &to_agent } else { &to_expert };
        bench.answer(first, of(first), 603, "x", "", None);
        bench.expect(first, "ACK");
        bench.quiet();
        bench.picks_up(second, of(second), &at(second));
        assert_eq!(audio(&bench.expect(CALLER, "200")).port, at(second).port);
    }
    let mut bench = ready(false, false);
    let to_agent = bench.dial(CALLER, "1000", "1001", &at(CALLER)).unwrap();
    let to_expert = bench.expect(EXPERT, "INVITE");
    for (flow, invite) in [(AGENT, &to_agent), (EXPERT, &to_expert)] {
        bench.answer(flow, invite, 486, "x", "", None);
        bench.expect(flow, "ACK");
    }
    bench.expect(CALLER, "486");
    assert!(bench.engine.is_idle());
}

#[test]
fn a_line_is_busy_when_all_its_phones_are() {
    let mut config = with_deputy(plain());
    config.phones[2].lines[0] = Line { busy_trigger: 1, ..Line::new("1001", "SJ User 2") };
    config.phones[1].lines[0] = Line { busy_trigger: 1, ..Line::new("1001", "SJ User 2") };
    let mut bench = Bench::ready(config);
    talk(&mut bench, EXPERT);
    bench.sent.clear();
    bench.dial(DEPUTY, "1003", "1001", &at(DEPUTY)).unwrap();
    assert!(bench.sent.iter().all(|(to, _)| *to != EXPERT), "one phone is busy: {:?}", bench.sent);
    bench.dial(CALLER, "1000", "1001", &at(CALLER));
    bench.find(CALLER, "486");
}

#[test]
fn a_recording_is_the_phone_s_that_answers_if_it_is_recorded_there() {
    for (by, is_recorded) in [(AGENT, true), (EXPERT, false)] {
        let mut bench = ready(true, false);
        talk(&mut bench, by);
        let other = if by == AGENT { EXPERT } else { AGENT };
        seen(&mut bench, other);
        if is_recorded {
            bench.record();
            assert_eq!(started(&bench)[0].near.device, AGENT_DEVICE);
        }
        bench.wait(1000);
        assert!(!bench.sent.iter().any(|(to, _)| *to == EXPERT), "{:?}", bench.sent);
        assert_eq!(started(&bench).len(), usize::from(is_recorded));
    }
}

/// The caller talks with the agent, who holds; gives the ACK of the agent and what the expert sees.
fn held(agent_recorded: bool, expert_recorded: bool) -> (Bench, Message, String) {
    let mut bench = ready(agent_recorded, expert_recorded);
    let (_, ack) = talk(&mut bench, AGENT);
    seen(&mut bench, EXPERT);
    if agent_recorded {
        bench.record();
    }
    bench.changes(AGENT, &ack, 102, &at(AGENT).direction("sendonly"));
    if agent_recorded {
        for _ in 0..2 {
            bench.ok(RECORDER, "BYE");
            bench.ok(AGENT, "BYE");
        }
    }
    let info = seen(&mut bench, EXPERT);
    assert!(info.contains("pval=\"no\""), "{info}");
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    bench.expect(CALLER, "ACK");
    bench.quiet();
    (bench, ack, info)
}

/// Caller and expert are connected by the expert's INVITE; gives the 200 to the expert.
fn connected(bench: &mut Bench) -> Message {
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    let to_caller = bench.expect(CALLER, "ACK");
    assert_eq!((audio(&to_caller).port, audio(&to_caller).direction), (at(EXPERT).port, Direction::SendRecv));
    let ok = bench.find(EXPERT, "200");
    assert_eq!(audio(&ok).port, at(CALLER).port);
    bench.in_dialog(EXPERT, "ACK", &ok, 101, None);
    ok
}

#[test]
fn a_held_call_goes_on_at_another_phone_of_the_line() {
    let (mut bench, _, info) = held(false, false);
    bench.events.clear();
    take_over(&mut bench, EXPERT, &info);
    let ok = connected(&mut bench);
    bench.ok(AGENT, "BYE");
    let now = seen(&mut bench, AGENT);
    assert!(now.contains("<state>confirmed</state>") && now.contains("pval=\"yes\""), "the agent is in use elsewhere");
    assert!(seen(&mut bench, EXPERT).contains("<state>terminated</state>"), "and holds nothing any more");
    let by = bench.events.iter().find_map(|event| match event {
        CucmEvent::Resumed { by, .. } => Some(by.device.clone()),
        _ => None,
    });
    assert_eq!(by.as_deref(), Some(EXPERT_DEVICE));
    assert!(bench.music.is_empty());
    bench.quiet();
    bench.in_dialog(EXPERT, "BYE", &ok, 102, None);
    bench.expect(EXPERT, "200");
    bench.ok(CALLER, "BYE");
    seen(&mut bench, AGENT);
    assert!(bench.engine.is_idle());
    bench.finish();
}

#[test]
fn each_phone_of_the_line_has_its_own_recording_of_what_it_takes_over() {
    let (mut bench, _, info) = held(true, true);
    bench.events.clear();
    take_over(&mut bench, EXPERT, &info);
    connected(&mut bench);
    bench.sent.clear();
    bench.wait(20);
    let bridge = bench.find(EXPERT, "INVITE");
    assert!(bridge.header("Join").unwrap().contains("over-"), "the expert's own call is forked");
    assert!(!bench.sent.iter().any(|(to, message)| *to == AGENT && message.method() == Some("INVITE")));
}

#[test]
fn nobody_else_takes_over_and_nothing_that_is_not_held() {
    // Not held.
    let mut bench = ready(false, false);
    talk(&mut bench, AGENT);
    let info = seen(&mut bench, EXPERT);
    take_over(&mut bench, EXPERT, &info);
    bench.expect(EXPERT, "481");
    // Another line, another tag, no tags at all.
    let (mut bench, _, info) = held(false, false);
    let (call_id, tag) = (attribute(&info, "call-id"), attribute(&info, "remote-tag"));
    let right = format!("{call_id};to-tag={tag};from-tag={}", attribute(&info, "local-tag"));
    invite_replacing(&mut bench, CALLER, "1000", &right);
    bench.expect(CALLER, "481");
    invite_replacing(&mut bench, EXPERT, "1001", &format!("{call_id};to-tag={tag};from-tag=other"));
    bench.expect(EXPERT, "481");
    invite_replacing(&mut bench, EXPERT, "1001", &call_id);
    bench.expect(EXPERT, "400");
    bench.quiet();
    take_over(&mut bench, EXPERT, &info);
    connected(&mut bench);
}

#[test]
fn a_phone_that_gives_up_while_it_takes_over_leaves_nothing_behind() {
    let (mut bench, _, info) = held(false, false);
    take_over(&mut bench, EXPERT, &info);
    let branch = bench.last_branch();
    bench.expect(CALLER, "INVITE");
    bench.give_text(
        EXPERT,
        &format!(
            "CANCEL sip:1001@10.48.38.5 SIP/2.0\r\nVia: SIP/2.0/TCP 10.48.38.9:5000;branch={branch}\r\n\
             From: <sip:1001@10.48.38.5>;tag=over{branch}\r\nTo: <sip:1001@10.48.38.5>\r\nCall-ID: over-{branch}\r\n\
             CSeq: 101 CANCEL\r\n\r\n"
        ),
    );
    bench.find(EXPERT, "487");
    bench.find(CALLER, "BYE");
    bench.find(AGENT, "BYE");
    let told = bench.told();
    assert!(told.contains(&"CallEnded".to_owned()) && !told.contains(&"CallFailed".to_owned()), "{told:?}");
}
