//! Conferences.

use super::super::ast::{Action, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::Fields;
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, party, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "conference", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::Conference) },
    Verb { word: "drop", read: read_drop },
];

fn read_drop(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a drop", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let dropped = f.required("party", wrong).and_then(|n| keep(party(n, scenario), wrong));
    f.finish(wrong);
    Some(Action::Drop { by: by?, party: dropped? })
}
