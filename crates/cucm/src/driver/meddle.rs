//! What the driver does on behalf of a test: what it provokes, and what becomes of single messages.

use std::net::SocketAddr;

use sip::{FlowId, Message, Transport};
use trust::cert::Certificate;
use wire::Link;

use super::connection::{self, Outgoing};
use super::drive::{Drive, Trunk, WayOut};
use super::notice::Notice;
use crate::engine::Input;
use crate::signalling::meddler::Act;
use crate::signalling::{Closing, Provocation};

impl Drive {
    pub(super) async fn provoke(&mut self, provocation: Provocation) {
        match provocation {
            Provocation::Disturb(disturbances) => self.meddler.disturb(disturbances),
            Provocation::Close { how, to } => {
                // A trunk that takes calls leads to no recorder.
                let takes_calls = |name: &str| self.config.trunk(name).is_some_and(|trunk| trunk.takes_calls);
                let meant = |trunk: &Trunk| to.map_or_else(|| !takes_calls(&trunk.name), |to| to == trunk.to);
                let flows = self.trunks.iter().filter(|(_, trunk)| meant(trunk)).map(|(flow, _)| *flow);
                for flow in flows.collect::<Vec<_>>() {
                    self.close_flow(flow, how);
                }
            }
            Provocation::FailNode { node, trunks } => self.fail_node(node, trunks),
            Provocation::RestoreNode { node } => self.restore_node(node).await,
            Provocation::Send { request, leg } => self.engine.send_unprompted(self.clock.now(), request, leg),
        }
    }

    /// A message of the engine's, if nobody meddles with it.
    pub(super) async fn leave(&mut self, flow: FlowId, bytes: Vec<u8>) {
        if self.meddler.is_idle() {
            return self.transmit(flow, bytes).await;
        }
        let acts = self.meddler.outgoing(self.clock.now(), flow, bytes);
        self.perform(acts).await;
    }

    /// A message that came, if nobody meddles with it.
    pub(super) async fn on_message(&mut self, flow: FlowId, message: Message) {
        if self.meddler.is_idle() {
            return self.input(Input::Message { flow, message });
        }
        let acts = self.meddler.incoming(self.clock.now(), flow, &message);
        self.perform(acts).await;
    }

    pub(super) async fn perform(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Send { flow, bytes } => self.transmit(flow, bytes).await,
                Act::SendApart { flow, bytes } => self.send_apart(flow, bytes).await,
                Act::SendInPieces { flow, bytes, size } => match self.ways.get(&flow) {
                    Some(WayOut::Stream { messages, .. }) => {
                        let moment = self.net.moment();
                        // A closed connection is told by its reader.
                        let _ = messages.send(Outgoing::Bytes { moment, bytes, piece: size });
                    }
                    _ => self.transmit(flow, bytes).await,
                },
                Act::Deliver { flow, bytes } => {
                    if let Ok(message) = Message::parse(&bytes) {
                        self.input(Input::Message { flow, message });
                    }
                }
                Act::Close { flow, how } => self.close_flow(flow, how),
                Act::GiveUp { call_id } => self.engine.give_up_recording(self.clock.now(), &call_id),
            }
        }
    }

    /// Over UDP a connection is an address: the message then comes from another port.
    async fn send_apart(&mut self, flow: FlowId, bytes: Vec<u8>) {
        if let Some(WayOut::Datagram { to, .. }) = self.ways.get(&flow) {
            let from = SocketAddr::new(self.config.address, 0);
            if let Ok(socket) = self.net.datagram(from).await {
                // What is lost is repeated.
                let _ = socket.send_to(&bytes, *to).await;
            }
            return;
        }
        let Some(trunk) = self.trunks.get(&flow).cloned() else {
            return self.transmit(flow, bytes).await;
        };
        let (net, from, client) = (self.net.clone(), trunk.from, self.parties.client(trunk.from, &trunk.name));
        let notices = self.notices.0.clone();
        self.tasks.spawn(async move {
            if let Ok(link) = connection::connect(net, from, trunk.to, trunk.transport, client).await {
                let _ = notices.send(Notice::Apart { link, bytes }).await;
            }
        });
    }

    /// What comes back over it is heard as over any other connection.
    pub(super) fn on_apart(&mut self, link: Link, bytes: Vec<u8>) {
        let (transport, peer) = (if link.is_encrypted() { Transport::Tls } else { Transport::Tcp }, link.peer_addr());
        let mut local = self.config.local(transport == Transport::Tls);
        local.set_ip(link.local_addr().ip());
        let certificate = link.peer_certificate().and_then(|der| Certificate::from_der(&der).ok());
        let flow = self.add(link);
        self.input(Input::Opened { flow, transport, local, peer, certificate });
        if let Some(WayOut::Stream { messages, .. }) = self.ways.get(&flow) {
            let _ = messages.send(Outgoing::whole(self.net.moment(), bytes));
        }
    }

    fn close_flow(&mut self, flow: FlowId, how: Closing) {
        self.trunks.remove(&flow);
        if let Some(WayOut::Stream { messages, reader, .. }) = self.ways.remove(&flow) {
            reader.abort();
            if how == Closing::Reset {
                let _ = messages.send(Outgoing::Reset);
            }
            // Without its sender the writer says goodbye and ends.
            drop(messages);
            self.input(Input::Closed { flow, why: None });
        }
    }
}
