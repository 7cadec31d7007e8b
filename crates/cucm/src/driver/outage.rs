//! A node that dies: its listeners and connections.

use std::collections::BTreeSet;
use std::net::IpAddr;

use sip::FlowId;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::connection::Outgoing;
use super::drive::{Drive, WayOut};
use super::ports;
use crate::signalling::Closing;

/// What is kept to have nodes die.
#[derive(Default)]
pub(super) struct Outage {
    pub(super) dead: BTreeSet<IpAddr>,
    /// The tasks that accept connections, by address.
    pub(super) listeners: Vec<(IpAddr, AbortHandle)>,
    /// Writers of connections that stay open though nobody speaks any more.
    pub(super) mute: Vec<mpsc::UnboundedSender<Outgoing>>,
}

impl Drive {
    /// Phones see their connections end; what recorders see is told.
    pub(super) fn fail_node(&mut self, node: IpAddr, trunks: Option<Closing>) {
        self.outage.dead.insert(node);
        for (_, listener) in self.outage.listeners.extract_if(.., |(at, _)| *at == node) {
            listener.abort();
        }
        let is_here = |way: &WayOut| matches!(way, WayOut::Stream { local, .. } if *local == node);
        let flows: Vec<FlowId> = self.ways.iter().filter(|(_, way)| is_here(way)).map(|(flow, _)| *flow).collect();
        for flow in flows {
            let is_trunk = self.trunks.remove(&flow).is_some();
            let Some(WayOut::Stream { messages, reader, .. }) = self.ways.remove(&flow) else { continue };
            match trunks {
                // What comes is read and goes nowhere: the engine knows the flow no more.
                None if is_trunk => self.outage.mute.push(messages),
                how => {
                    reader.abort();
                    if is_trunk && how == Some(Closing::Reset) {
                        let _ = messages.send(Outgoing::Reset);
                    }
                    // Without its sender the writer says goodbye and ends.
                }
            }
        }
        self.engine.fail_node(self.clock.now(), node);
    }

    /// A dead node's ports are open again. Where the system keeps one of them the node stays dead, which is told to whoever looks.
    pub(super) async fn restore_node(&mut self, node: IpAddr) {
        match ports::reopen(&self.net, &self.config, node).await {
            Ok(listeners) => {
                self.outage.dead.remove(&node);
                self.outage.listeners.extend(listeners.serve(&self.parties, &self.notices.0, &mut self.tasks));
                self.engine.restore_node(self.clock.now(), node);
            }
            Err(error) => tracing::warn!(%node, %error, "the node does not start"),
        }
    }
}
