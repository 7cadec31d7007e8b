//! The timetable of what CUCM does a little later.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::event::RecordingId;
use crate::text::recording::End;

use super::call::CallSide;
use super::leg::LegId;
use super::trunk::Way;

/// Something to do later. Whoever carries it out looks whether it is still wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A registration is too old, unless it was refreshed.
    Expire(String),
    /// The called phone has rung long enough.
    NoAnswer(u32),
    /// The phones that ring since this leg was called have done so long enough to forward the call.
    ForwardNoAnswer(LegId),
    /// Start the recording of this side of a call.
    Record(u32, CallSide),
    /// INVITE the phone's bridge.
    Bridge(RecordingId, End),
    /// INVITE the recorder.
    Recorder(RecordingId, End),
    /// Ask the bridge for its offer.
    BridgeOffer(RecordingId, End),
    /// Match the two offers and answer the phone.
    Join(RecordingId, End),
    /// ACK the recorder.
    RecorderAck(RecordingId, End),
    /// Agree on a stream's media anew.
    MediaChange(RecordingId, End),
    /// Tell the recorder again what the phone has offered.
    Reoffer(RecordingId, End),
    /// Make a conference of a phone's two calls, or add the second one's other phone to it.
    Confer(LegId, LegId),
    /// Try a re-INVITE again that crossed one of the phone's.
    Retry(u32, CallSide),
    /// The target of a transfer has rung long enough.
    TransferNoAnswer(u32, LegId),
    /// The phone on this leg parks its call.
    Park(LegId),
    /// A call that is still parked at this number rings where it was parked.
    ParkReversion(u32, String),
    /// OPTIONS ping.
    Ping(Way),
    /// Refresh the session of a recorder's dialog, if it is still the one of this generation.
    Refresh(LegId, u64),
    /// A session that nobody refreshed is over.
    SessionOver(LegId, u64),
    /// A subscription that was to hold until then is over.
    Unsubscribe(LegId, Instant),
}

/// Steps by their time; steps of one time in the order in which they were planned.
#[derive(Debug, Default)]
pub(super) struct Steps {
    planned: BTreeMap<(Instant, u64), Step>,
    count: u64,
}

impl Steps {
    pub(super) fn plan(&mut self, at: Instant, step: Step) {
        self.count += 1;
        self.planned.insert((at, self.count), step);
    }

    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Step> {
        let first = self.planned.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    pub(super) fn first(&self) -> Option<Instant> {
        self.planned.first_key_value().map(|((at, _), _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn steps_come_by_time_and_then_in_the_order_they_were_planned() {
        let start = Instant::now();
        let later = start + Duration::from_millis(5);
        let mut steps = Steps::default();
        steps.plan(later, Step::NoAnswer(1));
        steps.plan(start, Step::NoAnswer(2));
        steps.plan(later, Step::NoAnswer(3));
        assert_eq!(steps.pop_due(start), Some(Step::NoAnswer(2)));
        assert_eq!(steps.pop_due(start), None);
        assert_eq!(steps.first(), Some(later));
        assert_eq!(steps.pop_due(later), Some(Step::NoAnswer(1)));
        assert_eq!(steps.pop_due(later), Some(Step::NoAnswer(3)));
    }
}
