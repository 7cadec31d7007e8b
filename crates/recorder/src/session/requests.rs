//! Requests of CUCM: what each is answered, and what it changes.

use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use sip::{Dialog, FlowId, Message, ServerKey};

use super::leg::{Leg, State};
use super::media::{Local, Theirs};
use super::pairing::{Key, Parameters};
use super::replies::{self, FALLBACK, lists};
use super::timer::{self, Terms};
use super::{LegId, Output, Sessions};
use crate::config::SrtpPolicy;
use crate::fault::Fault;
use crate::metadata::Side;

/// The option tags that a Require may name.
const KNOWN: [&str; 2] = ["timer", FALLBACK];

impl Sessions {
    pub(super) fn on_request(&mut self, now: Instant, key: ServerKey, flow: FlowId, request: Message) {
        let in_dialog = request.to().ok().and_then(|to| to.tag().map(str::to_owned));
        let leg = in_dialog.as_ref().and_then(|tag| self.tags.get(tag)).copied();
        let leg = leg.filter(|id| self.legs.get(id).is_some_and(|leg| leg.dialog.matches(&request)));
        match (request.method().unwrap_or_default(), leg) {
            ("OPTIONS", _) => {
                self.counters.options += 1;
                let tag = self.tag();
                // fault: the ping gets no answer, or one that says no.
                let answer = match self.config.fault {
                    Fault::IgnoreOptions => return,
                    Fault::RefuseOptions => replies::options(&request, &tag, false),
                    _ => replies::options(&request, &tag, self.healthy),
                };
                self.respond(key, answer);
            }
            ("INVITE", None) if in_dialog.is_none() => self.on_invite(now, key, flow, request),
            (_, None) if in_dialog.is_some() => self.refuse(key, &request, 481, "Call/Transaction Does Not Exist"),
            (_, Some(leg)) => self.on_request_within(now, key, flow, leg, &request),
            ("BYE" | "UPDATE" | "PRACK" | "INFO", None) => {
                self.refuse(key, &request, 481, "Call/Transaction Does Not Exist");
            }
            ("SUBSCRIBE" | "NOTIFY" | "PUBLISH", None) => self.refuse(key, &request, 489, "Bad Event"),
            ("REGISTER" | "REFER" | "MESSAGE", None) => self.not_allowed(key, &request),
            (_, None) => self.refuse(key, &request, 501, "Not Implemented"),
        }
    }

    /// A request of a dialog of ours.
    fn on_request_within(&mut self, now: Instant, key: ServerKey, flow: FlowId, id: LegId, request: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        // fault: a dialog is a connection.
        if self.config.fault == Fault::SameConnectionOnly && leg.flow != flow {
            return self.refuse(key, request, 481, "Call/Transaction Does Not Exist");
        }
        if leg.dialog.accept(request).is_err() {
            self.refuse(key, request, 500, "CSeq Out Of Order");
            return;
        }
        leg.flow = flow;
        let tag = leg.dialog.local_tag.clone();
        match request.method().unwrap_or_default() {
            // fault: what is no part of a plain call hangs.
            "INFO" | "NOTIFY" | "SUBSCRIBE" | "UPDATE" if self.config.fault == Fault::IgnoreRequests => {}
            // fault: it says that the call is over, and goes on.
            "BYE" if self.config.fault == Fault::IgnoreBye => {
                self.respond(key, replies::plain(request, 200, "OK", &tag).finish());
            }
            "BYE" => {
                let reason = request.header("Reason").map_or_else(|| "BYE".to_owned(), |reason| reason.into_owned());
                self.respond(key, replies::plain(request, 200, "OK", &tag).finish());
                self.on_bye(now, id, &reason);
            }
            "INVITE" | "UPDATE" => self.on_update(now, key, id, request),
            "INFO" => {
                let known = request.content_type().is_none_or(|kind| {
                    let kind = kind.to_ascii_lowercase();
                    kind.starts_with("application/x-cisco") || kind.starts_with("application/dtmf")
                });
                let (code, text) = if known { (200, "OK") } else { (415, "Unsupported Media Type") };
                self.respond(key, replies::plain(request, code, text, &tag).finish());
            }
            "SUBSCRIBE" | "NOTIFY" => self.respond(key, replies::plain(request, 489, "Bad Event", &tag).finish()),
            "PRACK" => self.refuse(key, request, 481, "Call/Transaction Does Not Exist"),
            _ => self.not_allowed(key, request),
        }
    }

    fn not_allowed(&mut self, key: ServerKey, request: &Message) {
        let tag = self.tag();
        self.respond(key, replies::not_allowed(request, &tag));
    }

