//! Which recordings belong together, as `recording.json` has it, against the call legs that CUCM told.
//!
//! Recordings that share a call leg are segments of one call, in the order in which they began; a segment that has a leg
//! of each of two calls joins them. The truth is made again here from what CUCM told, segment by segment; of the
//! recorder's own words only the names are taken, and the order, whose times are held against the run elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::successors;
use std::path::{Path, PathBuf};

use recorder::metadata::{Recording, unix_us};

use crate::kept::{Session, Stored};
use crate::outcome::Finding;

/// How long two recordings may run at once without being taken for doubles of each other, or have to before they must
/// be: BYEs and INVITEs overtake each other, in microseconds.
const OVERTAKEN_US: i64 = 2_000_000;

/// What is wrong with each recording's place among the others, by its folder. `stored` are those with audio, `given_up`
/// those that came to nothing: these are segments too, and not judged.
pub(crate) fn compare(stored: &[Stored], given_up: &[Stored], sessions: &[Session]) -> BTreeMap<PathBuf, Vec<Finding>> {
    let mut roots: BTreeMap<&Path, Vec<&Stored>> = BTreeMap::new();
    for one in stored.iter().chain(given_up) {
        roots.entry(root(&one.folder)).or_default().push(one);
    }
    let mut found = BTreeMap::new();
    for kept in roots.values() {
        // Where one says nothing, what the others say of it cannot be judged.
        if kept.iter().all(|one| one.metadata.is_some()) {
            found.extend(of_recorder(kept, sessions, roots.len() == 1));
        }
    }
    found
}

/// The folder of all recordings of one recorder: each lies in a folder of its day.
fn root(folder: &Path) -> &Path {
    folder.parent().and_then(Path::parent).unwrap_or(folder)
}

/// Call leg within a cluster: how often its numbers were given out again before, and the number.
type CallLeg = (String, u32, u32);

/// A recording, or one that CUCM set up and the recorder does not have.
struct Node<'a> {
    folder: Option<&'a Path>,
    id: String,
    device: String,
    /// The call legs at its beginning.
    legs: Vec<CallLeg>,
    began: i64,
    /// When CUCM sent the first INVITE, in microseconds since the start of the run, and which of its recordings it was: several may
    /// begin at once.
    rank: (Option<u64>, usize),
    ended: i64,
    /// The call legs that UPDATEs brought, and when.
    updates: Vec<(i64, Vec<CallLeg>)>,
    /// What the recorder says of its order: whether it began its call, whether it joined others, and which one was before it.
    order: (bool, bool, Option<&'a str>),
    written: Option<&'a Recording>,
    told: Option<&'a Session>,
}

/// What must be written of a node.
#[derive(Default)]
struct Expected {
    call: String,
    joins: Vec<String>,
    number: u32,
    previous: Option<String>,
}

/// A call as far as it is known.
struct Group {
    id: String,
    joined: Vec<String>,
    legs: Vec<CallLeg>,
    nodes: Vec<usize>,
}

fn of_recorder(kept: &[&Stored], sessions: &[Session], is_all: bool) -> Vec<(PathBuf, Vec<Finding>)> {
    // Where CUCM's one is there twice, which is found elsewhere, the first is taken.
    let mut known = BTreeSet::new();
    let firsts = kept.iter().filter(|one| one.recorded.expected.is_none_or(|at| known.insert(at)));
    let mut nodes: Vec<Node<'_>> = firsts.filter_map(|one| Node::of(one, sessions)).collect();
    let has = |session: &&Session| nodes.iter().any(|node| node.told.is_some_and(|told| std::ptr::eq(told, *session)));
    let missing: Vec<Node<'_>> =
        sessions.iter().filter(|one| is_all && !has(one)).map(|told| Node::missing(told, sessions)).collect();
    nodes.extend(missing);
    in_order(&mut nodes);
    let (expected, groups) = history(&nodes);
    let is_whole = |at: usize| {
        let group = groups.iter().find(|group| group.nodes.contains(&at));
        group.is_some_and(|group| group.nodes.iter().all(|node| nodes[*node].written.is_some()))
    };
    let judged = (0..nodes.len()).filter(|at| nodes[*at].told.is_some() && is_whole(*at));
    let of = |at: usize| {
        let node = &nodes[at];
        let (folder, written) = node.folder.zip(node.written)?;
        let mut found = place(&expected[at], written);
        found.extend(others(node, &nodes, written));
        let before = nodes.iter().find(|other| Some(&other.id) == expected[at].previous.as_ref());
        found.extend(before.and_then(|before| silence(node, before)));
        Some((folder.to_owned(), found))
    };
    judged.filter_map(of).collect()
}

