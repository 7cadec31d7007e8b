//! A row proves something of its file only if its fault is one that a plain call survives.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::Failed;
use scenario::outcome::Verdict;
use scenario::run::Network;

use super::{Row, path, rows};

const PLAIN: &str = "scenarios/plain-call.yaml";

/// Files whose own matter a general fault breaks, for it is about the whole of a call, and those that still lack a row of their own. A
/// file that has got one must not stand here.
const GENERAL: &[&str] = &[
    "conference/barge-and-changed-streams",
    "conference/barge-to-the-end",
    "correlation/clock-ahead",
    "correlation/clock-behind",
    "correlation/devices-in-lower-case",
    "correlation/from-of-583-bytes",
    "correlation/name-in-utf-8",
    "correlation/name-with-delimiters",
    "correlation/no-far-address",
    "correlation/other-parameters",
    "correlation/parameters-reversed",
    "correlation/short-parameters",
    "hold/kept-and-changed",
    "hold/music-to-the-end",
    "media/code-signal",
    "media/edges-of-level",
    "media/every-code",
    "media/g722",
    "media/mute-agent",
    "media/mute-customer",
    "media/new-codec-unused",
    "media/new-sequence-re-invite",
    "media/recording-tone-to-connected",
    "media/recording-tone-to-observed",
    "media/shorter-packets",
    "network/far-away",
    "network/reordering",
    "nodes/far-node-dies-on-hold",
    "nodes/far-node-dies",
    "nodes/node-dies-in-a-barge",
    "nodes/node-dies-in-a-conference",
    "nodes/node-dies-while-it-rings",
    "nodes/node-dies-with-a-parked-call",
    "one-second",
    "outgoing-call",
    "outside/call-from-a-remote-cluster",
    "outside/call-to-a-gateway",
    "outside/remote-hold",
    "outside/transfer-in-the-public-network",
    "plain-call",
    "recording/gateway-not-registered",
    "recording/gateway-of-a-secure-call",
    "recording/selective-far-hold-kept",
    "recording/selective-silent",
    "routing/extension-mobility",
    "signalling/answer-to-bye-lost",
    "signalling/bye-before-ack",
    "signalling/bye-behind-ack",
    "signalling/bye-lost",
    "signalling/cancel-behind-the-answer",
    "signalling/cancel-crosses-the-answer",
    "signalling/far-ack-first",
    "signalling/far-invite-first",
    "signalling/invite-byte-by-byte",
    "signalling/invite-in-many-records",
    "signalling/near-ack-first",
    "signalling/two-in-one-segment",
    "trunk/recorder-restarts",
    "two-calls-at-once",
    "udp-trunk",
];

/// The fault in the bundled recorder or in the cluster that an edit plants, as the key of a scenario.
fn planted(edits: &[(&str, &str)]) -> Option<String> {
    let (old, new) = edits.iter().find(|(_, new)| new.contains("fault: "))?;
    let after = new.split("fault: ").nth(1)?;
    let fault = match after.strip_prefix('{') {
        Some(of) => format!("{{{}}}", of.split('}').next()?),
        None => after.split([',', ' ', '}']).next()?.to_owned(),
    };
    let is_cluster = old.contains("cluster:") || new.contains("cluster: { fault");
    Some(format!("{}: {{ fault: {fault} }}\n", if is_cluster { "cluster" } else { "recorder" }))
}

/// Whether a plain call survives what a row plants; one that plants nothing changes its own file.
fn is_own(row: &Row, known: &mut BTreeMap<String, bool>) -> Result<bool, Failed> {
    let Some(key) = planted(row.1) else {
        return Ok(true);
    };
    if let Some(passes) = known.get(&key) {
        return Ok(*passes);
    }
    let text = std::fs::read_to_string(tests::root().join(PLAIN))?;
    let text = match key.strip_prefix("cluster: { ") {
        Some(fault) => text.replace("cluster: { ", &format!("cluster: {{ {}, ", fault.trim_end_matches(" }\n"))),
        None => text.replace("steps:", &format!("{key}steps:")),
    };
    let outcome = tests::run_text(PLAIN, &text, &tests::options(Network::Simulated, 1))?;
    let passes = outcome.verdict == Verdict::Pass;
    known.insert(key, passes);
    Ok(passes)
}

pub(super) fn every_file_has_one() -> Result<(), Failed> {
    let (mut known, mut proven) = (BTreeMap::new(), BTreeSet::new());
    for row in rows() {
        if !proven.contains(row.0) && is_own(row, &mut known)? {
            proven.insert(row.0);
        }
    }
    let without: BTreeSet<String> =
        tests::scenario_files().into_iter().filter(|file| proven.iter().all(|name| path(name) != *file)).collect();
    let listed: BTreeSet<String> = GENERAL.iter().map(|name| path(name)).collect();
    let (new, stale): (Vec<_>, Vec<_>) =
        without.symmetric_difference(&listed).partition(|file| without.contains(*file));
    if new.is_empty() && stale.is_empty() {
        return Ok(());
    }
    Err(format!("only faults that fail a plain call: {new:?}; a row of their own, and yet listed: {stale:?}").into())
}
