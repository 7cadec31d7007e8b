//! Sockets, TLS, TFTP, music and the conference bridge around the engine.
//!
//! One task owns the engine and runs it. Each connection has a task that reads and one that writes; whatever happens outside
//! comes to the engine's task as a `Notice` on one channel, in order.

mod connection;
mod drive;
mod ear;
mod http;
mod meddle;
mod mixer;
mod music;
mod notice;
mod order;
mod outage;
mod ports;
mod provision;
mod reader;
mod sender;
mod tftp;

use std::io;
use std::net::SocketAddr;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use wire::Net;

use crate::config::{Config, ConfigError};
use crate::engine::{DropRefused, RecordingRefused, RedirectRefused};
use crate::event::{CucmEvent, InvocationType, Summary};
use crate::signalling::Provocation;

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

/// Why the cluster did not do what an application asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplicationError {
    /// CTI refused it.
    #[error(transparent)]
    Recording(#[from] RecordingRefused),
    /// CTI refused it.
    #[error(transparent)]
    Redirect(#[from] RedirectRefused),
    /// Nobody was dropped.
    #[error(transparent)]
    Drop(#[from] DropRefused),
    /// The cluster has stopped.
    #[error("the cluster has stopped")]
    Gone,
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
    orders: mpsc::UnboundedSender<order::Order>,
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
    let (orders, ordered) = mpsc::unbounded_channel();
    let drive = drive::Drive::new(net, config, seed, parties, events_in);
    let task = tokio::spawn(drive.run(ports, files, stopped, ordered));
    Ok(Cucm { events, stop: Some(stop), orders, task, addresses })
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

    /// Has the node do something to a recorder that a real one does for reasons of its own, as soon as it gets to it.
    pub fn provoke(&self, provocation: Provocation) {
        // A node that has stopped does nothing any more.
        let _ = self.orders.send(order::Order::Provoke(provocation));
    }

    /// Gives out call identifiers from the beginning again: as after a restart or, under another cluster ID, as a second cluster
    /// would that has the same recorder. Calls must be over.
    pub fn renumber(&self, other_cluster: Option<String>) {
        // A node that has stopped numbers nothing any more.
        let _ = self.orders.send(order::Order::Renumber { other_cluster });
    }

    /// Has the media of every recording of a phone agreed on anew, as after its bridge has changed; each stream is told of by
    /// [`CucmEvent::RecordingChanged`].
    pub fn change_media(&self, device: &str) {
        // A node that has stopped changes nothing any more.
        let _ = self.orders.send(order::Order::ChangeMedia { device: device.to_owned() });
    }

    /// Where the cluster listens.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// An application has the active call of a phone recorded (TAPI `CCiscoLineDevSpecificStartCallRecording`, JTAPI
    /// `CiscoCall.startRecording`). What becomes of it comes as an event.
    ///
    /// # Errors
    /// [`ApplicationError`] with what CTI would answer.
    pub async fn start_recording(&self, device: &str, invocation: InvocationType) -> Result<(), ApplicationError> {
        self.order(|reply| order::Order::StartRecording { device: device.to_owned(), invocation, reply }).await
    }

    /// An application has the recording of a phone's active call stopped.
    ///
    /// # Errors
    /// [`ApplicationError`] with what CTI would answer.
    pub async fn stop_recording(&self, device: &str, invocation: InvocationType) -> Result<(), ApplicationError> {
        self.order(|reply| order::Order::StopRecording { device: device.to_owned(), invocation, reply }).await
    }

    /// An application has a device drop another one from their conference (TAPI `lineRemoveFromConference`). Behind a trunk, which is one
    /// device, the number that CUCM has of a party says who is meant.
    ///
    /// # Errors
    /// [`ApplicationError`] where it may not, or they are in none.
    pub async fn drop_from_conference(&self, by: &str, of: (&str, Option<&str>)) -> Result<(), ApplicationError> {
        let (by, device, number) = (by.to_owned(), of.0.to_owned(), of.1.map(str::to_owned));
        self.order(|reply| order::Order::Drop { by, device, number, reply }).await
    }

    /// An application redirects the call that rings at a device, or else the one that it is in, to a number (TAPI `lineRedirect`, JTAPI
    /// `CallControlConnection.redirect`). Behind a trunk, which is one device, the number that CUCM has of a party says whose call is
    /// meant; without one any is. Behind the answer the number rings.
    ///
    /// # Errors
    /// [`ApplicationError`] with what CTI would answer.
    pub async fn redirect(&self, (device, number): (&str, Option<&str>), to: &str) -> Result<(), ApplicationError> {
        let (device, number, to) = (device.to_owned(), number.map(str::to_owned), to.to_owned());
        self.order(|reply| order::Order::Redirect { device, number, to, reply }).await
    }

    /// Whether the cluster has no dialog at all, neither with phones nor with recorders.
    ///
    /// # Errors
    /// [`ApplicationError::Gone`].
    pub async fn is_idle(&self) -> Result<bool, ApplicationError> {
        self.question(|reply| order::Order::IsIdle { reply }).await
    }

    /// How many dialogs the cluster has with recorders, those that are being ended among them.
    ///
    /// # Errors
    /// [`ApplicationError::Gone`].
    pub async fn recorder_dialogs(&self) -> Result<usize, ApplicationError> {
        self.question(|reply| order::Order::RecorderDialogs { reply }).await
    }

    /// Whether nothing is under way in the dialogs of recordings that changes what stands there.
    ///
    /// # Errors
    /// [`ApplicationError::Gone`].
    pub async fn is_recording_settled(&self) -> Result<bool, ApplicationError> {
        self.question(|reply| order::Order::IsRecordingSettled { reply }).await
    }

    /// How many calls a phone has as far as the cluster knows, ringing ones among them (TAPI `lineGetAddressStatus`). What a phone has
    /// just done may still be on its way.
    ///
    /// # Errors
    /// [`ApplicationError::Gone`].
    pub async fn calls_at(&self, device: &str) -> Result<usize, ApplicationError> {
        self.question(|reply| order::Order::CallsAt { device: device.to_owned(), reply }).await
    }

    async fn question<T>(&self, make: impl FnOnce(oneshot::Sender<T>) -> order::Order) -> Result<T, ApplicationError> {
        let (reply, told) = oneshot::channel();
        self.orders.send(make(reply)).map_err(|_| ApplicationError::Gone)?;
        told.await.map_err(|_| ApplicationError::Gone)
    }

    async fn order<E: Into<ApplicationError>>(
        &self,
        make: impl FnOnce(order::Reply<E>) -> order::Order,
    ) -> Result<(), ApplicationError> {
        let (reply, done) = oneshot::channel();
        self.orders.send(make(reply)).map_err(|_| ApplicationError::Gone)?;
        done.await.map_err(|_| ApplicationError::Gone)?.map_err(Into::into)
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
