//! Runs scenarios: each on a network of its own, against a recorder of its own.

mod addresses;
mod bystander;
mod desk;
mod destinations;
mod error;
pub(crate) mod gather;
mod ground;
mod hearing;
mod journal;
mod judge;
mod lateness;
mod live;
mod outside;
mod ping;
mod play;
mod stage;
mod subject;
mod tries;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

pub use bystander::Bystander;
pub use error::SetupError;
pub use live::Live;
pub use ping::{Pinged, ping};
pub use play::voice;
pub use tries::{Stop, Tries};

use crate::file::{Scenario, Step};
use crate::kept::{self, KeptLedger, Session};
use crate::outcome::{Lateness, RunOutcome, SCHEMA, ScenarioOutcome, Verdict};
use crate::under_test::{self, UnderTest};
use addresses::Addresses;
use gather::Scene;
use ground::{Ground, Job, RealTime, capture, named};
use journal::Journal;
use play::{End, Spoilt};
use subject::Left;
use tries::{Gate, Tried};
use wire::{Clock, Tap};

/// Which network carries a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// Loopback sockets in real time.
    Os,
    /// In memory, in virtual time.
    Simulated,
}

impl Network {
    /// `os` or `simulated`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Os => "os",
            Self::Simulated => "simulated",
        }
    }
}

/// How to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which network.
    pub network: Network,
    /// Seed of what the network does and, in virtual time, of everything random but the certificates' keys.
    pub seed: u64,
    /// How many scenarios at once.
    pub jobs: usize,
    /// Where to write a pcapng for each scenario.
    pub pcapng: Option<PathBuf>,
    /// Where to keep what the recorder wrote, and the ledger it is judged against; otherwise both are gone.
    pub keep: Option<PathBuf>,
    /// The recorder under test.
    pub under_test: UnderTest,
    /// Somebody else on the network of each scenario.
    pub bystander: Option<Bystander>,
    /// Whether to collect what a report draws of each scenario.
    pub evidence: bool,
    /// How often and how long scenarios are tried, and what ends the run early.
    pub tries: Tries,
}

impl Default for Options {
    /// The bundled recorder in real time, one scenario after the other, with nothing kept.
    fn default() -> Self {
        Self {
            network: Network::Os,
            seed: 1,
            jobs: 1,
            pcapng: None,
            keep: None,
            under_test: UnderTest::default(),
            bystander: None,
            evidence: false,
            tries: Tries::default(),
        }
    }
}

/// A scenario and how it is called in reports.
#[derive(Clone, Debug)]
pub struct Item {
    /// The file, as named.
    pub file: String,
    /// What it says.
    pub scenario: Scenario,
}

/// Runs every item; `done` hears of each as it ends, `live` shows what goes on meanwhile. The outcomes are in the order of the items.
///
/// # Errors
/// [`SetupError`] where the run itself could not begin; what goes wrong in a scenario is in its outcome.
pub fn run(
    items: Vec<Item>,
    options: &Options,
    live: &Arc<Live>,
    done: impl Fn(&ScenarioOutcome) + Send + Sync,
) -> Result<RunOutcome, SetupError> {
    if let (UnderTest::External(profile), Network::Simulated) = (&options.under_test, options.network) {
        return Err(SetupError::Refused(format!(
            "recorder `{}` cannot be run on the simulated network: its process lives in real time, where virtual time \
             would give false time-outs; use `--network os`",
            profile.name
        )));
    }
    let jobs = named(items.into_iter().map(|item| fitted(item, &options.under_test)).collect());
    let scenarios = match options.network {
        Network::Os => run_os(jobs, options, live, &done)?,
        Network::Simulated => run_simulated(&jobs, options, live, &done)?,
    };
    let (schema, network, recorder) =
        (SCHEMA.to_owned(), options.network.name().to_owned(), options.under_test.name().to_owned());
    Ok(RunOutcome { schema, network, seed: options.seed, recorder, scenarios })
}

/// A scenario as it is run with a recorder.
fn fitted(item: Item, under_test: &UnderTest) -> Item {
    match under_test {
        UnderTest::Bundled => item,
        UnderTest::External(profile) => {
            Item { scenario: under_test::fitted(profile, &item.file, item.scenario), file: item.file }
        }
    }
}

