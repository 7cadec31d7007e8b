//! The driver of a recorder: sockets, files and threads around the machines.
//!
//! One task owns the SIP endpoint and the [`Sessions`]; connections, the media loop and the store tell it by channels
//! what happened, and it tells them by channels what to do. There are no locks and no shared state.

mod census;
mod conversation;
pub(crate) mod flows;
pub(crate) mod ports;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sip::{Endpoint, EndpointError, FlowId, Message, Transport};
use tokio::sync::mpsc::{Receiver, Sender, UnboundedReceiver, channel};
use tokio::sync::{oneshot, watch};
use wire::{Datagram, PacerHandle};

use crate::config::Config;
use crate::fault::{Fault, Repeats};
use crate::legs::drain::{Command, Notice, Port};
use crate::metadata::Side;
use crate::recorder::{Finished, Refusal, Status, Summary};
use crate::session::{Deed, Input, LegId, Output, RecordingId, Route, Sessions};
use crate::store;
use flows::{Inbound, Shared};
use ports::Ports;

/// How long stopping may take: lingering legs, then files.
const STOP: Duration = Duration::from_secs(30);
/// No transaction over UDP lasts longer (RFC 3261 §17, 64*T1 and as much again for an ACK).
const UDP_QUIET: Duration = Duration::from_secs(64);
/// Refusals and alarms are remembered up to this number; a peer must not fill the memory.
const REMEMBERED: usize = 100;

/// A peer to write to.
enum Peer {
    Stream(Sender<Vec<u8>>),
    Udp(SocketAddr),
}

/// All that the driver is made of.
pub(crate) struct Parts {
    pub(crate) shared: Shared,
    pub(crate) endpoint: Endpoint,
    pub(crate) sessions: Sessions,
    pub(crate) udp: Option<Arc<Datagram>>,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) pacer: PacerHandle,
    pub(crate) inbound: Receiver<Inbound>,
    pub(crate) notices: UnboundedReceiver<Notice>,
    pub(crate) stored: UnboundedReceiver<store::Event>,
    pub(crate) deeds: UnboundedReceiver<(Deed, Option<Side>)>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) summary: Summary,
}

/// The driver.
pub(crate) struct Server {
    parts: Parts,
    config: Arc<Config>,
    peers: BTreeMap<FlowId, (Transport, Peer)>,
    /// The peers that talk UDP, and when each was heard or spoken to last.
    udp_flows: BTreeMap<SocketAddr, (FlowId, Instant)>,
    began: BTreeMap<RecordingId, Instant>,
    ports: Ports,
    repeats: Repeats,
    /// Recordings that were given to the store and whose files do not stand yet.
    unfinished: usize,
}

impl Server {
    pub(crate) fn new(parts: Parts) -> Self {
        let config = Arc::clone(&parts.shared.config);
        let ports = Ports::new(config.address, config.rtp_ports);
        Self {
            parts,
            config,
            peers: BTreeMap::new(),
            udp_flows: BTreeMap::new(),
            began: BTreeMap::new(),
            ports,
            repeats: Repeats::default(),
            unfinished: 0,
        }
    }

