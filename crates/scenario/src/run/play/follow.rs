//! Phones and recordings become what the paper says.

use std::time::Duration;

use cucm::config::ConferenceBridge;
use cucm::{CucmEvent, Party, RecordingId, RecordingStarted};
use phone::{CallState, PhoneState};

use super::cast::Cast;
use super::ways;
use crate::file::paper::{Far, Recording};
use crate::run::addresses::device_name;
use crate::run::error::SetupError;

/// How long a phone may take to reach a state that takes no time.
pub(in crate::run) const SOON: Duration = Duration::from_secs(10);
/// 64 times T1 (RFC 3261 §17.1.1.2) and a little: after this CUCM has given up on a recorder.
pub(in crate::run) const RECORDING_DECIDED: Duration = Duration::from_secs(40);
/// Between two looks at what CUCM reported.
pub(super) const LOOK: Duration = Duration::from_millis(20);

/// A recording that CUCM has started, with the far end that it has now.
pub(super) struct Running<'a> {
    pub(super) started: &'a RecordingStarted,
    far: &'a Party,
}

/// Something that CUCM did not do behind a step, though it was time.
pub(super) struct Astray {
    line: usize,
    what: Undone,
}

#[derive(PartialEq, Eq)]
enum Undone {
    Begin(Recording),
    End(RecordingId),
}

