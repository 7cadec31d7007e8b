//! Registrations, calls, recordings and trunks as one machine without sockets or clock.
//!
//! ```text
//!  Input ──► flows ──► sip::Endpoint ──► phones   (registration)
//!                          ▲             calls    (two legs each: hold, music, transfer)
//!                          │             recordings (two bridge legs, two recorder legs)
//!  Output ◄── transmit ────┴──────────── trunks   (connections, hunting, OPTIONS ping)
//! ```
//!
//! Feed [`Engine::handle_input`], drain [`Engine::poll_output`], sleep until [`Engine::poll_timeout`], call
//! [`Engine::handle_timeout`]. What CUCM does a little later is a step in a timetable; each step looks whether it is still wanted.

mod alarm;
mod alert;
mod answer;
mod arrive;
mod barge;
mod call;
mod conference;
mod connect;
mod dealings;
mod dialogs;
mod far_end;
mod fault;
mod feed;
mod flows;
mod forking;
mod gateways;
mod half;
mod hold;
mod hunt;
mod late;
mod leg;
mod media_change;
mod music;
mod outage;
mod outside;
mod park;
mod pause;
mod pickup;
mod place;
mod ports;
mod recorder;
mod recording;
mod redirect;
mod refer;
mod refresh;
mod registration;
mod repeat;
mod route;
mod rules;
mod selective;
mod settle;
mod shared;
mod softkey;
mod sources;
mod steps;
mod subscription;
mod transfer;
mod trunk;
mod unprompted;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{ClientKey, Endpoint, Event, FlowId, Message, ServerKey};

pub use crate::ident::Numbering;
pub use conference::DropRefused;
pub use ports::{ConferenceId, ConnectionId, Input, MixOrder, MusicId, Output, PortTerms, PostId, SentStream};
pub use redirect::RedirectRefused;
pub use selective::RecordingRefused;

use crate::config::{Config, MusicOnHold};
use crate::event::{ConnectFailure, CucmEvent, RecordingId, Summary};
use crate::ident::Identifiers;
use crate::malformed::{Malformed, MalformedKind};
use crate::signalling::Request;
use crate::text;

use call::Call;
use conference::Conferences;
use dealings::Dealings;
use flows::Flow;
use gateways::Gateways;
use leg::{Leg, LegId};
use recording::Recording;
use registration::Registration;
use repeat::Unanswered;
use route::Rotation;
use shared::Shares;
use steps::{Step, Steps};
use trunk::{Trunks, Way};

/// The machine. Deterministic: the same configuration, seed and inputs give the same outputs.
#[derive(Debug)]
pub struct Engine {
    config: Config,
    epoch: (Instant, SystemTime),
    /// How often call identifiers were given out from the beginning again.
    numbering: u32,
    identifiers: Identifiers,
    endpoint: Endpoint,
    outputs: VecDeque<Output>,
    /// What was decided while the endpoint's outputs were drained; it goes out behind them.
    decided: VecDeque<Output>,
    steps: Steps,
    flows: BTreeMap<FlowId, Flow>,
    phones: BTreeMap<String, Registration>,
    legs: BTreeMap<LegId, Leg>,
    last_leg: u64,
    by_call_id: BTreeMap<String, LegId>,
    asked: BTreeMap<ClientKey, Asked>,
    /// Nodes that have died.
    dead: BTreeSet<IpAddr>,
    callers: BTreeMap<ServerKey, LegId>,
    calls: BTreeMap<u32, Call>,
    conferences: Conferences,
    recordings: BTreeMap<RecordingId, Recording>,
    last_recording: u64,
    /// The far end of each phone's first recording, for faults alone.
    first_far: BTreeMap<String, rules::FarEnd>,
    last_music: u64,
    last_post: u64,
    /// Keys and numbers of music, and how long to wait after a glare.
    rng: ChaCha20Rng,
    trunks: Trunks,
    rotation: Rotation,
    dealings: BTreeMap<LegId, Dealings>,
    unanswered: BTreeMap<LegId, Unanswered>,
    shares: Shares,
    /// Legs of calls that lead over trunks.
    outside: BTreeMap<LegId, outside::Outside>,
    gateways: Gateways,
    /// Why the flow closed whose transactions are failing just now.
    closing: Option<ConnectFailure>,
    counts: (u64, u64),
    pings: u64,
    refreshes: u64,
    refreshed_by_recorder: u64,
}

/// What a request of ours was for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Asked {
    Invite(LegId),
    Bye(LegId),
    Cancel,
    /// NOTIFY of a transfer.
    Progress,
    /// UPDATE that tells a phone of its conference.
    Told,
    Ping(Way),
    Refresh(LegId),
    Notify(LegId),
    /// What a test wanted sent.
    Unprompted(LegId, Request),
    /// What ends a dialog that nobody wants any more.
    LateBye,
}

