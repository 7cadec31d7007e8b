//! Call pickup and redirect: a call goes to another phone than the one that rings, or that is in it.

use cucm::config::*;
use cucm::{CucmEvent, RedirectRefused};
use sip::{FlowId, Message};

use crate::bench::*;
use crate::transfers::{notified, refer};

const PICKUP: &str = "x-cisco-serviceuri-pickup";

fn at(flow: FlowId) -> Sdp {
    Sdp::new(&format!("10.48.38.{}", 100 + flow.0), 30_000 + 2 * flow.0 as u16)
}

/// Agent and expert are of one call pickup group, and both are recorded; the deputy is of another one.
fn cluster() -> Config {
    let mut config = with_deputy(plain());
    config.phones[2].lines[0] = config.phones[2].lines[0].clone().recorded("recorder");
    for phone in [1, 2] {
        config.phones[phone].lines[0].pickup_group = Some("support".to_owned());
    }
    config.phones[3].lines[0].pickup_group = Some("sales".to_owned());
    config
}

/// A CANCEL that a phone takes.
fn silenced(bench: &mut Bench, flow: FlowId, invite: &Message) {
    let cancel = bench.expect(flow, "CANCEL");
    bench.answer(flow, &cancel, 200, "x", "", None);
    bench.answer(flow, invite, 487, "x", "", None);
    bench.expect(flow, "ACK");
}

/// The caller rings at the agent.
fn ringing(config: Config) -> (Bench, Message) {
    let mut bench = Bench::ready(config);
    let invite = bench.dial(CALLER, "1000", "1001", &at(CALLER)).unwrap();
    bench.answer(AGENT, &invite, 180, "agent", "", None);
    bench.expect(CALLER, "180");
    (bench, invite)
}

#[test]
fn a_phone_of_the_group_takes_the_call_and_only_its_recording_is_made() {
    let (mut bench, invite) = ringing(cluster());
    assert_eq!(bench.dial(EXPERT, "1002", PICKUP, &at(EXPERT)), None);
    silenced(&mut bench, AGENT, &invite);
    let to_caller = bench.expect(CALLER, "200");
    let to_expert = bench.expect(EXPERT, "200");
    assert_eq!((audio(&to_caller).port, audio(&to_expert).port), (at(EXPERT).port, at(CALLER).port));
    assert!(to_caller.header("Remote-Party-ID").unwrap().contains("sip:1002@"), "the caller is told who answered");
    assert!(to_expert.header("Remote-Party-ID").unwrap().contains("sip:1000@"));
    // In either order.
    bench.in_dialog(EXPERT, "ACK", &to_expert, 101, None);
    bench.in_dialog(CALLER, "ACK", &to_caller, 101, None);
    let connected = bench.events.iter().filter(|event| matches!(event, CucmEvent::CallConnected(_))).count();
    assert_eq!(connected, 1);
    let picked = bench.events.iter().any(
        |event| matches!(event, CucmEvent::PickedUp { by, from, .. } if by.number == "1002" && from.number == "1001"),
    );
    assert!(picked, "{:?}", bench.events);
    bench.wait(20);
    assert!(bench.expect(EXPERT, "INVITE").header("Join").is_some());
    bench.quiet();
    bench.in_dialog(CALLER, "BYE", &to_caller, 102, None);
    bench.find(EXPERT, "BYE");
}

#[test]
fn nobody_else_picks_up_and_nothing_that_does_not_ring() {
    let (mut bench, invite) = ringing(cluster());
    for (flow, from) in [(DEPUTY, "1003"), (AGENT, "1001")] {
        assert_eq!(bench.dial(flow, from, PICKUP, &at(flow)), None);
        assert_eq!(bench.next(flow).status(), Some(404), "{from}");
    }
    bench.quiet();
    bench.picks_up(AGENT, &invite, &at(AGENT));
    bench.expect(CALLER, "200");
    bench.expect(AGENT, "ACK");
    assert_eq!(bench.dial(EXPERT, "1002", PICKUP, &at(EXPERT)), None);
    bench.expect(EXPERT, "404");
}

