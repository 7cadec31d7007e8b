//! The task that owns the engine.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::{FlowId, Message, Transport};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use trust::cert::Certificate;
use wire::{Clock, Datagram, Link, Net};

use super::connection::{self, Outgoing, Parties};
use super::mixer::Mixer;
use super::music::Music;
use super::notice::Notice;
use super::order::Order;
use super::outage::Outage;
use super::ports::Ports;
use super::provision::Files;
use super::reader::Reader;
use super::tftp;
use crate::config::Config;
use crate::engine::{ConnectionId, Engine, Input, Output, PostId};
use crate::event::{ConnectFailure, CucmEvent, Summary};
use crate::signalling::meddler::Meddler;

/// The engine and everything it sends through.
pub(super) struct Drive {
    pub(super) net: Net,
    pub(super) clock: Clock,
    pub(super) config: Config,
    pub(super) engine: Engine,
    pub(super) parties: Parties,
    music: Music,
    mixer: Mixer,
    events: mpsc::UnboundedSender<CucmEvent>,
    pub(super) meddler: Meddler,
    /// The trunk and the destination of each connection that the engine asked for, and of each that stands.
    asked: BTreeMap<ConnectionId, Trunk>,
    pub(super) trunks: BTreeMap<FlowId, Trunk>,
    pub(super) notices: (mpsc::Sender<Notice>, mpsc::Receiver<Notice>),
    /// Listeners, readers and connection attempts: ended with the cluster.
    pub(super) tasks: JoinSet<()>,
    /// Writers: waited for, so that the last messages get out.
    writers: JoinSet<()>,
    pub(super) ways: BTreeMap<FlowId, WayOut>,
    pub(super) outage: Outage,
    datagrams: Vec<Arc<Datagram>>,
    peers: BTreeMap<(usize, SocketAddr), FlowId>,
    last_flow: u64,
}

/// A connection to a recorder.
#[derive(Clone)]
pub(super) struct Trunk {
    pub(super) name: String,
    pub(super) transport: Transport,
    /// The node that has it.
    pub(super) from: IpAddr,
    pub(super) to: SocketAddr,
}

/// How a flow's messages leave.
pub(super) enum WayOut {
    Stream { messages: mpsc::UnboundedSender<Outgoing>, reader: AbortHandle, local: IpAddr },
    Datagram { socket: usize, to: SocketAddr },
}

impl Drive {
    pub(super) fn new(
        net: Net,
        config: Config,
        seed: u64,
        parties: Parties,
        events: mpsc::UnboundedSender<CucmEvent>,
    ) -> Self {
        let clock = net.clock().clone();
        let now = clock.now();
        let wall = clock.wall_at(now) + config.timing.clock_ahead - config.timing.clock_behind;
        let engine = Engine::new(now, wall, config.clone(), seed);
        let music = Music::new(net.clone(), None);
        let mixer = Mixer::new(net.clone());
        Self {
            net,
            clock,
            config,
            engine,
            parties,
            music,
            mixer,
            events,
            meddler: Meddler::default(),
            asked: BTreeMap::new(),
            trunks: BTreeMap::new(),
            notices: mpsc::channel(QUEUE),
            tasks: JoinSet::new(),
            writers: JoinSet::new(),
            ways: BTreeMap::new(),
            outage: Outage::default(),
            datagrams: Vec::new(),
            peers: BTreeMap::new(),
            last_flow: 0,
        }
    }

    /// Runs until it is told to stop, and then until all dialogs are closed or the grace is over.
    pub(super) async fn run(
        mut self,
        mut ports: Ports,
        files: Files,
        mut stopped: oneshot::Receiver<()>,
        mut ordered: mpsc::UnboundedReceiver<Order>,
    ) -> Summary {
        self.outage.listeners = ports.serve(&self.parties, &self.notices.0, &mut self.tasks);
        if let Some(socket) = ports.tftp.take() {
            self.tasks.spawn(tftp::serve(self.net.clone(), socket, files));
        }
        self.datagrams = std::mem::take(&mut ports.datagrams);
        self.music = Music::new(self.net.clone(), ports.music.take());
        let mut until: Option<Instant> = None;
        loop {
            self.carry_out().await;
            while self.tasks.try_join_next().is_some() {}
            while self.writers.try_join_next().is_some() {}
            if until.is_some_and(|until| self.engine.is_idle() || self.clock.now() >= until) {
                return self.close().await;
            }
            let due = [self.engine.poll_timeout(), self.meddler.poll_timeout(), until].into_iter().flatten().min();
            tokio::select! {
                biased;
                _ = &mut stopped, if until.is_none() => {
                    until = Some(self.clock.now() + self.config.timing.stop_grace);
                }
                Some(order) = ordered.recv() => {
                    if let Some(provocation) = order.carry_out(&mut self.engine, self.clock.now()) {
                        self.provoke(provocation).await;
                    }
                }
                notice = self.notices.1.recv() => {
                    if let Some(notice) = notice {
                        self.on_notice(notice).await;
                    }
                }
                () = tftp::sleep_until(&self.clock, due) => {
                    self.engine.handle_timeout(self.clock.now());
                    let acts = self.meddler.handle_timeout(self.clock.now());
                    self.perform(acts).await;
                }
            }
        }
    }

