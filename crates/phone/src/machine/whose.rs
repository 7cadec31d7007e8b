//! Whose is a message: the registration's, a call's, a bridge's or a guest's?

use std::time::Instant;

use sip::{ClientKey, Event, Message, ServerKey};

use super::Machine;
use super::said::reason;
use crate::text::{self, Reply};

impl Machine {
    pub(super) fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Request { key, message, .. } => self.on_request(now, key, message),
            Event::Ack { message, .. } => self.on_ack(now, &message),
            Event::Cancelled { key, .. } => self.on_cancel(now, &key),
            Event::Response { key, message } => self.on_response(now, &key, &message),
            Event::Timeout { key } => self.on_no_answer(now, &key, "no answer came in time"),
            Event::FlowFailed { key } => self.on_no_answer(now, &key, "the connection closed before the answer"),
            Event::AckMissing { key } => self.on_ack_missing(now, &key),
            Event::Stray { message, .. } => {
                tracing::debug!(device = self.profile.device, ?message, "a message that belongs to nothing");
            }
        }
    }

    pub(super) fn on_request(&mut self, now: Instant, key: ServerKey, message: Message) {
        let is_in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        match message.method().unwrap_or_default() {
            "INVITE" if is_in_dialog => self.on_reinvite(now, key, message),
            "INVITE" if message.header("Join").is_some() => self.on_bridge_invite(now, key, message),
            "INVITE" => self.on_invite(now, key, message),
            "BYE" => self.on_bye(now, &key, &message),
            "UPDATE" => self.on_update(now, &key, &message),
            "NOTIFY" => self.on_notify(now, &key, &message),
            "OPTIONS" | "INFO" | "SUBSCRIBE" => self.reply(now, &key, &message, 200, "OK"),
            "REFER" => self.reply(now, &key, &message, 202, "Accepted"),
            _ => self.reply(now, &key, &message, 501, "Not Implemented"),
        }
    }

    pub(super) fn on_ack(&mut self, now: Instant, ack: &Message) {
        if let Some(no) = self.call_of(ack) {
            self.on_call_ack(no, ack);
        } else if let Some(at) = self.bridges.iter().position(|bridge| bridge.matches(ack)) {
            self.on_bridge_ack(now, at, ack);
        } else if let Some(at) = self.barge_of(ack) {
            self.on_barge_ack(at, ack);
        }
    }

    pub(super) fn on_reinvite(&mut self, now: Instant, key: ServerKey, message: Message) {
        if let Some(no) = self.call_of(&message) {
            self.on_call_reinvite(now, no, &key, &message);
        } else if let Some(at) = self.bridges.iter().position(|bridge| bridge.matches(&message)) {
            self.on_bridge_reinvite(now, key, at, message);
        } else if self.barge_of(&message).is_some() {
            self.reply(now, &key, &message, 488, "Not Acceptable Here");
        } else {
            self.reply(now, &key, &message, 481, "Call Leg/Transaction Does Not Exist");
        }
    }

    pub(super) fn on_bye(&mut self, now: Instant, key: &ServerKey, message: &Message) {
        let session = if let Some(call) = self.calls.iter().find(|call| call.matches(message)) {
            let (no, session) = (call.no, call.session.clone());
            self.end_call(no, reason(message));
            session
        } else if let Some(at) = self.bridges.iter().position(|bridge| bridge.matches(message)) {
            let session = self.bridges[at].session().clone();
            self.end_bridge(at);
            session
        } else if let Some(at) = self.barge_of(message) {
            self.end_barge(at)
        } else {
            return self.reply(now, key, message, 481, "Call Leg/Transaction Does Not Exist");
        };
        let session = Some((session.0.as_str(), session.1.as_str()));
        let reply = Reply { code: 200, reason: "OK", tag: None, session, wall: self.wall(now) };
        let response = text::short_response(&self.profile, message, &reply);
        self.respond(now, key, response);
    }

    pub(super) fn on_response(&mut self, now: Instant, key: &ClientKey, message: &Message) {
        if self.registration.awaits(key) {
            self.on_registration_answer(now, message);
        } else if let Some(no) = self.call_awaiting(key) {
            self.on_invite_answer(now, no, key, message);
        } else {
            self.on_refer_answer(key, message);
        }
    }

    pub(super) fn on_no_answer(&mut self, now: Instant, key: &ClientKey, why: &str) {
        if self.registration.awaits(key) {
            self.on_registration_failed(now, why.to_owned());
        } else if let Some(no) = self.call_awaiting(key) {
            self.end_call(no, why.to_owned());
        } else {
            self.on_refer_failed(key, why);
        }
    }

    pub(super) fn on_cancel(&mut self, now: Instant, key: &ServerKey) {
        if let Some(at) = self.bridges.iter().position(|bridge| bridge.is_answering(key)) {
            if let Some((key, invite)) = self.bridges[at].take_request() {
                self.reply(now, &key, &invite, 487, "Request Cancelled");
            }
            return self.end_bridge(at);
        }
        self.on_call_cancelled(now, key);
    }

    pub(super) fn on_ack_missing(&mut self, now: Instant, key: &ServerKey) {
        if let Some(no) = self.calls.iter().find(|call| call.is_answering(key)).map(|call| call.no) {
            self.problem("no ACK came for the 200 that answered the call; the call is ended".to_owned());
            self.say_bye(now, no);
            self.end_call(no, "no ACK came".to_owned());
        }
    }
}