    fn on_bye(&mut self, now: Instant, id: LegId, reason: &str) {
        let Some(leg) = self.legs.get(&id) else { return };
        let (pending, invite, tag) = (leg.key, leg.invite.clone(), leg.dialog.local_tag.clone());
        if matches!(leg.state, State::Binding | State::Waiting { .. }) {
            self.respond(pending, replies::plain(&invite, 487, "Request Terminated", &tag).finish());
        }
        self.end(now, id, "peer", reason);
        // fault: the other leg ends too.
        if self.config.fault == Fault::EndTogether {
            for other in self.open_legs() {
                self.end(now, other, "peer", reason);
            }
        }
    }

    /// An INVITE that opens a dialog.
    fn on_invite(&mut self, now: Instant, key: ServerKey, flow: FlowId, invite: Message) {
        if self.misbehaves(flow) {
            return;
        }
        if let Err((code, text)) = self.acceptable(&invite) {
            self.counters.refused += 1;
            let mut answer = self.refusal(&invite, code, text);
            match code {
                420 => {
                    let unknown: Vec<String> = invite
                        .require()
                        .into_iter()
                        .filter(|tag| !KNOWN.iter().any(|k| k.eq_ignore_ascii_case(tag)))
                        .collect();
                    answer = answer.header("Unsupported", unknown.join(", "));
                }
                422 => answer = answer.header("Min-SE", self.config.min_session.as_secs()),
                503 => answer = answer.header("Retry-After", 10),
                _ => {}
            }
            self.respond(key, answer.finish());
            return;
        }
        let before = self
            .same_dialog(&invite)
            .filter(|leg| leg.again_until.is_some())
            .map(|leg| (leg.id, leg.dialog.local_tag.clone()));
        let tag = before.as_ref().map_or_else(|| self.tag(), |(_, tag)| tag.clone());
        let Ok((dialog, from)) = Dialog::from_request(&invite, &tag).and_then(|dialog| Ok((dialog, invite.from_()?)))
        else {
            self.counters.refused += 1;
            self.refuse(key, &invite, 400, "Bad Request");
            return;
        };
        match before {
            Some((id, _)) => self.readmit(now, (id, key), flow, invite, dialog),
            None => self.admit(now, key, flow, invite, dialog, &Parameters::of(&from).but_for(self.config.fault)),
        }
    }

    /// The open leg of this dialog, where an INVITE began it before.
    fn same_dialog(&self, invite: &Message) -> Option<&Leg> {
        let call_id = invite.call_id().unwrap_or_default();
        let tag = invite.from_().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let same = |leg: &&Leg| leg.is_open() && leg.dialog.call_id == call_id && leg.dialog.remote_tag == tag;
        self.legs.values().find(same)
    }

    /// Whether an INVITE can be answered at all; else code and reason phrase.
    fn acceptable(&self, invite: &Message) -> Result<(), (u16, &'static str)> {
        // fault: no call is taken.
        match self.config.fault {
            Fault::Unavailable => return Err((503, "Service Unavailable")),
            Fault::Busy => return Err((486, "Busy Here")),
            _ => {}
        }
        let user = invite.request_uri().and_then(|uri| uri.parse::<sip::Uri>().ok()).and_then(|uri| uri.user);
        if !self.config.user.is_empty() && user.as_deref() != Some(self.config.user.as_str()) {
            return Err((404, "Not Found"));
        }
        if invite.require().iter().any(|tag| !KNOWN.iter().any(|known| known.eq_ignore_ascii_case(tag))) {
            return Err((420, "Bad Extension"));
        }
        if timer::is_too_short(invite, self.config.min_session.as_secs()) {
            return Err((422, "Session Interval Too Small"));
        }
        if !invite.body().is_empty() && !invite.has_content_type("application/sdp") {
            return Err((415, "Unsupported Media Type"));
        }
        if !invite.body().is_empty() && Theirs::read(invite.body()).is_err() {
            return Err((488, "Not Acceptable Here"));
        }
        match self.same_dialog(invite) {
            // The connection of the first one is gone: this one takes its place.
            Some(leg) if leg.again_until.is_some() => Ok(()),
            // The same INVITE by another way (RFC 3261 §8.2.2.2).
            // fault: it is another call.
            Some(_) if self.config.fault == Fault::TakeRepeatForCall => Ok(()),
            Some(_) => Err((482, "Loop Detected")),
            None if self.healthy => Ok(()),
            None => Err((503, "Service Unavailable")),
        }
    }

