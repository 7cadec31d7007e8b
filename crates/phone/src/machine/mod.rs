//! The signalling of one phone: registration, two calls, and the dialogs of its built-in bridge. Without sockets or clock.
//!
//! Feed it with [`Machine::handle_input`] and [`Machine::handle_timeout`], then drain [`Machine::poll_output`], then sleep until
//! [`Machine::poll_timeout`]. The driver keeps the machine supplied with media ports ([`Machine::wants_port`]), because an offer names
//! its port before anything is sent.

mod barge;
mod bridge;
mod call;
mod ending;
mod hold;
mod lines;
mod media_change;
mod refer;
mod registration;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use media::ledger::Leg;
use media::sdp::{Audio, Sdp};
use media::srtp::{MasterKey, Suite};
use rand_chacha::ChaCha20Rng;
use sip::{ClientKey, Endpoint, Event, FlowId, Message, ServerKey, Timers};

pub(crate) use self::media_change::keep_key;

use self::barge::Barge;
use self::bridge::Bridge;
use self::call::Call;
use self::refer::Pressed;
use self::registration::Registration;
use crate::change::BridgeChange;
use crate::codec::Codec;
use crate::config::{BridgeTiming, FirstPacket};
use crate::connection::Ends;
use crate::identifiers::{Identifiers, NO_SESSION};
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent, Security, Status};
use crate::talk::{MainTerms, Opening, Turn};
use crate::text::{self, Profile, RemoteCall, Reply, Stamp};

/// What happens to the machine.
#[derive(Debug)]
pub(crate) enum Input {
    /// A message came on the connection.
    Message(Message),
    /// The connection is gone.
    Closed {
        /// What ended it.
        why: String,
    },
}

/// One call of the phone, counted from 1 over its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CallNo(pub(crate) u32);

/// What a user does. All but `Dial` and `Answer` address the active call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Dial(String),
    Answer,
    HangUp,
    HangUpAll,
    Hold,
    Resume,
    Consult(String, Purpose),
    CompleteTransfer,
    TransferBlind(String),
    CompleteConference,
    CBarge,
    Barge,
    Record(Softkey),
    Park,
    PickUp,
    Mute(bool),
    Dtmf(String),
    ChangeBridge(BridgeChange),
    Unregister,
}

/// What a call is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be held.
    Hold,
    /// To be transferred: the first press of *Transfer*.
    Transfer,
    /// To be joined with another: the first press of *Confrn*.
    Conference,
}

/// A softkey that CUCM is told of by REFER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Softkey {
    Conference,
    Park,
    StartRecording,
    StopRecording,
}

/// What the machine wants done, in this order.
#[derive(Debug)]
pub(crate) enum Output {
    /// Send one whole message.
    Transmit(Vec<u8>),
    /// Change the media. What follows must wait until it is done.
    Media(MediaOrder),
    /// Tell the user.
    Event(PhoneEvent),
}

/// A change of the media.
#[derive(Debug)]
pub(crate) enum MediaOrder {
    /// A call uses this port from now on; it hears and says nothing yet.
    Open { call: CallNo, port: u16 },
    /// New terms of a call.
    SetMain { call: CallNo, terms: Box<MainTerms> },
    /// A bridge stream begins.
    StartFork { call: CallNo, leg: Leg, port: u16, opening: Box<Opening> },
    /// A bridge stream goes on otherwise.
    TurnFork { call: CallNo, leg: Leg, turn: Box<Turn> },
    /// A phone has barged in: it hears and is heard.
    StartGuest { call: CallNo, port: u16, opening: Box<Opening>, receive: Option<(Suite, MasterKey)> },
    /// It has left.
    StopGuest { call: CallNo },
    /// A bridge stream ends; its port stays with the bridge dialog.
    StopFork { call: CallNo, leg: Leg },
    /// A port is not used any more.
    Free { port: u16 },
    /// The microphone is switched off, or on again.
    Mute(bool),
    /// Keys are pressed: their event codes (RFC 4733 §3.2).
    Dtmf { call: CallNo, events: Vec<u8> },
    /// The call is over.
    Close { call: CallNo },
}

