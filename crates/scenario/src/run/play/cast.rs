//! Everybody in a scenario, and what they have done so far.

use std::time::{Duration, Instant};

use cucm::{Cucm, CucmEvent};
use media::ledger::Ledger;
use phone::outside::Outside;
use phone::{CommandError, MediaClock, Phone, PhoneState};
use wire::Net;

use super::follow::{Astray, RECORDING_DECIDED, SOON};
use super::words::in_words;
use super::{Asked, Place, Played, Spoilt, start};
use crate::file::paper::Paper;
use crate::file::{Action, Renumbered, Scenario, Step};
use crate::outcome::Happening;
use crate::run::addresses::{Addresses, device_name};
use crate::run::destinations::Destinations;
use crate::run::error::SetupError;
use crate::run::hearing::Hearing;
use crate::run::judge::recorder_faults;
use crate::run::lateness;
use crate::run::live::Share;
use crate::run::outside::Sites;
use crate::run::stage::{self, Certificates};
use crate::run::subject::{Ground, Subject};
use crate::under_test::UnderTest;

pub(super) struct Cast<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) net: Net,
    pub(super) recorder: Subject,
    pub(super) destinations: Destinations,
    pub(super) addresses: Addresses,
    pub(super) cucm: Cucm,
    hearing: Hearing,
    /// When the scenario began, in microseconds since the start of the run.
    began_us: u64,
    pub(super) clock: MediaClock,
    pub(super) phones: Vec<Phone>,
    /// What stands behind trunks for calls.
    pub(super) sites: Vec<Outside>,
    /// The calls as they are to be.
    pub(super) paper: Paper,
    /// How many events there were when each recording on paper was to begin, by its number.
    pub(super) begun_at: Vec<usize>,
    /// How many other clusters there were.
    clusters: usize,
    /// Phones that misbehave, and until when.
    pub(super) misbehaving: Vec<(usize, Instant)>,
    pub(super) events: Vec<(u64, CucmEvent)>,
    pub(super) asked: Vec<Asked>,
    pub(super) astray: Vec<Astray>,
    story: Vec<Happening>,
    share: Share<'a>,
}

impl<'a> Cast<'a> {
    pub(super) async fn gather(
        under_test: &UnderTest,
        scenario: &'a Scenario,
        place: Place<'a>,
    ) -> Result<Self, SetupError> {
        let Place { net, clock, addresses, folder, seed, share, bystander: _, journal } = place;
        let mut certificates = Certificates::make(scenario, addresses, net.clock().wall())?;
        let ground = Ground { net: &net, addresses, folder, seed };
        let (recorder, peer) = Subject::start(under_test, scenario, &mut certificates, ground).await?;
        let destinations = Destinations::start(scenario, &certificates, (&net, addresses), folder, seed).await?;
        let mut config = stage::cluster(scenario, &certificates, &peer, addresses);
        let sites = Sites::make(scenario, addresses, net.clock().wall())?;
        sites.configure(&mut config);
        let began_us = net.clock().since_epoch_us(net.clock().now());
        journal.begin(began_us);
        let mut cucm = cucm::start(net.clone(), config, seed ^ 1).await.map_err(|e| start("CUCM", &e))?;
        let net_clock = net.clock().clone();
        let mut cast = Self {
            scenario,
            net,
            recorder,
            destinations,
            addresses,
            hearing: Hearing::of(&mut cucm, net_clock),
            cucm,
            began_us,
            clock,
            phones: Vec::new(),
            sites: Vec::new(),
            paper: Paper::of(scenario),
            begun_at: Vec::new(),
            clusters: 0,
            misbehaving: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            astray: Vec::new(),
            story: Vec::new(),
            share,
        };
        cast.disturb();
        for index in 0..scenario.phones.len() {
            cast.boot(scenario, index, &certificates, addresses, seed).await?;
        }
        let call_manager = &certificates.call_manager.certificate;
        cast.sites = sites.open((&cast.net, &cast.clock), call_manager, seed).await?;
        cast.tell(format!("{} phones are registered", cast.phones.len()));
        Ok(cast)
    }

