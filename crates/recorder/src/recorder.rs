//! A recorder that runs: start, look, stop.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use serde::Serialize;
use sip::Endpoint;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use trust::rule::PeerRule;
use wire::Net;
use wire::tls::{TlsClient, TlsError, TlsOptions, TlsServer};

use crate::certs::{Store as CertStore, StoreError};
use crate::config::{Config, ConfigError, Credentials, Transport};
use crate::legs::drain::{Drain, PERIOD, Patience};
use crate::metadata::{Packets, Side, Status as RecordingStatus};
use crate::seed::Seed;
use crate::server::flows::{self, Inbound, Shared};
use crate::server::{self, Parts, Server};
use crate::session::{Counters, Deed, Sessions};
use crate::store::recover::{self, Recovered};
use crate::store::writer::{Place, Store};

/// Why a recorder does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The certificates cannot be used.
    #[error("certificates: {0}")]
    Certificates(#[from] StoreError),
    /// The certificate or its key is of no use for TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// An address cannot be listened on.
    #[error("cannot listen on {address} ({transport}): {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// `TLS`, `TCP` or `UDP`.
        transport: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The recordings' folder cannot be used.
    #[error("recordings folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system has no randomness for keys.
    #[error("the system gives no randomness for keys")]
    Entropy,
    /// A thread cannot be started.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// What a recorder is doing right now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// SIP dialogs that are open.
    pub dialogs: usize,
    /// Legs whose port is not closed yet.
    pub legs: usize,
    /// Port pairs in use.
    pub ports: usize,
    /// Recordings that run.
    pub recordings: usize,
    /// Recordings whose files stand, of this run and recovered.
    pub finished: usize,
    /// SIP connections and UDP peers.
    pub connections: usize,
    /// Connections that were refused.
    pub connections_refused: u64,
    /// What the signalling counted.
    pub signalling: Counters,
}

/// A recording whose files stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finished {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name.
    pub id: String,
    /// What became of it.
    pub status: RecordingStatus,
}

/// A connection that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Who wanted to connect.
    pub peer: SocketAddr,
    /// Which rule refused: `unknown-node`, `too-many-connections`, `tls`, `tls-timeout`, `peer-alert`,
    /// `first-message-timeout`, `message-timeout`, `idle-timeout`, `reads-nothing`, `unreachable`, or one of
    /// [`trust::rule::Refusal::rule`].
    pub rule: String,
    /// In words.
    pub why: String,
}

/// What a recorder did, from start to stop.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Dialogs that nobody had ended when the recorder was stopped.
    pub dialogs_open: usize,
    /// Legs that could not be closed.
    pub legs_open: usize,
    /// Port pairs that could not be closed.
    pub ports_open: usize,
    /// Recordings without files.
    pub recordings_open: usize,
    /// Recordings whose files stand, in the order in which they were finished; recovered ones first.
    pub recordings: Vec<Finished>,
    /// What went wrong on our side: storage, recovery, threads.
    pub alarms: Vec<String>,
    /// Connections that stood.
    pub connections: u64,
    /// Connections that were refused.
    pub connections_refused: u64,
    /// The first hundred of them.
    pub refusals: Vec<Refusal>,
    /// Streams and datagrams that were no SIP.
    pub malformed: u64,
    /// The packet counts of all legs together.
    pub packets: Packets,
    /// What the signalling counted.
    pub signalling: Counters,
}

/// A recorder that runs. Dropping it ends it without waiting; what is open is then recovered at the next start.
#[derive(Debug)]
pub struct Recorder {
    addresses: Vec<(Transport, SocketAddr)>,
    root: PathBuf,
    status: watch::Receiver<Status>,
    deeds: tokio::sync::mpsc::UnboundedSender<(Deed, Option<Side>)>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<Summary>,
    listeners: Vec<JoinHandle<()>>,
}

