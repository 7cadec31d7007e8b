//! All transactions of one party, over all its flows (RFC 3261 §17, RFC 6026).

mod incoming;
mod matching;
#[cfg(test)]
mod tests;
mod timetable;

use std::collections::{BTreeMap, VecDeque};
use std::time::Instant;

use crate::builder::Builder;
use crate::event::{ClientKey, EndpointError, Event, FlowId, Output, ServerKey, Timers, Transport};
use crate::message::Message;
use crate::transaction::{Action, ClientInvite, ClientPlain, Pace, ServerInvite, ServerPlain};

use matching::{AckId, ClientId, MergeId, ServerId};
use timetable::{Slot, Timetable};

/// Matches messages to transactions, runs their timers, and tells the layer above what matters.
///
/// No sockets, no clock: feed it with `handle_*`, then drain [`poll_output`](Self::poll_output) until `None`, then sleep
/// until [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Endpoint {
    timers: Timers,
    outputs: VecDeque<Output>,
    timetable: Timetable,
    last_key: u64,
    clients: BTreeMap<ClientKey, ClientEntry>,
    servers: BTreeMap<ServerKey, ServerEntry>,
    client_ids: BTreeMap<ClientId, ClientKey>,
    server_ids: BTreeMap<ServerId, ServerKey>,
    /// Where the ACK to a 2xx belongs, which has a branch of its own.
    ack_ids: BTreeMap<AckId, ServerKey>,
    /// Requests outside dialogs, by what a second way to us does not change.
    merge_ids: BTreeMap<MergeId, ServerKey>,
}

#[derive(Debug)]
struct ClientEntry {
    flow: FlowId,
    transport: Transport,
    id: Option<ClientId>,
    machine: Client,
    /// The CANCEL to send, and the key it will have.
    cancel: Option<(ClientKey, Message)>,
}

#[derive(Debug)]
enum Client {
    Invite(ClientInvite),
    Plain(ClientPlain),
}

#[derive(Debug)]
struct ServerEntry {
    flow: FlowId,
    id: ServerId,
    ack_id: Option<AckId>,
    merge_id: Option<MergeId>,
    machine: Server,
}

#[derive(Debug)]
enum Server {
    Invite(ServerInvite),
    Plain(ServerPlain),
}

impl Endpoint {
    /// An endpoint without transactions.
    pub fn new(timers: Timers) -> Self {
        Self {
            timers,
            outputs: VecDeque::new(),
            timetable: Timetable::default(),
            last_key: 0,
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            client_ids: BTreeMap::new(),
            server_ids: BTreeMap::new(),
            ack_ids: BTreeMap::new(),
            merge_ids: BTreeMap::new(),
        }
    }

    /// Takes a message that arrived.
    ///
    /// Repeats of what is known are absorbed and answered as before, the ACK to a non-2xx too. A CANCEL is answered
    /// here: 200 if its INVITE is known, else 481. So is a request that came before by another way and is still being
    /// handled: 482 (RFC 3261 §8.2.2.2). All else becomes an [`Event`].
    pub fn handle_message(&mut self, now: Instant, flow: FlowId, transport: Transport, message: Message) {
        if message.is_response() {
            self.on_response(now, flow, message);
        } else {
            self.on_request(now, flow, transport, message);
        }
    }

    /// Answers 400 to a request that breaks a rule which cannot be overlooked (RFC 3261 §8.2, RFC 4475 §3.1.2), such as
    /// one of [`Frame::Malformed`](crate::Frame::Malformed). No transaction is opened: its repeats are answered the same
    /// (RFC 3261 §8.2.7). A response, an ACK, and a request whose Via cannot be read get nothing.
    pub fn handle_flawed(&mut self, flow: FlowId, message: &Message) {
        if !message.is_request() || message.method() == Some("ACK") || message.via().is_err() {
            return;
        }
        let tag = incoming::derived_tag(message);
        let reply = Builder::reply(message, 400, "Bad Request", Some(&tag));
        // A response must have a To (RFC 3261 §8.2.6.2); whom else can the request have meant?
        let reply = match (message.header("To"), message.request_uri()) {
            (None, Some(uri)) if !uri.is_empty() => reply.header("To", format_args!("<{uri}>;tag={tag}")),
            _ => reply,
        };
        self.transmit(flow, &reply.finish());
    }

