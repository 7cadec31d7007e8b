//! The task of one site: its listener, its connections, its media.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ::media::ledger::Ledger;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sip::{FlowId, Frame, Framer, Limits, Message};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use trust::rule::{PeerRule, TrustList};
use wire::tls::{Ciphers, TlsClient, TlsOptions, TlsServer};
use wire::{Link, LinkReader, LinkWriter, Listener, Net, Stream};

use super::media::SiteMedia;
use super::site::{Command, Input, Output, Settings, Site};
use super::text::Face;
use super::xmf;
use super::{Config, Forking, Kind, Security};
use crate::phone::{CommandError, Summary};
use crate::status::{CallState, Status};

/// What the handle asks for.
#[derive(Debug)]
pub(super) enum Request {
    Do(Command, oneshot::Sender<Result<(), CommandError>>),
    Finish(oneshot::Sender<(Ledger, Summary)>),
}

/// What the tasks around the site tell it.
#[derive(Debug)]
enum Notice {
    Accepted(Link),
    Connected(Result<Link, String>),
    Message(FlowId, Message),
    Closed(FlowId),
}

/// The task of one site.
pub(super) struct Driver {
    site: Site,
    media: SiteMedia,
    at: SocketAddr,
    cucm: SocketAddr,
    listener: Option<Listener>,
    /// Where a gateway is asked for forks.
    forks: Option<(Listener, Forking)>,
    asked: (mpsc::UnboundedSender<xmf::Asked>, mpsc::UnboundedReceiver<xmf::Asked>),
    tls: Option<(TlsServer, TlsClient)>,
    notices: (mpsc::UnboundedSender<Notice>, mpsc::UnboundedReceiver<Notice>),
    tasks: JoinSet<()>,
    writers: BTreeMap<FlowId, LinkWriter>,
    last_flow: u64,
    requests: mpsc::UnboundedReceiver<Request>,
    status: watch::Sender<Vec<Status>>,
    summary: Summary,
    finishing: Option<(Instant, oneshot::Sender<(Ledger, Summary)>)>,
}

impl Driver {
    pub(super) async fn open(
        net: Net,
        config: Config,
        seed: u64,
        (requests, status): (mpsc::UnboundedReceiver<Request>, watch::Sender<Vec<Status>>),
    ) -> Result<Self, String> {
        let transport = config.transport();
        let listener = net.listen(SocketAddr::new(config.address, config.port)).await;
        let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", config.address))?;
        let at = listener.local_addr();
        let forks = match config.kind {
            Kind::Cluster => None,
            Kind::Gateway => {
                let at = SocketAddr::new(config.address, xmf::PORT);
                let listener = net.listen(at).await.map_err(|error| format!("cannot listen on {at}: {error}"))?;
                Some((listener, config.forking))
            }
        };
        let tls = config.security.as_ref().map(tls).transpose()?;
        let face = Face { kind: config.kind, local: at, transport };
        let settings = Settings {
            name: config.name.clone(),
            suites: config.suites,
            codecs: config.codecs,
            parties: config.parties.iter().map(|party| (party.number.clone(), party.display.clone())).collect(),
            cucm: config.cucm,
        };
        let now = net.clock().now();
        let epoch = (now, net.clock().wall_at(now));
        Ok(Self {
            site: Site::new(settings, face, ChaCha20Rng::seed_from_u64(seed), epoch),
            media: SiteMedia {
                address: config.address,
                clock: config.media,
                rng: ChaCha20Rng::seed_from_u64(!seed),
                voices: config.parties.into_iter().map(|party| party.voice).enumerate().collect(),
                sockets: BTreeMap::new(),
                talks: BTreeMap::new(),
                streams: Vec::new(),
                heard: Default::default(),
                net,
            },
            at,
            cucm: config.cucm,
            listener: Some(listener),
            forks,
            asked: mpsc::unbounded_channel(),
            tls,
            notices: mpsc::unbounded_channel(),
            tasks: JoinSet::new(),
            writers: BTreeMap::new(),
            last_flow: 0,
            requests,
            status,
            summary: Summary { device: config.name, ..Summary::default() },
            finishing: None,
        })
    }

