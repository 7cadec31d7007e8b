//! Ad hoc conferences: two calls of one phone become one, which others join and leave.

use cucm::config::VirtualControllerLeaves;

use super::transfer::LINKING;
use super::{Call, CallNo, Impossible, Paper};

/// Who may add others to a conference, and drop them, unless anybody may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Controller {
    pub(super) phone: usize,
    /// Whether it has its place from another one: it adds nobody, and the conference may end with it.
    pub(super) is_virtual: bool,
}

impl Controller {
    pub(super) fn maker(phone: usize) -> Self {
        Self { phone, is_virtual: false }
    }
}

impl Paper {
    /// The held call and the active one become a conference, or one of them joins the other's.
    pub(super) fn conference(&mut self, by: usize) -> Result<(), Impossible> {
        let name = self.name(by).to_owned();
        let Some((held, active)) = self.pair(by) else {
            let message = format!("`{name}` has no held call and another one to join with it here");
            return Err(Impossible::new(message, format!("begin with `- consult: {{ by: {name}, to: <phone> }}`")));
        };
        let call = |no: CallNo| self.calls.iter().find(|call| call.no == no);
        let (Some(first), Some(second)) = (call(held), call(active)) else { return Ok(()) };
        if let Some(ringing) = &second.rings {
            let target = self.name(ringing.phones[0]);
            let message = format!("`{target}` has not answered yet, and cannot be in a conference");
            return Err(Impossible::new(message, format!("`- answer: {target}` first")));
        }
        let maker = match (first.conference, second.conference) {
            (Some(_), Some(_)) => {
                let message = format!("both calls of `{name}` are conferences");
                return Err(Impossible::new(message, LINKING));
            }
            (one, other) => one.or(other),
        };
        if let Some(maker) = maker.filter(|maker| !self.anybody_adds && *maker != Controller::maker(by)) {
            let message = match maker.phone == by {
                true => format!("`{name}` has its place in the conference from another one, and can add nobody"),
                false => {
                    format!("the conference is that of `{}`, and `{name}` can add nobody", self.name(maker.phone))
                }
            };
            return Err(Impossible::new(
                message,
                "`cluster: { advanced ad hoc conference: true }` lets anybody add others",
            ));
        }
        let others = second.members.iter().filter(|member| member.phone != by).cloned().collect::<Vec<_>>();
        let phones: Vec<usize> = others.iter().map(|member| member.phone).collect();
        self.move_wishes(active, held, &phones);
        self.calls.retain(|call| call.no != active);
        for member in &others {
            if self.active[member.phone] == Some(active) {
                self.active[member.phone] = Some(held);
            }
        }
        self.active[by] = Some(held);
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == held) {
            call.conference = Some(maker.unwrap_or_else(|| Controller::maker(by)));
            call.members.extend(others);
            call.members.iter_mut().filter(|member| member.phone == by).for_each(|member| member.holds = false);
        }
        Ok(())
    }

    /// A member hangs up; the others stay, unless it was the heir of the controller's place.
    pub(super) fn leave_conference(&mut self, no: CallNo, phone: usize) -> Result<(), Impossible> {
        let Some(call) = self.calls.iter().find(|call| call.no == no) else { return Ok(()) };
        if self.ends_conference(call, phone) {
            self.end(no);
            return Ok(());
        }
        if call.members.len() < 4 && (call.rings.is_some() || call.parked.is_some()) {
            let message =
                format!("two would be left of the conference of `{}`, with a place that waits", self.name(phone));
            return Err(Impossible::new(message, "let its call be answered, or retrieved, first"));
        }
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.members.retain(|member| member.phone != phone);
            if call.members.len() < 3 {
                call.conference = None;
            }
        }
        self.leave(phone, no);
        Ok(())
    }

    /// Whoever may add others drops a member, as if that hung up.
    pub(super) fn drop_from_conference(&mut self, by: usize, party: usize) -> Result<(), Impossible> {
        let (name, other) = (self.name(by).to_owned(), self.name(party).to_owned());
        if by == party {
            let message = format!("`{name}` cannot be dropped by itself");
            return Err(Impossible::new(message, format!("`- hang up: {name}`")));
        }
        let is_theirs = |call: &&Call| {
            let is_moving = call.rings.as_ref().is_some_and(|ringing| ringing.instead_of == Some(party));
            call.conference.is_some() && call.member(by).is_some() && call.member(party).is_some() && !is_moving
        };
        let Some(call) = self.calls.iter().find(is_theirs) else {
            let message = format!("`{name}` and `{other}` are in no conference with each other here");
            return Err(Impossible::new(message, "make one with `- conference: <phone>` first"));
        };
        if !self.anybody_adds && call.conference != Some(Controller::maker(by)) {
            let message = format!("`{name}` does not control the conference, and can drop nobody");
            let help = "`cluster: { advanced ad hoc conference: true }` lets anybody drop others";
            return Err(Impossible::new(message, help));
        }
        self.leave_conference(call.no, party)
    }

    /// Whether the conference of a phone becomes a call of two when it drops a member.
    pub(crate) fn drops_to_two_without(&self, by: usize, party: usize) -> bool {
        let mut after = self.clone();
        let conferences = |paper: &Self| paper.calls.iter().filter(|call| call.conference.is_some()).count();
        after.drop_from_conference(by, party).is_ok()
            && after.calls.len() == self.calls.len()
            && conferences(&after) < conferences(self)
    }

    fn ends_conference(&self, call: &Call, phone: usize) -> bool {
        call.conference == Some(Controller { phone, is_virtual: true })
            && self.dialect.virtual_controller_leaves == VirtualControllerLeaves::ConferenceEnds
    }

    /// The place of one phone in a conference is that of another one now.
    pub(super) fn inherit(&mut self, no: CallNo, from: usize, to: usize) {
        let call = self.calls.iter_mut().find(|call| call.no == no);
        let controller = call.and_then(|call| call.conference.as_mut());
        if let Some(controller) = controller.filter(|controller| controller.phone == from && from != to) {
            *controller = Controller { phone: to, is_virtual: true };
        }
    }

    /// Whether the conference of a phone becomes a call of two when the phone hangs up.
    pub(crate) fn drops_to_two(&self, phone: usize) -> bool {
        let Some(no) = self.active(phone).filter(|call| call.conference.is_some()).map(|call| call.no) else {
            return false;
        };
        let mut after = self.clone();
        after.hang_up(phone).is_ok() && after.calls.iter().any(|call| call.no == no && call.conference.is_none())
    }
}