impl<'a> Node<'a> {
    fn of(stored: &'a Stored, sessions: &'a [Session]) -> Option<Self> {
        let written = stored.metadata.as_ref()?;
        let told = stored.recorded.expected.and_then(|at| sessions.get(at));
        let began = unix_us(&written.started).unwrap_or_default();
        let number = |text: &Option<String>| text.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default();
        let legs = match told {
            Some(told) => legs_of(told),
            None => {
                let cluster = written.cluster_id.clone().unwrap_or_default();
                legs(&cluster, 0, [number(&written.refci), number(&written.farend_refci)])
            }
        };
        let device = told.map_or_else(|| written.near.device.clone().unwrap_or_default(), |t| t.near.device.clone());
        Some(Self {
            folder: Some(&stored.folder),
            id: written.id.clone(),
            device: device.to_ascii_lowercase(),
            legs,
            began,
            rank: told.map_or((None, 0), |told| rank(told, sessions)),
            ended: written.ended.as_deref().and_then(unix_us).unwrap_or(i64::MAX),
            updates: told.map_or_else(Vec::new, updates),
            order: (written.call.id == written.id, !written.call.joins.is_empty(), written.segment.previous.as_deref()),
            written: Some(written),
            told,
        })
    }

    fn missing(told: &'a Session, sessions: &[Session]) -> Self {
        let at = |us: u64| told.run_unix_us.unwrap_or_default().saturating_add_unsigned(us);
        Self {
            folder: None,
            id: String::new(),
            device: told.near.device.to_ascii_lowercase(),
            legs: legs_of(told),
            began: at(told.near_leg.invited_us.unwrap_or(told.started_us)),
            rank: rank(told, sessions),
            ended: told.ended_us.map_or(i64::MAX, at),
            updates: updates(told),
            order: (false, false, None),
            written: None,
            told: Some(told),
        }
    }

    /// Of two that began at once the recorder says which was the first: the one that began their call, or joined their calls.
    fn comes_first(&self) -> bool {
        let (begins, joins, _) = self.order;
        begins || self.updates.is_empty() && joins
    }

    /// How many there are before this one, as the recorder has it, of those that began at once.
    fn depth(&self, nodes: &[Self]) -> usize {
        let before = |node: &&Self| {
            let previous = node.order.2;
            nodes.iter().find(|other| previous == Some(&*other.id) && other.began == self.began)
        };
        successors(Some(self), before).take(nodes.len()).count()
    }

    /// How long both ran at once, in microseconds.
    fn overlap(&self, other: &Self) -> i64 {
        self.ended.min(other.ended) - self.began.max(other.began)
    }

    fn has_legs_of(&self, other: &Self) -> bool {
        let sorted = |node: &Self| {
            let mut legs = node.legs.clone();
            legs.sort();
            legs
        };
        sorted(self) == sorted(other)
    }
}

