//! Recordings that somebody wants of one phone in one call.

use cucm::config::SelectiveAfterHold;

use super::super::ast::Asker;
use super::{ANSWER_FIRST, Call, CallNo, Far, Impossible, Member, Paper};

/// What somebody wants recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    call: CallNo,
    phone: usize,
    /// Who does.
    pub(crate) by: Asker,
}

impl Paper {
    pub(super) fn start_recording(&mut self, phone: usize, by: Asker) -> Result<(), Impossible> {
        let name = self.name(phone).to_owned();
        if !self.phones.get(phone).is_some_and(|phone| phone.selective) {
            let message = format!("`{name}` is not recorded selectively");
            return Err(Impossible::new(message, format!("give `{name}` `recording: selective`")));
        }
        let Some(call) = self.active(phone).filter(|call| call.member(phone).is_some() && call.is_answered()) else {
            return Err(Impossible::new(format!("`{name}` is in no answered call here"), ANSWER_FIRST));
        };
        if call.members.iter().any(|member| member.holds) {
            let message = format!("the call of `{name}` is on hold");
            return Err(Impossible::new(message, "a recording is started while both talk"));
        }
        let far = call.members.iter().find(|member| member.phone != phone).map_or(phone, |far| far.phone);
        let far = if call.conference.is_some() { Far::Bridge(call.no) } else { self.far_of(far) };
        if !self.has_source(phone, far) {
            let message = format!("nobody can fork the call of `{name}`");
            let help =
                "its `built-in bridge` is off: let it talk in clear with a `gateway` that has `media forking: on`";
            return Err(Impossible::new(message, help));
        }
        let call = call.no;
        if self.wish(phone).is_some() {
            let message = format!("the call of `{name}` is recorded already");
            return Err(Impossible::new(message, format!("`- stop recording: {name}` first")));
        }
        self.recordings.wishes.push(Wish { call, phone, by });
        Ok(())
    }

    pub(super) fn stop_recording(&mut self, phone: usize) -> Result<(), Impossible> {
        let name = self.name(phone).to_owned();
        let Some(wish) = self.wish(phone) else {
            let message = format!("nobody has started a recording of `{name}` here");
            return Err(Impossible::new(message, format!("`- start recording: {{ on: {name} }}` first")));
        };
        let call = self.active(phone);
        if call.is_some_and(|call| call.members.iter().any(|member| member.holds)) {
            let message = format!("the call of `{name}` is on hold");
            return Err(Impossible::new(message, "a recording is stopped while both talk"));
        }
        self.recordings.wishes.retain(|known| *known != wish);
        Ok(())
    }

    /// What is wanted of the active call of a phone.
    pub(crate) fn wish(&self, phone: usize) -> Option<Wish> {
        let call = self.active(phone)?.no;
        self.recordings.wishes.iter().copied().find(|wish| (wish.call, wish.phone) == (call, phone))
    }

    /// Whether a phone's part in a call is to be recorded.
    pub(super) fn is_asked(&self, call: &Call, phone: usize) -> bool {
        let is_wished = self.recordings.wishes.iter().any(|wish| (wish.call, wish.phone) == (call.no, phone));
        is_wished || self.phones.get(phone).is_some_and(|phone| phone.recorded)
    }

    /// Phones have come from one call into another.
    pub(super) fn move_wishes(&mut self, from: CallNo, to: CallNo, phones: &[usize]) {
        let is_moved = |wish: &Wish| wish.call == from && phones.contains(&wish.phone);
        self.recordings.wishes.iter_mut().filter(|wish| is_moved(wish)).for_each(|wish| wish.call = to);
    }

    /// These recordings have failed, and nobody wants them any more.
    pub(super) fn forget_wishes(&mut self, recordings: Vec<usize>) {
        let failed = self.recordings().iter().filter(|recording| recordings.contains(&recording.number));
        let phones: Vec<usize> = failed.map(|recording| recording.phone).collect();
        self.recordings.wishes.retain(|wish| !phones.contains(&wish.phone));
    }

    /// Wishes that end with their calls, or with a hold, by [`SelectiveAfterHold`].
    pub(super) fn end_wishes(&mut self) {
        let over: Vec<Wish> = self.recordings.wishes.iter().copied().filter(|wish| self.is_over(wish)).collect();
        self.recordings.wishes.retain(|wish| !over.contains(wish));
    }

    fn is_over(&self, wish: &Wish) -> bool {
        let call = self.calls.iter().find(|call| call.no == wish.call);
        let Some(call) = call.filter(|call| call.member(wish.phone).is_some()) else { return true };
        // Who else holds is nothing to a recording that is kept meanwhile, or to that of a member of a conference.
        let interrupts = |member: &Member| {
            member.phone == wish.phone || (call.conference.is_none() && !self.is_kept(wish.phone, member.phone))
        };
        let mut holders = call.members.iter().filter(|member| member.holds && member.is_here);
        self.dialect.selective_after_hold == SelectiveAfterHold::Ends && holders.any(interrupts)
    }
}