fn run_os(
    jobs: Vec<Job>,
    options: &Options,
    live: &Arc<Live>,
    done: &(impl Fn(&ScenarioOutcome) + Sync),
) -> Result<Vec<ScenarioOutcome>, SetupError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| SetupError::Start { who: "the runtime".to_owned(), why: e.to_string() })?;
    runtime.block_on(async {
        let real = Arc::new(RealTime::start(live)?);
        let turns = Arc::new(tokio::sync::Semaphore::new(at_once(options)));
        let gate = Arc::new(Gate::new(options.tries.clone()));
        let mut running = tokio::task::JoinSet::new();
        let mut outcomes = BTreeMap::new();
        let mut take = |ended: Result<(usize, ScenarioOutcome), tokio::task::JoinError>| {
            let (index, outcome) = ended.unwrap_or_else(|e| std::panic::resume_unwind(e.into_panic()));
            done(&outcome);
            outcomes.insert(index, outcome);
        };
        for (index, job) in jobs.into_iter().enumerate() {
            // In their order: tasks that wait for a turn have theirs in any.
            let turn = loop {
                tokio::select! {
                    biased;
                    Some(ended) = running.join_next() => take(ended),
                    turn = Arc::clone(&turns).acquire_owned() => break turn,
                }
            };
            let (gate, options) = (Arc::clone(&gate), options.clone());
            let (live, real) = (Arc::clone(live), Arc::clone(&real));
            running.spawn(async move {
                let _turn = turn;
                let outcome = match gate.closed() {
                    Some(why) => not_run(&job.item, Verdict::NotRun, why),
                    None => tried(&job, &options, &live, &real).await,
                };
                gate.ended(&outcome);
                (index, outcome)
            });
        }
        while let Some(ended) = running.join_next().await {
            take(ended);
        }
        Ok(outcomes.into_values().collect())
    })
}

fn run_simulated(
    jobs: &[Job],
    options: &Options,
    live: &Arc<Live>,
    done: &(impl Fn(&ScenarioOutcome) + Sync),
) -> Result<Vec<ScenarioOutcome>, SetupError> {
    let next = AtomicUsize::new(0);
    let gate = Gate::new(options.tries.clone());
    let outcomes = Mutex::new(BTreeMap::new());
    let work = || -> Result<(), SetupError> {
        loop {
            let index = next.fetch_add(1, Relaxed);
            let Some(job) = jobs.get(index) else { return Ok(()) };
            let outcome = match gate.closed() {
                Some(why) => not_run(&job.item, Verdict::NotRun, why),
                None => tried_simulated(job, options, live)?,
            };
            gate.ended(&outcome);
            done(&outcome);
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).insert(index, outcome);
        }
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..options.jobs.clamp(1, jobs.len().max(1))).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect())
}

/// Runs one scenario, again where it fails and may be tried again.
async fn tried(job: &Job, options: &Options, live: &Live, real: &RealTime) -> ScenarioOutcome {
    let mut tried = Tried::default();
    loop {
        let outcome = one(&job.again(tried.next()), options, live, Some(real)).await;
        if let Some(outcome) = tried.ended(outcome, &options.tries) {
            return outcome;
        }
    }
}

/// The same in virtual time; each try has a runtime of its own, so that nothing is left of the one before.
fn tried_simulated(job: &Job, options: &Options, live: &Live) -> Result<ScenarioOutcome, SetupError> {
    let mut tried = Tried::default();
    loop {
        let runtime = wire::simulation_runtime()
            .map_err(|e| SetupError::Start { who: "the runtime".to_owned(), why: e.to_string() })?;
        let mut outcome = runtime.block_on(one(&job.again(tried.next()), options, live, None));
        let is_over = !matches!(outcome.verdict, Verdict::SetupError | Verdict::NotRun);
        if let Some(left) = runtime.block_on(tasks_left()).filter(|_| is_over) {
            outcome.undecide(left);
        }
        if let Some(outcome) = tried.ended(outcome, &options.tries) {
            return Ok(outcome);
        }
    }
}

/// What still runs when everybody has gone home and every timer of RFC 3261 has passed: a leak of ours, since the bundled recorder is
/// the only one on the simulated network.
async fn tasks_left() -> Option<String> {
    tokio::time::sleep(play::RECORDING_DECIDED).await;
    let left = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    (left > 0).then(|| format!("{left} tasks still run after the end"))
}

