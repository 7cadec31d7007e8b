//! Connections that peers opened, and what may come over them.

use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use sip::{FlowId, Transport};
use trust::cert::Certificate;
use trust::rule::{Refusal, matches_device, matches_name, parse_x509_names};

use crate::config::{DeviceSecurityMode, TrunkTransport};
use crate::event::{ConnectFailure, CucmEvent, Sender};
use crate::malformed::Malformed;
use crate::text::Node;

use super::leg::LegId;
use super::trunk::Way;
use super::{Engine, Output};

/// A way to a peer, whoever opened it.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) transport: Transport,
    /// The node's end.
    pub(super) local: SocketAddr,
    pub(super) peer: SocketAddr,
    pub(super) certificate: Option<Certificate>,
    /// The phone that registered over it.
    pub(super) device: Option<String>,
    /// The trunk destination it was opened to.
    pub(super) way: Option<Way>,
    /// Which of ours stood when a peer opened it, by the node's address.
    pub(super) beside: Vec<(IpAddr, Way)>,
}

impl Engine {
    pub(super) fn on_opened(
        &mut self,
        flow: FlowId,
        transport: Transport,
        local: SocketAddr,
        peer: SocketAddr,
        certificate: Option<&Certificate>,
    ) {
        if transport == Transport::Tls
            && let Err(refusal) = self.admit(local.port(), certificate)
        {
            self.decided.push_back(Output::Close { flow });
            let failure =
                ConnectFailure { rule: refusal.rule().to_owned(), why: refusal.to_string(), refused_by_us: true };
            let trunk = match self.sender(None, peer) {
                Sender::Trunk(name) => Some(name),
                Sender::Phone(_) | Sender::Stranger => None,
            };
            self.event(CucmEvent::TrunkTls { trunk, peer, failure });
            return;
        }
        let certificate = certificate.cloned();
        let beside = self.trunks.open();
        self.flows.insert(flow, Flow { transport, local, peer, certificate, device: None, way: None, beside });
    }

    /// A certificate must be that of a configured phone, or bear a name of a trunk that listens on this port.
    fn admit(&self, local_port: u16, certificate: Option<&Certificate>) -> Result<(), Refusal> {
        let Some(certificate) = certificate else {
            return Err(Refusal::NoCertificate { purpose: trust::rule::Purpose::Client });
        };
        let is_phone = self.config.phones.iter().any(|phone| matches_device(certificate, &phone.device_name));
        if is_phone && local_port == self.config.ports.secured_sip {
            return Ok(());
        }
        let mut allowed = Vec::new();
        for profile in &self.config.sip_trunk_security_profiles {
            let listens = profile.mode == DeviceSecurityMode::Encrypted
                && profile.incoming_transport == TrunkTransport::Tls
                && self.config.incoming_port_of(profile) == local_port;
            if listens && profile.x509_subject_name.trim().is_empty() {
                return Ok(());
            }
            if listens {
                allowed.extend(parse_x509_names(&profile.x509_subject_name));
            }
        }
        if matches_name(certificate, &allowed) {
            return Ok(());
        }
        Err(Refusal::WrongName { presented: certificate.names(), allowed })
    }

    pub(super) fn on_closed(&mut self, now: Instant, flow: FlowId, why: Option<ConnectFailure>) {
        let Some(closed) = self.flows.remove(&flow) else {
            return;
        };
        if let Some(way) = &closed.way {
            self.on_trunk_closed(way, flow, why.as_ref());
        }
        for leg in self.legs.values_mut().filter(|leg| leg.flow == Some(flow)) {
            leg.flow = None;
        }
        self.closing = why;
        self.endpoint.handle_flow_closed(now, flow);
        self.drain(now);
        self.closing = None;
        if let Some(device) = closed.device {
            self.on_phone_gone(now, &device, flow);
        }
    }

    /// What is no whole message goes no further: what a message says comes back in messages of ours.
    pub(super) fn on_malformed(&mut self, flow: Option<FlowId>, peer: SocketAddr, what: Malformed) {
        let from = self.sender(flow.and_then(|flow| self.flows.get(&flow)), peer);
        self.event(CucmEvent::Malformed { from, peer, what });
    }

    fn sender(&self, known: Option<&Flow>, peer: SocketAddr) -> Sender {
        if let Some(device) = known.and_then(|known| known.device.clone()) {
            return Sender::Phone(device);
        }
        let way = known.and_then(|known| known.way.as_ref()).map(|(trunk, _)| trunk.clone());
        let by_address = || {
            let mut trunks = self.config.trunks.iter();
            let trunk = trunks.find(|trunk| trunk.destinations.iter().any(|to| to.address == peer.ip()))?;
            Some(trunk.name.clone())
        };
        way.or_else(by_address).map_or(Sender::Stranger, Sender::Trunk)
    }

    /// The address of the node that a leg belongs to.
    pub(super) fn address_of(&self, leg: LegId) -> IpAddr {
        self.legs.get(&leg).map_or(self.config.address, |leg| leg.node.local.ip())
    }

    /// The node as the peer behind this flow sees it.
    pub(super) fn node(&self, flow: FlowId) -> Node {
        let known = self.flows.get(&flow);
        let transport = known.map_or(Transport::Tcp, |known| known.transport);
        let local = known.map_or_else(|| self.config.local(transport == Transport::Tls), |known| known.local);
        Node { release: self.config.release, local, transport, is_trunk: self.trunk_on(flow).is_some() }
    }
}
