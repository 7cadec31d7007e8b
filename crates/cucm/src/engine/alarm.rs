//! Which of CUCM's alarms an event is worth.

use std::net::SocketAddr;

use super::Engine;
use super::recording::Recording;
use super::rules::Ending;
use super::trunk::Way;
use crate::event::{Alarm, CucmEvent, OutOfService, RecordingId};

impl Engine {
    /// The alarm about a recording that is over: one that never came about, or one that ended while its call went on as it was.
    pub(super) fn alarm_of(id: RecordingId, recording: &Recording, why: &Ending) -> Option<Alarm> {
        // What happened to the call is no trouble of the recording's.
        let why = why.trouble()?;
        let (near, reason) = (recording.metadata.near.clone(), why.why.clone());
        match (recording.started, why.rule.as_str()) {
            (true, rule) if UNEXPECTED.contains(&rule) => {
                Some(Alarm::RecordingSessionTerminatedUnexpectedly { recording: id, near, reason })
            }
            (true, _) => None,
            (false, "bridge") => Some(Alarm::RecordingResourcesNotAvailable { recording: id, near, reason }),
            (false, "gateway") => Some(Alarm::RecordingGatewaySessionFailed { recording: id, near, reason }),
            (false, _) => Some(Alarm::RecordingCallSetupFail { recording: id, near, reason }),
        }
    }

    /// The state of a trunk after one of its destinations went out of service, or came back.
    pub(super) fn alarm_of_trunk(&mut self, way: &Way) {
        let Some(trunk) = self.config.trunk(&way.0) else {
            return;
        };
        let all = trunk.destinations.iter().map(|to| (way.0.clone(), SocketAddr::new(to.address, to.port)));
        let (name, count) = (way.0.clone(), trunk.destinations.len());
        let peers: Vec<(SocketAddr, OutOfService)> =
            all.filter_map(|way| Some((way.1, self.trunks.why_down(&way)?))).collect();
        let alarm = match peers.len() {
            0 => Alarm::SipTrunkInService { trunk: name },
            down if down < count => Alarm::SipTrunkPartiallyInService { trunk: name, peers },
            _ => Alarm::SipTrunkOutOfService { trunk: name, peers },
        };
        self.event(CucmEvent::Alarm(alarm));
    }
}

/// Rules by which a recording ends that nobody in the call asked for.
const UNEXPECTED: [&str; 4] = ["recorder-bye", "session-refresh", "ack", "bridge"];
