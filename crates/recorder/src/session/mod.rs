//! The recorder's calls: a machine without sockets, files or clock.
//!
//! It takes what the SIP endpoint reports and what the media ports saw, and says what to answer, which ports to open,
//! which keys they listen with, and when a recording begins and ends. [`pairing`] decides which two dialogs are one
//! recording.
//!
//! ```text
//!           SIP events            Respond, Request
//!  endpoint ──────────►┌──────────┐──────────────► endpoint
//!                      │ Sessions │
//!     ports ──────────►└──────────┘──────────────► ports (Bind, Listen, Close)
//!           Bound, Silent, Closed └─────────────► store (Begin, Snapshot, Finish)
//! ```

mod calls;
pub(crate) mod leg;
pub(crate) mod media;
pub(crate) mod pairing;
mod participants;
mod ports;
mod recordings;
pub(crate) mod reoffer;
pub(crate) mod replies;
mod requests;
#[cfg(test)]
mod tests;
pub(crate) mod timer;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sip::{Builder, ClientKey, Dialog, Event, FlowId, Message, NameAddr, ServerKey, Transport, Uri};

use crate::config::Config;
use crate::fault::{Fault, GARBAGE, HALF};
use crate::legs;
use crate::metadata::{Recording, Side, Trouble};
use crate::times;
use calls::Calls;
use leg::{Leg, State};
use recordings::Open;
pub use reoffer::Deed;

/// A dialog and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LegId(pub(crate) u32);

/// A recording that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RecordingId(pub(crate) u32);

/// How long an INVITE whose connection is gone may be sent again: 64*T1, then the peer has given it up (RFC 3261
/// §17.1.1.2).
const AGAIN: Duration = Duration::from_secs(32);

/// How long the near leg waits for the far leg's answer where [`Config::far_first`] asks for it.
const FAR_FIRST: Duration = Duration::from_secs(5);

/// What happens to the machine.
#[derive(Debug)]
pub(crate) enum Input {
    /// A connection stands, or a datagram came from a new address.
    FlowOpened { flow: FlowId, transport: Transport, peer: SocketAddr },
    /// It is gone. Dialogs do not end with it.
    FlowClosed { flow: FlowId },
    /// The endpoint reports.
    Sip(Event),
    /// A response could not be sent: the endpoint knows the transaction no more.
    Gone { key: ServerKey },
    /// The leg's port is open.
    Bound { leg: LegId, address: SocketAddr },
    /// No port could be opened.
    NoPort { leg: LegId, why: String },
    /// No genuine packet came within the inactivity time-out; told again after as long.
    Silent { leg: LegId },
    /// Something alarming about a leg's media.
    Alarm { leg: LegId, trouble: Trouble, text: String },
    /// The port is closed; this is what it saw.
    Closed { leg: LegId, report: Box<legs::Report> },
    /// Whether recordings can be stored.
    Storage { healthy: bool },
    /// Somebody has us do this with the legs of this side, or with all.
    Deed { deed: Deed, side: Option<Side> },
    /// The recorder stops: every call is ended.
    HangUp,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// A flow that stands.
    Flow(FlowId, Transport),
    /// A new connection.
    Connect(SocketAddr, Transport),
}

