//! Connections to recorders, and whether they answer OPTIONS.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Instant;

use sip::{FlowId, Transport};

use crate::config::{OptionsPing, SipTrunk};
use crate::event::{ConnectFailure, CucmEvent, OutOfService};
use crate::text::{Node, Thread, host, trunk};

use super::flows::Flow;
use super::leg::LegId;
use super::steps::Step;
use super::{Asked, ConnectionId, Engine, Output};

/// A trunk and one of its destinations.
pub(super) type Way = (String, SocketAddr);

/// All ways, whether connected or not.
#[derive(Debug, Default)]
pub(super) struct Trunks {
    /// Each node has its own.
    lines: BTreeMap<(IpAddr, Way), Line>,
    connecting: BTreeMap<ConnectionId, (IpAddr, Way)>,
    last_connection: u64,
    /// Ways that OPTIONS found out of service, and why.
    down: BTreeMap<Way, OutOfService>,
}

impl Trunks {
    /// Why OPTIONS found a destination out of service; `None` where it did not.
    pub(super) fn why_down(&self, way: &Way) -> Option<OutOfService> {
        self.down.get(way).copied()
    }

    /// Whether a node has a connection that stands.
    pub(super) fn is_open(&self, node: IpAddr, way: Way) -> bool {
        matches!(self.lines.get(&(node, way)), Some(Line::Open(_)))
    }

    /// All connections that stand, by the node's address.
    pub(super) fn open(&self) -> Vec<(IpAddr, Way)> {
        let open = self.lines.iter().filter(|(_, line)| matches!(line, Line::Open(_)));
        open.map(|(known, _)| known.clone()).collect()
    }

    /// A node has no connections any more; the ways whose ping waited for one.
    pub(super) fn forget_node(&mut self, node: IpAddr) -> Vec<Way> {
        self.connecting.retain(|_, (from, _)| *from != node);
        let gone = self.lines.extract_if(.., |(from, _), _| *from == node);
        let waits = |line: &Line| matches!(line, Line::Connecting { ping: true, .. });
        gone.filter(|(_, line)| waits(line)).map(|((_, way), _)| way).collect()
    }
}

#[derive(Debug)]
enum Line {
    Connecting { waiting: Vec<LegId>, ping: bool },
    Open(FlowId),
}

impl Engine {
    /// The open connection of a way; without one it is opened, and the leg is paid when it is there.
    pub(super) fn connect(&mut self, way: Way, leg: LegId) -> Option<FlowId> {
        let node = self.address_of(leg);
        if let Some(Line::Open(flow)) = self.trunks.lines.get(&(node, way.clone())) {
            return Some(*flow);
        }
        if let Some(waiting) = self.wait_for(node, way)
            && !waiting.0.contains(&leg)
        {
            waiting.0.push(leg);
        }
        None
    }

    /// Who waits for a connection that is being opened; it is asked for if it is not yet.
    fn wait_for(&mut self, node: IpAddr, way: Way) -> Option<(&mut Vec<LegId>, &mut bool)> {
        let line = (node, way.clone());
        if !self.trunks.lines.contains_key(&line) {
            let transport = self.transport_to(&way.0)?;
            self.trunks.last_connection += 1;
            let connection = ConnectionId(self.trunks.last_connection);
            self.decided.push_back(Output::Connect { connection, from: node, trunk: way.0, transport, to: way.1 });
            self.trunks.connecting.insert(connection, line.clone());
            self.trunks.lines.insert(line.clone(), Line::Connecting { waiting: Vec::new(), ping: false });
        }
        match self.trunks.lines.get_mut(&line) {
            Some(Line::Connecting { waiting, ping }) => Some((waiting, ping)),
            _ => None,
        }
    }

    pub(super) fn on_connected(&mut self, now: Instant, connection: ConnectionId, flow: FlowId) {
        let Some((address, way)) = self.trunks.connecting.remove(&connection) else {
            self.decided.push_back(Output::Close { flow });
            return;
        };
        let node = self.trunk_node(&way.0, address);
        let known = Flow {
            transport: node.transport,
            local: node.local,
            peer: way.1,
            certificate: None,
            device: None,
            way: Some(way.clone()),
            beside: Vec::new(),
        };
        self.flows.insert(flow, known);
        let before = self.trunks.lines.insert((address, way.clone()), Line::Open(flow));
        if let Some(Line::Connecting { waiting, ping }) = before {
            for leg in waiting {
                self.pay(now, leg);
            }
            if ping {
                self.send_ping(now, &way, flow);
            }
        }
    }

    pub(super) fn on_connect_failed(&mut self, now: Instant, connection: ConnectionId, failure: &ConnectFailure) {
        let Some((address, way)) = self.trunks.connecting.remove(&connection) else {
            return;
        };
        if self.transport_to(&way.0) == Some(Transport::Tls) {
            self.event(CucmEvent::TrunkTls { trunk: Some(way.0.clone()), peer: way.1, failure: failure.clone() });
        }
        if let Some(Line::Connecting { waiting, ping }) = self.trunks.lines.remove(&(address, way.clone())) {
            if ping {
                self.on_ping_unanswered(now, &way, failure);
            }
            for leg in waiting {
                self.on_leg_unreachable(now, leg, failure);
            }
        }
    }

