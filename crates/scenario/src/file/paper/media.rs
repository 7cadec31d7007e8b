//! What phones do to media: it needs a call, and changes none.

use ::media::ledger::Leg;

use super::super::ast::{ChangedStream, Inject, Injected, Renumbered, StreamChange};
use super::{ANSWER_FIRST, CALL_FIRST, Impossible, Paper};

impl Paper {
    pub(super) fn inject(&mut self, Inject { phone, what, legs, .. }: &Inject) -> Result<(), Impossible> {
        // While its far end holds a phone sends what it hears there, and nothing of its own.
        self.must_fork(*phone, !legs.contains(&Leg::Far))?;
        let recording = self.recordings().iter().find(|recording| recording.phone == *phone);
        if let Some(recording) = recording.filter(|recording| !legs.iter().all(|leg| self.flows(recording, *leg))) {
            let message = format!("nothing is sent to the recording of `{}` here", self.name(recording.phone));
            return Err(Impossible::new(message, "let another recording begin first, as by a hold or another call"));
        }
        let needs_key = matches!(what, Injected::PlainRtp | Injected::FlippedTag { .. } | Injected::Forged { .. });
        if needs_key && self.phones.get(*phone).is_some_and(|phone| !phone.encrypted) {
            let message = format!("`{}` is recorded in clear, where nothing is authenticated", self.name(*phone));
            return Err(Impossible::new(message, "give it `security: encrypted`"));
        }
        Ok(())
    }

    /// Keys are heard only where both talk; a conference bridge takes none.
    pub(super) fn dtmf(&self, phone: usize) -> Result<(), Impossible> {
        let talks = self.active(phone).is_some_and(|call| {
            let all_talk = call.members.iter().all(|member| !member.holds && member.is_here);
            call.is_answered() && call.member(phone).is_some() && all_talk && call.conference.is_none()
        });
        if talks {
            return Ok(());
        }
        let message = format!("`{}` talks to nobody here who would hear its keys", self.name(phone));
        Err(Impossible::new(message, ANSWER_FIRST))
    }

    pub(super) fn mute(&mut self, phone: usize, off: bool) -> Result<(), Impossible> {
        let name = self.name(phone);
        if self.active(phone).is_none_or(|call| call.member(phone).is_none()) {
            return Err(Impossible::new(format!("`{name}` is in no call here"), CALL_FIRST));
        }
        if !off && !self.muted.contains(&phone) {
            return Err(Impossible::new(format!("`{name}` is not muted here"), format!("`- mute: {name}` first")));
        }
        self.muted.retain(|muted| *muted != phone);
        self.muted.extend(off.then_some(phone));
        Ok(())
    }

    /// Calls that are up keep their numbers. Of a node that is started again a recorder knows by its count of dialogs, which falls back:
    /// a second time, after a few calls, it is too low to fall.
    pub(super) fn renumber(&mut self, why: Renumbered) -> Result<(), Impossible> {
        if let Some(phone) = self.calls.first().and_then(|call| call.phones().next()) {
            let help = format!("end it first, with `- hang up: {}`", self.name(phone));
            return Err(Impossible::new("a call is up here, whose numbers are given out already".to_owned(), help));
        }
        if why == Renumbered::Restarted && std::mem::replace(&mut self.is_restarted, true) {
            let message =
                "CUCM has been started again before, and has not counted far since: nobody could tell".to_owned();
            return Err(Impossible::new(message, "`- renumber: another cluster` instead, or another scenario"));
        }
        Ok(())
    }

    /// Streams can be changed while there are any.
    pub(super) fn change_streams(&mut self, StreamChange { phone, what }: StreamChange) -> Result<(), Impossible> {
        // Streams flow on while the far end holds and the recording is kept. Whether another codec is ever spoken is another matter.
        self.must_fork(phone, false)?;
        let in_clear = match what {
            ChangedStream::Key { .. } => Some("where there is no key"),
            ChangedStream::Source
            | ChangedStream::Sequence
            | ChangedStream::Codec(_)
            | ChangedStream::PacketTime(_) => None,
        };
        if let Some(why) = in_clear.filter(|_| self.phones.get(phone).is_some_and(|phone| !phone.encrypted)) {
            let message = format!("`{}` is recorded in clear, {why}", self.name(phone));
            return Err(Impossible::new(message, "give it `security: encrypted`"));
        }
        let recordings = self.recordings().iter().find(|recording| recording.phone == phone);
        if recordings.is_some_and(|recording| !self.is_whole(recording)) {
            let message = format!("a leg of the recording of `{}` was ended here", self.name(phone));
            return Err(Impossible::new(message, "let another recording begin first, as by a hold or another call"));
        }
        // What is agreed on anew waits for the recorder; what is not can only be seen while it flows.
        let is_seen = matches!(what, ChangedStream::Source | ChangedStream::Sequence);
        if is_seen && recordings.is_some_and(|recording| self.is_paused(recording)) {
            let message = format!("the recorder has paused the recording of `{}` here", self.name(phone));
            return Err(Impossible::new(message, "`- recorder resumes: both` first"));
        }
        Ok(())
    }

    /// The phone's own bridge sends a recording; `heard` asks for somebody at the other end too.
    fn must_fork(&mut self, phone: usize, heard: bool) -> Result<(), Impossible> {
        if self.place_mut(phone).is_none() {
            let message = format!("`{}` is in no answered call here, so it forks nothing", self.name(phone));
            return Err(Impossible::new(message, ANSWER_FIRST));
        }
        let talks = self.active(phone).is_some_and(|call| {
            let mut members = call.members.iter().filter(|member| heard || member.phone == phone);
            let all_talk = members.all(|member| !member.holds && member.is_here);
            call.parked.is_none() && (all_talk || call.conference.is_some())
        });
        if !talks {
            let message = format!("`{}` talks to nobody here, so it forks no call", self.name(phone));
            return Err(Impossible::new(message, "let both talk first"));
        }
        let Some(recording) = self.recordings().iter().find(|recording| recording.phone == phone) else {
            let message = format!("no recording of `{}` runs here, so it has no streams to change", self.name(phone));
            return Err(Impossible::new(message, "record its line with `recording: automatic`, and let it talk"));
        };
        if self.is_forked_by_gateway(recording) {
            let message =
                format!("a gateway forks the recording of `{}` here, so the phone has no streams", self.name(phone));
            return Err(Impossible::new(
                message,
                "leave `recording media source: gateway` out, or let it talk to a phone",
            ));
        }
        Ok(())
    }

    pub(super) fn talk(&self) -> Result<(), Impossible> {
        if self.calls.iter().any(super::Call::is_answered) {
            return Ok(());
        }
        Err(Impossible::new("nobody is in an answered call here".to_owned(), ANSWER_FIRST))
    }
}