    async fn close(mut self) -> Summary {
        let disturbed = self.meddler.deeds();
        let (music, mixed) = (self.music.finish().await, self.mixer.finish().await);
        let summary = Summary { music, mixed, disturbed, ..self.engine.summary() };
        self.tasks.abort_all();
        self.ways.clear();
        self.outage.mute.clear();
        let flushed = async { while self.writers.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(FLUSH, flushed).await;
        summary
    }

    async fn on_notice(&mut self, notice: Notice) {
        match notice {
            Notice::Accepted { link } => self.on_accepted(link),
            Notice::Refused { peer, failure } => self.on_refused(peer, failure),
            Notice::Connected { connection, link } => {
                let flow = self.add(link);
                if let Some(trunk) = self.asked.remove(&connection) {
                    self.trunks.insert(flow, trunk);
                }
                self.input(Input::Connected { connection, flow });
            }
            Notice::Posted { post, answer } => self.input(Input::Posted { post, answer }),
            Notice::ConnectFailed { connection, failure } => self.input(Input::ConnectFailed { connection, failure }),
            Notice::Apart { link, bytes } => self.on_apart(link, bytes),
            Notice::Message { flow, message } => self.on_message(flow, message).await,
            Notice::Closed { flow, why } => {
                self.ways.remove(&flow);
                self.trunks.remove(&flow);
                self.input(Input::Closed { flow, why });
            }
            Notice::Datagram { socket, from, message } => self.on_datagram(socket, from, message).await,
            Notice::Malformed { flow, peer, what } => self.input(Input::Malformed { flow: Some(flow), peer, what }),
            Notice::MalformedDatagram { socket, from, what } => {
                // Who sends nothing else gets no flow.
                let flow = self.peers.get(&(socket, from)).copied();
                self.input(Input::Malformed { flow, peer: from, what });
            }
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.engine.handle_input(self.clock.now(), input);
    }

    fn on_accepted(&mut self, link: Link) {
        let (local, peer) = (link.local_addr(), link.peer_addr());
        if self.outage.dead.contains(&local.ip()) {
            return;
        }
        let transport = if link.is_encrypted() { Transport::Tls } else { Transport::Tcp };
        let certificate = link.peer_certificate().and_then(|der| Certificate::from_der(&der).ok());
        let flow = self.add(link);
        self.input(Input::Opened { flow, transport, local, peer, certificate });
    }

    /// A peer whose certificate was refused has no name; its address may be that of a trunk's destination.
    fn on_refused(&self, peer: SocketAddr, failure: ConnectFailure) {
        let trunk = self.config.trunks.iter().find(|trunk| trunk.destinations.iter().any(|to| to.address == peer.ip()));
        let trunk = trunk.map(|trunk| trunk.name.clone());
        // Nobody may be listening to events any more.
        let _ = self.events.send(CucmEvent::TrunkTls { trunk, peer, failure });
    }

    async fn on_datagram(&mut self, socket: usize, from: SocketAddr, message: Message) {
        let flow = match self.peers.get(&(socket, from)) {
            Some(flow) => *flow,
            None => {
                let flow = self.add_datagram(socket, from);
                let own = self.config.local(false);
                let local = self.datagrams.get(socket).map_or(own, |socket| socket.local_addr());
                let transport = Transport::Udp;
                self.input(Input::Opened { flow, transport, local, peer: from, certificate: None });
                flow
            }
        };
        self.on_message(flow, message).await;
    }

    fn new_flow(&mut self) -> FlowId {
        self.last_flow += 1;
        FlowId(self.last_flow)
    }

    pub(super) fn add(&mut self, link: Link) -> FlowId {
        let flow = self.new_flow();
        let local = link.local_addr().ip();
        let reads = Reader::new(flow, link.peer_addr(), self.clock.clone(), self.notices.0.clone());
        let (reader, writer) = link.split();
        let (messages, queue) = mpsc::unbounded_channel();
        let reader = self.tasks.spawn(reads.run(reader));
        self.writers.spawn(connection::write(writer, queue));
        self.ways.insert(flow, WayOut::Stream { messages, reader, local });
        flow
    }

    fn add_datagram(&mut self, socket: usize, to: SocketAddr) -> FlowId {
        let flow = self.new_flow();
        self.peers.insert((socket, to), flow);
        self.ways.insert(flow, WayOut::Datagram { socket, to });
        flow
    }

    /// Keeps the engine supplied with ports of the bridge. Where none is to be had, there is no conference.
    fn supply_ports(&mut self) {
        while self.engine.wants_port() {
            let Ok(socket) = self.net.media(SocketAddr::new(self.config.address, 0)) else {
                return;
            };
            self.engine.add_port(socket.local_addr().port());
            self.mixer.bind(socket);
        }
    }

    /// Does what the engine wants done.
    async fn carry_out(&mut self) {
        self.supply_ports();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit { flow, bytes } => self.leave(flow, bytes).await,
                Output::Connect { connection, from, trunk, transport, to } => {
                    self.connect(connection, (from, to), &trunk, transport);
                }
                Output::Post { post, to, request } => self.post(post, to, request),
                Output::Close { flow } => {
                    // Without its sender the writer says goodbye and ends.
                    if let Some(WayOut::Stream { reader, .. }) = self.ways.remove(&flow) {
                        reader.abort();
                    }
                }
                Output::StartMusic { music, stream } => self.music.start(music, stream),
                Output::StopMusic { music } => self.music.stop(music),
                Output::Mix(order) => self.mixer.mix(order),
                Output::Event(event) => {
                    tracing::debug!(?event, "cucm");
                    let _ = self.events.send(event);
                }
            }
        }
    }