    pub(super) fn on_trunk_closed(&mut self, way: &Way, flow: FlowId, why: Option<&ConnectFailure>) {
        self.trunks.lines.retain(|_, line| !matches!(line, Line::Open(open) if *open == flow));
        if let Some(failure) = why
            && self.transport_to(&way.0) == Some(Transport::Tls)
        {
            self.event(CucmEvent::TrunkTls { trunk: Some(way.0.clone()), peer: way.1, failure: failure.clone() });
        }
    }

    /// The node with this address as the peers of a trunk see it.
    pub(super) fn trunk_node(&self, name: &str, address: IpAddr) -> Node {
        let profile = self.config.trunk(name).and_then(|trunk| self.config.security_profile_of(trunk));
        let transport = profile.map_or(Transport::Tcp, |profile| profile.outgoing_transport.outgoing());
        let mut local = SocketAddr::new(address, self.config.local(transport == Transport::Tls).port());
        if let Some(profile) = profile {
            local.set_port(self.config.incoming_port_of(profile));
        }
        Node { release: self.config.release, local, transport, is_trunk: true }
    }

    pub(super) fn transport_to(&self, name: &str) -> Option<Transport> {
        let profile = self.config.security_profile_of(self.config.trunk(name)?)?;
        Some(profile.outgoing_transport.outgoing())
    }

    /// Whether OPTIONS found a destination out of service.
    pub(super) fn is_down(&self, way: &Way) -> bool {
        self.trunks.down.contains_key(way)
    }

    pub(super) fn plan_pings(&mut self, now: Instant) {
        for trunk in &self.config.trunks {
            if ping_of(&self.config, trunk).is_none() {
                continue;
            }
            for destination in &trunk.destinations {
                let way = (trunk.name.clone(), SocketAddr::new(destination.address, destination.port));
                self.steps.plan(now, Step::Ping(way));
            }
        }
    }

    /// The first node that lives asks for all.
    pub(super) fn ping(&mut self, now: Instant, way: &Way) {
        let address = self.first_node();
        if let Some(Line::Open(flow)) = self.trunks.lines.get(&(address, way.clone())) {
            let flow = *flow;
            self.send_ping(now, way, flow);
        } else if let Some((_, ping)) = self.wait_for(address, way.clone()) {
            *ping = true;
        }
    }

    fn send_ping(&mut self, now: Instant, way: &Way, flow: FlowId) {
        let node = self.trunk_node(&way.0, self.first_node());
        let wall = self.wall(now);
        let thread = Thread {
            uri: format!("sip:{}", way.1),
            branch: self.identifiers.branch(),
            from: format!("<sip:{}>;tag={}", node.host(), self.identifiers.plain_tag()),
            to: format!("<sip:{}>", host(way.1.ip())),
            date: crate::text::date(wall),
            call_id: self.identifiers.call_id(wall, node.local.ip()),
            cseq: 101,
            routes: Vec::new(),
        };
        let key = self.endpoint.send_request(now, flow, node.transport, trunk::options(&node, &thread));
        self.asked.insert(key, Asked::Ping(way.clone()));
        self.pings += 1;
    }

    /// A destination is out of service on no answer, 408, 503 or a connection that fails; any other answer shows that it lives
    /// (Cisco Collaboration Preferred Architecture).
    pub(super) fn on_ping_answer(&mut self, now: Instant, way: &Way, status: u16) {
        if status >= 200 {
            let out_of_service = matches!(status, 408 | 503).then_some(OutOfService::Remote(status));
            self.on_ping_result(now, way, out_of_service);
        }
    }

    /// No answer came, or there is no connection (Cisco Unified Communications Manager Managed Services Guide, alarm SIPTrunkOOS).
    pub(super) fn on_ping_unanswered(&mut self, now: Instant, way: &Way, failure: &ConnectFailure) {
        let is_silent = failure.rule == "timeout";
        let why = if is_silent { OutOfService::RequestTimeout } else { OutOfService::NoConnection };
        self.on_ping_result(now, way, Some(why));
    }

    fn on_ping_result(&mut self, now: Instant, way: &Way, out_of_service: Option<OutOfService>) {
        let before = match out_of_service {
            Some(why) => self.trunks.down.insert(way.clone(), why),
            None => self.trunks.down.remove(way),
        };
        let in_service = out_of_service.is_none();
        if before.is_some() == in_service {
            let (trunk, destination) = way.clone();
            self.alarm_of_trunk(way);
            self.event(CucmEvent::DestinationStatus { trunk, destination, in_service });
        }
        let ping = self.config.trunk(&way.0).and_then(|trunk| ping_of(&self.config, trunk));
        if let Some(OptionsPing { in_service: up, out_of_service: down }) = ping {
            self.steps.plan(now + if in_service { up } else { down }, Step::Ping(way.clone()));
        }
    }
}

fn ping_of(config: &crate::Config, trunk: &SipTrunk) -> Option<OptionsPing> {
    config.sip_profile_of(trunk)?.options_ping
}
