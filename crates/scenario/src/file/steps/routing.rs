//! Park, retrieval, pickup, redirect.

use super::super::ast::{Action, DIRECTED_PARK_NUMBERS, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, number};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, party, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "park", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::Park) },
    Verb { word: "directed park", read: read_directed_park },
    Verb { word: "retrieve", read: read_retrieval },
    Verb { word: "pick up", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::PickUp) },
    Verb { word: "redirect", read: read_redirect },
];

fn read_directed_park(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a directed park", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let numbers = u64::from(DIRECTED_PARK_NUMBERS);
    let at = f.or("at", 1, wrong, |n| number(n, 1, numbers).map(|at| at as u32));
    f.finish(wrong);
    Some(Action::ParkAt { by: by?, at })
}

fn read_retrieval(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a retrieval", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let parked_by = f.required("parked by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    f.finish(wrong);
    Some(Action::Retrieve { by: by?, parked_by: parked_by? })
}

fn read_redirect(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a redirect", wrong);
    let call_of = f.required("call of", wrong).and_then(|n| keep(party(n, scenario), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(party(n, scenario), wrong));
    f.finish(wrong);
    let (call_of, to) = (call_of?, to?);
    if call_of == to && !scenario.phones.is_empty() {
        wrong.push(Diagnostic::new(node.place, "a call cannot be redirected to where it is"));
        return None;
    }
    Some(Action::Redirect { call_of, to })
}
