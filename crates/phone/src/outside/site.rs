//! The signalling of a site, without sockets or clock.
//!
//! Feed it with [`Site::handle_input`] and [`Site::handle_timeout`], drain [`Site::poll_output`], sleep until [`Site::poll_timeout`].
//! Requests go over a connection of the site's own, which it asks for when it needs one; answers go where their requests came from.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use ::media::sdp::{Audio, Sdp};
use ::media::srtp::Suite;
use rand_chacha::ChaCha20Rng;
use rand_core::Rng;
use sip::{ClientKey, Endpoint, Event, FlowId, Message, ServerKey, Timers, Transport};

use super::calls::Call;
use super::text::{self, Face};
use super::{Told, idle};
use crate::codec::Codec;
use crate::machine::CallNo;
use crate::phone::CommandError;
use crate::status::{CallState, Status};
use crate::talk::{MainTerms, Opening};

/// What happens to the site.
#[derive(Debug)]
pub(super) enum Input {
    /// A message came on this connection.
    Message(FlowId, Message),
    /// This connection is gone.
    Closed(FlowId),
    /// The connection that was asked for is there.
    Connected(FlowId),
    /// It did not come about.
    NotConnected(String),
}

/// What a party does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    Dial { party: usize, number: String },
    Answer { party: usize },
    HangUp { party: usize },
    Change { party: usize, to: Made },
    Transfer { party: usize, to: usize, told: Told },
    Confer { party: usize, with: Vec<usize>, number: String },
    Leave { party: usize },
}

/// What a re-INVITE of the site makes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Held,
    Resumed,
    /// Another party's, with media of its own.
    Transferred,
}

/// What the site wants done, in this order.
#[derive(Debug)]
pub(super) enum Output {
    /// Send one whole message.
    Transmit(FlowId, Vec<u8>),
    /// Connect to CUCM.
    Connect,
    /// Change the media.
    Media(Order),
    /// Something went wrong that a user of the harness must see.
    Problem(String),
}

/// A change of the media.
#[derive(Debug)]
pub(super) enum Order {
    /// A call uses this port from now on, in place of another one if it had one.
    Open { call: CallNo, port: u16 },
    /// New terms of a call.
    SetMain { call: CallNo, terms: Box<MainTerms> },
    /// These parties speak in a call from now on, all at once.
    Speak { call: CallNo, parties: Vec<usize> },
    /// Both voices go to a recorder too: what is heard as the near leg, what is said as the far one.
    Fork { call: CallNo, openings: Box<[Opening; 2]> },
    /// And no longer.
    Unfork { call: CallNo },
    /// The call is over.
    Close { call: CallNo },
}

/// What the configuration says about calls.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) name: String,
    pub(super) suites: Vec<Suite>,
    pub(super) codecs: Vec<Codec>,
    /// Number and name of each party.
    pub(super) parties: Vec<(String, String)>,
    pub(super) cucm: SocketAddr,
}

/// What a request of ours was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Invite(CallNo),
    Change(CallNo),
    Else,
}

/// The signalling of one site.
pub(super) struct Site {
    pub(super) settings: Settings,
    pub(super) face: Face,
    pub(super) rng: ChaCha20Rng,
    /// An instant, and the wall time at it.
    epoch: (Instant, SystemTime),
    pub(super) endpoint: Endpoint,
    transport: Transport,
    /// Our own connection.
    flow: Option<FlowId>,
    /// What waits for it.
    waiting: Vec<(Message, Asked)>,
    asked: BTreeMap<ClientKey, Asked>,
    pub(super) calls: Vec<Call>,
    last_call: u32,
    pub(super) ports: Vec<u16>,
    /// Re-INVITEs that crossed one of CUCM's and are tried again.
    pub(super) timers: Vec<(Instant, CallNo)>,
    outputs: VecDeque<Output>,
}

