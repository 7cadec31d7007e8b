//! Nodes die and come back. A call of theirs is preserved: it has no feature any more, and each of its phones leaves it by itself.
//!
//! | of a call that is preserved | its recording |
//! |---|---|
//! | the phone's own node died | is forgotten: it ends for CUCM at once |
//! | only the far end's node died | goes on until the phone hangs up |
//!
//! A call that does more than talk is not preserved: it ends, and its recordings with it. A conference goes on without the members whose
//! node died. [`cucm`] says where that is from.

use std::time::Duration;

use cucm::config::VirtualControllerLeaves;

use super::super::ast::{Action, NodeFailure, Scenario};
use super::conference::Controller;
use super::routing::DOUBT;
use super::{Call, CallNo, Impossible, Member, Paper};

/// Who stands where.
#[derive(Clone, Debug)]
pub(super) struct Nodes {
    /// The node of each phone's own, from 0; `None` outside. Behind it in the phone's CUCM group come the others, in their order.
    own: Vec<Option<usize>>,
    /// Where each is registered; nowhere outside, and while a call is preserved of which its node knew.
    at: Vec<Option<usize>>,
    /// Of each the node to which it will go back, and for how long that one has been there again.
    returns: Vec<Option<(usize, Duration)>>,
    count: usize,
    dead: Vec<usize>,
    /// *Connection Monitor Duration*.
    monitor: Duration,
}

impl Nodes {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let inside = scenario.phones.iter().map(|phone| Some(phone.node));
        let outside = scenario.everybody().skip(scenario.phones.len()).map(|_| None);
        let own: Vec<Option<usize>> = inside.chain(outside).collect();
        let count = scenario.phones.iter().map(|phone| phone.node + 1).max().unwrap_or(1);
        let returns = vec![None; own.len()];
        let monitor = scenario.cluster.connection_monitor;
        Self { at: own.clone(), own, returns, count, dead: Vec::new(), monitor }
    }

    /// The place of a node in the CUCM group of a phone.
    fn rank(&self, phone: usize, node: usize) -> (bool, usize) {
        (self.own[phone] != Some(node), node)
    }

    fn lives(&self, node: usize) -> bool {
        !self.dead.contains(&node)
    }
}

impl Paper {
    pub(super) fn fail_node(&mut self, failure: NodeFailure) -> Result<(), Impossible> {
        let (node, name) = (failure.node, failure.node + 1);
        self.must_be_a_node(node)?;
        if !self.nodes.lives(node) {
            return Err(Impossible::new(format!("node {name} is dead already"), "let another one fail"));
        }
        if (0..self.nodes.count).filter(|other| self.nodes.lives(*other)).count() < 2 {
            return Err(Impossible::new(format!("node {name} is the last one"), "give a phone another `node`"));
        }
        if node == 0 && self.nodes.own.contains(&None) {
            let message = "the trunks to those outside are the first node's".to_owned();
            return Err(Impossible::new(message, "let another one fail"));
        }
        let here = self.phones_at(node);
        for no in self.calls.iter().map(|call| call.no).collect::<Vec<_>>() {
            self.lose_guest(no, &here);
            let rings = self.calls.iter().find(|call| call.no == no).and_then(|call| call.rings.as_ref());
            let is_changing = rings.is_some_and(|ringing| ringing.instead_of.is_some());
            self.lose_ringing(no, &here)?;
            self.lose_members(no, (node, is_changing), &here)?;
        }
        self.nodes.dead.push(node);
        here.into_iter().for_each(|phone| self.nodes.at[phone] = None);
        self.nodes.returns.iter_mut().filter(|to| to.is_some_and(|(to, _)| to == node)).for_each(|to| *to = None);
        Ok(())
    }

    /// Phones that stand at another node, though this one comes before it in their group, will go back to it.
    pub(super) fn restore_node(&mut self, node: usize) -> Result<(), Impossible> {
        self.must_be_a_node(node)?;
        if self.nodes.lives(node) {
            let message = format!("node {} is not dead here", node + 1);
            return Err(Impossible::new(message, format!("`- fail node: {{ node: {} }}` first", node + 1)));
        }
        if let Some((other, _)) = self.nodes.returns.iter().flatten().next() {
            let message = format!("phones are about to go back to node {}", other + 1);
            let long = self.nodes.monitor + LOOK + DOUBT;
            return Err(Impossible::new(
                message,
                format!("let `- wait: {long:?}` and the ends of their calls come first"),
            ));
        }
        self.nodes.dead.retain(|dead| *dead != node);
        for phone in 0..self.phones.len() {
            let stands = self.nodes.at[phone];
            if stands.is_some_and(|at| self.nodes.rank(phone, node) < self.nodes.rank(phone, at)) {
                self.nodes.returns[phone] = Some((node, Duration::ZERO));
            }
        }
        Ok(())
    }