    /// Where the site listens.
    pub(super) fn at(&self) -> SocketAddr {
        self.at
    }

    /// Runs until the site is closed or its handle is gone.
    pub(super) async fn run(mut self) {
        if let Some(listener) = self.listener.take() {
            let tls = self.tls.as_ref().map(|(server, _)| server.clone());
            self.tasks.spawn(accept(listener, tls, self.notices.0.clone()));
        }
        if let Some((listener, forking)) = self.forks.take() {
            self.tasks.spawn(xmf::serve(listener, forking, self.asked.0.clone()));
        }
        loop {
            self.carry_out().await;
            while self.tasks.try_join_next().is_some() {}
            if self.is_done() {
                return self.end().await;
            }
            let finish_by = self.finishing.as_ref().map(|(deadline, _)| *deadline);
            let deadline = [self.site.poll_timeout(), finish_by].into_iter().flatten().min();
            let clock = self.media.net.clock().clone();
            let timer = async {
                match deadline {
                    Some(deadline) => clock.sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                Some(notice) = self.notices.1.recv() => self.on_notice(notice),
                Some((request, reply)) = self.asked.1.recv() => {
                    let done = self.site.fork(&request);
                    self.carry_out().await;
                    // CUCM may have stopped waiting.
                    let _ = reply.send(done);
                }
                request = self.requests.recv() => match request {
                    Some(request) => self.obey(request).await,
                    // The handle is gone: the plug is pulled.
                    None => return self.media.close_all().await,
                },
                () = timer => self.site.handle_timeout(clock.now()),
            }
        }
    }

    fn now(&self) -> Instant {
        self.media.net.clock().now()
    }

    fn on_notice(&mut self, notice: Notice) {
        let now = self.now();
        self.media.supply(&mut self.site);
        match notice {
            Notice::Accepted(link) => drop(self.add(link)),
            Notice::Connected(Ok(link)) => {
                let flow = self.add(link);
                self.site.handle_input(now, Input::Connected(flow));
            }
            Notice::Connected(Err(why)) => self.site.handle_input(now, Input::NotConnected(why)),
            Notice::Message(flow, message) => self.site.handle_input(now, Input::Message(flow, message)),
            Notice::Closed(flow) => {
                self.writers.remove(&flow);
                self.site.handle_input(now, Input::Closed(flow));
            }
        }
    }

    fn add(&mut self, link: Link) -> FlowId {
        self.last_flow += 1;
        let flow = FlowId(self.last_flow);
        let (reader, writer) = link.split();
        self.writers.insert(flow, writer);
        self.tasks.spawn(read(flow, reader, self.notices.0.clone()));
        flow
    }

    async fn obey(&mut self, request: Request) {
        let now = self.now();
        match request {
            Request::Do(command, reply) => {
                self.media.supply(&mut self.site);
                let done = self.site.command(now, command);
                self.carry_out().await;
                // Whoever asked may have stopped waiting.
                let _ = reply.send(done);
            }
            Request::Finish(reply) => {
                self.summary.open_call = self.site.status().iter().any(|status| status.call != CallState::Idle);
                self.site.hang_up_all(now);
                self.summary.open_transactions = self.site.open_transactions();
                let grace = if self.summary.open_call { FAREWELL } else { Duration::ZERO };
                self.finishing = Some((now + grace, reply));
            }
        }
    }

    fn is_done(&self) -> bool {
        self.finishing.as_ref().is_some_and(|(deadline, _)| *deadline <= self.now())
    }

    async fn end(mut self) {
        self.media.close_all().await;
        for writer in self.writers.values_mut() {
            // CUCM may be gone already.
            let _ = writer.shutdown().await;
        }
        self.summary.heard = self.media.heard;
        let streams = std::mem::take(&mut self.media.streams);
        if let Some((_, reply)) = self.finishing.take() {
            let _ = reply.send((Ledger { streams }, self.summary));
        }
    }

    /// Does all that the site wants done, in its order, and shows the state that came of it.
    async fn carry_out(&mut self) {
        while let Some(output) = self.site.poll_output() {
            match output {
                Output::Transmit(flow, bytes) => {
                    if let Some(writer) = self.writers.get_mut(&flow) {
                        // A connection that broke is told by its reader.
                        let _ = writer.write_all(&bytes).await;
                    }
                }
                Output::Connect => {
                    let (net, from, to) = (self.media.net.clone(), self.media.address, self.cucm);
                    let (client, notices) =
                        (self.tls.as_ref().map(|(_, client)| client.clone()), self.notices.0.clone());
                    self.tasks.spawn(async move {
                        let _ = notices.send(Notice::Connected(connect(net, from, to, client).await));
                    });
                }
                Output::Media(order) => self.media.obey(order).await,
                Output::Problem(what) => self.summary.problems.push(what),
            }
        }
        let status = self.site.status();
        for (before, now) in self.status.borrow().iter().zip(&status) {
            if now.call == CallState::Connected && before.call != CallState::Connected && before.call != CallState::Held
            {
                self.summary.calls += 1;
            }
        }
        self.status.send_if_modified(|old| {
            *old != status && {
                *old = status;
                true
            }
        });
    }
}

/// The site's parts in TLS: only CUCM is let in, and only CUCM is called.
fn tls(security: &Security) -> Result<(TlsServer, TlsClient), String> {
    let mut known = TrustList::trusted_certificates();
    for certificate in &security.trusted {
        known.add(certificate.clone());
    }
    let options = || TlsOptions {
        ciphers: Ciphers::AesGcm,
        ..TlsOptions::new(Some(security.identity.clone()), PeerRule::listed(known.clone()))
    };
    let bad = |error: wire::tls::TlsError| error.to_string();
    Ok((TlsServer::new(options()).map_err(bad)?, TlsClient::new(options()).map_err(bad)?))
}

async fn accept(listener: Listener, tls: Option<TlsServer>, notices: mpsc::UnboundedSender<Notice>) {
    let mut welcomes = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        while welcomes.try_join_next().is_some() {}
        let (tls, notices) = (tls.clone(), notices.clone());
        welcomes.spawn(async move {
            if let Some(link) = welcome(tls, stream).await {
                let _ = notices.send(Notice::Accepted(link));
            }
        });
    }
}