    /// Takes a step: its verb is done, then phones and recordings are waited for. What came of it is told between the two.
    pub(super) async fn take(&mut self, step: &Step) -> Result<(), SetupError> {
        let line = step.line;
        let since = self.events.len();
        let before: Vec<_> = (0..self.scenario.everybody().count()).map(|who| self.paper.display(who)).collect();
        let told = self.act(line, &step.action).await?;
        let impossible = |e: crate::file::paper::Impossible| SetupError::Step { line, what: e.message };
        self.paper.take(&step.action).map_err(impossible)?;
        self.phones_follow(line, &before).await?;
        self.homes_follow(line).await?;
        if matches!(step.action, Action::HangUp(_)) {
            // The next call may come to CUCM over another connection.
            self.cucm_knows(line).await?;
        }
        if let Some(told) = told {
            self.tell(told);
        }
        self.share.set_calls(self.paper.calls());
        self.recordings_follow(line, since).await;
        self.listen();
        Ok(())
    }

    /// Does what a verb says; what is to be told once the phones have followed.
    async fn act(&mut self, line: usize, action: &Action) -> Result<Option<String>, SetupError> {
        match action {
            Action::Call { from, to } => self.call(line, *from, *to).await.map(|()| None),
            Action::Answer(phone) => {
                self.answer(line, *phone).await?;
                Ok(Some(format!("{} answered", self.name(*phone))))
            }
            Action::HangUp(phone) => {
                self.hang_up(line, *phone).await?;
                Ok(Some(format!("{} hung up", self.name(*phone))))
            }
            Action::Hold(phone) => {
                self.hold(line, *phone).await?;
                Ok(Some(format!("{} holds", self.name(*phone))))
            }
            Action::Resume(phone) => {
                self.resume(line, *phone).await?;
                Ok(Some(format!("{} resumed", self.name(*phone))))
            }
            Action::Transfer { by, to } => {
                self.transfer(line, *by, *to).await?;
                Ok(Some(format!("{} transfers its call to {}", self.name(*by), self.name(*to))))
            }
            Action::Consult { by, to } => {
                self.consult(line, *by, *to).await?;
                Ok(Some(format!("{} holds and calls {}", self.name(*by), self.name(*to))))
            }
            Action::CompleteTransfer(by) => {
                self.complete_transfer(line, *by).await?;
                Ok(Some(format!("{} has completed its transfer", self.name(*by))))
            }
            Action::Barge(phone) => {
                self.barge(line, *phone).await?;
                Ok(Some(format!("{} has barged in", self.name(*phone))))
            }
            Action::CBarge(phone) => {
                self.c_barge(line, *phone).await?;
                Ok(Some(format!("{} has barged in by a conference", self.name(*phone))))
            }
            Action::Conference(by) => {
                self.conference(line, *by).await?;
                Ok(Some(format!("{} has made the conference", self.name(*by))))
            }
            Action::Dtmf { by, digits } => {
                self.tell(format!("{} presses {digits}", self.name(*by)));
                self.dtmf(line, *by, digits).await.map(|()| None)
            }
            Action::Mute(phone, off) => {
                self.mute(line, *phone, *off).await?;
                Ok(Some(format!("{} is {}", self.name(*phone), if *off { "muted" } else { "heard again" })))
            }
            Action::TransferOutside { from, to, told } => {
                self.transfer_outside(line, *from, *to, *told).await?;
                Ok(Some(format!("{} talks in the place of {}", self.name(*to), self.name(*from))))
            }
            Action::ConferOutside { by, with, number } => {
                self.confer_outside(line, *by, with, number.as_deref()).await?;
                Ok(Some(format!("{} has made a conference", self.name(*by))))
            }
            Action::LeaveOutside(party) => {
                self.leave_outside(line, *party).await?;
                Ok(Some(format!("{} has left its conference", self.name(*party))))
            }
            Action::StartRecording { on, by } => {
                self.start_recording(line, *on, *by).await?;
                Ok(Some(format!("a recording of {} was started", self.name(*on))))
            }
            Action::StopRecording(phone) => {
                self.stop_recording(line, *phone).await?;
                Ok(Some(format!("the recording of {} was stopped", self.name(*phone))))
            }
            Action::Park(phone) => {
                self.park(line, *phone).await?;
                Ok(Some(format!("{} parked the call", self.name(*phone))))
            }
            Action::ParkAt { by, at } => {
                self.park_at(line, *by, *at).await?;
                Ok(Some(format!("{} transferred the call to park number {at}", self.name(*by))))
            }
            Action::Retrieve { by, parked_by } => {
                self.retrieve(line, *by, *parked_by).await?;
                Ok(Some(format!("{} retrieved the call that {} parked", self.name(*by), self.name(*parked_by))))
            }
            Action::PickUp(phone) => {
                self.pick_up(line, *phone).await?;
                Ok(Some(format!("{} picked the call up", self.name(*phone))))
            }
            Action::Drop { by, party } => {
                self.drop_member(line, *by, *party).await?;
                Ok(Some(format!("{} dropped {} from the conference", self.name(*by), self.name(*party))))
            }
            Action::Redirect { call_of, to } => {
                self.redirect(line, *call_of, *to).await?;
                Ok(Some(format!("the call of {} was redirected to {}", self.name(*call_of), self.name(*to))))
            }
            Action::Wait(time) => {
                self.tell(format!("wait for {time:?}"));
                self.talk(*time).await;
                Ok(None)
            }
            Action::Talk(time) => {
                self.tell(format!("talk for {time:?}"));
                self.talk(*time).await;
                Ok(None)
            }
            Action::Inject(inject) => {
                self.inject(inject);
                Ok(None)
            }
            Action::CloseConnection(how) => {
                self.close_connection(*how);
                Ok(None)
            }
            Action::CucmSends { request, leg } => {
                self.cucm_sends(*request, *leg).await;
                Ok(None)
            }
            Action::RecorderDoes { deed, leg } => self.recorder_does(line, *deed, *leg).await.map(|()| None),
            Action::Destination { index, is_up } => self.destination(*index, *is_up).await.map(|()| None),
            Action::Hook(hook) => self.hook(line, *hook).await.map(|()| None),
            Action::FailNode(failure) => self.fail_node(line, *failure).await.map(|()| None),
            Action::RestoreNode(node) => self.restore_node(line, *node).await.map(|()| None),
            Action::Renumber(why) => {
                self.all_over().await;
                let is_other = *why == Renumbered::OtherCluster;
                self.clusters += usize::from(is_other);
                self.cucm.renumber(is_other.then(|| format!("OtherCluster{}", self.clusters)));
                Ok(Some(format!("CUCM gives out call identifiers again: {why:?}")))
            }
            Action::ChangeStreams(change) => self.change_streams(line, *change).await.map(Some),
        }
    }