    /// Phones that have lost their node register with the next one when they have no call, and go back when it is time to.
    pub(super) fn go_to_nodes(&mut self, time: Duration) -> Result<(), Impossible> {
        for phone in 0..self.phones.len() {
            if let Some((_, since)) = &mut self.nodes.returns[phone] {
                *since += time;
            }
            if self.is_outside(phone) || self.calls_of(phone).next().is_some() {
                continue;
            }
            if self.nodes.at[phone].is_none() {
                let living = (0..self.nodes.count).filter(|node| self.nodes.lives(*node));
                self.nodes.at[phone] = living.min_by_key(|node| self.nodes.rank(phone, *node));
            }
            let Some((node, since)) = self.nodes.returns[phone] else { continue };
            let (soonest, latest) = (self.nodes.monitor, self.nodes.monitor + LOOK + DOUBT);
            if since >= latest {
                self.nodes.at[phone] = Some(node);
                self.nodes.returns[phone] = None;
            } else if since + DOUBT > soonest {
                let name = self.name(phone);
                let message = format!(
                    "nobody can say whether `{name}` has gone back to node {} by now: that has been there for {since:?}, and the phone \
                     goes {soonest:?} to {latest:?} after it is",
                    node + 1
                );
                return Err(Impossible::new(
                    message,
                    "wait until that is over, or a second less than it takes at least",
                ));
            }
        }
        Ok(())
    }

    fn must_be_a_node(&self, node: usize) -> Result<(), Impossible> {
        let name = node + 1;
        if node < self.nodes.count {
            return Ok(());
        }
        Err(Impossible::new(format!("there is no node {name} here"), format!("give a phone `node: {name}`")))
    }

    /// The node with which a phone is registered.
    pub(crate) fn node_of(&self, phone: usize) -> Option<usize> {
        self.nodes.at.get(phone).copied().flatten()
    }

    /// The phones that stand at a node.
    pub(crate) fn phones_at(&self, node: usize) -> Vec<usize> {
        (0..self.phones.len()).filter(|phone| self.nodes.at[*phone] == Some(node)).collect()
    }

    /// Whether a phone is in a call of which its own node knows nothing any more.
    pub(crate) fn is_cut_off(&self, phone: usize) -> bool {
        self.calls_of(phone).any(|call| call.lost.contains(&phone))
    }

    /// A barge ends with the node of the guest, or of the phone on whose bridge it is. A guest talks on alone.
    fn lose_guest(&mut self, no: CallNo, here: &[usize]) {
        let Some(call) = self.calls.iter_mut().find(|call| call.no == no) else { return };
        let Some(guest) = call.guest else { return };
        let line = &self.phones[guest].line;
        let is_target = |member: &Member| self.phones[member.phone].line == *line && here.contains(&member.phone);
        if here.contains(&guest) || call.members.iter().any(is_target) {
            call.guest = None;
            self.leave(guest, no);
            self.talks_alone(guest, here);
        }
    }

    /// Phones of the node ring no more. Where nobody else does the call ends, or goes back to whoever transfers it, or waits on.
    fn lose_ringing(&mut self, no: CallNo, here: &[usize]) -> Result<(), Impossible> {
        let Some(call) = self.calls.iter().find(|call| call.no == no) else { return Ok(()) };
        let Some(ringing) = &call.rings else { return Ok(()) };
        let (gone, rest): (Vec<usize>, Vec<usize>) = ringing.phones.iter().partition(|phone| here.contains(phone));
        let (instead_of, is_conference, is_parked) =
            (ringing.instead_of, call.conference.is_some(), call.parked.is_some());
        let has_transferrer = instead_of.is_some_and(|by| call.member(by).is_some());
        if gone.is_empty() {
            return Ok(());
        }
        if !rest.is_empty() {
            if let Some(ringing) = self.calls.iter_mut().find(|call| call.no == no).and_then(|call| call.rings.as_mut())
            {
                ringing.phones = rest;
            }
            gone.into_iter().for_each(|phone| self.leave(phone, no));
            return Ok(());
        }
        self.silence(no);
        match instead_of {
            Some(_) if is_parked => self.wait_anew(no),
            Some(_) if has_transferrer => {}
            Some(by) if is_conference => self.leave_conference(no, by)?,
            _ => self.end(no),
        }
        Ok(())
    }

