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
