//! The steps of a scenario: single-key maps. Each group of verbs reads its own; [`super::paper`] says which orders are possible.

mod barge;
mod call;
mod conference;
mod hold;
mod hook;
mod media;
mod nodes;
mod outside;
mod recording;
mod routing;
mod signalling;
mod streams;
mod time;
mod transfer;

use super::ast::{Action, Scenario, Step};
use super::diagnostic::Diagnostic;
use super::fields::{kind, text, unknown};
use super::paper;
use super::shape::{Ask, note};
use super::tree::{Key, Node, Value};

/// A verb: its word, and the reader of what stands behind it, which tells what is wrong there.
struct Verb {
    word: &'static str,
    read: Read,
}

/// Takes the value of a step and the scenario as far as it is read: all but its steps and what it expects.
type Read = fn(&Node, &Scenario, &mut Vec<Diagnostic>) -> Option<Action>;

/// All verbs, in the order in which a message lists them.
const GROUPS: &[&[Verb]] = &[
    call::BEGIN,
    hold::VERBS,
    transfer::VERBS,
    conference::VERBS,
    barge::VERBS,
    routing::VERBS,
    recording::VERBS,
    outside::VERBS,
    time::VERBS,
    call::END,
    media::VERBS,
    streams::VERBS,
    signalling::VERBS,
    nodes::VERBS,
    hook::VERBS,
];
/// The most steps a scenario may have.
const MAX_STEPS: usize = 10_000;

fn verbs() -> impl Iterator<Item = &'static Verb> {
    GROUPS.iter().copied().flatten()
}

/// The words of all verbs.
pub(crate) fn words() -> Vec<&'static str> {
    verbs().map(|verb| verb.word).collect()
}

/// Reads the list of steps.
pub(super) fn read_steps(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Vec<Step> {
    note(node.place, || Ask::Items);
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
    let steps: Vec<Step> = items.iter().filter_map(|item| read_step(item, scenario, wrong)).collect();
    if wrong.is_empty() {
        let places = items.iter().map(|item| item.place);
        wrong.extend(paper::check_order(scenario, places.zip(&steps)));
    }
    steps
}

/// Reads one step from its text, such as `talk: 2s`; `None` if it is none of this scenario.
pub(crate) fn read_one(text: &str, scenario: &Scenario) -> Option<Action> {
    let node = super::tree::parse(text).ok()?;
    let mut wrong = Vec::new();
    read_step(&node, scenario, &mut wrong).filter(|_| wrong.is_empty()).map(|step| step.action)
}

fn read_step(node: &Node, scenario: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Step> {
    note(node.place, || Ask::Mapping("a step"));
    note(node.place, || Ask::OneKey(words()));
    let Value::Mapping(entries) = &node.value else {
        let message = format!("got {}, expected a step such as `talk: 10s`", kind(node));
        wrong.push(Diagnostic::new(node.place, message));
        return None;
    };
    let [(word, value)] = entries.as_slice() else {
        let message = format!("a step is one verb, got {} keys", entries.len());
        wrong.push(Diagnostic::new(node.place, message).help("begin each step with `- `"));
        return None;
    };
    let Some(verb) = verbs().find(|verb| verb.word == word.name) else {
        wrong.push(unknown(&format!("unknown step `{}`", word.name), word, &words()));
        return None;
    };
    let action = (verb.read)(value, scenario, wrong)?;
    Some(Step { line: word.place.line, action })
}

/// Whoever a node names, a phone or a party outside, by its number in [`Scenario::everybody`].
fn party(node: &Node, scenario: &Scenario) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    match scenario.everybody().position(|known| known.name == name) {
        Some(number) => Ok(number),
        // All else is told as of a phone.
        None if scenario.outside.is_empty() => phone(node, scenario),
        None => {
            let names: Vec<&str> = scenario.everybody().map(|known| known.name.as_str()).collect();
            let key = Key { name: name.clone(), place: node.place };
            Err(unknown(&format!("nobody is called `{name}`"), &key, &names))
        }
    }
}

/// The phone that a node names, by its index.
fn phone(node: &Node, scenario: &Scenario) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    if scenario.phones.is_empty() {
        // The phones themselves are the mistake, which is told already.
        return Ok(0);
    }
    let names: Vec<&str> = scenario.phones.iter().map(|p| p.name.as_str()).collect();
    names.iter().position(|known| *known == name).ok_or_else(|| {
        let key = Key { name: name.clone(), place: node.place };
        unknown(&format!("no phone is called `{name}`"), &key, &names)
    })
}