impl Engine {
    /// A node that starts at `now`, which is `wall` on the calendar, with counters from the seed.
    pub fn new(now: Instant, wall: SystemTime, config: Config, seed: u64) -> Self {
        let numbering = Numbering::seeded(&mut ChaCha20Rng::seed_from_u64(seed));
        Self::with_numbering(now, wall, config, seed, numbering)
    }

    /// The same with counters that are given: a trace can be repeated to the byte.
    pub fn with_numbering(now: Instant, wall: SystemTime, config: Config, seed: u64, numbering: Numbering) -> Self {
        let mut engine = Self {
            epoch: (now, wall),
            identifiers: Identifiers::new(config.release, config.address, numbering, seed),
            numbering: 0,
            endpoint: Endpoint::new(config.timing.sip),
            outputs: VecDeque::new(),
            decided: VecDeque::new(),
            steps: Steps::default(),
            flows: BTreeMap::new(),
            phones: BTreeMap::new(),
            legs: BTreeMap::new(),
            last_leg: 0,
            by_call_id: BTreeMap::new(),
            asked: BTreeMap::new(),
            dead: BTreeSet::new(),
            callers: BTreeMap::new(),
            calls: BTreeMap::new(),
            conferences: Conferences::default(),
            recordings: BTreeMap::new(),
            last_recording: 0,
            first_far: BTreeMap::new(),
            last_music: 0,
            last_post: 0,
            rng: ChaCha20Rng::seed_from_u64(!seed),
            trunks: Trunks::default(),
            rotation: Rotation::default(),
            dealings: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            shares: Shares::default(),
            outside: BTreeMap::new(),
            gateways: Gateways::default(),
            closing: None,
            counts: (0, 0),
            pings: 0,
            refreshes: 0,
            refreshed_by_recorder: 0,
            config,
        };
        engine.plan_pings(now);
        engine
    }

