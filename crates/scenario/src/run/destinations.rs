//! The bundled recorders beside the one under test.

use std::path::Path;
use std::time::Duration;

use recorder::{Recorder, Seed, Summary};
use wire::Net;

use super::addresses::Addresses;
use super::error::SetupError;
use super::play::start;
use super::stage::{self, Certificates};
use crate::file::{Does, Scenario};

/// All destinations of a scenario.
pub(super) struct Destinations {
    net: Net,
    seed: u64,
    all: Vec<Destination>,
}

struct Destination {
    name: String,
    /// `None`: nothing listens there.
    config: Option<recorder::Config>,
    running: Option<Recorder>,
    /// Of the times before.
    left: Vec<Summary>,
}

/// What a destination left behind, each time it went.
pub(super) struct LeftThere {
    pub(super) name: String,
    pub(super) summaries: Vec<Summary>,
}

impl Destinations {
    /// Starts all that are to be there. Each writes into a folder of its own name.
    pub(super) async fn start(
        scenario: &Scenario,
        certificates: &Certificates,
        (net, addresses): (&Net, Addresses),
        folder: &Path,
        seed: u64,
    ) -> Result<Self, SetupError> {
        let all = scenario.destinations.iter().enumerate().map(|(index, destination)| Destination {
            name: destination.name.clone(),
            config: (destination.does != Does::NothingListens)
                .then(|| stage::destination(scenario, index, certificates, addresses, &folder.join(&destination.name))),
            running: None,
            left: Vec::new(),
        });
        let mut destinations = Self { net: net.clone(), seed, all: all.collect() };
        for index in 0..destinations.all.len() {
            destinations.come(index).await?;
        }
        Ok(destinations)
    }

    /// A destination is there from now on.
    pub(super) async fn come(&mut self, index: usize) -> Result<(), SetupError> {
        let seed = Seed::Replay(self.seed ^ (index as u64 + 201));
        let Some(one) = self.all.get_mut(index).filter(|one| one.running.is_none()) else { return Ok(()) };
        if let Some(mut config) = one.config.clone() {
            // It remembers nothing of the times before: what it calls one call then is the judge's matter no more.
            if !one.left.is_empty() {
                config.folder = config.folder.join(format!("again-{}", one.left.len()));
            }
            let started = recorder::start(self.net.clone(), config, seed).await;
            one.running = Some(started.map_err(|e| start(&format!("destination `{}`", one.name), &e))?);
        }
        Ok(())
    }

    /// A destination goes, in the middle of whatever it does: nothing listens there any more.
    pub(super) async fn go(&mut self, index: usize) {
        let before = self.all.get(index).map_or(0, |one| one.left.len());
        self.stop(index).await;
        // Nobody answers its BYEs in time, and it cannot be asked for that.
        let left = self.all.get_mut(index).into_iter().flat_map(|one| one.left.iter_mut().skip(before));
        left.for_each(|summary| summary.dialogs_open = 0);
    }

    async fn stop(&mut self, index: usize) {
        let Some(one) = self.all.get_mut(index) else { return };
        if let Some(recorder) = one.running.take() {
            one.left.push(recorder.stop().await);
        }
    }

    /// Waits until nobody has anything open; at most `within`.
    pub(super) async fn quiet(&self, within: Duration) {
        let wait = async {
            for recorder in self.all.iter().filter_map(|one| one.running.as_ref()) {
                let mut status = recorder.watch();
                // One that keeps a dialog is found by its summary.
                let _ = status.wait_for(|now| now.dialogs + now.legs + now.recordings == 0).await;
            }
        };
        let _ = tokio::time::timeout(within, wait).await;
    }

    /// Ends them and takes what they left behind.
    pub(super) async fn finish(mut self) -> Vec<LeftThere> {
        for index in 0..self.all.len() {
            self.stop(index).await;
        }
        self.all.into_iter().map(|one| LeftThere { name: one.name, summaries: one.left }).collect()
    }
}
