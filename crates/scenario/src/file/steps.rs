//! The steps of a scenario: single-key maps, checked for names and for order.

use std::time::Duration;

use media::ledger::Leg;

use super::ast::{Action, Inject, Injected, Phone, Step};
use super::diagnostic::Diagnostic;
use super::fields::{Fields, duration, kind, list, number, one_of, text, unknown};
use super::read::keep;
use super::tree::{Key, Node, Value};

/// The verbs, as a message lists them.
pub(super) const VERBS: [&str; 8] = ["call", "answer", "hold", "resume", "wait", "talk", "hang up", "inject"];
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
    let steps: Vec<Step> = items.iter().filter_map(|item| read_step(item, phones, wrong)).collect();
    if wrong.is_empty() {
        wrong.extend(check_order(items, &steps, phones));
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
        "hold" => keep(phone(value, phones), wrong).map(Action::Hold),
        "resume" => keep(phone(value, phones), wrong).map(Action::Resume),
        "wait" => keep(duration(value), wrong).map(Action::Wait),
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
    if phones.is_empty() {
        // The phones themselves are the mistake, which is told already.
        return Ok(0);
    }
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
    if from == to && !phones.is_empty() {
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

/// Steps that cannot happen in this order are a mistake of the file, not a finding about a recorder. The first one is told: those
/// behind it depend on it.
fn check_order(items: &[Node], steps: &[Step], phones: &[Phone]) -> Option<Diagnostic> {
    let mut calls = Calls::default();
    for (item, step) in items.iter().zip(steps) {
        if let Some((message, help)) = calls.take(&step.action, phones) {
            return Some(Diagnostic::new(item.place, message).help(help));
        }
    }
    let (last, (from, to)) = (items.last()?, calls.talking.iter().chain(&calls.ringing).next()?);
    let message =
        format!("the call of `{}` with `{}` is still up after the last step", phones[*from].name, phones[*to].name);
    Some(Diagnostic::new(last.place, message).help(format!("end it with `- hang up: {}`", phones[*to].name)))
}

/// The calls of a scenario on paper.
#[derive(Default)]
struct Calls {
    ringing: Vec<(usize, usize)>,
    talking: Vec<(usize, usize)>,
    /// Who holds.
    holding: Vec<usize>,
}

impl Calls {
    /// Takes a step, or says why it cannot be taken and what would help.
    fn take(&mut self, action: &Action, phones: &[Phone]) -> Option<(String, String)> {
        let within = |pairs: &[(usize, usize)], p: usize| pairs.iter().position(|(a, b)| *a == p || *b == p);
        let name = |p: usize| phones[p].name.as_str();
        match action {
            Action::Call { from, to } => {
                let is_busy = |p: usize| within(&self.ringing, p).is_some() || within(&self.talking, p).is_some();
                let busy = [*from, *to].into_iter().find(|p| is_busy(*p));
                self.ringing.push((*from, *to));
                busy.map(|p| (format!("`{}` is in a call already", name(p)), format!("`- hang up: {}` first", name(p))))
            }
            Action::Answer(p) => match self.ringing.iter().position(|(_, to)| to == p) {
                Some(at) => {
                    self.talking.push(self.ringing.remove(at));
                    None
                }
                None => {
                    let ringing: Vec<&str> = self.ringing.iter().map(|(_, to)| name(*to)).collect();
                    let who = if ringing.is_empty() { "nobody".to_owned() } else { ringing.join(", ") };
                    Some((format!("`{}` is not ringing here", name(*p)), format!("ringing here: {who}")))
                }
            },
            Action::HangUp(p) => match (within(&self.talking, *p), within(&self.ringing, *p)) {
                (Some(at), _) => {
                    let (one, other) = self.talking.remove(at);
                    self.holding.retain(|p| *p != one && *p != other);
                    None
                }
                (_, Some(at)) => {
                    self.ringing.remove(at);
                    None
                }
                _ => Some((format!("`{}` is in no call here", name(*p)), CALL_FIRST.to_owned())),
            },
            Action::Hold(p) if within(&self.talking, *p).is_none() => {
                Some((format!("`{}` is in no answered call here", name(*p)), ANSWER_FIRST.to_owned()))
            }
            Action::Hold(p) if self.holding.contains(p) => {
                Some((format!("`{}` holds its call already", name(*p)), format!("`- resume: {}` first", name(*p))))
            }
            Action::Hold(p) => {
                self.holding.push(*p);
                None
            }
            Action::Resume(p) => match self.holding.iter().position(|holder| holder == p) {
                Some(at) => {
                    self.holding.remove(at);
                    None
                }
                None => Some((format!("`{}` holds no call here", name(*p)), format!("`- hold: {}` first", name(*p)))),
            },
            Action::Inject(inject) if within(&self.talking, inject.phone).is_none() => {
                let message = format!("`{}` is in no answered call here, so it forks nothing", name(inject.phone));
                Some((message, ANSWER_FIRST.to_owned()))
            }
            Action::Talk(_) if self.talking.is_empty() => {
                Some(("nobody is in an answered call here".to_owned(), ANSWER_FIRST.to_owned()))
            }
            _ => None,
        }
    }
}

const CALL_FIRST: &str = "begin a call with `- call: { from: <phone>, to: <phone> }`";
const ANSWER_FIRST: &str = "answer a call first, with `- answer: <phone>`";