    pub(super) async fn transmit(&self, flow: FlowId, bytes: Vec<u8>) {
        match self.ways.get(&flow) {
            Some(WayOut::Stream { messages, .. }) => {
                // A closed connection is told by its reader.
                let _ = messages.send(Outgoing::whole(self.net.moment(), bytes));
            }
            Some(WayOut::Datagram { socket, to }) => {
                if let Some(socket) = self.datagrams.get(*socket) {
                    // What is lost is repeated.
                    let _ = socket.send_to(&bytes, *to).await;
                }
            }
            None => {}
        }
    }

    fn post(&mut self, post: PostId, to: SocketAddr, request: Vec<u8>) {
        let (net, from, notices) = (self.net.clone(), self.config.address, self.notices.0.clone());
        self.tasks.spawn(async move {
            let answer = super::http::post(&net, from, to, &request).await;
            let _ = notices.send(Notice::Posted { post, answer }).await;
        });
    }

    fn connect(
        &mut self,
        connection: ConnectionId,
        (from, to): (IpAddr, SocketAddr),
        trunk: &str,
        transport: Transport,
    ) {
        if transport == Transport::Udp {
            let port = self.config.trunk(trunk).and_then(|trunk| self.config.security_profile_of(trunk));
            let port = port.map_or(self.config.ports.sip, |profile| self.config.incoming_port_of(profile));
            let index = self.datagrams.iter().position(|socket| socket.local_addr().port() == port).unwrap_or(0);
            let known = self.peers.get(&(index, to)).copied();
            let flow = known.unwrap_or_else(|| self.add_datagram(index, to));
            return self.input(Input::Connected { connection, flow });
        }
        self.asked.insert(connection, Trunk { name: trunk.to_owned(), transport, from, to });
        let (net, client) = (self.net.clone(), self.parties.client(from, trunk));
        let notices = self.notices.0.clone();
        self.tasks.spawn(async move {
            let notice = match connection::connect(net, from, to, transport, client).await {
                Ok(link) => Notice::Connected { connection, link },
                Err(failure) => Notice::ConnectFailed { connection, failure },
            };
            let _ = notices.send(notice).await;
        });
    }
}

/// Notices that wait before their senders have to.
const QUEUE: usize = 1024;
/// How long the last messages may take to get out.
const FLUSH: Duration = Duration::from_secs(1);
