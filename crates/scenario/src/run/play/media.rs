//! Time passes, and phones do things to media.

use std::time::Duration;

use media::ledger::Leg;
use phone::Fault;

use super::cast::Cast;
use crate::file::{Inject, Injected};
use crate::run::error::SetupError;

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
    }
}