    /// Takes what happened outside.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Message { flow, message } => self.on_message(now, flow, message),
            Input::Malformed { flow, peer, what } => self.on_malformed(flow, peer, what),
            Input::Opened { flow, transport, local, peer, certificate } => {
                self.on_opened(flow, transport, local, peer, certificate.as_ref());
            }
            Input::Closed { flow, why } => self.on_closed(now, flow, why),
            Input::Connected { connection, flow } => self.on_connected(now, connection, flow),
            Input::Posted { post, answer } => self.on_posted(now, post, answer),
            Input::ConnectFailed { connection, failure } => self.on_connect_failed(now, connection, &failure),
        }
        self.drain(now);
    }

    /// Does what is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        self.drain(now);
        while let Some(step) = self.steps.pop_due(now) {
            self.on_step(now, step);
            self.drain(now);
        }
    }

    /// When [`Engine::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.endpoint.poll_timeout(), self.steps.first()].into_iter().flatten().min()
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Gives out call identifiers from the beginning again: as after a restart or, under another cluster ID, as a second cluster
    /// would that has the same recorder. Calls must be over.
    pub fn renumber(&mut self, other_cluster: Option<String>) {
        self.numbering += 1;
        self.identifiers.begin_anew(other_cluster.is_some());
        if let Some(cluster_id) = other_cluster {
            self.config.cluster_id = cluster_id;
        }
    }

    /// Whether no dialog is open: the time to stop.
    pub fn is_idle(&self) -> bool {
        self.legs.is_empty() && self.calls.is_empty() && self.recordings.is_empty()
    }

    /// How many dialogs there are with recorders, those that are being ended among them.
    pub fn recorder_dialogs(&self) -> usize {
        self.legs.values().filter(|leg| matches!(leg.role, leg::Role::Recorder { .. })).count()
    }

    /// Whether nothing that changes what stands is under way in the dialogs of recordings, with recorders and with phones.
    pub fn is_recording_settled(&self) -> bool {
        let strands =
            self.recordings.values().flat_map(|recording| text::recording::End::BOTH.map(|end| recording.strand(end)));
        let mut legs = strands.flat_map(|strand| [strand.recorder, strand.bridge]).flatten();
        !legs.any(|leg| self.legs.get(&leg).is_some_and(Leg::is_changing))
    }

    /// What is left. Dialogs that are being cleared are no leak: the peer may never answer.
    pub fn summary(&self) -> Summary {
        let open = self.legs.values().filter(|leg| !leg.is_ending());
        let orphans = self.asked.values().filter(|asked| match asked {
            Asked::Invite(leg) | Asked::Bye(leg) => !self.legs.contains_key(leg),
            Asked::Cancel
            | Asked::Progress
            | Asked::Told
            | Asked::Ping(_)
            | Asked::Refresh(_)
            | Asked::Notify(_)
            | Asked::Unprompted(..)
            | Asked::LateBye => false,
        });
        Summary {
            calls: self.counts.0,
            recordings: self.counts.1,
            pings: self.pings,
            refreshes: self.refreshes,
            refreshed_by_recorder: self.refreshed_by_recorder,
            leaked_dialogs: open.map(|leg| leg.call_id.clone()).collect(),
            leaked_transactions: orphans.count(),
            registered: self.phones.keys().cloned().collect(),
            disturbed: Vec::new(),
            music: Vec::new(),
            mixed: Vec::new(),
        }
    }

    /// A message goes on if all can be read that ties it to a transaction and a dialog.
    fn on_message(&mut self, now: Instant, flow: FlowId, message: Message) {
        let Some(known) = self.flows.get(&flow) else {
            return;
        };
        if let Err(error) = message.check_mandatory() {
            let what = Malformed::new(MalformedKind::Message, message.as_bytes(), &error.to_string());
            return self.on_malformed(Some(flow), known.peer, what);
        }
        self.endpoint.handle_message(now, flow, known.transport, message);
    }

    fn drain(&mut self, now: Instant) {
        self.pump(now);
        self.end_barges(now);
        self.show_shared(now);
        self.pump(now);
        self.outputs.append(&mut self.decided);
    }

    fn pump(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                sip::Output::Transmit { flow, bytes } => self.outputs.push_back(Output::Transmit { flow, bytes }),
                sip::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Request { key, flow, message } => self.on_request(now, key, flow, &message),
            Event::Ack { key, message, .. } if self.is_of_recorder(key) => self.on_recorder_ack(now, key, &message),
            Event::Ack { key, .. } => self.on_caller_ack(now, key),
            Event::AckMissing { key } if self.is_of_recorder(key) => self.on_recorder_ack_missing(now, key),
            Event::AckMissing { key } => self.on_caller_ack_missing(now, key),
            Event::Cancelled { key, .. } if self.is_change_of_recorder(key) => self.on_recorder_cancelled(now, key),
            Event::Cancelled { key, .. } => self.on_caller_cancelled(now, key),
            Event::Response { key, message } => self.on_response(now, key, &message),
            Event::Timeout { key } => {
                let failure = failure("timeout", "no answer came in time");
                self.on_no_response(now, key, &failure);
            }
            Event::FlowFailed { key } => {
                let closed = || failure("closed", "the connection closed before an answer came");
                let failure = self.closing.clone().unwrap_or_else(closed);
                if !self.repeat_over_new_connection(now, key) {
                    self.on_no_response(now, key, &failure);
                }
            }
            Event::Stray { flow, message } => self.on_stray(now, flow, &message),
        }
    }

    fn on_step(&mut self, now: Instant, step: Step) {
        match step {
            Step::Expire(device) => self.on_expiry(now, &device),
            Step::NoAnswer(call) => self.on_no_answer(now, call),
            Step::ForwardNoAnswer(round) => self.on_ring_over(now, round),
            Step::Record(call, side) => self.record(now, call, side),
            Step::Bridge(recording, end) => self.call_bridge(now, recording, end),
            Step::Recorder(recording, end) => self.call_recorder(now, recording, end),
            Step::BridgeOffer(recording, end) => self.ask_bridge(now, recording, end),
            Step::Join(recording, end) => self.join(now, recording, end),
            Step::RecorderAck(recording, end) => self.finish(now, recording, end),
            Step::MediaChange(recording, end) => self.change_strand(now, recording, end),
            Step::Reoffer(recording, end) => self.reoffer(now, recording, end),
            Step::Confer(first, consult) => self.confer(now, first, consult),
            Step::Retry(call, side) => self.on_retry(now, call, side),
            Step::TransferNoAnswer(call, target) => self.on_target_silent(now, call, target),
            Step::Park(leg) => self.park(now, leg),
            Step::ParkReversion(call, at) => self.on_park_reversion(now, call, &at),
            Step::Ping(way) => self.ping(now, &way),
            Step::Refresh(leg, generation) => self.on_refresh_due(now, leg, generation),
            Step::SessionOver(leg, generation) => self.on_session_over(now, leg, generation),
            Step::Unsubscribe(leg, until) => self.on_subscription_over(now, leg, until),
        }
    }

    fn event(&mut self, event: CucmEvent) {
        self.decided.push_back(Output::Event(event));
    }

    fn wall(&self, now: Instant) -> SystemTime {
        self.epoch.1 + now.saturating_duration_since(self.epoch.0)
    }

    fn date(&self, now: Instant) -> String {
        text::date(self.wall(now))
    }
}

fn failure(rule: &str, why: &str) -> ConnectFailure {
    ConnectFailure { rule: rule.to_owned(), why: why.to_owned(), refused_by_us: false }
}
