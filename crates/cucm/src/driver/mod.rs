//! Sockets, TLS and TFTP around the engine.

use std::io;
use std::net::SocketAddr;

use tokio::sync::mpsc;

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

/// A running cluster.
#[derive(Debug)]
pub struct Cucm {
    events: mpsc::UnboundedReceiver<CucmEvent>,
    addresses: Addresses,
}

/// Checks the configuration, opens the ports and runs the cluster until [`Cucm::stop`].
pub async fn start(_net: Net, config: Config, _seed: u64) -> Result<Cucm, StartError> {
    config.check()?;
    Err(StartError::Identity("not built".to_owned()))
}

impl Cucm {
    /// What happens, in order. The receiver ends when the cluster stops.
    pub fn events(&mut self) -> &mut mpsc::UnboundedReceiver<CucmEvent> {
        &mut self.events
    }

    /// Where the cluster listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Waits a moment for dialogs that are being cleared, closes all ports and tells what was left.
    pub async fn stop(self) -> Summary {
        Summary::default()
    }
}
