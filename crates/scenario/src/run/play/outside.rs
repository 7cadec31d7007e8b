//! What happens behind trunks. CUCM says when it has been told.

use cucm::CucmEvent;
use phone::CommandError;

use super::cast::Cast;
use crate::file::Told;
use crate::run::error::SetupError;

impl Cast<'_> {
    pub(super) async fn transfer_outside(
        &mut self,
        line: usize,
        from: usize,
        to: usize,
        told: Told,
    ) -> Result<(), SetupError> {
        let since = self.events.len();
        let (site, party, other) = self.beside(from, to);
        let how = match told {
            Told::ByInvite => phone::outside::Told::ByInvite,
            Told::ByUpdate => phone::outside::Told::ByUpdate,
            Told::NotAtAll => phone::outside::Told::NotAtAll,
        };
        let done = self.sites[site].transfer(party, other, how).await;
        self.done(line, from, "transfer its call", done)?;
        if told == Told::NotAtAll { Ok(()) } else { self.told_by(line, since, from).await }
    }

    pub(super) async fn confer_outside(
        &mut self,
        line: usize,
        by: usize,
        with: &[usize],
        number: Option<&str>,
    ) -> Result<(), SetupError> {
        let since = self.events.len();
        let (site, party, _) = self.beside(by, by);
        let others: Vec<usize> = with.iter().map(|other| self.beside(by, *other).2).collect();
        let done = self.sites[site].confer(party, &others, number).await;
        self.done(line, by, "make a conference", done)?;
        self.told_by(line, since, by).await
    }

    /// CUCM is told where only one remains.
    pub(super) async fn leave_outside(&mut self, line: usize, who: usize) -> Result<(), SetupError> {
        let since = self.events.len();
        let (site, party, _) = self.beside(who, who);
        let done: Result<(), CommandError> = self.sites[site].leave(party).await;
        self.done(line, who, "leave its conference", done)?;
        if self.paper.is_last_but_one(who) { self.told_by(line, since, who).await } else { Ok(()) }
    }

    /// The site of two parties and their numbers there.
    fn beside(&self, one: usize, other: usize) -> (usize, usize, usize) {
        let place = |who| self.scenario.site_of(who).unwrap_or_default();
        let (site, party) = place(one);
        (site, party, place(other).1)
    }

    async fn told_by(&mut self, line: usize, since: usize, who: usize) -> Result<(), SetupError> {
        let trunk = self.device(who);
        let is_it = |event: &CucmEvent| matches!(event, CucmEvent::OutsideChanged { now, .. } if now.device == trunk);
        self.heard(line, since, "CUCM to have been told who talks there", is_it).await
    }
}
