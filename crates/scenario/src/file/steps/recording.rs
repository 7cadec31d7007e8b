//! Recordings that somebody starts and stops.

use super::super::ast::{Action, Asker, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, one_of};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "start recording", read: read_start },
    Verb {
        word: "stop recording",
        read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::StopRecording),
    },
];

const ASKERS: [(&str, Asker); 3] =
    [("user", Asker::User), ("application", Asker::Application), ("silent application", Asker::SilentApplication)];

fn read_start(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "the start of a recording", wrong);
    let on = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let by = f.or("by", Asker::User, wrong, |n| one_of(n, &ASKERS));
    f.finish(wrong);
    Some(Action::StartRecording { on: on?, by })
}
