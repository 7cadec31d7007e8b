//! What happens to single messages between CUCM and a recorder: the section `signalling`.

use std::time::Duration;

use cucm::signalling::{Answer, Branch, Closing, Deed, Disturbance, From, Kind, Method, Pick};
use media::ledger::Leg;

use super::diagnostic::Diagnostic;
use super::fields::{Fields, duration, kind, number, one_of, text, unknown};
use super::read::keep;
use super::shape::{Ask, note};
use super::tree::{Key, Node, Value};

/// The most entries.
const MOST: usize = 100;
/// Both legs, each by its name.
pub(super) const LEGS: [(&str, Option<Leg>); 3] = [("near", Some(Leg::Near)), ("far", Some(Leg::Far)), ("both", None)];
/// How a connection ends.
pub(super) const CLOSINGS: [(&str, Closing); 2] = [("FIN", Closing::Fin), ("RST", Closing::Reset)];
const METHODS: [(&str, Method); 10] = [
    ("INVITE", Method::Invite),
    ("re-INVITE", Method::Reinvite),
    ("ACK", Method::Ack),
    ("BYE", Method::Bye),
    ("CANCEL", Method::Cancel),
    ("UPDATE", Method::Update),
    ("OPTIONS", Method::Options),
    ("INFO", Method::Info),
    ("NOTIFY", Method::Notify),
    ("SUBSCRIBE", Method::Subscribe),
];

/// An entry and its line in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disturbed {
    /// Line, from 1.
    pub line: usize,
    /// What happens to which messages.
    pub disturbance: Disturbance,
}

/// What is told of an entry before it is known what it does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Pass,
    Lose,
    Refuse,
    Delay,
    HoldBack,
    Repeat,
    RepeatOtherwise,
    OtherConnection,
    Pieces,
    WithNext,
    Fill,
    Close,
    GiveUp,
}

/// Reads the list of disturbances.
pub(super) fn read_signalling(node: Option<&Node>, wrong: &mut Vec<Diagnostic>) -> Vec<Disturbed> {
    let Some(node) = node else { return Vec::new() };
    note(node.place, || Ask::Items);
    let items = match &node.value {
        Value::Sequence(items) if !items.is_empty() && items.len() <= MOST => items,
        _ => {
            let message = format!("got {}, expected a list of at most {MOST} entries", kind(node));
            wrong
                .push(Diagnostic::new(node.place, message).help("such as `- { what: lose, message: ACK, leg: near }`"));
            return Vec::new();
        }
    };
    items.iter().filter_map(|item| read_disturbance(item, wrong)).collect()
}