    pub(super) fn name(&self, phone: usize) -> &'a str {
        self.scenario.everybody().nth(phone).map_or("", |who| who.name.as_str())
    }

    /// The cluster, as an application sees it.
    pub(super) fn cucm(&self) -> &Cucm {
        &self.cucm
    }

    /// The device as CUCM names it: that of a party outside is the trunk.
    pub(super) fn device(&self, phone: usize) -> String {
        match self.scenario.site_of(phone) {
            Some((site, _)) => self.scenario.outside[site].name.clone(),
            None => device_name(phone),
        }
    }

    /// What a phone's user was told, as the outcome of a step.
    pub(super) fn done(
        &self,
        line: usize,
        phone: usize,
        verb: &str,
        result: Result<(), CommandError>,
    ) -> Result<(), SetupError> {
        let name = self.name(phone);
        result.map_err(|why| SetupError::Step { line, what: format!("phone `{name}` could not {verb}: {why}") })
    }

    /// Lets the last BYEs arrive. Whoever still has a dialog after that has leaked it, which its summary tells.
    async fn settle(&self) {
        let deadline = self.net.clock().now() + SOON;
        let left = |clock: &wire::Clock| deadline.saturating_duration_since(clock.now());
        for phone in &self.phones {
            // A phone that does not come to rest says so in its summary.
            let _ = phone.wait_for(PhoneState::AtRest, left(self.net.clock())).await;
        }
        // An INVITE that was given up with its connection may come again by another one for 64*T1, for all that its recorder knows (RFC
        // 3261 §17.1.1.2): so long it keeps what it has of it.
        let lost_one = |(_, event): &(u64, CucmEvent)| match event {
            CucmEvent::RecordingFailed(failed) => failed.rule == "closed",
            _ => false,
        };
        let patience = if self.events.iter().any(lost_one) { RECORDING_DECIDED } else { Duration::ZERO };
        self.recorder.quiet(left(self.net.clock()).max(patience)).await;
        self.destinations.quiet(left(self.net.clock())).await;
    }

    /// Takes in what CUCM has reported.
    pub(super) fn listen(&mut self) {
        while let Some((at, event)) = self.hearing.next() {
            if let Some(told) = in_words(&event) {
                self.tell_at(at, told);
            }
            self.events.push((at, event));
        }
        let running = self.running().count();
        self.share.set_recordings(running);
    }

    /// Microseconds since the start of the run.
    pub(super) fn now_us(&self) -> u64 {
        self.net.clock().since_epoch_us(self.net.clock().now())
    }

    pub(super) fn tell(&mut self, what: String) {
        self.tell_at(self.now_us(), what);
    }

    fn tell_at(&mut self, at_us: u64, what: String) {
        self.story.push(Happening { at_ms: at_us.saturating_sub(self.began_us) / 1000, what });
    }

    /// A step could not be taken. Where the recorder had failed before, that is why; all else is the harness's own trouble.
    pub(super) async fn stopped(mut self, stopped: SetupError) -> Result<Spoilt, SetupError> {
        self.listen();
        let findings = recorder_faults(self.scenario, &self.addresses, &self.events);
        if findings.is_empty() || !matches!(stopped, SetupError::Step { .. }) {
            return Err(stopped);
        }
        let duration_ms = self.now_us().saturating_sub(self.began_us) / 1000;
        self.story.sort_by_key(|happening| happening.at_ms);
        Ok(Spoilt { findings, stopped, story: self.story, duration_ms })
    }

    pub(super) async fn go_home(mut self) -> Result<Played, SetupError> {
        self.settle().await;
        let mut ledger = Ledger::default();
        let mut phones = Vec::new();
        for phone in self.phones.drain(..) {
            let device = phone.device().to_owned();
            let (streams, summary) = phone.finish().await.map_err(|e| start(&device, &e))?;
            ledger.streams.extend(streams.streams);
            phones.push(summary);
        }
        for site in self.sites.drain(..) {
            let name = site.name().to_owned();
            let (streams, summary) = site.finish().await.map_err(|e| start(&name, &e))?;
            ledger.streams.extend(streams.streams);
            phones.push(summary);
        }
        self.listen();
        let duration_ms = self.now_us().saturating_sub(self.began_us) / 1000;
        let lateness = lateness::of(&ledger);
        let astray = self.gone_astray();
        let cucm = self.cucm.stop().await;
        let recorder = self.recorder.finish(&self.events).await?;
        let destinations = self.destinations.finish().await;
        let addresses = self.addresses;
        let (mut story, events) = (self.story, self.events);
        story.sort_by_key(|happening| happening.at_ms);
        Ok(Played {
            story,
            events,
            asked: self.asked,
            astray,
            ledger,
            lateness,
            duration_ms,
            recorder,
            destinations,
            addresses,
            cucm,
            phones,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use crate::run::journal::Journal;
    use crate::run::live::Live;
    use crate::run::subject::Left;

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
            let place = Place {
                net,
                clock,
                addresses,
                folder: folder.path(),
                seed: 1,
                share,
                bystander: None,
                journal: &Journal::default(),
            };
            let mut cast = Cast::gather(&UnderTest::Bundled, &scenario, place).await.unwrap();
            let (_, before) = scenario.steps.split_last().unwrap();
            for step in before {
                cast.take(step).await.unwrap();
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
