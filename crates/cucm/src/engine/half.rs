//! Recordings of which one dialog did not come about.

use std::time::Instant;

use super::Engine;
use super::dialogs::NORMAL;
use super::recording::Recording;
use super::rules::{Happening, Verdict, verdict};
use crate::event::{ConnectFailure, RecordingId};
use crate::text::recording::End;

impl Engine {
    /// Every way of this end's dialog was tried. By the table the recording fails, or the other dialog goes on by itself.
    pub(super) fn on_leg_failed(&mut self, now: Instant, id: RecordingId, end: End, why: &ConnectFailure) {
        let keeps = verdict(Happening::LegFails, &self.config.dialect) == Verdict::Keep;
        // A gateway forks both voices or none.
        let has_other = |recording: &&mut Recording| recording.gateway.is_none() && recording.alone.is_none();
        let Some(recording) = self.recordings.get_mut(&id).filter(|_| keeps).filter(has_other) else {
            return self.end_recording(now, id, why, NORMAL, false);
        };
        recording.alone = Some(end.other());
        let strand = recording.strand_mut(end);
        let legs = [strand.recorder.take(), strand.bridge.take()];
        for leg in legs.into_iter().flatten() {
            self.clear_leg(now, leg, NORMAL);
        }
        // The other one may stand already.
        self.announce(now, id);
    }
}
