//! The recordings that CUCM set up, and which messages belong to them.

use media::ledger::Leg;

use super::since;
use crate::evidence::{Evidence, Recording};
use crate::kept::{Party, Session, SessionLeg};

/// Adds the recordings, and says of each message of their dialogs which one it is of.
pub(super) fn recordings(evidence: &mut Evidence, sessions: &[Session], began_us: u64) {
    evidence.recordings = sessions.iter().map(|session| recording(session, began_us)).collect();
    for message in evidence.messages.iter_mut().filter(|message| !message.call_id.is_empty()) {
        let ids = |recording: &Recording| {
            recording.call_ids.contains(&message.call_id) || recording.bridge_call_ids.contains(&message.call_id)
        };
        message.recording = evidence.recordings.iter().position(ids);
    }
}

fn recording(session: &Session, began_us: u64) -> Recording {
    let legs = Leg::ALL.map(|leg| session.leg(leg));
    Recording {
        label: session.label(),
        near: party(&session.near),
        far: party(&session.far),
        refci: session.refci,
        started_us: since(session.started_us, began_us),
        ended_us: session.ended_us.map(|at| since(at, began_us)),
        ended_by_recorder: session.ended_by_recorder.unwrap_or_default(),
        call_ids: legs.map(|leg| leg.recorder_call_id.clone()),
        bridge_call_ids: legs.map(|leg| leg.bridge_call_id.clone()),
        media: legs.map(media_of),
    }
}

fn party(party: &Party) -> String {
    format!("{} {}", party.number, party.device).trim().to_owned()
}

fn media_of(leg: &SessionLeg) -> String {
    format!("{}, {}", leg.codec, leg.suite.map_or("RTP in clear", |suite| suite.name()))
}
