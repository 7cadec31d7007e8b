//! What happens behind trunks.

use super::super::ast::{Action, Scenario, Told};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, list, one_of, text};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, party};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "transfer outside", read: read_transfer },
    Verb { word: "conference outside", read: read_conference },
    Verb {
        word: "leave outside",
        read: |n, scenario, wrong| keep(party(n, scenario), wrong).map(Action::LeaveOutside),
    },
];

const TOLD: [(&str, Told); 3] =
    [("re-INVITE", Told::ByInvite), ("UPDATE", Told::ByUpdate), ("nothing", Told::NotAtAll)];

fn read_transfer(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a transfer outside", wrong);
    let from = f.required("from", wrong).and_then(|n| keep(party(n, scenario), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(party(n, scenario), wrong));
    let told = f.or("told by", Told::ByUpdate, wrong, |n| one_of(n, &TOLD));
    f.finish(wrong);
    Some(Action::TransferOutside { from: from?, to: to?, told })
}

fn read_conference(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a conference outside", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(party(n, scenario), wrong));
    let with = f.required("with", wrong).and_then(|n| keep(list(n, |n| party(n, scenario)), wrong));
    let number = f.maybe("number", wrong, text);
    f.finish(wrong);
    Some(Action::ConferOutside { by: by?, with: with?, number })
}
