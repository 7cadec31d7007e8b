//! The story of one scenario: everyone boots, the steps happen, everyone goes home.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use cucm::{Cucm, CucmEvent, RecordingStarted, Sender};
use media::ledger::{Ledger, Leg};
use media::signal::Voice;
use phone::{Fault, MediaClock, Phone, PhoneState};
use wire::{Impairment, Net, Route};

use super::addresses::{Addresses, device_name};
use super::bystander::Bystander;
use super::error::SetupError;
use super::hearing::Hearing;
use super::lateness;
use super::live::Share;
use super::stage::{self, Certificates};
use super::subject::{Ground, Left, Subject};
use crate::file::{self, Action, Codec, Inject, Injected, Says, Scenario, Step};
use crate::outcome::{Happening, Lateness};
use crate::under_test::UnderTest;

/// How long a phone may take to reach a state that takes no time.
const SOON: Duration = Duration::from_secs(10);
/// 64 times T1 (RFC 3261 §17.1.1.2) and a little: after this CUCM has given up on a recorder.
const RECORDING_DECIDED: Duration = Duration::from_secs(40);
/// Between two looks at what CUCM reported.
const LOOK: Duration = Duration::from_millis(20);

/// What a played scenario left behind.
pub(super) struct Played {
    pub(super) story: Vec<Happening>,
    pub(super) events: Vec<(u64, CucmEvent)>,
    pub(super) ledger: Ledger,
    pub(super) lateness: Lateness,
    pub(super) duration_ms: u64,
    pub(super) recorder: Left,
    pub(super) cucm: cucm::Summary,
    pub(super) phones: Vec<phone::Summary>,
}

/// Where a scenario is played.
pub(super) struct Place<'a> {
    pub(super) net: Net,
    /// Paces the media of all phones.
    pub(super) clock: MediaClock,
    pub(super) addresses: Addresses,
    /// Where the recorder writes.
    pub(super) folder: &'a Path,
    pub(super) seed: u64,
    pub(super) share: Share<'a>,
    pub(super) bystander: Option<&'a Bystander>,
}

/// Plays `scenario` against the recorder under test.
pub(super) async fn play(under_test: &UnderTest, scenario: &Scenario, place: Place<'_>) -> Result<Played, SetupError> {
    let bystander = place.bystander;
    let mut cast = Cast::gather(under_test, scenario, place).await?;
    let busy = bystander.map(|bystander| bystander.start(&cast.net));
    for step in &scenario.steps {
        cast.take(scenario, step).await?;
    }
    drop(busy);
    cast.go_home().await
}

struct Cast<'a> {
    net: Net,
    recorder: Subject,
    cucm: Cucm,
    hearing: Hearing,
    /// When the scenario began, in microseconds since the start of the run.
    began_us: u64,
    clock: MediaClock,
    phones: Vec<Phone>,
    calls: Vec<(usize, usize)>,
    /// Phones that misbehave, and until when.
    misbehaving: Vec<(usize, Instant)>,
    events: Vec<(u64, CucmEvent)>,
    story: Vec<Happening>,
    share: Share<'a>,
}

impl<'a> Cast<'a> {
    async fn gather(under_test: &UnderTest, scenario: &Scenario, place: Place<'a>) -> Result<Self, SetupError> {
        let Place { net, clock, addresses, folder, seed, share, bystander: _ } = place;
        let mut certificates = Certificates::make(scenario, addresses, net.clock().wall())?;
        let ground = Ground { net: &net, addresses, folder, seed };
        let (recorder, peer) = Subject::start(under_test, scenario, &mut certificates, ground).await?;
        let config = stage::cluster(scenario, &certificates, &peer, addresses);
        let began_us = net.clock().since_epoch_us(net.clock().now());
        let mut cucm = cucm::start(net.clone(), config, seed ^ 1).await.map_err(|e| start("CUCM", &e))?;
        let net_clock = net.clock().clone();
        let mut cast = Self {
            net,
            recorder,
            hearing: Hearing::of(&mut cucm, net_clock),
            cucm,
            began_us,
            clock,
            phones: Vec::new(),
            calls: Vec::new(),
            misbehaving: Vec::new(),
            events: Vec::new(),
            story: Vec::new(),
            share,
        };
        for index in 0..scenario.phones.len() {
            cast.boot(scenario, index, &certificates, addresses, seed).await?;
        }
        cast.tell(format!("{} phones are registered", cast.phones.len()));
        Ok(cast)
    }

