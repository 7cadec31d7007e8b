//! What phones do to media.

use std::time::Duration;

use media::ledger::Leg;

use super::super::ast::{Action, Inject, Injected, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, duration, list, number, one_of, text};
use super::super::read::keep;
use super::super::tree::Node;
use super::{Verb, phone};

pub(super) const VERBS: &[Verb] = &[
    Verb { word: "inject", read: read_inject },
    Verb { word: "dtmf", read: read_dtmf },
    Verb { word: "mute", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(|p| Action::Mute(p, true)) },
    Verb { word: "unmute", read: |n, scenario, wrong| keep(phone(n, scenario), wrong).map(|p| Action::Mute(p, false)) },
];

/// The keys of a phone that are telephone events (RFC 4733 §3.2).
const KEYS: &str = "0123456789*#ABCD";
/// The most keys that one step presses.
const MAX_KEYS: usize = 64;

fn read_dtmf(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a press of keys", wrong);
    let by = f.required("by", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let digits = f.required("digits", wrong).and_then(|n| keep(digits(n), wrong));
    f.finish(wrong);
    Some(Action::Dtmf { by: by?, digits: digits? })
}

fn digits(node: &Node) -> Result<String, Diagnostic> {
    let digits = text(node)?;
    if digits.len() <= MAX_KEYS && digits.chars().all(|key| KEYS.contains(key)) {
        return Ok(digits);
    }
    let message = format!("got `{digits}`, expected at most {MAX_KEYS} keys of {KEYS}");
    Err(Diagnostic::new(node.place, message).help("such as \"1234#\""))
}

fn read_inject(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let kinds =
        [("plain RTP", 0), ("flipped tag", 1), ("replay", 2), ("forged", 3), ("silence", 4), ("loss", 5), ("stale", 6)];
    let times_go = [("goes on", false), ("stalls", true)];
    let legs = [("near", Leg::Near), ("far", Leg::Far)];
    let mut f = Fields::of(node, "an injection", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, scenario), wrong));
    let what = f.required("what", wrong).and_then(|n| keep(one_of(n, &kinds), wrong));
    let legs = f.or("legs", vec![Leg::Near, Leg::Far], wrong, |n| list(n, |leg| one_of(leg, &legs)));
    let every = f.or("every", 25, wrong, |n| number(n, 1, 100_000)) as u32;
    let times = f.or("times", 10, wrong, |n| number(n, 1, 100)) as u32;
    let stalls = f.or("RTP time", false, wrong, |n| one_of(n, &times_go));
    let lasts = f.or("for", Duration::from_secs(3600), wrong, duration);
    f.finish(wrong);
    let what = match what? {
        0 => Injected::PlainRtp,
        1 => Injected::FlippedTag { every },
        2 => Injected::Replay { every },
        3 => Injected::Forged { times },
        4 => Injected::Silence { stalls },
        5 => Injected::Loss,
        _ => Injected::Stale,
    };
    Some(Action::Inject(Inject { phone: phone?, legs, what, lasts }))
}