/// What the configuration says about calls.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// None for a phone without SRTP.
    pub(crate) suites: Vec<Suite>,
    pub(crate) codecs: Vec<Codec>,
    /// Calls at a time.
    pub(crate) busy_trigger: u8,
    pub(crate) bridge: BridgeTiming,
    pub(crate) first: FirstPacket,
}

/// A moment at which the machine itself has something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Timer {
    /// Refresh the registration, or try again.
    Register,
    /// Try the hold or resume of this call again.
    Change(CallNo),
    /// Answer the bridge INVITE of this Call-ID.
    BridgeAnswer(String),
    /// Answer the re-INVITE on the bridge dialog of this Call-ID.
    BridgeOffer(String),
}

/// The signalling of one phone.
pub(crate) struct Machine {
    profile: Profile,
    settings: Settings,
    ids: Identifiers,
    /// An instant, and the wall time at it.
    epoch: (Instant, SystemTime),
    endpoint: Endpoint,
    flow: FlowId,
    registration: Registration,
    /// One active, one held or waiting: at most as many as the busy trigger lets in.
    calls: Vec<Call>,
    /// The call that the user's commands address; there is one whenever there is a call.
    active: Option<CallNo>,
    last_call: u32,
    /// Softkeys that CUCM has not answered yet.
    pressed: Vec<Pressed>,
    /// Calls on other phones of the line.
    remote: Vec<RemoteCall>,
    bridges: Vec<Bridge>,
    /// Phones that have barged in.
    barges: Vec<Barge>,
    ports: Vec<u16>,
    timers: Vec<(Instant, Timer)>,
    outputs: VecDeque<Output>,
}

impl Machine {
    /// A phone that has its connection and is not registered. `epoch` is an instant before it boots, and the wall
    /// time at it.
    pub(crate) fn new(profile: Profile, settings: Settings, ids: Identifiers, epoch: (Instant, SystemTime)) -> Self {
        let mut ids = ids;
        let registration = Registration::new(&mut ids);
        Self {
            profile,
            settings,
            ids,
            epoch,
            // The machine says 100 Trying itself, at once and with a phone's headers.
            endpoint: Endpoint::new(Timers { trying_after: None, ..Timers::default() }),
            flow: FlowId(0),
            registration,
            calls: Vec::new(),
            active: None,
            last_call: 0,
            pressed: Vec::new(),
            remote: Vec::new(),
            bridges: Vec::new(),
            barges: Vec::new(),
            ports: Vec::new(),
            timers: Vec::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Is a media port needed for what may come next?
    pub(crate) fn wants_port(&self) -> bool {
        self.ports.len() < SPARE_PORTS
    }

    /// A port that is bound and free.
    pub(crate) fn add_port(&mut self, port: u16) {
        self.ports.push(port);
    }

    pub(crate) fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message(message) => self.endpoint.handle_message(now, self.flow, self.profile.transport, message),
            Input::Closed { why } => {
                self.endpoint.handle_flow_closed(now, self.flow);
                self.lose_registration(why);
            }
        }
        self.run_endpoint(now);
    }

    /// A new connection in place of the one that was lost: the phone registers again, calls go on.
    pub(crate) fn reconnect(&mut self, now: Instant, ends: Ends) {
        self.flow = FlowId(self.flow.0 + 1);
        self.profile.local = ends.local;
        self.profile.registrar = ends.peer.ip();
        self.register(now);
    }

