//! Barge and cBarge.

use super::super::ast::Action;
use super::super::read::keep;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "barge", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::Barge) },
    Verb { word: "cBarge", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::CBarge) },
];
