//! Ad hoc conferences: two calls of one phone become one, which others join and leave.

use super::{CallNo, Impossible, Paper};

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
                return Err(Impossible::new(message, "CUCM does not join two of them"));
            }
            (one, other) => one.or(other),
        };
        if let Some(maker) = maker.filter(|maker| *maker != by) {
            let message = format!("the conference is that of `{}`, and `{name}` can add nobody", self.name(maker));
            return Err(Impossible::new(message, "service parameter `Advanced Ad Hoc Conference Enabled` is off"));
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
            call.conference = Some(by);
            call.members.extend(others);
            call.members.iter_mut().filter(|member| member.phone == by).for_each(|member| member.holds = false);
        }
        Ok(())
    }

    /// A member hangs up; the others stay.
    pub(super) fn leave_conference(&mut self, no: CallNo, phone: usize) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.members.retain(|member| member.phone != phone);
            if call.members.len() < 3 {
                call.conference = None;
            }
        }
        self.leave(phone, no);
    }

    /// Whether the conference of a phone becomes a call of two when the phone leaves it.
    pub(crate) fn drops_to_two(&self, phone: usize) -> bool {
        self.active(phone).is_some_and(|call| call.conference.is_some() && call.members.len() == 3)
    }

    /// What is for calls of two alone.
    pub(super) fn must_be_no_conference(&self, no: CallNo, what: &str) -> Result<(), Impossible> {
        let is_one = self.calls.iter().any(|call| call.no == no && call.conference.is_some());
        if !is_one {
            return Ok(());
        }
        Err(Impossible::new(
            format!("a conference cannot be {what} here"),
            "let its members hang up until two are left",
        ))
    }
}
