//! The task of one phone: moves messages, media orders and timers between its machine and the world.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use media::ledger::Ledger;
use tokio::sync::{mpsc, oneshot, watch};

use crate::connection::{Arrival, Connection, Connector};
use crate::fallback::{Fallback, Seen};
use crate::fault::Fault;
use crate::machine::{Command, Input, Machine, Output};
use crate::media_side::MediaSide;
use crate::phone::{CommandError, Summary};
use crate::status::{PhoneEvent, Status};

/// What the handle asks for.
#[derive(Debug)]
pub(crate) enum Request {
    Do(Command, oneshot::Sender<Result<(), CommandError>>),
    Inject(Fault),
    Behave,
    Finish(oneshot::Sender<(Ledger, Summary)>),
}

/// Where the driver reports to.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) requests: mpsc::UnboundedReceiver<Request>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) events: mpsc::UnboundedSender<PhoneEvent>,
}

/// The task of one phone.
pub(crate) struct Driver {
    machine: Machine,
    connector: Arc<Connector>,
    fallback: Fallback,
    connection: Option<Connection>,
    reconnect_at: Option<Instant>,
    media: MediaSide,
    reports: Reports,
    summary: Summary,
    finishing: Option<(Instant, oneshot::Sender<(Ledger, Summary)>)>,
    /// Behind a call the phone stays where it is for so long.
    rests_until: Instant,
}

/// What ended a wait.
enum Turn {
    Request(Option<Request>),
    Arrival(Arrival),
    Seen(Seen),
    Timer,
}

impl Driver {
    pub(crate) fn new(
        machine: Machine,
        (connector, monitor): (Connector, Duration),
        connection: Connection,
        media: MediaSide,
        reports: Reports,
        device: &str,
    ) -> Self {
        let summary = Summary { device: device.to_owned(), ..Summary::default() };
        let connector = Arc::new(connector);
        let rests_until = media.net.clock().now();
        Self {
            machine,
            fallback: Fallback::new(Arc::clone(&connector), monitor),
            connector,
            connection: Some(connection),
            reconnect_at: None,
            media,
            reports,
            summary,
            finishing: None,
            rests_until,
        }
    }

    /// Registers and runs until the phone is switched off or its handle is gone.
    pub(crate) async fn run(mut self) {
        let mut bufs = [vec![0; READ_SIZE], vec![0; READ_SIZE]];
        let now = self.now();
        self.machine.register(now);
        self.fallback.is_at(now, self.server());
        loop {
            self.carry_out().await;
            if self.is_done() {
                return self.end().await;
            }
            match self.next_turn(&mut bufs).await {
                Turn::Request(Some(request)) => self.obey(request).await,
                // The handle is gone: the plug is pulled.
                Turn::Request(None) => return self.media.close_all().await,
                Turn::Arrival(arrival) => self.take(arrival),
                Turn::Seen(seen) => {
                    let now = self.now();
                    self.fallback.on_seen(now, seen);
                }
                Turn::Timer => self.on_time().await,
            }
        }
    }

    fn now(&self) -> Instant {
        self.media.net.clock().now()
    }

    /// From when on the phone may change its server: not in a call, and not before CUCM has taken leave of its last one.
    fn free_at(&mut self) -> Option<Instant> {
        if self.machine.is_in_call() || self.machine.open_bridges() > 0 {
            self.rests_until = self.now() + RECONNECT;
            return None;
        }
        Some(self.rests_until)
    }

    /// The server with which there is a connection.
    fn server(&self) -> Option<SocketAddr> {
        self.connection.as_ref().map(|connection| connection.ends().peer)
    }

