//! What CUCM reports, with the time at which it did: the story may be busy with a step meanwhile.

use cucm::{Cucm, CucmEvent};
use tokio::sync::mpsc;
use wire::Clock;

/// Everything that a cluster has reported and nobody has taken yet.
pub(super) struct Hearing {
    inbox: mpsc::UnboundedReceiver<(u64, CucmEvent)>,
}

impl Hearing {
    /// Listens to a cluster until it stops.
    pub(super) fn of(cucm: &mut Cucm, clock: Clock) -> Self {
        let (heard, inbox) = mpsc::unbounded_channel();
        let mut events = cucm.take_events();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let at = clock.since_epoch_us(clock.now());
                if heard.send((at, event)).is_err() {
                    return;
                }
            }
        });
        Self { inbox }
    }

    /// The next event and when it was reported, in microseconds since the start of the run; `None` for now.
    pub(super) fn next(&mut self) -> Option<(u64, CucmEvent)> {
        self.inbox.try_recv().ok()
    }
}