/// What the machine wants done.
#[derive(Debug)]
pub(crate) enum Output {
    /// Answer a request.
    Respond { key: ServerKey, message: Message },
    /// Send a request.
    Request { route: Route, message: Message },
    /// Send the ACK to a 2xx, and again where that is repeated.
    Ack { key: ClientKey, route: Route, message: Message },
    /// Send bytes that are no SIP.
    Garbage { flow: FlowId, bytes: &'static [u8] },
    /// Close a connection.
    Cut { flow: FlowId },
    /// Open a port pair.
    Bind { leg: LegId, recording: RecordingId, side: Side },
    /// The keys are known, for the first time or again.
    Listen { leg: LegId, media: Box<legs::Media> },
    /// Close the port after the lingering time.
    Close { leg: LegId },
    /// A recording begins.
    Begin { recording: RecordingId, started: Instant, started_us: i64, metadata: Box<Recording> },
    /// Its metadata changed.
    Snapshot { recording: RecordingId, metadata: Box<Recording> },
    /// It is over.
    Finish { recording: RecordingId, metadata: Box<Recording> },
}

/// What the signalling counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counters {
    /// INVITEs that began a leg.
    pub invites: u64,
    /// INVITEs refused, whatever the code.
    pub refused: u64,
    /// OPTIONS answered.
    pub options: u64,
    /// Legs that CUCM ended without a media answer, or whose answer did not fit.
    pub failed_legs: u64,
    /// Messages that belong to nothing.
    pub stray: u64,
    /// Alarms of recordings: no media, one leg only, authentication failures.
    pub alarms: u64,
}

/// All calls of a recorder.
pub(crate) struct Sessions {
    config: Config,
    rng: ChaCha20Rng,
    origin: (Instant, SystemTime),
    legs: BTreeMap<LegId, Leg>,
    /// The legs by their local tag: tags are ours, so no two are equal.
    tags: BTreeMap<String, LegId>,
    invites: BTreeMap<ServerKey, LegId>,
    recordings: BTreeMap<RecordingId, Open>,
    calls: Calls,
    flows: BTreeMap<FlowId, (Transport, SocketAddr)>,
    outputs: VecDeque<Output>,
    counters: Counters,
    healthy: bool,
    next: u32,
}

