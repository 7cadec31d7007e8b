//! What the readers of files ask for, learned from the readers themselves: they are shown small trees and overheard.
//!
//! There is one place that knows which keys and values a file may have, the reader; the JSON Schema and the reference in the
//! documentation are made from what is heard here, so that they cannot tell of another format than the one that is read.

use std::cell::RefCell;

use super::diagnostic::{Diagnostic, Place};
use super::tree::{Key, Node, Value};

/// Something that a reader wants of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ask {
    Text,
    Flag,
    /// A whole number between two others.
    Number(u64, u64),
    Share,
    Duration,
    /// One of these words.
    Word(Vec<String>),
    /// A list, for which one value may stand.
    List,
    /// A list.
    Items,
    /// Keys that the file makes up, such as the names of phones.
    Names,
    /// A mapping of known keys; what it is in messages.
    Mapping(&'static str),
    /// One of its keys, and whether it must be there.
    Key(&'static str, bool),
    /// A mapping with exactly one of these keys.
    OneKey(Vec<&'static str>),
}

thread_local! {
    /// What was heard, while somebody listens.
    static HEARD: RefCell<Option<Vec<(Place, Ask)>>> = const { RefCell::new(None) };
}

/// Tells whoever listens what is asked of the value at `place`.
pub(crate) fn note(place: Place, ask: impl FnOnce() -> Ask) {
    HEARD.with_borrow_mut(|heard| {
        if let Some(heard) = heard {
            heard.push((place, ask()));
        }
    });
}

/// What a value may be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Scalars: any of these.
    pub(crate) scalars: Vec<Ask>,
    /// A mapping of known keys.
    pub(crate) mapping: Option<Mapping>,
    /// A mapping whose keys the file makes up, of values of this form.
    pub(crate) names: Option<Box<Self>>,
    /// A list of values of this form.
    pub(crate) items: Option<Box<Self>>,
}

/// A mapping of known keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// What it is in messages, such as `a phone`; empty where it is called nothing.
    pub(crate) what: &'static str,
    /// Its keys in the order in which they are read, whether each must be there, and what stands there.
    pub(crate) keys: Vec<(&'static str, bool, Form)>,
    /// Whether exactly one of the keys stands there.
    pub(crate) one: bool,
}

/// A way down a tree.
#[derive(Clone, Debug)]
enum Step {
    Key(&'static str),
    Name,
    Item,
}

/// Where the value stands that is asked about; no file has as many lines.
const TARGET: Place = Place { line: usize::MAX, column: 1, length: 1 };
/// A name, and a word, that nobody knows.
const STRANGE: &str = "example";

/// Reads a whole tree.
pub(crate) type Reader = fn(&Node, &mut Vec<Diagnostic>);

/// What `read` wants of a file.
pub(crate) fn learn(read: Reader) -> Form {
    form(read, &mut Vec::new())
}

fn form(read: Reader, path: &mut Vec<Step>) -> Form {
    let scalar = hear(read, path, scalar());
    let mapping = hear(read, path, Value::Mapping(Vec::new()));
    let sequence = hear(read, path, Value::Sequence(vec![strange()]));
    let mut form = Form { scalars: scalars(&scalar), ..Form::default() };
    if scalar.iter().chain(&sequence).any(|ask| matches!(ask, Ask::List | Ask::Items)) {
        form.items = Some(Box::new(below(read, path, Step::Item)));
    }
    if mapping.contains(&Ask::Names) {
        form.names = Some(Box::new(below(read, path, Step::Name)));
    }
    let mut of = Mapping::default();
    for ask in &mapping {
        match ask {
            Ask::Mapping(what) => of.what = what,
            Ask::Key(key, needed) if of.keys.iter().all(|(known, ..)| known != key) => {
                of.keys.push((key, *needed, below(read, path, Step::Key(key))));
            }
            Ask::OneKey(keys) => {
                of.one = true;
                of.keys = keys.iter().map(|key| (*key, false, below(read, path, Step::Key(key)))).collect();
            }
            _ => {}
        }
    }
    form.mapping = Some(of).filter(|of| !of.keys.is_empty());
    form
}

fn below(read: Reader, path: &mut Vec<Step>, step: Step) -> Form {
    path.push(step);
    let form = form(read, path);
    path.pop();
    form
}

/// The scalars that were asked for. Text is what all of them are at first, so it counts only by itself.
fn scalars(asks: &[Ask]) -> Vec<Ask> {
    let mut found: Vec<Ask> = Vec::new();
    for ask in asks {
        let is_scalar = matches!(ask, Ask::Flag | Ask::Number(..) | Ask::Share | Ask::Duration | Ask::Word(_));
        if is_scalar && !found.contains(ask) {
            found.push(ask.clone());
        }
    }
    if found.is_empty() && asks.contains(&Ask::Text) {
        found.push(Ask::Text);
    }
    found
}

/// What is asked of `value` where it stands at the end of `path`.
fn hear(read: Reader, path: &[Step], value: Value) -> Vec<Ask> {
    let mut node = Node { place: TARGET, value };
    for step in path.iter().rev() {
        let value = match step {
            Step::Key(key) => Value::Mapping(vec![(named(key), node)]),
            Step::Name => Value::Mapping(vec![(named(STRANGE), node)]),
            Step::Item => Value::Sequence(vec![node]),
        };
        node = Node { place: Place::START, value };
    }
    let before = HEARD.replace(Some(Vec::new()));
    read(&node, &mut Vec::new());
    let heard = HEARD.replace(before).unwrap_or_default();
    heard.into_iter().filter(|(place, _)| *place == TARGET).map(|(_, ask)| ask).collect()
}

fn named(name: &str) -> Key {
    Key { name: name.to_owned(), place: Place::START }
}

fn scalar() -> Value {
    Value::Scalar { text: STRANGE.to_owned(), quoted: false }
}

fn strange() -> Node {
    Node { place: Place::START, value: scalar() }
}