    /// A flow is gone: its client transactions fail, its server transactions end, and `respond` to them says
    /// [`EndpointError::Gone`]. An INVITE that was answered 2xx does not end with its flow: its ACK may come by another
    /// one (RFC 3261 §18.1.1), and [`Event::AckMissing`] waits its time. A refusal is not waited for, because its ACK
    /// goes hop by hop.
    pub fn handle_flow_closed(&mut self, _now: Instant, flow: FlowId) {
        let clients: Vec<_> = self.clients.iter().filter(|(_, e)| e.flow == flow).map(|(key, _)| *key).collect();
        for key in clients {
            if self.clients.get(&key).is_some_and(|entry| entry.machine.is_waiting()) {
                self.tell(Event::FlowFailed { key });
            }
            self.remove_client(key);
        }
        let servers: Vec<_> = self.servers.iter().filter(|(_, e)| e.flow == flow).map(|(key, _)| *key).collect();
        for key in servers {
            match self.servers.get(&key).map(|entry| &entry.machine) {
                Some(Server::Invite(invite)) if invite.outlives_its_flow() => continue,
                Some(Server::Invite(invite)) if invite.awaits_ack() => self.tell(Event::AckMissing { key }),
                _ => {}
            }
            self.remove_server(key);
        }
    }

    /// Runs what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(slot) = self.timetable.pop_due(now) {
            let mut out = Vec::new();
            match slot {
                Slot::Client(key) => {
                    if let Some(entry) = self.clients.get_mut(&key) {
                        entry.machine.on_timeout(now, &mut out);
                        self.after_client(now, key, out);
                    }
                }
                Slot::Server(key) => {
                    if let Some(entry) = self.servers.get_mut(&key) {
                        entry.machine.on_timeout(now, &mut out);
                        self.after_server(key, out);
                    }
                }
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timetable.first()
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Sends a request and opens its client transaction. The top Via must carry a branch that is new. The ACK to a
    /// non-2xx answer is made here; the ACK to a 2xx is the caller's ([`send_ack`](Self::send_ack)).
    ///
    /// An ACK given here by mistake is sent and opens nothing. A request without a readable Via branch is sent, too,
    /// and will time out, as no answer can be matched to it.
    pub fn send_request(&mut self, now: Instant, flow: FlowId, transport: Transport, message: Message) -> ClientKey {
        let key = self.new_client_key();
        self.open_client(now, key, (flow, transport), message);
        key
    }

    /// Cancels an INVITE: at once if a provisional answer came, else with the first one (RFC 3261 §9.1). The CANCEL is
    /// [`Builder::cancel`]'s. The returned key is that of the CANCEL, whose answer is reported as any other.
    ///
    /// # Errors
    /// [`EndpointError`] if the transaction is over, has its final answer, or is no INVITE's.
    pub fn send_cancel(&mut self, now: Instant, invite: &ClientKey) -> Result<ClientKey, EndpointError> {
        match self.clients.get(invite).map(|entry| &entry.machine) {
            Some(Client::Invite(machine)) => {
                let cancel = Builder::cancel(machine.invite()).finish();
                self.send_cancel_with(now, invite, cancel)
            }
            Some(Client::Plain(_)) => Err(EndpointError::NotAnInvite),
            None => Err(EndpointError::Gone),
        }
    }

    /// As [`send_cancel`](Self::send_cancel), with a CANCEL of the caller's making. A second call changes nothing and
    /// returns the first one's key.
    ///
    /// # Errors
    /// [`EndpointError`] if the transaction is over, has its final answer, or is no INVITE's.
    pub fn send_cancel_with(
        &mut self,
        now: Instant,
        invite: &ClientKey,
        cancel: Message,
    ) -> Result<ClientKey, EndpointError> {
        let fresh = self.new_client_key();
        let entry = self.clients.get_mut(invite).ok_or(EndpointError::Gone)?;
        let Client::Invite(machine) = &mut entry.machine else { return Err(EndpointError::NotAnInvite) };
        let mut out = Vec::new();
        machine.cancel(now, &mut out)?;
        let key = entry.cancel.get_or_insert((fresh, cancel)).0;
        self.after_client(now, *invite, out);
        Ok(key)
    }

    /// Sends the ACK to a 2xx, and again whenever that 2xx is repeated (within 64*T1 of the first, RFC 6026 §8.4).
    pub fn send_ack(&mut self, _now: Instant, flow: FlowId, invite: &ClientKey, ack: Message) {
        if let Some(ClientEntry { machine: Client::Invite(machine), .. }) = self.clients.get_mut(invite) {
            machine.keep_ack(&ack);
        }
        self.transmit(flow, &ack);
    }

    /// Answers a request. A final answer to an INVITE is repeated until its ACK comes: a 2xx on every transport.
    ///
    /// # Errors
    /// [`EndpointError`] if the transaction is over or has its final answer, or `response` is none.
    pub fn respond(&mut self, now: Instant, key: &ServerKey, response: Message) -> Result<(), EndpointError> {
        let status = response.status().ok_or(EndpointError::NotAResponse)?;
        let entry = self.servers.get_mut(key).ok_or(EndpointError::Gone)?;
        let ack_id = AckId::of(&response).filter(|_| (200..300).contains(&status));
        let mut out = Vec::new();
        match &mut entry.machine {
            Server::Invite(machine) => {
                machine.respond(now, response, &mut out)?;
                entry.ack_id.clone_from(&ack_id);
                self.ack_ids.extend(ack_id.map(|id| (id, *key)));
            }
            Server::Plain(machine) => machine.respond(now, response, &mut out)?,
        }
        self.after_server(*key, out);
        Ok(())
    }

    /// How many transactions are open; 0 after a quiet time means that nothing leaked.
    pub fn active(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    fn new_client_key(&mut self) -> ClientKey {
        self.last_key += 1;
        ClientKey(self.last_key)
    }

    fn open_client(&mut self, now: Instant, key: ClientKey, (flow, transport): (FlowId, Transport), message: Message) {
        if message.method() == Some("ACK") {
            return self.transmit(flow, &message);
        }
        let id = ClientId::of_request(&message);
        let pace = Pace::new(&self.timers, transport);
        let mut out = Vec::new();
        let machine = match message.method() {
            Some("INVITE") => Client::Invite(ClientInvite::new(now, message, pace, &mut out)),
            _ => Client::Plain(ClientPlain::new(now, message, pace, &mut out)),
        };
        self.client_ids.extend(id.clone().map(|id| (id, key)));
        self.clients.insert(key, ClientEntry { flow, transport, id, machine, cancel: None });
        self.after_client(now, key, out);
    }

    /// Carries out what a client machine wants, and looks at its next deadline.
    fn after_client(&mut self, now: Instant, key: ClientKey, out: Vec<Action>) {
        for action in out {
            let Some(entry) = self.clients.get(&key) else { return };
            let way = (entry.flow, entry.transport);
            match action {
                Action::Send(message) => self.transmit(way.0, &message),
                Action::Deliver(message) => self.tell(Event::Response { key, message }),
                Action::TimedOut => self.tell(Event::Timeout { key }),
                Action::Cancel => {
                    if let Some((cancel_key, cancel)) = entry.cancel.clone() {
                        self.open_client(now, cancel_key, way, cancel);
                    }
                }
                Action::AckMissing => {}
            }
        }
        match self.clients.get(&key).map(|entry| &entry.machine) {
            Some(machine) if !machine.is_over() => self.timetable.set(Slot::Client(key), machine.deadline()),
            _ => self.remove_client(key),
        }
    }

    /// Carries out what a server machine wants, and looks at its next deadline.
    fn after_server(&mut self, key: ServerKey, out: Vec<Action>) {
        for action in out {
            let Some(flow) = self.servers.get(&key).map(|entry| entry.flow) else { return };
            match action {
                Action::Send(message) => self.transmit(flow, &message),
                Action::Deliver(message) => self.tell(Event::Ack { key, flow, message }),
                Action::AckMissing => self.tell(Event::AckMissing { key }),
                Action::TimedOut | Action::Cancel => {}
            }
        }
        match self.servers.get(&key).map(|entry| &entry.machine) {
            Some(machine) if !machine.is_over() => self.timetable.set(Slot::Server(key), machine.deadline()),
            _ => self.remove_server(key),
        }
    }

    fn remove_client(&mut self, key: ClientKey) {
        self.timetable.set(Slot::Client(key), None);
        if let Some(ClientEntry { id: Some(id), .. }) = self.clients.remove(&key)
            && self.client_ids.get(&id) == Some(&key)
        {
            self.client_ids.remove(&id);
        }
    }

    fn remove_server(&mut self, key: ServerKey) {
        self.timetable.set(Slot::Server(key), None);
        let Some(entry) = self.servers.remove(&key) else { return };
        self.server_ids.remove(&entry.id);
        if let Some(id) = entry.ack_id
            && self.ack_ids.get(&id) == Some(&key)
        {
            self.ack_ids.remove(&id);
        }
        if let Some(id) = entry.merge_id {
            self.merge_ids.remove(&id);
        }
    }

    fn transmit(&mut self, flow: FlowId, message: &Message) {
        self.outputs.push_back(Output::Transmit { flow, bytes: message.as_bytes().to_vec() });
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

impl Client {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Plain(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Plain(machine) => machine.is_over(),
        }
    }

    fn is_waiting(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_waiting(),
            Self::Plain(machine) => machine.is_waiting(),
        }
    }

    fn on_response(&mut self, now: Instant, response: Message, out: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.on_response(now, response, out),
            Self::Plain(machine) => machine.on_response(now, response, out),
        }
    }

    fn on_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.on_timeout(now, out),
            Self::Plain(machine) => machine.on_timeout(now, out),
        }
    }
}

impl Server {
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.deadline(),
            Self::Plain(machine) => machine.deadline(),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_over(),
            Self::Plain(machine) => machine.is_over(),
        }
    }

    fn on_repeat(&self, out: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.on_repeat(out),
            Self::Plain(machine) => machine.on_repeat(out),
        }
    }

    fn on_timeout(&mut self, now: Instant, out: &mut Vec<Action>) {
        match self {
            Self::Invite(machine) => machine.on_timeout(now, out),
            Self::Plain(machine) => machine.on_timeout(now),
        }
    }
}
