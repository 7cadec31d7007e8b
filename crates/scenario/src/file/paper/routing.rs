//! Forwarding, shared lines, park, pickup, redirect.

use std::time::Duration;

use super::super::ast::Action;
use super::{CALL_FIRST, Call, CallNo, Change, Far, Impossible, Member, Paper, Ringing};

/// A call that waits at a park number.
#[derive(Clone, Debug)]
pub(super) struct Parked {
    pub(super) by: usize,
    /// The number for directed call park, if that is it.
    at: Option<u32>,
    waits: Passed,
    /// The node that has the number: that of whoever parked it.
    pub(super) node: Option<usize>,
}

/// How much time has passed, at least and at most: a step that says nothing of time takes some all the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    least: Duration,
    most: Duration,
}

impl Passed {
    /// What a step takes.
    pub(super) fn by(action: &Action) -> Self {
        let least = action.lasts();
        let is_exact = matches!(
            action,
            Action::Talk(_) | Action::Wait(_) | Action::Mute(..) | Action::Inject(_) | Action::CloseConnection(_)
        );
        Self { least, most: if is_exact { least } else { least + STEP } }
    }

    /// What has begun with the very step has not waited for it.
    fn add(&mut self, time: Self) {
        let begins = *self == Self::default();
        self.least += time.least;
        self.most += if begins { time.least } else { time.most };
    }

    /// Behind this time.
    fn behind(self, time: Duration) -> Self {
        Self { least: self.least.saturating_sub(time), most: self.most.saturating_sub(time) }
    }
}

/// The phones that ring for a number.
pub(super) struct Reached {
    /// Of one line; never empty.
    pub(super) phones: Vec<usize>,
    /// All lines on the way to it, and it.
    passed: Vec<String>,
}

/// Service parameter *Call Park Reversion Timer*.
const REVERSION: Duration = Duration::from_secs(60);
/// A little less than three minutes, after which CUCM gives up what rings, wherever it rings by then.
const LONGEST_RING: Duration = Duration::from_secs(150);
/// Closer to a timer's end than this nobody can say whether it is over.
pub(super) const DOUBT: Duration = Duration::from_secs(1);
/// The most that a step may take which says nothing of time: recordings end and begin, a request waits for another one.
const STEP: Duration = Duration::from_secs(1);

impl Ringing {
    fn new(Reached { phones, passed }: Reached, instead_of: Option<usize>) -> Self {
        Self { phones, instead_of, since: Passed::default(), passed }
    }

    /// Who rings, to ring on elsewhere.
    pub(super) fn reached(self) -> Reached {
        Reached { phones: self.phones, passed: self.passed }
    }
}

impl Paper {
    /// The phones that ring when the line of `to` is called, behind all its forwarding.
    pub(super) fn reach(&self, to: usize) -> Result<Reached, Impossible> {
        self.reach_behind(to, Vec::new())
    }

    /// The same behind lines that forwarded already.
    fn reach_behind(&self, to: usize, mut passed: Vec<String>) -> Result<Reached, Impossible> {
        let mut at = to;
        loop {
            let line = &self.phones[at].line;
            if passed.contains(line) {
                let message = format!("calls to `{}` are forwarded in a circle", self.name(to));
                return Err(Impossible::new(message, "let one of its phones forward to another one, or not at all"));
            }
            passed.push(line.clone());
            let of_line = |phone: &usize| self.phones[*phone].line == *line;
            // A number of the cluster leads to its phones, whoever bears it outside.
            let is_own = (0..self.phones.len()).any(|phone| of_line(&phone) && !self.is_outside(phone));
            let is_there = |phone: &usize| match self.is_outside(*phone) {
                true => !is_own,
                false => self.node_of(*phone).is_some(),
            };
            let bearers = || (0..self.phones.len()).filter(of_line).filter(is_there);
            if bearers().next().is_none() {
                let message = format!("no phone of the line of `{}` is registered here", self.name(at));
                return Err(Impossible::new(message, "let it hang up what its dead node has left"));
            }
            let forward = bearers().next().map(|first| &self.phones[first].forward);
            let is_free = |phone: &usize| self.calls_of(*phone).next().is_none() && !self.is_conferred(*phone);
            let free: Vec<usize> = bearers().filter(is_free).collect();
            let (all, busy) = forward.map_or((None, None), |forward| (forward.all, forward.busy));
            match (all, free.is_empty(), busy) {
                (Some(next), ..) | (None, true, Some(next)) => at = next,
                (None, false, _) => return Ok(Reached { phones: free, passed }),
                (None, true, None) => {
                    self.must_be_free(at)?;
                    return Err(Impossible::new(format!("`{}` cannot be reached here", self.name(at)), CALL_FIRST));
                }
            }
        }
    }

