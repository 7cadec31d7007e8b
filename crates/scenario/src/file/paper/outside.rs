//! Behind a trunk: who talks there, and whom CUCM takes that for.

use super::super::ast::Told;
use super::{CALL_FIRST, Call, CallNo, Change, Far, Impossible, Paper};

/// A call of which CUCM does not see all.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    call: CallNo,
    /// Whom CUCM takes the other end for.
    far: Far,
    /// Members of a conference there, but for the one who is in the call on paper.
    others: Vec<usize>,
}

impl Paper {
    pub(super) fn transfer_outside(&mut self, from: usize, to: usize, told: Told) -> Result<(), Impossible> {
        let no = self.transferable_outside(from)?;
        self.must_be_beside(from, to)?;
        self.forget_ended();
        if self.behind.iter().any(|behind| behind.call == no && !behind.others.is_empty()) {
            let message = format!("`{}` is in a conference here", self.name(from));
            return Err(Impossible::new(message, "its members `leave outside`"));
        }
        let before = self.far_of(no, from);
        if let Some(place) = self.place_mut(from) {
            place.phone = to;
        }
        self.active[to] = self.active[from].take();
        let far = if told == Told::NotAtAll { before } else { Far::Phone(to) };
        self.believe(no, far, Vec::new());
        self.settle(Change::Outside);
        Ok(())
    }

    pub(super) fn confer_outside(&mut self, by: usize, with: &[usize]) -> Result<(), Impossible> {
        let no = self.talking_outside(by)?;
        self.forget_ended();
        let mut others: Vec<usize> =
            self.behind.iter().filter(|b| b.call == no).flat_map(|b| b.others.clone()).collect();
        for other in with {
            self.must_be_beside(by, *other)?;
            if others.contains(other) {
                return Err(Impossible::new(format!("`{}` joins twice", self.name(*other)), "name each once"));
            }
            others.push(*other);
        }
        self.believe(no, Far::Focus(by), others);
        Ok(())
    }

    pub(super) fn leave_outside(&mut self, party: usize) -> Result<(), Impossible> {
        let name = self.name(party).to_owned();
        let none = || {
            Impossible::new(
                format!("`{name}` is in no conference outside here"),
                "make one with `- conference outside: { by: <party>, with: <parties> }`",
            )
        };
        self.forget_ended();
        let is_outside = self.is_outside(party);
        let at = self.behind.iter().position(|behind| {
            let speaks = self.active.get(party) == Some(&Some(behind.call));
            is_outside && !behind.others.is_empty() && (speaks || behind.others.contains(&party))
        });
        let at = at.ok_or_else(none)?;
        let (no, far) = (self.behind[at].call, self.behind[at].far);
        let mut others = std::mem::take(&mut self.behind[at].others);
        if self.active.get(party) == Some(&Some(no)) {
            let next = others.remove(0);
            if let Some(place) = self.place_mut(party) {
                place.phone = next;
            }
            self.active[next] = self.active[party].take();
        } else {
            others.retain(|other| *other != party);
        }
        let speaks = |who: &usize| self.is_outside(*who) && self.active[*who] == Some(no);
        let remains = (0..self.phones.len()).find(speaks);
        let far = if others.is_empty() { remains.map_or(far, Far::Phone) } else { far };
        self.believe(no, far, others);
        Ok(())
    }

    /// The call of a party outside that may become another one's: the phone may hold it.
    fn transferable_outside(&self, party: usize) -> Result<CallNo, Impossible> {
        let is_held_here = |call: &&Call| {
            let is_plain =
                call.is_answered() && call.rings.is_none() && call.parked.is_none() && call.conference.is_none();
            let mut members = call.members.iter();
            is_plain && members.all(|member| member.is_here && !(member.holds && self.is_outside(member.phone)))
        };
        match self.active(party).filter(|_| self.is_outside(party)).filter(is_held_here) {
            Some(call) => Ok(call.no),
            None => self.talking_outside(party),
        }
    }

    /// The call in which a party outside talks with a phone.
    fn talking_outside(&self, party: usize) -> Result<CallNo, Impossible> {
        let name = self.name(party).to_owned();
        if !self.is_outside(party) {
            return Err(Impossible::new(format!("`{name}` is a phone of the cluster"), "name a party of `outside`"));
        }
        let call = self.active(party).filter(|call| call.is_answered());
        let call = call.ok_or_else(|| Impossible::new(format!("`{name}` is in no answered call here"), CALL_FIRST))?;
        if call.members.iter().any(|member| member.holds) {
            return Err(Impossible::new(format!("the call of `{name}` is on hold"), "both have to talk"));
        }
        Ok(call.no)
    }

    fn must_be_beside(&self, party: usize, other: usize) -> Result<(), Impossible> {
        if self.sites.get(party) != self.sites.get(other) || party == other {
            let message = format!("`{}` is not beside `{}`", self.name(other), self.name(party));
            return Err(Impossible::new(message, "name another party behind the same trunk"));
        }
        self.must_be_free(other)
    }

    pub(super) fn is_outside(&self, who: usize) -> bool {
        self.sites.get(who).is_some_and(Option::is_some)
    }

    /// Whether somebody is in a conference outside without being the one who is in the call on paper.
    pub(super) fn is_conferred(&self, party: usize) -> bool {
        self.behind
            .iter()
            .any(|behind| behind.others.contains(&party) && self.calls.iter().any(|call| call.no == behind.call))
    }

    /// Whether a party is in a conference outside with one other one alone.
    pub(crate) fn is_last_but_one(&self, party: usize) -> bool {
        self.behind.iter().any(|behind| {
            let speaks = self.active.get(party) == Some(&Some(behind.call));
            behind.others.len() == 1 && (speaks || behind.others.contains(&party))
        })
    }

    /// Whether a call is with a conference outside.
    pub(super) fn has_conference_outside(&self, call: CallNo) -> bool {
        self.behind.iter().any(|behind| behind.call == call && !behind.others.is_empty())
    }

    /// Whom CUCM takes the other end of a phone's call for.
    pub(super) fn far_of(&self, call: CallNo, member: usize) -> Far {
        let behind = self.behind.iter().find(|behind| behind.call == call).filter(|_| self.is_outside(member));
        behind.map_or(Far::Phone(member), |behind| behind.far)
    }

    /// Whose number CUCM has for somebody in a call, or at whom it rings; `None` where it has that of no party.
    pub(crate) fn known_as(&self, who: usize) -> Option<usize> {
        match self.active(who).filter(|call| call.member(who).is_some()).map(|call| self.far_of(call.no, who)) {
            Some(Far::Phone(known)) => Some(known),
            Some(Far::Bridge(_) | Far::Focus(_)) => None,
            None => Some(who),
        }
    }

    fn believe(&mut self, call: CallNo, far: Far, others: Vec<usize>) {
        self.behind.retain(|behind| behind.call != call);
        self.behind.push(Behind { call, far, others });
    }

    fn forget_ended(&mut self) {
        let calls = &self.calls;
        self.behind.retain(|behind| calls.iter().any(|call| call.no == behind.call));
    }
}