    /// An INVITE takes the place of the one whose connection was lost before it was answered.
    fn readmit(&mut self, now: Instant, (id, key): (LegId, ServerKey), flow: FlowId, invite: Message, dialog: Dialog) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        self.invites.remove(&leg.key);
        self.invites.insert(key, id);
        leg.dialog = Dialog { local_cseq: leg.dialog.local_cseq, ..dialog };
        (leg.invite, leg.key, leg.flow, leg.again_until) = (invite, key, flow, None);
        self.answer_what_is_due(now);
    }

    /// Makes the leg, in its recording or in a new one.
    fn admit(
        &mut self,
        now: Instant,
        key: ServerKey,
        flow: FlowId,
        invite: Message,
        mut dialog: Dialog,
        parameters: &Parameters,
    ) {
        dialog.local_cseq = 100;
        let call = parameters.key(&dialog.call_id, &dialog.remote_tag);
        let node = self.flows.get(&flow).map(|(_, peer)| peer.ip());
        let (side, is_named) = self.side_of(parameters, &call, node);
        let running = self.recording_for(&call, side, node);
        if running.is_none() && self.recordings.len() >= self.config.max_sessions {
            self.counters.refused += 1;
            // fault: busy, for which CUCM looks no further.
            let (code, reason) = match self.config.fault {
                Fault::BusyWhenFull => (486, "Busy Here"),
                _ => (503, "Service Unavailable"),
            };
            let answer = self.refusal(&invite, code, reason).header("Retry-After", 10).finish();
            self.respond(key, answer);
            return;
        }
        self.counters.invites += 1;
        self.trust_date(now, &invite);
        let recording = running.unwrap_or_else(|| {
            let told = (parameters, dialog.remote_tag.as_str());
            self.begin(now, (call, side), node, told)
        });
        if !is_named {
            self.flag(recording, "leg-unknown");
        }
        let mut described = self.describe(now, &invite, side, self.flows.get(&flow).copied(), parameters);
        described.local_tag.clone_from(&dialog.local_tag);
        let slot = self.add_leg(recording, described);
        let id = LegId(self.number());
        self.tags.insert(dialog.local_tag.clone(), id);
        self.invites.insert(key, id);
        let peer_falls_back = lists(&invite.supported(), FALLBACK);
        let session = u64::from(id.0);
        self.legs.insert(
            id,
            Leg {
                id,
                recording,
                side,
                slot,
                state: State::Binding,
                dialog,
                invite,
                key,
                again_until: None,
                flow,
                local: None,
                awaits_answer: false,
                listens: false,
                peer_falls_back,
                session,
                reoffer: None,
                timer: None,
            },
        );
        self.outputs.push_back(Output::Bind { leg: id, recording, side });
    }

    /// fault: CUCM's clock is ours.
    fn trust_date(&mut self, now: Instant, invite: &Message) {
        let date = invite.header("Date").filter(|_| self.config.fault == Fault::TrustDate);
        let Some(date) = date.and_then(|date| crate::times::http_date(&date)) else { return };
        let since = u64::try_from(date).ok().map(std::time::Duration::from_secs).unwrap_or_default();
        self.origin.1 = SystemTime::UNIX_EPOCH + since - now.saturating_duration_since(self.origin.0);
    }

    /// Whose voice a new dialog brings, and whether it says so. One that does not takes the side that is free in its
    /// recording: CUCM invites the near side first.
    fn side_of(&self, parameters: &Parameters, call: &Key, node: Option<IpAddr>) -> (Side, bool) {
        if let Some(side) = parameters.side() {
            return (side, true);
        }
        // fault: whatever is not near is far.
        if self.config.fault == Fault::UnknownIsFar {
            return (Side::Far, true);
        }
        let near = self.recording_for(call, Side::Near, node);
        let far = self.recording_for(call, Side::Far, node);
        let side = if near.is_none() && far.is_some() { Side::Far } else { Side::Near };
        (side, false)
    }

    /// re-INVITE or UPDATE: a refresh, a new offer, or new parties.
    fn on_update(&mut self, now: Instant, key: ServerKey, id: LegId, request: &Message) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let tag = leg.dialog.local_tag.clone();
        let (is_invite, has_offer) = (request.method() == Some("INVITE"), !request.body().is_empty());
        // fault: UPDATE is answered, and that is all.
        if self.config.fault == Fault::IgnoreUpdate && !is_invite {
            self.respond(key, replies::plain(request, 200, "OK", &tag).finish());
            return;
        }
        if timer::is_too_short(request, self.config.min_session.as_secs()) {
            let answer = replies::plain(request, 422, "Session Interval Too Small", &tag)
                .header("Min-SE", self.config.min_session.as_secs());
            self.respond(key, answer.finish());
            return;
        }
        // Another INVITE while one is open (RFC 3261 §14.2).
        let is_offering = self.is_offering(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if (is_invite && (leg.state != State::Active || leg.awaits_answer || is_offering)) || (is_offering && has_offer)
        {
            self.respond(key, replies::plain(request, 491, "Request Pending", &tag).finish());
            return;
        }
        // Our offer has no answer yet, so that another one would cross it (RFC 3311 §5.2).
        let crosses = leg.awaits_answer && !request.body().is_empty();
        let Some(local) = leg.local.clone().filter(|_| leg.is_answered() && !crosses) else {
            self.respond(key, replies::plain(request, 491, "Request Pending", &tag).finish());
            return;
        };
        let text = if request.body().is_empty() {
            leg.awaits_answer |= is_invite;
            let offer = if is_invite { local.offer_again(&self.config, &mut self.rng) } else { local };
            let text = is_invite.then(|| offer.text());
            leg.local = Some(offer);
            text
        } else {
            let answered = Theirs::read(request.body()).map_err(|error| error.to_string()).and_then(|offer| {
                if offer.is_closed() {
                    return Ok((local.answer_closed(&offer), None));
                }
                let answer = local.answer(&offer, &self.config, &mut self.rng);
                answer.map(|(local, agreed)| (local, Some(agreed))).map_err(|misfit| misfit.to_string())
            });
            match answered {
                Ok((local, agreed)) => {
                    let text = local.text();
                    leg.local = Some(local);
                    if let Some(agreed) = agreed {
                        self.listen(id, agreed);
                    }
                    Some(text)
                }
                // What was agreed before stays in force (RFC 3261 §14.2).
                Err(_) => {
                    self.respond(key, replies::plain(request, 488, "Not Acceptable Here", &tag).finish());
                    return;
                }
            }
        };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        leg.dialog.refresh_target(request);
        if is_invite {
            let before = std::mem::replace(&mut leg.key, key);
            self.invites.remove(&before);
            self.invites.insert(key, id);
        }
        let transport = self.flows.get(&leg.flow).map_or(sip::Transport::Tls, |(transport, _)| *transport);
        let contact = replies::contact(&self.config, transport);
        let terms = Terms::of(request, self.config.refreshes);
        let answer = replies::accepted(&self.config, request, &tag, &contact, (text.as_deref(), terms));
        self.respond(key, answer);
        self.keep_time(now, id, terms);
        self.note_parameters(now, id, request);
        self.snapshot(id);
    }

    /// The ACK, which carries the answer where we made the offer.
    pub(super) fn on_ack(&mut self, now: Instant, key: &ServerKey, flow: FlowId, ack: &Message) {
        let at = self.rfc3339(now);
        let Some(id) = self.invites.get(key).copied() else { return };
        let is_known = |leg: &&mut Leg| self.config.fault != Fault::SameConnectionOnly || leg.flow == flow; // fault:
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.is_answered()).filter(is_known) else { return };
        leg.flow = flow;
        // fault: the connection is closed as soon as the call stands.
        if self.config.fault == Fault::CloseInCall {
            self.outputs.push_back(Output::Cut { flow });
        }
        let first = leg.state == State::Answered;
        leg.state = State::Active;
        let awaited = std::mem::take(&mut leg.awaits_answer);
        let fallback = leg.peer_falls_back && self.config.srtp == SrtpPolicy::Fallback;
        let local = leg.local.clone();
        self.note(id, |leg| {
            leg.acknowledged.get_or_insert(at);
        });
        if let Some(local) = local.filter(|_| awaited) {
            if ack.body().is_empty() {
                // CUCM found no common codec or suite; its BYE with Q.850;cause=47 follows.
                self.counters.failed_legs += u64::from(first);
            } else {
                self.on_answer(now, id, &local, ack.body(), fallback);
            }
        }
        self.snapshot(id);
    }

    fn on_answer(&mut self, now: Instant, id: LegId, local: &Local, body: &[u8], fallback: bool) {
        let agreed = Theirs::read(body)
            .map_err(|error| format!("unreadable answer: {error}"))
            .and_then(|answer| local.judge_answer(&answer, fallback).map_err(|misfit| misfit.to_string()))
            // fault: nothing but what was offered, to the letter.
            .and_then(|agreed| match self.config.fault {
                Fault::StrictCrypto if !local.is_strictly(&agreed) => Err("an unusual a=crypto".to_owned()),
                _ => Ok(agreed),
            });
        match agreed {
            Ok(agreed) => self.listen(id, agreed),
            Err(why) => {
                self.counters.failed_legs += 1;
                self.hang_up(now, id, "recorder", &why);
            }
        }
    }
}