    /// Who is in a call and stands at the node, or parked it there.
    fn lose_members(
        &mut self,
        no: CallNo,
        (node, is_changing): (usize, bool),
        here: &[usize],
    ) -> Result<(), Impossible> {
        let Some(call) = self.calls.iter_mut().find(|call| call.no == no) else { return Ok(()) };
        let lost: Vec<Member> =
            call.members.iter().filter(|member| member.is_here && here.contains(&member.phone)).cloned().collect();
        let is_parked_there = call.parked.as_ref().is_some_and(|parked| parked.node == Some(node));
        if lost.is_empty() && !is_parked_there {
            return Ok(());
        }
        let talk = call.members.len() == 2 && call.members.iter().all(|member| !member.holds && member.is_here);
        // What one node's death has left may lose the other node too.
        let is_preserved = !call.lost.is_empty();
        if call.conference.is_some() {
            if is_changing || call.parked.is_some() {
                let message = format!("node {} cannot fail while a place in a conference changes hands", node + 1);
                return Err(Impossible::new(message, "let its call be answered, or retrieved, first"));
            }
            self.lose_conferees(no, &lost, here);
        } else if talk && is_changing {
            let message = format!("node {} cannot fail while a call that is transferred was taken back", node + 1);
            return Err(Impossible::new(message, "let its call be answered first"));
        } else if talk || is_preserved {
            call.lost.extend(lost.iter().map(|member| member.phone));
        } else {
            self.end(no);
        }
        Ok(())
    }

    /// They are out of the conference, all at once; those who talked hear nothing more, until they hang up.
    fn lose_conferees(&mut self, no: CallNo, lost: &[Member], here: &[usize]) {
        let Some(call) = self.calls.iter_mut().find(|call| call.no == no) else { return };
        let controller = call.conference;
        let dialect = &self.dialect;
        let ends = lost.iter().any(|member| {
            controller == Some(Controller { phone: member.phone, is_virtual: true })
                && dialect.virtual_controller_leaves == VirtualControllerLeaves::ConferenceEnds
        });
        call.members.retain(|member| lost.iter().all(|gone| gone.phone != member.phone));
        let left = call.members.len();
        if left < 3 {
            call.conference = None;
        }
        for member in lost {
            self.leave(member.phone, no);
            if !member.holds {
                self.talks_alone(member.phone, here);
            }
        }
        if ends || left < 2 {
            self.end(no);
        }
    }

    /// A phone whose node is dead keeps up a call of which nobody else knows.
    fn talks_alone(&mut self, phone: usize, here: &[usize]) {
        if here.contains(&phone) {
            let no = self.begin(vec![Member { phone, holds: false, is_here: true }], None);
            if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
                call.lost = vec![phone];
            }
            self.active[phone] = Some(no);
        }
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

    /// Whoever is in a preserved call talks or hangs up.
    pub(super) fn must_suit_preserved(&self, action: &Action) -> Result<(), Impossible> {
        let is_preserved = |phone: &usize| self.calls_of(*phone).any(|call| !call.lost.is_empty());
        let phone = match action {
            Action::HangUp(_) | Action::Talk(_) | Action::Wait(_) => None,
            Action::FailNode(_) | Action::RestoreNode(_) | Action::Answer(_) => None,
            Action::Call { from: by, .. } | Action::Retrieve { by, .. } | Action::Redirect { call_of: by, .. } => {
                Some(*by).filter(is_preserved)
            }
            Action::Transfer { by, .. } | Action::Consult { by, .. } | Action::ParkAt { by, .. } => {
                Some(*by).filter(is_preserved)
            }
            Action::Hold(by) | Action::Resume(by) | Action::Park(by) | Action::PickUp(by) | Action::Barge(by) => {
                Some(*by).filter(is_preserved)
            }
            Action::CompleteTransfer(by) | Action::Conference(by) | Action::CBarge(by) => {
                Some(*by).filter(is_preserved)
            }
            // What a recorder or CUCM does to recordings, of which nobody could say whose they are.
            _ => (0..self.phones.len()).find(is_preserved),
        };
        match phone {
            Some(phone) => {
                let name = self.name(phone);
                let message = format!("the node of the call of `{name}` is dead, and nothing else can be done with it");
                Err(Impossible::new(message, format!("`- hang up: {name}` first")))
            }
            None => Ok(()),
        }
    }
}

/// How often a phone looks for a node that comes before its own.
const LOOK: Duration = Duration::from_secs(10);
