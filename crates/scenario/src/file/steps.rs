//! The steps of a scenario: single-key maps, checked for names and for order.

use std::time::Duration;

use media::ledger::Leg;

use super::ast::{Action, Inject, Injected, Phone, Step};
use super::diagnostic::Diagnostic;
use super::fields::{Fields, duration, kind, list, number, one_of, text, unknown};
use super::read::keep;
use super::tree::{Key, Node, Value};

/// The verbs, as a message lists them.
const VERBS: [&str; 5] = ["call", "answer", "talk", "hang up", "inject"];
/// The most steps a scenario may have.
const MAX_STEPS: usize = 10_000;

/// Reads the list of steps.
pub(super) fn read_steps(node: &Node, phones: &[Phone], wrong: &mut Vec<Diagnostic>) -> Vec<Step> {
    let items = match &node.value {
        Value::Sequence(items) if !items.is_empty() => items,
        _ => {
            let message = format!("got {}, expected a list of steps", kind(node));
            wrong.push(Diagnostic::new(node.place, message).help("such as `- talk: 10s`"));
            return Vec::new();
        }
    };
    if items.len() > MAX_STEPS {
        let message = format!("got {} steps, expected at most {MAX_STEPS}", items.len());
        wrong.push(Diagnostic::new(node.place, message));
        return Vec::new();
    }
    let steps = items.iter().filter_map(|item| read_step(item, phones, wrong)).collect();
    if wrong.is_empty() {
        check_order(items, &steps, wrong);
    }
    steps
}

fn read_step(node: &Node, phones: &[Phone], wrong: &mut Vec<Diagnostic>) -> Option<Step> {
    let Value::Mapping(entries) = &node.value else {
        let message = format!("got {}, expected a step such as `talk: 10s`", kind(node));
        wrong.push(Diagnostic::new(node.place, message));
        return None;
    };
    let [(verb, value)] = entries.as_slice() else {
        let message = format!("a step is one verb, got {} keys", entries.len());
        wrong.push(Diagnostic::new(node.place, message).help("begin each step with `- `"));
        return None;
    };
    let action = match verb.name.as_str() {
        "call" => read_call(value, phones, wrong),
        "answer" => keep(phone(value, phones), wrong).map(Action::Answer),
        "talk" => keep(duration(value), wrong).map(Action::Talk),
        "hang up" => keep(phone(value, phones), wrong).map(Action::HangUp),
        "inject" => read_inject(value, phones, wrong),
        _ => {
            wrong.push(unknown(&format!("unknown step `{}`", verb.name), verb, &VERBS));
            None
        }
    };
    action.map(|action| Step { line: verb.place.line, action })
}

fn phone(node: &Node, phones: &[Phone]) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    let names: Vec<&str> = phones.iter().map(|p| p.name.as_str()).collect();
    names.iter().position(|known| *known == name).ok_or_else(|| {
        let key = Key { name: name.clone(), place: node.place };
        unknown(&format!("no phone is called `{name}`"), &key, &names)
    })
}

fn read_call(node: &Node, phones: &[Phone], wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let mut f = Fields::of(node, "a call", wrong);
    let from = f.required("from", wrong).and_then(|n| keep(phone(n, phones), wrong));
    let to = f.required("to", wrong).and_then(|n| keep(phone(n, phones), wrong));
    f.finish(wrong);
    let (from, to) = (from?, to?);
    if from == to {
        wrong.push(Diagnostic::new(node.place, "a phone cannot call itself"));
        return None;
    }
    Some(Action::Call { from, to })
}

fn read_inject(node: &Node, phones: &[Phone], wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let kinds = [("plain RTP", 0), ("flipped tag", 1), ("replay", 2), ("forged", 3)];
    let legs = [("near", Leg::Near), ("far", Leg::Far)];
    let mut f = Fields::of(node, "an injection", wrong);
    let phone = f.required("on", wrong).and_then(|n| keep(phone(n, phones), wrong));
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

/// Steps that cannot happen in this order are a mistake of the file, not a finding about a recorder.
fn check_order(items: &[Node], steps: &Vec<Step>, wrong: &mut Vec<Diagnostic>) {
    let mut ringing: Vec<(usize, usize)> = Vec::new();
    let mut talking: Vec<(usize, usize)> = Vec::new();
    let within = |pairs: &[(usize, usize)], p: usize| pairs.iter().position(|(a, b)| *a == p || *b == p);
    for (item, step) in items.iter().zip(steps) {
        let complaint = match &step.action {
            Action::Call { from, to } => {
                let busy =
                    [*from, *to].iter().any(|p| within(&ringing, *p).is_some() || within(&talking, *p).is_some());
                ringing.push((*from, *to));
                busy.then_some("one of the two is in a call already")
            }
            Action::Answer(p) => match ringing.iter().position(|(_, to)| to == p) {
                Some(at) => {
                    talking.push(ringing.remove(at));
                    None
                }
                None => Some("this phone is not ringing here"),
            },
            Action::HangUp(p) => match (within(&talking, *p), within(&ringing, *p)) {
                (Some(at), _) => {
                    talking.remove(at);
                    None
                }
                (_, Some(at)) => {
                    ringing.remove(at);
                    None
                }
                _ => Some("this phone is in no call here"),
            },
            Action::Inject(inject) if within(&talking, inject.phone).is_none() => {
                Some("this phone is in no answered call here, so it forks nothing")
            }
            Action::Talk(_) if talking.is_empty() => Some("nobody is in an answered call here"),
            _ => None,
        };
        wrong.extend(complaint.map(|message| Diagnostic::new(item.place, message)));
    }
    if let (Some(item), false) = (items.last(), ringing.is_empty() && talking.is_empty()) {
        let message = "a call is still up after the last step";
        wrong.push(Diagnostic::new(item.place, message).help("end it with `- hang up: <phone>`"));
    }
}
