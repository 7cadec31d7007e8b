//! Nodes of the cluster die and come back.

use super::super::ast::{Action, NodeFailure, Scenario};
use super::super::diagnostic::Diagnostic;
use super::super::fields::{Fields, one_of};
use super::super::read::{cluster_node, keep};
use super::super::signalling::CLOSINGS;
use super::super::tree::Node;
use super::Verb;

pub(super) const VERBS: &[Verb] =
    &[Verb { word: "fail node", read: read_failure }, Verb { word: "restore node", read: read_return }];

fn read_return(node: &Node, _: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    keep(cluster_node(node), wrong).map(Action::RestoreNode)
}

fn read_failure(node: &Node, _: &Scenario, wrong: &mut Vec<Diagnostic>) -> Option<Action> {
    let media = [("goes on", true), ("stops", false)];
    let [fin, reset] = CLOSINGS.map(|(word, how)| (word, Some(how)));
    let mut f = Fields::of(node, "the failure of a node", wrong);
    let failed = f.required("node", wrong).and_then(|n| keep(cluster_node(n), wrong));
    let media_goes_on = f.or("recorded media", true, wrong, |n| one_of(n, &media));
    let connections = f.or("connections", fin.1, wrong, |n| one_of(n, &[fin, reset, ("silent", None)]));
    f.finish(wrong);
    Some(Action::FailNode(NodeFailure { node: failed?, media_goes_on, connections }))
}
