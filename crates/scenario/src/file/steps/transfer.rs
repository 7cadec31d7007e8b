//! Transfers.

use super::super::ast::{Action, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::Fields;
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb {
        word: "transfer",
        read: |n, scenario, wrong| {
            read_by_to(n, "a transfer", scenario, wrong).map(|(by, to)| Action::Transfer { by, to })
        },
    },
    Verb {
        word: "consult",
        read: |n, scenario, wrong| {
            read_by_to(n, "a consultation", scenario, wrong).map(|(by, to)| Action::Consult { by, to })
        },
    },
    Verb {
        word: "complete transfer",
        read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::CompleteTransfer),
    },
];

fn read_by_to(
    node: &Node,
    what: &'static str,
    scenario: &Scenario,
    wrong: &mut Vec<Diagnostic>,
) -> Option<(usize, usize)> {
    let mut f = Fields::of(node, what, wrong);
    let by = f.required("by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    f.finish(wrong);
    let (by, to) = (by?, to?);
    if by == to && !scenario.phones.is_empty() {
        wrong.push(Diagnostic::new(node.place, "a phone cannot call itself"));
        return None;
    }
    Some((by, to))
}