    async fn boot(
        &mut self,
        scenario: &Scenario,
        index: usize,
        certificates: &Certificates,
        addresses: Addresses,
        seed: u64,
    ) -> Result<(), SetupError> {
        let asked = &scenario.phones[index];
        let tftp = (addresses.cucm(), addresses.tftp_port).into();
        let voice = voice(&asked.says, seed ^ (index as u64 + 11))?;
        let device = device_name(index);
        let mut config = phone::Config::new(&device, addresses.phone(index), tftp, voice, self.clock.clone());
        config.identity = Some(certificates.phones[index].clone());
        config.suites.clone_from(&asked.suites);
        config.codecs = asked.codecs.iter().map(|codec| phone_codec(*codec)).collect();
        config.first.sequence = asked.first_sequence;
        if !scenario.network.is_clean() {
            let route = Route::new(addresses.phone(index), addresses.recorder());
            self.net.set_impairment(route, impairment(&scenario.network));
        }
        let phone = phone::boot(self.net.clone(), config, seed ^ (index as u64 + 101))
            .await
            .map_err(|e| start(&format!("phone `{}` ({device})", asked.name), &e))?;
        self.phones.push(phone);
        Ok(())
    }

    async fn take(&mut self, scenario: &Scenario, step: &Step) -> Result<(), SetupError> {
        let line = step.line;
        let name = |index: &usize| scenario.phones[*index].name.as_str();
        match &step.action {
            Action::Call { from, to } => {
                self.tell(format!("{} calls {}", name(from), name(to)));
                let dialled = self.phones[*from].dial(&scenario.phones[*to].line).await;
                dialled.map_err(|e| not(line, name(from), "dial", &e))?;
                self.wait(line, name(to), *to, PhoneState::Ringing).await?;
                self.calls.push((*from, *to));
                self.share.set_calls(self.calls.len());
            }
            Action::Answer(index) => {
                self.phones[*index].answer().await.map_err(|e| not(line, name(index), "answer", &e))?;
                let Some((from, to)) = self.calls.iter().copied().find(|(_, to)| to == index) else { return Ok(()) };
                self.wait(line, name(&to), to, PhoneState::Connected).await?;
                self.wait(line, name(&from), from, PhoneState::Connected).await?;
                self.tell(format!("{} answered, {} is connected", name(&to), name(&from)));
                let recorded = [from, to].iter().filter(|p| scenario.phones[**p].recorded).count();
                self.decided(recorded).await;
            }
            Action::Hold(index) => {
                self.phones[*index].hold().await.map_err(|e| not(line, name(index), "hold", &e))?;
                self.wait(line, name(index), *index, PhoneState::Held).await?;
                self.tell(format!("{} holds", name(index)));
                if let Some(lines) = self.lines_of(scenario, *index) {
                    self.ended(lines).await;
                }
            }
            Action::Resume(index) => {
                self.phones[*index].resume().await.map_err(|e| not(line, name(index), "resume", &e))?;
                self.wait(line, name(index), *index, PhoneState::Connected).await?;
                self.tell(format!("{} resumed", name(index)));
                let call = self.calls.iter().copied().find(|(from, to)| from == index || to == index);
                let parties = call.into_iter().flat_map(|(from, to)| [from, to]);
                self.decided(parties.filter(|p| scenario.phones[*p].recorded).count()).await;
            }
            Action::Wait(time) => {
                self.tell(format!("wait for {time:?}"));
                self.talk(*time).await;
            }
            Action::Talk(time) => {
                self.tell(format!("talk for {time:?}"));
                self.talk(*time).await;
            }
            Action::HangUp(index) => {
                self.phones[*index].hang_up().await.map_err(|e| not(line, name(index), "hang up", &e))?;
                let at = self.calls.iter().position(|(from, to)| from == index || to == index);
                let ended = at.map(|at| self.calls.remove(at));
                if let Some((from, to)) = ended {
                    self.wait(line, name(&from), from, PhoneState::Idle).await?;
                    self.wait(line, name(&to), to, PhoneState::Idle).await?;
                }
                self.share.set_calls(self.calls.len());
                self.tell(format!("{} hung up", name(index)));
                if let Some((from, to)) = ended {
                    self.ended([&scenario.phones[from].line, &scenario.phones[to].line]).await;
                }
            }
            Action::Inject(inject) => self.inject(inject),
        }
        self.listen();
        Ok(())
    }