/// The nodes in the order in which they began.
fn in_order(nodes: &mut [Node<'_>]) {
    let keys: BTreeMap<(i64, String), usize> =
        nodes.iter().map(|node| ((node.began, node.id.clone()), node.depth(nodes))).collect();
    nodes.sort_by_cached_key(|node| {
        let id = node.id.clone();
        let depth = keys.get(&(node.began, id.clone())).copied();
        (node.began, !node.comes_first(), depth, node.rank, id)
    });
}

/// The call legs that UPDATEs brought, and when.
fn updates(told: &Session) -> Vec<(i64, Vec<CallLeg>)> {
    let wall = told.run_unix_us.unwrap_or_default();
    let legs = |number| legs(&told.cluster_id, told.numbering, [number, 0]);
    told.updates.iter().map(|told| (wall.saturating_add_unsigned(told.at_us), legs(told.farendrefci))).collect()
}

fn rank(told: &Session, sessions: &[Session]) -> (Option<u64>, usize) {
    let at = sessions.iter().position(|session| std::ptr::eq(session, told));
    (told.near_leg.invited_us, at.unwrap_or_default())
}

fn legs_of(told: &Session) -> Vec<CallLeg> {
    legs(&told.cluster_id, told.numbering, [told.refci, told.farendrefci])
}

/// Zero is no call leg.
fn legs(cluster: &str, numbering: u32, numbers: [u32; 2]) -> Vec<CallLeg> {
    let cluster = cluster.to_ascii_lowercase();
    numbers.into_iter().filter(|number| *number != 0).map(|number| (cluster.clone(), numbering, number)).collect()
}

/// Takes all that happened in its order: what must be written of each node, and which calls there were.
fn history(nodes: &[Node<'_>]) -> (Vec<Expected>, Vec<Group>) {
    let begun = nodes.iter().enumerate().map(|(at, node)| (node.began, at, None));
    let updated = nodes
        .iter()
        .enumerate()
        .flat_map(|(at, node)| node.updates.iter().map(move |(us, legs)| (*us, at, Some(legs.clone()))));
    let mut events: Vec<(i64, usize, Option<Vec<CallLeg>>)> = begun.chain(updated).collect();
    // Of several that were told of each other at once the recorder says which heard of it first: the one that the others joined.
    events.sort_by_key(|(us, at, told)| (*us, told.is_some(), told.is_some() && !nodes[*at].order.1, *at));
    let mut expected: Vec<Expected> = nodes.iter().map(|_| Expected::default()).collect();
    let mut groups: Vec<Group> = Vec::new();
    for (_, at, told) in events {
        let legs = told.as_ref().unwrap_or(&nodes[at].legs);
        let is_same = |group: &mut Group| {
            group.legs.iter().any(|leg| legs.contains(leg)) || told.is_some() && group.nodes.contains(&at)
        };
        let mut same: Vec<Group> = groups.extract_if(.., is_same).collect();
        // A recording that is told more of its call keeps it, and the others join.
        let is_own = |group: &Group| told.is_some() && group.nodes.contains(&at);
        same.sort_by(|a, b| (!is_own(a), &a.id).cmp(&(!is_own(b), &b.id)));
        let mut same = same.into_iter();
        let first = same.next();
        let mut group = first.unwrap_or_else(|| Group {
            id: nodes[at].id.clone(),
            joined: Vec::new(),
            legs: Vec::new(),
            nodes: Vec::new(),
        });
        for other in same {
            expected[at].joins.extend([&other.id].into_iter().chain(&other.joined).cloned());
            group.join(other);
        }
        group.legs.extend(legs.iter().cloned());
        if told.is_none() {
            group.place(nodes, at, &mut expected[at]);
        }
        groups.push(group);
    }
    (expected, groups)
}

impl Group {
    fn join(&mut self, other: Self) {
        self.joined.extend([other.id].into_iter().chain(other.joined));
        self.legs.extend(other.legs);
        self.nodes.extend(other.nodes);
        self.nodes.sort_unstable();
    }

    /// The place of a node that begins now.
    fn place(&mut self, nodes: &[Node<'_>], at: usize, expected: &mut Expected) {
        let here = || self.nodes.iter().filter(|other| nodes[**other].device == nodes[at].device);
        expected.call.clone_from(&self.id);
        expected.number = 1 + here().count() as u32;
        expected.previous = here().next_back().or_else(|| self.nodes.last()).map(|other| nodes[*other].id.clone());
        self.nodes.push(at);
    }
}

/// The call and the place in it.
fn place(expected: &Expected, written: &Recording) -> Vec<Finding> {
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort();
        names.join(", ")
    };
    let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    let rows = [
        ("wrong-call", "call", expected.call.clone(), written.call.id.clone()),
        ("wrong-call", "joined calls", sorted(&expected.joins), sorted(&written.call.joins)),
        ("wrong-segment", "segment number", expected.number.to_string(), written.segment.number.to_string()),
        ("wrong-segment", "segment before", name(&expected.previous), name(&written.segment.previous)),
    ];
    let differ = rows.into_iter().filter(|(.., expected, found)| expected != found);
    differ
        .map(|(rule, what, expected, found)| {
            Finding::new(rule, format!("{what} {expected}"), format!("{what} {found}"))
        })
        .collect()
}

/// How long nothing was recorded between two segments, as behind a hold or a park: as long as CUCM had no recording.
fn silence(node: &Node<'_>, before: &Node<'_>) -> Option<Finding> {
    let (told, earlier) = (node.told?, before.told?);
    let is_plain = |one: &Session| one.hampered.is_empty() && one.only.is_none() && one.lost_us.is_none();
    let begun = [&told.near_leg, &told.far_leg].into_iter().filter_map(|leg| leg.invited_us).min()?;
    let was = i64::try_from(begun.checked_sub(earlier.ended_us?)?).ok()?;
    if !is_plain(told) || !is_plain(earlier) || before.written.is_none() || before.ended == i64::MAX {
        return None;
    }
    let noted = node.began - before.ended;
    (noted.abs_diff(was) > OVERTAKEN_US as u64).then(|| {
        let words =
            |us: i64| format!("{:.3} s between the end of the segment before and the beginning", us as f64 / 1e6);
        Finding::new("wrong-segment", words(was), words(noted))
    })
}

/// The recordings of the same talk that ran at the same time: at the other phone, and the same once more.
fn others(node: &Node<'_>, nodes: &[Node<'_>], written: &Recording) -> Vec<Finding> {
    let same = |other: &&Node<'_>| !std::ptr::eq(*other, node) && other.overlap(node) > 0 && other.has_legs_of(node);
    let (views, doubles): (Vec<&Node<'_>>, Vec<&Node<'_>>) =
        nodes.iter().filter(same).partition(|other| other.device != node.device && node.legs.len() == 2);
    let doubles: Vec<&Node<'_>> =
        doubles.into_iter().filter(|other| other.device == node.device && other.began < node.began).collect();
    let check = |rule, what: &str, may: &[&Node<'_>], written: &Option<String>| {
        let must = may.iter().any(|other| other.overlap(node) >= OVERTAKEN_US);
        let is_right = match written {
            Some(name) => may.iter().any(|other| other.id == *name),
            None => !must,
        };
        let names: Vec<&str> = may.iter().map(|other| other.id.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(" or ") };
        let found = || format!("{what} {}", written.as_deref().unwrap_or("none"));
        (!is_right).then(|| Finding::new(rule, format!("{what} {names}"), found()))
    };
    let mirror = check("wrong-mirror", "recording at the other phone:", &views, &written.mirror);
    let double = check("wrong-duplicate", "recording that it doubles:", &doubles, &written.duplicate_of);
    mirror.into_iter().chain(double).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A recording with these legs, as far as its order matters.
    fn node(
        id: &'static str,
        began: i64,
        numbers: [u32; 2],
        order: (bool, bool, Option<&'static str>),
    ) -> Node<'static> {
        Node {
            folder: None,
            id: id.to_owned(),
            device: format!("device of {id}"),
            legs: legs("cluster", 0, numbers),
            began,
            rank: (None, 0),
            ended: i64::MAX,
            updates: Vec::new(),
            order,
            written: None,
            told: None,
        }
    }

    #[test]
    fn of_segments_that_began_at_once_the_recorder_says_which_was_before_the_other() {
        for (first, second) in [("c", "d"), ("d", "c")] {
            let number = |id: &str| if id == "c" { [1, 3] } else { [3, 1] };
            let mut nodes = vec![
                node("a", 10, [1, 2], (true, false, None)),
                node("c", 20, number("c"), (false, false, Some(if first == "c" { "a" } else { "d" }))),
                node("d", 20, number("d"), (false, false, Some(if first == "c" { "c" } else { "a" }))),
            ];
            in_order(&mut nodes);
            let order: Vec<&str> = nodes.iter().map(|node| &*node.id).collect();
            assert_eq!(order, ["a", first, second]);
            let expected = history(&nodes).0;
            let previous = |id: &str| expected[order.iter().position(|other| *other == id).unwrap()].previous.clone();
            assert_eq!((previous("c"), previous("d")), (nodes_before(&nodes, "c"), nodes_before(&nodes, "d")));
        }
    }

    fn nodes_before(nodes: &[Node<'_>], id: &str) -> Option<String> {
        nodes.iter().find(|node| node.id == id)?.order.2.map(str::to_owned)
    }

    #[test]
    fn what_a_recording_joins_later_does_not_make_it_the_first() {
        let mut nodes =
            vec![node("b", 20, [3, 1], (false, true, Some("a"))), node("a", 20, [1, 3], (true, false, None))];
        nodes[0].updates = vec![(30, legs("cluster", 0, [9, 0]))];
        in_order(&mut nodes);
        let expected = history(&nodes).0;
        assert_eq!((&*nodes[0].id, &*expected[1].call, expected[1].previous.as_deref()), ("a", "a", Some("a")));
    }

    #[test]
    fn of_two_calls_that_are_told_of_each_other_at_once_either_may_join_the_other() {
        for joins in ["a", "b"] {
            let mut nodes = [("a", 1, 11), ("b", 2, 10)]
                .map(|(id, began, far)| node(id, began, [began as u32 + 9, far + 90], (true, joins == id, None)));
            nodes[0].updates = vec![(50, legs("cluster", 0, [11, 0]))];
            nodes[1].updates = vec![(50, legs("cluster", 0, [10, 0]))];
            let expected = history(&nodes).0;
            let joined: Vec<&[String]> = expected.iter().map(|expected| expected.joins.as_slice()).collect();
            let none: &[String] = &[];
            let (a, b) = (["a".to_owned()], ["b".to_owned()]);
            let wanted: [&[String]; 2] = if joins == "a" { [&b, none] } else { [none, &a] };
            assert_eq!(joined, wanted, "{joins} joins the other");
        }
    }
}
