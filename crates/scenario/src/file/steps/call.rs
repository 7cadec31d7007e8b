//! Calls begin and end.

use super::super::ast::{Action, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::Fields;
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, party};

pub(super) const BEGIN: &[Verb] = &[
    Verb { word: "call", read: read_call },
    Verb { word: "answer", read: |n, scenario, wrong| keep(party(n, scenario), wrong).map(Action::Answer) },
];

pub(super) const END: &[Verb] =
    &[Verb { word: "hang up", read: |n, scenario, wrong| keep(party(n, scenario), wrong).map(Action::HangUp) }];

fn read_call(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a call", wrong);
    let from = f.required("from", wrong).and_then(|n| keep(party(n, scenario), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(party(n, scenario), wrong));
    f.finish(wrong);
    let (from, to) = (from?, to?);
    if from == to && !scenario.phones.is_empty() {
        wrong.push(Diagnostic::new(node.place, "a phone cannot call itself"));
        return None;
    }
    Some(Action::Call { from, to })
}
