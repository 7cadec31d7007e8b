//! The connection to CUCM is lost in a call.

use super::*;

/// Phone B in a recorded call that has just lost its connection.
fn cut_off(preserves: bool) -> Rig {
    let mut rig = Rig::in_call(&[], avp);
    rig.fork("05", "07", "16", "20", |_| String::new());
    rig.fork("09", "50", "14", "18", |_| String::new());
    rig.command(Command::PreserveForks(preserves)).unwrap();
    rig.orders.clear();
    rig.machine.handle_input(rig.now, Input::Closed { why: "its node died".to_owned() });
    rig.collect();
    rig
}

#[test]
fn the_call_is_preserved_and_its_bridge_sends_on_until_the_user_hangs_up() {
    let mut rig = cut_off(true);
    let status = rig.machine.status();
    assert_eq!((status.call, status.registered, status.forks), (CallState::Connected, false, 2));
    assert!(rig.orders.is_empty(), "{:?}", rig.orders);
    assert!(rig.machine.is_in_call());
    rig.command(Command::HangUp).unwrap();
    assert!(!rig.machine.is_in_call());
    assert_eq!(rig.machine.open_bridges(), 0, "nobody is there to end them");
}

#[test]
fn where_it_is_told_so_the_bridge_stops_with_the_connection_and_the_call_goes_on() {
    let rig = cut_off(false);
    let status = rig.machine.status();
    assert_eq!((status.call, status.forks), (CallState::Connected, 0));
    let stopped = rig.orders.iter().filter(|order| matches!(order, MediaOrder::StopFork { .. })).count();
    assert_eq!((stopped, rig.machine.open_bridges()), (2, 0));
    assert!(!rig.orders.iter().any(|order| matches!(order, MediaOrder::Close { .. })), "{:?}", rig.orders);
}

#[test]
fn a_call_that_does_not_talk_ends_with_its_node() {
    let lost = |rig: &mut Rig| {
        rig.machine.handle_input(rig.now, Input::Closed { why: "its node died".to_owned() });
        rig.collect();
        rig.machine.is_in_call()
    };
    let mut held = Rig::in_call(&[], avp);
    held.command(Command::Hold).unwrap();
    assert!(!lost(&mut held), "nothing of a held call is left without cucm");
    let mut ringing = Rig::new(PHONE_B, &[]);
    ringing.receive(&trace("02"));
    assert!(!lost(&mut ringing));
    let mut calling = Rig::new(PHONE_A, &[]);
    calling.command(Command::Dial("1001".into())).unwrap();
    assert!(!lost(&mut calling));
    let mut far_held = Rig::in_call(&[], |ok| avp(ok) + "a=inactive\r\n");
    assert!(!lost(&mut far_held), "nobody is there to take it from hold");
}
