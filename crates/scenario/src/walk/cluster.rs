//! The cluster of a walk: its release and dialect, its phones and its trunk.

use std::fmt::Write as _;

use super::dice::Dice;
use crate::file::{self, Scenario};

/// The phones, in their order.
pub(super) const NAMES: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
/// The phone that is recorded in every walk.
pub(super) const RECORDED: &str = NAMES[0];
/// The other recorders, where there are any.
pub(super) const DESTINATIONS: [&str; 2] = ["first", "second"];
/// The dialect's keys and words.
const DIALECT: [(&str, &[&str]); 10] = [
    ("far-end hold", &["restart", "keep"]),
    ("far-end transfer", &["restart", "update"]),
    ("refci after resume", &["same", "new"]),
    ("hold answer", &["inactive", "recvonly"]),
    ("blind transfer release", &["when answered", "at once"]),
    ("selective after hold", &["goes on", "ends"]),
    ("Session-ID without peer", &["invented", "zero"]),
    ("remote hold", &["keep", "restart"]),
    ("far-end park", &["end", "keep"]),
    ("media change", &["CUCM offers", "recorder offers"]),
];
/// What the network does to media, beside what walks inject.
const NETWORKS: [&str; 3] = ["jitter: 5ms", "duplicate: 10%", "reorder: 5%"];
const RELEASES: [&str; 5] = ["10.5", "11.5", "12.5", "14", "15"];

/// Everything before the steps.
pub(super) fn head(seed: u64, dice: &mut Dice) -> String {
    let mut text = format!("# A random walk: seed {seed}.\nscenario: Random walk {seed}\n");
    let mut words = Vec::new();
    for (key, of) in DIALECT {
        if dice.one_in(2) {
            words.push(format!("{key}: {}", dice.one(of)));
        }
    }
    let destinations = destinations(dice);
    if !destinations.is_empty() {
        // Whoever takes turns with legs has each recording at two recorders, which is another scenario.
        words.push("recording legs: together".to_owned());
    }
    let release = dice.one(&RELEASES);
    // Writing to a String never fails.
    let _ = writeln!(text, "cluster: {{ release: \"{release}\", dialect: {{ {} }} }}", words.join(", "));
    // What a recorder forgets that is gone for a while, and a dead node with it, is another scenario.
    let has_nodes = destinations.is_empty() && dice.one_in(4);
    // Other recorders take G.711 alone.
    let is_wide = destinations.is_empty() && dice.one_in(8);
    let (trunk, recorder) = (trunk(has_nodes, dice), recorder(is_wide, dice));
    for (key, words) in [("trunk", trunk), ("recorder", recorder)] {
        if !words.is_empty() {
            let _ = writeln!(text, "{key}: {{ {} }}", words.join(", "));
        }
    }
    if dice.one_in(8) {
        let _ = writeln!(text, "network: {{ {} }}", dice.one(&NETWORKS));
    }
    // A phone without SRTP is recorded in clear; in some walks all are.
    let is_clear = dice.one_in(8);
    text.push_str("phones:\n");
    let phones = dice.between(3, NAMES.len() as u64) as usize;
    // The last two share a line.
    let is_shared = phones > 3 && dice.one_in(3);
    for (number, name) in NAMES[..phones].iter().enumerate() {
        let recording = match dice.between(1, 5) {
            _ if *name == RECORDED => "automatic",
            1 | 2 => "automatic",
            3 => "selective",
            _ => "none",
        };
        let is_secure = !is_clear && !dice.one_in(if recording == "none" { 4 } else { 8 });
        let security = if is_secure { "encrypted" } else { "non-secure" };
        let mut more = habits(&NAMES[..phones], number, dice);
        let shares = is_shared && number + 2 >= phones;
        if shares {
            more.push_str(", shared line: true");
        }
        if has_nodes && dice.one_in(2) {
            more.push_str(", node: 2");
        }
        // Between encrypted phones a gateway forks some calls and the bridge others, in clear and not.
        if is_clear && dice.one_in(2) {
            more.push_str(", recording media source: gateway");
        }
        if is_wide && !dice.one_in(3) {
            more.push_str(", codecs: [G722, PCMU, PCMA]");
        }
        let line = if shares { phones } else { number + 1 };
        let _ =
            writeln!(text, "  {name}: {{ line: \"20{line:02}\", security: {security}, recording: {recording}{more} }}");
    }
    text + &outside(is_clear, dice) + &destinations + "steps:\n"
}

/// The trunk to the recorder. Where nodes may die, sessions are short: a recorder ends what a dead node left when they are not refreshed.
fn trunk(has_nodes: bool, dice: &mut Dice) -> Vec<&'static str> {
    let mut words = Vec::new();
    if has_nodes {
        words.push("session expires: 90s, Min-SE: 90s");
    }
    if dice.one_in(6) {
        words.push("early offer: true");
    }
    words
}

fn recorder(is_wide: bool, dice: &mut Dice) -> Vec<&'static str> {
    let mut words = Vec::new();
    if is_wide {
        words.push("codecs: [G722, PCMU, PCMA]");
    }
    if dice.one_in(4) {
        words.push("answers after: 300ms");
    }
    words
}

/// What is behind other trunks, in one walk of three.
fn outside(is_clear: bool, dice: &mut Dice) -> String {
    if !dice.one_in(3) {
        return String::new();
    }
    let mut text = "outside:\n".to_owned();
    for (site, kind, parties) in [("ICT", "cluster", ["olga", "piet"]), ("PSTN", "gateway", ["quin", "rosa"])] {
        let security = if !is_clear && dice.one_in(2) { "encrypted" } else { "non-secure" };
        let _ = writeln!(text, "  {site}:\n    is: {kind}\n    security: {security}\n    parties:");
        for name in parties {
            let _ = writeln!(text, "      {name}: {{ line: \"+49{}\" }}", u32::from(name.as_bytes()[0]) * 1001);
        }
    }
    text
}

/// Other recorders, in one walk of six.
fn destinations(dice: &mut Dice) -> String {
    if !dice.one_in(6) {
        return String::new();
    }
    let [first, second] = DESTINATIONS;
    let order = dice.one(&["top-down", "circular"]);
    let trunks = dice.one(&["[[first, recorder, second]]", "[first, second, recorder]", "[[first, second], recorder]"]);
    format!(
        "destinations:\n  {first}: {{ does: records }}\n  {second}: {{ does: records }}\nroute list: {{ distribution: \
         {order}, trunks: {trunks} }}\n"
    )
}

/// Where the calls of a phone go that it does not take, and whose calls it may pick up.
fn habits(names: &[&str], number: usize, dice: &mut Dice) -> String {
    let mut more = String::new();
    if dice.one_in(2) {
        more.push_str(", pickup group: desk");
    }
    let other = dice.one(names);
    if dice.one_in(6) && other != names[number] {
        let when = dice.one(&["all", "busy", "no answer"]);
        let after = if when == "no answer" { ", after: 4s" } else { "" };
        // Writing to a String never fails.
        let _ = write!(more, ", forward: {{ {when}: {other}{after} }}");
    }
    more
}

/// The scenario of a head, with a step that does nothing.
pub(super) fn parse(head: &str) -> Scenario {
    let text = format!("{head}  - wait: 1ms\n");
    match file::parse(&text) {
        Ok(scenario) => scenario,
        Err(wrong) => unreachable!("{}", wrong.iter().map(|d| d.render("walk", &text)).collect::<String>()),
    }
}
