//! What CUCM reported, in words.

use std::net::SocketAddr;

use cucm::{CucmEvent, RecordingStarted, Sender};

/// What is told of an event; most are not.
pub(super) fn in_words(event: &CucmEvent) -> Option<String> {
    match event {
        CucmEvent::RecordingStarted(started) => {
            let RecordingStarted { near, far, refci, near_leg, .. } = &**started;
            let media = match near_leg.protection {
                cucm::Protection::Rtp => "RTP".to_owned(),
                cucm::Protection::Srtp(suite) => format!("SRTP, {}", suite.name()),
            };
            let (a, b) = (&near.number, &far.number);
            Some(format!("recording of {a} with {b} is up (refci {refci}, {}, {media})", near_leg.codec))
        }
        CucmEvent::RecordingHalf { leg, half } => {
            Some(format!("of the recording of {} only the {} dialog stood", half.near.number, leg.name()))
        }
        CucmEvent::RecordingFailed(failed) => Some(format!("recording failed: {} ({})", failed.why, failed.rule)),
        CucmEvent::RecordingSourceFailed { why, .. } => {
            Some(format!("recording begins anew with its next source: {} ({})", why.why, why.rule))
        }
        CucmEvent::RecordingUpdated { far, farendrefci, .. } => {
            Some(format!("recording goes on with {} as its far end (farendrefci {farendrefci})", far.number))
        }
        CucmEvent::Conferenced(made) => {
            let members: Vec<&str> = made.members.iter().map(|(_, party)| party.number.as_str()).collect();
            Some(format!("{} are in conference {}", members.join(", "), made.bridge.number))
        }
        CucmEvent::ConferenceDropped { bridge, parties: [one, other], .. } => {
            Some(format!("{} and {} are left of conference {}", one.number, other.number, bridge.number))
        }
        CucmEvent::Transferred(done) => {
            let (by, party, target) = (&done.by.number, &done.party.number, &done.target.number);
            Some(format!("{party} talks with {target}, to which {by} has transferred it"))
        }
        CucmEvent::TransferFailed { by, status, why, .. } => {
            Some(format!("the transfer by {} failed: {why} ({status})", by.number))
        }
        CucmEvent::Alarm(alarm) => Some(format!("CUCM raises the alarm {}", alarm.name())),
        CucmEvent::NodeFailed { node, lost } => {
            Some(format!("node {node} has failed, and {} recordings with it", lost.len()))
        }
        CucmEvent::NodeRestored { node } => Some(format!("node {node} is there again")),
        CucmEvent::RecordingEnded { why, .. } => Some(format!("recording ended: {why}")),
        CucmEvent::DestinationStatus { trunk, destination, in_service } => {
            let status = if *in_service { "in service" } else { "out of service" };
            Some(format!("OPTIONS ping: {destination} of {trunk} is {status}"))
        }
        CucmEvent::Malformed { from, peer, what } => Some(format!("{} sent {what}", sender(from, *peer))),
        CucmEvent::TrunkTls { failure, .. } => Some(format!("trunk: {} ({})", failure.why, failure.rule)),
        _ => None,
    }
}

/// Who sent something to CUCM.
pub(in crate::run) fn sender(from: &Sender, peer: SocketAddr) -> String {
    match from {
        Sender::Phone(device) => format!("phone {device} ({peer})"),
        Sender::Trunk(trunk) => format!("{trunk} ({peer})"),
        Sender::Stranger => format!("a stranger ({peer})"),
    }
}