    /// Runs until it is told to stop, and then until everything is on disk.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) -> Summary {
        loop {
            self.pump();
            tokio::select! {
                biased;
                _ = &mut stop => break,
                () = self.next() => {}
            }
        }
        self.close().await
    }

    /// Waits for one thing to happen, and takes it.
    async fn next(&mut self) {
        let clock = self.parts.shared.net.clock().clone();
        let due = [self.parts.endpoint.poll_timeout(), self.parts.sessions.poll_timeout()].into_iter().flatten().min();
        let timer = async {
            match due {
                Some(due) => clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            Some(inbound) = self.parts.inbound.recv() => self.on_inbound(clock.now(), inbound),
            Some(notice) = self.parts.notices.recv() => self.on_notice(clock.now(), notice),
            Some(event) = self.parts.stored.recv() => self.on_stored(clock.now(), event),
            Some((deed, side)) = self.parts.deeds.recv() => {
                self.parts.sessions.handle_input(clock.now(), Input::Deed { deed, side });
            }
            () = timer => {
                let now = clock.now();
                self.parts.endpoint.handle_timeout(now);
                self.parts.sessions.handle_timeout(now);
            }
        }
    }

    /// Ends every call, waits for ports and files, and sums up.
    async fn close(mut self) -> Summary {
        let clock = self.parts.shared.net.clock().clone();
        self.parts.summary.dialogs_open = self.parts.sessions.dialogs();
        self.parts.sessions.handle_input(clock.now(), Input::HangUp);
        self.pump();
        let give_up = clock.now() + STOP;
        while (self.parts.sessions.legs() > 0 || self.unfinished > 0) && clock.now() < give_up {
            tokio::select! {
                biased;
                () = self.next() => {}
                () = clock.sleep_until(give_up) => {}
            }
            self.pump();
        }
        let mut summary = std::mem::take(&mut self.parts.summary);
        summary.legs_open = self.parts.sessions.legs();
        summary.ports_open = self.ports.open();
        summary.recordings_open = self.parts.sessions.recordings() + self.unfinished;
        summary.signalling = self.parts.sessions.counters();
        // The loop ends by itself once it has written what is left.
        let _ = self.parts.commands.send(Command::Stop);
        self.parts.pacer.wake();
        if let Err(error) = self.parts.pacer.ended().await {
            summary.alarms.push(error.to_string());
        }
        // What the store said while it closed.
        while let Ok(event) = self.parts.stored.try_recv() {
            note(&mut summary, event);
        }
        summary
    }

    fn on_inbound(&mut self, now: Instant, inbound: Inbound) {
        match inbound {
            Inbound::Opened { flow, transport, peer, queue } => {
                self.peers.insert(flow, (transport, Peer::Stream(queue)));
                self.parts.summary.connections += 1;
                self.parts.sessions.handle_input(now, Input::FlowOpened { flow, transport, peer });
            }
            Inbound::Message { flow, message } => self.on_message(now, flow, *message),
            Inbound::Datagram { answers_to, message } => {
                if let Some(flow) = self.udp_flow(now, answers_to) {
                    self.on_message(now, flow, *message);
                }
            }
            Inbound::Flawed { flow, message, why } => self.on_flawed(flow, &message, &why),
            Inbound::FlawedDatagram { answers_to, message, why } => {
                if let Some(flow) = self.udp_flow(now, answers_to) {
                    self.on_flawed(flow, &message, &why);
                }
            }
            Inbound::Malformed { peer, why } => {
                tracing::warn!("{peer}: {why}");
                self.parts.summary.malformed += 1;
            }
            Inbound::Closed { flow } => {
                self.peers.remove(&flow);
                self.parts.endpoint.handle_flow_closed(now, flow);
                self.parts.sessions.handle_input(now, Input::FlowClosed { flow });
            }
            Inbound::Refused { peer, rule, why } => {
                tracing::warn!("refused ({rule}): {why}");
                self.parts.summary.connections_refused += 1;
                if self.parts.summary.refusals.len() < REMEMBERED {
                    self.parts.summary.refusals.push(Refusal { peer, rule: rule.to_owned(), why });
                }
            }
        }
    }

    fn on_message(&mut self, now: Instant, flow: FlowId, message: Message) {
        let message = self.repeats.as_another(self.config.fault, message);
        if let Some((transport, _)) = self.peers.get(&flow) {
            self.parts.endpoint.handle_message(now, flow, *transport, message);
        }
    }

    fn on_flawed(&mut self, flow: FlowId, message: &Message, why: &str) {
        tracing::warn!("a malformed message: {why}");
        self.parts.summary.malformed += 1;
        self.parts.endpoint.handle_flawed(flow, message);
    }

    /// The flow of a peer that talks UDP; `None` where there are too many.
    fn udp_flow(&mut self, now: Instant, peer: SocketAddr) -> Option<FlowId> {
        if let Some((flow, used)) = self.udp_flows.get_mut(&peer) {
            *used = now;
            return Some(*flow);
        }
        if self.udp_flows.len() >= self.config.max_connections {
            self.forget_udp_peers(now);
        }
        if self.udp_flows.len() >= self.config.max_connections {
            let why = format!("{peer}: {} UDP peers talk already (`max_connections`)", self.udp_flows.len());
            self.on_inbound(now, Inbound::Refused { peer, rule: "too-many-connections", why });
            return None;
        }
        let flow = self.parts.shared.number();
        self.udp_flows.insert(peer, (flow, now));
        self.peers.insert(flow, (Transport::Udp, Peer::Udp(peer)));
        self.parts.sessions.handle_input(now, Input::FlowOpened { flow, transport: Transport::Udp, peer });
        Some(flow)
    }

    /// Forgets the peers whose transactions are all over. Their calls, if any, find them again by their Contact.
    fn forget_udp_peers(&mut self, now: Instant) {
        let quiet = |used: Instant| now.saturating_duration_since(used) >= UDP_QUIET;
        let gone: Vec<_> =
            self.udp_flows.iter().filter(|(_, (_, used))| quiet(*used)).map(|(p, f)| (*p, f.0)).collect();
        for (peer, flow) in gone {
            self.udp_flows.remove(&peer);
            self.on_inbound(now, Inbound::Closed { flow });
        }
    }

    fn on_notice(&mut self, now: Instant, notice: Notice) {
        let input = match notice {
            Notice::Silent { leg } => Input::Silent { leg },
            Notice::Alarm { leg, trouble, text } => Input::Alarm { leg, trouble, text },
            Notice::Closed { leg, report } => {
                self.ports.closed();
                self.parts.summary.packets.add(&report.packets);
                Input::Closed { leg, report }
            }
        };
        self.parts.sessions.handle_input(now, input);
    }

    fn on_stored(&mut self, now: Instant, event: store::Event) {
        match &event {
            store::Event::Finished { .. } => self.unfinished = self.unfinished.saturating_sub(1),
            store::Event::NotFinished { .. } => {
                self.unfinished = self.unfinished.saturating_sub(1);
                self.parts.sessions.handle_input(now, Input::Storage { healthy: false });
            }
            store::Event::Alarm(_) => self.parts.sessions.handle_input(now, Input::Storage { healthy: false }),
            store::Event::Writable => self.parts.sessions.handle_input(now, Input::Storage { healthy: true }),
        }
        note(&mut self.parts.summary, event);
    }

    /// Does everything the machines ask for, until they ask for no more.
    fn pump(&mut self) {
        let now = self.parts.shared.net.clock().now();
        loop {
            if let Some(output) = self.parts.endpoint.poll_output() {
                match output {
                    sip::Output::Transmit { flow, bytes } => self.transmit(flow, bytes),
                    sip::Output::Event(event) => self.parts.sessions.handle_input(now, Input::Sip(event)),
                }
            } else if let Some(output) = self.parts.sessions.poll_output() {
                self.perform(now, output);
            } else {
                break;
            }
        }
        let status = Status {
            dialogs: self.parts.sessions.dialogs(),
            legs: self.parts.sessions.legs(),
            ports: self.ports.open(),
            recordings: self.parts.sessions.recordings(),
            finished: self.parts.summary.recordings.len(),
            connections: self.peers.len(),
            connections_refused: self.parts.summary.connections_refused,
            signalling: self.parts.sessions.counters(),
        };
        self.parts.status.send_if_modified(|before| {
            let changed = *before != status;
            *before = status;
            changed
        });
    }

    fn perform(&mut self, now: Instant, output: Output) {
        match output {
            Output::Respond { key, message } => {
                if self.parts.endpoint.respond(now, &key, message) == Err(EndpointError::Gone) {
                    self.parts.sessions.handle_input(now, Input::Gone { key });
                }
            }
            Output::Request { route, message } => self.request(now, route, message),
            Output::Ack { key, route, message } => {
                if let Some((flow, _)) = self.flow(now, route) {
                    self.parts.endpoint.send_ack(now, flow, &key, message);
                }
            }
            Output::Garbage { flow, bytes } => self.transmit(flow, bytes.to_vec()),
            // Dropping the queue ends its task, which tells.
            Output::Cut { flow } => drop(self.peers.remove(&flow)),
            Output::Bind { leg, recording, side } => {
                let input = self.bind(now, leg, recording, side);
                self.parts.sessions.handle_input(now, input);
            }
            Output::Listen { leg, media } => self.command(Command::Listen { leg, media }),
            Output::Close { leg } => self.command(Command::Close { leg, at: now + self.config.linger }),
            Output::Begin { recording, started, started_us, metadata } => {
                self.began.insert(recording, started);
                self.command(Command::Store(store::Command::Begin { recording, started_us, metadata }));
            }
            Output::Snapshot { recording, metadata } => {
                self.command(Command::Store(store::Command::Snapshot { recording, metadata }));
            }
            Output::Finish { recording, metadata } => {
                self.began.remove(&recording);
                self.unfinished += 1;
                self.command(Command::Store(store::Command::Finish { recording, metadata }));
            }
        }
    }

    fn bind(&mut self, now: Instant, leg: LegId, recording: RecordingId, side: Side) -> Input {
        match self.ports.bind(&self.parts.shared.net) {
            Ok((rtp, rtcp)) => {
                let address = rtp.local_addr();
                let origin = self.began.get(&recording).copied().unwrap_or(now);
                let port = Port::new(leg, (recording, side, origin), (rtp, rtcp), self.config.fault, now);
                self.command(Command::Open(Box::new(port)));
                Input::Bound { leg, address }
            }
            Err(error) => Input::NoPort { leg, why: error.to_string() },
        }
    }

    fn request(&mut self, now: Instant, route: Route, message: Message) {
        if let Some((flow, transport)) = self.flow(now, route) {
            self.parts.endpoint.send_request(now, flow, transport, message);
        }
    }

    /// The flow of a route; `None` where there are too many UDP peers.
    fn flow(&mut self, now: Instant, route: Route) -> Option<(FlowId, Transport)> {
        Some(match route {
            Route::Flow(flow, transport) => (flow, transport),
            Route::Connect(to, Transport::Udp) => (self.udp_flow(now, to)?, Transport::Udp),
            Route::Connect(to, transport) => (self.connect(now, to, transport), transport),
        })
    }

    /// A connection of our own; what is sent before it stands is queued.
    fn connect(&mut self, now: Instant, to: SocketAddr, transport: Transport) -> FlowId {
        let flow = self.parts.shared.number();
        let (queue, queued) = channel(16);
        self.peers.insert(flow, (transport, Peer::Stream(queue)));
        self.parts.sessions.handle_input(now, Input::FlowOpened { flow, transport, peer: to });
        tokio::spawn(flows::reach(self.parts.shared.clone(), flow, to, transport, queued));
        flow
    }

    fn transmit(&mut self, flow: FlowId, bytes: Vec<u8>) {
        if self.repeats.withholds(self.config.fault, &bytes) {
            return;
        }
        match self.peers.get(&flow) {
            Some((_, Peer::Stream(queue))) => {
                let taken = queue.try_send(bytes).is_ok();
                // A peer that reads nothing is cut off: dropping the queue ends its task, which tells.
                self.peers.retain(|known, _| taken || *known != flow);
            }
            Some((_, Peer::Udp(peer))) => {
                let (socket, peer) = (self.parts.udp.clone(), *peer);
                tokio::spawn(async move {
                    if let Some(socket) = socket
                        && let Err(error) = socket.send_to(&bytes, peer).await
                    {
                        tracing::warn!("cannot send to {peer}: {error}");
                    }
                });
            }
            None => {}
        }
    }

    fn command(&self, command: Command) {
        // A send fails only when the loop is gone; stopping reports why.
        let _ = self.parts.commands.send(command);
        self.parts.pacer.wake();
    }
}

fn note(summary: &mut Summary, event: store::Event) {
    match event {
        store::Event::Finished { folder, metadata } => {
            summary.packets.lost += metadata.legs.iter().map(|leg| leg.packets.lost).sum::<u64>();
            summary.recordings.push(Finished { folder, id: metadata.id.clone(), status: metadata.status });
        }
        store::Event::NotFinished { why } | store::Event::Alarm(why) if summary.alarms.len() < REMEMBERED => {
            summary.alarms.push(why);
        }
        _ => {}
    }
}

/// fault: a recorder that never answers sends no 100 Trying either.
pub(crate) fn timers(fault: Fault) -> sip::Timers {
    let trying_after = if fault == Fault::NeverAnswer { None } else { sip::Timers::default().trying_after };
    sip::Timers { trying_after, ..sip::Timers::default() }
}

/// The recordings' folder, made where it is missing.
pub(crate) fn folder(config: &Config) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(&config.folder)?;
    Ok(config.folder.clone())
}