impl Site {
    pub(super) fn new(settings: Settings, face: Face, rng: ChaCha20Rng, epoch: (Instant, SystemTime)) -> Self {
        Self {
            transport: face.transport,
            settings,
            face,
            rng,
            epoch,
            endpoint: Endpoint::new(Timers { trying_after: None, ..Timers::default() }),
            flow: None,
            waiting: Vec::new(),
            asked: BTreeMap::new(),
            calls: Vec::new(),
            last_call: 0,
            ports: Vec::new(),
            timers: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Is a media port needed for what may come next?
    pub(super) fn wants_port(&self) -> bool {
        self.ports.len() < SPARE_PORTS
    }

    /// A port that is bound and free.
    pub(super) fn add_port(&mut self, port: u16) {
        self.ports.push(port);
    }

    pub(super) fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message(flow, message) => self.endpoint.handle_message(now, flow, self.transport, message),
            Input::Closed(flow) => {
                if self.flow == Some(flow) {
                    self.flow = None;
                }
                self.endpoint.handle_flow_closed(now, flow);
            }
            Input::Connected(flow) => {
                self.flow = Some(flow);
                for (message, asked) in std::mem::take(&mut self.waiting) {
                    self.send(now, message, asked);
                }
            }
            Input::NotConnected(why) => {
                self.problem(format!("cannot connect to CUCM: {why}"));
                for (_, asked) in std::mem::take(&mut self.waiting) {
                    if let Asked::Invite(no) | Asked::Change(no) = asked {
                        self.end_call(no);
                    }
                }
            }
        }
        self.run_endpoint(now);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.run_endpoint(now);
        while let Some(at) = self.timers.iter().position(|(due, _)| *due <= now) {
            let (_, no) = self.timers.remove(at);
            self.change_again(now, no);
            self.run_endpoint(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.iter().map(|(due, _)| *due).chain(self.endpoint.poll_timeout()).min()
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Does what a party asked for, or says why not.
    pub(super) fn command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        let done = match command {
            Command::Dial { party, number } => self.dial(now, party, &number),
            Command::Answer { party } => self.answer(now, party),
            Command::HangUp { party } => self.hang_up(now, party),
            Command::Change { party, to } => self.hold_or_resume(now, party, to),
            Command::Transfer { party, to, told } => self.transfer(now, party, to, told),
            Command::Confer { party, with, number } => self.confer(now, party, &with, &number),
            Command::Leave { party } => self.leave(now, party),
        };
        self.run_endpoint(now);
        done
    }

    /// What each party is doing.
    pub(super) fn status(&self) -> Vec<Status> {
        let of = |party: usize| {
            let call = self.calls.iter().find(|call| call.parties.contains(&party));
            Status {
                call: call.map_or(CallState::Idle, |call| call.state),
                secured: call.is_some_and(|call| {
                    call.settled.as_ref().is_some_and(|settled| settled.own.is_some() && settled.peer.is_some())
                }),
                ..idle()
            }
        };
        (0..self.settings.parties.len()).map(of).collect()
    }

    /// Transactions that are still open, for leak checks.
    pub(super) fn open_transactions(&self) -> usize {
        self.endpoint.active()
    }

    fn run_endpoint(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip::Output::Transmit { flow, bytes } => self.outputs.push_back(Output::Transmit(flow, bytes)),
                sip::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Request { key, message, .. } => self.on_request(now, key, message),
            Event::Ack { message, .. } => {
                if let Some(no) = self.call_of(&message) {
                    self.on_ack(no, &message);
                }
            }
            Event::Cancelled { key, .. } => self.on_cancelled(now, key),
            Event::AckMissing { key } => self.on_ack_missing(now, key),
            Event::Response { key, message } => self.on_response(now, key, &message),
            Event::Timeout { key } | Event::FlowFailed { key } => {
                if let Some(Asked::Invite(no) | Asked::Change(no)) = self.asked.remove(&key) {
                    self.problem("cucm did not answer an INVITE".to_owned());
                    self.end_call(no);
                }
            }
            Event::Stray { message, .. } => {
                tracing::debug!(site = self.settings.name, ?message, "a message that belongs to nothing");
            }
        }
    }

    fn on_request(&mut self, now: Instant, key: ServerKey, message: Message) {
        let is_in_dialog = message.to().is_ok_and(|to| to.tag().is_some());
        match (message.method().unwrap_or_default(), self.call_of(&message)) {
            ("INVITE", None) if !is_in_dialog => self.on_invite(now, key, message),
            ("INVITE" | "UPDATE", Some(no)) => self.on_offer(now, no, &key, &message),
            ("BYE", Some(no)) => {
                self.reply(now, &key, &message, 200, "OK");
                self.end_call(no);
            }
            ("INVITE" | "UPDATE" | "BYE", None) => {
                self.reply(now, &key, &message, 481, "Call Leg/Transaction Does Not Exist");
            }
            ("OPTIONS" | "INFO" | "NOTIFY", _) => self.reply(now, &key, &message, 200, "OK"),
            _ => self.reply(now, &key, &message, 405, "Method Not Allowed"),
        }
    }

    fn on_response(&mut self, now: Instant, key: ClientKey, response: &Message) {
        let status = response.status().unwrap_or(0);
        let Some(asked) = self.asked.get(&key).copied() else { return };
        if status >= 200 {
            self.asked.remove(&key);
        }
        match asked {
            Asked::Invite(no) => self.on_progress(now, no, &key, status, response),
            Asked::Change(no) if status >= 200 => self.on_changed(now, no, &key, status, response),
            Asked::Change(_) | Asked::Else => {}
        }
    }

    /// Sends a request over our own connection, now or when it is there.
    pub(super) fn send(&mut self, now: Instant, request: Message, asked: Asked) {
        let Some(flow) = self.flow else {
            if self.waiting.is_empty() {
                self.outputs.push_back(Output::Connect);
            }
            return self.waiting.push((request, asked));
        };
        let key = self.endpoint.send_request(now, flow, self.transport, request);
        self.asked.insert(key, asked);
        if let Asked::Invite(no) = asked
            && let Some(call) = self.call_mut(no)
        {
            call.invited = Some(key);
        }
    }

    /// Sends an ACK where its INVITE went.
    pub(super) fn send_ack(&mut self, now: Instant, key: &ClientKey, ack: Message) {
        if let Some(flow) = self.flow {
            self.endpoint.send_ack(now, flow, key, ack);
        }
    }

    pub(super) fn reply(&mut self, now: Instant, key: &ServerKey, request: &Message, status: u16, reason: &str) {
        let tag = self.tag();
        let answer = text::reply(&self.face, request, (status, reason), Some(&tag));
        self.respond(now, key, answer);
    }

    pub(super) fn respond(&mut self, now: Instant, key: &ServerKey, response: Message) {
        // A transaction that is over needs no answer.
        let _ = self.endpoint.respond(now, key, response);
    }

    pub(super) fn call(&self, no: CallNo) -> Option<&Call> {
        self.calls.iter().find(|call| call.no == no)
    }

    pub(super) fn call_mut(&mut self, no: CallNo) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.no == no)
    }

    /// The call of a party.
    pub(super) fn call_with(&self, party: usize) -> Result<&Call, CommandError> {
        self.calls.iter().find(|call| call.parties.contains(&party)).ok_or(CommandError::NoCall)
    }

    pub(super) fn is_free(&self, party: usize) -> bool {
        party < self.settings.parties.len() && self.call_with(party).is_err()
    }

    fn call_of(&self, message: &Message) -> Option<CallNo> {
        let matches = |call: &&Call| call.dialog.as_ref().is_some_and(|dialog| dialog.matches(message));
        self.calls.iter().find(matches).map(|call| call.no)
    }

    pub(super) fn next_call_no(&mut self) -> CallNo {
        self.last_call += 1;
        CallNo(self.last_call)
    }

    pub(super) fn tag(&mut self) -> String {
        format!("{:X}-{:X}", self.rng.next_u32(), self.rng.next_u32() & 0xffff)
    }

    pub(super) fn branch(&mut self) -> String {
        format!("z9hG4bK{:X}", self.rng.next_u32())
    }

    pub(super) fn wall(&self, now: Instant) -> SystemTime {
        self.epoch.1 + now.saturating_duration_since(self.epoch.0)
    }

    pub(super) fn order(&mut self, order: Order) {
        self.outputs.push_back(Output::Media(order));
    }

    pub(super) fn problem(&mut self, what: String) {
        self.outputs.push_back(Output::Problem(what));
    }

    /// Both sides changed the call at once: who made the Call-ID waits 2.1 to 4 s, the other up to 2 s (RFC 3261 §14.1).
    pub(super) fn wait_for_glare(&mut self, now: Instant, no: CallNo, is_owner: bool) {
        let step = u64::from(self.rng.next_u32());
        let wait = if is_owner { 2100 + step % 191 * 10 } else { step % 201 * 10 };
        self.timers.push((now + Duration::from_millis(wait), no));
    }
}

/// The audio of a message's description; none if it has no body.
pub(super) fn audio(message: &Message) -> Result<Option<Audio>, String> {
    if message.body().is_empty() {
        return Ok(None);
    }
    let sdp = Sdp::parse(message.body()).map_err(|error| error.to_string())?;
    sdp.audio().map(Some).map_err(|error| error.to_string())
}

/// Ports held ready: one for a call, one for who takes it over.
const SPARE_PORTS: usize = 2;