    /// The lines of the call that a phone is in.
    fn lines_of<'s>(&self, scenario: &'s Scenario, phone: usize) -> Option<[&'s str; 2]> {
        let (from, to) = self.calls.iter().copied().find(|(from, to)| *from == phone || *to == phone)?;
        Some([&scenario.phones[from].line, &scenario.phones[to].line])
    }

    fn inject(&mut self, inject: &Inject) {
        self.tell(format!("injected: {:?}", inject.what));
        let phone = &self.phones[inject.phone];
        for leg in inject.legs.iter().copied() {
            phone.inject(fault(inject.what, leg));
        }
        self.misbehaving.push((inject.phone, self.net.clock().now() + inject.lasts));
        self.misbehaving.sort_by_key(|(_, until)| *until);
    }

    /// Lets time pass; who was told to misbehave for a while behaves again when that has passed.
    async fn talk(&mut self, time: Duration) {
        let end = self.net.clock().now() + time;
        while let Some((phone, until)) = self.misbehaving.first().copied().filter(|(_, until)| *until < end) {
            self.net.clock().sleep_until(until).await;
            self.phones[phone].behave();
            self.misbehaving.remove(0);
        }
        self.net.clock().sleep_until(end).await;
    }

    async fn wait(&self, line: usize, name: &str, phone: usize, state: PhoneState) -> Result<(), SetupError> {
        let waited = self.phones[phone].wait_for(state, SOON).await;
        waited.map(drop).map_err(|e| SetupError::Step { line, what: format!("phone `{name}`: {e}") })
    }

    /// Waits until CUCM has started or given up `more` recordings beyond those already decided.
    async fn decided(&mut self, more: usize) {
        let before = self.count(is_decision);
        let deadline = self.net.clock().now() + RECORDING_DECIDED;
        while self.count(is_decision) < before + more && self.net.clock().now() < deadline {
            self.net.clock().sleep(LOOK).await;
            self.listen();
        }
    }

    /// Waits until every recording of the call between two lines has ended.
    async fn ended(&mut self, lines: [&str; 2]) {
        let deadline = self.net.clock().now() + SOON;
        loop {
            self.listen();
            if self.running_between(lines) == 0 || self.net.clock().now() >= deadline {
                return;
            }
            self.net.clock().sleep(LOOK).await;
        }
    }

    /// Lets the last BYEs arrive. Whoever still has a dialog after that has leaked it, which its summary tells.
    async fn settle(&self) {
        let deadline = self.net.clock().now() + SOON;
        let left = |clock: &wire::Clock| deadline.saturating_duration_since(clock.now());
        for phone in &self.phones {
            // A phone that does not come to rest says so in its summary.
            let _ = phone.wait_for(PhoneState::AtRest, left(self.net.clock())).await;
        }
        self.recorder.quiet(left(self.net.clock())).await;
    }

    /// Recordings that were started and have not ended.
    fn running(&self) -> impl Iterator<Item = &RecordingStarted> {
        let has_ended = |id| {
            self.events
                .iter()
                .any(|(_, e)| matches!(e, CucmEvent::RecordingEnded { recording, .. } if *recording == id))
        };
        let started = self.events.iter().filter_map(|(_, event)| match event {
            CucmEvent::RecordingStarted(started) => Some(&**started),
            _ => None,
        });
        started.filter(move |started| !has_ended(started.recording))
    }

    fn running_between(&self, [one, other]: [&str; 2]) -> usize {
        let ends = |started: &RecordingStarted| {
            let (near, far) = (started.near.number.as_str(), started.far.number.as_str());
            (near, far) == (one, other) || (near, far) == (other, one)
        };
        self.running().filter(|started| ends(started)).count()
    }

    fn count(&self, what: impl Fn(&CucmEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| what(event)).count()
    }

    fn listen(&mut self) {
        while let Some((at, event)) = self.hearing.next() {
            if let Some(told) = in_words(&event) {
                self.tell_at(at, told);
            }
            self.events.push((at, event));
        }
        let running = self.running().count();
        self.share.set_recordings(running);
    }

    fn tell(&mut self, what: String) {
        let now = self.net.clock().since_epoch_us(self.net.clock().now());
        self.tell_at(now, what);
    }

    fn tell_at(&mut self, at_us: u64, what: String) {
        self.story.push(Happening { at_ms: at_us.saturating_sub(self.began_us) / 1000, what });
    }

    async fn go_home(mut self) -> Result<Played, SetupError> {
        self.settle().await;
        let mut ledger = Ledger::default();
        let mut phones = Vec::new();
        for phone in self.phones.drain(..) {
            let device = phone.device().to_owned();
            let (streams, summary) = phone.finish().await.map_err(|e| start(&device, &e))?;
            ledger.streams.extend(streams.streams);
            phones.push(summary);
        }
        self.listen();
        let now = self.net.clock().since_epoch_us(self.net.clock().now());
        let duration_ms = now.saturating_sub(self.began_us) / 1000;
        let lateness = lateness::of(&ledger);
        let cucm = self.cucm.stop().await;
        let recorder = self.recorder.finish(&self.events).await;
        let (mut story, events) = (self.story, self.events);
        story.sort_by_key(|happening| happening.at_ms);
        Ok(Played { story, events, ledger, lateness, duration_ms, recorder, cucm, phones })
    }
}