impl Sessions {
    /// A machine whose wall clock read `origin.1` at `origin.0`.
    pub(crate) fn new(config: Config, rng: ChaCha20Rng, origin: (Instant, SystemTime)) -> Self {
        Self {
            config,
            rng,
            origin,
            legs: BTreeMap::new(),
            tags: BTreeMap::new(),
            invites: BTreeMap::new(),
            recordings: BTreeMap::new(),
            calls: Calls::default(),
            flows: BTreeMap::new(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            healthy: true,
            next: 1,
        }
    }

    /// Takes what happened.
    pub(crate) fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::FlowOpened { flow, transport, peer } => drop(self.flows.insert(flow, (transport, peer))),
            Input::FlowClosed { flow } => self.on_flow_closed(now, flow),
            Input::Sip(event) => self.on_event(now, event),
            Input::Gone { key } => self.on_gone(now, &key),
            Input::Bound { leg, address } => self.on_bound(now, leg, address),
            Input::NoPort { leg, why } => self.on_no_port(now, leg, &why),
            Input::Silent { leg } => self.on_silent(now, leg),
            Input::Alarm { leg, trouble, text } => self.on_alarm(now, leg, trouble, text),
            Input::Closed { leg, report } => self.on_closed(now, leg, &report),
            Input::Storage { healthy } => self.healthy = healthy,
            Input::Deed { deed, side } => self.do_deed(now, deed, side),
            Input::HangUp => {
                for leg in self.open_legs() {
                    self.hang_up(now, leg, "recorder", "the recorder stops");
                }
            }
        }
    }

    /// Answers what was held back until now, and looks at the session timers.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.answer_what_is_due(now);
        self.run_session_timers(now);
        self.look_for_second_legs(now);
        self.send_offers(now);
    }

    /// When [`Self::handle_timeout`] wants to be called.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.legs
            .values()
            .filter_map(|leg| self.due(leg))
            .chain(self.session_due())
            .chain(self.one_leg_due())
            .chain(self.reoffer_due())
            .min()
    }

    /// What to do next.
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Dialogs that the peer or we still count on.
    pub(crate) fn dialogs(&self) -> usize {
        self.legs.values().filter(|leg| leg.is_open()).count()
    }

    /// Legs whose port is not closed yet.
    pub(crate) fn legs(&self) -> usize {
        self.legs.len()
    }

    /// Recordings that run.
    pub(crate) fn recordings(&self) -> usize {
        self.recordings.len()
    }

    /// What was counted so far.
    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Request { key, flow, message } => self.on_request(now, key, flow, message),
            Event::Ack { key, flow, message } => self.on_ack(now, &key, flow, &message),
            Event::Cancelled { key, .. } => self.on_cancel(now, &key),
            // fault: it is waited for to the end of time.
            Event::AckMissing { .. } if self.config.fault == Fault::AwaitAckForEver => {}
            Event::AckMissing { key } => {
                if let Some(leg) = self.invites.get(&key).copied() {
                    self.hang_up(now, leg, "no-ack", "no ACK");
                }
            }
            Event::Stray { .. } => self.counters.stray += 1,
            Event::Response { key, message } => self.on_response(now, key, &message),
            // After a BYE of ours the leg is over, and a refresh that fails lets the session timer run out.
            Event::Timeout { .. } | Event::FlowFailed { .. } => {}
        }
    }

    /// A dialog outlives its connection; the transaction of an INVITE not answered yet does not.
    fn on_flow_closed(&mut self, now: Instant, flow: FlowId) {
        self.flows.remove(&flow);
        // fault: whatever is on a connection ends with it.
        if self.config.fault == Fault::ForgetWithConnection {
            let gone = self.legs.values().filter(|leg| leg.flow == flow && leg.is_open()).map(|leg| leg.id);
            for id in gone.collect::<Vec<_>>() {
                self.end(now, id, "recorder", "its connection is gone");
            }
        }
        let unanswered = |leg: &&mut Leg| leg.flow == flow && leg.is_open() && !leg.is_answered();
        for leg in self.legs.values_mut().filter(unanswered) {
            leg.again_until = Some(now + AGAIN);
        }
    }

    /// A 200 that could not be sent opens no dialog: the peer knows nothing of it, and no ACK will come.
    fn on_gone(&mut self, now: Instant, key: &ServerKey) {
        let leg = self.invites.get(key).and_then(|id| self.legs.get(id));
        if let Some(id) = leg.filter(|leg| leg.state == State::Answered).map(|leg| leg.id) {
            self.end(now, id, "no-ack", "the answer could not be sent: its transaction is gone");
        }
    }

    /// Silence ends what no session timer watches over, or whatever it is where the configuration says so.
    fn on_silent(&mut self, now: Instant, id: LegId) {
        if self.legs.get(&id).is_some_and(|leg| leg.timer.is_none() || self.config.inactivity_in_session) {
            self.hang_up(now, id, "inactivity", "no media");
        }
    }

    fn on_cancel(&mut self, now: Instant, key: &ServerKey) {
        let Some(leg) = self.invites.get(key).and_then(|leg| self.legs.get(leg)) else { return };
        // A CANCEL that crossed our 200 changes nothing: the peer sends BYE.
        if leg.is_answered() || !leg.is_open() {
            return;
        }
        let (id, tag, invite) = (leg.id, leg.dialog.local_tag.clone(), leg.invite.clone());
        self.respond(*key, replies::plain(&invite, 487, "Request Terminated", &tag).finish());
        // fault: the leg is kept, as if it stood.
        if self.config.fault == Fault::KeepCancelled {
            self.legs.entry(id).and_modify(|leg| leg.state = State::Active);
            return;
        }
        self.end(now, id, "cancel", "cancelled before the answer");
    }

    /// Ends a leg from our side, as its state allows.
    fn hang_up(&mut self, now: Instant, id: LegId, by: &str, reason: &str) {
        let Some(leg) = self.legs.get(&id).filter(|leg| leg.is_open()) else { return };
        if leg.is_answered() {
            let text = reason.replace('"', "'");
            self.send_bye(id, &format!("SIP;cause=200;text=\"{text}\""));
        } else {
            let (key, tag) = (leg.key, leg.dialog.local_tag.clone());
            let answer = replies::plain(&leg.invite, 503, "Service Unavailable", &tag).finish();
            self.respond(key, answer);
        }
        self.end(now, id, by, reason);
    }

    fn send_bye(&mut self, id: LegId, reason: &str) {
        let branch = self.rng.next_u64();
        let Some(leg) = self.legs.get(&id) else { return };
        let Some(route) = self.route(leg) else { return };
        let (Route::Flow(_, transport) | Route::Connect(_, transport)) = route;
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let message = replies::bye(&self.config, &mut leg.dialog, transport, branch, reason);
        self.outputs.push_back(Output::Request { route, message });
    }

    /// The flow of the dialog's last request, another flow to the same node, or a new connection: to the first proxy
    /// or the Contact, or to the first of the SIP servers where that is a name, for there is no resolver here.
    fn route(&self, leg: &Leg) -> Option<Route> {
        // fault: the connection that there is counts for nothing.
        let is_overlooked = self.config.fault == Fault::ConnectToContact;
        if let Some((transport, _)) = self.flows.get(&leg.flow).filter(|_| !is_overlooked) {
            return Some(Route::Flow(leg.flow, *transport));
        }
        let target = next_hop(&leg.dialog)?;
        let Ok(address) = target.host_unbracketed().parse() else {
            let server = self.config.sip_servers.iter().min_by_key(|server| server.priority)?;
            return Some(Route::Connect(SocketAddr::new(server.address, server.port), Transport::Tls));
        };
        let same_node = self.flows.iter().find(|(_, (_, peer))| peer.ip() == address);
        if let Some((flow, (transport, _))) = same_node.filter(|_| !is_overlooked) {
            return Some(Route::Flow(*flow, *transport));
        }
        let transport = match target.params.get("transport").map(str::to_ascii_lowercase).as_deref() {
            Some("tls") => Transport::Tls,
            Some("tcp") => Transport::Tcp,
            _ => Transport::Udp,
        };
        let port = target.port.unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
        Some(Route::Connect(SocketAddr::new(address, port), transport))
    }

    fn open_legs(&self) -> Vec<LegId> {
        self.legs.values().filter(|leg| leg.is_open()).map(|leg| leg.id).collect()
    }

    fn respond(&mut self, key: ServerKey, message: Message) {
        self.outputs.push_back(Output::Respond { key, message });
    }

    fn refuse(&mut self, key: ServerKey, request: &Message, code: u16, reason: &str) {
        let answer = self.refusal(request, code, reason).finish();
        self.respond(key, answer);
    }

    fn refusal(&mut self, request: &Message, code: u16, reason: &str) -> Builder {
        let tag = self.tag();
        replies::plain(request, code, reason, &tag)
    }

    fn tag(&mut self) -> String {
        format!("rec{:08x}{:04x}", self.rng.next_u32(), self.rng.next_u32() as u16)
    }

    fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        number
    }

    /// Unix time of an instant, in microseconds. The wall clock is read once, at the start, so that it never steps.
    fn wall_us(&self, at: Instant) -> i64 {
        let since = u64::try_from(at.saturating_duration_since(self.origin.0).as_micros()).unwrap_or(u64::MAX);
        times::after(self.origin.1, since)
    }

    fn rfc3339(&self, at: Instant) -> String {
        times::rfc3339(self.wall_us(at))
    }

    /// fault: INVITE gets nothing, or bytes that are no SIP. Whether it was met.
    fn misbehaves(&mut self, flow: FlowId) -> bool {
        match self.config.fault {
            Fault::NeverAnswer => true,
            Fault::AnswerGarbage | Fault::AnswerHalf => {
                let bytes = if self.config.fault == Fault::AnswerHalf { HALF } else { GARBAGE };
                self.outputs.push_back(Output::Garbage { flow, bytes });
                true
            }
            _ => false,
        }
    }
}

/// Where requests of a dialog go first: to its first proxy, else to the peer (RFC 3261 §12.2.1.1).
fn next_hop(dialog: &Dialog) -> Option<Uri> {
    match dialog.route_set.first() {
        Some(proxy) => proxy.parse().ok().map(|proxy: NameAddr| proxy.uri),
        None => dialog.remote_target.parse().ok(),
    }
}
