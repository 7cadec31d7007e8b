//! What an endpoint does with messages that arrive.

use std::time::Instant;

use super::matching::{AckId, ClientId, MergeId, ServerId};
use super::{Endpoint, Server, ServerEntry};
use crate::builder::Builder;
use crate::event::{Event, FlowId, ServerKey, Transport};
use crate::message::Message;
use crate::transaction::{Pace, ServerInvite, ServerPlain};

impl Endpoint {
    pub(super) fn on_response(&mut self, now: Instant, flow: FlowId, message: Message) {
        let key = ClientId::of_response(&message).and_then(|id| self.client_ids.get(&id).copied());
        let Some((key, entry)) = key.and_then(|key| Some((key, self.clients.get_mut(&key)?))) else {
            return self.tell(Event::Stray { flow, message });
        };
        let mut out = Vec::new();
        entry.machine.on_response(now, message, &mut out);
        self.after_client(now, key, out);
    }

    pub(super) fn on_request(&mut self, now: Instant, flow: FlowId, transport: Transport, message: Message) {
        let Ok(id) = ServerId::of(&message) else {
            self.handle_flawed(flow, &message);
            return self.tell(Event::Stray { flow, message });
        };
        if message.method() == Some("ACK") {
            return self.on_ack(now, flow, &id, message);
        }
        if let Some(key) = self.server_ids.get(&id).copied() {
            return self.on_repeat(flow, key);
        }
        let is_cancel = message.method() == Some("CANCEL");
        let invite = self.server_ids.get(&id.of_invite()).copied();
        let merge_id = MergeId::of(&message);
        let is_merged = merge_id.as_ref().is_some_and(|id| self.merge_ids.contains_key(id));
        let key = self.open_server(now, (flow, transport), id, &message);
        if is_cancel {
            self.on_cancel(now, key, invite, message);
        } else if is_merged {
            let tag = derived_tag(&message);
            let reply = Builder::reply(&message, 482, "Loop Detected", Some(&tag)).finish();
            // Its transaction was opened a moment ago and takes one final answer.
            let _ = self.respond(now, &key, reply);
        } else {
            if let (Some(id), Some(entry)) = (merge_id, self.servers.get_mut(&key)) {
                entry.merge_id = Some(id.clone());
                self.merge_ids.insert(id, key);
            }
            self.tell(Event::Request { key, flow, message });
        }
    }

    /// A request came again, perhaps over a new connection, which is then where the answer goes.
    fn on_repeat(&mut self, flow: FlowId, key: ServerKey) {
        let Some(entry) = self.servers.get_mut(&key) else { return };
        entry.flow = flow;
        let mut out = Vec::new();
        entry.machine.on_repeat(&mut out);
        self.after_server(key, out);
    }

    fn on_ack(&mut self, now: Instant, flow: FlowId, id: &ServerId, message: Message) {
        let by_dialog = || AckId::of(&message).and_then(|id| self.ack_ids.get(&id));
        let Some(key) = self.server_ids.get(&id.of_invite()).or_else(by_dialog).copied() else {
            return self.tell(Event::Stray { flow, message });
        };
        let Some(ServerEntry { machine: Server::Invite(machine), flow: last, .. }) = self.servers.get_mut(&key) else {
            return;
        };
        if machine.is_open() {
            // Nothing was answered that could be acknowledged.
            return self.tell(Event::Stray { flow, message });
        }
        *last = flow;
        let mut out = Vec::new();
        machine.on_ack(now, message, &mut out);
        self.after_server(key, out);
    }

    fn on_cancel(&mut self, now: Instant, key: ServerKey, invite: Option<ServerKey>, cancel: Message) {
        let machine = invite.and_then(|key| match &self.servers.get(&key)?.machine {
            Server::Invite(machine) => Some((key, machine)),
            Server::Plain(_) => None,
        });
        // To has the tag of the INVITE's answers where there is one (RFC 3261 §9.2).
        let known = machine.and_then(|(_, machine)| machine.last_response()?.to().ok()?.tag().map(str::to_owned));
        let tag = known.unwrap_or_else(|| derived_tag(&cancel));
        let is_open = machine.is_some_and(|(_, machine)| machine.is_open());
        let reply = match machine {
            Some(_) => Builder::reply(&cancel, 200, "OK", Some(&tag)),
            None => Builder::reply(&cancel, 481, "Call/Transaction Does Not Exist", Some(&tag)),
        };
        // Its transaction was opened a moment ago and takes one final answer.
        let _ = self.respond(now, &key, reply.finish());
        if let Some(key) = invite.filter(|_| is_open) {
            self.tell(Event::Cancelled { key, message: cancel });
        }
    }

    fn open_server(
        &mut self,
        now: Instant,
        (flow, transport): (FlowId, Transport),
        id: ServerId,
        message: &Message,
    ) -> ServerKey {
        self.last_key += 1;
        let key = ServerKey(self.last_key);
        let pace = Pace::new(&self.timers, transport);
        let machine = match message.method() {
            Some("INVITE") => Server::Invite(ServerInvite::new(now, message.clone(), pace)),
            _ => Server::Plain(ServerPlain::new(pace)),
        };
        self.server_ids.insert(id.clone(), key);
        self.servers.insert(key, ServerEntry { flow, id, ack_id: None, merge_id: None, machine });
        self.after_server(key, Vec::new());
        key
    }
}

/// A To tag for an answer given here: the same each time it is asked for (FNV-1a of the request's top Via and
/// Call-ID).
pub(super) fn derived_tag(message: &Message) -> String {
    let via = message.header("Via").unwrap_or_default();
    let call_id = message.header("Call-ID").unwrap_or_default();
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let hash = via.bytes().chain(call_id.bytes()).fold(0xcbf2_9ce4_8422_2325, mix);
    format!("{hash:016x}")
}
