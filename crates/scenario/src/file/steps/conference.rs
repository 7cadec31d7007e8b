//! Conferences.

use super::super::ast::Action;
use super::super::read::keep;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] =
    &[Verb { word: "conference", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(Action::Conference) }];
