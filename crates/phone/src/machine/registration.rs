//! Registration and its refresh, which is also the keep-alive (Cisco SIP Line Messaging Guide; CUCM grants 120 s).

use std::time::{Duration, Instant};

use sip::{ClientKey, Message};

use super::{Machine, REGISTER_DELTA, Timer};
use crate::identifiers::{Identifiers, NO_SESSION};
use crate::status::PhoneEvent;
use crate::text::{self, Registering};

/// The registration: one Call-ID and tag for its whole life.
#[derive(Debug)]
pub(super) struct Registration {
    call_id: String,
    tag: String,
    session: String,
    cseq: u32,
    pending: Option<ClientKey>,
    is_registered: bool,
    is_ending: bool,
}

impl Registration {
    pub(super) fn new(ids: &mut Identifiers) -> Self {
        Self {
            call_id: ids.call_id(),
            tag: ids.tag(),
            session: ids.session(),
            cseq: 100,
            pending: None,
            is_registered: false,
            is_ending: false,
        }
    }

    pub(super) fn is_registered(&self) -> bool {
        self.is_registered
    }

    pub(super) fn awaits(&self, key: &ClientKey) -> bool {
        self.pending.as_ref() == Some(key)
    }
}

impl Machine {
    /// Sends REGISTER: the first, or a refresh.
    pub(crate) fn register(&mut self, now: Instant) {
        let what = if self.registration.is_registered { Registering::Refresh } else { Registering::First };
        self.send_register(now, what);
        self.run_endpoint(now);
    }

    pub(super) fn unregister(&mut self, now: Instant) {
        self.timers.retain(|(_, timer)| *timer != Timer::Register);
        self.registration.is_ending = true;
        self.send_register(now, Registering::End);
    }

    fn send_register(&mut self, now: Instant, what: Registering) {
        self.registration.cseq += 1;
        let session = (self.registration.session.clone(), NO_SESSION.to_owned());
        let stamp = self.stamp(now, self.registration.cseq, session);
        let Self { profile, registration, .. } = self;
        let request = text::register(profile, &registration.tag, &registration.call_id, &stamp, what);
        let key = self.send(now, request);
        self.registration.pending = Some(key);
    }

    pub(super) fn on_registration_answer(&mut self, now: Instant, answer: &Message) {
        match answer.status().unwrap_or(0) {
            0..200 => {}
            200..300 => self.on_registered(now, answer),
            code => {
                let reason = answer.reason().unwrap_or_default();
                let warning = answer.header("Warning").map(|warning| format!(" ({warning})")).unwrap_or_default();
                self.on_registration_failed(now, format!("cucm answered REGISTER with {code} {reason}{warning}"));
            }
        }
    }

    fn on_registered(&mut self, now: Instant, answer: &Message) {
        self.registration.pending = None;
        if self.registration.is_ending {
            return self.lose_registration("ended by the phone".to_owned());
        }
        let expires = granted(answer).max(1);
        let granted = Duration::from_secs(u64::from(expires));
        let refresh = granted.checked_sub(REGISTER_DELTA).filter(|rest| *rest > REGISTER_DELTA).unwrap_or(granted / 2);
        self.set_timer(now + refresh, Timer::Register);
        self.registration.is_registered = true;
        self.event(PhoneEvent::Registered { expires });
    }

    pub(super) fn on_registration_failed(&mut self, now: Instant, why: String) {
        self.registration.pending = None;
        self.lose_registration(why);
        if !self.registration.is_ending {
            self.set_timer(now + RETRY, Timer::Register);
        }
    }

    pub(super) fn lose_registration(&mut self, why: String) {
        self.registration.is_registered = false;
        self.timers.retain(|(_, timer)| *timer != Timer::Register);
        self.event(PhoneEvent::Unregistered { why });
    }
}

/// Seconds that CUCM granted: the Contact's own, else the header's, else CUCM's usual 120.
fn granted(answer: &Message) -> u32 {
    let contact = answer.contact().ok().flatten();
    let own = contact.and_then(|contact| contact.params.get("expires").and_then(|text| text.parse().ok()));
    own.or_else(|| answer.expires().ok().flatten()).unwrap_or(120)
}

/// How long a phone waits before it registers again after a failure.
const RETRY: Duration = Duration::from_secs(30);
