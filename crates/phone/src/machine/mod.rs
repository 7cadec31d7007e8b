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
mod orders;
mod refer;
mod registration;
mod said;
mod shared;
#[cfg(test)]
mod tests;
mod whose;

use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

use media::srtp::Suite;
use rand_chacha::ChaCha20Rng;
use sip::{ClientKey, Endpoint, FlowId, Message, ServerKey, Timers};

pub(crate) use self::media_change::keep_key;
pub(crate) use self::orders::{CallNo, Command, Input, MediaOrder, Output, Purpose, Softkey};

use self::barge::Barge;
use self::bridge::Bridge;
use self::call::Call;
use self::refer::Pressed;
use self::registration::Registration;
use crate::codec::Codec;
use crate::config::{BridgeTiming, FirstPacket};
use crate::connection::Ends;
use crate::identifiers::Identifiers;
use crate::phone::CommandError;
use crate::status::{CallState, PhoneEvent, Security, Status};
use crate::text::{self, Profile, RemoteCall, Reply, Stamp};

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
    /// Whether the bridge sends no more when the connection to CUCM is lost.
    lets_forks_go: bool,
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
            lets_forks_go: false,
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
                self.keep_what_talks();
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

    /// Whether a call is up, or on its way.
    pub(crate) fn is_in_call(&self) -> bool {
        !self.calls.is_empty()
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
            Command::PreserveForks(does) => {
                self.lets_forks_go = !does;
                Ok(())
            }
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
            server: Some(self.profile.registrar),
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
        self.run_endpoint(now);
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

fn few(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// What the softkey *PickUp* calls: `callPickupURI` of the phone's configuration, as CUCM writes it.
const PICKUP: &str = "x-cisco-serviceuri-pickup";
/// Ports held ready: the main call and both bridge legs.
const SPARE_PORTS: usize = 3;
/// How long before its end a registration is refreshed (Cisco's "Timer Register Delta", seconds).
const REGISTER_DELTA: Duration = Duration::from_secs(5);