    /// Does what a user asked for, or says why not.
    pub(crate) fn command(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        let done = match command {
            Command::Dial(number) => self.dial(now, &number),
            Command::Answer => self.answer(now),
            Command::HangUp => self.hang_up(now),
            Command::HangUpAll => {
                self.hang_up_all(now);
                Ok(())
            }
            Command::Hold => self.hold(now),
            Command::Resume => self.resume(now),
            Command::Consult(number, purpose) => self.consult(now, &number, purpose),
            Command::CompleteTransfer => self.complete_transfer(now),
            Command::TransferBlind(number) => self.transfer_blind(now, &number),
            Command::CompleteConference => self.complete_conference(now),
            Command::Record(softkey) => self.press_in_call(now, softkey),
            Command::CBarge => self.c_barge(now),
            Command::Barge => self.barge(now),
            Command::Park => self.press_in_call(now, Softkey::Park),
            Command::PickUp => self.dial(now, PICKUP),
            Command::Mute(is_muted) => self.mute(is_muted),
            Command::Dtmf(digits) => self.dtmf(&digits),
            Command::ChangeBridge(change) => self.change_bridge(change),
            Command::Unregister => {
                self.unregister(now);
                Ok(())
            }
        };
        self.run_endpoint(now);
        done
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.run_endpoint(now);
        while let Some(at) = self.timers.iter().position(|(due, _)| *due <= now) {
            match self.timers.remove(at).1 {
                Timer::Register => self.register(now),
                Timer::Change(no) => self.change_again(now, no),
                Timer::BridgeAnswer(call_id) => self.answer_bridge(now, &call_id),
                Timer::BridgeOffer(call_id) => self.offer_on_bridge(now, &call_id),
            }
            self.run_endpoint(now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let own = self.timers.iter().map(|(due, _)| *due).min();
        own.into_iter().chain(self.endpoint.poll_timeout()).min()
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The phone at this moment.
    pub(crate) fn status(&self) -> Status {
        let call = self.active_call();
        let state = |call: Option<&Call>| call.map_or(CallState::Idle, |call| call.state);
        let bridges = || self.bridges.iter().filter(|bridge| Some(bridge.main) == self.active);
        let forks = bridges().filter(|bridge| bridge.is_forking());
        Status {
            registered: self.registration.is_registered(),
            call: state(call),
            other: state(self.other_call()),
            secured: call.is_some_and(Call::is_secured),
            security: call.map_or(Security::Unknown, |call| call.security),
            forks: few(forks.count()),
            recording_shown: bridges().any(Bridge::shows),
            bridges: few(self.open_bridges()),
            remote: self.remote_use(),
        }
    }

    /// Transactions that are still open, for leak checks.
    pub(crate) fn open_transactions(&self) -> usize {
        self.endpoint.active()
    }

    /// Bridge dialogs that nobody has ended.
    pub(crate) fn open_bridges(&self) -> usize {
        self.bridges.len() + self.barges.len()
    }

    fn run_endpoint(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip::Output::Transmit { bytes, .. } => self.outputs.push_back(Output::Transmit(bytes)),
                sip::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
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

    fn on_request(&mut self, now: Instant, key: ServerKey, message: Message) {
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

    fn on_ack(&mut self, now: Instant, ack: &Message) {
        if let Some(no) = self.call_of(ack) {
            self.on_call_ack(no, ack);
        } else if let Some(at) = self.bridges.iter().position(|bridge| bridge.matches(ack)) {
            self.on_bridge_ack(now, at, ack);
        } else if let Some(at) = self.barge_of(ack) {
            self.on_barge_ack(at, ack);
        }
    }

    fn on_reinvite(&mut self, now: Instant, key: ServerKey, message: Message) {
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

    fn on_bye(&mut self, now: Instant, key: &ServerKey, message: &Message) {
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

    fn on_response(&mut self, now: Instant, key: &ClientKey, message: &Message) {
        if self.registration.awaits(key) {
            self.on_registration_answer(now, message);
        } else if let Some(no) = self.call_awaiting(key) {
            self.on_invite_answer(now, no, key, message);
        } else {
            self.on_refer_answer(key, message);
        }
    }

    fn on_no_answer(&mut self, now: Instant, key: &ClientKey, why: &str) {
        if self.registration.awaits(key) {
            self.on_registration_failed(now, why.to_owned());
        } else if let Some(no) = self.call_awaiting(key) {
            self.end_call(no, why.to_owned());
        } else {
            self.on_refer_failed(key, why);
        }
    }

    fn on_cancel(&mut self, now: Instant, key: &ServerKey) {
        if let Some(at) = self.bridges.iter().position(|bridge| bridge.is_answering(key)) {
            if let Some((key, invite)) = self.bridges[at].take_request() {
                self.reply(now, &key, &invite, 487, "Request Cancelled");
            }
            return self.end_bridge(at);
        }
        self.on_call_cancelled(now, key);
    }

    fn on_ack_missing(&mut self, now: Instant, key: &ServerKey) {
        if let Some(no) = self.calls.iter().find(|call| call.is_answering(key)).map(|call| call.no) {
            self.problem("no ACK came for the 200 that answered the call; the call is ended".to_owned());
            self.say_bye(now, no);
            self.end_call(no, "no ACK came".to_owned());
        }
    }

    /// Answers with what every response has and nothing more.
    fn reply(&mut self, now: Instant, key: &ServerKey, request: &Message, code: u16, reason: &str) {
        let tag = self.ids.tag();
        let reply = Reply { code, reason, tag: Some(&tag), session: None, wall: self.wall(now) };
        let response = text::short_response(&self.profile, request, &reply);
        self.respond(now, key, response);
    }

    /// 100 Trying, which a Cisco phone sends at once to every INVITE that it does not refuse: a capture without it has its numbers
    /// among the phone's messages (Cisco 200788).
    fn say_trying(&mut self, now: Instant, key: &ServerKey, invite: &Message, session: &(String, String)) {
        let trying = text::trying(&self.profile, invite, (&session.0, &session.1), self.wall(now));
        self.respond(now, key, trying);
    }

    fn respond(&mut self, now: Instant, key: &ServerKey, response: Message) {
        // The transaction may be over, as when its connection closed: then nobody waits for the answer.
        if let Err(error) = self.endpoint.respond(now, key, response) {
            tracing::debug!(device = self.profile.device, %error, "an answer came too late");
        }
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip::Output::Transmit { bytes, .. } => self.outputs.push_back(Output::Transmit(bytes)),
                sip::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn send(&mut self, now: Instant, request: Message) -> ClientKey {
        self.endpoint.send_request(now, self.flow, self.profile.transport, request)
    }

    fn stamp(&mut self, now: Instant, cseq: u32, session: (String, String)) -> Stamp {
        Stamp { branch: self.ids.branch(), cseq, session, wall: self.wall(now) }
    }

    fn wall(&self, now: Instant) -> SystemTime {
        self.epoch.1 + now.saturating_duration_since(self.epoch.0)
    }

    fn set_timer(&mut self, due: Instant, timer: Timer) {
        self.timers.retain(|(_, other)| *other != timer);
        self.timers.push((due, timer));
    }

    fn media(&mut self, order: MediaOrder) {
        self.outputs.push_back(Output::Media(order));
    }

    fn event(&mut self, event: PhoneEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn problem(&mut self, what: String) {
        self.event(PhoneEvent::Problem(what));
    }

    fn rng(&mut self) -> &mut ChaCha20Rng {
        self.ids.rng()
    }
}

/// The audio of a message's description; none if it has no body.
fn audio(message: &Message) -> Result<Option<Audio>, String> {
    if message.body().is_empty() {
        return Ok(None);
    }
    let sdp = Sdp::parse(message.body()).map_err(|error| error.to_string())?;
    sdp.audio().map(Some).map_err(|error| error.to_string())
}

fn few(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// The Session-ID half of the party that sent the message.
fn peer_session(message: &Message) -> String {
    message.session_id().ok().flatten().map_or_else(|| NO_SESSION.to_owned(), |id| id.local)
}

/// The Reason header in words, `normal` without one.
fn reason(message: &Message) -> String {
    match message.header("Reason") {
        Some(reason) => reason.into_owned(),
        None => "normal".to_owned(),
    }
}

/// The security that CUCM tells in Call-Info.
fn security(message: &Message) -> Option<Security> {
    message.cisco_call_info()?.security().map(Security::parse)
}

/// What the softkey *PickUp* calls: `callPickupURI` of the phone's configuration, as CUCM writes it.
const PICKUP: &str = "x-cisco-serviceuri-pickup";
/// Ports held ready: the main call and both bridge legs.
const SPARE_PORTS: usize = 3;
/// How long before its end a registration is refreshed (Cisco's "Timer Register Delta", seconds).
const REGISTER_DELTA: Duration = Duration::from_secs(5);
