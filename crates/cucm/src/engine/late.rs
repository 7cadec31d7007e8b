//! Answers to INVITEs of ours that no transaction waits for any more.

use std::time::Instant;

use sip::{Builder, Dialog, FlowId, Message};

use super::dialogs::NORMAL;
use super::leg::{LegId, Role};
use super::{Asked, Engine, Output};
use crate::text::{self, Thread, line, recording};

impl Engine {
    /// A response that belongs nowhere. A 2xx to an INVITE wants its ACK all the same (RFC 3261 §13.2.2.4): one that was
    /// acknowledged over a connection that is gone gets that ACK again, and one that comes when its INVITE was given up gets an ACK and
    /// a BYE.
    pub(super) fn on_stray(&mut self, now: Instant, flow: FlowId, message: &Message) {
        let is_answer = message.status().is_some_and(|status| (200..300).contains(&status));
        let cseq = message.cseq().ok().filter(|cseq| cseq.method == "INVITE" && is_answer);
        let (Some(cseq), Some(known)) = (cseq, self.flows.get(&flow)) else {
            return;
        };
        // Only trunks: a phone's connection takes its calls with it.
        if known.device.is_some() {
            return;
        }
        let leg = message.call_id().ok().and_then(|call_id| self.by_call_id.get(&call_id).copied());
        match leg {
            Some(id) => {
                let ack = self.dealings.get(&id).and_then(|dealings| dealings.ack.as_ref());
                if let Some((_, ack)) = ack.filter(|(number, _)| *number == cseq.number) {
                    let bytes = ack.as_bytes().to_vec();
                    self.decided.push_back(Output::Transmit { flow, bytes });
                }
            }
            None => self.end_unwanted(now, flow, message),
        }
    }

    /// The tag is ours, but nobody wants the call.
    fn end_unwanted(&mut self, now: Instant, flow: FlowId, answer: &Message) {
        let tag = answer.from_().ok().and_then(|from| from.tag().map(str::to_owned)).unwrap_or_default();
        let invite = Builder::request("INVITE", "sip:unknown").copy(answer, "CSeq").finish();
        let Ok(mut dialog) = Dialog::from_response(&invite, answer) else {
            return;
        };
        if !self.identifiers.is_own_tag(&tag) {
            return;
        }
        let (node, date) = (self.node(flow), self.date(now));
        let ack = recording::ack(&node, &self.thread_in(&dialog, dialog.local_cseq, &date), false, None);
        // An ACK opens no transaction; it is to go out before the BYE.
        self.endpoint.send_request(now, flow, node.transport, ack);
        let cseq = dialog.next_cseq();
        let session = text::session_id(text::NIL, text::NIL);
        let bye = line::bye(&node, &self.thread_in(&dialog, cseq, &date), Some(NORMAL), &session, None);
        let key = self.endpoint.send_request(now, flow, node.transport, bye);
        self.asked.insert(key, Asked::LateBye);
    }

    fn thread_in(&mut self, dialog: &Dialog, cseq: u32, date: &str) -> Thread {
        let (uri, routes) = dialog.routing();
        Thread {
            uri,
            branch: self.identifiers.branch(),
            from: dialog.local_header(),
            to: dialog.remote_header(),
            date: date.to_owned(),
            call_id: dialog.call_id.clone(),
            cseq,
            routes,
        }
    }

    /// Keeps the ACK to a recorder's 2xx.
    pub(super) fn keep_ack(&mut self, id: LegId, cseq: u32, ack: &Message) {
        if matches!(self.legs.get(&id).map(|leg| &leg.role), Some(Role::Recorder { .. })) {
            self.dealings.entry(id).or_default().ack = Some((cseq, ack.clone()));
        }
    }
}