fn is_decision(event: &CucmEvent) -> bool {
    matches!(event, CucmEvent::RecordingStarted(_) | CucmEvent::RecordingFailed(_))
}

fn in_words(event: &CucmEvent) -> Option<String> {
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
        CucmEvent::RecordingFailed(failed) => Some(format!("recording failed: {} ({})", failed.why, failed.rule)),
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
pub(super) fn sender(from: &Sender, peer: SocketAddr) -> String {
    match from {
        Sender::Phone(device) => format!("phone {device} ({peer})"),
        Sender::Trunk(trunk) => format!("{trunk} ({peer})"),
        Sender::Stranger => format!("a stranger ({peer})"),
    }
}

pub(super) fn start(who: &str, why: &dyn std::error::Error) -> SetupError {
    let mut text = why.to_string();
    let mut next = why.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    SetupError::Start { who: who.to_owned(), why: text }
}

fn not(line: usize, phone: &str, verb: &str, why: &phone::CommandError) -> SetupError {
    SetupError::Step { line, what: format!("phone `{phone}` could not {verb}: {why}") }
}

fn fault(what: Injected, leg: Leg) -> Fault {
    match what {
        Injected::PlainRtp => Fault::Plain { leg, instead: false },
        Injected::FlippedTag { every } => Fault::BadTag { leg, every },
        Injected::Replay { every } => Fault::Replay { leg, every, back: 5 },
        Injected::Forged { times } => Fault::Forge { leg, times },
    }
}

const fn phone_codec(codec: Codec) -> phone::Codec {
    match codec {
        Codec::Pcmu => phone::Codec::Pcmu,
        Codec::Pcma => phone::Codec::Pcma,
        Codec::G729 => phone::Codec::G729,
    }
}

fn impairment(network: &file::Network) -> Impairment {
    Impairment {
        loss: network.loss,
        burst: (network.burst > 1.0).then(|| wire::Burst {
            enter: network.loss / network.burst,
            leave: 1.0 / network.burst,
            loss: 1.0,
        }),
        delay: network.delay,
        jitter: network.jitter,
        reorder: network.reorder,
        duplicate: network.duplicate,
        ..Impairment::default()
    }
}

/// The two bundled speakers, so that the program speaks without any file beside it.
const SPEAKERS: [&[u8]; 2] = [
    include_bytes!("../../../../testdata/speech/agent.wav"),
    include_bytes!("../../../../testdata/speech/customer.wav"),
];

fn voice(says: &Says, identity: u64) -> Result<Voice, SetupError> {
    let (file, samples) = match says {
        Says::Speaker(number) => (format!("speaker {number}"), file::speech_of(SPEAKERS[number % 2])),
        Says::File(path) => (path.display().to_string(), file::speech(path)),
    };
    let samples = samples.map_err(|why| SetupError::Speech { file, why })?;
    Ok(Voice::speech(samples, identity))
}

#[cfg(test)]
mod tests {
    use super::super::live::Live;
    use super::*;

    const CALL: &str = r#"
scenario: A call that ends in a hurry
phones:
  agent:    { line: "2000", security: encrypted, recording: automatic }
  customer: { line: "1000", security: encrypted }
steps:
  - call: { from: customer, to: agent }
  - answer: agent
  - talk: 1s
  - hang up: agent
"#;

    #[test]
    fn the_last_byes_are_waited_for_on_the_way_home() {
        let scenario = file::parse(CALL).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let runtime = wire::simulation_runtime().unwrap();
        let played = runtime.block_on(async {
            let net = Net::simulated(wire::SimOptions::default());
            let (clock, live) = (MediaClock::start(&net), Live::default());
            let (addresses, share) = (Addresses::simulated(), Share::of(&live));
            let place = Place { net, clock, addresses, folder: folder.path(), seed: 1, share, bystander: None };
            let mut cast = Cast::gather(&UnderTest::Bundled, &scenario, place).await.unwrap();
            let (_, before) = scenario.steps.split_last().unwrap();
            for step in before {
                cast.take(&scenario, step).await.unwrap();
            }
            cast.phones[0].hang_up().await.unwrap();
            cast.go_home().await.unwrap()
        });
        assert_eq!(played.phones.iter().map(|p| p.open_bridges).sum::<usize>(), 0);
        let Left::Bundled(recorder) = played.recorder else { panic!("expected the bundled recorder") };
        assert_eq!((recorder.dialogs_open, recorder.recordings_open), (0, 0));
        assert_eq!(recorder.recordings.len(), 1);
    }
}
