//! Time passes, and phones do things to media.

use std::time::Duration;

use cucm::CucmEvent;
use cucm::config::RocAtReKey;
use media::ledger::Leg;
use phone::{BridgeChange, Fault, RollOver};

use super::cast::Cast;
use crate::file::{ChangedStream, Inject, Injected, StreamChange};
use crate::run::error::SetupError;

/// In which two packets come, however much each holds.
const BELIEVED: Duration = Duration::from_millis(200);

impl Cast<'_> {
    /// Presses keys, and lets the time pass that they take.
    pub(super) async fn dtmf(&mut self, line: usize, phone: usize, digits: &str) -> Result<(), SetupError> {
        match self.phones[phone].dtmf(digits).await {
            Ok(time) => {
                self.talk(time).await;
                Ok(())
            }
            Err(why) => self.done(line, phone, "press keys", Err(why)),
        }
    }

    pub(super) async fn mute(&self, line: usize, phone: usize, off: bool) -> Result<(), SetupError> {
        let muted = self.phones[phone].mute(off).await;
        self.done(line, phone, "mute", muted)
    }

    pub(super) fn inject(&mut self, inject: &Inject) {
        self.tell(format!("injected: {:?}", inject.what));
        let phone = &self.phones[inject.phone];
        for leg in inject.legs.iter().copied() {
            phone.inject(fault(inject.what, leg));
        }
        self.misbehaving.push((inject.phone, self.net.clock().now() + inject.lasts));
        self.misbehaving.sort_by_key(|(_, until)| *until);
    }

    /// Changes the streams of a phone's bridge, and has CUCM tell the recorder of it where it must know.
    pub(super) async fn change_streams(&mut self, line: usize, change: StreamChange) -> Result<String, SetupError> {
        let StreamChange { phone, what } = change;
        let (since, running) = (self.events.len(), self.running_at(phone));
        let (told, is_agreed_on) = match what {
            ChangedStream::Key { roll_over } => {
                let roll_over = match roll_over.unwrap_or(self.scenario.cluster.dialect.roc_at_re_key) {
                    RocAtReKey::Keep => RollOver::Keep,
                    RocAtReKey::Reset => RollOver::Reset,
                };
                (BridgeChange::Key(roll_over), true)
            }
            ChangedStream::Codec(codec) => (BridgeChange::Codec(super::boot::phone_codec(codec)), true),
            ChangedStream::PacketTime(time) => (BridgeChange::PacketTime(time), true),
            ChangedStream::Source => (BridgeChange::Source, false),
            ChangedStream::Sequence => (BridgeChange::Sequence, false),
        };
        let changed = self.phones[phone].change_bridge(told).await;
        self.done(line, phone, "change its streams", changed)?;
        if is_agreed_on {
            self.cucm.change_media(&self.device(phone));
            // A recorder that refuses has its recording ended.
            let settles = |event: &CucmEvent| match event {
                CucmEvent::RecordingChanged { recording, .. } => running.contains(recording),
                CucmEvent::RecordingEnded { recording, .. } => running.contains(recording),
                _ => false,
            };
            let all = |events: &[CucmEvent]| {
                let ended = |event: &CucmEvent| matches!(event, CucmEvent::RecordingEnded { .. });
                let weight = |event: &CucmEvent| if ended(event) { 2 } else { 1 };
                events.iter().filter(|event| settles(event)).map(weight).sum::<usize>() >= 2 * running.len()
            };
            self.all_heard(line, since, "both streams agreed on anew", all).await?;
        } else {
            // In clear one packet alone is believed by nobody (RFC 3550 §A.1).
            self.talk(BELIEVED).await;
        }
        Ok(format!("{} has other streams: {what:?}", self.name(phone)))
    }

    /// The recordings of a phone that run.
    fn running_at(&self, phone: usize) -> Vec<cucm::RecordingId> {
        let device = self.device(phone);
        let of_phone = self.running().map(|running| running.started).filter(|started| started.near.device == device);
        of_phone.map(|started| started.recording).collect()
    }

    /// Lets time pass; who was told to misbehave for a while behaves again when that has passed.
    pub(super) async fn talk(&mut self, time: Duration) {
        let end = self.net.clock().now() + time;
        while let Some((phone, until)) = self.misbehaving.first().copied().filter(|(_, until)| *until < end) {
            self.net.clock().sleep_until(until).await;
            self.phones[phone].behave();
            self.misbehaving.remove(0);
        }
        self.net.clock().sleep_until(end).await;
    }
}

fn fault(what: Injected, leg: Leg) -> Fault {
    match what {
        Injected::PlainRtp => Fault::Plain { leg, instead: false },
        Injected::FlippedTag { every } => Fault::BadTag { leg, every },
        Injected::Replay { every } => Fault::Replay { leg, every, back: 5 },
        Injected::Forged { times } => Fault::Forge { leg, times },
        Injected::Silence { stalls } => Fault::Silence { leg, stalls },
        Injected::Loss => Fault::Loss { leg },
        Injected::Stale => Fault::Stale { leg },
    }
}