/// Runs one scenario to its outcome; whatever could not be set up is in it.
async fn one(job: &Job, options: &Options, live: &Live, real: Option<&RealTime>) -> ScenarioOutcome {
    let item = &job.item;
    if let UnderTest::External(profile) = &options.under_test
        && let Some(why) = under_test::reason_to_skip(profile, &item.scenario)
    {
        return not_run(item, Verdict::Skipped, why);
    }
    if let (UnderTest::Bundled, Some(why)) = (&options.under_test, under_test::reason_to_skip_bundled(&item.scenario)) {
        return not_run(item, Verdict::Skipped, why);
    }
    if item.scenario.only_simulated && options.network == Network::Os {
        let why = "it is for the simulated network only: in real time it lasts too long".to_owned();
        return not_run(item, Verdict::Skipped, why);
    }
    tokio::select! {
        biased;
        () = options.tries.stop.asked() => {
            not_run(item, Verdict::NotRun, "broken off when the run was ended".to_owned())
        }
        ended = attempt(job, options, live, real) => {
            ended.unwrap_or_else(|error| not_run(item, Verdict::SetupError, error.to_string()))
        }
    }
}

/// The outcome of a scenario in which nothing happened.
pub(crate) fn not_run(item: &Item, verdict: Verdict, reason: String) -> ScenarioOutcome {
    ScenarioOutcome {
        file: item.file.clone(),
        title: item.scenario.title.clone(),
        verdict,
        reason: Some(reason),
        findings: Vec::new(),
        not_checked: Vec::new(),
        story: Vec::new(),
        channels: Vec::new(),
        frames_compared: 0,
        lateness: Lateness::default(),
        duration_ms: 0,
        earlier: Vec::new(),
        evidence: None,
    }
}

/// The outcome of a scenario that could not be played to its end since the recorder had failed.
fn spoilt_outcome(item: &Item, spoilt: Spoilt) -> ScenarioOutcome {
    let Spoilt { findings, stopped, story, duration_ms } = spoilt;
    let reason = format!("after that no further step could be taken: {stopped}; what had been recorded was not judged");
    ScenarioOutcome { findings, story, duration_ms, ..not_run(item, Verdict::Finding, reason) }
}

async fn attempt(
    job: &Job,
    options: &Options,
    live: &Live,
    real: Option<&RealTime>,
) -> Result<ScenarioOutcome, SetupError> {
    let item = &job.item;
    let tap = capture(options, &job.name)?;
    let ground = Ground::of(job, options, &tap, live, real)?;
    let slot = ground.slot.as_ref();
    let addresses = slot.map_or_else(Addresses::simulated, |slot| moved(&options.under_test, slot.addresses()));
    let journal = Journal::of(&item.file, &tap);
    let watch = Watch { tap, journal, clock: ground.net.clock().clone(), addresses };
    let mut outcome = played(job, options, live, (&ground, real), &watch)
        .await
        .unwrap_or_else(|error| not_run(item, Verdict::SetupError, error.to_string()));
    live.proved(outcome.frames_compared);
    if options.evidence && outcome.evidence.is_none() {
        outcome.evidence = Some(Box::new(watch.scene(item, options).ladder()));
    }
    Ok(outcome)
}

/// What is noted of a scenario while it is played.
struct Watch {
    tap: Tap,
    journal: Journal,
    clock: Clock,
    addresses: Addresses,
}

impl Watch {
    fn scene<'a>(&'a self, item: &'a Item, options: &'a Options) -> Scene<'a> {
        let Self { tap, journal, clock, addresses } = self;
        let packets = tap.packets();
        Scene { file: &item.file, scenario: &item.scenario, options, addresses: *addresses, clock, journal, packets }
    }
}

