//! Calls begin, are answered and end.

use super::{CALL_FIRST, CallNo, Impossible, Member, Paper};

impl Paper {
    pub(super) fn call(&mut self, from: usize, to: usize) -> Result<(), Impossible> {
        self.must_be_free(from)?;
        let phones = self.reach(to)?;
        if phones.phones.contains(&from) {
            let message = format!("the call of `{}` would ring at itself", self.name(from));
            return Err(Impossible::new(message, "call another line"));
        }
        if self.is_outside(from) && self.is_outside(to) {
            let message = format!("`{}` and `{}` are both outside", self.name(from), self.name(to));
            return Err(Impossible::new(message, "one of them has to be a phone of the cluster"));
        }
        let caller = Member { phone: from, holds: false, is_here: true };
        let no = self.begin(vec![caller], None);
        self.active[from] = Some(no);
        self.ring(no, phones, None);
        Ok(())
    }

    pub(super) fn must_be_free(&self, phone: usize) -> Result<(), Impossible> {
        if self.is_conferred(phone) {
            let message = format!("`{}` is in a conference already", self.name(phone));
            return Err(Impossible::new(message, format!("`- leave outside: {}` first", self.name(phone))));
        }
        if self.calls_of(phone).next().is_none() {
            return Ok(());
        }
        let name = self.name(phone);
        Err(Impossible::new(format!("`{name}` is in a call already"), format!("`- hang up: {name}` first")))
    }

    pub(super) fn answer(&mut self, phone: usize) -> Result<(), Impossible> {
        let Some(at) = self.calls.iter().position(|call| call.rings_at(phone)) else {
            let ringing = self.calls.iter().filter_map(|call| call.rings.as_ref());
            let ringing: Vec<&str> = ringing.flat_map(|ringing| &ringing.phones).map(|p| self.name(*p)).collect();
            let who = if ringing.is_empty() { "nobody".to_owned() } else { ringing.join(", ") };
            let message = format!("`{}` is not ringing here", self.name(phone));
            return Err(Impossible::new(message, format!("ringing here: {who}")));
        };
        let call = &self.calls[at];
        let (no, instead_of) = (call.no, call.rings.as_ref().and_then(|ringing| ringing.instead_of));
        self.silence(no);
        self.come(no, phone, instead_of);
        Ok(())
    }

    /// The phone leaves its active call, which ends it.
    pub(super) fn hang_up(&mut self, phone: usize) -> Result<(), Impossible> {
        if self.leave_as_guest(phone) || self.leave_to_guest(phone) || self.leave_preserved(phone) {
            return Ok(());
        }
        let Some(call) = self.active(phone) else {
            return Err(Impossible::new(format!("`{}` is in no call here", self.name(phone)), CALL_FIRST));
        };
        if self.speaks_for_others(phone) {
            let name = self.name(phone);
            let message = format!("`{name}` is in a conference outside here");
            return Err(Impossible::new(message, format!("`- leave outside: {name}`")));
        }
        let is_conference = call.conference.is_some();
        let (no, instead_of) = (call.no, call.rings.as_ref().and_then(|ringing| ringing.instead_of));
        let is_target = call.rings_at(phone);
        let is_parked = call.parked.is_some();
        let has_transferrer = instead_of.is_some_and(|by| call.member(by).is_some());
        let others = call.rings.as_ref().map(|ringing| ringing.phones.len());
        match instead_of {
            // The other phones of the line ring on.
            _ if is_target && others > Some(1) => {
                if let Some(ringing) = self.calls.iter_mut().find(|call| call.no == no).and_then(|c| c.rings.as_mut()) {
                    ringing.phones.retain(|ringing| *ringing != phone);
                }
                self.leave(phone, no);
            }
            // Whoever parked the call declines it: it stays parked.
            _ if is_target && is_parked => {
                self.silence(no);
                self.wait_anew(no);
            }
            // The call is transferred without its transferrer, who does not wait for it.
            Some(by) if by == phone && !is_target => self.drop_out(no, phone),
            // The target declines: the call is its transferrer's again.
            Some(_) if is_target && has_transferrer => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
                    call.rings = None;
                }
                self.leave(phone, no);
            }
            // Whoever is called for a place in a conference that nobody holds any more.
            Some(by) if is_target && is_conference => {
                self.silence(no);
                self.leave_conference(no, by)?;
            }
            _ if is_conference => self.leave_conference(no, phone)?,
            _ => self.end(no),
        }
        Ok(())
    }

    /// Whether a phone, were it to hang up, would decline a call that is transferred to it alone.
    pub(crate) fn declines_transfer(&self, phone: usize) -> bool {
        let rings = self.active(phone).filter(|call| call.parked.is_none()).and_then(|call| call.rings.as_ref());
        rings.is_some_and(|ringing| ringing.instead_of.is_some() && ringing.phones == [phone])
    }

    /// The phone leaves its place, which stays empty: to the others it is as if it held, but in a preserved call, where nobody is told.
    pub(super) fn drop_out(&mut self, no: CallNo, phone: usize) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            let is_told = call.lost.is_empty();
            if let Some(member) = call.member_mut(phone) {
                member.is_here = false;
                member.holds |= is_told;
            }
        }
        self.leave(phone, no);
    }

    /// What is wrong if no step follows.
    pub(super) fn still_up(&self) -> Option<Impossible> {
        let call = self.calls.iter().find(|call| call.is_answered()).or_else(|| self.calls.first())?;
        let mut phones = call.phones();
        let one = phones.next()?;
        // Whoever is left of a parked call waits alone.
        let other = phones.next();
        let with = other.map_or_else(String::new, |other| format!(" with `{}`", self.name(other)));
        let message = format!("the call of `{}`{with} is still up after the last step", self.name(one));
        Some(Impossible::new(message, format!("end it with `- hang up: {}`", self.name(other.unwrap_or(one)))))
    }
}
