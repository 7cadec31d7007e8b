//! A phone whose CUCM node was gone goes back to it when it is there again.
//!
//! ```text
//! registered with the second server     ──── connects? ───► the first one: refused        every [`LOOK`]
//!                                       ──── connects ────► the first one: it stands
//!                                       for as long as *Connection Monitor Duration*, and no call is up
//!                                       ──── REGISTER ────► the first one; the connection to the second one closes
//! ```
//!
//! *The phone device reregisters with the primary Cisco CallManager as soon as it becomes available after a failure*, and *phones do not
//! failover or fallback while a call is in progress* (Cisco CallManager System Guide 4.2, "Phone Failover and Fallback"). That the time of
//! the device pool, which Cisco describes for the way back from SRST, holds between nodes too is inferred, and so is how often it looks.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::Transport;
use tokio::task::JoinHandle;

use crate::connection::{Arrival, Connection, Connector};

/// The servers that come before the one with which a phone is registered, as it watches them.
#[derive(Debug)]
pub(crate) struct Fallback {
    connector: Arc<Connector>,
    /// How long one of them must have been there.
    monitor: Duration,
    state: State,
}

#[derive(Debug)]
enum State {
    /// There is none, or nothing is to be known of it.
    Idle,
    /// None was there when it looked; when it looks again.
    Away { look_at: Instant },
    /// It is looking.
    Looking(JoinHandle<Option<Box<Connection>>>),
    /// One is there.
    There { connection: Box<Connection>, due: Instant },
}

/// Something that came of watching.
pub(crate) enum Seen {
    /// An attempt to connect ended.
    Looked(Option<Box<Connection>>),
    /// The connection that was watched gave this.
    Heard(Arrival),
}

impl Fallback {
    pub(crate) fn new(connector: Arc<Connector>, monitor: Duration) -> Self {
        Self { connector, monitor, state: State::Idle }
    }

    /// The phone is connected with this server, or with none.
    pub(crate) fn is_at(&mut self, now: Instant, server: Option<SocketAddr>) {
        self.stop();
        let is_watched =
            |server| !self.connector.before(server).is_empty() && self.connector.transport != Transport::Udp;
        if server.is_some_and(is_watched) {
            self.state = State::Away { look_at: now + LOOK };
        }
    }

    /// Watches no more.
    pub(crate) fn stop(&mut self) {
        if let State::Looking(attempt) = std::mem::replace(&mut self.state, State::Idle) {
            attempt.abort();
        }
    }

    /// When it has something to do, for a phone that may change its server from `free_at` on, if at all.
    pub(crate) fn poll_timeout(&self, free_at: Option<Instant>) -> Option<Instant> {
        match &self.state {
            State::Away { look_at } => Some(*look_at),
            State::There { due, .. } => free_at.map(|free_at| free_at.max(*due)),
            _ => None,
        }
    }

    /// Does what is due; gives the connection to which the phone changes now.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        at: SocketAddr,
        free_at: Option<Instant>,
    ) -> Option<Connection> {
        match &self.state {
            State::Away { look_at } if *look_at <= now => {
                let connector = Arc::clone(&self.connector);
                let attempt = tokio::spawn(async move { connector.connect_before(at).await.ok().map(Box::new) });
                self.state = State::Looking(attempt);
            }
            State::There { due, .. } if *due <= now && free_at.is_some_and(|free_at| free_at <= now) => {
                if let State::There { connection, .. } = std::mem::replace(&mut self.state, State::Idle) {
                    return Some(*connection);
                }
            }
            _ => {}
        }
        None
    }

    /// Waits for what is watched. Cancel safe.
    pub(crate) async fn see(&mut self, buf: &mut [u8]) -> Seen {
        match &mut self.state {
            // An attempt that panicked found nobody.
            State::Looking(attempt) => Seen::Looked(attempt.await.unwrap_or_default()),
            State::There { connection, .. } => Seen::Heard(connection.read(buf).await),
            _ => std::future::pending().await,
        }
    }

    pub(crate) fn on_seen(&mut self, now: Instant, seen: Seen) {
        match seen {
            Seen::Looked(Some(connection)) => {
                self.state = State::There { connection, due: now + self.monitor };
            }
            Seen::Looked(None) | Seen::Heard(Arrival::Closed(_)) => self.state = State::Away { look_at: now + LOOK },
            // Nothing that concerns a phone that has not registered there.
            Seen::Heard(Arrival::Messages(_)) => {}
        }
    }
}

impl Drop for Fallback {
    fn drop(&mut self) {
        self.stop();
    }
}

/// How often a phone looks for a server that comes before its own.
pub(crate) const LOOK: Duration = Duration::from_secs(10);