    /// These phones ring, and no others, for this call.
    pub(super) fn ring(&mut self, no: CallNo, reached: Reached, instead_of: Option<usize>) {
        self.silence(no);
        for phone in &reached.phones {
            self.active[*phone] = self.active[*phone].or(Some(no));
        }
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.rings = Some(Ringing::new(reached, instead_of));
        }
    }

    /// Nothing rings for this call any more.
    pub(super) fn silence(&mut self, no: CallNo) {
        let rang = self.calls.iter_mut().find(|call| call.no == no).and_then(|call| call.rings.take());
        for phone in rang.into_iter().flat_map(|ringing| ringing.phones) {
            self.leave(phone, no);
        }
    }

    /// Time passes: lines forward that nobody answers, parked calls come back.
    pub(super) fn elapse(&mut self, time: Passed) -> Result<(), Impossible> {
        for (no, rings) in self.calls.iter().map(|call| (call.no, call.rings.is_some())).collect::<Vec<_>>() {
            if rings { self.ring_on(no, time)? } else { self.wait_parked(no, time)? }
        }
        Ok(())
    }

    fn ring_on(&mut self, no: CallNo, time: Passed) -> Result<(), Impossible> {
        let call = self.calls.iter_mut().find(|call| call.no == no);
        if let Some(ringing) = call.and_then(|call| call.rings.as_mut()) {
            ringing.since.add(time);
        }
        self.forward_unanswered(no)
    }

    /// What has rung for so long that its line forwards it rings where that leads.
    fn forward_unanswered(&mut self, no: CallNo) -> Result<(), Impossible> {
        let Some(call) = self.calls.iter().find(|call| call.no == no) else { return Ok(()) };
        let Some(ringing) = &call.rings else { return Ok(()) };
        let (since, instead_of, at) = (ringing.since, ringing.instead_of, ringing.phones[0]);
        let passed = ringing.passed.clone();
        let line = self.phones[at].line.clone();
        if since.most > LONGEST_RING {
            let message = format!("`{}` rings for so long here that CUCM gives its call up", self.name(at));
            return Err(Impossible::new(message, format!("`- answer: {}`, or hang up, before that", self.name(at))));
        }
        let first = self.phones.iter().find(|phone| phone.line == line);
        let Some((to, after)) = first.and_then(|first| first.forward.no_answer) else { return Ok(()) };
        if since.least >= after {
            self.silence(no);
            let reached = match (self.reach_behind(to, passed), instead_of) {
                (Ok(reached), _) => reached,
                (Err(_), Some(by)) if self.is_parked_by(no, by) => {
                    // Nobody can be reached: it stays parked.
                    self.wait_since(no, since.behind(after));
                    return Ok(());
                }
                (Err(why), _) => return Err(why),
            };
            self.ring_since(no, reached, instead_of, since.behind(after));
            return self.forward_unanswered(no);
        }
        doubt(since, after, &format!("the line of `{}` has forwarded the call", self.name(at)))
    }

    /// These phones have rung for this call for so long, and no others.
    fn ring_since(&mut self, no: CallNo, reached: Reached, instead_of: Option<usize>, since: Passed) {
        self.ring(no, reached, instead_of);
        let call = self.calls.iter_mut().find(|call| call.no == no);
        if let Some(ringing) = call.and_then(|call| call.rings.as_mut()) {
            ringing.since = since;
        }
    }

    fn wait_parked(&mut self, no: CallNo, time: Passed) -> Result<(), Impossible> {
        let Some(call) = self.calls.iter_mut().find(|call| call.no == no) else { return Ok(()) };
        let Some(parked) = &mut call.parked else { return Ok(()) };
        parked.waits.add(time);
        let (by, waits) = (parked.by, parked.waits);
        if waits.least >= REVERSION {
            parked.waits = Passed::default();
            if let Ok(phones) = self.reach(by) {
                self.ring_since(no, phones, Some(by), waits.behind(REVERSION));
            }
            return self.forward_unanswered(no);
        }
        doubt(waits, REVERSION, &format!("the call that `{}` parked has come back", self.name(by)))
    }

    /// A parked call that rang where it was parked waits as long again.
    pub(super) fn wait_anew(&mut self, no: CallNo) {
        self.wait_since(no, Passed::default());
    }

    /// A parked call has waited again for so long.
    fn wait_since(&mut self, no: CallNo, waits: Passed) {
        let parked = self.calls.iter_mut().find(|call| call.no == no).and_then(|call| call.parked.as_mut());
        if let Some(parked) = parked {
            parked.waits = waits;
        }
    }

    fn is_parked_by(&self, no: CallNo, by: usize) -> bool {
        self.calls.iter().any(|call| call.no == no && call.parked.as_ref().is_some_and(|parked| parked.by == by))
    }

    /// The phone is out of its call, which waits.
    pub(super) fn park(&mut self, phone: usize) -> Result<(), Impossible> {
        if self.place_mut(phone).is_some_and(|member| member.holds) {
            let name = self.name(phone);
            return Err(Impossible::new(format!("`{name}` holds its call"), format!("`- resume: {name}` first")));
        }
        self.leave_parked(phone, None)
    }

    /// The phone transfers its call, which it holds first, to a number where it waits.
    pub(super) fn park_at(&mut self, phone: usize, at: u32) -> Result<(), Impossible> {
        let taken = self.calls.iter().filter_map(|call| call.parked.as_ref()).find(|parked| parked.at == Some(at));
        if let Some(by) = taken.map(|parked| parked.by) {
            let (name, by) = (self.name(phone), self.name(by));
            let message = format!("`{by}` has parked a call at number {at}, so that `{name}` would keep its own");
            return Err(Impossible::new(message, format!("`- retrieve: {{ by: <phone>, parked by: {by} }}` first")));
        }
        self.must_talk(phone)?;
        self.put_on_hold(phone);
        self.settle(Change::Other);
        self.leave_parked(phone, Some(at))
    }

    fn leave_parked(&mut self, phone: usize, at: Option<u32>) -> Result<(), Impossible> {
        let no = self.must_talk(phone)?;
        // Which of two a retrieval meant could not be told.
        if self.calls.iter().any(|call| call.parked.as_ref().is_some_and(|parked| parked.by == phone)) {
            let name = self.name(phone);
            let help = format!("`- retrieve: {{ by: <phone>, parked by: {name} }}` first");
            return Err(Impossible::new(format!("`{name}` has parked a call already"), help));
        }
        let node = self.node_of(phone);
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.parked = Some(Parked { by: phone, at, waits: Passed::default(), node });
        }
        self.put_on_hold(phone);
        self.drop_out(no, phone);
        Ok(())
    }

    /// A phone takes the place of whoever parked the call.
    pub(super) fn retrieve(&mut self, phone: usize, parked_by: usize) -> Result<(), Impossible> {
        self.must_be_free(phone)?;
        let is_it = |call: &&Call| call.parked.as_ref().is_some_and(|parked| parked.by == parked_by);
        let Some(no) = self.calls.iter().find(is_it).map(|call| call.no) else {
            let name = self.name(parked_by);
            return Err(Impossible::new(
                format!("`{name}` has parked no call here"),
                format!("`- park: {name}` first"),
            ));
        };
        self.silence(no);
        self.take_place(no, parked_by, Member { phone, holds: false, is_here: true });
        Ok(())
    }

    /// Who waits in the call that a phone parked first.
    pub(crate) fn waits_in_park(&self, parked_by: usize) -> Option<Far> {
        let is_it = |call: &&Call| call.parked.as_ref().is_some_and(|parked| parked.by == parked_by);
        let call = self.calls.iter().find(is_it)?;
        let waits = call.members.iter().find(|member| member.is_here)?;
        Some(if call.conference.is_some() { Far::Bridge(call.no) } else { Far::Phone(waits.phone) })
    }

    /// A phone takes the oldest call that rings in its call pickup group.
    pub(super) fn pick_up(&mut self, phone: usize) -> Result<(), Impossible> {
        self.must_be_free(phone)?;
        let name = self.name(phone);
        let Some(group) = self.phones[phone].pickup_group.clone() else {
            let message = format!("`{name}` is in no call pickup group");
            return Err(Impossible::new(message, "give it and the phone that rings one `pickup group`"));
        };
        let is_of_group = |other: &usize| *other != phone && self.phones[*other].pickup_group.as_ref() == Some(&group);
        let rings = |call: &&Call| call.rings.as_ref().is_some_and(|ringing| ringing.phones.iter().any(is_of_group));
        let Some(call) = self.calls.iter().find(rings) else {
            let message = format!("nothing rings here in the call pickup group of `{name}`");
            return Err(Impossible::new(message, "call a phone of its group first"));
        };
        let (no, instead_of) = (call.no, call.rings.as_ref().and_then(|ringing| ringing.instead_of));
        self.silence(no);
        self.come(no, phone, instead_of);
        Ok(())
    }

    /// A phone has answered, or picked up, in its own place or in that of `instead_of`.
    pub(super) fn come(&mut self, no: CallNo, phone: usize, instead_of: Option<usize>) {
        let member = Member { phone, holds: false, is_here: true };
        match instead_of {
            Some(by) => self.take_place(no, by, member),
            None => {
                self.active[phone] = Some(no);
                if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
                    call.members.push(member);
                }
            }
        }
    }

    /// The call that rings at a phone, or that it is in, rings at another one.
    pub(super) fn redirect(&mut self, call_of: usize, to: usize) -> Result<(), Impossible> {
        if let Some(call) = self.calls.iter().find(|call| call.rings_at(call_of)) {
            let (no, instead_of) = (call.no, call.rings.as_ref().and_then(|ringing| ringing.instead_of));
            let phones = self.reach(to)?;
            self.ring(no, phones, instead_of);
            return Ok(());
        }
        let no = self.must_talk(call_of)?;
        if self.calls_of(call_of).count() > 1 {
            let message = format!("`{}` has two calls here", self.name(call_of));
            return Err(Impossible::new(message, format!("`- hang up: {}` first", self.name(call_of))));
        }
        let phones = self.reach(to)?;
        self.put_on_hold(call_of);
        self.settle(Change::Other);
        self.ring(no, phones, Some(call_of));
        self.drop_out(no, call_of);
        Ok(())
    }

    /// The call that another phone of this one's line holds, and that phone.
    pub(super) fn held_elsewhere(&self, phone: usize) -> Option<(CallNo, usize)> {
        if self.calls_of(phone).next().is_some() {
            return None;
        }
        let of_line = |member: &&Member| {
            member.holds
                && member.is_here
                && member.phone != phone
                && self.phones[member.phone].line == self.phones[phone].line
        };
        let is_still = |call: &&Call| {
            call.is_answered() && call.rings.is_none() && call.parked.is_none() && call.conference.is_none()
        };
        let held = |call: &Call| Some((call.no, call.members.iter().find(of_line)?.phone));
        self.calls.iter().filter(is_still).find_map(held)
    }
}

/// A file must say clearly what time it is.
fn doubt(since: Passed, after: Duration, what: &str) -> Result<(), Impossible> {
    if since.most + DOUBT <= after {
        return Ok(());
    }
    let Passed { least, most } = since;
    let until =
        if most > least { format!(", or as much as {most:?} where steps take their time") } else { String::new() };
    let message = format!("nobody can say whether {what} by now: {least:?} of {after:?} are over{until}");
    Err(Impossible::new(message, format!("wait until {after:?} are over, or a second less")))
}
