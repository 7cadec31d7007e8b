//! Whoever is named by a step has a handset in hand: that of a phone, or one outside.

use std::time::Duration;

use phone::outside::Outside;
use phone::{CommandError, Phone, PhoneState, WaitError};

use super::cast::Cast;

/// The handset of a phone, or of a party outside.
#[derive(Clone, Copy)]
pub(super) enum Handset<'a> {
    Phone(&'a Phone),
    Outside(&'a Outside, usize),
}

impl Cast<'_> {
    pub(super) fn handset(&self, who: usize) -> Handset<'_> {
        match self.scenario.site_of(who) {
            Some((site, party)) => Handset::Outside(&self.sites[site], party),
            None => Handset::Phone(&self.phones[who]),
        }
    }

    /// The number under which somebody is called.
    pub(super) fn number(&self, who: usize) -> String {
        self.scenario.everybody().nth(who).map(|who| who.line.clone()).unwrap_or_default()
    }
}

impl Handset<'_> {
    pub(super) async fn dial(self, number: &str) -> Result<(), CommandError> {
        match self {
            Self::Phone(phone) => phone.dial(number).await,
            Self::Outside(site, party) => site.dial(party, number).await,
        }
    }

    pub(super) async fn answer(self) -> Result<(), CommandError> {
        match self {
            Self::Phone(phone) => phone.answer().await,
            Self::Outside(site, party) => site.answer(party).await,
        }
    }

    pub(super) async fn hang_up(self) -> Result<(), CommandError> {
        match self {
            Self::Phone(phone) => phone.hang_up().await,
            Self::Outside(site, party) => site.hang_up(party).await,
        }
    }

    pub(super) async fn hold(self) -> Result<(), CommandError> {
        match self {
            Self::Phone(phone) => phone.hold().await,
            Self::Outside(site, party) => site.hold(party).await,
        }
    }

    pub(super) async fn resume(self) -> Result<(), CommandError> {
        match self {
            Self::Phone(phone) => phone.resume().await,
            Self::Outside(site, party) => site.resume(party).await,
        }
    }

    pub(super) async fn wait_for(self, state: PhoneState, timeout: Duration) -> Result<(), WaitError> {
        match self {
            Self::Phone(phone) => phone.wait_for(state, timeout).await.map(drop),
            Self::Outside(site, party) => site.wait_for(party, state, timeout).await.map(drop),
        }
    }
}