/// Starts a recorder on this network. Everything that is left to chance (names, tags, keys) comes from the seed.
///
/// # Errors
/// [`StartError`] with what could not be opened, read or made.
pub async fn start(net: Net, config: Config, seed: Seed) -> Result<Recorder, StartError> {
    config.check()?;
    let rng = seed.generator().ok_or(StartError::Entropy)?;
    let root = server::folder(&config).map_err(|source| StartError::Folder { path: config.folder.clone(), source })?;
    let credentials = credentials(&config)?;
    let recovered = recover(&net, &root).await;
    let config = Arc::new(config);
    let (to_server, inbound) = tokio::sync::mpsc::channel::<Inbound>(1024);
    let shared = Shared::new(net.clone(), Arc::clone(&config), tls(&config, credentials)?, to_server);
    let mut opened = listen(&shared).await?;

    let (told, stored) = tokio::sync::mpsc::unbounded_channel();
    let place = Place { root: root.clone(), fault: config.fault, durable: !net.is_simulated() };
    let store = match net.is_simulated() {
        true => Store::inline(place, told),
        false => Store::threads(place, told).map_err(StartError::Thread)?,
    };
    let (commands, commanded) = mpsc::channel();
    let (notify, notices) = tokio::sync::mpsc::unbounded_channel();
    let patience = Patience {
        inactivity: config.inactivity,
        no_media: config.no_media_after,
        auth_failures: config.auth_failures,
    };
    let mut drain = Drain::new(commanded, notify, store, patience);
    let pacer = net.pacer(PERIOD, move |due, now| drain.round(due, now));

    let origin = (net.clock().now(), net.clock().wall());
    let sessions = Sessions::new(as_opened(&config, &opened), rng, origin);
    let (status_to, status) = watch::channel(Status::default());
    let (stop, stopped) = oneshot::channel();
    let (deeds, deeds_asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::new(Parts {
        shared,
        endpoint: Endpoint::new(server::timers(config.fault)),
        sessions,
        udp: opened.udp.take(),
        commands,
        pacer,
        inbound,
        notices,
        stored,
        deeds: deeds_asked,
        status: status_to,
        summary: summary_of(recovered),
    });
    let server = tokio::spawn(server.run(stopped));
    Ok(Recorder { addresses: opened.addresses, root, status, deeds, stop, server, listeners: opened.tasks })
}

impl Recorder {
    /// What is listened on.
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// Where recordings are stored.
    pub fn folder(&self) -> &Path {
        &self.root
    }

    /// What the recorder is doing right now.
    pub fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Follows what the recorder is doing; closed when it ends.
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Does this with the legs of this side, or with all, as soon as it gets to it.
    pub fn act(&self, deed: Deed, side: Option<Side>) {
        // A recorder that has ended does nothing any more.
        let _ = self.deeds.send((deed, side));
    }

    /// Ends every call, waits until all files stand, closes all sockets.
    pub async fn stop(self) -> Summary {
        self.listeners.iter().for_each(JoinHandle::abort);
        // Fails only if the server has ended, which the next line finds out.
        let _ = self.stop.send(());
        self.server.await.unwrap_or_else(|error| Summary { alarms: vec![error.to_string()], ..Summary::default() })
    }
}

fn credentials(config: &Config) -> Result<Option<Credentials>, StartError> {
    if let Some(credentials) = &config.credentials {
        return Ok(Some(credentials.clone()));
    }
    if !config.transports.contains(&Transport::Tls) {
        return Ok(None);
    }
    Ok(Some(CertStore::new(&config.certificates).credentials()?))
}

/// Both roles of TLS. The node must present a certificate that is trusted and valid; CUCM's carry both usages.
fn tls(config: &Config, credentials: Option<Credentials>) -> Result<(Option<TlsServer>, Option<TlsClient>), TlsError> {
    let Some(Credentials { identity, trusted }) = credentials.filter(|_| config.transports.contains(&Transport::Tls))
    else {
        return Ok((None, None));
    };
    let (timeout, versions) = (config.handshake_timeout, config.tls.into());
    let options = TlsOptions { timeout, versions, ..TlsOptions::new(Some(identity), PeerRule::listed(trusted)) };
    Ok((Some(TlsServer::new(options.clone())?), Some(TlsClient::new(options)?)))
}

/// What was opened.
struct Opened {
    addresses: Vec<(Transport, SocketAddr)>,
    udp: Option<Arc<wire::Datagram>>,
    tasks: Vec<JoinHandle<()>>,
}

async fn listen(shared: &Shared) -> Result<Opened, StartError> {
    let config = Arc::clone(&shared.config);
    let mut opened = Opened { addresses: Vec::new(), udp: None, tasks: Vec::new() };
    let mut transports = config.transports.clone();
    transports.sort();
    transports.dedup();
    for transport in transports {
        let (port, name) = match transport {
            Transport::Tls => (config.local_port, "TLS"),
            Transport::Tcp => (config.plain_port, "TCP"),
            Transport::Udp => (config.plain_port, "UDP"),
        };
        let address = SocketAddr::new(config.address, port);
        let failed = |source| StartError::Listen { address, transport: name, source };
        let local = if transport == Transport::Udp {
            let socket = Arc::new(shared.net.datagram(address).await.map_err(failed)?);
            opened.udp = Some(Arc::clone(&socket));
            let local = socket.local_addr();
            opened.tasks.push(tokio::spawn(flows::receive(shared.clone(), socket)));
            local
        } else {
            let listener = shared.net.listen(address).await.map_err(failed)?;
            let local = listener.local_addr();
            let kind = if transport == Transport::Tls { sip::Transport::Tls } else { sip::Transport::Tcp };
            opened.tasks.push(tokio::spawn(flows::accept(shared.clone(), listener, kind)));
            local
        };
        opened.addresses.push((transport, local));
    }
    Ok(opened)
}

/// The configuration with the ports that were really opened: port 0 asks the system for one.
fn as_opened(config: &Config, opened: &Opened) -> Config {
    let mut config = config.clone();
    for (transport, address) in &opened.addresses {
        match transport {
            Transport::Tls => config.local_port = address.port(),
            Transport::Tcp | Transport::Udp => config.plain_port = address.port(),
        }
    }
    config
}

async fn recover(net: &Net, root: &Path) -> Recovered {
    if net.is_simulated() {
        return recover::recover(root);
    }
    let root = root.to_owned();
    let recovered = tokio::task::spawn_blocking(move || recover::recover(&root)).await;
    recovered.unwrap_or_else(|error| Recovered { finished: Vec::new(), alarms: vec![error.to_string()] })
}

fn summary_of(recovered: Recovered) -> Summary {
    let finished = |(folder, recording): (PathBuf, crate::metadata::Recording)| Finished {
        folder,
        id: recording.id,
        status: recording.status,
    };
    Summary {
        recordings: recovered.finished.into_iter().map(finished).collect(),
        alarms: recovered.alarms,
        ..Summary::default()
    }
}