#[test]
fn the_target_of_a_transfer_is_picked_up_like_any_call() {
    let mut config = cluster();
    config.phones[2].lines[0].pickup_group = Some("sales".to_owned());
    let mut bench = Bench::ready(unrecorded(config));
    let (_, ack) = bench.talk(&at(CALLER), &at(AGENT));
    crate::transfers::hold(&mut bench, &ack);
    refer(&mut bench, &ack, 103, "1002@10.48.38.5");
    let invite = bench.expect(EXPERT, "INVITE");
    bench.answer(EXPERT, &invite, 180, "expert", "", None);
    assert_eq!(notified(&mut bench), "SIP/2.0 180 Ringing");
    assert_eq!(bench.dial(DEPUTY, "1003", PICKUP, &at(DEPUTY)), None);
    silenced(&mut bench, EXPERT, &invite);
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, at(DEPUTY).port);
    let ok = bench.expect(DEPUTY, "200");
    assert_eq!(audio(&ok).port, at(CALLER).port);
    assert_eq!(notified(&mut bench), "SIP/2.0 200 OK");
    bench.ok(AGENT, "BYE");
    bench.quiet();
}

#[test]
fn a_call_that_rings_is_redirected_by_an_application() {
    let (mut bench, invite) = ringing(cluster());
    bench.redirect(AGENT_DEVICE, "1003").unwrap();
    silenced(&mut bench, AGENT, &invite);
    let invite = bench.expect(DEPUTY, "INVITE");
    bench.answer(DEPUTY, &invite, 180, "deputy", "", None);
    assert!(bench.expect(CALLER, "180").header("Remote-Party-ID").unwrap().contains("sip:1003@"));
    bench.picks_up(DEPUTY, &invite, &at(DEPUTY));
    assert_eq!(audio(&bench.expect(CALLER, "200")).port, at(DEPUTY).port);
    bench.expect(DEPUTY, "ACK");
    bench.wait(1_000);
    assert!(!bench.sent.iter().any(|(to, _)| *to == AGENT), "nobody is recorded");
}

#[test]
fn a_redirect_that_leads_nowhere_changes_nothing() {
    let (mut bench, invite) = ringing(cluster());
    let refused = bench.redirect(AGENT_DEVICE, "9999");
    assert_eq!(refused, Err(RedirectRefused::Unreached("no phone has this number")));
    assert_eq!(bench.redirect(DEPUTY_DEVICE, "1002"), Err(RedirectRefused::NoCall));
    bench.quiet();
    bench.picks_up(AGENT, &invite, &at(AGENT));
    bench.expect(CALLER, "200");
}

#[test]
fn a_connected_phone_is_out_of_the_call_at_once() {
    let mut bench = Bench::ready(cluster());
    let (_, _) = bench.talk(&at(CALLER), &at(AGENT));
    bench.record();
    bench.redirect(AGENT_DEVICE, "1002").unwrap();
    let invite = bench.expect(EXPERT, "INVITE");
    assert!(invite.header("From").unwrap().contains("sip:1000@"), "on behalf of who remains");
    for _ in 0..2 {
        bench.ok(RECORDER, "BYE");
    }
    for _ in 0..3 {
        bench.ok(AGENT, "BYE");
    }
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, 4000, "music while it rings");
    bench.picks_up(EXPERT, &invite, &at(EXPERT));
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    assert_eq!(audio(&bench.expect(CALLER, "ACK")).port, at(EXPERT).port);
    bench.expect(EXPERT, "ACK");
    assert_eq!(crate::transfers::transferred(&bench).target.number, "1002");
    bench.wait(20);
    assert!(bench.expect(EXPERT, "INVITE").header("Join").is_some(), "whoever answers is recorded");
    bench.quiet();
}

#[test]
fn a_redirected_call_that_nobody_answers_is_over() {
    let mut bench = Bench::ready(unrecorded(cluster()));
    bench.talk(&at(CALLER), &at(AGENT));
    bench.redirect(AGENT_DEVICE, "1003").unwrap();
    bench.ok(AGENT, "BYE");
    bench.stopped(CALLER);
    bench.offers(CALLER, &at(CALLER));
    bench.expect(CALLER, "ACK");
    let invite = bench.expect(DEPUTY, "INVITE");
    bench.answer(DEPUTY, &invite, 486, "deputy", "", None);
    bench.expect(DEPUTY, "ACK");
    bench.ok(CALLER, "BYE");
    assert!(bench.engine.is_idle() && bench.music.is_empty());
    bench.finish();
}
