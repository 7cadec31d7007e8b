//! Barge and cBarge: another phone of a shared line comes into its call.

use super::super::ast::Action;
use super::conference::Controller;
use super::{Call, CallNo, Impossible, Member, Paper};

impl Paper {
    /// Everybody moves to a conference bridge.
    pub(super) fn c_barge(&mut self, phone: usize) -> Result<(), Impossible> {
        let no = self.talks_elsewhere(phone)?;
        let phones = &self.phones;
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            // The one into whose call it comes is the controller.
            let target = call.members.iter().find(|member| phones[member.phone].line == phones[phone].line);
            let controller = target.map(|target| Controller::maker(target.phone));
            call.conference = call.conference.or(controller);
            call.members.push(Member { phone, holds: false, is_here: true });
        }
        self.active[phone] = Some(no);
        Ok(())
    }

    /// The phone comes in by the built-in bridge of the one that talks: the call stays as it is.
    pub(super) fn barge(&mut self, phone: usize) -> Result<(), Impossible> {
        let no = self.talks_elsewhere(phone)?;
        let call = self.calls.iter().find(|call| call.no == no);
        if call.is_some_and(|call| call.conference.is_some()) {
            let message =
                "the call of this line is a conference, into which no built-in bridge lets anybody".to_owned();
            return Err(Impossible::new(message, "use `- cBarge: <phone>`"));
        }
        let target =
            call.and_then(|call| call.members.iter().find(|m| self.phones[m.phone].line == self.phones[phone].line));
        if let Some(target) = target.filter(|target| !self.phones[target.phone].built_in_bridge) {
            let message =
                format!("the built-in bridge of `{}` is off, so nobody can come in by it", self.name(target.phone));
            return Err(Impossible::new(message, "use `- cBarge: <phone>`, or leave `built-in bridge: off` out"));
        }
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.guest = Some(phone);
        }
        self.active[phone] = Some(no);
        Ok(())
    }

    /// Whoever has barged in leaves. False where the phone has not.
    pub(super) fn leave_as_guest(&mut self, phone: usize) -> bool {
        let Some(call) = self.calls.iter_mut().find(|call| call.guest == Some(phone)) else { return false };
        call.guest = None;
        let no = call.no;
        self.leave(phone, no);
        true
    }

    /// The phone on whose bridge somebody has barged in hangs up: that one takes its place. False where nobody has.
    pub(super) fn leave_to_guest(&mut self, phone: usize) -> bool {
        let Some((no, guest)) = self.guest_of(phone) else { return false };
        self.release_guest(phone);
        self.seat(no, phone, Member { phone: guest, holds: false, is_here: true });
        true
    }

    /// Whether somebody has barged in on the bridge of a phone, and stays when it hangs up.
    pub(crate) fn leaves_to_guest(&self, phone: usize) -> bool {
        self.guest_of(phone).is_some()
    }

    /// That phone does something else with its call: whoever has barged in is out of it.
    fn release_guest(&mut self, target: usize) {
        let Some((no, guest)) = self.guest_of(target) else { return };
        if let Some(call) = self.calls.iter_mut().find(|call| call.no == no) {
            call.guest = None;
        }
        self.leave(guest, no);
    }

    /// Who has barged in on the bridge of a phone, and the call.
    fn guest_of(&self, target: usize) -> Option<(CallNo, usize)> {
        let is_of_line = |guest: usize| guest != target && self.phones[guest].line == self.phones[target].line;
        let mut calls = self.calls.iter().filter(|call| call.member(target).is_some());
        calls.find_map(|call| Some((call.no, call.guest.filter(|guest| is_of_line(*guest))?)))
    }

    /// The phone on whose bridge somebody has barged in, to talk with this one too.
    fn barged_with(&self, party: usize) -> Option<usize> {
        let call = self.calls.iter().find(|call| call.guest.is_some() && call.member(party).is_some())?;
        call.members.iter().map(|member| member.phone).find(|phone| *phone != party && self.guest_of(*phone).is_some())
    }

    /// While somebody has barged in, the phones talk or hang up, the other party may hold, and the one on whose bridge it is may do more,
    /// which releases the guest ("Barge" in Cisco's Feature Configuration Guide).
    pub(super) fn must_suit_guests(&mut self, action: &Action) -> Result<(), Impossible> {
        let suits = matches!(
            action,
            Action::HangUp(_)
                | Action::Talk(_)
                | Action::Wait(_)
                | Action::Mute(..)
                | Action::Inject(_)
                | Action::ChangeStreams(_)
                | Action::CloseConnection(_)
                | Action::CucmSends { .. }
                | Action::RecorderDoes { .. }
                | Action::Hold(_)
                | Action::Resume(_)
                | Action::Dtmf { .. }
                | Action::FailNode(_)
                | Action::RestoreNode(_)
        );
        let by = match action {
            Action::Hold(by)
            | Action::Transfer { by, .. }
            | Action::Consult { by, .. }
            | Action::Park(by)
            | Action::ParkAt { by, .. } => Some(*by),
            _ => None,
        };
        let Some(guest) = self.calls.iter().find_map(|call| call.guest) else { return Ok(()) };
        // It has no call of its own that it could hold.
        let is_its_own =
            matches!(action, Action::Hold(by) | Action::Resume(by) | Action::Dtmf { by, .. } if *by == guest);
        let target = match action {
            // What the other party does with the call releases the guest, too (inferred), unless it holds.
            Action::Transfer { by, .. } | Action::Park(by) | Action::ParkAt { by, .. } => self.barged_with(*by),
            _ => None,
        };
        match by.filter(|by| self.guest_of(*by).is_some()).or(target) {
            Some(by) => self.release_guest(by),
            None if suits && !is_its_own => {}
            None => {
                let name = self.name(guest);
                let message = format!("`{name}` has barged in here, and nothing else can be done with calls meanwhile");
                let help = format!("`- hang up: {name}`, or hold, transfer or park the call where it has barged in");
                return Err(Impossible::new(message, help));
            }
        }
        Ok(())
    }

    /// Whether anybody has barged in.
    pub(crate) fn has_guest(&self) -> bool {
        self.calls.iter().any(|call| call.guest.is_some())
    }

    /// A call in which another phone of the line talks.
    fn talks_elsewhere(&self, phone: usize) -> Result<CallNo, Impossible> {
        self.must_be_free(phone)?;
        let line = self.phones.get(phone).map_or("", |phone| phone.line.as_str());
        let is_of_line = |member: &Member| member.phone != phone && self.phones[member.phone].line == line;
        let talks = |call: &&Call| {
            let is_up = call.is_answered() && call.rings.is_none() && call.parked.is_none();
            let is_up = is_up && call.guest.is_none() && call.lost.is_empty();
            is_up && call.members.iter().all(|member| !member.holds && member.is_here)
        };
        let call = self.calls.iter().filter(talks).find(|call| call.members.iter().any(is_of_line));
        call.map(|call| call.no).ok_or_else(|| {
            let message = format!("no other phone of the line of `{}` talks here", self.name(phone));
            Impossible::new(message, "let one answer a call first; both phones need `shared line: true`")
        })
    }
}
