//! Gateways at which CUCM is registered as an application that may fork media: none but those can be had to do it.
//!
//! | the gateway's answer to the registration | alarm | calls through it |
//! |---|---|---|
//! | 2xx | none | are forked where the table of `sources` says so |
//! | any other | RecordingGatewayRegistrationRejected | have their next source |
//! | none in time, or no connection | RecordingGatewayRegistrationTimeout | have their next source |
//!
//! The request is in Cisco's Unified Communications Gateway Services API Guide, the alarms in its Real-Time Monitoring Tool guide. That
//! CUCM registers with the first call through a gateway, and with the next one again where that came to nothing, is inferred; so is that
//! a recording waits for the answer meanwhile.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Instant;

use crate::config::RecordingInformation;
use crate::event::{Alarm, CucmEvent};
use crate::text::xmf;

use super::call::CallSide;
use super::leg::LegId;
use super::ports::PostId;
use super::steps::Step;
use super::trunk::Way;
use super::{Engine, Output};

/// What is known of gateways, by their trunks and destinations.
#[derive(Debug, Default)]
pub(super) struct Gateways {
    known: BTreeMap<Way, Registration>,
    /// Sides of calls whose recording waits for an answer.
    waiting: Vec<(Way, u32, CallSide)>,
}

/// CUCM's registration at a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Registration {
    Asked(PostId),
    Accepted,
    Refused,
}

impl Engine {
    /// A call goes through a trunk. Where recording-enabled gateways are behind it, CUCM registers there.
    pub(super) fn register_at_gateway(&mut self, way: &Way) {
        let trunk = self.config.trunk(&way.0);
        let is_enabled = trunk.is_some_and(|trunk| trunk.recording_information == RecordingInformation::Gateways);
        let stands = matches!(self.gateways.known.get(way), Some(Registration::Asked(_) | Registration::Accepted));
        if !is_enabled || stands {
            return;
        }
        self.last_post += 1;
        let post = PostId(self.last_post);
        let to = SocketAddr::new(way.1.ip(), xmf::PORT);
        let body =
            xmf::register(&format!("{}:{}", xmf::TRANSACTION, post.0), self.config.release, self.config.address, to);
        self.gateways.known.insert(way.clone(), Registration::Asked(post));
        self.decided.push_back(Output::Post { post, to, request: xmf::post(to, &body) });
    }

    /// How CUCM stands with the gateway on this leg; `None` where there is none.
    pub(super) fn gateway_on(&self, leg: LegId) -> Option<Registration> {
        self.gateways.known.get(&self.outside.get(&leg)?.way).copied()
    }

    /// A recording waits for what the gateway on this leg answers.
    pub(super) fn await_gateway(&mut self, leg: LegId, number: u32, side: CallSide) {
        if let Some(outside) = self.outside.get(&leg) {
            self.gateways.waiting.push((outside.way.clone(), number, side));
        }
    }

    /// What a gateway answered to the registration. False where that was not asked.
    pub(super) fn on_gateway_registered(&mut self, now: Instant, post: PostId, answer: &Result<u16, String>) -> bool {
        let asked = |entry: &(&Way, &mut Registration)| *entry.1 == Registration::Asked(post);
        let Some((way, known)) = self.gateways.known.iter_mut().find(asked) else {
            return false;
        };
        let (way, gateway) = (way.clone(), way.1);
        let trunk = way.0.clone();
        let alarm = match answer {
            Ok(200..=299) => None,
            Ok(status) => {
                let reason = format!("the gateway answered {status} to the registration");
                Some(Alarm::RecordingGatewayRegistrationRejected { trunk, gateway, reason })
            }
            Err(why) => Some(Alarm::RecordingGatewayRegistrationTimeout { trunk, gateway, reason: why.clone() }),
        };
        *known = if alarm.is_none() { Registration::Accepted } else { Registration::Refused };
        if let Some(alarm) = alarm {
            self.event(CucmEvent::Alarm(alarm));
        }
        for (_, number, side) in self.gateways.waiting.extract_if(.., |waiting| waiting.0 == way) {
            self.steps.plan(now, Step::Record(number, side));
        }
        true
    }
}
