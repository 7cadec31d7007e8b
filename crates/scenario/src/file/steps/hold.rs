//! Hold and resume.

use super::super::ast::Action;
use super::super::read::keep;
use super::{Verb, party};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "hold", read: |n, scenario, wrong| keep(party(n, scenario), wrong).map(Action::Hold) },
    Verb { word: "resume", read: |n, scenario, wrong| keep(party(n, scenario), wrong).map(Action::Resume) },
];
