//! Transfers: blind, after a consultation, and while the consultation still rings.

use cucm::config::{BlindTransferRelease, FarEndTransfer};

use super::recordings::Change;
use super::routing::Reached;
use super::{ANSWER_FIRST, Call, CallNo, Impossible, Member, Paper};

impl Paper {
    /// The transferrer holds, and another phone rings for its place.
    pub(super) fn transfer(&mut self, by: usize, to: usize) -> Result<(), Impossible> {
        let no = self.must_talk(by)?;
        let phones = self.reach(to)?;
        self.put_on_hold(by);
        self.settle(Change::Other);
        self.ring_instead(no, by, phones);
        Ok(())
    }

    /// The phone holds its call and dials another one, which rings.
    pub(super) fn consult(&mut self, by: usize, to: usize) -> Result<(), Impossible> {
        self.must_talk(by)?;
        if self.calls_of(by).count() > 1 {
            let name = self.name(by);
            let help = format!("`- complete transfer: {name}` or `- hang up: {name}` first");
            return Err(Impossible::new(format!("`{name}` has two calls already"), help));
        }
        let phones = self.reach(to)?;
        self.put_on_hold(by);
        let caller = Member { phone: by, holds: false, is_here: true };
        let no = self.begin(vec![caller], None);
        self.active[by] = Some(no);
        self.ring(no, phones, None);
        Ok(())
    }

    /// The held call and the active one become one, of which the phone is no part any more once the other two talk.
    pub(super) fn complete_transfer(&mut self, by: usize) -> Result<(), Impossible> {
        let (held, active) = self.pair(by).ok_or_else(|| {
            let help = format!("begin with `- consult: {{ by: {}, to: <phone> }}`", self.name(by));
            Impossible::new(format!("`{}` has no held call and another one to join it with here", self.name(by)), help)
        })?;
        let is_conference = |no: CallNo| self.calls.iter().any(|call| call.no == no && call.conference.is_some());
        match (is_conference(held), is_conference(active)) {
            (true, true) => {
                let message = format!("both calls of `{}` are conferences", self.name(by));
                return Err(Impossible::new(message, LINKING));
            }
            (false, true) => return self.bring_in(active, held, by),
            _ => {}
        }
        let Some(at) = self.calls.iter().position(|call| call.no == active) else { return Ok(()) };
        let Call { members, rings, .. } = self.calls.remove(at);
        self.active[by] = Some(held);
        if let Some(rings) = rings {
            for phone in &rings.phones {
                if self.active[*phone] == Some(active) {
                    self.active[*phone] = Some(held);
                }
            }
            let since = rings.since;
            self.ring_instead(held, by, rings.reached());
            if let Some(ringing) = self.calls.iter_mut().find(|call| call.no == held).and_then(|c| c.rings.as_mut()) {
                ringing.since = since;
            }
        } else if let Some(target) = members.into_iter().find(|member| member.phone != by) {
            // A target that consults somebody itself meanwhile stays with that call.
            let (who, speaks_in) = (target.phone, self.active[target.phone]);
            self.take_place(held, by, target);
            if speaks_in != Some(active) {
                self.active[who] = speaks_in;
            }
        }
        Ok(())
    }

    /// The phone leaves a conference, and its held call comes into its place.
    fn bring_in(&mut self, conference: CallNo, held: CallNo, by: usize) -> Result<(), Impossible> {
        let Some(at) = self.calls.iter().position(|call| call.no == held) else { return Ok(()) };
        let target = self.calls.remove(at).members.into_iter().find(|member| member.phone != by);
        self.leave(by, held);
        if let Some(target) = target {
            self.move_wishes(held, conference, &[target.phone]);
            self.take_place(conference, by, target);
        }
        Ok(())
    }

    /// Other phones ring for the place of `by`.
    fn ring_instead(&mut self, no: CallNo, by: usize, reached: Reached) {
        self.ring(no, reached, Some(by));
        let leaves = self.dialect.blind_transfer_release == BlindTransferRelease::AtOnce;
        if leaves {
            self.drop_out(no, by);
        }
    }

    /// `target` is in the place of `by`, by a transfer.
    pub(super) fn take_place(&mut self, no: CallNo, by: usize, target: Member) {
        // A phone that comes back into its own place is another far end all the same.
        if target.phone == by && self.dialect.far_end_transfer == FarEndTransfer::Restart {
            self.end_recordings_with(by);
        }
        self.seat(no, by, target);
        self.settle(Change::Transfer);
    }

    /// `target` is in the place of `by`.
    pub(super) fn seat(&mut self, no: CallNo, by: usize, target: Member) {
        self.leave(by, no);
        self.inherit(no, by, target.phone);
        // A phone may come back into its own place.
        self.active[target.phone] = Some(no);
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no)
            && let Some(place) = call.members.iter_mut().find(|member| member.phone == by)
        {
            *place = target;
            call.parked = None;
        }
    }

    /// The phone's active call, which is answered and nobody transfers.
    pub(super) fn must_talk(&self, phone: usize) -> Result<CallNo, Impossible> {
        let name = self.name(phone);
        let call = self.active(phone).filter(|call| call.is_answered() && call.member(phone).is_some());
        match call {
            None => Err(Impossible::new(format!("`{name}` is in no answered call here"), ANSWER_FIRST)),
            Some(Call { parked: Some(parked), .. }) => {
                let message = format!("the call of `{name}` is parked");
                let by = self.name(parked.by);
                Err(Impossible::new(message, format!("`- retrieve: {{ by: <phone>, parked by: {by} }}` first")))
            }
            Some(Call { rings: Some(ringing), .. }) => {
                let target = self.name(ringing.phones[0]);
                let message = format!("the call of `{name}` is being transferred to `{target}` already");
                Err(Impossible::new(message, format!("`- answer: {target}` first")))
            }
            Some(call) => Ok(call.no),
        }
    }

    pub(super) fn put_on_hold(&mut self, phone: usize) {
        if let Some(member) = self.place_mut(phone) {
            member.holds = true;
        }
    }

    /// The call that a phone holds and its active one, where they can be joined.
    pub(super) fn pair(&self, phone: usize) -> Option<(CallNo, CallNo)> {
        let active = self.active(phone)?;
        let other = self.calls_of(phone).find(|call| call.no != active.no)?;
        let is_held =
            other.is_answered() && other.rings.is_none() && other.parked.is_none() && other.member(phone)?.holds;
        let is_up = !active.member(phone)?.holds && active.rings.as_ref().is_none_or(|to| to.instead_of.is_none());
        let is_up = is_up && active.parked.is_none();
        (is_held && is_up).then_some((other.no, active.no))
    }
}

/// Why two conferences do not become one.
pub(super) const LINKING: &str = "CUCM links two of them by another bridge in between, which is not played here";
