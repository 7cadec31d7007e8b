//! What phones do to media.

use std::time::Duration;

use media::ledger::Leg;

use super::super::ast::{Action, Inject, Injected, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, duration, list, number, one_of};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[Verb { word: "inject", read: read_inject }];

fn read_inject(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let kinds = [("plain RTP", 0), ("flipped tag", 1), ("replay", 2), ("forged", 3)];
    let legs = [("near", Leg::Near), ("far", Leg::Far)];
    let mut f = Fields::of(node, "an injection", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let what = f.required("what", wrong).and_then(|n| keep(one_of(n, &kinds), wrong));
    let legs = f.or("legs", vec![Leg::Near, Leg::Far], wrong, |n| list(n, |leg| one_of(leg, &legs)));
    let every = f.or("every", 25, wrong, |n| number(n, 1, 100_000)) as u32;
    let times = f.or("times", 10, wrong, |n| number(n, 1, 100)) as u32;
    let lasts = f.or("for", Duration::from_secs(3600), wrong, duration);
    f.finish(wrong);
    let what = match what? {
        0 => Injected::PlainRtp,
        1 => Injected::FlippedTag { every },
        2 => Injected::Replay { every },
        _ => Injected::Forged { times },
    };
    Some(Action::Inject(Inject { phone: phone?, legs, what, lasts }))
}
