//! Nodes die. A call of theirs is preserved: it has no feature any more, and each of its phones leaves it by itself.
//!
//! | of a call that is preserved | its recording |
//! |---|---|
//! | the phone's own node died | is forgotten: it ends for CUCM at once |
//! | only the far end's node died | goes on until the phone hangs up |

use super::super::ast::{Action, NodeFailure, Scenario};
use super::{Call, Impossible, Member, Paper};

/// Who stands where.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    /// The node of each phone, from 0; `None` outside.
    of: Vec<Option<usize>>,
    /// The order in which a phone of each node tries others is that of all, behind its own.
    count: usize,
    dead: Vec<usize>,
}

impl Nodes {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let inside = scenario.phones.iter().map(|phone| Some(phone.node));
        let outside = scenario.everybody().skip(scenario.phones.len()).map(|_| None);
        let count = scenario.phones.iter().map(|phone| phone.node + 1).max().unwrap_or(1);
        Self { of: inside.chain(outside).collect(), count, dead: Vec::new() }
    }
}

impl Paper {
    pub(super) fn fail_node(&mut self, failure: NodeFailure) -> Result<(), Impossible> {
        let (node, name) = (failure.node, failure.node + 1);
        if node >= self.nodes.count {
            let message = format!("there is no node {name} here");
            return Err(Impossible::new(message, format!("give a phone `node: {name}`")));
        }
        if self.nodes.dead.contains(&node) {
            return Err(Impossible::new(format!("node {name} is dead already"), "let another one fail"));
        }
        let Some(next) = (0..self.nodes.count).find(|other| *other != node && !self.nodes.dead.contains(other)) else {
            return Err(Impossible::new(format!("node {name} is the last one"), "give a phone another `node`"));
        };
        if node == 0 && self.nodes.of.contains(&None) {
            let message = "the trunks to those outside are the first node's".to_owned();
            return Err(Impossible::new(message, "let another one fail"));
        }
        let here = self.phones_at(node);
        if let Some(phone) = here.iter().find(|phone| !self.can_be_preserved(**phone)) {
            let message =
                format!("node {name} cannot fail while `{}` does more than talk in one call", self.name(*phone));
            return Err(Impossible::new(message, "let its phones talk, or have no call"));
        }
        for call in &mut self.calls {
            let lost = call.members.iter().map(|member| member.phone).filter(|phone| here.contains(phone));
            let lost: Vec<usize> = lost.collect();
            call.lost.extend(lost);
        }
        self.nodes.dead.push(node);
        here.into_iter().for_each(|phone| self.nodes.of[phone] = Some(next));
        Ok(())
    }

    /// The phones that stand at a node.
    pub(crate) fn phones_at(&self, node: usize) -> Vec<usize> {
        (0..self.phones.len()).filter(|phone| self.nodes.of[*phone] == Some(node)).collect()
    }

    /// Whether a phone is in a call of which its own node knows nothing any more.
    pub(crate) fn is_cut_off(&self, phone: usize) -> bool {
        self.calls_of(phone).any(|call| call.lost.contains(&phone))
    }

    /// A plain call of two who talk, or none at all.
    fn can_be_preserved(&self, phone: usize) -> bool {
        let is_plain = |call: &Call| {
            let talk = call.members.len() == 2 && call.members.iter().all(|member| !member.holds && member.is_here);
            talk && call.rings.is_none() && call.conference.is_none() && call.guest.is_none() && call.parked.is_none()
        };
        self.calls_of(phone).all(is_plain) && self.calls_of(phone).count() < 2
    }

    /// A phone leaves a call that is preserved, and nobody is told. False where its call is none.
    pub(super) fn leave_preserved(&mut self, phone: usize) -> bool {
        let Some(no) = self.active(phone).filter(|call| !call.lost.is_empty()).map(|call| call.no) else {
            return false;
        };
        self.drop_out(no, phone);
        let is_empty = |call: &Call| call.members.iter().all(|member| !member.is_here);
        if self.calls.iter().any(|call| call.no == no && is_empty(call)) {
            self.end(no);
        }
        true
    }

    /// Whether a recording of this member may run, as far as nodes matter.
    pub(super) fn has_its_node(call: &Call, near: &Member) -> bool {
        call.lost.is_empty() || near.is_here && !call.lost.contains(&near.phone)
    }

    /// While a call is preserved, phones talk or hang up.
    pub(super) fn must_suit_preserved(&self, action: &Action) -> Result<(), Impossible> {
        let suits = matches!(action, Action::HangUp(_) | Action::Talk(_) | Action::Wait(_) | Action::FailNode(_));
        match self.calls.iter().find(|call| !call.lost.is_empty()).and_then(|call| call.phones().next()) {
            Some(phone) if !suits => {
                let name = self.name(phone);
                let message = format!("the node of the call of `{name}` is dead, and nothing else can be done with it");
                Err(Impossible::new(message, format!("`- hang up: {name}` first")))
            }
            _ => Ok(()),
        }
    }
}
