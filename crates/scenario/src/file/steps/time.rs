//! Time passes.

use super::super::ast::Action;
use super::super::fields::duration;
use super::super::read::keep;
use super::Verb;

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "wait", read: |n, _, wrong| keep(duration(n), wrong).map(Action::Wait) },
    Verb { word: "talk", read: |n, _, wrong| keep(duration(n), wrong).map(Action::Talk) },
];