impl Cast<'_> {
    /// Waits for every phone that shows something else than `before` on paper.
    pub(super) async fn phones_follow(&self, line: usize, before: &[(PhoneState, bool)]) -> Result<(), SetupError> {
        for (phone, before) in before.iter().enumerate() {
            let wanted = self.paper.display(phone);
            if wanted == *before {
                continue;
            }
            let name = self.name(phone);
            let waited = self.handset(phone).wait_for(wanted.0, SOON).await;
            waited
                .map_err(|e| SetupError::Step { line, what: format!("phone `{name}`, as CUCM was to have it: {e}") })?;
            self.calls_follow(line, phone, wanted.1).await?;
        }
        Ok(())
    }

    /// Waits until a phone has another call beside its active one, or none.
    async fn calls_follow(&self, line: usize, who: usize, has_two: bool) -> Result<(), SetupError> {
        // A party outside has one call.
        let Some(phone) = self.phones.get(who) else { return Ok(()) };
        let deadline = self.net.clock().now() + SOON;
        while (phone.status().other != CallState::Idle) != has_two {
            if self.net.clock().now() >= deadline {
                let calls = if has_two { "two calls" } else { "one call or none" };
                let what = format!("phone `{}`: expected {calls}, got {:?}", self.name(who), phone.status());
                return Err(SetupError::Step { line, what });
            }
            self.net.clock().sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until CUCM knows of the calls that the phones have.
    pub(super) async fn cucm_knows(&self, line: usize) -> Result<(), SetupError> {
        // To CUCM a barge is a call of its own.
        if self.paper.has_guest() {
            return Ok(());
        }
        let deadline = self.net.clock().now() + SOON;
        // A preserved call is nobody's but its phones'.
        for phone in (0..self.phones.len()).filter(|phone| !self.paper.is_cut_off(*phone)) {
            let (device, calls) = (self.device(phone), self.paper.calls_at(phone));
            // A cluster that has stopped says so elsewhere.
            while let Ok(known) = self.cucm.calls_at(&device).await
                && known != calls
            {
                if self.net.clock().now() >= deadline {
                    let what =
                        format!("phone `{}`: CUCM was to know of {calls} calls, knows of {known}", self.name(phone));
                    return Err(SetupError::Step { line, what });
                }
                self.net.clock().sleep(LOOK).await;
            }
        }
        Ok(())
    }

    /// Waits until CUCM has no dialog any more: one that is still being ended has its number.
    pub(super) async fn all_over(&self) {
        let deadline = self.net.clock().now() + RECORDING_DECIDED;
        // A cluster that has stopped says so elsewhere.
        while let Ok(false) = self.cucm.is_idle().await
            && self.net.clock().now() < deadline
        {
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// Waits until CUCM reports, behind the first `since` events, what a step is to bring about.
    pub(super) async fn heard(
        &mut self,
        line: usize,
        since: usize,
        what: &str,
        is_it: impl Fn(&CucmEvent) -> bool,
    ) -> Result<(), SetupError> {
        self.all_heard(line, since, what, |events| events.iter().any(&is_it)).await
    }

    /// The same where it takes more than one event.
    pub(super) async fn all_heard(
        &mut self,
        line: usize,
        since: usize,
        what: &str,
        are_all: impl Fn(&[CucmEvent]) -> bool,
    ) -> Result<(), SetupError> {
        let deadline = self.net.clock().now() + SOON;
        loop {
            self.listen();
            let events: Vec<CucmEvent> = self.events.iter().skip(since).map(|(_, event)| event.clone()).collect();
            if are_all(&events) {
                return Ok(());
            }
            if self.net.clock().now() >= deadline {
                return Err(SetupError::Step { line, what: format!("expected {what} within {SOON:?}, got nothing") });
            }
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// Waits until CUCM has reported so many such events behind the first `since`; what comes of it is judged later.
    pub(super) async fn await_events(&mut self, since: usize, count: usize, is_it: impl Fn(&CucmEvent) -> bool) {
        let deadline = self.net.clock().now() + RECORDING_DECIDED;
        loop {
            self.listen();
            let got = self.events.iter().skip(since).filter(|(_, event)| is_it(event)).count();
            if got >= count || self.net.clock().now() >= deadline {
                return;
            }
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// Waits until the recordings that run are those on paper: all others have ended, and those have been started or given up. What
    /// CUCM leaves undone by the deadline is noted.
    pub(super) async fn recordings_follow(&mut self, line: usize, since: usize) {
        self.begun_at.resize(self.paper.begun(), since);
        let deadline = self.net.clock().now() + RECORDING_DECIDED * ways(self.scenario);
        loop {
            self.listen();
            let left = self.left_to_do();
            if left.is_empty() {
                return;
            }
            if self.net.clock().now() >= deadline {
                self.astray.extend(left.into_iter().map(|what| Astray { line, what }));
                return;
            }
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// What CUCM has still to do until its recordings are those on paper, but for what it did not do before.
    fn left_to_do(&self) -> Vec<Undone> {
        let mut extra: Vec<Running<'_>> = self.running().collect();
        let mut left = Vec::new();
        for wanted in self.paper.recordings() {
            match extra.iter().position(|running| self.is(wanted, running)) {
                Some(at) => drop(extra.remove(at)),
                None if self.is_given_up(wanted) => {}
                None => left.push(Undone::Begin(wanted.clone())),
            }
        }
        left.extend(extra.iter().map(|running| Undone::End(running.started.recording)));
        left.retain(|undone| self.astray.iter().all(|known| known.what != *undone));
        left
    }

    /// What CUCM left undone to the end, in words. A recording that was given up later is the recorder's.
    pub(super) fn gone_astray(&self) -> Vec<String> {
        let words = |Astray { line, what }: &Astray| match what {
            Undone::Begin(wanted) if self.is_given_up(wanted) => None,
            Undone::Begin(wanted) => Some(format!("line {line}: CUCM was to record {}", self.name(wanted.phone))),
            Undone::End(RecordingId(id)) => Some(format!("line {line}: CUCM was to end its recording {id}")),
        };
        self.astray.iter().filter_map(words).collect()
    }

    /// Whether a recording that was to begin has failed, or has begun and ended before its time: the recorder's doing, or the
    /// network's.
    fn is_given_up(&self, wanted: &Recording) -> bool {
        let device = device_name(wanted.phone);
        let since = self.begun_at.get(wanted.number - 1).copied().unwrap_or_default();
        let events = || self.events.iter().skip(since).map(|(_, event)| event);
        let began = |id: RecordingId| {
            events().any(|event| match event {
                CucmEvent::RecordingStarted(started) => started.recording == id && started.near.device == device,
                _ => false,
            })
        };
        events().any(|event| match event {
            CucmEvent::RecordingFailed(failed) => failed.near.device == device,
            // One dialog alone, for whichever reason.
            CucmEvent::RecordingHalf { half, .. } => half.near.device == device,
            CucmEvent::RecordingEnded { recording, .. } => began(*recording),
            _ => false,
        })
    }

    /// Whether a recording on paper is this one of CUCM's.
    fn is(&self, wanted: &Recording, running: &Running<'_>) -> bool {
        let is_far = match wanted.far {
            // Behind one trunk the number tells parties apart.
            Far::Phone(far) if self.scenario.site_of(far).is_some() => {
                running.far.device == self.device(far) && running.far.number == self.number(far)
            }
            Far::Phone(far) | Far::Focus(far) => running.far.device == self.device(far),
            Far::Bridge(_) => running.far.device == ConferenceBridge::software().name,
        };
        is_far && running.started.near.device == self.device(wanted.phone)
    }

    /// Recordings that were started and have not ended.
    pub(super) fn running(&self) -> impl Iterator<Item = Running<'_>> {
        let mut running: Vec<Running<'_>> = Vec::new();
        for (_, event) in &self.events {
            match event {
                CucmEvent::RecordingStarted(started) => running.push(Running { started, far: &started.far }),
                CucmEvent::RecordingUpdated { recording, far, .. } => {
                    let known = running.iter_mut().find(|running| running.started.recording == *recording);
                    if let Some(known) = known {
                        known.far = far;
                    }
                }
                CucmEvent::RecordingEnded { recording, .. } => {
                    running.retain(|running| running.started.recording != *recording);
                }
                CucmEvent::NodeFailed { lost, .. } => {
                    running.retain(|running| !lost.contains(&running.started.recording));
                }
                _ => {}
            }
        }
        running.into_iter()
    }
}
