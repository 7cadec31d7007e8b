//! Hold and resume.

use super::{ANSWER_FIRST, CallNo, Change, Impossible, Member, Paper};

impl Paper {
    pub(super) fn hold(&mut self, phone: usize) -> Result<(), Impossible> {
        let name = self.name(phone).to_owned();
        match self.place_mut(phone) {
            None => Err(Impossible::new(format!("`{name}` is in no answered call here"), ANSWER_FIRST)),
            Some(member) if member.holds => {
                let message = format!("`{name}` holds its call already");
                Err(Impossible::new(message, format!("`- resume: {name}` first")))
            }
            Some(_) => {
                self.names_itself(phone);
                self.put_on_hold(phone);
                Ok(())
            }
        }
    }

    /// A call that is up meanwhile is held first. A phone without a call takes over what another one of its line holds.
    pub(super) fn resume(&mut self, phone: usize) -> Result<(), Impossible> {
        let Some(no) = self.held(phone) else {
            if let Some((no, holder)) = self.held_elsewhere(phone) {
                self.seat(no, holder, Member { phone, holds: false, is_here: true });
                return Ok(());
            }
            let name = self.name(phone);
            return Err(Impossible::new(format!("`{name}` holds no call here"), format!("`- hold: {name}` first")));
        };
        let active = self.active(phone).filter(|call| call.no != no && !call.is_answered());
        if let Some(other) = active.and_then(|call| call.rings.as_ref()).and_then(|ringing| ringing.phones.first()) {
            let (name, other) = (self.name(phone), self.name(*other));
            let message = format!("`{name}` is calling `{other}`, which rings");
            return Err(Impossible::new(message, format!("`- hang up: {name}` or `- answer: {other}` first")));
        }
        if let Some(active) = self.place_mut(phone) {
            active.holds = true;
            self.settle(Change::Other);
        }
        self.active[phone] = Some(no);
        if let Some(member) = self.place_mut(phone) {
            member.holds = false;
        }
        Ok(())
    }

    /// The call that a phone would resume: its active one, or the other one.
    fn held(&self, phone: usize) -> Option<CallNo> {
        let holds = |no: &CallNo| {
            let call = self.calls.iter().find(|call| call.no == *no);
            call.and_then(|call| call.member(phone)).is_some_and(|member| member.holds)
        };
        let active = self.active.get(phone).copied().flatten();
        let others = self.calls_of(phone).map(|call| call.no).filter(|no| Some(*no) != active);
        active.into_iter().chain(others).find(holds)
    }
}
