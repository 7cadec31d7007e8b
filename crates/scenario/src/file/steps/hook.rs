//! What befalls the recorder under test.

use super::super::ast::{Action, Hook};
use super::super::fields::one_of;
use super::super::read::keep;
use super::Verb;

const HOOKS: [(&str, Hook); 5] = [
    ("kill", Hook::Kill),
    ("restart", Hook::Restart),
    ("fill disk", Hook::FillDisk),
    ("rotate certificate", Hook::RotateCertificate),
    ("step clock", Hook::StepClock),
];

pub(super) const VERBS: &[Verb] =
    &[Verb { word: "hook", read: |n, _, wrong| keep(one_of(n, &HOOKS), wrong).map(Action::Hook) }];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_called_what_a_scenario_calls_it() {
        assert!(HOOKS.iter().all(|(word, hook)| hook.word() == *word));
    }
}