async fn welcome(tls: Option<TlsServer>, stream: Stream) -> Option<Link> {
    match tls {
        Some(tls) => wire::tls::accept(&tls, stream).await.map(Link::from).ok(),
        None => Some(Link::from(stream)),
    }
}

async fn connect(net: Net, from: std::net::IpAddr, to: SocketAddr, client: Option<TlsClient>) -> Result<Link, String> {
    let opening = tokio::time::timeout(CONNECT_TIMEOUT, net.connect(from, to));
    let stream = opening.await.map_err(|_| format!("no connection within {CONNECT_TIMEOUT:?}"))?;
    let stream = stream.map_err(|error| error.to_string())?;
    match client {
        Some(client) => wire::tls::connect(&client, stream).await.map(Link::from).map_err(|error| error.to_string()),
        None => Ok(Link::from(stream)),
    }
}

async fn read(flow: FlowId, mut reader: LinkReader, notices: mpsc::UnboundedSender<Notice>) {
    let mut framer = Framer::lenient(Limits::default());
    let mut buf = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = reader.read(&mut buf).await {
        framer.push(&buf[..length]);
        loop {
            match framer.next() {
                Ok(Some(Frame::Message(message))) => {
                    if notices.send(Notice::Message(flow, message)).is_err() {
                        return;
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return drop(notices.send(Notice::Closed(flow))),
            }
        }
    }
    let _ = notices.send(Notice::Closed(flow));
}

/// How long a TCP connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a site that is closed waits for CUCM's goodbye.
const FAREWELL: Duration = Duration::from_secs(2);
