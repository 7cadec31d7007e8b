//! The story of one scenario: everyone boots, the steps happen, everyone goes home.
//!
//! Each step is taken on paper too ([`crate::file::paper`]); what the phones show and what CUCM records must then become what the paper
//! says. Each group of verbs has a file of its own.

mod barge;
mod boot;
mod call;
mod cast;
mod conference;
mod follow;
mod handset;
mod hold;
mod hook;
mod media;
mod nodes;
mod outside;
mod recording;
mod routing;
mod signalling;
mod transfer;
mod words;

use std::path::Path;

use ::media::ledger::{Ledger, Leg};
use cucm::CucmEvent;
use phone::MediaClock;
use recorder::Deed;
use wire::Net;

use super::addresses::Addresses;
use super::bystander::Bystander;
use super::destinations::LeftThere;
use super::error::SetupError;
use super::journal::Journal;
use super::live::Share;
use super::subject::Left;
use crate::file::Scenario;
use crate::outcome::{Finding, Happening, Lateness};
use crate::under_test::UnderTest;
pub(super) use boot::phone_codec;
pub use boot::voice;
use cast::Cast;
pub(super) use follow::{RECORDING_DECIDED, SOON};
pub(super) use words::sender;

/// What the recorder was told to do of its own accord.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    /// When, in microseconds since the start of the run.
    pub(super) at_us: u64,
    pub(super) line: usize,
    pub(super) deed: Deed,
    pub(super) leg: Option<Leg>,
}

impl Asked {
    pub(super) fn is_of(&self, leg: Leg) -> bool {
        self.leg.is_none_or(|only| only == leg)
    }
}

/// What a played scenario left behind.
pub(super) struct Played {
    pub(super) story: Vec<Happening>,
    pub(super) events: Vec<(u64, CucmEvent)>,
    /// In order.
    pub(super) asked: Vec<Asked>,
    /// Recordings that CUCM was to start or to end and did not, though the recorder had no part in it.
    pub(super) astray: Vec<String>,
    pub(super) ledger: Ledger,
    pub(super) lateness: Lateness,
    pub(super) duration_ms: u64,
    pub(super) recorder: Left,
    /// What the recorders beside it left behind.
    pub(super) destinations: Vec<LeftThere>,
    pub(super) addresses: Addresses,
    pub(super) cucm: cucm::Summary,
    pub(super) phones: Vec<phone::Summary>,
}

/// How the playing of a scenario ended.
pub(super) enum End {
    /// With its last step.
    Whole(Box<Played>),
    /// At a step that nobody could take any more, since the recorder had failed: what was to go on was not there.
    Spoilt(Spoilt),
}

/// A scenario that a recorder's fault ended.
pub(super) struct Spoilt {
    /// What the recorder did wrong.
    pub(super) findings: Vec<Finding>,
    /// The step that could not be taken, and why.
    pub(super) stopped: SetupError,
    pub(super) story: Vec<Happening>,
    pub(super) duration_ms: u64,
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
    /// Notes the steps as they are taken.
    pub(super) journal: &'a Journal,
}

/// Plays `scenario` against the recorder under test.
pub(super) async fn play(under_test: &UnderTest, scenario: &Scenario, place: Place<'_>) -> Result<End, SetupError> {
    let (bystander, journal) = (place.bystander, place.journal);
    let mut cast = Cast::gather(under_test, scenario, place).await?;
    let busy = bystander.map(|bystander| bystander.start(&cast.net));
    for step in &scenario.steps {
        journal.step(scenario, step, cast.net.clock());
        if let Err(stopped) = cast.take(step).await {
            return cast.stopped(stopped).await.map(End::Spoilt);
        }
        journal.done(cast.now_us());
    }
    drop(busy);
    Ok(End::Whole(Box::new(cast.go_home().await?)))
}

/// How many addresses may have to be tried for a recording; each may cost the time until CUCM gives it up.
pub(super) fn ways(scenario: &Scenario) -> u32 {
    let ways = scenario.route_list.trunks.iter().map(Vec::len).sum::<usize>();
    u32::try_from(ways).unwrap_or(u32::MAX).max(1)
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