fn read_disturbance(node: &Node, wrong: &mut Vec<Diagnostic>) -> Option<Disturbed> {
    let whats = [
        ("pass", What::Pass),
        ("lose", What::Lose),
        ("refuse", What::Refuse),
        ("delay", What::Delay),
        ("hold back", What::HoldBack),
        ("repeat", What::Repeat),
        ("repeat by another way", What::RepeatOtherwise),
        ("other connection", What::OtherConnection),
        ("pieces", What::Pieces),
        ("with next", What::WithNext),
        ("fill", What::Fill),
        ("close connection", What::Close),
        ("give up", What::GiveUp),
    ];
    let senders = [("CUCM", From::Node), ("recorder", From::Recorder)];
    let mut f = Fields::of(node, "a disturbance", wrong);
    let what = f.required("what", wrong).and_then(|n| keep(one_of(n, &whats), wrong));
    let from = f.or("from", From::Node, wrong, |n| one_of(n, &senders));
    let named = f.required("message", wrong).and_then(|n| keep(message(n), wrong));
    let leg = f.or("leg", None, wrong, |n| one_of(n, &LEGS));
    let which = f.or("which", Some(1), wrong, which);
    let times = f.or("times", 1, wrong, |n| number(n, 1, 1000)) as u32;
    let after = f.maybe("after", wrong, duration);
    let behind = f.maybe("behind", wrong, message);
    let status = f.maybe("status", wrong, |n| number(n, 400, 699).map(|status| status as u16));
    let bytes = f.maybe("bytes", wrong, |n| number(n, 1, 60_000).map(|bytes| bytes as usize));
    let how = f.or("how", Closing::Fin, wrong, |n| one_of(n, &CLOSINGS));
    f.finish(wrong);
    let ((method, answer), what) = (named?, what?);
    let kind = Kind { from, method, answer };
    let mut need = |is_there: bool, key: &str| {
        if !is_there {
            let example = if key == "behind" {
                "BYE"
            } else if key == "bytes" {
                "3000"
            } else if key == "status" {
                "488"
            } else {
                "1s"
            };
            let needs = Diagnostic::new(node.place, format!("a disturbance that does this needs `{key}`"));
            wrong.push(needs.help(format!("such as `{key}: {example}`")));
        }
        is_there
    };
    let late = || after.unwrap_or_default();
    let deed = match what {
        What::Pass => Deed::Pass,
        What::Lose => Deed::Lose,
        What::Refuse if need(status.is_some(), "status") => Deed::Refuse(status?),
        What::Delay if need(after.is_some(), "after") => Deed::Delay(late()),
        What::HoldBack if need(behind.is_some(), "behind") => {
            let (method, answer) = behind?;
            Deed::Behind(Kind { from, method, answer })
        }
        What::Repeat => Deed::Repeat { after: after.unwrap_or(SOON), branch: Branch::Same },
        What::RepeatOtherwise => Deed::Repeat { after: after.unwrap_or(SOON), branch: Branch::Other },
        What::OtherConnection => Deed::OtherConnection,
        What::Pieces => Deed::Pieces(bytes.unwrap_or(1)),
        What::WithNext => Deed::WithNext,
        What::Fill if need(bytes.is_some(), "bytes") => Deed::Fill(bytes?),
        What::Close => Deed::ThenClose(how),
        What::GiveUp => Deed::ThenGiveUp(late()),
        What::Refuse | What::Delay | What::HoldBack | What::Fill => return None,
    };
    let only_leaving =
        [What::Refuse, What::OtherConnection, What::Pieces, What::WithNext, What::Fill, What::RepeatOtherwise];
    if only_leaving.contains(&what) && !kind.leaves() {
        let told = "this can be done only to what CUCM sends, and this comes from the recorder";
        wrong.push(Diagnostic::new(node.place, told));
    }
    if what == What::Refuse && kind.leaves() && kind.method != Method::Invite {
        let told = "only an `INVITE`, which opens a dialog, can be refused on the way";
        wrong.push(Diagnostic::new(node.place, told).help("the recorder would not know of it"));
    }
    Some(Disturbed { line: node.place.line, disturbance: Disturbance { pick: Pick { kind, leg, which, times }, deed } })
}

/// `ACK`, `200 to INVITE`, or `answer to BYE`.
fn message(node: &Node) -> Result<(Method, Answer), Diagnostic> {
    let word = text(node)?;
    let (answer, method) =
        word.split_once(" to ").map_or((None, word.as_str()), |(answer, method)| (Some(answer), method));
    let Some((_, method)) = METHODS.iter().find(|(name, _)| *name == method) else {
        let known: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
        let key = Key { name: method.to_owned(), place: node.place };
        return Err(unknown(&format!("unknown message `{method}`"), &key, &known));
    };
    let answer = match answer {
        None => Answer::No,
        Some("answer") => Answer::Final,
        Some(status) => match status.parse() {
            Ok(status @ 100..=699) => Answer::With(status),
            _ => {
                let message = format!("got `{word}`, expected the answer's status");
                return Err(Diagnostic::new(node.place, message).help("such as `200 to INVITE`, or `answer to INVITE`"));
            }
        },
    };
    Ok((*method, answer))
}

/// A number from one, or `all`.
fn which(node: &Node) -> Result<Option<u32>, Diagnostic> {
    note(node.place, || Ask::Word(vec!["all".to_owned()]));
    match text(node)?.as_str() {
        "all" => Ok(None),
        _ => number(node, 1, 1000).map(|number| Some(number as u32)),
    }
}

/// How much later a message comes again where nothing else is told: T1 (RFC 3261 §17.1.1.1).
const SOON: Duration = Duration::from_millis(500);
