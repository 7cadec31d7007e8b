//! The recording notification tone: a beep every 15 s while a recording runs.
//!
//! 47 CFR §64.501 has 1400 Hz (± 10 %) for 200 ms (± 20 %) at intervals of 12 to 15 s, as loud as the speech. Who hears it is the service
//! parameters' *Play Recording Notification Tone to Observed Target* and *Connected Target* (Cisco, Feature Configuration Guide,
//! Recording). That the built-in bridge copies what each of the two hears, beeps included, is inferred.

use media::signal::Voice;

use super::guest::Frame;
use crate::config::RecordingTone;

/// Packet times from one beep to the next, and of one: 15 s, 200 ms.
const EVERY: u32 = 750;
const LASTS: u32 = 10;
const HERTZ: f64 = 1400.0;
const DBFS: f64 = -20.0;

/// The beeps of one call.
pub(super) struct Beeper {
    pub(super) to: RecordingTone,
    ticks: u32,
    voice: Voice,
}

impl Beeper {
    pub(super) fn new(to: RecordingTone) -> Self {
        Self { to, ticks: 0, voice: Voice::tone(HERTZ, DBFS) }
    }

    /// The tone of the next 20 ms: none where nothing is recorded, which begins anew when something is.
    pub(super) fn next(&mut self, is_recorded: bool) -> Option<Frame> {
        if !is_recorded || !(self.to.observed || self.to.connected) {
            self.ticks = 0;
            return None;
        }
        let is_on = self.ticks % EVERY < LASTS;
        self.ticks = self.ticks.wrapping_add(1);
        is_on.then(|| {
            let mut frame = [0; super::FRAME];
            self.voice.next_frame(&mut frame);
            frame
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_beeps_for_a_fifth_of_a_second_every_fifteen_while_something_is_recorded() {
        let mut beeper = Beeper::new(RecordingTone { observed: true, connected: false });
        assert!((0..100).all(|_| beeper.next(false).is_none()));
        let on: Vec<usize> = (0..1600).filter(|_| beeper.next(true).is_some()).collect();
        let expected: Vec<usize> = (0..10).chain(750..760).chain(1500..1510).collect();
        assert_eq!(on, expected);
        beeper.next(false);
        assert!(beeper.next(true).is_some(), "another recording begins with a beep");
        assert!(Beeper::new(RecordingTone::default()).next(true).is_none());
    }
}
