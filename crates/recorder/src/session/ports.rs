//! From an open port to an answer: when it is due, and what it says.

use std::net::SocketAddr;
use std::time::Instant;

use super::leg::{Leg, State};
use super::media::{Local, Theirs};
use super::replies;
use super::timer::Terms;
use super::{FAR_FIRST, LegId, Output, Sessions};
use crate::metadata::Side;

impl Sessions {
    pub(super) fn on_bound(&mut self, now: Instant, id: LegId, address: SocketAddr) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.state == State::Binding) else { return };
        leg.local = Some(Local::offer(&self.config, address, leg.session, &mut self.rng));
        let far_first = (self.config.far_first && leg.side == Side::Near).then(|| now + FAR_FIRST);
        leg.state = State::Waiting { due: now + self.config.answer_after, far_first };
        self.note(id, |leg| leg.received_on = Some(address.to_string()));
        self.answer_what_is_due(now);
    }

    pub(super) fn on_no_port(&mut self, now: Instant, id: LegId, why: &str) {
        self.hang_up(now, id, "recorder", &format!("no media port: {why}"));
    }

    /// When a leg's answer is due, or when it is given up; `None` where none is held back.
    pub(super) fn due(&self, leg: &Leg) -> Option<Instant> {
        let State::Waiting { due, far_first } = &leg.state else { return None };
        if leg.again_until.is_some() {
            return leg.again_until;
        }
        match far_first {
            Some(give_up) if !self.far_is_answered(leg) => Some(*due.max(give_up)),
            _ => Some(*due),
        }
    }

    fn far_is_answered(&self, near: &Leg) -> bool {
        let far = |leg: &&Leg| leg.recording == near.recording && leg.side == Side::Far;
        self.legs.values().find(far).is_some_and(Leg::is_answered)
    }

    /// Answers every leg whose time has come. Answering a far leg may make a near one due.
    pub(super) fn answer_what_is_due(&mut self, now: Instant) {
        while let Some(id) =
            self.legs.values().find(|leg| self.due(leg).is_some_and(|due| due <= now)).map(|leg| leg.id)
        {
            self.answer(now, id);
        }
    }

    fn answer(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.legs.get(&id) else { return };
        if leg.again_until.is_some() {
            self.end(now, id, "connection", "the connection was lost before the answer");
            return;
        }
        let (key, invite, tag) = (leg.key, leg.invite.clone(), leg.dialog.local_tag.clone());
        // Every way out of here leaves the state Waiting, or the caller would come back for ever.
        match self.answer_text(id, &invite) {
            Ok(text) => {
                let Some(leg) = self.legs.get_mut(&id) else { return };
                leg.state = State::Answered;
                let flow = leg.flow;
                let transport = self.flows.get(&flow).map_or(sip::Transport::Tls, |(transport, _)| *transport);
                let contact = replies::contact(&self.config, transport);
                let terms = Terms::of(&invite, self.config.refreshes);
                let message = replies::accepted(&self.config, &invite, &tag, &contact, (Some(&text), terms));
                self.outputs.push_back(Output::Respond { key, message });
                self.keep_time(now, id, terms);
                let at = self.rfc3339(now);
                self.note(id, |leg| leg.answered = Some(at));
            }
            Err(why) => {
                self.counters.refused += 1;
                self.respond(key, replies::plain(&invite, 488, "Not Acceptable Here", &tag).finish());
                self.end(now, id, "refused", &why);
            }
        }
    }

    /// Our offer, or our answer to the INVITE's; then the keys are known already.
    fn answer_text(&mut self, id: LegId, invite: &sip::Message) -> Result<String, String> {
        let leg = self.legs.get_mut(&id).ok_or_else(|| "no such leg".to_owned())?;
        let local = leg.local.as_ref().ok_or_else(|| "no media port".to_owned())?;
        if invite.body().is_empty() {
            leg.awaits_answer = true;
            return Ok(local.text());
        }
        let offer = Theirs::read(invite.body()).map_err(|error| error.to_string())?;
        let (local, agreed) = local.answer(&offer, &self.config, &mut self.rng).map_err(|misfit| misfit.to_string())?;
        let text = local.text();
        leg.awaits_answer = false;
        leg.local = Some(local);
        self.listen(id, agreed);
        Ok(text)
    }

    /// Tells the port its keys.
    pub(super) fn listen(&mut self, id: LegId, agreed: super::media::Agreed) {
        self.note_media(id, agreed.codec, &agreed.media);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.listens = true;
        }
        self.outputs.push_back(Output::Listen { leg: id, media: Box::new(agreed.media) });
    }
}
