//! Behind a trunk: who talks there, and whom CUCM takes that for.

use super::super::ast::Told;
use super::{CALL_FIRST, Call, Change, Far, Impossible, Paper};

/// A party of which CUCM does not see all, as long as it is in its call.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    party: usize,
    /// Whom CUCM takes it for.
    far: Far,
    /// Members of a conference there, but for the party itself.
    others: Vec<usize>,
}

impl Paper {
    pub(super) fn transfer_outside(&mut self, from: usize, to: usize, told: Told) -> Result<(), Impossible> {
        self.transferable_outside(from)?;
        self.must_be_beside(from, to)?;
        if self.behind.iter().any(|behind| behind.party == from && !behind.others.is_empty()) {
            let message = format!("`{}` is in a conference here", self.name(from));
            return Err(Impossible::new(message, "its members `leave outside`"));
        }
        let before = self.far_of(from);
        if told != Told::NotAtAll && before == Far::Phone(to) {
            let (from, to) = (self.name(from), self.name(to));
            let message = format!("CUCM takes `{from}` for `{to}` here, so that nothing would be new to it");
            return Err(Impossible::new(message, "`told by: nothing`"));
        }
        self.speak_for(from, to);
        let far = if told == Told::NotAtAll { before } else { Far::Phone(to) };
        self.believe(to, far, Vec::new());
        self.settle(Change::Outside);
        Ok(())
    }

    pub(super) fn confer_outside(&mut self, by: usize, with: &[usize]) -> Result<(), Impossible> {
        self.talking_outside(by)?;
        let mut others: Vec<usize> =
            self.behind.iter().filter(|b| b.party == by).flat_map(|b| b.others.clone()).collect();
        for other in with {
            self.must_be_beside(by, *other)?;
            if others.contains(other) {
                return Err(Impossible::new(format!("`{}` joins twice", self.name(*other)), "name each once"));
            }
            others.push(*other);
        }
        self.believe(by, Far::Focus(by), others);
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
        let is_in = |behind: &Behind| behind.party == party || behind.others.contains(&party);
        let at = self.behind.iter().position(|behind| !behind.others.is_empty() && is_in(behind)).ok_or_else(none)?;
        let speaker = self.behind[at].party;
        if self.place_mut(speaker).is_some_and(|place| place.holds) {
            let name = self.name(speaker);
            let message = format!("`{name}` holds the call of the conference that `{}` is in", self.name(party));
            return Err(Impossible::new(message, format!("`- resume: {name}` first")));
        }
        let Behind { party: speaker, far, mut others } = self.behind.remove(at);
        let mut remains = speaker;
        if speaker == party {
            remains = others.remove(0);
            self.speak_for(speaker, remains);
        } else {
            others.retain(|other| *other != party);
        }
        let far = if others.is_empty() { Far::Phone(remains) } else { far };
        self.believe(remains, far, others);
        Ok(())
    }

    /// A party comes into the place that another one had in its call.
    fn speak_for(&mut self, from: usize, to: usize) {
        if let Some(place) = self.place_mut(from) {
            place.phone = to;
        }
        self.active[to] = self.active[from].take();
    }

    /// The call of a party outside that may become another one's: the phone may hold it.
    fn transferable_outside(&self, party: usize) -> Result<(), Impossible> {
        let is_held_here = |call: &&Call| {
            let is_plain =
                call.is_answered() && call.rings.is_none() && call.parked.is_none() && call.conference.is_none();
            let mut members = call.members.iter();
            is_plain && members.all(|member| member.is_here && !(member.holds && self.is_outside(member.phone)))
        };
        match self.active(party).filter(|_| self.is_outside(party)).filter(is_held_here) {
            Some(_) => Ok(()),
            None => self.talking_outside(party),
        }
    }

    /// A party outside talks with a phone.
    fn talking_outside(&self, party: usize) -> Result<(), Impossible> {
        let name = self.name(party).to_owned();
        if !self.is_outside(party) {
            return Err(Impossible::new(format!("`{name}` is a phone of the cluster"), "name a party of `outside`"));
        }
        let call = self.active(party).filter(|call| call.is_answered());
        let call = call.ok_or_else(|| Impossible::new(format!("`{name}` is in no answered call here"), CALL_FIRST))?;
        if call.members.iter().any(|member| member.holds) {
            return Err(Impossible::new(format!("the call of `{name}` is on hold"), "both have to talk"));
        }
        Ok(())
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
        self.behind.iter().any(|behind| behind.others.contains(&party))
    }

    /// Whether a party is in a conference outside with one other one alone.
    pub(crate) fn is_last_but_one(&self, party: usize) -> bool {
        let is_in = |behind: &Behind| behind.party == party || behind.others.contains(&party);
        self.behind.iter().any(|behind| behind.others.len() == 1 && is_in(behind))
    }

    /// Whether a party outside speaks for a conference there.
    pub(super) fn speaks_for_others(&self, party: usize) -> bool {
        self.behind.iter().any(|behind| behind.party == party && !behind.others.is_empty())
    }

    /// Whom CUCM takes a member of a call for.
    pub(super) fn far_of(&self, member: usize) -> Far {
        self.behind.iter().find(|behind| behind.party == member).map_or(Far::Phone(member), |behind| behind.far)
    }

    /// Whose number CUCM has for somebody in a call, or at whom it rings; `None` where it has that of no party.
    pub(crate) fn known_as(&self, who: usize) -> Option<usize> {
        match self.far_of(who) {
            Far::Phone(known) => Some(known),
            Far::Bridge(_) | Far::Focus(_) => None,
        }
    }

    /// A re-INVITE of a party outside names who talks there, whom CUCM may have taken for somebody else.
    pub(super) fn names_itself(&mut self, party: usize) {
        let far = self.far_of(party);
        if self.is_outside(party) && !matches!(far, Far::Focus(_)) && far != Far::Phone(party) {
            self.believe(party, Far::Phone(party), Vec::new());
            self.settle(Change::Outside);
        }
    }

    fn believe(&mut self, party: usize, far: Far, others: Vec<usize>) {
        self.behind.retain(|behind| behind.party != party);
        self.behind.push(Behind { party, far, others });
    }

    /// With its call everything ends that was behind a party.
    pub(super) fn forget_ended(&mut self) {
        let active = &self.active;
        self.behind.retain(|behind| active[behind.party].is_some());
    }
}
