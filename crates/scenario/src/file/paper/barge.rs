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

    /// While somebody has barged in, the phones talk or hang up.
    pub(super) fn must_suit_guests(&self, action: &Action) -> Result<(), Impossible> {
        let suits = matches!(
            action,
            Action::HangUp(_) | Action::Talk(_) | Action::Wait(_) | Action::Mute(..) | Action::Inject(_)
        );
        match self.calls.iter().find_map(|call| call.guest) {
            Some(guest) if !suits => {
                let name = self.name(guest);
                let message = format!("`{name}` has barged in here, and nothing else can be done with calls meanwhile");
                Err(Impossible::new(message, format!("`- hang up: {name}` first")))
            }
            _ => Ok(()),
        }
    }

    /// A call in which another phone of the line talks.
    fn talks_elsewhere(&self, phone: usize) -> Result<CallNo, Impossible> {
        self.must_be_free(phone)?;
        let line = self.phones.get(phone).map_or("", |phone| phone.line.as_str());
        let is_of_line = |member: &Member| member.phone != phone && self.phones[member.phone].line == line;
        let talks = |call: &&Call| {
            let is_up = call.is_answered() && call.rings.is_none() && call.parked.is_none() && call.guest.is_none();
            is_up && call.members.iter().all(|member| !member.holds && member.is_here)
        };
        let call = self.calls.iter().filter(talks).find(|call| call.members.iter().any(is_of_line));
        call.map(|call| call.no).ok_or_else(|| {
            let message = format!("no other phone of the line of `{}` talks here", self.name(phone));
            Impossible::new(message, "let one answer a call first; both phones need `shared line: true`")
        })
    }
}
