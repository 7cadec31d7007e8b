//! What stands behind the addresses that trunks lead to, and in which order they are tried.

use super::ast::Recorder;
use super::diagnostic::Diagnostic;
use super::fields::{Fields, list, number, one_of, text, unknown};
use super::read::{keep, read_recorder};
use super::shape::{Ask, note};
use super::tree::{Key, Node, Value};

/// The name by which a route list knows the recorder under test.
pub(crate) const UNDER_TEST: &str = "recorder";
/// The most destinations beside it.
const MOST: usize = 15;

/// An address that a trunk leads to, beside the recorder under test.
#[derive(Clone, Debug)]
pub struct Destination {
    /// Its name in the file.
    pub name: String,
    /// What is there.
    pub does: Does,
    /// What is asked of the bundled recorder that is there.
    pub recorder: Recorder,
}

/// What a destination does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    /// Another bundled recorder: its recordings are judged with the others.
    Records,
    /// Nothing: connections are refused by the host.
    NothingListens,
    /// INVITE is answered 503.
    Unavailable,
    /// INVITE is answered 486.
    Busy,
    /// INVITE gets no answer.
    NeverAnswers,
    /// It does not trust CallManager's certificate.
    RefusesTls,
}

/// How a recording destination is routed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteList {
    /// Whether its group is distributed circularly (else top-down).
    pub circular: bool,
    /// Its trunks, each with its destinations: 0 is the recorder under test, others are one more than their index in
    /// [`Scenario::destinations`](super::Scenario::destinations).
    pub trunks: Vec<Vec<usize>>,
}

impl RouteList {
    /// One trunk that leads to the recorder under test.
    pub(crate) fn plain() -> Self {
        Self { circular: false, trunks: vec![vec![0]] }
    }
}

/// Reads the destinations by their names.
pub(super) fn read_destinations(node: Option<&Node>, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Vec<Destination> {
    let Some(node) = node else { return Vec::new() };
    note(node.place, || Ask::Names);
    let Value::Mapping(entries) = &node.value else {
        let message = Diagnostic::new(node.place, "expected destinations by name");
        wrong.push(message.help("such as `backup: { does: records }`"));
        return Vec::new();
    };
    if entries.len() > MOST {
        let message = format!("got {} destinations, expected at most {MOST}", entries.len());
        wrong.push(Diagnostic::new(node.place, message));
    }
    entries.iter().take(MOST).map(|(key, node)| read_destination(key, node, mixed, wrong)).collect()
}

fn read_destination(key: &Key, node: &Node, mixed: bool, wrong: &mut Vec<Diagnostic>) -> Destination {
    let deeds = [
        ("records", Does::Records),
        ("nothing listens", Does::NothingListens),
        ("answers 503", Does::Unavailable),
        ("answers 486", Does::Busy),
        ("never answers", Does::NeverAnswers),
        ("refuses TLS", Does::RefusesTls),
    ];
    if key.name == UNDER_TEST || !key.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        let message = format!("`{}` cannot be the name of a destination", key.name);
        let help = format!("letters, digits and hyphens, and not `{UNDER_TEST}`, which is the one under test");
        wrong.push(Diagnostic::new(key.place, message).help(help));
    }
    let mut f = Fields::of(node, "a destination", wrong);
    let does = f.or("does", Does::Records, wrong, |n| one_of(n, &deeds));
    let recorder = read_recorder(f.optional("recorder"), mixed, wrong);
    f.finish(wrong);
    Destination { name: key.name.clone(), does, recorder }
}

/// Reads the route list; without one there is one trunk, to the recorder under test.
pub(super) fn read_route_list(
    node: Option<&Node>,
    destinations: &[Destination],
    wrong: &mut Vec<Diagnostic>,
) -> RouteList {
    let Some(node) = node else { return RouteList::plain() };
    let ways = [("top-down", false), ("circular", true)];
    let names: Vec<&str> = [UNDER_TEST].into_iter().chain(destinations.iter().map(|d| d.name.as_str())).collect();
    let named = |node: &Node| {
        let name = text(node)?;
        names.iter().position(|known| *known == name).ok_or_else(|| {
            let key = Key { name: name.clone(), place: node.place };
            unknown(&format!("no destination is called `{name}`"), &key, &names)
        })
    };
    let mut f = Fields::of(node, "the route list", wrong);
    let circular = f.or("distribution", false, wrong, |n| one_of(n, &ways));
    let trunks = f.required("trunks", wrong).and_then(|n| keep(list(n, |trunk| list(trunk, named)), wrong));
    f.finish(wrong);
    // Where they cannot be read, which lead nowhere cannot be told.
    let Some(trunks) = trunks else { return RouteList::plain() };
    if let Some(idle) = (0..names.len()).find(|index| !trunks.iter().flatten().any(|used| used == index)) {
        let message = format!("no trunk leads to `{}`", names[idle]);
        wrong.push(Diagnostic::new(node.place, message).help("each destination must be in one of the trunks"));
    }
    RouteList { circular, trunks }
}

/// How many of a few: for keys that count.
pub(super) fn count(node: &Node) -> Result<usize, Diagnostic> {
    number(node, 1, 1000).map(|count| count as usize)
}