async fn played(
    job: &Job,
    options: &Options,
    live: &Live,
    (ground, real): (&Ground<'_>, Option<&RealTime>),
    watch: &Watch,
) -> Result<ScenarioOutcome, SetupError> {
    let Job { item, name, .. } = job;
    let Watch { tap, journal, addresses, .. } = watch;
    let (net, clock, seed) = (ground.net.clone(), ground.clock.clone(), ground.seed);
    let temporary;
    let folder: &Path = match &options.keep {
        Some(keep) => &unused(keep.join(name))?,
        None => {
            temporary = tempfile::tempdir()
                .map_err(|e| SetupError::File { what: "cannot make a folder".to_owned(), why: e.to_string() })?;
            temporary.path()
        }
    };
    create(folder)?;
    let needed = longest(&item.scenario) + patience(&options.under_test);
    let limit = options.tries.limit.map_or(needed, |limit| limit.min(needed));
    let share = live::Share::of(live);
    let began = net.clock().wall_at(net.clock().epoch());
    let bystander = options.bystander.as_ref();
    let place = play::Place { net, clock, addresses: *addresses, folder, seed, share, bystander, journal };
    let played = play::play(&options.under_test, &item.scenario, place);
    let late = |_| match options.tries.limit {
        Some(limit) if limit < needed => SetupError::Limit { limit, stuck: journal.last(&item.scenario) },
        _ => SetupError::TimeOut(needed),
    };
    let played = match tokio::time::timeout(limit, played).await.map_err(late)?? {
        End::Whole(played) => *played,
        End::Spoilt(spoilt) => return Ok(spoilt_outcome(item, spoilt)),
    };
    tap.finish().map_err(|e| SetupError::File { what: "the capture is incomplete".to_owned(), why: e.to_string() })?;
    let judged = || judged(job, options, watch, (folder, began), played);
    match real {
        Some(real) => real.desk.run(judged).await,
        // In virtual time nothing runs on meanwhile.
        None => judged(),
    }
}

/// Keeps and judges what was played, and draws it where that is asked for.
fn judged(
    Job { item, .. }: &Job,
    options: &Options,
    watch: &Watch,
    (folder, began): (&Path, SystemTime),
    mut played: play::Played,
) -> Result<ScenarioOutcome, SetupError> {
    let hampered = kept::Hampered::of(&item.scenario);
    let in_run = |session: Session| Session { hampered: hampered.clone(), ..session.in_run(began) };
    let sessions: Vec<Session> = Session::of_events(&played.events).into_iter().map(in_run).collect();
    if options.keep.is_some() {
        keep(folder, item, options, &played, &sessions)?;
    }
    let stored = match &mut played.recorder {
        Left::Bundled(_) => kept::read(folder, &sessions),
        Left::External(gathered) => {
            let mut stored = std::mem::take(&mut gathered.stored);
            // The destinations beside it are bundled recorders.
            for destination in &item.scenario.destinations {
                stored.extend(kept::read(&folder.join(&destination.name), &sessions));
            }
            stored
        }
    };
    let draft = options.evidence.then(|| watch.scene(item, options).draft());
    let more = (draft, &*watch.journal.lines());
    Ok(judge::judge(&item.file, &item.scenario, played, options.network, (&sessions, folder), stored, more))
}

/// How many scenarios at once.
fn at_once(options: &Options) -> usize {
    let wanted = options.jobs.clamp(1, addresses::AT_ONCE);
    match &options.under_test {
        UnderTest::Bundled => wanted,
        UnderTest::External(profile) => profile.jobs(wanted),
    }
}

fn moved(under_test: &UnderTest, addresses: Addresses) -> Addresses {
    match under_test {
        UnderTest::Bundled => addresses,
        UnderTest::External(profile) => addresses.moved(profile.cucm_address, profile.address),
    }
}

fn patience(under_test: &UnderTest) -> Duration {
    match under_test {
        UnderTest::Bundled => Duration::ZERO,
        UnderTest::External(profile) => profile.patience(),
    }
}

/// A folder that holds no earlier run: its recordings would be taken for those of this one.
fn unused(folder: PathBuf) -> Result<PathBuf, SetupError> {
    if folder.join(kept::FILE_NAME).exists() {
        let why = "it holds the recordings of an earlier run; name another folder or remove it";
        return Err(SetupError::File { what: format!("cannot keep in {}", folder.display()), why: why.to_owned() });
    }
    Ok(folder)
}

/// Writes the ledger beside the recordings, so that they can be judged again.
fn keep(
    folder: &Path,
    item: &Item,
    options: &Options,
    played: &play::Played,
    sessions: &[Session],
) -> Result<(), SetupError> {
    let kept = KeptLedger {
        file: item.file.clone(),
        title: item.scenario.title.clone(),
        network: options.network.name().to_owned(),
        seed: options.seed,
        recorder: options.under_test.name().to_owned(),
        expected_recordings: judge::expected_recordings(&item.scenario),
        lateness: played.lateness,
        sessions: sessions.to_vec(),
        ledger: played.ledger.clone(),
    };
    let path = folder.join(kept::FILE_NAME);
    let text = kept.to_json().map_err(|e| e.to_string());
    text.and_then(|text| std::fs::write(&path, text).map_err(|e| e.to_string()))
        .map_err(|why| SetupError::File { what: format!("cannot write {}", path.display()), why })
}

fn create(folder: &Path) -> Result<(), SetupError> {
    std::fs::create_dir_all(folder)
        .map_err(|e| SetupError::File { what: format!("cannot create {}", folder.display()), why: e.to_string() })
}

/// Everything that lasts by itself, what CUCM may take to give up on a recorder in each step, and two minutes for everything else.
fn longest(scenario: &Scenario) -> Duration {
    let step = |step: &Step| step.action.lasts() + play::RECORDING_DECIDED + play::SOON;
    Duration::from_secs(120) * play::ways(scenario) + scenario.steps.iter().map(step).sum::<Duration>()
}
