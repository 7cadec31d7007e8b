//! Sockets, TLS, TFTP and music around the engine.
//!
//! One task owns the engine and runs it. Each connection has a task that reads and one that writes; whatever happens outside
//! comes to the engine's task as a `Notice` on one channel, in order.

mod connection;
mod drive;
mod music;
mod notice;
mod ports;
mod provision;
mod reader;
mod tftp;

use std::io;
use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use wire::Net;

use crate::config::{Config, ConfigError};
use crate::event::{CucmEvent, Summary};

/// Why a cluster does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A port cannot be opened.
    #[error("cannot open {what} on {address}: {why}")]
    Port {
        /// What was to be served there.
        what: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        why: io::Error,
    },
    /// The CallManager certificate or key cannot be used.
    #[error("the CallManager certificate cannot be used: {0}")]
    Identity(String),
}

/// Where a running cluster listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// SIP over TCP and UDP.
    pub sip: SocketAddr,
    /// SIP over TLS.
    pub secured_sip: SocketAddr,
    /// TFTP.
    pub tftp: SocketAddr,
}

/// A running cluster. Dropping it ends the cluster at once.
#[derive(Debug)]
pub struct Cucm {
    events: mpsc::UnboundedReceiver<CucmEvent>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Summary>,
    addresses: Addresses,
}

/// Checks the configuration, opens the ports and runs the cluster until [`Cucm::stop`].
///
/// # Errors
/// [`StartError`] for a configuration that cannot work, a port in use, or a certificate of no use.
pub async fn start(net: Net, mut config: Config, seed: u64) -> Result<Cucm, StartError> {
    config.check()?;
    let ports = ports::open(&net, &mut config).await?;
    let addresses = ports.addresses;
    let files = provision::files(&config, net.clock().wall(), seed)?;
    let parties = connection::Parties::new(&config)?;
    let (events_in, events) = mpsc::unbounded_channel();
    let (stop, stopped) = oneshot::channel();
    let drive = drive::Drive::new(net, config, seed, parties, events_in);
    let task = tokio::spawn(drive.run(ports, files, stopped));
    Ok(Cucm { events, stop: Some(stop), task, addresses })
}

impl Cucm {
    /// What happens, in order. The receiver ends when the cluster stops.
    pub fn events(&mut self) -> &mut mpsc::UnboundedReceiver<CucmEvent> {
        &mut self.events
    }

    /// The same, to be listened to elsewhere; [`Cucm::events`] gives nothing from then on.
    pub fn take_events(&mut self) -> mpsc::UnboundedReceiver<CucmEvent> {
        let (_, ended) = mpsc::unbounded_channel();
        std::mem::replace(&mut self.events, ended)
    }

    /// Where the cluster listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits a moment for dialogs that are being cleared, closes all ports and tells what was left.
    ///
    /// # Panics
    /// If the cluster's task panicked: that is a bug here.
    pub async fn stop(mut self) -> Summary {
        if let Some(stop) = self.stop.take() {
            // The task listens until it ends, and it ends only through this.
            let _ = stop.send(());
        }
        match (&mut self.task).await {
            Ok(summary) => summary,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Summary::default(),
        }
    }
}

impl Drop for Cucm {
    fn drop(&mut self) {
        self.task.abort();
    }
}