    async fn next_turn(&mut self, [buf, aside]: &mut [Vec<u8>; 2]) -> Turn {
        let finish_by = self.finishing.as_ref().map(|(deadline, _)| *deadline);
        let free_at = self.free_at();
        let falls_back = self.fallback.poll_timeout(free_at);
        let deadlines = [self.machine.poll_timeout(), self.reconnect_at, finish_by, falls_back];
        let deadline = deadlines.into_iter().flatten().min();
        let clock = self.media.net.clock().clone();
        let timer = async {
            match deadline {
                Some(deadline) => clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let arrival = async {
            match &mut self.connection {
                Some(connection) => connection.read(buf).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            arrival = arrival => Turn::Arrival(arrival),
            request = self.reports.requests.recv() => Turn::Request(request),
            seen = self.fallback.see(aside) => Turn::Seen(seen),
            () = timer => Turn::Timer,
        }
    }

    fn take(&mut self, arrival: Arrival) {
        let now = self.now();
        match arrival {
            Arrival::Messages(messages) => {
                for message in messages {
                    self.media.supply(&mut self.machine);
                    self.machine.handle_input(now, Input::Message(message));
                }
            }
            Arrival::Closed(why) => {
                self.connection = None;
                self.fallback.stop();
                self.reconnect_at = Some(now + RECONNECT);
                self.machine.handle_input(now, Input::Closed { why });
            }
        }
    }

    async fn on_time(&mut self) {
        let now = self.now();
        self.machine.handle_timeout(now);
        if self.reconnect_at.is_some_and(|at| at <= now) && self.finishing.is_none() {
            self.reconnect().await;
        }
        let free_at = self.free_at();
        if let Some(at) = self.server()
            && self.finishing.is_none()
            && let Some(better) = self.fallback.handle_timeout(now, at, free_at)
        {
            self.fall_back(better).await;
        }
    }

    /// A server that comes before the phone's own is back: the phone registers there and leaves its own.
    async fn fall_back(&mut self, better: Connection) {
        let (now, ends) = (self.now(), better.ends());
        let left = self.connection.replace(better);
        self.machine
            .handle_input(now, Input::Closed { why: "it goes back to a server that is there again".to_owned() });
        self.machine.reconnect(now, ends);
        self.fallback.is_at(now, Some(ends.peer));
        self.carry_out().await;
        if let Some(left) = left {
            left.close().await;
        }
    }

    /// The connection was lost: a phone comes back by itself, on the first server that lets it. A call goes on meanwhile, preserved, and
    /// the phone stays with it (Cisco, "System Guide for Cisco Unified Communications Manager", call preservation).
    async fn reconnect(&mut self) {
        if self.machine.is_in_call() {
            self.reconnect_at = Some(self.now() + RECONNECT);
            return;
        }
        self.reconnect_at = None;
        match self.connector.connect().await {
            Ok(connection) => {
                let ends = connection.ends();
                self.connection = Some(connection);
                let now = self.now();
                self.machine.reconnect(now, ends);
                self.fallback.is_at(now, Some(ends.peer));
            }
            Err(refusals) => {
                self.note(PhoneEvent::Problem(format!("cannot connect again: {}", refusals.join("; "))));
                self.reconnect_at = Some(self.now() + RECONNECT * 5);
            }
        }
    }

    async fn obey(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Do(command, reply) => {
                self.media.supply(&mut self.machine);
                let name = command.name();
                let done = self.machine.command(now, command);
                if let Err(error) = &done {
                    tracing::debug!(device = self.summary.device, command = name, %error, "refused");
                }
                self.carry_out().await;
                // Whoever asked may have stopped waiting.
                let _ = reply.send(done);
            }
            Request::Inject(fault) => self.media.inject(fault),
            Request::Behave => self.media.behave(),
            Request::Finish(reply) => self.begin_end(now, reply),
        }
    }

    /// Notes what was left open, hangs up and unregisters.
    fn begin_end(&mut self, now: Instant, reply: oneshot::Sender<(Ledger, Summary)>) {
        self.fallback.stop();
        let status = self.machine.status();
        self.summary.open_call = status.call != crate::status::CallState::Idle;
        self.summary.open_bridges = self.machine.open_bridges();
        if self.summary.open_call {
            // One may be in a state that cannot be ended; the goodbye to CUCM ends it there.
            let _ = self.machine.command(now, Command::HangUpAll);
        }
        self.summary.open_transactions = self.machine.open_transactions();
        if status.registered {
            let _ = self.machine.command(now, Command::Unregister);
        }
        self.finishing = Some((now + FAREWELL, reply));
    }

    fn is_done(&self) -> bool {
        let Some((deadline, _)) = &self.finishing else { return false };
        !self.machine.status().registered || self.connection.is_none() || *deadline <= self.now()
    }

    async fn end(mut self) {
        self.media.close_all().await;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
        self.summary.heard = self.media.heard;
        let streams = std::mem::take(&mut self.media.streams);
        if let Some((_, reply)) = self.finishing.take() {
            let _ = reply.send((Ledger { streams }, self.summary));
        }
    }

    /// Does all that the machine wants done, in its order, and shows the state that came of it.
    async fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Transmit(bytes) => self.transmit(&bytes).await,
                Output::Media(order) => self.media.obey(order).await,
                Output::Event(event) => self.note(event),
            }
        }
        let status = self.machine.status();
        self.reports.status.send_if_modified(|old| std::mem::replace(old, status) != status);
    }

    async fn transmit(&mut self, bytes: &[u8]) {
        let Some(connection) = &mut self.connection else { return };
        if let Err(error) = connection.write(bytes).await {
            self.take(Arrival::Closed(error.to_string()));
        }
    }

    fn note(&mut self, event: PhoneEvent) {
        match &event {
            PhoneEvent::Connected { .. } => self.summary.calls += 1,
            PhoneEvent::ForkRefused { leg, why } => {
                self.summary.problems.push(format!("cannot send the {} leg: {why}", leg.name()));
                self.summary.refused_forks.push((*leg, why.clone()));
            }
            PhoneEvent::Problem(what) => self.summary.problems.push(what.clone()),
            _ => {}
        }
        // Nobody has to look at the events.
        let _ = self.reports.events.send(event);
    }
}

/// Bytes read at a time.
const READ_SIZE: usize = 16 * 1024;
/// How long a phone waits before it connects again.
const RECONNECT: Duration = Duration::from_secs(1);
/// How long a phone that is switched off waits for CUCM's goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
