//! Calls begin, are answered and end.

use super::{CALL_FIRST, Impossible, Member, Paper, Ringing};

impl Paper {
    pub(super) fn call(&mut self, from: usize, to: usize) -> Result<(), Impossible> {
        for phone in [from, to] {
            self.must_be_free(phone)?;
        }
        let caller = Member { phone: from, holds: false, is_here: true };
        let no = self.begin(vec![caller], Some(Ringing { phone: to }));
        self.active[from] = Some(no);
        self.active[to] = Some(no);
        Ok(())
    }

    pub(super) fn must_be_free(&self, phone: usize) -> Result<(), Impossible> {
        if self.calls_of(phone).next().is_none() {
            return Ok(());
        }
        let name = self.name(phone);
        Err(Impossible::new(format!("`{name}` is in a call already"), format!("`- hang up: {name}` first")))
    }

    pub(super) fn answer(&mut self, phone: usize) -> Result<(), Impossible> {
        let Some(at) = self.calls.iter().position(|call| call.rings_at(phone)) else {
            let ringing = self.calls.iter().filter_map(|call| call.rings.as_ref());
            let ringing: Vec<&str> = ringing.map(|ringing| self.name(ringing.phone)).collect();
            let who = if ringing.is_empty() { "nobody".to_owned() } else { ringing.join(", ") };
            let message = format!("`{}` is not ringing here", self.name(phone));
            return Err(Impossible::new(message, format!("ringing here: {who}")));
        };
        let call = &mut self.calls[at];
        call.rings = None;
        call.members.push(Member { phone, holds: false, is_here: true });
        self.active[phone] = Some(call.no);
        Ok(())
    }

    /// The phone leaves its active call, which ends it.
    pub(super) fn hang_up(&mut self, phone: usize) -> Result<(), Impossible> {
        let Some(call) = self.active(phone) else {
            return Err(Impossible::new(format!("`{}` is in no call here", self.name(phone)), CALL_FIRST));
        };
        let no = call.no;
        self.end(no);
        Ok(())
    }

    /// What is wrong if no step follows.
    pub(super) fn still_up(&self) -> Option<Impossible> {
        let call = self.calls.iter().find(|call| call.is_answered()).or_else(|| self.calls.first())?;
        let mut phones = call.phones();
        let (one, other) = (phones.next()?, phones.next()?);
        let message =
            format!("the call of `{}` with `{}` is still up after the last step", self.name(one), self.name(other));
        Some(Impossible::new(message, format!("end it with `- hang up: {}`", self.name(other))))
    }
}
