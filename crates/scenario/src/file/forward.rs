//! Where a phone's line forwards, and which phones share a line.

use std::time::Duration;

use super::ast::{Forward, Phone};
use super::diagnostic::Diagnostic;
use super::fields::{Fields, duration, text, unknown};
use super::read::keep;
use super::tree::{Key, Node};

/// What CUCM's page takes for *No Answer Ring Duration* is 1 to 300 seconds; its service parameter says 12.
const USUAL: Duration = Duration::from_secs(12);

/// Reads the key `forward` of the phone with this index; `names` are those of all phones.
pub(super) fn read_forward(node: &Node, own: usize, names: &[&str], wrong: &mut Vec<Diagnostic>) -> Forward {
    let before = wrong.len();
    let mut f = Fields::of(node, "forwarding", wrong);
    let all = f.maybe("all", wrong, |n| target(n, own, names));
    let busy = f.maybe("busy", wrong, |n| target(n, own, names));
    let no_answer = f.maybe("no answer", wrong, |n| target(n, own, names));
    let after = f.optional("after");
    let time = after.and_then(|node| keep(ring_duration(node), wrong));
    f.finish(wrong);
    if let (Some(node), None) = (after, no_answer) {
        let message = "`after` says how long a line rings that forwards on `no answer`, which is missing";
        wrong.push(Diagnostic::new(node.place, message).help("such as `{ no answer: deputy, after: 5s }`"));
    }
    if (all, busy, no_answer) == (None, None, None) && wrong.len() == before {
        wrong.push(Diagnostic::new(node.place, "got no phone to forward to").help("such as `{ all: deputy }`"));
    }
    Forward { all, busy, no_answer: no_answer.map(|to| (to, time.unwrap_or(USUAL))) }
}

fn target(node: &Node, own: usize, names: &[&str]) -> Result<usize, Diagnostic> {
    let name = text(node)?;
    let key = Key { name: name.clone(), place: node.place };
    let to = names.iter().position(|known| *known == name);
    let to = to.ok_or_else(|| unknown(&format!("no phone is called `{name}`"), &key, names))?;
    if to == own {
        return Err(Diagnostic::new(node.place, "a phone cannot forward to itself"));
    }
    Ok(to)
}

fn ring_duration(node: &Node) -> Result<Duration, Diagnostic> {
    let time = duration(node)?;
    if (Duration::from_secs(1)..=Duration::from_secs(300)).contains(&time) && time.subsec_nanos() == 0 {
        return Ok(time);
    }
    let message = format!("got {time:?}, expected whole seconds from 1s to 300s");
    Err(Diagnostic::new(node.place, message).help("it is CUCM's No Answer Ring Duration"))
}

/// What is wrong with the lines of `phone`, the last of these phones: two phones have one line only where both say that they share it.
pub(super) fn clash<'a>(phones: &'a [Phone], phone: &Phone) -> Option<&'a Phone> {
    let same = phones.iter().filter(|other| other.line == phone.line && !other.line.is_empty());
    same.into_iter().find(|other| !other.shared || !phone.shared)
}

/// A phone that shares its line with nobody.
pub(super) fn is_alone(phones: &[Phone], phone: &Phone) -> bool {
    phone.shared && phones.iter().filter(|other| other.line == phone.line).count() < 2
}
